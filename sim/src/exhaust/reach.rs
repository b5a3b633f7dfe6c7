//! The shortest ways to the cells of the lifecycle's tables.

use std::collections::BTreeMap;

use rejoin::broker::Effects;

use super::canon::since_start;
use super::retrace::view;
use super::state::{Happens, State};
use super::tree::{Node, Tree};
use super::universe::{Setup, Universe};
use crate::probe::Cell;
use crate::step::Step;

/// For each cell that a universe has, the steps to it, the last of which is looked up there. No others
/// are fewer. It ends when every cell is reached, or every state was seen; the universe is to be a
/// small one, since all states are kept.
///
/// # Panics
///
/// If the universe cannot be explored.
pub fn shortest_ways(universe: Universe) -> BTreeMap<Cell, Vec<Step>> {
    let setup = Setup::new(universe);
    let alphabet = universe.alphabet();
    let start = State::new(&setup.config);
    let mut tree = Tree::default();
    tree.insert(start.fingerprint(), Node::START);
    let (mut states, mut next) = (vec![start], 0);
    let (mut ways, mut effects) = (BTreeMap::new(), Effects::new());
    let cells = Cell::all().count();
    while next < states.len() && ways.len() < cells {
        let state = states[next].clone();
        let (order, view) = (state.order(), view(&state));
        let parent = u32::try_from(next).expect("there are fewer states");
        for (index, step) in alphabet.iter().enumerate() {
            if !state.allows(&setup, &order, step) {
                continue;
            }
            let mut begun = state.clone();
            if let Happens::Input(input) = begun.begin(&setup, &order, step)
                && let Some(cell) = Cell::of(&view, since_start(begun.now), &input)
            {
                ways.entry(cell).or_insert_with(|| {
                    let way = tree.way(parent).into_iter();
                    let steps = way.map(|step| alphabet[usize::from(step)].clone());
                    steps.chain([step.clone()]).collect()
                });
            }
            let (after, _) = state.next(&setup, &order, step, &mut effects);
            if !tree.contains(after.fingerprint()) {
                let step = index as u8;
                tree.insert(after.fingerprint(), Node { parent, step });
                states.push(after);
            }
        }
        next += 1;
    }
    ways
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exhaust::retrace;
    use crate::moment::View;
    use crate::trace::What;

    #[test]
    fn every_cell_is_reached_and_the_way_leads_there() {
        let universe = Universe::ONE_NAME;
        let ways = shortest_ways(universe);
        let missed: Vec<_> = Cell::all()
            .filter(|cell| !ways.contains_key(cell))
            .collect();
        assert_eq!(missed, []);
        for (cell, steps) in ways {
            let trace = retrace(universe, &steps);
            assert!(
                trace.remarks.is_empty() && !trace.is_broken(),
                "{cell}: {trace:?}"
            );
            let moments = trace.entries.iter().filter_map(|entry| match &entry.what {
                What::Moment(moment) => Some(moment),
                What::Fault { .. }
                | What::Client { .. }
                | What::Restarted
                | What::Violated(_)
                | What::Panicked(_)
                | What::Differed(_) => None,
            });
            let moments: Vec<_> = moments.collect();
            let (last, earlier) = moments.split_last().expect("something happens");
            let nothing = View::default();
            let before = earlier.last().map_or(&nothing, |moment| &moment.view);
            let input = last.input().expect("the last is an input");
            assert_eq!(Cell::of(before, last.now, input), Some(cell), "{steps:?}");
        }
    }

    #[test]
    fn the_ways_are_as_short_as_can_be() {
        let ways = shortest_ways(Universe::ONE_NAME);
        let said = |(cell, steps): (&Cell, &Vec<Step>)| (cell.to_string(), steps.len());
        let lengths: BTreeMap<_, _> = ways.iter().map(said).collect();
        for (cell, length) in [
            ("Greeting: ReaderFinished", 2),
            ("LogIn to Nobody with Nothing", 2),
            ("LogIn to Resumable with RightProof", 4),
            ("LogIn to ResumableLeaving with RightProof", 5),
            ("LogIn to GuestSucceeded with Nothing", 7),
        ] {
            assert_eq!(lengths[cell], length, "{cell}");
        }
    }
}
