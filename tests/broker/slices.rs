//! What is much at once is done in slices, and everybody else comes in between.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use rejoin::Config;
use rejoin::broker::lifecycle::Phase;
use rejoin::id::ConnId;

use crate::world::{World, config, name, proof_of};

/// Room for many, and slices in which little is done.
fn tight(slice_micros: u64) -> Config {
    let size = |n: usize| n.try_into().expect("not zero");
    Config {
        peers: size(1_000),
        mailbox_bytes: size(10_000_000),
        mailbox_messages: size(10_000),
        rooms_per_peer: size(10),
        bounces: size(3),
        slice: Duration::from_micros(slice_micros),
        ..config()
    }
}

/// So many who are away, to each of whom alice has said so much.
fn world(config: &Config, peers: usize, messages: usize) -> (World, ConnId) {
    let mut world = World::with(config);
    let alice = world.guest("alice");
    for peer in 0..peers {
        let bob = format!("bob{peer}");
        world.away(&bob);
        for message in 0..messages {
            world.says(alice, &bob, &format!("{message}"));
        }
    }
    world.hears(alice);
    (world, alice)
}

/// Lets slice after slice pass. Returns how many there were.
fn go_on(world: &mut World) -> usize {
    let mut slices = 0;
    while let Some(deadline) = world.broker.deadline()
        && deadline.since(world.now) <= Duration::from_millis(1)
    {
        world.now = deadline;
        world.ticks();
        slices += 1;
    }
    slices
}

#[test]
fn those_whose_time_runs_out_at_once_go_one_after_the_other_and_others_are_served() {
    let config = tight(10);
    let (mut world, alice) = world(&config, 100, 2);
    let carol = world.guest("carol");
    world.passes(config.resume_window);
    let left = |world: &World| world.broker.lifecycle().bindings().count() - 2;
    let after = left(&world);
    assert!((50..100).contains(&after), "{after}");
    // What others ask for in between takes no slice with it.
    world.says(carol, "alice", "hi");
    assert_eq!(world.effects.len(), 1, "{:?}", world.effects);
    assert_eq!(left(&world), after);
    let slices = go_on(&mut world);
    assert!(slices > 10, "{slices}");
    assert_eq!(left(&world), 0);
    let mut heard = world.hears(alice);
    heard.retain(|line| line.starts_with("* undelivered "));
    let each = |bob: usize| [0, 1].map(|n| format!("* undelivered bob{bob} expired: {n}"));
    let mut expected: Vec<_> = (0..100).flat_map(each).collect();
    heard.sort();
    expected.sort();
    assert_eq!(heard, expected);
}

/// How many messages a line that brings one back stands for.
fn count(line: &str) -> usize {
    let more = line.split_once(" and ").map(|(_, more)| more);
    let more = more.and_then(|more| more.split_once(' '));
    1 + more.map_or(0, |(more, _)| more.parse::<usize>().expect("a number"))
}

#[test]
fn of_many_messages_the_first_come_back_and_the_number_of_the_others() {
    let config = tight(1_000_000);
    let (mut world, alice) = world(&config, 1, 100);
    world.passes(config.resume_window);
    let expected = [
        "* undelivered bob0 expired: 0",
        "* undelivered bob0 expired: 1",
        "* undelivered bob0 expired: 2",
        "* undelivered bob0 expired and 96 more: 3",
    ];
    assert_eq!(world.hears(alice), expected);
}

#[test]
fn a_mailbox_that_comes_back_in_slices_waits_where_it_can_be_seen() {
    let config = tight(5);
    let (mut world, alice) = world(&config, 1, 1_000);
    world.passes(config.resume_window);
    assert!(world.broker.lifecycle().binding(&name("bob0")).is_none());
    let (mut slices, mut told) = (0, 0);
    loop {
        told += world
            .hears(alice)
            .iter()
            .map(|line| count(line))
            .sum::<usize>();
        let waits = world.broker.undelivered().count();
        assert_eq!(waits + told, 1_000);
        if waits == 0 {
            break;
        }
        slices += 1;
        world.passes(Duration::from_millis(1));
    }
    assert!(slices > 10, "{slices}");
}

#[test]
fn somebody_else_may_have_the_name_of_a_mailbox_that_is_still_coming_back() {
    let config = tight(5);
    let (mut world, alice) = world(&config, 1, 100);
    world.passes(config.resume_window);
    let other = world.guest("bob0");
    world.says(alice, "bob0", "hello");
    assert_eq!(world.hears(other), ["from alice: hello"]);
    go_on(&mut world);
    let heard = world.hears(alice);
    assert!(
        heard.iter().any(|line| line.contains(" more: ")),
        "{heard:?}"
    );
    assert_eq!(world.hears(other), [""; 0]);
}

#[test]
fn who_comes_back_late_is_somebody_new_though_its_end_is_still_to_be_done() {
    let config = tight(5);
    let (mut world, _) = world(&config, 100, 1);
    world.passes(config.resume_window);
    let late = world.broker.lifecycle().bindings();
    let late = late
        .map(|(name, _)| *name)
        .filter(|name| name.as_str() != "alice");
    let late = late.last().expect("some are left");
    let conn = world.comes_back(late.as_str());
    assert_eq!(world.hears(conn)[0], format!("* welcome {late}"));
}

#[test]
fn a_server_stops_in_slices_and_the_senders_hear_first() {
    let config = tight(10);
    let (mut world, alice) = world(&config, 50, 5);
    let carol = world.peer("carol");
    world.shuts_down();
    assert!(!leaves(&world, alice));
    // Who comes now is told to go, and who goes is not expected back.
    let late = world.accept();
    assert!(leaves(&world, late));
    world.breaks(carol);
    assert!(world.forgotten.contains(&name("carol")));
    go_on(&mut world);
    assert!(leaves(&world, alice));
    let mut heard = world.hears(alice);
    heard.retain(|line| line.starts_with("* undelivered ") && line.contains(" shutting-down"));
    assert_eq!(heard.iter().map(|line| count(line)).sum::<usize>(), 50 * 5);
    assert_eq!(world.broker.deadline(), None);
}

#[test]
fn a_server_has_stopped_only_when_what_its_last_connection_gives_back_is_settled() {
    let mut world = World::with(&tight(2));
    let (alice, bob) = (world.guest("alice"), world.guest("bob"));
    for n in 0..20 {
        world.says(alice, "bob", &n.to_string());
    }
    world.hears(alice);
    world.shuts_down();
    go_on(&mut world);
    for conn in [alice, bob] {
        world.breaks(conn);
    }
    assert!(world.broker.lifecycle().is_idle());
    assert!(world.broker.is_closing(), "all was done at once");
    go_on(&mut world);
    assert!(!world.broker.is_closing());
    assert_eq!(world.discarded.len(), 20);
}

#[test]
fn who_is_back_gets_what_was_kept_in_slices_and_what_is_new_behind_it() {
    let config = tight(10);
    let (mut world, alice) = world(&config, 1, 100);
    let bob = world.comes_back("bob0");
    let mut heard = world.hears(bob);
    assert_eq!(heard.remove(0), "* back bob0 100");
    assert!((1..100).contains(&heard.len()), "{}", heard.len());
    assert!(world.worked <= 2_000, "{}", world.worked);
    // It is there: nobody is told that it is away.
    world.says(alice, "bob0", "new");
    assert_eq!(world.hears(alice), [""; 0]);
    // What it says itself waits for nothing.
    world.says(bob, "alice", "I am back");
    assert_eq!(world.hears(alice), ["from bob0: I am back"]);
    let slices = go_on(&mut world);
    assert!(slices > 5, "{slices}");
    heard.extend(world.hears(bob));
    let said = |line: &String| line.rsplit(": ").next().map(str::to_owned);
    let heard: Vec<_> = heard.iter().filter_map(said).collect();
    let kept = (0..100).map(|n| format!("{n}"));
    let expected: Vec<_> = kept.chain(["new".to_owned()]).collect();
    assert_eq!(heard, expected);
    world.says(alice, "bob0", "at once");
    assert_eq!(world.hears(bob), ["from alice: at once"]);
}

#[test]
fn who_goes_again_while_it_gets_what_was_kept_loses_nothing() {
    let config = tight(10);
    let (mut world, alice) = world(&config, 1, 50);
    let bob = world.comes_back("bob0");
    let first = world.hears(bob).len() - 1;
    world.breaks(bob);
    world.says(alice, "bob0", "new");
    go_on(&mut world);
    let bob = world.comes_back("bob0");
    go_on(&mut world);
    let heard = world.hears(bob);
    assert_eq!(heard[0], format!("* back bob0 {}", 50 - first + 1));
    assert_eq!(heard.len(), 50 - first + 2);
}

#[test]
fn a_room_is_heard_behind_what_was_kept() {
    let config = tight(10);
    let mut world = World::with(&config);
    let alice = world.guest("alice");
    let bob = world.peer("bob");
    for conn in [alice, bob] {
        world.joins(conn, "#r");
    }
    world.breaks(bob);
    for n in 0..50 {
        world.says(alice, "#r", &format!("{n}"));
    }
    let bob = world.comes_back("bob");
    world.says(alice, "#r", "new");
    world.says(bob, "#r", "mine");
    go_on(&mut world);
    let mut heard = world.hears(bob);
    heard.retain(|line| line.starts_with("kept: "));
    assert_eq!(heard.len(), 51);
    assert!(heard[50].ends_with("new"), "{heard:?}");
}

/// Whether a connection was told to leave.
fn leaves(world: &World, conn: ConnId) -> bool {
    let phase = world.broker.lifecycle().phase(conn);
    matches!(phase, Some(Phase::Leaving { .. }))
}

/// The peer of `old` comes back with `new`, and reads nothing of what was kept for it.
fn takes_over(world: &mut World, old: ConnId, new: ConnId) {
    world.log_in(new, "bob0", Some(proof_of("bob0")));
    if world.broker.lifecycle().phase(old).is_some() {
        world.breaks(old);
    }
}

/// One peer takes itself over again and again, and more waits for it than fits into the slices
/// between.
#[test]
fn whoever_comes_back_again_and_again_holds_up_nobody_whose_time_runs_out() {
    let config = tight(10);
    let (mut world, _) = world(&config, 1, 1_000);
    world.away("carol");
    let away_until = world.broker.deadline().expect("carol's window ends");
    world.passes(config.resume_window - config.login_timeout);
    let late = world.accept();
    let mut bob = world.accept();
    takes_over(&mut world, bob, bob);
    world.passes(away_until.since(world.now) - Duration::from_millis(1));
    for _ in 0..50 {
        let next = world.accept();
        takes_over(&mut world, bob, next);
        bob = next;
        for _ in 0..10 {
            world.passes(Duration::from_millis(1));
        }
        assert!(world.broker.is_behind(), "nothing is left to hand over");
    }
    assert!(leaves(&world, late));
    assert!(world.forgotten.contains(&name("carol")));
}

/// The same while the server stops, with connections that it has accepted before.
#[test]
fn whoever_comes_back_again_and_again_does_not_hold_up_the_stop() {
    let config = tight(10);
    let (mut world, alice) = world(&config, 1, 1_000);
    let mut bob = world.comes_back("bob0");
    let others: Vec<_> = (0..50).map(|_| world.accept()).collect();
    world.shuts_down();
    for next in others {
        if !leaves(&world, next) {
            takes_over(&mut world, bob, next);
            bob = next;
        }
        world.passes(Duration::from_millis(1));
    }
    go_on(&mut world);
    assert!(leaves(&world, alice) && leaves(&world, bob));
    // What it was not handed over came back.
    let handed = world.hears(bob);
    let handed = handed.iter().filter(|line| line.starts_with("kept: "));
    let mut heard = world.hears(alice);
    heard.retain(|line| line.starts_with("* undelivered bob0 shutting-down"));
    let back: usize = heard.iter().map(|line| count(line)).sum();
    assert!(back > 0);
    assert_eq!(handed.count() + back, 1_000);
    assert_eq!(world.discarded, [""; 0]);
}

/// It came back itself: it is not for anybody else.
#[test]
fn whoever_is_there_when_the_server_stops_hears_of_its_own_messages_that_came_back() {
    let config = tight(10);
    let (mut world, alice) = world(&config, 2, 50);
    let bob = world.comes_back("bob0");
    go_on(&mut world);
    world.says(bob, "bob1", "mine");
    world.breaks(bob);
    for message in 0..50 {
        world.says(alice, "bob0", &format!("{message}"));
    }
    world.dismisses("bob1", "");
    go_on(&mut world);
    let bob = world.comes_back("bob0");
    world.shuts_down();
    go_on(&mut world);
    let heard = world.hears(bob);
    assert!(heard.iter().any(|line| line.ends_with("mine")), "{heard:?}");
    assert_eq!(world.discarded, [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    /// However much is due, or comes at once. There are two where a writer ends.
    #[test]
    fn no_input_makes_more_work_than_two_slices_and_one_thing(
        slice in 1..50_u64,
        away in 0..40_usize,
        messages in 0..60_usize,
        rooms in 1..8_usize,
        online in 1..20_usize,
        steps in vec((0..7_u8, 0..20_usize), 1..60),
    ) {
        let config = tight(slice);
        let (mut world, alice) = world(&config, away, messages);
        let mut conns = vec![alice];
        for n in 0..online {
            let conn = world.peer(&format!("carol{n}"));
            for room in 0..rooms {
                world.joins(conn, &format!("#r{room}"));
            }
            conns.push(conn);
        }
        let members = online + 1;
        // A peer that leaves all its rooms, or a message to all of them; and what a mailbox that
        // is given back has.
        let one_thing = |mail: usize| {
            let units = 100 + rooms * (20 + 2 * members) * 2 + 16 * members * 12 + mail * 12;
            2 * slice * 100 + units as u64
        };
        for (step, which) in steps {
            let mut mail = 0;
            let Some(&conn) = conns.get(which % conns.len().max(1)) else {
                break;
            };
            match step {
                0 => world.says(conn, "#r0 carol0 bob0", "hi"),
                1 => world.says(conn, "carol1", "hi"),
                2 => {
                    mail = world.count_unheard(conn);
                    world.breaks(conn);
                    conns.retain(|&other| other != conn);
                }
                3 => world.passes(Duration::from_millis(1)),
                6 if which < away => {
                    let name = format!("bob{which}");
                    if world.broker.is_expected(&rejoin::id::Name::parse(&name).expect("a name")) {
                        conns.push(world.comes_back(&name));
                    }
                }
                4 => world.passes(config.resume_window),
                _ => world.passes(config.login_timeout),
            }
            prop_assert!(world.worked <= one_thing(mail), "{} after {step}", world.worked);
        }
        world.shuts_down();
        prop_assert!(world.worked <= one_thing(0));
        while let Some(deadline) = world.broker.deadline() {
            world.now = deadline;
            world.ticks();
            prop_assert!(world.worked <= one_thing(0), "{}", world.worked);
        }
        prop_assert_eq!(world.broker.undelivered().count(), 0);
    }
}
