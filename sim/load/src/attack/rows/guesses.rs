//! Secrets, passwords and keys that are guessed, or only seem to be.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, ensure};

use super::crowd::{address, barrage, every};
use crate::attack::PATIENCE;
use crate::attack::client::command;
use crate::attack::field::{Field, GUILTY, INNOCENT};
use crate::attack::host::OPERATOR;

/// Where the owner of something is that others want.
const OWNER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Guesses on one connection: no more rooms may be entered.
const GUESSES: usize = 90;

/// The key of a channel is one of a few thousand, and they are tried one after the other.
pub(super) fn keys(field: &Field) -> Result<()> {
    let key = field.size(1_000, 100_000);
    let mut owner = field.irc(OWNER)?;
    owner.log_in("owner", None, PATIENCE)?;
    owner.line(&format!("JOIN #vault\r\nMODE #vault +k key{key}"));
    owner.until(&[" MODE #vault "], PATIENCE)?;
    field.ready();
    let mut guess = 0;
    while field.goes_on() {
        let Ok(mut client) = field.irc(GUILTY) else {
            continue;
        };
        let guesses = guess..guess + GUESSES;
        let joins = guesses.map(|key| format!("JOIN #vault key{key}\r\n"));
        let joins: String = joins.collect();
        let login = format!("NICK guesser{guess}\r\nUSER u 0 * :r\r\n");
        client.line(&format!("{login}{joins}PING :ready"));
        let mut answered = 0;
        while let Some(line) = client.hear(Duration::from_secs(5)) {
            match command(&line) {
                "475" => answered += 1,
                "JOIN" => {
                    let found = format!("the key of a channel is found after {guess} guesses");
                    field.complain(found);
                }
                "PONG" | "ERROR" => break,
                _ => {}
            }
        }
        field.count("guesses", answered);
        guess += GUESSES;
        owner.swallow();
    }
    Ok(())
}

/// Names are taken with a secret and given up; then others log in with these names, at an address
/// that the owner of another name shares.
pub(super) fn former(field: &Field) -> Result<()> {
    let mut takers = Vec::new();
    let names = 35;
    for name in 0..names {
        let mut client = field.irc(OWNER)?;
        client.log_in(&format!("likely{name}"), Some("secret-of-taker"), PATIENCE)?;
        client.line(&format!("NICK taker{name}"));
        client.until(&["NICK"], PATIENCE)?;
        takers.push(client);
    }
    let mut owner = field.irc(INNOCENT)?;
    owner.log_in("theowner", Some("secret-of-owner"), PATIENCE)?;
    owner.leave(PATIENCE);
    field.ready();
    for name in 0..names {
        let mut client = field.plain(GUILTY)?;
        // Whether the name is to be had is another question.
        let _ = client.log_in(&format!("likely{name}"), Some("secret-of-mine"), PATIENCE);
    }
    owner_returns(field, "theowner", "secret-of-owner")
}

/// Whoever has the right secret is let in, also where others have given wrong ones.
fn owner_returns(field: &Field, name: &str, secret: &str) -> Result<()> {
    for is_irc in [true, false] {
        let mut client = if is_irc {
            field.irc(GUILTY)?
        } else {
            field.plain(GUILTY)?
        };
        if let Err(error) = client.log_in(name, Some(secret), PATIENCE) {
            field.complain(format!("the right secret is refused: {error:#}"));
        }
    }
    Ok(())
}

/// An operator's password is guessed from many addresses.
pub(super) fn oper(field: &Field) -> Result<()> {
    field.ready();
    let addresses = field.size(50, 250);
    let burst = |number: usize| {
        let user = if number.is_multiple_of(2) {
            "root"
        } else {
            "nobody"
        };
        format!("OPER {user} wrong-password\r\n").repeat(10)
    };
    let right = every(Duration::from_millis(500), || {
        if !field.is_talked() {
            return Ok(());
        }
        let mut client = field.irc(INNOCENT)?;
        client.log_in("theroot", None, PATIENCE)?;
        client.line(&format!("OPER root {OPERATOR}"));
        let answer = client.until(&[" 381 ", " 464 ", "ERROR"], PATIENCE)?;
        if !answer.contains(" 381 ") && field.is_talked() {
            field.complain(format!("the operator is told {answer:?}"));
        }
        field.count("operators", 1);
        Ok(())
    });
    let from = |number: usize| address(number % addresses);
    barrage(field, addresses.min(50), from, burst, right)
}

/// Wrong secrets come from an address that others share.
pub(super) fn shared(field: &Field) -> Result<()> {
    let mut owner = field.irc(INNOCENT)?;
    owner.log_in("theowner", Some("secret-of-owner"), PATIENCE)?;
    owner.leave(PATIENCE);
    field.ready();
    let mut guessers = Vec::new();
    for _ in 0..field.size(30, 100) {
        let mut client = field.plain(GUILTY)?;
        client.line("theowner a-wrong-secret");
        guessers.push(client);
    }
    // The answers to many may be late; that to the right one is, too.
    for client in &mut guessers {
        let answer = client.until(&["* error ", "* back ", "* bye "], PATIENCE)?;
        ensure!(
            !answer.starts_with("* back "),
            "a wrong secret is right: {answer}"
        );
    }
    owner_returns(field, "theowner", "secret-of-owner")
}

/// One login with a secret after another, each with a name that stays.
pub(super) fn logins(field: &Field) -> Result<()> {
    let names = field.size(1_000, 20_000);
    for index in 0..names {
        if !field.goes_on() {
            break;
        }
        let Ok(mut client) = field.plain(GUILTY) else {
            continue;
        };
        let login = client.log_in(&format!("one{index}"), Some("secret-of-many"), PATIENCE);
        field.count("logins", u64::from(login.is_ok()));
    }
    field.ready();
    while field.goes_on() {
        field.sleep(Duration::from_millis(50));
    }
    Ok(())
}
