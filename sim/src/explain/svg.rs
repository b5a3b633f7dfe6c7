//! The picture on the page: lifelines and bands, and the rows over them.

use std::fmt::{Display, Write};

use rejoin::id::ConnId;

use super::chart::{
    Alarm, Band, Chart, Grip, Kind, Lane, Level, Life, Line, Link, Row, Stage, Style,
};
use super::grid::{BAND, Grid, PAUSE, TIME, is_in_words};
use super::html::escape;
use super::text;
use crate::words;

/// How many colours tell names apart.
pub(super) const HUES: usize = 6;
/// After so much of a lifeline it is said again whose it is.
const REMIND: i32 = 420;
/// A tooltip holds no more than this.
const MOST_DETAIL: usize = 1500;

/// What draws.
pub(super) struct Pen<'a> {
    pub(super) chart: &'a Chart,
    pub(super) grid: &'a Grid,
    pub(super) out: String,
}

impl Pen<'_> {
    /// Draws everything below the head.
    pub(super) fn body(&mut self) {
        for row in 0..self.chart.rows.len() {
            self.back(row);
        }
        for (&conn, life) in &self.chart.lives {
            self.life(life);
            self.remind(conn, life);
        }
        let broker = self.grid.broker;
        let bottom = self.grid.bottom();
        self.put(format_args!(
            r#"<rect class="broker" x="{}" y="0" width="6" height="{bottom}" rx="3"/>"#,
            broker - 3
        ));
        self.clients();
        for index in 0..self.chart.names.len() {
            let x = self.grid.name(index);
            self.put(format_args!(
                r#"<path class="rail" d="M{x} 0V{bottom}M{} 0V{bottom}"/>"#,
                x + BAND
            ));
        }
        for band in &self.chart.bands {
            self.band(band);
        }
        for level in &self.chart.levels {
            self.level(level);
        }
        for index in 0..self.chart.rows.len() {
            self.pause(index);
            self.row(index);
        }
        for (&conn, life) in &self.chart.lives {
            self.tag(conn, life);
        }
    }

    /// What lies under the lifelines: the line above a row, and what marks the whole row.
    fn back(&mut self, index: usize) {
        let (left, y, right) = (self.grid.left(), self.grid.top(index), self.grid.broker);
        self.put(format_args!(
            r#"<path class="hair" d="M{left} {y}H{right}"/>"#
        ));
        let class = match self.chart.rows[index].kind {
            Kind::Fault => "storm",
            Kind::Handled | Kind::Written | Kind::Client if self.chart.rows[index].broken => {
                "alarm"
            }
            Kind::Handled | Kind::Written | Kind::Client | Kind::Alarm(_) => return,
        };
        let (width, height) = (self.grid.width - 12, self.grid.height(self.chart, index));
        self.put(format_args!(
            r#"<rect class="{class}" x="6" y="{y}" width="{width}" height="{height}" rx="3"/>"#
        ));
    }

    /// Adds what is to be drawn.
    pub(super) fn put(&mut self, what: impl Display) {
        writeln!(self.out, "{what}").expect("a string takes everything");
    }

    fn clients(&mut self) {
        let bottom = self.grid.bottom();
        for index in 0..self.chart.clients.len() {
            let x = self.grid.client(index);
            self.put(format_args!(r#"<path class="away" d="M{x} 0V{bottom}"/>"#));
        }
        for session in &self.chart.sessions {
            let x = self.grid.client(session.client);
            let (from, to) = (self.grid.turn(session.from), self.grid.turn(session.to));
            self.put(format_args!(
                r#"<path class="session" d="M{x} {from}V{to}"/>"#
            ));
        }
    }

    fn life(&mut self, life: &Life) {
        let to = self.grid.turn(life.to);
        let x = self.grid.slot(life.slot);
        let half = self.grid.half();
        let over = |end: Option<usize>| end.map(|row| self.grid.turn(row));
        let ends = [
            (x - half, over(life.reader_end)),
            (x + half, over(life.writer_end)),
        ];
        for (x, end) in ends {
            let end = end.unwrap_or(to);
            self.half(x, end, life);
            if end < to {
                self.put(format_args!(r#"<path class="over" d="M{x} {end}V{to}"/>"#));
            }
        }
    }

    /// Whose lifelines they are, over the arrow that begins there.
    fn tag(&mut self, conn: Link, life: &Life) {
        let from = self.grid.turn(life.from);
        let x = self.grid.slot(life.slot);
        let half = self.grid.half();
        let (left, width) = (x - half - 6, 2 * half + 12);
        self.put(format_args!(
            r#"<g class="tag"><rect x="{left}" y="{}" width="{width}" height="15" rx="4"/><text x="{x}" y="{}">{conn}</text></g>"#,
            from - 9,
            from + 2,
        ));
    }

    /// Says along a lifeline again whose it is.
    fn remind(&mut self, conn: Link, life: &Life) {
        let (from, to) = (self.grid.turn(life.from), self.grid.turn(life.to));
        let x = self.grid.slot(life.slot);
        let ends = life.reader_end.zip(life.writer_end);
        let to = ends.map_or(to, |(reader, writer)| self.grid.turn(reader.max(writer)));
        let mut last = from;
        for row in life.from..life.to {
            let y = self.grid.turn(row);
            if y >= last + REMIND && y < to - 60 {
                last = y;
                self.put(format_args!(
                    r#"<text class="again" x="{x}" y="{}">{conn}</text>"#,
                    y - 4
                ));
            }
        }
    }

    /// One half of a connection, until it finished at `end`.
    fn half(&mut self, x: i32, end: i32, life: &Life) {
        let begin = (life.from, Stage::Greeting);
        let stages: Vec<_> = if life.stages.is_empty() {
            vec![begin]
        } else {
            life.stages.clone()
        };
        for (index, &(row, stage)) in stages.iter().enumerate() {
            let from = self.grid.turn(row);
            let next = stages
                .get(index + 1)
                .map_or(end, |&(row, _)| self.grid.turn(row));
            let class = match stage {
                Stage::Greeting => "greeting",
                Stage::Waiting(_) => "waiting",
                Stage::Online(_) => "online",
                Stage::Leaving(_) => "leaving",
            };
            let to = next.min(end);
            if from < to {
                let hue = hue(stage.name());
                self.put(format_args!(
                    r#"<path class="life {class}{hue}" d="M{x} {from}V{to}"/>"#
                ));
            }
        }
    }

    fn band(&mut self, band: &Band) {
        let x = self.grid.name(band.name);
        let (y, bottom) = (self.grid.turn(band.from), self.grid.turn(band.to));
        let height = bottom - y;
        let hue = hue(Some(band.name));
        let name = self.chart.names[band.name];
        let title = format!("{name}: {}", text::grip(Some(band.grip)));
        let class = match band.grip {
            Grip::Away => "absent",
            Grip::Held { leaving: true, .. } => "letting",
            Grip::Held { .. } => "holding",
        };
        self.put(format_args!(
            r#"<g class="band {class}{hue}"><title>{}</title><rect x="{x}" y="{y}" width="{BAND}" height="{height}"/>"#,
            escape(&title)
        ));
        let middle = x + BAND / 2;
        match band.grip {
            Grip::Away => {
                self.hatch(x, y, height);
                self.put(format_args!(
                    r#"<text x="{middle}" y="{}">away</text>"#,
                    y + 14
                ));
            }
            Grip::Held {
                holder,
                guest,
                waiter,
                ..
            } => {
                let guest = if guest { " guest" } else { "" };
                self.put(format_args!(
                    r#"<text x="{middle}" y="{}">{holder}{guest}</text>"#,
                    y + 14
                ));
                if let Some(waiter) = waiter {
                    self.waiter(x, y, height, waiter);
                }
            }
        }
        self.put("</g>");
    }

    /// Slanted lines, which a stylesheet cannot draw without a reference.
    fn hatch(&mut self, x: i32, y: i32, height: i32) {
        let mut path = String::new();
        for start in (0..height + BAND).step_by(9) {
            let (left, right) = (start.min(height), (start - BAND).max(0));
            if left > right {
                let (x1, x2) = (x + start - left, x + start - right);
                write!(path, "M{x1} {}L{x2} {}", y + left, y + right)
                    .expect("a string takes everything");
            }
        }
        self.put(format_args!(r#"<path class="hatch" d="{path}"/>"#));
    }

    fn waiter(&mut self, x: i32, y: i32, height: i32, waiter: ConnId) {
        let right = x + BAND;
        self.put(format_args!(
            r#"<path class="waiter" d="M{right} {y}v{height}"/><path class="flag" d="M{} {}l-8 5l8 5z"/>"#,
            right + 4,
            y + 5,
        ));
        self.put(format_args!(
            r#"<text class="waits" x="{}" y="{}">{waiter}</text>"#,
            right + 7,
            y + 14
        ));
    }

    fn level(&mut self, level: &Level) {
        let x = self.grid.name(level.name) + BAND + 30;
        let (y, bottom) = (self.grid.turn(level.from), self.grid.turn(level.to));
        let width = 4 + 2 * i32::try_from(level.size.min(8)).unwrap_or(8);
        let hue = hue(Some(level.name));
        let name = self.chart.names[level.name];
        self.put(format_args!(
            r#"<g class="mail{hue}"><title>mailbox of {}: {}</title><rect x="{x}" y="{y}" width="{width}" height="{}"/><text x="{}" y="{}">{}</text></g>"#,
            escape(name.as_str()), level.size, bottom - y, x - 3, y + 14, level.size,
        ));
    }

    fn pause(&mut self, index: usize) {
        let Some(pause) = self.chart.rows[index].pause else {
            return;
        };
        let (y, width) = (self.grid.top(index) - PAUSE, self.grid.width);
        let said = text::duration(pause.as_micros());
        let (top, bottom, middle) = (y + 5, y + PAUSE - 5, y + PAUSE / 2 + 4);
        self.put(format_args!(
            r#"<g class="pause"><rect x="0" y="{top}" width="{width}" height="{}"/><path d="M0 {top}H{width}M0 {bottom}H{width}"/><text x="{TIME}" y="{middle}">+ {said}</text></g>"#,
            bottom - top
        ));
    }

    fn row(&mut self, index: usize) {
        let chart = self.chart;
        let row = &chart.rows[index];
        let (y, height) = (self.grid.top(index), self.grid.height(chart, index));
        let kind = match row.kind {
            Kind::Handled => "handled",
            Kind::Written => "written",
            Kind::Client => "client",
            Kind::Fault => "fault",
            Kind::Alarm(_) => "violated",
        };
        let broken = if row.broken { " broken" } else { "" };
        let names: Vec<_> = row.names.iter().map(usize::to_string).collect();
        let hue = hue(row.hue);
        self.put(format_args!(
            r#"<g class="row {kind}{broken}{hue}" data-names="{}"><rect class="hit" x="6" y="{y}" width="{}" height="{height}" rx="3"/>"#,
            names.join(" "),
            self.grid.width - 12,
        ));
        let first = index == 0 || chart.rows[index - 1].at != row.at;
        if first {
            let at = text::time(row.at);
            self.put(format_args!(
                r#"<text class="time" x="{TIME}" y="{}">{at}</text>"#,
                y + 13
            ));
        }
        if let Some(alarm) = row.kind.alarm() {
            self.alarm(y, alarm);
        } else {
            for number in 0..row.lines.len() {
                self.line(index, row, number);
            }
        }
        self.put("</g>");
    }

    fn alarm(&mut self, top: i32, alarm: &Alarm) {
        let (what, more) = self.grid.alarm(alarm);
        let x = self.grid.left();
        let mut y = top + 21;
        self.put(format_args!(
            r#"<path class="cross" d="M{} {}l10 10m0 -10l-10 10"/>"#,
            x - 2,
            y - 9
        ));
        let classes = what.iter().map(|line| ("what", line));
        let classes = classes.chain(more.iter().map(|line| ("should", line)));
        for (class, line) in classes {
            let line = escape(line);
            self.put(format_args!(
                r#"<text class="{class}" x="{}" y="{y}">{line}</text>"#,
                x + 18
            ));
            y += 18;
        }
    }

    fn line(&mut self, index: usize, row: &Row, number: usize) {
        let line = &row.lines[number];
        let y = self.grid.line(index, number);
        let class = match line.style {
            Style::Says => "says",
            Style::Tells => "tells",
            Style::Orders => "orders",
            Style::Returns => "returns",
            Style::Ends => "ends",
            Style::Discards => "discards",
            Style::Strikes => "strikes",
            Style::Notes => "notes",
        };
        let detail = words::shorten(&line.detail, MOST_DETAIL);
        self.put(format_args!(
            r#"<g class="line {class}"><title>{}</title>"#,
            escape(&detail)
        ));
        let x = self.grid.lane(self.chart, line.from);
        match line.style {
            Style::Strikes => self.bolt(x, y),
            Style::Notes => self.put(format_args!(
                r#"<circle class="dot" cx="{x}" cy="{y}" r="5"/>"#
            )),
            Style::Ends if line.to.is_empty() => self.cross(x, y),
            Style::Says
            | Style::Tells
            | Style::Orders
            | Style::Returns
            | Style::Ends
            | Style::Discards => self.arrow(line, x, y),
        }
        self.label(line, x, y);
        self.put("</g>");
    }

    /// One shaft, and a head at each receiver.
    fn arrow(&mut self, line: &Line, x: i32, y: i32) {
        let is_writer = matches!(line.from, Lane::Writer(_));
        let outward = if is_writer {
            self.grid.outside(x)
        } else {
            x + 22
        };
        let ends: Vec<_> = line
            .to
            .iter()
            .map(|&lane| self.grid.lane(self.chart, lane))
            .collect();
        let ends = if ends.is_empty() { vec![outward] } else { ends };
        let left = ends.iter().copied().fold(x, i32::min);
        let right = ends.iter().copied().fold(x, i32::max);
        self.put(format_args!(
            r#"<path class="shaft" d="M{left} {y}H{right}"/>"#
        ));
        match line.style {
            Style::Ends => self.put(format_args!(r#"<path class="cap" d="M{} {y}h12"/>"#, x - 6)),
            Style::Says
            | Style::Tells
            | Style::Orders
            | Style::Returns
            | Style::Discards
            | Style::Strikes
            | Style::Notes => {
                self.put(format_args!(
                    r#"<circle class="tail" cx="{x}" cy="{y}" r="2.5"/>"#
                ));
            }
        }
        for end in ends {
            let back = if end < x { 8 } else { -8 };
            if line.style == Style::Discards {
                self.cross(end, y);
            } else {
                self.put(format_args!(
                    r#"<path class="head" d="M{end} {y}l{back} -4v8z"/>"#
                ));
            }
        }
    }

    fn cross(&mut self, x: i32, y: i32) {
        self.put(format_args!(
            r#"<path class="cross" d="M{} {}l8 8m0 -8l-8 8"/>"#,
            x - 4,
            y - 4
        ));
    }

    fn bolt(&mut self, x: i32, y: i32) {
        self.put(format_args!(
            r#"<path class="bolt" d="M{} {}l-7 11h5l-3 8l9 -12h-5l4 -7z"/>"#,
            x + 1,
            y - 13
        ));
    }

    fn label(&mut self, line: &Line, x: i32, y: i32) {
        let (at, beside, label) = if is_in_words(line) && line.style != Style::Strikes {
            (
                self.grid.words_at,
                "",
                words::shorten(&line.label, self.grid.words_most),
            )
        } else {
            let ends = line.to.iter().map(|&lane| self.grid.lane(self.chart, lane));
            let start = ends.fold(x, i32::min);
            let after = if line.to.is_empty() { 28 } else { 12 };
            let marks = matches!(line.style, Style::Strikes | Style::Ends);
            let after = if marks { 14 } else { after };
            (start + after, " beside", line.label.clone())
        };
        let (who, rest) = split(line, &label);
        self.put(format_args!(
            r#"<text class="label{beside}" x="{at}" y="{}"><tspan class="who">{}</tspan>{}</text>"#,
            y - 5,
            escape(who),
            escape(rest)
        ));
    }
}

/// Whose label it is, and what it says.
fn split<'a>(line: &Line, label: &'a str) -> (&'a str, &'a str) {
    let end = match (line.style, line.from) {
        (Style::Tells | Style::Orders, _) => label.find(" ◂"),
        (Style::Says | Style::Ends, Lane::Reader(_) | Lane::Writer(_)) if is_in_words(line) => {
            label.find(' ')
        }
        (
            Style::Says
            | Style::Ends
            | Style::Returns
            | Style::Discards
            | Style::Strikes
            | Style::Notes,
            _,
        ) => None,
    };
    label.split_at(end.unwrap_or(0))
}

/// The class of a name's colour, with a space before it.
pub(super) fn hue(name: Option<usize>) -> String {
    name.map_or_else(String::new, |name| format!(" hue{}", name % HUES))
}
