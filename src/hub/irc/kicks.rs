//! Kicks among the mail that waited for somebody.
//!
//! Its client, which starts anew, is told first in which channels it is. It is told as well that it
//! joined those that it was kicked out of, or else it would not show what was said there before, nor
//! the kick. A kick that no longer takes anybody out of a channel is told as a notice: the peer has
//! joined again, or a later kick follows.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::{Digest, Hub};
use crate::broker::{Form, Mail, Mailbox, Message};
use crate::hub::Session;
use crate::id::{ConnId, Name, Room, Time};

/// The kicks among the mail that waited for somebody, of rooms in which it is not.
#[derive(Clone, Default, Debug)]
pub(super) struct Kicks(BTreeMap<Room, Kick>);

#[derive(Clone, Debug)]
struct Kick {
    /// When it had entered the room ahead of the first kick.
    since: Time,
    /// The number of the last kick.
    last: u64,
}

impl Kicks {
    /// The rooms, in the order in which it had entered them, and since when it was there.
    pub(super) fn joined(&self) -> Vec<(Room, Time)> {
        let rooms = self.0.iter().map(|(&room, kick)| (room, kick.since));
        let mut rooms: Vec<_> = rooms.collect();
        rooms.sort_by_key(|&(_, since)| since);
        rooms
    }

    fn is_last(&self, room: &Room, message: &Message) -> bool {
        let kick = self.0.get(room);
        kick.is_some_and(|kick| kick.last == message.number())
    }
}

/// The room and the reason of a kick.
fn parts(message: &Message) -> (Room, &str) {
    let (room, why) = message.kick();
    (Room::parse(room).expect("a kick is out of a room"), why)
}

impl<D: Digest> Hub<D> {
    /// Notes the kicks among the mail that somebody who is back gets: what follows at once, and
    /// what still waits behind that.
    pub(in crate::hub) fn note_kicks(&mut self, name: &Name, follows: Option<&VecDeque<Mail>>) {
        let mut kicks = Kicks::default();
        let waits = self.broker.mailbox(name).into_iter();
        let follows = follows.into_iter().flatten();
        for mail in follows.chain(waits.flat_map(Mailbox::iter)) {
            self.work.count(1);
            let Mail::Message(message) = mail else {
                continue;
            };
            if let Form::Kick { since } = message.header().stamp.form {
                let (room, _) = parts(message);
                if !self.is_in(name, &room) {
                    let last = message.number();
                    let kick = kicks.0.entry(room);
                    kick.or_insert(Kick { since, last }).last = last;
                }
            }
        }
        self.irc.kicks = kicks;
    }

    /// More of the mail is about to be handed over to somebody, whose kicks these are.
    pub(in crate::hub) fn take_kicks(&mut self, conn: ConnId) {
        if let Session::Irc(session) = &mut self.link(conn).session {
            self.irc.kicks = mem::take(&mut session.kicks);
        }
    }

    /// No more is handed over to somebody for now; if nothing is left, its kicks are forgotten.
    pub(in crate::hub) fn put_kicks_back(&mut self, conn: ConnId) {
        let kicks = mem::take(&mut self.irc.kicks);
        if let Session::Irc(session) = &mut self.link(conn).session
            && session.kept.is_some()
        {
            session.kicks = kicks;
        }
    }

    /// The line that tells somebody, `target`, of a kick.
    pub(super) fn kick_line(&self, message: &Message, target: &str, has_waited: bool) -> String {
        let (room, why) = parts(message);
        let header = message.header();
        if has_waited && !self.irc.kicks.is_last(&room, message) {
            let (server, from) = (&self.irc.identity.name, header.from);
            return format!(
                ":{server} NOTICE {target} :{from} had kicked you out of {room}: {why}"
            );
        }
        let from = header.stamp.address.as_deref();
        let mask = from.map_or_else(|| self.irc.mask(&header.from), String::from);
        format!(":{mask} KICK {room} {target} :{why}")
    }
}
