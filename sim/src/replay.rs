//! Plays a record of a server again.
//!
//! It is played to two hubs at once. To one each line comes as it was recorded, and what it wants
//! done is compared with what was recorded. The other is watched: every statement is judged. So
//! that its messages can be told apart, each text is replaced by a numbered one, of the same
//! length unless it is too short for a number.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rejoin::Config;
use rejoin::broker::{Broker, Effects, Input};
use rejoin::hub::record::{BadRecord, Entries, Entry, Recorded, digest};
use rejoin::hub::{Frame, Hub, Identity, Observer, Output, Outputs, Protocol, Told, Understood};
use rejoin::id::{ConnId, Text, Time};
use rejoin::wire::irc;
use rejoin::wire::lines::Line;
use rejoin::wire::plain::{self, Command};

use crate::moment::text as text_of;
use crate::outbox::Outbox;
use crate::plural::count;
use crate::trace::{self, Difference, Trace, What};
use crate::watch::Watch;

/// What waits for one connection, and is so much that each moment with it takes its time.
const MUCH: usize = 64;

/// What a record came to.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// What happened.
    pub trace: Trace,
    /// How often the hub was told something.
    pub told: u64,
    /// Which of these, from 0 on, had effects that differ from those recorded.
    pub different: Vec<u64>,
    /// Whether the record ends in the middle of an entry, which is no error.
    pub torn: bool,
    /// Whether the texts were recorded.
    pub texts: bool,
}

/// Plays a record, and judges it.
///
/// # Errors
///
/// If it is no record, or one of another version, or nothing whole is in it.
pub fn replay(record: &[u8]) -> Result<Replayed, BadRecord> {
    let mut entries = Entries::of(record)?;
    let first = entries.next().ok_or(BadRecord::Empty)??;
    let Entry::Start {
        config,
        texts,
        id_key,
    } = first
    else {
        return Err(BadRecord::Malformed);
    };
    let mut player = Player::new(&config, texts, id_key);
    player.taken = taken(record, &config, id_key)?;
    for entry in entries.by_ref() {
        player.play(entry?)?;
    }
    Ok(player.finish(entries.is_torn()))
}

/// How many pieces of mail each connection's socket has taken, by what was given back when its
/// writer finished. Of a connection whose end is not recorded nobody knows: it counts as all.
fn taken(
    record: &[u8],
    config: &Config,
    id_key: [u8; 16],
) -> Result<BTreeMap<ConnId, usize>, BadRecord> {
    let mut tape = Tape::new(config);
    let mut side = Side::new(config, id_key);
    for entry in Entries::of(record)?.skip(1) {
        match tape.feed(entry?)? {
            Some(Fed::Identity(identity)) => side.hub.identify(identity),
            Some(Fed::Told(told, _)) => {
                side.tell(tape.now, told, &tape.lines, true);
                tape.lines.clear();
            }
            None => {}
        }
    }
    Ok(side.taken)
}

/// The end of each line. A recorded line may itself end with a CR, ahead of this one.
const END: &[u8] = b"\r\n";

/// A record, put together from its entries.
struct Tape {
    longest_line: usize,
    now: Time,
    /// What came from a connection, and has not been told to the hubs yet: whole lines, and commands
    /// of telnet.
    lines: Vec<Vec<u8>>,
}

/// What a hub is to be told, with the lines that came before.
enum Fed {
    Identity(Identity),
    /// And the digest of the effects.
    Told(Told, u32),
}

impl Tape {
    fn new(config: &Config) -> Self {
        Self {
            longest_line: config.line_bytes.get().max(irc::MAX_LINE_BYTES),
            now: Time::ZERO,
            lines: Vec::new(),
        }
    }

    fn feed(&mut self, entry: Entry<'_>) -> Result<Option<Fed>, BadRecord> {
        match entry {
            Entry::Start { .. } => Err(BadRecord::Malformed),
            Entry::Line { said, hidden } => {
                let mut line = said.into_owned();
                line.extend((0..hidden).map(|_| b'x'));
                line.extend_from_slice(END);
                self.lines.push(line);
                Ok(None)
            }
            Entry::TooLong => {
                let mut line = vec![b'x'; self.longest_line + 1];
                line.extend_from_slice(END);
                self.lines.push(line);
                Ok(None)
            }
            Entry::Telnet { asked } => {
                self.lines.push(asked.into_owned());
                Ok(None)
            }
            Entry::Identity { identity } => Ok(Some(Fed::Identity(identity.into_owned()))),
            Entry::Told {
                after,
                told,
                effects,
            } => {
                self.now = self.now.after(Duration::from_micros(after));
                Ok(Some(Fed::Told(told, effects)))
            }
        }
    }
}

/// Plays a record, entry by entry.
struct Player {
    exact: Side,
    watched: Side,
    watch: Arc<Mutex<Watch>>,
    tape: Tape,
    /// How much mail each socket is still to take.
    taken: BTreeMap<ConnId, usize>,
    protocols: BTreeMap<ConnId, Protocol>,
    /// How many messages have got a number.
    sent: u32,
    replayed: Replayed,
}

impl Player {
    fn new(config: &Config, texts: bool, id_key: [u8; 16]) -> Self {
        // This stands for every password; which are right, the record says where they are verified.
        let watch = Arc::new(Mutex::new(Watch::new(config, "*", true)));
        let mut watched = Side::new(config, id_key);
        watched.hub.observe(Box::new(Lookout(Arc::clone(&watch))));
        Self {
            exact: Side::new(config, id_key),
            watched,
            watch,
            tape: Tape::new(config),
            taken: BTreeMap::new(),
            protocols: BTreeMap::new(),
            sent: 0,
            replayed: Replayed {
                trace: Trace::default(),
                told: 0,
                different: Vec::new(),
                torn: false,
                texts,
            },
        }
    }

    fn play(&mut self, entry: Entry<'_>) -> Result<(), BadRecord> {
        match self.tape.feed(entry)? {
            Some(Fed::Identity(identity)) => {
                for side in [&mut self.exact, &mut self.watched] {
                    side.hub.identify(identity.clone());
                }
            }
            Some(Fed::Told(told, effects)) => self.tell(told, effects),
            None => {}
        }
        Ok(())
    }

    /// Tells both hubs something; the effects were to have the digest `recorded`.
    fn tell(&mut self, told: Told, recorded: u32) {
        let (now, texts) = (self.tape.now, self.replayed.texts);
        let before = self.replayed.trace.entries.len();
        let came = self.exact.tell(now, told, &self.tape.lines, texts);
        let speaks = self.speaks(told);
        for line in &mut self.tape.lines {
            let Some(said) = line.strip_suffix(END) else {
                continue;
            };
            let Some((start, text)) = speaks.and_then(|speaks| text_in(said, speaks)) else {
                continue;
            };
            line.truncate(start);
            let numbered = text_of(self.sent, text.len());
            line.extend_from_slice(numbered.as_str().as_bytes());
            line.extend_from_slice(END);
            self.sent += 1;
            if texts {
                self.replayed.trace.texts.push(text);
            }
        }
        self.watched.tell(now, told, &self.tape.lines, texts);
        self.tape.lines.clear();
        self.write();
        self.take_over();
        if came != recorded {
            self.replayed.different.push(self.replayed.told);
            let difference = Difference {
                input: self.replayed.told,
                told: said(told),
                entries: self.replayed.trace.entries.len() - before,
                recorded,
                came,
                effects: effects(&self.exact.outputs),
            };
            let (at, what) = (now, What::Differed(difference));
            self.replayed.trace.entries.push(trace::Entry { at, what });
        }
        self.replayed.told += 1;
    }

    /// What the connection speaks whose lines come with `told`.
    fn speaks(&mut self, told: Told) -> Option<Protocol> {
        match told {
            Told::Accepted { conn, protocol, .. } => {
                self.protocols.insert(conn, protocol);
                None
            }
            Told::Received { conn, .. } => self.protocols.get(&conn).copied(),
            Told::WriterFinished { conn, .. } => {
                self.protocols.remove(&conn);
                None
            }
            Told::ReaderFinished { .. }
            | Told::Overflowed { .. }
            | Told::Progressed { .. }
            | Told::Tick
            | Told::ClockSet { .. }
            | Told::ShutDown
            | Told::Verified { .. } => None,
        }
    }

    fn take_over(&mut self) {
        let trace = &mut self.replayed.trace;
        let mut watch = self.watch.lock().expect("nobody panics");
        let moments = watch.moments.replace(Vec::new()).into_iter().flatten();
        trace.entries.extend(moments.map(|moment| trace::Entry {
            at: moment.now,
            what: What::Moment(Box::new(moment)),
        }));
        trace.violate(self.tape.now, std::mem::take(&mut watch.violations));
    }

    /// Where much waits, the socket takes what it is to take: a record does not say when it did.
    fn write(&mut self) {
        let mut watch = self.watch.lock().expect("nobody panics");
        for (conn, waiting) in watch.waiting(MUCH) {
            let taken = self.taken.entry(conn).or_default();
            let takes = waiting.min(*taken);
            *taken -= takes;
            watch.write(self.tape.now, conn, waiting - takes);
        }
    }

    fn finish(mut self, torn: bool) -> Replayed {
        self.replayed.torn = torn;
        if self.watched.ended && self.watched.hub.is_idle() {
            self.watch.lock().expect("nobody panics").finish();
            self.take_over();
        }
        self.replayed.trace.remarks = remarks(&self.replayed);
        self.replayed
    }
}

/// What is to be said of a record before all that is in it.
fn remarks(replayed: &Replayed) -> Vec<String> {
    let inputs = count(replayed.told, "input");
    let effects = match replayed.different.first() {
        None => format!("{inputs}, and the effects of each are those recorded"),
        Some(first) => {
            let different = replayed.different.len();
            format!(
                "{inputs}; the effects of {different} are not those recorded, first of input {first}"
            )
        }
    };
    let texts = "texts were not recorded; m0, m1 and so on stand for them";
    let torn = "the last entry was cut off, as by a kill, and is left out";
    let rest = [
        (!replayed.texts).then_some(texts),
        replayed.torn.then_some(torn),
    ];
    let rest = rest.into_iter().flatten().map(str::to_owned);
    [effects].into_iter().chain(rest).collect()
}

/// What a hub was told, in words.
fn said(told: Told) -> String {
    match told {
        Told::Accepted { conn, protocol, .. } => match protocol {
            Protocol::Plain => format!("{conn} is accepted"),
            Protocol::Irc => format!("{conn} is accepted, and speaks IRC"),
        },
        Told::Received { conn, .. } => format!("bytes come from {conn}"),
        Told::ReaderFinished { conn } => format!("the reader of {conn} has finished"),
        Told::Overflowed { conn } => format!("too much waits for {conn}"),
        Told::Progressed { conn } => format!("the socket of {conn} takes something again"),
        Told::WriterFinished { conn, unwritten } => {
            let unwritten = count(unwritten.into(), "part");
            format!("the writer of {conn} has finished, {unwritten} unwritten")
        }
        Told::Tick => "time has passed".to_owned(),
        Told::ClockSet { epoch } => format!("the wall clock is set: the start was at {epoch} µs"),
        Told::ShutDown => "the server stops".to_owned(),
        Told::Verified { conn, is_right } => {
            let right = if is_right { "right" } else { "wrong" };
            format!("the password that {conn} gave is {right}")
        }
    }
}

/// What a hub wants done, in words.
fn effects(outputs: &Outputs) -> Vec<String> {
    let discarded = count(outputs.discarded() as u64, "piece");
    let discarded =
        (outputs.discarded() > 0).then(|| format!("{discarded} of mail lost, and counted"));
    outputs.iter().map(effect).chain(discarded).collect()
}

fn effect(output: Output<'_>) -> String {
    let lines = |frame: &Frame| {
        let bytes = frame.bytes();
        let text = String::from_utf8_lossy(&bytes);
        text.lines().collect::<Vec<_>>().join(" ⏎ ")
    };
    match output {
        Output::Send { to, frame, .. } => {
            let to: Vec<_> = to.iter().map(ConnId::to_string).collect();
            format!("{} ◂ {}", to.join(" "), lines(frame))
        }
        Output::StopReader { conn } => format!("{conn} ◂ stop reading"),
        Output::StopWriter { conn, flush, last } => {
            let flush = if flush { "flush, and " } else { "" };
            format!("{conn} ◂ {flush}stop writing, and last: {}", lines(last))
        }
        Output::Proceed { conn } => format!("{conn} ◂ read on"),
        Output::Retain { conn } => format!("{conn} ◂ keep mail until it is acknowledged"),
        Output::Ask { conn, frame } => format!("{conn} ◂ {}", lines(frame)),
        Output::Acknowledged { conn, marks } => {
            format!("{conn} ◂ everything up to mark {marks} is acknowledged")
        }
        Output::Release { conn } => format!("{conn} ◂ keep no more mail"),
        Output::Rehash => "read the server's texts again".to_owned(),
        Output::Verify { conn, .. } => format!("verify the password that {conn} gave"),
    }
}

/// Where a text starts in a line that sends something, and the text.
fn text_in(line: &[u8], protocol: Protocol) -> Option<(usize, String)> {
    match protocol {
        Protocol::Plain => match plain::parse(line).ok()? {
            Command::Say(saying) => {
                let text = saying.text();
                Some((line.len() - text.len(), text.to_owned()))
            }
            Command::Request(_)
            | Command::LogIn { .. }
            | Command::Rooms
            | Command::Who { .. }
            | Command::Help
            | Command::Pong => None,
        },
        Protocol::Irc => {
            let message = irc::Message::parse(line).ok()?;
            let text = spoken(&message)?;
            Some((text.as_ptr().addr() - line.as_ptr().addr(), text.to_owned()))
        }
    }
}

/// What a line of IRC says, if it says something; whatever follows that is not heard.
fn spoken<'a>(message: &irc::Message<'a>) -> Option<&'a str> {
    let says = ["PRIVMSG", "NOTICE"]
        .iter()
        .any(|says| message.command.eq_ignore_ascii_case(says));
    let text = message.param(1).filter(|_| says)?;
    Text::parse(text).map(|_| text)
}

#[derive(Debug)]
struct Lookout(Arc<Mutex<Watch>>);

impl Observer for Lookout {
    fn identity(&mut self, identity: &Identity) {
        self.0.lock().expect("nobody panics").identity(identity);
    }

    fn line(&mut self, line: Line<'_>, understood: Understood<'_>) {
        let mut watch = self.0.lock().expect("nobody panics");
        watch.line(line, understood);
    }

    fn told(&mut self, _now: Time, told: Told, wants: &Outputs) {
        let mut watch = self.0.lock().expect("nobody panics");
        let found = watch.told(told, wants);
        watch.violations.extend(found.err());
    }

    fn input(&mut self, input: &Input) {
        self.0.lock().expect("nobody panics").input(input);
    }

    fn effects(&mut self, now: Time, effects: &Effects, broker: &Broker) {
        let mut watch = self.0.lock().expect("nobody panics");
        watch.effects(now, effects, broker);
    }
}

/// A hub, and the outboxes that a driver would have.
struct Side {
    hub: Hub<Recorded>,
    outboxes: BTreeMap<ConnId, Outbox>,
    /// How many pieces of mail each connection was given, and has not given back.
    taken: BTreeMap<ConnId, usize>,
    outputs: Outputs,
    ended: bool,
}

impl Side {
    fn new(config: &Config, id_key: [u8; 16]) -> Self {
        Self {
            hub: Hub::with_key(config, Recorded, id_key),
            outboxes: BTreeMap::new(),
            taken: BTreeMap::new(),
            outputs: Outputs::new(),
            ended: false,
        }
    }

    /// Returns the digest of what the hub wants done.
    fn tell(&mut self, now: Time, told: Told, lines: &[Vec<u8>], texts: bool) -> u32 {
        let out = &mut self.outputs;
        out.clear();
        match told {
            Told::Accepted {
                conn,
                address,
                protocol,
            } => {
                if self.hub.accepted(now, conn, address, protocol, out).is_ok() {
                    self.outboxes.insert(conn, Outbox::default());
                }
            }
            Told::Received { conn, .. } => {
                self.hub.received(now, conn, &lines.concat(), out);
            }
            Told::ReaderFinished { conn } => self.hub.reader_finished(now, conn, out),
            Told::Overflowed { conn } => self.hub.overflowed(now, conn, out),
            Told::Progressed { conn } => self.hub.progressed(now, conn, out),
            Told::WriterFinished { conn, unwritten } => {
                let outbox = self.outboxes.remove(&conn).unwrap_or_default();
                let unwritten = usize::try_from(unwritten).expect("it is no more than there was");
                let back = outbox.last(unwritten);
                let mail = back.iter().filter(|frame| frame.has_mail());
                let taken = self.taken.entry(conn).or_default();
                *taken = taken.saturating_sub(mail.count());
                self.hub.writer_finished(now, conn, back, out);
            }
            Told::Tick => self.hub.tick(now, out),
            Told::ClockSet { epoch } => self.hub.set_clock(now, epoch),
            Told::ShutDown => {
                self.ended = true;
                self.hub.shut_down(now, out);
            }
            Told::Verified { conn, is_right } => self.hub.verified(now, conn, is_right, out),
        }
        for output in out.iter() {
            carry_out(&mut self.outboxes, &output);
            if let Output::Send { to, frame, .. } = output
                && frame.has_mail()
            {
                to.iter()
                    .for_each(|conn| *self.taken.entry(*conn).or_default() += frame.parts());
            }
        }
        digest(out, texts)
    }
}

fn carry_out(outboxes: &mut BTreeMap<ConnId, Outbox>, output: &Output<'_>) {
    match *output {
        Output::Send { to, frame, .. } => {
            for conn in to {
                if let Some(outbox) = outboxes.get_mut(conn) {
                    outbox.send(frame);
                }
            }
        }
        Output::Rehash | Output::Verify { .. } => {}
        Output::Retain { conn } => {
            if let Some(outbox) = outboxes.get_mut(&conn) {
                outbox.retain();
            }
        }
        Output::Ask { conn, frame } => {
            if let Some(outbox) = outboxes.get_mut(&conn) {
                outbox.ask(frame.clone());
            }
        }
        Output::Acknowledged { conn, marks } => {
            if let Some(outbox) = outboxes.get_mut(&conn) {
                outbox.acknowledge(marks);
            }
        }
        Output::Release { conn } => {
            if let Some(outbox) = outboxes.get_mut(&conn) {
                outbox.release();
            }
        }
        Output::StopWriter { conn, .. } => {
            if let Some(outbox) = outboxes.get_mut(&conn) {
                outbox.stop();
            }
        }
        Output::StopReader { .. } | Output::Proceed { .. } => {}
    }
}
