//! Who is in which room.

use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Bound;

use crate::id::{ConnId, Name, Room, Source};

/// The rooms that somebody is in. A room comes with its first member and goes with
/// its last.
///
/// Beside each member stands its live connection, as the lifecycle has it: what is said in a
/// large room asks for all of them at once.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Rooms(BTreeMap<Room, Members>);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Members {
    /// Where the first of them came from.
    source: Source,
    live: BTreeMap<Name, Option<ConnId>>,
    /// How many of them have no live connection.
    absent: usize,
}

impl Members {
    fn of(source: Source) -> Self {
        Self {
            source,
            live: BTreeMap::new(),
            absent: 0,
        }
    }

    fn insert(&mut self, name: Name, live: Option<ConnId>) {
        self.absent += usize::from(live.is_none());
        self.live.insert(name, live);
    }

    fn remove(&mut self, name: &Name) -> Option<Option<ConnId>> {
        let live = self.live.remove(name)?;
        self.absent -= usize::from(live.is_none());
        Some(live)
    }
}

impl Rooms {
    /// Somebody joins who is online with `conn`, which comes from `source`. Returns the room as its
    /// first member wrote it, and whether that is this one.
    pub(super) fn join(
        &mut self,
        room: Room,
        name: Name,
        (conn, source): (ConnId, Source),
    ) -> (Room, bool) {
        let room = self.spelling(room);
        let members = self.0.entry(room);
        let members = members.or_insert_with(|| Members::of(source));
        let is_new = members.live.is_empty();
        members.insert(name, Some(conn));
        (room, is_new)
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
            let live = members.live.get_mut(name).expect("it is a member");
            members.absent -= usize::from(live.is_none());
            members.absent += usize::from(conn.is_none());
            *live = conn;
        }
    }

    /// Somebody is a member no longer. If the room goes with it, returns where its first member came
    /// from.
    pub(super) fn leave(&mut self, room: &Room, name: &Name) -> Option<Source> {
        let members = self.0.get_mut(room).expect("a room has members");
        members.remove(name);
        let source = members.source;
        members.live.is_empty().then(|| {
            self.0.remove(room);
            source
        })
    }

    /// Where the first member of each room came from.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source> {
        self.0.values().map(|members| members.source)
    }

    /// In order, each with its live connection; none if there is no such room.
    pub(super) fn members(&self, room: &Room) -> impl Iterator<Item = (Name, Option<ConnId>)> {
        let members = self.0.get(room).into_iter();
        let members = members.flat_map(|members| &members.live);
        members.map(|(&name, &live)| (name, live))
    }

    /// The members whose names come after one, or all, in order.
    pub(super) fn members_after(
        &self,
        room: &Room,
        after: Option<Name>,
    ) -> impl Iterator<Item = Name> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let members = self.0.get(room).into_iter();
        let members = members.flat_map(move |members| members.live.range((from, Bound::Unbounded)));
        members.map(|(&name, _)| name)
    }

    /// How many are in a room.
    pub(super) fn count(&self, room: &Room) -> usize {
        self.0.get(room).map_or(0, |members| members.live.len())
    }

    /// How many in a room have no live connection.
    pub(super) fn count_absent(&self, room: &Room) -> usize {
        self.0.get(room).map_or(0, |members| members.absent)
    }

    pub(super) fn has_member(&self, room: &Room, name: &Name) -> bool {
        let members = self.0.get(room);
        members.is_some_and(|members| members.live.contains_key(name))
    }

    /// Each room and the number of its members, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Room, usize)> {
        let rooms = self.0.iter();
        rooms.map(|(&room, members)| (room, members.live.len()))
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
                let known = self.0.get(&room).map(|members| members.source);
                let source = known.unwrap_or(Source::of([0; 4].into()));
                let members = rooms.0.entry(room);
                let members = members.or_insert_with(|| Members::of(source));
                members.insert(name, live);
            }
        }
        assert_eq!(*self, rooms, "the rooms and their members disagree");
    }
}
