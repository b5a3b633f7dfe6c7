//! What is known of each connection, which is asked for several times for each line.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Index;
use core::{fmt, mem};

use hashbrown::HashMap;

use crate::id::ConnId;

/// A map by connection that finds its entries in constant time, and most of them at their place.
///
/// Connections are numbered as they come, so the last bits of their numbers tell most of those
/// that are there at the same time apart, and are their places. Whose place is taken, by one that
/// came long before, goes to a map beside. Entries are in boxes, as half of the places may be free.
///
/// Whoever walks through it sorts what comes, for the order is another in each run.
#[derive(Clone)]
pub(crate) struct Table<T> {
    /// None, or a power of two.
    places: Vec<Option<Box<(ConnId, T)>>>,
    /// How many places are taken.
    taken: usize,
    others: HashMap<ConnId, Box<(ConnId, T)>>,
}

impl<T> Table<T> {
    pub(crate) fn new() -> Self {
        Self {
            places: Vec::new(),
            taken: 0,
            others: HashMap::new(),
        }
    }

    #[inline]
    pub(crate) fn get(&self, conn: ConnId) -> Option<&T> {
        self.entry(conn).map(|(_, value)| value)
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, conn: ConnId) -> Option<&mut T> {
        let place = self.place(conn);
        let entry = match self.places.get_mut(place) {
            Some(Some(entry)) if entry.0 == conn => entry,
            Some(_) | None => self.others.get_mut(&conn)?,
        };
        Some(&mut entry.1)
    }

    /// A connection and what is known of it.
    #[inline]
    pub(crate) fn entry(&self, conn: ConnId) -> Option<&(ConnId, T)> {
        match self.places.get(self.place(conn)) {
            Some(Some(entry)) if entry.0 == conn => Some(entry),
            Some(_) | None => self.others.get(&conn).map(|entry| &**entry),
        }
    }

    /// Returns what was there before.
    pub(crate) fn insert(&mut self, conn: ConnId, value: T) -> Option<T> {
        if let Some(known) = self.get_mut(conn) {
            return Some(mem::replace(known, value));
        }
        let place = self.place(conn);
        let is_free = self.places.get(place).is_some_and(Option::is_none);
        if !is_free && self.taken >= self.places.len() / 2 {
            self.grow();
        }
        self.put(Box::new((conn, value)));
        None
    }

    pub(crate) fn remove(&mut self, conn: ConnId) -> Option<T> {
        let place = self.place(conn);
        let entry = match self.places.get_mut(place) {
            Some(entry) if entry.as_ref().is_some_and(|entry| entry.0 == conn) => {
                self.taken -= 1;
                entry.take()
            }
            Some(_) | None => self.others.remove(&conn),
        };
        entry.map(|entry| entry.1)
    }

    pub(crate) fn len(&self) -> usize {
        self.taken + self.others.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// In another order in each run.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &(ConnId, T)> {
        let here = self.places.iter().flatten();
        here.chain(self.others.values()).map(|entry| &**entry)
    }

    fn place(&self, conn: ConnId) -> usize {
        // There may be none: then it is beyond all of them.
        conn.number() as usize & self.places.len().wrapping_sub(1)
    }

    /// Puts what is not there yet to its place, or beside.
    fn put(&mut self, entry: Box<(ConnId, T)>) {
        let place = self.place(entry.0);
        match &mut self.places[place] {
            Some(_) => {
                self.others.insert(entry.0, entry);
            }
            free @ None => {
                *free = Some(entry);
                self.taken += 1;
            }
        }
    }

    /// Makes twice as many places.
    fn grow(&mut self) {
        let mut places = Vec::new();
        places.resize_with((2 * self.places.len()).max(4), || None);
        let before = mem::replace(&mut self.places, places);
        let others = mem::take(&mut self.others);
        self.taken = 0;
        for entry in before.into_iter().flatten().chain(others.into_values()) {
            self.put(entry);
        }
    }
}

impl<T> Index<ConnId> for Table<T> {
    type Output = T;

    fn index(&self, conn: ConnId) -> &T {
        self.get(conn).expect("the connection has an entry")
    }
}

impl<T> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} entries)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_table_is_empty_until_something_is_in_it() {
        let (mut table, conn) = (Table::new(), ConnId::new(1));
        assert!(table.is_empty());
        table.insert(conn, ());
        assert!(!table.is_empty());
        assert_eq!(format!("{table:?}"), "Table(1 entries)");
        table.remove(conn);
        assert!(table.is_empty());
    }

    #[test]
    fn whose_place_is_taken_is_found_beside() {
        let mut table = Table::new();
        // The first has a place of four, and takes those of the others.
        let conns = [1, 5, 9].map(ConnId::new);
        for conn in conns {
            assert_eq!(table.insert(conn, conn.number()), None);
        }
        assert_eq!((table.places.len(), table.others.len()), (4, 2));
        assert_eq!(table.len(), 3);
        for conn in conns {
            assert_eq!(table[conn], conn.number());
            assert_eq!(table.insert(conn, 7), Some(conn.number()));
            assert_eq!(table.get_mut(conn), Some(&mut 7));
        }
        for conn in conns {
            assert_eq!(table.remove(conn), Some(7));
            assert_eq!((table.remove(conn), table.get(conn)), (None, None));
        }
        assert!(table.is_empty());
    }

    #[test]
    fn those_that_come_one_after_the_other_are_all_at_their_places() {
        let mut table = Table::new();
        // Half of them leave, as others come.
        for number in 1..=10_000 {
            table.insert(ConnId::new(number), number);
            table.remove(ConnId::new(number / 2));
        }
        assert_eq!((table.taken, table.others.len()), (5_000, 0));
        assert_eq!(table.places.len(), 8_192);
        for number in 5_001..=10_000 {
            assert_eq!(table[ConnId::new(number)], number);
        }
    }
}
