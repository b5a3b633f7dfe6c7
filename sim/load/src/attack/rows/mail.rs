//! Messages for those who are away, and for those who read.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::crowd::{address, barrage, every};
use crate::attack::PATIENCE;
use crate::attack::client::Client;
use crate::attack::field::{Attack, INNOCENT};

/// A reader that does not get its turn for so long does not read 8 MB a second.
const HELD_UP: Duration = Duration::from_millis(100);

/// How many times a line names its receiver.
const TIMES: usize = 16;

/// The number of the address of somebody who hears which mailboxes expire.
const FILLER: usize = 5;

/// Lines that one connection may say at once, but for its login.
const BURST: usize = 190;

/// Many who are away are in one room, and a line names that room many times.
pub(super) fn rooms(field: &Attack<'_>) -> Result<()> {
    away(field, ("away", "#m"), field.size(200, 2_000))?;
    field.ready();
    let burst = |_| for_room("#m");
    barrage(field, ("m", 7), |_| field.guilty, burst, || Ok(()))
}

/// The mailboxes of many who are away are full, and expire at once.
pub(super) fn expiry(field: &Attack<'_>) -> Result<()> {
    // What the others say does not fill the part of a mailbox that is for mail from this address.
    let mut filler = field.plain(address(FILLER))?;
    filler.log_in("filler", None, PATIENCE)?;
    away(field, ("gone", "#gone"), field.size(200, 2_000))?;
    let line = format!("#gone: {}\r\n", "x".repeat(350));
    filler.line(&format!(
        "/join #gone\r\n{line}/leave #gone\r\nfiller: that was all"
    ));
    filler.until(&["from filler: that was all"], PATIENCE)?;
    let mut is_ready = false;
    let bounces = every(Duration::from_millis(20), || {
        while let Some(line) = filler.hear(Duration::ZERO) {
            if line.starts_with("* undelivered gone") {
                field.count("mailboxes that came back", 1);
                if !is_ready {
                    is_ready = true;
                    field.ready();
                }
            }
        }
        Ok(())
    });
    // One address may fill only a part of a mailbox.
    let from = |number: usize| match number % 3 {
        0 => field.guilty,
        other => address(other),
    };
    barrage(field, ("g", 7), from, |_| for_room("#gone"), bounces)
}

/// As many lines as one may say at once, each of which names the same room many times.
fn for_room(room: &str) -> String {
    let to = [room; TIMES].join(",");
    let line = format!("PRIVMSG {to} :{}\r\n", "x".repeat(350));
    format!("JOIN {room}\r\n{}", line.repeat(BURST))
}

/// Lets so many log in with a secret, enter a room, and drop their connections.
fn away(field: &Attack<'_>, (name, room): (&str, &str), count: usize) -> Result<()> {
    let mut under_way: Vec<Client> = Vec::new();
    for index in 0..count {
        let mut client = field.plain(field.guilty)?;
        client.line(&format!("{name}{index} secret-of-many\r\n/join {room}"));
        under_way.push(client);
        if under_way.len() < 100 && index + 1 < count {
            continue;
        }
        for mut client in under_way.drain(..) {
            if field.goes_on() {
                client.until(&["* joined #", "* error", "* bye"], PATIENCE)?;
            }
        }
    }
    Ok(())
}

/// Somebody who reads 8 MB a second is told more.
pub(super) fn tags(field: &Attack<'_>) -> Result<()> {
    let mut victim = field.irc(INNOCENT)?;
    victim.line("CAP REQ :message-tags\r\nCAP END");
    victim.log_in("tagged", None, PATIENCE)?;
    field.ready();
    let to = ["tagged"; TIMES].join(",");
    let line = format!("@+x={} TAGMSG {to}\r\n", "y".repeat(4000));
    let burst = |_| {
        let caps = "CAP REQ :message-tags\r\nCAP END\r\n";
        format!("{caps}{}", line.repeat(BURST))
    };
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut is_held_up = false;
            while field.is_talked() {
                let start = Instant::now();
                victim.sip(80_000);
                thread::sleep(Duration::from_millis(10));
                is_held_up |= start.elapsed() > HELD_UP;
            }
            if victim.is_dead() && !is_held_up {
                field.complain("somebody who reads 8 MB a second is thrown off".to_owned());
            }
        });
        barrage(field, ("t", 10), |_| field.guilty, burst, || Ok(()))?;
        reader.join().expect("a reader does not panic");
        Ok(())
    })
}

/// Strangers fill the mailbox of somebody who is away, and a friend has something to say.
pub(super) fn mailbox(field: &Attack<'_>) -> Result<()> {
    let mut friend = field.plain(INNOCENT)?;
    friend.log_in("friend", Some("secret-of-friend"), PATIENCE)?;
    let mut victim = field.plain(INNOCENT)?;
    victim.log_in("victim", Some("secret-of-victim"), PATIENCE)?;
    victim.leave(PATIENCE);
    let mut ask = || {
        friend.line("victim: are you there?");
        friend.until(&["* kept", "* error", "* undelivered"], PATIENCE)
    };
    ensure!(ask()?.starts_with("* kept"), "the victim is not away");
    field.ready();
    let burst = |_| "PRIVMSG victim :you read this first\r\n".repeat(BURST);
    let asks = every(Duration::from_millis(250), || {
        if field.is_talked() {
            let answer = ask()?;
            if !answer.starts_with("* kept") {
                field.complain(format!("a friend is told {answer:?}"));
            }
            field.count("messages of a friend", 1);
        }
        Ok(())
    });
    let connections = field.size(20, 110);
    barrage(field, ("b", connections), |_| field.guilty, burst, asks)
}
