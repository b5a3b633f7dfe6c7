//! The time of day, as people are shown it.

use alloc::vec::Vec;

use crate::id::Time;
use crate::wire::irc::Timestamp;

/// Steps of the wall clock that are remembered. After more, what happened between the oldest two
/// is shown as if there had been one.
const STEPS: usize = 32;

/// Shows each [`Time`] as the wall clock showed it then.
///
/// A time that was shown once is shown again, whatever the clock does later: it is set, or the
/// machine sleeps, in which [`Time`] stands still.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Clock {
    /// Since when the clock has been so far ahead, oldest first; the first is that of the start.
    steps: Vec<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Step {
    since: Time,
    /// The start of [`Time`], in microseconds since 1970.
    epoch: u64,
}

impl Default for Clock {
    fn default() -> Self {
        let (since, epoch) = (Time::ZERO, 0);
        Self {
            steps: Vec::from([Step { since, epoch }]),
        }
    }
}

impl Clock {
    /// From `now` on, [`Time`] counts as having started at `epoch`.
    pub(super) fn set(&mut self, now: Time, epoch: u64) {
        let last = self.steps.last_mut().expect("the first is never removed");
        if last.since == now {
            last.epoch = epoch;
            return;
        }
        if self.steps.len() == STEPS {
            self.steps.remove(1);
        }
        let since = now;
        self.steps.push(Step { since, epoch });
    }

    /// What the wall clock showed at `time`.
    pub(super) fn at(&self, time: Time) -> Timestamp {
        let step = self.steps.iter().rev().find(|step| step.since <= time);
        Timestamp::new(step.map_or(0, |step| step.epoch), time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn second(n: u64) -> Time {
        Time::ZERO.after(Duration::from_secs(n))
    }

    fn shows(clock: &Clock, n: u64) -> u64 {
        clock.at(second(n)).seconds()
    }

    #[test]
    fn a_time_is_shown_as_it_was_then() {
        let mut clock = Clock::default();
        clock.set(second(0), 1_000_000_000);
        assert_eq!(shows(&clock, 5), 1_005);
        clock.set(second(10), 8_200_000_000);
        clock.set(second(20), 500_000_000);
        let shown = [0, 9, 10, 19, 20, 21].map(|n| shows(&clock, n));
        assert_eq!(shown, [1_000, 1_009, 8_210, 8_219, 520, 521]);
    }

    #[test]
    fn the_last_of_two_steps_at_once_counts() {
        let mut clock = Clock::default();
        clock.set(second(7), 1_000_000_000);
        clock.set(second(7), 2_000_000_000);
        assert_eq!((shows(&clock, 6), shows(&clock, 7)), (6, 2_007));
    }

    #[test]
    fn of_many_steps_the_start_and_the_last_are_remembered() {
        let mut clock = Clock::default();
        clock.set(second(0), 9_000_000_000);
        for n in 1..=100 {
            clock.set(second(n), n * 1_000_000_000);
            assert!(clock.steps.len() <= STEPS);
            assert_eq!((shows(&clock, 0), shows(&clock, n)), (9_000, 1_001 * n));
        }
    }
}
