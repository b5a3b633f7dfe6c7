//! How far clients that speak IRC have read, judged apart from the hub's own books.
//!
//! Of a client that can come back only what it has acknowledged is done: what it says after a
//! `PING` that came behind the mail. It is asked soon, and not too often. All this rests on what
//! the hub is told and what it sends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rejoin::Config;
use rejoin::broker::{Broker, Effect, Effects, Event, StopReason};
use rejoin::hub::{Frame, Output, Outputs, Protocol, Told, Understood};
use rejoin::id::{ConnId, Time};
use rejoin::wire::plain::Command;

use crate::invariants::Violation;
use crate::irc;
use crate::probe::{Path, Probes};

/// Bytes of lines that need not be asked about.
const UNCOUNTED_BYTES: usize = 256;

/// All clients that speak IRC.
#[derive(Clone, Debug)]
pub struct Readings {
    limits: Limits,
    speak_irc: BTreeSet<ConnId>,
    /// Those of them that can come back.
    readings: BTreeMap<ConnId, Reading>,
    /// What was said since the hub was told something.
    said: Vec<Said>,
    /// Whether the server stops.
    stops: bool,
}

/// How often a client may be asked, and how long it may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    ack_timeout: Duration,
    ack_messages: usize,
    ack_bytes: usize,
    ack_burst: usize,
    ack_interval: Duration,
}

/// How far one of them has read.
#[derive(Clone, Default, Debug)]
struct Reading {
    /// What each piece of mail that it was handed costs to keep.
    mail: Vec<usize>,
    /// What it was asked, and how much mail came before that.
    asked: Vec<(String, usize)>,
    /// How many of them it has answered.
    answered: usize,
    /// How many of them the hub has taken for answered.
    taken: usize,
    first_asked: Option<Time>,
    /// When it was asked by its rate alone, at least for that.
    by_rate: Vec<Time>,
    /// Bytes that it was sent since it was asked.
    bytes: usize,
    /// How much of its mail had been kept for it when it came.
    kept: usize,
    /// Since when it has mail that it was not asked about, and nothing else to answer.
    unasked_since: Option<Time>,
    /// How much mail it had when the server began to stop.
    last_mail: Option<usize>,
    /// When it last said anything.
    heard: Time,
    /// How often it was looked at whether it does, since it was asked first.
    looked: u32,
    is_kept: bool,
    /// Whether it has not answered in time.
    is_late: bool,
    /// Whether its word is not waited for any more.
    is_released: bool,
    quits: bool,
    is_stopped: bool,
}

#[derive(Clone, Debug)]
enum Said {
    Pong(String),
    Quit,
    /// Something that can be the last part of a login.
    LogIn,
}

impl Reading {
    /// How much of its mail it has acknowledged.
    fn done(&self) -> usize {
        let last = self.answered.checked_sub(1);
        last.map_or(0, |last| self.asked[last].1)
    }

    fn hears(&mut self, said: &Said) {
        match said {
            // It has read all that came before, and so answers what it was asked before, too.
            Said::Pong(token) => {
                let place = self.asked.iter().position(|(asked, _)| asked == token);
                let answered = place.map_or(0, |place| place + 1);
                if !self.is_late {
                    self.answered = self.answered.max(answered);
                }
            }
            Said::Quit => self.quits = true,
            Said::LogIn => {}
        }
    }

    /// How much mail it was asked about.
    fn asked_about(&self) -> usize {
        self.asked.last().map_or(0, |(_, mail)| *mail)
    }

    fn note_unasked(&mut self, now: Time) {
        let has_answered = self.answered == self.asked.len();
        if has_answered && self.asked_about() < self.mail.len() {
            self.unasked_since.get_or_insert(now);
        } else {
            self.unasked_since = None;
        }
    }
}

/// Says what is wrong unless something is so.
macro_rules! ensure {
    ($holds:expr, $statement:expr, $($says:tt)+) => {
        if !$holds {
            let what = format!($($says)+);
            return Err(Violation { statement: $statement, what });
        }
    };
}

impl Readings {
    /// Nobody is there yet.
    pub fn new(config: &Config) -> Self {
        Self {
            limits: Limits {
                ack_timeout: config.ack_timeout,
                ack_messages: config.ack_messages.get(),
                ack_bytes: config.ack_bytes.get(),
                ack_burst: config.ack_burst.get() as usize,
                ack_interval: config.ack_interval,
            },
            speak_irc: BTreeSet::new(),
            readings: BTreeMap::new(),
            said: Vec::new(),
            stops: false,
        }
    }

    /// Whether a connection speaks IRC.
    pub fn speaks_irc(&self, conn: ConnId) -> bool {
        self.speak_irc.contains(&conn)
    }

    /// How much of its mail a client has acknowledged; nothing, if all that is written is done.
    pub fn done(&self, conn: ConnId) -> Option<usize> {
        let reading = self.readings.get(&conn)?;
        (!reading.is_released).then(|| reading.done())
    }

    /// Whether a writer is to write no more to a client until it answers: of the mail that its
    /// socket has taken more than `most` bytes are not acknowledged, and it was asked.
    pub fn waits(&self, conn: ConnId, (mail, asked): (usize, usize), most: usize) -> bool {
        let reading = self.readings.get(&conn);
        let reading = reading.filter(|r| !r.is_released && !r.is_stopped && asked > r.answered);
        reading.is_some_and(|reading| {
            let written = reading.mail.get(reading.done()..mail);
            written.unwrap_or_default().iter().sum::<usize>() > most
        })
    }

    /// Whether everybody has acknowledged everything.
    pub fn is_settled(&self) -> bool {
        let mut readings = self.readings.values();
        readings.all(|reading| reading.is_released || reading.done() == reading.mail.len())
    }

    /// The hub has read a line; from whom, it says when it is told so.
    pub fn line(&mut self, understood: Understood<'_>) {
        let message = match understood {
            Understood::Irc(Ok(message)) => message,
            Understood::Plain(Ok(Command::LogIn { .. })) => return self.said.push(Said::LogIn),
            Understood::Irc(Err(_)) | Understood::Plain(_) => return,
        };
        match message.command {
            "PONG" => {
                let tokens = message.params.iter();
                self.said
                    .extend(tokens.map(|&token| Said::Pong(token.to_owned())));
            }
            "QUIT" => self.said.push(Said::Quit),
            "CAP" | "NICK" | "USER" => self.said.push(Said::LogIn),
            _ => {}
        }
    }

    /// What the broker wants done: whoever is here with a secret is read to until it answers.
    pub fn effects(&mut self, effects: &Effects, broker: &Broker, probes: &mut Probes) {
        for effect in effects.iter() {
            let (to, event) = match effect {
                Effect::Deliver { to, event } => (to, event),
                Effect::StopWriter { conn, reason } => {
                    let reading = self.readings.get(&conn).filter(|r| !r.is_released);
                    let unanswered = reading.is_some_and(|r| r.asked.len() > r.answered);
                    if unanswered && reason == StopReason::Replaced {
                        probes.reach(Path::TakeoverUnanswered);
                    }
                    continue;
                }
                Effect::StopReader { .. } | Effect::Discard { .. } | Effect::Forget { .. } => {
                    continue;
                }
            };
            let (Event::Welcome { name } | Event::Back { name, .. }) = &*event else {
                continue;
            };
            let binding = broker.lifecycle().binding(name);
            let can_return = binding.is_some_and(|binding| binding.proof.is_some());
            for &conn in to.iter().filter(|_| can_return) {
                if self.speaks_irc(conn) {
                    let kept = if let Event::Back { kept, .. } = &*event {
                        *kept
                    } else {
                        0
                    };
                    let reading = Reading {
                        kept,
                        last_mail: self.stops.then_some(0),
                        ..Reading::default()
                    };
                    self.readings.insert(conn, reading);
                }
            }
        }
    }

    /// The hub was told something, and wants this done.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn told(
        &mut self,
        now: Time,
        told: Told,
        wants: &Outputs,
        probes: &mut Probes,
    ) -> Result<(), Violation> {
        let mut gone = None;
        let logs_in = self.said.iter().any(|said| matches!(said, Said::LogIn));
        // Whoever is to be taken over, or to see the end of the server, is asked at once.
        let at_once = logs_in || matches!(told, Told::ShutDown);
        match told {
            Told::Accepted { conn, protocol, .. } => {
                if protocol == Protocol::Irc {
                    self.speak_irc.insert(conn);
                }
            }
            Told::Received { conn, .. } => {
                self.note_who_is_late(now);
                let said = std::mem::take(&mut self.said);
                if let Some(reading) = self.readings.get_mut(&conn) {
                    reading.heard = now;
                    said.iter().for_each(|said| reading.hears(said));
                }
            }
            Told::Tick => self.note_who_is_late(now),
            Told::WriterFinished { conn, .. } => gone = Some(conn),
            Told::ReaderFinished { .. }
            | Told::Overflowed { .. }
            | Told::Progressed { .. }
            | Told::ClockSet { .. }
            | Told::Verified { .. } => {}
            Told::ShutDown => {
                self.stops = true;
                for reading in self.readings.values_mut() {
                    reading.last_mail = Some(reading.mail.len());
                }
            }
        }
        self.said.clear();
        for output in wants.iter() {
            self.follow((now, at_once), &output, probes)?;
        }
        if let Some(conn) = gone {
            self.readings.remove(&conn);
            self.speak_irc.remove(&conn);
        }
        for (conn, reading) in &mut self.readings {
            reading.note_unasked(now);
            is_well(*conn, reading)?;
            // Nothing else brings the time.
            if matches!(told, Told::Received { .. } | Told::Tick) {
                is_asked(*conn, reading, self.limits, now)?;
            }
        }
        Ok(())
    }

    /// Who has never answered, and says other things, is not waited for any more: it is looked at
    /// twice in the time that it has, and what it says before the first look does not count.
    fn note_who_is_late(&mut self, now: Time) {
        let half = self.limits.ack_timeout / 2;
        for reading in self.readings.values_mut() {
            let asked = reading.first_asked.filter(|_| reading.answered == 0);
            while let Some(asked) = asked
                && asked.after(half * (reading.looked + 1)) <= now
            {
                reading.looked += 1;
                let before = asked.after(half * (reading.looked - 1));
                reading.is_late |= reading.looked > 1 && reading.heard >= before;
            }
        }
    }

    fn follow(
        &mut self,
        (now, at_once): (Time, bool),
        output: &Output<'_>,
        probes: &mut Probes,
    ) -> Result<(), Violation> {
        match *output {
            Output::Send { to, frame, .. } => {
                let parts = frame.has_mail().then(|| frame.each());
                let costs: Vec<_> = parts.iter().flatten().map(Frame::cost).collect();
                for conn in to {
                    if let Some(reading) = self.readings.get_mut(conn) {
                        reading.mail.extend(&costs);
                        reading.bytes += frame.length();
                    }
                }
            }
            Output::Ask { conn, frame } => {
                let bytes = frame.bytes();
                let line = str::from_utf8(&bytes).expect("the server writes UTF-8");
                self.asks((now, at_once), conn, line.trim_end())?;
            }
            Output::Acknowledged { conn, marks } => self.takes(conn, marks)?,
            Output::Retain { conn } => {
                let reading = self.readings.get_mut(&conn);
                let kept = reading.map(|reading| {
                    reading.bytes = 0;
                    std::mem::replace(&mut reading.is_kept, true)
                });
                ensure!(kept == Some(false), 4, "{conn} is not one to keep mail for");
            }
            Output::Release { conn } => self.releases(conn, probes)?,
            Output::StopWriter { conn, .. } => {
                if let Some(reading) = self.readings.get_mut(&conn) {
                    reading.is_stopped = true;
                }
            }
            Output::StopReader { .. }
            | Output::Proceed { .. }
            | Output::Rehash
            | Output::Verify { .. } => {}
        }
        Ok(())
    }

    /// It asks a client how far it has read, perhaps as the answer is needed at once.
    fn asks(
        &mut self,
        (now, at_once): (Time, bool),
        conn: ConnId,
        line: &str,
    ) -> Result<(), Violation> {
        let limits = self.limits;
        let token = irc::question(line).unwrap_or_default().to_owned();
        let reading = self.readings.get_mut(&conn);
        let Some(reading) = reading else {
            let what = format!("{conn} is asked, and cannot return");
            return Err(Violation { statement: 4, what });
        };
        let mail = reading.mail.len();
        let unasked = mail - reading.asked_about();
        let is_much = unasked >= limits.ack_messages || reading.bytes >= limits.ack_bytes;
        let is_due = reading.asked.is_empty() || is_much;
        ensure!(
            unasked > 0 || is_due,
            4,
            "{conn} is asked how far it has read nothing"
        );
        if !is_due && !at_once && mail != reading.kept {
            reading.by_rate.push(now);
            ensure!(
                keeps_rate(&reading.by_rate, limits),
                7,
                "{conn} is asked too often"
            );
        }
        reading.bytes = 0;
        reading.asked.push((token, mail));
        reading.first_asked.get_or_insert(now);
        Ok(())
    }

    /// It takes a client's answers for so many. Of several that come at once it takes one after the
    /// other.
    fn takes(&mut self, conn: ConnId, marks: u64) -> Result<(), Violation> {
        let reading = self.readings.get_mut(&conn);
        let (taken, answered) = reading
            .as_ref()
            .map_or((0, 0), |reading| (reading.taken, reading.answered));
        let marks = usize::try_from(marks).unwrap_or(usize::MAX);
        ensure!(
            taken < marks && marks <= answered,
            4,
            "{conn} has answered {answered} times, and not {marks}"
        );
        if let Some(reading) = reading {
            reading.taken = marks;
        }
        Ok(())
    }

    /// It waits for a client's answers no more.
    fn releases(&mut self, conn: ConnId, probes: &mut Probes) -> Result<(), Violation> {
        let reading = self.readings.get_mut(&conn);
        // To a writer that was told to stop it means nothing.
        let Some(reading) = reading.filter(|reading| !reading.is_stopped) else {
            return Ok(());
        };
        reading.is_released = true;
        let kept = std::mem::take(&mut reading.is_kept);
        let has_read = |mail| mail <= reading.done();
        let sees_the_end = reading.last_mail.is_some_and(has_read);
        let may = kept && (reading.quits || reading.is_late || sees_the_end);
        ensure!(may, 4, "what {conn} has not acknowledged is given up");
        if reading.is_late {
            probes.reach(Path::NeverAnswers);
        }
        Ok(())
    }
}

/// Whether questions at these times, the last of which was just asked, are no more than the first
/// few and then one for each interval.
fn keeps_rate(times: &[Time], limits: Limits) -> bool {
    let Some((last, before)) = times.split_last() else {
        return true;
    };
    let earlier = before.iter().rev().skip(limits.ack_burst - 1);
    let mut least = Duration::ZERO;
    earlier.into_iter().all(|time| {
        least += limits.ack_interval;
        last.since(*time) >= least
    })
}

/// That a client that has answered everything is asked about its mail as soon as its rate allows,
/// and whoever was sent much, at once.
fn is_asked(conn: ConnId, reading: &Reading, limits: Limits, now: Time) -> Result<(), Violation> {
    if reading.is_stopped || reading.is_released {
        return Ok(());
    }
    let due = reading
        .unasked_since
        .map(|since| since.after(limits.ack_interval));
    ensure!(
        due.is_none_or(|due| now < due),
        4,
        "{conn} is not asked whether it has read its mail"
    );
    let unasked = reading.mail.len() - reading.asked_about();
    // A probe, and what ends a batch, may come behind the last of it.
    let bytes = reading.bytes.saturating_sub(UNCOUNTED_BYTES);
    ensure!(
        unasked < limits.ack_messages && bytes < limits.ack_bytes,
        7,
        "{conn} is not asked behind {unasked} messages and {bytes} bytes"
    );
    Ok(())
}

/// That mail is kept, and no longer kept when it is acknowledged.
fn is_well(conn: ConnId, reading: &Reading) -> Result<(), Violation> {
    ensure!(
        reading.is_kept != reading.is_released,
        4,
        "the mail of {conn} is kept: {}, and should not be",
        reading.is_kept
    );
    if reading.is_stopped || reading.is_released {
        return Ok(());
    }
    ensure!(
        !reading.is_late,
        4,
        "{conn} never answers, and is waited for"
    );
    let Reading {
        answered, taken, ..
    } = *reading;
    ensure!(
        taken == answered,
        4,
        "{conn} has answered {answered} times, which counts as {taken}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rejoin::broker::Input;
    use rejoin::hub::record::Recorded;
    use rejoin::hub::{Hub, Observer};
    use rejoin::wire::irc::Message;
    use rejoin::wire::lines::Line;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    const ALICE: ConnId = ConnId::new(1);

    const SPEAKS: Told = Told::Received {
        conn: ALICE,
        goes_on: false,
    };
    const BOB: ConnId = ConnId::new(2);

    /// Looks on, and hears of answers only if it listens.
    #[derive(Clone, Debug)]
    struct Lookout(Arc<Mutex<(Readings, bool, Vec<Violation>)>>);

    impl Observer for Lookout {
        fn line(&mut self, _line: Line<'_>, understood: Understood<'_>) {
            let (readings, listens, _) = &mut *self.0.lock().unwrap();
            if *listens {
                readings.line(understood);
            }
        }

        fn told(&mut self, now: Time, told: Told, wants: &Outputs) {
            let (readings, _, violations) = &mut *self.0.lock().unwrap();
            let told = readings.told(now, told, wants, &mut Probes::default());
            violations.extend(told.err());
        }

        fn input(&mut self, _input: &Input) {}

        fn effects(&mut self, _now: Time, effects: &Effects, broker: &Broker) {
            let (readings, ..) = &mut *self.0.lock().unwrap();
            readings.effects(effects, broker, &mut Probes::default());
        }
    }

    struct Story {
        hub: Hub<Recorded>,
        out: Outputs,
        lookout: Lookout,
        now: Time,
        /// The answer to what alice was asked last.
        pong: String,
    }

    impl Story {
        /// Alice speaks IRC and can come back, and Bob has said something to her.
        fn new() -> Self {
            let config = Config::default();
            let readings = Readings::new(&config);
            let lookout = Lookout(Arc::new(Mutex::new((readings, true, Vec::new()))));
            let mut hub = Hub::new(&config, Recorded);
            hub.observe(Box::new(lookout.clone()));
            let (now, mut out) = (Time::ZERO, Outputs::new());
            let address = [127, 0, 0, 1].into();
            for (conn, protocol) in [(ALICE, Protocol::Irc), (BOB, Protocol::Plain)] {
                let accepted = hub.accepted(now, conn, address, protocol, &mut out);
                accepted.unwrap();
            }
            let mut story = Self {
                hub,
                out,
                lookout,
                now,
                pong: String::new(),
            };
            let secret = "07".repeat(32);
            let line = format!("PASS {secret}\r\nNICK alice\r\nUSER user 0 * :Alice\r\n");
            story.says(ALICE, &line);
            story.says(BOB, "bob\nalice: one\n");
            story
        }

        fn says(&mut self, conn: ConnId, lines: &str) {
            self.out.clear();
            let (now, bytes) = (self.now, lines.as_bytes());
            self.hub.received(now, conn, bytes, &mut self.out);
            self.note_what_is_asked();
        }

        fn passes(&mut self, time: Duration) {
            self.out.clear();
            self.now = self.now.after(time);
            self.hub.tick(self.now, &mut self.out);
            self.note_what_is_asked();
        }

        fn note_what_is_asked(&mut self) {
            for output in self.out.iter() {
                if let Output::Ask { frame, .. } = output {
                    let asked = String::from_utf8(frame.bytes().into_owned()).unwrap();
                    self.pong = asked.replace("PING", "PONG");
                }
            }
        }

        fn pong(&self) -> String {
            self.pong.clone()
        }

        fn done(&self) -> Option<usize> {
            self.lookout.0.lock().unwrap().0.done(ALICE)
        }

        fn found(&self) -> Vec<String> {
            let (_, _, violations) = &*self.lookout.0.lock().unwrap();
            violations.iter().map(Violation::to_string).collect()
        }
    }

    #[test]
    fn what_is_acknowledged_is_done_and_after_a_release_everything_is() {
        let mut story = Story::new();
        assert_eq!(story.done(), Some(0));
        story.says(ALICE, &story.pong());
        assert_eq!(story.done(), Some(0), "it had no mail yet");
        story.passes(Config::default().ack_interval);
        story.says(ALICE, &story.pong());
        assert_eq!(story.done(), Some(1));
        story.says(ALICE, "QUIT\r\n");
        assert_eq!(story.done(), None);
        assert_eq!(story.found(), [""; 0]);
    }

    #[test]
    fn an_acknowledgement_that_nobody_gave_is_found() {
        let mut story = Story::new();
        story.lookout.0.lock().unwrap().1 = false;
        story.says(ALICE, &story.pong());
        let found = story.found();
        assert!(
            found[0].contains("has answered 0 times, and not 1"),
            "{found:?}"
        );
    }

    #[test]
    fn an_acknowledgement_that_does_not_count_is_found() {
        let story = Story::new();
        let pong = story.pong();
        let pong = Message::parse(pong.trim_end().as_bytes());
        let readings = &mut story.lookout.0.lock().unwrap().0;
        readings.line(Understood::Irc(&pong));
        let told = SPEAKS;
        let found = readings.told(story.now, told, &Outputs::new(), &mut Probes::default());
        let found = found.unwrap_err();
        assert!(found.what.contains("which counts as 0"), "{found}");
    }

    #[test]
    fn a_release_too_early_or_never_is_found() {
        let mut story = Story::new();
        story.lookout.0.lock().unwrap().1 = false;
        story.says(ALICE, "QUIT\r\n");
        let found = story.found();
        assert!(found[0].contains("is given up"), "{found:?}");

        let story = Story::new();
        let timeout = Config::default().ack_timeout;
        let readings = &mut story.lookout.0.lock().unwrap().0;
        let mut told = |time, told| {
            let now = story.now.after(time);
            readings.told(now, told, &Outputs::new(), &mut Probes::default())
        };
        told(timeout * 2, Told::Tick).expect("it says nothing");
        told(timeout * 2, SPEAKS).expect("it speaks");
        let found = told(timeout * 5 / 2, Told::Tick);
        let found = found.unwrap_err();
        assert!(found.what.contains("and is waited for"), "{found}");
    }
}
