//! Named places in the driver at which a simulation may let others go first.

use std::future::{Future, ready};

/// A place at which one half of a connection stands between two things that it does.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Point {
    /// The connection is accepted, and neither half has begun.
    Accepted,
    /// The reader has brought to the hub what it read.
    Received,
    /// The reader reads no more, and has not said so yet.
    ReaderEnds,
    /// The writer knows that it is to stop, and has written nothing since.
    WriterStops,
    /// The writer writes no more, and has not said so yet.
    WriterEnds,
}

impl Point {
    /// All points.
    pub const ALL: [Self; 5] = [
        Self::Accepted,
        Self::Received,
        Self::ReaderEnds,
        Self::WriterStops,
        Self::WriterEnds,
    ];
}

/// What happens at each [`Point`].
pub trait Points: Clone + Send + Sync + 'static {
    /// Completes when whoever has reached `point` may go on.
    fn reach(&self, point: Point) -> impl Future<Output = ()> + Send;
}

/// Nothing happens, at no cost.
impl Points for () {
    fn reach(&self, _: Point) -> impl Future<Output = ()> + Send {
        ready(())
    }
}
