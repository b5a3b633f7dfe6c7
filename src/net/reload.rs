//! Reading again what a server says of itself.

use std::convert::Infallible;
use std::fmt;
use std::future::pending;
use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use super::server::Server;
use crate::hub::Identity;

/// Reads again what a server says of itself, when an operator or whoever runs the server asks
/// for it.
#[derive(Clone)]
pub struct Reload(Arc<Shared>);

type Read = dyn Fn() -> Result<Identity, String> + Send + Sync;

struct Shared {
    read: Box<Read>,
    /// Requests that come before the next reading are one.
    wanted: Notify,
}

impl Reload {
    /// Reads it with `read`. If that fails, nothing changes, and the log says why.
    pub fn new<E: fmt::Display>(
        read: impl Fn() -> Result<Identity, E> + Send + Sync + 'static,
    ) -> Self {
        let read = Box::new(move || read().map_err(|error| error.to_string()));
        let wanted = Notify::new();
        Self(Arc::new(Shared { read, wanted }))
    }

    /// Has it read soon, which `REHASH` does as well. It means nothing to a server that does not
    /// run.
    pub fn request(&self) {
        self.0.wanted.notify_one();
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").finish_non_exhaustive()
    }
}

/// Does what is requested, without end. A slow disk holds up nobody else.
pub(super) async fn run(reload: Option<Reload>, server: &Server) -> Infallible {
    let Some(reload) = reload else {
        return pending().await;
    };
    loop {
        reload.0.wanted.notified().await;
        let reading = reload.clone();
        match spawn_blocking(move || (reading.0.read)()).await {
            Ok(Ok(identity)) => {
                let changed = server.identify(identity).unwrap_or_default().join(", ");
                let changed = if changed.is_empty() {
                    "nothing"
                } else {
                    &changed
                };
                info!(changed, "reloaded");
            }
            Ok(Err(error)) => warn!(error, "cannot reload; everything stays as it was"),
            Err(panic) => warn!(error = %panic, "cannot reload; everything stays as it was"),
        }
    }
}
