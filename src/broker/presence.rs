//! Who is in which room, and who asks for it.

use alloc::vec::Vec;

use crate::Config;
use crate::id::{ConnId, Name, Room, Text};

use super::effect::{CHANGE, ENTRY};
use super::{BounceReason, Broker, Effects, Event, LeaveReason, PeerEntry, Refusal, RoomEntry};

impl Broker {
    pub(super) fn join(&mut self, conn: ConnId, name: Name, room: Room, effects: &mut Effects) {
        let limit = self.limits.rooms_per_peer;
        let joined = &self.peers[&name].rooms;
        let refusal = if joined.contains(&room) {
            Refusal::AlreadyInRoom { room }
        } else if joined.len() >= limit {
            Refusal::TooManyRooms { limit }
        } else if !self.admits_to_room(&name, &room) {
            Refusal::TooManyRoomsFromAddress
        } else {
            let peer = self.peers.get_mut(&name).expect("who joins is known");
            let (room, is_new) = self.rooms.join(room, name, (conn, peer.source));
            peer.rooms.insert(room);
            let cost = Config::MEMBER_COST + usize::from(is_new) * Config::ROOM_COST;
            self.room_budget.add(peer.source, cost);
            return self.tell_room(&room, None, Event::Joined { room, name }, effects);
        };
        effects.deliver([conn], Event::Refused(refusal));
    }

    pub(super) fn leave(
        &mut self,
        conn: ConnId,
        name: Name,
        room: Room,
        why: Option<Text>,
        effects: &mut Effects,
    ) {
        match self.take_out(&name, &room) {
            Some(room) => {
                let left = Event::Left {
                    room,
                    name,
                    why: LeaveReason::Left(why),
                };
                self.tell_room(&room, Some(conn), left, effects);
            }
            None => effects.deliver([conn], Event::Refused(Refusal::NotInRoom { room })),
        }
    }

    /// Takes a peer out of a room, as `by` wants it.
    pub(super) fn kick(
        &mut self,
        conn: ConnId,
        by: Name,
        room: Room,
        (name, why): (Name, Option<Text>),
        effects: &mut Effects,
    ) {
        if !self.rooms.has_member(&room, &by) || !self.rooms.has_member(&room, &name) {
            return effects.deliver([conn], Event::Refused(Refusal::NotInRoom { room }));
        }
        let room = self.take_out(&name, &room);
        let room = room.expect("a member knows its rooms");
        let also = self.lifecycle.live(&name);
        let why = LeaveReason::Kicked { by, why };
        self.tell_room(&room, also, Event::Left { room, name, why }, effects);
    }

    /// Gives a peer that is online another name, which must be free.
    pub(super) fn rename(&mut self, conn: ConnId, from: Name, to: Name, effects: &mut Effects) {
        // Its time may have run out, though that is not done yet.
        if let Some(late) = self.lifecycle.expire_peer(&to, self.now) {
            self.bury(late, BounceReason::Expired, effects);
        }
        if !self.lifecycle.rename(conn, to) {
            let refusal = Refusal::NameInUse { name: to };
            return effects.deliver([conn], Event::Refused(refusal));
        }
        let peer = self.peers.remove(&from).expect("who is online is known");
        self.names.insert(peer.id, to);
        self.rooms.rename(&peer.rooms, &from, to);
        let others = peer.rooms.iter().flat_map(|room| self.rooms.members(room));
        let others = others.filter_map(|(_, live)| live);
        let mut all: Vec<_> = others.chain([conn]).collect();
        effects.worked(all.len() + peer.rooms.len() * 4, ENTRY);
        all.sort_unstable();
        all.dedup();
        self.peers.insert(to, peer);
        effects.deliver(all, Event::Renamed { from, to });
    }

    /// Takes a peer out of all its rooms, and tells who stays.
    pub(super) fn leave_all(&mut self, name: Name, why: LeaveReason, effects: &mut Effects) {
        while let Some(&room) = self.peers[&name].rooms.first() {
            effects.worked(1, CHANGE);
            self.take_out(&name, &room);
            let left = Event::Left {
                room,
                name,
                why: why.clone(),
            };
            self.tell_room(&room, None, left, effects);
        }
    }

    /// Whether one who is there may enter a room, as far as that takes memory.
    pub(crate) fn admits_to_room(&self, name: &Name, room: &Room) -> bool {
        let is_new = self.rooms.count(room) == 0;
        let cost = Config::MEMBER_COST + usize::from(is_new) * Config::ROOM_COST;
        self.room_budget.admits(self.peers[name].source, cost)
    }

    /// Takes a peer out of a room. Returns the room as it was written first, if the peer was in it.
    fn take_out(&mut self, name: &Name, room: &Room) -> Option<Room> {
        let peer = self.peers.get_mut(name)?;
        let room = peer.rooms.take(room)?;
        self.room_budget.remove(peer.source, Config::MEMBER_COST);
        if let Some(source) = self.rooms.leave(&room, name) {
            self.room_budget.remove(source, Config::ROOM_COST);
        }
        Some(room)
    }

    /// What a peer keeps is counted for where its connection comes from.
    pub(super) fn count_for(&mut self, name: &Name, conn: ConnId) {
        let source = self.lifecycle.source(conn);
        let peer = self.peers.get_mut(name).expect("who comes back is known");
        let rooms = peer.rooms.len() * Config::MEMBER_COST;
        self.room_budget.remove(peer.source, rooms);
        self.room_budget.add(source, rooms);
        let places = peer.mailbox.len() * Config::MAIL_ENTRY;
        self.place_budget.remove(peer.source, places);
        self.place_budget.add(source, places);
        peer.source = source;
    }

    /// Tells `also` and everybody in a room who is online.
    fn tell_room(&self, room: &Room, also: Option<ConnId>, event: Event, effects: &mut Effects) {
        let live = self.rooms.members(room).filter_map(|(_, live)| live);
        effects.deliver(also.into_iter().chain(live), event);
    }

    /// Whether a peer may come back, and has no live connection.
    pub(crate) fn is_away(&self, name: &Name) -> bool {
        self.lifecycle.live(name).is_none() && self.is_resumable(name)
    }

    pub(super) fn list_rooms(&self, conn: ConnId, name: Name, effects: &mut Effects) {
        let joined = &self.peers[&name].rooms;
        let rooms = self.rooms.iter().map(|(room, members)| RoomEntry {
            room,
            members,
            joined: joined.contains(&room),
        });
        let rooms: Vec<_> = rooms.take(self.limits.listed).collect();
        effects.worked(rooms.len(), ENTRY);
        effects.deliver(
            [conn],
            Event::Rooms {
                rooms,
                total: self.rooms.len(),
            },
        );
    }

    pub(super) fn list_peers(&self, conn: ConnId, room: Option<Room>, effects: &mut Effects) {
        let entry = |name| PeerEntry {
            name,
            away: self.is_away(&name),
        };
        let limit = self.limits.listed;
        let (peers, total): (Vec<_>, _) = match room {
            Some(room) => {
                let members = self.rooms.members(&room).map(|(name, _)| name);
                (
                    members.take(limit).map(entry).collect(),
                    self.rooms.count(&room),
                )
            }
            None => {
                let names = self.lifecycle.bindings().map(|(&name, _)| name);
                (names.take(limit).map(entry).collect(), self.peers.len())
            }
        };
        effects.worked(peers.len(), CHANGE);
        effects.deliver([conn], Event::Who { peers, total });
    }
}
