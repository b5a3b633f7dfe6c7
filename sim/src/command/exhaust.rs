//! `cargo sim exhaust`.

use std::error::Error;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    Err("not there yet".into())
}
