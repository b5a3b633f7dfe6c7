//! What `cargo load` can do, one command a file.

pub(crate) mod attack;
pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod curve;
pub(crate) mod draw;
pub(crate) mod run;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};
use rejoin_load::report::{Report, Row, median};
use rejoin_load::scenario::{Effort, Figures, Scenario, Target};
use rejoin_load::server::{Kind, Server};

/// What most commands want to know.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Common {
    /// Seconds that are measured each time.
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS")]
    seconds: f64,

    /// How often everything is measured, in turn; the medians are shown.
    #[arg(long, default_value_t = 3, value_name = "N")]
    rounds: usize,

    /// Bytes of a text.
    #[arg(long, default_value_t = 100, value_name = "BYTES", value_parser = text_bytes)]
    text_bytes: usize,

    /// Messages that one stream may have under way.
    #[arg(long, value_name = "N")]
    window: Option<usize>,

    /// File for the results, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Arguments for rejoin itself, each in the form --flag=value.
    #[arg(last = true, value_name = "ARGUMENT")]
    arguments: Vec<String>,
}

fn text_bytes(text: &str) -> Result<usize, String> {
    let bytes = text.parse().ok();
    let bytes = bytes.filter(|bytes| (rejoin_load::text::MIN_BYTES..=60_000).contains(bytes));
    bytes.ok_or_else(|| "expected 18 to 60000".into())
}

impl Common {
    fn effort(&self) -> Effort {
        Effort {
            warm_up: Duration::from_secs_f64(self.seconds / 5.0),
            measured: Duration::from_secs_f64(self.seconds),
            text_bytes: self.text_bytes,
            window: self.window,
        }
    }

    fn write(&self, report: &Report) -> Result<()> {
        if let Some(file) = &self.json {
            let json = serde_json::to_string_pretty(report)? + "\n";
            write(file, json)?;
        }
        Ok(())
    }
}

fn write(file: &Path, text: String) -> Result<()> {
    fs::write(file, text).with_context(|| format!("can't write {}", file.display()))
}

/// A server to be started each time anew, or one that runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source {
    Started(Kind),
    Running(Target),
}

impl Source {
    fn name(self) -> String {
        match self {
            Self::Started(kind) => kind.to_string(),
            Self::Running(target) => target.address.to_string(),
        }
    }

    const fn is_ours(self) -> bool {
        match self {
            Self::Started(kind) => kind.is_ours(),
            Self::Running(_) => true,
        }
    }

    const fn is_for(self, scenario: Scenario) -> bool {
        scenario.is_for(match self {
            Self::Started(kind) => kind.dialect(),
            Self::Running(target) => target.dialect,
        })
    }

    fn measure(self, scenario: Scenario, effort: &Effort, arguments: &[String]) -> Result<Figures> {
        match self {
            Self::Started(kind) => {
                let is_rejoin = matches!(kind, Kind::Rejoin | Kind::RejoinIrc);
                let server = Server::start(kind, if is_rejoin { arguments } else { &[] })?;
                scenario.run(&server.target, effort)
            }
            Self::Running(target) => scenario.run(&target, effort),
        }
    }
}

/// Something to be measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) source: Source,
    pub(crate) scenario: Scenario,
    pub(crate) effort: Effort,
}

/// Measures all of it, in turn, and all of it again in the next round, so that a machine that is
/// busy for a while is so for everyone.
pub(crate) fn measure(plans: &[Plan], rounds: usize, arguments: &[String]) -> Result<Vec<Row>> {
    let bar = ProgressBar::new((plans.len() * rounds) as u64);
    let style = "{bar:30} {pos}/{len}, {eta} left, {msg}";
    bar.set_style(ProgressStyle::with_template(style).expect("the style is valid"));
    let mut figures = vec![Vec::new(); plans.len()];
    for _ in 0..rounds {
        for (plan, figures) in plans.iter().zip(&mut figures) {
            let name = plan.source.name();
            bar.set_message(format!("{} on {name}", plan.scenario));
            let measured = plan.source.measure(plan.scenario, &plan.effort, arguments);
            match measured.with_context(|| name) {
                Ok(measured) => figures.push(measured),
                // What is only compared with may fail, and is left out then.
                Err(error) if !plan.source.is_ours() => bar.suspend(|| eprintln!("{error:#}")),
                Err(error) => return Err(error),
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let measured = plans.iter().zip(figures);
    let measured = measured.filter(|(_, figures)| !figures.is_empty());
    let rows = measured.map(|(plan, figures)| Row {
        server: plan.source.name(),
        scenario: plan.scenario.to_string(),
        text_bytes: plan.effort.text_bytes,
        rounds: figures.len(),
        figures: median(&figures),
    });
    Ok(rows.collect())
}
