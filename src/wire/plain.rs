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
//! | `* joined #rust bob` | bob entered a room that you are in; perhaps you are bob |
//! | `* left #rust bob WHY` | bob left it: `left`, `quit`, `kicked`, `gone` or `expired`; `: TEXT` may follow |
//! | `* renamed bob rob` | bob is known as rob from now on; perhaps you are rob |
//! | `* kept bob` | bob is away; your message waits for him |
//! | `* undelivered bob CODE: hi` | it did not reach him and will not: `gone`, `expired`, `mailbox-full` or `shutting-down` |
//! | `* undelivered bob CODE in #rust: hi` | the same of what you said in a room |
//! | `* room #rust 3` | a room and its number of members; ` joined` follows if you are one |
//! | `* end rooms 7` | the end of that list, and how many rooms there are |
//! | `* peer bob` | a peer; ` away` follows if it is |
//! | `* end who 7` | the end of that list, and how many peers it could have |
//! | `* help TEXT` | a line of the explanation |
//! | `* ping` | you were silent for long; say something, `/pong` for example |
//! | `* error CODE TEXT` | what you asked for was not done ([`Mistake`], [`Refusal`]) |
//! | `* bye TEXT` | the last line before the server closes |

use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;

use crate::broker::{
    BounceReason, Event, LeaveReason, Mail, PeerEntry, Rank, Receiver, Refusal, Request, RoomEntry,
    StopReason,
};
use crate::id::{BadSecret, Name, Room, Secret, Text, is_forbidden, is_printable};

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
    let line = decode(line)?;
    if let Some(command) = unindented(line).strip_prefix('/') {
        return parse_command(command);
    }
    let colon = memchr::memchr(b':', line.as_bytes()).ok_or(Mistake::NoColon)?;
    let (to, text) = (&line[..colon], &line[colon + 1..]);
    if !is_receivers(to) {
        return Err(Mistake::BadReceiver);
    }
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
        return alloc::vec![one];
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
    let (word, argument) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let argument = argument.trim();
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

/// Writes what a connection is told, as one or more lines.
pub fn write_event(event: &Event, out: &mut Vec<u8>) {
    match event {
        Event::Welcome { name } => say(out, format_args!("* welcome {name}")),
        Event::Back { name, kept } => say(out, format_args!("* back {name} {kept}")),
        Event::Mail(mail) | Event::KeptMail(mail) => write_mail(mail, out),
        Event::Kept { name } => say(out, format_args!("* kept {name}")),
        Event::Joined { room, name } => say(out, format_args!("* joined {room} {name}")),
        Event::Left { room, name, why } => {
            let (code, text) = match why {
                LeaveReason::Left(text) => ("left", text.as_ref()),
                LeaveReason::Quit(text) => ("quit", text.as_ref()),
                LeaveReason::Kicked { why, .. } => ("kicked", why.as_ref()),
                LeaveReason::Gone => ("gone", None),
                LeaveReason::Expired => ("expired", None),
            };
            let (colon, text) = text.map_or(("", ""), |text| (": ", text.as_str()));
            let text = Printable(text);
            say(
                out,
                format_args!("* left {room} {name} {code}{colon}{text}"),
            );
        }
        Event::Renamed { from, to } => say(out, format_args!("* renamed {from} {to}")),
        Event::Rooms { rooms, total } => {
            for RoomEntry {
                room,
                members,
                joined,
            } in rooms
            {
                let joined = if *joined { " joined" } else { "" };
                say(out, format_args!("* room {room} {members}{joined}"));
            }
            say(out, format_args!("* end rooms {total}"));
        }
        Event::Who { peers, total } => {
            for PeerEntry { name, away } in peers {
                let away = if *away { " away" } else { "" };
                say(out, format_args!("* peer {name}{away}"));
            }
            say(out, format_args!("* end who {total}"));
        }
        Event::Refused(refusal) => write_refusal(*refusal, out),
    }
}

/// Writes the line that hands mail over.
#[inline]
pub fn write_mail(mail: &Mail, out: &mut Vec<u8>) {
    each_word(mail, |word| out.extend_from_slice(word));
}

/// How many bytes [`write_mail`] writes.
#[inline]
pub fn mail_length(mail: &Mail) -> usize {
    let mut length = 0;
    each_word(mail, |word| length += word.len());
    length
}

/// This is where the time goes, so it formats nothing.
#[inline]
fn each_word(mail: &Mail, mut put: impl FnMut(&[u8])) {
    let message = mail.message();
    let header = &*message.header;
    match mail {
        Mail::Message(_) => {
            put(b"from ");
            put(header.from.as_bytes());
        }
        Mail::Bounce(bounce) => {
            put(b"* undelivered ");
            put(bounce.receiver.as_bytes());
            put(match bounce.reason {
                BounceReason::Gone => b" gone",
                BounceReason::Expired => b" expired",
                BounceReason::MailboxFull => b" mailbox-full",
                BounceReason::ShuttingDown => b" shutting-down",
            });
        }
    }
    if let Some(part) = &header.stamp.part {
        let is_for_operators = part.rank == Rank::Operator;
        put(if is_for_operators { b" in @" } else { b" in +" });
        put(part.room.as_bytes());
    } else if let Some(room) = &header.room {
        put(b" in ");
        put(room.as_bytes());
    }
    put(b": ");
    let text = message.text.as_str();
    if message.text.is_printable() {
        put(text.as_bytes());
    } else if let Some(action) = text.strip_prefix("\x01ACTION ") {
        // What somebody does, by the CTCP of IRC, as people type it there.
        put(b"/me ");
        put(Printable(action).to_string().as_bytes());
    } else {
        put(Printable(text).to_string().as_bytes());
    }
    put(b"\n");
}

/// A text without the characters that no line has: other protocols have them.
struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut printable = self.0.split(is_forbidden);
        printable.try_for_each(|part| f.write_str(part))
    }
}

fn write_refusal(refusal: Refusal, out: &mut Vec<u8>) {
    match refusal {
        Refusal::NotLoggedIn => {
            error(
                out,
                "not-logged-in",
                format_args!("first say who you are: NAME or NAME SECRET"),
            );
        }
        Refusal::Waiting => {
            error(
                out,
                "waiting",
                format_args!("an older connection with your name is about to end"),
            );
        }
        Refusal::AlreadyLoggedIn => {
            error(out, "already-logged-in", format_args!("you have a name"));
        }
        Refusal::NameInUse { name } => error(out, "name-in-use", format_args!("{name}")),
        Refusal::ServerFull => {
            error(out, "server-full", format_args!("there are too many peers"));
        }
        Refusal::NoSuchPeer { name } => error(out, "no-such-peer", format_args!("{name}")),
        Refusal::MailboxFull { name, room: None } => {
            error(out, "mailbox-full", format_args!("{name}"));
        }
        Refusal::MailboxFull {
            name,
            room: Some(room),
        } => {
            error(out, "mailbox-full", format_args!("{name} in {room}"));
        }
        Refusal::TooManyReceivers { limit } => {
            error(out, "too-many-receivers", format_args!("at most {limit}"));
        }
        Refusal::NotInRoom { room } => error(out, "not-in-room", format_args!("{room}")),
        Refusal::AlreadyInRoom { room } => error(out, "already-in-room", format_args!("{room}")),
        Refusal::TooManyRooms { limit } => {
            error(out, "too-many-rooms", format_args!("at most {limit}"));
        }
    }
}

/// Writes what is wrong with a line.
pub fn write_mistake(mistake: Mistake, out: &mut Vec<u8>) {
    let (code, text) = match mistake {
        Mistake::LineTooLong { limit } => {
            let text = format_args!("at most {limit} bytes; the line was skipped");
            return error(out, "line-too-long", text);
        }
        Mistake::BadArguments { usage } => {
            return error(out, "bad-arguments", format_args!("usage: {usage}"));
        }
        Mistake::MayNotJoin { room } => {
            return error(out, "may-not-join", format_args!("{room}"));
        }
        Mistake::MayNotSpeak { room } => {
            return error(out, "may-not-speak", format_args!("{room}"));
        }
        Mistake::EmptyLine => ("empty-line", "say something, or /help"),
        Mistake::TooFast => ("too-fast", "slow down; the line was skipped"),
        Mistake::InvalidUtf8 => ("invalid-utf8", "lines are UTF-8"),
        Mistake::ControlCharacter => (
            "control-character",
            "a line has none but tabs and formatting codes",
        ),
        Mistake::BadName => (
            "bad-name",
            "a name is 1 to 32 of letters, digits and -_[]\\`^{}|, no digit or - first",
        ),
        Mistake::BadSecret(BadSecret::TooShort) => {
            ("bad-secret", "too short: a secret has 8 to 128 characters")
        }
        Mistake::BadSecret(BadSecret::TooLong) => {
            ("bad-secret", "too long: a secret has 8 to 128 characters")
        }
        Mistake::BadSecret(BadSecret::Malformed) => {
            ("bad-secret", "a secret has no spaces or formatting codes")
        }
        Mistake::TooManyLogins => (
            "too-many-logins",
            "too many wrong secrets from your address; try later",
        ),
        Mistake::NoColon => ("no-colon", "say to whom, like this: bob: hi"),
        Mistake::BadReceiver => ("bad-receiver", "names and #rooms stand before the colon"),
        Mistake::EmptyText => ("empty-text", "nothing follows the colon"),
        Mistake::UnknownCommand => ("unknown-command", "try /help"),
    };
    error(out, code, format_args!("{text}"));
}

/// Writes the last line of a connection.
pub fn write_bye(reason: StopReason, out: &mut Vec<u8>) {
    write_bye_with(super::farewell(reason), out);
}

/// Writes the last line before a connection ends, which says this.
pub fn write_bye_with(why: &str, out: &mut Vec<u8>) {
    say(out, format_args!("* bye {why}"));
}

/// Writes a probe of a silent connection.
pub fn write_probe(out: &mut Vec<u8>) {
    say(out, format_args!("* ping"));
}

/// Writes [`HELP`].
pub fn write_help(out: &mut Vec<u8>) {
    for text in HELP {
        say(out, format_args!("* help {text}"));
    }
}

fn error(out: &mut Vec<u8>, code: &str, text: fmt::Arguments<'_>) {
    say(out, format_args!("* error {code} {text}"));
}

/// Writes one line.
fn say(out: &mut Vec<u8>, words: fmt::Arguments<'_>) {
    struct Bytes<'a>(&'a mut Vec<u8>);
    impl fmt::Write for Bytes<'_> {
        fn write_str(&mut self, words: &str) -> fmt::Result {
            self.0.extend_from_slice(words.as_bytes());
            Ok(())
        }
    }
    fmt::Write::write_fmt(&mut Bytes(out), words).expect("memory takes everything");
    out.push(b'\n');
}
