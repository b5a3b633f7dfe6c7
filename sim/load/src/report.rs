//! What was measured, as a table for people and as JSON for programs.

use std::fmt::Write as _;
use std::fs;

use serde::{Deserialize, Serialize};

use crate::scenario::{Figures, Percentiles};

/// The measure that the others are compared with.
pub const MEASURE: &str = "raw relay";

/// All of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Where it was measured.
    pub machine: String,
    /// With which command.
    pub command: String,
    /// What was measured.
    pub rows: Vec<Row>,
}

/// One scenario on one server.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// The server.
    pub server: String,
    /// The scenario, as it is written on the command line.
    pub scenario: String,
    /// Bytes of a text.
    pub text_bytes: usize,
    /// How often it was measured; of each figure this is the median.
    pub rounds: usize,
    /// What came out.
    pub figures: Figures,
}

impl Report {
    /// A report of this process on this machine.
    pub fn new(rows: Vec<Row>) -> Self {
        let arguments: Vec<_> = std::env::args().skip(1).collect();
        Self {
            machine: machine(),
            command: format!("cargo load {}", arguments.join(" ")),
            rows,
        }
    }

    /// What the measure had to do as much as in `row`.
    fn measure(&self, row: &Row) -> Option<&Figures> {
        let same =
            |other: &&Row| other.scenario == row.scenario && other.text_bytes == row.text_bytes;
        let mut measures = self.rows.iter().filter(|other| other.server == MEASURE);
        measures.find(same).map(|row| &row.figures)
    }

    /// The table; what stands in brackets is how often the raw relay fits into it.
    pub fn table(&self) -> String {
        let mut table = format!("{}\n{}\n\n", self.command, self.machine);
        table.push_str(
            "| scenario | bytes | server | count | a second | CPU µs each | p50 / p99 / p99.9 µs | KiB | seconds |\n\
             | --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        );
        for row in &self.rows {
            let measure = self.measure(row).filter(|_| row.server != MEASURE);
            let f = &row.figures;
            let relative = |figure: Option<f64>, of: fn(&Figures) -> Option<f64>| {
                let ratio = figure.zip(measure.and_then(of)).map(|(a, b)| a / b);
                ratio.map_or(String::new(), |ratio| format!(" ({}×)", short(ratio)))
            };
            let cell = |figure: Option<f64>, of: fn(&Figures) -> Option<f64>| {
                figure.map_or(String::new(), |value| short(value) + &relative(figure, of))
            };
            let latency = f.latency.map_or(String::new(), |latency| {
                let Percentiles { p50, p99, p999, .. } = latency;
                format!("{p50:.0} / {p99:.0} / {p999:.0}")
            });
            let _ = writeln!(
                table,
                "| {} | {} | {} | {} | {} | {} | {latency} | {} | {} |",
                row.scenario,
                row.text_bytes,
                row.server,
                f.count,
                cell(f.per_second, |f| f.per_second),
                cell(f.cpu_micros, |f| f.cpu_micros),
                cell(f.kib, |f| f.kib),
                cell(f.seconds, |f| f.seconds),
            );
        }
        table
    }
}

/// Three digits that matter, with M or k for what is large.
pub fn short(value: f64) -> String {
    let (value, unit) = match value {
        1e6.. => (value / 1e6, "M"),
        1e4.. => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let digits = match value {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.digits$}{unit}")
}

/// The machine that this process runs on, and how busy it is.
pub fn machine() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("", |model| model.trim_start_matches(['\t', ' ', ':']));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    format!("{cores} cores of {model}; load average {load} at the end")
}

/// The median of each figure.
pub fn median(rounds: &[Figures]) -> Figures {
    let of = |figure: &dyn Fn(&Figures) -> Option<f64>| {
        let mut values: Vec<_> = rounds.iter().filter_map(figure).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied()
    };
    let late = |quantile: fn(&Percentiles) -> f64| {
        of(&|figures| figures.latency.as_ref().map(quantile)).unwrap_or_default()
    };
    let has_latency = rounds.iter().any(|figures| figures.latency.is_some());
    Figures {
        count: rounds.iter().map(|figures| figures.count).sum(),
        per_second: of(&|figures| figures.per_second),
        cpu_micros: of(&|figures| figures.cpu_micros),
        kib: of(&|figures| figures.kib),
        seconds: of(&|figures| figures.seconds),
        latency: has_latency.then(|| Percentiles {
            p50: late(|latency| latency.p50),
            p99: late(|latency| latency.p99),
            p999: late(|latency| latency.p999),
            max: late(|latency| latency.max),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_taken_of_each_figure_alone() {
        let round = |a, b| Figures {
            count: 2,
            per_second: Some(a),
            kib: Some(b),
            ..Figures::default()
        };
        let median = median(&[round(1.0, 9.0), round(3.0, 7.0), round(2.0, 8.0)]);
        assert_eq!(median.count, 6);
        assert_eq!(median.per_second, Some(2.0));
        assert_eq!(median.kib, Some(8.0));
        assert_eq!(median.seconds, None);
    }

    #[test]
    fn numbers_have_three_digits_that_matter() {
        let shown = [0.1234, 1.234, 12.34, 123.4, 1234.0, 12_340.0, 1_234_000.0].map(short);
        assert_eq!(
            shown,
            ["0.123", "1.23", "12.3", "123", "1234", "12.3k", "1.23M"]
        );
    }
}
