//! The plain protocol: UTF-8 lines that people can type and programs can read.
//!
//! # What a client says
//!
//! The first line logs in; the others talk, or are commands.
//!
//! | line | what it does |
//! | --- | --- |
//! | `alice` | logs in as a guest |
//! | `alice SECRET` | logs in so that alice can come back, or comes back |
//! | `bob, carol: hi` | says `hi` to bob and to carol |
//! | `#rust: hi` | says `hi` to everybody else in the room |
//! | `/join #rust` | enters a room |
//! | `/leave #rust` | leaves it |
//! | `/rooms` | lists the rooms |
//! | `/who` | lists the peers |
//! | `/who #rust` | lists the peers in a room |
//! | `/help` | explains these lines |
//! | `/pong` | answers `* ping`, as any other line does |
//! | `/quit` | gives the name up and goes |
//! | `/quit WHY` | the same, and tells the rooms why |
//!
//! # What the server says
//!
//! | line | what it means |
//! | --- | --- |
//! | `* welcome alice` | alice is logged in |
//! | `* back alice 3` | alice came back; 3 messages were kept and follow |
//! | `from bob: hi` | a message |
//! | `from bob in #rust: hi` | a message to a room; `in @#rust` if to its operators alone, `in +#rust` if also to those who have a voice |
//! | `* invited bob #rust` | bob asks you into a room |
//! | `* joined #rust bob` | bob entered a room that you are in; perhaps you are bob |
//! | `* left #rust bob WHY` | bob left it: `left`, `quit`, `kicked`, `gone` or `expired`; `: TEXT` may follow |
//! | `* renamed bob rob` | bob is known as rob from now on; perhaps you are rob |
//! | `* kept bob` | bob is away; your message waits for him |
//! | `* undelivered bob CODE: hi` | it did not reach him and will not: `gone`, `expired`, `mailbox-full` or `shutting-down` |
//! | `* undelivered bob CODE in #rust: hi` | the same of what you said in a room |
//! | `* undelivered bob CODE invitation: #rust` | the same of what you asked him into |
//! | `* room #rust 3` | a room and its number of members; ` joined` follows if you are one |
//! | `* end rooms 7` | the end of that list, and how many rooms there are |
//! | `* peer bob` | a peer; ` away` follows if it is |
//! | `* end who 7` | the end of that list, and how many peers it could have |
//! | `* help TEXT` | a line of the explanation |
//! | `* ping` | you were silent for long; say something, `/pong` for example |
//! | `* error CODE TEXT` | what you asked for was not done ([`Mistake`], [`Refusal`](crate::broker::Refusal)) |
//! | `* bye TEXT` | the last line before the server closes |

mod write;

use alloc::vec;
use alloc::vec::Vec;

pub use write::{
    messages_length, write_bye, write_bye_with, write_event, write_help, write_mail,
    write_messages, write_mistake, write_probe,
};

use crate::broker::{Receiver, Request};
use crate::id::{BadSecret, Name, Room, Secret, Text, is_printable};

/// What a line asks for.
#[derive(Clone, Debug)]
pub enum Command<'a> {
    /// To log in.
    LogIn {
        /// As whom.
        name: Name,
        /// Shows that it is the same peer as before, or will be able to.
        secret: Option<Secret<'a>>,
    },
    /// To say something.
    Say(Saying<'a>),
    /// Something else that the broker answers.
    Request(Request),
    /// The explanation, [`HELP`].
    Help,
    /// Nothing: it only says that somebody is there.
    Pong,
}

/// What a line says, and to whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Saying<'a> {
    to: &'a str,
    text: &'a str,
}

impl<'a> Saying<'a> {
    /// The receivers, as they are written.
    pub const fn to(self) -> &'a str {
        self.to
    }

    /// The receivers.
    pub fn receivers(self) -> Vec<Receiver> {
        receivers(self.to)
    }

    /// The text, which is a [`Text`].
    pub const fn text(self) -> &'a str {
        self.text
    }
}

/// What is wrong with a line; nothing was done then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mistake {
    /// `empty-line`: it says nothing.
    EmptyLine,
    /// `line-too-long`: it is longer than the limit, and was skipped.
    LineTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// `too-fast`: more lines came than may, and this one was skipped.
    TooFast,
    /// `invalid-utf8`: it is not UTF-8.
    InvalidUtf8,
    /// `control-character`: it has one that a line may not have.
    ControlCharacter,
    /// `bad-name`: it does not begin with a name.
    BadName,
    /// `bad-secret`: what follows the name is no secret.
    BadSecret(BadSecret),
    /// `too-many-logins`: from this address too many secrets were wrong.
    TooManyLogins,
    /// `no-colon`: it says neither to whom, nor is it a command.
    NoColon,
    /// `bad-receiver`: one of the receivers is neither a name nor a room.
    BadReceiver,
    /// `empty-text`: nothing follows the colon.
    EmptyText,
    /// `unknown-command`: there is no such command.
    UnknownCommand,
    /// `bad-arguments`: the command is followed by the wrong words.
    BadArguments {
        /// How the command is used.
        usage: &'static str,
    },
    /// `may-not-join`: the room has a mode that keeps the peer out.
    MayNotJoin {
        /// The room.
        room: Room,
    },
    /// `may-not-speak`: the room has a mode that keeps the peer silent.
    MayNotSpeak {
        /// The room.
        room: Room,
    },
}

impl Mistake {
    /// Whether this was an attempt to log in.
    pub const fn fails_login(self) -> bool {
        matches!(
            self,
            Self::BadName | Self::BadSecret(_) | Self::TooManyLogins
        )
    }
}

/// What `/help` answers, one line each.
pub const HELP: &[&str] = &[
    "NAME                  log in as a guest",
    "NAME SECRET           log in so that you can come back, or come back",
    "bob, carol: hi        say hi to bob and carol",
    "#rust: hi             say hi to everybody in a room that you are in",
    "/join #rust           enter a room",
    "/leave #rust          leave it",
    "/rooms                list the rooms",
    "/who [#rust]          list who is here, or in a room",
    "/quit [WHY]           give your name up and go",
    "/pong                 answer a ping",
    "/help                 read this again",
];

/// Reads the line of a client that has not logged in.
///
/// # Errors
///
/// [`Mistake`] says what is wrong with it.
pub fn parse_login(line: &[u8]) -> Result<Command<'_>, Mistake> {
    let line = decode(line)?;
    if let Some(command) = unindented(line).strip_prefix('/') {
        return parse_command(command);
    }
    let (name, secret) = match line.split_once(' ') {
        Some((name, secret)) => (name, Some(secret.trim())),
        None => (line, None),
    };
    let name = Name::parse(name).ok_or(Mistake::BadName)?;
    let secret = secret
        .filter(|secret| !secret.is_empty())
        .map(Secret::parse);
    let secret = secret.transpose().map_err(Mistake::BadSecret)?;
    Ok(Command::LogIn { name, secret })
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
    let line = decode(line)?;
    if !former.is_empty()
        && let Some(text) = line.strip_prefix(former)
        && let Some(text) = text.strip_prefix(':')
    {
        return say(&line[..former.len()], text);
    }
    if let Some(command) = unindented(line).strip_prefix('/') {
        return parse_command(command);
    }
    let colon = memchr::memchr(b':', line.as_bytes()).ok_or(Mistake::NoColon)?;
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
fn receivers(to: &str) -> Vec<Receiver> {
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

/// The command and its argument, in what follows the `/`.
fn split_command(line: &str) -> (&str, &str) {
    let (word, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    (word, argument.trim())
}

/// The argument of a line that is a command; nothing if it is none.
#[cfg(feature = "record")]
pub(crate) fn argument(line: &[u8]) -> &str {
    command(line).map_or("", |command| split_command(command).1)
}

/// Where the first word of a line ends, if the line is a command, or would be if there were one of
/// this name; 0 if not.
#[cfg(feature = "record")]
pub(crate) fn end_of_command(line: &[u8]) -> usize {
    let end = |command: &str| line.len() - command.len() + split_command(command).0.len();
    command(line).map_or(0, end)
}

/// What follows the `/` of a command.
#[cfg(feature = "record")]
fn command(line: &[u8]) -> Option<&str> {
    let line = core::str::from_utf8(line).ok()?;
    unindented(line).strip_prefix('/')
}

/// Reads what follows the `/`.
fn parse_command(line: &str) -> Result<Command<'_>, Mistake> {
    let (word, argument) = split_command(line);
    let room = Room::parse(argument);
    let bad = |usage| Mistake::BadArguments { usage };
    let request = match word {
        "join" => Request::Join {
            room: room.ok_or(bad("/join #room"))?,
        },
        "leave" => Request::Leave {
            room: room.ok_or(bad("/leave #room"))?,
            why: None,
        },
        "rooms" if argument.is_empty() => Request::Rooms,
        "rooms" => return Err(bad("/rooms")),
        "who" if argument.is_empty() => Request::Who { room: None },
        "who" => Request::Who {
            room: Some(room.ok_or(bad("/who [#room]"))?),
        },
        "quit" => Request::Quit {
            why: Text::parse(argument),
        },
        "help" if argument.is_empty() => return Ok(Command::Help),
        "help" => return Err(bad("/help")),
        "pong" => return Ok(Command::Pong),
        _ => return Err(Mistake::UnknownCommand),
    };
    Ok(Command::Request(request))
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
