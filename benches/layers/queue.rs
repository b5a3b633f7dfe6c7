//! The queue between the hub and a writer, filled and emptied on one thread.

use std::task::{Context, Poll, Waker};

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use outbox::{Bytes, Role};

use super::ITEMS;

#[allow(
    dead_code,
    unused_imports,
    reason = "a benchmark does not use all of it, nor its tests"
)]
#[path = "../../src/net/outbox/mod.rs"]
mod outbox;

/// Stands in for `src/net/sync.rs`.
mod sync {
    pub(crate) use std::sync::{Arc, Mutex, MutexGuard};

    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("nobody panics")
    }

    /// The outbox's own tests are not run here, but named.
    #[cfg(test)]
    pub(crate) fn model(_test: impl Fn()) {}
}

/// Pushes so many, takes them as one batch, and writes them.
#[divan::bench(args = [1, 10, 1_000])]
fn push_and_write(bencher: Bencher<'_, '_>, at_once: usize) {
    let limit = Bytes {
        fresh: 1 << 20,
        bulk: 1 << 20,
        asked: 1 << 20,
    };
    let (inlet, mut outlet) = outbox::outbox::<u64>(limit);
    let mut cx = Context::from_waker(Waker::noop());
    let one = Bytes {
        fresh: 1,
        ..Bytes::default()
    };
    bencher.counter(ItemsCount::new(ITEMS)).bench_local(|| {
        for _ in 0..ITEMS / at_once {
            assert!(outlet.poll_fill(&mut cx).is_pending());
            for item in 0..at_once {
                let pushed = black_box(inlet.push(item as u64, one, Role::Passing));
                assert!(pushed.is_ok_and(|pushed| !pushed.over));
            }
            assert_eq!(outlet.poll_fill(&mut cx), Poll::Ready(true));
            black_box(outlet.batch().len());
            outlet.written(at_once);
        }
    });
}
