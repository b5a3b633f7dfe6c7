//! What a play came to.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::innocents::Talked;
use super::memory::Memory;
use super::visitors::Visited;

/// How late something came, in milliseconds.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Late {
    /// How often it was measured.
    pub count: u64,
    /// As late as half of all.
    pub p50: f64,
    /// As late as 99 of 100.
    pub p99: f64,
    /// As late as the last.
    pub most: f64,
}

impl Late {
    pub(super) fn of(nanos: &Histogram<u64>) -> Self {
        let millis = |nanos: u64| nanos as f64 / 1e6;
        Self {
            count: nanos.len(),
            p50: millis(nanos.value_at_quantile(0.5)),
            p99: millis(nanos.value_at_quantile(0.99)),
            most: millis(nanos.max()),
        }
    }
}

/// What a play came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// How late the innocent heard each other, ahead of the attack and beside it.
    pub heard: [Late; 2],
    /// How long a newcomer took to log in, ahead of the attack and beside it.
    pub logins: [Late; 2],
    /// What the innocent, and those who came by, cannot accept.
    pub complaints: Vec<String>,
    /// The most memory that the server took, ahead of the attack and beside it, in bytes.
    pub memory: [u64; 2],
    /// How long the server took to stop, while the attack went on; `None` if it had to be killed.
    pub stop: Option<Duration>,
    /// What else was counted.
    pub facts: Vec<(String, u64)>,
}

impl Outcome {
    pub(super) fn new(talked: Talked, visited: Visited, memory: Memory) -> Self {
        Self {
            heard: talked.late.each_ref().map(Late::of),
            logins: visited.late.each_ref().map(Late::of),
            complaints: [talked.complaints, visited.complaints].concat(),
            memory: [memory.before, memory.during],
            stop: None,
            facts: Vec::new(),
        }
    }

    /// A number that was counted; 0 if it never was.
    pub fn fact(&self, what: &str) -> u64 {
        let fact = self.facts.iter().find(|(name, _)| name == what);
        fact.map_or(0, |(_, number)| *number)
    }
}

/// A histogram of nanoseconds.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000_000, 3).expect("the bounds are valid")
}
