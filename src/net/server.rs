//! The hub's one owner at a time, and what the driver keeps beside it.

use std::future::Future;
use std::iter;
use std::mem;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tracing::{debug, info, warn};

use crate::Config;
use crate::broker::PeerEntry;
use crate::broker::lifecycle::Binding;
use crate::hub::output::Entry;
use crate::hub::{Audit, Frame, Hub, Identity, Outputs, PasswordCheck, Protocol};
use crate::id::{ConnId, Name, Source, Time};
use crate::table::Table;

use super::audit;
use super::clock::{Clock, WallClock};
use super::connection::{self, ReaderEnd, WriterEnd};
use super::digest::{self, KeyedDigest};
use super::outbox::{Bytes, Inlet, Role, Stop, outbox_in};
use super::passwords::Passwords;
use super::points::Points;
use super::pools::Pools;
use super::{Counts, Reload, Report};

/// How long the clock sleeps when the hub has no deadline.
const IDLE: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What all connections share.
pub(super) struct Server {
    pub(super) config: Config,
    clock: Clock,
    /// What is kept for the connections from each address.
    pools: Pools,
    state: Mutex<State>,
    /// The deadline has become sooner, or the hub unusable.
    attention: Notify,
    /// Reads again what the server says of itself.
    reload: Option<Reload>,
    pub(super) passwords: Arc<Passwords>,
}

struct State {
    hub: Hub<KeyedDigest>,
    links: Table<Link>,
    /// The number of the next connection.
    next: u64,
    served: u64,
    /// Whether the last connection was refused; a flood of them is logged once.
    refusing: bool,
    discarded: usize,
    /// When the clock will tick by itself.
    armed: Time,
    /// What the hub takes for the start by the wall clock.
    epoch: u64,
    /// Empty between two inputs; kept for its memory.
    outputs: Outputs,
    /// Whom to wake once the hub is released.
    wakers: Vec<Waker>,
    /// What to log once the hub is released.
    audits: Vec<Audit>,
    passwords: Arc<Passwords>,
    /// Whether a password is verified at once, while the hub is owned.
    verifies_inline: bool,
}

/// The driver's ends of one connection's channels.
struct Link {
    /// `None` once the writer was told to stop.
    outbox: Option<Inlet<Frame>>,
    /// `None` once the reader was told to stop; dropping it tells it.
    stop_reader: Option<oneshot::Sender<()>>,
    /// Present while the reader waits; dropping it lets it go on.
    proceed: Option<oneshot::Sender<()>>,
}

/// What became of the bytes that a reader brought.
pub(super) struct Received {
    /// How many of them were taken; the rest is to be brought again.
    pub(super) taken: usize,
    /// Whether the rest is to be brought again even if it is nothing.
    pub(super) goes_on: bool,
    /// If present, nothing is to be read or brought until this completes.
    pub(super) proceed: Option<oneshot::Receiver<()>>,
}

impl Server {
    pub(super) fn new(
        config: Config,
        mut hub: Hub<KeyedDigest>,
        reload: Option<Reload>,
        wall_clock: WallClock,
        verifies_inline: bool,
    ) -> Self {
        let clock = Clock::start(wall_clock);
        let epoch = clock.epoch(Time::ZERO);
        hub.set_clock(Time::ZERO, epoch);
        let passwords = Arc::<Passwords>::default();
        let state = State {
            hub,
            links: Table::new(),
            next: 1,
            served: 0,
            refusing: false,
            discarded: 0,
            armed: Time::ZERO,
            epoch,
            outputs: Outputs::new(),
            wakers: Vec::new(),
            audits: Vec::new(),
            passwords: Arc::clone(&passwords),
            verifies_inline,
        };
        Self {
            pools: Pools::new(
                config.outboxes_bytes(),
                config.outboxes_bytes() / Config::SOURCES,
            ),
            config,
            clock,
            state: Mutex::new(state),
            attention: Notify::new(),
            reload,
            passwords,
        }
    }

    /// Takes a new connection on. Returns the task that serves it, unless there are too
    /// many.
    pub(super) fn accepted<S: AsyncRead + AsyncWrite + Send + 'static>(
        self: &Arc<Self>,
        stream: S,
        (address, protocol): (SocketAddr, Protocol),
        points: &impl Points,
    ) -> Option<impl Future<Output = ()> + Send + 'static> {
        let pool = self.pools.of(Source::of(address.ip()));
        let (inlet, outlet) = outbox_in(
            pool,
            Bytes {
                fresh: self.config.outbox_bytes.get(),
                bulk: self.config.bulk_bytes(),
                asked: self.config.asked_bytes(),
            },
        );
        let (stop_reader, stopped) = oneshot::channel();
        let link = Link {
            outbox: Some(inlet),
            stop_reader: Some(stop_reader),
            proceed: None,
        };
        let admitted = self.with_hub(|now, state| {
            let conn = ConnId::new(state.next);
            state.next += 1;
            let admitted =
                state
                    .hub
                    .accepted(now, conn, address.ip(), protocol, &mut state.outputs);
            let was_refusing = mem::replace(&mut state.refusing, admitted.is_err());
            admitted.map_err(|last| (last, was_refusing))?;
            state.served += 1;
            state.links.insert(conn, link);
            Ok(conn)
        })?;
        match admitted {
            Ok(conn) => {
                debug!(%conn, %address, "accepted");
                let reader = ReaderEnd::new(Arc::clone(self), conn, stopped, outlet.gauge());
                let writer = WriterEnd::new(Arc::clone(self), conn, outlet);
                Some(connection::serve(stream, reader, writer, points.clone()))
            }
            Err((last, was_refusing)) => {
                if !was_refusing {
                    warn!(%address, "refusing, as there are too many connections");
                }
                connection::refuse(stream, &last);
                None
            }
        }
    }

    pub(super) fn received(&self, conn: ConnId, bytes: &[u8]) -> Received {
        let received = self.with_hub(|now, state| {
            let received = state.hub.received(now, conn, bytes, &mut state.outputs);
            let proceed = received.waits.then(|| {
                let (sender, receiver) = oneshot::channel();
                let link = state.links.get_mut(conn);
                link.expect("who waits is connected").proceed = Some(sender);
                receiver
            });
            Received {
                taken: received.taken,
                goes_on: received.goes_on,
                proceed,
            }
        });
        received.unwrap_or(Received {
            taken: bytes.len(),
            goes_on: false,
            proceed: None,
        })
    }

    /// Returns the name that the connection holds, for the log.
    pub(super) fn reader_finished(&self, conn: ConnId) -> Option<Name> {
        self.with_hub(|now, state| {
            state.hub.reader_finished(now, conn, &mut state.outputs);
            state.hub.name(conn)
        })?
    }

    /// `reclaim` is called while the hub is owned, so that nothing can be pushed between
    /// what it gives back and the hub's knowing of it. Returns the name that the
    /// connection held, for the log.
    pub(super) fn writer_finished(
        &self,
        conn: ConnId,
        reclaim: impl FnOnce() -> Vec<Frame>,
    ) -> Option<Name> {
        self.with_hub(|now, state| {
            let name = state.hub.name(conn);
            // Dropping the link tells the reader to stop, should the hub not say so.
            state.links.remove(conn);
            state.passwords.forget(conn);
            state
                .hub
                .writer_finished(now, conn, reclaim(), &mut state.outputs);
            name
        })?
    }

    pub(super) fn progressed(&self, conn: ConnId) {
        self.with_hub(|now, state| state.hub.progressed(now, conn, &mut state.outputs));
    }

    pub(super) fn verified(&self, conn: ConnId, is_right: bool) {
        self.with_hub(|now, state| state.hub.verified(now, conn, is_right, &mut state.outputs));
    }

    pub(super) fn tick(&self) {
        self.with_hub(|now, state| state.hub.tick(now, &mut state.outputs));
    }

    pub(super) fn shut_down(&self) {
        self.with_hub(|now, state| state.hub.shut_down(now, &mut state.outputs));
    }

    /// Says this of itself from now on. Returns what has changed, in words; `None` if the hub is
    /// unusable.
    pub(super) fn identify(&self, identity: Identity) -> Option<Vec<String>> {
        self.with_hub(|_, state| {
            let changes = state.hub.identity().changes(&identity);
            state.hub.identify(identity);
            changes
        })
    }

    /// When to call [`tick`](Self::tick), unless [`attention`](Self::attention) comes
    /// first. `None` if the hub is unusable.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let mut state = self.state.lock().ok()?;
        let deadline = state.hub.deadline();
        state.armed = deadline.unwrap_or(Time::from_micros(u64::MAX));
        let instant = deadline.and_then(|deadline| self.clock.instant(deadline));
        Some(instant.unwrap_or_else(|| Instant::now() + IDLE))
    }

    /// Whether the server stops, and not all have been told of it yet.
    pub(super) fn is_stopping(&self) -> bool {
        self.state.lock().is_ok_and(|state| state.hub.is_stopping())
    }

    /// Waits until [`deadline`](Self::deadline) is to be asked again.
    pub(super) async fn attention(&self) {
        self.attention.notified().await;
    }

    /// Everybody who is known, by name. `None` if the hub is unusable.
    pub(super) fn who(&self) -> Option<Vec<PeerEntry>> {
        let state = self.state.lock().ok()?;
        let lifecycle = state.hub.broker().lifecycle();
        let entry = |(&name, _): (&Name, &Binding)| {
            let away = lifecycle.live(&name).is_none();
            PeerEntry { name, away }
        };
        Some(lifecycle.bindings().map(entry).collect())
    }

    /// `None` if the hub is unusable.
    pub(super) fn counts(&self) -> Option<Counts> {
        let peers = self.who()?;
        let state = self.state.lock().ok()?;
        Some(Counts {
            connections: state.links.len(),
            peers: peers.len(),
            away: peers.iter().filter(|peer| peer.away).count(),
            rooms: state.hub.broker().rooms().count(),
        })
    }

    /// `None` if the hub is unusable.
    pub(super) fn report(&self) -> Option<Report> {
        let state = self.state.lock().ok()?;
        Some(Report {
            connections: state.served,
            discarded: state.discarded,
        })
    }

    /// Owns the hub, brings it one input, and does what it wants done. `None` if the hub
    /// is unusable, as a bug has made its owner panic; then `serve` ends.
    fn with_hub<R>(&self, input: impl FnOnce(Time, &mut State) -> R) -> Option<R> {
        let Ok(mut state) = self.state.lock() else {
            self.attention.notify_one();
            return None;
        };
        // Read under the lock, so that it never runs backwards from one owner to the next.
        let now = self.clock.now();
        if let Some(epoch) = self.clock.stepped(now, state.epoch) {
            state.set_clock(now, epoch);
        }
        let result = input(now, &mut state);
        if state.do_outputs(now)
            && let Some(reload) = &self.reload
        {
            reload.request();
        }
        if state
            .hub
            .deadline()
            .is_some_and(|deadline| deadline < state.armed)
        {
            self.attention.notify_one();
        }
        let wakers = mem::take(&mut state.wakers);
        let audits = mem::take(&mut state.audits);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
        audits.iter().for_each(audit::log);
        Some(result)
    }
}

impl State {
    fn set_clock(&mut self, now: Time, epoch: u64) {
        let from_now = i128::from(epoch) - i128::from(self.epoch);
        let seconds = from_now as f64 / 1e6;
        info!(seconds, "the wall clock was set, or the machine has slept");
        self.epoch = epoch;
        self.hub.set_clock(now, epoch);
    }

    /// Returns whether what the server says of itself is to be read again.
    fn do_outputs(&mut self, now: Time) -> bool {
        let mut rehashes = false;
        let mut outputs = mem::take(&mut self.outputs);
        while !outputs.is_empty() {
            self.discarded += outputs.discarded();
            self.audits.extend(outputs.take_audits());
            let (overflowed, checks) = self.do_each(&mut outputs, &mut rehashes);
            outputs.clear();
            for conn in overflowed {
                self.hub.overflowed(now, conn, &mut outputs);
            }
            for (conn, check) in checks {
                let is_right = digest::verify(&check);
                self.hub.verified(now, conn, is_right, &mut outputs);
            }
        }
        self.outputs = outputs;
        rehashes
    }

    /// Returns the connections in whose outboxes more waits than may, and the passwords that are
    /// to be verified inline.
    fn do_each(
        &mut self,
        outputs: &mut Outputs,
        rehashes: &mut bool,
    ) -> (Vec<ConnId>, Vec<(ConnId, PasswordCheck)>) {
        let (mut overflowed, mut checks) = (Vec::new(), Vec::new());
        let (entries, receivers) = outputs.take();
        for entry in entries {
            match entry {
                Entry::Send {
                    to,
                    frame,
                    cost,
                    bulk,
                } => {
                    let mut bytes = Bytes::default();
                    match (bulk, frame.has_mail()) {
                        (false, _) => bytes.fresh = cost,
                        (true, true) => bytes.bulk = cost,
                        (true, false) => bytes.asked = cost,
                    }
                    overflowed.extend(self.send(&receivers[to], frame, bytes));
                }
                Entry::Ask { conn, frame } => {
                    let bytes = Bytes {
                        fresh: frame.cost(),
                        ..Bytes::default()
                    };
                    let over = self.queue(conn, frame, bytes, Role::Mark);
                    overflowed.extend(over.then_some(conn));
                }
                Entry::Retain { conn } => {
                    if let Some(outbox) = self.outbox(conn) {
                        outbox.retain();
                    }
                }
                Entry::Acknowledged { conn, marks } => {
                    let wake = self
                        .outbox(conn)
                        .and_then(|outbox| outbox.acknowledge(marks));
                    self.wakers.extend(wake);
                }
                Entry::Release { conn } => {
                    let wake = self.outbox(conn).and_then(Inlet::release);
                    self.wakers.extend(wake);
                }
                Entry::StopReader { conn } => {
                    if let Some(link) = self.links.get_mut(conn) {
                        link.stop_reader = None;
                    }
                }
                Entry::StopWriter { conn, flush, last } => {
                    let stop = if flush { Stop::Flush } else { Stop::HandOver };
                    let link = self.links.get_mut(conn);
                    let outbox = link.and_then(|link| link.outbox.take());
                    let outbox = outbox.expect("a writer is told to stop once, while it runs");
                    self.wakers.extend(outbox.close(stop, Some(last)));
                }
                Entry::Proceed { conn } => {
                    if let Some(link) = self.links.get_mut(conn) {
                        link.proceed = None;
                    }
                }
                Entry::Rehash => *rehashes = true,
                Entry::Verify {
                    conn,
                    network,
                    check,
                } => {
                    if self.verifies_inline {
                        checks.push((conn, check));
                    } else {
                        self.passwords.push(conn, network, check);
                    }
                }
            }
        }
        (overflowed, checks)
    }

    /// The outbox of a writer that was not told to stop.
    fn outbox(&self, conn: ConnId) -> Option<&Inlet<Frame>> {
        self.links.get(conn)?.outbox.as_ref()
    }

    /// Queues the same frame for each of `to`. Returns those for whom more waits now than may.
    fn send(&mut self, to: &[ConnId], frame: Frame, bytes: Bytes) -> Vec<ConnId> {
        let role = if frame.has_mail() {
            Role::Kept
        } else {
            Role::Passing
        };
        let mut overflowed = Vec::new();
        for (&conn, frame) in to.iter().zip(iter::repeat_n(frame, to.len())) {
            let over = self.queue(conn, frame, bytes, role);
            overflowed.extend(over.then_some(conn));
        }
        overflowed
    }

    /// Returns whether more waits now than may.
    fn queue(&mut self, conn: ConnId, frame: Frame, bytes: Bytes, role: Role) -> bool {
        let outbox = self.outbox(conn);
        let outbox = outbox.expect("the hub sends only to a writer that runs");
        let Ok(pushed) = outbox.push(frame, bytes, role) else {
            unreachable!("a link goes with its outbox");
        };
        self.wakers.extend(pushed.wake);
        pushed.over
    }
}
