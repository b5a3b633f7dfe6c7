//! Random steps against the real broker.

mod common;

use proptest::prelude::*;

use common::{MOST_PHRASES, runs};
use rejoin_sim::probe::{Probe, Probes};
use rejoin_sim::search::run;
use rejoin_sim::setting::{SETTINGS, setting};
use rejoin_sim::step::{Step, Until};
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

/// Both have the same secret, and the second is away when its time runs out.
#[test]
fn whoever_first_had_a_name_is_replaced_once_its_later_bearer_has_expired() {
    let (conn, secret) = (0, Some(0));
    let log_in = |name| [Step::Accept, Step::LogIn { conn, name, secret }];
    let [accept, comes_back] = log_in(0);
    let steps = [
        &log_in(0)[..],
        &[Step::Rename { conn, name: 1 }],
        &log_in(2),
        &[Step::Rename { conn, name: 0 }],
        &[Step::WriterFinishes { conn, written: 0 }, accept],
        &[Step::Wait {
            until: Until::Deadline,
            tick: false,
        }],
        &[comes_back],
    ];
    for index in 0..SETTINGS {
        let ran = run(&setting(index), &steps.concat(), &mut Probes::default());
        assert!(ran.is_ok(), "{}", ran.unwrap_err());
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
