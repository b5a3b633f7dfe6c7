//! `cargo sim random`.

use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use clap::ValueEnum;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rejoin_sim::network::simulate;
use rejoin_sim::plan::Plan;
use rejoin_sim::plural::count;
use rejoin_sim::probe::Probes;
use rejoin_sim::setting::{SETTINGS, network, setting};
use rejoin_sim::shrink::shrink;
use rejoin_sim::{Step, frames, search, strategy};

use super::save;

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
    keep_panics_quiet();
    for number in 0..args.cases {
        let seed = args.seed.wrapping_add(number.into());
        let case = Case::draw(args.to, seed);
        if let Some(found) = case.fails() {
            println!("case {number} fails {found}");
            if !args.no_shrink {
                case.shrunk().show(seed);
            }
            println!(
                "find it again: cargo sim random {} --seed {seed} --cases 1",
                args.to
            );
            return Ok(ExitCode::FAILURE);
        }
    }
    let (cases, seed) = (count(args.cases.into(), "case"), args.seed);
    println!("{cases} from seed {seed} on, and nothing was found");
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
    fn fails(&self) -> Option<String> {
        let probes = &mut Probes::default();
        caught(|| match self {
            Self::Broker(index, steps) => search::run(&setting(*index), steps, probes)
                .err()
                .map(|failure| failure.to_string()),
            Self::Hub(index, steps) => frames::run(&network(*index), steps, probes)
                .err()
                .map(|failure| failure.to_string()),
            Self::Driver(plan) => {
                let violations = simulate(plan, false).violations;
                violations.first().map(ToString::to_string)
            }
        })
    }

    /// The shortest that can be had by leaving steps out, and still fails.
    fn shrunk(self) -> Self {
        match self {
            Self::Broker(index, steps) => {
                let fails = |steps: &[_]| Self::Broker(index, steps.to_vec()).fails().is_some();
                Self::Broker(index, shrink(steps, fails))
            }
            Self::Hub(index, steps) => {
                let fails = |steps: &[_]| Self::Hub(index, steps.to_vec()).fails().is_some();
                Self::Hub(index, shrink(steps, fails))
            }
            Self::Driver(plan) => {
                let with = |actions| {
                    Self::Driver(Plan {
                        actions,
                        ..plan.clone()
                    })
                };
                let fails = |actions: &[_]| with(actions.to_vec()).fails().is_some();
                with(shrink(plan.actions.clone(), fails))
            }
        }
    }

    /// Says what it is made from, and how it fails.
    fn show(&self, seed: u64) {
        println!("the shortest that still does:");
        match self {
            Self::Broker(_, steps) | Self::Hub(_, steps) => print(steps),
            Self::Driver(plan) => print(&plan.actions),
        }
        println!("fails {}", self.fails().unwrap_or_default());
        if let Self::Driver(plan) = self {
            save(plan, &format!("driver-{seed}.plan"));
        }
    }
}

fn print(steps: &[impl fmt::Debug]) {
    for step in steps {
        println!("  {step:?}");
    }
}

/// The last panic.
static PANIC: Mutex<Option<String>> = Mutex::new(None);

/// Panics are finds, and what is made shorter panics often: none is shown as it comes.
fn keep_panics_quiet() {
    set_hook(Box::new(|info| {
        let mut last = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(info.to_string());
    }));
}

/// What was found, and the panic behind it, if there was one.
fn caught(find: impl FnOnce() -> Option<String>) -> Option<String> {
    let found = catch_unwind(AssertUnwindSafe(find));
    let mut last = PANIC.lock().unwrap_or_else(PoisonError::into_inner);
    let panic = last.take();
    let found = found.unwrap_or_else(|_| Some("by a panic".to_owned()))?;
    Some(panic.map_or(found.clone(), |panic| format!("{found}\n  {panic}")))
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
        assert_eq!(caught(|| None), None);
        assert_eq!(caught(|| Some("so".to_owned())), Some("so".to_owned()));
        assert_eq!(caught(|| panic!("so")), Some("by a panic".to_owned()));
        keep_panics_quiet();
        let found = caught(|| panic!("so")).expect("it is a find");
        assert!(found.starts_with("by a panic\n  panicked at "), "{found}");
        assert!(found.ends_with("so"), "{found}");
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
