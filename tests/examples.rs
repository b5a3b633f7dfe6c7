//! The examples do what they say.

#![cfg(feature = "net")]

#[path = "../examples/bot.rs"]
#[expect(dead_code, reason = "it is a program by itself, too")]
mod bot;
#[path = "../examples/broker.rs"]
#[expect(dead_code, reason = "it is a program by itself, too")]
mod broker;
#[cfg(unix)]
#[path = "../examples/listener.rs"]
#[expect(dead_code, reason = "it is a program by itself, too")]
mod listener;
#[path = "../examples/presence.rs"]
#[expect(dead_code, reason = "it is a program by itself, too")]
mod presence;
#[cfg(unix)]
#[path = "../examples/unix_hub.rs"]
#[expect(dead_code, reason = "it is a program by itself, too")]
mod unix_hub;

use std::path::PathBuf;
use std::time::Duration;

use rejoin::net::{self, Tcp};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// How long anybody may be waited for.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn broker() {
    let told = [
        "c1 reads: Welcome { name: ann }",
        "c2 reads: Welcome { name: bob }",
        "c1 stops writing",
        "c2 reads: Kept { name: ann }",
        "c3 reads: Back { name: ann, kept: 1 }",
        "c3 reads: are you coming? from bob",
        "c2 reads: at eight from ann",
    ];
    assert_eq!(broker::run(), told);
}

#[test]
fn presence() {
    let told = [
        "c1 logs in as sensor-7: Joined",
        "c2 logs in as sensor-7: Waits",
        "c1 is told that it is replaced",
        "sensor-7 is online again, on c2",
        "c1 ends: nothing changes",
        "sensor-7 is away",
        "59s pass",
        "2s pass",
        "sensor-7 is gone",
    ];
    assert_eq!(presence::run(), told);
}

#[tokio::test]
async fn bot() {
    let listener = Tcp::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let story = async {
        let mut ann = Client::new(TcpStream::connect(address).await.unwrap());
        ann.hears("* hello").await;
        ann.says("ann").await;
        ann.hears("* welcome ann").await;
        for (says, answer) in [
            ("bot: good morning", "from bot: hello, ann"),
            ("bot: who", "from bot: ann, bot on 2 connections"),
            ("bot: stop", "* bye the server stops"),
        ] {
            ann.says(says).await;
            ann.hears(answer).await;
        }
    };
    let (report, ()) = tokio::join!(bot::run(listener), story);
    assert_eq!(report.unwrap().connections, 2);
}

/// The same story over both: somebody comes back to what was said meanwhile.
#[cfg(unix)]
async fn comes_back(path: &PathBuf) {
    let connect = || async {
        let mut client = Client::new(UnixStream::connect(path).await.unwrap());
        client.hears("* hello").await;
        client
    };
    let (mut ann, mut bob) = (connect().await, connect().await);
    ann.says("ann correct-horse").await;
    ann.hears("* welcome ann").await;
    bob.says("bob").await;
    bob.hears("* welcome bob").await;
    drop(ann);
    // Until the server has noticed, the dead link may take what is said.
    let is_away = |who: &[String]| who.iter().any(|line| line == "* peer ann away");
    while !is_away(&bob.who().await) {}
    bob.says("ann: are you coming?").await;
    bob.hears("* kept ann").await;
    let mut ann = connect().await;
    ann.says("ann correct-horse").await;
    ann.hears("* back ann").await;
    ann.hears("from bob at ").await;
    ann.says("bob: at eight").await;
    bob.hears("from ann: at eight").await;
}

#[cfg(unix)]
#[tokio::test]
async fn unix_hub() {
    let path = socket("unix_hub");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || unix_hub::serve(&listener));
    comes_back(&path).await;
}

#[cfg(unix)]
#[tokio::test]
async fn listener() {
    let path = socket("listener");
    let unix = listener::Unix(tokio::net::UnixListener::bind(&path).unwrap());
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let story = async {
        comes_back(&path).await;
        stop.send(()).unwrap();
    };
    let stopped = async { stopped.await.unwrap() };
    let (report, ()) = tokio::join!(net::serve(unix, rejoin::Config::default(), stopped), story);
    assert_eq!(report.unwrap().connections, 3);
}

/// A free path for a socket, short enough for any system.
fn socket(name: &str) -> PathBuf {
    let name = format!("rejoin-{}-{name}.sock", std::process::id());
    let path = std::env::temp_dir().join(name);
    let _ = std::fs::remove_file(&path);
    path
}

struct Client<S>(BufReader<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    fn new(stream: S) -> Self {
        Self(BufReader::new(stream))
    }

    async fn says(&mut self, line: &str) {
        let line = format!("{line}\n");
        self.0.write_all(line.as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.0.read_line(&mut line)).await;
        read.expect("a line in time").unwrap();
        line.trim_end().to_owned()
    }

    async fn who(&mut self) -> Vec<String> {
        self.says("/who").await;
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            if line.starts_with("* end who") {
                return lines;
            }
            lines.push(line);
        }
    }

    /// Reads on to a line that begins so.
    async fn hears(&mut self, start: &str) {
        loop {
            let line = self.line().await;
            assert!(!line.is_empty(), "the end comes before {start}");
            if line.starts_with(start) {
                break;
            }
        }
    }
}
