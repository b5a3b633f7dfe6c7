//! A relay between a client and a server, which turns into a black hole.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

use socket2::{Domain, Socket, Type};

/// What the socket to the server takes in while nobody reads it; Linux doubles it.
const RECEIVE_BUFFER: usize = 64 << 10;

/// Passes everything on, until it is told otherwise.
pub(crate) struct Relay {
    pub(crate) addr: SocketAddr,
    mode: Arc<AtomicU8>,
}

const PASSES: u8 = 0;
const SWALLOWS: u8 = 1;
const STALLS: u8 = 2;

impl Relay {
    /// A relay that takes one connection after the other on to `server`.
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there are free ports");
        let addr = listener.local_addr().expect("it is bound");
        let mode = Arc::new(AtomicU8::new(PASSES));
        let shared = Arc::clone(&mode);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = connect(server);
                let again = |stream: &TcpStream| stream.try_clone().expect("it is open");
                for (from, to) in [(again(&client), again(&server)), (server, client)] {
                    let mode = Arc::clone(&shared);
                    thread::spawn(move || pump(from, to, &mode));
                }
            }
        });
        Self { addr, mode }
    }

    /// From now on everything vanishes, in both directions, ends of connections too. The sockets
    /// take it as before.
    pub(crate) fn swallows(&self) {
        self.mode.store(SWALLOWS, Ordering::SeqCst);
    }

    /// From now on nothing is passed on, and what one read takes from a socket is the last.
    pub(crate) fn stalls(&self) {
        self.mode.store(STALLS, Ordering::SeqCst);
    }
}

fn connect(server: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are sockets");
    socket
        .set_recv_buffer_size(RECEIVE_BUFFER)
        .and_then(|()| socket.connect(&server.into()))
        .expect("the server listens");
    socket.into()
}

fn pump(mut from: TcpStream, mut to: TcpStream, mode: &AtomicU8) {
    let mut buffer = [0; 16 << 10];
    loop {
        let read = from.read(&mut buffer).unwrap_or(0);
        match mode.load(Ordering::SeqCst) {
            PASSES if read > 0 && to.write_all(&buffer[..read]).is_ok() => {}
            SWALLOWS if read > 0 => {}
            PASSES => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            // The sockets stay open.
            _ => loop {
                thread::park();
            },
        }
    }
}
