//! People who talk to each other while others attack.
//!
//! Half of the pairs speak the plain protocol, if the server knows it, and half IRC, all with a
//! secret. Each says a little to the other, at fixed times, slower than the server's default limits
//! let it; all of them together say something every few milliseconds. A message is as late as it
//! comes after the time at which it was to be sent.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;

use super::PATIENCE;
use super::client::is_welcome;
use super::field::{Field, INNOCENT, Phase};
use super::outcome::histogram;
use crate::dialect::{Client as Person, Dialect, Role};
use crate::login::each_line;
use crate::wire::{Talk, Wire};

/// How many pairs there are.
const PAIRS: usize = 8;

/// How often each says something.
const INTERVAL: Duration = Duration::from_millis(64);

/// How long each may take to log in.
const LOGIN: Duration = Duration::from_secs(30);

/// Complaints that are told of.
const COMPLAINTS: usize = 10;

/// What came of the talk.
pub(super) struct Talked {
    /// How late those who speak plain lines heard each other, before and during the attack, in
    /// nanoseconds.
    pub(super) plain: [Histogram<u64>; 2],
    /// The same of those who speak IRC.
    pub(super) irc: [Histogram<u64>; 2],
    pub(super) complaints: Vec<String>,
}

/// People who are logged in.
pub(super) struct Innocents {
    wire: Wire,
    people: People,
}

struct People {
    /// By connection.
    all: Vec<One>,
    talked: Talked,
    /// Whether the server is to stop soon.
    is_end: bool,
}

struct One {
    name: String,
    dialect: Dialect,
    /// The connection of whom this one talks with.
    other: usize,
    said: u64,
    heard: u64,
    /// When what is not heard yet was to be sent, and in which phase.
    awaited: VecDeque<(Instant, usize)>,
    is_in: bool,
}

impl Innocents {
    /// Logs everybody in.
    pub(super) fn log_in(field: &Field) -> Result<Self> {
        let mut wire = Wire::new(field.irc)?;
        let mut all = Vec::new();
        for index in 0..2 * PAIRS {
            let name = format!("innocent{index}");
            let (address, dialect) = match field.plain {
                Some(plain) if index % 4 < 2 => (plain, Dialect::Plain),
                Some(_) | None => (field.irc, Dialect::Irc),
            };
            let conn = wire.connect_from(address, INNOCENT)?;
            let person = Person::new(&name, Role::Idle);
            let is_known = field.dialect_is_ours;
            let person = if is_known { person.resumable() } else { person };
            for step in dialect.login(&person) {
                wire.send(conn, step.say.as_bytes())?;
            }
            all.push(One {
                name,
                dialect,
                other: index ^ 1,
                said: 0,
                heard: 0,
                awaited: VecDeque::new(),
                is_in: false,
            });
        }
        let talked = Talked {
            plain: [histogram(), histogram()],
            irc: [histogram(), histogram()],
            complaints: Vec::new(),
        };
        let people = People {
            all,
            talked,
            is_end: false,
        };
        let mut innocents = Self { wire, people };
        let start = Instant::now();
        while !innocents.people.all.iter().all(|one| one.is_in) {
            let (wire, people) = (&mut innocents.wire, &mut innocents.people);
            wire.turn(Some(Duration::from_millis(100)), people)?;
            anyhow::ensure!(start.elapsed() < LOGIN, "the innocent cannot log in");
        }
        Ok(innocents)
    }

    /// Lets them talk until they are hushed, and hear what was said.
    pub(super) fn talk(mut self, field: &Field) -> Talked {
        if let Err(error) = self.go_on(field) {
            self.people
                .complain(format!("the innocent are cut off: {error:#}"));
        }
        self.people.talked
    }

    fn go_on(&mut self, field: &Field) -> Result<()> {
        let count = self.people.all.len();
        let step = INTERVAL / u32::try_from(count).expect("they are few");
        let (mut at, mut turn) = (Instant::now(), 0);
        while field.is_talked() {
            let now = Instant::now();
            if now < at {
                self.wire.turn(Some(at - now), &mut self.people)?;
                continue;
            }
            let phase = usize::from(field.phase() >= Phase::During);
            self.say(turn, (at, phase))?;
            turn = (turn + 1) % count;
            at += step;
        }
        let hushed = Instant::now();
        while hushed.elapsed() < PATIENCE && self.people.all.iter().any(One::awaits) {
            self.wire
                .turn(Some(Duration::from_millis(100)), &mut self.people)?;
        }
        let lost: usize = self.people.all.iter().map(|one| one.awaited.len()).sum();
        if lost > 0 {
            self.people
                .complain(format!("{lost} messages of the innocent are lost"));
        }
        self.people.is_end = true;
        Ok(())
    }

    fn say(&mut self, turn: usize, sent: (Instant, usize)) -> Result<()> {
        let one = &mut self.people.all[turn];
        let (dialect, other, number) = (one.dialect, one.other, one.said);
        one.said += 1;
        let other = &mut self.people.all[other];
        other.awaited.push_back(sent);
        let line = match dialect {
            Dialect::Plain => format!("{}: number {number}\n", other.name),
            Dialect::Irc | Dialect::Redis | Dialect::Nats | Dialect::Relay => {
                format!("PRIVMSG {} :number {number}\r\n", other.name)
            }
        };
        self.wire.send(turn, line.as_bytes()).context("can't send")
    }
}

impl One {
    fn awaits(&self) -> bool {
        !self.awaited.is_empty()
    }
}

impl People {
    fn complain(&mut self, complaint: String) {
        if self.talked.complaints.len() < COMPLAINTS {
            self.talked.complaints.push(complaint);
        }
    }

    fn line(&mut self, conn: usize, line: &str) {
        let from = self.all[self.all[conn].other].name.clone();
        let one = &mut self.all[conn];
        let expected = match one.dialect {
            Dialect::Plain => format!("from {from}: number {}", one.heard),
            Dialect::Irc | Dialect::Redis | Dialect::Nats | Dialect::Relay => {
                format!(" PRIVMSG {} :number {}", one.name, one.heard)
            }
        };
        if line == expected || (line.starts_with(&format!(":{from}!")) && line.ends_with(&expected))
        {
            one.heard += 1;
            let (at, phase) = one.awaited.pop_front().expect("it was said before");
            let late = u64::try_from(at.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let histograms = if one.dialect == Dialect::Plain {
                &mut self.talked.plain
            } else {
                &mut self.talked.irc
            };
            histograms[phase].saturating_record(late);
            return;
        }
        one.is_in |= is_welcome(one.dialect, line);
        let is_message = line.contains(":number ") || line.contains(": number ");
        if is_message || one.dialect.is_error(line) {
            let name = one.name.clone();
            self.complain(format!("{name} is told {line:?} instead of {expected:?}"));
        }
    }
}

impl Talk for People {
    fn received(&mut self, wire: &mut Wire, conn: usize, bytes: &[u8]) -> Result<usize> {
        let dialect = self.all[conn].dialect;
        each_line(bytes, |line| {
            if let Some(answer) = dialect.answer(line) {
                return wire.send(conn, answer.as_bytes());
            }
            self.line(conn, line);
            Ok(())
        })
    }

    fn closed(&mut self, _wire: &mut Wire, conn: usize) -> Result<()> {
        let name = self.all[conn].name.clone();
        self.complain(format!("the server closes the connection of {name}"));
        Ok(())
    }
}
