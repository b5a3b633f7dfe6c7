//! `cargo sim plant`.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use rejoin_sim::plant::{Check, Nursery, Plant, Stopped, Verdict};
use rejoin_sim::plural::count;

use super::say;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these bugs; all by default.
    names: Vec<String>,

    /// Only every N-th, from the K-th on.
    #[arg(long, value_name = "K/N", value_parser = parse_part)]
    part: Option<(usize, usize)>,

    /// Shows each bug to every check that runs the code it is in, not only to those that must find
    /// it, and says at the end what only one check has found.
    #[arg(long)]
    all_checks: bool,

    /// Only sees whether each fits the source and compiles.
    #[arg(long, conflicts_with = "all_checks")]
    compile: bool,

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

/// What the checks have said to a bug, or why it could not be shown to them.
type Said = Result<BTreeMap<Check, Verdict>, Box<dyn Error>>;

pub(crate) fn run(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    plant_all(args).or_else(|error| {
        let stopped = error.downcast::<Stopped>()?;
        eprintln!("cargo sim: {stopped}");
        Ok(ExitCode::from(stopped.exit_code()))
    })
}

fn plant_all(args: &Args) -> Result<ExitCode, Box<dyn Error>> {
    let root = &workspace()?;
    let plants = select(args, Plant::all(root)?)?;
    if args.list {
        for plant in &plants {
            let checks: Vec<_> = plant.checks.iter().map(|check| check.name()).collect();
            say!("{}: {}", plant.name, checks.join(", "))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut nursery = Nursery::new(root)?;
    if args.compile {
        return compile(&mut nursery, &plants);
    }
    let shown_to = |plant: &Plant, check| {
        let is_named = plant.checks.contains(&check);
        is_named || args.all_checks && plant.is_seen_by(check)
    };
    if !control(&mut nursery, |check| {
        plants.iter().any(|p| shown_to(p, check))
    })? {
        return Ok(ExitCode::FAILURE);
    }
    let (mut missed, mut rotten) = (0, 0);
    let mut rows = Vec::new();
    for plant in &plants {
        let checks = Check::ALL.into_iter().filter(|&c| shown_to(plant, c));
        let said = show(&mut nursery, plant, checks);
        nursery.clear()?;
        match said {
            Ok(verdicts) => {
                let named = plant.checks.iter();
                missed += named.filter(|check| !verdicts[check].found).count();
                rows.push((plant.name.as_str(), verdicts));
            }
            Err(error) => {
                rot(plant, error)?;
                rotten += 1;
            }
        }
    }
    if args.all_checks {
        matrix(&rows);
        summary(&rows);
    }
    println!(
        "{} planted, {} not found; {rotten} could not be planted",
        count((plants.len() - rotten) as u64, "bug"),
        count(missed as u64, "time"),
    );
    Ok(ExitCode::from(u8::from(missed + rotten > 0)))
}

/// The root of the workspace around the current folder: where this program was built need not be
/// there any more.
fn workspace() -> Result<PathBuf, Box<dyn Error>> {
    let mut locate = Command::new("cargo");
    locate.args(["locate-project", "--workspace", "--message-format=plain"]);
    let output = locate.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).trim_end().into());
    }
    let manifest = PathBuf::from(String::from_utf8(output.stdout)?.trim_end());
    let root = manifest.parent().ok_or("a manifest is in a folder")?;
    Ok(root.to_owned())
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
    let wanted = |plant: &Plant| args.names.is_empty() || args.names.contains(&plant.name);
    let plants = plants.into_iter().filter(wanted);
    let selected: Vec<_> = plants.skip(k - 1).step_by(n).collect();
    if selected.is_empty() {
        return Err(format!("no plant is in part {k}/{n}").into());
    }
    Ok(selected)
}

/// Whether the checks find nothing where nothing was planted.
fn control(nursery: &mut Nursery, is_used: impl Fn(Check) -> bool) -> Result<bool, Box<dyn Error>> {
    nursery.build()?;
    let mut all_pass = true;
    for check in Check::ALL.into_iter().filter(|&check| is_used(check)) {
        let verdict = nursery.check(check)?;
        if verdict.found {
            println!("{} fails where nothing was planted:", check.name());
            println!("{}", verdict.says);
            all_pass = false;
        }
    }
    Ok(all_pass)
}

/// Whether each of the bugs fits the source and compiles.
fn compile(nursery: &mut Nursery, plants: &[Plant]) -> Result<ExitCode, Box<dyn Error>> {
    let mut rotten = 0;
    for plant in plants {
        let compiled = nursery.plant(plant).and_then(|()| nursery.compile());
        nursery.clear()?;
        if let Err(error) = compiled {
            rot(plant, error)?;
            rotten += 1;
        }
    }
    let bugs = count(plants.len() as u64, "bug");
    println!("{bugs}, of which {rotten} can't be planted");
    Ok(ExitCode::from(u8::from(rotten > 0)))
}

/// Says why a bug can't be planted, unless it is that all of this is to stop.
fn rot(plant: &Plant, why: Box<dyn Error>) -> Result<(), Box<dyn Error>> {
    if why.is::<Stopped>() {
        return Err(why);
    }
    println!("{:<34} CAN'T BE PLANTED: {why}", plant.name);
    Ok(())
}

/// Plants a bug, and lets some checks look for it.
fn show(nursery: &mut Nursery, plant: &Plant, checks: impl Iterator<Item = Check>) -> Said {
    nursery.plant(plant)?;
    nursery.build()?;
    let mut verdicts = BTreeMap::new();
    for check in checks {
        let verdict = nursery.check(check)?;
        row(plant, check, &verdict);
        verdicts.insert(check, verdict);
    }
    Ok(verdicts)
}

fn row(plant: &Plant, check: Check, verdict: &Verdict) {
    let Verdict {
        found,
        effort,
        took,
        ..
    } = verdict;
    let found = match (found, plant.checks.contains(&check)) {
        (true, _) => "found",
        (false, true) => "NOT FOUND",
        (false, false) => "not found",
    };
    let (name, check, took) = (&plant.name, check.name(), took.as_secs_f64());
    println!("{name:<34} {check:<11} {found:<9} {effort:>12} {took:>7.2} s");
}

/// Which check has found what. A dot is a check that runs nothing of what was planted.
fn matrix(rows: &[(&str, BTreeMap<Check, Verdict>)]) {
    print!("\n{:<34}", "");
    for check in Check::ALL {
        print!(" {:>11}", check.name());
    }
    for (name, verdicts) in rows {
        print!("\n{name:<34}");
        for check in Check::ALL {
            let said = match verdicts.get(&check) {
                None => ".",
                Some(verdict) if !verdict.found => "no",
                Some(verdict) if verdict.effort.is_empty() => "found",
                Some(verdict) => &verdict.effort,
            };
            print!(" {said:>11}");
        }
    }
    println!();
}

/// What each check has found, and what only it has.
fn summary(rows: &[(&str, BTreeMap<Check, Verdict>)]) {
    println!("\n| check | finds | only it finds |\n| --- | --- | --- |");
    for check in Check::ALL {
        let is_shown = rows.iter().filter(|(_, said)| said.contains_key(&check));
        let finds = |check: Check| {
            move |said: &BTreeMap<Check, Verdict>| said.get(&check).is_some_and(|said| said.found)
        };
        let found = rows.iter().filter(|(_, said)| finds(check)(said));
        let alone = found.clone().filter(|(_, said)| {
            let mut others = Check::ALL.into_iter().filter(|&other| other != check);
            !others.any(|other| finds(other)(said))
        });
        let alone: Vec<_> = alone.map(|(name, _)| *name).collect();
        let alone = if alone.is_empty() {
            "nothing".to_owned()
        } else {
            alone.join(", ")
        };
        let (found, shown) = (found.count(), is_shown.count());
        println!("| `{}` | {found} of {shown} | {alone} |", check.name());
    }
    println!();
}
