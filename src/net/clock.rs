//! The two clocks: one that runs evenly, by which everything is decided, and the one on the wall,
//! which people are shown.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::id::Time;

/// How far the wall clock must be from where it is expected to be, to count as set. It is adjusted
/// more gently without that: the even clock is slowed down as well.
const STEP: Duration = Duration::from_millis(20);

/// How often to look at both clocks when they seem to differ.
const LOOKS: usize = 3;

/// Reads the wall clock.
#[derive(Clone)]
pub struct WallClock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl WallClock {
    /// Reads it with `read`. It is called whenever something happens, while the hub is owned.
    pub fn new(read: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Microseconds since 1970; 0 before that.
    fn micros(&self) -> u64 {
        let since = (self.0)().duration_since(SystemTime::UNIX_EPOCH);
        let micros = since.map_or(0, |since| since.as_micros());
        u64::try_from(micros).unwrap_or(u64::MAX)
    }
}

impl Default for WallClock {
    /// The system's.
    #[expect(
        clippy::disallowed_methods,
        reason = "people are shown the time of day; nothing is decided by it"
    )]
    fn default() -> Self {
        Self::new(SystemTime::now)
    }
}

impl fmt::Debug for WallClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WallClock").finish_non_exhaustive()
    }
}

/// Both clocks.
pub(super) struct Clock {
    start: Instant,
    wall: WallClock,
}

impl Clock {
    pub(super) fn start(wall: WallClock) -> Self {
        let start = Instant::now();
        Self { start, wall }
    }

    /// By the even clock.
    pub(super) fn now(&self) -> Time {
        let micros = self.start.elapsed().as_micros();
        Time::from_micros(u64::try_from(micros).expect("a server does not run for ages"))
    }

    /// When the even clock will show `time`; `None` if that is too far ahead.
    pub(super) fn instant(&self, time: Time) -> Option<Instant> {
        self.start.checked_add(time.since(Time::ZERO))
    }

    /// When [`Time::ZERO`] was by the wall clock, in microseconds since 1970.
    pub(super) fn epoch(&self, now: Time) -> u64 {
        self.wall.micros().saturating_sub(now.as_micros())
    }

    /// The same, if the wall clock was set since it was `epoch`, or the machine has slept.
    pub(super) fn stepped(&self, now: Time, epoch: u64) -> Option<u64> {
        let is_step = |new: u64| u128::from(new.abs_diff(epoch)) > STEP.as_micros();
        if !is_step(self.epoch(now)) {
            return None;
        }
        // This thread may have been held up between its looks at the two clocks.
        let looks = (0..LOOKS).map(|_| {
            let before = self.now();
            let epoch = self.epoch(before);
            (self.now().since(before), epoch)
        });
        let (_, new) = looks.min().expect("there is more than one");
        is_step(new).then_some(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering};
    use tokio::time::advance;

    /// A clock on the wall that runs as the even one does, and may be set ahead, by milliseconds.
    fn clock(ahead: &Arc<AtomicI64>) -> Clock {
        let (start, ahead) = (Instant::now(), Arc::clone(ahead));
        Clock::start(WallClock::new(move || {
            let ahead = 1_000_000_000_000 + ahead.load(Ordering::Relaxed);
            let since = Duration::from_millis(ahead.try_into().expect("it is past 1970"));
            SystemTime::UNIX_EPOCH + since + start.elapsed()
        }))
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_is_seen_in_both_directions_and_a_trifle_is_none() {
        let ahead = Arc::new(AtomicI64::new(0));
        let clock = clock(&ahead);
        let mut epoch = clock.epoch(clock.now());
        assert_eq!(epoch, 1_000_000_000_000_000);
        for (set, new) in [
            (0, None),
            (20, None),
            (7_200_000, Some(1_000_007_200_000_000)),
            (7_200_001, None),
            (-5_000, Some(999_999_995_000_000)),
        ] {
            ahead.store(set, Ordering::Relaxed);
            advance(Duration::from_secs(9)).await;
            let stepped = clock.stepped(clock.now(), epoch);
            assert_eq!(stepped, new, "{set}");
            epoch = stepped.unwrap_or(epoch);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_thread_that_is_held_up_takes_that_for_no_step() {
        let clock = clock(&Arc::default());
        let before = clock.now();
        advance(Duration::from_secs(2)).await;
        let epoch = 1_000_000_000_000_000;
        assert_eq!(clock.epoch(before), epoch + 2_000_000);
        assert_eq!(clock.stepped(before, epoch), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_before_1970_is_bearable() {
        let clock = Clock::start(WallClock::new(|| {
            SystemTime::UNIX_EPOCH - Duration::from_secs(1)
        }));
        assert_eq!(clock.epoch(clock.now()), 0);
    }
}
