//! What the hub wants done, in order.

#[cfg(feature = "net")]
use alloc::vec::Drain;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::ops::Range;

use super::{Audit, Frame, PasswordCheck};
use crate::id::ConnId;

/// An ordered list of things to do. The caller owns it and uses it again.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Outputs {
    list: Vec<Entry>,
    /// Those of all entries, one behind the other.
    receivers: Vec<ConnId>,
    bytes: usize,
    discarded: usize,
    audits: Vec<Audit>,
    work: u64,
}

/// Work, in the units of [`Outputs::work`]: to put lines together, and to queue them for one
/// connection. Each takes more, the more bytes they have.
const FRAME: u64 = 60;
const RECEIVER: u64 = 25;

/// One thing to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Entry {
    Send {
        to: Range<usize>,
        frame: Frame,
        cost: usize,
        bulk: bool,
    },
    StopReader {
        conn: ConnId,
    },
    StopWriter {
        conn: ConnId,
        flush: bool,
        last: Frame,
    },
    Proceed {
        conn: ConnId,
    },
    Retain {
        conn: ConnId,
    },
    Ask {
        conn: ConnId,
        frame: Frame,
    },
    Acknowledged {
        conn: ConnId,
        marks: u64,
    },
    Release {
        conn: ConnId,
    },
    Rehash,
    Verify {
        conn: ConnId,
        network: IpAddr,
        check: PasswordCheck,
    },
}

/// One thing to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output<'a> {
    /// Queue the same lines for each of these connections.
    Send {
        /// The connections; at least one, none of them twice.
        to: &'a [ConnId],
        /// The lines.
        frame: &'a Frame,
        /// [`Frame::cost`].
        cost: usize,
        /// Whether it comes with much else at once, being mail that waited or comes back,
        /// or an answer; each has a bound of its own,
        /// [`Config::bulk_bytes`](crate::Config::bulk_bytes) and
        /// [`Config::asked_bytes`](crate::Config::asked_bytes).
        bulk: bool,
    },
    /// Let a reader finish at once.
    StopReader {
        /// Its connection.
        conn: ConnId,
    },
    /// Let a writer finish. It is given nothing more.
    StopWriter {
        /// Its connection.
        conn: ConnId,
        /// Whether it may go on, within a bound, to write what is queued. If not, it
        /// gives that back without delay.
        flush: bool,
        /// What it writes last, if the socket takes it at once.
        last: &'a Frame,
    },
    /// Let a reader go on that was told to wait.
    Proceed {
        /// Its connection.
        conn: ConnId,
    },
    /// Keep the mail that is queued from now on, also when it is written, until it is
    /// acknowledged. It comes at most once, ahead of the mail that it is for.
    Retain {
        /// For which connection.
        conn: ConnId,
    },
    /// Queue these lines, a mark; the client answers when it has read everything before them.
    /// Several may be unanswered at once. It comes after [`Output::Retain`] alone.
    Ask {
        /// The client's connection.
        conn: ConnId,
        /// The lines.
        frame: &'a Frame,
    },
    /// The client has read everything before one of its marks: forget the mail that was kept up
    /// to there. To a writer that was told to stop it means nothing.
    Acknowledged {
        /// The client's connection.
        conn: ConnId,
        /// Which mark, the first since [`Output::Retain`] being 1; never less than before.
        marks: u64,
    },
    /// The client does not answer: forget the mail that was kept, and keep no more. To a writer
    /// that was told to stop it means nothing.
    Release {
        /// The client's connection.
        conn: ConnId,
    },
    /// Read again what the server says of itself, and hand it to
    /// [`Hub::identify`](super::Hub::identify).
    Rehash,
    /// Verify a password, without holding anybody up, and tell
    /// [`Hub::verified`](super::Hub::verified) what came of it. Nothing of its connection is
    /// listened to until then. Once the connection's writer has finished, nobody wants to know.
    Verify {
        /// The connection that gave it.
        conn: ConnId,
        /// Where it comes from: an address, or the first one of an IPv6 network. Those who come
        /// from one may be told to wait for each other.
        network: IpAddr,
        /// The password.
        check: &'a PasswordCheck,
    },
}

impl Outputs {
    /// Nothing to do yet.
    pub const fn new() -> Self {
        Self {
            list: Vec::new(),
            receivers: Vec::new(),
            bytes: 0,
            discarded: 0,
            audits: Vec::new(),
            work: 0,
        }
    }

    /// What to do, in order.
    pub fn iter(&self) -> impl Iterator<Item = Output<'_>> {
        self.list.iter().map(move |entry| self.output(entry))
    }

    fn output<'a>(&'a self, entry: &'a Entry) -> Output<'a> {
        match entry {
            Entry::Send {
                to,
                frame,
                cost,
                bulk,
            } => Output::Send {
                to: &self.receivers[to.clone()],
                frame,
                cost: *cost,
                bulk: *bulk,
            },
            &Entry::StopReader { conn } => Output::StopReader { conn },
            Entry::StopWriter { conn, flush, last } => Output::StopWriter {
                conn: *conn,
                flush: *flush,
                last,
            },
            &Entry::Proceed { conn } => Output::Proceed { conn },
            Entry::Rehash => Output::Rehash,
            Entry::Verify {
                conn,
                network,
                check,
            } => Output::Verify {
                conn: *conn,
                network: *network,
                check,
            },
            &Entry::Retain { conn } => Output::Retain { conn },
            Entry::Ask { conn, frame } => Output::Ask { conn: *conn, frame },
            &Entry::Acknowledged { conn, marks } => Output::Acknowledged { conn, marks },
            &Entry::Release { conn } => Output::Release { conn },
        }
    }

    /// Takes out what is to be done, in order, with the connections that it speaks of.
    /// [`clear`](Self::clear) is to follow.
    #[cfg(feature = "net")]
    pub(crate) fn take(&mut self) -> (Drain<'_, Entry>, &[ConnId]) {
        (self.list.drain(..), &self.receivers)
    }

    /// How many pieces of mail neither their receiver nor their sender will get.
    pub const fn discarded(&self) -> usize {
        self.discarded
    }

    /// What is to be logged, in order.
    pub fn audits(&self) -> &[Audit] {
        &self.audits
    }

    /// Takes out what is to be logged.
    #[cfg(feature = "net")]
    pub(crate) fn take_audits(&mut self) -> Drain<'_, Audit> {
        self.audits.drain(..)
    }

    /// Forgets everything, and keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.receivers.clear();
        self.bytes = 0;
        self.discarded = 0;
        self.audits.clear();
        self.work = 0;
    }

    /// Whether there is nothing to do, nothing to count, and nothing to log.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.discarded == 0 && self.audits.is_empty()
    }

    /// How much work it is to do it, in units of about 10 ns: an estimate, the same in each run.
    pub const fn work(&self) -> u64 {
        self.work
    }

    /// At most so much is queued for any one connection.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sends a frame to each of `to`.
    pub(super) fn send(&mut self, to: impl IntoIterator<Item = ConnId>, frame: Frame, bulk: bool) {
        let start = self.receivers.len();
        self.receivers.extend(to);
        let cost = frame.cost();
        self.bytes += cost;
        let receivers = (self.receivers.len() - start) as u64;
        self.work += FRAME + cost as u64 / 64 + receivers * (RECEIVER + cost as u64 / 128);
        self.list.push(Entry::Send {
            to: start..self.receivers.len(),
            frame,
            cost,
            bulk,
        });
    }

    pub(super) fn stop_reader(&mut self, conn: ConnId) {
        self.list.push(Entry::StopReader { conn });
    }

    pub(super) fn stop_writer(&mut self, conn: ConnId, flush: bool, last: Frame) {
        self.list.push(Entry::StopWriter { conn, flush, last });
    }

    pub(super) fn proceed(&mut self, conn: ConnId) {
        self.list.push(Entry::Proceed { conn });
    }

    pub(super) fn count_discarded(&mut self, messages: usize) {
        self.discarded += messages;
    }

    pub(super) fn audit(&mut self, audit: Audit) {
        self.audits.push(audit);
    }

    pub(super) fn rehash(&mut self) {
        self.list.push(Entry::Rehash);
    }

    pub(super) fn verify(&mut self, conn: ConnId, network: IpAddr, check: PasswordCheck) {
        self.list.push(Entry::Verify {
            conn,
            network,
            check,
        });
    }

    pub(super) fn retain(&mut self, conn: ConnId) {
        self.list.push(Entry::Retain { conn });
    }

    pub(super) fn ask(&mut self, conn: ConnId, frame: Frame) {
        self.bytes += frame.cost();
        self.list.push(Entry::Ask { conn, frame });
    }

    pub(super) fn acknowledged(&mut self, conn: ConnId, marks: u64) {
        self.list.push(Entry::Acknowledged { conn, marks });
    }

    pub(super) fn release(&mut self, conn: ConnId) {
        self.list.push(Entry::Release { conn });
    }
}
