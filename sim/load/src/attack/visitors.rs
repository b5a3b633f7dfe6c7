//! People who come by while others attack: one by one they log in and go, some as somebody new,
//! and some as somebody who was there before.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;

use super::PATIENCE;
use super::field::{Field, INNOCENT, Phase, guilty};
use super::outcome::histogram;
use super::rows::Row;

/// How often one comes.
const INTERVAL: Duration = Duration::from_millis(100);

/// Complaints that are told of.
const COMPLAINTS: usize = 10;

/// What came of the visits.
pub(super) struct Visited {
    /// How long the logins took, before and during the attack, in nanoseconds.
    pub(super) late: [Histogram<u64>; 2],
    pub(super) complaints: Vec<String>,
}

pub(super) struct Visitors;

impl Visitors {
    /// Lets visitors come until the innocent are hushed.
    pub(super) fn come(field: &Field, rows: &[&Row]) -> Visited {
        let mut visited = Visited {
            late: [histogram(), histogram()],
            complaints: Vec::new(),
        };
        // Those behind one address, of whom some attack, are served as well where they can be
        // told from each other.
        let shares_address = rows.iter().all(|row| row.visitors_share_address);
        let from = if shares_address { guilty(0) } else { INNOCENT };
        let mut number = 0;
        while field.is_talked() {
            let start = Instant::now();
            let phase = usize::from(field.phase() >= Phase::During);
            match visit(field, from, number) {
                Ok(()) => {
                    let took = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
                    visited.late[phase].saturating_record(took);
                }
                Err(error) if visited.complaints.len() < COMPLAINTS => {
                    let complaint = format!("visitor {number} is not let in: {error:#}");
                    visited.complaints.push(complaint);
                }
                Err(_) => {}
            }
            number += 1;
            field.sleep(INTERVAL.saturating_sub(start.elapsed()));
        }
        visited
    }
}

/// By one protocol or the other, as somebody new or not.
fn visit(field: &Field, from: Ipv4Addr, number: usize) -> Result<()> {
    let mut client = if number.is_multiple_of(2) {
        field.irc(from)?
    } else {
        field.plain(from)?
    };
    let is_known = field.dialect_is_ours && number % 4 < 2;
    let (name, secret) = if is_known {
        (
            format!("visitor{}", number % 4),
            Some("secret-of-a-visitor"),
        )
    } else {
        (format!("newcomer{number}"), None)
    };
    client.log_in(&name, secret, PATIENCE)?;
    Ok(())
}
