//! The broker and the protocol state of each connection: lines in, frames out.
//!
//! A [`Hub`] is a whole chat server without I/O. Whoever owns it brings bytes and the
//! time, and does what the [`Outputs`] say.

mod admission;
mod audit;
mod clock;
mod effects;
mod frame;
mod full;
mod given;
mod guesses;
mod identity;
mod ids;
mod irc;
mod lists;
mod logins;
mod observer;
pub(crate) mod output;
mod password;
mod plain;
mod rate;
#[cfg(feature = "record")]
pub mod record;
mod silence;
mod stopping;
mod strangers;
mod telnet;
mod visibility;
mod work;

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::cell::Cell;
use core::net::IpAddr;
use core::time::Duration;

pub use audit::{Act, Audit};
pub use frame::Frame;
pub use identity::{Identity, Ports};
pub use observer::{Observer, Told, Understood};
pub use output::{Output, Outputs};
pub use password::PasswordCheck;

use crate::Config;
use crate::broker::effect::{PAUSE, units};
use crate::broker::lifecycle::Phase;
use crate::broker::{Broker, Effects, Input, Request, StopReason};
use crate::id::{ConnId, Name, Proof, Secret, Source, Time};
use crate::table::Table;
use crate::wire;
use crate::wire::lines::{Line, Lines};
use admission::Admission;
use full::{KnownFull, Refusals};
use guesses::{Guesses, Pending};
use ids::Ids;
use irc::Irc;
use irc::oper::Verifying;
use irc::tasks::{self, End};
use logins::{Takeover, Takeovers};
use rate::{Rate, Used};
use silence::Silence;
use stopping::Stopping;
use work::{Accounts, Share, Spent, Whole, Work};

/// How many turns of one connection fit into its outbox: so what a client sends at once
/// does not make it look like one that reads too slowly.
const TURNS_IN_AN_OUTBOX: usize = 16;

/// Makes proofs of secrets.
///
/// The hub hands a secret to it as soon as it has read one, and keeps only the proof.
pub trait Digest {
    /// The proof that whoever gives `secret` is the peer that first did, by whatever name.
    fn proof(&self, secret: Secret<'_>) -> Proof;
}

/// What a connection speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub enum Protocol {
    /// The plain protocol ([`wire::plain`]).
    Plain,
    /// IRC ([`wire::irc`]).
    Irc,
}

/// What became of the bytes that a reader brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// How many of them were taken.
    pub taken: usize,
    /// Whether the connection waits for the end of an older one, or has to pause: then its reader
    /// is to read nothing until [`Output::Proceed`]. If not, and something was not taken, so
    /// much is to be written already that the writers come first.
    pub waits: bool,
    /// Whether the connection is not done with what was taken: what was not taken is to be brought
    /// again, even if it is nothing, before anything else is read.
    pub goes_on: bool,
}

/// A chat server without I/O.
///
/// # The contract
///
/// Whoever owns a hub, its driver, keeps to this:
///
/// - **Time** never runs backwards from one call to the next. [`tick`](Self::tick) is called when
///   [`deadline`](Self::deadline) has come; to call it more often does no harm.
/// - **Outputs** are done in order, after each call and before the next, and are then
///   [cleared](Outputs::clear). Frames are sent only to connections whose writer was not told to stop.
/// - **A connection** is [accepted](Self::accepted) once, under an id greater than each one before. If
///   that is refused, the frame is all that it is sent, and it is not spoken of again.
/// - **Bytes** that are not taken are brought again, before anything else that is read: not before
///   [`Output::Proceed`] if the connection [waits](Received::waits), and also if none are left but it
///   [goes on](Received::goes_on).
/// - **Each half ends once.** [`reader_finished`](Self::reader_finished) comes after the last bytes, and
///   [`writer_finished`](Self::writer_finished) last of all, or before it; both come however a half ends,
///   also by itself. The writer gives back what it has not written, oldest first, and may be given
///   nothing more from then on.
/// - **What waits for a writer is counted**: if it is more than [`Config::outbox_bytes`], or the bound
///   of its kind, [`overflowed`](Self::overflowed) says so.
///
/// To forget an end leaves its peer online for ever; to give back what was written makes it come
/// twice.
///
/// ```
/// # #[cfg(feature = "net")]
/// # {
/// use rejoin::Config;
/// use rejoin::hub::{Frame, Hub, Output, Outputs, Protocol};
/// use rejoin::id::{ConnId, Time};
/// use rejoin::net::KeyedDigest;
///
/// /// Does what is to be done: here it only collects what is to be written.
/// fn frames(out: &mut Outputs) -> Vec<Frame> {
///     let sent = out.iter().filter_map(|output| match output {
///         Output::Send { frame, .. } => Some(frame.clone()),
///         _ => None,
///     });
///     let sent = sent.collect();
///     out.clear();
///     sent
/// }
///
/// let digest = KeyedDigest::random().expect("the system has randomness");
/// let (mut hub, mut out) = (Hub::new(&Config::default(), digest), Outputs::new());
/// let (old, new) = (ConnId::new(1), ConnId::new(2));
/// let (at, address, plain) = (Time::from_micros, [192, 0, 2, 1].into(), Protocol::Plain);
///
/// hub.accepted(at(0), old, address, plain, &mut out).expect("there is room");
/// // Lines may come in pieces, and several at once.
/// hub.received(at(1), old, b"alice correct-ho", &mut out);
/// assert_eq!(frames(&mut out).len(), 1, "the greeting");
/// let received = hub.received(at(2), old, b"rse\nalice: remember me\n", &mut out);
/// assert_eq!((received.taken, received.waits, received.goes_on), (23, false, false));
/// // The link dies with all of this unwritten: it is given back.
/// let unwritten = frames(&mut out);
/// hub.reader_finished(at(3), old, &mut out);
/// hub.writer_finished(at(4), old, unwritten, &mut out);
/// out.clear();
/// // Whoever comes back gets what it had not been told.
/// hub.accepted(at(5), new, address, plain, &mut out).expect("there is room");
/// hub.received(at(6), new, b"alice correct-horse\n", &mut out);
/// let lines: Vec<_> = frames(&mut out).iter().flat_map(|frame| frame.bytes().into_owned()).collect();
/// let lines = String::from_utf8(lines).expect("lines are text");
/// assert!(lines.contains("* back alice 1\n") && lines.ends_with(": remember me\n"), "{lines}");
/// # }
/// ```
#[derive(Debug)]
pub struct Hub<D> {
    broker: Broker,
    observers: Vec<Box<dyn Observer>>,
    digest: D,
    limits: Limits,
    /// In boxes, as a table that has grown is twice as large as it need be.
    links: Table<Link>,
    admission: Admission,
    guesses: Guesses,
    irc: Irc,
    work: Work,
    accounts: Accounts,
    whole: Whole,
    /// How often people were visited, each once though there are several ways to them.
    visits: Cell<u64>,
    /// When the turn of the connection that is served is over.
    turn_end: End,
    /// When more of what is due is to be done, if not all of it is.
    again: Option<Time>,
    /// When those who send too fast are listened to again.
    pauses: BTreeSet<(Time, ConnId)>,
    /// When to look again whether a connection is silent; one for each.
    checks: BTreeSet<(Time, ConnId)>,
    takeovers: Takeovers,
    stopping: Stopping,
    /// Empty between two calls; kept for their memory.
    effects: Effects,
    scratch: Vec<u8>,
    run: plain::Run,
    /// Of what is being said.
    refusals: Refusals,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    line_bytes: usize,
    /// How much to write may come of one call, roughly.
    turn_bytes: usize,
    /// After how much work a turn ends.
    slice: u64,
    /// How much of a core's time one connection may take.
    share: Share,
    lines: Rate,
    failed_logins: u32,
    silence: Silence,
    irc_silence: Silence,
    receivers: usize,
    rooms_per_peer: usize,
    listed: usize,
    joins: Rate,
    nick_changes: Rate,
    list_entries: usize,
    room_members: usize,
    monitored: usize,
    whowas: usize,
    resume_window: Duration,
    return_grace: Duration,
    ack_timeout: Duration,
    ack_messages: usize,
    ack_bytes: usize,
    acks: Rate,
    answer_timeout: Duration,
    /// How long the hub waits for answers when it stops.
    last_answers: Duration,
}

/// What is known of a connection that only its protocol has.
#[derive(Clone, Debug)]
enum Session {
    Plain(plain::Session),
    Irc(Box<irc::Session>),
}

impl Session {
    const fn protocol(&self) -> Protocol {
        match self {
            Self::Plain(_) => Protocol::Plain,
            Self::Irc(_) => Protocol::Irc,
        }
    }
}

/// The protocol state of one connection.
#[derive(Clone, Debug)]
struct Link {
    session: Session,
    lines: Lines,
    used: Used,
    joins: Used,
    nick_changes: Used,
    address: IpAddr,
    source: Source,
    failed_logins: u32,
    /// When something came from it last.
    heard: Time,
    /// When its socket, which had been full, took something last.
    progressed: Time,
    /// When it was last listened to again, after a pause.
    listened: Time,
    known_full: KnownFull,
    /// When the entry in `checks` says.
    check: Time,
    probed: bool,
    /// Its login, while that waits.
    takeover: Option<Takeover>,
    /// Whether its reader was told to wait.
    held: bool,
    /// When it is listened to again, if it has sent too fast, has asked for too much, or waits for
    /// an answer.
    paused: Option<Time>,
    /// What it waits for while a password that it has given is verified.
    verifying: Option<Verifying>,
    /// What it has tried, if it is paused until that may be answered.
    pending: Option<Box<Pending>>,
    spent: Spent,
    /// Which of the hub's visits was the last to come to it.
    visited: Cell<u64>,
}

impl Link {
    /// Whether nothing that comes from it is handled now.
    const fn must_wait(&self) -> bool {
        self.paused.is_some() || self.verifying.is_some() || self.takeover.is_some()
    }
}

impl<D: Digest> Hub<D> {
    /// Creates a hub without connections, whose identifiers others can guess.
    pub fn new(config: &Config, digest: D) -> Self {
        Self::with_key(config, digest, [0; 16])
    }

    /// Creates a hub without connections. Its identifiers of messages and connections are made
    /// under `id_key`: they are unlike those under any other key, and who does not know it can't
    /// count by them.
    pub fn with_key(config: &Config, digest: D, id_key: [u8; 16]) -> Self {
        let burst = config.lines_burst.get();
        let window = Duration::from_secs(burst.into()) / config.lines_per_second.get();
        let ack_window = config.ack_interval.saturating_mul(config.ack_burst.get());
        Self {
            broker: Broker::new(config),
            observers: Vec::new(),
            digest,
            limits: Limits {
                line_bytes: config.line_bytes.get(),
                turn_bytes: config.outbox_bytes.get().div_ceil(TURNS_IN_AN_OUTBOX),
                slice: units(config.slice),
                share: Share::new(config.work_per_connection, config.work_burst),
                lines: Rate::new(burst, window),
                failed_logins: config.failed_logins_per_connection.get(),
                silence: Silence::of_plain(config),
                irc_silence: Silence::of_irc(config),
                receivers: config.receivers.get(),
                rooms_per_peer: config.rooms_per_peer.get(),
                listed: config.listed.get(),
                joins: Rate::new(config.joins.get(), config.join_window),
                nick_changes: Rate::new(config.nick_changes.get(), config.nick_change_window),
                list_entries: config.list_entries.get(),
                room_members: config.room_members.get(),
                monitored: config.monitored.get(),
                whowas: config.whowas.get(),
                resume_window: config.resume_window,
                return_grace: config.return_grace,
                ack_timeout: config.ack_timeout,
                ack_messages: config.ack_messages.get(),
                ack_bytes: config.ack_bytes.get(),
                acks: Rate::new(config.ack_burst.get(), ack_window),
                answer_timeout: config.answer_timeout,
                last_answers: config.answer_timeout.min(config.shutdown_timeout / 4),
            },
            links: Table::new(),
            admission: Admission::new(config),
            guesses: Guesses::new(config),
            irc: Irc::new(Ids::new(id_key), config.list_bytes() / 2),
            work: Work::default(),
            visits: Cell::default(),
            turn_end: End::NEVER,
            accounts: Accounts::new(Share::new(config.work_per_address, config.work_burst)),
            whole: Whole::new(Share::new(config.work_in_all, config.work_burst / 5)),
            again: None,
            pauses: BTreeSet::new(),
            checks: BTreeSet::new(),
            takeovers: Takeovers::default(),
            stopping: Stopping::default(),
            effects: Effects::new(),
            scratch: Vec::new(),
            run: plain::Run::default(),
            refusals: Refusals::default(),
        }
    }

    /// Lets one more `observer` look on from now on.
    pub fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observers.push(observer);
    }

    /// Says from now on of itself what `identity` has.
    pub fn identify(&mut self, identity: Identity) {
        for observer in &mut self.observers {
            observer.identity(&identity);
        }
        if identity.password != self.irc.identity.password {
            self.irc.passwords += 1;
        }
        self.irc.identity = identity;
    }

    /// The wall clock was set, or read for the first time: from `now` on, [`Time::ZERO`] counts as
    /// having been `epoch`, in microseconds since 1970. People are shown the time by it, and nothing
    /// is decided by it. What was before `now` is shown as the clock showed it then.
    pub fn set_clock(&mut self, now: Time, epoch: u64) {
        self.irc.clock.set(now, epoch);
        for observer in &mut self.observers {
            observer.told(now, Told::ClockSet { epoch }, &Outputs::new());
        }
    }

    /// What it says of itself.
    pub fn identity(&self) -> &Identity {
        &self.irc.identity
    }

    /// A connection was accepted from `address`, and speaks `protocol`.
    ///
    /// # Errors
    ///
    /// If there are too many: then the hub knows nothing of it, and these lines are
    /// all that it should be sent.
    ///
    /// # Panics
    ///
    /// If its id is not greater than each one before.
    pub fn accepted(
        &mut self,
        now: Time,
        conn: ConnId,
        address: IpAddr,
        protocol: Protocol,
        out: &mut Outputs,
    ) -> Result<(), Frame> {
        let admitted = self.admit(now, conn, (address, protocol), out);
        let told = Told::Accepted {
            conn,
            address,
            protocol,
        };
        self.told(now, told, out);
        admitted
    }

    fn admit(
        &mut self,
        now: Time,
        conn: ConnId,
        (address, protocol): (IpAddr, Protocol),
        out: &mut Outputs,
    ) -> Result<(), Frame> {
        let source = Source::of(address);
        if !self.admission.admit(source) {
            let reason = StopReason::TooManyConnections;
            return Err(match protocol {
                Protocol::Plain => self.frame(|out| wire::plain::write_bye(reason, out)),
                Protocol::Irc => Self::irc_bye(address, wire::farewell(reason)),
            });
        }
        let check = now.after(self.limits.silence(protocol).probe_after);
        self.checks.insert((check, conn));
        let session = match protocol {
            Protocol::Plain => Session::Plain(plain::Session::default()),
            Protocol::Irc => Session::Irc(Box::default()),
        };
        let link = Link {
            lines: Lines::new(self.line_bytes(protocol)),
            session,
            used: Used::default(),
            joins: Used::default(),
            nick_changes: Used::default(),
            address,
            source,
            failed_logins: 0,
            heard: now,
            progressed: now,
            listened: now,
            known_full: KnownFull::default(),
            check,
            probed: false,
            takeover: None,
            held: false,
            paused: None,
            verifying: None,
            pending: None,
            spent: Spent::default(),
            visited: Cell::default(),
        };
        self.links.insert(conn, link);
        self.pause_newcomer(now, conn);
        self.handle(now, Input::Accepted { conn, source }, out);
        if protocol == Protocol::Plain && !self.is_leaving(conn) {
            let hello = self.frame(wire::plain::write_hello);
            out.send([conn], hello, false);
        }
        Ok(())
    }

    /// Bytes came from a connection. Those that are not taken are to be brought again,
    /// before anything else that is read.
    pub fn received(
        &mut self,
        now: Time,
        conn: ConnId,
        bytes: &[u8],
        out: &mut Outputs,
    ) -> Received {
        let received = self.take(now, conn, bytes, out);
        let goes_on = received.goes_on;
        self.told(now, Told::Received { conn, goes_on }, out);
        received
    }

    fn take(&mut self, now: Time, conn: ConnId, bytes: &[u8], out: &mut Outputs) -> Received {
        // What is due comes first: a line must not be answered past its deadline.
        self.do_what_is_due(now, out);
        let Some(link) = self.links.get_mut(conn) else {
            return Received {
                taken: bytes.len(),
                waits: false,
                goes_on: false,
            };
        };
        link.heard = now;
        let protocol = link.session.protocol();
        let speaks_irc = protocol == Protocol::Irc;
        let has_telnet = link.has_telnet(bytes);
        let mut lines = core::mem::replace(&mut link.lines, Lines::new(0));
        if core::mem::take(&mut link.probed) {
            self.check_again(conn, now.after(self.limits.silence(protocol).probe_after));
        }
        let mut rest = bytes;
        let start = self.worked(out);
        let slice = self.slice(now);
        self.turn_end = End {
            work: start.saturating_add(slice),
            bytes: out.bytes() + tasks::BYTES_AT_ONCE,
        };
        let is_over = |hub: &Self, out: &Outputs| {
            let work = hub.worked(out) - start + hub.run.work();
            let bytes = out.bytes() + hub.run.bytes();
            work >= slice || bytes >= hub.limits.turn_bytes
        };
        while !is_over(self, out) {
            if self.link(conn).must_wait() {
                break;
            }
            if self.answer_pending(now, conn, out) {
                continue;
            }
            // As long as a run goes on, nothing else has happened.
            let is_online = !self.run.is_empty()
                || match self.broker.lifecycle().phase(conn) {
                    Some(Phase::Greeting { .. }) => false,
                    Some(Phase::Online { .. }) => true,
                    Some(Phase::Waiting { .. } | Phase::Leaving { .. }) | None => break,
                };
            if self.run.is_empty() && self.has_tasks(conn) {
                self.go_on(now, conn, out);
                if self.has_tasks(conn) {
                    break;
                }
                continue;
            }
            if self.must_pause(now, conn) {
                break;
            }
            if !is_online && self.is_strange(now, conn, &lines, rest, out) {
                continue;
            }
            let before = rest;
            let line = lines.next(&mut rest);
            if has_telnet {
                self.negotiate(now, conn, &before[..before.len() - rest.len()], out);
            }
            let Some(line) = line else {
                break;
            };
            let without;
            let line = match line {
                Line::Whole(line) if has_telnet => {
                    without = self.without_commands(conn, line);
                    Line::Whole(&without)
                }
                line @ (Line::Whole(_) | Line::TooLong) => line,
            };
            self.work.count(work::LINE);
            if !is_online && self.is_strange_line(now, conn, line, out) {
                continue;
            }
            if speaks_irc {
                self.irc_line(now, conn, line, out);
                if self.has_tasks(conn) {
                    break;
                }
            } else {
                self.plain_line(now, (conn, is_online), line, out);
            }
        }
        self.end_run(now, conn, out);
        lines.release();
        let worked = self.worked(out) - start;
        self.charge(now, conn, worked);
        let phase = self.broker.lifecycle().phase(conn);
        if matches!(phase, Some(Phase::Leaving { .. })) {
            rest = &[];
        }
        let is_online = matches!(phase, Some(Phase::Online { .. }));
        let has_tasks = is_online && self.has_tasks(conn);
        let link = self.link(conn);
        let waits = link.must_wait() || matches!(phase, Some(Phase::Waiting { .. }));
        // What was due may have taken the whole turn.
        let is_pending = link.pending.is_some();
        link.lines = lines;
        link.held = waits;
        Received {
            taken: bytes.len() - rest.len(),
            waits,
            goes_on: has_tasks || waits || is_pending,
        }
    }

    /// A connection's reader has finished. What it read, and what it was to keep, was
    /// brought before.
    pub fn reader_finished(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        self.handle(now, Input::ReaderFinished { conn }, out);
        self.told(now, Told::ReaderFinished { conn }, out);
    }

    /// More waits in a connection's outbox than may.
    pub fn overflowed(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        self.handle(
            now,
            Input::GiveUp {
                conn,
                reason: StopReason::TooSlow,
            },
            out,
        );
        self.told(now, Told::Overflowed { conn }, out);
    }

    /// A connection's socket had been full for a while, and now took something: the other end is
    /// there, though its answer to a probe may take long, as the probe is behind much else.
    pub fn progressed(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        if let Some(link) = self.links.get_mut(conn) {
            link.progressed = now;
        }
        self.told(now, Told::Progressed { conn }, out);
    }

    /// A connection's writer has finished, and gives back what it has not written, and
    /// before that what was to be kept and is not acknowledged; oldest first. Of a frame that it
    /// has begun it [leaves out](Frame::leave_out) what is written, unless that was to be kept.
    pub fn writer_finished(
        &mut self,
        now: Time,
        conn: ConnId,
        unwritten: impl IntoIterator<Item = Frame>,
        out: &mut Outputs,
    ) {
        let start = self.worked(out);
        let ended = self.links.remove(conn).map(|link| {
            self.checks.remove(&(link.check, conn));
            self.admission.release(link.source);
            if let Some(until) = link.paused {
                self.pauses.remove(&(until, conn));
            }
            if let Some(takeover) = link.takeover {
                self.takeovers.remove(conn, &takeover);
            }
            if let Session::Irc(session) = &link.session {
                for name in session.watched() {
                    self.forget_watcher(conn, name);
                }
                self.forget_to_ask(conn, session);
            }
            (link.source, link.spent)
        });
        let (mut parts, mut undelivered) = (0, Vec::new());
        for frame in unwritten {
            parts += frame.parts() as u32;
            undelivered.extend(frame.mail());
        }
        self.handle(now, Input::WriterFinished { conn, undelivered }, out);
        if let Some((source, spent)) = ended {
            let worked = self.worked(out) - start;
            self.charge_at_end(now, source, spent, worked);
        }
        let unwritten = parts;
        self.told(now, Told::WriterFinished { conn, unwritten }, out);
    }

    /// Does what is due at `now`.
    pub fn tick(&mut self, now: Time, out: &mut Outputs) {
        self.do_what_is_due(now, out);
        self.told(now, Told::Tick, out);
    }

    /// Does what is due, as far as it fits into a slice.
    fn do_what_is_due(&mut self, now: Time, out: &mut Outputs) {
        while let Some(&(time, conn)) = self.pauses.first()
            && time <= now
        {
            self.pauses.pop_first();
            let link = self.link(conn);
            link.paused = None;
            link.listened = now;
            self.listen(conn, out);
        }
        if self.again.is_none_or(|again| again <= now) {
            let end = self.worked(out).saturating_add(self.limits.slice);
            self.again = None;
            while self.do_one_thing(now, out) {
                if self.worked(out) >= end {
                    self.again = Some(now.after(PAUSE));
                    break;
                }
            }
        }
        let deadline = self.broker.deadline();
        if deadline.is_some_and(|deadline| deadline <= now) {
            self.handle(now, Input::Tick, out);
        }
    }

    /// Does the first thing that is due, if one is.
    fn do_one_thing(&mut self, now: Time, out: &mut Outputs) -> bool {
        match self.checks.first() {
            Some(&(time, conn)) if time <= now => {
                self.work.count(work::ENTRY);
                self.check_silence(now, conn, out);
                true
            }
            Some(_) | None => self.irc_tick(now, out),
        }
    }

    /// When the hub itself has something to do next.
    fn own_deadline(&self) -> Option<Time> {
        let check = self.checks.first().map(|&(time, _)| time);
        [check, self.irc_deadline()].into_iter().flatten().min()
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub fn deadline(&self) -> Option<Time> {
        let own = self.again.or_else(|| self.own_deadline());
        let pause = self.pauses.first().map(|&(time, _)| time);
        let deadlines = [
            own,
            pause,
            self.takeovers.deadline(),
            self.stopping.deadline(),
            self.broker.deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// The server stops: every connection ends. Clients that may still say how far they have read
    /// are asked before, and waited for within a quarter of [`Config::shutdown_timeout`].
    pub fn shut_down(&mut self, now: Time, out: &mut Outputs) {
        self.begin_to_stop(now);
        self.told(now, Told::ShutDown, out);
    }

    /// How much work was counted so far, but for that of what is still to be
    /// [done](Outputs::work): in units of about 10 ns, an estimate that is the same in each run.
    pub fn work(&self) -> u64 {
        self.work.total()
    }

    /// The broker inside.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The name that a connection holds or waits for.
    pub fn name(&self, conn: ConnId) -> Option<Name> {
        match self.broker.lifecycle().phase(conn)? {
            Phase::Waiting { name, .. } | Phase::Online { name, .. } => Some(name),
            Phase::Leaving { name } => name,
            Phase::Greeting { .. } => None,
        }
    }

    /// Whether nobody is connected, and nothing of a connection is left.
    pub fn is_idle(&self) -> bool {
        self.broker.lifecycle().is_idle() && self.links.is_empty() && self.checks.is_empty()
    }

    fn told(&mut self, now: Time, told: Told, out: &mut Outputs) {
        self.go_on_with_takeovers(now, out);
        self.go_on_stopping(now, out);
        self.ask(now, out);
        for observer in &mut self.observers {
            observer.told(now, told, out);
        }
    }

    /// Whether a connection has sent too fast. It is then listened to again a little later.
    fn must_pause(&mut self, now: Time, conn: ConnId) -> bool {
        let rate = self.limits.lines;
        let used = self.link(conn).used;
        let must = !rate.allows(used, now);
        if must {
            self.pause(conn, rate.next(used));
        }
        must
    }

    /// Listens to a connection again, unless it has to wait.
    fn listen(&mut self, conn: ConnId, out: &mut Outputs) {
        let link = self.link(conn);
        if !link.must_wait() && core::mem::take(&mut link.held) {
            out.proceed(conn);
        }
    }

    /// Counts a line that a connection has sent.
    fn count_line(&mut self, now: Time, conn: ConnId) {
        let rate = self.limits.lines;
        rate.count(&mut self.link(conn).used, now);
    }

    /// Counts what a line says to others beside the line. Long ones count as several lines, as they
    /// are copied to others, who have to read them.
    fn count_said(&mut self, now: Time, conn: ConnId, bytes: usize) {
        let rate = self.limits.lines;
        let lines = bytes / Config::COUNTED_LINE_BYTES;
        rate.count_several(&mut self.link(conn).used, now, lines as u64);
    }

    /// Lets the broker handle an input, and does what goes with the end of a connection or a peer.
    fn handle(&mut self, now: Time, input: Input, out: &mut Outputs) {
        if self.irc.crowd().is_none() {
            self.refusals = Refusals::default();
        }
        match &input {
            Input::Request {
                conn,
                request: Request::Quit { why },
            } => {
                let name = self.broker.lifecycle().online(*conn);
                if let Some(name) = &name {
                    let why = why.as_ref().map_or("Quit", |why| why.as_str());
                    self.quits(now, name, why, out);
                }
                self.apply(now, input, None, out);
                if let Some(name) = name {
                    self.left_all(&name);
                }
            }
            &Input::Dismiss { name, ref why } => {
                let why = why.as_ref().map_or("Dismissed", |why| why.as_str());
                let why = why.to_owned();
                self.quits(now, &name, &why, out);
                self.apply(now, input, Some(&why), out);
                self.left_all(&name);
            }
            Input::WriterFinished { conn, .. } => {
                let name = self.name(*conn);
                self.apply(now, input, None, out);
                if let Some(name) = name {
                    self.note_away(now, name);
                }
            }
            Input::Accepted { .. }
            | Input::Request { .. }
            | Input::GiveUp { .. }
            | Input::ReaderFinished { .. }
            | Input::Tick
            | Input::ShutDown => self.apply(now, input, None, out),
        }
        self.turn_away(now, out);
    }

    /// Whether nothing more but mail is for a connection: its writer is told to stop.
    fn is_leaving(&self, conn: ConnId) -> bool {
        let phase = self.broker.lifecycle().phase(conn);
        matches!(phase, Some(Phase::Leaving { .. }) | None)
    }

    fn line_bytes(&self, protocol: Protocol) -> usize {
        match protocol {
            Protocol::Plain => self.limits.line_bytes,
            Protocol::Irc => wire::irc::MAX_LINE_BYTES,
        }
    }

    /// Where a connection comes from.
    fn source(&self, conn: ConnId) -> Source {
        let link = self.links.get(conn);
        link.expect("a connection has a link until its writer has finished")
            .source
    }

    fn link(&mut self, conn: ConnId) -> &mut Link {
        self.links
            .get_mut(conn)
            .expect("a connection has a link until its writer has finished")
    }
}
