//! `cargo sim replay`.

use std::error::Error;
use std::process::ExitCode;

use rejoin_sim::network::simulate;
use rejoin_sim::plan::Plan;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The seed.
    seed: u64,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let outcome = simulate(&Plan::draw(args.seed), true);
    for entry in outcome.trace.iter().flat_map(|trace| &trace.entries) {
        println!("{:?} {:?}", entry.at, entry.what);
    }
    for violation in &outcome.violations {
        println!("{violation}");
    }
    Ok(ExitCode::from(u8::from(!outcome.violations.is_empty())))
}
