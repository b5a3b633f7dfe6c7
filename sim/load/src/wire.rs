//! Many connections on one thread.

use std::io::{self, Read as _, Write as _};
use std::mem;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::AsFd as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Socket, Type};

/// What one read takes.
const READ_BYTES: usize = 128 << 10;

/// Events that are taken at once.
const EVENTS: usize = 1024;

/// Does something with what comes.
pub trait Talk {
    /// Bytes came; what is not used of them comes again, with more behind it. Returns how many
    /// were used.
    ///
    /// # Errors
    ///
    /// If they are not what had to come.
    fn received(&mut self, wire: &mut Wire, conn: usize, bytes: &[u8]) -> Result<usize>;

    /// The server has closed a connection, which is gone by now.
    ///
    /// # Errors
    ///
    /// If it should not have.
    fn closed(&mut self, wire: &mut Wire, conn: usize) -> Result<()>;
}

/// Connections to one server, each known by a number that is not used again.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    poll: Poll,
    events: Events,
    conns: Vec<Option<Conn>>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct Conn {
    stream: TcpStream,
    /// What came and was not used.
    rest: Vec<u8>,
    /// What the socket did not take, from `written` on.
    out: Vec<u8>,
    written: usize,
    /// Whether nothing is to be read.
    is_deaf: bool,
}

impl Wire {
    /// Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// If the system has no events.
    pub fn new(address: SocketAddr) -> Result<Self> {
        Ok(Self {
            address,
            poll: Poll::new().context("can't wait for events")?,
            events: Events::with_capacity(EVENTS),
            conns: Vec::new(),
            buffer: vec![0; READ_BYTES],
        })
    }

    /// Begins to connect.
    ///
    /// # Errors
    ///
    /// If the system has no more sockets.
    pub fn connect(&mut self) -> Result<usize> {
        let stream = TcpStream::connect(self.address).context("can't connect")?;
        self.add(stream)
    }

    /// Connects to another address, from this one.
    ///
    /// # Errors
    ///
    /// If that fails.
    pub fn connect_from(&mut self, to: SocketAddr, from: Ipv4Addr) -> Result<usize> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((from, 0)).into())?;
        socket.connect(&to.into()).context("can't connect")?;
        socket.set_nonblocking(true)?;
        self.add(TcpStream::from_std(socket.into()))
    }

    fn add(&mut self, mut stream: TcpStream) -> Result<usize> {
        // Should this fail, the connection is slower, or dead, and then its read says so.
        let _ = stream.set_nodelay(true);
        let conn = self.conns.len();
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, Token(conn), interest)?;
        self.conns.push(Some(Conn {
            stream,
            rest: Vec::new(),
            out: Vec::new(),
            written: 0,
            is_deaf: false,
        }));
        Ok(conn)
    }

    /// Sends, or keeps what the socket does not take now.
    ///
    /// # Errors
    ///
    /// If the connection is dead.
    pub fn send(&mut self, conn: usize, bytes: &[u8]) -> Result<()> {
        let Some(conn) = &mut self.conns[conn] else {
            return Ok(());
        };
        if !conn.out.is_empty() {
            conn.out.extend_from_slice(bytes);
            return Ok(());
        }
        let taken = write(&mut conn.stream, bytes)?;
        conn.out.extend_from_slice(&bytes[taken..]);
        Ok(())
    }

    /// Whether something waits to be sent.
    pub fn is_blocked(&self, conn: usize) -> bool {
        self.conns[conn]
            .as_ref()
            .is_some_and(|conn| !conn.out.is_empty())
    }

    /// Ends a connection.
    pub fn close(&mut self, conn: usize) {
        self.conns[conn] = None;
    }

    /// Says nothing more on a connection, which the server then ends.
    pub fn hang_up(&mut self, conn: usize) {
        if let Some(conn) = &mut self.conns[conn] {
            // If it fails, the connection has ended.
            let _ = conn.stream.shutdown(Shutdown::Write);
        }
    }

    /// Reads nothing from a connection until `hear`.
    pub fn ignore(&mut self, conn: usize) {
        if let Some(conn) = &mut self.conns[conn] {
            conn.is_deaf = true;
        }
    }

    /// Reads from a connection again.
    ///
    /// # Errors
    ///
    /// As [`Talk`].
    pub fn hear(&mut self, conn: usize, talk: &mut impl Talk) -> Result<()> {
        if let Some(conn) = &mut self.conns[conn] {
            conn.is_deaf = false;
        }
        self.read(conn, true, talk)
    }

    /// Another handle of a connection, for a thread of its own that sends.
    ///
    /// # Errors
    ///
    /// If the system has no more of them.
    pub fn second_handle(&self, conn: usize) -> Result<std::net::TcpStream> {
        let conn = self.conns[conn]
            .as_ref()
            .context("the connection is gone")?;
        Ok(conn.stream.as_fd().try_clone_to_owned()?.into())
    }

    /// Waits for something to come, and handles all that has.
    ///
    /// # Errors
    ///
    /// As [`Talk`], and if a connection fails.
    pub fn turn(&mut self, wait: Option<Duration>, talk: &mut impl Talk) -> Result<()> {
        let mut events = mem::replace(&mut self.events, Events::with_capacity(1));
        if let Err(error) = self.poll.poll(&mut events, wait)
            && error.kind() != io::ErrorKind::Interrupted
        {
            return Err(error).context("can't wait for events");
        }
        for event in &events {
            let Token(conn) = event.token();
            if event.is_writable() {
                self.flush(conn)?;
            }
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                self.read(conn, event.is_read_closed() || event.is_error(), talk)?;
            }
        }
        self.events = events;
        Ok(())
    }

    fn flush(&mut self, conn: usize) -> Result<()> {
        let Some(conn) = &mut self.conns[conn] else {
            return Ok(());
        };
        if !conn.out.is_empty() {
            conn.written += write(&mut conn.stream, &conn.out[conn.written..])?;
            if conn.written == conn.out.len() {
                conn.written = 0;
                conn.out.clear();
            }
        }
        Ok(())
    }

    /// Reads until there is nothing more: the next event comes only after that. A short read is
    /// the last, unless the connection's end `is_near`, of which no other event tells.
    fn read(&mut self, conn: usize, is_near: bool, talk: &mut impl Talk) -> Result<()> {
        let mut buffer = mem::take(&mut self.buffer);
        let result = self.read_into(&mut buffer, conn, is_near, talk);
        self.buffer = buffer;
        result
    }

    fn read_into(
        &mut self,
        buffer: &mut [u8],
        conn: usize,
        is_near: bool,
        talk: &mut impl Talk,
    ) -> Result<()> {
        while let Some(link) = self.conns[conn].as_mut().filter(|link| !link.is_deaf) {
            let kept = link.rest.len();
            buffer[..kept].copy_from_slice(&link.rest);
            link.rest.clear();
            let read = match link.stream.read(&mut buffer[kept..]) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    link.rest.extend_from_slice(&buffer[..kept]);
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => 0,
                Err(error) => return Err(error).context("can't read"),
            };
            if read == 0 {
                self.conns[conn] = None;
                return talk.closed(self, conn);
            }
            let end = kept + read;
            let used = talk.received(self, conn, &buffer[..end])?;
            if let Some(link) = &mut self.conns[conn] {
                link.rest.extend_from_slice(&buffer[used..end]);
            }
            if end < buffer.len() && !is_near {
                return Ok(());
            }
            anyhow::ensure!(
                used > 0 || end < buffer.len(),
                "a frame does not fit into {READ_BYTES} bytes"
            );
        }
        Ok(())
    }
}

/// As much as the socket takes now.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> Result<usize> {
    let mut taken = 0;
    while taken < bytes.len() {
        match stream.write(&bytes[taken..]) {
            Ok(more) => taken += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_early(&error) => break,
            // What the server said last is still to be read.
            Err(error) if is_end(&error) => return Ok(bytes.len()),
            Err(error) => return Err(error).context("can't write"),
        }
    }
    Ok(taken)
}

/// Whether a socket takes nothing yet.
fn is_early(error: &io::Error) -> bool {
    [io::ErrorKind::WouldBlock, io::ErrorKind::NotConnected].contains(&error.kind())
}

/// Whether a socket takes nothing any more.
fn is_end(error: &io::Error) -> bool {
    [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset].contains(&error.kind())
}
