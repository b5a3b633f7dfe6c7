//! Connections alone.

use std::thread;
use std::time::Duration;

use anyhow::Result;

use super::crowd::address;
use crate::attack::client::Client;
use crate::attack::field::Attack;

/// Connections that are there at once.
const AT_ONCE: usize = 100;

/// Connections that are reset, as soon as they are logged in and before.
pub(super) fn resets(field: &Attack<'_>) -> Result<()> {
    field.wait_for_others();
    let mut number = 0;
    while field.goes_on() {
        let mut clients = Vec::new();
        for _ in 0..AT_ONCE {
            number += 1;
            if let Ok(mut client) = field.plain(field.guilty) {
                if number % 2 == 0 {
                    client.line(&format!("reset{number}"));
                }
                clients.push(client);
            }
        }
        field.count("resets", clients.len() as u64);
        clients.into_iter().for_each(Client::reset);
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Connections that say nothing, from many addresses.
pub(super) fn connects(field: &Attack<'_>) -> Result<()> {
    field.wait_for_others();
    thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || {
                let mut number = thread;
                while field.goes_on() {
                    let clients = (0..AT_ONCE).filter_map(|_| {
                        number += 2;
                        field.plain(address(number)).ok()
                    });
                    let clients: Vec<_> = clients.collect();
                    field.count("connections", clients.len() as u64);
                }
            });
        }
    });
    Ok(())
}
