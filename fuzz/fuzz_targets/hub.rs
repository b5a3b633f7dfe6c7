//! Three clients send anything; the broker's check of the whole state finds nothing, and in the
//! end nothing is left.
#![no_main]

#[path = "../src/clients.rs"]
mod clients;

use rejoin::hub::Protocol::Plain;
use std::time::Duration;

libfuzzer_sys::fuzz_target!(|reads: Vec<(u8, u16, &[u8])>| {
    let reads = reads.into_iter().map(|(client, seconds, bytes)| {
        (Duration::from_secs(seconds.into()), usize::from(client) % 3, bytes)
    });
    clients::play(&[Plain; 3], reads);
});
