//! `cargo sim random`.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use clap::ValueEnum;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use rejoin_sim::probe::Probes;
use rejoin_sim::setting::{SETTINGS, network, setting};
use rejoin_sim::{Step, frames, search, strategy};

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
}

/// How many phrases a run has at most.
const MOST_PHRASES: usize = 80;

pub(crate) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = strategy::steps(MOST_PHRASES);
    for case in 0..args.cases {
        let tree = strategy.new_tree(&mut runner);
        let steps = tree.expect("the strategy rejects nothing").current();
        if let Some(found) = find(args.to, case, &steps) {
            println!("case {case} fails {found}");
            return Ok(ExitCode::FAILURE);
        }
    }
    println!("{} cases, and nothing was found", args.cases);
    Ok(ExitCode::SUCCESS)
}

fn find(to: To, case: u32, steps: &[Step]) -> Option<String> {
    let index = usize::try_from(case).expect("there are few") % SETTINGS;
    let mut probes = Probes::default();
    let ran = catch_unwind(AssertUnwindSafe(|| match to {
        To::Broker => search::run(&setting(index), steps, &mut probes),
        To::Hub => frames::run(&network(index), steps, &mut probes),
    }));
    match ran {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(failure.to_string()),
        Err(_) => Some("by a panic".to_owned()),
    }
}
