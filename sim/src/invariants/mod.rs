//! What always holds, one statement a file.
//!
//! A [`Checker`] sees every [`Moment`] and keeps its own books. None asks the broker to check
//! itself, and none is taken from its code: they rest on what was seen from outside, and on the
//! [`Roster`].

pub mod bounds;
pub mod determinism;
pub mod fate;
pub mod halves;
pub mod isolation;
pub mod names;
pub mod nothing_left;
pub mod order;
pub mod removal;

mod ledger;

use std::fmt;

use rejoin::Config;

use crate::moment::{Moment, View};
use crate::roster::Roster;

/// Judges what happens by one statement.
pub trait Checker: Send {
    /// The number of the statement.
    fn statement(&self) -> u8;

    /// Judges one moment.
    ///
    /// # Errors
    ///
    /// Says how the statement is violated.
    fn observe(&mut self, witness: &Witness<'_>) -> Result<(), String>;

    /// Judges how everything stands when everything has finished. `last` was observed before.
    ///
    /// # Errors
    ///
    /// Says how the statement is violated.
    fn finish(&mut self, _last: &Witness<'_>) -> Result<(), String> {
        Ok(())
    }
}

/// What a [`Checker`] sees.
#[derive(Clone, Copy, Debug)]
pub struct Witness<'a> {
    /// The limits.
    pub config: &'a Config,
    /// What happened, and how everything stands after it.
    pub moment: &'a Moment,
    /// Who was who before.
    pub before: &'a Roster,
    /// Who is who after.
    pub after: &'a Roster,
}

/// A statement that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// The number of the statement.
    pub statement: u8,
    /// How it is violated.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statement {}: {}", self.statement, self.what)
    }
}

/// All checkers but that of statement 9, which compares two runs ([`determinism`]).
pub struct Invariants {
    config: Config,
    roster: Roster,
    last: Option<(Moment, Roster)>,
    checkers: Vec<Box<dyn Checker>>,
}

impl Invariants {
    /// Nothing has happened yet.
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            roster: Roster::new(config),
            last: None,
            checkers: vec![
                Box::new(removal::Removal),
                Box::new(isolation::Isolation),
                Box::<halves::Halves>::default(),
                Box::<fate::Fate>::default(),
                Box::<order::Order>::default(),
                Box::<names::Names>::default(),
                Box::new(bounds::Bounds),
                Box::new(nothing_left::NothingLeft),
            ],
        }
    }

    /// Judges one moment; returns each statement that it violates.
    pub fn observe(&mut self, moment: Moment) -> Vec<Violation> {
        let before = self.roster.clone();
        self.roster.observe(&moment);
        let witness = Witness {
            config: &self.config,
            moment: &moment,
            before: &before,
            after: &self.roster,
        };
        let violations = collect(&mut self.checkers, |c| c.observe(&witness));
        self.last = Some((moment, before));
        violations
    }

    /// How everything stood last.
    pub fn last_view(&self) -> View {
        let last = self.last.as_ref();
        last.map(|(moment, _)| moment.view.clone())
            .unwrap_or_default()
    }

    /// Judges how everything stands when everything has finished.
    pub fn finish(&mut self) -> Vec<Violation> {
        let Some((moment, before)) = &self.last else {
            return Vec::new();
        };
        let witness = Witness {
            config: &self.config,
            moment,
            before,
            after: &self.roster,
        };
        collect(&mut self.checkers, |c| c.finish(&witness))
    }
}

impl fmt::Debug for Invariants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roster = &self.roster;
        f.debug_struct("Invariants")
            .field("roster", roster)
            .finish_non_exhaustive()
    }
}

fn collect(
    checkers: &mut [Box<dyn Checker>],
    mut judge: impl FnMut(&mut dyn Checker) -> Result<(), String>,
) -> Vec<Violation> {
    let judged = checkers.iter_mut().filter_map(|checker| {
        let what = judge(checker.as_mut()).err()?;
        let statement = checker.statement();
        Some(Violation { statement, what })
    });
    judged.collect()
}

/// Says how a statement is violated unless something is so.
macro_rules! ensure {
    ($holds:expr, $($says:tt)+) => {
        if !$holds {
            return Err(format!($($says)+));
        }
    };
}
use ensure;
