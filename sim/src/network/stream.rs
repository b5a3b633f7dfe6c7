//! The server's end of a connection, with faults of its own.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use rejoin::id::ConnId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::scene::Stage;
use crate::irc;
use crate::panics::PLANNED;
use crate::plan::Kind;
use crate::probe::Path;

/// What a [`Faulty`] stream is to do, and has done.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    /// The index of the client.
    pub(super) client: usize,
    speaks_irc: bool,
    pub(super) partial: bool,
    pub(super) jitter: bool,
    /// Whether both halves fail, and not one apart from the other.
    pub(super) reset: bool,
    pub(super) read: Read,
    pub(super) write: Write,
    /// Until which tick the client's end is not seen.
    pub(super) end_after: u64,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// What the transport has taken of the line that is being written.
    line: Vec<u8>,
    /// The numbers of the mail that it has taken whole, oldest first.
    pub(super) taken: Vec<u32>,
    /// Those that the client has read.
    pub(super) heard: usize,
    /// How often it asked the client how far it has read.
    pub(super) asked: usize,
    /// What the client was asked, and how much mail it had read then.
    pub(super) questions: Vec<(String, usize)>,
    /// How much of it the client has acknowledged, as far as it knows.
    pub(super) answered: usize,
    /// Whether the stream is gone.
    pub(super) closed: bool,
}

/// What becomes of the next read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Read {
    #[default]
    Works,
    Fails,
    Panics,
}

/// What becomes of the next write.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Write {
    #[default]
    Works,
    /// After so many that work.
    Fails(u8),
    Panics,
    /// Nothing is taken until this tick.
    Stalls(u64),
}

impl Pipe {
    pub(super) fn new(client: usize, speaks_irc: bool) -> Self {
        Self {
            client,
            speaks_irc,
            ..Self::default()
        }
    }

    /// Lets both halves look again.
    pub(super) fn wake(&mut self) {
        let wakers = [self.reader.take(), self.writer.take()];
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Nothing is broken any more, but what has broken stays so.
    pub(super) fn heal(&mut self) {
        (self.partial, self.jitter, self.end_after) = (false, false, 0);
        if self.write != Write::Fails(0) {
            self.write = Write::Works;
        }
        self.wake();
    }

    /// What it is called that a half fails, which by itself is `alone`.
    const fn fails_by(&self, alone: Kind) -> Kind {
        if self.reset { Kind::Reset } else { alone }
    }

    /// The transport has taken these bytes.
    fn account(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                let line = str::from_utf8(&self.line).expect("the server writes UTF-8");
                let line = line.strip_suffix('\r').unwrap_or(line);
                self.taken.extend(number(line, self.speaks_irc));
                let is_mark = self.speaks_irc && irc::mark(line).is_some();
                self.asked += usize::from(is_mark);
                self.line.clear();
            } else {
                self.line.push(byte);
            }
        }
    }
}

/// The number of the message in a line that hands one over, or reports one undelivered.
pub(super) fn number(line: &str, speaks_irc: bool) -> Option<u32> {
    if speaks_irc {
        return irc::number(line);
    }
    if !line.starts_with("from ") && !line.starts_with("* undelivered ") {
        return None;
    }
    let (_, text) = line.split_once(": m")?;
    text.trim_end_matches('.').parse().ok()
}

/// A stream of which each half can fail in its own way.
#[derive(Debug)]
pub(super) struct Faulty<S> {
    stream: S,
    stage: Stage,
    conn: ConnId,
}

impl<S> Faulty<S> {
    pub(super) const fn new(stream: S, stage: Stage, conn: ConnId) -> Self {
        Self {
            stream,
            stage,
            conn,
        }
    }
}

impl<S> Drop for Faulty<S> {
    fn drop(&mut self) {
        if let Some(pipe) = self.stage.lock().pipes.get_mut(&self.conn) {
            pipe.closed = true;
        }
    }
}

/// What a wrapper decides before the stream is asked.
enum Verdict {
    Ask,
    Wait,
    Fail(io::ErrorKind),
    Panic,
}

impl<S: AsyncRead + Unpin> AsyncRead for Faulty<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.before_read(cx) {
            Verdict::Ask => {}
            Verdict::Wait => return Poll::Pending,
            Verdict::Fail(kind) => return Poll::Ready(Err(kind.into())),
            Verdict::Panic => panic!("{PLANNED}"),
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let ended = matches!(polled, Poll::Ready(Ok(()))) && buf.filled().len() == before;
        if ended && self.delays_end(cx) {
            return Poll::Pending;
        }
        polled
    }
}

impl<S> Faulty<S> {
    fn before_read(&self, cx: &Context<'_>) -> Verdict {
        let mut scene = self.stage.lock();
        let scene = &mut *scene;
        let Some(pipe) = scene.pipes.get_mut(&self.conn) else {
            return Verdict::Ask;
        };
        pipe.reader = Some(cx.waker().clone());
        match std::mem::take(&mut pipe.read) {
            Read::Works => {}
            Read::Fails => {
                scene.counts.hit(pipe.fails_by(Kind::ReadFails));
                scene.note_fault(Some(self.conn), "a read fails");
                return Verdict::Fail(io::ErrorKind::ConnectionReset);
            }
            Read::Panics => {
                scene.counts.hit(Kind::ReadPanics);
                scene.note_fault(Some(self.conn), "a read panics");
                return Verdict::Panic;
            }
        }
        if pipe.jitter && scene.rng.u8(..4) == 0 {
            scene.counts.hit(Kind::Jitter);
            cx.waker().wake_by_ref();
            return Verdict::Wait;
        }
        Verdict::Ask
    }

    fn delays_end(&self, cx: &Context<'_>) -> bool {
        let mut scene = self.stage.lock();
        let scene = &mut *scene;
        let Some(pipe) = scene.pipes.get_mut(&self.conn) else {
            return false;
        };
        let delayed = scene.tick < pipe.end_after;
        if delayed {
            pipe.reader = Some(cx.waker().clone());
            scene.counts.hit(Kind::DelayedEnd);
            scene.note_fault(Some(self.conn), "the client's end is not seen yet");
        }
        delayed
    }

    /// How many of `bytes` the stream is to be given.
    fn before_write(&self, cx: &Context<'_>, bytes: usize) -> Result<usize, Verdict> {
        let mut scene = self.stage.lock();
        let scene = &mut *scene;
        scene.check_window(self.conn);
        let Some(pipe) = scene.pipes.get_mut(&self.conn) else {
            return Ok(bytes);
        };
        match &mut pipe.write {
            Write::Works => {}
            Write::Fails(0) => {
                scene.counts.hit(pipe.fails_by(Kind::WriteFails));
                scene.note_fault(Some(self.conn), "a write fails");
                return Err(Verdict::Fail(io::ErrorKind::BrokenPipe));
            }
            Write::Fails(left) => *left -= 1,
            Write::Panics => {
                pipe.write = Write::Fails(0);
                scene.counts.hit(Kind::WritePanics);
                scene.note_fault(Some(self.conn), "a write panics");
                return Err(Verdict::Panic);
            }
            Write::Stalls(until) if scene.tick < *until => {
                pipe.writer = Some(cx.waker().clone());
                scene.counts.hit(Kind::Stall);
                scene.note_fault(Some(self.conn), "the socket takes nothing");
                return Err(Verdict::Wait);
            }
            Write::Stalls(_) => pipe.write = Write::Works,
        }
        if pipe.jitter && scene.rng.u8(..4) == 0 {
            scene.counts.hit(Kind::Jitter);
            cx.waker().wake_by_ref();
            return Err(Verdict::Wait);
        }
        if pipe.partial && bytes > 1 {
            scene.counts.hit(Kind::PartialWrites);
            scene.note_fault(Some(self.conn), "the socket takes a part");
            return Ok(scene.rng.usize(1..bytes));
        }
        Ok(bytes)
    }

    fn wrote(&self, bytes: &[u8]) {
        let mut scene = self.stage.lock();
        let Some(pipe) = scene.pipes.get_mut(&self.conn) else {
            return;
        };
        pipe.account(bytes);
        let client = pipe.client;
        scene.crosses(client, false);
        if scene.is_window_full(self.conn) {
            scene.watch.probes.reach(Path::WindowFull);
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Faulty<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let most = match self.before_write(cx, bytes.len()) {
            Ok(most) => most,
            Err(Verdict::Fail(kind)) => return Poll::Ready(Err(kind.into())),
            Err(Verdict::Panic) => panic!("{PLANNED}"),
            Err(Verdict::Ask | Verdict::Wait) => return Poll::Pending,
        };
        let polled = Pin::new(&mut self.stream).poll_write(cx, &bytes[..most]);
        if let Poll::Ready(Ok(taken)) = polled {
            self.wrote(&bytes[..taken]);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
