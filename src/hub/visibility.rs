//! What somebody may know of rooms, and of others, without being told by them.
//!
//! Both protocols ask here. Of a secret room only its members know, and of somebody invisible only
//! those who share a room with it, or who know the whole name. To anybody else it is as if there
//! were none.

use super::work::ENTRY;
use super::{Digest, Hub};
use crate::id::{Name, Room};

impl<D: Digest> Hub<D> {
    /// Whether there is a room, and `asker` may know of it.
    pub(super) fn shows_room(&self, asker: &Name, room: &Room) -> bool {
        let channel = self.irc.channels.get(room);
        channel.is_some_and(|channel| !channel.is_secret() || self.is_in(asker, room))
    }

    /// Whether somebody is there, and `asker` may find it without knowing the whole name.
    pub(super) fn shows_peer(&self, asker: &Name, name: &Name) -> bool {
        let user = self.irc.users.get(name);
        user.is_some_and(|user| {
            let is_known = || asker == name || self.common_room(asker, name).is_some();
            !user.has_quit() && (!user.is_invisible() || is_known())
        })
    }

    /// Whether `asker` may know that a member of a room is in it.
    pub(super) fn shows_member(&self, asker: &Name, name: &Name, room: &Room) -> bool {
        let is_invisible = || {
            let user = self.irc.users.get(name);
            user.is_none_or(|user| user.is_invisible())
        };
        let is_known = asker == name || self.is_in(asker, room);
        is_known || self.shows_room(asker, room) && !is_invisible()
    }

    /// A room in which both are.
    pub(super) fn common_room(&self, asker: &Name, name: &Name) -> Option<Room> {
        let user = self.irc.users.get(name)?;
        user.rooms().find(|room| {
            self.work.count(ENTRY);
            self.is_in(asker, room)
        })
    }
}
