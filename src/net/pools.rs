//! What waits in the outboxes of all connections, and of those from each address.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, Weak};

use crate::id::Source;

use super::outbox::Pool;
use super::sync::lock;

/// With so many pools those that nobody uses are looked for first.
const SWEEP_AT: usize = 64;

/// The pool of each source from which there are connections, and what they are parts of.
#[derive(Debug)]
pub(super) struct Pools {
    all: Arc<Pool>,
    /// Bytes in the pool of one source.
    limit: usize,
    by_source: Mutex<BySource>,
}

#[derive(Debug)]
struct BySource {
    pools: BTreeMap<Source, Weak<Pool>>,
    sweep_at: usize,
}

impl Pools {
    /// For each source a pool of up to `limit` bytes, and of up to `all` bytes in all.
    pub(super) fn new(all: usize, limit: usize) -> Self {
        Self {
            all: Pool::new(all),
            limit,
            by_source: Mutex::new(BySource {
                pools: BTreeMap::new(),
                sweep_at: SWEEP_AT,
            }),
        }
    }

    /// The pool of a source, for one more connection.
    pub(super) fn of(&self, source: Source) -> Arc<Pool> {
        let BySource { pools, sweep_at } = &mut *lock(&self.by_source);
        if let Some(pool) = pools.get(&source).and_then(Weak::upgrade) {
            return pool;
        }
        if pools.len() >= *sweep_at {
            pools.retain(|_, pool| pool.strong_count() > 0);
            *sweep_at = (2 * pools.len()).max(SWEEP_AT);
        }
        let pool = Pool::within(self.limit, Some(Arc::clone(&self.all)));
        pools.insert(source, Arc::downgrade(&pool));
        pool
    }
}
