//! When two states are the same.

use std::hash::Hasher;

use rejoin::id::{ConnId, Time};

use crate::moment::number_in;

/// The first moment of a search. No number of a connection comes near it, so that a hasher can tell
/// a time from a connection.
pub(super) const START: Time = Time::from_micros(1 << 40);

/// A point in time, by the start of the search.
pub(super) const fn since_start(time: Time) -> Time {
    Time::from_micros(time.as_micros().saturating_sub(START.as_micros()))
}

/// A hasher that gives equal hashes to states which differ only in what they call things.
///
/// A broker is hashed as a whole, what it does not show included, by its own `Hash`. On the way
///
/// - a connection becomes its rank among those that are there, which keeps their order;
/// - a peer that joined with a connection that is over becomes its place in a list, since peers
///   have no order;
/// - a message becomes its rank among those that are on their way;
/// - a time becomes how far away it is: what is past is past, however long.
#[derive(Debug)]
pub(super) struct Canon {
    now: u64,
    connections: Few,
    peers: Few,
    messages: Few,
    hash: u64,
    /// Small writes, until they fill a word.
    pending: u64,
    bytes: u32,
}

/// A few numbers.
#[derive(Default, Debug)]
pub(super) struct Few {
    numbers: [u64; Self::MOST],
    length: usize,
}

impl Few {
    /// A peer for each name, and for each of four messages the sender and two receivers.
    const MOST: usize = 16;

    /// Adds a number, unless it is there.
    pub(super) fn insert(&mut self, number: u64) {
        if self.position(number).is_none() {
            self.numbers[self.length] = number;
            self.length += 1;
        }
    }

    fn position(&self, number: u64) -> Option<usize> {
        self.numbers[..self.length]
            .iter()
            .position(|&n| n == number)
    }

    /// How many are not greater.
    fn rank(&self, number: u64) -> usize {
        let numbers = &self.numbers[..self.length];
        numbers.iter().filter(|&&n| n <= number).count()
    }
}

impl Canon {
    pub(super) fn new(now: Time, connections: Few, peers: Few, messages: Few) -> Self {
        Self {
            now: now.as_micros(),
            connections,
            peers,
            messages,
            hash: 0,
            pending: 0,
            bytes: 0,
        }
    }

    /// The newest connection of all has the rank of the newest that is there, whether it is that
    /// one or is over.
    fn label(&self, conn: u64) -> u64 {
        let is_there = self.connections.position(conn).is_some();
        match self.peers.position(conn) {
            Some(place) if !is_there => 0x40 + place as u64,
            Some(_) | None => self.connections.rank(conn) as u64,
        }
    }

    fn word(&mut self, word: u64) {
        self.hash = mix(self.hash, word);
    }

    fn small(&mut self, value: u64, bytes: u32) {
        if self.bytes + bytes > 8 {
            self.flush();
        }
        self.pending = (self.pending << (8 * (bytes % 8))) | value;
        self.bytes += bytes;
    }

    fn flush(&mut self) {
        if self.bytes > 0 {
            self.word(self.pending);
            (self.pending, self.bytes) = (0, 0);
        }
    }
}

impl Hasher for Canon {
    /// The text of a message, or a proof.
    fn write(&mut self, bytes: &[u8]) {
        match number_in(bytes) {
            Some(number) => self.small(self.messages.rank(number.into()) as u64, 1),
            None => {
                for chunk in bytes.chunks(8) {
                    let mut word = [0; 8];
                    word[..chunk.len()].copy_from_slice(chunk);
                    self.flush();
                    self.word(u64::from_le_bytes(word));
                }
            }
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.small(value.into(), 1);
    }

    fn write_u32(&mut self, value: u32) {
        self.small(value.into(), 4);
    }

    /// A time, or a connection; the seconds of a duration are below all connections.
    fn write_u64(&mut self, value: u64) {
        match value.checked_sub(START.as_micros()) {
            Some(_) => self.small(0x80 | value.saturating_sub(self.now), 1),
            None => self.small(self.label(value), 1),
        }
    }

    fn write_usize(&mut self, value: usize) {
        self.small(value as u64 & 0xffff, 2);
    }

    fn write_isize(&mut self, value: isize) {
        self.small(value as u64 & 0xff, 1);
    }

    fn finish(&self) -> u64 {
        // The second word stirs the high bits into the low ones.
        mix(mix(self.hash, self.pending), self.bytes.into())
    }
}

/// Multiplies, and folds the high half of the product into the low one.
const fn mix(hash: u64, word: u64) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let wide = (hash ^ word ^ 0x2545_f491_4f6c_dd1d) as u128 * ODD as u128;
    (wide as u64 ^ ((wide >> 64) as u64).rotate_left(29)).wrapping_add(ODD)
}

/// What a rank is made of.
pub(super) const fn id(conn: ConnId) -> u64 {
    conn.number()
}
