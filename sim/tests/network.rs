//! The real driver on a simulated network, whose links break without a word.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rejoin::{Config, net};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use turmoil::net::{TcpListener, TcpStream};

/// How far the story has come. Each client waits for its turn.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Debug)]
enum Turn {
    AliceComes,
    BobComes,
    TheLinkBreaks,
    AliceReturns,
    BobSpeaksAgain,
    End,
}

#[test]
fn whoever_comes_back_past_a_broken_link_takes_over_and_misses_nothing_that_waited() {
    let mut world = turmoil::Builder::new()
        .simulation_duration(Duration::from_secs(60))
        .tcp_capacity(4096)
        .build();
    let (turn, turns) = watch::channel(Turn::AliceComes);
    world.host("server", || async {
        let listener = Simulated(TcpListener::bind("0.0.0.0:6000").await?);
        net::serve(listener, Config::default(), std::future::pending()).await?;
        Ok(())
    });
    // The host that alice's first link comes from loses its network, and never learns of it.
    let (next, mut my) = (turn.clone(), turns.clone());
    world.client("old-host", async move {
        let mut alice = Client::log_in("alice correct-horse", "* welcome alice").await?;
        next.send(Turn::BobComes)?;
        alice.hears("from bob: before").await?;
        turmoil::partition("old-host", "server");
        next.send(Turn::TheLinkBreaks)?;
        my.wait_for(|turn| *turn == Turn::End).await?;
        Ok(())
    });
    let (next, mut my) = (turn.clone(), turns.clone());
    world.client("new-host", async move {
        my.wait_for(|turn| *turn >= Turn::AliceReturns).await?;
        let mut guest = Client::connect().await?;
        guest.says("alice").await?;
        guest.hears("* error name-in-use alice").await?;
        let mut alice = Client::log_in("alice correct-horse", "* back alice 0").await?;
        next.send(Turn::BobSpeaksAgain)?;
        alice.hears("from bob: after").await?;
        next.send(Turn::End)?;
        Ok(())
    });
    world.client("bobs-host", async move {
        let mut my = turns;
        my.wait_for(|turn| *turn >= Turn::BobComes).await?;
        let mut bob = Client::log_in("bob", "* welcome bob").await?;
        bob.says("alice: before").await?;
        my.wait_for(|turn| *turn >= Turn::TheLinkBreaks).await?;
        sleep(Duration::from_secs(1)).await;
        turn.send(Turn::AliceReturns)?;
        my.wait_for(|turn| *turn >= Turn::BobSpeaksAgain).await?;
        bob.says("alice: after").await?;
        my.wait_for(|turn| *turn == Turn::End).await?;
        Ok(())
    });
    world.run().expect("the story comes to its end");
}

struct Simulated(TcpListener);

impl net::Listener for Simulated {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.0.accept().await
    }
}

struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect() -> io::Result<Self> {
        let stream = TcpStream::connect("server:6000").await?;
        let mut client = Self(BufReader::new(stream));
        let hello = client.line().await?;
        assert!(hello.starts_with("* hello: "), "{hello:?}");
        Ok(client)
    }

    async fn log_in(line: &str, answer: &str) -> turmoil::Result<Self> {
        let mut client = Self::connect().await?;
        client.says(line).await?;
        client.hears(answer).await?;
        Ok(client)
    }

    async fn says(&mut self, line: &str) -> io::Result<()> {
        self.0.write_all(format!("{line}\n").as_bytes()).await
    }

    async fn hears(&mut self, expected: &str) -> turmoil::Result {
        assert_eq!(self.line().await?.trim_end(), expected);
        Ok(())
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        timeout(Duration::from_secs(10), self.0.read_line(&mut line)).await??;
        Ok(line)
    }
}
