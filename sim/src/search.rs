//! One run: steps, the world that they happen to, and everything that judges it.

use std::fmt;

use rejoin::Config;

use crate::invariants::{Invariants, Violation, determinism};
use crate::moment::Moment;
use crate::plural::count;
use crate::probe::Probes;
use crate::step::Step;
use crate::world::World;

/// Why a run has failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// How many steps were taken before the one that failed; all of them, if it was the end.
    pub step: usize,
    /// What does not hold; at least one.
    pub violations: Vec<Violation>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "after {}", count(self.step as u64, "step"))?;
        for violation in &self.violations {
            write!(f, "\n  {violation}")?;
        }
        Ok(())
    }
}

/// Lets all steps happen, twice over, and then everything finish. After each step, all that always
/// holds is checked. Counts in `probes` what was reached.
///
/// # Errors
///
/// Tells the first step after which something does not hold.
pub fn run(config: &Config, steps: &[Step], probes: &mut Probes) -> Result<(), Failure> {
    let mut run = Run {
        first: World::new(config),
        second: World::new(config),
        invariants: Invariants::new(config),
        last: Moment::start(),
        probes,
    };
    for (index, step) in steps.iter().enumerate() {
        run.judge(index, |world| world.step(step))?;
    }
    run.judge(steps.len(), World::finish)?;
    fail(steps.len(), run.invariants.finish(&run.last))
}

struct Run<'a> {
    first: World,
    second: World,
    invariants: Invariants,
    last: Moment,
    probes: &'a mut Probes,
}

impl Run<'_> {
    fn judge(
        &mut self,
        step: usize,
        happen: impl Fn(&mut World) -> Vec<Moment>,
    ) -> Result<(), Failure> {
        let moments = happen(&mut self.first);
        let again = happen(&mut self.second);
        let first = (moments.as_slice(), self.first.broker());
        let second = (again.as_slice(), self.second.broker());
        let different = determinism::compare(first, second).err();
        fail(step, different.into_iter().collect())?;
        for moment in moments {
            self.probes.observe(&self.last.view, &moment);
            fail(step, self.invariants.observe(&moment))?;
            self.last = moment;
        }
        Ok(())
    }
}

fn fail(step: usize, violations: Vec<Violation>) -> Result<(), Failure> {
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Failure { step, violations })
    }
}
