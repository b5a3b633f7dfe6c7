//! How much memory a server takes.

use std::thread;
use std::time::Duration;

use super::field::{Field, Phase};
use crate::process;

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_millis(50);

/// The most that it took, in bytes.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Memory {
    pub(super) before: u64,
    pub(super) during: u64,
}

impl Memory {
    /// Looks on until the end.
    pub(super) fn watch(field: &Field) -> Self {
        let mut memory = Self::default();
        while field.goes_on() {
            let Ok(bytes) = process::memory(field.pid) else {
                break;
            };
            let most = match field.phase() {
                Phase::Before => &mut memory.before,
                Phase::During | Phase::Hushed | Phase::Ended => &mut memory.during,
            };
            *most = bytes.max(*most);
            thread::sleep(INTERVAL);
        }
        memory
    }
}
