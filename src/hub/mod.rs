//! The broker and the protocol state of each connection: lines in, frames out.
//!
//! A [`Hub`] is a whole chat server without I/O. Whoever owns it brings bytes and the
//! time, and does what the [`Outputs`] say.

mod admission;
mod observer;
mod output;
mod rate;
#[cfg(feature = "record")]
pub mod record;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

pub use observer::{Observer, Told};
pub use output::{Frame, Output, Outputs};

use crate::Config;
use crate::broker::lifecycle::Phase;
use crate::broker::{Broker, Effect, Effects, Event, Input, Mail, Request, StopReason};
use crate::id::{ConnId, Name, Proof, Secret, Time};
use crate::wire::lines::{Line, Lines};
use crate::wire::plain::{self, Command, Mistake};
use admission::{Admission, Source};
use rate::{Rate, Used};

/// How many turns of one connection fit into its outbox: so what a client sends at once
/// does not make it look like one that reads too slowly.
const TURNS_IN_AN_OUTBOX: usize = 16;

/// Makes proofs of secrets.
///
/// The hub hands a secret to it as soon as it has read one, and keeps only the proof.
pub trait Digest {
    /// The proof that whoever gives `secret` for `name` is the peer that first did.
    fn proof(&self, name: &Name, secret: Secret<'_>) -> Proof;
}

/// What became of the bytes that a reader brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Received {
    /// How many of them were taken.
    pub taken: usize,
    /// Whether the connection waits for the end of an older one: then its reader is to
    /// read nothing until [`Output::Proceed`]. If not, and something was not taken, so
    /// much is to be written already that the writers come first.
    pub waits: bool,
}

/// A chat server without I/O.
#[derive(Debug)]
pub struct Hub<D> {
    broker: Broker,
    observers: Vec<Box<dyn Observer>>,
    digest: D,
    limits: Limits,
    links: BTreeMap<ConnId, Link>,
    admission: Admission,
    /// When to look again whether a connection is silent; one for each.
    checks: BTreeSet<(Time, ConnId)>,
    /// Empty between two calls; kept for their memory.
    effects: Effects,
    scratch: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    line_bytes: usize,
    /// How much to write may come of one call, roughly.
    turn_bytes: usize,
    lines: Rate,
    failed_logins: u32,
    probe_after: Duration,
    silence_timeout: Duration,
}

/// The protocol state of one connection.
#[derive(Clone, Debug)]
struct Link {
    lines: Lines,
    used: Used,
    source: Source,
    failed_logins: u32,
    heard: Time,
    /// When the entry in `checks` says.
    check: Time,
    probed: bool,
    /// Whether its reader was told to wait.
    held: bool,
}

impl<D: Digest> Hub<D> {
    /// Nobody is connected yet.
    pub fn new(config: &Config, digest: D) -> Self {
        let burst = config.lines_burst.get();
        let window = Duration::from_secs(burst.into()) / config.lines_per_second.get();
        Self {
            broker: Broker::new(config),
            observers: Vec::new(),
            digest,
            limits: Limits {
                line_bytes: config.line_bytes.get(),
                turn_bytes: config.outbox_bytes.get().div_ceil(TURNS_IN_AN_OUTBOX),
                lines: Rate::new(burst, window),
                failed_logins: config.failed_logins_per_connection.get(),
                probe_after: config.probe_after,
                silence_timeout: config.silence_timeout,
            },
            links: BTreeMap::new(),
            admission: Admission::new(config),
            checks: BTreeSet::new(),
            effects: Effects::new(),
            scratch: Vec::new(),
        }
    }

    /// Lets one more `observer` look on from now on.
    pub fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observers.push(observer);
    }

    /// A connection was accepted from `address`.
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
        out: &mut Outputs,
    ) -> Result<(), Frame> {
        let admitted = self.admit(now, conn, address, out);
        self.told(now, Told::Accepted { conn, address }, out);
        admitted
    }

    fn admit(
        &mut self,
        now: Time,
        conn: ConnId,
        address: IpAddr,
        out: &mut Outputs,
    ) -> Result<(), Frame> {
        let source = Source::of(address);
        if !self.admission.admit(source) {
            return Err(self.frame(|out| plain::write_bye(StopReason::TooManyConnections, out)));
        }
        let check = now.after(self.limits.probe_after);
        self.checks.insert((check, conn));
        let link = Link {
            lines: Lines::new(self.limits.line_bytes),
            used: Used::default(),
            source,
            failed_logins: 0,
            heard: now,
            check,
            probed: false,
            held: false,
        };
        self.links.insert(conn, link);
        self.handle(now, Input::Accepted { conn }, out);
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
        self.told(now, Told::Received { conn }, out);
        received
    }

    fn take(&mut self, now: Time, conn: ConnId, bytes: &[u8], out: &mut Outputs) -> Received {
        // What is due comes first: a line must not be answered past its deadline.
        self.do_what_is_due(now, out);
        let Some(link) = self.links.get_mut(&conn) else {
            return Received {
                taken: bytes.len(),
                waits: false,
            };
        };
        link.heard = now;
        if core::mem::take(&mut link.probed) {
            self.check_again(conn, now.after(self.limits.probe_after));
        }
        let mut lines = self.take_lines(conn);
        let mut rest = bytes;
        while out.bytes() < self.limits.turn_bytes && self.takes_lines(conn) {
            let Some(line) = lines.next(&mut rest) else {
                break;
            };
            self.line(now, conn, line, out);
        }
        lines.release();
        let phase = self.broker.lifecycle().phase(conn);
        if matches!(phase, Some(Phase::Leaving { .. })) {
            rest = &[];
        }
        let waits = matches!(phase, Some(Phase::Waiting { .. }));
        let link = self.link(conn);
        link.lines = lines;
        link.held = waits;
        Received {
            taken: bytes.len() - rest.len(),
            waits,
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

    /// A connection's writer has finished, and gives back what it has not written,
    /// oldest first.
    pub fn writer_finished(
        &mut self,
        now: Time,
        conn: ConnId,
        unwritten: impl IntoIterator<Item = Frame>,
        out: &mut Outputs,
    ) {
        if let Some(link) = self.links.remove(&conn) {
            self.checks.remove(&(link.check, conn));
            self.admission.release(link.source);
        }
        let mut frames = 0;
        let counted = unwritten.into_iter().inspect(|_| frames += 1);
        let undelivered = counted.filter_map(Frame::into_mail).collect();
        self.handle(now, Input::WriterFinished { conn, undelivered }, out);
        let unwritten = frames;
        self.told(now, Told::WriterFinished { conn, unwritten }, out);
    }

    /// Does what is due at `now`.
    pub fn tick(&mut self, now: Time, out: &mut Outputs) {
        self.do_what_is_due(now, out);
        self.told(now, Told::Tick, out);
    }

    fn do_what_is_due(&mut self, now: Time, out: &mut Outputs) {
        while let Some(&(time, conn)) = self.checks.first()
            && time <= now
        {
            self.check_silence(now, conn, out);
        }
        if self
            .broker
            .deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            self.handle(now, Input::Tick, out);
        }
    }

    /// When [`tick`](Self::tick) has something to do next.
    pub fn deadline(&self) -> Option<Time> {
        let check = self.checks.first().map(|&(time, _)| time);
        [check, self.broker.deadline()].into_iter().flatten().min()
    }

    /// The server stops.
    pub fn shut_down(&mut self, now: Time, out: &mut Outputs) {
        self.handle(now, Input::ShutDown, out);
        self.told(now, Told::ShutDown, out);
    }

    /// The broker inside.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// The name that a connection holds or waits for.
    pub fn name(&self, conn: ConnId) -> Option<Name> {
        match self.broker.lifecycle().phase(conn)? {
            Phase::Waiting { name, .. } | Phase::Online { name } => Some(name),
            Phase::Leaving { name } => name,
            Phase::Greeting { .. } => None,
        }
    }

    /// Whether nobody is connected, and nothing of a connection is left.
    pub fn is_idle(&self) -> bool {
        let broker = self.broker.lifecycle().connections().next().is_none();
        broker && self.links.is_empty() && self.checks.is_empty()
    }

    fn told(&mut self, now: Time, told: Told, out: &Outputs) {
        for observer in &mut self.observers {
            observer.told(now, told, out);
        }
    }

    fn takes_lines(&self, conn: ConnId) -> bool {
        match self.broker.lifecycle().phase(conn) {
            Some(Phase::Greeting { .. } | Phase::Online { .. }) => true,
            Some(Phase::Waiting { .. } | Phase::Leaving { .. }) | None => false,
        }
    }

    fn line(&mut self, now: Time, conn: ConnId, line: Line<'_>, out: &mut Outputs) {
        let limits = self.limits;
        let link = self.link(conn);
        if !limits.lines.allows(link.used, now) {
            for observer in &mut self.observers {
                observer.line(line, &Err(Mistake::TooFast));
            }
            return self.mistake(now, conn, Mistake::TooFast, out);
        }
        limits.lines.count(&mut link.used, now);
        let logged_in = self.broker.lifecycle().online(conn).is_some();
        let command = match line {
            Line::TooLong => Err(Mistake::LineTooLong {
                limit: limits.line_bytes,
            }),
            Line::Whole(line) if logged_in => plain::parse(line),
            Line::Whole(line) => plain::parse_login(line),
        };
        for observer in &mut self.observers {
            observer.line(line, &command);
        }
        match command {
            Ok(Command::LogIn { name, secret }) => self.log_in(now, conn, name, secret, out),
            Ok(Command::Request(request)) => {
                self.handle(now, Input::Request { conn, request }, out);
            }
            Ok(Command::Help) => {
                let help = self.frame(plain::write_help);
                out.send(&[conn], help, true);
            }
            Ok(Command::Pong) => {}
            Err(mistake) => self.mistake(now, conn, mistake, out),
        }
    }

    fn log_in(
        &mut self,
        now: Time,
        conn: ConnId,
        name: Name,
        secret: Option<Secret<'_>>,
        out: &mut Outputs,
    ) {
        let source = self.link(conn).source;
        let is_bound = self.broker.lifecycle().binding(&name).is_some();
        if secret.is_some() && is_bound && !self.admission.may_try(source, now) {
            for observer in &mut self.observers {
                observer.log_in(&name, true, None);
            }
            return self.mistake(now, conn, Mistake::TooManyLogins, out);
        }
        let proof = secret.map(|secret| self.digest.proof(&name, secret));
        for observer in &mut self.observers {
            observer.log_in(&name, secret.is_some(), proof);
        }
        let request = Request::LogIn { name, proof };
        self.handle(now, Input::Request { conn, request }, out);
        if matches!(
            self.broker.lifecycle().phase(conn),
            Some(Phase::Greeting { .. })
        ) {
            if proof.is_some() && is_bound {
                self.admission.count_failure(source, now);
            }
            self.count_failed_login(now, conn, out);
        }
    }

    fn mistake(&mut self, now: Time, conn: ConnId, mistake: Mistake, out: &mut Outputs) {
        let error = self.frame(|out| plain::write_mistake(mistake, out));
        out.send(&[conn], error, false);
        if mistake.fails_login() {
            self.count_failed_login(now, conn, out);
        }
    }

    fn count_failed_login(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        let limit = self.limits.failed_logins;
        let link = self.link(conn);
        link.failed_logins += 1;
        if link.failed_logins >= limit {
            let reason = StopReason::FailedLogins;
            self.handle(now, Input::GiveUp { conn, reason }, out);
        }
    }

    /// Probes or gives up a connection that is silent, or looks again later.
    fn check_silence(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        let Limits {
            probe_after,
            silence_timeout,
            ..
        } = self.limits;
        let link = self.link(conn);
        let heard = link.heard;
        if link.probed && now >= heard.after(silence_timeout) {
            // Should its writer go on, this is looked at again, and does nothing more.
            self.check_again(conn, now.after(silence_timeout));
            self.handle(
                now,
                Input::GiveUp {
                    conn,
                    reason: StopReason::Silent,
                },
                out,
            );
        } else if now >= heard.after(probe_after) {
            link.probed = true;
            // Should this come late, the client still gets its time to answer.
            let answer = now.after(silence_timeout.saturating_sub(probe_after));
            self.check_again(conn, answer.max(heard.after(silence_timeout)));
            if self.broker.lifecycle().online(conn).is_some() {
                let probe = self.frame(plain::write_probe);
                out.send(&[conn], probe, false);
            }
        } else {
            self.check_again(conn, heard.after(probe_after));
        }
    }

    fn check_again(&mut self, conn: ConnId, check: Time) {
        let before = core::mem::replace(&mut self.link(conn).check, check);
        self.checks.remove(&(before, conn));
        self.checks.insert((check, conn));
    }

    /// Lets the broker handle an input, and turns its effects into outputs.
    fn handle(&mut self, now: Time, input: Input, out: &mut Outputs) {
        let mut effects = core::mem::take(&mut self.effects);
        for observer in &mut self.observers {
            observer.input(&input);
        }
        self.broker.handle(now, input, &mut effects);
        for observer in &mut self.observers {
            observer.effects(now, &effects, &self.broker);
        }
        for effect in effects.iter() {
            match effect {
                Effect::Deliver { to, event } => self.deliver(to, event, out),
                Effect::StopReader { conn } => out.stop_reader(conn),
                Effect::StopWriter { conn, reason } => {
                    let last = self.frame(|out| plain::write_bye(reason, out));
                    out.stop_writer(conn, reason.flushes(), last);
                }
                Effect::Discard { .. } => out.count_discarded(),
            }
        }
        effects.clear();
        self.effects = effects;
    }

    fn deliver(&mut self, to: &[ConnId], event: &Event, out: &mut Outputs) {
        self.scratch.clear();
        plain::write_event(event, &mut self.scratch);
        let (mail, bulk) = match event {
            Event::Mail(mail @ Mail::Message(_)) => (Some(mail), false),
            Event::Mail(mail @ Mail::Bounce(_)) | Event::KeptMail(mail) => (Some(mail), true),
            Event::Welcome { .. }
            | Event::Back { .. }
            | Event::Kept { .. }
            | Event::Joined { .. }
            | Event::Left { .. }
            | Event::Refused(_) => (None, false),
            Event::Rooms { .. } | Event::Who { .. } => (None, true),
        };
        out.send(to, Frame::new(&self.scratch, mail.cloned()), bulk);
        if let Event::Welcome { .. } | Event::Back { .. } = event {
            for &conn in to {
                if core::mem::take(&mut self.link(conn).held) {
                    out.proceed(conn);
                }
            }
        }
    }

    /// The lines that `write` writes.
    fn frame(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Frame {
        self.scratch.clear();
        write(&mut self.scratch);
        Frame::new(&self.scratch, None)
    }

    fn take_lines(&mut self, conn: ConnId) -> Lines {
        let empty = Lines::new(self.limits.line_bytes);
        core::mem::replace(&mut self.link(conn).lines, empty)
    }

    fn link(&mut self, conn: ConnId) -> &mut Link {
        self.links
            .get_mut(&conn)
            .expect("a connection has a link until its writer has finished")
    }
}
