//! `cargo sim replay`.

use std::error::Error;
use std::process::ExitCode;

use super::explain::print;
use super::source;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A seed, the file of a plan, or a record that a server made.
    #[arg(value_name = "SEED|FILE")]
    what: String,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let (trace, remark) = source::open(&args.what)?;
    print(&trace)?;
    let mut is_bad = trace.is_broken();
    if let Some(remark) = remark {
        println!("{}", remark.says);
        is_bad |= remark.is_bad;
    }
    Ok(ExitCode::from(u8::from(is_bad)))
}
