//! The measure of all servers: copies bytes from socket to socket, and checks nothing.
//!
//! A client says `say KEY`, `hear KEY` or `idle` in a line of its own, and is told `ok`. All that
//! comes after `say` goes to everyone who hears that key, a whole read at a time. It is one thread
//! with one buffer, and has no bounds: those who speak wait for those who hear.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::SocketAddr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const READ_BYTES: usize = 64 << 10;
const LISTENER: Token = Token(usize::MAX);

/// Relays until the process ends.
///
/// # Errors
///
/// If it can't listen on the address, or wait for events.
pub fn run(address: SocketAddr) -> io::Result<()> {
    let mut listener = TcpListener::bind(address)?;
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut relay = Relay::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            Ok(()) | Err(_) => {}
        }
        for event in &events {
            match event.token() {
                LISTENER => relay.accept(&listener, &poll)?,
                Token(conn) => {
                    if event.is_writable() {
                        relay.flush(conn);
                    }
                    if event.is_readable() || event.is_read_closed() {
                        relay.read(conn, event.is_read_closed(), &mut buffer);
                    }
                }
            }
        }
    }
}

#[derive(Default)]
struct Relay {
    conns: Vec<Option<Conn>>,
    free: Vec<usize>,
    heard_by: BTreeMap<String, Vec<usize>>,
}

struct Conn {
    stream: TcpStream,
    role: Role,
    out: Vec<u8>,
}

enum Role {
    New,
    Idle,
    Says(String),
    Hears(String),
}

impl Relay {
    fn accept(&mut self, listener: &TcpListener, poll: &Poll) -> io::Result<()> {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.set_nodelay(true);
            let conn = self.free.pop().unwrap_or(self.conns.len());
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry()
                .register(&mut stream, Token(conn), interest)?;
            let link = Some(Conn {
                stream,
                role: Role::New,
                out: Vec::new(),
            });
            if conn == self.conns.len() {
                self.conns.push(link);
            } else {
                self.conns[conn] = link;
            }
        }
        Ok(())
    }

    fn read(&mut self, conn: usize, is_near_its_end: bool, buffer: &mut [u8]) {
        loop {
            let Some(link) = &mut self.conns[conn] else {
                return;
            };
            let read = match link.stream.read(buffer) {
                Ok(read @ 1..) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Ok(_) | Err(_) => return self.end(conn),
            };
            self.handle(conn, &buffer[..read]);
            if read < buffer.len() && !is_near_its_end {
                return;
            }
        }
    }

    fn handle(&mut self, conn: usize, bytes: &[u8]) {
        let link = self.conns[conn].as_ref().expect("it was just read from");
        match &link.role {
            Role::Says(key) => {
                let heard_by = self.heard_by.get(key).cloned().unwrap_or_default();
                for listener in heard_by {
                    self.send(listener, bytes);
                }
            }
            Role::New => {
                let role = parse(bytes);
                if let Role::Hears(key) = &role {
                    self.heard_by.entry(key.clone()).or_default().push(conn);
                }
                self.conns[conn].as_mut().expect("as above").role = role;
                self.send(conn, b"ok\n");
            }
            Role::Idle | Role::Hears(_) => {}
        }
    }

    fn send(&mut self, conn: usize, bytes: &[u8]) {
        let Some(link) = &mut self.conns[conn] else {
            return;
        };
        let taken = if link.out.is_empty() {
            // If it is dead, its read says so.
            link.stream.write(bytes).unwrap_or(0)
        } else {
            0
        };
        link.out.extend_from_slice(&bytes[taken..]);
    }

    fn flush(&mut self, conn: usize) {
        if let Some(link) = &mut self.conns[conn]
            && !link.out.is_empty()
        {
            let taken = link.stream.write(&link.out).unwrap_or(0);
            link.out.drain(..taken);
        }
    }

    fn end(&mut self, conn: usize) {
        let link = self.conns[conn].take().expect("it ends once");
        if let Role::Hears(key) = &link.role
            && let Some(heard_by) = self.heard_by.get_mut(key)
        {
            heard_by.retain(|&listener| listener != conn);
        }
        self.free.push(conn);
    }
}

fn parse(line: &[u8]) -> Role {
    let line = String::from_utf8_lossy(line);
    match line.trim_end().split_once(' ') {
        Some(("say", key)) => Role::Says(key.into()),
        Some(("hear", key)) => Role::Hears(key.into()),
        Some(_) | None => Role::Idle,
    }
}
