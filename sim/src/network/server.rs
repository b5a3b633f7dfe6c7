//! The server of a simulation: the real driver, with others' eyes on it.

use std::time::{Duration, SystemTime};

use rejoin::Config;
use rejoin::hub::Identity;
use rejoin::net::{self, Listener, Listeners, Setup, WallClock};
use tokio::sync::watch;

use super::TICK;
use super::ground::Spoiling;
use super::scene::{Lookout, Stage, Turns};
use crate::step::OPERATOR;

/// The hash of an operator's password, by the least work that Argon2 allows.
const HASH: &str =
    "$argon2id$v=19$m=8,t=1,p=1$cmVqb2luLXNpbXVsYXRvcg$ILs33yo2fJ0UyOKoPBEixW6EToV1v4fk8D+ybxI38wU";

/// What a server is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Serves,
    Stops,
    Dies,
}

/// The program of the server's host.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) stage: Stage,
    pub(super) fate: watch::Sender<Fate>,
    pub(super) config: Config,
}

impl Server {
    /// Listens for the plain protocol, and for IRC.
    pub(super) async fn run<L: Listener<Stream: Unpin>>(
        self,
        listeners: [L; 2],
    ) -> turmoil::Result {
        let Self {
            stage,
            fate,
            config,
        } = self;
        let [plain, irc] = listeners.map(|listener| {
            let stage = stage.clone();
            Some(Spoiling { listener, stage })
        });
        // A server that starts again has other identifiers, as it has none of the same messages.
        let mut id_key = [7; 16];
        id_key[..8].copy_from_slice(&stage.lock().tick.to_le_bytes());
        let setup = Setup {
            config,
            identity: Identity {
                operators: [(OPERATOR.to_owned(), HASH.to_owned())].into(),
                ..Identity::default()
            },
            wall_clock: wall_clock(stage.clone()),
            reload: None,
            verifies_inline: true,
            key: Some([7; 32]),
            id_key: Some(id_key),
            observer: Some(Box::new(Lookout(stage.clone()))),
            record: None,
            points: Turns(stage),
        };
        let serving = net::serve_with(Listeners { plain, irc }, setup, becomes(&fate, Fate::Stops));
        tokio::select! {
            biased;
            served = serving => drop(served?),
            // Its tasks are dropped in the order in which they came, which the end of a whole
            // runtime does not promise.
            () = becomes(&fate, Fate::Dies) => {}
        }
        Ok(())
    }
}

/// By the clock of no machine: the simulation began in 1970, and the clock is set now and then.
fn wall_clock(stage: Stage) -> WallClock {
    WallClock::new(move || {
        let ticks = u32::try_from(stage.lock().tick).expect("a simulation is short");
        let ahead = AHEAD[(ticks / STEP_TICKS) as usize % AHEAD.len()];
        SystemTime::UNIX_EPOCH + TICK * ticks + ahead
    })
}

/// How long the wall clock is not set, in ticks.
const STEP_TICKS: u32 = 25;

/// How far it is ahead, each in turn.
const AHEAD: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_secs(2 * 60 * 60),
    Duration::from_secs(60 * 60),
];

async fn becomes(fate: &watch::Sender<Fate>, wanted: Fate) {
    let mut fate = fate.subscribe();
    let became = fate.wait_for(|fate| *fate == wanted).await;
    became.expect("the simulation outlives its hosts");
}
