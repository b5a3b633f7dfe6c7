//! The binary `rejoin`: a chat server on one TCP port.

mod failure;
mod flags;
mod identity;
mod password;
mod record;
mod signals;

use std::env::{self, VarError};
use std::io::{self, IsTerminal as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::{fmt, pin::pin};

use failure::Failure;
use flags::{Command, Listen, Settings};
use mimalloc::MiMalloc;
use password::Answer;
use rejoin::hub::{Identity, Ports};
use rejoin::net::{self, Listeners, Reload, Setup, Tcp};
use signals::{Signals, Stop};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

/// What a message allocates is freed soon, and often by another connection's turn.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match run() {
        Ok(end) => end.into(),
        Err(failure) => failure.report(),
    }
}

/// Does what the command line asks for.
fn run() -> Result<End, Failure> {
    match flags::parse(env::args_os())? {
        Command::Serve(settings) => {
            start_logging()?;
            raise_file_limit();
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(settings.threads.get())
                .enable_all()
                .build()
                .map_err(Failure::Runtime)?;
            let end = runtime.block_on(serve(*settings));
            // After a second signal there may be tasks left, and nothing waits for them.
            runtime.shutdown_background();
            end
        }
        Command::HashPassword => {
            let password = match password::read().map_err(Failure::Password)? {
                Answer::Password(password) => password,
                Answer::Interrupted(stop) => return Ok(End::Interrupted(stop)),
            };
            let hash = net::hash_password(&password).map_err(Failure::Password)?;
            print(format_args!("{hash}\n"));
            Ok(End::Finished)
        }
        Command::Print(text) => {
            print(format_args!("{text}"));
            Ok(End::Finished)
        }
    }
}

/// Serves until a signal, and then until everything is flushed or a second signal comes.
async fn serve(settings: Settings) -> Result<End, Failure> {
    // Before the line that invites signals.
    let Signals {
        mut stops,
        mut hangup,
    } = Signals::new().map_err(Failure::Signals)?;
    let mut identity = identity::read(&settings.identity).map_err(Failure::Identity)?;
    let plain = listen("--listen", &settings.listen).await?;
    let irc = listen("--irc", &settings.irc).await?;
    // Only a server that serves leaves a file behind.
    let record = record::open(settings.record)?;
    let address = |listening: &Option<(Tcp, SocketAddr)>| listening.as_ref().map(|(_, at)| *at);
    announce(address(&plain), address(&irc), identity.password.is_some());
    let ports = Ports {
        plain: address(&plain).map(|address| address.port()),
        irc: address(&irc).map(|address| address.port()),
    };
    identity.ports = ports;
    let listeners = Listeners {
        plain: plain.map(|(listener, _)| listener),
        irc: irc.map(|(listener, _)| listener),
    };
    let files = settings.identity;
    let reload = Reload::new(move || {
        let read = identity::read(&files);
        read.map(|identity| Identity { ports, ..identity })
    });
    let on_hangup = reload.clone();
    let reloads = pin!(async {
        while hangup.recv().await.is_some() {
            tracing::info!("SIGHUP: reloading");
            on_hangup.request();
        }
    });

    let (stop, stopped) = oneshot::channel();
    let setup = Setup {
        identity,
        reload: Some(reload),
        record,
        ..Setup::new(settings.config)
    };
    let served = pin!(net::serve_with(listeners, setup, async {
        // An error means that `stops` is gone, and `served` with it.
        let _ = stopped.await;
    }));
    let stopped_twice = pin!(async {
        let first = stops.next().await;
        tracing::info!("{first}: stopping; a second signal exits at once");
        let _ = stop.send(());
        stops.next().await
    });
    tokio::select! {
        biased; // A second signal exits at once, even if `served` never rests.
        second = stopped_twice => {
            tracing::warn!("{second}: exiting at once");
            Ok(End::Interrupted(second))
        }
        () = reloads => unreachable!("a signal can come at any time"),
        result = served => {
            let report = result.map_err(Failure::Serve)?;
            tracing::info!("stopped: {report}");
            Ok(End::Finished)
        }
    }
}

/// Says on standard output where the server listens, and how to try it.
fn announce(plain: Option<SocketAddr>, irc: Option<SocketAddr>, asks_for_password: bool) {
    if let Some(address) = plain {
        let (host, port) = (reachable(address.ip()), address.port());
        if asks_for_password {
            tracing::warn!("no password is asked for on {address}; --listen=off closes it");
        }
        print(format_args!(
            "rejoin listens on {address}; try: nc {host} {port}\n"
        ));
    }
    if let Some(address) = irc {
        let (host, port) = (reachable(address.ip()), address.port());
        let password = if asks_for_password { "PASSWORD:" } else { "" };
        print(format_args!(
            "rejoin listens on {address} for IRC; \
             try: irssi -c {host} -p {port} -w {password}SECRET -n NICK\n"
        ));
    }
}

/// Listens on the first address of the name that can be listened on.
async fn listen(flag: &'static str, wanted: &Listen) -> Result<Option<(Tcp, SocketAddr)>, Failure> {
    let Listen::On(wanted) = wanted else {
        return Ok(None);
    };
    let failure = |error| Failure::Listen {
        flag,
        wanted: wanted.clone(),
        error,
    };
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in tokio::net::lookup_host(wanted.as_str())
        .await
        .map_err(failure)?
    {
        match Tcp::bind(address).and_then(|listener| Ok((listener.local_addr()?, listener))) {
            Ok((address, listener)) => return Ok(Some((listener, address))),
            Err(error) => last = error,
        }
    }
    Err(failure(last))
}

/// The address to connect to where the server listens on every interface.
fn reachable(listening: IpAddr) -> IpAddr {
    match listening {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V4(_) | IpAddr::V6(_) => listening,
    }
}

/// Logs to standard error, filtered by `RUST_LOG`.
fn start_logging() -> Result<(), Failure> {
    let directives = match env::var("RUST_LOG") {
        Ok(directives) if !directives.trim().is_empty() => directives,
        Ok(_) | Err(VarError::NotPresent) => "info".to_owned(),
        Err(error @ VarError::NotUnicode(_)) => return Err(Failure::Filter(error.to_string())),
    };
    let filter = EnvFilter::builder()
        .parse(&directives)
        .map_err(|error| Failure::Filter(format!("'{}': {error}", directives.escape_debug())))?;
    let colours = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(colours && io::stderr().is_terminal())
        // It would panic where standard error is closed.
        .log_internal_errors(false)
        .init();
    Ok(())
}

/// Each connection is an open file, and the default limit of many systems is small.
fn raise_file_limit() {
    if let Err(error) = rlimit::increase_nofile_limit(u64::MAX) {
        tracing::warn!("can't raise the limit of open files: {error}");
    }
}

/// Prints to standard output. One that is closed must not stop a server, so errors are
/// ignored.
fn print(text: fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    let _ = out.write_fmt(text).and_then(|()| out.flush());
}

/// How a run that did not fail ended.
enum End {
    Finished,
    Interrupted(Stop),
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        match end {
            End::Finished => Self::SUCCESS,
            End::Interrupted(stop) => Self::from(stop.exit_code()),
        }
    }
}
