//! What waits in several outboxes together: in all, and in those of one address.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// An outbox says how much waits in it when that has changed by so many bytes. So an outbox that
/// the socket empties at once says nothing, and what is known of each is as exact as this.
const STEP: usize = 4096;

/// Counts the bytes in several outboxes.
///
/// It is no part of what the two ends of an outbox agree on, and so loom need not know of it: the
/// counts are exact when nobody is at work, and bounds are never judged by more than that.
#[derive(Debug)]
pub(crate) struct Pool {
    limit: usize,
    bytes: AtomicUsize,
    /// How many outboxes, or pools within this one, have a share of it.
    shares: AtomicUsize,
    /// Its part of a larger pool.
    of: Option<Arc<Pool>>,
}

/// A pool that several own. It is never loom's.
pub(crate) type Handle = Arc<Pool>;

impl Pool {
    /// A pool in which up to `limit` bytes may be kept.
    pub(crate) fn new(limit: usize) -> Handle {
        Self::within(limit, None)
    }

    /// A pool in which up to `limit` bytes may be kept, and which is part of another, if of any.
    pub(crate) fn within(limit: usize, of: Option<Handle>) -> Handle {
        if let Some(whole) = &of {
            whole.shares.fetch_add(1, Relaxed);
        }
        Arc::new(Self {
            limit,
            bytes: AtomicUsize::new(0),
            shares: AtomicUsize::new(0),
            of,
        })
    }

    fn change(&self, from: usize, to: usize) {
        if to >= from {
            self.bytes.fetch_add(to - from, Relaxed);
        } else {
            self.bytes.fetch_sub(from - to, Relaxed);
        }
        if let Some(whole) = &self.of {
            whole.change(from, to);
        }
    }

    /// Whether one with so many bytes is to give way: more than may be is in the pool, and no less
    /// in this one than in the others on the average. Somebody always has that much.
    fn gives_way(&self, own: usize) -> bool {
        let all = self.bytes.load(Relaxed);
        let shares = self.shares.load(Relaxed);
        all > self.limit && own.saturating_mul(shares) >= all
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(whole) = &self.of {
            whole.shares.fetch_sub(1, Relaxed);
        }
    }
}

/// What one outbox has in a pool.
pub(super) struct Share {
    pool: Handle,
    bytes: usize,
    /// Whether it has given way: what it has is as good as gone, and no longer counted.
    is_given_up: bool,
}

impl Share {
    pub(super) fn of(pool: Handle) -> Self {
        pool.shares.fetch_add(1, Relaxed);
        Self {
            pool,
            bytes: 0,
            is_given_up: false,
        }
    }

    /// So many bytes are in the outbox now.
    #[inline]
    pub(super) fn set(&mut self, bytes: usize) {
        if bytes.abs_diff(self.bytes) >= STEP && !self.is_given_up {
            self.pool.change(self.bytes, bytes);
            self.bytes = bytes;
        }
    }

    /// Whether the outbox is one too many, and gives way: it has no less than the average of those
    /// from its address if these have more than they may; and if all have more than they may, its
    /// address has no less than the average address, too. What it has then makes room for others.
    pub(super) fn gives_way(&mut self) -> bool {
        if self.is_given_up || self.bytes == 0 {
            return self.is_given_up;
        }
        let Pool {
            bytes, shares, of, ..
        } = &*self.pool;
        let (from_there, shares) = (bytes.load(Relaxed), shares.load(Relaxed));
        let is_heavy = || self.bytes.saturating_mul(shares) >= from_there;
        let of_all = |all: &Handle| all.gives_way(from_there) && is_heavy();
        if self.pool.gives_way(self.bytes) || of.as_ref().is_some_and(of_all) {
            self.set(0);
            self.is_given_up = true;
        }
        self.is_given_up
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.change(self.bytes, 0);
        self.pool.shares.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    fn give_way<const N: usize>(shares: &mut [Share; N]) -> [bool; N] {
        shares.each_mut().map(Share::gives_way)
    }

    #[test]
    fn of_too_much_one_gives_way_that_has_the_most() {
        let pool = Pool::new(100 * KIB);
        let mut shares = [0; 3].map(|_| Share::of(Arc::clone(&pool)));
        shares[0].set(40 * KIB);
        shares[1].set(40 * KIB);
        shares[2].set(20 * KIB);
        assert_eq!(give_way(&mut shares), [false; 3], "all fits");
        shares[2].set(30 * KIB);
        // With that there is room.
        assert_eq!(give_way(&mut shares), [true, false, false]);
        shares[0].set(90 * KIB);
        shares[1].set(20 * KIB);
        shares[2].set(90 * KIB);
        assert_eq!(give_way(&mut shares), [true, false, true]);
        drop(shares);
        let left = (pool.bytes.load(Relaxed), pool.shares.load(Relaxed));
        assert_eq!(left, (0, 0));
    }

    #[test]
    fn of_too_much_in_all_the_address_gives_way_that_has_the_most() {
        let all = Pool::new(100 * KIB);
        let pools = [0; 2].map(|_| Pool::within(80 * KIB, Some(Arc::clone(&all))));
        let [first, second] = &pools;
        let mut shares = [first, first, second].map(|pool| Share::of(Arc::clone(pool)));
        shares[0].set(40 * KIB);
        shares[1].set(20 * KIB);
        shares[2].set(40 * KIB);
        assert_eq!(give_way(&mut shares), [false; 3], "all fits");
        shares[2].set(45 * KIB);
        // It has the most of all outboxes; but those from the other address have more together.
        shares.reverse();
        assert_eq!(give_way(&mut shares), [false, false, true]);
        drop((shares, pools));
        let left = (all.bytes.load(Relaxed), all.shares.load(Relaxed));
        assert_eq!(left, (0, 0));
    }

    #[test]
    fn what_an_outbox_has_is_known_in_steps() {
        let pool = Pool::new(0);
        let mut share = Share::of(Arc::clone(&pool));
        for (bytes, known) in [(STEP - 1, 0), (STEP, STEP), (1, STEP), (0, 0)] {
            share.set(bytes);
            assert_eq!(pool.bytes.load(Relaxed), known);
        }
        assert!(!share.gives_way(), "it has nothing");
        share.set(STEP);
        assert!(share.gives_way());
    }
}
