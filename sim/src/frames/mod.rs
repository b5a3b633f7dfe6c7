//! The real hub: lines in, frames out.
//!
//! The same steps as those of a [`World`](crate::World) happen, but each request is a line, in
//! one piece or in two, and each event comes as a frame. The broker inside is watched as ever,
//! and each frame is compared with what [`spell`] says of the event; to a connection that speaks
//! IRC, what hands mail over. All of it is recorded, and the record is played again.

mod sight;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rejoin::Config;
use rejoin::broker::{Event, Refusal};
use rejoin::hub::record::Recorder;
use rejoin::hub::{Frame, Hub, Identity, Output, Outputs, Protocol};
use rejoin::id::{ConnId, Name, Time};

use crate::invariants::Violation;
use crate::irc;
use crate::label::{self, Labeler};
use crate::moment::mail_of;
use crate::outbox::Outbox;
use crate::plural::count;
use crate::probe::{Path, Probes};
use crate::replay::replay;
use crate::search::{Failure, Wrong};
use crate::spelling::{line_of, renames_to_itself, spell, stranger};
use crate::step::{GiveUp, OPERATOR, PASSWORD, Step, Until};
use crate::words;
use sight::{Lookout, Plainly, Recording, Sight};

/// Lets all steps happen to a hub, and then everything finish. Counts in `probes` what was
/// reached.
///
/// # Errors
///
/// Tells the first step after which something does not hold.
pub fn run(config: &Config, steps: &[Step], probes: &mut Probes) -> Result<(), Failure> {
    // Both kinds of record are played again.
    let texts = steps.len().is_multiple_of(2);
    let mut server = Server::new(config, texts);
    for (index, step) in steps.iter().enumerate() {
        server.step(step);
        server.judge(index)?;
    }
    server.finish();
    server.sight.lock().expect("nobody panics").watch.finish();
    server.judge(steps.len())?;
    server.play_again();
    server.judge(steps.len())?;
    probes.add(&server.sight.lock().expect("nobody panics").watch.probes);
    Ok(())
}

/// The driver's end of a connection.
#[derive(Debug, Default)]
struct Link {
    speaks_irc: bool,
    /// Whether it puts labels on some of its commands.
    labels: bool,
    outbox: Outbox,
    /// Frames of it.
    written: usize,
    /// What it has said, and was not read.
    said: Vec<u8>,
    /// What was read and not taken.
    rest: Vec<u8>,
    waits: bool,
    /// Whether the hub is not done with what was taken.
    goes_on: bool,
    stopped: bool,
    reader_finished: bool,
}

struct Server {
    hub: Hub<Plainly>,
    sight: Arc<Mutex<Sight>>,
    record: Arc<Mutex<Recorder>>,
    now: Time,
    links: BTreeMap<ConnId, Link>,
    accepted: u64,
    sent: u32,
    labeler: Labeler,
    outputs: Outputs,
    violations: Vec<Violation>,
    /// Who was told of whose mailbox that it is full.
    told_full: BTreeSet<(ConnId, Name)>,
}

/// The key of the hub's identifiers.
const ID_KEY: [u8; 16] = [7; 16];

impl Server {
    fn new(config: &Config, texts: bool) -> Self {
        let sight = Arc::new(Mutex::new(Sight::new(config)));
        let mut hub = Hub::with_key(config, Plainly, ID_KEY);
        hub.observe(Box::new(Lookout(Arc::clone(&sight))));
        let record = Arc::new(Mutex::new(Recorder::new(config, texts, ID_KEY)));
        hub.observe(Box::new(Recording(Arc::clone(&record))));
        hub.identify(Identity {
            operators: [(OPERATOR.to_owned(), PASSWORD.to_owned())].into(),
            ..Identity::default()
        });
        Self {
            hub,
            sight,
            record,
            now: Time::ZERO,
            links: BTreeMap::new(),
            accepted: 0,
            sent: 0,
            labeler: Labeler::new(0),
            outputs: Outputs::new(),
            violations: Vec::new(),
            told_full: BTreeSet::new(),
        }
    }

    /// Plays the record of all this, and wants the same effects.
    fn play_again(&mut self) {
        let mut recorder = self.record.lock().expect("nobody panics");
        let replayed = replay(recorder.bytes()).expect("it is a record");
        let wrong = if replayed.trace.is_broken() {
            "is broken"
        } else if !replayed.different.is_empty() {
            "has other effects"
        } else if replayed.torn {
            "is torn"
        } else {
            return;
        };
        drop(recorder);
        let inputs = words::list(&replayed.different);
        let what = format!("the replay {wrong}; inputs whose effects differ: {inputs}");
        self.violations.push(Violation { statement: 9, what });
    }

    fn judge(&mut self, step: usize) -> Result<(), Failure> {
        let mut violations = std::mem::take(&mut self.violations);
        violations.append(&mut self.sight.lock().expect("nobody panics").watch.violations);
        if violations.is_empty() {
            Ok(())
        } else {
            let wrongs = violations.into_iter().map(Wrong::Violated).collect();
            Err(Failure { step, wrongs })
        }
    }

    fn step(&mut self, step: &Step) {
        if !matches!(step, Step::Send { .. }) {
            self.read_all();
        }
        match step {
            Step::Accept => self.accept(Protocol::Plain),
            Step::AcceptIrc => self.accept(Protocol::Irc),
            Step::Answer { conn, stale } => {
                if let Some(conn) = self.pick(*conn) {
                    self.answer(conn, *stale);
                }
            }
            Step::ReaderFinishes { conn } => {
                if let Some(conn) = self.pick(*conn) {
                    self.reader_finishes(conn);
                }
            }
            Step::Write { conn, mail } => {
                if let Some(conn) = self.pick(*conn) {
                    self.write(conn, (*mail).into());
                }
            }
            Step::WriterFinishes { conn, written } => {
                if let Some(conn) = self.pick(*conn) {
                    self.writer_finishes(conn, (*written).into());
                }
            }
            Step::Dismiss { .. } => {}
            Step::GiveUp { conn, reason } => self.misbehave(*conn, *reason),
            Step::Wait { until, tick } => self.wait(*until, *tick),
            Step::ShutDown => {
                self.hub.shut_down(self.now, &mut self.outputs);
                self.take_outputs();
            }
            Step::LogIn { conn, .. }
            | Step::Send { conn, .. }
            | Step::Join { conn, .. }
            | Step::Leave { conn, .. }
            | Step::Rename { conn, .. }
            | Step::Rooms { conn }
            | Step::Who { conn, .. }
            | Step::Oper { conn, .. }
            | Step::Kill { conn, .. }
            | Step::Quit { conn, .. } => {
                if let Some(conn) = self.pick(*conn) {
                    self.ask(conn, step);
                }
            }
        }
    }

    fn accept(&mut self, protocol: Protocol) {
        self.accepted += 1;
        let conn = ConnId::new(self.accepted);
        let address = [127, 0, 0, 1].into();
        let out = &mut self.outputs;
        let admitted = self.hub.accepted(self.now, conn, address, protocol, out);
        if admitted.is_ok() {
            let speaks_irc = protocol == Protocol::Irc;
            let labels = speaks_irc && self.labeler.takes();
            let link = Link {
                speaks_irc,
                labels,
                ..Link::default()
            };
            self.links.insert(conn, link);
            self.take_outputs();
            if labels {
                self.say(conn, label::BEGIN.as_bytes());
            }
        }
        self.take_outputs();
    }

    /// Newest first.
    fn pick(&self, index: u8) -> Option<ConnId> {
        let index = usize::from(index).checked_rem(self.links.len())?;
        self.links.keys().rev().nth(index).copied()
    }

    /// The client asks for something in its own protocol, if that can be said in it. Every other
    /// thing that it says is read together with what it says next, if that comes soon.
    fn ask(&mut self, conn: ConnId, request: &Step) {
        let lines = if self.links[&conn].speaks_irc {
            irc::lines_of(request, &mut self.sent)
        } else {
            line_of(request, &mut self.sent).map(|line| line + "\n")
        };
        if let Some(mut lines) = lines {
            if self.links[&conn].labels {
                lines = self.labeler.request(request, lines);
            }
            let said = &mut self.links.get_mut(&conn).expect("it was picked").said;
            said.extend_from_slice(lines.as_bytes());
            if !matches!(request, Step::Send { .. }) || self.sent.is_multiple_of(2) {
                self.read_said(conn);
            }
        }
    }

    /// Everything that was said is read.
    fn read_all(&mut self) {
        let conns: Vec<_> = self.links.keys().copied().collect();
        for conn in conns {
            self.read_said(conn);
        }
    }

    fn read_said(&mut self, conn: ConnId) {
        let Some(link) = self.links.get_mut(&conn) else {
            return;
        };
        let said = std::mem::take(&mut link.said);
        if !said.is_empty() {
            self.say(conn, &said);
        }
    }

    /// The client answers the last question among the frames that are written.
    fn answer(&mut self, conn: ConnId, stale: bool) {
        let link = &self.links[&conn];
        let Some(mark) = link.outbox.last_mark(link.written) else {
            return;
        };
        let bytes = mark.bytes();
        let line = str::from_utf8(&bytes).expect("the server writes UTF-8");
        let (epoch, number) = irc::question(line.trim_end())
            .and_then(|token| token.split_once('.'))
            .expect("a mark asks for its number");
        if link.reader_finished {
            let mut sight = self.sight.lock().expect("nobody panics");
            return sight.watch.probes.reach(Path::AnswerLost);
        }
        let epoch: u64 = epoch.parse().expect("an epoch");
        let epoch = if stale { !epoch } else { epoch };
        self.say(conn, format!("PONG :{epoch}.{number}\r\n").as_bytes());
    }

    /// Every other line comes in two pieces.
    fn say(&mut self, conn: ConnId, bytes: &[u8]) {
        let link = &self.links[&conn];
        if link.reader_finished || link.waits {
            return;
        }
        let cut = if bytes.len().is_multiple_of(2) {
            bytes.len() / 2
        } else {
            0
        };
        let (first, second) = bytes.split_at(cut);
        self.read(conn, first);
        self.read(conn, second);
    }

    fn read(&mut self, conn: ConnId, bytes: &[u8]) {
        let Some(link) = self.links.get_mut(&conn) else {
            return;
        };
        link.rest.extend_from_slice(bytes);
        while let Some(link) = self.links.get_mut(&conn)
            && !link.waits
            && (link.goes_on || !link.rest.is_empty())
        {
            let rest = std::mem::take(&mut link.rest);
            self.sight.lock().expect("nobody panics").reading = Some(conn);
            let received = self.hub.received(self.now, conn, &rest, &mut self.outputs);
            if let Some(link) = self.links.get_mut(&conn) {
                link.rest = rest[received.taken..].to_vec();
                (link.waits, link.goes_on) = (received.waits, received.goes_on);
            }
            self.take_outputs();
        }
    }

    fn reader_finishes(&mut self, conn: ConnId) {
        if let Some(link) = self.links.get_mut(&conn) {
            link.reader_finished = true;
        }
        self.hub.reader_finished(self.now, conn, &mut self.outputs);
        self.take_outputs();
    }

    fn write(&mut self, conn: ConnId, frames: usize) {
        if let Some(link) = self.links.get_mut(&conn) {
            link.written = link.outbox.len().min(link.written + frames);
        }
    }

    fn writer_finishes(&mut self, conn: ConnId, written: usize) {
        self.write(conn, written);
        let Some(link) = self.links.remove(&conn) else {
            return;
        };
        let done = self
            .sight
            .lock()
            .expect("nobody panics")
            .readings
            .done(conn);
        let done = done.unwrap_or_else(|| link.outbox.mail(link.written));
        let rest = link.outbox.mail(link.outbox.len()) - done;
        let unwritten = link.outbox.after(link.written);
        let given_back = unwritten.iter().filter(|frame| frame.has_mail());
        let given_back = given_back.count();
        self.ensure(given_back == rest, 4, || {
            let rest = count(rest as u64, "message");
            format!("{conn} has not read {rest}, and gives {given_back} back")
        });
        self.hub
            .writer_finished(self.now, conn, unwritten, &mut self.outputs);
        self.take_outputs();
        if !link.reader_finished {
            self.hub.reader_finished(self.now, conn, &mut self.outputs);
            self.take_outputs();
        }
    }

    /// Does what makes a hub give a connection up.
    fn misbehave(&mut self, conn: u8, reason: GiveUp) {
        let Some(conn) = self.pick(conn) else {
            return;
        };
        match reason {
            GiveUp::TooSlow => {
                self.hub.overflowed(self.now, conn, &mut self.outputs);
                self.take_outputs();
            }
            GiveUp::FailedLogins => self.say(conn, b"ann short\n"),
            GiveUp::OtherProtocol => {
                let speaks_irc = self.links[&conn].speaks_irc;
                self.say(
                    conn,
                    stranger(speaks_irc, self.sent.is_multiple_of(2)).as_bytes(),
                );
            }
            GiveUp::Silent => {}
        }
    }

    fn wait(&mut self, until: Until, tick: bool) {
        let soon = self.now.after(Duration::from_millis(1));
        let time = match (until, self.hub.deadline()) {
            (Until::Soon, _) | (_, None) => soon,
            (Until::BeforeDeadline, Some(time)) => Time::from_micros(time.as_micros() - 1),
            (Until::Deadline, Some(time)) => time,
            (Until::AfterDeadline, Some(time)) => time.after(Duration::from_micros(1)),
        };
        self.now = time.max(self.now);
        if tick {
            self.hub.tick(self.now, &mut self.outputs);
            self.take_outputs();
        }
    }

    fn finish(&mut self) {
        self.read_all();
        while let Some((&conn, link)) = self.links.first_key_value() {
            let written = (link.outbox.len() - link.written).div_ceil(2);
            self.writer_finishes(conn, written);
        }
        while let Some(deadline) = self.hub.deadline() {
            self.now = deadline.max(self.now);
            self.hub.tick(self.now, &mut self.outputs);
            self.take_outputs();
        }
        if !self.hub.is_idle() {
            let what = "everything has finished, and something is left in the hub".to_owned();
            self.violations.push(Violation { statement: 8, what });
        }
    }

    /// Does what the hub wants done.
    fn take_outputs(&mut self) {
        let mut outputs = std::mem::take(&mut self.outputs);
        let mut verified = Vec::new();
        for output in outputs.iter() {
            match output {
                Output::Send { to, frame, .. } => {
                    for part in frame.each() {
                        to.iter().for_each(|&conn| self.send(conn, &part));
                    }
                }
                Output::Ask { conn, frame } => {
                    if let Some(link) = self.running(conn, frame) {
                        link.outbox.ask(frame.clone());
                    }
                }
                // None of the operators asks for it.
                Output::Rehash => {}
                // A hash here is the password itself.
                Output::Verify { conn, check, .. } => {
                    verified.push((conn, check.password() == check.hash()));
                }
                Output::Retain { conn } => {
                    if let Some(link) = self.links.get_mut(&conn) {
                        link.outbox.retain();
                    }
                }
                Output::Acknowledged { conn, marks } => {
                    let link = self.links.get_mut(&conn);
                    let known = link.is_none_or(|link| link.outbox.acknowledge(marks));
                    self.ensure(known, 4, || {
                        format!("{conn} was asked less than {}", count(marks, "time"))
                    });
                }
                Output::Release { conn } => {
                    if let Some(link) = self.links.get_mut(&conn) {
                        link.outbox.release();
                    }
                }
                Output::StopWriter { conn, .. } => {
                    let link = self.links.get_mut(&conn);
                    let again = link.is_none_or(|link| {
                        link.outbox.stop();
                        std::mem::replace(&mut link.stopped, true)
                    });
                    self.ensure(!again, 3, || format!("{conn} is told to stop once more"));
                }
                Output::Proceed { conn } => {
                    if let Some(link) = self.links.get_mut(&conn) {
                        link.waits = false;
                    }
                }
                // A reader that is told to stop finishes by a step.
                Output::StopReader { .. } => {}
            }
        }
        outputs.clear();
        self.outputs = outputs;
        for (conn, is_right) in verified {
            self.hub
                .verified(self.now, conn, is_right, &mut self.outputs);
            self.take_outputs();
        }
    }

    /// The connection that a frame is for, which is to have a writer that runs.
    fn running(&mut self, conn: ConnId, frame: &Frame) -> Option<&mut Link> {
        let running = self.links.get(&conn).is_some_and(|link| !link.stopped);
        self.ensure(running, 3, || {
            let bytes = frame.bytes();
            let said = String::from_utf8_lossy(&bytes);
            format!("{conn} is sent after its stop: {}", said.trim_end())
        });
        self.links.get_mut(&conn)
    }

    fn send(&mut self, conn: ConnId, frame: &Frame) {
        if let Some(link) = self.running(conn, frame) {
            link.outbox.send(frame);
        }
        let speaks_irc = self.links.get(&conn).is_some_and(|link| link.speaks_irc);
        let mut sight = self.sight.lock().expect("nobody panics");
        let told = sight.told.entry(conn).or_default();
        let said = String::from_utf8_lossy(&frame.bytes()).into_owned();
        let says = |event: &Event| match mail_of(event) {
            Some(mail) if speaks_irc => irc::hands_over(mail, &said),
            // A room is listed as its first member wrote it.
            None if matches!(event, Event::Rooms { .. }) => {
                spell(event).eq_ignore_ascii_case(&said)
            }
            Some(_) | None => spell(event) == said,
        };
        // It need not be told again of a mailbox that is full.
        while let Some(&Event::Refused(Refusal::MailboxFull {
            name,
            room: Some(_),
        })) = told.front()
            && self.told_full.contains(&(conn, name))
            && !told.front().is_some_and(says)
        {
            told.pop_front();
        }
        if told.front().is_some_and(says) {
            let event = told.pop_front().expect("it was just there");
            drop(sight);
            return self.note_full(conn, &event);
        }
        drop(sight);
        // What the hub says by itself.
        let own = if speaks_irc {
            !frame.has_mail()
        } else {
            let starts = ["* ping\n", "* error ", "* hello: ", "* killed "];
            starts.iter().any(|start| said.starts_with(start)) || renames_to_itself(&said)
        };
        self.ensure(own, 5, || {
            format!("{conn} is sent at the wrong time: {}", said.trim_end())
        });
    }

    /// Notes of whose mailbox a connection was told that it is full. Whoever is back has an empty
    /// one.
    fn note_full(&mut self, conn: ConnId, event: &Event) {
        if let Event::Refused(Refusal::MailboxFull {
            name,
            room: Some(_),
        }) = *event
        {
            self.told_full.insert((conn, name));
        } else if let Event::Back { name, .. } = *event {
            self.told_full.retain(|(_, full)| *full != name);
        }
    }

    fn ensure(&mut self, holds: bool, statement: u8, what: impl FnOnce() -> String) {
        if !holds {
            let what = what();
            self.violations.push(Violation { statement, what });
        }
    }
}
