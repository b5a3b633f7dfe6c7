//! An outbox beside a model of it, which remembers everything and computes the rest anew.

#[path = "../../src/net/outbox/mod.rs"]
#[allow(dead_code, reason = "it has more than this needs")]
mod outbox;
#[path = "../../src/net/sync.rs"]
mod sync;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use outbox::{Bytes, Inlet, Outlet, Pool, Role, Stop, outbox_in};
use std::task::{Context, Waker};

/// What can happen to an outbox.
#[derive(Arbitrary, Debug)]
pub(crate) enum Step {
    /// Something is queued that the client need not acknowledge.
    Pass(u8),
    /// Something is queued that it must acknowledge.
    Keep(u8),
    /// Several such items are queued at once.
    KeepEach([u8; 3]),
    /// A mark is queued.
    Mark,
    /// From now on it is asked to acknowledge.
    Retain,
    /// It acknowledges so many marks.
    Acknowledge(u8),
    /// It is not asked any longer.
    Release,
    /// The writer takes what there is, and writes so many items of it, if it may.
    Write(u8),
}

/// So much that a few items fill it.
const LIMIT: usize = 500;

/// Lets all steps happen, and then the outbox end.
///
/// # Panics
///
/// If the outbox does anything that the model does not.
pub(crate) fn play(steps: &[Step]) {
    let half = LIMIT / 2;
    let limit = Bytes { fresh: half, bulk: LIMIT - half, asked: 0 };
    let (inlet, mut outlet) = outbox_in(Pool::new(usize::MAX), limit);
    let mut model = Model::default();
    for step in steps {
        match *step {
            Step::Pass(bytes) => model.push(&inlet, &[(bytes.into(), Role::Passing)]),
            Step::Keep(bytes) => model.push(&inlet, &[(bytes.into(), Role::Kept)]),
            Step::KeepEach(bytes) => {
                let items = bytes.map(|bytes| (bytes.into(), Role::Kept));
                model.push(&inlet, &items);
            }
            Step::Mark => model.push(&inlet, &[(0, Role::Mark)]),
            Step::Retain => model.retain(&inlet),
            Step::Acknowledge(marks) => model.acknowledge(&inlet, marks.into()),
            Step::Release => model.release(&inlet),
            Step::Write(items) => model.write(&mut outlet, items.into()),
        }
    }
    let _ = inlet.close(Stop::Flush, None);
    assert!(outlet.reclaim().into_iter().eq(model.left()));
}

/// Items are known by their number.
#[derive(Default)]
struct Model {
    /// The bytes and the role of each.
    items: Vec<(usize, Role)>,
    written: usize,
    /// Nothing before the first retaining, and nothing more after a release.
    retains: Option<bool>,
    acknowledged: u64,
}

impl Model {
    fn push(&mut self, inlet: &Inlet<usize>, items: &[(usize, Role)]) {
        let retains = self.retains == Some(true);
        for &(bytes, role) in items {
            let pushed = inlet.push(self.items.len(), Bytes { fresh: bytes, ..Bytes::default() }, role);
            self.items.push((bytes, if retains { role } else { Role::Passing }));
            let waiting: usize = self.items[self.written..].iter().map(|(bytes, _)| bytes).sum();
            assert!(pushed.is_ok_and(|pushed| pushed.over == (waiting > LIMIT / 2)));
        }
    }

    fn retain(&mut self, inlet: &Inlet<usize>) {
        if self.retains.is_none() {
            inlet.retain();
            self.retains = Some(true);
        }
    }

    fn acknowledge(&mut self, inlet: &Inlet<usize>, marks: u64) {
        let _ = inlet.acknowledge(marks);
        if self.retains == Some(true) {
            self.acknowledged = self.acknowledged.max(marks);
        }
    }

    fn release(&mut self, inlet: &Inlet<usize>) {
        let _ = inlet.release();
        self.retains = self.retains.map(|_| false);
    }

    fn write(&mut self, outlet: &mut Outlet<usize>, items: usize) {
        let cx = &mut Context::from_waker(Waker::noop());
        let _ = outlet.poll_fill(cx);
        assert!(outlet.batch().copied().eq(self.written..self.items.len()));
        let retains = self.retains == Some(true);
        assert_eq!(outlet.acknowledged(), if retains { self.acknowledged } else { 0 });
        let waits = self.is_full();
        assert_eq!(outlet.poll_room(cx).is_pending(), waits);
        if !waits {
            let items = outlet.batch().len().min(items);
            outlet.written(items);
            self.written += items;
        }
    }

    /// Whether the client must acknowledge something before more is written.
    fn is_full(&self) -> bool {
        let kept = self.left().take_while(|&item| item < self.written);
        let kept: usize = kept.map(|item| self.items[item].0).sum();
        kept > LIMIT && self.marks_before(self.written) > self.acknowledged
    }

    /// What is not done: what is not written, and what is kept.
    fn left(&self) -> impl Iterator<Item = usize> {
        (0..self.items.len()).filter(|&item| {
            let is_asked_for = self.retains == Some(true) && self.items[item].1 == Role::Kept;
            let is_kept = is_asked_for && self.marks_before(item) >= self.acknowledged;
            item >= self.written || is_kept
        })
    }

    fn marks_before(&self, item: usize) -> u64 {
        let before = self.items[..item].iter();
        before.filter(|(_, role)| *role == Role::Mark).count() as u64
    }
}
