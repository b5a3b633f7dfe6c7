//! What a program may ask of the server inside of it.

#![cfg(feature = "net")]

use std::future::pending;
use std::io;
use std::net::SocketAddr;

use rejoin::Config;
use rejoin::broker::PeerEntry;
use rejoin::id::Name;
use rejoin::net::{self, Listener, Listeners, Setup};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::io::{DuplexStream, split};

/// Nobody ever comes from outside.
struct Nobody;

impl Listener for Nobody {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<(DuplexStream, SocketAddr)> {
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_sees_who_is_there_and_stops_the_server() {
    let setup = Setup::new(Config::default());
    let (handle, serving) = net::start(Listeners::plain(Nobody), setup).unwrap();
    assert_eq!(handle.counts().unwrap().connections, 0, "before it serves");
    let story = async {
        let (input, mut output) = split(handle.connect().await.unwrap());
        let mut lines = BufReader::new(input).lines();
        output
            .write_all(b"ann correct-horse\n/join #one\n")
            .await
            .unwrap();
        while lines.next_line().await.unwrap().as_deref() != Some("* joined #one ann") {}
        let counts = handle.counts().unwrap();
        let counted = (counts.connections, counts.peers, counts.away, counts.rooms);
        assert_eq!(counted, (1, 1, 0, 1));
        output.shutdown().await.unwrap();
        while lines.next_line().await.unwrap().is_some() {}
        let name = Name::parse("ann").unwrap();
        assert_eq!(handle.who(), [PeerEntry { name, away: true }]);
        assert_eq!(handle.counts().unwrap().away, 1);
        handle.stop();
        handle.stop();
    };
    let (report, ()) = tokio::join!(serving.until(pending()), story);
    assert_eq!(report.unwrap().connections, 1);
    assert!(handle.connect().await.is_err());
    assert_eq!((handle.who(), handle.counts()), (Vec::new(), None));
}

#[tokio::test(start_paused = true)]
async fn a_stop_that_comes_first_is_not_lost_and_dropped_handles_stop_nothing() {
    let setup = || Setup::new(Config::default());
    let (handle, serving) = net::start(Listeners::plain(Nobody), setup()).unwrap();
    handle.stop();
    let mut late = handle.connect().await.unwrap();
    assert_eq!(serving.until(pending()).await.unwrap().connections, 0);
    assert_eq!(late.read(&mut [0]).await.unwrap(), 0, "it was not accepted");
    let (handle, serving) = net::start(Listeners::plain(Nobody), setup()).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let story = async {
        let mut stream = handle.connect().await.unwrap();
        drop(handle);
        let mut hello = [0; 8];
        stream.read_exact(&mut hello).await.unwrap();
        assert_eq!(&hello, b"* hello:");
        stop.send(()).unwrap();
    };
    let stopped = async { stopped.await.unwrap() };
    let (report, ()) = tokio::join!(serving.until(stopped), story);
    assert_eq!(report.unwrap().connections, 1);
}
