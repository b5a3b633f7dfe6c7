//! Who is told what, while everybody is online.

use rejoin::broker::{Receiver, Request};
use rejoin::id::{Text, Texts};

use crate::world::{World, config, name, proof_of, room};

#[test]
fn a_message_reaches_its_receiver_and_nobody_else() {
    let mut world = World::new();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| world.guest(name));
    world.says(alice, "bob", "hi");
    assert_eq!(world.hears(bob), ["from alice: hi"]);
    assert_eq!(world.hears(alice), [""; 0]);
    assert_eq!(world.hears(carol), [""; 0]);
}

#[test]
fn messages_arrive_in_the_order_in_which_they_were_sent() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.guest(name));
    for text in ["one", "two", "three"] {
        world.says(alice, "bob", text);
    }
    let expected = ["from alice: one", "from alice: two", "from alice: three"];
    assert_eq!(world.hears(bob), expected);
}

#[test]
fn what_is_said_at_once_is_heard_as_if_it_was_said_one_after_the_other() {
    for to in [
        "bob",
        "carol",
        "dave",
        "#rust",
        "#go",
        "bob carol #rust",
        "#rust #go dave",
        "bob a b c d",
    ] {
        let worlds = [true, false].map(|at_once| {
            let mut world = World::new();
            let [alice, bob] = ["alice", "bob"].map(|name| world.guest(name));
            let carol = world.peer("carol");
            for conn in [alice, bob, carol] {
                world.joins(conn, "#rust");
                world.hears(conn);
            }
            world.breaks(carol);
            // One more than a mailbox has room for.
            let texts = ["one", "two", "three", "four", "five"];
            if at_once {
                world.says_at_once(alice, to, &texts);
            } else {
                for text in texts {
                    world.says(alice, to, text);
                }
            }
            let heard = [alice, bob].map(|conn| world.hears(conn));
            (heard, world.waits_for("carol"))
        });
        assert_eq!(worlds[0], worlds[1], "to {to}");
    }
}

#[test]
fn what_is_said_at_once_is_numbered() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.guest(name));
    world.joins(bob, "#rust");
    for to in ["bob", "bob alice", "#rust bob"] {
        world.joins(alice, "#rust");
        world.hears(bob);
        world.says_at_once(alice, to, &["one", "two"]);
        let mail = world.unwritten(bob);
        let numbers: Vec<_> = mail.iter().map(|mail| mail.message().number()).collect();
        let each = 1 + usize::from(to.starts_with('#'));
        let expected = [vec![7; each], vec![8; each]].concat();
        assert_eq!(numbers, expected, "to {to}");
    }
}

#[test]
fn what_has_no_number_is_not_numbered() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.guest(name));
    let said = Texts::from_iter(vec![Text::parse("hi").expect("a text"); 2]).into();
    let to = vec![Receiver::Peer(name("bob"))];
    world.asks(alice, Request::Send { to, said });
    let mail = world.unwritten(bob);
    let numbers: Vec<_> = mail.iter().map(|mail| mail.message().number()).collect();
    assert_eq!(numbers, [0, 0]);
}

#[test]
fn receivers_who_are_online_share_one_effect() {
    let mut world = World::new();
    let [alice, _, _] = ["alice", "bob", "carol"].map(|name| world.guest(name));
    world.says(alice, "carol bob", "hi");
    assert_eq!(world.effects, ["c3 c2 hear from alice: hi"]);
}

#[test]
fn whoever_is_named_twice_gets_it_once() {
    let mut world = World::new();
    let [alice, _] = ["alice", "bob"].map(|name| world.guest(name));
    world.says(alice, "bob BOB bob", "hi");
    assert_eq!(world.effects, ["c2 hear from alice: hi"]);
    world.says(alice, "dave dave", "hi");
    assert_eq!(world.effects, ["c1 hear * error no-such-peer dave"]);
}

#[test]
fn a_room_named_twice_gets_it_once() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.guest(name));
    for conn in [alice, bob] {
        world.joins(conn, "#rust");
    }
    world.says(alice, "#rust #RUST", "hi");
    assert_eq!(world.effects, ["c2 hear from alice in #rust: hi"]);
}

#[test]
fn a_receiver_nobody_knows_is_refused_and_the_others_get_it() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.guest(name));
    world.says(alice, "dave bob erin", "hi");
    assert_eq!(world.hears(bob), ["from alice: hi"]);
    let expected = ["* error no-such-peer dave", "* error no-such-peer erin"];
    assert_eq!(world.hears(alice), expected);
}

#[test]
fn a_message_to_oneself_arrives() {
    let mut world = World::new();
    let alice = world.guest("alice");
    world.says(alice, "alice", "hi");
    assert_eq!(world.hears(alice), ["from alice: hi"]);
}

#[test]
fn too_many_receivers_and_nobody_gets_it() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.guest(name));
    world.says(alice, "bob a b c", "hi");
    assert_eq!(
        world.hears(bob),
        ["from alice: hi"],
        "four are not too many"
    );
    world.hears(alice);
    world.says(alice, "bob a b c d", "hi");
    assert_eq!(
        world.effects,
        ["c1 hear * error too-many-receivers at most 4"]
    );
}

#[test]
fn who_has_not_logged_in_is_told_so_whatever_it_asks() {
    let mut world = World::new();
    let bob = world.guest("bob");
    let nobody = world.accept();
    for request in [
        Request::Rooms,
        Request::Who { room: None },
        Request::Join {
            room: room("#rust"),
        },
        Request::Leave {
            room: room("#rust"),
            why: None,
        },
        Request::Kick {
            room: room("#rust"),
            name: name("bob"),
            why: None,
        },
        Request::Rename { name: name("bob") },
    ] {
        world.asks(nobody, request);
    }
    world.says(nobody, "bob", "hi");
    let told = world.hears(nobody);
    assert_eq!(told.len(), 7);
    assert!(
        told.iter()
            .all(|line| line.starts_with("* error not-logged-in "))
    );
    assert_eq!(world.hears(bob), [""; 0]);
}

#[test]
fn who_waits_is_told_so_whatever_it_asks() {
    let mut world = World::new();
    let [bob, _] = ["bob", "alice"].map(|name| world.peer(name));
    let waits = world.comes_back("alice");
    assert_eq!(world.hears(waits), [""; 0], "there is nothing to say yet");
    world.says(waits, "bob", "hi");
    assert_eq!(
        world.effects,
        ["c3 hear * error waiting an older connection with your name is about to end"]
    );
    world.log_in(waits, "carol", None);
    assert_eq!(
        world.effects,
        ["c3 hear * error already-logged-in you have a name"]
    );
    assert_eq!(world.hears(bob), [""; 0]);
}

#[test]
fn whoever_quits_before_it_has_a_name_only_ends() {
    let mut world = World::new();
    let nobody = world.accept();
    world.quits(nobody, "why");
    assert_eq!(
        world.effects,
        ["stop c1's reader", "stop c1's writer (Quit)"]
    );
}

#[test]
fn a_connection_logs_in_once() {
    let mut world = World::new();
    let alice = world.guest("alice");
    for as_whom in ["alice", "bob"] {
        world.log_in(alice, as_whom, None);
        assert_eq!(
            world.effects,
            ["c1 hear * error already-logged-in you have a name"]
        );
    }
    assert_eq!(world.broker.lifecycle().online(alice), Some(name("alice")));
}

#[test]
fn a_name_in_use_is_refused_and_the_bearer_hears_nothing_of_it() {
    let mut world = World::new();
    world.peer("alice");
    let other = world.accept();
    world.log_in(other, "Alice", None);
    assert_eq!(world.effects, ["c2 hear * error name-in-use Alice"]);
    world.log_in(other, "Alice", Some(proof_of("mallory")));
    let wrong = "c2 hear * error wrong-secret Alice is in use, and this is not its secret";
    assert_eq!(world.effects, [wrong]);
}

#[test]
fn peers_are_bounded_and_one_that_is_gone_makes_room() {
    let mut world = World::new();
    let limit = config().peers.get();
    let first = world.guest("p");
    for n in 1..limit {
        world.away(&format!("p{n}"));
    }
    let one_more = world.accept();
    world.log_in(one_more, "alice", None);
    assert_eq!(
        world.hears(one_more),
        ["* error server-full there are too many peers"]
    );
    world.breaks(first);
    world.log_in(one_more, "alice", None);
    assert_eq!(world.hears(one_more), ["* welcome alice"]);
}

#[test]
fn a_name_is_shown_as_its_bearer_wrote_it() {
    let mut world = World::new();
    let [alice, bob] = ["Alice", "BOB"].map(|name| world.guest(name));
    world.says(alice, "bob", "hi");
    assert_eq!(world.hears(bob), ["from Alice: hi"]);
    world.asks(alice, Request::Who { room: None });
    assert_eq!(
        world.hears(alice),
        ["* peer Alice", "* peer BOB", "* end who 2"]
    );
}

#[test]
fn who_lists_as_many_as_may_be_and_counts_all() {
    let mut world = World::new();
    let alice = world.guest("alice");
    for name in ["bob", "carol", "dave"] {
        world.away(name);
    }
    world.asks(alice, Request::Who { room: None });
    let expected = [
        "* peer alice",
        "* peer bob away",
        "* peer carol away",
        "* end who 4",
    ];
    assert_eq!(world.hears(alice), expected);
}

#[test]
fn whoever_is_online_or_will_not_come_back_is_not_away() {
    let mut world = World::new();
    let alice = world.guest("alice");
    world.peer("bob");
    let carol = world.guest("carol");
    world.closes(carol);
    world.asks(alice, Request::Who { room: None });
    let expected = ["* peer alice", "* peer bob", "* peer carol", "* end who 3"];
    assert_eq!(world.hears(alice), expected);
}
