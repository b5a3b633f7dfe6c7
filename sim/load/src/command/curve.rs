//! `cargo load curve`.

use anyhow::Result;
use rejoin_load::report::Report;
use rejoin_load::scenario::{Effort, Scenario};
use rejoin_load::server::Kind;

use super::{Common, Plan, Source, measure};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    common: Common,
}

/// Bytes of a text, where that is what changes.
const SIZES: [usize; 5] = [20, 100, 400, 1_000, 4_000];

pub(crate) fn run(args: &Args) -> Result<()> {
    let effort = args.common.effort();
    let mut points: Vec<(Scenario, Effort)> = Vec::new();
    for peers in [10, 100, 1_000, 10_000] {
        points.push((Scenario::Direct { pairs: peers / 2 }, effort));
    }
    for rooms in [1, 10, 100, 1_000] {
        points.push((Scenario::FanOut { rooms, members: 10 }, effort));
    }
    for members in [2, 10, 100, 1_000, 5_000] {
        points.push((Scenario::FanOut { rooms: 1, members }, effort));
    }
    for text_bytes in SIZES {
        let sized = Effort {
            text_bytes,
            ..effort
        };
        points.push((Scenario::Direct { pairs: 8 }, sized));
    }
    let plans = points.iter().flat_map(|&(scenario, effort)| {
        [Kind::Relay, Kind::Rejoin].map(|kind| Plan {
            source: Source::Started(kind),
            scenario,
            effort,
        })
    });
    let plans: Vec<_> = plans.collect();
    let rows = measure(&plans, args.common.rounds, &args.common.arguments)?;
    let report = Report::new(rows);
    print!("{}", report.table());
    args.common.write(&report)
}
