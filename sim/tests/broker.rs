//! Random steps against the real broker.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use rejoin_sim::probe::{Probe, Probes};
use rejoin_sim::search::run;
use rejoin_sim::setting::{SETTINGS, setting};
use rejoin_sim::strategy::steps;

/// How many phrases a run has at most.
const MOST_PHRASES: usize = 80;

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2_048,
        // A find becomes a unit test with a name: a seed is void once the strategy changes.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn whatever_happens_the_nine_statements_hold(
        index in 0..SETTINGS,
        steps in steps(MOST_PHRASES),
    ) {
        let ran = run(&setting(index), &steps, &mut Probes::default());
        prop_assert!(ran.is_ok(), "{}", ran.unwrap_err());
    }
}

/// How many runs it takes to get everywhere, and several times so.
const RUNS: usize = 512;

#[test]
fn the_rare_paths_are_reached() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let mut probes = Probes::default();
    for index in 0..RUNS {
        let steps = steps(MOST_PHRASES).new_tree(&mut runner);
        let steps = steps.expect("nothing is filtered").current();
        probes.start();
        let ran = run(&setting(index), &steps, &mut probes);
        assert_eq!(ran, Ok(()), "run {index}: {steps:?}");
    }
    for probe in Probe::all() {
        println!("{:>7} {probe}", probes.count(probe));
    }
    let missed = probes.missed();
    let missed: Vec<_> = missed
        .filter(|probe| probe.is_within_reach_of_the_broker())
        .collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
}
