//! Links that stall, break, or are closed by halves; and floods that fill every buffer.

use std::fs::read_to_string;
use std::io::{BufRead, ErrorKind, Read, Result};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::ops::Range;
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

use super::{Client, Server, wait_for, without_time};

/// Flags for floods: no bound but time ends a connection, and nothing is refused.
pub(crate) const FLOOD: &[&str] = &[
    "--lines-per-second=1000000",
    "--lines-burst=1000000",
    "--memory=10000000000",
    "--outbox-bytes=100000000",
    "--mailbox-bytes=100000000",
    "--mailbox-bytes-per-address=100000000",
    "--write-timeout=5min",
    "--flush-timeout=5min",
    // What comes back does so at once, and each by itself.
    "--bounces=1000000",
    "--slice=1000s",
    "--work-per-connection=1000s",
    "--work-per-address=1000s",
    "--work-in-all=1000s",
];

/// How many [`big`] messages are a flood: three times what the largest buffers of a TCP
/// connection take (4 MiB to send, where nothing was tuned, and [`RECEIVE_BUFFER`]).
pub(crate) const MANY: usize = 3000;

/// What a stalled client's socket takes in; Linux doubles it.
const RECEIVE_BUFFER: usize = 64 << 10;

/// The `n`th message of a flood, as long as a line may be.
pub(crate) fn big(n: usize) -> String {
    format!("{n:06} {}", "x".repeat(4000))
}

/// The number of a message of a flood, however it came.
pub(crate) fn number(line: &str, intro: &str) -> usize {
    let line = if line.starts_with(intro) {
        line.to_owned()
    } else {
        without_time(line)
    };
    let text = line
        .strip_prefix(intro)
        .unwrap_or_else(|| panic!("{:?} does not begin with {intro:?}", abbreviated(&line)));
    let number = text.get(..6).and_then(|digits| digits.parse().ok());
    let number = number.unwrap_or_else(|| panic!("no number in {:?}", abbreviated(&line)));
    assert_eq!(text, big(number), "the text was changed");
    number
}

/// Enough of a line for a failed test to show.
fn abbreviated(line: &str) -> String {
    line.chars().take(60).collect()
}

impl Server {
    /// Starts the binary with these flags and those of a [`FLOOD`].
    pub(crate) fn start_for_floods(flags: &[&str]) -> Self {
        // No flag may be given twice; these win.
        let name = |flag: &&str| flag.split('=').next().unwrap_or_default().to_owned();
        let given: Vec<_> = flags.iter().map(name).collect();
        let flood = FLOOD.iter().filter(|flag| !given.contains(&name(flag)));
        let all: Vec<_> = flood.chain(flags).copied().collect();
        Self::start(&all)
    }

    /// A new connection that has logged in as a peer that was here before, and for which
    /// so many messages were kept.
    #[track_caller]
    pub(crate) fn back(&self, login: &str, kept: usize) -> Client {
        let mut client = self.client();
        client.send(login);
        let name = login.split(' ').next().expect("a name");
        client.expect(&format!("* back {name} {kept}"));
        client
    }

    /// A new peer whose client has a small buffer, so that it is soon full if nothing is
    /// read.
    #[track_caller]
    pub(crate) fn stalled(&self, login: &str) -> Client {
        let mut client = Client::small(self.addr);
        client.send(login);
        let name = login.split(' ').next().expect("a name");
        client.expect(&format!("* welcome {name}"));
        client
    }

    /// A new connection that the server has answered, and that has not logged in.
    #[track_caller]
    pub(crate) fn greeted(&self) -> Client {
        let mut client = self.client();
        client.send("/who");
        client.expect_error("not-logged-in");
        client
    }

    /// A new connection from another address of this machine.
    pub(crate) fn client_from(&self, address: [u8; 4]) -> Client {
        let from = SocketAddr::new(IpAddr::from(address), 0);
        Client::with(self.addr, |socket| socket.bind(&from.into()))
    }
}

impl Client {
    /// A connection whose socket takes in little that nobody reads.
    pub(crate) fn small(address: SocketAddr) -> Self {
        Self::with(address, |socket| {
            socket.set_recv_buffer_size(RECEIVE_BUFFER)
        })
    }

    /// A connection whose socket is set up before it connects.
    fn with(address: SocketAddr, set_up: impl FnOnce(&Socket) -> Result<()>) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are sockets");
        set_up(&socket)
            .and_then(|()| socket.connect(&address.into()))
            .unwrap_or_else(|error| panic!("no connection to {address}: {error}"));
        Self::over(TcpStream::from(socket))
    }

    /// Sends messages of a flood with these numbers.
    pub(crate) fn flood(&mut self, to: &str, numbers: Range<usize>) {
        for n in numbers {
            self.send(&format!("{to}: {}", big(n)));
        }
    }

    /// Asserts that this client, which is logged in as `me` and has read everything, is
    /// heard and hears.
    #[track_caller]
    pub(crate) fn echo(&mut self, me: &str) {
        self.send(&format!("{me}: still here"));
        self.expect(&format!("from {me}: still here"));
    }

    /// Waits until the server has handled all that has [arrived](Client::arrives) before, on
    /// connections that it has answered once.
    ///
    /// What was ready before the first line is handled, at the latest, with it, and so
    /// before the second; that rests on the server's single thread.
    #[track_caller]
    pub(crate) fn settle(&mut self, me: &str) {
        self.echo(me);
        self.echo(me);
    }

    /// Asserts that the next line is this error.
    #[track_caller]
    pub(crate) fn expect_error(&mut self, code: &str) {
        let line = self.line();
        let is = line.starts_with(&format!("* error {code} "));
        assert!(is, "expected the error {code}, not {line:?}");
    }

    /// Asserts that the next lines are messages of a flood with just these numbers.
    #[track_caller]
    pub(crate) fn expect_flood(&mut self, intro: &str, numbers: Range<usize>) {
        for n in numbers {
            assert_eq!(number(&self.line(), intro), n);
        }
    }

    /// Closes the sending half; the server sees the end of what it reads.
    pub(crate) fn half_close(&self) {
        let closed = self.stream().shutdown(Shutdown::Write);
        closed.expect("the connection was open");
        self.arrives();
    }

    /// Waits until all that was sent, and the end of it, is in the server's socket: what another
    /// connection sends may be there sooner.
    pub(crate) fn arrives(&self) {
        wait_until_arrived(self.stream());
    }

    /// Says goodbye to the connection in the way that loses nothing: closes the sending
    /// half and reads to the end. After this the peer is away, or gone.
    #[track_caller]
    pub(crate) fn leave(mut self) {
        self.half_close();
        self.expect("* bye you closed the connection");
        self.expect_eof();
    }

    /// Resets the connection, which from now on the server's socket knows: what is on its way, in
    /// both directions, is lost.
    pub(crate) fn reset(self) {
        let ends = ends(self.stream());
        let socket = SockRef::from(self.stream());
        socket
            .set_linger(Some(Duration::ZERO))
            .expect("an open socket takes options");
        drop(self);
        if let Some([client, server]) = ends {
            wait_for("the server's socket to be reset", || {
                unacknowledged(server, client).is_none().then_some(())
            });
        }
    }

    /// Reads on until the server has closed. Returns the whole lines, and what was there
    /// of one more.
    pub(crate) fn rest(&mut self) -> (Vec<String>, String) {
        let mut bytes = Vec::new();
        // Opened up, or the small buffer lets the data trickle.
        let _ = SockRef::from(self.stream()).set_recv_buffer_size(4 << 20);
        let read = self.stream.read_to_end(&mut bytes);
        read.expect("the server closes in an orderly way");
        let text = String::from_utf8(bytes).expect("the server speaks UTF-8");
        let (whole, half) = text.rsplit_once('\n').unwrap_or(("", &text));
        (whole.lines().map(str::to_owned).collect(), half.to_owned())
    }

    /// Whether the server has closed or reset the connection; waits for either, and throws
    /// away what comes before.
    pub(crate) fn wait_for_end(&mut self) {
        loop {
            match self.stream.fill_buf() {
                Ok([]) => return,
                Ok(some) => {
                    let length = some.len();
                    self.stream.consume(length);
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
                Err(error) => panic!("the server does not close: {error}"),
            }
        }
    }
}

/// Waits until all that was sent on a connection over IPv4, and the end of it, is in the other
/// end's socket.
pub(crate) fn wait_until_arrived(stream: &TcpStream) {
    let Some([own, other]) = ends(stream) else {
        return;
    };
    wait_for("the other end to have all that was sent", || {
        let left = unacknowledged(own, other).unwrap_or(0);
        (left == 0).then_some(())
    });
}

/// The addresses of both ends, the own one first; none if the connection was reset.
fn ends(stream: &TcpStream) -> Option<[SocketAddr; 2]> {
    Some([stream.local_addr().ok()?, stream.peer_addr().ok()?])
}

/// How much of what an end of a connection has sent the other end has not, as the system says; none
/// if there is no such end any more.
fn unacknowledged(own: SocketAddr, other: SocketAddr) -> Option<u64> {
    let [own, other] = [own, other].map(in_hex);
    let sockets = read_to_string("/proc/net/tcp").expect("the system says what sockets there are");
    let socket = sockets.lines().find_map(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        (words[1..3] == [&*own, &*other]).then(|| words[4].to_owned())
    });
    let (sent, _) = socket.as_deref()?.split_once(':')?;
    Some(u64::from_str_radix(sent, 16).expect("a number"))
}

/// An address as the system writes it: its bytes as one number of this machine, and the port.
fn in_hex(address: SocketAddr) -> String {
    let SocketAddr::V4(address) = address else {
        panic!("{address} is not of IPv4")
    };
    let ip = u32::from_ne_bytes(address.ip().octets());
    format!("{ip:08X}:{:04X}", address.port())
}
