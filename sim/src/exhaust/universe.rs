//! What can happen, and what bounds it.

use std::num::NonZeroUsize;
use std::time::Duration;

use rejoin::Config;
use rejoin::id::{Name, Proof, Room};
use serde::{Deserialize, Serialize};

use super::state::State;
use crate::step::{self, GiveUp, Length, Step, To, Until};

/// A small world: all that is bounded in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Universe {
    /// Names that somebody may log in with, at most [`Universe::MOST_NAMES`].
    pub names: u8,
    /// Connections at once of which a half has not finished, at most
    /// [`Universe::MOST_CONNECTIONS`]. There is no bound to how many there are one after another.
    pub connections: u8,
    /// Rooms that somebody may join, at most [`Universe::MOST_ROOMS`].
    pub rooms: u8,
    /// Messages at once that are neither written nor sent back to the end, at most
    /// [`Universe::MOST_MESSAGES`]. There is no bound to how many there are one after another.
    pub messages: u8,
    /// Pieces of mail that a mailbox holds.
    pub mailbox: NonZeroUsize,
    /// Whether the server may stop.
    pub stops: bool,
    /// Whether somebody may take another name. Then no message may have two receivers, as two
    /// that come back could not be told apart: there are two names, or no rooms.
    pub renames: bool,
}

impl Universe {
    /// Two names and three connections: a name can be taken over while it is taken over. A mailbox
    /// holds all that is sent.
    pub const TWO_NAMES: Self = Self {
        names: 2,
        connections: 3,
        rooms: 1,
        messages: 2,
        mailbox: NonZeroUsize::new(2).expect("two is not zero"),
        stops: true,
        renames: false,
    };

    /// Three names and two connections: peers can be away while others speak to them. A mailbox
    /// does not hold all that is sent.
    pub const THREE_NAMES: Self = Self {
        names: 3,
        connections: 2,
        mailbox: NonZeroUsize::MIN,
        ..Self::TWO_NAMES
    };

    /// Two names and two connections: whoever has a name may change it, while another comes with
    /// the one that it leaves, or with the one that it takes. Nobody speaks: so it is small.
    pub const RENAMES: Self = Self {
        connections: 2,
        messages: 0,
        mailbox: NonZeroUsize::MIN,
        renames: true,
        ..Self::TWO_NAMES
    };

    /// One name and three connections, and nobody speaks: all that the tables of the lifecycle say
    /// can happen in it.
    pub const ONE_NAME: Self = Self {
        names: 1,
        rooms: 0,
        messages: 0,
        mailbox: NonZeroUsize::MIN,
        ..Self::TWO_NAMES
    };

    /// The most names.
    pub const MOST_NAMES: u8 = 3;
    /// The most connections at once.
    pub const MOST_CONNECTIONS: u8 = 4;
    /// The most rooms.
    pub const MOST_ROOMS: u8 = 2;
    /// The most messages at once.
    pub const MOST_MESSAGES: u8 = 4;

    /// Whether it can be explored.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    pub const fn check(&self) -> Result<(), &'static str> {
        if self.names == 0 || self.connections == 0 {
            return Err("nobody can come into it");
        }
        if self.names > Self::MOST_NAMES
            || self.connections > Self::MOST_CONNECTIONS
            || self.rooms > Self::MOST_ROOMS
            || self.messages > Self::MOST_MESSAGES
        {
            return Err("there is more in it than can be told apart");
        }
        if self.renames && self.names > 2 && self.rooms > 0 {
            return Err(
                "with names that change there are at most 2 names, or no rooms, as messages \
                 with two receivers that come back could not be told apart",
            );
        }
        Ok(())
    }

    /// The configuration of its server. The two waits last two microseconds, the fewest with which
    /// each of them can end before the other, after it, and with it.
    pub fn config(&self) -> Config {
        let size = |n: usize| NonZeroUsize::new(n).expect("no limit is zero");
        let config = Config {
            login_timeout: WAIT,
            resume_window: WAIT,
            mailbox_messages: self.mailbox,
            mailbox_bytes: size(1 << 12),
            receivers: size(1),
            rooms_per_peer: size(usize::from(self.rooms).max(1)),
            peers: size(self.names.into()),
            line_bytes: size(Config::MIN_LINE_BYTES),
            ..Config::default()
        };
        config.check().expect("the configuration is a valid one");
        config
    }

    /// Each step that can happen in one of its states or another.
    ///
    /// Indices of connections mean what they mean to a [`World`](crate::World); one more than
    /// there may be at once is the last connection that is over. Left out is what others amount to:
    /// a writer that writes more and then finishes is [`Step::Write`] and then
    /// [`Step::WriterFinishes`]; lists change nothing; and a second spelling of a name is that name.
    pub fn alphabet(&self) -> Vec<Step> {
        let mut steps = vec![Step::Accept];
        for conn in 0..=self.connections {
            steps.push(Step::ReaderFinishes { conn });
            steps.push(Step::WriterFinishes { conn, written: 0 });
            steps.push(Step::Write { conn, mail: 1 });
            for reason in [GiveUp::TooSlow, GiveUp::Silent] {
                steps.push(Step::GiveUp { conn, reason });
            }
            steps.push(Step::Quit { conn, why: false });
            for name in 0..self.names {
                for secret in [Some(RIGHT), None, Some(WRONG)] {
                    steps.push(Step::LogIn { conn, name, secret });
                }
            }
            let peers = (0..self.names).map(To::Peer);
            for to in peers.chain((0..self.rooms).map(To::Room)) {
                let (to, length) = (vec![to], Length::Short);
                steps.push(Step::Send { conn, to, length });
            }
            for room in 0..self.rooms {
                steps.push(Step::Join { conn, room });
                steps.push(Step::Leave { conn, room });
            }
            if self.renames {
                steps.extend((0..self.names).map(|name| Step::Rename { conn, name }));
            }
        }
        steps.extend((0..self.names).map(|name| Step::Dismiss { name }));
        for until in [Until::BeforeDeadline, Until::Deadline, Until::AfterDeadline] {
            for tick in [true, false] {
                steps.push(Step::Wait { until, tick });
            }
        }
        if self.stops {
            steps.push(Step::ShutDown);
        }
        steps
    }
}

const WAIT: Duration = Duration::from_micros(2);

/// The secret of whoever has one.
pub(super) const RIGHT: u8 = 0;

/// The secret of an impostor: a login is tried with it only where another one is needed.
pub(super) const WRONG: u8 = 1;

/// The configuration of a universe, and its words, parsed once.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) universe: Universe,
    pub(super) config: Config,
    pub(super) names: Vec<Name>,
    pub(super) rooms: Vec<Room>,
    /// The fingerprint of a state in which nobody is there any more.
    pub(super) as_new: u64,
}

impl Setup {
    pub(super) fn new(universe: Universe) -> Self {
        universe.check().expect("the universe can be explored");
        let config = universe.config();
        Self {
            universe,
            as_new: State::new(&config).fingerprint(),
            config,
            names: (0..universe.names).map(step::name).collect(),
            rooms: (0..universe.rooms).map(step::room).collect(),
        }
    }
}

/// The index of a name of the pool.
pub(super) fn name_index(name: &Name) -> usize {
    // They begin with a, b and c; comparing them whole would be the most that is done in a step.
    usize::from(name.as_str().as_bytes()[0] - b'a')
}

/// The index of a room of the pool.
pub(super) fn room_index(room: &Room) -> usize {
    // They are #one and #two.
    usize::from(room.as_str().as_bytes()[1] == b't')
}

/// The index of a secret of the pool.
pub(super) fn secret_index(proof: Proof) -> u8 {
    proof.digest()[31]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_by_their_index() {
        for index in 0..Universe::MOST_NAMES {
            assert_eq!(name_index(&step::name(index)), usize::from(index));
        }
        for index in 0..Universe::MOST_ROOMS {
            assert_eq!(room_index(&step::room(index)), usize::from(index));
        }
        for index in [RIGHT, WRONG] {
            assert_eq!(secret_index(step::proof(index)), index);
        }
    }
}
