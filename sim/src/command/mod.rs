//! What `cargo sim` can do, one command a file.
//!
//! Each exits with 0 if all is well, with 1 if something was found, and with 2 if it could not do
//! its work.

pub(crate) mod exhaust;
pub(crate) mod explain;
pub(crate) mod plant;
pub(crate) mod random;
pub(crate) mod replay;
pub(crate) mod run;

mod source;

use rejoin_sim::plan::Plan;

/// Writes a plan that was made shorter to a file, and says how it is replayed.
fn save(plan: &Plan, file: &str) {
    match std::fs::write(file, plan.to_file()) {
        Ok(()) => println!("the shrunk plan: cargo sim replay {file}"),
        Err(error) => println!("the shrunk plan can't be written to {file}: {error}"),
    }
}
