//! What the server says.

use std::sync::Arc;

use proptest::prelude::*;
use rejoin::broker::{
    Bounce, BounceReason, Event, Header, LeaveReason, Mail, Message, Messages, Part, PeerEntry,
    Rank, Refusal, RoomEntry, Stamp, StopReason,
};
use rejoin::id::{BadSecret, ConnId, Name, PeerId, Room, Source, Text, Texts, is_forbidden};
use rejoin::wire::plain::{self, Mistake};

use crate::text;

#[test]
fn each_event_is_written_as_the_table_says() {
    let (bob, rust) = (name("Bob"), room("#Rust"));
    let left = |why| Event::Left {
        room: rust,
        name: bob,
        why,
    };
    for (event, lines) in [
        (Event::Welcome { name: bob }, "* welcome Bob\n"),
        (Event::Back { name: bob, kept: 3 }, "* back Bob 3\n"),
        (Event::Mail(message(None)), "from alice: hi: there\n"),
        (Event::KeptMail(message(None)), "from alice: hi: there\n"),
        (
            Event::Mail(message(Some(rust))),
            "from alice in #Rust: hi: there\n",
        ),
        (
            Event::Mail(message_to(Rank::Operator)),
            "from alice in @#Rust: hi: there\n",
        ),
        (
            Event::Mail(message_to(Rank::Voice)),
            "from alice in +#Rust: hi: there\n",
        ),
        (Event::Kept { name: bob }, "* kept Bob\n"),
        (
            Event::Joined {
                room: rust,
                name: bob,
            },
            "* joined #Rust Bob\n",
        ),
        (left(LeaveReason::Left(None)), "* left #Rust Bob left\n"),
        (
            left(LeaveReason::Left(Text::parse("see\x07 you"))),
            "* left #Rust Bob left: see you\n",
        ),
        (
            left(LeaveReason::Kicked {
                by: name("alice"),
                why: Text::parse("go"),
            }),
            "* left #Rust Bob kicked: go\n",
        ),
        (
            Event::Renamed {
                from: bob,
                to: name("rob"),
            },
            "* renamed Bob rob\n",
        ),
        (left(LeaveReason::Quit(None)), "* left #Rust Bob quit\n"),
        (
            left(LeaveReason::Quit(Text::parse("see you"))),
            "* left #Rust Bob quit: see you\n",
        ),
        (left(LeaveReason::Gone), "* left #Rust Bob gone\n"),
        (left(LeaveReason::Expired), "* left #Rust Bob expired\n"),
        (
            Event::Rooms {
                rooms: Vec::new(),
                total: 0,
            },
            "* end rooms 0\n",
        ),
        (
            Event::Rooms {
                rooms: vec![
                    RoomEntry {
                        room: room("#go"),
                        members: 1,
                        joined: false,
                    },
                    RoomEntry {
                        room: rust,
                        members: 12,
                        joined: true,
                    },
                ],
                total: 7,
            },
            "* room #go 1\n* room #Rust 12 joined\n* end rooms 7\n",
        ),
        (
            Event::Who {
                peers: vec![
                    PeerEntry {
                        name: name("alice"),
                        away: false,
                    },
                    PeerEntry {
                        name: bob,
                        away: true,
                    },
                ],
                total: 7,
            },
            "* peer alice\n* peer Bob away\n* end who 7\n",
        ),
    ] {
        assert_eq!(written(|out| plain::write_event(&event, out)), lines);
    }
}

#[test]
fn each_bounce_is_written_with_its_code_and_its_room() {
    for (reason, code) in [
        (BounceReason::Gone, "gone"),
        (BounceReason::Expired, "expired"),
        (BounceReason::MailboxFull, "mailbox-full"),
        (BounceReason::ShuttingDown, "shutting-down"),
    ] {
        for (room, place) in [(None, ""), (Some(room("#Rust")), " in #Rust")] {
            let event = Event::Mail(bounce(reason, room));
            let line = format!("* undelivered Bob {code}{place}: hi: there\n");
            assert_eq!(written(|out| plain::write_event(&event, out)), line);
        }
    }
}

#[test]
fn each_refusal_is_written_with_its_code() {
    let (name, room) = (name("Bob"), room("#Rust"));
    for (refusal, line) in [
        (
            Refusal::NotLoggedIn,
            "not-logged-in first say who you are: NAME or NAME SECRET",
        ),
        (
            Refusal::Waiting,
            "waiting an older connection with your name is about to end",
        ),
        (
            Refusal::AlreadyLoggedIn,
            "already-logged-in you have a name",
        ),
        (Refusal::NameInUse { name }, "name-in-use Bob"),
        (
            Refusal::WrongSecret { name },
            "wrong-secret Bob is in use, and this is not its secret",
        ),
        (Refusal::ServerFull, "server-full there are too many peers"),
        (Refusal::NoSuchPeer { name }, "no-such-peer Bob"),
        (
            Refusal::MailboxFull { name, room: None },
            "mailbox-full Bob",
        ),
        (
            Refusal::MailboxFull {
                name,
                room: Some(room),
            },
            "mailbox-full Bob in #Rust",
        ),
        (
            Refusal::TooManyReceivers { limit: 16 },
            "too-many-receivers at most 16",
        ),
        (Refusal::NotInRoom { room }, "not-in-room #Rust"),
        (Refusal::AlreadyInRoom { room }, "already-in-room #Rust"),
        (
            Refusal::TooManyRooms { limit: 32 },
            "too-many-rooms at most 32",
        ),
    ] {
        let event = Event::Refused(refusal);
        let expected = format!("* error {line}\n");
        assert_eq!(written(|out| plain::write_event(&event, out)), expected);
    }
}

#[test]
fn each_mistake_is_written_with_its_code() {
    for (mistake, line) in [
        (Mistake::EmptyLine, "empty-line say something, or /help"),
        (
            Mistake::LineTooLong { limit: 4096 },
            "line-too-long at most 4096 bytes; the line was skipped",
        ),
        (
            Mistake::TooManyNames,
            "too-many-names you take another name too often; try later",
        ),
        (Mistake::InvalidUtf8, "invalid-utf8 lines are UTF-8"),
        (
            Mistake::ControlCharacter,
            "control-character a line has none but tabs and formatting codes",
        ),
        (
            Mistake::BadName,
            "bad-name a name is 1 to 32 of letters, digits and -_[]\\`^{}|, no digit or - first",
        ),
        (
            Mistake::BadSecret(BadSecret::TooShort),
            "bad-secret too short: a secret has 8 to 128 characters",
        ),
        (
            Mistake::BadSecret(BadSecret::TooLong),
            "bad-secret too long: a secret has 8 to 128 characters",
        ),
        (
            Mistake::BadSecret(BadSecret::Malformed),
            "bad-secret a secret has no spaces or formatting codes",
        ),
        (
            Mistake::WrongPassword,
            "wrong-password log in with the server's password: NAME PASSWORD or NAME PASSWORD:SECRET",
        ),
        (
            Mistake::NoColon,
            "no-colon say to whom, like this: bob: hi; /help lists commands",
        ),
        (
            Mistake::BadReceiver,
            "bad-receiver names and #rooms stand before the colon",
        ),
        (Mistake::EmptyText, "empty-text nothing follows the colon"),
        (Mistake::UnknownCommand, "unknown-command try /help"),
        (
            Mistake::BadArguments {
                usage: "/join #room",
            },
            "bad-arguments usage: /join #room",
        ),
    ] {
        let expected = format!("* error {line}\n");
        assert_eq!(written(|out| plain::write_mistake(mistake, out)), expected);
    }
}

#[test]
fn each_bye_says_why() {
    for (reason, text) in BYES {
        assert_eq!(
            written(|out| plain::write_bye(reason, out)),
            format!("* bye {text}\n")
        );
    }
}

const BYES: [(StopReason, &str); 13] = [
    (StopReason::ReaderFinished, "you closed the connection"),
    (StopReason::Quit, "you quit"),
    (StopReason::Dismissed, "you were removed"),
    (StopReason::Replaced, "you are back on another connection"),
    (StopReason::LoginTimeout, "you did not log in in time"),
    (StopReason::FailedLogins, "too many failed logins"),
    (
        StopReason::NotAdmitted,
        "you did not give the server's password",
    ),
    (StopReason::ServerFull, "there are too many peers"),
    (StopReason::Silent, "you were silent for too long"),
    (StopReason::TooSlow, "you read too slowly"),
    (
        StopReason::TooManyConnections,
        "there are too many connections",
    ),
    (StopReason::Unanswered, "the server stops"),
    (StopReason::ShuttingDown, "the server stops"),
];

#[test]
fn a_probe_and_the_explanation_are_lines_too() {
    assert_eq!(written(plain::write_probe), "* ping\n");
    let help: String = plain::HELP
        .iter()
        .map(|text| format!("* help {text}\n"))
        .collect();
    assert_eq!(written(plain::write_help), help);
}

#[test]
fn the_explanation_names_every_command() {
    let help = plain::HELP.concat();
    for command in [
        "/join", "/leave", "/rooms", "/who", "/quit", "/pong", "/help",
    ] {
        assert!(help.contains(command), "{command}");
    }
}

#[test]
fn lines_are_written_behind_what_is_there() {
    let mut out = b"* welcome alice\n".to_vec();
    plain::write_probe(&mut out);
    assert_eq!(out, b"* welcome alice\n* ping\n");
}

proptest! {
    #[test]
    fn what_is_written_is_whole_lines_that_begin_as_they_should(event in event()) {
        let lines = written(|out| plain::write_event(&event, out));
        prop_assert!(lines.ends_with('\n'));
        for line in lines.split_terminator('\n') {
            prop_assert!(line.starts_with("* ") || line.starts_with("from "), "{line:?}");
            prop_assert!(!line.chars().any(is_forbidden), "{line:?}");
        }
        let count = match event {
            Event::Rooms { rooms, .. } => rooms.len() + 1,
            Event::Who { peers, .. } => peers.len() + 1,
            Event::Mail(_) | Event::KeptMail(_) | Event::Welcome { .. } | Event::Back { .. }
            | Event::Kept { .. } | Event::Joined { .. } | Event::Left { .. }
            | Event::Renamed { .. } | Event::Refused(_) => 1,
        };
        prop_assert_eq!(lines.split_terminator('\n').count(), count);
    }

    #[test]
    fn messages_that_were_said_at_once_are_written_as_each_by_itself(
        from in any_name(),
        room in prop::option::of(any_room()),
        texts in prop::collection::vec(text(), 0..4),
    ) {
        let messages = Messages::new(header(from, room), 1, texts.iter().collect());
        let mut alone = Vec::new();
        for message in messages.iter() {
            plain::write_mail(&Mail::Message(message), &mut alone);
        }
        let mut out = b"* welcome alice\n".to_vec();
        let before = out.len();
        plain::write_messages(&messages, &mut out);
        prop_assert_eq!(&out[before..], &alone);
        prop_assert_eq!(plain::messages_length(&messages), alone.len());
    }
}

/// Any event that shows what peers chose, or how much there is.
fn event() -> impl Strategy<Value = Event> {
    let words = (any_name(), any_name(), any_room(), text());
    let numbers = (any::<usize>(), any::<bool>(), 0_usize..4);
    (words, numbers, 0..9).prop_map(|(words, (number, flag, length), which)| {
        let (from, name, room, text) = words;
        let message = said_by(from, flag.then_some(room), text.clone());
        let why = LeaveReason::Quit(Some(text));
        let entry = RoomEntry {
            room,
            members: number,
            joined: flag,
        };
        let rooms = vec![entry; length];
        let peers = vec![PeerEntry { name, away: flag }; length];
        let bounce = Bounce {
            receiver: name,
            reason: BounceReason::Expired,
            message: message.clone(),
            more: 0,
        };
        match which {
            0 => Event::Mail(Mail::Message(message)),
            1 => Event::KeptMail(Mail::Bounce(Arc::new(bounce))),
            2 => Event::Back { name, kept: number },
            3 => Event::Joined { room, name },
            4 => Event::Left { room, name, why },
            5 => Event::Rooms {
                rooms,
                total: number,
            },
            6 => Event::Who {
                peers,
                total: number,
            },
            7 => Event::Refused(Refusal::MailboxFull {
                name,
                room: flag.then_some(room),
            }),
            _ => Event::Refused(Refusal::TooManyRooms { limit: number }),
        }
    })
}

fn any_name() -> impl Strategy<Value = Name> {
    let names = "[a-zA-Z_\\[\\]\\\\`^{}|][a-zA-Z0-9_|-]{0,31}";
    names.prop_map(|text| name(&text))
}

fn any_room() -> impl Strategy<Value = Room> {
    "#[a-zA-Z#+.0-9-]{1,49}".prop_map(|text| room(&text))
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn room(text: &str) -> Room {
    Room::parse(text).expect("a room")
}

fn said(room: Option<Room>) -> Message {
    let text = Text::parse("hi: there").expect("a text");
    said_by(name("alice"), room, text)
}

fn said_by(from: Name, room: Option<Room>, text: Text) -> Message {
    message_of(header(from, room), &text)
}

fn header(from: Name, room: Option<Room>) -> Header {
    Header {
        from,
        sender: PeerId::new(ConnId::new(1)),
        source: Source::of([192, 0, 2, 1].into()),
        room,
        stamp: Stamp::default(),
    }
}

fn message_of(header: Header, text: &Text) -> Message {
    let messages = Messages::new(header, 1, Texts::from(text));
    messages.iter().next().expect("a text is a message")
}

fn message(room: Option<Room>) -> Mail {
    Mail::Message(said(room))
}

/// A message to those in a room who have this rank or more.
fn message_to(rank: Rank) -> Mail {
    let room = room("#Rust");
    let said = said(None);
    let mut header = said.header().clone();
    header.stamp.part = Some(Arc::new(Part { room, rank }));
    let text = Text::parse("hi: there").expect("a text");
    Mail::Message(message_of(header, &text))
}

fn bounce(reason: BounceReason, room: Option<Room>) -> Mail {
    Mail::Bounce(Arc::new(Bounce {
        receiver: name("Bob"),
        reason,
        message: said(room),
        more: 0,
    }))
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    write(&mut out);
    String::from_utf8(out).expect("UTF-8")
}
