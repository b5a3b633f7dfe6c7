//! The listeners, the clock and the ends of connections take turns.

#![cfg(feature = "net")]

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rejoin::Config;
use rejoin::net::{self, Listener, Listeners, Setup};
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, DuplexStream,
    ReadBuf, duplex,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::coop::consume_budget;
use tokio::time::timeout;

#[tokio::test]
async fn a_flood_of_connections_holds_up_neither_the_other_listener_nor_the_clock() {
    for flooded in [Flooded::Plain, Flooded::Irc] {
        let (connect, connected) = mpsc::unbounded_channel();
        let flood = Source::Flood { accepted: 0 };
        let quiet = Source::Quiet(connected);
        let (plain, irc) = match flooded {
            Flooded::Plain => (flood, quiet),
            Flooded::Irc => (quiet, flood),
        };
        let listeners = Listeners {
            plain: Some(plain),
            irc: Some(irc),
        };
        let config = Config {
            login_timeout: Duration::from_secs(2),
            ..Config::default()
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(net::serve_with(listeners, Setup::new(config), async {
            let _ = stopped.await;
        }));
        let (login, welcome) = match flooded {
            Flooded::Plain => ("NICK alice\r\nUSER u 0 * :r\r\n", " 001 alice "),
            Flooded::Irc => ("alice\n", "* welcome alice"),
        };
        let [(mut alice, its), (silent, other)] = [(); 2].map(|()| duplex(1 << 16));
        // It is there when the connection is accepted.
        let sent = alice.write_all(login.as_bytes()).await;
        sent.expect("there is room for it");
        for stream in [its, other] {
            connect.send(stream).expect("it listens");
        }
        let [mut alice, mut silent] = [alice, silent].map(BufReader::new);
        hears(&mut alice, welcome).await;
        hears(&mut silent, "in time").await;
        drop(stop);
        let report = served.await.expect("no panic").expect("no error");
        assert!(report.connections > 2);
    }
}

/// Reads until a line has these words.
async fn hears(client: &mut BufReader<DuplexStream>, words: &str) {
    let mut said = String::new();
    let reads = async {
        while !said.contains(words) {
            let read = client.read_line(&mut said).await.expect("text");
            assert_ne!(read, 0, "closed without {words:?}");
        }
    };
    let heard = timeout(Duration::from_secs(60), reads).await;
    heard.unwrap_or_else(|_| panic!("waited for {words:?}"));
}

#[derive(Clone, Copy)]
enum Flooded {
    Plain,
    Irc,
}

/// Where connections come from.
enum Source {
    /// There is always one more.
    Flood {
        accepted: u64,
    },
    Quiet(mpsc::UnboundedReceiver<DuplexStream>),
}

impl Listener for Source {
    type Stream = Stream;

    async fn accept(&mut self) -> io::Result<(Stream, SocketAddr)> {
        match self {
            Self::Flood { accepted } => {
                *accepted += 1;
                // As a socket of tokio does.
                consume_budget().await;
                Ok((Stream::Ended, ([192, 0, 2, 1], 1).into()))
            }
            Self::Quiet(connected) => match connected.recv().await {
                Some(stream) => Ok((Stream::Open(stream), ([192, 0, 2, 2], 1).into())),
                None => std::future::pending().await,
            },
        }
    }
}

/// A connection, or one that has ended as soon as it began.
enum Stream {
    Ended,
    Open(DuplexStream),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Ended => Poll::Ready(Ok(())),
            Self::Open(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Ended => Poll::Ready(Ok(bytes.len())),
            Self::Open(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
