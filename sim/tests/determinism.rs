//! The gate before all other simulations: the same seed gives the same trace, byte for byte.

use std::process::Command;

use rejoin_sim::network::simulate;
use rejoin_sim::plan::Plan;

const SEEDS: u64 = 12;

fn trace(seed: u64) -> String {
    let outcome = simulate(&Plan::draw(seed), true);
    format!("{:#?}", outcome.trace.expect("it was to be kept"))
}

#[test]
fn the_same_seed_gives_the_same_trace_in_one_process() {
    for seed in 0..SEEDS {
        let (first, again) = (trace(seed), trace(seed));
        assert!(first.len() > 10_000, "seed {seed} has hardly a trace");
        assert!(first == again, "seed {seed} gives two traces");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace_in_two_processes() {
    for seed in 0..SEEDS {
        let replay = || {
            let mut replay = Command::new(env!("CARGO_BIN_EXE_rejoin-sim"));
            let output = replay
                .args(["replay", "--full", &seed.to_string()])
                .output();
            output.expect("it can be run").stdout
        };
        let (first, again) = (replay(), replay());
        assert!(first.len() > 10_000, "seed {seed} has hardly a trace");
        assert!(first == again, "seed {seed} gives two traces");
    }
}
