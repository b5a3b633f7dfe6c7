//! What mail from one address may take in all mailboxes together, and mail from all.

use std::time::Duration;

use rejoin::Config;

use crate::world::{World, config, name};

/// What a message of `alice`, or of another name as long, with two letters takes.
const MESSAGE: usize = Config::MAIL_OVERHEAD + "alicehi".len();

/// All mailboxes together may keep so many messages, and one address a quarter of that.
fn world(messages: usize) -> World {
    let bytes = messages * MESSAGE;
    World::with(&Config {
        memory: (8 * bytes).try_into().expect("not zero"),
        peers: 20.try_into().expect("not zero"),
        mailbox_messages: 100.try_into().expect("not zero"),
        mailbox_bytes: 100_000.try_into().expect("not zero"),
        ..config()
    })
}

#[test]
fn mail_from_one_address_takes_a_quarter_of_what_all_may_take() {
    let mut world = world(12);
    world.away("bob");
    world.away("carol");
    let alice = world.guest("alice");
    world.says_at_once(alice, "bob", &["hi", "hi"]);
    world.says(alice, "carol", "hi");
    world.hears(alice);
    let full = ["c3 hear * error mailbox-full carol"];
    world.says(alice, "carol", "hi");
    assert_eq!(world.effects, full);
    // It is not the sender who counts, but where it comes from.
    let again = world.guest("ellen");
    world.says(again, "carol", "hi");
    assert_eq!(world.effects, ["c4 hear * error mailbox-full carol"]);
    let other = world.accept_from(2);
    world.log_in(other, "david", None);
    world.says(other, "carol", "hi");
    assert_eq!(world.effects, ["c5 hear * kept carol"]);
    // What is handed over makes room.
    let bob = world.comes_back("bob");
    world.hears(bob);
    world.says_at_once(alice, "carol", &["hi", "hi"]);
    assert_eq!(world.effects, ["c3 hear * kept carol"; 2]);
    world.says(alice, "carol", "hi");
    assert_eq!(world.effects, full);
}

#[test]
fn what_comes_back_makes_room() {
    let mut world = world(12);
    world.away("bob");
    let alice = world.guest("alice");
    world.says_at_once(alice, "bob", &["hi", "hi", "hi", "hi"]);
    assert_eq!(
        world.effects.last().expect("some"),
        "c2 hear * error mailbox-full bob"
    );
    world.passes(Duration::from_secs(300));
    assert!(world.broker.mailbox(&name("bob")).is_none(), "bob is gone");
    world.away("carol");
    world.hears(alice);
    world.says_at_once(alice, "carol", &["hi", "hi", "hi"]);
    assert_eq!(world.effects, ["c2 hear * kept carol"; 3]);
}

#[test]
fn what_waits_in_several_mailboxes_is_counted_as_what_it_takes() {
    // One address may have 25 messages, and so may those that four keep together.
    let mut world = world(100);
    for peer in ["bob", "carol", "david", "ellen"] {
        let conn = world.peer(peer);
        world.joins(conn, "#rust");
        world.breaks(conn);
    }
    let alice = world.guest("alice");
    world.joins(alice, "#rust");
    for _ in 0..24 {
        world.says(alice, "#rust", "hi");
        assert_eq!(world.effects, [""; 0]);
    }
    world.says_at_once(alice, "#rust", &["hi"; 2]);
    assert!(
        world
            .effects
            .contains(&"c5 hear * error mailbox-full ellen in #rust".to_owned())
    );
}

#[test]
fn when_all_is_used_whoever_has_little_finds_room() {
    let mut world = world(64);
    let names = ["bob", "carol", "david", "ellen"];
    for (host, to) in (2..).zip(names) {
        world.away(to);
        let sender = world.accept_from(host);
        let as_whom = ["alica", "alicb", "alicc", "alicd"][usize::from(host) - 2];
        world.log_in(sender, as_whom, None);
        world.says_at_once(sender, to, &["hi"; 16]);
        assert_eq!(world.effects.len(), 16);
        assert!(world.effects.iter().all(|effect| effect.contains("kept")));
    }
    // A 64th of all is little.
    let late = world.accept_from(6);
    world.log_in(late, "alice", None);
    world.says_at_once(late, "bob", &["hi"; 2]);
    let expected = ["c9 hear * kept bob", "c9 hear * error mailbox-full bob"];
    assert_eq!(world.effects, expected);
}

#[test]
fn names_that_nobody_bears_keep_nothing() {
    let mut world = world(12);
    world.away("bob");
    let alice = world.guest("alice");
    for _ in 0..3 {
        world.says(alice, "bob n1 n2 n3", "hi");
        assert_eq!(world.effects[0], "c2 hear * kept bob");
    }
    world.says(alice, "bob n1 n2 n3", "hi");
    assert_eq!(world.effects[0], "c2 hear * error mailbox-full bob");
}

#[test]
fn what_a_writer_gives_back_is_within_the_bounds_of_all() {
    let mut world = world(12);
    let bob = world.peer("bob");
    let alice = world.guest("alice");
    world.says_at_once(alice, "bob", &["one", "two", "six", "ten", "old"]);
    world.breaks(bob);
    // Three of them fit nearly, and the newest come back.
    assert_eq!(world.waits_for("bob").len(), 2);
    assert_eq!(world.effects.len(), 3, "{:?}", world.effects);
    let other = world.accept_from(2);
    world.log_in(other, "david", None);
    world.says(other, "bob", "hi");
    assert_eq!(world.effects, ["c3 hear * kept bob"]);
}
