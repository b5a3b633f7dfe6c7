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
mod handle;
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

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::coop::consume_budget;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{info, warn};

pub use clock::WallClock;
pub use digest::{KeyedDigest, hash_password};
pub use handle::{Counts, ServerHandle};
pub use listener::{Listener, Tcp};
pub use points::{Point, Points};
pub use reload::Reload;
pub use tape::Record;

use crate::Config;
use crate::config::BadConfig;
use crate::hub::{Hub, Identity, Observer, Protocol};
use digest::random;
use handle::Handled;
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
    let (_, serving) = start(listeners, setup)?;
    serving.until(shutdown).await
}

/// Sets up a server that is to serve within a program, which may ask it things by the handle. It
/// accepts nobody until [`Serving::until`] runs.
///
/// # Errors
///
/// If the limits contradict each other, the system has no randomness, or nothing can be recorded.
pub fn start<L: Listener, P: Points>(
    listeners: Listeners<L>,
    setup: Setup<P>,
) -> Result<(ServerHandle, Serving<L, P>), ServeError> {
    setup.config.check().map_err(ServeError::Config)?;
    let digest = match &setup.key {
        Some(key) => KeyedDigest::with_key(key),
        None => KeyedDigest::random().map_err(ServeError::Randomness)?,
    };
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
    let server = Arc::new(Server::new(
        setup.config,
        hub,
        setup.reload.clone(),
        setup.wall_clock,
        setup.verifies_inline,
    ));
    let (handle, handled) = ServerHandle::new(&server);
    let serving = Serving {
        listeners,
        server,
        handled,
        reload: setup.reload,
        points: setup.points,
    };
    Ok((handle, serving))
}

/// A server that is set up.
#[must_use = "it serves nobody until it is told until when"]
pub struct Serving<L, P = ()> {
    listeners: Listeners<L>,
    server: Arc<Server>,
    handled: Handled,
    reload: Option<Reload>,
    points: P,
}

impl<L: Listener, P: Points> Serving<L, P> {
    /// Serves until `shutdown` completes, or a handle says [stop](ServerHandle::stop); then as
    /// [`serve`].
    ///
    /// # Errors
    ///
    /// If a bug has made the hub unusable.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time enabled.
    pub async fn until(self, shutdown: impl Future<Output = ()>) -> Result<Report, ServeError> {
        let Self {
            listeners,
            server,
            handled,
            reload,
            points,
        } = self;
        let mut connections = JoinSet::new();
        // What is being verified when the server stops is answered, too.
        let mut verifying = pin!(passwords::run(&server));
        let serving = accept_all(
            (&server, &points),
            Turns::new(listeners),
            handled,
            reload,
            &mut connections,
            verifying.as_mut(),
        );
        tokio::select! {
            biased;
            () = shutdown => {}
            ended = serving => ended?,
        }
        end(&server, connections, verifying).await
    }
}

impl<L, P> fmt::Debug for Serving<L, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").finish_non_exhaustive()
    }
}

/// Where those come from who connect from within.
const WITHIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Accepts and keeps the clock until a handle says stop.
async fn accept_all<L: Listener>(
    (server, points): (&Arc<Server>, &impl Points),
    mut turns: Turns<L>,
    handled: Handled,
    reload: Option<Reload>,
    connections: &mut JoinSet<()>,
    mut verifying: Pin<&mut impl Future<Output = Infallible>>,
) -> Result<(), ServeError> {
    let Handled { stop, mut local } = handled;
    let mut reloads = pin!(reload::run(reload, server));
    loop {
        let deadline = server.deadline().ok_or(ServeError::Bug)?;
        // A listener may always have a connection, and those that are served need their turns.
        consume_budget().await;
        // The end comes first, so that it cannot be starved; the others take turns.
        let event = tokio::select! {
            biased;
            () = stop.notified() => return Ok(()),
            never = &mut reloads => match never {},
            never = &mut verifying => match never {},
            Some(stream) = local.recv() => {
                let from = (WITHIN, Protocol::Plain);
                if let Some(connection) = server.accepted(stream, from, points) {
                    connections.spawn(connection);
                }
                continue;
            }
            event = turns.next(server, deadline, connections) => event,
        };
        match event {
            Event::Attention | Event::Ended => {}
            Event::Due => server.tick(),
            Event::Accepted(protocol, Ok((stream, address))) => {
                let from = (address, protocol);
                if let Some(connection) = server.accepted(stream, from, points) {
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
}

/// Tells everybody that the server stops, and waits for the ends of all within the bound.
async fn end(
    server: &Server,
    mut connections: JoinSet<()>,
    verifying: Pin<&mut impl Future<Output = Infallible>>,
) -> Result<Report, ServeError> {
    let stopping = Instant::now();
    info!("stopping");
    server.shut_down();
    let left = server
        .config
        .shutdown_timeout
        .saturating_sub(stopping.elapsed());
    let ended = all_end(server, &mut connections, verifying);
    if timeout(left, ended).await.is_err() {
        warn!(
            connections = connections.len(),
            "some connections did not end in time"
        );
        connections.shutdown().await;
    }
    server.report().ok_or(ServeError::Bug)
}

/// Keeps the clock until every connection has ended and all that is left to be told is told, or the
/// hub is unusable. What a client says behind a password is read when that is verified, also its last
/// acknowledgement.
async fn all_end(
    server: &Server,
    connections: &mut JoinSet<()>,
    mut verifying: Pin<&mut impl Future<Output = Infallible>>,
) {
    while let Some(deadline) = server.deadline() {
        if connections.is_empty() && !server.is_stopping() {
            return;
        }
        // The connections have their turns between two slices.
        yield_now().await;
        tokio::select! {
            biased;
            () = server.attention() => {}
            never = &mut verifying => match never {},
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
