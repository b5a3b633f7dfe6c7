//! Attacks: somebody sends little, and wants it to take much.
//!
//! A [`Row`] is one attack. [`play`] starts a server, lets innocent people talk on it, lets the
//! attack begin beside them, stops the server under it, and says in an [`Outcome`] what all of
//! this came to: how late the innocent were heard, what was refused to them, how much memory the
//! server took and how long its stop.
//!
//! The same rows are played by `cargo load attack`, long and in full size, and by the tests in
//! `tests/attack`, short and small. Those look at what must hold on a machine of any speed;
//! latencies are for the former.

mod client;
mod field;
mod host;
mod innocents;
mod memory;
mod outcome;
mod rows;
mod visitors;

use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

pub use host::{Host, Program};
pub use outcome::{Bounds, Late, Outcome};
pub use rows::{ROWS, Row};

use field::{Attack, Field, guilty};
use innocents::Innocents;
use memory::Memory;
use visitors::Visitors;

/// How long the innocent wait for what was said last.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it may take to prepare the attacks.
const PREPARATION: Duration = Duration::from_secs(60);

/// By how much the priority is lower of those who attack.
const NICE: i32 = 10;

/// How long and how much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Effort {
    /// How long the innocent are among themselves.
    pub before: Duration,
    /// How long they are beside the attack.
    pub during: Duration,
    /// Whether the attack is as large as it was when it was found, or only as large as it takes
    /// to see whether it works.
    pub in_full: bool,
}

impl Effort {
    /// What a test can afford.
    pub const SHORT: Self = Self {
        before: Duration::from_millis(200),
        during: Duration::from_millis(1500),
        in_full: false,
    };
}

/// Plays these rows, all at once, against a new server.
///
/// # Errors
///
/// If the server does not start, or an attack cannot be made; not if it works.
pub fn play(rows: &[&Row], program: &Program, effort: &Effort) -> Result<Outcome> {
    let mut host =
        Host::start(program, rows, effort.in_full).context("the server does not start")?;
    let field = Field::new(&host, effort, rows.len());
    let (mut outcome, stop) = thread::scope(|scope| {
        let end = field.end_on_drop();
        let memory = scope.spawn(|| Memory::watch(&field));
        let innocents = Innocents::log_in(&field)?;
        let innocents = scope.spawn(|| innocents.talk(&field));
        let visitors = scope.spawn(|| Visitors::come(&field, rows));
        field.sleep(effort.before);
        let attacks = rows.iter().enumerate().map(|(index, row)| {
            let attack = Attack::new(&field, guilty(index));
            let is_alone = rows.len() == 1;
            scope.spawn(move || make(row, &attack, is_alone))
        });
        let attacks: Vec<_> = attacks.collect();
        field.attack();
        let mut began = Instant::now();
        let mut is_ready = false;
        while began.elapsed() < effort.during || !is_ready {
            thread::sleep(Duration::from_millis(10));
            let are_over = attacks.iter().all(ScopedJoinHandle::is_finished);
            let is_late = began.elapsed() > PREPARATION;
            if !is_ready && is_late {
                field.complain(format!(
                    "after {PREPARATION:?} not all attacks are prepared"
                ));
            }
            if !is_ready && (are_over || is_late || field.are_ready()) {
                is_ready = true;
                began = Instant::now();
            }
        }
        field.hush();
        let innocents = innocents.join().expect("the innocent do not panic");
        let visitors = visitors.join().expect("visitors do not panic");
        let stop = host.stop()?;
        drop(end);
        for attack in attacks {
            attack.join().expect("an attack does not panic")?;
        }
        let memory = memory.join().expect("the memory can be watched");
        anyhow::Ok((Outcome::new(innocents, visitors, memory), stop))
    })?;
    outcome.stop = stop;
    let (facts, complaints) = field.into_parts();
    outcome.facts = facts;
    outcome.complaints.extend(complaints);
    Ok(outcome)
}

/// Attacks until the end of the play. That this fails when the server stops is no error, nor that
/// an attack is turned away while others leave no room for it.
fn make(row: &Row, attack: &Attack<'_>, is_alone: bool) -> Result<()> {
    // Those who attack have machines of their own: here they have what the server and the innocent
    // leave. If the priority cannot be lowered, they have more.
    let _ = rustix::process::nice(NICE);
    let made = (row.attack)(attack);
    if !attack.is_talked() {
        return Ok(());
    }
    if made.is_err() && !is_alone {
        attack.count("attacks that were turned away", 1);
        attack.ready();
        return Ok(());
    }
    made.with_context(|| row.to_string())
}
