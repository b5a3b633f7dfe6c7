//! `cargo sim explain`.

use std::error::Error;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use rejoin_sim::explain::{self, Rows};
use rejoin_sim::trace::Trace;

use super::source;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A seed, the file of a plan, or a record that a server made.
    #[arg(value_name = "SEED|FILE")]
    what: String,

    /// Shows each event, also numerics, repeated faults, and stretches in which nothing happens.
    #[arg(long)]
    all: bool,

    /// Writes a page for a browser to FILE; without it, text goes to the standard output.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let trace = source::open(&args.what)?;
    let rows = rows(args.all);
    match &args.html {
        Some(file) => std::fs::write(file, explain::html(&trace, rows))
            .map_err(|error| format!("{}: {error}", file.display()))?,
        None => print(|is_terminal| explain::text(&trace, rows, is_terminal))?,
    }
    Ok(verdict(&trace))
}

/// What has a row of its own.
pub(super) const fn rows(all: bool) -> Rows {
    if all { Rows::All } else { Rows::Folded }
}

/// How the command ends that has shown a trace.
pub(super) fn verdict(trace: &Trace) -> ExitCode {
    ExitCode::from(u8::from(trace.is_broken()))
}

/// Prints a text that depends on whether it goes to a terminal.
pub(super) fn print(text: impl FnOnce(bool) -> String) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let text = text(stdout.is_terminal());
    match stdout.write_all(text.as_bytes()) {
        // Who pages through the text may stop reading.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
