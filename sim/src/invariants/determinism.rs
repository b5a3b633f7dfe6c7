//! 9. The same inputs give the same effects.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use rejoin::broker::Broker;

use super::Violation;
use crate::moment::{Happening, Moment};
use crate::words;

/// Compares what two runs of the same steps have come to: the moments since the last comparison,
/// and the brokers, by value and by hash.
///
/// # Errors
///
/// Says where they differ.
pub fn compare(first: (&[Moment], &Broker), second: (&[Moment], &Broker)) -> Result<(), Violation> {
    let what = if first.0 != second.0 {
        let mut pairs = first.0.iter().zip(second.0);
        let different = pairs.find(|(one, other)| one != other);
        different.map_or_else(
            || "the same steps give more moments once, and fewer once".to_owned(),
            |(one, other)| {
                let (one, other) = (happened(one), happened(other));
                format!("the same steps give once {one}; and once {other}")
            },
        )
    } else if first.1 != second.1 {
        "the same inputs lead to two brokers, which look the same".to_owned()
    } else if hash(first.1) != hash(second.1) {
        "a broker has two hashes".to_owned()
    } else {
        return Ok(());
    };
    Err(Violation { statement: 9, what })
}

fn happened(moment: &Moment) -> String {
    let happened = match &moment.happening {
        Happening::Handled { input, acts } => {
            let acts = words::list(acts.iter().map(words::act));
            format!("at “{}”: {acts}", words::input(input))
        }
        Happening::Written { conn, items } => {
            let items = words::list(items.iter().map(words::event));
            format!("that {conn} writes {items}")
        }
    };
    format!("{happened}; then there are {}", words::view(&moment.view))
}

fn hash(broker: &Broker) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(broker)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{acts, come, config};
    use crate::world::World;

    #[test]
    fn two_runs_that_differ_are_found() {
        let mut world = World::new(&config());
        let earlier = world.broker().clone();
        let moments: Vec<_> = come(0, None).iter().flat_map(|s| world.step(s)).collect();
        let run = (moments.as_slice(), world.broker());
        compare(run, run).expect("a run is like itself");

        let mut other = moments.clone();
        acts(&mut other[1]).clear();
        assert!(compare(run, (&other, world.broker())).is_err());
        assert!(compare(run, (&moments, &earlier)).is_err());
    }
}
