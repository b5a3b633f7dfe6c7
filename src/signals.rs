//! The signals that the server handles, on a thread of their own: they are obeyed whatever the
//! server is busy with.

use std::time::Duration;
use std::{fmt, io, process, thread};

use rejoin::net::Reload;
use rustix::process::Signal as Number;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::log;

/// How much longer than [`Config::shutdown_timeout`](rejoin::Config::shutdown_timeout) the
/// server may take to stop.
const GRACE: Duration = Duration::from_secs(1);

/// Obeys signals from here on; they no longer end the process by themselves. Each SIGHUP makes a
/// request to `reload`. Returns what completes at the first signal to stop; a second one ends the
/// process, and so does a stop that takes longer than `limit` and a little more.
///
/// # Errors
///
/// If the system has no thread for it, or no signals.
pub(crate) fn obey(limit: Duration, reload: Reload) -> io::Result<oneshot::Receiver<()>> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let signals = {
        let _inside = runtime.enter();
        Signals::new()?
    };
    let (stop, stopped) = oneshot::channel();
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            runtime.block_on(async {
                let mut stops = signals.until_stopped(&reload, stop).await;
                end(&mut stops, limit).await
            })
        })?;
    Ok(stopped)
}

/// Ends the process at a second signal, or if it takes too long to end by itself.
async fn end(stops: &mut Stops, limit: Duration) {
    tokio::select! {
        biased; // Whoever has sent a second signal wants its exit code.
        second = stops.next() => {
            tracing::warn!("{second}: exiting at once");
            exit(second.exit_code().into());
        }
        () = sleep(limit.saturating_add(GRACE)) => {
            tracing::error!("not stopped within --shutdown-timeout of {limit:?}: exiting at once");
            exit(1);
        }
    }
}

fn exit(code: i32) -> ! {
    log::flush();
    process::exit(code)
}

/// The signals that the server handles. SIGPIPE is ignored by Rust's runtime, and all others do
/// what the system has them do.
pub(crate) struct Signals {
    pub(crate) stops: Stops,
    /// SIGHUP: the files are to be read again.
    hangup: Signal,
}

impl Signals {
    /// From here on the signals no longer end the process by themselves.
    pub(crate) fn new() -> io::Result<Self> {
        // A file has become as long as `ulimit -f` lets it: a write to it fails and says so. The
        // handler stays when this is dropped.
        drop(signal(SignalKind::from_raw(Number::XFSZ.as_raw()))?);
        Ok(Self {
            stops: Stops {
                interrupt: signal(SignalKind::interrupt())?,
                terminate: signal(SignalKind::terminate())?,
            },
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the first signal to stop, and completes `stop`.
    async fn until_stopped(mut self, reload: &Reload, stop: oneshot::Sender<()>) -> Stops {
        loop {
            tokio::select! {
                biased;
                first = self.stops.next() => {
                    tracing::info!("{first}: stopping; a second signal exits at once");
                    // If nobody waits for it any more, the server ends already.
                    let _ = stop.send(());
                    return self.stops;
                }
                Some(()) = self.hangup.recv() => {
                    tracing::info!("SIGHUP: reloading");
                    reload.request();
                }
            }
        }
    }
}

/// The signals that stop the server.
pub(crate) struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    pub(crate) async fn next(&mut self) -> Stop {
        tokio::select! {
            biased; // The order is of no matter: what comes second is still there next time.
            _ = self.interrupt.recv() => Stop::Interrupt,
            _ = self.terminate.recv() => Stop::Terminate,
        }
    }
}

/// A signal that stops the server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    Interrupt,
    Terminate,
}

impl Stop {
    /// With which a process exits that it ends.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 128 + 2,
            Self::Terminate => 128 + 15,
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}
