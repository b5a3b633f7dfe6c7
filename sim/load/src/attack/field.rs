//! What everybody in a play shares: where the server is, and how far the play has come.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::client::Client;
use super::{Effort, Host};
use crate::dialect::Dialect;

/// Where the innocent come from.
pub(super) const INNOCENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// Where the attack of the row with this index comes from, unless it comes from many addresses.
pub(super) fn guilty(row: usize) -> Ipv4Addr {
    let last = u8::try_from(100 + row).expect("there are less than 100 rows");
    Ipv4Addr::new(127, 0, 0, last)
}

/// One attack, and the play that it is part of.
pub(super) struct Attack<'a> {
    pub(super) field: &'a Field,
    /// Where it comes from, unless it comes from many addresses.
    pub(super) guilty: Ipv4Addr,
    is_ready: AtomicBool,
}

impl<'a> Attack<'a> {
    pub(super) const fn new(field: &'a Field, guilty: Ipv4Addr) -> Self {
        Self {
            field,
            guilty,
            is_ready: AtomicBool::new(false),
        }
    }

    /// The attack has done what it takes time to prepare.
    pub(super) fn ready(&self) {
        if !self.is_ready.swap(true, Ordering::Relaxed) {
            self.field.ready.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// This attack needs no preparation, but would hold up that of others: waits until all of them
    /// have done it.
    pub(super) fn wait_for_others(&self) {
        self.ready();
        while self.goes_on() && !self.are_ready() {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Deref for Attack<'_> {
    type Target = Field;

    fn deref(&self) -> &Field {
        self.field
    }
}

/// Complaints that are told of.
const COMPLAINTS: usize = 10;

/// How far a play has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub(super) enum Phase {
    /// Nobody attacks yet.
    Before,
    /// The attack goes on.
    During,
    /// The attack goes on, and the innocent say nothing more.
    Hushed,
    /// Everybody is to end.
    Ended,
}

/// What everybody in a play shares.
pub(super) struct Field {
    pub(super) plain: Option<SocketAddr>,
    pub(super) irc: SocketAddr,
    pub(super) pid: u32,
    pub(super) dialect_is_ours: bool,
    pub(super) in_full: bool,
    phase: AtomicU8,
    /// How many attacks there are, and how many of them are ready.
    attacks: usize,
    ready: AtomicUsize,
    facts: Mutex<Vec<(String, u64)>>,
    complaints: Mutex<Vec<String>>,
}

impl Field {
    pub(super) fn new(host: &Host, effort: &Effort, attacks: usize) -> Self {
        Self {
            plain: host.plain,
            irc: host.irc,
            pid: host.pid(),
            dialect_is_ours: host.is_ours,
            in_full: effort.in_full,
            phase: AtomicU8::new(Phase::Before as u8),
            attacks,
            ready: AtomicUsize::new(0),
            facts: Mutex::new(Vec::new()),
            complaints: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Before,
            1 => Phase::During,
            2 => Phase::Hushed,
            _ => Phase::Ended,
        }
    }

    pub(super) fn attack(&self) {
        self.phase.store(Phase::During as u8, Ordering::Relaxed);
    }

    pub(super) fn hush(&self) {
        self.phase.store(Phase::Hushed as u8, Ordering::Relaxed);
    }

    /// Ends the play when what this returns is dropped, however that comes.
    pub(super) fn end_on_drop(&self) -> impl Drop + '_ {
        struct End<'a>(&'a Field);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.phase.store(Phase::Ended as u8, Ordering::Relaxed);
            }
        }
        End(self)
    }

    /// Whether the attack is to go on.
    pub(super) fn goes_on(&self) -> bool {
        self.phase() < Phase::Ended
    }

    /// Whether the innocent go on talking.
    pub(super) fn is_talked(&self) -> bool {
        self.phase() < Phase::Hushed
    }

    /// Whether all attacks have done what it takes time to prepare.
    pub(super) fn are_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed) >= self.attacks
    }

    /// One number or another, by how large the attack is to be.
    pub(super) const fn size(&self, small: usize, full: usize) -> usize {
        if self.in_full { full } else { small }
    }

    /// Adds to a number that is to be known at the end.
    pub(super) fn count(&self, what: &str, number: u64) {
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        match facts.iter_mut().find(|(name, _)| name == what) {
            Some((_, counted)) => *counted += number,
            None => facts.push((what.to_owned(), number)),
        }
    }

    /// Notes what nobody should have to accept.
    pub(super) fn complain(&self, complaint: String) {
        let complaints = self.complaints.lock();
        let mut complaints = complaints.unwrap_or_else(PoisonError::into_inner);
        if complaints.len() < COMPLAINTS {
            complaints.push(complaint);
        }
    }

    /// What was counted, and of what there were complaints.
    pub(super) fn into_parts(self) -> (Vec<(String, u64)>, Vec<String>) {
        let facts = self.facts.into_inner();
        let complaints = self.complaints.into_inner();
        (
            facts.unwrap_or_else(PoisonError::into_inner),
            complaints.unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Waits, but not past the end of the play.
    pub(super) fn sleep(&self, duration: Duration) {
        let start = Instant::now();
        while start.elapsed() < duration && self.goes_on() {
            thread::sleep(Duration::from_millis(10).min(duration));
        }
    }

    /// A connection from this address, by IRC.
    pub(super) fn irc(&self, from: Ipv4Addr) -> Result<Client> {
        Client::connect(self.irc, from, Dialect::Irc).context("no connection by IRC")
    }

    /// A connection from this address, by the plain protocol if the server speaks it.
    pub(super) fn plain(&self, from: Ipv4Addr) -> Result<Client> {
        let Some(address) = self.plain else {
            return self.irc(from);
        };
        Client::connect(address, from, Dialect::Plain).context("no connection by plain lines")
    }
}
