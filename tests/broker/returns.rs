//! Peers who go away and come back, and what waits for them.

use std::time::Duration;

use rejoin::Config;
use rejoin::id::{ConnId, Source, Time};

use crate::world::{World, config, name, proof_of};

#[test]
fn what_is_sent_to_a_peer_that_is_away_waits_and_the_sender_is_told() {
    let mut world = World::new();
    world.away("bob");
    let alice = world.guest("alice");
    world.says(alice, "bob", "hi");
    assert_eq!(world.hears(alice), ["* kept bob"]);
    let bob = world.comes_back("bob");
    assert_eq!(world.hears(bob), ["* back bob 1", "kept: from alice: hi"]);
    assert_eq!(world.waits_for("bob"), [""; 0]);
}

#[test]
fn whoever_comes_back_to_nothing_is_told_so() {
    let mut world = World::new();
    world.away("bob");
    let bob = world.comes_back("bob");
    assert_eq!(world.hears(bob), ["* back bob 0"]);
}

#[test]
fn what_was_not_written_comes_ahead_of_the_mailbox_and_that_ahead_of_anything_new() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.peer("bob");
    world.says(alice, "bob", "one");
    world.says(alice, "bob", "two");
    world.closes(bob);
    world.says(alice, "bob", "three");
    world.writer_ends(bob);
    world.says(alice, "bob", "four");
    let bob = world.comes_back("bob");
    world.says(alice, "bob", "five");
    let expected = [
        "* back bob 4",
        "kept: from alice: one",
        "kept: from alice: two",
        "kept: from alice: three",
        "kept: from alice: four",
        "from alice: five",
    ];
    assert_eq!(world.hears(bob), expected);
    assert_eq!(world.hears(alice), ["* kept bob", "* kept bob"]);
}

#[test]
fn what_was_written_is_not_given_again() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.peer("bob");
    world.says(alice, "bob", "one");
    assert_eq!(world.hears(bob), ["from alice: one"]);
    world.says(alice, "bob", "two");
    world.breaks(bob);
    let bob = world.comes_back("bob");
    assert_eq!(world.hears(bob), ["* back bob 1", "kept: from alice: two"]);
}

#[test]
fn a_takeover_hands_everything_on_in_order() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let old = world.peer("bob");
    world.says(alice, "bob", "one");
    let new = world.comes_back("bob");
    assert_eq!(
        world.effects,
        ["stop c2's reader", "stop c2's writer (Replaced)"]
    );
    world.says(alice, "bob", "two");
    assert_eq!(
        world.hears(alice),
        [""; 0],
        "he is as good as back: nothing to tell"
    );
    assert_eq!(world.hears(new), [""; 0], "the old writer may still write");
    world.writer_ends(old);
    world.says(alice, "bob", "three");
    let expected = [
        "* back bob 2",
        "kept: from alice: one",
        "kept: from alice: two",
        "from alice: three",
    ];
    assert_eq!(world.hears(new), expected);
}

#[test]
fn the_late_end_of_an_old_connection_does_not_touch_the_new_one() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let old = world.peer("bob");
    let new = world.comes_back("bob");
    world.writer_ends(old);
    world.hears(new);
    world.closes(old);
    assert_eq!(world.effects, [""; 0]);
    world.says(alice, "bob", "hi");
    assert_eq!(world.hears(new), ["from alice: hi"]);
}

#[test]
fn mail_that_was_kept_and_not_written_is_kept_again_in_its_order() {
    let mut world = World::new();
    let alice = world.guest("alice");
    world.away("bob");
    world.says(alice, "bob", "one");
    world.says(alice, "bob", "two");
    let bob = world.comes_back("bob");
    world.says(alice, "bob", "three");
    world.breaks(bob);
    let expected = ["from alice: one", "from alice: two", "from alice: three"];
    assert_eq!(world.waits_for("bob"), expected);
}

#[test]
fn a_full_mailbox_refuses_and_the_others_get_theirs() {
    let mut world = World::new();
    let [alice, carol] = ["alice", "carol"].map(|name| world.guest(name));
    world.away("bob");
    for n in 0..config().mailbox_messages.get() {
        world.says(alice, "bob", &n.to_string());
    }
    world.hears(alice);
    world.says(alice, "bob carol", "hi");
    assert_eq!(world.hears(alice), ["* error mailbox-full bob"]);
    assert_eq!(world.hears(carol), ["from alice: hi"]);
    let bob = world.comes_back("bob");
    let expected = [
        "* back bob 4",
        "kept: from alice: 0",
        "kept: from alice: 1",
        "kept: from alice: 2",
        "kept: from alice: 3",
    ];
    assert_eq!(world.hears(bob), expected);
}

#[test]
fn a_full_mailbox_refuses_what_is_said_in_a_room_too_and_names_it() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.peer("bob");
    for conn in [alice, bob] {
        world.joins(conn, "#rust");
    }
    world.breaks(bob);
    world.hears(alice);
    for n in 0..=config().mailbox_messages.get() {
        world.says(alice, "#rust", &n.to_string());
    }
    assert_eq!(world.hears(alice), ["* error mailbox-full bob in #rust"]);
}

#[test]
fn a_mailbox_is_bounded_in_bytes_too() {
    let mut world = World::new();
    let alice = world.guest("alice");
    world.away("bob");
    let bound = config().mailbox_bytes.get();
    let cost = "alice".len() + Config::MAIL_OVERHEAD;
    world.says(alice, "bob", &"x".repeat(bound - cost + 1));
    assert_eq!(world.hears(alice), ["* error mailbox-full bob"]);
    world.says(alice, "bob", &"x".repeat(bound - cost));
    assert_eq!(world.hears(alice), ["* kept bob"]);
    world.says(alice, "bob", "x");
    assert_eq!(world.hears(alice), ["* error mailbox-full bob"]);
}

#[test]
fn what_takeovers_hand_on_does_not_grow_with_their_number() {
    // He never reads; each connection is taken over with all that waits in its outbox.
    let kept = [20, 40].map(|takeovers| {
        let mut world = World::new();
        let alice = world.guest("alice");
        let mut bob = world.peer("bob");
        for _ in 0..takeovers {
            world.says(alice, "bob", "hi");
            let next = world.comes_back("bob");
            world.writer_ends(bob);
            bob = next;
        }
        world.hears(bob).len() - 1
    });
    assert_eq!(kept[0], kept[1]);
}

#[test]
fn the_driver_is_told_who_is_gone_for_good_and_not_who_may_come_back() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.peer(name));
    let carol = world.guest("carol");
    world.breaks(alice);
    assert_eq!(world.forgotten, []);
    world.quits(bob, "");
    world.writer_ends(bob);
    world.breaks(carol);
    world.passes(config().resume_window);
    let gone = ["bob", "carol", "alice"].map(name);
    assert_eq!(world.forgotten, gone);
}

#[test]
fn a_new_bearer_of_a_name_gets_nothing_that_was_for_the_old_one() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let old = world.guest("bob");
    world.joins(old, "#rust");
    world.says(alice, "bob", "written to the old one");
    world.closes(old);
    world.says(alice, "bob", "waiting for the old one");
    let new = world.accept();
    world.log_in(new, "bob", None);
    assert_eq!(
        world.hears(new),
        [""; 0],
        "a guest's name is free when its writer has ended"
    );
    world.writer_ends(old);
    assert_eq!(world.hears(new), ["* welcome bob"]);
    let expected = [
        "* undelivered bob gone: written to the old one",
        "* undelivered bob gone: waiting for the old one",
    ];
    assert_eq!(world.hears(alice), expected);
    assert_eq!(
        world.broker.members(&crate::world::room("#rust")).count(),
        0
    );
}

#[test]
fn a_new_bearer_after_the_window_gets_nothing_that_was_for_the_old_one() {
    let mut world = World::new();
    let alice = world.guest("alice");
    world.away("bob");
    world.says(alice, "bob", "hi");
    world.passes(config().resume_window);
    let bob = world.accept();
    world.log_in(bob, "bob", Some(proof_of("mallory")));
    assert_eq!(world.hears(bob), ["* welcome bob"]);
}

#[test]
fn a_peer_comes_back_until_just_before_the_end_of_its_window() {
    let window = config().resume_window;
    for (wait, answer) in [
        (window - Duration::from_micros(1), "* back bob 0"),
        (window, "* welcome bob"),
    ] {
        let mut world = World::new();
        world.away("bob");
        assert_eq!(world.broker.deadline(), Some(Time::ZERO.after(window)));
        // No tick comes before: the login itself finds the window closed.
        world.now = Time::ZERO.after(wait);
        let bob = world.comes_back("bob");
        assert_eq!(world.hears(bob), [answer]);
    }
}

#[test]
fn a_window_begins_anew_each_time() {
    let mut world = World::new();
    let almost = config().resume_window - Duration::from_secs(1);
    world.away("bob");
    for _ in 0..3 {
        world.passes(almost);
        let bob = world.comes_back("bob");
        assert_eq!(world.hears(bob), ["* back bob 0"]);
        world.passes(almost);
        world.breaks(bob);
    }
}

#[test]
fn nobody_takes_a_name_over_or_reads_its_mail_without_the_proof() {
    let mut world = World::new();
    let alice = world.guest("alice");
    world.away("bob");
    world.says(alice, "bob", "secret");
    let mallory = world.accept();
    world.log_in(mallory, "bob", None);
    world.log_in(mallory, "bob", Some(proof_of("mallory")));
    let wrong = "* error wrong-secret bob is in use, and this is not its secret";
    assert_eq!(world.hears(mallory), ["* error name-in-use bob", wrong]);
    assert_eq!(world.waits_for("bob"), ["from alice: secret"]);
}

#[test]
fn a_peer_that_came_back_can_be_away_again_with_the_same_proof() {
    let mut world = World::new();
    world.away("bob");
    let bob = world.comes_back("bob");
    world.breaks(bob);
    let bob = world.comes_back("BOB");
    assert_eq!(
        world.hears(bob),
        ["* back bob 0"],
        "the name as it was first written"
    );
}

#[test]
fn the_notice_shows_the_name_as_its_bearer_wrote_it() {
    let mut world = World::new();
    world.away("Bob");
    let alice = world.guest("alice");
    world.says(alice, "bOB", "hi");
    assert_eq!(world.hears(alice), ["* kept Bob"]);
}

fn three_from_one_source() -> World {
    World::with(&Config {
        peers: 12.try_into().expect("not zero"),
        peers_per_address: 3.try_into().expect("not zero"),
        ..config()
    })
}

/// Whoever makes many peers loses its own, and not those who were there before.
#[test]
fn of_too_many_from_one_source_the_newest_that_is_away_makes_room() {
    let mut world = three_from_one_source();
    let dan = world.guest("dan");
    for name in ["bob", "ann"] {
        world.away(name);
        world.passes(Duration::from_millis(1));
    }
    // To have been here again makes it no newer.
    let bob = world.comes_back("bob");
    world.breaks(bob);
    world.says(dan, "ann", "hi");
    assert_eq!(world.hears(dan), ["* kept ann"]);
    // From elsewhere as many may come.
    let eve = world.accept_from(2);
    world.log_in(eve, "eve", None);
    assert_eq!(world.hears(eve), ["* welcome eve"]);
    let cyd = world.guest("cyd");
    assert_eq!(world.hears(dan), ["* undelivered ann expired: hi"]);
    assert_eq!(world.forgotten, [name("ann")]);
    // Who is back is not new, and nobody has to go for a name that is taken.
    let bob = world.accept();
    world.log_in(bob, "dan", Some(proof_of("bob")));
    world.log_in(bob, "bob", Some(proof_of("bob")));
    let hears = world.hears(bob);
    assert_eq!(
        hears.last().map(String::as_str),
        Some("* back bob 0"),
        "{hears:?}"
    );
    // Now all are here.
    let fay = world.accept();
    world.log_in(fay, "fay", None);
    let full = "* error server-full there are too many peers";
    assert_eq!(world.hears(fay), [full]);
    world.breaks(cyd);
    world.log_in(fay, "fay", None);
    assert_eq!(world.hears(fay), ["* welcome fay"]);
    assert_eq!(world.forgotten, [name("ann"), name("cyd")]);
}

/// A peer logs in with its proof from the host with this number.
fn comes_back_from(world: &mut World, host: u8, as_whom: &str) -> ConnId {
    let conn = world.accept_from(host);
    world.log_in(conn, as_whom, Some(proof_of(as_whom)));
    conn
}

#[test]
fn two_sources_hold_no_more_than_each_may_whoever_comes_back_from_the_other() {
    let mut world = three_from_one_source();
    let source = Source::of([192, 0, 2, 2].into());
    for round in 0..4 {
        for n in 0..3 {
            world.away(&format!("a{round}{n}"));
        }
        // All that are left there come back from the other, and go.
        let bound = world.broker.lifecycle().bindings();
        let names: Vec<_> = bound.map(|(name, _)| name.to_string()).collect();
        for name in names {
            let conn = comes_back_from(&mut world, 2, &name);
            assert_eq!(world.hears(conn), [format!("* back {name} 0")]);
            world.breaks(conn);
        }
        let bound = world.broker.lifecycle().bindings();
        let from_there = bound.filter(|(_, binding)| binding.source == source);
        assert_eq!(from_there.count(), 3, "round {round}");
    }
    assert_eq!(world.forgotten.len(), 3 * 3);
}

#[test]
fn where_all_are_connected_those_who_come_back_may_be_more_until_one_goes() {
    let mut world = three_from_one_source();
    let [ann, _bob, _cyd] = ["ann", "bob", "cyd"].map(|name| world.guest(name));
    let [dan, eve] = ["dan", "eve"].map(|name| {
        let conn = comes_back_from(&mut world, 2, name);
        world.breaks(conn);
        world.comes_back(name)
    });
    assert!(world.forgotten.is_empty(), "five are connected");
    world.breaks(dan);
    assert_eq!(world.forgotten, [name("dan")], "five were too many");
    world.breaks(ann);
    world.breaks(eve);
    assert_eq!(world.forgotten, [name("dan"), name("ann")], "eve stays");
}

#[test]
fn whoever_inherits_a_name_from_another_source_makes_room_there() {
    let mut world = three_from_one_source();
    let first = world.accept_from(2);
    world.log_in(first, "ann", None);
    for name in ["bob", "cyd", "dan"] {
        world.away(name);
    }
    world.closes(first);
    let next = world.accept();
    world.log_in(next, "ann", None);
    world.writer_ends(first);
    assert_eq!(world.hears(next), ["* welcome ann"]);
    assert_eq!(world.forgotten, [name("ann"), name("dan")]);
}
