//! The server that is attacked.

use std::io::{BufRead as _, BufReader, PipeReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

use super::rows::{Needs, Row};
use crate::server::{Kind, Limits, Server};

/// How long a stop may take before the server is killed.
const STOP: Duration = Duration::from_secs(60);

/// The password of the operator `root`.
pub(super) const OPERATOR: &str = "right-password";

/// What is attacked.
#[derive(Clone, Debug)]
pub enum Program {
    /// rejoin.
    Rejoin {
        /// Its binary.
        path: PathBuf,
        /// Flags besides those that the rows need.
        flags: Vec<String>,
    },
    /// Another server, of IRC.
    Other(Kind),
}

/// A server that is attacked. It is killed when this is dropped.
#[derive(Debug)]
pub struct Host {
    child: Process,
    pub(super) plain: Option<SocketAddr>,
    pub(super) irc: SocketAddr,
    pub(super) is_ours: bool,
    /// Its standard error, if nobody is to read that.
    _unread: Option<PipeReader>,
    _directory: TempDir,
}

#[derive(Debug)]
enum Process {
    Ours(Child),
    Other(Server),
}

impl Host {
    pub(super) fn start(program: &Program, rows: &[&Row], in_full: bool) -> Result<Self> {
        match program {
            Program::Rejoin { path, flags } => Self::start_ours(path, flags, rows, in_full),
            Program::Other(kind) => {
                let server = Server::start_with(*kind, Limits::ItsOwn, &[])?;
                Ok(Self {
                    plain: None,
                    irc: server.target.address,
                    is_ours: false,
                    child: Process::Other(server),
                    _unread: None,
                    _directory: TempDir::new()?,
                })
            }
        }
    }

    fn start_ours(path: &Path, flags: &[String], rows: &[&Row], in_full: bool) -> Result<Self> {
        let directory = TempDir::new().context("no temporary directory")?;
        let mut command = Command::new(path);
        command.args(["--listen=127.0.0.1:0", "--irc=127.0.0.1:0"]);
        let of_rows = rows.iter().flat_map(|row| {
            let small = if in_full { &[] } else { row.small_flags };
            row.flags.iter().chain(small).copied()
        });
        let flags = flags.iter().map(String::as_str);
        command.args(last_of_each(of_rows.chain(flags)));
        command.env_remove("RUST_LOG");
        let mut unread = None;
        for row in rows {
            for need in row.needs {
                match need {
                    Needs::Operator => {
                        let file = directory.path().join("opers");
                        fs::write(&file, format!("root:{}\n", hash(path)?))?;
                        command.arg("--opers").arg(file);
                    }
                    Needs::UnreadLog => {
                        let (reader, writer) = io::pipe().context("no pipe")?;
                        command.stderr(writer);
                        unread = Some(reader);
                    }
                }
            }
        }
        if unread.is_none() {
            command.stderr(fs::File::create(directory.path().join("log"))?);
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = child.with_context(|| format!("can't start {}", path.display()))?;
        // Or its ends of the pipes stay open.
        drop(command);
        let stdout = child.stdout.take().context("it is piped")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut address = || {
            let line = lines.next().context("it says nothing")??;
            let words = line.strip_prefix("rejoin listens on ");
            let address = words.and_then(|words| words.split([' ', ';']).next());
            let address = address.and_then(|address| address.parse().ok());
            address.with_context(|| format!("no address in {line:?}"))
        };
        let addresses = address().and_then(|plain| Ok((plain, address()?)));
        let Ok((plain, irc)) = addresses else {
            let _ = child.kill();
            let log = fs::read_to_string(directory.path().join("log"));
            bail!("it ends: {}", log.unwrap_or_default());
        };
        Ok(Self {
            child: Process::Ours(child),
            plain: Some(plain),
            irc,
            is_ours: true,
            _unread: unread,
            _directory: directory,
        })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        match &self.child {
            Process::Ours(child) => child.id(),
            Process::Other(server) => server.target.pid.unwrap_or(0),
        }
    }

    /// Tells it to stop, and returns how long it took; `None` if it had to be killed.
    pub(super) fn stop(&mut self) -> Result<Option<Duration>> {
        let start = Instant::now();
        let pid = self.pid().to_string();
        let status = Command::new("kill").args(["-s", "TERM", &pid]).status();
        ensure!(
            status.context("there is no kill")?.success(),
            "the server is gone"
        );
        while start.elapsed() < STOP {
            let ended = match &mut self.child {
                Process::Ours(child) => child.try_wait()?.is_some(),
                Process::Other(server) => server.has_ended()?,
            };
            if ended {
                return Ok(Some(start.elapsed()));
            }
            thread::sleep(Duration::from_millis(2));
        }
        Ok(None)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Process::Ours(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Of flags with values, the last of each name.
fn last_of_each<'a>(flags: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let name = |flag: &str| flag.split('=').next().unwrap_or("").to_owned();
    let mut last: Vec<&str> = Vec::new();
    for flag in flags {
        last.retain(|other| name(other) != name(flag));
        last.push(flag);
    }
    last
}

/// The hash of the operator's password.
fn hash(path: &Path) -> Result<String> {
    let mut child = Command::new(path)
        .arg("--hash-password")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = child.stdin.take().context("it is piped")?;
    stdin.write_all(format!("{OPERATOR}\n").as_bytes())?;
    drop(stdin);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "no password can be hashed");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
