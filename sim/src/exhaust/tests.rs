//! Each judge believes a true story and rejects what is made of it.

use rejoin::broker::lifecycle::{Binding, Hold, Phase};
use rejoin::broker::{BounceReason, Effect, Event, LeaveReason, Mail, StopReason};
use rejoin::id::{ConnId, Name, PeerId, Room, Time};

use super::state::{Happens, judge};
use super::*;
use crate::forge::{break_off, come, say, story};
use crate::moment::{Act, View};
use crate::probe::Probes;
use crate::search::run;
use crate::step::{Until, name, room};
use crate::words::is_plain;
use crate::world::World;
use std::borrow::Cow;

impl Show for View {
    fn connections(&self) -> impl Iterator<Item = (ConnId, Phase)> {
        self.connections.iter().map(|(&conn, &phase)| (conn, phase))
    }

    fn bindings(&self) -> impl Iterator<Item = (Name, Binding)> {
        self.bindings.iter().map(|(&name, &b)| (name, b))
    }

    fn mailbox(&self, name: &Name) -> Option<impl Iterator<Item = &Mail>> {
        self.mailboxes.get(name).map(|mailbox| mailbox.iter())
    }

    fn members(&self, room: &Room) -> impl Iterator<Item = Name> {
        self.rooms.get(room).into_iter().flatten().copied()
    }

    fn deadline(&self) -> Option<Time> {
        self.deadline
    }
}

/// What a broken broker would do at the end of a story.
struct Forged {
    acts: Vec<Act>,
    view: View,
}

fn setup() -> Setup {
    Setup::new(Universe {
        names: 3,
        ..Universe::TWO_NAMES
    })
}

fn play(setup: &Setup, steps: &[Step]) -> State {
    steps.iter().fold(State::new(&setup.config), |state, step| {
        let order = state.order();
        assert!(state.allows(setup, &order, step), "{step:?} cannot happen");
        let (next, judged) = state.next(setup, &order, step, &mut Effects::new());
        judged.expect("the true story is believed");
        next
    })
}

/// Panics unless a story is believed, and what `falsify` makes of its end violates `statement` for
/// a reason that has `why` in it.
fn rejects(steps: &[Step], falsify: impl FnOnce(&mut Forged), statement: u8, why: &str) {
    let setup = setup();
    play(&setup, steps);
    let (last, steps) = steps.split_last().unwrap();
    let before = play(&setup, steps);
    let mut next = before.clone();
    let Happens::Input(input) = next.begin(&setup, &before.order(), last) else {
        unreachable!("the story ends with an input")
    };
    let mut effects = Effects::new();
    next.broker.handle(next.now, input.clone(), &mut effects);
    let (acts, view) = (Act::all(&effects), View::of(&next.broker));
    let mut forged = Forged { acts, view };
    falsify(&mut forged);
    let effects: Vec<_> = forged.acts.iter().map(effect).collect();
    let (books, view) = (&mut next.books, &forged.view);
    let said = judge(
        &setup,
        next.now,
        &before.books,
        books,
        &input,
        &effects,
        view,
    );
    let said = said.expect_err("the false story is rejected");
    assert_eq!(said.statement, statement, "{said}");
    assert!(said.what.contains(why), "{said} does not speak of {why:?}");
    assert!(is_plain(&said.what), "{said}");
}

fn effect(act: &Act) -> Effect<'_> {
    match act {
        Act::Tell { to, event } => Effect::Deliver {
            to,
            event: Cow::Borrowed(event),
        },
        &Act::StopReader { conn } => Effect::StopReader { conn },
        &Act::StopWriter { conn, reason } => Effect::StopWriter { conn, reason },
        Act::Discard {
            receiver,
            mail,
            reason,
        } => Effect::Discard {
            receiver,
            mail,
            reason: *reason,
        },
        &Act::Forget { name } => Effect::Forget { name },
    }
}

/// The first that is accepted in a story is 2: another one has come and gone before.
fn conn(number: u64) -> ConnId {
    ConnId::new(number + 2)
}

fn tell(to: u64, event: Event) -> Act {
    let to = vec![conn(to)];
    Act::Tell { to, event }
}

const READER_FINISHES: [Step; 1] = [Step::ReaderFinishes { conn: 0 }];

/// Ann has said two things to Bob, who is away.
fn kept() -> Vec<Step> {
    let bob = story([&come(1, Some(0))[..], &break_off(0), &READER_FINISHES]);
    story([&bob[..], &come(0, Some(0)), &say(0, 1), &say(0, 1)])
}

#[test]
fn a_removal_too_early_or_too_late_is_found() {
    let leaves = story([&come(0, Some(0))[..], &READER_FINISHES]);
    rejects(&leaves, |f| f.view.bindings.clear(), 1, "removed too early");
    let ends = story([&come(0, None)[..], &break_off(0)]);
    let ghost = Binding {
        peer: PeerId::new(conn(0)),
        proof: None,
        source: crate::step::source(0),
        hold: Hold::Held {
            holder: conn(0),
            waiter: None,
        },
    };
    let haunt = |f: &mut Forged| {
        f.view.bindings.insert(name(0), ghost);
    };
    rejects(&ends, haunt, 1, "was not removed");
    let came = story([&come(0, None)[..], &come(1, None)]);
    let other =
        |f: &mut Forged| f.view.bindings.get_mut(&name(0)).unwrap().peer = PeerId::new(conn(1));
    rejects(&came, other, 1, "and should be");
    let left = Event::Left {
        room: room(0),
        name: name(0),
        why: LeaveReason::Gone,
    };
    rejects(&came, |f| f.acts.push(tell(1, left)), 1, "who is not");
}

#[test]
fn what_concerns_another_connection_is_found() {
    let two = story([&come(0, Some(0))[..], &come(1, None)]);
    let conn = conn(0);
    let stop = Act::StopReader { conn };
    let ends = story([&two[..], &break_off(0)]);
    rejects(&ends, |f| f.acts.push(stop.clone()), 2, "is stopped");
    let event = Event::Kept { name: name(0) };
    rejects(
        &two,
        |f| f.acts.push(tell(0, event.clone())),
        2,
        "none of its business",
    );
    let leaves = story([&come(0, Some(0))[..], &READER_FINISHES]);
    rejects(
        &leaves,
        |f| f.acts.push(tell(0, event.clone())),
        2,
        "which was stopped",
    );
    let again = story([&leaves[..], &READER_FINISHES]);
    let discard = Act::Discard {
        receiver: name(0),
        mail: mail(&kept()),
        reason: BounceReason::Gone,
    };
    rejects(&again, |f| f.acts.push(discard), 2, "comes too late");
}

#[test]
fn a_half_that_is_told_twice_or_not_at_all_is_found() {
    let came = come(0, None);
    let reader = story([&came[..], &READER_FINISHES]);
    rejects(&reader, |f| f.acts.clear(), 3, "that the reader is gone");
    let writer = story([&came[..], &break_off(0)]);
    rejects(&writer, |f| f.acts.clear(), 3, "that the writer is gone");
    rejects(
        &reader,
        |f| f.acts.push(f.acts[0].clone()),
        3,
        "told to stop twice",
    );
    let stop = Act::StopReader { conn: conn(0) };
    rejects(&reader, |f| f.acts.push(stop.clone()), 3, "has finished");
    let reason = StopReason::Silent;
    let stop = Act::StopWriter {
        conn: conn(0),
        reason,
    };
    rejects(
        &came,
        |f| f.acts.push(stop),
        3,
        "its writer is told to stop",
    );
}

#[test]
fn mail_that_is_lost_or_there_twice_is_found() {
    fn mailbox(f: &mut Forged) -> &mut Vec<Mail> {
        f.view.mailboxes.get_mut(&name(1)).unwrap()
    }
    rejects(&kept(), |f| mailbox(f).clear(), 4, "is lost");
    let first = kept()[..kept().len() - 1].to_vec();
    let twice = |f: &mut Forged| {
        let mail = mailbox(f)[0].clone();
        mailbox(f).push(mail);
    };
    rejects(&first, twice, 4, "waits twice");
    let stray = mail(&kept());
    let stray = |f: &mut Forged| f.view.mailboxes.get_mut(&name(0)).unwrap().push(stray);
    rejects(&come(0, Some(0)), stray, 4, "is not on its way");
    let count = |f: &mut Forged| {
        let mail = mailbox(f).remove(0);
        let (receiver, reason) = (name(1), BounceReason::Expired);
        f.acts.push(Act::Discard {
            receiver,
            mail,
            reason,
        });
    };
    rejects(&kept(), count, 4, "its sender is not told");
    let expires = story([&kept()[..], &[TICK_AT_DEADLINE]]);
    let mail = mail(&kept());
    let only_forget = |f: &mut Forged| f.acts.retain(|act| matches!(act, Act::Forget { .. }));
    rejects(&expires, only_forget, 4, "is lost");
    rejects(&expires, |f| f.acts.clear(), 1, "is forgotten 0 times");
    let returns = story([&expires[..], &come(1, Some(0))]);
    let keep = |f: &mut Forged| f.view.mailboxes.get_mut(&name(1)).unwrap().push(mail);
    rejects(&returns, keep, 4, "waits twice");
}

#[test]
fn mail_out_of_order_is_found() {
    let reverse = |f: &mut Forged| f.view.mailboxes.get_mut(&name(1)).unwrap().reverse();
    rejects(&kept(), reverse, 5, "ahead of an earlier one");
    let back = story([&kept()[..], &come(1, Some(0))]);
    rejects(&back, |f| drop(f.acts.pop()), 5, "less kept mail");
    let more = |f: &mut Forged| f.acts.push(f.acts[1].clone());
    rejects(&back, more, 5, "more kept mail");

    let mut state = play(&setup(), &back);
    let conn = conn(2);
    state.books.link_mut(conn).unwrap().outbox.swap(0, 1);
    let said = state.write(conn).expect_err("it is written too early");
    assert_eq!(said.statement, 5, "{said}");
}

#[test]
fn a_name_that_is_taken_without_its_proof_is_found() {
    let online = come(0, Some(0));
    let wrong = story([&online[..], &come(0, Some(1))]);
    let welcome = tell(1, Event::Welcome { name: name(0) });
    rejects(&wrong, |f| f.acts = vec![welcome], 6, "bears");
    let back = Event::Back {
        name: name(0),
        kept: 0,
    };
    rejects(&wrong, |f| f.acts = vec![tell(1, back)], 6, "has not shown");
    let wait = |f: &mut Forged| {
        let binding = f.view.bindings.get_mut(&name(0)).unwrap();
        let (holder, waiter) = (conn(0), Some(conn(1)));
        binding.hold = Hold::Held { holder, waiter };
    };
    rejects(&wrong, wait, 6, "is kept for");
    let guest = |f: &mut Forged| f.view.bindings.get_mut(&name(0)).unwrap().proof = None;
    rejects(&online, guest, 6, "needs another secret");
    let two = story([&come(0, None)[..], &come(1, None), &say(0, 1)]);
    let swap = |f: &mut Forged| match &mut f.acts[0] {
        Act::Tell { to, .. } => *to = vec![conn(0)],
        Act::StopReader { .. }
        | Act::StopWriter { .. }
        | Act::Discard { .. }
        | Act::Forget { .. } => unreachable!("a message is told"),
    };
    rejects(&two, swap, 2, "none of its business");
}

#[test]
fn what_has_no_bound_is_found() {
    let until = Time::from_micros(u64::MAX);
    let long = |f: &mut Forged| {
        f.view
            .connections
            .insert(conn(0), Phase::Greeting { until });
    };
    rejects(&[Step::Accept], long, 7, "may log in until");
    let mail = mail(&kept());
    let much = |f: &mut Forged| {
        f.view.mailboxes.insert(name(1), vec![mail; 3]);
    };
    rejects(&kept(), much, 7, "3 messages");
    let waits = story([&come(0, Some(0))[..], &come(0, Some(0))]);
    let forget = |f: &mut Forged| {
        let (holder, waiter) = (conn(0), None);
        f.view.bindings.get_mut(&name(0)).unwrap().hold = Hold::Held { holder, waiter };
    };
    rejects(&waits, forget, 7, "nobody will give it");
    let back = story([&kept()[..], &come(1, Some(0))]);
    let event = Event::Back {
        name: name(1),
        kept: 99,
    };
    rejects(&back, |f| f.acts[0] = tell(2, event), 7, "99 messages");
}

#[test]
fn what_is_left_is_found() {
    let ends = story([&come(0, None)[..], &break_off(0)]);
    let stay = |f: &mut Forged| {
        f.view
            .connections
            .insert(conn(0), Phase::Leaving { name: None });
    };
    rejects(&ends, stay, 8, "is left");
    let forget = |f: &mut Forged| f.view.connections.clear();
    rejects(&come(0, None), forget, 8, "forgotten too early");
    let keep = |f: &mut Forged| drop(f.view.mailboxes.insert(name(0), vec![]));
    rejects(&ends, keep, 8, "has a mailbox and is gone");
    let haunt = |f: &mut Forged| drop(f.view.rooms.insert(room(0), [name(0)].into()));
    rejects(&ends, haunt, 8, "are others than have joined");
    rejects(
        &ends,
        |f| f.view.deadline = Some(Time::ZERO),
        8,
        "the deadline is",
    );

    let setup = setup();
    let fresh = play(&setup, &story([&ends[..], &READER_FINISHES]));
    assert!(fresh.is_as_new(&setup));
    let mut haunted = fresh.clone();
    haunted.broker = play(&setup, &[Step::Accept]).broker;
    assert!(!haunted.is_as_new(&setup));
    assert!(!haunted.is_like(&fresh));
}

const TICK_AT_DEADLINE: Step = Step::Wait {
    until: Until::Deadline,
    tick: true,
};

/// What waits for Bob first.
fn mail(steps: &[Step]) -> Mail {
    let state = play(&setup(), steps);
    let mailbox = state.broker.mailbox(&name(1)).unwrap();
    mailbox.iter().next().unwrap().clone()
}

/// The ways to every so-many-th state of a search.
fn sample(universe: Universe, depth: u32, every: usize) -> Vec<Vec<Step>> {
    let states = usize::MAX;
    let setup = Setup::new(universe);
    let mut search = Search::new(
        setup.clone(),
        State::new(&setup.config),
        Limits { depth, states },
        NonZeroUsize::MIN,
        |_| {},
    );
    search.run().expect("nothing is wrong");
    let nodes = (0..search.tree.len()).step_by(every);
    nodes
        .map(|node| search.spell(&search.tree.way(node as u32)))
        .collect()
}

/// The steps mean the same here and there, and who judges whole histories finds nothing either.
#[test]
fn a_world_takes_the_same_steps_to_the_same_place() {
    let universe = setup().universe;
    let setup = setup();
    let phases = |broker: &rejoin::broker::Broker| {
        let connections = broker.lifecycle().connections();
        let phases: Vec<_> = connections
            .map(|(_, phase)| std::mem::discriminant(&phase))
            .collect();
        let bindings = broker.lifecycle().bindings();
        let holds = bindings.map(|(&name, b)| (name, std::mem::discriminant(&b.hold)));
        let mail = (0..3)
            .map(|n| broker.mailbox(&name(n)).map(|m| m.len()))
            .collect::<Vec<_>>();
        (phases, holds.collect::<Vec<_>>(), mail)
    };
    for steps in sample(universe, 7, 67) {
        let state = play(&setup, &steps);
        let mut world = World::new(&setup.config);
        for step in &steps {
            world.step(step);
        }
        assert_eq!(phases(&state.broker), phases(world.broker()), "{steps:?}");
        let ran = run(&setup.config, &steps, &mut Probes::default());
        assert_eq!(ran, Ok(()), "{steps:?}");
    }
}

#[test]
fn any_number_of_threads_counts_the_same() {
    let count = |jobs| {
        search(
            Universe::THREE_NAMES,
            Limits {
                depth: 6,
                states: 1_000_000,
            },
            NonZeroUsize::new(jobs).unwrap(),
            |_| {},
        )
    };
    let alone = count(1);
    assert_eq!(alone, count(1));
    assert_eq!(alone, count(3));
}
