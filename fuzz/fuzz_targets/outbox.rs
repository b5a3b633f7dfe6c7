//! Whatever happens to an outbox, what it gives back is what is not done, in order.
#![no_main]

#[path = "../src/outbox.rs"]
mod model;

libfuzzer_sys::fuzz_target!(|steps: Vec<model::Step>| model::play(&steps));
