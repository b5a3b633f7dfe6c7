//! Random plans against the hub, with lines in and frames out, and against the driver, on streams
//! in memory.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use rejoin_sim::frames;
use rejoin_sim::network::{On, simulate_on};
use rejoin_sim::probe::{Path, Probe, Probes};
use rejoin_sim::setting::{SETTINGS, network};
use rejoin_sim::strategy::{plan, steps};

/// How many phrases a run has at most.
const MOST_PHRASES: usize = 80;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        // A find becomes a unit test with a name: a seed is void once the strategy changes.
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(1_024))]

    #[test]
    fn whatever_lines_come_the_hub_keeps_its_word(
        index in 0..SETTINGS,
        steps in steps(MOST_PHRASES),
    ) {
        let ran = frames::run(&network(index), &steps, &mut Probes::default());
        prop_assert!(ran.is_ok(), "{}", ran.unwrap_err());
    }
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn whatever_breaks_the_driver_keeps_its_word(plan in plan(MOST_PHRASES)) {
        let outcome = simulate_on(On::Memory, &plan, false);
        prop_assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    }
}

/// How many runs it takes to get everywhere, and several times so.
const RUNS: usize = 512;

#[test]
fn the_rare_paths_of_irc_are_reached_by_lines() {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    let mut probes = Probes::default();
    for index in 0..RUNS {
        let steps = steps(MOST_PHRASES).new_tree(&mut runner);
        let steps = steps.expect("nothing is filtered").current();
        let ran = frames::run(&network(index), &steps, &mut probes);
        assert_eq!(ran, Ok(()), "run {index}: {steps:?}");
    }
    for path in [
        Path::AnswerLost,
        Path::TakeoverUnanswered,
        Path::NeverAnswers,
        Path::RenameRefused,
        Path::RenameWithMail,
        Path::LoginAfterRename,
    ] {
        let count = probes.count(Probe::Path(path));
        println!("{count:>7} {path:?}");
        assert_ne!(count, 0, "{path:?} was never reached");
    }
}
