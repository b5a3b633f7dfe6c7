//! `cargo sim run`.

use std::error::Error;
use std::io;
use std::ops::Range;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use rejoin::net::Point;
use rejoin_sim::invariants::Violation;
use rejoin_sim::network::{Counts, Outcome, simulate};
use rejoin_sim::plan::{CLIENTS, Kind, Plan};
use rejoin_sim::plural::count;
use rejoin_sim::probe::{Probe, Probes};
use rejoin_sim::shrink::shrink_plan;

use super::{save, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The seeds, the last one excluded.
    #[arg(long, default_value = "0..10000", value_parser = parse_seeds)]
    seeds: Range<u64>,

    /// How many threads to use.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,

    /// Fail if a kind of fault had no effect or a rare path was not reached; the default from
    /// 1,000 seeds on.
    #[arg(long)]
    demand_all: bool,

    /// Show the plan that fails as it is, not the shortest that does.
    #[arg(long)]
    no_shrink: bool,
}

fn parse_seeds(text: &str) -> Result<Range<u64>, String> {
    let range = text.split_once("..").and_then(|(from, to)| {
        let range = from.parse().ok()?..to.parse().ok()?;
        (!range.is_empty()).then_some(range)
    });
    range.ok_or_else(|| "it is written A..B, and A is less than B".to_owned())
}

/// How many seeds it takes until everything rare must have come about.
const STANDARD_RUN: u64 = 1_000;

/// What all runs have come to.
#[derive(Default)]
struct Sum {
    runs: u64,
    simulated: Duration,
    moments: u64,
    faults: Counts,
    probes: Probes,
    /// The least seed that failed.
    failed: Option<u64>,
}

impl Sum {
    fn add(&mut self, seed: u64, outcome: &Outcome) {
        self.runs += 1;
        self.simulated += outcome.simulated;
        self.moments += outcome.moments;
        self.faults.add(&outcome.faults);
        self.probes.add(&outcome.probes);
        if !outcome.violations.is_empty() {
            self.failed = Some(self.failed.map_or(seed, |failed| failed.min(seed)));
        }
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    #[expect(
        clippy::disallowed_methods,
        reason = "it is the speed that is measured"
    )]
    let start = Instant::now();
    let sum = run_all(args);
    let elapsed = start.elapsed();
    if let Some(seed) = sum.failed {
        report(seed, args.no_shrink)?;
        say!("")?;
        print(&sum, elapsed)?;
        return Ok(ExitCode::FAILURE);
    }
    print(&sum, elapsed)?;
    let missed = missed(&sum);
    if !missed.is_empty() && (args.demand_all || sum.runs >= STANDARD_RUN) {
        say!("never came about: {}", missed.join(", "))?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn run_all(args: &Args) -> Sum {
    let bar = ProgressBar::new(args.seeds.end - args.seeds.start);
    let style = "{bar:30} {pos}/{len} seeds, {per_sec}, {eta} left, {msg}";
    bar.set_style(ProgressStyle::with_template(style).expect("the style is valid"));
    let (next, sum) = (AtomicU64::new(args.seeds.start), Mutex::new(Sum::default()));
    thread::scope(|scope| {
        for _ in 0..args.jobs {
            scope.spawn(|| {
                // Beyond the last seed there may be no number.
                let end = args.seeds.end;
                let after = |seed| (seed < end).then(|| seed + 1);
                while let Ok(seed) = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after)
                {
                    let outcome = simulate(&Plan::draw(seed), false);
                    let mut sum = sum.lock().expect("no simulation panics while it adds");
                    sum.add(seed, &outcome);
                    if sum.failed.is_some() {
                        // Those that are under way come to their end.
                        next.store(args.seeds.end, Ordering::Relaxed);
                    }
                    if sum.runs % 100 == 0 {
                        bar.set_message(simulated(sum.simulated, bar.elapsed()));
                        bar.set_position(sum.runs);
                    }
                }
            });
        }
    });
    bar.finish_and_clear();
    sum.into_inner()
        .expect("no simulation panics while it adds")
}

fn print(sum: &Sum, elapsed: Duration) -> io::Result<()> {
    let per_second = sum.runs as f64 / elapsed.as_secs_f64();
    say!(
        "{} in {:.1} s, {per_second:.0} a second; {}; {} judged",
        count(sum.runs, "simulation"),
        elapsed.as_secs_f64(),
        simulated(sum.simulated, elapsed),
        count(sum.moments, "input"),
    )?;
    say!("faults that took effect:")?;
    for kind in Kind::ALL {
        say!("{:>12} {kind:?}", sum.faults.count(kind))?;
    }
    for point in Point::ALL {
        say!("{:>12} {}", sum.faults.count_at(point), at(point))?;
    }
    say!("rare paths that were reached:")?;
    for probe in Probe::all() {
        let count = sum.probes.count(probe);
        if count > 0 || probe.is_within_reach_of_the_driver() {
            say!("{count:>12} {probe}")?;
        }
    }
    Ok(())
}

fn simulated(time: Duration, elapsed: Duration) -> String {
    let hours = time.as_secs_f64() / 3600.0;
    let a_second = hours / elapsed.as_secs_f64();
    format!("{hours:.2} h simulated, {a_second:.2} h a second")
}

fn missed(sum: &Sum) -> Vec<String> {
    let kinds = Kind::ALL.into_iter();
    let kinds = kinds.filter(|&kind| sum.faults.count(kind) == 0);
    let probes = sum.probes.missed();
    let probes = probes.filter(|probe| probe.is_within_reach_of_the_driver());
    let kinds = kinds.map(|kind| format!("{kind:?}"));
    let points = Point::ALL.into_iter();
    let points = points.filter(|&point| sum.faults.count_at(point) == 0);
    let kinds = kinds.chain(points.map(at));
    kinds.chain(probes.map(|probe| probe.to_string())).collect()
}

fn at(point: Point) -> String {
    format!("Yield at {point:?}")
}

/// Shows the shortest plan that still fails, or the plan as it is.
fn report(seed: u64, as_it_is: bool) -> io::Result<()> {
    let mut plan = Plan::draw(seed);
    let actions = count(plan.actions.len() as u64, "action");
    say!("seed {seed} fails, with {actions}")?;
    let found = simulate(&plan, false).violations;
    show(&found)?;
    if let Some(first) = found.first().filter(|_| !as_it_is) {
        say!(
            "the shortest plan that still breaks statement {}:",
            first.statement
        )?;
        plan = shrink_plan(plan, |plan| {
            let violations = simulate(plan, false).violations;
            violations.iter().any(|v| v.statement == first.statement)
        });
        say!("  {}", terms(&plan))?;
        for action in &plan.actions {
            say!("  {action}")?;
        }
        show(&simulate(&plan, false).violations)?;
    }
    say!(
        "all of it: cargo sim replay {seed}, or as a picture: cargo sim explain {seed} --html {seed}.html"
    )?;
    if as_it_is {
        return Ok(());
    }
    save(&plan.to_file(), &format!("seed-{seed}.plan"))
}

/// All that a plan is made from besides its actions.
fn terms(plan: &Plan) -> String {
    let those = |are: fn(&Plan, usize) -> bool| {
        let clients = (0..CLIENTS.into()).filter(|&client| are(plan, client));
        clients.collect::<Vec<_>>()
    };
    let (irc, labels) = (those(Plan::speaks_irc), those(Plan::labels));
    let Plan {
        setting, yields, ..
    } = plan;
    format!("setting: {setting}, yields: {yields}, irc: {irc:?}, labels: {labels:?}")
}

fn show(violations: &[Violation]) -> io::Result<()> {
    for violation in violations {
        say!("{violation}")?;
    }
    Ok(())
}
