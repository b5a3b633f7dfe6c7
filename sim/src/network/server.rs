//! The server of a simulation: the real driver, with others' eyes on it.

use rejoin::Config;
use rejoin::hub::Identity;
use rejoin::net::{self, Listener, Listeners, Setup};
use tokio::sync::watch;

use super::TICK;
use super::ground::Spoiling;
use super::scene::{Lookout, Stage, Turns};

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
        let identity = Identity {
            // By the clock of no machine: the simulation began just after 1970.
            epoch: 1 + stage.lock().tick * TICK.as_micros() as u64,
            ..Identity::default()
        };
        let setup = Setup {
            config,
            identity,
            reload: None,
            key: Some([7; 32]),
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

async fn becomes(fate: &watch::Sender<Fate>, wanted: Fate) {
    let mut fate = fate.subscribe();
    let became = fate.wait_for(|fate| *fate == wanted).await;
    became.expect("the simulation outlives its hosts");
}
