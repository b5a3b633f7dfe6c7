//! What is looked up at each message, and walked through now and then.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{BuildHasher as _, Hash, Hasher};
use core::mem;
use core::ops::Index;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::id::{ConnId, Name};
use crate::table::Table;

/// A map that finds its entries in constant time, and sorts them to be walked through.
///
/// It keeps each entry in a box: a table is twice as large as it need be when it has just grown,
/// and for a moment the smaller one is there beside it. As with
/// [`BTreeMap`](alloc::collections::BTreeMap), a key that is there already stays as it was written
/// first.
pub(crate) struct Book<K: Key, V>(K::Entries<V>);

/// What a book is looked up by.
pub(crate) trait Key: Copy + Ord {
    /// How that is done.
    type Entries<V>: Entries<Self, V>;
}

/// A map that is walked through in another order in each run.
pub(crate) trait Entries<K, V>: Default {
    fn count(&self) -> usize;
    fn all<'a>(&'a self) -> impl Iterator<Item = (&'a K, &'a V)>
    where
        K: 'a,
        V: 'a;
    fn find(&self, key: &K) -> Option<(&K, &V)>;
    fn find_mut(&mut self, key: &K) -> Option<&mut V>;
    fn replace(&mut self, key: K, value: V) -> Option<V>;
    fn take(&mut self, key: &K) -> Option<V>;
}

impl Key for Name {
    type Entries<V> = Hashed<Self, V>;
}

impl Key for ConnId {
    type Entries<V> = Table<V>;
}

/// Finds entries by hashing.
#[derive(Clone)]
pub(crate) struct Hashed<K, V> {
    entries: HashTable<Box<(K, V)>>,
    hasher: DefaultHashBuilder,
}

impl<K, V> Default for Hashed<K, V> {
    fn default() -> Self {
        Self {
            entries: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
        }
    }
}

impl<K: Eq + Hash, V> Entries<K, V> for Hashed<K, V> {
    fn count(&self) -> usize {
        self.entries.len()
    }

    fn all<'a>(&'a self) -> impl Iterator<Item = (&'a K, &'a V)>
    where
        K: 'a,
        V: 'a,
    {
        self.entries.iter().map(|entry| (&entry.0, &entry.1))
    }

    fn find(&self, key: &K) -> Option<(&K, &V)> {
        let hash = self.hasher.hash_one(key);
        let entry = self.entries.find(hash, |entry| entry.0 == *key)?;
        Some((&entry.0, &entry.1))
    }

    fn find_mut(&mut self, key: &K) -> Option<&mut V> {
        let hash = self.hasher.hash_one(key);
        let entry = self.entries.find_mut(hash, |entry| entry.0 == *key)?;
        Some(&mut entry.1)
    }

    fn replace(&mut self, key: K, value: V) -> Option<V> {
        let hash = self.hasher.hash_one(&key);
        let entry = self.entries.entry(
            hash,
            |entry| entry.0 == key,
            |entry| self.hasher.hash_one(&entry.0),
        );
        match entry {
            Entry::Occupied(mut entry) => Some(mem::replace(&mut entry.get_mut().1, value)),
            Entry::Vacant(entry) => {
                entry.insert(Box::new((key, value)));
                None
            }
        }
    }

    fn take(&mut self, key: &K) -> Option<V> {
        let hash = self.hasher.hash_one(key);
        let entry = self.entries.find_entry(hash, |entry| entry.0 == *key);
        let (entry, _) = entry.ok()?.remove();
        Some(entry.1)
    }
}

impl<V> Default for Table<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V> Entries<ConnId, V> for Table<V> {
    fn count(&self) -> usize {
        self.len()
    }

    fn all<'a>(&'a self) -> impl Iterator<Item = (&'a ConnId, &'a V)>
    where
        V: 'a,
    {
        self.iter().map(|(conn, value)| (conn, value))
    }

    fn find(&self, key: &ConnId) -> Option<(&ConnId, &V)> {
        self.entry(*key).map(|(conn, value)| (conn, value))
    }

    fn find_mut(&mut self, key: &ConnId) -> Option<&mut V> {
        self.get_mut(*key)
    }

    fn replace(&mut self, key: ConnId, value: V) -> Option<V> {
        self.insert(key, value)
    }

    fn take(&mut self, key: &ConnId) -> Option<V> {
        self.remove(*key)
    }
}

impl<K: Key, V> Book<K, V> {
    #[inline]
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.get_key_value(key).map(|(_, value)| value)
    }

    #[inline]
    pub(crate) fn get_key_value(&self, key: &K) -> Option<(&K, &V)> {
        self.0.find(key)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.0.find_mut(key)
    }

    pub(crate) fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// Returns what was there before.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.replace(key, value)
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        self.0.take(key)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.count()
    }

    /// In order, which takes a sort.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let mut all: Vec<_> = self.0.all().collect();
        all.sort_unstable_by_key(|&(key, _)| key);
        all.into_iter()
    }
}

impl<K: Key, V> Default for Book<K, V> {
    fn default() -> Self {
        Self(K::Entries::default())
    }
}

impl<K: Key, V> Clone for Book<K, V>
where
    K::Entries<V>: Clone,
{
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Key, V> Index<&K> for Book<K, V> {
    type Output = V;

    fn index(&self, key: &K) -> &V {
        self.get(key).expect("the book has an entry")
    }
}

impl<K: Key, V: PartialEq> PartialEq for Book<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<K: Key, V: Eq> Eq for Book<K, V> {}

impl<K: Key + Hash, V: Hash> Hash for Book<K, V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        self.iter().for_each(|entry| entry.hash(state));
    }
}

impl<K: Key + fmt::Debug, V: fmt::Debug> fmt::Debug for Book<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn book<K: Key, const N: usize>(entries: [(K, char); N]) -> Book<K, char> {
        let mut book = Book::default();
        for (key, value) in entries {
            book.insert(key, value);
        }
        book
    }

    fn books_are_the_same<K: Key + Hash + fmt::Debug>(a: K, b: K) {
        let hasher = DefaultHashBuilder::default();
        let written = book([(b, 'b'), (a, 'a')]);
        assert_eq!(written.len(), 2);
        assert_eq!(
            format!("{written:?}"),
            format!("{{{a:?}: 'a', {b:?}: 'b'}}")
        );
        for (other, is_same) in [
            (book([(a, 'a'), (b, 'b')]), true),
            (book([(a, 'a'), (b, 'c')]), false),
            (book([(a, 'a')]), false),
        ] {
            assert_eq!(other == written, is_same, "{other:?}");
            let same_hash = hasher.hash_one(&other) == hasher.hash_one(&written);
            assert_eq!(same_hash, is_same, "{other:?}");
        }
    }

    #[test]
    fn books_are_the_same_however_they_were_written() {
        books_are_the_same(ConnId::new(1), ConnId::new(2));
        let [a, b] = ["a", "b"].map(|name| Name::parse(name).expect("a name"));
        books_are_the_same(a, b);
    }

    #[test]
    fn a_key_stays_as_it_was_written_first() {
        let [lower, upper] = ["bob", "BOB"].map(|name| Name::parse(name).expect("a name"));
        let mut book = book([(lower, 'a')]);
        assert_eq!(book.insert(upper, 'b'), Some('a'));
        let (key, value) = book.get_key_value(&upper).expect("it is there");
        assert_eq!((key.as_str(), *value, book.len()), ("bob", 'b', 1));
        assert_eq!((book.remove(&upper), book.get(&lower)), (Some('b'), None));
    }
}
