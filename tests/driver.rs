//! The driver on streams in memory, with virtual time: each half of a connection ends exactly
//! once, however it ends, and takes nobody else along.

#![cfg(feature = "net")]

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rejoin::net::{self, Listener, Report};
use rejoin::{Config, config};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
    DuplexStream, ReadBuf, duplex,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

#[tokio::test(start_paused = true)]
async fn two_people_chat_over_any_stream() {
    let server = TestServer::start(Config::default());
    let mut alice = server.login("alice", Fault::None).await;
    let mut bob = server.login("bob", Fault::None).await;
    bob.say("alice: hi").await;
    alice.hears("from bob: hi").await;
    assert_eq!(
        server.stop().await,
        Report {
            connections: 2,
            discarded: 0
        }
    );
    alice.hears("* bye the server stops").await;
    alice.hears_the_end().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_either_half_ends_that_connection_once_and_no_other() {
    for fault in [Fault::ReadPanics, Fault::WritePanics] {
        let server = TestServer::start(Config::default());
        let mut watcher = server.login("watcher", Fault::None).await;
        let mut alice = server.login("alice", fault).await;
        alice.say("watcher: this one fails").await;
        watcher.say("alice: and so does this").await;
        watcher.sees_leave("alice").await;
        let mut again = server.login("alice", Fault::None).await;
        watcher.say("alice: hi").await;
        again.hears("from watcher: hi").await;
        assert_eq!(server.stop().await.connections, 3, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_fails_leaves_the_writer_to_flush() {
    let server = TestServer::start(Config::default());
    let mut bob = server.login("bob", Fault::None).await;
    let mut alice = server.login("alice", Fault::ReadFails).await;
    bob.say("alice: one").await;
    alice.hears("from bob: one").await;
    alice.say("bob: this read fails").await;
    alice.hears("* bye you closed the connection").await;
    alice.hears_the_end().await;
    server.login("alice", Fault::None).await;
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_fails_stops_the_reader_and_gives_the_message_back() {
    let server = TestServer::start(Config::default());
    let mut bob = server.login("bob", Fault::None).await;
    let alice = server.login("alice", Fault::WriteFails).await;
    bob.say("alice: one").await;
    bob.hears("* undelivered alice gone: one").await;
    drop(alice);
    server.login("alice", Fault::None).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_written_a_byte_at_a_time_arrives_once() {
    let server = TestServer::start(Config::default());
    let mut bob = server.login("bob", Fault::None).await;
    let mut alice = server.login("alice", Fault::Trickles).await;
    for n in 0..100 {
        bob.say(&format!("alice: message {n}")).await;
    }
    for n in 0..100 {
        alice.hears(&format!("from bob: message {n}")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn messages_of_all_sizes_arrive_whole_whatever_a_write_takes() {
    let server = TestServer::start(Config {
        line_bytes: NonZeroUsize::new(200_000).expect("not zero"),
        mailbox_bytes: NonZeroUsize::new(1 << 20).expect("not zero"),
        ..flood_limits()
    });
    for fault in [Fault::None, Fault::Sips] {
        let mut bob = server.login("bob", Fault::None).await;
        let mut alice = server.login("alice", fault).await;
        // Short ones, which are many in one write, stand ahead of and behind long ones, of which
        // some are more than a write is put together of.
        let mut sizes = vec![10; 700];
        sizes.extend([1024, 1025, 100_000, 1, 65_536, 64_000, 2, 150_000, 150_000]);
        sizes.extend([100; 700]);
        let texts: Vec<_> = sizes.iter().map(|&size| "x".repeat(size)).collect();
        let lines: Vec<_> = texts.iter().map(|text| format!("alice: {text}")).collect();
        bob.say(&lines.join("\n")).await;
        for text in texts {
            alice.hears(&format!("from bob: {text}")).await;
        }
        bob.say("/quit").await;
        alice.say("/quit").await;
        alice.hears("* bye you quit").await;
        bob.hears("* bye you quit").await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_writes_fast_leaves_the_writers_their_turn() {
    let server = TestServer::start(flood_limits());
    let mut alice = server.login("alice", Fault::None).await;
    let mut bob = server.login("bob", Fault::None).await;
    // More than may wait for bob at once.
    alice.floods("bob").await;
    for _ in 0..LINES_OF_A_FLOOD {
        assert!(bob.line().await.starts_with("from alice: x"));
    }
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_not_read_from() {
    let server = TestServer::start(flood_limits());
    let mut bob = server.login("bob", Fault::None).await;
    let mut alice = server.login("alice", Fault::WriteBlocks).await;
    // Its answers would be more than may wait for it.
    alice.floods("alice").await;
    sleep(Duration::from_secs(1)).await;
    bob.say("/who").await;
    bob.hears("* peer alice").await;
    bob.hears("* peer bob").await;
}

#[tokio::test(start_paused = true)]
async fn a_blocked_write_ends_the_connection_after_its_timeout() {
    let server = TestServer::start(Config::default());
    let mut bob = server.login("bob", Fault::None).await;
    let _alice = server.login("alice", Fault::WriteBlocks).await;
    let start = Instant::now();
    bob.say("alice: hello?").await;
    bob.hears("* undelivered alice gone: hello?").await;
    let waited = start.elapsed();
    let bound = Config::default().write_timeout;
    assert!(
        waited >= bound && waited < bound + Duration::from_secs(1),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_client_must_read_so_much_a_second() {
    let server = TestServer::start(flood_limits());
    let mut bob = server.login("bob", Fault::None).await;
    for (name, period) in [("alice", 2), ("carol", 8)] {
        let mut slow = server.connect_over(1024, Fault::None).await;
        slow.say(&format!("{name} correct-horse")).await;
        slow.hears(&format!("* welcome {name}")).await;
        for _ in 0..100 {
            bob.say(&format!("{name}: {}", "x".repeat(4000))).await;
        }
        // 1024 bytes each time: at 512 bytes a second it may take as long as it takes.
        let sips = slow.sips(1024, Duration::from_secs(period), 350).await;
        if name == "alice" {
            assert_eq!(sips, 350);
            slow.say("/quit").await;
        } else {
            // For the first of them it need not wait; each gives it 2 of the 8 seconds that it takes.
            let timeout = Config::default().write_timeout.as_secs();
            let expected = timeout / (8 - 2);
            assert!((expected..expected + 4).contains(&(sips as u64)), "{sips}");
        }
    }
}

/// 3 MiB may wait for all connections from one address.
fn little_memory() -> Config {
    let size = |n: usize| NonZeroUsize::new(n).expect("not zero");
    Config {
        memory: size(Config::MIN_MEMORY),
        outbox_bytes: size(1 << 20),
        mailbox_bytes: size(100_000),
        ..flood_limits()
    }
}

#[tokio::test(start_paused = true)]
async fn who_reads_is_not_given_up_however_much_waits_for_all() {
    let server = TestServer::start(little_memory());
    let mut bob = server.login("bob", Fault::None).await;
    bob.say("/join #rust").await;
    bob.hears("* joined #rust bob").await;
    let mut others = Vec::new();
    for n in 0..60 {
        let mut other = server.login(&format!("other{n}"), Fault::None).await;
        other.say("/join #rust").await;
        other.hears(&format!("* joined #rust other{n}")).await;
        others.push(other);
    }
    // One read brings them all, and 8 MiB wait before any writer has its turn.
    let lines: Vec<_> = (0..16)
        .map(|n| format!("#rust: {n}{}", "x".repeat(3900)))
        .collect();
    bob.say(&lines.join("\n")).await;
    for other in &mut others {
        let mut heard = 0;
        while heard < 16 {
            heard += usize::from(other.line().await.starts_with("from bob in #rust"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn of_those_who_do_not_read_the_ones_with_the_most_are_given_up() {
    let server = TestServer::start(little_memory());
    let mut bob = server.login("bob", Fault::None).await;
    let mut blocked = Vec::new();
    for n in 0..8 {
        blocked.push(server.login(&format!("slow{n}"), Fault::WriteBlocks).await);
    }
    // Each message waits as a line, too: 440 KiB for each of them, and half as much for the last.
    for n in 0..8 {
        for _ in 0..if n == 7 { 27 } else { 54 } {
            bob.say(&format!("slow{n}: {}", "x".repeat(3900))).await;
        }
    }
    bob.say("bob: that was all").await;
    bob.hears("from bob: that was all").await;
    sleep(Duration::from_secs(5)).await;
    bob.say("/who").await;
    let mut there = Vec::new();
    loop {
        let line = bob.line().await;
        match line.trim_end().strip_prefix("* peer slow") {
            Some(number) => there.push(number.to_owned()),
            None if line.starts_with("* end who") => break,
            None => {}
        }
    }
    // One made room for the others.
    assert_eq!(there.len(), 7, "{there:?}");
    assert!(there.contains(&"7".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_blocked_writer_that_is_told_to_stop_ends_within_the_flush_timeout() {
    let server = TestServer::start(Config::default());
    let mut bob = server.login("bob", Fault::None).await;
    let mut alice = server.login("alice", Fault::WriteBlocks).await;
    bob.say("alice: hello?").await;
    bob.say("bob: echo").await;
    bob.hears("from bob: echo").await;
    let start = Instant::now();
    alice.hang_up().await;
    bob.hears("* undelivered alice gone: hello?").await;
    let waited = start.elapsed();
    let bound = Config::default().flush_timeout;
    assert!(
        waited >= bound && waited < bound + Duration::from_secs(1),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_takeover_does_not_wait_for_a_blocked_writer() {
    let server = TestServer::start(Config::default());
    let mut bob = server.login("bob", Fault::None).await;
    let _stuck = server
        .login("alice correct-horse", Fault::WriteBlocks)
        .await;
    bob.say("alice: one").await;
    bob.say("alice: two").await;
    bob.say("bob: echo").await;
    bob.hears("from bob: echo").await;
    let start = Instant::now();
    let mut alice = server.connect(Fault::None).await;
    alice.say("alice correct-horse").await;
    alice.hears("* back alice 2").await;
    alice.hears_kept("from bob: one").await;
    alice.hears_kept("from bob: two").await;
    assert_eq!(start.elapsed(), Duration::ZERO, "nothing was waited for");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_at_once_comes_once_wherever_a_takeover_finds_its_write() {
    const BYE: &str = "* bye you are back on another connection\n";
    let said = ["one", "two", "three"];
    let lines = said.map(|text| format!("from bob: {text}\n"));
    let all = lines.concat();
    let places = (1..all.len()).flat_map(|after| [(after, false), (after, true)]);
    for (after, for_good) in places {
        let server = TestServer::start(Config::default());
        let mut bob = server.login("bob", Fault::None).await;
        let fault = Fault::WriteStops { after, for_good };
        let mut old = server.login("alice correct-horse", fault).await;
        bob.say(&said.map(|text| format!("alice: {text}")).join("\n"))
            .await;
        bob.say("bob: echo").await;
        bob.hears("from bob: echo").await;
        let mut alice = server.connect(Fault::None).await;
        alice.say("alice correct-horse").await;

        let mut heard = String::new();
        old.0.read_to_string(&mut heard).await.expect("it ends");
        // The line that was begun is finished, if the socket takes its rest.
        let is_begun = !for_good && !all[..after].ends_with('\n');
        let rest = if is_begun {
            all[after..].find('\n')
        } else {
            None
        };
        let taken = rest.map_or(after, |rest| after + rest + 1);
        let bye = if for_good { "" } else { BYE };
        assert_eq!(heard, format!("{}{bye}", &all[..taken]), "after {after}");
        let whole = all[..taken].matches('\n').count();
        alice
            .hears(&format!("* back alice {}", said.len() - whole))
            .await;
        for line in &lines[whole..] {
            alice.hears_kept(line.trim_end()).await;
        }
        server.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn lines_behind_a_login_that_must_wait_are_kept_and_handled_in_order() {
    let server = TestServer::start(Config::default());
    let mut bob = server.login("bob", Fault::None).await;
    let mut old = server.login("alice", Fault::WriteBlocks).await;
    bob.say("alice: this write blocks").await;
    bob.say("bob: echo").await;
    bob.hears("from bob: echo").await;
    old.hang_up().await;
    // The old guest's writer may flush for a while, and the new one waits for its end.
    let mut new = server.connect(Fault::None).await;
    new.say("alice\nbob: one\nbob: two").await;
    new.hang_up().await;
    bob.hears("* undelivered alice gone: this write blocks")
        .await;
    bob.hears("from alice: one").await;
    bob.hears("from alice: two").await;
    new.hears("* welcome alice").await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_ends_in_time_though_a_socket_is_stuck() {
    let second = Duration::from_secs(1);
    for (flush_timeout, shutdown_timeout) in [(second, 9 * second), (9 * second, second)] {
        let server = TestServer::start(Config {
            flush_timeout,
            shutdown_timeout,
            ..Config::default()
        });
        let mut bob = server.login("bob", Fault::None).await;
        let _stuck = server.login("alice", Fault::WriteBlocks).await;
        bob.say("alice: lost to a stuck socket, and counted").await;
        bob.say("bob: echo").await;
        bob.hears("from bob: echo").await;
        let start = Instant::now();
        assert_eq!(
            server.stop().await,
            Report {
                connections: 2,
                discarded: 1
            }
        );
        assert!(start.elapsed() < 2 * second, "{:?}", start.elapsed());
        bob.hears("* bye the server stops").await;
    }
}

#[tokio::test]
async fn limits_that_contradict_each_other_are_refused() {
    let config = Config {
        silence_timeout: Duration::from_secs(1),
        ..Config::default()
    };
    let (_connect, accept) = mpsc::channel(1);
    let refused = net::serve(Memory(accept), config, pending())
        .await
        .unwrap_err();
    let bad = config::BadConfig {
        limit: "silence_timeout",
        must: "be longer than probe_after",
    };
    assert!(
        matches!(refused, net::ServeError::Config(found) if found == bad),
        "{refused}"
    );
}

/// Together much more than one outbox may hold.
const LINES_OF_A_FLOOD: usize = 30_000;

/// No limit to how many lines come at once, and else the default.
fn flood_limits() -> Config {
    let flood = NonZeroU32::new(1_000_000).expect("not zero");
    Config {
        lines_per_second: flood,
        lines_burst: flood,
        ..Config::default()
    }
}

/// A server on streams in memory.
struct TestServer {
    connect: mpsc::Sender<Faulty>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Result<Report, net::ServeError>>,
}

impl TestServer {
    fn start(config: Config) -> Self {
        let (connect, accept) = mpsc::channel(16);
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async { stopped.await.expect("a test stops its server") };
        let served = tokio::spawn(net::serve(Memory(accept), config, stopped));
        Self {
            connect,
            stop,
            served,
        }
    }

    async fn connect(&self, fault: Fault) -> Person {
        self.connect_over(1 << 24, fault).await
    }

    /// Connects by a stream in which so many bytes may be on their way.
    async fn connect_over(&self, bytes: usize, fault: Fault) -> Person {
        let (near, far) = duplex(bytes);
        let stream = Faulty {
            stream: far,
            fault,
            greeted: false,
        };
        self.connect.send(stream).await.expect("the server accepts");
        let mut person = Person(BufReader::new(near));
        let hello = person.line().await;
        assert!(hello.starts_with("* hello: "), "{hello:?}");
        person
    }

    async fn login(&self, line: &str, fault: Fault) -> Person {
        let mut person = self.connect(fault).await;
        person.say(line).await;
        let name = line.split(' ').next().expect("a line has a first word");
        person.hears(&format!("* welcome {name}")).await;
        person
    }

    async fn stop(self) -> Report {
        self.stop.send(()).expect("the server runs");
        self.served
            .await
            .expect("the server does not panic")
            .expect("nor does it fail")
    }
}

/// A client.
struct Person(BufReader<DuplexStream>);

impl Person {
    async fn say(&mut self, line: &str) {
        self.0
            .write_all(format!("{line}\n").as_bytes())
            .await
            .expect("the server reads");
    }

    async fn floods(&mut self, receiver: &str) {
        let line = format!("{receiver}: {}\n", "x".repeat(100));
        self.say(line.repeat(LINES_OF_A_FLOOD).trim_end()).await;
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = timeout(Duration::from_secs(600), self.0.read_line(&mut line)).await;
        read.expect("a line within ten minutes")
            .expect("the server writes text");
        line
    }

    /// Reads so many bytes in each period, so often, or up to the end. Returns how often it did.
    async fn sips(&mut self, bytes: usize, period: Duration, times: usize) -> usize {
        let mut sip = vec![0; bytes];
        for done in 0..times {
            sleep(period).await;
            if self.0.read_exact(&mut sip).await.is_err() {
                return done;
            }
        }
        times
    }

    async fn hears(&mut self, line: &str) {
        assert_eq!(self.line().await.trim_end(), line);
    }

    /// The same of a message that was kept, with the time at which it was said.
    async fn hears_kept(&mut self, message: &str) {
        let line = self.line().await;
        let (head, text) = line.trim_end().split_once("Z: ").expect("it has a time");
        let (head, _) = head.split_once(" at ").expect("it has a time");
        assert_eq!(format!("{head}: {text}"), message);
    }

    async fn hears_the_end(&mut self) {
        assert_eq!(self.line().await, "");
    }

    /// Closes the sending half.
    async fn hang_up(&mut self) {
        self.0.shutdown().await.expect("the stream can be closed");
    }

    /// Asks who is there until somebody is not.
    async fn sees_leave(&mut self, name: &str) {
        loop {
            self.say("/who").await;
            let mut here = false;
            loop {
                let line = self.line().await;
                here |= line.trim_end() == format!("* peer {name}");
                if line.starts_with("* end who") {
                    break;
                }
            }
            if !here {
                return;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

struct Memory(mpsc::Receiver<Faulty>);

impl Listener for Memory {
    type Stream = Faulty;

    async fn accept(&mut self) -> io::Result<(Faulty, SocketAddr)> {
        match self.0.recv().await {
            Some(stream) => Ok((stream, SocketAddr::from(([127, 0, 0, 1], 9)))),
            None => pending().await,
        }
    }
}

/// What a stream does wrong, once the login is answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    None,
    ReadPanics,
    ReadFails,
    WritePanics,
    WriteFails,
    WriteBlocks,
    /// It takes so many bytes, and then nothing, for good or only once.
    WriteStops {
        after: usize,
        for_good: bool,
    },
    /// It takes a part of what is written.
    Sips,
    Trickles,
}

/// A stream that works until the login is answered.
struct Faulty {
    stream: DuplexStream,
    fault: Fault,
    greeted: bool,
}

impl AsyncRead for Faulty {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.greeted && read.is_ready() && buffer.filled().len() > before {
            match self.fault {
                Fault::ReadPanics => panic!("a test makes this read panic"),
                Fault::ReadFails => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Fault::None
                | Fault::WritePanics
                | Fault::WriteFails
                | Fault::WriteBlocks
                | Fault::WriteStops { .. }
                | Fault::Sips
                | Fault::Trickles => {}
            }
        }
        read
    }
}

impl AsyncWrite for Faulty {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let bytes = match self.fault {
            Fault::WritePanics if self.greeted => panic!("a test makes this write panic"),
            Fault::WriteFails if self.greeted => {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            Fault::WriteBlocks if self.greeted => return Poll::Pending,
            Fault::WriteStops { after: 0, for_good } if self.greeted => {
                self.fault = if for_good {
                    Fault::WriteBlocks
                } else {
                    Fault::None
                };
                return Poll::Pending;
            }
            Fault::WriteStops { after, for_good } if self.greeted => {
                let taken = bytes.len().min(after);
                let after = after - taken;
                self.fault = Fault::WriteStops { after, for_good };
                &bytes[..taken]
            }
            Fault::Sips => &bytes[..bytes.len().min(10_007)],
            Fault::Trickles => &bytes[..1],
            Fault::None
            | Fault::ReadPanics
            | Fault::ReadFails
            | Fault::WritePanics
            | Fault::WriteFails
            | Fault::WriteBlocks
            | Fault::WriteStops { .. } => bytes,
        };
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        let answers = !bytes.starts_with(b"* hello: ");
        self.greeted |= answers && matches!(written, Poll::Ready(Ok(_)));
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
