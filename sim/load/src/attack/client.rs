//! One connection of somebody who attacks, or who just comes by.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use socket2::{Domain, SockRef, Socket, Type};

use crate::dialect::Dialect;

/// How long to wait before a socket is asked again.
const PAUSE: Duration = Duration::from_micros(500);

/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(30);

/// What one read takes.
const READ_BYTES: usize = 64 << 10;

/// A connection with lines.
pub(super) struct Client {
    stream: TcpStream,
    dialect: Dialect,
    /// What came and was not looked at.
    came: Vec<u8>,
    is_dead: bool,
}

impl Client {
    pub(super) fn connect(to: SocketAddr, from: Ipv4Addr, dialect: Dialect) -> Result<Self> {
        Self::connect_with(to, from, dialect, |_| Ok(()))
    }

    /// A connection that takes in little at once.
    pub(super) fn connect_narrow(to: SocketAddr, from: Ipv4Addr, dialect: Dialect) -> Result<Self> {
        Self::connect_with(to, from, dialect, |socket| {
            socket.set_recv_buffer_size(4096)
        })
    }

    fn connect_with(
        to: SocketAddr,
        from: Ipv4Addr,
        dialect: Dialect,
        set_up: impl FnOnce(&Socket) -> std::io::Result<()>,
    ) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        set_up(&socket)?;
        // Many ports of one address are in use, to one other.
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        socket.connect_timeout(&to.into(), CONNECT)?;
        socket.set_tcp_nodelay(true)?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            stream: socket.into(),
            dialect,
            came: Vec::new(),
            is_dead: false,
        })
    }

    /// Whether the server has closed it, as far as was seen.
    pub(super) const fn is_dead(&self) -> bool {
        self.is_dead
    }

    /// Sends as much of this as the socket takes at once. Returns how much that is.
    pub(super) fn offer(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() && !self.is_dead {
            match self.stream.write(&bytes[taken..]) {
                Ok(more) => taken += more,
                Err(error) if is_early(error.kind()) => break,
                Err(_) => self.is_dead = true,
            }
        }
        taken
    }

    /// Sends all of this, as long as `goes_on` says so. Returns whether it was sent.
    pub(super) fn say(&mut self, mut bytes: &[u8], goes_on: impl Fn() -> bool) -> bool {
        while !bytes.is_empty() && !self.is_dead && goes_on() {
            bytes = &bytes[self.offer(bytes)..];
            if !bytes.is_empty() {
                thread::sleep(PAUSE);
            }
        }
        bytes.is_empty()
    }

    /// Sends a line; its end is added.
    pub(super) fn line(&mut self, line: &str) -> bool {
        let start = Instant::now();
        self.say(format!("{line}\r\n").as_bytes(), || {
            start.elapsed() < CONNECT
        })
    }

    /// Whether this has come already, or the server has closed.
    pub(super) fn has_heard(&mut self, words: &str) -> bool {
        let mut buffer = [0; 4096];
        while !self.is_dead {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.is_dead = true,
                Ok(read) => self.came.extend_from_slice(&buffer[..read]),
                Err(error) if is_early(error.kind()) => break,
                Err(_) => self.is_dead = true,
            }
        }
        self.is_dead || memchr::memmem::find(&self.came, words.as_bytes()).is_some()
    }

    /// Throws away what has come, without waiting for more. Returns how many bytes that is.
    pub(super) fn swallow(&mut self) -> usize {
        let mut swallowed = std::mem::take(&mut self.came).len();
        let mut scrap = [0; READ_BYTES];
        loop {
            match self.stream.read(&mut scrap) {
                Ok(0) => self.is_dead = true,
                Ok(read) => {
                    swallowed += read;
                    if read == scrap.len() {
                        continue;
                    }
                }
                Err(error) if is_early(error.kind()) => {}
                Err(_) => self.is_dead = true,
            }
            break;
        }
        swallowed
    }

    /// Reads at most so many bytes, if any have come.
    pub(super) fn sip(&mut self, bytes: usize) {
        let mut scrap = vec![0; bytes];
        match self.stream.read(&mut scrap) {
            Ok(0) => self.is_dead = true,
            Ok(_) => {}
            Err(error) if is_early(error.kind()) => {}
            Err(_) => self.is_dead = true,
        }
    }

    /// The next line, without its end; none if the server has closed, or nothing comes within
    /// `patience`. Answers what must be answered.
    pub(super) fn hear(&mut self, patience: Duration) -> Option<String> {
        let start = Instant::now();
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.came) {
                let line: Vec<u8> = self.came.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if let Some(answer) = self.dialect.answer(&line) {
                    self.offer(answer.as_bytes());
                    continue;
                }
                return Some(line);
            }
            if self.is_dead {
                return None;
            }
            let mut buffer = [0; 4096];
            match self.stream.read(&mut buffer) {
                Ok(0) => self.is_dead = true,
                Ok(read) => self.came.extend_from_slice(&buffer[..read]),
                Err(error) if is_early(error.kind()) => {
                    if start.elapsed() >= patience {
                        return None;
                    }
                    thread::sleep(PAUSE);
                }
                Err(_) => self.is_dead = true,
            }
        }
    }

    /// Hears on until a line has one of these words, and returns it.
    pub(super) fn until(&mut self, words: &[&str], patience: Duration) -> Result<String> {
        let is_it = |line: &str| words.iter().any(|word| line.contains(word));
        self.until_it_is(is_it, patience)
            .with_context(|| format!("waiting for {words:?}"))
    }

    fn until_it_is(&mut self, is_it: impl Fn(&str) -> bool, patience: Duration) -> Result<String> {
        let start = Instant::now();
        let mut last = String::new();
        while let Some(line) = self.hear(patience.saturating_sub(start.elapsed())) {
            if is_it(&line) {
                return Ok(line);
            }
            last = line;
        }
        if self.is_dead {
            bail!("the connection is closed; the last line is {last:?}");
        }
        bail!("nothing within {patience:?}; the last line is {last:?}")
    }

    /// Logs in as `name`, with a secret or as a guest, and returns the line that says so.
    pub(super) fn log_in(
        &mut self,
        name: &str,
        secret: Option<&str>,
        patience: Duration,
    ) -> Result<String> {
        let login = match (self.dialect, secret) {
            (Dialect::Plain, Some(secret)) => format!("{name} {secret}"),
            (Dialect::Plain, None) => name.to_owned(),
            (_, Some(secret)) => format!("PASS {secret}\r\nNICK {name}\r\nUSER u 0 * :r"),
            (_, None) => format!("NICK {name}\r\nUSER u 0 * :r"),
        };
        self.line(&login);
        let dialect = self.dialect;
        let is_end = |line: &str| is_welcome(dialect, line) || is_refusal(dialect, line);
        let end = self
            .until_it_is(is_end, patience)
            .context("no answer to a login")?;
        if !is_welcome(dialect, &end) {
            bail!("the login was refused: {end}");
        }
        Ok(end)
    }

    /// Says nothing more, and waits until the server has closed: then whoever has a secret is
    /// away.
    pub(super) fn leave(mut self, patience: Duration) {
        // If it fails, the connection has ended.
        let _ = self.stream.shutdown(Shutdown::Write);
        let start = Instant::now();
        while self
            .hear(patience.saturating_sub(start.elapsed()))
            .is_some()
        {}
    }

    /// Resets the connection.
    pub(super) fn reset(self) {
        // If it fails, the connection has ended.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }
}

/// Whether a line says that a login was a success.
pub(super) fn is_welcome(dialect: Dialect, line: &str) -> bool {
    match dialect {
        Dialect::Plain => line.starts_with("* welcome") || line.starts_with("* back"),
        Dialect::Irc | Dialect::Redis | Dialect::Nats | Dialect::Relay => {
            matches!(command(line), "376" | "422")
        }
    }
}

/// Whether a line says that it was not.
fn is_refusal(dialect: Dialect, line: &str) -> bool {
    match dialect {
        Dialect::Plain => line.starts_with("* error") || line.starts_with("* bye"),
        Dialect::Irc | Dialect::Redis | Dialect::Nats | Dialect::Relay => {
            matches!(command(line), "433" | "464" | "ERROR" | "FAIL")
        }
    }
}

/// What a line of IRC is: its command, or the number of a reply.
pub(super) fn command(line: &str) -> &str {
    let words = line.split(' ');
    let mut words = words.skip_while(|word| word.starts_with(['@', ':']));
    words.next().unwrap_or("")
}

fn is_early(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
