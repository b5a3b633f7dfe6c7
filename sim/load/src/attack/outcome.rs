//! What a play came to.

use std::time::Duration;

use hdrhistogram::Histogram;

use super::innocents::Talked;
use super::memory::Memory;
use super::visitors::Visited;

/// How late something came, in milliseconds.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Late {
    /// How often it was measured.
    pub count: u64,
    /// As late as half of all.
    pub p50: f64,
    /// As late as 99 of 100.
    pub p99: f64,
    /// As late as the last.
    pub most: f64,
}

impl Late {
    pub(super) fn of(nanos: &Histogram<u64>) -> Self {
        let millis = |nanos: u64| nanos as f64 / 1e6;
        Self {
            count: nanos.len(),
            p50: millis(nanos.value_at_quantile(0.5)),
            p99: millis(nanos.value_at_quantile(0.99)),
            most: millis(nanos.max()),
        }
    }

    /// The median of each figure; of an even number of them the higher one.
    fn median(all: impl Iterator<Item = Self>) -> Self {
        let all: Vec<_> = all.collect();
        let median = |figure: fn(&Self) -> f64| {
            let mut figures: Vec<_> = all.iter().map(figure).collect();
            figures.sort_unstable_by(f64::total_cmp);
            figures.get(figures.len() / 2).copied().unwrap_or(0.0)
        };
        Self {
            count: all.iter().map(|late| late.count).sum(),
            p50: median(|late| late.p50),
            p99: median(|late| late.p99),
            most: median(|late| late.most),
        }
    }
}

/// What an [`Outcome`] must be within.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// As late as 99 of 100 messages between the innocent may come beside the attack; `None` if the
    /// machine has too much else to do to say.
    pub late: Option<Duration>,
    /// The memory that the server may take, in bytes.
    pub memory: u64,
    /// The time that it may take to stop.
    pub stop: Duration,
}

/// What a play came to.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// How late the innocent who speak plain lines heard each other, ahead of the attack and beside
    /// it.
    pub plain: [Late; 2],
    /// The same of those who speak IRC.
    pub irc: [Late; 2],
    /// How long a newcomer took to log in, ahead of the attack and beside it.
    pub logins: [Late; 2],
    /// What the innocent, and those who came by, cannot accept.
    pub complaints: Vec<String>,
    /// The most memory that the server took, ahead of the attack and beside it, in bytes.
    pub memory: [u64; 2],
    /// How long the server took to stop, while the attack went on; `None` if it had to be killed.
    pub stop: Option<Duration>,
    /// What else was counted.
    pub facts: Vec<(String, u64)>,
}

impl Outcome {
    pub(super) fn new(talked: Talked, visited: Visited, memory: Memory) -> Self {
        Self {
            plain: talked.plain.each_ref().map(Late::of),
            irc: talked.irc.each_ref().map(Late::of),
            logins: visited.late.each_ref().map(Late::of),
            complaints: [talked.complaints, visited.complaints].concat(),
            memory: [memory.before, memory.during],
            stop: None,
            facts: Vec::new(),
        }
    }

    /// What of this is not within these bounds, each in a sentence.
    pub fn faults(&self, bounds: &Bounds) -> Vec<String> {
        let mut faults = self.complaints.clone();
        faults.extend(self.late(bounds));
        let are_silent = self.plain[1].count + self.irc[1].count == 0;
        faults.extend(are_silent.then(|| "the innocent heard nothing".to_owned()));
        let are_alone = self.logins[1].count == 0;
        faults.extend(are_alone.then(|| "no visitor was let in".to_owned()));
        let [_, memory] = self.memory.map(|bytes| bytes >> 20);
        if self.memory[1] > bounds.memory {
            let most = bounds.memory >> 20;
            faults.push(format!("{memory} MiB of memory were taken, over {most}"));
        }
        match self.stop {
            None => faults.push("the server did not stop, and was killed".to_owned()),
            Some(stop) if stop > bounds.stop => {
                let most = bounds.stop;
                faults.push(format!(
                    "the server took {stop:.1?} to stop, over {most:.1?}"
                ));
            }
            Some(_) => {}
        }
        faults
    }

    /// Which of the innocent heard each other too late.
    pub fn late(&self, bounds: &Bounds) -> Vec<String> {
        let Some(most) = bounds.late else {
            return Vec::new();
        };
        let most = most.as_secs_f64() * 1e3;
        let pairs = [("plain lines", self.plain), ("IRC", self.irc)];
        let late = pairs.into_iter().filter(|(_, [_, late])| late.p99 > most);
        let told = late.map(|(dialect, [before, late])| {
            format!(
                "innocent pairs by {dialect} heard each other with a p99 of {:.1} ms, over \
                 {most:.0} ({:.1} before the attack)",
                late.p99, before.p99
            )
        });
        told.collect()
    }

    /// What several plays of the same came to: the medians of what was late, all complaints, and
    /// the most of memory and time to stop. `None` of none.
    pub fn of_several(plays: &[Self]) -> Option<Self> {
        let mut all = plays.last()?.clone();
        for phase in 0..2 {
            all.plain[phase] = Late::median(plays.iter().map(|play| play.plain[phase]));
            all.irc[phase] = Late::median(plays.iter().map(|play| play.irc[phase]));
            all.logins[phase] = Late::median(plays.iter().map(|play| play.logins[phase]));
            let memory = plays.iter().map(|play| play.memory[phase]);
            all.memory[phase] = memory.max().unwrap_or(0);
        }
        all.complaints = plays
            .iter()
            .flat_map(|play| play.complaints.clone())
            .collect();
        let stops: Option<Vec<_>> = plays.iter().map(|play| play.stop).collect();
        all.stop = stops.and_then(|stops| stops.into_iter().max());
        Some(all)
    }

    /// A number that was counted; 0 if it never was.
    pub fn fact(&self, what: &str) -> u64 {
        let fact = self.facts.iter().find(|(name, _)| name == what);
        fact.map_or(0, |(_, number)| *number)
    }
}

/// A histogram of nanoseconds.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 600_000_000_000, 3).expect("the bounds are valid")
}
