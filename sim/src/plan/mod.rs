//! What a whole simulation goes through: steps, and the faults between them.

mod broker;
mod clients;
mod file;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::label::Labeler;
use crate::step::{GiveUp, Length, NAMES, ROOMS, Step, To, Until};

pub use broker::{BrokerOn, BrokerPlan};
pub use file::BadPlan;

/// How many clients a simulated network has.
pub const CLIENTS: u8 = 5;

/// Everything that a simulation is made from. The same plan gives the same trace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What it runs on.
    pub on: On,
    /// From this come delays, lengths and turns, which no action says.
    pub seed: u64,
    /// The index of the server's configuration.
    pub setting: u8,
    /// Whether each half of a connection lets others go first, at times, at the named points.
    pub yields: bool,
    /// Which clients speak IRC, one bit for each.
    #[serde(with = "clients")]
    pub irc: u8,
    /// Which of those put labels on some of their commands.
    #[serde(with = "clients")]
    pub labels: u8,
    /// What happens, in order.
    pub actions: Vec<Action>,
}

/// What a simulation runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum On {
    /// A network of hosts, whose links are slow and can break.
    Network,
    /// Streams in memory: faster, and without faults of links.
    Memory,
}

/// One thing that happens.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Action {
    /// Somebody does something.
    Step(Step),
    /// Something breaks, or is mended.
    Fault(Fault),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(step) => step.fmt(f),
            Self::Fault(Fault { client, kind }) => write!(f, "{kind:?} at client {client}"),
        }
    }
}

/// Something that breaks. Each client has a host of its own; what breaks a connection breaks the
/// newest of that client, at the server's end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The index of the client.
    pub client: u8,
    /// What.
    pub kind: Kind,
}

/// A kind of fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Kind {
    /// Nothing passes between the client's host and the server, and what is under way is lost.
    Partition,
    /// Nothing passes to the server.
    PartitionToServer,
    /// Nothing passes to the client.
    PartitionToClient,
    /// What is sent waits, in both directions.
    Hold,
    /// The link of the client's host is whole again. What was held goes on.
    Mend,
    /// The client's program dies, and its host closes the connections.
    Crash,
    /// The client's host dies, and says nothing.
    PowerCut,
    /// The server dies, and starts again.
    Restart,
    /// Writes take only a part of what they are given.
    PartialWrites,
    /// The next read fails.
    ReadFails,
    /// The next write fails.
    WriteFails,
    /// Both do.
    Reset,
    /// Writes take nothing for a while.
    Stall,
    /// The client's end is seen later.
    DelayedEnd,
    /// The next read panics.
    ReadPanics,
    /// The next write panics.
    WritePanics,
    /// Reads and writes are not ready at first, at times, when they could be.
    Jitter,
    /// The client does not answer for a while how far it has read, or for so long that nobody waits
    /// for it any more.
    Withhold,
    /// A half of a connection lets others go first at a named point.
    Yield,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 19] = [
        Self::Partition,
        Self::PartitionToServer,
        Self::PartitionToClient,
        Self::Hold,
        Self::Mend,
        Self::Crash,
        Self::PowerCut,
        Self::Restart,
        Self::PartialWrites,
        Self::ReadFails,
        Self::WriteFails,
        Self::Reset,
        Self::Stall,
        Self::DelayedEnd,
        Self::ReadPanics,
        Self::WritePanics,
        Self::Jitter,
        Self::Withhold,
        Self::Yield,
    ];

    /// How often it comes, among the others.
    const fn weight(self) -> u32 {
        match self {
            Self::Restart => 1,
            Self::ReadPanics | Self::WritePanics => 2,
            Self::Partition
            | Self::PartitionToServer
            | Self::PartitionToClient
            | Self::Crash
            | Self::PowerCut => 4,
            Self::Hold | Self::PartialWrites | Self::Reset | Self::DelayedEnd | Self::Jitter => 6,
            Self::ReadFails | Self::WriteFails | Self::Stall | Self::Withhold => 10,
            // It comes with those that it mends, and a plan says whether there are yields.
            Self::Mend | Self::Yield => 0,
        }
    }

    const fn is_of_the_link(self) -> bool {
        match self {
            Self::Partition | Self::PartitionToServer | Self::PartitionToClient | Self::Hold => {
                true
            }
            Self::Mend
            | Self::Crash
            | Self::PowerCut
            | Self::Restart
            | Self::PartialWrites
            | Self::ReadFails
            | Self::WriteFails
            | Self::Reset
            | Self::Stall
            | Self::DelayedEnd
            | Self::ReadPanics
            | Self::WritePanics
            | Self::Jitter
            | Self::Withhold
            | Self::Yield => false,
        }
    }
}

/// How large the standard world is.
pub const MESSAGES: usize = 200;

/// How many messages come at once for somebody who does not answer.
const CROWD: usize = 60;

impl Plan {
    /// The plan that is drawn from `seed`: the standard world, in which some kinds of fault happen
    /// and others do not.
    pub fn draw(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let setting = dice.rng.u8(..crate::setting::SETTINGS as u8);
        let yields = dice.rng.bool();
        let irc = if dice.rng.bool() {
            dice.rng.u8(..1 << CLIENTS)
        } else {
            0
        };
        dice.irc = irc;
        let mut actions = Vec::with_capacity(2 * MESSAGES);
        for client in 0..CLIENTS {
            actions.push(Action::Step(dice.log_in(client)));
        }
        let mut messages = 0;
        while messages < MESSAGES {
            dice.act(&mut actions, &mut messages);
        }
        Self {
            on: On::Network,
            seed,
            setting,
            yields,
            irc,
            labels: Labeler::new(seed).among(irc),
            actions,
        }
    }

    /// Whether the client with this index speaks IRC.
    pub const fn speaks_irc(&self, client: usize) -> bool {
        self.irc >> client & 1 == 1
    }

    /// Whether the client with this index puts labels on some of its commands.
    pub const fn labels(&self, client: usize) -> bool {
        self.speaks_irc(client) && self.labels >> client & 1 == 1
    }

    /// The steps alone.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.actions.iter().filter_map(|action| match action {
            Action::Step(step) => Some(step),
            Action::Fault(_) => None,
        })
    }
}

/// Draws actions.
struct Dice {
    rng: fastrand::Rng,
    /// The kinds that happen in this run, each as often as its weight says.
    kinds: Vec<Kind>,
    /// How many actions of a thousand are faults.
    faults: u32,
    /// Which clients speak IRC.
    irc: u8,
}

impl Dice {
    fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut kinds = Vec::new();
        for kind in Kind::ALL {
            if rng.bool() {
                kinds.extend((0..kind.weight()).map(|_| kind));
            }
        }
        let faults = if kinds.is_empty() { 0 } else { rng.u32(..80) };
        Self {
            rng,
            kinds,
            faults,
            irc: 0,
        }
    }

    fn act(&mut self, actions: &mut Vec<Action>, messages: &mut usize) {
        if self.rng.u32(..1000) < self.faults {
            return self.fault(actions);
        }
        match self.rng.u8(..100) {
            0 => return self.contend(actions),
            1 => return self.cut_short(actions, messages),
            _ => {}
        }
        if self.irc > 0 && self.rng.u16(..300) == 0 {
            return self.crowd(actions, messages);
        }
        if self.irc > 0 && self.rng.u16(..100) == 0 {
            return self.govern(actions);
        }
        let conn = self.rng.u8(..CLIENTS);
        if self.rng.u8(..50) == 0 {
            let name = self.rng.u8(..NAMES.len() as u8);
            return actions.push(Action::Step(Step::Rename { conn, name }));
        }
        let step = match self.rng.u32(..960) {
            ..650 => {
                *messages += 1;
                self.send(conn)
            }
            650..760 => self.wait(),
            760..830 => self.log_in(conn),
            830..850 => Step::Join {
                conn,
                room: self.room(),
            },
            850..860 => Step::Leave {
                conn,
                room: self.room(),
            },
            860..865 => Step::Rooms { conn },
            865..870 => Step::Who { conn, room: None },
            870..880 => Step::Quit {
                conn,
                why: self.rng.bool(),
            },
            880..910 => Step::ReaderFinishes { conn },
            910..935 => Step::WriterFinishes {
                conn,
                written: self.rng.u8(..4),
            },
            935..940 => Step::Accept,
            940..950 => Step::Write {
                conn,
                mail: self.rng.u8(1..4),
            },
            950..958 => Step::GiveUp {
                conn,
                reason: self.give_up(),
            },
            _ if self.rng.u8(..10) == 0 => Step::ShutDown,
            _ => self.wait(),
        };
        actions.push(Action::Step(step));
    }

    /// A fault; one of a link is mended after a while.
    fn fault(&mut self, actions: &mut Vec<Action>) {
        let kind = self.kinds[self.rng.usize(..self.kinds.len())];
        let client = self.rng.u8(..CLIENTS);
        actions.push(Action::Fault(Fault { client, kind }));
        if kind.is_of_the_link() && self.rng.bool() {
            for _ in 0..self.rng.u8(1..8) {
                actions.push(Action::Step(self.wait()));
            }
            let kind = Kind::Mend;
            actions.push(Action::Fault(Fault { client, kind }));
        }
    }

    /// Somebody waits for the name of a connection that takes its time to end, and something
    /// happens meanwhile.
    fn contend(&mut self, actions: &mut Vec<Action>) {
        let (client, next) = (self.rng.u8(..CLIENTS), self.rng.u8(..CLIENTS));
        let name = client % (NAMES.len() as u8 / 2);
        let secret = self.rng.bool().then_some(0);
        actions.extend([
            Action::Step(Step::LogIn {
                conn: client,
                name,
                secret,
            }),
            Action::Step(Step::Join {
                conn: client,
                room: 0,
            }),
            Action::Step(Step::Join {
                conn: next,
                room: 0,
            }),
            Action::Step(self.wait()),
            Action::Fault(Fault {
                client,
                kind: Kind::Stall,
            }),
            Action::Step(Step::Send {
                conn: next,
                to: vec![To::Peer(name), To::Room(0)],
                length: Length::Short,
            }),
            Action::Step(Step::ReaderFinishes { conn: client }),
            Action::Step(self.wait()),
            Action::Step(Step::LogIn {
                conn: next,
                name,
                secret,
            }),
        ]);
        for _ in 0..self.rng.u8(..4) {
            actions.push(Action::Step(self.wait()));
        }
        match self.rng.u8(..16) {
            0 => actions.push(Action::Step(Step::ShutDown)),
            1 | 2 => actions.push(Action::Fault(Fault {
                client,
                kind: Kind::Restart,
            })),
            3..9 => {
                let conn = self.rng.u8(..CLIENTS);
                actions.push(Action::Step(Step::LogIn { conn, name, secret }));
            }
            _ => actions.push(Action::Step(Step::WriterFinishes {
                conn: client,
                written: 1,
            })),
        }
    }

    /// Several things are said at once, and the receiver's socket takes a part of them before it
    /// fails.
    fn cut_short(&mut self, actions: &mut Vec<Action>, messages: &mut usize) {
        let (client, conn) = (self.rng.u8(..CLIENTS), self.rng.u8(..CLIENTS));
        let (name, kind) = (arrive(actions, client), Kind::PartialWrites);
        actions.extend([
            Action::Fault(Fault { client, kind }),
            Action::Step(Step::WriterFinishes {
                conn: client,
                written: self.rng.u8(1..3),
            }),
            Action::Step(Step::Send {
                conn,
                to: vec![To::Peer(name)],
                length: Length::Several,
            }),
        ]);
        *messages += 1;
    }

    /// An operator wants somebody gone, whose connection may be about to end, or have ended. Now
    /// and then it is none.
    fn govern(&mut self, actions: &mut Vec<Action>) {
        let (conn, victim) = (self.speaks_irc(), self.rng.u8(..CLIENTS));
        let (right, name) = (self.rng.u8(..6) > 0, victim % (NAMES.len() as u8 / 2));
        actions.push(Action::Step(Step::Oper { conn, right }));
        match self.rng.u8(..4) {
            0 => {
                arrive(actions, victim);
                let (client, kind) = (victim, Kind::Stall);
                actions.push(Action::Fault(Fault { client, kind }));
                let (to, length) = (vec![To::Peer(name)], Length::Short);
                actions.push(Action::Step(Step::Send { conn, to, length }));
                actions.push(Action::Step(Step::ReaderFinishes { conn: victim }));
                wait(actions, 1);
            }
            1 => {
                let written = self.rng.u8(..4);
                let conn = victim;
                actions.push(Action::Step(Step::WriterFinishes { conn, written }));
                actions.push(Action::Step(Step::ReaderFinishes { conn }));
                wait(actions, self.rng.usize(1..6));
            }
            _ => wait(actions, self.rng.usize(..3)),
        }
        actions.push(Action::Step(Step::Kill { conn, name }));
    }

    /// A client that speaks IRC; there is one.
    fn speaks_irc(&mut self) -> u8 {
        let speaking: Vec<_> = (0..CLIENTS).filter(|c| self.irc >> c & 1 == 1).collect();
        speaking[self.rng.usize(..speaking.len())]
    }

    /// So much is said to somebody who does not answer that its writer has to wait.
    fn crowd(&mut self, actions: &mut Vec<Action>, messages: &mut usize) {
        let client = self.speaks_irc();
        let (name, kind) = (arrive(actions, client), Kind::Withhold);
        for sent in 0..CROWD {
            if sent == 1 {
                // It has answered once, and may do so again.
                wait(actions, 8);
                actions.push(Action::Fault(Fault { client, kind }));
            }
            if sent % 4 == 0 {
                wait(actions, 1);
            }
            let conn = self.rng.u8(..CLIENTS);
            let (to, length) = (vec![To::Peer(name)], Length::Long);
            actions.push(Action::Step(Step::Send { conn, to, length }));
        }
        *messages += CROWD;
    }

    /// A client logs in, mostly as itself: the first three have names of their own, and the others
    /// are further devices of the first two.
    fn log_in(&mut self, conn: u8) -> Step {
        let distinct = NAMES.len() as u8 / 2;
        let own = conn % distinct;
        let name = match self.rng.u8(..10) {
            ..8 => own,
            8 => own + distinct,
            _ => self.rng.u8(..NAMES.len() as u8),
        };
        let secret = match self.rng.u8(..10) {
            ..7 => Some(0),
            7 => Some(1),
            _ => None,
        };
        Step::LogIn { conn, name, secret }
    }

    fn send(&mut self, conn: u8) -> Step {
        let receivers = if self.rng.u8(..4) == 0 { 2 } else { 1 };
        let to = (0..receivers).map(|_| self.to()).collect();
        let length = match self.rng.u8(..8) {
            0 => Length::Long,
            1 => Length::Several,
            _ => Length::Short,
        };
        Step::Send { conn, to, length }
    }

    fn to(&mut self) -> To {
        if self.rng.u8(..4) == 0 {
            To::Room(self.room())
        } else {
            To::Peer(self.rng.u8(..NAMES.len() as u8 / 2))
        }
    }

    fn room(&mut self) -> u8 {
        self.rng.u8(..ROOMS.len() as u8)
    }

    fn wait(&mut self) -> Step {
        let until = match self.rng.u8(..120) {
            0 => Until::BeforeDeadline,
            1 => Until::Deadline,
            2 => Until::AfterDeadline,
            _ => Until::Soon,
        };
        Step::Wait { until, tick: true }
    }

    fn give_up(&mut self) -> GiveUp {
        match self.rng.u8(..4) {
            0 | 1 => GiveUp::TooSlow,
            2 => GiveUp::FailedLogins,
            _ => GiveUp::OtherProtocol,
        }
    }
}

/// A client logs in by its own name, which it is told in time.
fn arrive(actions: &mut Vec<Action>, client: u8) -> u8 {
    let name = client % (NAMES.len() as u8 / 2);
    actions.push(Action::Step(Step::LogIn {
        conn: client,
        name,
        secret: Some(0),
    }));
    wait(actions, 6);
    name
}

fn wait(actions: &mut Vec<Action>, ticks: usize) {
    let (until, tick) = (Until::Soon, true);
    actions.extend(vec![Action::Step(Step::Wait { until, tick }); ticks]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_put_by_those_who_are_to_put_them_and_speak_irc() {
        let plan = Plan {
            irc: 0b00110,
            labels: 0b01100,
            ..Plan::draw(0)
        };
        for client in 0..usize::from(CLIENTS) {
            assert_eq!(plan.labels(client), client == 2, "client {client}");
        }
    }
}
