//! A whole chat server on a Unix socket, with threads of the standard library and no tokio.
//!
//! Whoever owns a [`Hub`] brings bytes and the time, and does what the outputs say. Here that is one
//! lock around it, a thread for the clock, and a reader and a writer thread for each connection.
//!
//! `cargo run --example unix_hub -- chat.sock`, and then `nc -U chat.sock`.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rejoin::Config;
use rejoin::hub::{Frame, Hub, Output, Outputs, Protocol};
use rejoin::id::{ConnId, Time};
use rejoin::net::KeyedDigest;

fn main() -> io::Result<()> {
    let path = std::env::args().nth(1).unwrap_or("chat.sock".to_owned());
    serve(&UnixListener::bind(path)?)
}

/// Serves without end.
pub(crate) fn serve(listener: &UnixListener) -> io::Result<()> {
    let server = Arc::new(Server::new(Config::default())?);
    let clock = Arc::clone(&server);
    thread::spawn(move || clock.tick());
    for stream in listener.incoming() {
        server.accept(stream?)?;
    }
    Ok(())
}

struct Server {
    config: Config,
    start: Instant,
    state: Mutex<State>,
    /// The hub's deadline may have become sooner.
    sooner: Condvar,
}

struct State {
    hub: Hub<KeyedDigest>,
    links: BTreeMap<ConnId, Link>,
    next: u64,
}

/// What leads to the threads of one connection.
struct Link {
    stream: UnixStream,
    outbox: Arc<Outbox>,
    /// Lets a reader go on that was told to wait.
    proceed: mpsc::Sender<()>,
}

impl Server {
    fn new(config: Config) -> io::Result<Self> {
        config.check().map_err(io::Error::other)?;
        let state = State {
            hub: Hub::new(&config, KeyedDigest::random()?),
            links: BTreeMap::new(),
            next: 1,
        };
        Ok(Self {
            config,
            start: now(),
            state: Mutex::new(state),
            sooner: Condvar::new(),
        })
    }

    fn accept(self: &Arc<Self>, stream: UnixStream) -> io::Result<()> {
        // So often a writer looks whether it is to stop.
        stream.set_write_timeout(Some(Duration::from_millis(100)))?;
        let (input, output) = (stream.try_clone()?, stream.try_clone()?);
        let outbox = Arc::<Outbox>::default();
        let (proceed, waits) = mpsc::channel();
        let link = Link {
            stream,
            outbox: Arc::clone(&outbox),
            proceed,
        };
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let admitted = self.with_hub(|now, state, out| {
            let conn = ConnId::new(state.next);
            state.next += 1;
            let protocol = Protocol::Plain;
            state.hub.accepted(now, conn, address, protocol, out)?;
            state.links.insert(conn, link);
            Ok::<_, Frame>(conn)
        });
        let conn = match admitted {
            Ok(conn) => conn,
            Err(last) => {
                let _ = (&output).write_all(&last.bytes());
                return Ok(());
            }
        };
        let (server, full) = (Arc::clone(self), Arc::clone(&outbox));
        thread::spawn(move || server.read(conn, input, &full, &waits));
        let server = Arc::clone(self);
        thread::spawn(move || server.write(conn, output, &outbox));
        Ok(())
    }

    /// Brings what comes to the hub, until the client's end.
    fn read(
        &self,
        conn: ConnId,
        mut input: UnixStream,
        outbox: &Outbox,
        waits: &mpsc::Receiver<()>,
    ) {
        let mut buffer = vec![0; self.config.read_bytes.get()];
        'reads: while let Ok(length @ 1..) = input.read(&mut buffer) {
            let mut rest = &buffer[..length];
            loop {
                let received =
                    self.with_hub(|now, state, out| state.hub.received(now, conn, rest, out));
                rest = &rest[received.taken..];
                // The link, and with it the sender, goes with the writer.
                if received.waits && waits.recv().is_err() {
                    break 'reads;
                }
                // Who does not read is not read from.
                outbox.wait_until_low(self.config.outbox_bytes.get() / 2);
                if rest.is_empty() && !received.goes_on {
                    break;
                }
            }
        }
        self.with_hub(|now, state, out| state.hub.reader_finished(now, conn, out));
    }

    /// Writes what is queued until it is told to stop, or the client takes nothing for too long.
    fn write(&self, conn: ConnId, mut output: UnixStream, outbox: &Outbox) {
        let mut begun = 0;
        let last = loop {
            match outbox.next() {
                Next::Stop(last) => break Some(last),
                Next::Frame(frame) => {
                    begun = self.write_frame(&mut output, outbox, &frame);
                    if begun < frame.bytes().len() {
                        break None;
                    }
                    outbox.written();
                    begun = 0;
                }
            }
        };
        if let Some(last) = last {
            let _ = output.write(&last.bytes());
        }
        let _ = output.shutdown(Shutdown::Both);
        self.with_hub(|now, state, out| {
            state.links.remove(&conn);
            // Under the lock, so that nothing is queued behind it.
            let mut unwritten = outbox.end();
            if let Some(first) = unwritten.first_mut() {
                first.leave_out(begun);
            }
            state.hub.writer_finished(now, conn, unwritten, out);
        });
    }

    /// Writes a frame. Returns how many bytes of it the socket has taken.
    fn write_frame(&self, output: &mut UnixStream, outbox: &Outbox, frame: &Frame) -> usize {
        let (bytes, mut written, mut progress) = (frame.bytes(), 0, now());
        while written < bytes.len() {
            match output.write(&bytes[written..]) {
                Ok(0) => break,
                Ok(taken) => (written, progress) = (written + taken, now()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let patience = match outbox.stops() {
                        None => self.config.write_timeout,
                        Some(flush) if flush => self.config.flush_timeout,
                        Some(_) => Duration::ZERO,
                    };
                    if progress.elapsed() >= patience {
                        break;
                    }
                }
                Err(_) => break,
            }
        }
        written
    }

    /// Owns the hub, brings it one input, and does what it wants done.
    fn with_hub<R>(&self, input: impl FnOnce(Time, &mut State, &mut Outputs) -> R) -> R {
        let mut state = self.lock();
        // Read under the lock, so that it never runs backwards.
        let now = self.time();
        let mut outputs = Outputs::new();
        let result = input(now, &mut state, &mut outputs);
        while !outputs.is_empty() {
            let overflowed = self.do_outputs(&state, &outputs);
            outputs.clear();
            for conn in overflowed {
                state.hub.overflowed(now, conn, &mut outputs);
            }
        }
        self.sooner.notify_one();
        result
    }

    /// Returns the connections for which more waits than may.
    fn do_outputs(&self, state: &State, outputs: &Outputs) -> Vec<ConnId> {
        let mut overflowed = Vec::new();
        for output in outputs.iter() {
            match output {
                Output::Send {
                    to,
                    frame,
                    cost,
                    bulk,
                } => {
                    for conn in to {
                        let fresh = state.links[conn].outbox.push(frame.clone(), cost, bulk);
                        if fresh > self.config.outbox_bytes.get() {
                            overflowed.push(*conn);
                        }
                    }
                }
                Output::StopReader { conn } => {
                    if let Some(link) = state.links.get(&conn) {
                        let _ = link.stream.shutdown(Shutdown::Read);
                    }
                }
                Output::StopWriter { conn, flush, last } => {
                    state.links[&conn].outbox.stop(flush, last.clone());
                }
                Output::Proceed { conn } => {
                    if let Some(link) = state.links.get(&conn) {
                        let _ = link.proceed.send(());
                    }
                }
                // These are for those who speak IRC.
                Output::Retain { .. }
                | Output::Ask { .. }
                | Output::Acknowledged { .. }
                | Output::Release { .. }
                | Output::Rehash
                | Output::Verify { .. } => {}
            }
        }
        overflowed
    }

    /// Keeps the clock, without end.
    fn tick(&self) {
        let mut state = self.lock();
        loop {
            let deadline = state.hub.deadline();
            let left = deadline.map(|deadline| deadline.since(self.time().min(deadline)));
            if left == Some(Duration::ZERO) {
                drop(state);
                self.with_hub(|now, state, out| state.hub.tick(now, out));
                state = self.lock();
                continue;
            }
            let left = left.unwrap_or(Duration::from_secs(3600));
            let waited = self.sooner.wait_timeout(state, left);
            (state, _) = waited.expect("no owner of the hub has panicked");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no owner of the hub has panicked")
    }

    fn time(&self) -> Time {
        let micros = self.start.elapsed().as_micros();
        Time::from_micros(u64::try_from(micros).expect("it has not run for so long"))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever owns a hub brings it the time"
)]
fn now() -> Instant {
    Instant::now()
}

/// The queue between the hub and one writer.
#[derive(Default)]
struct Outbox {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    /// Each with its cost, and whether that counts as fresh.
    frames: VecDeque<(Frame, usize, bool)>,
    /// The cost of all.
    waiting: usize,
    /// The cost of those that do not come with much else: if it is much, the client is too slow.
    fresh: usize,
    /// How the writer is to stop: whether it may flush, and what it writes last.
    stop: Option<(bool, Frame)>,
    ended: bool,
}

/// What a writer does next.
enum Next {
    Frame(Frame),
    Stop(Frame),
}

impl Outbox {
    /// Queues a frame. Returns how much waits that is fresh.
    fn push(&self, frame: Frame, cost: usize, bulk: bool) -> usize {
        let mut queue = self.lock();
        queue.frames.push_back((frame, cost, !bulk));
        queue.waiting += cost;
        queue.fresh += if bulk { 0 } else { cost };
        self.changed.notify_all();
        queue.fresh
    }

    fn stop(&self, flush: bool, last: Frame) {
        self.lock().stop = Some((flush, last));
        self.changed.notify_all();
    }

    /// Whether the writer is to stop, and if so, whether it may flush.
    fn stops(&self) -> Option<bool> {
        self.lock().stop.as_ref().map(|&(flush, _)| flush)
    }

    /// Waits for what is to be done. A frame stays in the queue until it is written.
    fn next(&self) -> Next {
        let mut queue = self.lock();
        loop {
            match (queue.frames.front(), &queue.stop) {
                (_, Some((false, last))) | (None, Some((true, last))) => {
                    return Next::Stop(last.clone());
                }
                (Some((frame, ..)), _) => return Next::Frame(frame.clone()),
                (None, None) => queue = self.wait(queue),
            }
        }
    }

    /// The first frame is written.
    fn written(&self) {
        let mut queue = self.lock();
        let (_, cost, fresh) = queue.frames.pop_front().expect("it was in the queue");
        queue.waiting -= cost;
        queue.fresh -= if fresh { cost } else { 0 };
        self.changed.notify_all();
    }

    fn wait_until_low(&self, limit: usize) {
        let mut queue = self.lock();
        while queue.waiting > limit && !queue.ended {
            queue = self.wait(queue);
        }
    }

    /// Takes out what is not written, oldest first.
    fn end(&self) -> Vec<Frame> {
        let mut queue = self.lock();
        queue.ended = true;
        self.changed.notify_all();
        queue.frames.drain(..).map(|(frame, ..)| frame).collect()
    }

    fn wait<'a>(&self, queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        let waited = self.changed.wait(queue);
        waited.expect("nobody panics while it owns the queue")
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue
            .lock()
            .expect("nobody panics while it owns the queue")
    }
}
