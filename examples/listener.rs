//! A listener of one's own: the same server over a Unix socket, on tokio.
//!
//! `cargo run --example listener -- chat.sock`, and then `nc -U chat.sock`.

use std::error::Error;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use rejoin::Config;
use rejoin::net::{self, Listener};
use tokio::net::{UnixListener, UnixStream};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).unwrap_or("chat.sock".to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(async {
        let listener = Unix(UnixListener::bind(path)?);
        Ok::<_, Box<dyn Error>>(net::serve(listener, Config::default(), pending()).await?)
    })?;
    println!("{report}");
    Ok(())
}

/// Accepts connections of a Unix socket.
pub(crate) struct Unix(pub(crate) UnixListener);

impl Listener for Unix {
    type Stream = UnixStream;

    async fn accept(&mut self) -> io::Result<(UnixStream, SocketAddr)> {
        let (stream, _) = self.0.accept().await?;
        // All of them count as coming from this machine, and share what one address may have.
        Ok((stream, (Ipv4Addr::LOCALHOST, 0).into()))
    }
}
