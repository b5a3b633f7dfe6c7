//! `cargo sim`: runs, replays, draws and breaks what `rejoin-sim` simulates.

mod command;

use std::io::{self, ErrorKind};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Searches rejoin for races.
#[derive(Debug, Parser)]
#[command(name = "cargo sim", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Explores every interleaving of a few connections.
    Exhaust(command::exhaust::Args),
    /// Draws a run: as a page for a browser, or as text.
    Explain(command::explain::Args),
    /// Plants bugs in a copy of the source, and shows which check finds each.
    Plant(command::plant::Args),
    /// Lets random steps happen to the broker, the hub or the driver.
    Random(command::random::Args),
    /// Simulates the whole server on a network, once for each seed.
    Run(command::run::Args),
    /// Prints what happens in a simulation or in a record of a server.
    Replay(command::replay::Args),
}

fn main() -> ExitCode {
    let result = match Args::parse().command {
        Command::Exhaust(args) => command::exhaust::run(&args),
        Command::Explain(args) => command::explain::run(&args),
        Command::Plant(args) => command::plant::run(&args),
        Command::Random(args) => command::random::run(&args),
        Command::Run(args) => command::run::run(&args),
        Command::Replay(args) => command::replay::run(&args),
    };
    result.unwrap_or_else(|error| {
        // Whoever reads what is said may stop reading.
        let io = error.downcast_ref::<io::Error>();
        if io.is_none_or(|error| error.kind() != ErrorKind::BrokenPipe) {
            eprintln!("cargo sim: {error}");
        }
        ExitCode::from(2)
    })
}
