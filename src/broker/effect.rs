//! What the broker wants done, in order.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::{Drain, Vec};
use core::ops::Range;
use core::slice;
use core::time::Duration;

use crate::id::{ConnId, Name, Room, Source, Text};

use super::mail::{Bounce, BounceReason, Mail};
use super::message::Messages;

/// The units of work in so much time.
pub(crate) fn units(time: Duration) -> u64 {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    micros.saturating_mul(UNITS_PER_MICROSECOND)
}

/// An ordered list of effects. The caller owns it and uses it again.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Effects {
    list: Vec<Entry>,
    /// Those of all entries, one behind the other.
    receivers: Vec<ConnId>,
    work: u64,
    /// Work that is still to come of them.
    ahead: u64,
    /// How much work the broker may do, that which is to come of it included.
    end: u64,
    /// Work for somebody who has not asked for it just now, by where that peer comes from.
    owed: Vec<(Source, u64)>,
}

/// Work, in the units of [`Effects::work`]: to note a connection that something is for.
const RECEIVER: u64 = 2;

/// How long all others come first, after a slice of what is due.
pub(crate) const PAUSE: Duration = Duration::from_millis(1);

/// The same when the server stops, and there is nothing else to do.
pub(crate) const PAUSE_AT_THE_END: Duration = Duration::from_micros(1);

/// Units of work in a microsecond.
const UNITS_PER_MICROSECOND: u64 = 100;

/// To keep a message in a mailbox, or to take one out and to send it back.
pub(crate) const MAILBOX: u64 = 12;

/// To look up a peer or a member of a room, and change what is known of it.
pub(super) const CHANGE: u64 = 20;

/// To tell a connection something, and to send a message back to it: what it will be to write that.
const TOLD: u64 = 10;
const RETURNED: u64 = 80;

/// To look at an entry of a list.
pub(super) const ENTRY: u64 = 5;

/// One thing to do, or several pieces of mail to hand over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Entry {
    Deliver {
        to: Range<usize>,
        event: Box<Event>,
    },
    Say {
        to: Range<usize>,
        messages: Messages,
    },
    Bounce {
        conn: ConnId,
        bounce: Arc<Bounce>,
    },
    HandOverKept {
        conn: ConnId,
        mail: VecDeque<Mail>,
    },
    StopReader {
        conn: ConnId,
    },
    StopWriter {
        conn: ConnId,
        reason: StopReason,
    },
    Discard {
        receiver: Name,
        mail: Mail,
        reason: BounceReason,
    },
    Forget {
        name: Name,
    },
}

/// One thing to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect<'a> {
    /// Tell each of these connections the same.
    Deliver {
        /// The connections; at least one, none of them twice.
        to: &'a [ConnId],
        /// What to tell them. Mail, which [`Effects`] keeps apart from other events, is a clone.
        event: Cow<'a, Event>,
    },
    /// Let a reader finish at once.
    StopReader {
        /// Its connection.
        conn: ConnId,
    },
    /// Let a writer finish, as [`StopReason::flushes`] says. It is given nothing
    /// more.
    StopWriter {
        /// Its connection.
        conn: ConnId,
        /// Why; the last line says so.
        reason: StopReason,
    },
    /// Count mail that neither its receiver nor its sender will get: the sender is
    /// gone, or has no room for it, or said it in a room to a guest who is gone.
    Discard {
        /// Whom it was for.
        receiver: &'a Name,
        /// The mail.
        mail: &'a Mail,
        /// Why its receiver does not get it.
        reason: BounceReason,
    },
    /// Forget what is kept of the peer with this name: it is gone for good, and the name free.
    Forget {
        /// The name.
        name: Name,
    },
}

impl Effects {
    /// No effects yet.
    pub const fn new() -> Self {
        Self {
            list: Vec::new(),
            receivers: Vec::new(),
            work: 0,
            ahead: 0,
            end: 0,
            owed: Vec::new(),
        }
    }

    /// How much work was done for them, in units of about 10 ns: an estimate, the same in each run.
    pub const fn work(&self) -> u64 {
        self.work
    }

    /// The same, with what it will be to write what is told and handed over.
    pub const fn weight(&self) -> u64 {
        self.work + self.ahead
    }

    /// The work in it that is owed by somebody who has not asked for it just now, by where that peer
    /// comes from.
    pub(crate) fn owed(&self) -> &[(Source, u64)] {
        &self.owed
    }

    /// Says that so much of the [weight](Self::weight) is owed by a peer from there.
    pub(super) fn owes(&mut self, source: Source, units: u64) {
        self.owed.push((source, units));
    }

    /// Lets the broker do so much work from now on.
    pub(super) fn begin_slice(&mut self, slice: u64) {
        self.end = (self.work + self.ahead).saturating_add(slice);
    }

    /// Whether the broker has done as much as it may at once.
    pub(super) const fn is_over(&self) -> bool {
        self.work + self.ahead >= self.end
    }

    /// Counts work.
    pub(super) fn worked(&mut self, times: usize, units: u64) {
        self.work += times as u64 * units;
    }

    /// The effects, in order.
    pub fn iter(&self) -> impl Iterator<Item = Effect<'_>> {
        self.list.iter().flat_map(move |entry| {
            let pieces = match entry {
                Entry::Say { messages, .. } => messages.len(),
                Entry::HandOverKept { mail, .. } => mail.len(),
                Entry::Deliver { .. }
                | Entry::Bounce { .. }
                | Entry::StopReader { .. }
                | Entry::StopWriter { .. }
                | Entry::Discard { .. }
                | Entry::Forget { .. } => 1,
            };
            (0..pieces).map(move |piece| self.effect(entry, piece))
        })
    }

    fn effect<'a>(&'a self, entry: &'a Entry, piece: usize) -> Effect<'a> {
        match entry {
            Entry::Deliver { to, event } => Effect::Deliver {
                to: &self.receivers[to.clone()],
                event: Cow::Borrowed(event),
            },
            Entry::Say { to, messages } => Effect::Deliver {
                to: &self.receivers[to.clone()],
                event: Cow::Owned(Event::Mail(Mail::Message(messages.at(piece)))),
            },
            Entry::Bounce { conn, bounce } => Effect::Deliver {
                to: slice::from_ref(conn),
                event: Cow::Owned(Event::Mail(Mail::Bounce(Arc::clone(bounce)))),
            },
            Entry::HandOverKept { conn, mail } => Effect::Deliver {
                to: slice::from_ref(conn),
                event: Cow::Owned(Event::KeptMail(mail[piece].clone())),
            },
            &Entry::StopReader { conn } => Effect::StopReader { conn },
            &Entry::StopWriter { conn, reason } => Effect::StopWriter { conn, reason },
            Entry::Discard {
                receiver,
                mail,
                reason,
            } => Effect::Discard {
                receiver,
                mail,
                reason: *reason,
            },
            &Entry::Forget { name } => Effect::Forget { name },
        }
    }

    /// Takes the effects out, in order, with the connections that they speak of.
    /// [`clear`](Self::clear) is to follow.
    pub(crate) fn take(&mut self) -> (Drain<'_, Entry>, &[ConnId]) {
        (self.list.drain(..), &self.receivers)
    }

    /// Forgets the effects, and keeps their memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.receivers.clear();
        self.owed.clear();
        (self.work, self.ahead, self.end) = (0, 0, 0);
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Notes connections that something is for.
    pub(super) fn receivers(&mut self, to: impl IntoIterator<Item = ConnId>) -> Range<usize> {
        let start = self.receivers.len();
        self.receivers.extend(to);
        let to = start..self.receivers.len();
        self.worked(to.len(), RECEIVER);
        to
    }

    /// Tells `to` the same, which is no mail, unless there are none.
    pub(super) fn deliver(&mut self, to: impl IntoIterator<Item = ConnId>, event: Event) {
        debug_assert!(
            !matches!(event, Event::Mail(_) | Event::KeptMail(_)),
            "mail is handed over"
        );
        let to = self.receivers(to);
        if !to.is_empty() {
            self.ahead += to.len() as u64 * TOLD;
            let event = Box::new(event);
            self.list.push(Entry::Deliver { to, event });
        }
    }

    /// Hands what is said over to each of the [`receivers`](Self::receivers) that were noted,
    /// unless there are none of either.
    pub(super) fn say(&mut self, to: Range<usize>, messages: Messages) {
        if !to.is_empty() && !messages.is_empty() {
            self.list.push(Entry::Say { to, messages });
        }
    }

    /// Hands over what comes back.
    pub(super) fn bounce(&mut self, conn: ConnId, bounce: Arc<Bounce>) {
        self.ahead += RETURNED;
        self.worked(1, MAILBOX);
        self.list.push(Entry::Bounce { conn, bounce });
    }

    /// Counts that a piece of mail which has waited is handed over.
    pub(super) fn count_kept(&mut self) {
        self.ahead += RETURNED;
        self.worked(1, ENTRY);
    }

    /// Hands over what has waited.
    pub(super) fn hand_over_kept(&mut self, conn: ConnId, mail: VecDeque<Mail>) {
        self.list.push(Entry::HandOverKept { conn, mail });
    }

    pub(super) fn stop_reader(&mut self, conn: ConnId) {
        self.list.push(Entry::StopReader { conn });
    }

    pub(super) fn stop_writer(&mut self, conn: ConnId, reason: StopReason) {
        self.ahead += RETURNED;
        self.list.push(Entry::StopWriter { conn, reason });
    }

    pub(super) fn forget(&mut self, name: Name) {
        self.list.push(Entry::Forget { name });
    }

    pub(super) fn discard(&mut self, receiver: Name, mail: Mail, reason: BounceReason) {
        self.worked(1, MAILBOX);
        self.list.push(Entry::Discard {
            receiver,
            mail,
            reason,
        });
    }
}

/// What a connection is told.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// It is logged in.
    Welcome {
        /// Its name.
        name: Name,
    },
    /// It is logged in as a peer that was here before.
    Back {
        /// Its name, as it was first written.
        name: Name,
        /// How many pieces of mail waited, and follow at once.
        kept: usize,
    },
    /// It has mail.
    Mail(Mail),
    /// It has mail that waited for it.
    KeptMail(Mail),
    /// Its message waits for a peer that is away.
    Kept {
        /// The peer.
        name: Name,
    },
    /// Somebody joined a room that it is in, perhaps itself.
    Joined {
        /// The room.
        room: Room,
        /// Who.
        name: Name,
    },
    /// Somebody left a room that it is in, perhaps itself.
    Left {
        /// The room.
        room: Room,
        /// Who.
        name: Name,
        /// Why.
        why: LeaveReason,
    },
    /// Somebody in a room that it is in, or itself, is known by another name from now on.
    Renamed {
        /// The name until now.
        from: Name,
        /// The name from now on.
        to: Name,
    },
    /// The rooms that it asked for, in order.
    Rooms {
        /// The first of them, [`Config::listed`](crate::Config::listed) at most.
        rooms: Vec<RoomEntry>,
        /// How many there are.
        total: usize,
    },
    /// The peers that it asked for, in order.
    Who {
        /// The first of them, [`Config::listed`](crate::Config::listed) at most.
        peers: Vec<PeerEntry>,
        /// How many there are.
        total: usize,
    },
    /// Its request, or a part of it, was not fulfilled, and changed nothing.
    Refused(Refusal),
}

/// A room in a list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RoomEntry {
    /// The room.
    pub room: Room,
    /// How many are in it.
    pub members: usize,
    /// Whether the one who asks is in it.
    pub joined: bool,
}

/// A peer in a list.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct PeerEntry {
    /// The peer.
    pub name: Name,
    /// Whether it may come back, and has no live connection now.
    pub away: bool,
}

/// Why a request was not fulfilled.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Refusal {
    /// It needs a login first.
    NotLoggedIn,
    /// The connection waits for the end of an older one.
    Waiting,
    /// The connection has logged in before.
    AlreadyLoggedIn,
    /// Somebody else bears the name, and no proof was given.
    NameInUse {
        /// The name.
        name: Name,
    },
    /// Somebody bears the name, and the proof is not of its secret; it may have none.
    WrongSecret {
        /// The name.
        name: Name,
    },
    /// As many peers are here as may be.
    ServerFull,
    /// The message was not sent to this receiver, whom nobody knows.
    NoSuchPeer {
        /// The receiver.
        name: Name,
    },
    /// The message was not sent to this receiver, whose mailbox has no room for it.
    MailboxFull {
        /// The receiver.
        name: Name,
        /// The room that the message was for, if it was for one.
        room: Option<Room>,
    },
    /// The message was sent to nobody, as it names more receivers than it may.
    TooManyReceivers {
        /// How many it may name.
        limit: usize,
    },
    /// The peer, or whom it wants to leave, is not in the room.
    NotInRoom {
        /// The room.
        room: Room,
    },
    /// The peer is in the room already.
    AlreadyInRoom {
        /// The room.
        room: Room,
    },
    /// The peer is in as many rooms as it may be.
    TooManyRooms {
        /// How many it may be in.
        limit: usize,
    },
    /// All peers from its address together are in as many rooms as they may be, or all peers that
    /// there are.
    TooManyRoomsFromAddress,
}

/// Why a peer is no longer in a room.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum LeaveReason {
    /// It left, and said perhaps why.
    Left(Option<Text>),
    /// Somebody made it leave, and said perhaps why.
    Kicked {
        /// Who did.
        by: Name,
        /// Why.
        why: Option<Text>,
    },
    /// It quit or was dismissed, and it was perhaps said why.
    Quit(Option<Text>),
    /// It was a guest whose connection ended.
    Gone,
    /// It was away for too long.
    Expired,
}

/// Why a connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum StopReason {
    /// Its reader has finished: the client closed its end, or the link broke.
    ReaderFinished,
    /// It asked for it.
    Quit,
    /// Its peer was dismissed.
    Dismissed,
    /// The same peer has logged in on another connection.
    Replaced,
    /// It did not log in in time.
    LoginTimeout,
    /// Too many of its logins failed.
    FailedLogins,
    /// It speaks another protocol.
    OtherProtocol,
    /// It did not give the server's password.
    NotAdmitted,
    /// There are as many peers as may be.
    ServerFull,
    /// Nothing came from it for too long.
    Silent,
    /// More waits for it than may: it reads too slowly.
    TooSlow,
    /// There are too many connections, in all or from its address.
    TooManyConnections,
    /// The server stops, and its client has not said in time how far it has read.
    Unanswered,
    /// The server stops.
    ShuttingDown,
}

impl StopReason {
    /// Whether the writer may go on, within a bound, to write what is queued. If not,
    /// it writes its last line if the socket takes it at once, and gives the rest
    /// back: the link is probably dead.
    pub const fn flushes(self) -> bool {
        !matches!(
            self,
            Self::Replaced | Self::TooSlow | Self::Silent | Self::Unanswered
        )
    }
}
