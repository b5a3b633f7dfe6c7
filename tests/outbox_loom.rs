//! Every interleaving of the hub and one connection's writer, up to three preemptions, over the
//! outbox itself with loom's primitives in place of std's. The outbox's own unit tests run here
//! as well, each as a model of one thread.

use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::sync::{Arc, Mutex, Notify};
use loom::thread;
use outbox::{Bytes, Inlet, Outlet, Role, Stop, outbox};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};

#[allow(
    dead_code,
    reason = "what several outboxes have is no part of the models"
)]
#[path = "../src/net/outbox/mod.rs"]
mod outbox;

/// Stands in for `src/net/sync.rs`.
mod sync {
    pub(crate) use loom::model;
    pub(crate) use loom::sync::{Arc, Mutex, MutexGuard};

    /// loom fails a model in which a thread panics, so no lock is ever poisoned.
    pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().expect("no thread of a model panics")
    }
}

const PREEMPTIONS: usize = 3;

fn fresh(bytes: usize) -> Bytes {
    Bytes {
        fresh: bytes,
        ..Bytes::default()
    }
}

fn explore(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(model);
}

/// The broker's side of the outbox: every access is under one lock, and wakes only after it is
/// released.
struct Hub(Mutex<Peer>);

struct Peer {
    inlet: Option<Inlet<u32>>,
    pushed: u32,
    given_back: Vec<u32>,
}

impl Hub {
    fn new(limit: usize) -> (Arc<Self>, Outlet<u32>) {
        let (inlet, outlet) = outbox(fresh(limit));
        let hub = Self(Mutex::new(Peer {
            inlet: Some(inlet),
            pushed: 0,
            given_back: Vec::new(),
        }));
        (Arc::new(hub), outlet)
    }

    /// Pushes the next `count` numbers, unless the outbox is closed, and wakes its writer once.
    fn push(&self, count: u32) {
        let mut wake = None;
        {
            let peer = &mut *sync::lock(&self.0);
            let Some(inlet) = &peer.inlet else { return };
            for number in peer.pushed + 1..=peer.pushed + count {
                match inlet.push(number, fresh(1), Role::Passing) {
                    Ok(pushed) => wake = wake.or(pushed.wake),
                    Err(number) => peer.given_back.push(number),
                }
            }
            peer.pushed += count;
        }
        wake.into_iter().for_each(Waker::wake);
    }

    fn close(&self, stop: Stop, last: Option<u32>) {
        let inlet = sync::lock(&self.0).inlet.take();
        let wake = inlet.and_then(|inlet| inlet.close(stop, last));
        wake.into_iter().for_each(Waker::wake);
    }

    fn drop_inlet(&self) {
        let inlet = sync::lock(&self.0).inlet.take();
        drop(inlet);
    }

    /// Asserts that `written`, `reclaimed` and what was given back are together all that was
    /// pushed, each once and in order.
    fn assert_accounted_for(&self, written: &[u32], reclaimed: &[u32]) {
        let peer = sync::lock(&self.0);
        let numbers: Vec<u32> = [written, reclaimed, &peer.given_back].concat();
        let expected: Vec<u32> = (1..=peer.pushed).collect();
        assert_eq!(numbers, expected, "written {written:?}, {reclaimed:?}");
    }
}

/// Polls `future` on this thread, which sleeps until it is woken; loom fails the model if that
/// never happens.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let thread = std::sync::Arc::new(Thread(Notify::new()));
    let waker = Waker::from(std::sync::Arc::clone(&thread));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread.0.wait();
    }
}

/// A std `Arc` holds it, as `Wake` asks for one; its count is no part of a model.
struct Thread(Notify);

impl Wake for Thread {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.notify();
    }
}

/// A writer as the driver has it: a stop goes first, then whatever there is to write.
async fn write_until_stopped(outlet: &mut Outlet<u32>, written: &mut Vec<u32>) -> Option<u32> {
    let (stop, last) = loop {
        let event = poll_fn(|cx| match outlet.poll_stop(cx) {
            Poll::Ready(stop) => Poll::Ready(Event::Stop(stop)),
            Poll::Pending => outlet.poll_fill(cx).map(Event::Filled),
        });
        match event.await {
            Event::Stop(stop) => break stop,
            Event::Filled(true) => write_batch(outlet, written),
            // Closed between the two polls.
            Event::Filled(false) => break poll_fn(|cx| outlet.poll_stop(cx)).await,
        }
    };
    if stop == Stop::Flush {
        while poll_fn(|cx| outlet.poll_fill(cx)).await {
            write_batch(outlet, written);
        }
    }
    assert_stop_is_not_seen_again(outlet);
    last
}

enum Event {
    Stop((Stop, Option<u32>)),
    Filled(bool),
}

fn write_batch(outlet: &mut Outlet<u32>, written: &mut Vec<u32>) {
    written.extend(outlet.batch());
    let count = outlet.batch().len();
    assert_ne!(count, 0, "a filled batch has something to write");
    outlet.written(count);
}

fn assert_stop_is_not_seen_again(outlet: &mut Outlet<u32>) {
    block_on(poll_fn(|cx| {
        assert!(outlet.poll_stop(cx).is_pending());
        Poll::Ready(())
    }));
}

#[test]
fn a_writer_never_sleeps_through_items_or_a_stop_and_a_flush_writes_everything() {
    explore(|| {
        let (hub, mut outlet) = Hub::new(100);
        let broker = thread::spawn({
            let hub = Arc::clone(&hub);
            move || {
                hub.push(2);
                hub.push(1);
                hub.close(Stop::Flush, Some(99));
            }
        });
        let mut written = Vec::new();
        let last = block_on(write_until_stopped(&mut outlet, &mut written));
        assert_eq!((last, &written[..]), (Some(99), &[1, 2, 3][..]));
        broker.join().unwrap();
        hub.assert_accounted_for(&written, &outlet.reclaim());
    });
}

#[test]
fn a_writer_out_of_work_is_woken_by_a_push_alone() {
    explore(|| {
        let (hub, mut outlet) = Hub::new(100);
        let broker = thread::spawn({
            let hub = Arc::clone(&hub);
            move || {
                hub.push(1);
                hub.push(1);
            }
        });
        let mut written = Vec::new();
        while written.len() < 2 {
            assert!(block_on(poll_fn(|cx| outlet.poll_fill(cx))));
            write_batch(&mut outlet, &mut written);
        }
        broker.join().unwrap();
        hub.assert_accounted_for(&written, &[]);
    });
}

#[test]
fn a_writer_stuck_with_a_batch_is_woken_by_a_close() {
    explore(|| {
        let (hub, mut outlet) = Hub::new(100);
        hub.push(1);
        assert!(block_on(poll_fn(|cx| outlet.poll_fill(cx))));
        let broker = thread::spawn({
            let hub = Arc::clone(&hub);
            move || {
                hub.push(1);
                hub.close(Stop::HandOver, Some(99));
            }
        });
        let stop = block_on(poll_fn(|cx| outlet.poll_stop(cx)));
        assert_eq!(stop, (Stop::HandOver, Some(99)));
        assert_stop_is_not_seen_again(&mut outlet);
        broker.join().unwrap();
        hub.assert_accounted_for(&[], &outlet.reclaim());
    });
}

#[test]
fn a_writer_is_woken_by_a_dropped_inlet() {
    explore(|| {
        let (hub, mut outlet) = Hub::new(100);
        let broker = thread::spawn({
            let hub = Arc::clone(&hub);
            move || {
                hub.push(1);
                hub.drop_inlet();
            }
        });
        let mut written = Vec::new();
        let last = block_on(write_until_stopped(&mut outlet, &mut written));
        assert_eq!(last, None);
        broker.join().unwrap();
        hub.assert_accounted_for(&written, &outlet.reclaim());
    });
}

#[test]
fn whatever_two_producers_push_while_a_close_hands_over_is_written_or_reclaimed_in_order() {
    explore(|| {
        let (hub, mut outlet) = Hub::new(100);
        let producers = [1, 2].map(|count| {
            let hub = Arc::clone(&hub);
            thread::spawn(move || {
                hub.push(count);
                if count == 2 {
                    hub.close(Stop::HandOver, None);
                }
            })
        });
        let mut written = Vec::new();
        block_on(write_until_stopped(&mut outlet, &mut written));
        let reclaimed = outlet.reclaim();
        for producer in producers {
            producer.join().unwrap();
        }
        hub.assert_accounted_for(&written, &reclaimed);
    });
}

#[test]
fn a_writer_that_fails_in_mid_batch_reclaims_the_rest_and_later_pushes_are_given_back() {
    explore(|| {
        let (hub, mut outlet) = Hub::new(100);
        hub.push(2);
        let producers = [1, 1].map(|count| {
            let hub = Arc::clone(&hub);
            thread::spawn(move || hub.push(count))
        });
        assert!(block_on(poll_fn(|cx| outlet.poll_fill(cx))));
        let written = outlet.batch().copied().take(1).collect::<Vec<_>>();
        outlet.written(1);
        let reclaimed = outlet.reclaim();
        hub.close(Stop::Flush, Some(99));
        for producer in producers {
            producer.join().unwrap();
        }
        hub.assert_accounted_for(&written, &reclaimed);
    });
}

#[test]
fn a_push_is_over_the_limit_exactly_while_too_much_is_unwritten() {
    explore(|| {
        let (inlet, mut outlet) = outbox(fresh(1));
        let _ = inlet
            .push(1, fresh(1), Role::Passing)
            .expect("the outlet is not reclaimed");
        let releasing = Arc::new(AtomicBool::new(false));
        let released = Arc::new(AtomicBool::new(false));
        let broker = thread::spawn({
            let (releasing, released) = (Arc::clone(&releasing), Arc::clone(&released));
            move || {
                let was_released = released.load(Ordering::SeqCst);
                let pushed = inlet
                    .push(2, fresh(1), Role::Passing)
                    .expect("the outlet is not reclaimed");
                let is_releasing = releasing.load(Ordering::SeqCst);
                assert!(!was_released || !pushed.over, "written bytes still count");
                assert!(is_releasing || pushed.over, "unwritten bytes do not count");
                inlet
            }
        });
        assert!(block_on(poll_fn(|cx| outlet.poll_fill(cx))));
        releasing.store(true, Ordering::SeqCst);
        outlet.written(1);
        released.store(true, Ordering::SeqCst);
        let inlet = broker.join().unwrap();

        if outlet.batch().len() == 0 {
            assert!(block_on(poll_fn(|cx| outlet.poll_fill(cx))));
        }
        outlet.written(1);
        let full = inlet
            .push(3, fresh(1), Role::Passing)
            .expect("the outlet is not reclaimed");
        assert!(!full.over, "what was written has released its bytes");
        assert!(
            inlet
                .push(4, fresh(1), Role::Passing)
                .expect("not reclaimed")
                .over
        );
    });
}

/// A hub whose peer is at the other end of a retaining outbox, with a mark, 0, behind each item.
struct Asking {
    inlet: Mutex<Option<Inlet<u32>>>,
    /// How many marks the client has read.
    read: AtomicU64,
    /// How many the hub knows of.
    answered: AtomicU64,
}

/// What is pushed to it.
const ASKED: [u32; 6] = [1, 0, 2, 0, 3, 0];

impl Asking {
    fn new(limit: usize) -> (Arc<Self>, Outlet<u32>) {
        let (inlet, outlet) = outbox(fresh(limit));
        inlet.retain();
        for number in ASKED {
            let role = if number == 0 { Role::Mark } else { Role::Kept };
            let _ = inlet
                .push(number, fresh(1), role)
                .expect("the outlet is not reclaimed");
        }
        let hub = Self {
            inlet: Mutex::new(Some(inlet)),
            read: AtomicU64::new(0),
            answered: AtomicU64::new(0),
        };
        (Arc::new(hub), outlet)
    }

    /// What the client has read is acknowledged.
    fn answer(&self) {
        let wake = {
            let inlet = sync::lock(&self.inlet);
            let read = self.read.load(Ordering::SeqCst);
            self.answered.store(read, Ordering::SeqCst);
            inlet.as_ref().and_then(|inlet| inlet.acknowledge(read))
        };
        wake.into_iter().for_each(Waker::wake);
    }

    fn end(&self, end: impl FnOnce(Inlet<u32>) -> Option<Waker>) {
        let inlet = sync::lock(&self.inlet).take();
        let wake = inlet.and_then(end);
        wake.into_iter().for_each(Waker::wake);
    }

    /// Writes an item, which the client reads.
    fn write(&self, outlet: &mut Outlet<u32>) {
        assert!(block_on(poll_fn(|cx| outlet.poll_fill(cx))));
        block_on(poll_fn(|cx| outlet.poll_room(cx)));
        let is_mark = outlet.batch().next() == Some(&0);
        outlet.written(1);
        self.read.fetch_add(is_mark.into(), Ordering::SeqCst);
    }

    /// Asserts that what is given back after so many writes is what was kept behind the last
    /// mark that the hub knew of, and what was not written.
    fn assert_given_back(&self, written: usize, reclaimed: &[u32]) {
        let answered = 2 * self.answered.load(Ordering::SeqCst) as usize;
        let (sent, unsent) = ASKED.split_at(written);
        let kept = sent[answered..].iter().filter(|&&number| number != 0);
        let expected: Vec<u32> = kept.chain(unsent).copied().collect();
        assert_eq!(
            reclaimed, expected,
            "{answered} answered, {written} written"
        );
    }
}

#[test]
fn whatever_is_acknowledged_while_it_is_written_the_rest_is_given_back_in_order() {
    explore(|| {
        let (hub, mut outlet) = Asking::new(100);
        let broker = thread::spawn({
            let hub = Arc::clone(&hub);
            move || {
                hub.answer();
                hub.answer();
                hub.end(|inlet| inlet.close(Stop::HandOver, None));
            }
        });
        for _ in 0..5 {
            hub.write(&mut outlet);
        }
        broker.join().unwrap();
        hub.assert_given_back(5, &outlet.reclaim());
    });
}

#[test]
fn an_acknowledgement_comes_before_a_reclaim_whole_or_not_at_all() {
    explore(|| {
        let (hub, mut outlet) = Asking::new(100);
        for _ in 0..2 {
            hub.write(&mut outlet);
            hub.write(&mut outlet);
            hub.answer();
        }
        hub.write(&mut outlet);
        hub.write(&mut outlet);
        let broker = thread::spawn({
            let hub = Arc::clone(&hub);
            move || hub.answer()
        });
        let reclaimed = outlet.reclaim();
        broker.join().unwrap();
        assert!(
            reclaimed == [3] || reclaimed.is_empty(),
            "{reclaimed:?} given back"
        );
    });
}

#[test]
fn a_writer_without_room_is_woken_by_an_acknowledgement() {
    explore(|| {
        let (hub, mut outlet) = Asking::new(1);
        for _ in 0..3 {
            hub.write(&mut outlet);
        }
        // Two items are kept: too many, until the first mark is acknowledged, and then the second.
        for written in [2, 1] {
            let broker = thread::spawn({
                let hub = Arc::clone(&hub);
                move || hub.answer()
            });
            for _ in 0..written {
                hub.write(&mut outlet);
            }
            broker.join().unwrap();
        }
        hub.assert_given_back(ASKED.len(), &outlet.reclaim());
    });
}

#[test]
fn a_writer_without_room_is_woken_by_a_release_and_gives_back_only_what_it_has_not_written() {
    explore(|| {
        let (hub, mut outlet) = Asking::new(1);
        let broker = thread::spawn({
            let hub = Arc::clone(&hub);
            move || {
                let wake = sync::lock(&hub.inlet).as_ref().and_then(Inlet::release);
                wake.into_iter().for_each(Waker::wake);
            }
        });
        for _ in 0..5 {
            hub.write(&mut outlet);
        }
        broker.join().unwrap();
        assert_eq!(outlet.reclaim(), [0]);
    });
}

#[test]
fn a_writer_without_room_is_woken_by_a_close_and_gives_everything_back() {
    explore(|| {
        let (hub, mut outlet) = Asking::new(1);
        for _ in 0..3 {
            hub.write(&mut outlet);
        }
        let broker = thread::spawn({
            let hub = Arc::clone(&hub);
            move || hub.end(|inlet| inlet.close(Stop::HandOver, Some(99)))
        });
        block_on(poll_fn(|cx| outlet.poll_room(cx)));
        broker.join().unwrap();
        let stop = block_on(poll_fn(|cx| outlet.poll_stop(cx)));
        assert_eq!(stop, (Stop::HandOver, Some(99)));
        hub.assert_given_back(3, &outlet.reclaim());
    });
}
