//! Who looks on while the broker inside a hub works.

use core::fmt;

use crate::broker::{Broker, Effects, Input};
use crate::id::Time;

/// Looks on, and changes nothing: a simulation judges what it sees.
pub trait Observer: fmt::Debug + Send {
    /// The broker was told `input` at `now`, wants `effects` done, and stands as it is.
    fn handled(&mut self, now: Time, input: &Input, effects: &Effects, broker: &Broker);
}
