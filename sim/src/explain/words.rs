//! What happened, in a few words.

use rejoin::broker::{
    BounceReason, Event, Input, LeaveReason, Mail, Receiver, Refusal, Request, StopReason,
};
use rejoin::id::{Room, Text};

use crate::moment::number_in;
use crate::plural::count;

/// The sources that open with the statements, in the order of their numbers.
const STATEMENTS: [&str; 9] = [
    include_str!("../invariants/removal.rs"),
    include_str!("../invariants/isolation.rs"),
    include_str!("../invariants/halves.rs"),
    include_str!("../invariants/fate.rs"),
    include_str!("../invariants/order.rs"),
    include_str!("../invariants/names.rs"),
    include_str!("../invariants/bounds.rs"),
    include_str!("../invariants/nothing_left.rs"),
    include_str!("../invariants/determinism.rs"),
];

/// The statement with this number, as its source says it; nothing if there is none.
pub(super) fn statement(number: u8) -> String {
    let index = usize::from(number).checked_sub(1);
    let Some(source) = index.and_then(|index| STATEMENTS.get(index)) else {
        return String::new();
    };
    let opening = source.lines().map_while(|line| line.strip_prefix("//! "));
    let words: Vec<_> = opening.flat_map(str::split_whitespace).collect();
    let words = words.join(" ").replace(['`', '[', ']'], "");
    let number = format!("{number}. ");
    words.strip_prefix(&number).unwrap_or(&words).to_owned()
}

/// Without what would move a cursor or turn the direction of writing.
pub(super) fn clean(text: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let harmless = |c: char| !c.is_control() && !turns(c);
    let replaced = |c| if harmless(c) { c } else { '\u{fffd}' };
    text.chars().map(replaced).collect()
}

/// As much of `text` as fits into `most` characters, told from the rest by an ellipsis.
pub(super) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end_matches([' ', '.']))
}

/// Says what happened. What messages said is told by their numbers, and in full if that is known.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Words<'a> {
    /// The texts of the messages, by their numbers, if they are not those of a simulation.
    pub(super) texts: &'a [String],
}

impl Words<'_> {
    /// An input of the broker.
    pub(super) fn input(self, input: &Input) -> String {
        match input {
            Input::Accepted { .. } => "accepted".to_owned(),
            Input::Request { request, .. } => self.request(request),
            Input::GiveUp { reason, .. } => format!("given up: {}", stop(*reason)),
            Input::Dismiss { name, .. } => format!("{name} is dismissed"),
            Input::ReaderFinished { .. } => "reader finished".to_owned(),
            Input::WriterFinished { .. } => "writer finished".to_owned(),
            Input::Tick => "time has passed".to_owned(),
            Input::ShutDown => "the server stops".to_owned(),
        }
    }

    fn request(self, request: &Request) -> String {
        match request {
            Request::LogIn { name, proof } => {
                let how = if proof.is_some() { "secret" } else { "guest" };
                format!("log in as {name} ({how})")
            }
            Request::Send { to, text, .. } => {
                let to: Vec<_> = to.iter().map(receiver).collect();
                format!("says {} to {}", self.message(text), to.join(", "))
            }
            Request::Join { room } => format!("join {room}"),
            Request::Leave { room, .. } => format!("leave {room}"),
            Request::Kick { room, name, .. } => format!("kick {name} from {room}"),
            Request::Rename { name } => format!("be {name}"),
            Request::Rooms => "which rooms?".to_owned(),
            Request::Who { room: None } => "who is here?".to_owned(),
            Request::Who { room: Some(room) } => format!("who is in {room}?"),
            Request::Quit { why: None } => "quit".to_owned(),
            Request::Quit { why: Some(why) } => format!("quit: {}", said(why.as_str())),
        }
    }

    /// What a connection is told.
    pub(super) fn event(self, event: &Event) -> String {
        match event {
            Event::Welcome { name } => format!("welcome {name}"),
            Event::Back { name, kept } => format!("back {name}, {kept} kept"),
            Event::Mail(mail) => self.mail(mail),
            Event::KeptMail(mail) => format!("kept: {}", self.mail(mail)),
            Event::Kept { name } => format!("waits for {name}"),
            Event::Joined { room, name } => format!("{name} joined {room}"),
            Event::Left { room, name, why } => format!("{name} left {room}{}", leave(why)),
            Event::Renamed { from, to } => format!("{from} is now {to}"),
            Event::Rooms { total, .. } => count(*total as u64, "room"),
            Event::Who { total, .. } => count(*total as u64, "peer"),
            Event::Refused(refusal) => format!("refused: {}", self::refusal(refusal)),
        }
    }

    /// A piece of mail.
    pub(super) fn mail(self, mail: &Mail) -> String {
        let message = mail.message();
        let text = self.message(&message.text);
        match mail {
            Mail::Message(_) => format!("{text} from {}{}", message.from, within(message.room)),
            Mail::Bounce(bounced) => {
                let why = bounce(bounced.reason);
                format!("{text} bounced: {} {why}", bounced.receiver)
            }
        }
    }

    fn message(self, text: &Text) -> String {
        let number = number_in(text.as_str().as_bytes());
        match number.and_then(|number| self.said(number)) {
            Some(said) => format!("m{} “{}”", number.unwrap_or(0), shorten(&clean(said), 24)),
            None => said(text.as_str()),
        }
    }

    /// What is written by `Debug`, with what each message said beside its number.
    pub(super) fn restore(self, debug: &str) -> String {
        let quoted = debug.split('"').map(|part| {
            let digits = part.trim_end_matches('.').strip_prefix('m');
            let number = digits.and_then(|digits| digits.parse().ok());
            match number.and_then(|number: u32| Some((number, self.said(number)?))) {
                Some((number, said)) => format!("m{number} {said}"),
                None => part.to_owned(),
            }
        });
        quoted.collect::<Vec<_>>().join("\"")
    }

    fn said(&self, number: u32) -> Option<&str> {
        let said = self.texts.get(usize::try_from(number).ok()?)?;
        Some(said)
    }
}

fn receiver(receiver: &Receiver) -> String {
    match receiver {
        Receiver::Peer(name) => name.to_string(),
        Receiver::Room(room) | Receiver::OpenRoom(room) => room.to_string(),
    }
}

fn leave(why: &LeaveReason) -> &'static str {
    match why {
        LeaveReason::Left(_) => "",
        LeaveReason::Kicked { .. } => ": kicked",
        LeaveReason::Quit(_) => ": quit",
        LeaveReason::Gone => ": gone",
        LeaveReason::Expired => ": expired",
    }
}

fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::NotLoggedIn => "not logged in".to_owned(),
        Refusal::Waiting => "still waiting".to_owned(),
        Refusal::AlreadyLoggedIn => "already logged in".to_owned(),
        Refusal::NameInUse { name } => format!("{name} in use"),
        Refusal::ServerFull => "server full".to_owned(),
        Refusal::NoSuchPeer { name } => format!("no such peer {name}"),
        Refusal::MailboxFull { name, .. } => format!("mailbox of {name} full"),
        Refusal::TooManyReceivers { limit } => format!("more than {limit} receivers"),
        Refusal::NotInRoom { room } => format!("not in {room}"),
        Refusal::AlreadyInRoom { room } => format!("already in {room}"),
        Refusal::TooManyRooms { limit } => format!("more than {limit} rooms"),
    }
}

fn within(room: Option<Room>) -> String {
    room.map_or_else(String::new, |room| format!(" in {room}"))
}

/// Why mail is not handed over.
pub(super) const fn bounce(reason: BounceReason) -> &'static str {
    match reason {
        BounceReason::Gone => "gone",
        BounceReason::Expired => "expired",
        BounceReason::MailboxFull => "mailbox full",
        BounceReason::ShuttingDown => "shutting down",
    }
}

/// Why a connection ends.
pub(super) const fn stop(reason: StopReason) -> &'static str {
    match reason {
        StopReason::ReaderFinished => "reader finished",
        StopReason::Quit => "quit",
        StopReason::Dismissed => "dismissed",
        StopReason::Replaced => "replaced",
        StopReason::LoginTimeout => "login timeout",
        StopReason::FailedLogins => "failed logins",
        StopReason::NotAdmitted => "not admitted",
        StopReason::ServerFull => "server full",
        StopReason::Silent => "silent",
        StopReason::TooSlow => "too slow",
        StopReason::TooManyConnections => "too many connections",
        StopReason::ShuttingDown => "shutting down",
    }
}

/// The beginning of a text; a simulated one is padded with dots, which say nothing.
pub(super) fn said(text: &str) -> String {
    shorten(clean(text).trim_end_matches('.'), 24)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::moment::text;

    #[test]
    fn each_statement_is_found_in_its_source() {
        assert!(statement(1).starts_with("A peer is removed only when the writer"));
        for number in 1..=STATEMENTS.len() as u8 {
            let statement = statement(number);
            assert!(statement.ends_with('.'), "{number}: {statement}");
            assert!(!statement.starts_with(char::is_numeric), "{statement}");
        }
        assert_eq!(statement(0), "");
        assert_eq!(statement(99), "");
    }

    #[test]
    fn what_was_said_stands_beside_its_number() {
        let texts = ["hello".to_owned(), "bye".to_owned()];
        let words = Words { texts: &texts };
        let debug = r#"text: "m1......", from: m0, text: "m2", why: Some("m")"#;
        let restored = r#"text: "m1 bye", from: m0, text: "m2", why: Some("m")"#;
        assert_eq!(words.restore(debug), restored);
        assert_eq!(words.message(&text(0, 9)), "m0 “hello”");
        assert_eq!(Words::default().message(&text(0, 9)), "m0");
    }

    #[test]
    fn what_is_long_is_cut_and_what_moves_a_cursor_is_replaced() {
        assert_eq!(shorten("twelve bytes", 12), "twelve bytes");
        assert_eq!(shorten("thirteen bytes", 10), "thirteen…");
        assert_eq!(said("m12............................"), "m12");
        assert_eq!(clean("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }
}
