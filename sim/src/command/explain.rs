//! `cargo sim explain`.

use std::error::Error;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use rejoin_sim::setting::{SETTINGS, setting};
use rejoin_sim::trace::{self, Trace};
use rejoin_sim::{Step, explain, strategy};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The seed of the run.
    seed: u64,
    /// Writes a page for a browser to FILE; without it, text goes to the standard output.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// The configuration, by number.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u8).range(..SETTINGS as i64))]
    setting: u8,
    /// How many phrases the run may have, each of a few steps.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(..=10_000))]
    phrases: u16,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let trace = alone(args);
    match &args.html {
        Some(file) => std::fs::write(file, explain::html(&trace))?,
        None => print(&trace)?,
    }
    Ok(ExitCode::from(u8::from(trace.is_broken())))
}

/// A run of the broker alone, through random steps.
fn alone(args: &Args) -> Trace {
    let mut trace = trace::of_steps(&setting(args.setting.into()), &steps(args));
    trace.title = format!(
        "cargo sim explain {} --setting {} --phrases {}",
        args.seed, args.setting, args.phrases
    );
    trace
}

fn steps(args: &Args) -> Vec<Step> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&args.seed.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let steps = strategy::steps(args.phrases.into());
    let tree = steps.new_tree(&mut runner);
    tree.expect("the strategy rejects nothing").current()
}

fn print(trace: &Trace) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let text = explain::text(trace, stdout.is_terminal());
    match stdout.write_all(text.as_bytes()) {
        // Who pages through the text may stop reading.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
