//! Random plans against the hub, with lines in and frames out, and against the driver, on streams
//! in memory.

mod common;

use proptest::prelude::*;

use common::{MOST_PHRASES, runs};
use rejoin_sim::frames;
use rejoin_sim::network::simulate;
use rejoin_sim::probe::{Path, Probe, Probes};
use rejoin_sim::setting::{SETTINGS, network};
use rejoin_sim::strategy::{plan, steps};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

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
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_breaks_the_driver_keeps_its_word(plan in plan(MOST_PHRASES)) {
        let outcome = simulate(&plan, false);
        prop_assert!(outcome.violations.is_empty(), "{:?}", outcome.violations);
    }
}

#[test]
fn the_rare_paths_of_irc_are_reached_by_lines() {
    let mut probes = Probes::default();
    runs(|number, steps| {
        let ran = frames::run(&network(number), steps, &mut probes);
        assert_eq!(ran, Ok(()), "run {number}: {steps:?}");
    });
    for path in [
        Path::AnswerLost,
        Path::TakeoverUnanswered,
        Path::NeverAnswers,
        Path::RenameRefused,
        Path::RenameWithMail,
        Path::LoginAfterRename,
        Path::LabelAtTheEnd,
        Path::DismissedOnline,
        Path::DismissedLeaving,
        Path::DismissedAway,
        Path::KillRefused,
    ] {
        let count = probes.count(Probe::Path(path));
        println!("{count:>7} {path:?}");
        assert_ne!(count, 0, "{path:?} was never reached");
    }
}
