//! `cargo load`: measures rejoin, and what it is compared with.

mod command;

use std::env;
use std::net::SocketAddr;
use std::process::{self, ExitCode};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, Subcommand};

/// Loads chat servers, checks every delivery, and says what it cost.
#[derive(Debug, Parser)]
#[command(name = "cargo load", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures rejoin beside the raw relay.
    Run(command::run::Args),
    /// Measures every server that is installed, in turn.
    Compare(command::compare::Args),
    /// Measures what a delivery costs by how many there are of everything.
    Curve(command::curve::Args),
    /// Draws what compare and curve have measured.
    Draw(command::draw::Args),
    /// Plays attacks, and says what the innocent beside them feel.
    Attack(command::attack::Args),
    /// Runs every scenario shortly, and only checks the deliveries.
    Check,
    /// The raw relay itself.
    #[command(hide = true)]
    Relay {
        /// Where to listen.
        address: SocketAddr,
    },
}

fn main() -> ExitCode {
    match run(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    rlimit::increase_nofile_limit(u64::MAX).context("can't raise the limit of open files")?;
    if !matches!(command, Command::Draw(_) | Command::Relay { .. }) {
        build_rejoin()?;
    }
    match command {
        Command::Run(args) => command::run::run(&args),
        Command::Compare(args) => command::compare::run(&args),
        Command::Curve(args) => command::curve::run(&args),
        Command::Draw(args) => command::draw::run(&args),
        Command::Attack(args) => command::attack::run(&args),
        Command::Check => command::check::run(),
        Command::Relay { address } => rejoin_load::relay::run(address).context("can't relay"),
    }
}

/// Builds the server, if cargo runs this, so that it is the one of these sources.
fn build_rejoin() -> Result<()> {
    let Some(cargo) = env::var_os("CARGO") else {
        return Ok(());
    };
    let build = ["build", "--release", "--quiet", "--package", "rejoin"];
    let status = process::Command::new(cargo).args(build).status();
    ensure!(
        status.context("can't run cargo")?.success(),
        "rejoin can't be built"
    );
    Ok(())
}
