//! A chart as lines for a terminal.

use std::fmt::Write;

use rejoin::id::Time;

use super::chart::{Chart, Grip, Kind, Lane, Life, Line, Link, Row, Style, Turn};
use crate::plural::count;

/// With more connections side by side, their lifelines are left out.
const MOST_SLOTS: usize = 24;

/// After so many rows it is said again whose columns they are.
const HEADS: usize = 40;

/// What the signs mean; those in the columns are left out with them.
const LEGEND: [&str; 3] = [
    "▸ the broker is told something, and what it wants done is indented below; ◆ a name changes",
    "hands; ⚡ a fault; ✗ something is not as it should be. Beside a client: ▸ it writes, ◂ it reads,",
    "✕ its connection ends.",
];
const COLUMNS: [&str; 4] = [
    "Each column is a connection, and another one's once it is over: ▷ bytes come in, ▶ it says",
    "something to the broker, ◀ it is told something, × it is told to stop, ◁ bytes go out, ┯ its",
    "reader has finished, ┷ its writer has; ┃ both are there, │ one half is left, ┊ it is over.",
    "The numbers above the columns are those of the connections, from top to bottom: 1 above 2 is c12.",
];

/// So many alarms are told ahead of what happened; of a record, one often leads to another.
pub(super) const MOST_ALARMS: usize = 5;

const RED: &str = "1;31";
const YELLOW: &str = "1;33";
const FAINT: &str = "2";
/// Told apart with all common kinds of colour blindness, on black and on white.
const HUES: [&str; 6] = [
    "38;5;33", "38;5;172", "38;5;35", "38;5;169", "38;5;74", "38;5;142",
];

/// Everything that a chart tells, with colours or without.
pub(super) fn listing(chart: &Chart, colour: bool) -> String {
    let paint = Paint { colour };
    let mut out = String::new();
    head(chart, paint, &mut out);
    for (index, row) in chart.rows.iter().enumerate() {
        if index % HEADS == 0 {
            heads(chart, paint, index, &mut out);
        }
        if let Some(pause) = row.pause {
            let pause = format!("{:>12}  ┄┄ {}", "", duration(pause.as_micros()));
            lay(&mut out, &paint.with(FAINT, &pause));
        }
        self::row(chart, paint, index, row, &mut out);
    }
    out
}

/// A point in time, in milliseconds.
pub(super) fn time(at: Time) -> String {
    let micros = at.as_micros();
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

/// How long a pause is, in a unit that suits it.
pub(super) fn duration(micros: u128) -> String {
    if micros < 1_000_000 {
        format!("{}.{:03} ms", micros / 1000, micros % 1000)
    } else {
        format!("{}.{:03} s", micros / 1_000_000, micros / 1000 % 1000)
    }
}

/// How much a chart shows, in a line.
pub(super) fn summary(chart: &Chart) -> String {
    let count = |number: usize, what| count(number as u64, what);
    let events: usize = chart.rows.iter().map(|row| row.events).sum();
    let mut parts = vec![
        count(events - chart.alarms().count(), "event"),
        count(chart.lives.len(), "connection"),
        count(chart.names.len(), "name"),
    ];
    if !chart.clients.is_empty() {
        parts.insert(1, count(chart.clients.len(), "client"));
    }
    let faults = chart.faults().map(|row| chart.rows[row].events).sum();
    if faults > 0 {
        parts.push(count(faults, "fault"));
    }
    if let (Some(first), Some(last)) = (chart.rows.first(), chart.rows.last()) {
        parts.push(duration(last.at.since(first.at).as_micros()));
    }
    parts.join(" · ")
}

#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.colour && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn name(self, name: Option<usize>, text: &str) -> String {
        match name {
            Some(name) => self.with(HUES[name % HUES.len()], text),
            None => text.to_owned(),
        }
    }
}

fn lay(out: &mut String, line: &str) {
    writeln!(out, "{}", line.trim_end()).expect("a string takes everything");
}

fn head(chart: &Chart, paint: Paint, out: &mut String) {
    lay(out, &paint.with("1", &chart.title));
    lay(out, &summary(chart));
    for remark in &chart.remarks {
        lay(out, remark);
    }
    for (row, alarm) in chart.alarms().take(MOST_ALARMS) {
        let at = time(chart.rows[row].at);
        let said = format!("✗ {at} ms: {}: {}", alarm.head, alarm.what);
        lay(out, &paint.with(RED, &said));
    }
    let more = chart.alarms().count().saturating_sub(MOST_ALARMS);
    if more > 0 {
        lay(out, &paint.with(RED, &format!("✗ and {more} more below")));
    }
    lay(out, "");
    let columns: &[&str] = match chart.slots {
        0 => &[],
        1..=MOST_SLOTS => &COLUMNS,
        _ => &["There are too many connections for a column each; a page of the run shows them."],
    };
    for line in LEGEND.iter().chain(columns) {
        lay(out, &paint.with(FAINT, line));
    }
}

/// The numbers of the connections over their columns: in each that of the first from this row on.
fn heads(chart: &Chart, paint: Paint, row: usize, out: &mut String) {
    let slots = if chart.slots > MOST_SLOTS {
        0
    } else {
        chart.slots
    };
    let mut firsts: Vec<Option<(usize, String)>> = vec![None; slots];
    for (link, life) in &chart.lives {
        let is_near = life.from < row + HEADS && row <= life.to;
        let first = firsts.get_mut(life.slot).filter(|_| is_near);
        if let Some(first) = first
            && first.as_ref().is_none_or(|&(from, _)| life.from < from)
        {
            *first = Some((life.from, link.conn.number().to_string()));
        }
    }
    lay(out, "");
    let height = firsts
        .iter()
        .flatten()
        .map(|(_, number)| number.len())
        .max();
    for line in 0..height.unwrap_or(1) {
        let left = if line == 0 { "ms" } else { "" };
        let digits = firsts.iter().map(|first| {
            let number = first.as_ref().map_or("", |(_, number)| number);
            format!("{} ", number.get(line..=line).unwrap_or(" "))
        });
        let digits = digits.collect::<String>();
        lay(out, &paint.with(FAINT, &format!("{left:>12}  {digits}")));
    }
}

fn row(chart: &Chart, paint: Paint, index: usize, row: &Row, out: &mut String) {
    if let Some(alarm) = row.kind.alarm() {
        let said = format!("{:>12}  ✗ {}: {}", time(row.at), alarm.head, alarm.what);
        lay(out, &paint.with(RED, &said));
        for more in &alarm.more {
            lay(out, &paint.with("31", &format!("{:>12}    {more}", "")));
        }
        return;
    }
    let broken = row.broken;
    for (number, line) in row.lines.iter().enumerate() {
        let at = if number == 0 {
            time(row.at)
        } else {
            String::new()
        };
        let at = paint.with(if broken { RED } else { FAINT }, &format!("{at:>12}"));
        let mark = if broken {
            paint.with(RED, "▌")
        } else {
            " ".to_owned()
        };
        let graph = graph(chart, paint, index, Some(line));
        let words = sentence(chart, line);
        let words = match row.kind {
            Kind::Fault => paint.with(YELLOW, &words),
            Kind::Written | Kind::Client => paint.with(FAINT, &words),
            Kind::Handled if line.from == Lane::Broker => words,
            Kind::Handled => paint.name(row.hue, &words),
            Kind::Alarm(_) => unreachable!("an alarm has no arrows"),
        };
        lay(out, &format!("{at} {mark}{graph} {words}"));
    }
    for turn in &row.turns {
        let graph = graph(chart, paint, index, None);
        let words = paint.name(Some(turn.name), &format!("◆ {}", self::turn(chart, turn)));
        lay(out, &format!("{:>12}  {graph} {words}", ""));
    }
}

fn sentence(chart: &Chart, line: &Line) -> String {
    let label = &line.label;
    let client = |client: usize| chart.clients.get(client).map_or("?", String::as_str);
    let to_client = line.to.iter().find_map(|lane| match lane {
        Lane::Client(index) => Some(client(*index)),
        Lane::Reader(_) | Lane::Writer(_) | Lane::Broker | Lane::Name(_) | Lane::Everywhere => None,
    });
    match (line.style, line.from, to_client) {
        (Style::Strikes, Lane::Client(index), _) => format!("⚡ {}: {label}", client(index)),
        (Style::Strikes, lane, _) => match lane.conn() {
            Some(conn) => format!("⚡ {conn}: {label}"),
            None => format!("⚡ {label}"),
        },
        (Style::Ends, Lane::Client(index), _) => format!("  {} ✕ {label}", client(index)),
        (_, Lane::Client(index), None) => format!("  {} ▸ {label}", client(index)),
        (_, _, Some(client)) => format!("  {client} ◂ {label}"),
        (Style::Ends, _, None) => format!("▸ {label}"),
        (Style::Says, Lane::Writer(_), None) => format!("  {label}"),
        (Style::Says, _, None) => format!("▸ {label}"),
        (Style::Returns, _, None) => format!("  ↩ {label}"),
        (Style::Tells | Style::Orders | Style::Discards, _, None) => format!("    {label}"),
        (Style::Notes, _, None) => format!("· {label}"),
    }
}

/// A column for each connection, and in it what a line does to it.
fn graph(chart: &Chart, paint: Paint, row: usize, line: Option<&Line>) -> String {
    if chart.slots > MOST_SLOTS {
        return String::new();
    }
    let mut cells = vec!["  ".to_owned(); chart.slots];
    for (&conn, life) in &chart.lives {
        if (life.from..=life.to).contains(&row) {
            let mark = line.and_then(|line| mark(conn, life, row, line));
            let stages = life.stages.iter().rev();
            let stage = stages.copied().find(|&(from, _)| from <= row);
            let name = stage.and_then(|(_, stage)| stage.name());
            let shown = paint.name(name, mark.unwrap_or(lifeline(life, row)));
            cells[life.slot] = format!("{shown} ");
        }
    }
    cells.concat()
}

fn mark(conn: Link, life: &Life, row: usize, line: &Line) -> Option<&'static str> {
    let told = line.to.iter().any(|lane| lane.conn() == Some(conn));
    let says = line.from.conn() == Some(conn);
    match line.style {
        Style::Strikes if says => Some("⚡"),
        Style::Ends if says && life.writer_end == Some(row) => Some("┷"),
        Style::Ends if says => Some("┯"),
        Style::Says if says && matches!(line.from, Lane::Writer(_)) => Some("◁"),
        Style::Says | Style::Returns if says => Some("▶"),
        Style::Says if told => Some("▷"),
        Style::Tells if told => Some("◀"),
        Style::Orders if told => Some("×"),
        Style::Says
        | Style::Tells
        | Style::Orders
        | Style::Returns
        | Style::Ends
        | Style::Discards
        | Style::Strikes
        | Style::Notes => None,
    }
}

fn lifeline(life: &Life, row: usize) -> &'static str {
    let over = |end: Option<usize>| end.is_some_and(|end| end < row);
    match (over(life.reader_end), over(life.writer_end)) {
        (false, false) => "┃",
        (true, false) | (false, true) => "│",
        (true, true) => "┊",
    }
}

fn turn(chart: &Chart, turn: &Turn) -> String {
    let name = chart.names[turn.name];
    format!("{name}: {} → {}", grip(turn.before), grip(turn.after))
}

/// What a name is bound to, in words.
pub(super) fn grip(grip: Option<Grip>) -> String {
    match grip {
        None => "free".to_owned(),
        Some(Grip::Away) => "away".to_owned(),
        Some(Grip::Held {
            holder,
            guest,
            leaving,
            waiter,
        }) => {
            let guest = if guest { ", a guest" } else { "" };
            let leaving = if leaving { ", leaving" } else { "" };
            let waiter = waiter.map_or_else(String::new, |waiter| format!(", {waiter} waits"));
            format!("{holder}{guest}{leaving}{waiter}")
        }
    }
}
