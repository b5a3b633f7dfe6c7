//! The lists of the plain protocol: `/rooms` and `/who`.
//!
//! A list can be long. So it is told in parts: each ends with the turn, and the next is made when
//! the one before is on its way to the client.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::work::LINE;
use super::{Digest, Frame, Hub, Outputs, Session};
use crate::broker::lifecycle::Phase;
use crate::broker::{Event, PeerEntry, Refusal, RoomEntry};
use crate::id::{ConnId, Name, Room, Time};
use crate::wire::plain;

/// A list that a connection has asked for, as far as it is not told yet.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    rows: Rows,
    /// How many rows were found.
    total: usize,
}

/// What is listed, and the last that was looked at.
#[derive(Clone, Copy, Debug)]
enum Rows {
    Rooms {
        after: Option<Room>,
    },
    Peers {
        /// In a room, or all.
        room: Option<Room>,
        after: Option<Name>,
    },
}

/// One row of a list.
enum Row {
    Room(RoomEntry),
    Peer(PeerEntry),
}

impl Listing {
    pub(super) const fn rooms() -> Self {
        Self {
            rows: Rows::Rooms { after: None },
            total: 0,
        }
    }

    pub(super) const fn peers(room: Option<Room>) -> Self {
        Self {
            rows: Rows::Peers { room, after: None },
            total: 0,
        }
    }
}

impl<D: Digest> Hub<D> {
    /// Whether something that a connection has asked for is still to be done.
    pub(super) fn has_tasks(&self, conn: ConnId) -> bool {
        match &self.links[conn].session {
            Session::Plain(session) => session.listing.is_some(),
            Session::Irc(session) => session.has_tasks(),
        }
    }

    /// Goes on with what is to be done for a connection.
    pub(super) fn go_on(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        match self.links[conn].session {
            Session::Plain(_) => self.list_on(conn, out),
            Session::Irc(_) => self.go_on_with_tasks(now, conn, out),
        }
    }

    /// Begins to tell a list.
    pub(super) fn begin_list(&mut self, conn: ConnId, listing: Listing, out: &mut Outputs) {
        let phase = self.broker.lifecycle().phase(conn);
        let Some(Phase::Online { .. }) = phase else {
            let refused = Event::Refused(Refusal::NotLoggedIn);
            return self.deliver_plain(&[conn], &refused, out);
        };
        self.put_listing(conn, Box::new(listing));
        self.list_on(conn, out);
    }

    fn put_listing(&mut self, conn: ConnId, listing: Box<Listing>) {
        if let Session::Plain(session) = &mut self.link(conn).session {
            session.listing = Some(listing);
        }
    }

    /// Goes on with a list, until its end or that of the turn.
    pub(super) fn list_on(&mut self, conn: ConnId, out: &mut Outputs) {
        let Session::Plain(session) = &mut self.link(conn).session else {
            return;
        };
        let listing = session.listing.take();
        let asker = self.broker.lifecycle().online(conn);
        let (Some(mut listing), Some(asker)) = (listing, asker) else {
            return;
        };
        let mut lines = Vec::new();
        if !self.write_rows(&asker, &mut listing, &mut lines, out) {
            self.put_listing(conn, listing);
        }
        if !lines.is_empty() {
            out.send([conn], Frame::new(&lines), true);
        }
    }

    /// Writes what is left of a list. Returns whether that is all.
    fn write_rows(
        &self,
        asker: &Name,
        listing: &mut Listing,
        lines: &mut Vec<u8>,
        out: &Outputs,
    ) -> bool {
        let is_over = |lines: &[u8]| {
            let bytes = out.bytes() + lines.len();
            bytes >= self.turn_end.bytes || self.worked(out) >= self.turn_end.work
        };
        while let Some(row) = self.next_row(asker, &mut listing.rows, || is_over(lines)) {
            listing.total += usize::from(row.is_some());
            if let Some(row) = row.filter(|_| listing.total <= self.limits.listed) {
                self.work.count(2 * LINE);
                match row {
                    Row::Room(entry) => plain::write_room(&entry, lines),
                    Row::Peer(entry) => plain::write_peer(&entry, lines),
                }
            }
            if is_over(lines) {
                return false;
            }
        }
        let what = match listing.rows {
            Rows::Rooms { .. } => "rooms",
            Rows::Peers { .. } => "who",
        };
        plain::write_end(what, listing.total, lines);
        true
    }

    /// The next row that is shown to `asker`, as [`Work::next_entry`](super::work::Work::next_entry)
    /// finds it.
    fn next_row(
        &self,
        asker: &Name,
        rows: &mut Rows,
        is_over: impl Fn() -> bool,
    ) -> Option<Option<Row>> {
        let peer = |name: Name, is_shown: bool| {
            let away = self.broker.is_away(&name);
            is_shown.then_some(Row::Peer(PeerEntry { name, away }))
        };
        match rows {
            Rows::Rooms { after } => {
                let rooms = self.irc.rooms_after(*after).map(|(room, _)| (room, ()));
                self.work.next_entry(after, rooms, is_over, |room, ()| {
                    let entry = RoomEntry {
                        room,
                        members: self.broker.count_members(&room),
                        joined: self.is_in(asker, &room),
                    };
                    self.shows_room(asker, &room).then_some(Row::Room(entry))
                })
            }
            Rows::Peers {
                room: Some(room),
                after,
            } => {
                if !self.shows_room(asker, room) {
                    return None;
                }
                let members = self.broker.members_after(room, *after);
                let members = members.map(|name| (name, ()));
                self.work.next_entry(after, members, is_over, |name, ()| {
                    peer(name, self.shows_member(asker, &name, room))
                })
            }
            Rows::Peers { room: None, after } => {
                let names = self.broker.lifecycle().names_after(*after);
                let names = names.map(|name| (name, ()));
                self.work.next_entry(after, names, is_over, |name, ()| {
                    peer(name, self.shows_peer(asker, &name))
                })
            }
        }
    }
}
