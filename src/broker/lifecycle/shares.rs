//! How many peers come from where, and which of them are away.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::id::{Name, PeerId, Source};

/// The peers of each source. A peer comes from where its last connection did.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Shares(BTreeMap<Source, Share>);

#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
struct Share {
    peers: usize,
    /// Those that are away, the one that joined last behind all others.
    away: BTreeSet<(PeerId, Name)>,
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

    /// A peer from there is away.
    pub(super) fn add_away(&mut self, source: Source, peer: PeerId, name: Name) {
        self.share(source).away.insert((peer, name));
    }

    /// A peer from there is back or gone, and was away.
    pub(super) fn remove_away(&mut self, source: Source, peer: PeerId, name: Name) {
        self.share(source).away.remove(&(peer, name));
    }

    /// How many peers come from there.
    pub(super) fn count(&self, source: Source) -> usize {
        self.0.get(&source).map_or(0, |share| share.peers)
    }

    /// Of the peers from there that are away, the one that joined last. It makes room for others:
    /// so whoever makes many peers at an address that people share loses its own, and not those who
    /// were there before.
    pub(super) fn newest_away(&self, source: Source) -> Option<Name> {
        let (_, name) = self.0.get(&source)?.away.last()?;
        Some(*name)
    }

    /// The sources from which more peers come than `most`, though some of them are away.
    pub(super) fn excessive(&self, most: usize) -> impl Iterator<Item = Source> {
        let shares = self.0.iter();
        let too_many =
            shares.filter(move |(_, share)| share.peers > most && !share.away.is_empty());
        too_many.map(|(&source, _)| source)
    }

    fn share(&mut self, source: Source) -> &mut Share {
        let share = self.0.get_mut(&source);
        share.expect("a peer that came from there is counted")
    }
}
