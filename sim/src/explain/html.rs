//! A chart as one page.

use super::chart::Chart;
use super::grid::{BAND, Grid, TIME};
use super::svg::{Pen, hue};
use super::text::{self, MOST_ALARMS};
use crate::words;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// How high the head is, which stays in sight.
const HEAD: i32 = 54;

/// The whole page.
pub(super) fn page(chart: &Chart) -> String {
    let grid = Grid::of(chart);
    let mut pen = Pen {
        chart,
        grid: &grid,
        out: String::new(),
    };
    let title = escape(&chart.title);
    pen.put("<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">");
    pen.put("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    pen.put("<meta name=\"color-scheme\" content=\"light dark\">");
    pen.put(format_args!(
        "<title>{title}</title>\n<style>\n{STYLE}</style>"
    ));
    pen.put(format_args!("<body style=\"--natural:{}px\">", grid.width));
    pen.opening(&title);
    pen.put("<main>\n<div class=\"lanes\">");
    pen.svg(HEAD, "The lanes", Pen::head);
    pen.put("</div>\n<div class=\"story\">");
    pen.svg(pen.bottom(), "What happened, from top to bottom", Pen::body);
    pen.anchors();
    pen.put("</div>\n</main>");
    pen.put(format_args!(
        "<script>\n{SCRIPT}</script>\n</body>\n</html>"
    ));
    pen.out
}

/// Makes text safe between tags and within quotes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

impl Pen<'_> {
    fn opening(&mut self, title: &str) {
        self.put(format_args!("<header>\n<div>\n<h1>{title}</h1>"));
        self.put(format_args!("<p>{}</p>", text::summary(self.chart)));
        for remark in &self.chart.remarks {
            self.put(format_args!("<p>{}</p>", escape(remark)));
        }
        let jumps = [
            ("broke", "v", "violation", self.chart.alarms().count()),
            ("fault", "f", "fault", self.chart.faults().count()),
            ("takeover", "t", "takeover", self.chart.takeovers().count()),
        ];
        self.put("<p class=\"keys\">");
        for (to, key, what, count) in jumps {
            if count > 0 {
                self.put(format_args!(
                    r#"<button type="button" data-jump="{to}" data-key="{key}"><kbd>{key}</kbd> next {what}</button> (of {count}) · "#
                ));
            }
        }
        self.put(format_args!("{KEYS}</p>\n</div>"));
        self.put(LEGEND);
        for (number, (row, alarm)) in self.chart.alarms().take(MOST_ALARMS).enumerate() {
            let at = text::time(self.chart.rows[row].at);
            let (head, what) = (&alarm.head, words::shorten(&alarm.what, 400));
            let (head, what) = (escape(head), escape(&what));
            self.put(format_args!(
                "<a class=\"broke\" href=\"#broke{number}\"><b>{head}</b> at {at} ms: {what}</a>"
            ));
        }
        let more = self.chart.alarms().count().saturating_sub(MOST_ALARMS);
        if more > 0 {
            self.put(format_args!(
                "<a class=\"broke\" href=\"#broke{MOST_ALARMS}\">and {more} more</a>"
            ));
        }
        self.put("</header>");
    }

    fn svg(&mut self, height: i32, what: &str, draw: impl FnOnce(&mut Self)) {
        let width = self.grid.width;
        self.put(format_args!(
            r#"<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-label="{what}">"#
        ));
        draw(self);
        self.put("</svg>");
    }

    /// The names of the lanes.
    fn head(&mut self) {
        let (grid, chart) = (self.grid, self.chart);
        self.put(format_args!(
            r#"<text class="unit" x="{TIME}" y="42">ms</text>"#
        ));
        for (index, client) in chart.clients.iter().enumerate() {
            let client = escape(&words::shorten(client, 12));
            let x = grid.client(index);
            self.put(format_args!(
                r#"<text class="lane" x="{x}" y="42">{client}</text>"#
            ));
        }
        let (left, right) = grid.slots();
        if chart.slots > 0 {
            let middle = (left + right) / 2;
            self.put(format_args!(
                r#"<text class="group" x="{middle}" y="16">connections</text><path class="bracket" d="M{} 26v-4H{}v4"/>"#,
                left + 6, right - 6
            ));
        }
        for slot in 0..chart.slots {
            let (x, half) = (grid.slot(slot), grid.half());
            self.put(format_args!(
                r#"<text class="half" x="{}" y="42">r</text><text class="half" x="{}" y="42">w</text>"#,
                x - half, x + half
            ));
        }
        let x = grid.broker;
        self.put(format_args!(
            r#"<text class="lane" x="{x}" y="42">broker</text>"#
        ));
        for (index, name) in chart.names.iter().enumerate() {
            let (x, hue, name) = (grid.name(index), hue(Some(index)), escape(name.as_str()));
            self.put(format_args!(
                r#"<g class="name{hue}" data-name="{index}"><rect x="{x}" y="22" width="{BAND}" height="26" rx="4"/><text x="{}" y="40">{name}</text></g>"#,
                x + BAND / 2
            ));
            self.put(format_args!(
                r#"<text class="half" x="{}" y="42">mail</text>"#,
                x + BAND + 26
            ));
        }
    }

    fn bottom(&self) -> i32 {
        self.grid.bottom() + 24
    }

    fn anchors(&mut self) {
        let chart = self.chart;
        let alarms = chart.alarms().map(|(row, _)| row);
        self.anchors_at("broke", "anchor", alarms);
        self.anchors_at("fault", "anchor fault", chart.faults());
        self.anchors_at("takeover", "anchor takeover", chart.takeovers());
    }

    fn anchors_at(&mut self, id: &str, class: &str, rows: impl Iterator<Item = usize>) {
        for (number, row) in rows.enumerate() {
            // A part of the whole, since the picture is scaled.
            let y = f64::from(self.grid.top(row)) / f64::from(self.bottom()) * 100.0;
            self.put(format_args!(
                "<a class=\"{class}\" id=\"{id}{number}\" style=\"top:{y:.3}%\"></a>"
            ));
        }
    }
}

const KEYS: &str =
    "with Shift, the one before · click a name to follow it · <kbd>Esc</kbd> show all";

const LEGEND: &str = r#"<ul class="legend">
<li><svg width="34" height="14"><path class="shaft" d="M2 7H26"/><path class="head" d="M32 7l-8 -4v8z"/></svg>said, told, written</li>
<li class="orders"><svg width="34" height="14"><path class="shaft" d="M8 7H32"/><path class="head" d="M2 7l8 -4v8z"/></svg>told to stop</li>
<li class="returns"><svg width="34" height="14"><path class="shaft" d="M2 7H26"/><path class="head" d="M32 7l-8 -4v8z"/></svg>mail given back</li>
<li class="ends"><svg width="26" height="14"><path class="life" d="M13 0V9"/><path class="cap" d="M7 9h12"/></svg>a half finished</li>
<li class="hue0"><svg width="54" height="14"><path class="life greeting" d="M4 0V14"/><path class="life waiting" d="M16 0V14"/><path class="life online" d="M28 0V14"/><path class="life leaving" d="M40 0V14"/></svg>new, waiting, online, leaving</li>
<li class="hue0"><svg width="66" height="14"><g class="band holding"><rect x="0" y="0" width="20" height="14"/></g><g class="band letting"><rect x="22" y="0" width="20" height="14"/></g><g class="band absent"><rect x="44" y="0" width="20" height="14"/><path class="hatch" d="M44 8l8 -8M44 14l14 -14M53 14l11 -11M62 14l2 -2"/></g></svg>name held, held by one who leaves, away</li>
<li class="hue0"><svg width="16" height="14"><path class="flag" d="M12 2l-8 5l8 5z"/></svg>waits for the name</li>
<li><svg width="18" height="18"><path class="bolt" d="M10 0l-7 11h5l-3 8l9 -12h-5l4 -7z"/></svg>a fault</li>
</ul>"#;
