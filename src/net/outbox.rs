//! The queue between the hub and one connection's writer.
//!
//! The hub pushes while it holds its own lock; the writer takes all that is queued at once, as
//! a batch. Every pushed item is exactly one of: written, returned by [`Outlet::reclaim`], or
//! given back by [`Inlet::push`]; and the first two in the order pushed.
//!
//! One mutex guards all that both ends see, so whoever finds nothing to do leaves its waker in
//! the same locking. Nothing is woken, and no waker or item dropped, under it, for either may
//! run foreign code.

use super::sync::{Arc, Mutex, MutexGuard, lock};
use std::collections::VecDeque;
use std::iter::Sum;
use std::mem;
use std::task::{Context, Poll, Waker};

/// Creates an outbox in which items of up to `limit` bytes may wait, those of each kind counted
/// apart.
pub(crate) fn outbox<T>(limit: Bytes) -> (Inlet<T>, Outlet<T>) {
    let shared = Arc::new(Mutex::new(State {
        phase: Phase::Open,
        stop: None,
        queue: VecDeque::new(),
        waiting: Bytes::default(),
        limit,
        writer: None,
        hungry: false,
    }));
    let inlet = Inlet {
        shared: Arc::clone(&shared),
    };
    let outlet = Outlet {
        shared,
        batch: VecDeque::new(),
    };
    (inlet, outlet)
}

/// Bytes, by the kind of what they are of.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Bytes {
    /// Of what is said now: if much of it waits, the client reads too slowly.
    pub(crate) fresh: usize,
    /// Of what comes many at once, however fast the client reads.
    pub(crate) bulk: usize,
}

/// Shows whether much waits, to whoever should then bring no more.
pub(crate) struct Gauge<T> {
    shared: Arc<Mutex<State<T>>>,
}

impl<T> Gauge<T> {
    /// Whether more than half of what may wait does. It becomes less only by
    /// [`Outlet::written`], and nobody is woken for that but the writer itself.
    pub(crate) fn is_high(&self) -> bool {
        let State { waiting, limit, .. } = &*lock(&self.shared);
        waiting.fresh > limit.fresh / 2 || waiting.bulk > limit.bulk / 2
    }
}

/// How the writer is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It may write what is queued, and then the last item.
    Flush,
    /// It writes no more than the last item, and hands the rest back.
    HandOver,
}

/// What a push asks of its caller.
#[derive(Debug)]
#[must_use = "the writer sleeps until it is woken"]
pub(crate) struct Pushed {
    /// The writer to wake, once the whole batch is pushed and the caller's own lock released.
    /// Only the first push that a writer out of work gets returns one.
    pub(crate) wake: Option<Waker>,
    /// More than the limit waits now; the caller must end the connection. The item is queued
    /// all the same.
    pub(crate) over: bool,
}

/// The hub's end.
///
/// Dropping it without [`close`](Self::close) stops the writer with [`Stop::HandOver`] and no
/// last item, and wakes it from within the drop.
pub(crate) struct Inlet<T> {
    shared: Arc<Mutex<State<T>>>,
}

impl<T> Inlet<T> {
    /// Queues `item`, which takes `bytes` of the limit until it is written. It is queued even
    /// over the limit.
    ///
    /// # Errors
    ///
    /// Gives the item back, and changes nothing, if the outlet has been reclaimed or dropped.
    pub(crate) fn push(&self, item: T, bytes: Bytes) -> Result<Pushed, T> {
        let mut state = lock(&self.shared);
        if state.phase == Phase::Reclaimed {
            return Err(item);
        }
        state.queue.push_back(Item { item, bytes });
        state.waiting.fresh += bytes.fresh;
        state.waiting.bulk += bytes.bulk;
        // A clone: a close before the wake-up still finds the waker, and does not rest on the
        // pusher to come to it.
        let wake = mem::take(&mut state.hungry)
            .then(|| state.writer.clone())
            .flatten();
        let State { waiting, limit, .. } = &*state;
        let over = waiting.fresh > limit.fresh || waiting.bulk > limit.bulk;
        Ok(Pushed { wake, over })
    }

    /// Tells the writer to stop, and returns the waker to wake for it.
    ///
    /// If the outlet has been reclaimed or dropped, `last` is dropped.
    #[must_use = "the writer sleeps until it is woken"]
    pub(crate) fn close(self, stop: Stop, last: Option<T>) -> Option<Waker> {
        self.close_if_open(stop, last)
    }

    fn close_if_open(&self, stop: Stop, last: Option<T>) -> Option<Waker> {
        let mut state = lock(&self.shared);
        if state.phase != Phase::Open {
            return None;
        }
        state.phase = Phase::Closed;
        state.stop = Some((stop, last));
        // Taken: a closed outbox holds no waker, so the outbox and the task that owns it cannot
        // keep each other alive.
        state.writer.take()
    }
}

impl<T> Drop for Inlet<T> {
    fn drop(&mut self) {
        // Finds the outbox closed, and does nothing, at the end of `close`.
        if let Some(writer) = self.close_if_open(Stop::HandOver, None) {
            writer.wake();
        }
    }
}

/// The writer's end, with the batch that is being written.
///
/// One task polls it: both polls share one waker. What it holds is dropped with it;
/// [`reclaim`](Self::reclaim) first.
pub(crate) struct Outlet<T> {
    shared: Arc<Mutex<State<T>>>,
    batch: VecDeque<Item<T>>,
}

impl<T> Outlet<T> {
    /// A gauge of this outbox.
    pub(crate) fn gauge(&self) -> Gauge<T> {
        let shared = Arc::clone(&self.shared);
        Gauge { shared }
    }

    /// Ready with how to stop, and the last item, once the inlet is closed or dropped. It is
    /// ready exactly once, and pending for ever, without a wake-up, after that.
    pub(crate) fn poll_stop(&mut self, cx: &mut Context<'_>) -> Poll<(Stop, Option<T>)> {
        let mut state = lock(&self.shared);
        match state.stop.take() {
            Some(stop) => Poll::Ready(stop),
            None => {
                sleep(state, cx);
                Poll::Pending
            }
        }
    }

    /// Moves all that is queued to the end of the batch. Ready with `true` if the batch is not
    /// empty, and with `false` if it is and nothing more can come; a stop that was not seen yet
    /// is then ready too.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = lock(&self.shared);
        if self.batch.is_empty() {
            mem::swap(&mut self.batch, &mut state.queue);
        } else {
            self.batch.append(&mut state.queue);
        }
        if !self.batch.is_empty() {
            return Poll::Ready(true);
        }
        if state.phase != Phase::Open {
            return Poll::Ready(false);
        }
        self.batch.shrink_to(IDLE_ITEMS);
        state.queue.shrink_to(IDLE_ITEMS);
        state.hungry = true;
        sleep(state, cx);
        Poll::Pending
    }

    /// The items being written, oldest first.
    pub(crate) fn batch(&self) -> impl ExactSizeIterator<Item = &T> {
        self.batch.iter().map(|queued| &queued.item)
    }

    /// Removes the `count` oldest items of the batch, which have been written whole, and
    /// releases their bytes.
    ///
    /// # Panics
    ///
    /// Panics if the batch has fewer.
    pub(crate) fn written(&mut self, count: usize) {
        let released: Bytes = self.batch.drain(..count).map(|queued| queued.bytes).sum();
        if count > 0 {
            let waiting = &mut lock(&self.shared).waiting;
            waiting.fresh -= released.fresh;
            waiting.bulk -= released.bulk;
        }
    }

    /// Ends the outbox and returns all that was not written, oldest first: the batch, then the
    /// queue.
    ///
    /// After this a push gives its item back, and the outlet is empty and closed. A stop that
    /// was not seen is lost, with its last item. Spurious extra calls return nothing.
    pub(crate) fn reclaim(&mut self) -> Vec<T> {
        let mut state = lock(&self.shared);
        state.phase = Phase::Reclaimed;
        let queue = mem::take(&mut state.queue);
        let waiting = mem::take(&mut state.waiting);
        let foreign = (state.writer.take(), state.stop.take());
        drop(state);
        drop(foreign);

        let unwritten = || self.batch.iter().chain(&queue);
        debug_assert_eq!(
            waiting,
            unwritten().map(|queued| queued.bytes).sum(),
            "the bytes counted are those of the items not yet written"
        );
        let batch = mem::take(&mut self.batch);
        batch
            .into_iter()
            .chain(queue)
            .map(|queued| queued.item)
            .collect()
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        self.reclaim();
    }
}

/// How many items an idle outbox keeps room for, in the queue and in the batch, so that a
/// trickle does not allocate.
const IDLE_ITEMS: usize = 8;

struct State<T> {
    phase: Phase,
    /// Given by the inlet and not yet seen by the outlet.
    stop: Option<(Stop, Option<T>)>,
    queue: VecDeque<Item<T>>,
    /// The bytes of the queue and of the outlet's batch.
    waiting: Bytes,
    limit: Bytes,
    /// The task to wake; only while open.
    writer: Option<Waker>,
    /// The writer has found nothing to write since it was last woken for a push.
    hungry: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The inlet is gone.
    Closed,
    /// The outlet is gone, whatever the inlet is.
    Reclaimed,
}

struct Item<T> {
    item: T,
    bytes: Bytes,
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, bytes| Self {
            fresh: sum.fresh + bytes.fresh,
            bulk: sum.bulk + bytes.bulk,
        })
    }
}

/// Leaves the waker of the polling task, if anything can still happen.
fn sleep<T>(mut state: MutexGuard<'_, State<T>>, cx: &Context<'_>) {
    let known = |writer: &Waker| writer.will_wake(cx.waker());
    if state.phase == Phase::Open && !state.writer.as_ref().is_some_and(known) {
        let replaced = state.writer.replace(cx.waker().clone());
        drop(state);
        drop(replaced);
    }
}

#[cfg(test)]
mod tests {
    use super::super::sync::model;
    use super::*;
    use std::sync::Arc; // Also under loom: what a waker counts is no part of a model.
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    /// A writer's task that is never run, and counts how often it is woken.
    struct Task {
        wakes: Arc<Wakes>,
        waker: Waker,
    }

    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Task {
        fn new() -> Self {
            let wakes = Arc::new(Wakes(AtomicUsize::new(0)));
            let waker = Waker::from(Arc::clone(&wakes));
            Self { wakes, waker }
        }

        fn fill<T>(&self, outlet: &mut Outlet<T>) -> Poll<bool> {
            outlet.poll_fill(&mut Context::from_waker(&self.waker))
        }

        fn stop<T>(&self, outlet: &mut Outlet<T>) -> Poll<(Stop, Option<T>)> {
            outlet.poll_stop(&mut Context::from_waker(&self.waker))
        }

        fn wakes(&self) -> usize {
            self.wakes.0.load(Ordering::Relaxed)
        }

        /// Whether the outbox holds this task's waker.
        fn is_registered(&self) -> bool {
            Arc::strong_count(&self.wakes) > 2
        }
    }

    fn fresh(bytes: usize) -> Bytes {
        Bytes {
            fresh: bytes,
            bulk: 0,
        }
    }

    fn push<T: std::fmt::Debug>(inlet: &Inlet<T>, item: T, bytes: usize) -> Pushed {
        inlet
            .push(item, fresh(bytes))
            .expect("the outlet is not reclaimed")
    }

    fn wake(waker: Option<Waker>) {
        waker.into_iter().for_each(Waker::wake);
    }

    fn batch(outlet: &Outlet<u32>) -> Vec<u32> {
        outlet.batch().copied().collect()
    }

    #[test]
    fn items_come_out_in_order_and_leave_the_batch_when_written() {
        model(|| {
            let (task, (inlet, mut outlet)) = (Task::new(), outbox(fresh(100)));
            assert_eq!(task.fill(&mut outlet), Poll::Pending);
            let _ = (push(&inlet, 1, 1), push(&inlet, 2, 1));
            assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
            assert_eq!(batch(&outlet), [1, 2]);
            let _ = (push(&inlet, 3, 1), push(&inlet, 4, 1));
            assert_eq!(batch(&outlet), [1, 2]);
            outlet.written(1);
            assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
            assert_eq!(batch(&outlet), [2, 3, 4]);
            assert_eq!(outlet.batch().len(), 3);
            outlet.written(3);
            assert_eq!(task.fill(&mut outlet), Poll::Pending);
        });
    }

    #[test]
    fn a_batch_of_pushes_wakes_a_writer_out_of_work_once() {
        model(|| {
            let (task, (inlet, mut outlet)) = (Task::new(), outbox(fresh(100)));
            assert!(push(&inlet, 1, 1).wake.is_none());
            assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
            outlet.written(1);
            for round in 1..=2 {
                assert_eq!(task.fill(&mut outlet), Poll::Pending);
                let first = push(&inlet, 2, 1).wake;
                assert!(first.is_some() && push(&inlet, 3, 1).wake.is_none());
                wake(first);
                assert_eq!(task.wakes(), round);
                assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
                outlet.written(2);
            }
        });
    }

    #[test]
    fn a_writer_busy_with_a_batch_is_woken_by_a_close_but_not_by_a_push() {
        model(|| {
            let (task, (inlet, mut outlet)) = (Task::new(), outbox(fresh(100)));
            assert_eq!(task.fill(&mut outlet), Poll::Pending);
            wake(push(&inlet, 1, 1).wake);
            assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
            assert!(task.stop(&mut outlet).is_pending());
            assert!(push(&inlet, 2, 1).wake.is_none());
            wake(inlet.close(Stop::Flush, None));
            assert_eq!(task.wakes(), 2);
        });
    }

    #[test]
    fn a_close_wakes_the_writer_also_while_a_pusher_has_yet_to() {
        model(|| {
            let (task, (inlet, mut outlet)) = (Task::new(), outbox(fresh(100)));
            assert_eq!(task.fill(&mut outlet), Poll::Pending);
            let late = push(&inlet, 1, 1).wake;
            wake(inlet.close(Stop::Flush, None));
            assert_eq!(task.wakes(), 1);
            wake(late);
        });
    }

    #[test]
    fn the_task_that_polled_last_is_woken() {
        model(|| {
            let (old, new, (inlet, mut outlet)) = (Task::new(), Task::new(), outbox(fresh(100)));
            assert_eq!(old.fill(&mut outlet), Poll::Pending);
            assert!(new.stop(&mut outlet).is_pending());
            assert!(!old.is_registered());
            wake(push(&inlet, 1, 1).wake);
            assert_eq!((old.wakes(), new.wakes()), (0, 1));
        });
    }

    #[test]
    fn the_limit_counts_an_item_until_it_is_written() {
        model(|| {
            let (task, (inlet, mut outlet)) = (Task::new(), outbox(fresh(10)));
            assert!(!push(&inlet, 1, 10).over);
            assert!(push(&inlet, 2, 1).over);
            assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
            assert_eq!(batch(&outlet), [1, 2]);
            assert!(push(&inlet, 3, 0).over);
            outlet.written(1);
            assert!(!push(&inlet, 4, 9).over);
            assert!(push(&inlet, 5, 1).over);
        });
    }

    #[test]
    fn the_gauge_is_high_while_more_than_half_of_either_kind_waits() {
        model(|| {
            let (task, limit) = (Task::new(), Bytes { fresh: 4, bulk: 8 });
            let (inlet, mut outlet) = outbox(limit);
            let gauge = outlet.gauge();
            for half in [fresh(2), Bytes { fresh: 0, bulk: 4 }] {
                let _ = inlet.push(0, half).unwrap();
                assert!(!gauge.is_high());
                let _ = inlet.push(0, half).unwrap();
                assert!(gauge.is_high());
                assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
                assert!(gauge.is_high(), "what is taken is not written yet");
                outlet.written(2);
                assert!(!gauge.is_high());
            }
        });
    }

    #[test]
    fn what_comes_in_bulk_has_a_limit_of_its_own() {
        model(|| {
            let (task, limit) = (Task::new(), Bytes { fresh: 2, bulk: 5 });
            let (inlet, mut outlet) = outbox(limit);
            let bulk = |bytes| Bytes {
                fresh: 0,
                bulk: bytes,
            };
            let over = |bytes| inlet.push(0, bytes).unwrap().over;
            assert!(!over(bulk(5)));
            assert!(!over(fresh(2)));
            assert!(over(bulk(1)));
            assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
            outlet.written(3);
            assert!(!over(bulk(5)));
            assert!(over(fresh(3)));
        });
    }

    #[test]
    fn a_close_is_seen_once_with_its_last_item_and_what_is_queued_can_be_flushed() {
        model(|| {
            let (task, (inlet, mut outlet)) = (Task::new(), outbox(fresh(100)));
            assert!(task.stop(&mut outlet).is_pending());
            let _ = push(&inlet, 1, 1);
            wake(inlet.close(Stop::Flush, Some(2)));
            assert_eq!(task.wakes(), 1);
            let stop = (Stop::Flush, Some(2));
            assert_eq!(task.stop(&mut outlet), Poll::Ready(stop));
            assert!(task.stop(&mut outlet).is_pending());
            assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
            outlet.written(1);
            assert_eq!(task.fill(&mut outlet), Poll::Ready(false));
            assert!(task.stop(&mut outlet).is_pending());
        });
    }

    #[test]
    fn a_dropped_inlet_hands_over_and_wakes_the_writer_itself() {
        model(|| {
            let (task, (inlet, mut outlet)) = (Task::new(), outbox::<u32>(fresh(100)));
            assert!(task.stop(&mut outlet).is_pending());
            drop(inlet);
            assert_eq!(task.wakes(), 1);
            let stop = (Stop::HandOver, None);
            assert_eq!(task.stop(&mut outlet), Poll::Ready(stop));
            assert!(task.stop(&mut outlet).is_pending());
            assert_eq!(task.fill(&mut outlet), Poll::Ready(false));
        });
    }

    #[test]
    fn reclaim_returns_the_batch_and_then_the_queue_and_later_pushes_are_given_back() {
        model(|| {
            let (task, (inlet, mut outlet)) = (Task::new(), outbox(fresh(100)));
            let _ = (push(&inlet, 1, 1), push(&inlet, 2, 1));
            assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
            outlet.written(1);
            let _ = push(&inlet, 3, 1);
            assert_eq!(outlet.reclaim(), [2, 3]);
            assert_eq!(inlet.push(4, fresh(1)).expect_err("reclaimed"), 4);
            assert_eq!(task.fill(&mut outlet), Poll::Ready(false));
            assert!(outlet.reclaim().is_empty());
            assert!(inlet.close(Stop::Flush, Some(5)).is_none());
            assert!(task.stop(&mut outlet).is_pending());
        });
    }

    #[test]
    fn a_stop_that_was_not_seen_is_gone_after_reclaim() {
        model(|| {
            let (task, (inlet, mut outlet)) = (Task::new(), outbox::<u32>(fresh(100)));
            wake(inlet.close(Stop::Flush, Some(1)));
            outlet.reclaim();
            assert!(task.stop(&mut outlet).is_pending());
        });
    }

    #[test]
    fn a_dropped_outlet_drops_what_is_queued_and_gives_later_pushes_back() {
        model(|| {
            let (inlet, outlet) = outbox(fresh(100));
            let item = Arc::new(());
            let _ = push(&inlet, Arc::clone(&item), 1);
            drop(outlet);
            assert_eq!(Arc::strong_count(&item), 1);
            assert!(inlet.push(item, fresh(1)).is_err());
        });
    }

    #[test]
    fn a_closed_or_reclaimed_outbox_holds_no_waker() {
        model(|| {
            let (task, (inlet, mut outlet)) = (Task::new(), outbox::<u32>(fresh(100)));
            assert_eq!(task.fill(&mut outlet), Poll::Pending);
            assert!(task.is_registered());
            wake(inlet.close(Stop::Flush, None));
            assert!(task.stop(&mut outlet).is_ready());
            assert!(task.stop(&mut outlet).is_pending());
            assert!(!task.is_registered());

            let (inlet, mut outlet) = outbox::<u32>(fresh(100));
            assert_eq!(task.fill(&mut outlet), Poll::Pending);
            outlet.reclaim();
            assert!(task.stop(&mut outlet).is_pending());
            assert!(!task.is_registered());
            drop(inlet);
        });
    }

    /// An item or a waker whose drop counts whether the outbox is unlocked.
    struct Probe {
        shared: super::Arc<Mutex<State<Probe>>>,
        dropped_unlocked: Arc<AtomicUsize>,
    }

    impl Drop for Probe {
        fn drop(&mut self) {
            let unlocked = usize::from(self.shared.try_lock().is_ok());
            self.dropped_unlocked.fetch_add(unlocked, Ordering::Relaxed);
        }
    }

    impl Wake for Probe {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn wakers_and_items_are_dropped_outside_the_lock() {
        model(|| {
            let dropped_unlocked = Arc::new(AtomicUsize::new(0));
            let count = || dropped_unlocked.load(Ordering::Relaxed);
            let probe = |inlet: &Inlet<Probe>| Probe {
                shared: super::Arc::clone(&inlet.shared),
                dropped_unlocked: Arc::clone(&dropped_unlocked),
            };
            let poll = |inlet: &Inlet<Probe>, outlet: &mut Outlet<Probe>| {
                let waker = Waker::from(Arc::new(probe(inlet)));
                assert!(
                    outlet
                        .poll_stop(&mut Context::from_waker(&waker))
                        .is_pending()
                );
            };

            let (inlet, mut outlet) = outbox(fresh(100));
            poll(&inlet, &mut outlet);
            poll(&inlet, &mut outlet);
            assert_eq!(count(), 1, "a replaced waker");
            outlet.reclaim();
            assert_eq!(count(), 2, "a reclaimed waker");
            let last = probe(&inlet);
            assert!(inlet.close(Stop::Flush, Some(last)).is_none());
            assert_eq!(count(), 3, "a last item that comes too late");

            let (inlet, outlet) = outbox(fresh(100));
            let (item, last) = (probe(&inlet), probe(&inlet));
            assert!(inlet.push(item, fresh(1)).is_ok());
            assert!(inlet.close(Stop::Flush, Some(last)).is_none());
            drop(outlet);
            assert_eq!(count(), 5, "a queued item, and a last item not seen");
        });
    }

    #[test]
    fn an_idle_outbox_keeps_only_small_buffers() {
        model(|| {
            let (task, (inlet, mut outlet)) = (Task::new(), outbox(fresh(1000)));
            for _ in 0..2 {
                for item in 0..100 {
                    let _ = push(&inlet, item, 1);
                }
                assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
                outlet.written(100);
            }
            assert!(outlet.batch.capacity() >= 100);
            assert!(lock(&outlet.shared).queue.capacity() >= 100);
            assert_eq!(task.fill(&mut outlet), Poll::Pending);
            assert!(outlet.batch.capacity() <= IDLE_ITEMS);
            assert!(lock(&outlet.shared).queue.capacity() <= IDLE_ITEMS);
        });
    }
}
