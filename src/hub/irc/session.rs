//! What is known of one connection that speaks IRC.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

use super::kicks::Kicks;
use super::tasks::Tasks;
use crate::hub::given::Password;
use crate::hub::rate::Used;
use crate::id::{Name, Proof, Time};
use crate::wire::irc::caps::Caps;

/// What is known of one connection that speaks IRC.
#[derive(Clone, Default, Debug)]
pub(in crate::hub) struct Session {
    pub(super) caps: Caps,
    /// Whether it knows version 302 of the negotiation.
    pub(super) knows_values: bool,
    /// Whether its registration waits for `CAP END`.
    pub(super) negotiates: bool,
    /// What it has said, until it is registered.
    pub(super) registering: Option<Box<Registering>>,
    /// What it has given as the server's password, if it has given one.
    pub(super) password: Option<Password>,
    /// Whose coming and going it wants to know.
    pub(super) watched: BTreeSet<Name>,
    /// What follows of what was kept for it.
    pub(super) kept: Option<Kept>,
    /// The kicks among that.
    pub(super) kicks: Kicks,
    /// How many batches were opened. Their names count only here: another connection's tell nothing.
    pub(super) batches: u64,
    /// How far its client has read, if that matters.
    pub(super) acks: Option<Acks>,
    /// Bytes that it was sent since it was sent a probe, if no acknowledgement is wanted of it.
    pub(super) unprobed: usize,
    /// What is still to be done of a command.
    pub(super) tasks: Option<Box<Tasks>>,
}

/// What a connection says while it registers.
#[derive(Clone, Default, Debug)]
pub(super) struct Registering {
    pub(super) nick: Option<Name>,
    pub(super) user: Option<(String, String)>,
    pub(super) proof: Option<Proof>,
}

impl Session {
    /// The name of a new batch.
    pub(super) fn new_batch(&mut self) -> String {
        self.batches += 1;
        format!("{:x}", self.batches)
    }

    /// What it says while it registers.
    pub(super) fn registering(&mut self) -> &mut Registering {
        self.registering.get_or_insert_default()
    }

    /// Whether something that it has asked for is still to be done.
    pub(in crate::hub) const fn has_tasks(&self) -> bool {
        self.tasks.is_some()
    }

    /// Whose coming and going it wants to know.
    pub(in crate::hub) fn watched(&self) -> impl Iterator<Item = &Name> {
        self.watched.iter()
    }
}

/// What still follows of what was kept for somebody who is back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Kept {
    /// How many pieces of mail.
    pub(super) left: usize,
    /// The batch that they are part of, for a client that knows of batches.
    pub(super) batch: Option<String>,
}

/// How far a client has read: it answers each `PING` when it has read all that came before.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::hub) struct Acks {
    /// How often it was asked.
    pub(super) asked: u64,
    /// When it was asked first.
    pub(super) first_asked: Time,
    /// The last question that had mail in front of it.
    pub(super) covering: u64,
    /// The last that it answered.
    pub(in crate::hub) answered: u64,
    /// When it answered last; or, if it had answered everything, when it was asked since.
    pub(in crate::hub) progressed: Time,
    /// Pieces of mail that it was handed since it was asked.
    pub(super) mail: usize,
    /// Bytes that it was sent since it was asked.
    pub(super) bytes: usize,
    /// What of its questions' rate is used.
    pub(super) used: Used,
    /// When it is to be asked by its rate, if it is.
    pub(super) due: Option<Time>,
}

impl Acks {
    /// Whether it has answered everything that it was asked.
    pub(super) const fn has_answered(&self) -> bool {
        self.answered == self.asked
    }

    /// Whether so many pieces of mail, or so many bytes, were sent since it was asked.
    pub(super) const fn owes(&self, (mail, bytes): (usize, usize)) -> bool {
        self.mail >= mail || self.bytes >= bytes
    }
}
