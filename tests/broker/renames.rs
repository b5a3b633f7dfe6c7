//! Peers who take another name.

use rejoin::broker::Request;
use rejoin::id::ConnId;

use crate::world::{World, config, name, proof_of};

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
    world.log_in(rob, "rob", Some(proof_of("alice")));
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

/// Alice, who is called Rob now, comes back as her client is configured.
#[test]
fn a_peer_comes_back_under_the_name_that_it_first_logged_in_with() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.peer(name));
    for name in ["rita", "rob"] {
        world.renames(alice, name);
    }
    world.breaks(alice);
    world.says(bob, "rob", "hi");
    let again = world.comes_back("alice");
    assert_eq!(world.hears(again), ["* back rob 1", "kept: from bob: hi"]);
    assert_eq!(world.broker.lifecycle().binding(&name("alice")), None);
}

#[test]
fn a_peer_takes_its_renamed_self_over() {
    let mut world = World::new();
    let alice = world.peer("alice");
    world.renames(alice, "rob");
    let again = world.comes_back("alice");
    assert_eq!(world.hears(again), [""; 0], "the old link has not ended");
    world.writer_ends(alice);
    assert_eq!(world.hears(again), ["* back rob 0"]);
}

#[test]
fn a_former_name_is_free_for_others_and_still_leads_home() {
    let mut world = World::new();
    let alice = world.peer("alice");
    world.renames(alice, "rob");
    world.breaks(alice);
    let other = world.accept();
    world.log_in(other, "alice", Some(proof_of("other")));
    assert_eq!(world.hears(other), ["* welcome alice"]);
    let again = world.comes_back("alice");
    assert_eq!(world.hears(again), ["* back rob 0"]);
    world.breaks(other);
    let other = world.accept();
    world.log_in(other, "alice", Some(proof_of("other")));
    assert_eq!(world.hears(other), ["* back alice 0"]);
}

#[test]
fn a_former_name_leads_nowhere_once_its_bearer_is_gone_or_has_it_again() {
    let mut world = World::new();
    let alice = world.peer("alice");
    let is_former = |world: &World| world.broker.lifecycle().is_former(&name("alice"));
    world.renames(alice, "rob");
    assert!(is_former(&world));
    world.renames(alice, "alice");
    assert!(!is_former(&world));
    world.renames(alice, "rob");
    world.breaks(alice);
    world.passes(config().resume_window);
    assert!(!is_former(&world), "it did not come back in time");

    let alice = world.peer("alice");
    world.renames(alice, "rob");
    world.quits(alice, "");
    let again = world.peer("alice");
    assert_eq!(
        world.hears(again),
        [""; 0],
        "it was welcome as somebody new"
    );
    world.writer_ends(alice);
    assert!(!is_former(&world), "it has quit");

    world.renames(again, "rob");
    world.breaks(again);
    world.dismisses("rob", "");
    assert!(!is_former(&world), "it was dismissed");
    let guest = world.guest("alice");
    world.renames(guest, "rob");
    assert!(!is_former(&world), "no guest comes back");
}
