//! The results as one picture, for the README.

use std::fmt::Write as _;

use crate::report::{MEASURE, Report, Row, short};
use crate::scenario::Scenario;

/// What is drawn as bars: a scenario, and what it is in words.
const BARS: [(&str, &str); 3] = [
    ("direct:8", "8 pairs"),
    ("fan-out:100", "a room of 100"),
    ("fan-out:1000", "a room of 1,000"),
];

/// The width of everything.
const WIDTH: f64 = 960.0;
const MARGIN: f64 = 20.0;
const ROW: f64 = 22.0;
const CURVE: f64 = 150.0;

/// Microseconds at the ends of every scale.
const LEAST: f64 = 0.01;
const MOST: f64 = 10.0;

/// The servers in a fixed order, each with its colours on light and on dark.
const COLOURS: &str = "
text{font:12px system-ui,sans-serif;fill:#333}.title{font-weight:600;font-size:14px}.dim{fill:#777}
.end{text-anchor:end}.middle{text-anchor:middle}.bar{fill:#b8bec8}.ours{fill:#2f6fdb}.measure{fill:#d9a13b}
.grid{stroke:#ddd;fill:none}.line{fill:none;stroke-width:2}.line.ours{stroke:#2f6fdb;fill:none}
.line.measure{stroke:#d9a13b;fill:none}.paper{fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#ddd}.dim{fill:#999}.bar{fill:#5d6570}.ours{fill:#6aa0ff}
.line.ours{stroke:#6aa0ff}.grid{stroke:#3a3f46}.paper{fill:#16181c}}
";

/// Draws what servers cost beside each other, and how that of rejoin changes.
pub fn draw(compared: &Report, curves: Option<&Report>) -> String {
    let mut body = String::new();
    let mut y = heading(
        &mut body,
        34.0,
        "Server CPU per delivery, in microseconds",
        &compared.machine,
    );
    y = bars(&mut body, compared, y);
    if let Some(curves) = curves {
        let title = "The same, as there is more of everything";
        y = heading(
            &mut body,
            y + 34.0,
            title,
            "rejoin in blue, the raw relay in yellow",
        );
        y = all_curves(&mut body, curves, y);
    }
    let height = y + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" \
         role=\"img\" aria-label=\"CPU per delivery of rejoin and of other servers\">\n\
         <style>{COLOURS}</style>\n\
         <rect class=\"paper\" width=\"{WIDTH}\" height=\"{height:.0}\" rx=\"8\"/>\n{body}</svg>\n"
    )
}

fn heading(body: &mut String, y: f64, title: &str, note: &str) -> f64 {
    let right = WIDTH - MARGIN;
    text(body, (MARGIN, y), "title", title);
    text(body, (right, y), "dim end", note);
    y + 12.0
}

fn text(body: &mut String, (x, y): (f64, f64), class: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        body,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>"
    );
}

/// How far along a scale a figure is.
fn place(value: f64, least: f64, most: f64) -> f64 {
    (value.clamp(least, most) / least).ln() / (most / least).ln()
}

fn class(server: &str) -> &'static str {
    match server {
        MEASURE => "measure",
        ours if ours.starts_with("rejoin") => "ours",
        _ => "bar",
    }
}

/// A column of bars for each scenario; shorter is better. Returns where it ends.
fn bars(body: &mut String, report: &Report, top: f64) -> f64 {
    let width = (WIDTH - 2.0 * MARGIN) / BARS.len() as f64;
    let (names, numbers) = (80.0, 82.0);
    let mut end = top;
    for (column, (scenario, words)) in BARS.into_iter().enumerate() {
        let left = MARGIN + width * column as f64;
        let mut y = top + ROW;
        text(body, (left + names, y), "dim", words);
        let rows = report.rows.iter().filter(|row| row.scenario == scenario);
        let mut rows: Vec<_> = rows
            .filter_map(|row| Some((row.server.as_str(), row.figures.cpu_micros?)))
            .collect();
        rows.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        let measure = rows.iter().find(|(server, _)| *server == MEASURE);
        let measure = measure.map(|&(_, cpu)| cpu);
        for (server, cpu) in rows {
            let length = (width - names - numbers) * place(cpu, LEAST, MOST);
            text(body, (left + names - 6.0, y + ROW - 6.0), "end", server);
            let (x, bar) = (left + names, y + 4.0);
            let _ = writeln!(
                body,
                "<rect class=\"{}\" x=\"{x:.1}\" y=\"{bar:.1}\" width=\"{length:.1}\" height=\"15\" rx=\"2\"/>",
                class(server)
            );
            let ratio = measure.map_or(String::new(), |of| format!(" ({}×)", short(cpu / of)));
            let number = format!("{}{ratio}", short(cpu));
            text(body, (x + length + 5.0, y + ROW - 6.0), "dim", &number);
            y += ROW;
        }
        end = end.max(y);
    }
    end
}

/// What a curve is drawn over: its title, and where a row stands on it, if it does.
type Axis = (&'static str, fn(&Row) -> Option<f64>);

const AXES: [Axis; 4] = [
    ("peers", |row| match scenario(row) {
        Some(Scenario::Direct { pairs }) if pairs != 8 => Some(pairs as f64 * 2.0),
        _ => None,
    }),
    ("rooms of 10", |row| match scenario(row) {
        Some(Scenario::FanOut { rooms, members: 10 }) => Some(rooms as f64),
        _ => None,
    }),
    ("members of a room", |row| match scenario(row) {
        Some(Scenario::FanOut { rooms: 1, members }) => Some(members as f64),
        _ => None,
    }),
    ("bytes of a text", |row| match scenario(row) {
        Some(Scenario::Direct { pairs: 8 }) => Some(row.text_bytes as f64),
        _ => None,
    }),
];

fn scenario(row: &Row) -> Option<Scenario> {
    row.scenario.parse().ok()
}

fn all_curves(body: &mut String, report: &Report, top: f64) -> f64 {
    let width = (WIDTH - 2.0 * MARGIN) / AXES.len() as f64;
    for (column, (title, at)) in AXES.into_iter().enumerate() {
        let left = MARGIN + width * column as f64;
        let frame = (left + 34.0, top + 10.0, width - 50.0, CURVE);
        axes(body, frame);
        text(
            body,
            (left + 34.0 + frame.2 / 2.0, top + CURVE + 44.0),
            "middle",
            title,
        );
        for server in [MEASURE, "rejoin"] {
            let rows = report.rows.iter().filter(|row| row.server == server);
            let points = rows.filter_map(|row| Some((at(row)?, row.figures.cpu_micros?)));
            let mut points: Vec<_> = points.collect();
            points.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            points.dedup_by(|(a, _), (b, _)| a == b);
            curve(body, frame, server, &points);
        }
    }
    top + CURVE + 48.0
}

fn axes(body: &mut String, (x, y, width, height): (f64, f64, f64, f64)) {
    for micros in [0.01, 0.1, 1.0, 10.0] {
        let at = y + height * (1.0 - place(micros, LEAST, MOST));
        let _ = writeln!(
            body,
            "<path class=\"grid\" d=\"M{x:.1} {at:.1}h{width:.1}\"/>"
        );
        text(body, (x - 4.0, at + 4.0), "dim end", &micros.to_string());
    }
}

fn curve(
    body: &mut String,
    (x, y, width, height): (f64, f64, f64, f64),
    server: &str,
    points: &[(f64, f64)],
) {
    let (Some(&(least, _)), Some(&(most, _))) = (points.first(), points.last()) else {
        return;
    };
    let mut path = String::new();
    for (index, &(at, cpu)) in points.iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        let along = if most > least {
            place(at, least, most)
        } else {
            0.5
        };
        let (px, py) = (
            x + width * along,
            y + height * (1.0 - place(cpu, LEAST, MOST)),
        );
        let _ = write!(path, "{command}{px:.1} {py:.1}");
        if server != MEASURE {
            text(body, (px, py - 6.0), "middle", &short(cpu));
            text(body, (px, y + height + 14.0), "dim middle", &at.to_string());
        }
    }
    let class = class(server);
    let _ = writeln!(body, "<path class=\"line {class}\" d=\"{path}\"/>");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Figures;

    fn row(server: &str, scenario: &str, cpu: f64) -> Row {
        Row {
            server: server.into(),
            scenario: scenario.into(),
            text_bytes: 100,
            rounds: 1,
            figures: Figures {
                cpu_micros: Some(cpu),
                ..Figures::default()
            },
        }
    }

    #[test]
    fn every_server_has_its_bar_and_every_point_its_place() {
        let compared = Report::new(vec![
            row(MEASURE, "direct:8", 0.035),
            row("rejoin", "direct:8", 0.12),
            row("A & B", "direct:8", 2.0),
        ]);
        let curves = Report::new(vec![
            row("rejoin", "direct:5", 0.1),
            row("rejoin", "direct:50", 0.2),
        ]);
        let picture = draw(&compared, Some(&curves));
        for words in ["A &amp; B", "0.120 (3.43×)", "2.00 (57.1×)", ">100<"] {
            assert!(picture.contains(words), "{words} in {picture}");
        }
        let lines: Vec<_> = picture.match_indices("<rect class=\"ours\"").collect();
        assert_eq!(lines.len(), 1);
        assert_eq!(picture.matches("class=\"line ours\"").count(), 1);
    }
}
