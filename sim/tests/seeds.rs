//! The real driver on a simulated network, for a number of seeds.

use std::process::Command;

use rejoin::broker::Input;
use rejoin::net::Point;
use rejoin_sim::network::{Counts, simulate};
use rejoin_sim::plan::{Kind, Plan};
use rejoin_sim::probe::{Probe, Probes};
use rejoin_sim::trace::{Did, What};

/// How many it takes to get everywhere, and several times so.
const SEEDS: u64 = 1_000;

#[test]
fn whatever_breaks_nobody_is_lost_and_everybody_comes_back() {
    let (mut faults, mut probes) = (Counts::default(), Probes::default());
    for seed in 0..SEEDS {
        let outcome = simulate(&Plan::draw(seed), false);
        assert_eq!(outcome.violations, [], "replay it: cargo sim replay {seed}");
        faults.add(&outcome.faults);
        probes.add(&outcome.probes);
    }
    for kind in Kind::ALL {
        println!("{:>7} {kind:?}", faults.count(kind));
        assert_ne!(faults.count(kind), 0, "{kind:?} never took effect");
    }
    for point in Point::ALL {
        println!("{:>7} Yield at {point:?}", faults.count_at(point));
        assert_ne!(faults.count_at(point), 0, "nobody waited at {point:?}");
    }
    for probe in Probe::all().filter(|probe| probe.is_within_reach_of_the_driver()) {
        println!("{:>7} {probe}", probes.count(probe));
        assert_ne!(probes.count(probe), 0, "{probe} was never reached");
    }
}

#[test]
fn a_run_that_does_not_get_everywhere_fails_if_it_must() {
    for (demand, code) in [(&[][..], 0), (&["--demand-all"], 1)] {
        let mut run = Command::new(env!("CARGO_BIN_EXE_rejoin-sim"));
        run.args(["run", "--seeds", "0..1"]).args(demand);
        let output = run.output().expect("it can be run");
        assert_eq!(output.status.code(), Some(code));
        let says = String::from_utf8_lossy(&output.stdout);
        let missed = says
            .lines()
            .find_map(|line| line.strip_prefix("never came about: "));
        assert_eq!(missed.is_some(), code == 1, "{says}");
        // Nobody leaves a name to two others within one run.
        let names = |missed: &str| missed.contains("LogIn to GuestSucceeded with Nothing");
        assert!(missed.is_none_or(names), "{says}");
    }
}

#[test]
fn a_client_connects_before_it_is_accepted() {
    for seed in 0..4 {
        let trace = simulate(&Plan::draw(seed), true).trace;
        let (mut connects, mut accepted) = (0, 0);
        for entry in trace.expect("it was to be kept").entries {
            match entry.what {
                What::Client {
                    did: Did::Connected,
                    ..
                } => connects += 1,
                What::Moment(moment) => {
                    let is_one = matches!(moment.input(), Some(Input::Accepted { .. }));
                    accepted += u32::from(is_one);
                }
                What::Client { .. }
                | What::Fault { .. }
                | What::Restarted
                | What::Violated(_)
                | What::Panicked(_)
                | What::Differed(_) => {}
            }
            assert!(accepted <= connects, "seed {seed}");
        }
        assert!(accepted > 5, "seed {seed}");
    }
}

#[test]
fn a_client_that_does_not_answer_is_marked_once_for_each_question() {
    let (mut withheld, mut marked) = (0, 0);
    for seed in 0..40 {
        let outcome = simulate(&Plan::draw(seed), true);
        withheld += outcome.faults.count(Kind::Withhold);
        let entries = outcome.trace.expect("it was to be kept").entries;
        let marks = entries.iter().filter(|entry| match &entry.what {
            What::Fault { what, .. } => what.contains("how far it has read"),
            What::Moment(_)
            | What::Client { .. }
            | What::Restarted
            | What::Violated(_)
            | What::Panicked(_)
            | What::Differed(_) => false,
        });
        marked += marks.count() as u64;
    }
    assert_ne!(withheld, 0);
    assert_eq!(marked, withheld);
}
