//! A run as rows and lanes, before anything is drawn.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use rejoin::id::{ConnId, Name, Time};

use super::Rows;
use super::fold::groups;
use super::follow::Follower;
use super::rows::Scribe;
use crate::trace::Trace;
use crate::words;

/// A run, laid out. A row is an index into `rows`; a name or a client is one into theirs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Chart {
    /// What it is a run of.
    pub(super) title: String,
    /// What else is to be said of it.
    pub(super) remarks: Vec<String>,
    /// The clients, leftmost first.
    pub(super) clients: Vec<String>,
    /// When each client was connected.
    pub(super) sessions: Vec<Session>,
    /// The connections.
    pub(super) lives: BTreeMap<Link, Life>,
    /// How many connections stand side by side.
    pub(super) slots: usize,
    /// The names, as they were first bound, in that order.
    pub(super) names: Vec<Name>,
    /// Who held each name.
    pub(super) bands: Vec<Band>,
    /// How much waited for each name.
    pub(super) levels: Vec<Level>,
    /// What happened, in order.
    pub(super) rows: Vec<Row>,
}

/// A client's connection, from its first row to the row after its last one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Session {
    pub(super) client: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// A connection, told from those that have its number before or after a restart of the server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Link {
    /// How often the server had started again.
    pub(super) restarts: usize,
    pub(super) conn: ConnId,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.conn.fmt(f)
    }
}

/// How a connection fared.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Life {
    /// Its column, which an older connection may have had.
    pub(super) slot: usize,
    /// Where it is first spoken of.
    pub(super) from: usize,
    /// Where it is last spoken of, at the end of both halves or later.
    pub(super) to: usize,
    /// Where its reader finished.
    pub(super) reader_end: Option<usize>,
    /// Where its writer finished.
    pub(super) writer_end: Option<usize>,
    /// How far it had come, each from a row on.
    pub(super) stages: Vec<(usize, Stage)>,
}

/// How far a connection has come, with the name that it waits for or holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    Greeting,
    Waiting(usize),
    Online(usize),
    Leaving(Option<usize>),
}

impl Stage {
    /// The name that it is about.
    pub(super) const fn name(self) -> Option<usize> {
        match self {
            Self::Greeting => None,
            Self::Waiting(name) | Self::Online(name) => Some(name),
            Self::Leaving(name) => name,
        }
    }
}

/// How a name was bound, from one row to before another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Band {
    pub(super) name: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) grip: Grip,
}

/// What a name is bound to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Grip {
    /// A connection holds it.
    Held {
        holder: ConnId,
        guest: bool,
        leaving: bool,
        waiter: Option<ConnId>,
    },
    /// Its peer may come back.
    Away,
}

/// How much waited for a name, from one row to before another; never nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Level {
    pub(super) name: usize,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) size: usize,
}

/// Something that happened, and what came of it at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Row {
    pub(super) at: Time,
    /// How many events it tells of.
    pub(super) events: usize,
    /// Whether what an alarm tells of broke here.
    pub(super) broken: bool,
    /// The silence before it, if it is long, as compared with the others.
    pub(super) pause: Option<Duration>,
    pub(super) kind: Kind,
    /// The name whose story it is.
    pub(super) hue: Option<usize>,
    /// The connection that it is about.
    pub(super) conn: Option<Link>,
    /// All names that it touches.
    pub(super) names: BTreeSet<usize>,
    /// At least one.
    pub(super) lines: Vec<Line>,
    /// How names changed hands, in words.
    pub(super) turns: Vec<Turn>,
}

impl Row {
    fn breaks(&mut self) {
        self.broken = self.kind.alarm().is_none();
    }
}

/// What a row tells of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// The broker was told something.
    Handled,
    /// A socket took something.
    Written,
    /// A client did something.
    Client,
    /// A fault took effect.
    Fault,
    /// Something is not as it should be, since the last row of another kind.
    Alarm(Alarm),
}

impl Kind {
    /// What is wrong, if that is what the row tells.
    pub(super) const fn alarm(&self) -> Option<&Alarm> {
        match self {
            Self::Alarm(alarm) => Some(alarm),
            Self::Handled | Self::Written | Self::Client | Self::Fault => None,
        }
    }
}

/// What is not as it should be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Alarm {
    /// What is wrong, in a few words.
    pub(super) head: String,
    /// How many rows just before this one tell of it.
    pub(super) rows: usize,
    /// How it is wrong.
    pub(super) what: String,
    /// What should be, or else is known of it, a paragraph each.
    pub(super) more: Vec<String>,
}

/// One arrow, or one mark.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    pub(super) style: Style,
    pub(super) from: Lane,
    /// None for a mark, and for an arrow that leads out of the picture.
    pub(super) to: Vec<Lane>,
    /// In a few words.
    pub(super) label: String,
    /// In full.
    pub(super) detail: String,
}

/// What a line is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    /// Something is said, by a client or to the broker.
    Says,
    /// The broker tells connections something.
    Tells,
    /// The broker lets halves of a connection finish.
    Orders,
    /// Mail goes back to a mailbox.
    Returns,
    /// A half of a connection, or a client's connection, ends.
    Ends,
    /// Mail is lost, and counted.
    Discards,
    /// A fault.
    Strikes,
    /// Nothing but the words.
    Notes,
}

/// Where a line starts or ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Lane {
    Client(usize),
    Reader(Link),
    Writer(Link),
    Broker,
    Name(usize),
    /// The run as a whole.
    Everywhere,
}

impl Lane {
    /// The connection that it belongs to.
    pub(super) const fn conn(self) -> Option<Link> {
        match self {
            Self::Reader(conn) | Self::Writer(conn) => Some(conn),
            Self::Client(_) | Self::Broker | Self::Name(_) | Self::Everywhere => None,
        }
    }
}

/// A name changed hands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Turn {
    pub(super) name: usize,
    pub(super) before: Option<Grip>,
    pub(super) after: Option<Grip>,
}

impl Turn {
    /// Whether a connection begins to wait for the name.
    fn is_takeover(&self) -> bool {
        let waiter = |grip| match grip {
            Some(Grip::Held { waiter, .. }) => waiter,
            Some(Grip::Away) | None => None,
        };
        let (before, after) = (waiter(self.before), waiter(self.after));
        after.is_some() && after != before
    }
}

impl Chart {
    /// Lays a run out.
    pub(super) fn of(trace: &Trace, show: Rows) -> Self {
        let mut follower = Follower::default();
        let mut scribe = Scribe::new(trace);
        let mut rows = Vec::new();
        for group in groups(&trace.entries, show == Rows::Folded) {
            let index = rows.len();
            let before = follower.stages();
            let entries = group.entries.iter();
            let turns = entries.flat_map(|entry| follower.follow(index, entry));
            let turns = turns.collect();
            let mut row = scribe.row(index, &group, &before, &follower);
            row.turns = turns;
            follower.mention(index, &row);
            if let Some(alarm) = row.kind.alarm() {
                let told: &mut [Row] = &mut rows[index.saturating_sub(alarm.rows)..];
                told.iter_mut().for_each(Row::breaks);
            }
            rows.push(row);
        }
        let sessions = scribe.finish(rows.len());
        let names = follower.names.clone();
        let (mut lives, bands, levels) = follower.finish(rows.len());
        let slots = assign_slots(&mut lives);
        mark_pauses(&mut rows);
        Self {
            title: words::clean(&trace.title),
            remarks: trace
                .remarks
                .iter()
                .map(|says| words::clean(says))
                .collect(),
            clients: trace
                .clients
                .iter()
                .map(|name| words::clean(name))
                .collect(),
            sessions,
            lives,
            slots,
            names,
            bands,
            levels,
            rows,
        }
    }

    /// The rows that tell of something wrong, in order.
    pub(super) fn alarms(&self) -> impl Iterator<Item = (usize, &Alarm)> {
        let rows = self.rows.iter().enumerate();
        rows.filter_map(|(index, row)| Some((index, row.kind.alarm()?)))
    }

    /// The rows in which a fault takes effect.
    pub(super) fn faults(&self) -> impl Iterator<Item = usize> {
        let rows = self.rows.iter().enumerate();
        let faults = rows.filter(|(_, row)| row.kind == Kind::Fault);
        faults.map(|(index, _)| index)
    }

    /// The rows in which somebody begins to take a name over, or to wait for it.
    pub(super) fn takeovers(&self) -> impl Iterator<Item = usize> {
        let rows = self.rows.iter().enumerate();
        let takeovers = rows.filter(|(_, row)| row.turns.iter().any(Turn::is_takeover));
        takeovers.map(|(index, _)| index)
    }
}

/// Gives each connection the leftmost column that is free from its first row on. Returns how many
/// columns there are.
fn assign_slots(lives: &mut BTreeMap<Link, Life>) -> usize {
    let mut lives: Vec<_> = lives.values_mut().collect();
    lives.sort_by_key(|life| life.from);
    let mut free_after = Vec::new();
    for life in lives {
        let free = free_after.iter().position(|&row| row < life.from);
        life.slot = free.unwrap_or(free_after.len());
        match free_after.get_mut(life.slot) {
            Some(row) => *row = life.to,
            None => free_after.push(life.to),
        }
    }
    free_after.len()
}

/// A silence is long that lasts this many times as long as the one in the middle.
const LONG: u32 = 8;

fn mark_pauses(rows: &mut [Row]) {
    let silence = |pair: &[Row]| pair[1].at.since(pair[0].at);
    let silences: Vec<_> = rows.windows(2).map(silence).collect();
    let mut lasting = silences.clone();
    lasting.retain(|silence| !silence.is_zero());
    lasting.sort();
    let Some(middle) = lasting.get(lasting.len() / 2) else {
        return;
    };
    for (row, silence) in rows[1..].iter_mut().zip(&silences) {
        row.pause = (*silence >= *middle * LONG).then_some(*silence);
    }
}
