//! Messages at fixed times: the open loop.
//!
//! A message is as late as it comes after the time at which it was to be sent, whatever held it
//! up, so that a server that stops for a while is not measured less often while it does.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use hdrhistogram::Histogram;

use super::{Effort, Figures, Mark, Percentiles, Target};
use crate::dialect::{Client, Dialect, Place, Role};
use crate::login::{each_line, log_in};
use crate::text::{self, Batch, Expected, Number, Template};
use crate::wire::{Talk, Wire};

/// How long the last messages may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What comes later counts as this late, in nanoseconds.
const LATEST: u64 = 60_000_000_000;

/// By how much a thread that sleeps may wake up late.
const SLACK: Duration = Duration::from_micros(80);

pub(super) fn run(target: &Target, effort: &Effort, pairs: usize, rate: u32) -> Result<Figures> {
    let mut wire = Wire::new(target.address)?;
    let mut listeners = Vec::new();
    let mut speakers = Vec::new();
    for pair in 0..pairs {
        let name = format!("b{pair}");
        let place = Place::Peer(name.clone());
        let speaker = format!("a{pair}");
        let clients = [
            Client::new(name, Role::Hears(place.clone())),
            Client::new(&speaker, Role::Speaks(place.clone())),
        ];
        let conns = log_in(&mut wire, target.dialect, &clients)?;
        let text = text::text(pair, effort.text_bytes);
        let expected = target.dialect.heard(&speaker, &place, &text);
        let template = target.dialect.is_exact().then(|| Template {
            head: expected.starts.clone(),
            tail: expected.tail.clone(),
        });
        listeners.resize_with(conns[1] + 1, || None);
        listeners[conns[0]] = Some(Listener {
            pair,
            number: Number::ZERO,
            heard: 0,
            expected,
            template,
        });
        speakers.push(Speaker {
            stream: wire.second_handle(conns[1])?,
            frame: Batch::new(&target.dialect.said(&place, &text), 1),
            number: Number::ZERO,
        });
    }
    let interval = Duration::from_secs(1) / rate;
    let count = |duration: Duration| (duration.as_secs_f64() * f64::from(rate)).ceil() as u64;
    let warm_up = count(effort.warm_up);
    let mut pace = Pace {
        dialect: target.dialect,
        start: Instant::now() + Duration::from_millis(20),
        interval,
        pairs: pairs as u64,
        warm_up,
        listeners,
        late: Histogram::new_with_bounds(1, LATEST, 3).context("no histogram")?,
        heard: 0,
    };
    let (start, all) = (pace.start, warm_up + count(effort.measured));
    thread::scope(|scope| {
        let speaking = scope.spawn(move || speak(speakers, start, interval, all));
        let first =
            hear(&mut wire, &mut pace, warm_up).and_then(|()| Mark::now(target, pace.heard))?;
        hear(&mut wire, &mut pace, all)?;
        let last = Mark::now(target, pace.heard)?;
        speaking.join().expect("the speaker does not panic")?;
        Ok(Figures {
            latency: Some(Percentiles::of(&pace.late)),
            ..first.to(&last)
        })
    })
}

/// Handles what comes until so much was heard.
fn hear(wire: &mut Wire, pace: &mut Pace, count: u64) -> Result<()> {
    let mut last = (Instant::now(), pace.heard);
    while pace.heard < count {
        wire.turn(Some(Duration::from_secs(1)), pace)?;
        if pace.heard > last.1 {
            last = (Instant::now(), pace.heard);
        }
        ensure!(last.0.elapsed() < PATIENCE, "messages are missing");
    }
    Ok(())
}

struct Speaker {
    stream: TcpStream,
    frame: Batch,
    number: Number,
}

/// Sends each message at its time, or as soon after it as the sockets take it.
fn speak(mut speakers: Vec<Speaker>, start: Instant, interval: Duration, count: u64) -> Result<()> {
    let mut at = start;
    for index in 0..count {
        let pairs = speakers.len() as u64;
        let speaker = &mut speakers[usize::try_from(index % pairs).expect("it was a usize")];
        sleep_until(at);
        let mut rest = speaker.frame.next(&mut speaker.number);
        while !rest.is_empty() {
            match speaker.stream.write(rest) {
                Ok(taken) => rest = &rest[taken..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::yield_now(),
                Err(error) => return Err(error).context("can't write"),
            }
        }
        at += interval;
    }
    Ok(())
}

fn sleep_until(at: Instant) {
    let wait = at.saturating_duration_since(Instant::now());
    thread::sleep(wait.saturating_sub(SLACK));
    while Instant::now() < at {
        std::hint::spin_loop();
    }
}

struct Pace {
    dialect: Dialect,
    start: Instant,
    interval: Duration,
    pairs: u64,
    /// So many come first and are not measured.
    warm_up: u64,
    /// By connection.
    listeners: Vec<Option<Listener>>,
    late: Histogram<u64>,
    heard: u64,
}

struct Listener {
    pair: usize,
    number: Number,
    heard: u64,
    expected: Expected,
    template: Option<Template>,
}

impl Talk for Pace {
    fn received(&mut self, wire: &mut Wire, conn: usize, bytes: &[u8]) -> Result<usize> {
        let now = Instant::now();
        let mut used = 0;
        while used < bytes.len() {
            let rest = &bytes[used..];
            let Some(listener) = &mut self.listeners[conn] else {
                return self.other(wire, conn, bytes);
            };
            let taken = listener.listen(rest);
            if taken == 0 {
                let is_exact = listener.template.is_some();
                let begins = listener.may_begin(rest);
                if begins && is_exact {
                    break;
                }
                match memchr::memchr(b'\n', rest) {
                    Some(end) => used += self.other(wire, conn, &rest[..=end])?,
                    None => break,
                }
                continue;
            }
            let index = listener.heard * self.pairs + listener.pair as u64;
            listener.heard += 1;
            used += taken;
            self.heard += 1;
            let intended = u32::try_from(index).context("too many messages")?;
            let late = now.saturating_duration_since(self.start + self.interval * intended);
            if index >= self.warm_up {
                let nanos = u64::try_from(late.as_nanos()).unwrap_or(u64::MAX);
                self.late.saturating_record(nanos);
            }
        }
        Ok(used)
    }

    fn closed(&mut self, _wire: &mut Wire, _conn: usize) -> Result<()> {
        bail!("the server has closed a connection")
    }
}

impl Pace {
    fn other(&self, wire: &mut Wire, conn: usize, bytes: &[u8]) -> Result<usize> {
        each_line(bytes, |line| {
            if let Some(answer) = self.dialect.answer(line) {
                return wire.send(conn, answer.as_bytes());
            }
            let said = line.contains(" s0") || line.contains("message");
            ensure!(!self.dialect.is_error(line) && !said, "unexpected: {line}");
            Ok(())
        })
    }
}

impl Listener {
    /// How long the frame is that the bytes begin with, if they do.
    fn listen(&mut self, bytes: &[u8]) -> usize {
        if self.template.is_none() {
            let line = memchr::memchr(b'\n', bytes).map(|end| &bytes[..=end]);
            self.template = line.and_then(|line| self.expected.learn(line));
        }
        let Some(template) = &self.template else {
            return 0;
        };
        match bytes.get(..template.bytes()) {
            Some(frame) if template.is(frame, &self.number) => {
                self.number.count();
                frame.len()
            }
            Some(_) | None => 0,
        }
    }

    /// Whether this is too short for a frame, but may become one.
    fn may_begin(&self, bytes: &[u8]) -> bool {
        self.template.as_ref().is_some_and(|template| {
            let known = bytes.len().min(template.head.len());
            bytes.len() < template.bytes() && bytes[..known] == template.head[..known]
        })
    }
}
