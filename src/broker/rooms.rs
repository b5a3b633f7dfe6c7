//! Who is in which room.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::id::{ConnId, Name, Room};

/// The rooms that somebody is in. A room comes with its first member and goes with
/// its last.
///
/// Beside each member stands its live connection, as the lifecycle has it: what is said in a
/// large room asks for all of them at once.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Rooms(BTreeMap<Room, BTreeMap<Name, Option<ConnId>>>);

impl Rooms {
    /// Somebody who is online with `conn` joins. Returns the room as its first member wrote it.
    pub(super) fn join(&mut self, room: Room, name: Name, conn: ConnId) -> Room {
        let room = self.spelling(room);
        self.0.entry(room).or_default().insert(name, Some(conn));
        room
    }

    /// The room as its first member wrote it, if it has any.
    pub(super) fn spelling(&self, room: Room) -> Room {
        let known = self.0.get_key_value(&room);
        known.map_or(room, |(&known_as, _)| known_as)
    }

    /// A member of these rooms is known by another name.
    pub(super) fn rename(&mut self, rooms: &BTreeSet<Room>, from: &Name, to: Name) {
        for room in rooms {
            let members = self.0.get_mut(room).expect("a room has members");
            let live = members.remove(from).expect("it is a member");
            members.insert(to, live);
        }
    }

    /// A member of these rooms has another live connection, or none.
    pub(super) fn set_live(&mut self, rooms: &BTreeSet<Room>, name: &Name, conn: Option<ConnId>) {
        for room in rooms {
            let members = self.0.get_mut(room).expect("a room has members");
            *members.get_mut(name).expect("it is a member") = conn;
        }
    }

    pub(super) fn leave(&mut self, room: &Room, name: &Name) {
        let members = self.0.get_mut(room).expect("a room has members");
        members.remove(name);
        if members.is_empty() {
            self.0.remove(room);
        }
    }

    /// In order, each with its live connection; none if there is no such room.
    pub(super) fn members(&self, room: &Room) -> impl Iterator<Item = (Name, Option<ConnId>)> {
        let members = self.0.get(room).into_iter().flatten();
        members.map(|(&name, &live)| (name, live))
    }

    /// How many are in a room.
    pub(super) fn count(&self, room: &Room) -> usize {
        self.0.get(room).map_or(0, BTreeMap::len)
    }

    pub(super) fn has_member(&self, room: &Room, name: &Name) -> bool {
        let members = self.0.get(room);
        members.is_some_and(|members| members.contains_key(name))
    }

    /// Each room and the number of its members, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Room, usize)> {
        self.0.iter().map(|(&room, members)| (room, members.len()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Panics unless the members are just those that say so, with these live connections.
    pub(super) fn check<'a>(
        &self,
        peers: impl Iterator<Item = (Name, Option<ConnId>, &'a BTreeSet<Room>)>,
    ) {
        let mut rooms = Self::default();
        for (name, live, joined) in peers {
            for &room in joined {
                rooms.0.entry(room).or_default().insert(name, live);
            }
        }
        assert_eq!(*self, rooms, "the rooms and their members disagree");
    }
}
