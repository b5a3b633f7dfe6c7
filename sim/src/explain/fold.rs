//! Puts into one row what nobody reads line by line: the numerics of IRC, one fault again and again,
//! and stretches in which nothing happens.

use std::collections::BTreeMap;

use rejoin::broker::Input;

use super::chart::Line;
use super::rows::{LINE, note};
use super::text;
use crate::moment::Happening;
use crate::trace::{Did, Entry, What};
use crate::words;

/// How many entries it takes for a stretch in which nothing happens: a question and its answer may be
/// what matters.
const STRETCH: usize = 4;

/// What shares a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'a> {
    /// What the entries have in common.
    pub(super) kind: Common,
    /// At least one.
    pub(super) entries: &'a [Entry],
}

/// What entries have in common that share a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Common {
    /// Nothing: there is one.
    Alone,
    /// A client reads numerics.
    Numerics,
    /// The same fault takes effect.
    Fault,
    /// Nothing happens: probes, their answers, and the time.
    Idle,
}

/// The entries in order, each in one group; those that an alarm tells of are alone.
pub(super) fn groups(entries: &[Entry], folded: bool) -> Vec<Group<'_>> {
    let told = told_of(entries);
    let mut groups = Vec::new();
    let mut rest = 0;
    while rest < entries.len() {
        let kind = if folded && !told[rest] {
            common(&entries[rest])
        } else {
            Common::Alone
        };
        let alike = entries[rest + 1..].iter().zip(&told[rest + 1..]);
        let alike = alike.take_while(|&(next, &told)| {
            kind != Common::Alone && !told && goes_on(kind, &entries[rest], next)
        });
        let length = 1 + alike.count();
        let (kind, length) = match kind {
            Common::Alone => (kind, 1),
            Common::Idle if length < STRETCH => (Common::Alone, 1),
            Common::Numerics | Common::Fault if length == 1 => (Common::Alone, 1),
            Common::Numerics | Common::Fault | Common::Idle => (kind, length),
        };
        let entries = &entries[rest..rest + length];
        groups.push(Group { kind, entries });
        rest += length;
    }
    groups
}

/// Makes the lines of the first of a group tell of all of it.
pub(super) fn tell_of_all(group: &Group<'_>, lines: &mut [Line]) {
    let count = group.entries.len();
    match group.kind {
        Common::Alone | Common::Idle => {}
        Common::Fault => {
            for line in lines {
                line.label = format!("{}, {count} times", line.label);
            }
        }
        Common::Numerics => {
            let heard = group.entries.iter().filter_map(|entry| match &entry.what {
                What::Client {
                    did: Did::Heard(line),
                    ..
                } => Some(line.as_str()),
                What::Client { .. }
                | What::Fault { .. }
                | What::Moment(_)
                | What::Restarted
                | What::Violated(_)
                | What::Panicked(_)
                | What::Differed(_) => None,
            });
            let mut numbers: Vec<_> = heard.clone().filter_map(numeric).collect();
            numbers.dedup();
            for line in lines {
                line.label = words::shorten(&numbers.join(" "), LINE);
                line.detail = words::clean(&heard.clone().collect::<Vec<_>>().join("\n"));
            }
        }
    }
}

/// Says what there was while nothing happened.
pub(super) fn idle(group: &Group<'_>) -> Line {
    let mut probes = BTreeMap::<_, u64>::new();
    for entry in group.entries {
        if let What::Client {
            did: Did::Said(line) | Did::Heard(line),
            ..
        } = &entry.what
            && let Some(probe) = probe(line)
        {
            *probes.entry(probe).or_default() += 1;
        }
    }
    let probes: Vec<_> = probes
        .iter()
        .map(|(probe, count)| format!("{count} {probe}"))
        .collect();
    let (first, last) = (&group.entries[0], &group.entries[group.entries.len() - 1]);
    let time = text::duration(last.at.since(first.at).as_micros());
    let among = if probes.is_empty() { "" } else { ", but for " };
    let says = format!("nothing for {time}{among}{}", probes.join(", "));
    note(&says)
}

/// Of which entries an alarm tells.
fn told_of(entries: &[Entry]) -> Vec<bool> {
    let mut told = vec![false; entries.len()];
    for (index, entry) in entries.iter().enumerate() {
        let before = match &entry.what {
            What::Violated(_) | What::Panicked(_) => 1,
            What::Differed(difference) => difference.entries,
            What::Fault { .. } | What::Client { .. } | What::Moment(_) | What::Restarted => 0,
        };
        told[index.saturating_sub(before)..index].fill(true);
    }
    told
}

fn common(entry: &Entry) -> Common {
    match &entry.what {
        What::Fault { .. } => Common::Fault,
        What::Client {
            did: Did::Heard(line),
            ..
        } if numeric(line).is_some() => Common::Numerics,
        _ if is_idle(entry) => Common::Idle,
        What::Client { .. }
        | What::Moment(_)
        | What::Restarted
        | What::Violated(_)
        | What::Panicked(_)
        | What::Differed(_) => Common::Alone,
    }
}

/// Whether an entry has in common with the first of its group what makes that a group.
fn goes_on(kind: Common, first: &Entry, next: &Entry) -> bool {
    match kind {
        Common::Alone => false,
        Common::Fault => first.what == next.what,
        Common::Idle => is_idle(next),
        Common::Numerics => match (&first.what, &next.what) {
            (
                What::Client { client, conn, .. },
                What::Client {
                    client: same,
                    conn: also,
                    did: Did::Heard(line),
                },
            ) => client == same && conn == also && numeric(line).is_some(),
            _ => false,
        },
    }
}

/// The number of a line of IRC that has one, such as `:server 001 ann :Welcome`.
fn numeric(line: &str) -> Option<&str> {
    let number = command(line.strip_prefix('@').map_or(Some(line), after_word)?)?;
    let is_numeric = number.len() == 3 && number.bytes().all(|byte| byte.is_ascii_digit());
    is_numeric.then_some(number)
}

/// The command of a line without tags that a server says.
fn command(line: &str) -> Option<&str> {
    after_word(line.strip_prefix(':')?)?.split(' ').next()
}

fn after_word(line: &str) -> Option<&str> {
    line.split_once(' ').map(|(_, rest)| rest)
}

/// Whether an entry is a probe or its answer, or only the time.
fn is_idle(entry: &Entry) -> bool {
    match &entry.what {
        What::Moment(moment) => match &moment.happening {
            Happening::Handled { input, acts } => matches!(input, Input::Tick) && acts.is_empty(),
            Happening::Written { items, .. } => items.is_empty(),
        },
        What::Client { did, .. } => match did {
            Did::Said(line) | Did::Heard(line) => probe(line).is_some(),
            Did::Connected | Did::Ended(_) => false,
        },
        What::Fault { .. }
        | What::Restarted
        | What::Violated(_)
        | What::Panicked(_)
        | What::Differed(_) => false,
    }
}

/// What a probe or its answer is called.
fn probe(line: &str) -> Option<&'static str> {
    let line = line.strip_prefix('@').map_or(Some(line), after_word)?;
    let word = line.split(' ').next().expect("split gives one");
    match word {
        "PING" => Some("PING"),
        "PONG" => Some("PONG"),
        "/pong" => Some("/pong"),
        "*" if line == "* ping" => Some("* ping"),
        _ if command(line) == Some("PONG") => Some("PONG"),
        _ => None,
    }
}
