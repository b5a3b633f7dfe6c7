//! A hub that is recorded.

use std::collections::VecDeque;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rejoin::Config;
use rejoin::broker::lifecycle::Phase;
use rejoin::hub::record::Recorder;
use rejoin::hub::{
    Digest, Frame, Hub, Identity, Observer, Output, Outputs, Protocol, Told, Understood,
};
use rejoin::id::{ConnId, Proof, Secret, Time};
use rejoin::wire::lines::Line;

#[derive(Debug)]
pub(crate) struct Digests;

impl Digest for Digests {
    fn proof(&self, secret: Secret<'_>) -> Proof {
        let mut digest = [7; 32];
        digest[..8].copy_from_slice(&secret.expose().as_bytes()[..8]);
        Proof::new(digest)
    }
}

/// How long a client waits until it may go on.
const PATIENCE: Duration = Duration::from_secs(20);

/// Records where the record can be had.
#[derive(Clone, Debug)]
struct Shared {
    recorder: Arc<Mutex<Recorder>>,
    /// Whether it is recorded that the wall clock is set.
    has_clock: bool,
}

impl Observer for Shared {
    fn identity(&mut self, identity: &Identity) {
        self.recorder.lock().unwrap().identity(identity);
    }

    fn line(&mut self, line: Line<'_>, understood: Understood<'_>) {
        self.recorder.lock().unwrap().line(line, understood);
    }

    fn telnet(&mut self, asked: &[u8]) {
        self.recorder.lock().unwrap().telnet(asked);
    }

    fn hidden(&mut self, instead: &str) {
        self.recorder.lock().unwrap().hidden(instead);
    }

    fn told(&mut self, now: Time, told: Told, wants: &Outputs) {
        if self.has_clock || !matches!(told, Told::ClockSet { .. }) {
            self.recorder.lock().unwrap().told(now, told, wants);
        }
    }
}

/// The key of its identifiers.
const ID_KEY: [u8; 16] = [9; 16];

/// A hub with its record, and what waits for each connection.
pub(crate) struct Recorded {
    hub: Hub<Digests>,
    record: Shared,
    now: Time,
    outboxes: BTreeMap<ConnId, VecDeque<Frame>>,
    /// What each connection was asked last.
    asked: BTreeMap<ConnId, String>,
}

impl Recorded {
    pub(crate) fn new(texts: bool, identity: Identity) -> Self {
        Self::of(&Config::default(), texts, identity)
    }

    pub(crate) fn of(config: &Config, texts: bool, identity: Identity) -> Self {
        Self::with_clock(config, texts, identity, true)
    }

    /// `has_clock` says whether the record tells when the wall clock is set.
    pub(crate) fn with_clock(
        config: &Config,
        texts: bool,
        identity: Identity,
        has_clock: bool,
    ) -> Self {
        let recorder = Recorder::new(config, texts, ID_KEY);
        let record = Shared {
            recorder: Arc::new(Mutex::new(recorder)),
            has_clock,
        };
        let mut hub = Hub::with_key(config, Digests, ID_KEY);
        hub.observe(Box::new(record.clone()));
        hub.identify(identity);
        Self {
            hub,
            record,
            now: Time::ZERO,
            outboxes: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// Passwords are verified at once: a hash here is the password itself. Returns whether there
    /// was one.
    pub(crate) fn call(
        &mut self,
        call: impl FnOnce(&mut Hub<Digests>, Time, &mut Outputs),
    ) -> bool {
        let check = self.call_once(call);
        if let Some((conn, is_right)) = check {
            self.call_once(|hub, now, out| hub.verified(now, conn, is_right, out));
        }
        check.is_some()
    }

    /// Returns whose password is to be verified, and whether it is right.
    fn call_once(
        &mut self,
        call: impl FnOnce(&mut Hub<Digests>, Time, &mut Outputs),
    ) -> Option<(ConnId, bool)> {
        self.now = self.now.after(Duration::from_millis(10));
        let mut out = Outputs::new();
        call(&mut self.hub, self.now, &mut out);
        let mut checked = None;
        for output in out.iter() {
            match output {
                Output::Send { to, frame, .. } => {
                    for conn in to {
                        let outbox = self.outboxes.entry(*conn).or_default();
                        outbox.extend(frame.each());
                    }
                }
                Output::Ask { conn, frame } => {
                    let outbox = self.outboxes.entry(conn).or_default();
                    outbox.push_back(frame.clone());
                    let asked = String::from_utf8(frame.bytes().into_owned());
                    self.asked
                        .insert(conn, asked.expect("the server writes UTF-8"));
                }
                Output::StopReader { .. }
                | Output::StopWriter { .. }
                | Output::Proceed { .. }
                | Output::Retain { .. }
                | Output::Acknowledged { .. }
                | Output::Release { .. }
                | Output::Rehash => {}
                Output::Verify { conn, check, .. } => {
                    checked = Some((conn, check.password() == check.hash()));
                }
            }
        }
        checked
    }

    /// A client answers what it was asked last.
    pub(crate) fn answers(&mut self, number: u64) {
        let asked = &self.asked[&ConnId::new(number)];
        self.says(number, &asked.replace("PING", "PONG"));
    }

    pub(crate) fn says(&mut self, number: u64, lines: &str) {
        for line in lines.lines() {
            let line = format!("{line}\r\n");
            self.sends(number, Protocol::Irc, line.as_bytes());
        }
    }

    /// Bytes come from a connection, which is accepted first if it is new.
    pub(crate) fn sends(&mut self, number: u64, protocol: Protocol, bytes: &[u8]) {
        let conn = ConnId::new(number);
        if let Entry::Vacant(outbox) = self.outboxes.entry(conn) {
            outbox.insert(VecDeque::new());
            let from = [192, 0, 2, 1].into();
            self.call(|hub, now, out| {
                hub.accepted(now, conn, from, protocol, out).unwrap();
            });
        }
        let mut rest = bytes;
        let until = self.now.after(PATIENCE);
        loop {
            let mut received = None;
            let was_verified =
                self.call(|hub, now, out| received = Some(hub.received(now, conn, rest, out)));
            let received = received.expect("it was called");
            rest = &rest[received.taken..];
            if rest.is_empty() && !received.goes_on {
                return;
            }
            if received.waits && !was_verified {
                // Whoever waits for an older connection does so for good: nobody ends it here.
                let phase = self.hub.broker().lifecycle().phase(conn);
                let waits_for_good = matches!(phase, Some(Phase::Waiting { .. }));
                let deadline = self.hub.deadline().filter(|&deadline| deadline < until);
                let Some(deadline) = deadline.filter(|_| !waits_for_good) else {
                    return;
                };
                self.now = self.now.max(deadline);
                self.call(|hub, now, out| hub.tick(now, out));
            }
        }
    }

    /// Both ends of a connection end, and nothing of what waits for it was written.
    pub(crate) fn breaks(&mut self, number: u64) {
        let conn = ConnId::new(number);
        self.call(|hub, now, out| hub.reader_finished(now, conn, out));
        let unwritten = self.outboxes.remove(&conn).unwrap();
        self.call(|hub, now, out| hub.writer_finished(now, conn, unwritten, out));
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.record.recorder.lock().unwrap().bytes().clone()
    }
}
