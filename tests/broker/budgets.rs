//! What mail from one address may take in all mailboxes together, and mail from all.

use std::time::Duration;

use rejoin::Config;

use crate::world::{World, config, name};

/// What a message of `alice`, or of another name as long, with two letters takes.
const MESSAGE: usize = Config::MAIL_OVERHEAD + "alicehi".len() + Config::MAIL_ENTRY;

/// All mailboxes together may keep so many messages, and one address a quarter of that.
fn world(messages: usize) -> World {
    let bytes = messages * MESSAGE;
    World::with(&Config {
        memory: (4 * bytes).try_into().expect("not zero"),
        peers: 20.try_into().expect("not zero"),
        mailbox_messages: 20.try_into().expect("not zero"),
        mailbox_bytes: 20_000.try_into().expect("not zero"),
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
    // One address may have 25 messages, or some 15 that four keep together.
    let mut world = world(100);
    for peer in ["bob", "carol", "david", "ellen"] {
        let conn = world.peer(peer);
        world.joins(conn, "#rust");
        world.breaks(conn);
    }
    let alice = world.guest("alice");
    world.joins(alice, "#rust");
    for _ in 0..15 {
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
fn when_little_is_left_it_is_for_those_who_have_little() {
    let mut world = world(16);
    world.away("bob");
    world.away("carol");
    world.away("david");
    world.away("ellen");
    let senders = [2, 3, 4, 5].map(|host| {
        let conn = world.accept_from(host);
        world.log_in(
            conn,
            ["alici", "alico", "alica", "alicu"][usize::from(host) - 2],
            None,
        );
        world.hears(conn);
        conn
    });
    for (sender, to) in senders.into_iter().zip(["bob", "carol", "david"]) {
        world.says_at_once(sender, to, &["hi"; 4]);
        assert!(world.effects.iter().all(|effect| effect.contains("kept")));
    }
    // Three quarters are used: the average is four.
    world.says_at_once(senders[3], "ellen", &["hi"; 4]);
    assert_eq!(world.effects, ["c8 hear * kept ellen"; 4]);
    let late = world.accept_from(6);
    world.log_in(late, "alicy", None);
    world.says(late, "bob", "hi");
    assert_eq!(
        world.effects,
        ["c9 hear * error mailbox-full bob"],
        "all is used"
    );
}
