//! `cargo load check`.

use std::time::Duration;

use anyhow::Result;
use rejoin_load::scenario::{Effort, Scenario};
use rejoin_load::server::Kind;

use super::{Plan, Source, measure};

/// Every scenario, small.
const SMALL: [&str; 10] = [
    "direct:3",
    "among:2:50",
    "fan-out:20",
    "fan-out:5:3",
    "paced:2000:3",
    "idle:50",
    "churn:8",
    "storm:200:3",
    "slow:200000",
    "direct:100",
];

pub(crate) fn run() -> Result<()> {
    let effort = Effort {
        warm_up: Duration::from_millis(50),
        measured: Duration::from_millis(250),
        text_bytes: 100,
        window: None,
    };
    let mut plans = Vec::new();
    for scenario in SMALL {
        let scenario: Scenario = scenario.parse().expect("it is one");
        for kind in [Kind::Relay, Kind::Rejoin, Kind::RejoinIrc] {
            let source = Source::Started(kind);
            if source.is_for(scenario) {
                plans.push(Plan {
                    source,
                    scenario,
                    effort,
                });
            }
        }
    }
    for row in measure(&plans, 1, &[])? {
        println!(
            "{:>9} checked: {} on {}",
            row.figures.count, row.scenario, row.server
        );
    }
    Ok(())
}
