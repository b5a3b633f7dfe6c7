//! How often something may happen.

use core::time::Duration;

use crate::id::Time;

/// A rate with a burst, counted by the generic cell rate algorithm (ITU-T I.371,
/// annex A): one point in time says it all.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Rate {
    /// Microseconds between two events, over time.
    interval: u64,
    /// Microseconds that a burst may run ahead of the rate.
    tolerance: u64,
}

/// What one source has used of a [`Rate`]: when it will have nothing to pay for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub(super) struct Used(Time);

impl Rate {
    /// `burst` events at once, and all of them again after `window`.
    pub(super) fn new(burst: u32, window: Duration) -> Self {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let interval = window / burst;
        Self {
            interval: micros(interval),
            tolerance: micros(interval * (burst - 1)),
        }
    }

    /// Whether one more may happen at `now`.
    pub(super) fn allows(&self, used: Used, now: Time) -> bool {
        used.0.as_micros().saturating_sub(now.as_micros()) <= self.tolerance
    }

    /// Counts one that happens at `now`, if it may.
    pub(super) fn take(&self, used: &mut Used, now: Time) -> bool {
        let allowed = self.allows(*used, now);
        if allowed {
            self.count(used, now);
        }
        allowed
    }

    /// When one more may happen.
    pub(super) fn next(&self, used: Used) -> Time {
        Time::from_micros(used.0.as_micros().saturating_sub(self.tolerance))
    }

    /// By how many events those that happened run ahead of the burst at `now`.
    pub(super) fn excess(&self, used: Used, now: Time) -> u32 {
        let ahead = used.0.as_micros().saturating_sub(now.as_micros());
        let excess = ahead.saturating_sub(self.tolerance).div_ceil(self.interval);
        u32::try_from(excess).unwrap_or(u32::MAX)
    }

    /// Counts one that happens at `now`.
    pub(super) fn count(&self, used: &mut Used, now: Time) {
        self.count_several(used, now, 1);
    }

    /// Counts as many that happen at `now`.
    pub(super) fn count_several(&self, used: &mut Used, now: Time, times: u64) {
        let from = used.0.max(now).as_micros();
        let micros = self.interval.saturating_mul(times);
        used.0 = Time::from_micros(from.saturating_add(micros));
    }
}

impl Used {
    /// Leaves nothing to pay for after `latest`.
    pub(super) fn cap(&mut self, latest: Time) {
        self.0 = self.0.min(latest);
    }

    /// Whether nothing is left to pay for at `now`.
    pub(super) fn is_forgiven(self, now: Time) -> bool {
        self.0 <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `attempts` at `now` are allowed.
    fn attempts(rate: Rate, used: &mut Used, now: Time, attempts: usize) -> usize {
        let allowed = (0..attempts).filter(|_| rate.take(used, now));
        allowed.count()
    }

    #[test]
    fn a_burst_is_allowed_at_once_and_then_the_rate() {
        let rate = Rate::new(5, Duration::from_secs(10));
        let mut used = Used::default();
        let start = Time::from_micros(7);
        assert_eq!(attempts(rate, &mut used, start, 9), 5);
        let second = |n| start.after(Duration::from_secs(n));
        assert_eq!(rate.excess(used, second(0)), 1);
        assert_eq!(attempts(rate, &mut used, second(1), 9), 0);
        assert_eq!(rate.excess(used, second(2)), 0);
        assert_eq!(attempts(rate, &mut used, second(2), 9), 1);
        assert_eq!(attempts(rate, &mut used, second(6), 9), 2);
        assert!(!used.is_forgiven(second(15)));
        assert!(used.is_forgiven(second(16)));
        assert_eq!(attempts(rate, &mut used, second(16), 9), 5);
    }
}
