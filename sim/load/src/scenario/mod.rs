//! What is measured.

mod churn;
mod flow;
mod idle;
mod paced;
mod slow;
mod storm;

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::dialect::Dialect;
use crate::process;

/// A server that is measured.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// What it speaks there.
    pub dialect: Dialect,
    /// Its process, if its CPU and memory are to be measured, too.
    pub pid: Option<u32>,
}

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Before anything counts.
    pub warm_up: Duration,
    /// What counts.
    pub measured: Duration,
    /// Bytes of a text.
    pub text_bytes: usize,
    /// Messages that one stream may have under way; by default few enough for a cache.
    pub window: Option<usize>,
}

/// Something that is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scenario {
    /// Everyone talks to one other, as fast as those can read.
    Direct {
        /// Who talks to whom.
        pairs: usize,
    },
    /// The same, beside many who say nothing.
    Among {
        /// Who talks to whom.
        pairs: usize,
        /// Who says nothing.
        idle: usize,
    },
    /// In each room one talks to all others, as fast as those can read.
    FanOut {
        /// How many rooms.
        rooms: usize,
        /// Who listens in each.
        members: usize,
    },
    /// Messages come at fixed times, whatever became of those before.
    Paced {
        /// Who talks to whom.
        pairs: usize,
        /// Messages a second, of all together.
        rate: u32,
    },
    /// Everyone is logged in, and says nothing.
    Idle {
        /// How many.
        peers: usize,
    },
    /// Everyone connects, logs in, quits, and comes as somebody else.
    Churn {
        /// How many at once.
        at_once: usize,
    },
    /// All connections drop at once, mail is kept, and everyone comes back at once.
    Storm {
        /// How many.
        peers: usize,
        /// Pieces of mail for each.
        mail: usize,
    },
    /// One does not read, and much is said to it.
    Slow {
        /// Messages to it.
        messages: usize,
    },
}

/// What was measured.
#[derive(Clone, Default, Debug, Serialize, Deserialize)]
pub struct Figures {
    /// Deliveries, or whatever is counted, in all; each was checked.
    pub count: u64,
    /// How many a second.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub per_second: Option<f64>,
    /// The server's CPU time for each, in microseconds: as many seconds for a million.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu_micros: Option<f64>,
    /// The server's memory for each, in KiB; for all of them, if it is one reader.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kib: Option<f64>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seconds: Option<f64>,
    /// How late messages came, from when they were to be sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub latency: Option<Percentiles>,
}

/// In microseconds.
#[derive(Clone, Copy, Default, Debug, Serialize, Deserialize)]
pub struct Percentiles {
    /// As late as half of all.
    pub p50: f64,
    /// As late as 99 of 100.
    pub p99: f64,
    /// As late as 999 of 1,000.
    pub p999: f64,
    /// As late as the last.
    pub max: f64,
}

impl Percentiles {
    fn of(nanos: &Histogram<u64>) -> Self {
        let micros = |nanos: u64| nanos as f64 / 1e3;
        Self {
            p50: micros(nanos.value_at_quantile(0.5)),
            p99: micros(nanos.value_at_quantile(0.99)),
            p999: micros(nanos.value_at_quantile(0.999)),
            max: micros(nanos.max()),
        }
    }
}

impl Scenario {
    /// Measures it.
    ///
    /// # Errors
    ///
    /// If a delivery is missing, comes twice, late, or otherwise than it was sent, or the server
    /// does not do its part.
    pub fn run(self, target: &Target, effort: &Effort) -> Result<Figures> {
        let figures = match self {
            Self::Direct { pairs } => flow::direct(target, effort, pairs, 0),
            Self::Among { pairs, idle } => flow::direct(target, effort, pairs, idle),
            Self::FanOut { rooms, members } => flow::fan_out(target, effort, rooms, members),
            Self::Paced { pairs, rate } => paced::run(target, effort, pairs, rate),
            Self::Idle { peers } => idle::run(target, peers),
            Self::Churn { at_once } => churn::run(target, effort, at_once),
            Self::Storm { peers, mail } => storm::run(target, effort, peers, mail),
            Self::Slow { messages } => slow::run(target, effort, messages),
        };
        figures.with_context(|| format!("scenario {self}"))
    }

    /// Whether it can be run on a server that speaks so.
    pub const fn is_for(self, dialect: Dialect) -> bool {
        match self {
            Self::Direct { .. }
            | Self::Among { .. }
            | Self::FanOut { .. }
            | Self::Paced { .. }
            | Self::Idle { .. }
            | Self::Churn { .. } => true,
            // It takes a server that knows its peers again.
            Self::Storm { .. } | Self::Slow { .. } => matches!(dialect, Dialect::Plain),
        }
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Direct { pairs } => write!(f, "direct:{pairs}"),
            Self::Among { pairs, idle } => write!(f, "among:{pairs}:{idle}"),
            Self::FanOut { rooms: 1, members } => write!(f, "fan-out:{members}"),
            Self::FanOut { rooms, members } => write!(f, "fan-out:{members}:{rooms}"),
            Self::Paced { pairs, rate } => write!(f, "paced:{rate}:{pairs}"),
            Self::Idle { peers } => write!(f, "idle:{peers}"),
            Self::Churn { at_once } => write!(f, "churn:{at_once}"),
            Self::Storm { peers, mail } => write!(f, "storm:{peers}:{mail}"),
            Self::Slow { messages } => write!(f, "slow:{messages}"),
        }
    }
}

impl std::str::FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        let mut numbers = rest.split(':').filter(|number| !number.is_empty());
        let mut number = |default: usize| match numbers.next() {
            Some(number) => number
                .parse()
                .ok()
                .filter(|&number| number > 0)
                .ok_or_else(|| format!("{number} is no number greater than 0")),
            None => Ok(default),
        };
        let scenario = match kind {
            "direct" => Self::Direct { pairs: number(8)? },
            "among" => Self::Among {
                pairs: number(8)?,
                idle: number(5_000)?,
            },
            "fan-out" => Self::FanOut {
                members: number(100)?,
                rooms: number(1)?,
            },
            "paced" => Self::Paced {
                rate: u32::try_from(number(2_000)?).map_err(|_| "the rate is too high")?,
                pairs: number(8)?,
            },
            "idle" => Self::Idle {
                peers: number(5_000)?,
            },
            "churn" => Self::Churn {
                at_once: number(64)?,
            },
            "storm" => Self::Storm {
                peers: number(5_000)?,
                mail: number(10)?,
            },
            "slow" => Self::Slow {
                messages: number(300_000)?,
            },
            other => return Err(format!("there is no scenario {other}")),
        };
        match numbers.next() {
            Some(more) => Err(format!("{kind} does not take {more}, too")),
            None => Ok(scenario),
        }
    }
}

/// What was used so far, to be compared with later.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Instant,
    cpu: Option<Duration>,
    count: u64,
}

impl Mark {
    fn now(target: &Target, count: u64) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            cpu: target.pid.map(process::cpu).transpose()?,
            count,
        })
    }

    /// What came about from here to `end`.
    fn to(&self, end: &Self) -> Figures {
        let count = end.count - self.count;
        let seconds = (end.at - self.at).as_secs_f64();
        // Of threads that have ended meanwhile nobody knows what they had used.
        let both = self.cpu.zip(end.cpu);
        let cpu = both.and_then(|(start, end)| end.checked_sub(start));
        Figures {
            count,
            per_second: Some(count as f64 / seconds),
            cpu_micros: cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / count as f64),
            ..Figures::default()
        }
    }
}
