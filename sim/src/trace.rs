//! What happened in a run, in order, for people to read.

use rejoin::id::{ConnId, Time};

use crate::invariants::Violation;
use crate::moment::Moment;

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
    Moment(Moment),
    /// Something that always holds does not.
    Violated(Violation),
}

/// What a client did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Did {
    /// It connected.
    Connected,
    /// It wrote a line.
    Said(String),
    /// It read a line.
    Heard(String),
    /// It closed its connection, or found it closed.
    Ended(String),
}
