//! Who may connect.

use alloc::collections::BTreeMap;

use crate::Config;
use crate::id::Source;

/// Counts connections by where they come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Admission {
    connections: usize,
    limit: usize,
    per_source: BTreeMap<Source, usize>,
    limit_per_source: usize,
}

impl Admission {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            connections: 0,
            limit: config.connections.get(),
            per_source: BTreeMap::new(),
            limit_per_source: config.connections_per_address.get(),
        }
    }

    /// Counts one more connection, unless there are too many.
    pub(super) fn admit(&mut self, source: Source) -> bool {
        let from_there = self.per_source.get(&source).copied().unwrap_or(0);
        let admitted = self.connections < self.limit && from_there < self.limit_per_source;
        if admitted {
            self.connections += 1;
            self.per_source.insert(source, from_there + 1);
        }
        admitted
    }

    /// A connection that was admitted has ended.
    pub(super) fn release(&mut self, source: Source) {
        self.connections -= 1;
        let from_there = self.per_source.get_mut(&source).expect("it was admitted");
        *from_there -= 1;
        if *from_there == 0 {
            self.per_source.remove(&source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::num::NonZeroUsize;

    fn source(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    fn config() -> Config {
        Config {
            connections: NonZeroUsize::new(3).unwrap(),
            connections_per_address: NonZeroUsize::new(2).unwrap(),
            ..Config::default()
        }
    }

    #[test]
    fn connections_are_bounded_in_all_and_from_one_address() {
        let mut admission = Admission::new(&config());
        let (a, b) = (source("192.0.2.1"), source("192.0.2.2"));
        assert!(admission.admit(a));
        assert!(admission.admit(a));
        assert!(!admission.admit(a), "the address has two");
        assert!(admission.admit(b));
        assert!(!admission.admit(b), "there are three");
        admission.release(a);
        assert!(admission.admit(a), "one has ended");
        for source in [a, a, b] {
            admission.release(source);
        }
        assert_eq!(admission, Admission::new(&config()), "nothing is left");
    }
}
