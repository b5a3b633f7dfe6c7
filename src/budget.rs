//! What is kept at most, for one source and in all.

use alloc::collections::BTreeMap;
#[cfg(test)]
use alloc::vec::Vec;

use crate::Config;
use crate::id::Source;

/// How much is kept for each source, and how much may be.
///
/// One source has a part of what there is. When all is used, only a source that has little may have
/// a little more: whoever keeps little finds room, however many keep much.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(crate) struct Budget {
    limit: usize,
    used: usize,
    by_source: BTreeMap<Source, usize>,
}

/// What is little: the whole divided by this.
const LITTLE: usize = 64;

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
        self.excess(source, more) == 0
    }

    /// Whether no source can have too much.
    pub(crate) const fn is_ample(&self) -> bool {
        self.used <= self.limit / Config::SOURCES
    }

    /// How much too much is kept for a source, if so much more is.
    pub(crate) fn excess(&self, source: Source, more: usize) -> usize {
        let own = self.by_source.get(&source).copied().unwrap_or_default();
        let (own, used) = (own.saturating_add(more), self.used.saturating_add(more));
        let of_part = own.saturating_sub(self.limit / Config::SOURCES);
        let of_all = used.saturating_sub(self.limit);
        let of_little = own.saturating_sub(self.limit / LITTLE);
        of_part.max(of_all.min(of_little))
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
    fn when_all_is_used_whoever_has_little_finds_room() {
        let mut budget = Budget::new(640);
        for host in 1..=4 {
            assert!(budget.admits(source(host), 150));
            budget.add(source(host), 150);
        }
        assert!(budget.admits(source(5), 40), "so much is left");
        assert!(!budget.admits(source(5), 41));
        budget.add(source(5), 40);
        // A 64th of all is little.
        assert!(budget.admits(source(6), 10) && !budget.admits(source(6), 11));
        assert!(!budget.admits(source(5), 1) && !budget.admits(source(1), 1));
        let kept = [(1, 150), (2, 150), (3, 150), (4, 150), (5, 40)];
        budget.check(kept.map(|(host, kept)| (source(host), kept)).into_iter());
    }

    #[test]
    fn what_is_too_much_is_known() {
        let mut budget = Budget::new(640);
        budget.add(source(1), 170);
        assert_eq!(budget.excess(source(1), 0), 10);
        for host in 2..=4 {
            budget.add(source(host), 160);
        }
        assert_eq!(budget.excess(source(2), 0), 10, "of all");
        assert_eq!(budget.excess(source(5), 15), 5, "of little");
    }

    #[test]
    #[should_panic(expected = "miscounted")]
    fn a_wrong_count_is_found() {
        let mut budget = Budget::new(400);
        budget.add(source(1), 60);
        budget.check([(source(1), 61)].into_iter());
    }
}
