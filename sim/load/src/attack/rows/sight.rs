//! What nobody is to see, or to keep.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::attack::PATIENCE;
use crate::attack::client::Client;
use crate::attack::field::{Attack, INNOCENT};

/// A secret channel, and somebody invisible in it.
pub(super) fn hidden(field: &Attack<'_>) -> Result<()> {
    let mut member = field.irc(INNOCENT)?;
    member.log_in("ghost", None, PATIENCE)?;
    member.line("MODE ghost +i\r\nJOIN #hide\r\nMODE #hide +sl 77\r\nPING :done");
    member.until(&["PONG"], PATIENCE)?;
    let mut unnamed = field.plain(field.guilty)?;
    let mut plain = field.plain(field.guilty)?;
    plain.log_in("outsider", None, PATIENCE)?;
    let mut irc = field.irc(field.guilty)?;
    irc.log_in("stranger", None, PATIENCE)?;
    let asks = [
        "LIST",
        "NAMES",
        "NAMES #hide",
        "WHO #hide",
        "WHO *",
        "MODE #hide",
        "TOPIC #hide",
    ];
    for round in 0_u64.. {
        for ask in ["/rooms", "/who #hide", "/who"] {
            if round == 0 {
                unnamed.line(ask);
                hides(field, &mut unnamed, ask, "* e");
            }
            plain.line(ask);
            hides(field, &mut plain, ask, "* e");
        }
        for ask in asks {
            irc.line(&format!("{ask}\r\nPING :done"));
            hides(field, &mut irc, ask, "PONG");
        }
        field.ready();
        field.count("rounds", 1);
        member.swallow();
        if !field.goes_on() {
            break;
        }
        field.sleep(Duration::from_millis(500));
    }
    Ok(())
}

/// Complains of an answer that names what is hidden. It ends with a line that has `end`.
fn hides(field: &Attack<'_>, outsider: &mut Client, ask: &str, end: &str) {
    while let Some(line) = outsider.hear(PATIENCE) {
        let tells = line.contains("ghost")
            || line.contains("* room #hide")
            || (line.contains(" 322 ") || line.contains(" 324 ") || line.contains(" 329 "))
                && line.contains("#hide");
        if tells {
            field.complain(format!("an outsider asks {ask} and is told {line:?}"));
        }
        if line.contains(end) {
            return;
        }
    }
}

/// Again and again somebody is away for so long that others see it quit, is banned, and comes back.
pub(super) fn returns(field: &Attack<'_>) -> Result<()> {
    let mut round = 0;
    while field.goes_on() {
        return_once(field, round)?;
        field.ready();
        field.count("rounds", 1);
        round += 1;
    }
    Ok(())
}

fn return_once(field: &Attack<'_>, round: usize) -> Result<()> {
    let (name, room) = (format!("trouble{round}"), format!("#council{round}"));
    let secret = Some("secret-of-trouble");
    let mut owner = field.irc(INNOCENT)?;
    owner.log_in(&format!("founder{round}"), None, PATIENCE)?;
    owner.line(&format!("JOIN {room}\r\nPING :done"));
    owner.until(&["PONG"], PATIENCE)?;
    let mut trouble = field.irc(field.guilty)?;
    trouble.log_in(&name, secret, PATIENCE)?;
    trouble.line(&format!("JOIN {room}\r\nPING :done"));
    trouble.until(&["PONG"], PATIENCE)?;
    owner.line(&format!("MODE {room} +o {name}"));
    owner.until(&[&format!(" MODE {room} +o {name}")], PATIENCE)?;
    drop(trouble);
    owner.until(&[" QUIT "], PATIENCE)?;
    owner.line(&format!(
        "MODE {room} +b {name}!*@*\r\nMODE {room} -o {name}"
    ));
    owner.line(&format!(
        "KICK {room} {name}\r\nMODE {room} +i\r\nPING :done"
    ));
    owner.until(&["PONG"], PATIENCE)?;
    let mut trouble = field.irc(field.guilty)?;
    trouble.log_in(&name, secret, PATIENCE)?;
    trouble.line(&format!(
        "MODE {room} +t\r\nPRIVMSG {room} :I am back\r\nPING :done"
    ));
    // It is shown where it was, then what was said while it was there, and then that it was kicked.
    let mut last = None;
    while let Some(line) = trouble.hear(PATIENCE) {
        if line.contains("PONG") {
            break;
        }
        if line.contains(&room) && (line.contains(" JOIN ") || line.contains(" KICK ")) {
            last = Some(line);
        }
    }
    if let Some(line) = last.filter(|line| line.contains(" JOIN ")) {
        field.complain(format!("who was expelled comes back: {line:?}"));
    }
    owner.line(&format!("NAMES {room}\r\nPING :done"));
    while let Some(line) = owner.hear(PATIENCE) {
        let is_in = line.contains(" 353 ") && line.contains(&name);
        if is_in || line.contains(":I am back") {
            field.complain(format!("who was expelled is in the room: {line:?}"));
        }
        if line.contains("PONG") {
            break;
        }
    }
    Ok(())
}

/// A stranger compares the ids of messages to itself.
pub(super) fn msgids(field: &Attack<'_>) -> Result<()> {
    let mut stranger = field.irc(field.guilty)?;
    stranger.line("CAP REQ :message-tags\r\nCAP END");
    stranger.log_in("counter", None, PATIENCE)?;
    let mut ids = Vec::new();
    for _ in 0..20 {
        stranger.line("PRIVMSG counter :what is the number of this?");
        let line = stranger.until(&[" PRIVMSG "], PATIENCE)?;
        let tags = line.split(' ').next().unwrap_or("");
        let mut tags = tags.trim_start_matches('@').split(';');
        let id = tags.find_map(|tag| tag.strip_prefix("msgid="));
        let id = id.map(str::to_owned);
        ensure!(id.is_some(), "no msgid in {line:?}");
        ids.extend(id);
        field.sleep(Duration::from_millis(20));
    }
    // Whatever base its digits have, a number that grows is longer, or later in the order.
    let is_counted = |ids: &[String]| {
        let number = |id: &String| (id.len(), id.clone());
        ids.windows(2)
            .all(|pair| number(&pair[0]) <= number(&pair[1]))
    };
    let reversed: Vec<_> = ids.iter().map(|id| id.chars().rev().collect()).collect();
    if is_counted(&ids) || is_counted(&reversed) {
        field.complain(format!("the ids of messages can be counted: {ids:?}"));
    }
    field.ready();
    while field.goes_on() {
        stranger.line("PRIVMSG counter :and of this?");
        stranger.swallow();
        field.sleep(Duration::from_millis(100));
    }
    Ok(())
}
