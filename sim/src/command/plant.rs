//! `cargo sim plant`.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use rejoin_sim::plant::{Check, Nursery, Plant, Verdict};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these bugs; all by default.
    names: Vec<String>,

    /// Only every N-th, from the K-th on.
    #[arg(long, value_name = "K/N", value_parser = parse_part)]
    part: Option<(usize, usize)>,

    /// Only says what there is.
    #[arg(long)]
    list: bool,
}

fn parse_part(text: &str) -> Result<(usize, usize), String> {
    let part = text.split_once('/').and_then(|(k, n)| {
        let (k, n) = (k.parse().ok()?, n.parse().ok()?);
        (1 <= k && k <= n).then_some((k, n))
    });
    part.ok_or_else(|| "it is written K/N, and K is 1 to N".to_owned())
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let root = root.ok_or("the workspace is around this package")?;
    let plants = select(args, Plant::all(root)?)?;
    if args.list {
        for plant in &plants {
            let checks: Vec<_> = plant.checks.iter().map(|check| check.name()).collect();
            println!("{}: {}", plant.name, checks.join(", "));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let nursery = Nursery::new(root)?;
    if !control(&nursery, &plants)? {
        return Ok(ExitCode::FAILURE);
    }
    let (mut missed, mut rotten) = (0, 0);
    for plant in &plants {
        let planted = nursery.plant(plant).and_then(|()| nursery.build());
        if let Err(error) = planted {
            println!("{:<34} DOES NOT BUILD: {error}", plant.name);
            rotten += 1;
        } else {
            for &check in &plant.checks {
                let verdict = nursery.check(check)?;
                missed += usize::from(!verdict.found);
                row(&plant.name, check, &verdict);
            }
        }
        nursery.clear()?;
    }
    println!(
        "{} bugs planted, {missed} times not found; {rotten} could not be planted",
        plants.len() - rotten
    );
    Ok(ExitCode::from(u8::from(missed + rotten > 0)))
}

fn select(args: &Args, plants: Vec<Plant>) -> Result<Vec<Plant>, Box<dyn Error>> {
    if let Some(unknown) = args
        .names
        .iter()
        .find(|name| plants.iter().all(|plant| plant.name != **name))
    {
        return Err(format!("there is no plant {unknown}").into());
    }
    let (k, n) = args.part.unwrap_or((1, 1));
    let plants = plants.into_iter().skip(k - 1).step_by(n);
    let wanted = |plant: &Plant| args.names.is_empty() || args.names.contains(&plant.name);
    Ok(plants.filter(wanted).collect())
}

/// Whether the checks find nothing where nothing was planted.
fn control(nursery: &Nursery, plants: &[Plant]) -> Result<bool, Box<dyn Error>> {
    nursery.build()?;
    let mut all_pass = true;
    let used = |check: &Check| plants.iter().any(|plant| plant.checks.contains(check));
    for check in Check::ALL.into_iter().filter(used) {
        let verdict = nursery.check(check)?;
        if verdict.found {
            println!("{} fails where nothing was planted", check.name());
            all_pass = false;
        }
    }
    Ok(all_pass)
}

fn row(name: &str, check: Check, verdict: &Verdict) {
    let Verdict {
        found,
        effort,
        took,
    } = verdict;
    let found = if *found { "found" } else { "NOT FOUND" };
    let (check, took) = (check.name(), took.as_secs_f64());
    println!("{name:<34} {check:<8} {found:<9} {effort:>12} {took:>7.2} s");
}
