//! The tokio driver: accepts, reads, writes, and keeps the clock.
//!
//! It decides nothing about peers. Each connection is one task with two halves, a reader
//! and a writer, that fail apart from each other; all of them reach the one [`Hub`]
//! under one lock, a whole read's worth of lines at once. That each half ends exactly
//! once, however it ends, follows from two guards whose drop says so.
//!
//! [`Hub`]: crate::hub::Hub

mod audit;
mod clock;
mod connection;
mod digest;
mod listener;
mod outbox;
mod passwords;
mod points;
mod pools;
mod reload;
mod server;
mod sync;
mod tape;
mod turns;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::coop::consume_budget;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

pub use clock::WallClock;
pub use digest::hash_password;
pub use listener::{Listener, Tcp};
pub use points::{Point, Points};
pub use reload::Reload;
pub use tape::Record;

use crate::Config;
use crate::config::BadConfig;
use crate::hub::{Hub, Identity, Observer};
use digest::{KeyedDigest, random};
use server::Server;
use tape::Recording;
use turns::{Event, Turns};

/// How long to wait before accepting again when the system is out of something.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Serves until `shutdown` completes; then tells every peer, writes what is queued
/// and ends, within [`Config::shutdown_timeout`].
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use rejoin::{Config, net};
///
/// let config = Config::default();
/// let listener = net::Tcp::bind("127.0.0.1:6000".parse()?)?;
/// let stop = async { tokio::signal::ctrl_c().await.expect("signals can be handled") };
/// net::serve(listener, config, stop).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If the limits contradict each other, the system has no randomness, or a bug has made
/// the hub unusable. An error of one connection only ends that connection.
///
/// # Panics
///
/// Outside of a tokio runtime with time enabled.
pub async fn serve<L: Listener>(
    listener: L,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> Result<Report, ServeError> {
    serve_with(Listeners::plain(listener), Setup::new(config), shutdown).await
}

/// Where connections come from, by what they speak.
#[derive(Debug)]
pub struct Listeners<L> {
    /// Those that speak the plain protocol.
    pub plain: Option<L>,
    /// Those that speak IRC.
    pub irc: Option<L>,
}

impl<L: Listener> Listeners<L> {
    /// The plain protocol alone.
    pub const fn plain(listener: L) -> Self {
        Self {
            plain: Some(listener),
            irc: None,
        }
    }
}

/// How a server is set up, beside its limits. Simulations want more than the default.
#[derive(Debug)]
pub struct Setup<P = ()> {
    /// The limits.
    pub config: Config,
    /// What the server says of itself.
    pub identity: Identity,
    /// The time that people are shown; the system's by default.
    pub wall_clock: WallClock,
    /// How that is read again when somebody asks for it; not at all by default.
    pub reload: Option<Reload>,
    /// Whether a password is verified at once, while all others wait, and not on a thread of its
    /// own; it is not by default. A simulation on one thread wants that, to stay deterministic.
    pub verifies_inline: bool,
    /// The key under which secrets become proofs; a random one by default. Proofs made
    /// under a key that others know tell them the secret, if it is easy to guess.
    pub key: Option<[u8; 32]>,
    /// The key under which messages and connections get their identifiers
    /// ([`Hub::with_key`]); a random one by default.
    pub id_key: Option<[u8; 16]>,
    /// Who looks on; nobody by default.
    pub observer: Option<Box<dyn Observer>>,
    /// Where what the hub is told is recorded; nowhere by default.
    pub record: Option<Record>,
    /// What happens at the named points of the driver; nothing by default.
    pub points: P,
}

impl Setup {
    /// The default for these limits.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            identity: Identity::default(),
            wall_clock: WallClock::default(),
            reload: None,
            verifies_inline: false,
            key: None,
            id_key: None,
            observer: None,
            record: None,
            points: (),
        }
    }
}

/// [`serve`], set up otherwise.
///
/// # Errors
///
/// As [`serve`].
///
/// # Panics
///
/// As [`serve`].
pub async fn serve_with<L: Listener, P: Points>(
    listeners: Listeners<L>,
    setup: Setup<P>,
    shutdown: impl Future<Output = ()>,
) -> Result<Report, ServeError> {
    setup.config.check().map_err(ServeError::Config)?;
    let digest = match &setup.key {
        Some(key) => KeyedDigest::with_key(key),
        None => KeyedDigest::random().map_err(ServeError::Randomness)?,
    };
    let shutdown_timeout = setup.config.shutdown_timeout;
    let id_key = match setup.id_key {
        Some(key) => key,
        None => random().map_err(ServeError::Randomness)?,
    };
    let mut hub = Hub::with_key(&setup.config, digest, id_key);
    if let Some(observer) = setup.observer {
        hub.observe(observer);
    }
    if let Some(record) = setup.record {
        let recording = Recording::start(&setup.config, id_key, record);
        hub.observe(Box::new(recording.map_err(ServeError::Record)?));
    }
    hub.identify(setup.identity);
    let points = setup.points;
    let server = Arc::new(Server::new(
        setup.config,
        hub,
        setup.reload.clone(),
        setup.wall_clock,
        setup.verifies_inline,
    ));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let mut reloads = pin!(reload::run(setup.reload, &server));
    let mut verifying = pin!(passwords::run(&server));
    let mut turns = Turns::new(listeners);
    loop {
        let deadline = server.deadline().ok_or(ServeError::Bug)?;
        // A listener may always have a connection, and those that are served need their turns.
        consume_budget().await;
        // The end comes first, so that it cannot be starved; the others take turns.
        let event = tokio::select! {
            biased;
            () = &mut shutdown => break,
            never = &mut reloads => match never {},
            never = &mut verifying => match never {},
            event = turns.next(&server, deadline, &mut connections) => event,
        };
        match event {
            Event::Attention | Event::Ended => {}
            Event::Due => server.tick(),
            Event::Accepted(protocol, Ok((stream, address))) => {
                let from = (address, protocol);
                if let Some(connection) = server.accepted(stream, from, &points) {
                    connections.spawn(connection);
                }
            }
            // It was gone before it was accepted; the next one may be there.
            Event::Accepted(_, Err(error)) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Event::Accepted(_, Err(error)) => {
                warn!(%error, "cannot accept a connection");
                turns.back_off();
            }
        }
    }
    let stopping = Instant::now();
    drop(turns);
    info!("stopping");
    server.shut_down();
    let left = shutdown_timeout.saturating_sub(stopping.elapsed());
    if timeout(left, all_end(&server, &mut connections))
        .await
        .is_err()
    {
        warn!(
            connections = connections.len(),
            "some connections did not end in time"
        );
        connections.shutdown().await;
    }
    server.report().ok_or(ServeError::Bug)
}

/// Keeps the clock until every connection has ended and all that is left to be told is told, or the
/// hub is unusable.
async fn all_end(server: &Server, connections: &mut JoinSet<()>) {
    while let Some(deadline) = server.deadline() {
        if connections.is_empty() && !server.is_stopping() {
            return;
        }
        // The connections have their turns between two slices.
        yield_now().await;
        tokio::select! {
            biased;
            () = server.attention() => {}
            () = sleep_until(deadline) => server.tick(),
            Some(_) = connections.join_next() => {}
        }
    }
    while connections.join_next().await.is_some() {}
}

/// What a server leaves behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// Connections that it served.
    pub connections: u64,
    /// Pieces of mail that were accepted, and that in the end neither their receiver
    /// nor their sender got.
    pub discarded: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            connections,
            discarded,
        } = self;
        write!(
            f,
            "served {connections} connections, discarded {discarded} messages"
        )
    }
}

/// Why a server could not go on.
#[derive(Debug)]
pub enum ServeError {
    /// The limits contradict each other. Nothing was done.
    Config(BadConfig),
    /// The system has no randomness. Nothing was done.
    Randomness(io::Error),
    /// The system has no thread that writes the record. Nothing was done.
    Record(io::Error),
    /// A bug has made the hub unusable; all connections have ended.
    Bug,
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(bad) => bad.fmt(f),
            Self::Randomness(error) => write!(f, "the system has no randomness: {error}"),
            Self::Record(error) => write!(f, "nothing can be recorded: {error}"),
            Self::Bug => f.write_str("a bug has made the server unusable"),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(bad) => Some(bad),
            Self::Randomness(error) | Self::Record(error) => Some(error),
            Self::Bug => None,
        }
    }
}
