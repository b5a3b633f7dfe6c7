//! What happened, in a few words.

use std::fmt;

use rejoin::broker::lifecycle::Phase;
use rejoin::broker::{
    BounceReason, Event, Input, LeaveReason, Mail, Receiver, Refusal, Request, StopReason,
};
use rejoin::id::{ConnId, Name, PeerId, Room, Time};

use crate::moment::{Act, View, actor, number_in};
use crate::plural::count;

/// The sources that open with the statements, in the order of their numbers.
const STATEMENTS: [&str; 9] = [
    include_str!("invariants/removal.rs"),
    include_str!("invariants/isolation.rs"),
    include_str!("invariants/halves.rs"),
    include_str!("invariants/fate.rs"),
    include_str!("invariants/order.rs"),
    include_str!("invariants/names.rs"),
    include_str!("invariants/bounds.rs"),
    include_str!("invariants/nothing_left.rs"),
    include_str!("invariants/determinism.rs"),
];

/// The statement with this number, as its source says it; nothing if there is none.
pub(crate) fn statement(number: u8) -> String {
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
pub(crate) fn clean(text: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let harmless = |c: char| !c.is_control() && !turns(c);
    let replaced = |c| if harmless(c) { c } else { '\u{fffd}' };
    text.chars().map(replaced).collect()
}

/// As much of `text` as fits into `most` characters, told from the rest by an ellipsis.
pub(crate) fn shorten(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end_matches([' ', '.']))
}

/// Says what happened. What messages said is told by their numbers, and in full if that is known.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Words<'a> {
    /// The texts of the messages, by their numbers, if they are not those of a simulation.
    pub(crate) texts: &'a [String],
    /// Whether they stand in quotes, by which [`restore`](Self::restore) knows them.
    pub(crate) quotes: bool,
}

/// The words of violations, of which whoever finds them does not know what the messages said.
const QUOTING: Words<'_> = Words {
    texts: &[],
    quotes: true,
};

/// What a connection is told.
pub(crate) fn event(event: &Event) -> String {
    QUOTING.event(event)
}

/// What the broker is told, and by whom.
pub(crate) fn input(input: &Input) -> String {
    let conn = actor(input).map(|conn| format!("{conn} "));
    conn.unwrap_or_default() + &QUOTING.input(input)
}

/// A piece of mail.
pub(crate) fn mail(mail: &Mail) -> String {
    QUOTING.mail(mail)
}

/// A message in a room or to a peer, by its number.
pub(crate) fn message(number: u32, room: Option<Room>) -> String {
    format!("\"m{number}\"{}", within(room))
}

/// What the broker wants done.
pub(crate) fn act(act: &Act) -> String {
    match act {
        Act::Tell { to, event } => format!("{} ◂ {}", list(to), self::event(event)),
        Act::StopReader { conn } => format!("{conn} ◂ stop reading"),
        Act::StopWriter { conn, reason } => format!("{conn} ◂ stop writing: {}", stop(*reason)),
        Act::Discard { mail, reason, .. } => {
            format!("drops {}: {}", self::mail(mail), bounce(*reason))
        }
        Act::Forget { name } => format!("forgets {name}"),
    }
}

/// Who somebody is, whatever it is called.
pub(crate) fn peer(peer: Option<PeerId>) -> String {
    peer.map_or_else(
        || "nobody".to_owned(),
        |peer| format!("the peer that came with {}", peer.joined_with()),
    )
}

/// How far a connection has come.
pub(crate) fn phase(phase: &Phase) -> String {
    match phase {
        Phase::Greeting { .. } => "new".to_owned(),
        Phase::Waiting { name, .. } => format!("waiting for {name}"),
        Phase::Online { name, .. } => format!("online as {name}"),
        Phase::Leaving { name: Some(name) } => format!("leaving {name}"),
        Phase::Leaving { name: None } => "leaving".to_owned(),
    }
}

/// How it is with a name.
pub(crate) fn hold(holder: Option<ConnId>, until: Option<Time>) -> String {
    match (holder, until) {
        (Some(conn), _) => format!("held by {conn}"),
        (None, Some(_)) => format!("away until {}", when(until)),
        (None, None) => "free".to_owned(),
    }
}

/// A point in time.
pub(crate) fn when(time: Option<Time>) -> String {
    time.map_or_else(
        || "never".to_owned(),
        |time| format!("{} ms", time.as_micros() as f64 / 1e3),
    )
}

/// Some things, one after the other.
pub(crate) fn list(items: impl IntoIterator<Item: fmt::Display>) -> String {
    let items: Vec<_> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() {
        return "nothing".to_owned();
    }
    items.join(", ")
}

/// Some who are there, one after the other.
pub(crate) fn names<'a>(names: impl IntoIterator<Item = &'a Name>) -> String {
    let mut names = names.into_iter().peekable();
    if names.peek().is_none() {
        return "nobody".to_owned();
    }
    list(names)
}

/// What a broker has in it.
pub(crate) fn view(view: &View) -> String {
    let connections = view.connections.iter();
    let connections = connections.map(|(conn, phase)| format!("{conn} ({})", self::phase(phase)));
    let names = view.bindings.keys().map(|name| format!("the name {name}"));
    let mailboxes = view.mailboxes.keys();
    let mailboxes = mailboxes.map(|name| format!("the mailbox of {name}"));
    let rooms = view.rooms.keys().map(|room| format!("the room {room}"));
    let deadline = view.deadline.map(|_| "a deadline".to_owned());
    list(
        connections
            .chain(names)
            .chain(mailboxes)
            .chain(rooms)
            .chain(deadline),
    )
}

impl Words<'_> {
    /// An input of the broker.
    pub(crate) fn input(self, input: &Input) -> String {
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
            Request::Send { to, said } => {
                let to: Vec<_> = to.iter().map(receiver).collect();
                let texts: Vec<_> = said.texts.iter().map(|text| self.message(text)).collect();
                format!("says {} to {}", texts.join(", "), to.join(", "))
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
    pub(crate) fn event(self, event: &Event) -> String {
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
    pub(crate) fn mail(self, mail: &Mail) -> String {
        let message = mail.message();
        let text = self.message(message.text());
        match mail {
            Mail::Message(_) => format!(
                "{text} from {}{}",
                message.header().from,
                within(message.header().room)
            ),
            Mail::Bounce(bounced) => {
                let why = bounce(bounced.reason);
                let more = match bounced.more {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                format!("{text}{more} bounced: {} {why}", bounced.receiver)
            }
        }
    }

    fn message(self, text: &str) -> String {
        let number = number_in(text.as_bytes());
        match number.and_then(|number| self.said(number)) {
            Some(said) => format!("m{} “{}”", number.unwrap_or(0), shorten(&clean(said), 24)),
            None if self.quotes => format!("\"{}\"", said(text)),
            None => said(text),
        }
    }

    /// What is written by `Debug`, or says how something is violated, with what each message said
    /// beside its number.
    pub(crate) fn restore(self, debug: &str) -> String {
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
        Refusal::WrongSecret { name } => format!("{name} in use, and that is not its secret"),
        Refusal::ServerFull => "server full".to_owned(),
        Refusal::NoSuchPeer { name } => format!("no such peer {name}"),
        Refusal::MailboxFull { name, .. } => format!("mailbox of {name} full"),
        Refusal::TooManyReceivers { limit } => format!("more than {limit} receivers"),
        Refusal::NotInRoom { room } => format!("not in {room}"),
        Refusal::AlreadyInRoom { room } => format!("already in {room}"),
        Refusal::TooManyRooms { limit } => format!("more than {limit} rooms"),
        Refusal::TooManyRoomsFromAddress => "too many rooms from one address".to_owned(),
    }
}

fn within(room: Option<Room>) -> String {
    room.map_or_else(String::new, |room| format!(" in {room}"))
}

/// Why mail is not handed over.
pub(crate) const fn bounce(reason: BounceReason) -> &'static str {
    match reason {
        BounceReason::Gone => "gone",
        BounceReason::Expired => "expired",
        BounceReason::MailboxFull => "mailbox full",
        BounceReason::ShuttingDown => "shutting down",
    }
}

/// Why a connection ends.
pub(crate) const fn stop(reason: StopReason) -> &'static str {
    match reason {
        StopReason::ReaderFinished => "reader finished",
        StopReason::Quit => "quit",
        StopReason::Dismissed => "dismissed",
        StopReason::Replaced => "replaced",
        StopReason::LoginTimeout => "login timeout",
        StopReason::FailedLogins => "failed logins",
        StopReason::OtherProtocol => "other protocol",
        StopReason::NotAdmitted => "not admitted",
        StopReason::ServerFull => "server full",
        StopReason::Silent => "silent",
        StopReason::TooSlow => "too slow",
        StopReason::TooManyConnections => "too many connections",
        StopReason::Unanswered => "unanswered",
        StopReason::ShuttingDown => "shutting down",
    }
}

/// The beginning of a text; a simulated one is padded with dots, which say nothing.
pub(crate) fn said(text: &str) -> String {
    shorten(clean(text).trim_end_matches('.'), 24)
}

/// Whether a text has nothing in it that `Debug` has written: a type, a list, an option, a truth.
#[cfg(test)]
pub(crate) fn is_plain(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    let is_value = words.any(|word| ["Some", "None", "true", "false"].contains(&word));
    let has_fields = text.contains(['{', '[']);
    let mut opened = text.match_indices('(').map(|(place, _)| &text[..place]);
    let is_tuple = opened.any(|before| before.ends_with(char::is_alphanumeric));
    !(is_value || has_fields || is_tuple)
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
        let words = Words {
            texts: &texts,
            quotes: false,
        };
        let debug = r#"text: "m1......", from: m0, text: "m2", why: Some("m")"#;
        let restored = r#"text: "m1 bye", from: m0, text: "m2", why: Some("m")"#;
        assert_eq!(words.restore(debug), restored);
        assert_eq!(words.message(text(0, 9).as_str()), "m0 “hello”");
        assert_eq!(Words::default().message(text(0, 9).as_str()), "m0");
        assert_eq!(QUOTING.message(text(1, 9).as_str()), "\"m1\"");
        assert_eq!(words.restore(&message(1, None)), "\"m1 bye\"");
    }

    #[test]
    fn what_the_code_calls_things_is_not_plain() {
        for plain in ["c1 (online as ann) is told: \"m1\" from ann", "nobody"] {
            assert!(is_plain(plain), "{plain}");
        }
        for code in [
            "Bearer { first: 0 }",
            "PeerId(7)",
            "for None",
            "[c1]",
            "(true)",
        ] {
            assert!(!is_plain(code), "{code}");
        }
    }

    #[test]
    fn what_is_long_is_cut_and_what_moves_a_cursor_is_replaced() {
        assert_eq!(shorten("twelve bytes", 12), "twelve bytes");
        assert_eq!(shorten("thirteen bytes", 10), "thirteen…");
        assert_eq!(said("m12............................"), "m12");
        assert_eq!(clean("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }
}
