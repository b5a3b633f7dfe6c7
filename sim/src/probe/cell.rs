//! The cells of the two tables of [`lifecycle`](rejoin::broker::lifecycle), by which an input is
//! looked up as a reader would: before the broker has handled it, but for what is due by then.

use std::fmt;

use rejoin::broker::lifecycle::{Binding, Hold, Phase};
use rejoin::broker::{Input, Request};
use rejoin::id::{Name, Proof, Time};

use crate::moment::{View, actor};

/// A cell. Where a table has one for two cases, each case is a cell here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cell {
    /// Of the first table.
    Connection(Event, Stage),
    /// Of the second: somebody who greets logs in.
    LogIn(Bearer, Shown),
}

/// What happens to a connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Event {
    /// Its reader has finished.
    ReaderFinished,
    /// The driver gives it up.
    GivenUp,
    /// It quits.
    Quits,
    /// Its writer has finished.
    WriterFinished,
    /// It logs in.
    LogsIn,
}

/// How far a connection has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Stage {
    /// It has not logged in yet.
    Greeting,
    /// It waits for its name.
    Waiting,
    /// It holds its name.
    Online,
    /// It leaves, and holds its name until then.
    Leaving,
    /// It leaves, and has never held a name.
    LeavingNameless,
}

/// Who bears a name that somebody logs in to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Bearer {
    /// Nobody.
    Nobody,
    /// A peer that is away.
    Away,
    /// A resumable peer that is online.
    Resumable,
    /// A guest that is online.
    Guest,
    /// A resumable peer that leaves.
    ResumableLeaving,
    /// A guest that leaves, and for whose name nobody waits.
    GuestLeaving,
    /// A guest that leaves, and for whose name somebody waits.
    GuestSucceeded,
}

/// What somebody who logs in shows for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// A proof that is not the bearer's. A guest has none.
    AnotherProof,
    /// The bearer's proof.
    RightProof,
}

impl Cell {
    /// All cells, in the order of the tables.
    pub fn all() -> impl Iterator<Item = Self> {
        let connections = Event::ALL.into_iter().flat_map(|event| {
            let cells = Stage::ALL.map(|stage| Self::Connection(event, stage));
            cells.into_iter()
        });
        let logins = Bearer::ALL.into_iter().flat_map(|bearer| {
            let cells = Shown::ALL.map(|shown| Self::LogIn(bearer, shown));
            cells.into_iter()
        });
        connections.chain(logins).filter(|cell| cell.exists())
    }

    /// The cell of what happens to a broker that stands so. What happens to nobody, or to a
    /// connection that is forgotten, has none.
    pub fn of(view: &View, now: Time, input: &Input) -> Option<Self> {
        let phase = view.connections.get(&actor(input)?)?;
        let stage = Stage::of(phase, now);
        let event = match input {
            Input::ReaderFinished { .. } => Event::ReaderFinished,
            Input::GiveUp { .. } => Event::GivenUp,
            Input::WriterFinished { .. } => Event::WriterFinished,
            Input::Request { request, .. } => match request {
                Request::Quit { .. } => Event::Quits,
                Request::LogIn { name, proof } => {
                    if stage == Stage::Greeting {
                        return Some(Self::log_in(view, now, name, *proof));
                    }
                    Event::LogsIn
                }
                Request::Send { .. }
                | Request::Join { .. }
                | Request::Leave { .. }
                | Request::Kick { .. }
                | Request::Rename { .. }
                | Request::Rooms
                | Request::Who { .. } => return None,
            },
            Input::Accepted { .. } | Input::Dismiss { .. } | Input::Tick | Input::ShutDown => {
                return None;
            }
        };
        Some(Self::Connection(event, stage))
    }

    fn log_in(view: &View, now: Time, name: &Name, proof: Option<Proof>) -> Self {
        let binding = view.bindings.get(name);
        let (bearer, bears) = match binding {
            Some(binding) => (Bearer::of(view, now, binding), binding.proof),
            None => (Bearer::Nobody, None),
        };
        let shown = match proof {
            None => Shown::Nothing,
            Some(_) if proof == bears && bearer != Bearer::Nobody => Shown::RightProof,
            Some(_) => Shown::AnotherProof,
        };
        Self::LogIn(bearer, shown)
    }

    const fn exists(self) -> bool {
        match self {
            // The second table is about these.
            Self::Connection(Event::LogsIn, Stage::Greeting) => false,
            Self::Connection(..) => true,
            Self::LogIn(bearer, Shown::RightProof) => bearer.has_proof(),
            Self::LogIn(_, Shown::Nothing | Shown::AnotherProof) => true,
        }
    }

    /// Whether the driver reaches it within some thousand runs: it reads only for who greets or is
    /// online, and its hub answers an online connection's second login by itself. Of those who wait
    /// or leave, hardly anybody stays long enough to be given up.
    pub const fn is_within_reach_of_the_driver(self) -> bool {
        match self {
            Self::Connection(Event::LogsIn, _) => false,
            Self::Connection(Event::Quits | Event::GivenUp, stage) => {
                matches!(stage, Stage::Greeting | Stage::Online)
            }
            Self::Connection(Event::ReaderFinished, stage) => !matches!(stage, Stage::Waiting),
            Self::Connection(Event::WriterFinished, _) | Self::LogIn(..) => true,
        }
    }
}

impl Event {
    const ALL: [Self; 5] = [
        Self::ReaderFinished,
        Self::GivenUp,
        Self::Quits,
        Self::WriterFinished,
        Self::LogsIn,
    ];
}

impl Stage {
    const ALL: [Self; 5] = [
        Self::Greeting,
        Self::Waiting,
        Self::Online,
        Self::Leaving,
        Self::LeavingNameless,
    ];

    fn of(phase: &Phase, now: Time) -> Self {
        match phase {
            Phase::Greeting { until } if *until <= now => Self::LeavingNameless,
            Phase::Greeting { .. } => Self::Greeting,
            Phase::Waiting { .. } => Self::Waiting,
            Phase::Online { .. } => Self::Online,
            Phase::Leaving { name: Some(_) } => Self::Leaving,
            Phase::Leaving { name: None } => Self::LeavingNameless,
        }
    }
}

impl Bearer {
    const ALL: [Self; 7] = [
        Self::Nobody,
        Self::Away,
        Self::Resumable,
        Self::Guest,
        Self::ResumableLeaving,
        Self::GuestLeaving,
        Self::GuestSucceeded,
    ];

    fn of(view: &View, now: Time, binding: &Binding) -> Self {
        let (holder, waiter) = match binding.hold {
            Hold::Away { until } if until <= now => return Self::Nobody,
            Hold::Away { .. } => return Self::Away,
            Hold::Held { holder, waiter } => (holder, waiter),
        };
        let phase = view.connections.get(&holder);
        let leaves = matches!(phase, Some(Phase::Leaving { .. }));
        match (binding.proof.is_some(), leaves, waiter.is_some()) {
            (true, false, _) => Self::Resumable,
            (true, true, _) => Self::ResumableLeaving,
            (false, false, _) => Self::Guest,
            (false, true, false) => Self::GuestLeaving,
            (false, true, true) => Self::GuestSucceeded,
        }
    }

    const fn has_proof(self) -> bool {
        match self {
            Self::Away | Self::Resumable | Self::ResumableLeaving => true,
            Self::Nobody | Self::Guest | Self::GuestLeaving | Self::GuestSucceeded => false,
        }
    }
}

impl Shown {
    const ALL: [Self; 3] = [Self::Nothing, Self::AnotherProof, Self::RightProof];
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(event, stage) => write!(f, "{stage:?}: {event:?}"),
            Self::LogIn(bearer, shown) => write!(f, "LogIn to {bearer:?} with {shown:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// The row and the column in which the tables have a cell.
    const fn place(cell: Cell) -> (&'static str, &'static str) {
        match cell {
            Cell::Connection(event, stage) => (row_of(event), column_of(stage)),
            Cell::LogIn(bearer, shown) => (
                match bearer {
                    Bearer::Nobody => "free",
                    Bearer::Away => "away",
                    Bearer::Resumable | Bearer::Guest => "held, Online",
                    Bearer::ResumableLeaving => "held by a resumable peer, Leaving",
                    Bearer::GuestLeaving | Bearer::GuestSucceeded => "held by a guest, Leaving",
                },
                match shown {
                    Shown::Nothing | Shown::AnotherProof => "without proof, or with a wrong one",
                    Shown::RightProof => "with the right proof",
                },
            ),
        }
    }

    const fn row_of(event: Event) -> &'static str {
        match event {
            Event::ReaderFinished => "reader finished",
            Event::GivenUp | Event::Quits => "given up, or quits",
            Event::WriterFinished => "writer finished",
            Event::LogsIn => "login",
        }
    }

    const fn column_of(stage: Stage) -> &'static str {
        match stage {
            Stage::Greeting => "Greeting",
            Stage::Waiting => "Waiting",
            Stage::Online => "Online",
            Stage::Leaving | Stage::LeavingNameless => "Leaving",
        }
    }

    /// The places in the tables where something stands, as they are in the documentation.
    fn places(document: &str) -> BTreeSet<(&str, &str)> {
        let mut places = BTreeSet::new();
        let mut columns = Vec::new();
        for line in document.lines() {
            let Some(row) = line.strip_prefix("//! | ") else {
                columns.clear();
                continue;
            };
            let row: Vec<_> = row.trim_end_matches(" |").split(" | ").collect();
            if columns.is_empty() {
                columns = row;
            } else if row[0] != "---" {
                let cells = columns.iter().zip(&row).skip(1);
                let cells = cells.filter(|(_, cell)| !["–", "see below"].contains(cell));
                places.extend(cells.map(|(&column, _)| (row[0], column)));
            }
        }
        places
    }

    #[test]
    fn the_tables_have_these_cells_and_no_others() {
        let document = include_str!("../../../src/broker/lifecycle.rs");
        let cells: BTreeSet<_> = Cell::all().map(place).collect();
        assert_eq!(cells, places(document));
        assert_eq!(cells.len(), 15 + 8);
    }

    #[test]
    fn a_cell_is_one_of_all() {
        let all: Vec<_> = Cell::all().collect();
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
        assert_eq!(all.len(), 24 + 17);
    }
}
