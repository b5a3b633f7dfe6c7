//! Who was asked to come into which channel.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::budget::Budget;
use crate::id::{PeerId, Room, Source};

/// Invitations into channels. Each belongs to a peer, whatever that is called, and goes with it, or
/// with the channel.
#[derive(Clone, Default, Debug)]
pub(super) struct Invitations {
    /// Those who were asked into each channel, the one that was asked the longest ago first, with
    /// where whoever asked it came from.
    by_room: BTreeMap<Room, VecDeque<(PeerId, Source)>>,
    by_peer: BTreeMap<PeerId, BTreeSet<Room>>,
    budget: Budget,
}

/// What one takes in memory, in bytes.
const COST: usize = 128;

impl Invitations {
    /// None yet. Together they may take so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            by_room: BTreeMap::new(),
            by_peer: BTreeMap::new(),
            budget: Budget::new(bytes),
        }
    }

    /// Whether one more may come from there.
    pub(super) fn admits(&self, source: Source) -> bool {
        self.budget.admits(source, COST)
    }

    /// A peer is asked into a channel, perhaps again. Of more than `most` the oldest invitation
    /// into it is forgotten.
    pub(super) fn add(&mut self, room: Room, (peer, source): (PeerId, Source), most: usize) {
        self.remove(&room, peer);
        while let Some(invited) = self.by_room.get(&room)
            && invited.len() >= most
            && let Some(&(oldest, _)) = invited.front()
        {
            self.remove(&room, oldest);
        }
        self.by_room
            .entry(room)
            .or_default()
            .push_back((peer, source));
        self.by_peer.entry(peer).or_default().insert(room);
        self.budget.add(source, COST);
    }

    /// Whether a peer was asked into a channel.
    pub(super) fn has(&self, room: &Room, peer: PeerId) -> bool {
        let rooms = self.by_peer.get(&peer);
        rooms.is_some_and(|rooms| rooms.contains(room))
    }

    /// The channels that a peer was asked into, in order.
    pub(super) fn rooms(&self, peer: PeerId) -> impl Iterator<Item = Room> {
        self.by_peer.get(&peer).into_iter().flatten().copied()
    }

    /// A peer has come, or the oldest invitation makes room for another.
    pub(super) fn remove(&mut self, room: &Room, peer: PeerId) {
        let Some(rooms) = self.by_peer.get_mut(&peer) else {
            return;
        };
        if !rooms.remove(room) {
            return;
        }
        if rooms.is_empty() {
            self.by_peer.remove(&peer);
        }
        let invited = self.by_room.get_mut(room).expect("it is in both maps");
        let place = invited.iter().position(|&(invited, _)| invited == peer);
        let (_, source) = invited
            .remove(place.expect("it is in both maps"))
            .expect("it is there");
        self.budget.remove(source, COST);
        if invited.is_empty() {
            self.by_room.remove(room);
        }
    }

    /// A peer is gone for good.
    pub(super) fn forget_peer(&mut self, peer: PeerId) {
        for room in self.by_peer.get(&peer).cloned().unwrap_or_default() {
            self.remove(&room, peer);
        }
    }

    /// A channel is gone: one that is founded with its name is another.
    pub(super) fn forget_room(&mut self, room: &Room) {
        for (peer, _) in self.by_room.get(room).cloned().unwrap_or_default() {
            self.remove(room, peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ConnId;

    fn room(name: &str) -> Room {
        Room::parse(name).expect("a room")
    }

    fn peer(number: u64) -> PeerId {
        PeerId::new(ConnId::new(number))
    }

    fn source() -> Source {
        Source::of([192, 0, 2, 1].into())
    }

    /// Peers 1 to 3 are asked into #a, of whom two are remembered; the last into #b, too.
    fn invitations() -> Invitations {
        let mut invitations = Invitations::new(4 * 4 * COST);
        for number in [1, 2, 3] {
            invitations.add(room("#a"), (peer(number), source()), 2);
        }
        invitations.add(room("#b"), (peer(3), source()), 2);
        invitations
    }

    fn in_a(invitations: &Invitations) -> [bool; 3] {
        [1, 2, 3].map(|number| invitations.has(&room("#A"), peer(number)))
    }

    #[test]
    fn of_too_many_the_oldest_is_forgotten() {
        let mut invitations = invitations();
        assert_eq!(in_a(&invitations), [false, true, true]);
        invitations.add(room("#a"), (peer(2), source()), 2);
        invitations.add(room("#a"), (peer(1), source()), 2);
        assert_eq!(in_a(&invitations), [true, true, false], "2 was asked again");
    }

    #[test]
    fn nothing_is_left_of_who_has_gone_or_come() {
        let mut invitations = invitations();
        assert!(invitations.rooms(peer(3)).eq([room("#a"), room("#b")]));
        invitations.forget_room(&room("#b"));
        assert!(invitations.rooms(peer(3)).eq([room("#a")]));
        invitations.forget_peer(peer(3));
        invitations.remove(&room("#a"), peer(2));
        let Invitations {
            by_room,
            by_peer,
            budget,
        } = invitations;
        assert!(by_room.is_empty() && by_peer.is_empty());
        budget.check(core::iter::empty());
    }

    #[test]
    fn only_so_many_come_from_one_address() {
        let mut invitations = invitations();
        assert!(
            invitations.admits(source()),
            "three are remembered, and four may be"
        );
        invitations.add(room("#b"), (peer(4), source()), 2);
        assert!(!invitations.admits(source()));
        invitations.forget_peer(peer(4));
        assert!(invitations.admits(source()));
    }
}
