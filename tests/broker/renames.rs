//! Peers who take another name.

use rejoin::broker::Request;
use rejoin::id::ConnId;

use crate::world::{World, config, name};

impl World {
    fn renames(&mut self, conn: ConnId, to: &str) {
        let name = name(to);
        self.asks(conn, Request::Rename { name });
    }
}

#[test]
fn a_new_name_is_told_once_to_each_who_shares_a_room_and_to_nobody_else() {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.peer(name));
    world.guest("dave");
    for conn in [carol, alice, bob] {
        world.joins(conn, "#rust");
        world.joins(conn, "#go");
    }
    world.breaks(carol);
    world.renames(alice, "rob");
    assert_eq!(world.effects, ["c1 c2 hear * renamed alice rob"]);
    assert_eq!(world.forgotten, [], "nobody is gone");
}

#[test]
fn a_name_that_is_taken_is_refused_and_changes_nothing() {
    let mut world = World::new();
    let alice = world.guest("alice");
    world.guest("bob");
    world.away("carol");
    let before = world.broker.clone();
    for taken in ["bob", "Carol"] {
        world.renames(alice, taken);
        let refused = format!("c1 hear * error name-in-use {taken}");
        assert_eq!(world.effects, [refused]);
        assert_eq!(world.broker, before);
    }
}

#[test]
fn a_peer_may_write_its_name_another_way() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.guest("bob");
    world.renames(alice, "ALICE");
    assert_eq!(world.effects, ["c1 hear * renamed alice ALICE"]);
    world.says(alice, "bob", "hi");
    assert_eq!(world.hears(bob), ["from ALICE: hi"]);
    world.asks(bob, Request::Who { room: None });
    let expected = ["* peer ALICE", "* peer bob", "* end who 2"];
    assert_eq!(world.hears(bob), expected);
}

#[test]
fn a_name_that_was_given_up_for_another_is_free() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.peer(name));
    world.renames(alice, "rob");
    world.hears(alice);
    world.says(bob, "alice rob", "hi");
    assert_eq!(world.hears(alice), ["from bob: hi"]);
    assert_eq!(world.hears(bob), ["* error no-such-peer alice"]);
    let other = world.guest("alice");
    world.says(bob, "alice", "hi");
    assert_eq!(world.hears(other), ["from bob: hi"]);
    assert_eq!(world.hears(alice), [""; 0]);
}

#[test]
fn a_peer_comes_back_under_its_new_name_to_its_rooms_and_mail() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.peer(name));
    for conn in [alice, bob] {
        world.joins(conn, "#rust");
    }
    world.renames(alice, "rob");
    world.breaks(alice);
    world.says(bob, "#rust", "one");
    world.says(bob, "rob", "two");
    let rob = world.accept();
    world.log_in(rob, "rob", Some(crate::world::proof_of("alice")));
    let expected = [
        "* back rob 2",
        "kept: from bob in #rust: one",
        "kept: from bob: two",
    ];
    assert_eq!(world.hears(rob), expected);
    world.says(rob, "#rust", "three");
    let expected = [
        "* joined #rust bob",
        "* renamed alice rob",
        "* kept rob",
        "from rob in #rust: three",
    ];
    assert_eq!(world.hears(bob), expected);
}

#[test]
fn what_bounces_finds_its_sender_under_the_new_name() {
    let mut world = World::new();
    let alice = world.guest("alice");
    world.away("bob");
    world.says(alice, "bob", "hi");
    world.renames(alice, "rob");
    world.hears(alice);
    world.passes(config().resume_window);
    assert_eq!(world.hears(alice), ["* undelivered bob expired: hi"]);
}
