//! The plain protocol once more, without its code: the line of each request, and what a client
//! reads of each event.

use crate::moment::texts;
use crate::step::{self, Step, To};
use rejoin::broker::{BounceReason, Event, LeaveReason, Mail, Refusal};
use rejoin::id::Time;

/// The lines of a step that is a request, the last without its end; nothing for the others. `sent`
/// counts the messages, so that each has a text of its own.
pub fn line_of(step: &Step, sent: &mut u32) -> Option<String> {
    Some(match step {
        &Step::LogIn { name, secret, .. } => {
            let name = step::name(name);
            match secret.map(|secret| secret % step::SECRETS) {
                Some(secret) => format!("{name} correct-horse-{secret}"),
                None => name.to_string(),
            }
        }
        Step::Send { to, length, .. } => {
            let to: Vec<_> = to.iter().copied().map(receiver).collect();
            let to = to.join(", ");
            let texts = texts(*length, sent);
            let lines: Vec<_> = texts.iter().map(|text| format!("{to}: {text}")).collect();
            lines.join("\n")
        }
        &Step::Join { room, .. } => format!("/join {}", step::room(room)),
        &Step::Leave { room, .. } => format!("/leave {}", step::room(room)),
        Step::Rooms { .. } => "/rooms".to_owned(),
        Step::Who { room: None, .. } => "/who".to_owned(),
        &Step::Who {
            room: Some(room), ..
        } => format!("/who {}", step::room(room)),
        Step::Quit { why: false, .. } => "/quit".to_owned(),
        Step::Quit { why: true, .. } => "/quit m0".to_owned(),
        &Step::Rename { name, .. } => format!("/nick {}", step::name(name)),
        // Those who speak it are no operators.
        Step::Oper { .. }
        | Step::Kill { .. }
        | Step::Accept
        | Step::AcceptIrc
        | Step::Answer { .. }
        | Step::Dismiss { .. }
        | Step::ReaderFinishes { .. }
        | Step::Write { .. }
        | Step::WriterFinishes { .. }
        | Step::GiveUp { .. }
        | Step::Wait { .. }
        | Step::ShutDown => return None,
    })
}

/// What somebody says first that speaks another protocol: a browser, or a client of IRC where plain
/// lines are spoken.
pub fn stranger(speaks_irc: bool, is_browser: bool) -> &'static str {
    if speaks_irc || is_browser {
        "POST / HTTP/1.1\r\n\r\n"
    } else {
        "PASS correct-horse-0\r\nNICK ann\r\nUSER ann 0 * :ann\r\n"
    }
}

/// Whether a line tells a client only that it takes the name which it bears: nobody else is told.
pub fn renames_to_itself(line: &str) -> bool {
    let names = line.strip_prefix("* renamed ").map(str::trim_end);
    let names = names.and_then(|names| names.split_once(' '));
    names.is_some_and(|(from, to)| from == to)
}

fn receiver(to: To) -> String {
    match to {
        To::Peer(name) => step::name(name).to_string(),
        To::Room(room) => step::room(room).to_string(),
    }
}

/// The lines that a client reads, each with its end.
pub fn spell(event: &Event) -> String {
    match event {
        Event::Welcome { name } => format!("* welcome {name}\n"),
        Event::Back { name, kept } => format!("* back {name} {kept}\n"),
        Event::Mail(mail) => spell_mail(mail, ""),
        Event::KeptMail(mail) => {
            let at = seconds(mail.message().header().stamp.at);
            spell_mail(mail, &format!(" at {at}"))
        }
        Event::Kept { name } => format!("* kept {name}\n"),
        Event::Joined { room, name } => format!("* joined {room} {name}\n"),
        Event::Left { room, name, why } => {
            let (why, text) = match why {
                LeaveReason::Left(text) => ("left", text.as_ref()),
                LeaveReason::Quit(text) => ("quit", text.as_ref()),
                LeaveReason::Kicked { why, .. } => ("kicked", why.as_ref()),
                LeaveReason::Gone => ("gone", None),
                LeaveReason::Expired => ("expired", None),
            };
            match text {
                Some(text) => format!("* left {room} {name} {why}: {}\n", text.as_str()),
                None => format!("* left {room} {name} {why}\n"),
            }
        }
        Event::Renamed { from, to } => format!("* renamed {from} {to}\n"),
        Event::Rooms { rooms, total } => {
            let rooms = rooms.iter().map(|entry| {
                let joined = if entry.joined { " joined" } else { "" };
                format!("* room {} {}{joined}\n", entry.room, entry.members)
            });
            rooms.collect::<String>() + &format!("* end rooms {total}\n")
        }
        Event::Who { peers, total } => {
            let peers = peers.iter().map(|entry| {
                let away = if entry.away { " away" } else { "" };
                format!("* peer {}{away}\n", entry.name)
            });
            peers.collect::<String>() + &format!("* end who {total}\n")
        }
        Event::Refused(refusal) => spell_refusal(refusal),
    }
}

/// A message of a bounce has no time; `at` is that of a message, if it was kept.
fn spell_mail(mail: &Mail, at: &str) -> String {
    let message = mail.message();
    let room = message.header().room.map(|room| format!(" in {room}"));
    let (room, text) = (room.unwrap_or_default(), message.text());
    match mail {
        Mail::Message(message) => format!("from {}{room}{at}: {text}\n", message.header().from),
        Mail::Bounce(bounce) => {
            let code = match bounce.reason {
                BounceReason::Gone => "gone",
                BounceReason::Expired => "expired",
                BounceReason::MailboxFull => "mailbox-full",
                BounceReason::ShuttingDown => "shutting-down",
            };
            let receiver = bounce.receiver;
            let more = match bounce.more {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("* undelivered {receiver} {code}{more}{room}: {text}\n")
        }
    }
}

/// A time where the clock was never set: it counts from the beginning of 1970.
fn seconds(at: Time) -> String {
    const DAYS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let seconds = at.as_micros() / 1_000_000;
    let (mut day, mut month) = (seconds / 86_400, 0);
    while day >= DAYS[month] {
        day -= DAYS[month];
        month += 1;
    }
    let (hour, minute) = (seconds / 3_600 % 24, seconds / 60 % 60);
    let (month, day, second) = (month + 1, day + 1, seconds % 60);
    format!("1970-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn spell_refusal(refusal: &Refusal) -> String {
    let what = match refusal {
        Refusal::NotLoggedIn => {
            "not-logged-in first say who you are: NAME or NAME SECRET".to_owned()
        }
        Refusal::Waiting => "waiting an older connection with your name is about to end".to_owned(),
        Refusal::AlreadyLoggedIn => "already-logged-in you have a name".to_owned(),
        Refusal::NameInUse { name } => format!("name-in-use {name}"),
        Refusal::WrongSecret { name } => {
            format!("wrong-secret {name} is in use, and this is not its secret")
        }
        Refusal::ServerFull => "server-full there are too many peers".to_owned(),
        Refusal::NoSuchPeer { name } => format!("no-such-peer {name}"),
        Refusal::MailboxFull { name, room: None } => format!("mailbox-full {name}"),
        Refusal::MailboxFull {
            name,
            room: Some(room),
        } => format!("mailbox-full {name} in {room}"),
        Refusal::TooManyReceivers { limit } => format!("too-many-receivers at most {limit}"),
        Refusal::NotInRoom { room } => format!("not-in-room {room}"),
        Refusal::AlreadyInRoom { room } => format!("already-in-room {room}"),
        Refusal::TooManyRooms { limit } => format!("too-many-rooms at most {limit}"),
        Refusal::TooManyRoomsFromAddress => "too-many-rooms from your address".to_owned(),
    };
    format!("* error {what}\n")
}
