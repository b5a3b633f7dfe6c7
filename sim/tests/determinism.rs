//! The gate before all other simulations: the same seed gives the same trace, byte for byte.

use std::process::Command;

use rejoin_sim::network::simulate;
use rejoin_sim::plan::Plan;

const SEEDS: u64 = 12;

/// Whether nothing is found in a seed, and its trace.
fn trace(seed: u64) -> (bool, Vec<u8>) {
    let outcome = simulate(&Plan::draw(seed), true);
    let trace = format!("{:#?}", outcome.trace.expect("it was to be kept"));
    (outcome.violations.is_empty(), trace.into_bytes())
}

/// The same by another process.
fn replay(seed: u64) -> (bool, Vec<u8>) {
    let mut replay = Command::new(env!("CARGO_BIN_EXE_rejoin-sim"));
    let output = replay
        .args(["replay", "--full", &seed.to_string()])
        .output();
    let output = output.expect("it can be run");
    assert_ne!(output.status.code(), Some(2), "it can be replayed");
    (output.status.success(), output.stdout)
}

fn compare(trace: impl Fn(u64) -> (bool, Vec<u8>)) {
    for seed in 0..SEEDS {
        let ((is_well, first), again) = (trace(seed), trace(seed));
        // What is found ends a run early; that is for others to say.
        let is_whole = !is_well || first.len() > 10_000;
        assert!(is_whole, "seed {seed} has hardly a trace");
        assert!((is_well, first) == again, "seed {seed} gives two traces");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace_in_one_process() {
    compare(trace);
}

#[test]
fn the_same_seed_gives_the_same_trace_in_two_processes() {
    compare(replay);
}
