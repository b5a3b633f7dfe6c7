//! What is kept at most, for one source and in all.

use alloc::collections::BTreeMap;
#[cfg(test)]
use alloc::vec::Vec;

use crate::Config;
use crate::id::Source;

/// How much is kept for each source, and how much may be.
///
/// One source has a part of what there is. And when three quarters of all is used, only a source
/// that has less than the average may have more: whoever keeps little finds room, however many keep
/// much.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(crate) struct Budget {
    limit: usize,
    used: usize,
    by_source: BTreeMap<Source, usize>,
}

impl Budget {
    /// Up to `limit` in all.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: 0,
            by_source: BTreeMap::new(),
        }
    }

    /// Whether so much more may be kept for a source.
    pub(crate) fn admits(&self, source: Source, more: usize) -> bool {
        let own = self.by_source.get(&source).copied().unwrap_or_default();
        let sources = self.by_source.len() + usize::from(own == 0);
        let (own, used) = (own.saturating_add(more), self.used.saturating_add(more));
        let is_ample = used <= self.limit / 4 * 3;
        let is_below_average = || own.saturating_mul(sources) <= used;
        own <= self.limit / Config::SOURCES
            && used <= self.limit
            && (is_ample || is_below_average())
    }

    /// So much more is kept for a source, whether [it may be](Self::admits) or not.
    pub(crate) fn add(&mut self, source: Source, more: usize) {
        if more > 0 {
            self.used += more;
            *self.by_source.entry(source).or_default() += more;
        }
    }

    /// So much of what was kept for a source is kept no longer.
    pub(crate) fn remove(&mut self, source: Source, less: usize) {
        if less == 0 {
            return;
        }
        self.used -= less;
        let own = self.by_source.get_mut(&source);
        let own = own.expect("what is kept for a source is counted");
        *own -= less;
        if *own == 0 {
            self.by_source.remove(&source);
        }
    }

    /// Panics unless just this is kept.
    pub(crate) fn check(&self, kept: impl Iterator<Item = (Source, usize)>) {
        let mut again = Self::new(self.limit);
        kept.for_each(|(source, kept)| again.add(source, kept));
        assert_eq!(*self, again, "what is kept is miscounted");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(host: u8) -> Source {
        Source::of([192, 0, 2, host].into())
    }

    #[test]
    fn one_source_has_a_part() {
        let mut budget = Budget::new(400);
        budget.add(source(1), 60);
        let admitted: Vec<_> = [40, 41].map(|more| budget.admits(source(1), more)).into();
        assert_eq!(admitted, [true, false]);
        assert!(budget.admits(source(2), 100));
        budget.remove(source(1), 1);
        assert!(budget.admits(source(1), 41));
    }

    #[test]
    fn when_little_is_left_it_is_for_those_who_have_little() {
        let mut budget = Budget::new(400);
        for (host, kept) in [(1, 100), (2, 100), (3, 60), (4, 40)] {
            assert!(budget.admits(source(host), kept));
            budget.add(source(host), kept);
        }
        // 80 is the average then, or 86.
        assert!(budget.admits(source(3), 20) && !budget.admits(source(3), 21));
        assert!(budget.admits(source(4), 46) && !budget.admits(source(4), 47));
        assert!(budget.admits(source(5), 75) && !budget.admits(source(5), 76));
        budget.add(source(5), 75);
        assert!(!budget.admits(source(6), 26), "that is more than there is");
        budget.check(
            [(1, 100), (2, 100), (3, 60), (4, 40), (5, 75)]
                .map(|(host, kept)| (source(host), kept))
                .into_iter(),
        );
    }

    #[test]
    #[should_panic(expected = "miscounted")]
    fn a_wrong_count_is_found() {
        let mut budget = Budget::new(400);
        budget.add(source(1), 60);
        budget.check([(source(1), 61)].into_iter());
    }
}
