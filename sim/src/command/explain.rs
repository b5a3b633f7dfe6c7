//! `cargo sim explain`.

use std::error::Error;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use rejoin_sim::explain;
use rejoin_sim::trace::Trace;

use super::source;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A seed, the file of a plan, or a record that a server made.
    #[arg(value_name = "SEED|FILE")]
    what: String,

    /// Writes a page for a browser to FILE; without it, text goes to the standard output.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let (trace, _) = source::open(&args.what)?;
    match &args.html {
        Some(file) => std::fs::write(file, explain::html(&trace))?,
        None => print(&trace)?,
    }
    Ok(ExitCode::from(u8::from(trace.is_broken())))
}

pub(super) fn print(trace: &Trace) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    let text = explain::text(trace, stdout.is_terminal());
    match stdout.write_all(text.as_bytes()) {
        // Who pages through the text may stop reading.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
