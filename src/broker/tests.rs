//! Each contradiction that [`Broker::check`] looks for is found.

extern crate std;

use alloc::string::String;
use core::panic::AssertUnwindSafe;
use core::time::Duration;

use super::*;
use crate::id::{Source, Text, Texts};

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn room(text: &str) -> Room {
    Room::parse(text).expect("a room")
}

/// The guest alice is online and in #rust, and another connection has until 30 s to log in.
fn sound() -> Broker {
    let (mut broker, mut effects) = (Broker::new(&Config::default()), Effects::new());
    let [alice, other] = [1, 2].map(ConnId::new);
    let requests = [
        Request::LogIn {
            name: name("alice"),
            proof: None,
        },
        Request::Join {
            room: room("#rust"),
        },
    ];
    let requests = requests.map(|request| Input::Request {
        conn: alice,
        request,
    });
    let accepted = [alice, other].map(|conn| Input::Accepted {
        conn,
        source: Source::of([192, 0, 2, 1].into()),
    });
    for input in accepted.into_iter().chain(requests) {
        broker.handle(Time::ZERO, input, &mut effects);
    }
    broker
}

/// What the check says once something was done to a sound broker.
fn said(spoil: impl FnOnce(&mut Broker)) -> String {
    let mut broker = sound();
    broker.check();
    spoil(&mut broker);
    words_of_panic(|| broker.check())
}

pub(super) fn words_of_panic(check: impl FnOnce()) -> String {
    let checked = std::panic::catch_unwind(AssertUnwindSafe(check));
    let panic = checked.expect_err("the check finds it");
    match panic.downcast::<String>() {
        Ok(words) => *words,
        Err(words) => (*words.downcast::<&str>().expect("words")).into(),
    }
}

#[test]
fn an_order_that_is_kept_back_is_found() {
    let said = said(|broker| broker.stops.push(Stop::Reader(ConnId::new(1))));
    assert_eq!(said, "an order was kept back");
}

#[test]
fn a_deadline_that_has_passed_is_found() {
    let said = said(|broker| broker.now = broker.now.after(Duration::from_secs(30)));
    assert_eq!(said, "a deadline has passed");
}

#[test]
fn a_peer_that_is_unknown_or_another_is_found() {
    let unknown = said(|broker| broker.peers = Book::default());
    let another = said(|broker| broker.peer_mut(&name("alice")).id = PeerId::new(ConnId::new(2)));
    for said in [unknown, another] {
        assert_eq!(said, "peers differ");
    }
}

#[test]
fn a_name_that_is_left_behind_is_found() {
    let said = said(|broker| {
        broker
            .names
            .insert(PeerId::new(ConnId::new(2)), name("bob"));
    });
    assert!(said.contains("names differ"), "{said}");
}

#[test]
fn mail_that_waits_for_who_is_online_is_found() {
    let said = said(|broker| {
        let alice = broker.peer_mut(&name("alice"));
        let header = Header {
            from: name("alice"),
            sender: alice.id,
            source: Source::of([192, 0, 2, 1].into()),
            room: None,
            stamp: Stamp::default(),
        };
        let text = Text::parse("hi").expect("a text");
        let messages = Messages::new(header, 1, Texts::from(&text));
        alice
            .mailbox
            .prepend(messages.iter().map(Mail::Message).collect());
    });
    assert_eq!(said, "alice is online, and mail waits");
}

#[test]
fn a_room_too_many_or_one_that_does_not_know_its_member_is_found() {
    let said_of_limit = said(|broker| broker.limits.rooms_per_peer = 0);
    assert_eq!(said_of_limit, "alice is in too many rooms");
    let said_of_rooms = said(|broker| {
        let rooms = &mut broker.peer_mut(&name("alice")).rooms;
        rooms.insert(room("#go"));
    });
    assert!(
        said_of_rooms.contains("the rooms and their members disagree"),
        "{said_of_rooms}"
    );
}
