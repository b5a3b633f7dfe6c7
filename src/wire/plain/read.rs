//! What a client says.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{Command, Mistake, Saying};
use crate::broker::{Receiver, Request};
use crate::id::{Name, Room, Text, is_forbidden, is_printable};

/// Bytes of a reason for leaving a room or quitting that are told.
const REASON_BYTES: usize = 300;

/// Reads the line of a client that has not logged in.
///
/// # Errors
///
/// [`Mistake`] says what is wrong with it.
pub fn parse_login(line: &[u8]) -> Result<Command<'_>, Mistake> {
    let line = match decode(line) {
        Ok(line) => line.trim_start(),
        Err(mistake) => return parse_spoilt(line, mistake),
    };
    if let Some(command) = line.strip_prefix('/') {
        return parse_command(command);
    }
    let line = line.trim_end();
    let (name, given) = first_word(line);
    if let Some(command) = reserved(name) {
        return Ok(command);
    }
    let name = Name::parse(name).ok_or(Mistake::BadName)?;
    let given = Some(given).filter(|given| !given.is_empty());
    Ok(Command::LogIn { name, given })
}

/// What somebody wants who begins with this word, and does not know yet that a name comes first. So
/// nobody logs in by such a name.
fn reserved(word: &str) -> Option<Command<'static>> {
    let word = match word.trim_end_matches(['!', '.', ',', '?']) {
        "" => word,
        word => word,
    };
    match word.to_ascii_lowercase().as_str() {
        "help" | "hello" | "hi" | "hey" | "?" => Some(Command::Help),
        "quit" | "exit" | "bye" => Some(Command::Request(Request::Quit { why: None })),
        _ => None,
    }
}

/// The first word of a line, and what stands behind the white space that follows it.
fn first_word(line: &str) -> (&str, &str) {
    match line.split_once([' ', '\t']) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (line, ""),
    }
}

/// Reads the line of a client that has logged in.
///
/// # Errors
///
/// [`Mistake`] says what is wrong with it.
pub fn parse(line: &[u8]) -> Result<Command<'_>, Mistake> {
    parse_again(line, "")
}

/// The same of a line that mostly names its receivers as the one before did, which was read.
pub(crate) fn parse_again<'a>(line: &'a [u8], former: &str) -> Result<Command<'a>, Mistake> {
    let line = match decode(line) {
        Ok(line) => line,
        Err(mistake) => return parse_spoilt(line, mistake),
    };
    if !former.is_empty()
        && let Some(text) = line.strip_prefix(former)
        && let Some(text) = text.strip_prefix(':')
    {
        return say(&line[..former.len()], text);
    }
    if let Some(command) = unindented(line).strip_prefix('/') {
        return parse_command(command);
    }
    let Some(colon) = memchr::memchr(b':', line.as_bytes()) else {
        return match line.trim() {
            "help" | "?" => Ok(Command::Help),
            _ => Err(Mistake::NoColon),
        };
    };
    let (to, text) = (&line[..colon], &line[colon + 1..]);
    if !is_receivers(to) {
        return Err(Mistake::BadReceiver);
    }
    say(to, text)
}

fn say<'a>(to: &'a str, text: &'a str) -> Result<Command<'a>, Mistake> {
    let text = text.strip_prefix(' ').unwrap_or(text);
    if text.is_empty() {
        return Err(Mistake::EmptyText);
    }
    Ok(Command::Say(Saying { to, text }))
}

fn decode(line: &[u8]) -> Result<&str, Mistake> {
    let line = core::str::from_utf8(line).map_err(|_| Mistake::InvalidUtf8)?;
    if !is_printable(line) {
        return Err(Mistake::ControlCharacter);
    }
    if unindented(line).is_empty() {
        return Err(Mistake::EmptyLine);
    }
    Ok(line)
}

/// A line without white space in front; mostly there is none, and that is soon seen.
fn unindented(line: &str) -> &str {
    match line.as_bytes() {
        [b'!'..=b'~', ..] => line,
        _ => line.trim_start(),
    }
}

fn is_receivers(to: &str) -> bool {
    let is_one = |to: &str| Name::is_name(to) || Room::is_room(to);
    is_one(to) || to.split(',').all(|to| is_one(to.trim()))
}

/// The receivers that a line names, as [`is_receivers`] has made sure.
pub(super) fn receivers(to: &str) -> Vec<Receiver> {
    if let Some(one) = parse_receiver(to) {
        return vec![one];
    }
    let receivers = to
        .split(',')
        .map(|to| parse_receiver(to.trim()).expect("it is one"));
    receivers.collect()
}

fn parse_receiver(text: &str) -> Option<Receiver> {
    if text.starts_with('#') {
        Room::parse(text).map(Receiver::Room)
    } else {
        Name::parse(text).map(Receiver::Peer)
    }
}

/// Reads what follows the `/`.
fn parse_command(line: &str) -> Result<Command<'_>, Mistake> {
    let (word, rest) = first_word(line);
    let argument = rest.trim_end();
    let bad = |usage| Mistake::BadArguments { usage };
    let room = Room::parse(argument);
    let request = match word.to_ascii_lowercase().as_str() {
        "msg" | "m" | "w" | "tell" | "query" => return parse_msg(rest),
        "join" | "j" => Request::Join {
            room: room.ok_or(bad("/join #room"))?,
        },
        "leave" | "part" => {
            let (room, why) = first_word(argument);
            Request::Leave {
                room: Room::parse(room).ok_or(bad("/leave #room [why]"))?,
                why: reason(why),
            }
        }
        "nick" => Request::Rename {
            name: Name::parse(argument).ok_or(bad("/nick name"))?,
        },
        "rooms" | "list" if argument.is_empty() => return Ok(Command::Rooms),
        "rooms" | "list" => return Err(bad("/rooms")),
        "who" | "names" if argument.is_empty() => return Ok(Command::Who { room: None }),
        "who" | "names" => {
            let room = Some(room.ok_or(bad("/who [#room]"))?);
            return Ok(Command::Who { room });
        }
        "quit" | "exit" | "bye" => Request::Quit {
            why: reason(argument),
        },
        "help" => return Ok(Command::Help),
        "pong" => return Ok(Command::Pong),
        _ => return Err(Mistake::UnknownCommand),
    };
    Ok(Command::Request(request))
}

/// Where the first word of a line ends, if the line is a command, or would be if there were one of
/// this name; 0 if not.
#[cfg(feature = "record")]
pub(crate) fn end_of_command(line: &[u8]) -> usize {
    let readable = readable_start(line);
    let rest = readable.trim_start();
    if rest.starts_with('/') {
        readable.len() - rest.len() + first_word(rest).0.len()
    } else {
        0
    }
}

/// Where what follows the first words of a line begins, and the white space behind them.
#[cfg(feature = "record")]
pub(crate) fn end_of_words(line: &[u8], words: usize) -> usize {
    let readable = readable_start(line);
    let rest = (0..words).fold(readable.trim_start(), |rest, _| first_word(rest).1);
    readable.len() - rest.len()
}

/// As much of a line as can be read before what is not UTF-8.
#[cfg(feature = "record")]
fn readable_start(line: &[u8]) -> &str {
    line.utf8_chunks().next().map_or("", |chunk| chunk.valid())
}

/// Reads `bob,carol hi`, whose receivers have no white space between them.
fn parse_msg(line: &str) -> Result<Command<'_>, Mistake> {
    let (to, text) = first_word(line);
    if to.is_empty() {
        let usage = "/msg name text";
        return Err(Mistake::BadArguments { usage });
    }
    if !is_receivers(to) {
        return Err(Mistake::BadReceiver);
    }
    if text.is_empty() {
        return Err(Mistake::EmptyText);
    }
    Ok(Command::Say(Saying { to, text }))
}

/// A reason, if there is one, as much of it as is told.
fn reason(text: &str) -> Option<Text> {
    Text::parse(&text[..text.floor_char_boundary(REASON_BYTES)])
}

/// Reads a line that is no text, for which `mistake` stands: if it is a command that gives a
/// reason, it is done all the same.
fn parse_spoilt<'a>(line: &[u8], mistake: Mistake) -> Result<Command<'a>, Mistake> {
    let line = String::from_utf8_lossy(line).replace(is_forbidden, "\u{FFFD}");
    let command = line.trim_start().strip_prefix('/').map(parse_command);
    match command {
        Some(Ok(Command::Request(
            request @ (Request::Leave { why: Some(_), .. } | Request::Quit { why: Some(_) }),
        ))) => Ok(Command::Request(request)),
        Some(_) | None => Err(mistake),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn whom_the_line_before_named_changes_nothing() {
        let lines = [
            "bob: hi",
            "bob:hi",
            "bob:: hi",
            "bob: ",
            "bob:",
            "bob",
            "bobby: hi",
            "BOB: hi",
            " bob: hi",
            "bob : hi",
            "#rust, bob: hi",
            "#rust: hi",
            ": hi",
            "/who",
            "bob: \x07",
        ];
        for former in ["bob", "#rust, bob", " bob", ""] {
            for line in lines.map(str::as_bytes) {
                let (again, once) = (parse_again(line, former), parse(line));
                assert_eq!(
                    format!("{again:?}"),
                    format!("{once:?}"),
                    "after {former:?}"
                );
            }
        }
    }
}
