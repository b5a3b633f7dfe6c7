//! Who looks on while a hub works.

use core::fmt;
use core::net::IpAddr;

use crate::broker::{Broker, Effects, Input};
use crate::id::{ConnId, Time};
use crate::wire::irc::{BadLine, Message};
use crate::wire::lines::Line;
use crate::wire::plain::{Command, Mistake};

use super::{Identity, Outputs, Protocol};

/// Looks on, and changes nothing. A recorder wants to know what the hub is told, and a simulation
/// what the broker inside it is.
pub trait Observer: fmt::Debug + Send {
    /// The hub says this of itself from now on.
    fn identity(&mut self, _identity: &Identity) {}

    /// A whole line was read, and is understood as it says; the connection is that of the next
    /// [`Told::Received`]. What it asks for reaches the broker before that, perhaps together with
    /// what lines before and after it say to the same receiver.
    fn line(&mut self, _line: Line<'_>, _understood: Understood<'_>) {}

    /// These commands of [telnet](crate::wire::telnet) were read, and are answered. The line that
    /// they stand in follows when it is whole, without them.
    fn telnet(&mut self, _asked: &[u8]) {}

    /// A line has a password or a secret in it, or is of [another
    /// protocol](crate::wire::stranger) and may hold anything. What stands here instead has the
    /// same effects on a hub whose [`Digest`](super::Digest) is [`Recorded`](super::record::Recorded).
    fn hidden(&mut self, _instead: &str) {}

    /// The hub was told something, and wants this done.
    fn told(&mut self, _now: Time, _told: Told, _wants: &Outputs) {}

    /// The broker is about to be told something.
    fn input(&mut self, _input: &Input) {}

    /// The broker was told it at `now`, wants this done, and stands as it is.
    fn effects(&mut self, _now: Time, _effects: &Effects, _broker: &Broker) {}
}

/// How a line is understood.
#[derive(Clone, Copy, Debug)]
pub enum Understood<'a> {
    /// As one of the plain protocol.
    Plain(&'a Result<Command<'a>, Mistake>),
    /// As one of IRC.
    Irc(&'a Result<Message<'a>, BadLine>),
}

/// What a hub was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum Told {
    /// A connection was accepted, or refused.
    Accepted {
        /// Which.
        conn: ConnId,
        /// Where it comes from.
        address: IpAddr,
        /// What it speaks.
        protocol: Protocol,
    },
    /// Bytes came; the whole lines among them that were handled came before this.
    Received {
        /// From which connection.
        conn: ConnId,
        /// Whether something is still to be done for what was read, or the connection has to wait.
        goes_on: bool,
    },
    /// A reader has finished.
    ReaderFinished {
        /// Its connection.
        conn: ConnId,
    },
    /// Too much waits for a connection.
    Overflowed {
        /// Which.
        conn: ConnId,
    },
    /// A socket that had been full took something.
    Progressed {
        /// Its connection.
        conn: ConnId,
    },
    /// A writer has finished.
    WriterFinished {
        /// Its connection.
        conn: ConnId,
        /// How many [parts](super::Frame::parts) of the frames that it was given it gave back: the
        /// last, and of those before them the mail that is not acknowledged.
        unwritten: u32,
    },
    /// Time has passed.
    Tick,
    /// The wall clock was set, or read for the first time.
    ClockSet {
        /// When [`Time::ZERO`] was by it, in microseconds since 1970.
        epoch: u64,
    },
    /// The server stops.
    ShutDown,
    /// A password was verified.
    Verified {
        /// The connection that gave it.
        conn: ConnId,
        /// Whether it is right.
        is_right: bool,
    },
}
