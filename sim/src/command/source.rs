//! What `cargo sim replay` and `cargo sim explain` are to show.

use std::error::Error;
use std::fs;

use rejoin::hub::record::{BadRecord, MAGIC};
use rejoin_sim::network::simulate;
use rejoin_sim::plan::{BrokerPlan, Plan};
use rejoin_sim::replay::replay;
use rejoin_sim::trace::Trace;

/// The run that `what` names: a seed, the file of a plan, or a record of a server.
pub(crate) fn open(what: &str) -> Result<Trace, Box<dyn Error>> {
    let mut trace = match seed(what)? {
        Some(seed) => played(&Plan::draw(seed)),
        None => in_file(what).map_err(|error| format!("{what}: {error}"))?,
    };
    trace.title = format!("cargo sim replay {what}");
    Ok(trace)
}

/// What has digits alone is a seed, and no file.
fn seed(what: &str) -> Result<Option<u64>, String> {
    if what.is_empty() || !what.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    let seed = what.parse().map(Some);
    seed.map_err(|_| format!("{what} is no seed: the largest is {}", u64::MAX))
}

fn in_file(name: &str) -> Result<Trace, Box<dyn Error>> {
    let file = fs::read(name)?;
    if !is_record(&file)? {
        let plan = str::from_utf8(&file).map_err(|_| "this is neither a plan nor a record")?;
        if BrokerPlan::is_in(plan) {
            return Ok(BrokerPlan::from_file(plan)?.trace());
        }
        return Ok(played(&Plan::from_file(plan)?));
    }
    Ok(replay(&file)?.trace)
}

/// Whether a file is a record and not, perhaps, a plan.
///
/// # Errors
///
/// If it is empty, or a record that cannot be read: one of another version, or without an entry.
fn is_record(file: &[u8]) -> Result<bool, Box<dyn Error>> {
    if file.starts_with(MAGIC) {
        return Ok(true);
    }
    if file.is_empty() {
        return Err("the file is empty".into());
    }
    if MAGIC.starts_with(file) {
        return Err(BadRecord::Empty.into());
    }
    let first = file.split(|&byte| byte == b'\n').next().unwrap_or(file);
    let version = first.strip_prefix(b"rejoin record ");
    let Some(version) = version.and_then(|version| str::from_utf8(version).ok()) else {
        return Ok(false);
    };
    let ours = str::from_utf8(&MAGIC[b"rejoin record ".len()..]).expect("it is ASCII");
    let ours = ours.trim_end();
    let version = version.escape_debug();
    Err(format!("the record is of version {version}, and this program reads version {ours}").into())
}

fn played(plan: &Plan) -> Trace {
    let outcome = simulate(plan, true);
    outcome.trace.expect("it was to be kept")
}
