//! `cargo sim random`.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::ValueEnum;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rejoin_sim::network::{On, simulate_on};
use rejoin_sim::plural::count;
use rejoin_sim::probe::Probes;
use rejoin_sim::setting::{SETTINGS, network, setting};
use rejoin_sim::{frames, search, strategy};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What the steps happen to.
    #[arg(value_enum)]
    to: To,

    /// How many runs.
    #[arg(long, default_value_t = 2_000)]
    cases: u32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    /// The broker alone.
    Broker,
    /// The hub, with lines in and frames out.
    Hub,
    /// The driver, on streams in memory that break.
    Driver,
}

/// How many phrases a run has at most.
const MOST_PHRASES: usize = 80;

pub(crate) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for case in 0..args.cases {
        let found = catch_unwind(AssertUnwindSafe(|| find(args.to, case, &mut runner)));
        if let Some(found) = found.unwrap_or_else(|_| Some("by a panic".to_owned())) {
            println!("case {case} fails {found}");
            return Ok(ExitCode::FAILURE);
        }
    }
    let cases = count(args.cases.into(), "case");
    println!("{cases}, and nothing was found");
    Ok(ExitCode::SUCCESS)
}

fn find(to: To, case: u32, runner: &mut TestRunner) -> Option<String> {
    let index = usize::try_from(case).expect("there are few") % SETTINGS;
    let mut probes = Probes::default();
    let steps = strategy::steps(MOST_PHRASES);
    let ran = match to {
        To::Broker => search::run(&setting(index), &draw(&steps, runner), &mut probes),
        To::Hub => frames::run(&network(index), &draw(&steps, runner), &mut probes),
        To::Driver => {
            let plan = draw(&strategy::plan(MOST_PHRASES), runner);
            let violations = simulate_on(On::Memory, &plan, false).violations;
            return violations.first().map(ToString::to_string);
        }
    };
    ran.err().map(|failure| failure.to_string())
}

fn draw<S: Strategy>(strategy: &S, runner: &mut TestRunner) -> S::Value {
    let tree = strategy.new_tree(runner);
    tree.expect("the strategy rejects nothing").current()
}
