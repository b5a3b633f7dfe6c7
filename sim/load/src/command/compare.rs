//! `cargo load compare`.

use anyhow::Result;
use rejoin_load::report::Report;
use rejoin_load::scenario::Scenario;
use rejoin_load::server::Kind;

use super::run::STANDARD;
use super::{Common, Plan, Source, measure};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to measure, as for run.
    #[arg(value_name = "SCENARIO", default_values = STANDARD)]
    scenarios: Vec<Scenario>,

    #[command(flatten)]
    common: Common,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let effort = args.common.effort();
    let (there, missing): (Vec<_>, Vec<_>) = Kind::ALL
        .into_iter()
        .partition(|kind| kind.program().is_some());
    for kind in missing {
        eprintln!("{kind} is not installed, and left out");
    }
    let mut plans = Vec::new();
    for &scenario in &args.scenarios {
        let sources = there.iter().copied().map(Source::Started);
        plans.extend(
            sources
                .filter(|source| source.is_for(scenario))
                .map(|source| Plan {
                    source,
                    scenario,
                    effort,
                }),
        );
    }
    let rows = measure(&plans, args.common.rounds, &args.common.arguments)?;
    let report = Report::new(rows);
    print!("{}", report.table());
    args.common.write(&report)
}
