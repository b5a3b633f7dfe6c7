//! What the program around a server may ask of it.

use std::fmt;
use std::io;
use std::sync::{Arc, Weak};

use tokio::io::{DuplexStream, duplex};
use tokio::sync::{Notify, mpsc};

use super::server::Server;
use crate::broker::PeerEntry;

/// Bytes that wait in each direction between a program and its server.
const LOCAL_BYTES: usize = 64 << 10;

/// Connections from within that wait to be accepted.
const LOCAL_BACKLOG: usize = 64;

/// Asks something of a server that runs in the same program. Clones ask the same server, which
/// serves on when all of them are dropped.
#[derive(Clone)]
pub struct ServerHandle {
    server: Weak<Server>,
    stop: Arc<Notify>,
    local: mpsc::Sender<DuplexStream>,
}

/// The server's end of its handles.
#[derive(Debug)]
pub(super) struct Handled {
    /// Completes once when the server is to stop.
    pub(super) stop: Arc<Notify>,
    /// Connections from within.
    pub(super) local: mpsc::Receiver<DuplexStream>,
}

/// How many there are of everything on a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Counts {
    /// Connections.
    pub connections: usize,
    /// Peers, those that are away included.
    pub peers: usize,
    /// Peers that are away.
    pub away: usize,
    /// Rooms.
    pub rooms: usize,
}

impl ServerHandle {
    pub(super) fn new(server: &Arc<Server>) -> (Self, Handled) {
        let stop = Arc::new(Notify::new());
        let (sender, receiver) = mpsc::channel(LOCAL_BACKLOG);
        let handle = Self {
            server: Arc::downgrade(server),
            stop: Arc::clone(&stop),
            local: sender,
        };
        let local = receiver;
        (handle, Handled { stop, local })
    }

    /// Connects to the server from within, as a bot does. The stream is a connection like any other:
    /// it speaks the plain protocol, and the same limits hold for it. It counts as coming from
    /// 0.0.0.0, with all others from within.
    ///
    /// # Errors
    ///
    /// If the server has begun to stop, or has ended.
    pub async fn connect(&self) -> io::Result<DuplexStream> {
        let (ours, theirs) = duplex(LOCAL_BYTES);
        let sent = self.local.send(theirs).await;
        sent.map_err(|_| io::Error::from(io::ErrorKind::NotConnected))?;
        Ok(ours)
    }

    /// Everybody who is known, by name, also those whom others are not shown; nobody if the server
    /// has ended. All others wait while the list is made.
    pub fn who(&self) -> Vec<PeerEntry> {
        let server = self.server.upgrade();
        server.and_then(|server| server.who()).unwrap_or_default()
    }

    /// How many there are of everything; `None` if the server has ended. All others wait while they
    /// are counted.
    pub fn counts(&self) -> Option<Counts> {
        self.server.upgrade()?.counts()
    }

    /// Stops the server, as its shutdown does. To say so again changes nothing.
    pub fn stop(&self) {
        self.stop.notify_one();
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").finish_non_exhaustive()
    }
}
