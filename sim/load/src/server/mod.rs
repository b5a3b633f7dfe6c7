//! Servers that are started to be measured.

mod config;

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fmt, fs, thread};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use crate::dialect::Dialect;
use crate::scenario::Target;

/// How long a server may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// What can be started.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Kind {
    /// The raw relay.
    Relay,
    /// rejoin, by its plain protocol.
    Rejoin,
    /// rejoin, by IRC.
    RejoinIrc,
    /// ngIRCd.
    Ngircd,
    /// InspIRCd.
    Inspircd,
    /// Redis, publishing and subscribing.
    Redis,
    /// NATS.
    Nats,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Relay,
        Self::Rejoin,
        Self::RejoinIrc,
        Self::Ngircd,
        Self::Inspircd,
        Self::Redis,
        Self::Nats,
    ];

    /// What it speaks.
    pub const fn dialect(self) -> Dialect {
        match self {
            Self::Relay => Dialect::Relay,
            Self::Rejoin => Dialect::Plain,
            Self::RejoinIrc | Self::Ngircd | Self::Inspircd => Dialect::Irc,
            Self::Redis => Dialect::Redis,
            Self::Nats => Dialect::Nats,
        }
    }

    /// Whether it is part of this project.
    pub const fn is_ours(self) -> bool {
        match self {
            Self::Relay | Self::Rejoin | Self::RejoinIrc => true,
            Self::Ngircd | Self::Inspircd | Self::Redis | Self::Nats => false,
        }
    }

    /// The program, if it is there.
    pub fn program(self) -> Option<PathBuf> {
        match self {
            Self::Relay => env::current_exe().ok(),
            Self::Rejoin | Self::RejoinIrc => rejoin(),
            Self::Ngircd => find("ngircd"),
            Self::Inspircd => find("inspircd"),
            Self::Redis => find("redis-server"),
            Self::Nats => find("nats-server"),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Relay => "raw relay",
            Self::Rejoin => "rejoin",
            Self::RejoinIrc => "rejoin, IRC",
            Self::Ngircd => "ngIRCd",
            Self::Inspircd => "InspIRCd",
            Self::Redis => "Redis",
            Self::Nats => "NATS",
        })
    }
}

/// rejoin is built into the same directory as this program.
fn rejoin() -> Option<PathBuf> {
    let this = env::current_exe().ok()?;
    let path = this.parent()?.join("rejoin");
    path.is_file().then_some(path)
}

/// Servers are often not in the path of those who are not root.
fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let others = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    env::split_paths(&path)
        .chain(others)
        .map(|directory| directory.join(program))
        .find(|path| path.is_file())
}

/// What a server that is only compared with limits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limits {
    /// As little as it can be told to.
    Lifted,
    /// What one connection does as by default, and as little as possible how many there are.
    ItsOwn,
}

/// A server that runs; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// How it is reached.
    pub target: Target,
    _directory: TempDir,
}

impl Server {
    /// Starts a server on a free port, with arguments of its own after ours.
    ///
    /// # Errors
    ///
    /// If it is not installed, or does not start.
    pub fn start(kind: Kind, arguments: &[String]) -> Result<Self> {
        Self::start_with(kind, Limits::Lifted, arguments)
    }

    /// [`start`](Self::start), with limits of its own or without.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(kind: Kind, limits: Limits, arguments: &[String]) -> Result<Self> {
        let program = kind
            .program()
            .with_context(|| format!("{kind} is not installed"))?;
        let directory = TempDir::new().context("no temporary directory")?;
        let address = free_address()?;
        let log = directory.path().join("log");
        let mut command = Command::new(program);
        config::configure(kind, limits, &mut command, (address, directory.path()))?;
        let file = File::create(&log).context("can't write a log")?;
        let child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("{kind} can't be started"))?;
        let target = Target {
            address,
            dialect: kind.dialect(),
            pid: Some(child.id()),
        };
        let mut server = Self {
            child,
            target,
            _directory: directory,
        };
        server
            .wait(&log)
            .with_context(|| format!("{kind} does not start"))?;
        Ok(server)
    }

    /// Whether it has ended.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    fn wait(&mut self, log: &Path) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect(self.target.address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                let log = fs::read_to_string(log).unwrap_or_default();
                bail!("it has ended, {status}:\n{log}");
            }
            ensure!(start.elapsed() < PATIENCE, "nobody listens");
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}
