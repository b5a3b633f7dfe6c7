//! What happened in a run, in order, for people to read.

use rejoin::Config;
use rejoin::id::{ConnId, Time};

use crate::invariants::{Invariants, Violation, determinism};
use crate::moment::Moment;
use crate::step::Step;
use crate::world::World;

/// A run that happened.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Trace {
    /// What it is a run of: the command that makes it again.
    pub title: String,
    /// The names of the clients, if there were any: a run of the broker alone has none.
    pub clients: Vec<String>,
    /// What happened, in order.
    pub entries: Vec<Entry>,
}

impl Trace {
    /// Adds what does not hold; tells whether there is anything.
    pub fn violate(&mut self, at: Time, violations: Vec<Violation>) -> bool {
        let broken = !violations.is_empty();
        let whats = violations.into_iter().map(What::Violated);
        self.entries.extend(whats.map(|what| Entry { at, what }));
        broken
    }

    /// Whether something does not hold.
    pub fn is_broken(&self) -> bool {
        let violated = |entry: &Entry| matches!(entry.what, What::Violated(_));
        self.entries.iter().any(violated)
    }
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
}

/// What happened, and to whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum What {
    /// A fault took effect.
    Fault {
        /// The index of the client whose host or link it hits, if it hits one.
        client: Option<usize>,
        /// The connection that it hits, if it hits one.
        conn: Option<ConnId>,
        /// What it is, in a few words.
        what: String,
    },
    /// A client did something, or something came to it.
    Client {
        /// Its index.
        client: usize,
        /// Its connection, as the server calls it, once the server has accepted it.
        conn: Option<ConnId>,
        /// What.
        did: Did,
    },
    /// The broker was told something, or a socket took something.
    Moment(Box<Moment>),
    /// Something that always holds does not.
    Violated(Violation),
}

/// What a client did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Did {
    /// It connects.
    Connected,
    /// It wrote a line.
    Said(String),
    /// It read a line.
    Heard(String),
    /// It closed its connection, or found it closed.
    Ended(String),
}

/// A run of the broker alone: what comes of `steps`, and of everything finishing after them, up to
/// the first moment after which something does not hold.
pub fn of_steps(config: &Config, steps: &[Step]) -> Trace {
    let (mut first, mut second) = (World::new(config), World::new(config));
    let mut invariants = Invariants::new(config);
    let mut last = Moment::start();
    let mut trace = Trace::default();
    for step in steps.iter().map(Some).chain([None]) {
        let happen = |world: &mut World| match step {
            Some(step) => world.step(step),
            None => world.finish(),
        };
        let moments = happen(&mut first);
        let again = happen(&mut second);
        let brokers = (first.broker(), second.broker());
        let same = determinism::compare((&moments, brokers.0), (&again, brokers.1));
        for moment in moments {
            let at = moment.now;
            let found = invariants.observe(&moment);
            last = moment.clone();
            let what = What::Moment(Box::new(moment));
            trace.entries.push(Entry { at, what });
            if trace.violate(at, found) {
                return trace;
            }
        }
        let at = trace.entries.last().map_or(Time::ZERO, |entry| entry.at);
        if trace.violate(at, same.err().into_iter().collect()) {
            return trace;
        }
    }
    let at = trace.entries.last().map_or(Time::ZERO, |entry| entry.at);
    trace.violate(at, invariants.finish(&last));
    trace
}
