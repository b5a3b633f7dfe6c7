//! What always holds, one statement a file.
//!
//! A [`Checker`] sees every [`Moment`] and keeps its own books. None asks the broker to check
//! itself, and none is taken from its code: they rest on what was seen from outside, and on the
//! [`Roster`].

pub mod bounds;
pub mod determinism;
pub mod eviction;
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

use crate::moment::Moment;
use crate::roster::Roster;
use ledger::{Accepted, Pieces, Returning};

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

    /// Judges how everything stands when everything has finished. `last` was observed last.
    ///
    /// # Errors
    ///
    /// Says how the statement is violated.
    fn finish(&mut self, _last: &Moment) -> Result<(), String> {
        Ok(())
    }
}

/// What a [`Checker`] sees.
#[derive(Clone, Debug)]
pub struct Witness<'a> {
    /// The limits.
    pub config: &'a Config,
    /// What happened, and how everything stands after it.
    pub moment: &'a Moment,
    /// Who was who before.
    pub before: &'a Roster,
    /// Who is who after.
    pub after: &'a Roster,
    accepted: Result<Vec<Accepted>, String>,
    pieces: Pieces<'a>,
}

impl<'a> Witness<'a> {
    /// Sees `moment`, by which the roster `before` became that `after` it.
    fn new(
        config: &'a Config,
        moment: &'a Moment,
        before: &'a Roster,
        after: &'a Roster,
        returning: &mut Returning,
    ) -> Self {
        Self {
            config,
            moment,
            before,
            after,
            accepted: ledger::accepted(moment, after),
            pieces: returning.sort(moment, before, after),
        }
    }

    /// The deliveries that were asked for in this moment, and not refused.
    fn accepted(&self) -> Result<&[Accepted], String> {
        self.accepted.as_deref().map_err(String::clone)
    }
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

/// All checkers that see a broker alone, but that of statement 9, which compares two runs
/// ([`determinism`]). By whom a peer may be dismissed only a hub shows ([`eviction`]).
pub struct Invariants {
    config: Config,
    roster: Roster,
    returning: Returning,
    checkers: Vec<Box<dyn Checker>>,
}

impl Invariants {
    /// Nothing has happened yet.
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            roster: Roster::new(config),
            returning: Returning::default(),
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

    /// Who is who.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Judges one moment; returns each statement that it violates.
    pub fn observe(&mut self, moment: &Moment) -> Vec<Violation> {
        let before = self.roster.clone();
        self.roster.observe(moment);
        let (config, returning) = (&self.config, &mut self.returning);
        let witness = Witness::new(config, moment, &before, &self.roster, returning);
        collect(&mut self.checkers, |c| c.observe(&witness))
    }

    /// Judges how everything stands when everything has finished. `last` was observed last.
    pub fn finish(&mut self, last: &Moment) -> Vec<Violation> {
        collect(&mut self.checkers, |c| c.finish(last))
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

/// What a checker says to a story; for the tests of checkers.
#[cfg(test)]
pub(crate) fn judge(
    config: &Config,
    checker: &mut dyn Checker,
    moments: &[Moment],
) -> Result<(), String> {
    let (mut before, mut returning) = (Roster::new(config), Returning::default());
    for moment in moments {
        let mut after = before.clone();
        after.observe(moment);
        let witness = Witness::new(config, moment, &before, &after, &mut returning);
        checker.observe(&witness)?;
        before = after;
    }
    Ok(())
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
