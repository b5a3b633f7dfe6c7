//! The real driver on a simulated network, for a number of seeds.

use rejoin_sim::network::{Counts, simulate};
use rejoin_sim::plan::{Kind, Plan};
use rejoin_sim::probe::{Probe, Probes};

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
    let probes_in_reach = Probe::ALL.into_iter();
    for probe in probes_in_reach.filter(|probe| probe.is_within_reach_of_the_driver()) {
        println!("{:>7} {probe:?}", probes.count(probe));
        assert_ne!(probes.count(probe), 0, "{probe:?} was never reached");
    }
}
