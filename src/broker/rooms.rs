//! Who is in which room.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::id::{Name, Room};

/// The rooms that somebody is in. A room comes with its first member and goes with
/// its last.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Rooms(BTreeMap<Room, BTreeSet<Name>>);

impl Rooms {
    /// Returns the room as its first member wrote it.
    pub(super) fn join(&mut self, room: Room, name: Name) -> Room {
        let room = self.spelling(room);
        self.0.entry(room).or_default().insert(name);
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
            members.remove(from);
            members.insert(to);
        }
    }

    pub(super) fn leave(&mut self, room: &Room, name: &Name) {
        let members = self.0.get_mut(room).expect("a room has members");
        members.remove(name);
        if members.is_empty() {
            self.0.remove(room);
        }
    }

    /// In order; none if there is no such room.
    pub(super) fn members(&self, room: &Room) -> impl Iterator<Item = Name> {
        self.0.get(room).into_iter().flatten().copied()
    }

    /// Each room and the number of its members, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Room, usize)> {
        self.0.iter().map(|(&room, members)| (room, members.len()))
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Panics unless the members are just those that say so.
    pub(super) fn check<'a>(&self, peers: impl Iterator<Item = (Name, &'a BTreeSet<Room>)>) {
        let mut rooms = Self::default();
        for (name, joined) in peers {
            for &room in joined {
                rooms.join(room, name);
            }
        }
        assert_eq!(*self, rooms, "the rooms and their members disagree");
    }
}
