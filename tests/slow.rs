//! Links that are slow, and bring everything in the end: whoever takes or acknowledges something in
//! time is not given up, whatever is in front of its mail.
//!
//! The times and the rates are those of a link of 1 KB a second, thirty times as fast.

#![cfg(feature = "server")]
#![expect(
    clippy::disallowed_methods,
    reason = "a link is as slow as the time says"
)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

use socket2::{Domain, Socket, Type};

use common::{Client, PATIENCE, Server};

const SECRET: &str = "correct-horse";

/// What is kept for her.
const KEPT: usize = 600;

/// Bytes of each message, and a number.
const MESSAGE_BYTES: usize = 400;

/// Bytes a second that her link takes when it is slow, and when it is not.
const RATE: u32 = 32 << 10;
const FAST: u32 = 32 << 20;

/// How long her link may take nothing and acknowledge nothing: it brings a fifth of what
/// is kept, and three times what is in front of a question.
const WRITE_TIMEOUT: &str = "--write-timeout=1500ms";

/// Alice, by IRC, on a slow link.
struct Slow {
    stream: TcpStream,
    received: Vec<u8>,
    rate: u32,
    start: Instant,
    taken: u32,
}

impl Slow {
    /// She comes with her secret; her system takes `buffer` bytes ahead of her, or what it likes.
    fn comes(irc: SocketAddr, rate: u32, buffer: Option<usize>) -> Self {
        let hello = format!("PASS {SECRET}\r\nNICK alice\r\nUSER alice 0 * :alice\r\n");
        Self::says(&hello, irc, rate, buffer)
    }

    /// Somebody comes, and says this first.
    fn says(hello: &str, irc: SocketAddr, rate: u32, buffer: Option<usize>) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are sockets");
        if let Some(bytes) = buffer {
            let set = socket.set_recv_buffer_size(bytes);
            set.expect("a new socket takes options");
        }
        socket.connect(&irc.into()).expect("the server listens");
        let mut stream = TcpStream::from(socket);
        let timeout = stream.set_read_timeout(Some(PATIENCE));
        timeout.expect("an open socket takes options");
        stream.write_all(hello.as_bytes()).expect("it is open");
        Self {
            stream,
            received: Vec::new(),
            rate,
            start: Instant::now(),
            taken: 0,
        }
    }

    /// The next line; as much time passes as her link takes for it, in which she answers what she is
    /// asked. `None` if the server has given her up.
    fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.received.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.received.drain(..=end).collect();
                let line = String::from_utf8(line).expect("the server speaks UTF-8");
                if let Some(token) = line.strip_prefix("PING ") {
                    self.stream
                        .write_all(format!("PONG {token}").as_bytes())
                        .ok()?;
                }
                return Some(line.trim_end().to_owned());
            }
            let due = self.start + Duration::from_secs(1) * self.taken / self.rate;
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let mut bytes = [0; 512];
            let length = self
                .stream
                .read(&mut bytes)
                .ok()
                .filter(|&length| length > 0)?;
            self.taken += u32::try_from(length).expect("few bytes");
            self.received.extend_from_slice(&bytes[..length]);
        }
    }

    fn hears(&mut self, last: &str) {
        while !self.line().expect("the server stays").contains(last) {}
    }

    /// Asserts that she hears all that was kept, in order.
    #[track_caller]
    fn hears_what_was_kept(&mut self) {
        let mut next = 0;
        while next < KEPT {
            let Some(line) = self.line() else {
                panic!("given up after {next} of {KEPT} messages");
            };
            if let Some((_, text)) = line.split_once(" PRIVMSG alice :") {
                assert_eq!(text, message(next));
                next += 1;
            }
        }
    }
}

fn message(n: usize) -> String {
    format!("{n} {}", "x".repeat(MESSAGE_BYTES))
}

/// So much is kept for Alice, who was here and is away.
fn keeps(server: &Server, irc: SocketAddr, rooms: &[&str]) {
    let mut alice = Slow::comes(irc, FAST, None);
    alice.hears(" 376 ");
    for room in rooms {
        write!(alice.stream, "JOIN {room}\r\n").expect("it is open");
        alice.hears(" 366 ");
    }
    drop(alice);
    let mut bob = server.login("bob");
    common::wait_for("alice to be away", || {
        bob.send("/who");
        let mut lines = std::iter::from_fn(|| Some(bob.line()));
        let mut until_end = lines
            .by_ref()
            .take_while(|line| !line.starts_with("* end who"));
        let is_away = until_end.any(|line| line == "* peer alice away");
        until_end.for_each(drop);
        is_away.then_some(())
    });
    for n in 0..KEPT {
        bob.send(&format!("alice: {}", message(n)));
        bob.expect("* kept alice");
    }
}

/// A server whose message of the day has so many lines.
fn server(lines: usize) -> (Server, SocketAddr) {
    server_with(lines, &[WRITE_TIMEOUT])
}

fn server_with(lines: usize, flags: &[&str]) -> (Server, SocketAddr) {
    static FILES: AtomicU32 = AtomicU32::new(0);
    let n = FILES.fetch_add(1, Ordering::Relaxed);
    let motd = env::temp_dir().join(format!("rejoin-motd-{}-{n}", process::id()));
    fs::write(&motd, format!("{}\n", "x".repeat(80)).repeat(lines)).expect("a file of ours");
    let file = motd.to_str().expect("it is text").to_owned();
    let flags = [&["--irc=127.0.0.1:0", "--motd", &file], flags].concat();
    let server = Server::start_for_floods(&flags);
    let irc = server.irc();
    let _ = fs::remove_file(motd);
    (server, irc)
}

#[test]
fn a_slow_link_brings_all_that_was_kept() {
    let (server, irc) = server(1);
    keeps(&server, irc, &[]);
    Slow::comes(irc, RATE, Some(4096)).hears_what_was_kept();
}

/// The system takes much of it at once, so that for a while only answers show that it is read.
#[test]
fn a_client_that_reads_slowly_gets_all_that_was_kept() {
    let (server, irc) = server(1);
    keeps(&server, irc, &[]);
    Slow::comes(irc, RATE, None).hears_what_was_kept();
}

#[test]
fn long_lists_ahead_of_what_was_kept_may_take_their_time() {
    // 80 KB, and of members 5 KB in each room.
    const ROOMS: [&str; 8] = ["#a", "#b", "#c", "#d", "#e", "#f", "#g", "#h"];
    let (server, irc) = server(1000);
    let _members: Vec<Client> = (0..150)
        .map(|n| {
            let mut member = server.login(&format!("somebody-with-a-long-name-{n}"));
            for room in ROOMS {
                member.send(&format!("/join {room}"));
            }
            member
        })
        .collect();
    keeps(&server, irc, &ROOMS);
    Slow::comes(irc, RATE, None).hears_what_was_kept();
}

/// What a guest is asked when it is silent is behind all that.
#[track_caller]
fn a_guest_gets_a_list(lines: usize, rate: u32, buffer: Option<usize>) {
    // As by default, thirty times as fast.
    const SILENCE: [&str; 2] = ["--irc-probe-after=3s", "--irc-silence-timeout=5s"];
    let (_server, irc) = server_with(lines, &SILENCE);
    let hello = "NICK alice\r\nUSER alice 0 * :alice\r\n";
    let mut alice = Slow::says(hello, irc, rate, buffer);
    alice.hears(" 376 ");
    alice
        .stream
        .write_all(b"PING here\r\n")
        .expect("it is open");
    alice.hears(" PONG ");
}

#[test]
fn a_guest_on_a_slow_link_with_a_long_list_in_front_is_not_silent() {
    a_guest_gets_a_list(2000, RATE, Some(4096));
}

#[test]
fn a_guest_that_reads_a_long_list_slowly_is_not_silent() {
    a_guest_gets_a_list(2000, RATE, None);
}
