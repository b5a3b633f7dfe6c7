//! Members whom others have seen quit, and who may not be in a channel when they come back.
//!
//! Whoever is banned is put out at once, and so does not read on. Those who come back meet what was
//! set since they were seen to quit, as if they joined.

use alloc::format;
use alloc::vec::Vec;
use core::mem;

use super::room::MayNotJoin;
use super::tasks::Task;
use super::{Digest, Hub, Tags, Turn};
use crate::broker::{Input, Request};
use crate::hub::Outputs;
use crate::id::{ConnId, Name, Room, Text, Time};

/// What those are told who are put out because they are banned.
const BANNED: &str = "Banned";

/// A channel out of which those are put who are banned, as far as that is not done.
#[derive(Clone, Debug)]
pub(super) struct Expel {
    room: Room,
    /// The member that was looked at last.
    after: Option<Name>,
}

impl Expel {
    pub(super) const fn from(room: Room) -> Self {
        Self { room, after: None }
    }
}

/// The rooms in which those who have just come back may not stay; empty between two inputs.
#[derive(Default, Debug)]
pub(super) struct Expelled {
    rooms: Vec<(ConnId, Room, MayNotJoin)>,
    /// Whether one of them is leaving because of that.
    is_leaving: bool,
}

impl Expelled {
    pub(super) fn push(&mut self, conn: ConnId, room: Room, why: MayNotJoin) {
        self.rooms.push((conn, room, why));
    }

    /// Whether whoever is back with a connection may not stay in a room.
    pub(super) fn is_from(&self, conn: ConnId, room: &Room) -> bool {
        let mut rooms = self.rooms.iter();
        rooms.any(|(of, from, _)| *of == conn && from == room)
    }

    /// Whether whoever is leaving a room just now may not stay there.
    pub(super) const fn is_leaving(&self) -> bool {
        self.is_leaving
    }
}

impl<D: Digest> Hub<D> {
    /// Puts those out of a channel who are banned and whom others have seen quit. Those who are
    /// seen there are left to its operators.
    pub(super) fn expel(
        &mut self,
        turn: &mut Turn<'_>,
        by: Name,
        mut expel: Expel,
    ) -> Option<Task> {
        let room = expel.room;
        while self.is_in(&by, &room) {
            let members = self.broker.members_after(&room, expel.after);
            let members = members.map(|name| (name, ()));
            let is_over = || self.is_over(turn);
            let found = self
                .work
                .next_entry(&mut expel.after, members, is_over, |name, ()| {
                    self.may_not_return(&name, &room).then_some(name)
                });
            if let Some(name) = found? {
                self.put_out(turn, &by, (room, name), Text::parse(BANNED));
            }
            if self.is_over(turn) {
                return Some(Task::Expel(expel));
            }
        }
        None
    }

    /// Takes those who have just come back out of the rooms in which they may not stay.
    pub(in crate::hub) fn turn_away(&mut self, now: Time, out: &mut Outputs) {
        for (conn, room, why) in mem::take(&mut self.irc.expelled.rooms) {
            let why = Text::parse(why.words());
            let request = Request::Leave { room, why };
            self.irc.expelled.is_leaving = true;
            self.handle(now, Input::Request { conn, request }, out);
            self.irc.expelled.is_leaving = false;
        }
    }

    /// Tells somebody who is back that it may not stay in a room. The others who speak IRC have
    /// seen it quit, and not seen it come back.
    pub(super) fn irc_turned_away(
        &mut self,
        now: Time,
        to: &[ConnId],
        (room, name, why): (&Room, &Name, &Text),
        out: &mut Outputs,
    ) {
        let line = format!(
            ":{} KICK {room} {name} :{}",
            self.irc.identity.name,
            why.as_str()
        );
        let own = self.broker.lifecycle().live(name);
        let own = to.iter().copied().find(|&conn| Some(conn) == own);
        self.send_irc(now, own.as_slice(), Tags::default(), &line, None, out);
    }
}
