//! Secrets, passwords and keys that are guessed, or only seem to be.

use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::crowd::{address, barrage, every};
use crate::attack::PATIENCE;
use crate::attack::client::command;
use crate::attack::field::{Attack, INNOCENT};
use crate::attack::host::OPERATOR;

/// Where the owner of something is that others want.
const OWNER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

/// Guesses on one connection: no more rooms may be entered.
const GUESSES: usize = 90;

/// Connections that guess a key at once.
const GUESSERS: usize = 8;

/// The key of a channel is one of a few thousand, and they are tried one after the other.
pub(super) fn keys(field: &Attack<'_>) -> Result<()> {
    let key = field.size(1_000, 100_000);
    let mut owner = field.irc(OWNER)?;
    owner.log_in("keyowner", None, PATIENCE)?;
    owner.line(&format!("JOIN #vault\r\nMODE #vault +k key{key}"));
    owner.until(&[" MODE #vault "], PATIENCE)?;
    field.ready();
    thread::scope(|scope| {
        for guesser in 0..GUESSERS {
            scope.spawn(move || guess(field, guesser));
        }
        while field.goes_on() {
            owner.swallow();
            thread::sleep(Duration::from_millis(10));
        }
    });
    Ok(())
}

/// Tries one key after another, anew on each connection.
fn guess(field: &Attack<'_>, guesser: usize) {
    let mut connection = guesser;
    while field.goes_on() {
        let Ok(mut client) = field.irc(field.guilty) else {
            continue;
        };
        let first = connection * GUESSES;
        let joins = (first..first + GUESSES).map(|key| format!("JOIN #vault key{key}\r\n"));
        let joins: String = joins.collect();
        let login = format!("NICK key{connection}\r\nUSER u 0 * :r\r\n");
        client.line(&format!("{login}{joins}PING :ready"));
        let mut answered = 0;
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5) && field.goes_on() {
            let Some(line) = client.hear(Duration::from_millis(100)) else {
                if client.is_dead() {
                    break;
                }
                continue;
            };
            match command(&line) {
                "475" => answered += 1,
                "JOIN" => {
                    let found = format!("the key of a channel is found as number {first} or later");
                    field.complain(found);
                }
                "PONG" | "ERROR" => break,
                _ => {}
            }
        }
        field.count("guesses", answered);
        connection += GUESSERS;
    }
}

/// Names are taken with a secret and given up; then others log in with these names, at an address
/// that the owner of another name shares.
pub(super) fn former(field: &Attack<'_>) -> Result<()> {
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
    owner.log_in("former", Some("secret-of-owner"), PATIENCE)?;
    owner.leave(PATIENCE);
    while field.goes_on() {
        for name in 0..names {
            let mut client = field.plain(field.guilty)?;
            // Whether the name is to be had is another question.
            let _ = client.log_in(&format!("likely{name}"), Some("secret-of-mine"), PATIENCE);
        }
        owner_returns(field, "former", "secret-of-owner")?;
        field.ready();
        field.count("rounds", 1);
    }
    Ok(())
}

/// Whoever has the right secret is let in, also where others have given wrong ones.
fn owner_returns(field: &Attack<'_>, name: &str, secret: &str) -> Result<()> {
    for is_irc in [true, false] {
        let mut client = if is_irc {
            field.irc(field.guilty)?
        } else {
            field.plain(field.guilty)?
        };
        let logged_in = client.log_in(name, Some(secret), PATIENCE);
        if let Err(error) = logged_in
            && field.is_talked()
        {
            field.complain(format!("the right secret is refused: {error:#}"));
        }
    }
    Ok(())
}

/// An operator's password is guessed from many addresses.
pub(super) fn oper(field: &Attack<'_>) -> Result<()> {
    if field.in_full {
        names_of_operators(field)?;
    }
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
    let mut operators = 0;
    let right = every(Duration::from_millis(500), || {
        if !field.is_talked() {
            return Ok(());
        }
        let mut client = field.irc(INNOCENT)?;
        client.log_in(&format!("theroot{operators}"), None, PATIENCE)?;
        operators += 1;
        client.line(&format!("OPER root {OPERATOR}"));
        let answer = client.until(&[" 381 ", " 464 ", "ERROR"], PATIENCE)?;
        if !answer.contains(" 381 ") && field.is_talked() {
            field.complain(format!("the operator is told {answer:?}"));
        }
        field.count("operators", 1);
        Ok(())
    });
    let from = |number: usize| address(number % addresses);
    barrage(field, ("oper", addresses), from, burst, right)
}

/// Asks with a wrong password whether somebody is an operator: the time that the answer takes must
/// not tell.
fn names_of_operators(field: &Attack<'_>) -> Result<()> {
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..5 {
        for (user, took) in ["root", "nobody"].iter().zip(&mut took) {
            let mut client = field.irc(field.guilty)?;
            client.log_in("curious", None, PATIENCE)?;
            let start = Instant::now();
            client.line(&format!("OPER {user} wrong-password"));
            client.until(&[" 464 ", " 491 "], PATIENCE)?;
            took.push(start.elapsed());
            client.leave(PATIENCE);
        }
    }
    let [known, unknown] = took.map(|mut took| {
        took.sort_unstable();
        took[took.len() / 2]
    });
    if known > 4 * unknown || unknown > 4 * known {
        field.complain(format!(
            "names of operators are told by time: {known:?} and {unknown:?}"
        ));
    }
    Ok(())
}

/// Wrong secrets come from an address that others share.
pub(super) fn shared(field: &Attack<'_>) -> Result<()> {
    let mut owner = field.irc(INNOCENT)?;
    owner.log_in("shared", Some("secret-of-owner"), PATIENCE)?;
    owner.leave(PATIENCE);
    while field.goes_on() {
        let mut guessers = Vec::new();
        for _ in 0..field.size(30, 100) {
            let mut client = field.plain(field.guilty)?;
            client.line("shared a-wrong-secret");
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
        owner_returns(field, "shared", "secret-of-owner")?;
        field.ready();
        field.count("rounds", 1);
    }
    Ok(())
}

/// One login with a secret after another, each with a name that stays.
pub(super) fn logins(field: &Attack<'_>) -> Result<()> {
    let names = field.size(1_000, 20_000);
    for index in 0..names {
        if !field.goes_on() {
            break;
        }
        let Ok(mut client) = field.plain(field.guilty) else {
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
