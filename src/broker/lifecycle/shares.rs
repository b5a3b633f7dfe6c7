//! How many peers come from where, and which of them are away.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::id::{Name, Source, Time};

/// The peers of each source. A peer comes from where its last connection did.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Shares(BTreeMap<Source, Share>);

#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
struct Share {
    peers: usize,
    /// Those that are away, with the end of their resume window; the soonest is first.
    away: BTreeSet<(Time, Name)>,
}

impl Shares {
    /// A peer has come from there.
    pub(super) fn add(&mut self, source: Source) {
        self.0.entry(source).or_default().peers += 1;
    }

    /// A peer that came from there is gone, or has come from elsewhere.
    pub(super) fn remove(&mut self, source: Source) {
        let share = self.share(source);
        share.peers -= 1;
        if share.peers == 0 {
            self.0.remove(&source);
        }
    }

    /// A peer from there is away until then.
    pub(super) fn add_away(&mut self, source: Source, until: Time, name: Name) {
        self.share(source).away.insert((until, name));
    }

    /// A peer from there is back or gone, and was away until then.
    pub(super) fn remove_away(&mut self, source: Source, until: Time, name: Name) {
        self.share(source).away.remove(&(until, name));
    }

    /// How many peers come from there.
    pub(super) fn count(&self, source: Source) -> usize {
        self.0.get(&source).map_or(0, |share| share.peers)
    }

    /// The one that has been away the longest, of those that come from there.
    pub(super) fn longest_away(&self, source: Source) -> Option<Name> {
        let (_, name) = self.0.get(&source)?.away.first()?;
        Some(*name)
    }

    fn share(&mut self, source: Source) -> &mut Share {
        let share = self.0.get_mut(&source);
        share.expect("a peer that came from there is counted")
    }
}
