//! 9. The same inputs give the same effects.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use rejoin::broker::Broker;

use super::Violation;
use crate::moment::Moment;

/// Compares what two runs of the same steps have come to: the moments since the last comparison,
/// and the brokers, by value and by hash.
///
/// # Errors
///
/// Says where they differ.
pub fn compare(first: (&[Moment], &Broker), second: (&[Moment], &Broker)) -> Result<(), Violation> {
    let what = if first.0 != second.0 {
        format!("the same steps give {:?} and {:?}", first.0, second.0)
    } else if first.1 != second.1 {
        format!("the same inputs give {:?} and {:?}", first.1, second.1)
    } else if hash(first.1) != hash(second.1) {
        format!("two hashes of {:?}", first.1)
    } else {
        return Ok(());
    };
    Err(Violation { statement: 9, what })
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
