//! `cargo load draw`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use rejoin_load::picture;
use rejoin_load::report::Report;

use super::write;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What compare wrote with --json.
    #[arg(value_name = "COMPARED")]
    compared: PathBuf,

    /// What curve wrote with --json.
    #[arg(value_name = "CURVES")]
    curves: Option<PathBuf>,

    /// File for the picture, as SVG.
    #[arg(long, value_name = "FILE")]
    svg: PathBuf,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let compared = read(&args.compared)?;
    let curves = args.curves.as_deref().map(read).transpose()?;
    write(&args.svg, picture::draw(&compared, curves.as_ref()))
}

fn read(file: &Path) -> Result<Report> {
    let text =
        fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no report", file.display()))
}
