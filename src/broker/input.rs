//! What reaches the broker. Inputs are plain data: they can be stored, sent and
//! applied again.

use alloc::vec::Vec;

use crate::id::{ConnId, Name, Proof, Room, Source, Text};

use super::effect::StopReason;
use super::mail::Mail;
use super::message::Said;

/// One thing that happened outside.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// A connection was accepted. Its id is greater than each one before.
    Accepted {
        /// The connection.
        conn: ConnId,
        /// Where it comes from.
        source: Source,
    },
    /// A connection asks for something.
    Request {
        /// The connection.
        conn: ConnId,
        /// What it asks for.
        request: Request,
    },
    /// A connection is to end, for a reason that lies outside of the broker.
    GiveUp {
        /// The connection.
        conn: ConnId,
        /// Why.
        reason: StopReason,
    },
    /// A peer is to go for good, for a reason that lies outside of the broker, and whether it
    /// is connected or away. A name that nobody bears changes nothing.
    Dismiss {
        /// The peer.
        name: Name,
        /// What its rooms are told.
        why: Option<Text>,
    },
    /// A connection's reader has finished: nothing more will come from it.
    ReaderFinished {
        /// The connection.
        conn: ConnId,
    },
    /// A connection's writer has finished: nothing more can be sent to it.
    WriterFinished {
        /// The connection.
        conn: ConnId,
        /// The mail that it was given and has not written, oldest first.
        undelivered: Vec<Mail>,
    },
    /// Time has passed.
    Tick,
    /// The server stops.
    ShutDown,
}

/// What a connection may ask for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Request {
    /// To be known by a name.
    LogIn {
        /// The name.
        name: Name,
        /// Shows that it is the same peer as before, or makes a new peer resumable.
        proof: Option<Proof>,
    },
    /// To say something.
    Send {
        /// To whom; who is named twice gets it once.
        to: Vec<Receiver>,
        /// What.
        said: Said,
    },
    /// To hear and be heard in a room.
    Join {
        /// The room.
        room: Room,
    },
    /// To leave a room.
    Leave {
        /// The room.
        room: Room,
        /// What the room is told.
        why: Option<Text>,
    },
    /// That somebody leaves a room that both are in. Whether the one who asks may, others have
    /// made sure.
    Kick {
        /// The room.
        room: Room,
        /// Who is to leave.
        name: Name,
        /// What the room is told.
        why: Option<Text>,
    },
    /// To be known by another name from now on, with everything else as it is.
    Rename {
        /// The name.
        name: Name,
    },
    /// To know which rooms there are.
    Rooms,
    /// To know who is here, or in a room.
    Who {
        /// The room; `None` for the whole server.
        room: Option<Room>,
    },
    /// To go for good.
    Quit {
        /// What the rooms are told.
        why: Option<Text>,
    },
}

/// Who is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Receiver {
    /// One peer.
    Peer(Name),
    /// Everybody else in a room that the sender is in.
    Room(Room),
    /// Everybody in a room that the sender need not be in. Whether it may speak there, others
    /// have made sure.
    OpenRoom(Room),
}

impl Receiver {
    /// Its name, if it is one peer.
    pub const fn peer(&self) -> Option<Name> {
        match *self {
            Self::Peer(name) => Some(name),
            Self::Room(_) | Self::OpenRoom(_) => None,
        }
    }
}
