//! Streams of messages in closed loops: a speaker goes on when all its listeners have kept up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::{Effort, Figures, Mark, Target};
use crate::dialect::{Client, Dialect, Place, Role};
use crate::login::{each_line, log_in};
use crate::text::{self, Batch, Expected, Number, Template};
use crate::wire::{Talk, Wire};

/// Messages under way in all streams together, unless the effort says otherwise.
const UNDER_WAY: usize = 8_192;

/// Deliveries under way: few enough for what waits for them to stay in a cache.
const DELIVERIES_UNDER_WAY: usize = 65_536;

/// Batches that make a window.
const BATCHES: usize = 4;

/// How long what is under way may take at the end.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn direct(
    target: &Target,
    effort: &Effort,
    pairs: usize,
    idle: usize,
) -> Result<Figures> {
    let mut wire = Wire::new(target.address)?;
    let idle: Vec<_> = (0..idle)
        .map(|peer| Client::new(format!("i{peer}"), Role::Idle))
        .collect();
    log_in(&mut wire, target.dialect, &idle)?;
    let streams = (0..pairs).map(|pair| Streaming {
        speaker: format!("a{pair}"),
        place: Place::Peer(format!("b{pair}")),
        listeners: vec![format!("b{pair}")],
    });
    run(target, effort, &mut wire, streams.collect())
}

pub(super) fn fan_out(
    target: &Target,
    effort: &Effort,
    rooms: usize,
    members: usize,
) -> Result<Figures> {
    let mut wire = Wire::new(target.address)?;
    let streams = (0..rooms).map(|room| Streaming {
        speaker: format!("a{room}"),
        place: Place::Room(format!("r{room}")),
        listeners: (0..members)
            .map(|member| format!("b{room}x{member}"))
            .collect(),
    });
    run(target, effort, &mut wire, streams.collect())
}

/// Who says something where, to whom.
pub(super) struct Streaming {
    pub(super) speaker: String,
    pub(super) place: Place,
    pub(super) listeners: Vec<String>,
}

fn run(
    target: &Target,
    effort: &Effort,
    wire: &mut Wire,
    streams: Vec<Streaming>,
) -> Result<Figures> {
    let listeners: usize = streams.iter().map(|stream| stream.listeners.len()).sum();
    let window = (UNDER_WAY / streams.len()).min(DELIVERIES_UNDER_WAY / listeners);
    let window = effort.window.unwrap_or(window.clamp(64, 1_024));
    let mut flow = Flow::log_in(
        target,
        wire,
        effort.text_bytes,
        window.div_ceil(BATCHES),
        streams,
    )?;
    flow.speak_for(wire, effort.warm_up)?;
    let start = Mark::now(target, flow.delivered)?;
    flow.speak_for(wire, effort.measured)?;
    let end = Mark::now(target, flow.delivered)?;
    flow.finish(wire)?;
    ensure!(end.count > start.count, "nothing was delivered");
    Ok(start.to(&end))
}

/// Streams, and what has come of them.
pub(super) struct Flow {
    dialect: Dialect,
    streams: Vec<Stream>,
    /// By connection.
    parts: Vec<Part>,
    /// Messages heard, each counted for everyone who heard it.
    pub(super) delivered: u64,
}

struct Stream {
    speaker: usize,
    listeners: usize,
    number: Number,
    batch: Batch,
    batch_frames: u64,
    batches_said: u64,
    batches_heard: u64,
    /// For each batch under way, how many have not heard all of it.
    missing: VecDeque<usize>,
    expected: Expected,
    template: Option<Template>,
}

#[derive(Clone)]
enum Part {
    Idle,
    Speaks,
    Hears {
        stream: usize,
        heard: u64,
        number: Number,
    },
}

impl Flow {
    pub(super) fn log_in(
        target: &Target,
        wire: &mut Wire,
        text_bytes: usize,
        batch_frames: usize,
        streaming: Vec<Streaming>,
    ) -> Result<Self> {
        let dialect = target.dialect;
        let mut flow = Self {
            dialect,
            streams: Vec::new(),
            parts: Vec::new(),
            delivered: 0,
        };
        for (stream, streaming) in streaming.into_iter().enumerate() {
            let Streaming {
                speaker,
                place,
                listeners,
            } = streaming;
            let hears = |name: &String| Client::new(name, Role::Hears(place.clone()));
            let mut clients: Vec<_> = listeners.iter().map(hears).collect();
            clients.push(Client::new(&speaker, Role::Speaks(place.clone())));
            let mut conns = log_in(wire, dialect, &clients)?;
            let conn = conns.pop().expect("the speaker came last");
            flow.parts.resize(conn + 1, Part::Idle);
            flow.parts[conn] = Part::Speaks;
            for conn in conns {
                flow.parts[conn] = Part::Hears {
                    stream,
                    heard: 0,
                    number: Number::ZERO,
                };
            }
            let text = text::text(stream, text_bytes);
            let expected = dialect.heard(&speaker, &place, &text);
            flow.streams.push(Stream {
                speaker: conn,
                listeners: listeners.len(),
                number: Number::ZERO,
                batch: Batch::new(&dialect.said(&place, &text), batch_frames),
                batch_frames: batch_frames as u64,
                batches_said: 0,
                batches_heard: 0,
                missing: VecDeque::new(),
                template: dialect.is_exact().then(|| Template {
                    head: expected.starts.clone(),
                    tail: expected.tail.clone(),
                }),
                expected,
            });
        }
        Ok(flow)
    }

    /// Lets everyone speak for a while.
    pub(super) fn speak_for(&mut self, wire: &mut Wire, duration: Duration) -> Result<()> {
        let end = Instant::now() + duration;
        let mut last = self.delivered;
        let mut stalled_since = Instant::now();
        loop {
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            for stream in &mut self.streams {
                stream.speak(wire)?;
            }
            wire.turn(Some((end - now).min(Duration::from_secs(1))), self)?;
            if self.delivered > last {
                (last, stalled_since) = (self.delivered, now);
            }
            ensure!(
                now - stalled_since < PATIENCE,
                "nothing is delivered any more"
            );
        }
    }

    /// Waits for what is under way.
    pub(super) fn finish(&mut self, wire: &mut Wire) -> Result<()> {
        let start = Instant::now();
        let under_way = |flow: &Self| flow.streams.iter().any(|stream| !stream.missing.is_empty());
        while under_way(self) {
            ensure!(
                start.elapsed() < PATIENCE,
                "messages are missing at the end"
            );
            wire.turn(Some(Duration::from_millis(100)), self)?;
        }
        // What comes twice comes now.
        wire.turn(Some(Duration::from_millis(1)), self)
    }

    /// Handles a line that is none of those expected.
    fn other(&mut self, wire: &mut Wire, conn: usize, bytes: &[u8]) -> Result<usize> {
        let Some(end) = memchr::memchr(b'\n', bytes) else {
            return Ok(0);
        };
        let dialect = self.dialect;
        each_line(&bytes[..=end], |line| {
            if let Some(answer) = dialect.answer(line) {
                return wire.send(conn, answer.as_bytes());
            }
            let said = line.contains(" s0") || line.contains("message");
            if dialect.is_error(line) || said {
                bail!("unexpected: {line}");
            }
            Ok(())
        })
    }
}

impl Stream {
    fn speak(&mut self, wire: &mut Wire) -> Result<()> {
        while self.missing.len() < BATCHES && !wire.is_blocked(self.speaker) {
            wire.send(self.speaker, self.batch.next(&mut self.number))?;
            self.missing.push_back(self.listeners);
            self.batches_said += 1;
        }
        Ok(())
    }

    /// One listener has heard all of its batch, of which this is the number.
    fn heard(&mut self, batch: u64) {
        let index = usize::try_from(batch - self.batches_heard).expect("few are under way");
        self.missing[index] -= 1;
        while self.missing.front() == Some(&0) {
            self.missing.pop_front();
            self.batches_heard += 1;
        }
    }
}

impl Talk for Flow {
    fn received(&mut self, wire: &mut Wire, conn: usize, bytes: &[u8]) -> Result<usize> {
        let mut used = 0;
        while used < bytes.len() {
            let rest = &bytes[used..];
            let taken = match &mut self.parts[conn] {
                Part::Hears {
                    stream,
                    heard,
                    number,
                } => {
                    let stream = &mut self.streams[*stream];
                    let before = *heard;
                    let taken = stream.listen(rest, heard, number)?;
                    self.delivered += *heard - before;
                    taken
                }
                Part::Idle | Part::Speaks => 0,
            };
            used += taken;
            if taken == 0 {
                let may_be_frame = match &self.parts[conn] {
                    Part::Hears { stream, .. } => self.streams[*stream].may_begin(rest),
                    Part::Idle | Part::Speaks => false,
                };
                let other = if may_be_frame {
                    0
                } else {
                    self.other(wire, conn, rest)?
                };
                if other == 0 {
                    break;
                }
                used += other;
            }
        }
        Ok(used)
    }

    fn closed(&mut self, _wire: &mut Wire, conn: usize) -> Result<()> {
        let who = match self.parts[conn] {
            Part::Idle => "an idle client",
            Part::Speaks => "a speaker",
            Part::Hears { .. } => "a listener",
        };
        bail!("the server has closed the connection of {who}")
    }
}

impl Stream {
    /// Takes the frames at the beginning of `bytes`. Returns how many bytes those were.
    fn listen(&mut self, bytes: &[u8], heard: &mut u64, number: &mut Number) -> Result<usize> {
        if self.template.is_none() {
            let line = memchr::memchr(b'\n', bytes).map(|end| &bytes[..=end]);
            self.template = line.and_then(|line| self.expected.learn(line));
        }
        let Some(template) = self.template.take() else {
            return Ok(0);
        };
        let mut used = 0;
        for frame in bytes.chunks_exact(template.bytes()) {
            if !template.is(frame, number) {
                break;
            }
            ensure!(
                *heard / self.batch_frames < self.batches_said,
                "a message was never said"
            );
            used += frame.len();
            *heard += 1;
            number.count();
            if heard.is_multiple_of(self.batch_frames) {
                self.heard(*heard / self.batch_frames - 1);
            }
        }
        self.template = Some(template);
        Ok(used)
    }

    /// Whether this is too short for a frame, but may become one.
    fn may_begin(&self, bytes: &[u8]) -> bool {
        self.template.as_ref().is_some_and(|template| {
            let known = bytes.len().min(template.head.len());
            bytes.len() < template.bytes() && bytes[..known] == template.head[..known]
        })
    }
}
