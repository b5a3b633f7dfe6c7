//! Rooms, and who is in them across connections.

use rejoin::broker::Request;
use rejoin::id::{ConnId, Text};

use crate::world::{World, config, name, room};

#[test]
fn everybody_in_a_room_sees_who_joins_and_leaves_the_one_included() {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.guest(name));
    world.joins(alice, "#rust");
    assert_eq!(world.effects, ["c1 hear * joined #rust alice"]);
    world.joins(bob, "#rust");
    assert_eq!(world.effects, ["c1 c2 hear * joined #rust bob"]);
    world.leaves(alice, "#rust");
    assert_eq!(world.effects, ["c1 c2 hear * left #rust alice left"]);
    assert_eq!(world.hears(carol), [""; 0]);
}

#[test]
fn a_message_to_a_room_reaches_everybody_else_in_it() {
    let mut world = World::new();
    let [alice, bob, carol, dave] = world.four();
    for conn in [alice, bob, carol] {
        world.joins(conn, "#rust");
    }
    world.says(alice, "#rust", "hi");
    assert_eq!(world.effects, ["c2 c3 hear from alice in #rust: hi"]);
    assert_eq!(world.hears(dave), [""; 0]);
}

#[test]
fn a_message_to_an_empty_room_reaches_nobody_and_is_no_mistake() {
    let mut world = World::new();
    let alice = world.guest("alice");
    world.joins(alice, "#rust");
    world.says(alice, "#rust", "hi");
    assert_eq!(world.effects, [""; 0]);
}

#[test]
fn peers_and_rooms_can_be_spoken_to_at_once() {
    let mut world = World::new();
    let [alice, bob, carol, _] = world.four();
    for conn in [alice, bob, carol] {
        world.joins(conn, "#rust");
    }
    world.says(alice, "#rust dave carol #go", "hi");
    let expected = [
        "c4 c3 hear from alice: hi",
        "c2 c3 hear from alice in #rust: hi",
        "c1 hear * error not-in-room #go",
    ];
    assert_eq!(world.effects, expected);
}

#[test]
fn whoever_is_not_in_a_room_cannot_speak_there_or_leave_it() {
    let mut world = World::new();
    let [alice, bob, _, _] = world.four();
    world.joins(bob, "#rust");
    world.says(alice, "#rust", "hi");
    assert_eq!(world.effects, ["c1 hear * error not-in-room #rust"]);
    world.leaves(alice, "#rust");
    assert_eq!(world.effects, ["c1 hear * error not-in-room #rust"]);
    world.leaves(bob, "#rust");
    world.says(bob, "#rust", "hi");
    assert_eq!(world.effects, ["c2 hear * error not-in-room #rust"]);
}

#[test]
fn a_room_is_joined_once_and_rooms_are_bounded_for_each_peer() {
    let mut world = World::new();
    let alice = world.guest("alice");
    world.joins(alice, "#rust");
    world.joins(alice, "#RUST");
    assert_eq!(world.effects, ["c1 hear * error already-in-room #RUST"]);
    world.joins(alice, "#go");
    world.joins(alice, "#zig");
    assert_eq!(world.effects, ["c1 hear * error too-many-rooms at most 2"]);
    world.leaves(alice, "#go");
    world.joins(alice, "#zig");
    assert_eq!(world.effects, ["c1 hear * joined #zig alice"]);
}

#[test]
fn rooms_are_listed_with_their_members_and_vanish_with_the_last() {
    let mut world = World::new();
    let [alice, bob, _, _] = world.four();
    world.joins(alice, "#rust");
    world.joins(bob, "#rust");
    world.joins(bob, "#go");
    world.hears(alice);
    world.asks(alice, Request::Rooms);
    let expected = ["* room #go 1", "* room #rust 2 joined", "* end rooms 2"];
    assert_eq!(world.hears(alice), expected);
    world.breaks(bob);
    world.leaves(alice, "#rust");
    world.hears(alice);
    world.asks(alice, Request::Rooms);
    assert_eq!(world.hears(alice), ["* end rooms 0"]);
}

#[test]
fn as_many_rooms_are_listed_as_may_be_and_all_are_counted() {
    let mut world = World::new();
    let [alice, bob, _, _] = world.four();
    for (conn, room) in [(alice, "#d"), (alice, "#b"), (bob, "#a"), (bob, "#c")] {
        world.joins(conn, room);
    }
    world.hears(alice);
    world.asks(alice, Request::Rooms);
    let expected = [
        "* room #a 1",
        "* room #b 1 joined",
        "* room #c 1",
        "* end rooms 4",
    ];
    assert_eq!(world.hears(alice), expected);
}

#[test]
fn who_lists_the_peers_in_a_room_and_says_who_is_away() {
    let mut world = World::new();
    let [alice, _, _, _] = world.four();
    let erin = world.peer("erin");
    for conn in [alice, erin] {
        world.joins(conn, "#rust");
    }
    world.breaks(erin);
    world.hears(alice);
    let who = |room| Request::Who { room: Some(room) };
    world.asks(alice, who(room("#Rust")));
    assert_eq!(
        world.hears(alice),
        ["* peer alice", "* peer erin away", "* end who 2"]
    );
    world.asks(alice, who(room("#nowhere")));
    assert_eq!(world.hears(alice), ["* end who 0"]);
}

#[test]
fn whoever_is_away_stays_in_its_rooms_and_gets_later_what_was_said_there() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.peer("bob");
    for conn in [alice, bob] {
        world.joins(conn, "#rust");
    }
    world.hears(alice);
    world.breaks(bob);
    world.says(alice, "#rust", "hi");
    assert_eq!(
        world.hears(alice),
        [""; 0],
        "it left nobody, and a room's mail is kept in silence"
    );
    assert_eq!(world.waits_for("bob"), ["from alice in #rust: hi"]);

    let bob = world.comes_back("bob");
    assert_eq!(
        world.hears(bob),
        ["* back bob 1", "kept: from alice in #rust: hi"]
    );
    assert_eq!(world.hears(alice), [""; 0], "it joined nothing anew");
    world.says(bob, "#rust", "back");
    assert_eq!(world.hears(alice), ["from bob in #rust: back"]);
}

#[test]
fn at_the_end_of_its_window_a_peer_leaves_its_rooms() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.peer("bob");
    for conn in [alice, bob] {
        world.joins(conn, "#rust");
    }
    world.hears(alice);
    world.breaks(bob);
    world.passes(config().resume_window);
    assert_eq!(world.hears(alice), ["* left #rust bob expired"]);
    let bob = world.peer("bob");
    world.says(bob, "#rust", "hi");
    assert_eq!(world.hears(bob), ["* error not-in-room #rust"]);
}

#[test]
fn a_guest_leaves_its_rooms_when_its_writer_ends_and_not_before() {
    let mut world = World::new();
    let [alice, bob, _, _] = world.four();
    for conn in [alice, bob] {
        world.joins(conn, "#rust");
    }
    world.hears(alice);
    world.closes(bob);
    assert_eq!(world.hears(alice), [""; 0]);
    world.writer_ends(bob);
    assert_eq!(world.hears(alice), ["* left #rust bob gone"]);
}

#[test]
fn whoever_quits_leaves_its_rooms_at_once_and_may_say_why() {
    for (why, told) in [("", "quit"), ("lunch", "quit: lunch")] {
        let mut world = World::new();
        let alice = world.guest("alice");
        let bob = world.peer("bob");
        for conn in [alice, bob] {
            world.joins(conn, "#rust");
        }
        world.quits(bob, why);
        let expected = [
            &format!("c1 hear * left #rust bob {told}"),
            "stop c2's reader",
            "stop c2's writer (Quit)",
        ];
        assert_eq!(world.effects, expected);
        world.writer_ends(bob);
        assert_eq!(world.effects, [""; 0], "it has left already");
    }
}

#[test]
fn whoever_is_dismissed_leaves_its_rooms_at_once_and_gets_no_more_mail() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.peer("Bob");
    for conn in [alice, bob] {
        world.joins(conn, "#rust");
    }
    world.hears(alice);
    world.hears(bob);
    world.dismisses("bob", "spam");
    let expected = [
        "c1 hear * left #rust Bob quit: spam",
        "stop c2's reader",
        "stop c2's writer (Dismissed)",
    ];
    assert_eq!(world.effects, expected);
    world.hears(alice);
    world.says(alice, "bob", "hi");
    world.writer_ends(bob);
    assert_eq!(
        world.hears(alice).last().unwrap(),
        "* undelivered Bob gone: hi"
    );
    world.says(alice, "bob", "hi");
    assert_eq!(world.hears(alice), ["* error no-such-peer bob"]);
}

#[test]
fn whoever_is_dismissed_while_away_is_gone_at_once() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.peer("Bob");
    for conn in [alice, bob] {
        world.joins(conn, "#rust");
    }
    world.breaks(bob);
    world.says(alice, "bob", "hi");
    world.hears(alice);
    world.dismisses("bob", "");
    let heard = ["* left #rust Bob quit", "* undelivered Bob gone: hi"];
    assert_eq!(world.hears(alice), heard);
    world.dismisses("bob", "");
    assert_eq!(world.effects, [""; 0], "nobody bears the name");
    world.guest("bob");
}

#[test]
fn a_room_is_listed_as_it_was_first_written() {
    let mut world = World::new();
    let [alice, bob, _, _] = world.four();
    world.joins(alice, "#Rust");
    world.joins(bob, "#RUST");
    assert_eq!(world.effects, ["c1 c2 hear * joined #Rust bob"]);
    world.leaves(alice, "#rust");
    assert_eq!(world.effects, ["c1 c2 hear * left #Rust alice left"]);
    world.hears(bob);
    world.asks(bob, Request::Rooms);
    assert_eq!(world.hears(bob), ["* room #Rust 1 joined", "* end rooms 1"]);
}

#[test]
fn a_message_shows_its_room_as_it_was_first_written() {
    let mut world = World::new();
    let [alice, bob, _, _] = world.four();
    for conn in [alice, bob] {
        world.joins(conn, "#Rust");
    }
    world.says(alice, "#rUST", "hi");
    assert_eq!(world.effects, ["c2 hear from alice in #Rust: hi"]);
}

#[test]
fn whoever_is_made_to_leave_a_room_is_out_of_it_and_everybody_there_is_told() {
    let mut world = World::new();
    let [alice, bob, carol, _] = world.four();
    for conn in [alice, bob, carol] {
        world.joins(conn, "#Rust");
    }
    world.kicks(alice, "#rust", "bob");
    assert_eq!(
        world.effects,
        ["c2 c1 c3 hear * left #Rust bob kicked: go away"]
    );
    world.says(bob, "#rust", "hi");
    assert_eq!(world.effects, ["c2 hear * error not-in-room #rust"]);
    world.says(alice, "#rust", "hi");
    assert_eq!(world.effects, ["c3 hear from alice in #Rust: hi"]);
}

#[test]
fn a_peer_that_is_away_can_be_made_to_leave_a_room_too() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.peer("bob");
    for conn in [alice, bob] {
        world.joins(conn, "#rust");
    }
    world.breaks(bob);
    world.kicks(alice, "#rust", "bob");
    assert_eq!(world.effects, ["c1 hear * left #rust bob kicked: go away"]);
    let bob = world.comes_back("bob");
    world.leaves(bob, "#rust");
    assert_eq!(world.effects, ["c3 hear * error not-in-room #rust"]);
}

#[test]
fn only_members_make_others_leave_and_only_members_can_be_made_to() {
    let mut world = World::new();
    let [alice, bob, _, _] = world.four();
    world.joins(alice, "#rust");
    let before = world.broker.clone();
    for (by, whom) in [
        (bob, "alice"),
        (alice, "bob"),
        (alice, "nobody"),
        (bob, "carol"),
    ] {
        world.kicks(by, "#rust", whom);
        let refused = format!("{by} hear * error not-in-room #rust");
        assert_eq!(world.effects, [refused], "{whom}");
        assert_eq!(world.broker, before);
    }
}

impl World {
    fn four(&mut self) -> [ConnId; 4] {
        ["alice", "bob", "carol", "dave"].map(|name| self.guest(name))
    }

    fn kicks(&mut self, by: ConnId, room: &str, whom: &str) {
        let request = Request::Kick {
            room: self::room(room),
            name: name(whom),
            why: Text::parse("go away"),
        };
        self.asks(by, request);
    }
}
