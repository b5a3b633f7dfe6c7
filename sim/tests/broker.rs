//! Random steps against the real broker.

mod common;

use proptest::prelude::*;

use common::{MOST_PHRASES, runs};
use rejoin_sim::probe::{Probe, Probes};
use rejoin_sim::search::run;
use rejoin_sim::setting::{SETTINGS, setting};
use rejoin_sim::strategy::steps;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn whatever_happens_the_nine_statements_hold(
        index in 0..SETTINGS,
        steps in steps(MOST_PHRASES),
    ) {
        let ran = run(&setting(index), &steps, &mut Probes::default());
        prop_assert!(ran.is_ok(), "{}", ran.unwrap_err());
    }
}

#[test]
fn the_rare_paths_are_reached() {
    let mut probes = Probes::default();
    runs(|number, steps| {
        probes.start();
        let ran = run(&setting(number), steps, &mut probes);
        assert_eq!(ran, Ok(()), "run {number}: {steps:?}");
    });
    for probe in Probe::all() {
        println!("{:>7} {probe}", probes.count(probe));
    }
    let missed = probes.missed();
    let missed: Vec<_> = missed
        .filter(|probe| probe.is_within_reach_of_the_broker())
        .collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
}
