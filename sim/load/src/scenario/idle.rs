//! What it costs to be there.

use anyhow::Result;

use super::{Figures, Target};
use crate::dialect::{Client, Role};
use crate::login::log_in;
use crate::process;
use crate::wire::Wire;

/// Clients that log in before anything counts, so that what a server allocates once is not
/// counted.
const WARM_UP: usize = 100;

pub(super) fn run(target: &Target, peers: usize) -> Result<Figures> {
    let mut wire = Wire::new(target.address)?;
    let client = |peer| Client::new(format!("i{peer}"), Role::Idle).resumable();
    let first: Vec<_> = (0..WARM_UP.min(peers)).map(client).collect();
    log_in(&mut wire, target.dialect, &first)?;
    let before = target.pid.map(process::memory).transpose()?;
    let others: Vec<_> = (WARM_UP..WARM_UP + peers).map(client).collect();
    log_in(&mut wire, target.dialect, &others)?;
    let after = target.pid.map(process::memory).transpose()?;
    let grown = before
        .zip(after)
        .map(|(before, after)| after.saturating_sub(before));
    Ok(Figures {
        count: peers as u64,
        kib: grown.map(|bytes| bytes as f64 / 1024.0 / peers as f64),
        ..Figures::default()
    })
}
