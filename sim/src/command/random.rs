//! `cargo sim random`.

use std::error::Error;
use std::fmt;
use std::io;
use std::process::ExitCode;

use clap::ValueEnum;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rejoin_sim::network::simulate;
use rejoin_sim::panics::hear;
use rejoin_sim::plan::{BrokerOn, BrokerPlan, Plan};
use rejoin_sim::plural::count;
use rejoin_sim::probe::Probes;
use rejoin_sim::search::{Failure, Wrong};
use rejoin_sim::setting::{SETTINGS, network, setting};
use rejoin_sim::shrink::{shrink_plan, shrink_steps};
use rejoin_sim::{Step, frames, search, strategy};

use super::{save, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What the steps happen to.
    #[arg(value_enum)]
    to: To,

    /// How many cases.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    cases: u32,

    /// The seed of the first case; each has the one after that of the case before.
    #[arg(long, default_value_t = 0)]
    seed: u64,

    /// Only say which case fails, not the shortest that does.
    #[arg(long)]
    no_shrink: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum To {
    /// The broker alone.
    Broker,
    /// The hub, with lines in and frames out.
    Hub,
    /// The driver, on streams in memory that break.
    Driver,
}

impl fmt::Display for To {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broker => "broker",
            Self::Hub => "hub",
            Self::Driver => "driver",
        })
    }
}

/// How many phrases a case has at most.
const MOST_PHRASES: usize = 80;

pub(crate) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    for number in 0..args.cases {
        let seed = args.seed.wrapping_add(number.into());
        let case = Case::draw(args.to, seed);
        if let Some(found) = case.fails() {
            say!("case {number} fails {}", found.says)?;
            if !args.no_shrink {
                case.shrunk(found.statement).show(seed)?;
            }
            say!(
                "find it again: cargo sim random {} --seed {seed} --cases 1",
                args.to
            )?;
            return Ok(ExitCode::FAILURE);
        }
    }
    let (cases, seed) = (count(args.cases.into(), "case"), args.seed);
    say!("{cases} from seed {seed} on, and nothing was found")?;
    Ok(ExitCode::SUCCESS)
}

/// What one run is made from.
enum Case {
    Broker(usize, Vec<Step>),
    Hub(usize, Vec<Step>),
    Driver(Plan),
}

impl Case {
    fn draw(to: To, seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let index = (seed % SETTINGS as u64) as usize;
        let steps = strategy::steps(MOST_PHRASES);
        match to {
            To::Broker => Self::Broker(index, draw(&steps, &mut runner)),
            To::Hub => Self::Hub(index, draw(&steps, &mut runner)),
            To::Driver => Self::Driver(draw(&strategy::plan(MOST_PHRASES), &mut runner)),
        }
    }

    /// How it fails, if it does.
    fn fails(&self) -> Option<Found> {
        let probes = &mut Probes::default();
        let found = |failure: Failure| Found {
            statement: failure.wrongs.first().and_then(Wrong::statement),
            says: failure.to_string(),
        };
        caught(|| match self {
            Self::Broker(index, steps) => {
                let ran = search::run(&setting(*index), steps, probes);
                ran.err().map(found)
            }
            Self::Hub(index, steps) => {
                let ran = frames::run(&network(*index), steps, probes);
                ran.err().map(found)
            }
            Self::Driver(plan) => {
                let violations = simulate(plan, false).violations;
                violations.first().map(|violation| Found {
                    statement: Some(violation.statement),
                    says: violation.to_string(),
                })
            }
        })
    }

    /// The shortest that can be had by leaving things out, and still fails in the same way.
    fn shrunk(self, statement: Option<u8>) -> Self {
        let alike = |case: &Self| case.fails().is_some_and(|f| f.statement == statement);
        match self {
            Self::Broker(index, steps) => {
                let on = |index, steps: &[_]| alike(&Self::Broker(index, steps.to_vec()));
                let index = if on(0, &steps) { 0 } else { index };
                Self::Broker(index, shrink_steps(steps, |steps| on(index, steps)))
            }
            Self::Hub(index, steps) => {
                let on = |index, steps: &[_]| alike(&Self::Hub(index, steps.to_vec()));
                let index = if on(0, &steps) { 0 } else { index };
                Self::Hub(index, shrink_steps(steps, |steps| on(index, steps)))
            }
            Self::Driver(plan) => {
                let fails = |plan: &Plan| alike(&Self::Driver(plan.clone()));
                Self::Driver(shrink_plan(plan, fails))
            }
        }
    }

    /// Says what it is made from, and how it fails.
    fn show(&self, seed: u64) -> io::Result<()> {
        say!("the shortest that still does:")?;
        match self {
            Self::Broker(_, steps) | Self::Hub(_, steps) => print(steps)?,
            Self::Driver(plan) => print(&plan.actions)?,
        }
        if let Some(found) = self.fails() {
            say!("fails {}", found.says)?;
        }
        match self {
            Self::Broker(index, steps) => {
                let (on, steps) = (BrokerOn::Setting(*index as u8), steps.clone());
                let plan = BrokerPlan { on, steps };
                save(&plan.to_file(), &format!("broker-{seed}.plan"))
            }
            Self::Driver(plan) => save(&plan.to_file(), &format!("driver-{seed}.plan")),
            // Its lines and frames are drawn by a network alone.
            Self::Hub(..) => Ok(()),
        }
    }
}

fn print(steps: &[impl fmt::Display]) -> io::Result<()> {
    for step in steps {
        say!("  {step}")?;
    }
    Ok(())
}

/// How a case fails.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Found {
    /// The statement that it breaks first, unless it panics.
    statement: Option<u8>,
    says: String,
}

/// What was found, a panic included.
fn caught(find: impl FnOnce() -> Option<Found>) -> Option<Found> {
    hear(find).unwrap_or_else(|panic| {
        let (statement, says) = (None, format!("by a panic\n  {panic}"));
        Some(Found { statement, says })
    })
}

fn draw<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    let tree = strategy.new_tree(runner);
    tree.expect("the strategy rejects nothing").current()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_find() {
        let says = |found: Option<Found>| found.map(|found| found.says);
        let so = Found {
            statement: Some(1),
            says: "so".to_owned(),
        };
        assert_eq!(caught(|| None), None);
        assert_eq!(caught(|| Some(so.clone())), Some(so));
        let found = says(caught(|| panic!("so"))).expect("it is a find");
        assert!(found.starts_with("by a panic\n  so, at "), "{found}");
    }

    #[test]
    fn a_seed_gives_one_case_and_the_next_gives_another() {
        let steps = |seed| match Case::draw(To::Hub, seed) {
            Case::Hub(index, steps) => (index, steps),
            Case::Broker(..) | Case::Driver(_) => unreachable!("it is for the hub"),
        };
        assert_eq!(steps(5), steps(5));
        assert_ne!(steps(5), steps(6));
    }
}
