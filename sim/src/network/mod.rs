//! The real driver, unchanged, on a simulated network.
//!
//! One server and a few clients, each a host of its own, go through a [`Plan`]. While it lasts,
//! every statement is judged at every input of the broker. Then everything is healed, and
//! liveness is demanded: within a bounded time everyone is back and can talk, what was kept has
//! arrived, and nothing is left over.

mod client;
mod ending;
mod ground;
mod play;
mod scene;
mod server;
mod stream;

use std::time::Duration;

use rejoin::Config;

use crate::invariants::Violation;
use crate::panics;
use crate::plan::Plan;
use crate::probe::Probes;
use crate::setting::network;
use crate::trace::Trace;
use play::Play;

pub use scene::Counts;

/// How far the clock goes at once.
pub const TICK: Duration = Duration::from_millis(10);

const SERVER: &str = "server";

/// Where it listens for the plain protocol, and for IRC.
const PORTS: [u16; 2] = [6000, 6667];

/// What came of a simulation.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What does not hold, oldest first; nothing if all is well.
    pub violations: Vec<Violation>,
    /// How often each kind of fault took effect.
    pub faults: Counts,
    /// How often the rare paths were reached.
    pub probes: Probes,
    /// How much time has passed in it.
    pub simulated: Duration,
    /// How often something was judged.
    pub moments: u64,
    /// What happened, if that was to be kept.
    pub trace: Option<Trace>,
}

/// What a network is made from.
#[derive(Clone, Copy, Debug)]
struct Outline {
    seed: u64,
    /// How long a message is under way at most.
    latency: Duration,
}

/// Goes through `plan`. Keeps what happens, if `traces`. A panic that was not planned is a
/// violation, whoever catches it.
pub fn simulate(plan: &Plan, traces: bool) -> Outcome {
    let config: Config = network(plan.setting.into());
    let mut play = Play::new(plan, &config, traces);
    let result = panics::hear(|| play.go(plan).and_then(|()| play.end()));
    let result = result.unwrap_or_else(|panic| Err(panicked(&panic)));
    wound_up(|| play.outcome(result))
}

/// What comes of a simulation when its network goes. Of a run that has failed, nothing is said of
/// the tasks that then panic, which may be many: whatever was found was found before.
fn wound_up(end: impl FnOnce() -> Outcome) -> Outcome {
    let ended = panics::hear(|| {
        let mut outcome = end();
        let panics = panics::caught();
        if outcome.violations.is_empty() {
            outcome
                .violations
                .extend(panics.first().map(|panic| panicked(panic)));
        }
        outcome
    });
    ended.unwrap_or_else(|panic| panic!("{panic}"))
}

/// Nobody but a plan may panic: whatever was about to be done is not done.
fn panicked(panic: &str) -> Violation {
    let what = format!("something panics: {panic}");
    Violation { statement: 8, what }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;
    use std::slice::from_ref;

    use super::*;

    #[test]
    fn a_panic_at_the_very_end_is_a_find_where_nothing_else_was_found() {
        let violations = |found: &[Violation]| {
            let outcome = wound_up(|| {
                catch_unwind(|| panic!("late")).unwrap_err();
                let mut outcome = simulate(&Plan::draw(0), false);
                outcome.violations.extend_from_slice(found);
                outcome
            });
            outcome.violations
        };
        let [found] = &violations(&[])[..] else {
            panic!("one is found")
        };
        let says = &found.what;
        assert!(says.starts_with("something panics: late, at "), "{says}");
        let before = panicked("before");
        assert_eq!(violations(from_ref(&before)), [before]);
    }
}
