//! The states that were found, and the shortest way to each.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// States by their fingerprints, in the order found.
///
/// Two states with the same fingerprint of 64 bits are taken for one. Among ten million states
/// that happens to any two once in some 400,000 searches.
#[derive(Default, Debug)]
pub(super) struct Tree {
    fingerprints: Vec<u64>,
    parents: Vec<u32>,
    steps: Vec<u8>,
    /// Places in the above.
    index: HashTable<u32>,
}

/// How a state was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Node {
    /// The place of the state before.
    pub(super) parent: u32,
    /// The index of the step from there.
    pub(super) step: u8,
}

impl Node {
    /// The first state was not found: it is there.
    pub(super) const START: Self = Self { parent: 0, step: 0 };
}

impl Tree {
    pub(super) fn len(&self) -> usize {
        self.fingerprints.len()
    }

    /// Whether a state is known.
    pub(super) fn contains(&self, fingerprint: u64) -> bool {
        let is_its = |&place: &u32| self.fingerprints[place as usize] == fingerprint;
        self.index.find(fingerprint, is_its).is_some()
    }

    /// Remembers a state, unless it is known.
    pub(super) fn insert(&mut self, fingerprint: u64, node: Node) {
        let Self { fingerprints, .. } = self;
        let place = u32::try_from(fingerprints.len()).expect("there are fewer states");
        let hash = |&place: &u32| fingerprints[place as usize];
        let entry = self
            .index
            .entry(fingerprint, |place| hash(place) == fingerprint, hash);
        if let Entry::Vacant(entry) = entry {
            entry.insert(place);
            self.fingerprints.push(fingerprint);
            self.parents.push(node.parent);
            self.steps.push(node.step);
        }
    }

    pub(super) fn fingerprint(&self, place: u32) -> u64 {
        self.fingerprints[place as usize]
    }

    pub(super) fn node(&self, place: u32) -> Node {
        let place = place as usize;
        Node {
            parent: self.parents[place],
            step: self.steps[place],
        }
    }

    /// The indices of the steps to a state, first to last.
    pub(super) fn way(&self, mut place: u32) -> Vec<u8> {
        let mut steps = Vec::new();
        while place > 0 {
            let node = self.node(place);
            steps.push(node.step);
            place = node.parent;
        }
        steps.reverse();
        steps
    }
}
