//! Many connections of those who attack.

use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::attack::PATIENCE;
use crate::attack::client::Client;
use crate::attack::field::Attack;

/// How long a connection of a [`barrage`] that has sent everything is held.
const HOLD: Duration = Duration::from_millis(300);

/// How long nobody of a [`barrage`] does anything, after each of them has.
const REST: Duration = Duration::from_millis(1);

/// Of the guests of a [`crowd`], those that come from one address.
const OF_ONE_ADDRESS: usize = 8;

/// Guests by IRC from many addresses, which are logged in, have said these lines, and were
/// answered. One comes after each pause.
pub(super) fn crowd(
    field: &Attack<'_>,
    (name, count, pause): (&str, usize, Duration),
    says: impl Fn(usize) -> String,
) -> Result<Vec<Client>> {
    let mut crowd = Vec::with_capacity(count);
    for index in 0..count {
        thread::sleep(pause);
        let mut client = field.irc(address(index / OF_ONE_ADDRESS))?;
        let says = says(index);
        let lines = format!("NICK {name}{index}\r\nUSER u 0 * :r\r\n{says}\r\nPING :ready\r\n");
        client.say(lines.as_bytes(), || field.goes_on());
        crowd.push(client);
    }
    for client in &mut crowd {
        if field.goes_on() {
            client.until(&["PONG"], PATIENCE)?;
        }
    }
    Ok(crowd)
}

/// Sends bytes on so many connections, as guests whose names begin with `name`, and reads what
/// comes; where all of them are sent, or the server has closed, a new connection takes the place
/// of the old one. Until the end of the play; `meanwhile` is called now and then.
pub(super) fn barrage(
    field: &Attack<'_>,
    (name, connections): (&str, usize),
    from: impl Fn(usize) -> Ipv4Addr,
    bytes: impl Fn(usize) -> String,
    mut meanwhile: impl FnMut() -> Result<()>,
) -> Result<()> {
    let mut number = 0;
    let mut shots: Vec<Option<Shot>> = (0..connections).map(|_| None).collect();
    while field.goes_on() {
        for place in &mut shots {
            if let Some(shot) = place {
                shot.go_on(field);
                if shot.is_over() {
                    *place = None;
                }
            } else if let Ok(client) = field.irc(from(number)) {
                let login = format!("NICK {name}{number}\r\nUSER u 0 * :r\r\n");
                let bytes = format!("{login}{}", bytes(number)).into_bytes();
                *place = Some(Shot::new(client, bytes));
                number += 1;
            }
        }
        meanwhile()?;
        thread::sleep(REST);
    }
    ensure!(number > 0, "there was no connection");
    Ok(())
}

struct Shot {
    client: Client,
    bytes: Vec<u8>,
    sent: usize,
    since: Instant,
}

impl Shot {
    fn new(client: Client, bytes: Vec<u8>) -> Self {
        Self {
            client,
            bytes,
            sent: 0,
            since: Instant::now(),
        }
    }

    fn go_on(&mut self, field: &Attack<'_>) {
        let sent = self.client.offer(&self.bytes[self.sent..]);
        self.sent += sent;
        let came = self.client.swallow();
        if sent > 0 {
            self.since = Instant::now();
        }
        field.count("bytes sent", sent as u64);
        field.count("bytes answered", came as u64);
    }

    fn is_over(&self) -> bool {
        let is_sent = self.sent == self.bytes.len();
        self.client.is_dead() || (is_sent && self.since.elapsed() > HOLD)
    }
}

/// Does it now and then.
pub(super) fn every(
    interval: Duration,
    mut work: impl FnMut() -> Result<()>,
) -> impl FnMut() -> Result<()> {
    let mut last = Instant::now();
    move || {
        if last.elapsed() < interval {
            return Ok(());
        }
        last = Instant::now();
        work()
    }
}

/// Reads what has come for all of them.
pub(super) fn swallow_all(crowd: &mut [Client]) -> Result<()> {
    for client in crowd {
        client.swallow();
    }
    Ok(())
}

/// One of many addresses.
pub(super) fn address(number: usize) -> Ipv4Addr {
    let [_, _, high, low] = u32::try_from(number % 60_000).unwrap_or(0).to_be_bytes();
    Ipv4Addr::new(127, 1 + low % 8, high, 1 + low % 250)
}
