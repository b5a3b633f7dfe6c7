//! Whose turn it is in the loop of the server.

use std::future::{Future as _, pending, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::hub::Protocol;

use super::listener::Listener;
use super::server::Server;
use super::{ACCEPT_BACKOFF, Listeners};

/// What the loop of the server is to do next.
pub(super) enum Event<S> {
    /// Ask for the deadline again.
    Attention,
    /// The deadline has come.
    Due,
    /// A connection has ended.
    Ended,
    /// There is a new connection, or none to be had.
    Accepted(Protocol, io::Result<(S, SocketAddr)>),
}

/// How many sources of events there are.
const SOURCES: usize = 5;

/// Takes turns: a source of events that had its turn comes after all others. So a flood of
/// connections on one listener holds up neither the other one, nor the clock, nor the ends of
/// connections, which make room; and none of these holds up the listeners.
pub(super) struct Turns<L> {
    listeners: Listeners<L>,
    /// When to accept again.
    accept_after: Instant,
    /// Whose turn it is.
    next: usize,
}

impl<L: Listener> Turns<L> {
    pub(super) fn new(listeners: Listeners<L>) -> Self {
        Self {
            listeners,
            accept_after: Instant::now(),
            next: 0,
        }
    }

    /// Accepts nothing for a little while, as the system is out of something.
    pub(super) fn back_off(&mut self) {
        self.accept_after = Instant::now() + ACCEPT_BACKOFF;
    }

    /// Waits for the next event. Dropping the future loses none.
    pub(super) async fn next(
        &mut self,
        server: &Server,
        deadline: Instant,
        connections: &mut JoinSet<()>,
    ) -> Event<L::Stream> {
        let after = self.accept_after;
        let mut attention = pin!(server.attention());
        let mut clock = pin!(sleep_until(deadline));
        let mut plain = pin!(accept(self.listeners.plain.as_mut(), after));
        let mut irc = pin!(accept(self.listeners.irc.as_mut(), after));
        let next = &mut self.next;
        poll_fn(|cx| {
            let first = *next;
            for source in (first..first + SOURCES).map(|source| source % SOURCES) {
                let polled = match source {
                    0 => attention.as_mut().poll(cx).map(|()| Event::Attention),
                    1 => clock.as_mut().poll(cx).map(|()| Event::Due),
                    2 => match connections.poll_join_next(cx) {
                        Poll::Ready(Some(_)) => Poll::Ready(Event::Ended),
                        Poll::Ready(None) | Poll::Pending => Poll::Pending,
                    },
                    3 => {
                        let polled = plain.as_mut().poll(cx);
                        polled.map(|accepted| Event::Accepted(Protocol::Plain, accepted))
                    }
                    _ => {
                        let polled = irc.as_mut().poll(cx);
                        polled.map(|accepted| Event::Accepted(Protocol::Irc, accepted))
                    }
                };
                if polled.is_ready() {
                    *next = (source + 1) % SOURCES;
                    return polled;
                }
            }
            Poll::Pending
        })
        .await
    }
}

async fn accept<L: Listener>(
    listener: Option<&mut L>,
    after: Instant,
) -> io::Result<(L::Stream, SocketAddr)> {
    sleep_until(after).await;
    match listener {
        Some(listener) => listener.accept().await,
        None => pending().await,
    }
}
