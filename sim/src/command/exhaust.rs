//! `cargo sim exhaust`.

use std::error::Error;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::value_parser;
use indicatif::{ProgressBar, ProgressStyle};
use rejoin_sim::exhaust::{Limits, Progress, Universe, search, shortest_ways};
use rejoin_sim::plan::{BrokerOn, BrokerPlan};
use rejoin_sim::plural::count;
use rejoin_sim::probe::Cell;

use super::{save, say};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Names that somebody may log in with; without this and --connections, first 2 names that
    /// change with 2 connections and no messages, then 2 with 3, and then 3 with 2, as far as the
    /// other flags allow
    #[arg(long, value_name = "N", value_parser = value_parser!(u8).range(1..=Universe::MOST_NAMES.into()))]
    names: Option<u8>,
    /// Connections at once
    #[arg(long, value_name = "N", value_parser = value_parser!(u8).range(1..=Universe::MOST_CONNECTIONS.into()))]
    connections: Option<u8>,
    /// Rooms [default: 1]
    #[arg(long, value_name = "N", value_parser = value_parser!(u8).range(0..=Universe::MOST_ROOMS.into()))]
    rooms: Option<u8>,
    /// Messages on their way at once [default: 2]
    #[arg(long, value_name = "N", value_parser = value_parser!(u8).range(0..=Universe::MOST_MESSAGES.into()))]
    messages: Option<u8>,
    /// Pieces of mail that a mailbox holds [default: 2, and 1 with 3 names]
    #[arg(long, value_name = "N")]
    mailbox: Option<NonZeroUsize>,
    /// Let those who are here take other names
    #[arg(long)]
    renames: bool,
    /// Leave out that the server stops
    #[arg(long)]
    never_stops: bool,
    /// Steps in a run; no bound without it
    #[arg(long, value_name = "N")]
    depth: Option<u32>,
    /// States that are remembered, at about 30 bytes each
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = value_parser!(u32).range(1..))]
    states: u32,
    /// Shows the shortest way to a cell of the lifecycle's tables, such as 'LogIn to
    /// ResumableLeaving with RightProof', instead of searching for what is wrong; an unknown one
    /// lists them all
    #[arg(long, value_name = "CELL")]
    to: Option<String>,
    /// How many threads to use
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = value_parser!(u16).range(1..=1024))]
    jobs: u16,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    if let Some(cell) = &args.to {
        return show_way(cell);
    }
    for universe in universes(args)? {
        if !explore(args, universe)? {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows the shortest way to a cell.
fn show_way(cell: &str) -> Result<ExitCode, Box<dyn Error>> {
    let known = Cell::all().find(|known| known.to_string().eq_ignore_ascii_case(cell));
    let Some(cell) = known else {
        let all: Vec<_> = Cell::all().map(|cell| format!("  {cell}")).collect();
        return Err(format!("there is no cell {cell}, but these:\n{}", all.join("\n")).into());
    };
    let universe = Universe::ONE_NAME;
    let mut ways = shortest_ways(universe);
    let steps = ways.remove(&cell).ok_or("no way leads to this cell")?;
    let on = BrokerOn::Universe(universe);
    let plan = BrokerPlan { on, steps }.to_file();
    say!("the shortest way to {cell}:\n{}", plan.trim_end())?;
    save(&plan, "exhaust.plan")?;
    Ok(ExitCode::SUCCESS)
}

/// What is to be explored: what was asked for, or else the defaults that can be.
fn universes(args: &Args) -> Result<Vec<Universe>, &'static str> {
    let asked = |universe: Universe| Universe {
        names: args.names.unwrap_or(universe.names),
        connections: args.connections.unwrap_or(universe.connections),
        rooms: args.rooms.unwrap_or(universe.rooms),
        messages: args.messages.unwrap_or(universe.messages),
        mailbox: args.mailbox.unwrap_or(universe.mailbox),
        stops: !args.never_stops,
        renames: universe.renames || args.renames,
    };
    let universe = match (args.names, args.connections) {
        (None, None) => {
            let defaults = [
                Universe::RENAMES,
                Universe::TWO_NAMES,
                Universe::THREE_NAMES,
            ];
            let all = defaults.map(asked).into_iter();
            return Ok(all.filter(|universe| universe.check().is_ok()).collect());
        }
        (Some(Universe::MOST_NAMES), _) => asked(Universe::THREE_NAMES),
        (_, _) => asked(Universe::TWO_NAMES),
    };
    universe.check().map(|()| vec![universe])
}

/// Whether nothing was found.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a search takes is shown, and changes nothing in it"
)]
fn explore(args: &Args, universe: Universe) -> Result<bool, Box<dyn Error>> {
    let limits = Limits {
        depth: args.depth.unwrap_or(u32::MAX),
        states: args.states as usize,
    };
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}")?);
    let start = Instant::now();
    let jobs = usize::from(args.jobs);
    let jobs = NonZeroUsize::new(jobs).expect("the flag has a least value");
    let result = search(universe, limits, jobs, |progress| {
        bar.set_message(figures(progress, start.elapsed()));
        bar.tick();
    });
    let elapsed = start.elapsed();
    bar.finish_and_clear();
    let Universe {
        names,
        connections,
        rooms,
        messages,
        mailbox,
        stops,
        renames,
    } = universe;
    let renames = if renames { ", names change" } else { "" };
    let stops = if stops { "" } else { ", never stops" };
    say!(
        "{}, {}, {}, {}, mailboxes of {mailbox}{renames}{stops}",
        count(names.into(), "name"),
        count(connections.into(), "connection"),
        count(rooms.into(), "room"),
        count(messages.into(), "message"),
    )?;
    match result {
        Ok(progress) => {
            let end = if progress.complete { "complete" } else { "cut" };
            say!("  {}, {end}", figures(progress, elapsed))?;
            Ok(true)
        }
        Err(find) => {
            say!("  {}", figures(find.progress, elapsed))?;
            let plan = BrokerPlan::from(&*find).to_file();
            say!("{find}\n{}", plan.trim_end())?;
            save(&plan, "exhaust.plan")?;
            Ok(false)
        }
    }
}

fn figures(progress: Progress, elapsed: Duration) -> String {
    let Progress {
        states,
        steps,
        depth,
        ..
    } = progress;
    let rate = steps as f64 / elapsed.as_secs_f64();
    let (states, steps) = (count(states as u64, "state"), count(steps, "step"));
    format!("{states}, {steps}, depth {depth}, {elapsed:.1?}, {rate:.0} steps/s")
}
