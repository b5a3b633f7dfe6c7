//! One run: steps, the world that they happen to, and everything that judges it.

use std::fmt;

use rejoin::Config;

use crate::invariants::{Invariants, Violation, determinism};
use crate::moment::{Moment, View};
use crate::panics::hear;
use crate::plural::count;
use crate::probe::Probes;
use crate::step::Step;
use crate::world::World;

/// Something that must not be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// Something that always holds does not.
    Violated(Violation),
    /// The broker panics.
    Panicked(String),
}

impl Wrong {
    /// The number of the statement that is violated, if one is.
    pub const fn statement(&self) -> Option<u8> {
        match self {
            Self::Violated(violation) => Some(violation.statement),
            Self::Panicked(_) => None,
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Violated(violation) => violation.fmt(f),
            Self::Panicked(says) => write!(f, "the broker panics: {says}"),
        }
    }
}

/// Why a run has failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// How many steps were taken before the one that failed; all of them, if it was the end.
    pub step: usize,
    /// What is wrong; at least one.
    pub wrongs: Vec<Wrong>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {}", count(self.step as u64, "step"))?;
        for wrong in &self.wrongs {
            write!(f, "\n  {wrong}")?;
        }
        Ok(())
    }
}

/// Lets all steps happen, twice over, and then everything finish. After each step, all that always
/// holds is checked. Counts in `probes` what was reached.
///
/// # Errors
///
/// Tells the first step after which something does not hold, or at which the broker panics.
pub fn run(config: &Config, steps: &[Step], probes: &mut Probes) -> Result<(), Failure> {
    show(config, steps, |before, moment| {
        probes.observe(before, moment);
    })
}

/// As [`run`] does, and shows each moment as it comes, with how the broker stood before it.
///
/// # Errors
///
/// As of [`run`]. The moment that goes wrong is the last that was shown.
pub fn show(
    config: &Config,
    steps: &[Step],
    see: impl FnMut(&View, &Moment),
) -> Result<(), Failure> {
    go(World::new(config), Invariants::new(config), steps, see)
}

fn go(
    world: World,
    invariants: Invariants,
    steps: &[Step],
    see: impl FnMut(&View, &Moment),
) -> Result<(), Failure> {
    let mut run = Run {
        first: world.clone(),
        second: world,
        invariants,
        last: Moment::start(),
        see,
    };
    for (index, step) in steps.iter().enumerate() {
        run.judge(index, |world, moments| world.carry_out(step, moments))?;
    }
    run.judge(steps.len(), World::wind_up)?;
    fail(steps.len(), run.invariants.finish(&run.last))
}

struct Run<S> {
    first: World,
    second: World,
    invariants: Invariants,
    last: Moment,
    see: S,
}

impl<S: FnMut(&View, &Moment)> Run<S> {
    fn judge(
        &mut self,
        step: usize,
        happen: impl Fn(&mut World, &mut Vec<Moment>),
    ) -> Result<(), Failure> {
        let (mut moments, mut again) = (Vec::new(), Vec::new());
        let panicked = hear(|| happen(&mut self.first, &mut moments));
        let repeated = hear(|| happen(&mut self.second, &mut again));
        let first = (moments.as_slice(), self.first.broker());
        let second = (again.as_slice(), self.second.broker());
        let same = determinism::compare(first, second);
        for moment in moments {
            (self.see)(&self.last.view, &moment);
            fail(step, self.invariants.observe(&moment))?;
            self.last = moment;
        }
        if let Err(says) = panicked.and(repeated) {
            if let Some(moment) = self.first.interrupted(self.last.view.clone()) {
                (self.see)(&self.last.view, &moment);
            }
            let wrongs = vec![Wrong::Panicked(says)];
            return Err(Failure { step, wrongs });
        }
        fail(step, same.err().into_iter().collect())
    }
}

fn fail(step: usize, violations: Vec<Violation>) -> Result<(), Failure> {
    let wrongs: Vec<_> = violations.into_iter().map(Wrong::Violated).collect();
    if wrongs.is_empty() {
        Ok(())
    } else {
        Err(Failure { step, wrongs })
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::explain::{Rows, html, text};
    use crate::forge::{break_off, come, config, say, story};
    use crate::trace::Trace;

    /// What comes of steps that go wrong, and the trace of it.
    fn fails(world: World, believed: &Config, steps: &[Step]) -> (Failure, Trace) {
        let mut trace = Trace::default();
        let invariants = Invariants::new(believed);
        let ran = go(world, invariants, steps, |_, moment| {
            trace.show(moment.clone())
        });
        let failure = ran.expect_err("it goes wrong");
        trace.fail(failure.wrongs.clone());
        (failure, trace)
    }

    #[test]
    fn a_limit_that_the_broker_does_not_keep_is_missed_and_drawn() {
        let believed = Config {
            mailbox_messages: NonZeroUsize::MIN,
            ..config()
        };
        let ends = [Step::ReaderFinishes { conn: 0 }];
        let parts = [&come(1, Some(0))[..], &ends, &break_off(0), &come(0, None)];
        let twice = [&say(0, 1)[..], &say(0, 1)].concat();
        let steps = [story(parts), twice].concat();
        let (failure, trace) = fails(World::new(&config()), &believed, &steps);
        assert_eq!(failure.step, steps.len() - 1);
        let statements: Vec<_> = failure.wrongs.iter().map(Wrong::statement).collect();
        assert!(statements.contains(&Some(7)), "{failure}");
        assert!(html(&trace, Rows::All).contains("Statement 7 is violated"));
    }

    #[test]
    fn a_panic_is_told_with_what_the_broker_was_told() {
        let (failure, trace) = fails(
            World::with_a_number_to_use_again(),
            &config(),
            &[Step::Accept],
        );
        assert_eq!((failure.step, failure.wrongs.len()), (0, 1));
        let says = failure.wrongs[0].to_string();
        assert!(says.starts_with("the broker panics: "), "{says}");
        assert!(trace.is_broken());
        let listing = text(&trace, Rows::All, false);
        let accepted = listing.find("c0 accepted").expect("the input is shown");
        let alarm = listing.rfind("✗ The broker panics: ").expect("it is red");
        assert!(accepted < alarm, "{listing}");
    }
}
