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
use rejoin::broker::{Broker, Effects, Input, Request};
use rejoin::hub::record::{BadRecord, Entries, Entry, Recorded, digest};
use rejoin::hub::{Hub, Observer, Output, Outputs, Told};
use rejoin::id::{ConnId, Time};
use rejoin::wire::irc;
use rejoin::wire::plain::{self, Command};

use crate::moment::text;
use crate::outbox::Outbox;
use crate::trace::{self, Trace, What};
use crate::watch::Watch;

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
/// If it is no record, or one of another version.
pub fn replay(record: &[u8]) -> Result<Replayed, BadRecord> {
    let mut entries = Entries::of(record)?;
    let Some(Entry::Start { config, texts }) = entries.next().transpose()? else {
        return Err(BadRecord::Malformed);
    };
    let watch = Arc::new(Mutex::new(Watch::new(&config, true)));
    let mut exact = Side::new(&config);
    let mut watched = Side::new(&config);
    watched.hub.observe(Box::new(Lookout(Arc::clone(&watch))));
    let mut replayed = Replayed {
        trace: Trace::default(),
        told: 0,
        different: Vec::new(),
        torn: false,
        texts,
    };
    let (mut now, mut lines, mut sent) = (Time::ZERO, Vec::new(), 0);
    for entry in entries.by_ref() {
        match entry? {
            Entry::Start { .. } => return Err(BadRecord::Malformed),
            Entry::Line { said, hidden } => {
                let mut line = said.into_owned();
                line.extend((0..hidden).map(|_| b'x'));
                lines.push(line);
            }
            Entry::TooLong => {
                let longest = config.line_bytes.get().max(irc::MAX_LINE_BYTES);
                lines.push(vec![b'x'; longest + 1]);
            }
            Entry::Identity { identity } => {
                for side in [&mut exact, &mut watched] {
                    side.hub.identify(identity.clone().into_owned());
                }
            }
            Entry::Told {
                after,
                told,
                effects,
            } => {
                now = now.after(Duration::from_micros(after));
                if exact.tell(now, told, &lines, texts) != effects {
                    replayed.different.push(replayed.told);
                }
                for line in &mut lines {
                    if let Some(numbered) = numbered(line, &mut sent) {
                        *line = numbered;
                    }
                }
                watched.tell(now, told, &lines, texts);
                lines.clear();
                replayed.told += 1;
                let mut watch = watch.lock().expect("nobody panics");
                take_over(&mut watch, &mut replayed.trace);
            }
        }
    }
    replayed.torn = entries.is_torn();
    if watched.ended && watched.hub.is_idle() {
        let mut watch = watch.lock().expect("nobody panics");
        watch.finish();
        take_over(&mut watch, &mut replayed.trace);
    }
    Ok(replayed)
}

fn take_over(watch: &mut Watch, trace: &mut Trace) {
    let moments = watch.moments.replace(Vec::new()).into_iter().flatten();
    trace.entries.extend(moments.map(|moment| trace::Entry {
        at: moment.now,
        what: What::Moment(Box::new(moment)),
    }));
    let at = trace.entries.last().map_or(Time::ZERO, |entry| entry.at);
    trace.violate(at, std::mem::take(&mut watch.violations));
}

/// The line with a numbered text, if it is one that sends something.
fn numbered(line: &[u8], sent: &mut u32) -> Option<Vec<u8>> {
    let said = match (plain::parse(line), irc::Message::parse(line)) {
        (Ok(Command::Request(Request::Send { text, .. })), _) => text.as_str().len(),
        (_, Ok(message)) if speaks(&message) => message.params[1].len(),
        _ => return None,
    };
    let head = line.len() - said;
    let text = text(*sent, said);
    *sent += 1;
    Some([&line[..head], text.as_str().as_bytes()].concat())
}

/// Whether a line of IRC says something, with its text at its end.
fn speaks(message: &irc::Message<'_>) -> bool {
    let says = ["PRIVMSG", "NOTICE"]
        .iter()
        .any(|says| message.command.eq_ignore_ascii_case(says));
    says && message.params.len() == 2 && !message.params[1].is_empty()
}

#[derive(Debug)]
struct Lookout(Arc<Mutex<Watch>>);

impl Observer for Lookout {
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
    outputs: Outputs,
    ended: bool,
}

impl Side {
    fn new(config: &Config) -> Self {
        Self {
            hub: Hub::new(config, Recorded),
            outboxes: BTreeMap::new(),
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
            Told::Received { conn } => {
                let mut bytes = lines.join(&b'\n');
                if !lines.is_empty() {
                    bytes.push(b'\n');
                }
                self.hub.received(now, conn, &bytes, out);
            }
            Told::ReaderFinished { conn } => self.hub.reader_finished(now, conn, out),
            Told::Overflowed { conn } => self.hub.overflowed(now, conn, out),
            Told::WriterFinished { conn, unwritten } => {
                let outbox = self.outboxes.remove(&conn).unwrap_or_default();
                let unwritten = usize::try_from(unwritten).expect("it is no more than there was");
                self.hub
                    .writer_finished(now, conn, outbox.last(unwritten), out);
            }
            Told::Tick => self.hub.tick(now, out),
            Told::ShutDown => {
                self.ended = true;
                self.hub.shut_down(now, out);
            }
        }
        for output in out.iter() {
            carry_out(&mut self.outboxes, &output);
        }
        digest(out, texts)
    }
}

fn carry_out(outboxes: &mut BTreeMap<ConnId, Outbox>, output: &Output<'_>) {
    match *output {
        Output::Send { to, frame, .. } => {
            for conn in to {
                if let Some(outbox) = outboxes.get_mut(conn) {
                    outbox.send(frame.clone());
                }
            }
        }
        Output::Rehash => {}
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
