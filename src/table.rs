//! What is known of each connection, where many of them are asked for at once.

use core::fmt;
use core::ops::Index;

use hashbrown::HashMap;

use crate::id::ConnId;

/// A map by connection that finds its entries in constant time.
///
/// It cannot be walked through, for the order would be another in each run.
pub(crate) struct Table<T>(HashMap<ConnId, T>);

impl<T> Table<T> {
    pub(crate) fn new() -> Self {
        Self(HashMap::new())
    }

    pub(crate) fn get(&self, conn: ConnId) -> Option<&T> {
        self.0.get(&conn)
    }

    pub(crate) fn get_mut(&mut self, conn: ConnId) -> Option<&mut T> {
        self.0.get_mut(&conn)
    }

    pub(crate) fn insert(&mut self, conn: ConnId, value: T) {
        self.0.insert(conn, value);
    }

    pub(crate) fn remove(&mut self, conn: ConnId) -> Option<T> {
        self.0.remove(&conn)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
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
        write!(f, "Table({} entries)", self.0.len())
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
}
