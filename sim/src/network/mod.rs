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
    play.outcome(result.unwrap_or_else(|panic| Err(panicked(&panic))))
}

/// Nobody but a plan may panic: whatever was about to be done is not done.
fn panicked(panic: &str) -> Violation {
    let what = format!("something panics: {panic}");
    Violation { statement: 8, what }
}
