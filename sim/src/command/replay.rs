//! `cargo sim replay`.

use std::error::Error;
use std::process::ExitCode;

use rejoin_sim::explain;

use super::explain::{print, rows, verdict};
use super::source;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A seed, the file of a plan, or a record that a server made.
    #[arg(value_name = "SEED|FILE")]
    what: String,

    /// Shows each event, also numerics, repeated faults, and stretches in which nothing happens.
    #[arg(long)]
    all: bool,

    /// Prints everything that is known of each event, as the program holds it.
    #[arg(long)]
    full: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let trace = source::open(&args.what)?;
    let rows = rows(args.all);
    if args.full {
        print(|_| format!("{trace:#?}\n"))?;
    } else {
        print(|is_terminal| explain::text(&trace, rows, is_terminal))?;
    }
    Ok(verdict(&trace))
}
