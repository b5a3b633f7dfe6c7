//! Any steps happen to the broker, and all nine statements hold.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rejoin_sim::{Step, probe::Probes, search, setting::setting};

fuzz_target!(|input: (u8, Vec<Step>)| {
    let (index, steps) = input;
    if let Err(failure) = search::run(&setting(index.into()), &steps, &mut Probes::default()) {
        panic!("{failure}\n{steps:?}");
    }
});
