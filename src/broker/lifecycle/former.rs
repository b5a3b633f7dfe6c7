//! What peers were called when they logged in, if they are called otherwise now.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::id::{ConnId, Name, PeerId};

/// The peers that bear another name than the one that they first logged in with.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct FormerNames {
    of: BTreeMap<PeerId, Name>,
    /// Their present names, by the former one.
    now: BTreeMap<(Name, PeerId), Name>,
}

impl FormerNames {
    /// A peer has changed its name.
    pub(super) fn note(&mut self, peer: PeerId, from: Name, to: Name) {
        let first = self.forget(peer).unwrap_or(from);
        if first != to {
            self.of.insert(peer, first);
            self.now.insert((first, peer), to);
        }
    }

    /// A peer is gone, or is called again what it was called first. Returns what that was, if it
    /// was called otherwise.
    pub(super) fn forget(&mut self, peer: PeerId) -> Option<Name> {
        let first = self.of.remove(&peer)?;
        self.now.remove(&(first, peer));
        Some(first)
    }

    /// What a peer was called first, if it is called otherwise now.
    pub(super) fn first(&self, peer: PeerId) -> Option<Name> {
        self.of.get(&peer).copied()
    }

    /// What those are called now who first logged in as `name`, in the order in which they did.
    pub(super) fn present(&self, name: Name) -> impl Iterator<Item = Name> {
        let oldest = PeerId::new(ConnId::new(0));
        let all = self.now.range((name, oldest)..);
        let all = all.take_while(move |((first, _), _)| *first == name);
        all.map(|(_, &now)| now)
    }

    /// Panics if the two maps differ, or tell of others than those who bear these names.
    pub(super) fn check(&self, bearer: impl Fn(&Name) -> Option<PeerId>) {
        let of = self.of.iter().map(|(&peer, &first)| (first, peer));
        let now: BTreeSet<_> = self.now.keys().copied().collect();
        assert_eq!(of.collect::<BTreeSet<_>>(), now, "former names differ");
        for (&(first, peer), now) in &self.now {
            assert_ne!(first, *now, "{peer:?} is called {first}");
            assert_eq!(bearer(now), Some(peer), "{peer:?} is not called {now}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "is not called rob")]
    fn a_name_that_somebody_else_bears_now_is_found() {
        let name = |text| Name::parse(text).expect("a name");
        let peer = PeerId::new(ConnId::new(1));
        let mut former = FormerNames::default();
        former.note(peer, name("alice"), name("rob"));
        former.check(|_| Some(peer));
        former.check(|_| None);
    }
}
