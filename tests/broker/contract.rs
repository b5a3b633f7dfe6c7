//! What the broker promises its driver, and what it demands.

use rejoin::broker::{Broker, Effects, Input, Request, StopReason};
use rejoin::id::{ConnId, Time};

use crate::world::{World, accepted, config};

#[test]
fn the_same_inputs_have_the_same_effects() {
    let story = eventful_story();
    let replay = || {
        let mut broker = Broker::new(&config());
        let mut effects = Effects::new();
        for (now, input) in &story.inputs {
            broker.handle(*now, input.clone(), &mut effects);
        }
        (format!("{:?}", effects.iter().collect::<Vec<_>>()), broker)
    };
    let (effects, broker) = replay();
    assert_eq!(broker, story.broker);
    assert_eq!((effects, broker), replay());
}

#[test]
fn a_copy_of_a_broker_goes_its_own_way() {
    let mut world = eventful_story();
    let copy = world.broker.clone();
    let alice = world.accept();
    world.breaks(alice);
    assert_ne!(world.broker, copy, "it knows which id was last");
}

#[test]
fn a_forgotten_connection_can_do_nothing() {
    let mut world = World::new();
    let conn = world.peer("alice");
    world.breaks(conn);
    let before = world.broker.clone();
    world.closes(conn);
    world.asks(conn, Request::Rooms);
    world.says(conn, "alice", "hi");
    world.log_in(conn, "bob", None);
    world.quits(conn, "");
    world.input(Input::GiveUp {
        conn,
        reason: StopReason::Silent,
    });
    world.input(Input::WriterFinished {
        conn,
        undelivered: Vec::new(),
    });
    assert_eq!(world.effects, [""; 0]);
    assert_eq!(world.broker, before);
}

#[test]
fn a_connection_that_ends_can_ask_for_nothing_more() {
    let mut world = World::new();
    let conn = world.guest("alice");
    world.closes(conn);
    let before = world.broker.clone();
    world.asks(conn, Request::Rooms);
    world.says(conn, "alice", "hi");
    world.quits(conn, "");
    assert_eq!(world.effects, [""; 0]);
    assert_eq!(world.broker, before);
}

#[test]
fn whoever_is_accepted_after_the_shutdown_is_stopped_at_once() {
    let mut world = World::new();
    world.shuts_down();
    let conn = world.accept();
    assert_eq!(
        world.effects,
        ["stop c1's reader", "stop c1's writer (ShuttingDown)"]
    );
    world.log_in(conn, "alice", None);
    assert_eq!(world.effects, [""; 0]);
    world.breaks(conn);
    assert_eq!(world.broker.deadline(), None);
}

#[test]
fn a_second_shutdown_does_nothing() {
    let mut world = World::new();
    world.guest("alice");
    world.shuts_down();
    world.shuts_down();
    assert_eq!(world.effects, [""; 0]);
}

#[test]
fn when_everything_has_ended_nothing_is_left() {
    let mut world = World::new();
    for name in ["alice", "bob"] {
        let conn = world.peer(name);
        world.joins(conn, "#rust");
        world.breaks(conn);
    }
    let nobody = world.accept();
    world.passes(config().login_timeout);
    assert_eq!(
        world.effects,
        ["stop c3's reader", "stop c3's writer (LoginTimeout)"]
    );
    world.breaks(nobody);
    world.passes(config().resume_window);
    assert_eq!(world.broker.deadline(), None);
    assert_eq!(world.broker.lifecycle().connections().count(), 0);
    assert_eq!(world.broker.lifecycle().bindings().count(), 0);
    assert_eq!(
        world.broker.members(&crate::world::room("#rust")).count(),
        0
    );
}

#[test]
fn a_writer_that_ends_when_its_login_times_out_is_not_told_to_stop() {
    let mut world = World::new();
    let conn = world.accept();
    world.now = world.now.after(config().login_timeout);
    world.writer_ends(conn);
    assert_eq!(world.effects, ["stop c1's reader"]);
}

#[test]
fn a_writer_that_ends_when_a_peer_expires_is_told_nothing() {
    let mut world = World::new();
    let [alice, bob] = ["alice", "bob"].map(|name| world.peer(name));
    for conn in [alice, bob] {
        world.joins(conn, "#rust");
    }
    world.breaks(bob);
    world.now = world.now.after(config().resume_window);
    world.writer_ends(alice);
    assert_eq!(world.effects, ["stop c1's reader"]);
}

#[test]
#[should_panic(expected = "c1 was accepted after Some(ConnId(1))")]
fn an_id_used_twice_is_the_drivers_mistake() {
    let mut world = World::new();
    let conn = world.accept();
    world.breaks(conn);
    world.input(accepted(conn));
}

#[test]
#[should_panic(expected = "c1 was accepted after Some(ConnId(2))")]
fn a_smaller_id_is_the_drivers_mistake() {
    let (mut broker, mut effects) = (Broker::new(&config()), Effects::new());
    for conn in [2, 1].map(ConnId::new) {
        broker.handle(Time::ZERO, accepted(conn), &mut effects);
    }
}

#[test]
#[should_panic(expected = "time runs backwards: Time(9) after Time(10)")]
fn time_that_runs_backwards_is_the_drivers_mistake() {
    let (mut broker, mut effects) = (Broker::new(&config()), Effects::new());
    for now in [10, 9].map(Time::from_micros) {
        broker.handle(now, Input::Tick, &mut effects);
    }
}

#[test]
#[should_panic(expected = "c2 gives back mail that it cannot have had")]
fn mail_from_a_connection_that_never_had_a_name_is_the_drivers_mistake() {
    let mut world = World::new();
    let alice = world.guest("alice");
    world.says(alice, "alice", "hi");
    let conn = world.accept();
    let undelivered = world.unwritten(alice);
    world.input(Input::WriterFinished { conn, undelivered });
}

/// Most that can happen to peers happens.
fn eventful_story() -> World {
    let mut world = World::new();
    let alice = world.guest("alice");
    let bob = world.peer("bob");
    for conn in [alice, bob] {
        world.joins(conn, "#rust");
    }
    world.says(alice, "bob #rust dave", "one");
    let bob_again = world.comes_back("bob");
    world.says(alice, "bob", "two");
    world.writer_ends(bob);
    world.breaks(bob_again);
    world.away("carol");
    world.says(alice, "carol bob", "three");
    world.passes(config().resume_window);
    world.quits(alice, "why");
    world.writer_ends(alice);
    world.away("erin");
    world.shuts_down();
    world
}
