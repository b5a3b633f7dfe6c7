//! Messages that cannot be handed over, and come back.

use rejoin::broker::Mail;

use crate::world::{World, config};

#[test]
fn what_waits_for_a_guest_bounces_when_it_is_gone() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.guest(name));
    world.says(alice, "bob", "one");
    world.closes(bob);
    world.says(alice, "bob", "two");
    assert_eq!(
        world.hears(alice),
        [""; 0],
        "it may still be written, or bounce"
    );
    world.writer_ends(bob);
    let expected = ["* undelivered bob gone: one", "* undelivered bob gone: two"];
    assert_eq!(world.hears(alice), expected);
}

#[test]
fn what_waits_for_a_peer_that_quit_bounces_though_it_was_resumable() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.peer("bob");
    world.quits(bob, "");
    world.says(alice, "bob", "hi");
    world.writer_ends(bob);
    assert_eq!(world.hears(alice), ["* undelivered bob gone: hi"]);
    world.says(alice, "bob", "hi");
    assert_eq!(world.hears(alice), ["* error no-such-peer bob"]);
}

#[test]
fn what_was_said_at_once_waits_and_comes_back_each_by_itself() {
    let mut world = World::new();
    let alice = world.peer("alice");
    let bob = world.guest("bob");
    world.away("carol");
    for receiver in ["bob", "carol"] {
        world.says_at_once(alice, receiver, &["one", "two"]);
    }
    let carol = world.comes_back("carol");
    let mail = world.unwritten(carol);
    let said = mail.iter().map(Mail::message);
    let said: Vec<_> = said.map(|said| (said.number(), said.text())).collect();
    assert_eq!(said, [(7, "one"), (8, "two")]);
    // The broker looks itself whether more is kept than is counted.
    world.breaks(alice);
    world.breaks(bob);
    let expected = ["* undelivered bob gone: one", "* undelivered bob gone: two"];
    assert_eq!(world.waits_for("alice"), expected);
}

#[test]
fn what_expires_bounces_the_room_named_where_it_was_said_in_one() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.peer("bob");
    for conn in [alice, bob] {
        world.joins(conn, "#rust");
    }
    world.breaks(bob);
    world.says(alice, "bob", "one");
    world.says(alice, "#rust", "two");
    world.hears(alice);
    world.passes(config().resume_window);
    let expected = [
        "* left #rust bob expired",
        "* undelivered bob expired: one",
        "* undelivered bob expired in #rust: two",
    ];
    assert_eq!(world.hears(alice), expected);
}

#[test]
fn what_was_not_written_and_is_too_much_for_the_mailbox_bounces_the_newest_first_to_go() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.peer("bob");
    for text in ["1", "2", "3", "4", "5", "6"] {
        world.says(alice, "bob", text);
    }
    world.breaks(bob);
    let expected = [
        "* undelivered bob mailbox-full: 5",
        "* undelivered bob mailbox-full: 6",
    ];
    assert_eq!(world.hears(alice), expected);
    let kept = ["1", "2", "3", "4"].map(|text| format!("from alice: {text}"));
    assert_eq!(world.waits_for("bob"), kept);
}

#[test]
fn what_a_takeover_finds_beyond_the_mailbox_bounces_too() {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.peer("bob");
    for text in ["1", "2", "3"] {
        world.says(alice, "bob", text);
    }
    let again = world.comes_back("bob");
    for text in ["4", "5"] {
        world.says(alice, "bob", text);
    }
    world.writer_ends(bob);
    let kept = world.hears(again);
    assert_eq!((kept.len(), &*kept[0]), (5, "* back bob 4"));
    assert_eq!(world.hears(alice), ["* undelivered bob mailbox-full: 5"]);
}

#[test]
fn a_shutdown_tells_the_senders_of_mail_for_whoever_is_away_before_they_are_stopped() {
    let mut world = World::new();
    let alice = world.guest("alice");
    world.away("bob");
    world.says(alice, "bob", "hi");
    world.shuts_down();
    let expected = [
        "c1 hear * undelivered bob shutting-down: hi",
        "stop c1's reader",
        "stop c1's writer (ShuttingDown)",
    ];
    assert_eq!(world.effects, expected);
}

#[test]
fn what_a_shutdown_leaves_unwritten_is_counted_once_and_nothing_is_left() {
    let mut world = World::new();
    let alice = world.peer("alice");
    let bob = world.peer("bob");
    world.says(alice, "bob", "hi");
    world.shuts_down();
    world.breaks(bob);
    assert_eq!(
        world.discarded, [""; 0],
        "it waits for alice, until she is gone as well"
    );
    world.breaks(alice);
    let expected = ["alice never gets \"* undelivered bob shutting-down: hi\" (ShuttingDown)"];
    assert_eq!(world.discarded, expected);
    assert_eq!(world.broker.lifecycle().bindings().count(), 0);
    assert_eq!(world.broker.deadline(), None);
}

#[test]
fn a_bounce_to_a_sender_that_is_away_waits_in_its_mailbox() {
    let mut world = World::new();
    let alice = world.peer("alice");
    let bob = world.guest("bob");
    world.says(alice, "bob", "hi");
    world.breaks(alice);
    world.breaks(bob);
    assert_eq!(world.waits_for("alice"), ["* undelivered bob gone: hi"]);
    let alice = world.comes_back("alice");
    let expected = ["* back alice 1", "kept: * undelivered bob gone: hi"];
    assert_eq!(world.hears(alice), expected);
}

#[test]
fn a_bounce_that_was_not_written_waits_again() {
    let mut world = World::new();
    let alice = world.peer("alice");
    let bob = world.guest("bob");
    world.says(alice, "bob", "hi");
    world.breaks(bob);
    world.breaks(alice);
    assert_eq!(world.waits_for("alice"), ["* undelivered bob gone: hi"]);
}

#[test]
fn a_bounce_to_a_sender_that_is_gone_is_only_counted() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.guest(name));
    world.says(alice, "bob", "hi");
    world.breaks(alice);
    world.breaks(bob);
    assert_eq!(
        world.discarded,
        ["bob never gets \"from alice: hi\" (Gone)"]
    );
}

#[test]
fn a_bounce_to_a_sender_whose_mailbox_is_full_is_only_counted() {
    let mut world = World::new();
    let alice = world.peer("alice");
    let [bob, carol] = ["bob", "carol"].map(|name| world.guest(name));
    world.says(alice, "bob", "hi");
    world.breaks(alice);
    for n in 0..config().mailbox_messages.get() {
        world.says(carol, "alice", &n.to_string());
    }
    world.breaks(bob);
    assert_eq!(
        world.discarded,
        ["bob never gets \"from alice: hi\" (Gone)"]
    );
    assert_eq!(
        world.waits_for("alice").len(),
        config().mailbox_messages.get()
    );
}

#[test]
fn a_new_bearer_of_the_senders_name_does_not_get_its_bounces() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.guest(name));
    world.says(alice, "bob", "hi");
    world.breaks(alice);
    let alice = world.guest("alice");
    world.breaks(bob);
    assert_eq!(world.hears(alice), [""; 0]);
    assert_eq!(
        world.discarded,
        ["bob never gets \"from alice: hi\" (Gone)"]
    );
}

#[test]
fn a_message_in_a_room_to_a_guest_who_is_gone_is_only_counted() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.guest(name));
    for conn in [alice, bob] {
        world.joins(conn, "#rust");
    }
    world.hears(alice);
    world.says(alice, "#rust", "hi");
    world.breaks(bob);
    assert_eq!(world.hears(alice), ["* left #rust bob gone"]);
    assert_eq!(
        world.discarded,
        ["bob never gets \"from alice in #rust: hi\" (Gone)"]
    );
}

#[test]
fn bounces_do_not_bounce() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.guest(name));
    world.says(alice, "bob", "hi");
    world.breaks(bob);
    world.breaks(alice);
    let expected = ["alice never gets \"* undelivered bob gone: hi\" (Gone)"];
    assert_eq!(world.discarded, expected);
}

#[test]
fn a_bounce_that_is_due_when_its_senders_writer_ends_is_not_lost() {
    let mut world = World::new();
    world.away("bob");
    let alice = world.peer("alice");
    world.says(alice, "bob", "hi");
    assert_eq!(world.hears(alice), ["* kept bob"]);
    world.now = world.now.after(config().resume_window);
    world.writer_ends(alice);
    assert_eq!(world.waits_for("alice"), ["* undelivered bob expired: hi"]);
}
