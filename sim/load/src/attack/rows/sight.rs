//! What nobody is to see, or to keep.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::attack::PATIENCE;
use crate::attack::client::Client;
use crate::attack::field::{Field, GUILTY, INNOCENT};

/// A secret channel, and somebody invisible in it.
pub(super) fn hidden(field: &Field) -> Result<()> {
    let mut member = field.irc(INNOCENT)?;
    member.log_in("ghost", None, PATIENCE)?;
    member.line("MODE ghost +i\r\nJOIN #hide\r\nMODE #hide +sl 77\r\nPING :done");
    member.until(&["PONG"], PATIENCE)?;
    field.ready();
    let mut outsider = field.plain(GUILTY)?;
    outsider.log_in("outsider", None, PATIENCE)?;
    for ask in ["/rooms", "/who #hide", "/who"] {
        outsider.line(ask);
        hides(field, &mut outsider, ask, "* e");
    }
    let mut outsider = field.irc(GUILTY)?;
    outsider.log_in("stranger", None, PATIENCE)?;
    let asks = [
        "LIST",
        "NAMES",
        "NAMES #hide",
        "WHO #hide",
        "WHO *",
        "MODE #hide",
        "TOPIC #hide",
    ];
    for ask in asks {
        outsider.line(&format!("{ask}\r\nPING :done"));
        hides(field, &mut outsider, ask, "PONG");
    }
    Ok(())
}

/// Complains of an answer that names what is hidden. It ends with a line that has `end`.
fn hides(field: &Field, outsider: &mut Client, ask: &str, end: &str) {
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

/// Somebody is away for so long that others see it quit, is banned, and comes back.
pub(super) fn returns(field: &Field) -> Result<()> {
    let (name, secret) = ("trouble", Some("secret-of-trouble"));
    let mut owner = field.irc(INNOCENT)?;
    owner.log_in("founder", None, PATIENCE)?;
    owner.line("JOIN #council\r\nPING :done");
    owner.until(&["PONG"], PATIENCE)?;
    let mut trouble = field.irc(GUILTY)?;
    trouble.log_in(name, secret, PATIENCE)?;
    trouble.line("JOIN #council\r\nPING :done");
    trouble.until(&["PONG"], PATIENCE)?;
    owner.line("MODE #council +o trouble");
    owner.until(&[" MODE #council +o trouble"], PATIENCE)?;
    field.ready();
    drop(trouble);
    owner.until(&[" QUIT "], PATIENCE)?;
    owner.line("MODE #council +b trouble!*@*\r\nMODE #council -o trouble\r\nKICK #council trouble");
    owner.line("MODE #council +i\r\nPING :done");
    owner.until(&["PONG"], PATIENCE)?;
    let mut trouble = field.irc(GUILTY)?;
    trouble.log_in(name, secret, PATIENCE)?;
    trouble.line("MODE #council +t\r\nPRIVMSG #council :I am back\r\nPING :done");
    // It is shown where it was, then what was said while it was there, and then that it was kicked.
    let mut last = None;
    while let Some(line) = trouble.hear(PATIENCE) {
        if line.contains("PONG") {
            break;
        }
        if line.contains("#council") && (line.contains(" JOIN ") || line.contains(" KICK ")) {
            last = Some(line);
        }
    }
    if let Some(line) = last.filter(|line| line.contains(" JOIN ")) {
        field.complain(format!("who was expelled comes back: {line:?}"));
    }
    owner.line("NAMES #council\r\nPING :done");
    while let Some(line) = owner.hear(PATIENCE) {
        let is_in = line.contains(" 353 ") && line.contains("trouble");
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
pub(super) fn msgids(field: &Field) -> Result<()> {
    let mut stranger = field.irc(GUILTY)?;
    stranger.line("CAP REQ :message-tags\r\nCAP END");
    stranger.log_in("stranger", None, PATIENCE)?;
    field.ready();
    let mut ids = Vec::new();
    for _ in 0..20 {
        stranger.line("PRIVMSG stranger :what is the number of this?");
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
    Ok(())
}
