//! What `cargo sim replay` and `cargo sim explain` are to show.

use std::error::Error;
use std::fs;
use std::path::Path;

use rejoin::hub::record::MAGIC;
use rejoin_sim::network::simulate;
use rejoin_sim::plan::Plan;
use rejoin_sim::replay::replay;
use rejoin_sim::trace::Trace;

/// The run that `what` names: a seed, the file of a plan, or a record of a server. The second is
/// what else is to be said of it, and whether something is wrong with it beside the trace.
pub(crate) fn open(what: &str) -> Result<(Trace, Option<Remark>), Box<dyn Error>> {
    if let Ok(seed) = what.parse() {
        return Ok((played(&Plan::draw(seed), what), None));
    }
    let file = fs::read(Path::new(what)).map_err(|error| format!("{what}: {error}"))?;
    if !file.starts_with(MAGIC) {
        let plan = String::from_utf8(file).map_err(|_| format!("{what}: no plan, no record"))?;
        let plan = Plan::from_file(&plan).map_err(|error| format!("{what}: {error}"))?;
        return Ok((played(&plan, what), None));
    }
    let replayed = replay(&file).map_err(|error| format!("{what}: {error}"))?;
    let mut trace = replayed.trace;
    trace.title = format!("cargo sim replay {what}");
    let mut says = format!("{} inputs", replayed.told);
    match replayed.different.first() {
        None => says += ", the same effects as recorded",
        Some(first) => {
            let different = replayed.different.len();
            says += &format!(
                "; the effects of {different} differ from those recorded, first of input {first}"
            );
        }
    }
    if !replayed.texts {
        says += "; texts were not recorded";
    }
    if replayed.torn {
        says += "; the last entry is torn, and left out";
    }
    let remark = Remark {
        says,
        is_bad: !replayed.different.is_empty(),
    };
    Ok((trace, Some(remark)))
}

/// What is to be said of a record.
pub(crate) struct Remark {
    pub(crate) says: String,
    pub(crate) is_bad: bool,
}

fn played(plan: &Plan, what: &str) -> Trace {
    let outcome = simulate(plan, true);
    let mut trace = outcome.trace.expect("it was to be kept");
    trace.title = format!("cargo sim replay {what}");
    trace
}
