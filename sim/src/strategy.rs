//! How proptest makes steps.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::label::Labeler;
use crate::plan::{Action, CLIENTS, Fault, Kind, On, Plan};
use crate::setting::SETTINGS;
use crate::step::{GiveUp, Length, NAMES, ROOMS, Step, To, Until};

/// Steps of up to `most` phrases, and in one run of four those of a server that stops.
///
/// A phrase is a step, or a few that belong together, since independent steps would hardly ever
/// come as far as a second takeover. A shrunk run holds no phrase that it does not need.
pub fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let stop = vec(phrase(), 0..=10);
    let stop = prop::option::weighted(0.25, stop);
    (vec(phrase(), 0..=most), stop).prop_map(|(phrases, stop)| {
        let stop = stop.map(|phrases| [vec![vec![Step::ShutDown]], phrases].concat());
        [phrases, stop.unwrap_or_default()].concat().concat()
    })
}

/// A plan of up to `most` phrases and faults, in any order, on streams in memory.
pub fn plan(most: usize) -> impl Strategy<Value = Plan> {
    let actions = prop_oneof![
        9 => phrase().prop_map(|steps| steps.into_iter().map(Action::Step).collect()),
        1 => fault().prop_map(|fault| vec![Action::Fault(fault)]),
    ];
    let actions = vec(actions, 0..=most).prop_map(|phrases: Vec<Vec<_>>| phrases.concat());
    let settings = 0..SETTINGS as u8;
    let irc = 0..1_u8 << CLIENTS;
    let rest = (any::<u64>(), settings, any::<bool>(), irc, actions);
    rest.prop_map(|(seed, setting, yields, irc, actions)| Plan {
        on: On::Memory,
        seed,
        setting,
        yields,
        irc,
        labels: Labeler::new(seed).among(irc),
        actions,
    })
}

fn fault() -> impl Strategy<Value = Fault> {
    let kind = prop::sample::select(&Kind::ALL);
    (0..CLIENTS, kind).prop_map(|(client, kind)| Fault { client, kind })
}

fn phrase() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![
        16 => come(),
        2 => linger(),
        5 => end(),
        8 => answer(),
        1 => chatter(),
        2 => govern(),
        50 => step().prop_map(|step| vec![step]),
    ]
}

/// Somebody connects and logs in, and joins a room perhaps.
fn come() -> impl Strategy<Value = Vec<Step>> {
    let room = prop::option::weighted(0.4, room());
    (accept(), name(), secret(), room).prop_map(|(accept, name, secret, room)| {
        let conn = 0;
        let mut steps = vec![accept, Step::LogIn { conn, name, secret }];
        steps.extend(room.map(|room| Step::Join { conn, room }));
        steps
    })
}

/// Somebody connects, and logs in about when something is due, before the broker knows the time.
fn linger() -> impl Strategy<Value = Vec<Step>> {
    let until = prop_oneof![2 => Just(Until::Deadline), 1 => until()];
    (accept(), name(), secret(), until).prop_map(|(accept, name, secret, until)| {
        let (conn, tick) = (0, false);
        vec![
            accept,
            Step::Wait { until, tick },
            Step::LogIn { conn, name, secret },
        ]
    })
}

/// A client reads everything and says so, if it is asked; its answer may come too late.
fn answer() -> impl Strategy<Value = Vec<Step>> {
    (
        conn(),
        prop::bool::weighted(0.15),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(conn, stale, late)| {
            let write = Step::Write {
                conn,
                mail: u8::MAX,
            };
            let end = late.then_some(Step::ReaderFinishes { conn });
            let stale = stale && !late;
            let steps = [Some(write), end, Some(Step::Answer { conn, stale })];
            steps.into_iter().flatten().collect()
        })
}

/// A client that can come back is asked how far it has read, and says other things all the while.
fn chatter() -> impl Strategy<Value = Vec<Step>> {
    (accept(), name()).prop_map(|(accept, name)| {
        let (conn, secret, tick) = (0, Some(0), true);
        let to = vec![To::Peer(name)];
        let length = Length::Short;
        let mut steps = vec![accept, Step::LogIn { conn, name, secret }];
        steps.push(Step::Send { conn, to, length });
        for _ in 0..4 {
            let until = Until::Deadline;
            steps.extend([Step::Wait { until, tick }, Step::Rooms { conn }]);
        }
        steps
    })
}

/// A client becomes an operator, or tries to, and wants somebody gone.
fn govern() -> impl Strategy<Value = Vec<Step>> {
    (conn(), prop::bool::weighted(0.8), name())
        .prop_map(|(conn, right, name)| vec![Step::Oper { conn, right }, Step::Kill { conn, name }])
}

/// Both halves of a connection end, one right after the other.
fn end() -> impl Strategy<Value = Vec<Step>> {
    (conn(), written(), any::<bool>()).prop_map(|(conn, written, reader_first)| {
        let reader = Step::ReaderFinishes { conn };
        let writer = Step::WriterFinishes { conn, written };
        if reader_first {
            vec![reader, writer]
        } else {
            vec![writer, reader]
        }
    })
}

/// One step. The server does not stop: there is little to see after that.
pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => accept(),
        3 => (conn(), name(), secret())
            .prop_map(|(conn, name, secret)| Step::LogIn { conn, name, secret }),
        20 => send(),
        4 => (conn(), room()).prop_map(|(conn, room)| Step::Join { conn, room }),
        1 => (conn(), room()).prop_map(|(conn, room)| Step::Leave { conn, room }),
        2 => (conn(), name()).prop_map(|(conn, name)| Step::Rename { conn, name }),
        1 => conn().prop_map(|conn| Step::Rooms { conn }),
        1 => (conn(), prop::option::of(room())).prop_map(|(conn, room)| Step::Who { conn, room }),
        1 => (conn(), any::<bool>()).prop_map(|(conn, why)| Step::Quit { conn, why }),
        1 => name().prop_map(|name| Step::Dismiss { name }),
        1 => (conn(), name()).prop_map(|(conn, name)| Step::Kill { conn, name }),
        5 => conn().prop_map(|conn| Step::ReaderFinishes { conn }),
        3 => (conn(), 1..4_u8).prop_map(|(conn, mail)| Step::Write { conn, mail }),
        2 => conn().prop_map(|conn| Step::Answer { conn, stale: false }),
        6 => (conn(), written())
            .prop_map(|(conn, written)| Step::WriterFinishes { conn, written }),
        1 => (conn(), give_up()).prop_map(|(conn, reason)| Step::GiveUp { conn, reason }),
        3 => (until(), any::<bool>()).prop_map(|(until, tick)| Step::Wait { until, tick }),
    ]
}

fn accept() -> impl Strategy<Value = Step> {
    prop_oneof![Just(Step::Accept), Just(Step::AcceptIrc)]
}

fn send() -> impl Strategy<Value = Step> {
    let length = prop_oneof![
        3 => Just(Length::Short),
        1 => Just(Length::Several),
        1 => Just(Length::Long),
    ];
    (conn(), vec(to(), 1..4), length).prop_map(|(conn, to, length)| Step::Send { conn, to, length })
}

fn to() -> impl Strategy<Value = To> {
    prop_oneof![2 => name().prop_map(To::Peer), 1 => room().prop_map(To::Room)]
}

/// The connections that serve somebody, mostly.
fn conn() -> impl Strategy<Value = u8> {
    prop_oneof![0..4_u8, 0..12_u8]
}

fn name() -> impl Strategy<Value = u8> {
    let names = NAMES.len() as u8;
    prop_oneof![4 => 0..names / 2, 1 => 0..names]
}

fn room() -> impl Strategy<Value = u8> {
    0..ROOMS.len() as u8
}

/// The same secret, mostly, so that peers do come back.
fn secret() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![
        6 => Just(Some(0)),
        3 => Just(None),
        1 => Just(Some(1)),
    ]
}

fn written() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(0), 2 => 1..5_u8, 1 => Just(u8::MAX)]
}

fn give_up() -> impl Strategy<Value = GiveUp> {
    prop_oneof![
        Just(GiveUp::TooSlow),
        Just(GiveUp::Silent),
        Just(GiveUp::FailedLogins),
        Just(GiveUp::OtherProtocol),
    ]
}

fn until() -> impl Strategy<Value = Until> {
    prop_oneof![
        4 => Just(Until::Soon),
        1 => Just(Until::BeforeDeadline),
        2 => Just(Until::Deadline),
        1 => Just(Until::AfterDeadline),
    ]
}
