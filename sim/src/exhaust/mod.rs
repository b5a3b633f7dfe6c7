//! Every interleaving of a few connections, shortest first.
//!
//! The states are those of the real [`Broker`](rejoin::broker::Broker) with a driver around it, and
//! they are searched breadth-first: the first violation that is found is one with the fewest steps.
//!
//! # What is bounded
//!
//! A [`Universe`] says how many names, rooms, connections *at once* and messages *at once* there
//! are. How many connections and messages there are one after another is not bounded: two states
//! that differ only in what they call their connections, messages and times are one, so that the
//! states are finite, although the runs through them are not. To the end of the state space hence
//! means: every run of any length within the universe.
//!
//! A connection without a reader says nothing more, but either half may finish twice, and the last
//! connection that is over may end once again. Time stands at each deadline, a microsecond before
//! and a microsecond after, and the broker is told at once or finds it out by its next input.
//! [`Universe::alphabet`] says which steps are left out since others amount to them.
//!
//! # What is judged
//!
//! All nine statements of [`broker`](rejoin::broker), on every step. The checkers in
//! [`invariants`](crate::invariants) judge histories and would be too slow; here each step is
//! judged by what was before and what is after.
//!
//! | statement | where |
//! | --- | --- |
//! | 1 | `compare`, and `Turn::farewell` |
//! | 2 | `Turn::late`, `stops`, `hears`, `concerns` |
//! | 3 | `Books::observe`, and `compare`: who leaves was told |
//! | 4, 5 | `Ledger`; `Turn::concerns` counts kept mail |
//! | 6 | `Turn::welcome`, `back`, `compare`; `Ledger::weigh` for mail |
//! | 7 | `compare`, `Turn::back` |
//! | 8 | `compare`; whenever nobody is there, the broker is as new |
//! | 9 | the way to each state is taken twice and must lead there; one step of sixteen is taken twice at once, and its effects compared |

mod books;
mod canon;
mod compare;
mod judge;
mod ledger;
mod reach;
mod retrace;
mod state;
mod tree;
mod universe;

#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::thread;

use rejoin::broker::Effects;

use crate::invariants::Violation;
use crate::moment::Act;
use crate::panics::hear;
use crate::plural::count;
use crate::search::Wrong;
use crate::step::Step;
use crate::words;
use judge::Show;
use state::{Order, State};
use tree::{Node, Tree};
use universe::Setup;

pub use reach::shortest_ways;
pub use retrace::retrace;
pub use universe::Universe;

/// When a search ends before it has seen everything.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// How many steps a run has at most.
    pub depth: u32,
    /// How many states are remembered, at least one: the search ends at one more. Each takes about
    /// 30 bytes.
    pub states: usize,
}

/// How far a search has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The states that were found.
    pub states: usize,
    /// The steps that were taken and judged.
    pub steps: u64,
    /// The number of steps in which every state so far can be reached.
    pub depth: u32,
    /// Whether there are no other states.
    pub complete: bool,
}

/// Something wrong, and the shortest way to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Find {
    /// Where.
    pub universe: Universe,
    /// The steps, the last of which goes wrong.
    pub steps: Vec<Step>,
    /// What is wrong.
    pub wrong: Wrong,
    /// How far the search had come.
    pub progress: Progress,
}

/// Searches a universe with so many threads, and tells `watch` now and then how far it has come.
/// What comes of it does not depend on their number.
///
/// # Errors
///
/// The first thing that is wrong. No other has fewer steps.
///
/// # Panics
///
/// If the universe is not small.
pub fn search(
    universe: Universe,
    limits: Limits,
    jobs: NonZeroUsize,
    watch: impl FnMut(Progress),
) -> Result<Progress, Box<Find>> {
    let setup = Setup::new(universe);
    let start = State::new(&setup.config);
    Search::new(setup, start, limits, jobs, watch).run()
}

struct Search<W> {
    setup: Setup,
    alphabet: Vec<Step>,
    tree: Tree,
    limits: Limits,
    /// Whether a state was left out, since there would have been too many.
    cut: bool,
    steps: u64,
    walkers: Vec<Walker>,
    watch: W,
}

/// How many states are expanded between two looks at the progress.
const LOOK: usize = 1 << 12;

/// Of so many steps one is taken twice at once, and all that comes of it compared.
const TWICE: usize = 16;

impl<W: FnMut(Progress)> Search<W> {
    fn new(setup: Setup, start: State, limits: Limits, jobs: NonZeroUsize, watch: W) -> Self {
        let mut tree = Tree::default();
        tree.insert(start.fingerprint(), Node::START);
        let alphabet = setup.universe.alphabet();
        assert!(
            alphabet.len() <= usize::from(u8::MAX),
            "a node has a byte for a step"
        );
        Self {
            setup,
            alphabet,
            tree,
            limits,
            cut: false,
            steps: 0,
            walkers: vec![Walker::new(start); jobs.get()],
            watch,
        }
    }

    fn run(&mut self) -> Result<Progress, Box<Find>> {
        let mut level = 0..1_usize;
        let mut depth = 0;
        while !level.is_empty() {
            if depth == self.limits.depth {
                return Ok(self.progress(depth, false));
            }
            for first in level.clone().step_by(LOOK) {
                let progress = self.progress(depth, false);
                (self.watch)(progress);
                self.expand(first..level.end.min(first + LOOK), depth)?;
                if self.cut {
                    return Ok(self.progress(depth, false));
                }
            }
            level = level.end..self.tree.len();
            depth += u32::from(!level.is_empty());
        }
        Ok(self.progress(depth, true))
    }

    fn progress(&self, depth: u32, complete: bool) -> Progress {
        Progress {
            states: self.tree.len(),
            steps: self.steps,
            depth,
            complete,
        }
    }

    /// Expands some states: each thread a part of them, as the tree stands now. What the threads
    /// have found is put in order afterwards.
    fn expand(&mut self, nodes: Range<usize>, depth: u32) -> Result<(), Box<Find>> {
        let part = nodes.len().div_ceil(self.walkers.len());
        let (setup, alphabet, tree) = (&self.setup, &self.alphabet, &self.tree);
        let parts = nodes.clone().step_by(part);
        let parts = parts.map(|first| first..nodes.end.min(first + part));
        let founds: Vec<_> = thread::scope(|scope| {
            let threads = self.walkers.iter_mut().zip(parts).map(|(walker, part)| {
                scope.spawn(move || walker.expand(setup, alphabet, tree, part))
            });
            let threads: Vec<_> = threads.collect();
            let founds = threads.into_iter().map(|thread| thread.join());
            founds
                .map(|found| found.expect("what panics is caught"))
                .collect()
        });
        for found in founds {
            self.steps += found.steps;
            for (fingerprint, way) in found.states {
                if self.tree.len() < self.limits.states {
                    self.tree.insert(fingerprint, way);
                } else {
                    self.cut |= !self.tree.contains(fingerprint);
                }
            }
            if let Some((steps, wrong)) = found.wrong {
                return Err(Box::new(Find {
                    universe: self.setup.universe,
                    steps: self.spell(&steps),
                    wrong,
                    progress: self.progress(depth, false),
                }));
            }
        }
        Ok(())
    }

    /// The steps with these indices.
    fn spell(&self, steps: &[u8]) -> Vec<Step> {
        let steps = steps.iter();
        steps
            .map(|&index| self.alphabet[usize::from(index)].clone())
            .collect()
    }
}

/// One thread of a search.
#[derive(Clone)]
struct Walker {
    /// The way to the state that was expanded last. Of all other states only the way is kept: one
    /// state takes thousands of bytes, and the next on a level is seldom far away.
    trail: Vec<(u32, State)>,
    effects: [Effects; 2],
}

/// What a walker has found.
#[derive(Default)]
struct Found {
    steps: u64,
    /// Those that the tree does not know, in the order found, and some more than once.
    states: Vec<(u64, Node)>,
    /// Something wrong, and the indices of the steps to it.
    wrong: Option<(Vec<u8>, Wrong)>,
}

impl Walker {
    fn new(start: State) -> Self {
        Self {
            trail: vec![(0, start)],
            effects: [Effects::new(), Effects::new()],
        }
    }

    /// Takes every step from some states, up to the first that goes wrong.
    fn expand(
        &mut self,
        setup: &Setup,
        alphabet: &[Step],
        tree: &Tree,
        nodes: Range<usize>,
    ) -> Found {
        let mut found = Found::default();
        for node in nodes {
            let node = u32::try_from(node).expect("there are fewer states");
            if let Err(wrong) = self.go_to(setup, alphabet, tree, node) {
                found.wrong = Some((tree.way(node), wrong));
                return found;
            }
            let (_, state) = self.trail.last().expect("the trail begins at the start");
            let order = state.order();
            for (index, step) in alphabet.iter().enumerate() {
                if !state.allows(setup, &order, step) {
                    continue;
                }
                found.steps += 1;
                let twice = (node as usize + index).is_multiple_of(TWICE);
                match take(setup, state, &order, step, &mut self.effects, twice) {
                    Ok(next) => {
                        let fingerprint = next.fingerprint();
                        if !tree.contains(fingerprint) {
                            let way = Node {
                                parent: node,
                                step: index as u8,
                            };
                            found.states.push((fingerprint, way));
                        }
                    }
                    Err(wrong) => {
                        let mut way = tree.way(node);
                        way.push(index as u8);
                        found.wrong = Some((way, wrong));
                        return found;
                    }
                }
            }
        }
        found
    }

    /// Takes the steps to a state again, from the last on the trail that lies on the way. They
    /// must lead to the same state as before.
    fn go_to(
        &mut self,
        setup: &Setup,
        alphabet: &[Step],
        tree: &Tree,
        node: u32,
    ) -> Result<(), Wrong> {
        let mut missing = Vec::new();
        let mut place = node;
        // Places grow along the way: what is newer than a place does not lie on the way to it.
        while let Some(&(last, _)) = self.trail.last()
            && last != place
        {
            if last > place {
                self.trail.pop();
            } else {
                missing.push(place);
                place = tree.node(place).parent;
            }
        }
        for place in missing.into_iter().rev() {
            let (_, before) = self.trail.last().expect("the trail begins at the start");
            let step = &alphabet[usize::from(tree.node(place).step)];
            let [effects, _] = &mut self.effects;
            let (next, _) = before.next(setup, &before.order(), step, effects);
            if next.fingerprint() != tree.fingerprint(place) {
                let wrong = violation(9, "the same steps lead to two states".to_owned());
                return Err(Wrong::Violated(wrong));
            }
            self.trail.push((place, next));
        }
        Ok(())
    }
}

/// Takes a step; `twice`, if it is to be compared with itself.
fn take(
    setup: &Setup,
    state: &State,
    order: &Order,
    step: &Step,
    effects: &mut [Effects; 2],
    twice: bool,
) -> Result<State, Wrong> {
    let [first, second] = effects;
    let (next, judged) = caught(|| state.next(setup, order, step, first))?;
    judged.map_err(Wrong::Violated)?;
    if twice {
        let (again, _) = caught(|| state.next(setup, order, step, second))?;
        let same = first == second && next.is_like(&again);
        if !same {
            let [first, second] = [first, second]
                .map(|effects| words::list(Act::all(effects).iter().map(words::act)));
            let what = if first == second {
                format!("{step} leads to two states")
            } else {
                format!("{step} causes once: {first}; and once: {second}")
            };
            return Err(Wrong::Violated(violation(9, what)));
        }
    }
    Ok(next)
}

/// A state is large, and so is not handed on more often than it must be.
fn caught<T>(play: impl FnOnce() -> T) -> Result<T, Wrong> {
    let mut played = None;
    match hear(|| played = Some(play())) {
        Ok(()) => Ok(played.expect("no panic has ended it")),
        Err(says) => Err(Wrong::Panicked(says)),
    }
}

fn violation(statement: u8, what: String) -> Violation {
    Violation { statement, what }
}

/// Says how a statement is violated unless something is so.
macro_rules! ensure {
    ($holds:expr, $statement:expr, $($says:tt)+) => {
        if !$holds {
            return Err(crate::exhaust::violation($statement, format!($($says)+)));
        }
    };
}
use ensure;

impl fmt::Display for Find {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = count(self.steps.len() as u64, "step");
        write!(f, "after {steps}, {}", self.wrong)
    }
}
