//! One vocabulary of what can happen to a broker.
//!
//! Steps are plain data with small indices, so that they can be generated, shrunk, stored and
//! enumerated. Each index is taken modulo the size of its pool, so every step can be carried out. In
//! a file, a name or a room stands for its index.

mod spelled;

use std::fmt;

use rejoin::broker::StopReason;
use rejoin::id::{Name, Proof, Room, Source};
use ron::ser::PrettyConfig;
use serde::{Deserialize, Serialize};

/// One thing that happens.
///
/// `conn` is an index into the connections that a [`World`](crate::World) still knows, first those
/// that serve somebody (for a login, those that do not), newest first. The last few are over: for
/// them, a step is a late or a repeated input. What a driver cannot bring about at all is skipped.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[serde(deny_unknown_fields)]
pub enum Step {
    /// A connection is accepted.
    Accept,
    /// A connection is accepted that speaks IRC. To a broker it is one like any other.
    AcceptIrc,
    /// A connection logs in.
    LogIn {
        /// The connection.
        conn: u8,
        /// An index into [`NAMES`].
        #[serde(with = "spelled::name")]
        name: u8,
        /// One of [`SECRETS`] secrets, or none.
        secret: Option<u8>,
    },
    /// A connection sends a message, with a text that no other message has.
    Send {
        /// The connection.
        conn: u8,
        /// To whom.
        to: Vec<To>,
        /// How long the text is.
        length: Length,
    },
    /// A connection joins a room.
    Join {
        /// The connection.
        conn: u8,
        /// An index into [`ROOMS`].
        #[serde(with = "spelled::room")]
        room: u8,
    },
    /// A connection leaves a room.
    Leave {
        /// The connection.
        conn: u8,
        /// An index into [`ROOMS`].
        #[serde(with = "spelled::room")]
        room: u8,
    },
    /// A connection takes another name.
    Rename {
        /// The connection.
        conn: u8,
        /// An index into [`NAMES`].
        #[serde(with = "spelled::name")]
        name: u8,
    },
    /// A connection asks for the rooms.
    Rooms {
        /// The connection.
        conn: u8,
    },
    /// A connection asks who is here, or in a room.
    Who {
        /// The connection.
        conn: u8,
        /// An index into [`ROOMS`], or the whole server.
        #[serde(with = "spelled::some_room")]
        room: Option<u8>,
    },
    /// A connection quits.
    Quit {
        /// The connection.
        conn: u8,
        /// Whether it says why.
        why: bool,
    },
    /// A broker is told to dismiss a peer, as an operator wants it gone for good. In front of a
    /// hub nobody can say so: there an operator says [`Step::Kill`].
    Dismiss {
        /// An index into [`NAMES`].
        #[serde(with = "spelled::name")]
        name: u8,
    },
    /// A client that speaks IRC wants to be an operator of the server. A broker knows none.
    Oper {
        /// The connection.
        conn: u8,
        /// Whether it knows the password.
        right: bool,
    },
    /// A client that speaks IRC wants a peer gone for good, and may be an operator.
    Kill {
        /// The connection.
        conn: u8,
        /// An index into [`NAMES`].
        #[serde(with = "spelled::name")]
        name: u8,
    },
    /// A client that speaks IRC answers the last `PING` that it has read.
    Answer {
        /// The connection.
        conn: u8,
        /// Whether its answer is one to what an older connection was asked.
        stale: bool,
    },
    /// A connection's reader finishes, whether it was told to or not.
    ReaderFinishes {
        /// The connection.
        conn: u8,
    },
    /// A connection's socket takes what has waited the longest.
    Write {
        /// The connection.
        conn: u8,
        /// How many pieces of mail, if as many wait; what else lies before the next is written too.
        mail: u8,
    },
    /// A connection's writer finishes, whether it was told to or not, and gives the rest back.
    WriterFinishes {
        /// The connection.
        conn: u8,
        /// How many pieces of mail the socket takes before that, as in [`Step::Write`].
        written: u8,
    },
    /// The driver gives a connection up.
    GiveUp {
        /// The connection.
        conn: u8,
        /// Why.
        reason: GiveUp,
    },
    /// Time passes.
    Wait {
        /// How far.
        until: Until,
        /// Whether the broker is told at once. If not, the next input finds it out.
        tick: bool,
    },
    /// The server stops.
    ShutDown,
}

impl fmt::Display for Step {
    /// As the file of a plan has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = PrettyConfig::new().depth_limit(0);
        let step = ron::ser::to_string_pretty(self, style);
        f.write_str(&step.expect("a step is plain data"))
    }
}

/// Whom a message is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub enum To {
    /// An index into [`NAMES`].
    Peer(#[serde(with = "spelled::name")] u8),
    /// An index into [`ROOMS`].
    Room(#[serde(with = "spelled::room")] u8),
}

/// How much is said at once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub enum Length {
    /// A text of a few bytes: the number of messages fills a mailbox.
    Short,
    /// [`SEVERAL`] such texts, one after the other.
    Several,
    /// A text of so much that the bytes of a few fill a mailbox.
    Long,
}

/// Why the driver gives a connection up.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub enum GiveUp {
    /// Too much waits for its socket.
    TooSlow,
    /// Nothing came for too long.
    Silent,
    /// Too many of its logins failed.
    FailedLogins,
    /// It speaks another protocol. Once it has logged in, it only says what nobody understands.
    OtherProtocol,
}

impl From<GiveUp> for StopReason {
    fn from(reason: GiveUp) -> Self {
        match reason {
            GiveUp::TooSlow => Self::TooSlow,
            GiveUp::Silent => Self::Silent,
            GiveUp::FailedLogins => Self::FailedLogins,
            GiveUp::OtherProtocol => Self::OtherProtocol,
        }
    }
}

/// How far time passes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub enum Until {
    /// By a millisecond.
    Soon,
    /// To the last microsecond before the broker's deadline; by a millisecond, if it has none.
    BeforeDeadline,
    /// To the broker's deadline.
    Deadline,
    /// To the first microsecond after the broker's deadline.
    AfterDeadline,
}

/// The names that peers bear; the second half spells the first in another way.
pub const NAMES: [&str; 6] = ["ann", "bob", "cyd", "ANN", "BOB", "CYD"];

/// The rooms that peers join; the last spells the first in another way.
pub const ROOMS: [&str; 3] = ["#one", "#two", "#ONE"];

/// How many texts are [several](Length::Several).
pub const SEVERAL: u32 = 3;

/// How many secrets there are.
pub const SECRETS: u8 = 3;

/// What the only operator of a server is called.
pub const OPERATOR: &str = "root";

/// The operator's password.
pub const PASSWORD: &str = "battery-staple";

/// The first source or the second, in turn.
pub fn source(index: u64) -> Source {
    Source::of([192, 0, 2, (index % 2) as u8].into())
}

/// The name with this index.
pub fn name(index: u8) -> Name {
    Name::parse(pick(&NAMES, index)).expect("the pool holds names")
}

/// The room with this index.
pub fn room(index: u8) -> Room {
    Room::parse(pick(&ROOMS, index)).expect("the pool holds rooms")
}

/// The proof of the secret with this index. They differ in the last byte alone.
pub const fn proof(index: u8) -> Proof {
    let mut digest = [7; 32];
    digest[31] = index % SECRETS;
    Proof::new(digest)
}

fn pick(pool: &[&'static str], index: u8) -> &'static str {
    pool[usize::from(index) % pool.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_picks_something() {
        for index in 0..=u8::MAX {
            name(index);
            room(index);
        }
        assert_eq!(name(0), name(3));
        assert_eq!(room(0), room(2));
        assert_ne!(proof(0), proof(1));
    }
}
