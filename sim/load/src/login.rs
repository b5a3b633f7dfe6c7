//! Clients that log in.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::dialect::{Client, Dialect, Step};
use crate::wire::{Talk, Wire};

/// Clients that log in at once: fewer than fit into a short backlog.
const AT_ONCE: usize = 100;

/// How long a login may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How far a client has come with its login.
#[derive(Debug)]
pub struct Login {
    steps: std::vec::IntoIter<Step>,
    until: Vec<String>,
}

impl Login {
    /// Says the first that the client says.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub fn begin(dialect: Dialect, client: &Client, wire: &mut Wire, conn: usize) -> Result<Self> {
        let mut login = Self {
            steps: dialect.login(client).into_iter(),
            until: Vec::new(),
        };
        login.go_on(wire, conn)?;
        Ok(login)
    }

    /// Returns whether the client was ready already.
    fn go_on(&mut self, wire: &mut Wire, conn: usize) -> Result<bool> {
        let Some(step) = self.steps.next() else {
            return Ok(true);
        };
        self.until = step.until;
        wire.send(conn, step.say.as_bytes())?;
        Ok(false)
    }

    /// Handles a line. Returns whether the client is ready.
    ///
    /// # Errors
    ///
    /// If the server says that something went wrong.
    pub fn line(
        &mut self,
        dialect: Dialect,
        wire: &mut Wire,
        conn: usize,
        line: &str,
    ) -> Result<bool> {
        if let Some(answer) = dialect.answer(line) {
            wire.send(conn, answer.as_bytes())?;
        } else if dialect.is_error(line) {
            bail!("can't log in: {line}");
        } else if self.until.iter().any(|word| line.contains(word.as_str())) {
            return self.go_on(wire, conn);
        }
        Ok(false)
    }
}

/// Logs all these clients in, and returns their connections, in the same order.
///
/// # Errors
///
/// If one can't.
pub fn log_in(wire: &mut Wire, dialect: Dialect, clients: &[Client]) -> Result<Vec<usize>> {
    let mut lobby = Lobby {
        dialect,
        logins: BTreeMap::new(),
    };
    let start = Instant::now();
    let mut conns = Vec::with_capacity(clients.len());
    while conns.len() < clients.len() || !lobby.logins.is_empty() {
        while conns.len() < clients.len() && lobby.logins.len() < AT_ONCE {
            let conn = wire.connect()?;
            let login = Login::begin(dialect, &clients[conns.len()], wire, conn)?;
            lobby.logins.insert(conn, login);
            conns.push(conn);
        }
        if start.elapsed() > PATIENCE {
            bail!("{} clients can't log in in time", lobby.logins.len());
        }
        wire.turn(Some(Duration::from_secs(1)), &mut lobby)?;
    }
    Ok(conns)
}

struct Lobby {
    dialect: Dialect,
    logins: BTreeMap<usize, Login>,
}

impl Talk for Lobby {
    fn received(&mut self, wire: &mut Wire, conn: usize, bytes: &[u8]) -> Result<usize> {
        each_line(bytes, |line| {
            let dialect = self.dialect;
            if let Some(login) = self.logins.get_mut(&conn) {
                if login.line(dialect, wire, conn, line)? {
                    self.logins.remove(&conn);
                }
            } else if let Some(answer) = dialect.answer(line) {
                wire.send(conn, answer.as_bytes())?;
            }
            Ok(())
        })
    }

    fn closed(&mut self, _wire: &mut Wire, _conn: usize) -> Result<()> {
        bail!("the server closes a connection on which a client logs in")
    }
}

/// Hands every whole line to `handle`, without its end. Returns how many bytes they had.
///
/// # Errors
///
/// As `handle`.
pub fn each_line(bytes: &[u8], mut handle: impl FnMut(&str) -> Result<()>) -> Result<usize> {
    let mut used = 0;
    for end in memchr::memchr_iter(b'\n', bytes) {
        let line = String::from_utf8_lossy(&bytes[used..end]);
        used = end + 1;
        handle(line.trim_end_matches('\r'))?;
    }
    Ok(used)
}
