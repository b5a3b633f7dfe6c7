//! The queue between the hub and one connection's writer.
//!
//! The hub pushes while it holds its own lock; the writer takes all that is queued at once, as
//! a batch. Every pushed item is exactly one of: done, returned by [`Outlet::reclaim`], or
//! given back by [`Inlet::push`]; and the first two in the order pushed. Of the one that a writer
//! has begun only the rest may be returned.
//!
//! An item is done when it is written. But once the hub has called [`Inlet::retain`], what it
//! pushes as [`Role::Kept`] is done only when the client has acknowledged a [`Role::Mark`]
//! behind it. The writer waits for an acknowledgement only while more than the limit is kept and
//! a mark is unanswered. So as long as the hub pushes a mark behind whatever is kept, no more is
//! kept than the limit, and what one write or one mark goes beyond it.
//!
//! One mutex guards all that both ends see, so whoever finds nothing to do leaves its waker in
//! the same locking. Nothing is woken, and no waker or item dropped, under it, for either may
//! run foreign code.

mod pool;
mod retained;

use super::sync::{Arc, Mutex, MutexGuard, lock};
pub(crate) use pool::Pool;
use pool::Share;
use retained::{Retained, Written};
use std::collections::VecDeque;
use std::iter::Sum;
use std::mem;
use std::task::{Context, Poll, Waker};

/// Creates an outbox in which items of up to `limit` bytes may wait, those of each kind counted
/// apart; and as many bytes of mail, of both kinds together, may be written and not acknowledged.
/// All of them are in the `pool`, too.
pub(crate) fn outbox_in<T>(pool: pool::Handle, limit: Bytes) -> (Inlet<T>, Outlet<T>) {
    let shared = Arc::new(Mutex::new(State {
        phase: Phase::Open,
        stop: None,
        queue: VecDeque::new(),
        waiting: Bytes::default(),
        retained: None,
        share: Share::of(pool),
        limit,
        writer: None,
        hungry: false,
        held: false,
    }));
    let inlet = Inlet {
        shared: Arc::clone(&shared),
    };
    let outlet = Outlet {
        shared,
        batch: VecDeque::new(),
        marks: 0,
    };
    (inlet, outlet)
}

/// The same in a pool of its own, without a limit.
#[cfg(test)]
pub(crate) fn outbox<T>(limit: Bytes) -> (Inlet<T>, Outlet<T>) {
    outbox_in(Pool::new(usize::MAX), limit)
}

/// Bytes, by the kind of what they are of.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Bytes {
    /// Of what is said now: if much of it waits, the client reads too slowly.
    pub(crate) fresh: usize,
    /// Of mail that comes many at once, however fast the client reads.
    pub(crate) bulk: usize,
    /// Of what the client has asked for, and is not asked for again before most of it is written.
    pub(crate) asked: usize,
}

/// Into how many parts what may be asked for is divided, of which one may wait before more is.
const PARTS_OF_ASKED: usize = 64;

impl Bytes {
    fn total(self) -> usize {
        let sum = self.fresh.saturating_add(self.bulk);
        sum.saturating_add(self.asked)
    }

    /// Whether there is more of one kind than `limit` has.
    const fn exceed(self, limit: Self) -> bool {
        self.fresh > limit.fresh || self.bulk > limit.bulk || self.asked > limit.asked
    }
}

/// What becomes of an item once it is written, in an outbox that retains.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// Nothing: it is done.
    Passing,
    /// It is kept until the client has acknowledged a mark behind it.
    Kept,
    /// It is done, and the client is to acknowledge it once it has read all before it.
    Mark,
}

/// Shows whether much waits, to whoever should then bring no more.
pub(crate) struct Gauge<T> {
    shared: Arc<Mutex<State<T>>>,
}

impl<T> Gauge<T> {
    /// Whether more than half of the limit waits, or of answers to commands a small part of theirs.
    /// It is false while the writer waits for an acknowledgement, which a reader that pauses would
    /// not bring. It becomes false only by [`Outlet::written`], or when the writer begins to wait
    /// for an acknowledgement; nobody but the writer is woken for either.
    pub(crate) fn is_high(&self) -> bool {
        let state = lock(&self.shared);
        let State { waiting, limit, .. } = &*state;
        let is_high = waiting.exceed(Bytes {
            fresh: limit.fresh / 2,
            bulk: limit.bulk / 2,
            asked: limit.asked / PARTS_OF_ASKED,
        });
        is_high && !state.held && !state.is_full()
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
    /// More than the limit waits now; the caller must end the connection. The item is queued all the
    /// same.
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
    /// Queues an item. It takes its bytes of the limit until it is written, and is queued even over
    /// the limit. Its role is [`Role::Passing`], whatever it says, in an outbox that does not
    /// retain.
    ///
    /// # Errors
    ///
    /// Gives the item back, and changes nothing, if the outlet has been reclaimed or dropped.
    pub(crate) fn push(&self, item: T, bytes: Bytes, role: Role) -> Result<Pushed, T> {
        let mut state = lock(&self.shared);
        let state = &mut *state;
        if state.phase == Phase::Reclaimed {
            return Err(item);
        }
        let retains = state.retained.is_some();
        let role = if retains { role } else { Role::Passing };
        state.queue.push_back(Item { item, bytes, role });
        state.waiting.fresh += bytes.fresh;
        state.waiting.bulk += bytes.bulk;
        state.waiting.asked += bytes.asked;
        state.count();
        let over = state.waiting.exceed(state.limit);
        // A clone: a close before the wake-up still finds the waker, and does not rest on the
        // pusher to come to it.
        let wake = mem::take(&mut state.hungry)
            .then(|| state.writer.clone())
            .flatten();
        Ok(Pushed { wake, over })
    }

    /// From now on what is pushed as [`Role::Kept`] is kept until it is acknowledged, and marks
    /// are counted. To be called once at most.
    pub(crate) fn retain(&self) {
        lock(&self.shared).retained.get_or_insert_default();
    }

    /// The client has read everything up to the `marks`-th mark. Drops what was kept up to
    /// there, and returns the waker to wake for it.
    ///
    /// To acknowledge less than before does nothing. Of what is not written yet nothing is
    /// dropped, whatever a client claims to have read: it is done when it is written.
    #[must_use = "the writer sleeps until it is woken"]
    pub(crate) fn acknowledge(&self, marks: u64) -> Option<Waker> {
        let mut state = lock(&self.shared);
        let retained = state.retained.as_mut();
        let done = retained.map(|retained| retained.acknowledge(marks));
        state.count();
        let wake = state.end_hold();
        drop(state);
        drop(done);
        wake
    }

    /// The client acknowledges nothing: what is written is done, as if the outbox had never
    /// retained. Drops what was kept, and returns the waker to wake for it.
    #[must_use = "the writer sleeps until it is woken"]
    pub(crate) fn release(&self) -> Option<Waker> {
        let mut state = lock(&self.shared);
        let done = state.retained.take();
        state.count();
        let wake = state.end_hold();
        drop(state);
        drop(done);
        wake
    }

    /// Tells the writer to stop, and returns the waker to wake for it. Nothing can be
    /// acknowledged after this.
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
        state.stop = Some(Box::new((stop, last)));
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
/// One task polls it: all polls share one waker. What it holds is dropped with it;
/// [`reclaim`](Self::reclaim) first.
pub(crate) struct Outlet<T> {
    shared: Arc<Mutex<State<T>>>,
    batch: VecDeque<Item<T>>,
    /// How many marks were written.
    marks: u64,
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
            Some(stop) => Poll::Ready(*stop),
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
        // An idle connection keeps no room; to make some again costs less than the system call
        // that follows.
        self.batch.shrink_to_fit();
        state.queue.shrink_to_fit();
        state.hungry = true;
        sleep(state, cx);
        Poll::Pending
    }

    /// Ready when the writer may write. Pending while more is kept than may be, and the client
    /// has a mark to acknowledge; ready at once if the inlet is closed, as nothing can be
    /// acknowledged then.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = lock(&self.shared);
        if !state.is_full() {
            return Poll::Ready(());
        }
        state.held = true;
        sleep(state, cx);
        Poll::Pending
    }

    /// How many marks the client has acknowledged; 0 if the outbox does not retain. Nobody is
    /// woken when this changes.
    pub(crate) fn acknowledged(&self) -> u64 {
        let state = lock(&self.shared);
        let retained = state.retained.as_ref();
        retained.map_or(0, |retained| retained.acknowledged())
    }

    /// Whether more is in the pool than may be, and here no less than in the others on the average: a
    /// writer that makes no progress should end then. From then on what is here is not counted.
    pub(crate) fn gives_way(&self) -> bool {
        lock(&self.shared).share.gives_way()
    }

    /// The items being written, oldest first.
    pub(crate) fn batch(&self) -> impl ExactSizeIterator<Item = &T> {
        self.batch.iter().map(|queued| &queued.item)
    }

    /// Removes the `count` oldest items of the batch, which have been written whole, and
    /// releases their bytes. Those to be kept are kept.
    ///
    /// # Panics
    ///
    /// Panics if the batch has fewer.
    pub(crate) fn written(&mut self, count: usize) {
        if count == 0 {
            return;
        }
        let released: Bytes = self.batch.range(..count).map(|queued| queued.bytes).sum();
        // Sorted out ahead of the lock, for what is done is dropped here.
        let kept = self.batch.drain(..count).filter_map(|queued| {
            self.marks += u64::from(queued.role == Role::Mark);
            (queued.role == Role::Kept).then(|| Written {
                bytes: queued.bytes.total(),
                item: queued.item,
                marks: self.marks,
            })
        });
        let mut kept = kept.collect();
        let mut state = lock(&self.shared);
        state.waiting.fresh -= released.fresh;
        state.waiting.bulk -= released.bulk;
        state.waiting.asked -= released.asked;
        if let Some(retained) = &mut state.retained {
            retained.add(&mut kept, self.marks);
        }
        state.count();
        // Not everything may have been taken.
        drop(state);
        drop(kept);
    }

    /// Ends the outbox and returns all that is not done, oldest first: what is kept, then the
    /// batch, then the queue.
    ///
    /// After this a push gives its item back, and the outlet is empty and closed. A stop that
    /// was not seen is lost, with its last item. Spurious extra calls return nothing.
    pub(crate) fn reclaim(&mut self) -> Vec<T> {
        self.reclaim_after(|_| ())
    }

    /// [Reclaims](Self::reclaim), and lets `leave_out` take out of the oldest of the batch what is
    /// written of it, unless that is to be kept.
    pub(crate) fn reclaim_after(&mut self, leave_out: impl FnOnce(&mut T)) -> Vec<T> {
        let mut state = lock(&self.shared);
        state.phase = Phase::Reclaimed;
        let retained = state.retained.take();
        let queue = mem::take(&mut state.queue);
        let waiting = mem::take(&mut state.waiting);
        state.count();
        let foreign = (state.writer.take(), state.stop.take());
        drop(state);
        drop(foreign);

        let unwritten = || self.batch.iter().chain(&queue);
        debug_assert_eq!(
            waiting,
            unwritten().map(|queued| queued.bytes).sum(),
            "the bytes counted are those of the items not yet written"
        );
        let retains = retained.is_some();
        let first = self.batch.front_mut();
        if let Some(begun) = first.filter(|first| !retains || first.role != Role::Kept) {
            leave_out(&mut begun.item);
        }
        let kept = retained.into_iter().flat_map(|kept| kept.into_items());
        let unwritten = mem::take(&mut self.batch).into_iter().chain(queue);
        kept.chain(unwritten.map(|queued| queued.item)).collect()
    }
}

impl<T> Drop for Outlet<T> {
    fn drop(&mut self) {
        self.reclaim();
    }
}

struct State<T> {
    phase: Phase,
    /// Given by the inlet and not yet seen by the outlet.
    stop: Option<Box<(Stop, Option<T>)>>,
    queue: VecDeque<Item<T>>,
    /// The bytes of the queue and of the outlet's batch.
    waiting: Bytes,
    /// Only while it retains.
    retained: Option<Box<Retained<T>>>,
    /// What waits and what is retained, beside what other outboxes have.
    share: Share,
    limit: Bytes,
    /// The task to wake; only while open.
    writer: Option<Waker>,
    /// The writer has found nothing to write since it was last woken for a push.
    hungry: bool,
    /// The writer has found no room since it was last woken for an acknowledgement.
    held: bool,
}

impl<T> State<T> {
    /// Whether the writer must wait for an acknowledgement, and one can come.
    fn is_full(&self) -> bool {
        let retained = self.retained.as_ref().filter(|_| self.phase == Phase::Open);
        let Bytes { fresh, bulk, .. } = self.limit;
        retained.is_some_and(|retained| retained.exceeds(fresh.saturating_add(bulk)))
    }

    /// To be called whenever something waits or is retained that was not, or no longer.
    fn count(&mut self) {
        let retained = self.retained.as_ref();
        let retained = retained.map_or(0, |retained| retained.bytes());
        self.share.set(self.waiting.total() + retained);
    }

    /// The writer, if it has found no room and there is some now.
    fn end_hold(&mut self) -> Option<Waker> {
        let ends = self.held && !self.is_full();
        self.held &= !ends;
        ends.then(|| self.writer.clone()).flatten()
    }
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
    role: Role,
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, bytes| Self {
            fresh: sum.fresh + bytes.fresh,
            bulk: sum.bulk + bytes.bulk,
            asked: sum.asked + bytes.asked,
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
mod tests;
