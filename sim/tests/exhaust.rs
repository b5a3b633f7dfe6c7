//! Every interleaving of a few connections, as far as a test has time for.

use std::num::NonZeroUsize;

use rejoin_sim::exhaust::{Limits, Progress, Universe, search};
use rejoin_sim::plan::BrokerPlan;

const JOBS: NonZeroUsize = NonZeroUsize::new(2).expect("two is not zero");

/// Searches a universe to a depth, or to the end, and prints how much that was.
fn explore(universe: Universe, depth: u32) -> bool {
    let limits = Limits {
        depth,
        states: 10_000_000,
    };
    let progress = searched(universe, limits);
    println!("{universe:?}: {progress:?}");
    progress.complete
}

#[test]
fn two_names_and_three_connections() {
    explore(Universe::TWO_NAMES, 8);
}

#[test]
fn three_names_and_two_connections() {
    explore(Universe::THREE_NAMES, 8);
}

/// Who comes, waits, takes over, leaves, is away and returns: every run, of any length.
#[test]
fn two_names_and_three_connections_without_a_word_to_the_end() {
    let universe = silent(Universe::TWO_NAMES);
    assert!(explore(universe, u32::MAX), "there are more states");
}

#[test]
fn three_names_and_two_connections_without_a_word_to_the_end() {
    let universe = silent(Universe::THREE_NAMES);
    assert!(explore(universe, u32::MAX), "there are more states");
}

#[test]
fn messages_to_oneself_to_the_end() {
    let universe = Universe {
        names: 1,
        connections: 2,
        ..Universe::TWO_NAMES
    };
    assert!(explore(universe, u32::MAX), "there are more states");
}

#[test]
fn names_that_change_while_somebody_is_spoken_to() {
    let universe = Universe {
        messages: 2,
        ..Universe::RENAMES
    };
    explore(universe, 8);
}

/// Somebody takes the name that another has just left, or is refused one that another has just
/// taken.
#[test]
fn names_that_change_without_a_word_to_the_end() {
    assert!(
        explore(Universe::RENAMES, u32::MAX),
        "there are more states"
    );
}

#[test]
fn no_more_states_are_remembered_than_asked_for() {
    let universe = Universe {
        names: 1,
        connections: 2,
        ..silent(Universe::TWO_NAMES)
    };
    let remembered = |states| {
        let depth = u32::MAX;
        let limits = Limits { depth, states };
        searched(universe, limits)
    };
    let all = remembered(usize::MAX);
    assert!(all.complete);
    assert_eq!(remembered(all.states), all);
    for states in [1, 2, 100, all.states - 1] {
        let progress = remembered(states);
        assert_eq!((progress.states, progress.complete), (states, false));
    }
}

fn searched(universe: Universe, limits: Limits) -> Progress {
    let searched = search(universe, limits, JOBS, |_| {});
    searched.unwrap_or_else(|find| panic!("{find}\n{}", BrokerPlan::from(&*find).to_file()))
}

fn silent(universe: Universe) -> Universe {
    Universe {
        rooms: 0,
        messages: 0,
        ..universe
    }
}
