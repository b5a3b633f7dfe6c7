//! What happened in a run, in order, for people to read.

use rejoin::Config;
use rejoin::id::{ConnId, Time};

use crate::invariants::Violation;
use crate::moment::Moment;
use crate::search::{self, Wrong};
use crate::step::Step;

/// A run that happened.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Trace {
    /// What it is a run of: the command that makes it again.
    pub title: String,
    /// The names of the clients, if there were any: a run of the broker alone has none.
    pub clients: Vec<String>,
    /// What else is to be said of the run, before anything that happened.
    pub remarks: Vec<String>,
    /// What the messages said, by their numbers, if their texts are not those of a simulation.
    pub texts: Vec<String>,
    /// What happened, in order.
    pub entries: Vec<Entry>,
}

impl Trace {
    /// Adds what happened.
    pub fn show(&mut self, moment: Moment) {
        let at = moment.now;
        let what = What::Moment(Box::new(moment));
        self.entries.push(Entry { at, what });
    }

    /// Adds what does not hold.
    pub fn violate(&mut self, at: Time, violations: Vec<Violation>) {
        let whats = violations.into_iter().map(What::Violated);
        self.entries.extend(whats.map(|what| Entry { at, what }));
    }

    /// Adds what is wrong with what was added last.
    pub fn fail(&mut self, wrongs: Vec<Wrong>) {
        let at = self.entries.last().map_or(Time::ZERO, |entry| entry.at);
        let whats = wrongs.into_iter().map(|wrong| match wrong {
            Wrong::Violated(violation) => What::Violated(violation),
            Wrong::Panicked(says) => What::Panicked(says),
        });
        self.entries.extend(whats.map(|what| Entry { at, what }));
    }

    /// Whether something does not hold, or panicked, or came otherwise than it was recorded.
    pub fn is_broken(&self) -> bool {
        self.entries.iter().any(|entry| match entry.what {
            What::Violated(_) | What::Panicked(_) | What::Differed(_) => true,
            What::Fault { .. } | What::Client { .. } | What::Moment(_) | What::Restarted => false,
        })
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
    /// The server has started again, and knows nothing. It numbers its connections as before, from
    /// the first number on.
    Restarted,
    /// Something that always holds does not.
    Violated(Violation),
    /// The broker panicked at what it was told last.
    Panicked(String),
    /// What a hub wanted done is not what was recorded.
    Differed(Difference),
}

/// How a hub answers an input, and that it is not as it was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// Which input of the record, from 0 on.
    pub input: u64,
    /// What the hub was told.
    pub told: String,
    /// How many entries just before this one tell of the input.
    pub entries: usize,
    /// The check sum of the effects that were recorded: no more is known of them.
    pub recorded: u32,
    /// The check sum of those that came now.
    pub came: u32,
    /// The effects that came now, in order.
    pub effects: Vec<String>,
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
    let mut trace = Trace::default();
    let ran = search::show(config, steps, |_, moment| trace.show(moment.clone()));
    trace.fail(ran.err().map_or_else(Vec::new, |failure| failure.wrongs));
    trace
}
