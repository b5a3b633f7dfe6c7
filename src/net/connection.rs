//! One connection: a reader and a writer that fail apart from each other.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf, ReadHalf, WriteHalf, split};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tracing::{debug, info};

use crate::Config;
use crate::hub::Frame;
use crate::id::{ConnId, Name};

use super::outbox::{Gauge, Outlet, Stop};
use super::points::{Point, Points};
use super::server::{Received, Server};

/// Bytes of frames that one write takes, unless the first has more.
const WRITE_BYTES: usize = 64 << 10;

/// Reads that are thrown away when a connection closes.
const READS_AT_THE_END: usize = 64;

/// Serves a connection until both of its halves have finished.
///
/// A connection is idle for nearly all of its life, and its task has room for everything that it
/// ever awaits, and for its writer wherever that is handed on: so the writer, and what comes at
/// the end, stand in boxes.
///
/// However this ends, by return, cancellation or panic, the two ends are dropped, and
/// with each of them its half is reported as finished.
pub(super) async fn serve<S: AsyncRead + AsyncWrite>(
    stream: S,
    reader: ReaderEnd,
    writer: Box<WriterEnd>,
    points: impl Points,
) {
    points.reach(Point::Accepted).await;
    let flush_timeout = writer.server.config.flush_timeout;
    let (mut read_half, mut write_half) = split(stream);
    let writing = async {
        writer.run(&mut write_half, &points).await;
        // The writer has finished; a stream that takes its time to close holds nobody up.
        let _ = Box::pin(timeout(flush_timeout, write_half.shutdown())).await;
    };
    // The writer comes first: the reader reads on when the writer, in the same wake-up, has
    // made room for the answers.
    tokio::join!(biased; writing, reader.run(&mut read_half, &points));
    Box::pin(discard_input(&mut read_half)).await;
}

/// Tells a connection that is not served why, if its socket takes that at once.
pub(super) fn refuse<S: AsyncRead + AsyncWrite>(stream: S, last: &Frame) {
    let mut cx = Context::from_waker(Waker::noop());
    let mut stream = pin!(stream);
    // Whoever does not get it finds the connection closed.
    let _ = stream.as_mut().poll_write(&mut cx, &last.bytes());
    // As in `discard_input`; who has sent more than this is reset.
    let mut scrap = [0; 1024];
    let _ = stream.poll_read(&mut cx, &mut ReadBuf::new(&mut scrap));
}

/// Closing a socket with unread input resets it, and the client may then lose the last
/// lines that it was sent. So what has come already is read.
async fn discard_input<S: AsyncRead>(stream: &mut ReadHalf<S>) {
    let mut scrap = [0; 1024];
    poll_fn(|cx| {
        for _ in 0..READS_AT_THE_END {
            let mut buffer = ReadBuf::new(&mut scrap);
            match Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                Poll::Ready(_) | Poll::Pending => break,
            }
        }
        Poll::Ready(())
    })
    .await;
}

/// How a half ended.
enum End {
    /// Its task was cancelled, or panicked.
    CutOff,
    /// In an orderly way.
    Finished,
    Failed(io::Error),
}

impl From<io::Result<()>> for End {
    fn from(result: io::Result<()>) -> Self {
        result.map_or_else(Self::Failed, |()| Self::Finished)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutOff if std::thread::panicking() => f.write_str("panicked"),
            Self::CutOff => f.write_str("was cancelled"),
            Self::Finished => f.write_str("finished"),
            Self::Failed(error) => write!(f, "failed: {error}"),
        }
    }
}

/// The reader of a connection. Its drop reports that it has finished.
pub(super) struct ReaderEnd {
    server: Arc<Server>,
    conn: ConnId,
    /// Completes when the reader is to stop.
    stopped: oneshot::Receiver<()>,
    gauge: Gauge<Frame>,
    end: End,
}

impl Drop for ReaderEnd {
    fn drop(&mut self) {
        let Self {
            server, conn, end, ..
        } = self;
        let peer = server.reader_finished(*conn);
        log(*conn, peer.as_ref(), "reader", end);
    }
}

fn log(conn: ConnId, peer: Option<&Name>, half: &str, end: &End) {
    let peer = peer.map_or("nobody", |peer| peer.as_str());
    match end {
        End::Finished => debug!(%conn, peer, "{half} {end}"),
        End::CutOff | End::Failed(_) => info!(%conn, peer, "{half} {end}"),
    }
}

thread_local! {
    /// What is read is handled before anything is awaited, so the connections of a
    /// thread share one buffer.
    static READ_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };

    /// What is to be written is put together anew each time, so this one is shared, too.
    static WRITE_BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl ReaderEnd {
    pub(super) fn new(
        server: Arc<Server>,
        conn: ConnId,
        stopped: oneshot::Receiver<()>,
        gauge: Gauge<Frame>,
    ) -> Self {
        let end = End::CutOff;
        Self {
            server,
            conn,
            stopped,
            gauge,
            end,
        }
    }

    async fn run<S: AsyncRead>(mut self, stream: &mut ReadHalf<S>, points: &impl Points) {
        // A reader that was told to stop brings nothing more.
        let result = tokio::select! {
            biased;
            _ = &mut self.stopped => Ok(()),
            result = read(&self.server, self.conn, &self.gauge, stream, points) => result,
        };
        points.reach(Point::ReaderEnds).await;
        self.end = result.into();
    }
}

/// Reads, and brings what was read to the hub, until the client's end.
async fn read<S: AsyncRead>(
    server: &Server,
    conn: ConnId,
    gauge: &Gauge<Frame>,
    stream: &mut ReadHalf<S>,
    points: &impl Points,
) -> io::Result<()> {
    let mut since_yield = 0;
    loop {
        let mut rest = Vec::new();
        let read = poll_fn(|cx| poll_read(server, conn, Pin::new(&mut *stream), cx, &mut rest));
        let Some(mut received) = read.await? else {
            return Ok(());
        };
        points.reach(Point::Received).await;
        // Until all of it is taken nothing more is read: the client's next lines, and its
        // end, come after these.
        loop {
            if let Some(proceed) = received.proceed {
                // It is dropped, not sent, to say so.
                let _ = proceed.await;
            }
            // However much there is to read, the writers get their turn before more than
            // fits into an outbox was handled.
            since_yield += received.taken;
            let goes_on = received.goes_on || !rest.is_empty();
            if goes_on || since_yield >= server.config.read_bytes.get() {
                since_yield = 0;
                yield_now().await;
            }
            until_low(gauge).await;
            if !goes_on {
                break;
            }
            received = server.received(conn, &rest);
            rest.drain(..received.taken);
        }
    }
}

/// Waits while much waits for the client already: who does not read is not read from.
async fn until_low(gauge: &Gauge<Frame>) {
    // Nobody need be woken: only the writer makes it low, and it is polled ahead of this, in
    // the same task.
    poll_fn(|_| {
        if gauge.is_high() {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
}

/// Reads once, and brings what came to the hub; what was not taken goes to `rest`. `None` at
/// the client's end.
fn poll_read<S: AsyncRead>(
    server: &Server,
    conn: ConnId,
    stream: Pin<&mut ReadHalf<S>>,
    cx: &mut Context<'_>,
    rest: &mut Vec<u8>,
) -> Poll<io::Result<Option<Received>>> {
    READ_BUFFER.with_borrow_mut(|buffer| {
        buffer.resize(server.config.read_bytes.get(), 0);
        let mut buffer = ReadBuf::new(buffer);
        ready!(stream.poll_read(cx, &mut buffer))?;
        let bytes = buffer.filled();
        if bytes.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let received = server.received(conn, bytes);
        rest.extend_from_slice(&bytes[received.taken..]);
        Poll::Ready(Ok(Some(received)))
    })
}

/// How long a client may be behind when too much waits for all together.
const GRACE: Duration = Duration::from_secs(1);

/// A wait of a writer: the socket takes nothing, or the client has too much to acknowledge.
///
/// It goes on until the outbox is empty: what the client takes meanwhile gives it more time, by
/// [`Config::drain_rate`](crate::Config::drain_rate).
struct Stuck {
    /// It fires each [`GRACE`], too.
    timer: Pin<Box<Sleep>>,
    /// When the client has been too slow.
    until: Instant,
    /// For how many acknowledged marks it was given time.
    acknowledged: u64,
}

impl Stuck {
    /// The client has taken so many bytes.
    fn earn(&mut self, bytes: usize, config: &Config) {
        let nanos = bytes as u128 * 1_000_000_000 / config.drain_rate.get() as u128;
        let time = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let latest = Instant::now() + config.write_timeout;
        self.until = latest.min(self.until + time.min(config.write_timeout));
    }
}

/// The writer of a connection. Its drop reports that it has finished, and gives back
/// what it has not written.
pub(super) struct WriterEnd {
    server: Arc<Server>,
    conn: ConnId,
    outlet: Outlet<Frame>,
    /// Bytes of the batch's first frame that are written.
    offset: usize,
    /// Present since the writer could not go on, until nothing is left to write.
    stuck: Option<Stuck>,
    /// Until then the hub knows that the socket takes something.
    told_until: Option<Instant>,
    end: End,
}

impl Drop for WriterEnd {
    fn drop(&mut self) {
        let Self {
            server,
            conn,
            outlet,
            offset,
            end,
            ..
        } = self;
        let reclaim = || outlet.reclaim_after(|begun| begun.leave_out(*offset));
        let peer = server.writer_finished(*conn, reclaim);
        log(*conn, peer.as_ref(), "writer", end);
    }
}

impl WriterEnd {
    pub(super) fn new(server: Arc<Server>, conn: ConnId, outlet: Outlet<Frame>) -> Box<Self> {
        Box::new(Self {
            server,
            conn,
            outlet,
            offset: 0,
            stuck: None,
            told_until: None,
            end: End::CutOff,
        })
    }

    async fn run<S: AsyncWrite>(
        mut self: Box<Self>,
        stream: &mut WriteHalf<S>,
        points: &impl Points,
    ) {
        let result = self.write(stream, points).await;
        points.reach(Point::WriterEnds).await;
        self.end = result.into();
    }

    async fn write<S: AsyncWrite>(
        &mut self,
        stream: &mut WriteHalf<S>,
        points: &impl Points,
    ) -> io::Result<()> {
        let stop = poll_fn(|cx| self.poll_until_stopped(Pin::new(stream), cx)).await?;
        points.reach(Point::WriterStops).await;
        match stop {
            (Stop::Flush, last) => {
                let flush_timeout = self.server.config.flush_timeout;
                Box::pin(timeout(flush_timeout, self.flush(stream, last))).await?
            }
            (Stop::HandOver, last) => Box::pin(self.hand_over(stream, last)).await,
        }
    }

    /// Writes what is queued until it is told to stop, which it also sees while the
    /// socket takes nothing, or the client acknowledges nothing.
    fn poll_until_stopped<S: AsyncWrite>(
        &mut self,
        mut stream: Pin<&mut WriteHalf<S>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Stop, Option<Frame>)>> {
        loop {
            if let Poll::Ready(stop) = self.outlet.poll_stop(cx) {
                return Poll::Ready(Ok(stop));
            }
            // The inlet cannot close unseen: a stop is polled for after it, and before
            // the next fill.
            let Poll::Ready(has_more) = self.outlet.poll_fill(cx) else {
                self.stuck = None;
                return Poll::Pending;
            };
            if has_more {
                ready!(self.poll_room(cx))?;
                ready!(self.poll_write(stream.as_mut(), cx))?;
            }
        }
    }

    /// Waits while the client has too much to acknowledge. It fails when the client is too slow.
    fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.outlet.poll_room(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.poll_stuck(cx)
    }

    /// Fails once the client has taken and acknowledged too little for too long; or when too much
    /// waits for all from its address, or for all, and for this one no less than for the others. The
    /// time starts here, unless it runs.
    fn poll_stuck(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let config = &self.server.config;
        loop {
            let stuck = self.stuck.get_or_insert_with(|| {
                let now = Instant::now();
                Stuck {
                    timer: Box::pin(sleep_until(now + GRACE.min(config.write_timeout))),
                    until: now + config.write_timeout,
                    acknowledged: self.outlet.acknowledged(),
                }
            });
            ready!(stuck.timer.as_mut().poll(cx));
            if self.outlet.gives_way() {
                return Poll::Ready(Err(io::ErrorKind::QuotaExceeded.into()));
            }
            // It is 0 again once the client need acknowledge nothing any more.
            let acknowledged = self.outlet.acknowledged();
            let marks = acknowledged.saturating_sub(stuck.acknowledged) as usize;
            stuck.acknowledged = acknowledged;
            stuck.earn(marks.saturating_mul(config.ack_bytes.get()), config);
            let now = Instant::now();
            if stuck.until <= now {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            stuck.timer.as_mut().reset(stuck.until.min(now + GRACE));
        }
    }

    /// Writes what is queued, and then `last`.
    async fn flush<S: AsyncWrite>(
        &mut self,
        stream: &mut WriteHalf<S>,
        last: Option<Frame>,
    ) -> io::Result<()> {
        while poll_fn(|cx| self.outlet.poll_fill(cx)).await {
            poll_fn(|cx| self.poll_write(Pin::new(&mut *stream), cx)).await?;
        }
        match last {
            Some(last) => stream.write_all(&last.bytes()).await,
            None => Ok(()),
        }
    }

    /// Writes `last`, and ahead of it the rest of what was begun, as far as the socket takes them
    /// at once.
    async fn hand_over<S: AsyncWrite>(
        &mut self,
        stream: &mut WriteHalf<S>,
        last: Option<Frame>,
    ) -> io::Result<()> {
        let first = self.outlet.batch().next();
        let begun = first.filter(|_| self.offset > 0).map(|frame| {
            let rest = self.offset..frame.end_of_begun(self.offset);
            frame.bytes()[rest].to_vec()
        });
        let begun = begun.unwrap_or_default();
        if write_at_once(stream, &begun).await? {
            self.count_written(begun.len(), None);
            write_at_once(stream, &last.as_ref().map(Frame::bytes).unwrap_or_default()).await?;
        }
        Ok(())
    }

    /// Writes as much of the batch as the socket takes in one go. It fails when the client is too
    /// slow.
    fn poll_write<S: AsyncWrite>(
        &mut self,
        stream: Pin<&mut WriteHalf<S>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match self.poll_write_batch(stream, cx) {
            Poll::Ready(Ok((0, _))) => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok((bytes, frames))) => {
                self.count_written(bytes, frames);
                if let Some(stuck) = &mut self.stuck {
                    stuck.earn(bytes, &self.server.config);
                    self.tell_of_progress();
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_stuck(cx),
        }
    }

    /// The hub is told now and then that a socket which had been full takes something: the other
    /// end is alive.
    fn tell_of_progress(&mut self) {
        let now = Instant::now();
        if self.told_until.is_none_or(|until| now >= until) {
            let config = &self.server.config;
            let answer = config
                .irc_silence_timeout
                .saturating_sub(config.irc_probe_after);
            self.told_until = Some(now + answer / 4);
            self.server.progressed(self.conn);
        }
    }

    /// Frames are small, and one copy of many is cheaper for the system than many slices.
    ///
    /// Returns how many bytes are written, and how many whole frames they are if that is known.
    fn poll_write_batch<S: AsyncWrite>(
        &self,
        stream: Pin<&mut WriteHalf<S>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(usize, Option<usize>)>> {
        WRITE_BUFFER.with_borrow_mut(|buffer| {
            buffer.clear();
            let mut frames = 0;
            for frame in self.outlet.batch() {
                if buffer.len() + frame.length() > WRITE_BYTES {
                    if frames > 0 {
                        break;
                    }
                    if let Some(bytes) = frame.written() {
                        let written = ready!(stream.poll_write(cx, &bytes[self.offset..]))?;
                        return Poll::Ready(Ok((written, None)));
                    }
                }
                frame.write(buffer);
                frames += 1;
            }
            let bytes = &buffer[self.offset..];
            let written = ready!(stream.poll_write(cx, bytes))?;
            Poll::Ready(Ok((written, (written == bytes.len()).then_some(frames))))
        })
    }

    /// A frame counts as written when the socket has taken its last byte.
    fn count_written(&mut self, bytes: usize, frames: Option<usize>) {
        if let Some(frames) = frames {
            self.offset = 0;
            return self.outlet.written(frames);
        }
        let mut whole = 0;
        self.offset += bytes;
        for frame in self.outlet.batch() {
            let length = frame.length();
            if self.offset < length {
                break;
            }
            self.offset -= length;
            whole += 1;
        }
        self.outlet.written(whole);
    }
}

/// Writes `bytes` without waiting. Returns whether the socket took them all.
async fn write_at_once<S: AsyncWrite>(
    stream: &mut WriteHalf<S>,
    mut bytes: &[u8],
) -> io::Result<bool> {
    poll_fn(|cx| {
        while !bytes.is_empty() {
            match Pin::new(&mut *stream).poll_write(cx, bytes) {
                Poll::Ready(Ok(0)) | Poll::Pending => return Poll::Ready(Ok(false)),
                Poll::Ready(Ok(taken)) => bytes = &bytes[taken..],
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(true))
    })
    .await
}
