//! Two clients speak IRC and two do not, each line is of the one whose number it begins with, and
//! others let time pass: the broker's check finds nothing, and in the end nothing is left.
#![no_main]

#[path = "../src/clients.rs"]
mod clients;

use rejoin::hub::Protocol::{Irc, Plain};
use std::time::Duration;

libfuzzer_sys::fuzz_target!(|script: &[u8]| {
    let reads = script.split_inclusive(|&byte| byte == b'\n').map(|line| {
        let client = line[0].wrapping_sub(b'0').into();
        (Duration::from_millis(line.len() as u64 * 100), client, &line[1..])
    });
    clients::play(&[Plain, Irc, Plain, Irc], reads);
});
