//! What the server says.

use alloc::format;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;

use super::{HELP, Mistake};
use crate::broker::{
    Bounce, BounceReason, Event, Form, Header, LeaveReason, Mail, Message, Messages, PeerEntry,
    Rank, Refusal, RoomEntry, StopReason,
};
use crate::id::{BadSecret, Name, is_forbidden};
use crate::wire::farewell;
use crate::wire::irc::Timestamp;

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
            for entry in rooms {
                write_room(entry, out);
            }
            write_end("rooms", *total, out);
        }
        Event::Who { peers, total } => {
            for entry in peers {
                write_peer(entry, out);
            }
            write_end("who", *total, out);
        }
        Event::Refused(refusal) => write_refusal(*refusal, out),
    }
}

/// Writes the line for a room in the list of rooms.
pub fn write_room(entry: &RoomEntry, out: &mut Vec<u8>) {
    let RoomEntry {
        room,
        members,
        joined,
    } = entry;
    let joined = if *joined { " joined" } else { "" };
    say(out, format_args!("* room {room} {members}{joined}"));
}

/// Writes the line for a peer in a list of peers.
pub fn write_peer(entry: &PeerEntry, out: &mut Vec<u8>) {
    let PeerEntry { name, away } = entry;
    let away = if *away { " away" } else { "" };
    say(out, format_args!("* peer {name}{away}"));
}

/// Writes the line that ends a list, `rooms` or `who`, and says how many it could have.
pub fn write_end(list: &str, total: usize, out: &mut Vec<u8>) {
    say(out, format_args!("* end {list} {total}"));
}

/// Writes the line that hands mail over; of a message that was kept, [`write_kept`] is to.
pub fn write_mail(mail: &Mail, out: &mut Vec<u8>) {
    match mail {
        Mail::Message(message) => {
            each_word_from(message.header(), |word| out.extend_from_slice(word));
            write_text(message.text(), message.is_printable(), out);
        }
        Mail::Bounce(bounce) => write_bounce(bounce, out),
    }
}

/// Writes the line that hands over a message which was kept, with the time at which it was said.
pub fn write_kept(message: &Message, at: Timestamp, out: &mut Vec<u8>) {
    let at = at.to_seconds();
    let header = message.header();
    if header.stamp.form == Form::Invitation {
        let (from, room) = (header.from, message.text());
        return say(out, format_args!("* invited {from} {room} at {at}"));
    }
    if let Form::Kick { .. } = header.stamp.form {
        let (room, why) = message.kick();
        let (from, why) = (header.from, Printable(why));
        return say(out, format_args!("* kicked {from} {room} at {at}: {why}"));
    }
    out.extend_from_slice(b"from ");
    out.extend_from_slice(header.from.as_bytes());
    each_word_of_place(header, |word| out.extend_from_slice(word));
    out.extend_from_slice(b" at ");
    out.extend_from_slice(at.as_bytes());
    out.extend_from_slice(b": ");
    write_text(message.text(), message.is_printable(), out);
}

/// Writes the line that hands over what comes back.
fn write_bounce(bounce: &Bounce, out: &mut Vec<u8>) {
    let message = &bounce.message;
    out.extend_from_slice(b"* undelivered ");
    out.extend_from_slice(bounce.receiver.as_bytes());
    out.extend_from_slice(match bounce.reason {
        BounceReason::Gone => b" gone",
        BounceReason::Expired => b" expired",
        BounceReason::MailboxFull => b" mailbox-full",
        BounceReason::ShuttingDown => b" shutting-down",
    });
    if bounce.more > 0 {
        out.extend_from_slice(format!(" and {} more", bounce.more).as_bytes());
    }
    match message.header().stamp.form {
        Form::Message | Form::Notice => {}
        Form::Invitation => out.extend_from_slice(b" invitation"),
        Form::Kick { .. } => out.extend_from_slice(b" kick"),
    }
    each_word_of_place(message.header(), |word| out.extend_from_slice(word));
    out.extend_from_slice(b": ");
    write_text(message.text(), message.is_printable(), out);
}

/// Writes the lines that hand messages over, one for each.
///
/// This is where the time goes, so it formats nothing.
pub fn write_messages(messages: &Messages, out: &mut Vec<u8>) {
    let are_printable = messages.are_printable();
    if are_printable {
        out.reserve(messages_length(messages));
    }
    let start = out.len();
    let mut texts = messages.texts();
    let Some(first) = texts.next() else {
        return;
    };
    each_word_from(messages.header(), |word| out.extend_from_slice(word));
    let head = start..out.len();
    write_text(first, are_printable, out);
    for text in texts {
        out.extend_from_within(head.clone());
        write_text(text, are_printable, out);
    }
}

/// How many bytes [`write_messages`] writes.
pub fn messages_length(messages: &Messages) -> usize {
    if !messages.are_printable() {
        let mut out = Vec::new();
        write_messages(messages, &mut out);
        return out.len();
    }
    let mut head = 0;
    each_word_from(messages.header(), |word| head += word.len());
    messages.len() * (head + b"\n".len()) + messages.text_bytes()
}

/// Each word of a line that says who said something, and where, up to the text.
#[inline]
fn each_word_from(header: &Header, mut put: impl FnMut(&[u8])) {
    let verb: &[u8] = match header.stamp.form {
        Form::Message | Form::Notice => b"from ",
        Form::Invitation => b"* invited ",
        Form::Kick { .. } => b"* kicked ",
    };
    put(verb);
    if verb != b"from " {
        put(header.from.as_bytes());
        return put(b" ");
    }
    put(header.from.as_bytes());
    each_word_of_place(header, &mut put);
    put(b": ");
}

/// Each word that says where something was said.
#[inline]
fn each_word_of_place(header: &Header, mut put: impl FnMut(&[u8])) {
    if let Some(part) = &header.stamp.part {
        let is_for_operators = part.rank == Rank::Operator;
        put(if is_for_operators { b" in @" } else { b" in +" });
        put(part.room.as_bytes());
    } else if let Some(room) = &header.room {
        put(b" in ");
        put(room.as_bytes());
    }
}

/// Writes a text, and the end of its line.
#[inline]
fn write_text(text: &str, is_printable: bool, out: &mut Vec<u8>) {
    if is_printable {
        out.extend_from_slice(text.as_bytes());
    } else if let Some(action) = text.strip_prefix("\x01ACTION ") {
        // What somebody does, by the CTCP of IRC, as people type it there.
        out.extend_from_slice(b"/me ");
        out.extend_from_slice(Printable(action).to_string().as_bytes());
    } else {
        out.extend_from_slice(Printable(text).to_string().as_bytes());
    }
    out.push(b'\n');
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
        Refusal::WrongSecret { name } => error(
            out,
            "wrong-secret",
            format_args!("{name} is in use, and this is not its secret"),
        ),
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
        Refusal::TooManyRoomsFromAddress => {
            error(out, "too-many-rooms", format_args!("from your address"));
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
        Mistake::WrongPassword => (
            "wrong-password",
            "log in with the server's password: NAME PASSWORD or NAME PASSWORD:SECRET",
        ),
        Mistake::TooManyNames => (
            "too-many-names",
            "you take another name too often; try later",
        ),
        Mistake::NoColon => (
            "no-colon",
            "say to whom, like this: bob: hi; /help lists commands",
        ),
        Mistake::BadReceiver => ("bad-receiver", "names and #rooms stand before the colon"),
        Mistake::EmptyText => ("empty-text", "nothing follows the colon"),
        Mistake::UnknownCommand => ("unknown-command", "try /help"),
    };
    error(out, code, format_args!("{text}"));
}

/// Writes the last line of a connection.
pub fn write_bye(reason: StopReason, out: &mut Vec<u8>) {
    write_bye_with(farewell(reason), out);
}

/// Writes the last line before a connection ends, which says this.
pub fn write_bye_with(why: &str, out: &mut Vec<u8>) {
    say(out, format_args!("* bye {why}"));
}

/// Writes the first line of a connection, which says how to go on.
pub fn write_hello(out: &mut Vec<u8>) {
    let how = "type a name, or a name and a secret to be able to come back; /help lists commands";
    say(out, format_args!("* hello: {how}"));
}

/// Writes that somebody was killed before, by whom, when and why.
pub fn write_killed(by: Name, at: Timestamp, why: &str, out: &mut Vec<u8>) {
    let (at, why) = (at.to_seconds(), Printable(why));
    say(out, format_args!("* killed {by} at {at}: {why}"));
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
