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

    fn room<T>(&self, outlet: &mut Outlet<T>) -> Poll<()> {
        outlet.poll_room(&mut Context::from_waker(&self.waker))
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
        ..Bytes::default()
    }
}

fn bulk(bytes: usize) -> Bytes {
    Bytes {
        bulk: bytes,
        ..Bytes::default()
    }
}

fn push<T: std::fmt::Debug>(inlet: &Inlet<T>, item: T, bytes: usize) -> Pushed {
    push_as(Role::Passing, inlet, item, bytes)
}

fn push_as<T: std::fmt::Debug>(role: Role, inlet: &Inlet<T>, item: T, bytes: usize) -> Pushed {
    let pushed = inlet.push(item, fresh(bytes), role);
    pushed.expect("the outlet is not reclaimed")
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
fn the_gauge_is_high_while_more_than_half_waits_or_a_small_part_of_what_was_asked_for() {
    model(|| {
        let limit = Bytes {
            fresh: 4,
            bulk: 8,
            asked: 128,
        };
        let task = Task::new();
        let (inlet, mut outlet) = outbox(limit);
        let gauge = outlet.gauge();
        let asked = Bytes {
            asked: 2,
            ..Bytes::default()
        };
        for half in [fresh(2), bulk(4), asked] {
            let _ = inlet.push(0, half, Role::Passing).unwrap();
            assert!(!gauge.is_high());
            let _ = inlet.push(0, half, Role::Passing).unwrap();
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
        let limit = Bytes {
            bulk: 5,
            ..fresh(2)
        };
        let task = Task::new();
        let (inlet, mut outlet) = outbox(limit);
        let over = |bytes| inlet.push(0, bytes, Role::Passing).unwrap().over;
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
        let late = inlet.push(4, fresh(1), Role::Passing);
        assert_eq!(late.expect_err("reclaimed"), 4);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(false));
        assert!(outlet.reclaim().is_empty());
        assert!(inlet.close(Stop::Flush, Some(5)).is_none());
        assert!(task.stop(&mut outlet).is_pending());
    });
}

#[test]
fn what_is_written_of_the_oldest_is_left_out_unless_it_is_to_be_kept() {
    model(|| {
        for (retains, role, oldest) in [
            (false, Role::Passing, 1),
            (false, Role::Kept, 1),
            (true, Role::Passing, 1),
            (true, Role::Kept, 10),
        ] {
            let (task, (inlet, mut outlet)) = (Task::new(), outbox(fresh(100)));
            if retains {
                inlet.retain();
            }
            let _ = (push_as(role, &inlet, 10, 1), push(&inlet, 20, 1));
            assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
            assert_eq!(outlet.reclaim_after(|begun| *begun /= 10), [oldest, 20]);
        }
        let (_, (inlet, mut outlet)) = (Task::new(), outbox(fresh(100)));
        let _ = push(&inlet, 10, 1);
        assert_eq!(
            outlet.reclaim_after(|begun| *begun /= 10),
            [10],
            "queued alone"
        );
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
        assert!(inlet.push(item, fresh(1), Role::Passing).is_err());
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

/// An outbox that retains, with items of one byte each written; 0 is a mark.
fn with_written(limit: usize, items: &[u32]) -> (Task, Inlet<u32>, Outlet<u32>) {
    let (task, (inlet, mut outlet)) = (Task::new(), outbox(fresh(limit)));
    inlet.retain();
    queue(&inlet, items);
    if !items.is_empty() {
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        outlet.written(items.len());
    }
    (task, inlet, outlet)
}

fn queue(inlet: &Inlet<u32>, items: &[u32]) {
    for &item in items {
        let role = if item == 0 { Role::Mark } else { Role::Kept };
        let _ = push_as(role, inlet, item, 1);
    }
}

#[test]
fn what_is_kept_is_given_back_ahead_of_what_is_not_written() {
    model(|| {
        let (task, inlet, mut outlet) = with_written(100, &[1, 0, 2]);
        let _ = push(&inlet, 3, 1);
        queue(&inlet, &[4, 0]);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        outlet.written(1);
        queue(&inlet, &[5]);
        assert_eq!(outlet.reclaim(), [1, 2, 4, 0, 5]);
    });
}

#[test]
fn an_acknowledgement_ends_what_was_written_before_its_mark_and_nothing_behind_it() {
    model(|| {
        let (task, inlet, mut outlet) = with_written(100, &[1, 2, 0, 3]);
        for marks in [1, 0, 1] {
            assert!(inlet.acknowledge(marks).is_none());
        }
        queue(&inlet, &[0, 4]);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        outlet.written(2);
        queue(&inlet, &[5]);
        assert_eq!(outlet.reclaim(), [3, 4, 5]);

        let (task, inlet, mut outlet) = with_written(100, &[1, 2, 0, 3]);
        assert!(inlet.acknowledge(1).is_none());
        queue(&inlet, &[0, 4]);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        outlet.written(2);
        assert!(inlet.acknowledge(2).is_none());
        assert_eq!(outlet.reclaim(), [4]);
    });
}

#[test]
fn a_mark_that_is_acknowledged_ahead_of_time_counts_once_it_is_written() {
    model(|| {
        let (task, inlet, mut outlet) = with_written(100, &[1]);
        queue(&inlet, &[2, 3, 0, 4]);
        for marks in [1, 0] {
            assert!(inlet.acknowledge(marks).is_none());
        }
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        outlet.written(1);
        assert_eq!(batch(&outlet), [3, 0, 4], "what is not written is not done");
        outlet.written(3);
        assert_eq!(outlet.reclaim(), [4]);

        let (_, inlet, mut outlet) = with_written(100, &[]);
        queue(&inlet, &[1, 0]);
        assert!(inlet.acknowledge(1).is_none());
        assert_eq!(outlet.reclaim(), [1, 0]);
    });
}

#[test]
fn a_released_outbox_keeps_nothing_and_never_waits() {
    model(|| {
        let (task, inlet, mut outlet) = with_written(1, &[1, 2, 0]);
        queue(&inlet, &[3, 4]);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        assert!(task.room(&mut outlet).is_pending());
        wake(inlet.release());
        assert_eq!(task.wakes(), 1);
        assert!(task.room(&mut outlet).is_ready());
        outlet.written(1);
        assert_eq!(outlet.reclaim(), [4]);
    });
}

#[test]
fn an_outbox_that_does_not_retain_keeps_nothing() {
    model(|| {
        let (task, (inlet, mut outlet)) = (Task::new(), outbox(fresh(1)));
        queue(&inlet, &[1, 2, 0]);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        outlet.written(3);
        assert!(task.room(&mut outlet).is_ready());
        assert!(outlet.reclaim().is_empty());
    });
}

#[test]
fn what_is_pushed_before_an_outbox_retains_is_neither_kept_nor_counted() {
    model(|| {
        let (task, (inlet, mut outlet)) = (Task::new(), outbox(fresh(100)));
        queue(&inlet, &[1, 0]);
        inlet.retain();
        queue(&inlet, &[2, 0, 3]);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        outlet.written(5);
        assert!(inlet.acknowledge(1).is_none());
        assert_eq!(outlet.reclaim(), [3]);
    });
}

#[test]
fn a_writer_waits_while_more_than_the_limit_is_kept_and_a_mark_is_unanswered() {
    model(|| {
        let (task, inlet, mut outlet) = with_written(2, &[1, 2, 0]);
        assert!(task.room(&mut outlet).is_ready(), "no more than the limit");
        queue(&inlet, &[3]);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        outlet.written(1);
        assert!(task.room(&mut outlet).is_pending());
        assert!(inlet.acknowledge(0).is_none(), "as much is kept as before");
        wake(inlet.acknowledge(1));
        assert_eq!(task.wakes(), 1);
        assert!(task.room(&mut outlet).is_ready());

        queue(&inlet, &[4, 5]);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        outlet.written(2);
        assert!(task.room(&mut outlet).is_ready(), "no answer can come");
        queue(&inlet, &[0]);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        outlet.written(1);
        assert!(task.room(&mut outlet).is_pending());
    });
}

#[test]
fn several_marks_may_be_unanswered_and_each_ends_what_is_before_it() {
    model(|| {
        let (task, inlet, mut outlet) = with_written(100, &[1, 0]);
        queue(&inlet, &[2, 0, 3, 0, 4]);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        assert!(task.room(&mut outlet).is_ready(), "no answer is waited for");
        assert_eq!(batch(&outlet), [2, 0, 3, 0, 4]);
        outlet.written(5);
        assert_eq!(outlet.acknowledged(), 0);
        assert!(inlet.acknowledge(2).is_none());
        assert_eq!(outlet.acknowledged(), 2);
        assert!(
            inlet.acknowledge(1).is_none(),
            "an older answer says nothing"
        );
        assert_eq!(outlet.acknowledged(), 2);
        assert_eq!(outlet.reclaim(), [3, 4]);
    });
}

#[test]
fn only_an_acknowledgement_that_makes_room_wakes_a_writer_and_only_one_that_waits() {
    model(|| {
        let (task, inlet, mut outlet) = with_written(1, &[1, 2, 0, 3]);
        assert!(task.room(&mut outlet).is_pending());
        assert!(inlet.acknowledge(0).is_none());
        assert!(inlet.acknowledge(1).is_some());
        assert!(inlet.acknowledge(1).is_none());

        let (task, inlet, mut outlet) = with_written(1, &[1, 2, 0]);
        assert!(task.stop(&mut outlet).is_pending());
        assert!(inlet.acknowledge(1).is_none());
    });
}

#[test]
fn a_writer_that_is_to_stop_waits_for_no_acknowledgement() {
    model(|| {
        let (task, inlet, mut outlet) = with_written(1, &[1, 2, 0]);
        queue(&inlet, &[3]);
        assert!(task.room(&mut outlet).is_pending());
        wake(inlet.close(Stop::Flush, None));
        assert_eq!(task.wakes(), 1);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        assert!(task.room(&mut outlet).is_ready());
        outlet.written(1);
        assert_eq!(outlet.reclaim(), [1, 2, 3]);
    });
}

#[test]
fn what_is_kept_is_neither_over_the_limit_nor_high() {
    model(|| {
        let (task, inlet, mut outlet) = with_written(2, &[1, 2]);
        let gauge = outlet.gauge();
        assert!(!gauge.is_high());
        assert!(!push(&inlet, 3, 2).over);
        assert!(gauge.is_high());
        assert!(push(&inlet, 4, 1).over);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
    });
}

#[test]
fn the_gauge_is_low_while_the_writer_waits_for_what_is_to_be_read() {
    model(|| {
        let (_, inlet, outlet) = with_written(2, &[1, 2, 3, 0]);
        let gauge = outlet.gauge();
        queue(&inlet, &[4, 5]);
        assert!(!gauge.is_high());
        assert!(inlet.acknowledge(1).is_none());
        assert!(gauge.is_high());

        let (task, inlet, mut outlet) = with_written(2, &[1, 2, 3, 0]);
        let gauge = outlet.gauge();
        queue(&inlet, &[4, 5]);
        assert_eq!(task.fill(&mut outlet), Poll::Ready(true));
        assert!(task.room(&mut outlet).is_pending());
        assert!(!gauge.is_high());
        wake(inlet.acknowledge(1));
        assert!(gauge.is_high());
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
        assert!(inlet.push(item, fresh(1), Role::Passing).is_ok());
        assert!(inlet.close(Stop::Flush, Some(last)).is_none());
        drop(outlet);
        assert_eq!(count(), 5, "a queued item, and a last item not seen");
    });
}

#[test]
fn what_is_done_is_dropped_outside_the_lock() {
    model(|| {
        let dropped_unlocked = Arc::new(AtomicUsize::new(0));
        let count = || dropped_unlocked.load(Ordering::Relaxed);
        let (inlet, mut outlet) = outbox(fresh(100));
        let probe = || Probe {
            shared: super::Arc::clone(&inlet.shared),
            dropped_unlocked: Arc::clone(&dropped_unlocked),
        };
        let write = |outlet: &mut Outlet<Probe>, role| {
            assert!(inlet.push(probe(), fresh(1), role).is_ok());
            let filled = outlet.poll_fill(&mut Context::from_waker(Waker::noop()));
            assert_eq!(filled, Poll::Ready(true));
            outlet.written(1);
        };
        inlet.retain();
        write(&mut outlet, Role::Kept);
        assert_eq!(count(), 0);
        write(&mut outlet, Role::Mark);
        assert_eq!(count(), 1, "a mark");
        write(&mut outlet, Role::Passing);
        assert_eq!(count(), 2, "what is not kept");
        assert!(inlet.acknowledge(2).is_none());
        assert_eq!(count(), 3, "what is acknowledged");
        write(&mut outlet, Role::Kept);
        assert_eq!(count(), 4, "what was acknowledged ahead of time");
        write(&mut outlet, Role::Mark);
        write(&mut outlet, Role::Kept);
        assert!(inlet.release().is_none());
        assert_eq!(count(), 6, "what is released");
    });
}

#[test]
fn an_idle_outbox_keeps_no_buffers() {
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
        assert_eq!(outlet.batch.capacity(), 0);
        assert_eq!(lock(&outlet.shared).queue.capacity(), 0);
    });
}
