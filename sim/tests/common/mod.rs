//! What the random searches share.

use proptest::prelude::ProptestConfig;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};

use rejoin_sim::Step;
use rejoin_sim::strategy::steps;

/// How many phrases a run has at most.
pub(crate) const MOST_PHRASES: usize = 80;

/// How many runs it takes to get everywhere, and several times so.
const RUNS: usize = 512;

/// Does the same random runs each time, by their number.
pub(crate) fn runs(mut run: impl FnMut(usize, &[Step])) {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(ProptestConfig::default(), rng);
    for number in 0..RUNS {
        let steps = steps(MOST_PHRASES).new_tree(&mut runner);
        run(number, &steps.expect("nothing is filtered").current());
    }
}
