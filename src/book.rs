//! What is looked up at each message, and walked through now and then.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use core::fmt;
use core::hash::{BuildHasher as _, Hash, Hasher};
use core::mem;
use core::ops::Index;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

/// A map that finds its entries in constant time, and is walked through in the order of its keys.
///
/// It keeps each key twice, and each entry in a box: a table is twice as large as it need be when
/// it has just grown, and for a moment the smaller one is there beside it. As with
/// [`BTreeMap`](alloc::collections::BTreeMap), a key that is there already stays as it was written
/// first.
#[derive(Clone)]
pub(crate) struct Book<K, V> {
    entries: HashTable<Box<(K, V)>>,
    hasher: DefaultHashBuilder,
    order: BTreeSet<K>,
}

impl<K: Copy + Ord + Hash, V> Book<K, V> {
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.get_key_value(key).map(|(_, value)| value)
    }

    pub(crate) fn get_key_value(&self, key: &K) -> Option<(&K, &V)> {
        let hash = self.hasher.hash_one(key);
        let entry = self.entries.find(hash, |entry| entry.0 == *key)?;
        Some((&entry.0, &entry.1))
    }

    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let hash = self.hasher.hash_one(key);
        let entry = self.entries.find_mut(hash, |entry| entry.0 == *key)?;
        Some(&mut entry.1)
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Returns what was there before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let entry = self.entries.entry(
            hash,
            |entry| entry.0 == key,
            |entry| self.hasher.hash_one(entry.0),
        );
        match entry {
            Entry::Occupied(mut entry) => Some(mem::replace(&mut entry.get_mut().1, value)),
            Entry::Vacant(entry) => {
                entry.insert(Box::new((key, value)));
                self.order.insert(key);
                None
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let entry = self.entries.find_entry(hash, |entry| entry.0 == *key);
        let (entry, _) = entry.ok()?.remove();
        self.order.remove(key);
        Some(entry.1)
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// In order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &K> {
        self.order.iter()
    }

    /// In order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.order.iter().map(|key| (key, &self[key]))
    }
}

impl<K, V> Default for Book<K, V> {
    fn default() -> Self {
        Self {
            entries: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            order: BTreeSet::new(),
        }
    }
}

impl<K: Copy + Ord + Hash, V> Index<&K> for Book<K, V> {
    type Output = V;

    fn index(&self, key: &K) -> &V {
        self.get(key).expect("the book has an entry")
    }
}

impl<K: Copy + Ord + Hash, V: PartialEq> PartialEq for Book<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Copy + Ord + Hash, V: Eq> Eq for Book<K, V> {}

impl<K: Copy + Ord + Hash, V: Hash> Hash for Book<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        self.iter().for_each(|entry| entry.hash(state));
    }
}

impl<K: Copy + Ord + Hash + fmt::Debug, V: fmt::Debug> fmt::Debug for Book<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn book<const N: usize>(entries: [(u8, char); N]) -> Book<u8, char> {
        let mut book = Book::default();
        for (key, value) in entries {
            book.insert(key, value);
        }
        book
    }

    #[test]
    fn books_are_the_same_however_they_were_written() {
        let hasher = DefaultHashBuilder::default();
        let written = book([(2, 'b'), (1, 'a')]);
        assert_eq!(format!("{written:?}"), "{1: 'a', 2: 'b'}");
        for (other, is_same) in [
            (book([(1, 'a'), (2, 'b')]), true),
            (book([(1, 'a'), (2, 'c')]), false),
            (book([(1, 'a'), (3, 'b')]), false),
            (book([(1, 'a')]), false),
        ] {
            assert_eq!(other == written, is_same, "{other:?}");
            let same_hash = hasher.hash_one(&other) == hasher.hash_one(&written);
            assert_eq!(same_hash, is_same, "{other:?}");
        }
    }
}
