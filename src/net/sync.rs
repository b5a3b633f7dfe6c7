//! The primitives that the outbox is built from.
//!
//! The outbox names them as `super::sync`, so that `tests/outbox_loom.rs` can put loom's in
//! their place.

use std::sync::PoisonError;
pub(crate) use std::sync::{Arc, Mutex, MutexGuard};

/// Locks `mutex`, also after a panic elsewhere has poisoned it: what it guards must not be lost
/// with the one who panicked.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a unit test of the outbox; loom's function of this name runs it with loom's primitives,
/// which exist only inside.
#[cfg(test)]
pub(crate) fn model(test: impl Fn() + Send + Sync + 'static) {
    test();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn a_poisoned_lock_opens_and_has_lost_nothing() {
        let mutex = Mutex::new(vec![1]);
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut held = lock(&mutex);
            held.push(2);
            panic!("poison the lock");
        }));
        assert!(panicked.is_err() && mutex.is_poisoned());
        assert_eq!(*lock(&mutex), [1, 2]);
    }
}
