//! The driver's wall clock, and what two starts have in common.

#![cfg(feature = "net")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use rejoin::Config;
use rejoin::net::{self, Listeners, Setup, Tcp, WallClock};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A server whose wall clock stands still, where it is set to.
struct Server {
    address: SocketAddr,
    clock: Arc<AtomicU64>,
    /// Dropping it stops the server.
    _stop: oneshot::Sender<()>,
}

impl Server {
    fn start() -> Self {
        let listener = Tcp::bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let clock = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = oneshot::channel::<()>();
        let reads = Arc::clone(&clock);
        let setup = Setup {
            wall_clock: WallClock::new(move || {
                let seconds = Duration::from_secs(reads.load(Ordering::Relaxed));
                SystemTime::UNIX_EPOCH + seconds + Duration::from_millis(500)
            }),
            ..Setup::new(Config::default())
        };
        let listeners = Listeners {
            plain: None,
            irc: Some(listener),
        };
        tokio::spawn(net::serve_with(listeners, setup, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            clock,
            _stop: stop,
        }
    }

    async fn client(&self, nick: &str) -> Client {
        let stream = TcpStream::connect(self.address).await;
        let stream = stream.expect("the server listens");
        let mut client = Client {
            stream: BufReader::new(stream),
            asked: None,
        };
        client.says("CAP REQ :server-time message-tags").await;
        client.says("PASS correct-horse").await;
        client.says(&format!("NICK {nick}")).await;
        client.says("USER u 0 * :r").await;
        client.says("CAP END").await;
        client.hears(" 422 ").await;
        client
    }
}

struct Client {
    stream: BufReader<TcpStream>,
    /// What it was asked first about how far it reads.
    asked: Option<String>,
}

impl Client {
    async fn says(&mut self, line: &str) {
        let line = format!("{line}\r\n");
        let written = self.stream.write_all(line.as_bytes()).await;
        written.expect("the server reads");
    }

    /// The next line that has these words.
    async fn hears(&mut self, words: &str) -> String {
        let line = async {
            loop {
                let mut line = String::new();
                let length = self.stream.read_line(&mut line).await;
                assert_ne!(length.expect("the server writes"), 0, "no {words:?}");
                if let Some((_, token)) = line.trim_end().split_once("PING :") {
                    self.asked.get_or_insert(token.to_owned());
                }
                if line.contains(words) {
                    return line.trim_end().to_owned();
                }
            }
        };
        let patience = Duration::from_secs(10);
        timeout(patience, line).await.expect("a line within 10 s")
    }
}

#[tokio::test]
async fn the_time_follows_a_wall_clock_that_is_set() {
    let server = Server::start();
    let mut alice = server.client("alice").await;
    for (seconds, human, tag) in [
        (
            7_200,
            "Thu, 1 Jan 1970 02:00:00 UTC",
            "1970-01-01T02:00:00.",
        ),
        (
            1_000_000_000,
            "Sun, 9 Sep 2001 01:46:40 UTC",
            "2001-09-09T01:46:40.",
        ),
        (
            3_600,
            "Thu, 1 Jan 1970 01:00:00 UTC",
            "1970-01-01T01:00:00.",
        ),
    ] {
        server.clock.store(seconds, Ordering::Relaxed);
        alice.says("TIME").await;
        let line = alice.hears(" 391 ").await;
        assert!(line.ends_with(human), "{line}");
        assert!(line.starts_with(&format!("@time={tag}")), "{line}");
    }
}

#[tokio::test]
async fn two_servers_that_start_at_the_same_time_have_no_identifier_in_common() {
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let server = Server::start();
        let mut alice = server.client("alice").await;
        for _ in 0..20 {
            alice.says("PRIVMSG alice :note").await;
            let line = alice.hears(" PRIVMSG ").await;
            let (_, id) = line.split_once("msgid=").expect("it has one");
            let id = id.split([';', ' ']).next().expect("it is not empty");
            assert!(seen.insert(id.to_owned()), "{id} comes twice");
        }
        // How far a client reads is asked with the identifier of its connection.
        let token = alice.asked.expect("it is asked when it comes");
        let (id, _) = token.split_once('.').expect("it has two parts");
        assert!(seen.insert(id.to_owned()), "{id} comes twice");
    }
}
