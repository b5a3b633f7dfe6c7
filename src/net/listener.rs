//! Where connections come from.

use std::future::Future;
use std::io;
use std::net::SocketAddr;

#[cfg(any(target_os = "android", target_os = "linux"))]
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Something that accepts connections.
pub trait Listener: Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Send + 'static;

    /// Waits for the next connection, and says where it comes from.
    ///
    /// Dropping the future must lose no connection.
    ///
    /// # Errors
    ///
    /// If there is none to be had now; the listener may be asked again.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

/// TCP, without delay of small writes, and without much that waits in the system: what the system
/// has taken counts as written, and is lost if the link is dead.
#[derive(Debug)]
pub struct Tcp(TcpListener);

impl Tcp {
    /// Connections that may wait to be accepted.
    const BACKLOG: u32 = 4096;

    /// Bytes that may wait in the system until the network takes them. When half of them are gone
    /// it takes more, so that a slow link is seen to make progress.
    #[cfg(any(target_os = "android", target_os = "linux"))]
    const UNSENT_BYTES: u32 = 32 << 10;

    /// Listens on `address`; on a free port if its port is 0.
    ///
    /// # Errors
    ///
    /// If the address is in use, or not one of this machine's.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with I/O enabled.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // A server that is started again need not wait for the old connections' ends.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(Self::BACKLOG).map(Self)
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// If the system cannot say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Listener for Tcp {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, address) = self.0.accept().await?;
        // Should this fail, the connection is slower, or dead, and then its read says so.
        let _ = stream.set_nodelay(true);
        // Should this fail, more waits.
        #[cfg(any(target_os = "android", target_os = "linux"))]
        let _ = SockRef::from(&stream).set_tcp_notsent_lowat(Self::UNSENT_BYTES);
        Ok((stream, address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn small_writes_are_not_delayed() {
        let mut listener = Tcp::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (stream, from) = accepted.unwrap();
        assert!(stream.nodelay().unwrap());
        assert_eq!(from, client.unwrap().local_addr().unwrap());
    }
}
