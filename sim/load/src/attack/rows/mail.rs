//! Messages for those who are away, and for those who read.

use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::crowd::{barrage, every};
use crate::attack::PATIENCE;
use crate::attack::client::Client;
use crate::attack::field::{Field, GUILTY, INNOCENT};

/// How many times a line names its receiver.
const TIMES: usize = 16;

/// Lines that one connection may say at once, but for its login.
const BURST: usize = 190;

/// Many who are away are in one room, and a line names that room many times.
pub(super) fn rooms(field: &Field) -> Result<()> {
    away(field, field.size(200, 2_000))?;
    field.ready();
    let to = ["#m"; TIMES].join(",");
    let text = "x".repeat(350);
    let line = format!("PRIVMSG {to} :{text}\r\n");
    let burst = |_| format!("JOIN #m\r\n{}", line.repeat(BURST));
    barrage(field, 7, |_| GUILTY, burst, || Ok(()))
}

/// Lets so many log in with a secret, enter a room, and drop their connections.
fn away(field: &Field, count: usize) -> Result<()> {
    let mut under_way: Vec<Client> = Vec::new();
    for index in 0..count {
        let mut client = field.plain(GUILTY)?;
        client.line(&format!("away{index} secret-of-many\r\n/join #m"));
        under_way.push(client);
        if under_way.len() < 100 && index + 1 < count {
            continue;
        }
        for mut client in under_way.drain(..) {
            if field.goes_on() {
                client.until(&["* joined #m", "* error", "* bye"], PATIENCE)?;
            }
        }
    }
    Ok(())
}

/// Somebody who reads 8 MB a second is told more.
pub(super) fn tags(field: &Field) -> Result<()> {
    let mut victim = field.irc(INNOCENT)?;
    victim.line("CAP REQ :message-tags\r\nCAP END");
    victim.log_in("victim", None, PATIENCE)?;
    field.ready();
    let to = ["victim"; TIMES].join(",");
    let line = format!("@+x={} TAGMSG {to}\r\n", "y".repeat(4000));
    let burst = |_| {
        let caps = "CAP REQ :message-tags\r\nCAP END\r\n";
        format!("{caps}{}", line.repeat(BURST))
    };
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while field.is_talked() {
                victim.sip(80_000);
                thread::sleep(Duration::from_millis(10));
            }
            if victim.is_dead() {
                field.complain("somebody who reads 8 MB a second is thrown off".to_owned());
            }
        });
        barrage(field, 10, |_| GUILTY, burst, || Ok(()))?;
        reader.join().expect("a reader does not panic");
        Ok(())
    })
}

/// Strangers fill the mailbox of somebody who is away, and a friend has something to say.
pub(super) fn mailbox(field: &Field) -> Result<()> {
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
    barrage(field, field.size(20, 110), |_| GUILTY, burst, asks)
}
