//! What was written, and is to be given back unless the client has acknowledged it.

use std::collections::VecDeque;

/// Written items, oldest first, and the marks that were written among them.
///
/// An item is acknowledged together with the first mark behind it.
pub(super) struct Retained<T> {
    items: VecDeque<Written<T>>,
    /// The bytes of the items.
    bytes: usize,
    /// How many marks were written.
    marks: u64,
    /// How many of them are acknowledged; more than were written, if the client runs ahead.
    acknowledged: u64,
}

/// A written item.
pub(super) struct Written<T> {
    pub(super) item: T,
    pub(super) bytes: usize,
    /// How many marks were written before it.
    pub(super) marks: u64,
}

impl<T> Default for Retained<T> {
    fn default() -> Self {
        Self {
            items: VecDeque::new(),
            bytes: 0,
            marks: 0,
            acknowledged: 0,
        }
    }
}

impl<T> Retained<T> {
    /// Adds what has just been written, oldest first: `written`, after which there are `marks`
    /// marks. Leaves in `written` what was acknowledged ahead of time, for the caller to drop.
    pub(super) fn add(&mut self, written: &mut VecDeque<Written<T>>, marks: u64) {
        let known = written.partition_point(|written| written.marks < self.acknowledged);
        let mut unknown = written.split_off(known);
        self.bytes += unknown.iter().map(|written| written.bytes).sum::<usize>();
        self.items.append(&mut unknown);
        self.marks = marks;
    }

    /// The first `marks` marks are acknowledged. Returns what need not be kept any longer, for
    /// the caller to drop.
    pub(super) fn acknowledge(&mut self, marks: u64) -> VecDeque<Written<T>> {
        self.acknowledged = self.acknowledged.max(marks);
        let known = |written: &Written<T>| written.marks < self.acknowledged;
        // What is kept moves to a buffer of its size; mostly nothing is, and there is none.
        let kept = self.items.split_off(self.items.partition_point(known));
        self.bytes = kept.iter().map(|written| written.bytes).sum();
        std::mem::replace(&mut self.items, kept)
    }

    /// Whether more than `bytes` is kept, and the client has a mark to acknowledge.
    pub(super) fn exceeds(&self, bytes: usize) -> bool {
        self.bytes > bytes && self.marks > self.acknowledged
    }

    /// The bytes of the items.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many marks are acknowledged.
    pub(super) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// The items, oldest first.
    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        self.items.into_iter().map(|written| written.item)
    }
}
