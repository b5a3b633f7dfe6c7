//! Mailboxes that are full, and who is told of them.
//!
//! What is said in a room is for many. Of each whose mailbox is full its sender is told once, and
//! again when that one was there meanwhile; but if nobody gets a message, its sender is told so each
//! time.

use alloc::collections::BTreeMap;

use super::{Digest, Hub};
use crate::broker::Refusal;
use crate::id::{ConnId, Name, PeerId, Room};

/// So many full mailboxes are remembered for one connection; it is told again of more.
const MOST: usize = 1_000;

/// Of whose mailboxes a connection was told that they are full, and how often each peer had been
/// back by then.
#[derive(Clone, Default, Debug)]
pub(super) struct KnownFull(BTreeMap<PeerId, u64>);

impl KnownFull {
    /// Whether it was told of this one, whose peer has been back so often. If not, it is now.
    fn knows(&mut self, peer: PeerId, returns: u64) -> bool {
        if self.0.len() >= MOST && !self.0.contains_key(&peer) {
            self.0.clear();
        }
        self.0.insert(peer, returns) == Some(returns)
    }
}

/// Who has refused the message that is being delivered to many.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Refusals {
    room: Option<Room>,
    /// They come in order, for one text after the other.
    last: Option<Name>,
    count: usize,
    hearers: usize,
    is_told: bool,
}

impl Refusals {
    /// One more refuses what is said to so many.
    fn count(&mut self, room: Option<Room>, name: Name, hearers: usize) {
        if self.room != room || self.last >= Some(name) {
            *self = Self::default();
        }
        (self.room, self.last, self.hearers) = (room, Some(name), hearers);
        self.count += 1;
    }

    /// Whether nobody gets the message.
    pub(super) const fn are_all(&self) -> bool {
        self.count >= self.hearers
    }
}

impl<D: Digest> Hub<D> {
    /// Whether a connection is told of a refusal.
    pub(super) fn tells_refusal(&mut self, conn: ConnId, refusal: Refusal) -> bool {
        self.irc.count_refusal();
        let Refusal::MailboxFull { name, room } = refusal else {
            return true;
        };
        let hearers = match room {
            Some(room) => self.hearers(conn, &room),
            None => match self.irc.crowd() {
                Some(crowd) => crowd,
                None => return true,
            },
        };
        self.refusals.count(room, name, hearers);
        let Some((peer, returns)) = self.irc.returns(&name) else {
            return true;
        };
        let is_known = self.link(conn).known_full.knows(peer, returns);
        let tells = !is_known || self.refusals.are_all() && !self.refusals.is_told;
        self.refusals.is_told |= tells;
        tells
    }

    /// How many hear what a connection says in a room.
    pub(super) fn hearers(&self, conn: ConnId, room: &Room) -> usize {
        let name = self.broker.lifecycle().online(conn);
        let is_in = name.is_some_and(|name| self.is_in(&name, room));
        self.broker.count_members(room) - usize::from(is_in)
    }
}
