//! What a process has used, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The CPU time of all threads of a process that still run, to the nanosecond.
///
/// # Errors
///
/// If there is no such process, or the system does not say.
pub fn cpu(pid: u32) -> Result<Duration> {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{pid}/task")).context("the server has ended")? {
        let file = task?.path().join("schedstat");
        // A thread may end while this looks.
        let Ok(stat) = fs::read_to_string(file) else {
            continue;
        };
        let on_cpu = stat.split(' ').next().unwrap_or("");
        nanos += on_cpu.parse::<u64>().context("no time in schedstat")?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Bytes of a process that are in memory.
///
/// # Errors
///
/// As [`cpu`].
pub fn memory(pid: u32) -> Result<u64> {
    let status =
        fs::read_to_string(format!("/proc/{pid}/status")).context("the server has ended")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kib: u64 = kib.context("no VmRSS in status")?.trim().parse()?;
    Ok(kib * 1024)
}
