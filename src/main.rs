//! The binary `rejoin`: a chat server on one TCP port.

mod failure;
mod flags;
mod identity;
mod log;
mod password;
mod record;
mod signals;

use std::env;
use std::fmt;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::thread;

use failure::Failure;
use flags::{Command, Listen, Settings};
use mimalloc::MiMalloc;
use password::Answer;
use rejoin::hub::{Identity, Ports};
use rejoin::net::{self, Listeners, Reload, Setup, Tcp};
use signals::Stop;

/// What a message allocates is freed soon, and often by another connection's turn.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let code = match run() {
        Ok(end) => end.into(),
        Err(failure) => failure.report(),
    };
    log::flush();
    code
}

/// Does what the command line asks for.
fn run() -> Result<End, Failure> {
    match flags::parse(env::args_os())? {
        Command::Serve(settings) => {
            log::start()?;
            raise_file_limit();
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(settings.threads.get())
                .enable_all()
                .build()
                .map_err(Failure::Runtime)?;
            let end = runtime.block_on(serve(*settings));
            // Nothing waits for tasks that are left.
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

/// Serves until a signal, and then until everything is flushed.
async fn serve(settings: Settings) -> Result<End, Failure> {
    let files = settings.identity.clone();
    let ports = Arc::new(OnceLock::<Ports>::new());
    let known_ports = Arc::clone(&ports);
    let reload = Reload::new(move || {
        let read = identity::read(&files);
        // Nothing is read again before the server serves.
        let ports = known_ports.get().copied().unwrap_or_default();
        read.map(|identity| Identity { ports, ..identity })
    });
    // Before the line that invites signals.
    let stopped = signals::obey(settings.config.shutdown_timeout, reload.clone());
    let stopped = stopped.map_err(Failure::Signals)?;
    let mut identity = identity::read(&settings.identity).map_err(Failure::Identity)?;
    let plain = listen("--listen", &settings.listen).await?;
    let irc = listen("--irc", &settings.irc).await?;
    // Only a server that serves leaves a file behind.
    let record = record::open(settings.record)?;
    let address = |listening: &Option<(Tcp, SocketAddr)>| listening.as_ref().map(|(_, at)| *at);
    announce(address(&plain), address(&irc), identity.password.is_some());
    identity.ports = *ports.get_or_init(|| Ports {
        plain: address(&plain).map(|address| address.port()),
        irc: address(&irc).map(|address| address.port()),
    });
    let listeners = Listeners {
        plain: plain.map(|(listener, _)| listener),
        irc: irc.map(|(listener, _)| listener),
    };
    let setup = Setup {
        identity,
        reload: Some(reload),
        record,
        ..Setup::new(settings.config)
    };
    let served = net::serve_with(listeners, setup, async {
        // An error means that nobody is left to obey signals.
        let _ = stopped.await;
    });
    let report = served.await.map_err(Failure::Serve)?;
    tracing::info!("stopped: {report}");
    Ok(End::Finished)
}

/// Says on standard output where the server listens, and how to try it. Nothing waits for that:
/// standard output may be a pipe that is full.
fn announce(plain: Option<SocketAddr>, irc: Option<SocketAddr>, asks_for_password: bool) {
    let mut lines = String::new();
    if let Some(address) = plain {
        let (host, port) = (reachable(address.ip()), address.port());
        lines += &format!("rejoin listens on {address}; try: nc {host} {port}\n");
    }
    if let Some(address) = irc {
        let (host, port) = (reachable(address.ip()), address.port());
        let password = if asks_for_password { "PASSWORD:" } else { "" };
        lines += &format!(
            "rejoin listens on {address} for IRC; \
             try: irssi -c {host} -p {port} -w {password}SECRET -n NICK\n"
        );
    }
    let print = move || print(format_args!("{lines}"));
    if let Err(error) = thread::Builder::new().name("print".to_owned()).spawn(print) {
        tracing::warn!(%error, "can't start a thread that says where the server listens");
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
