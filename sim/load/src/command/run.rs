//! `cargo load run`.

use std::net::SocketAddr;

use anyhow::Result;
use rejoin_load::dialect::Dialect;
use rejoin_load::report::Report;
use rejoin_load::scenario::{Scenario, Target};
use rejoin_load::server::Kind;

use super::{Common, Plan, Source, measure};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to measure: direct:PAIRS, among:PAIRS:IDLE, fan-out:MEMBERS:ROOMS, paced:RATE:PAIRS,
    /// idle:PEERS, churn:AT-ONCE, storm:PEERS:MAIL or slow:MESSAGES.
    #[arg(value_name = "SCENARIO", default_values = STANDARD)]
    scenarios: Vec<Scenario>,

    /// Servers to start; the raw relay is the measure.
    #[arg(long, value_name = "SERVER", value_delimiter = ',')]
    #[arg(default_values = ["relay", "rejoin", "rejoin-irc"])]
    servers: Vec<Kind>,

    /// A server that runs already, instead of rejoin.
    #[arg(long, value_name = "HOST:PORT")]
    at: Option<SocketAddr>,

    /// What that server speaks.
    #[arg(long, value_name = "DIALECT", default_value = "plain")]
    speaks: Dialect,

    /// The process of that server, whose CPU and memory are then measured, too.
    #[arg(long)]
    pid: Option<u32>,

    #[command(flatten)]
    common: Common,
}

/// What is measured by default.
pub(super) const STANDARD: [&str; 13] = [
    "direct:1",
    "direct:8",
    "direct:64",
    "among:8:5000",
    "fan-out:100",
    "fan-out:1000",
    "paced:2000:8",
    "idle:5000",
    "churn:64",
    "storm:5000:10",
    "slow:300000",
    "direct:1000",
    "fan-out:10:100",
];

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut sources: Vec<_> = args.servers.iter().copied().map(Source::Started).collect();
    if let Some(address) = args.at {
        let target = Target {
            address,
            dialect: args.speaks,
            pid: args.pid,
        };
        sources = vec![Source::Started(Kind::Relay), Source::Running(target)];
    }
    let effort = args.common.effort();
    let plans = args.scenarios.iter().flat_map(|&scenario| {
        let sources = sources.iter().filter(move |source| source.is_for(scenario));
        sources.map(move |&source| Plan {
            source,
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
