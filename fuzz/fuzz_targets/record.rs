//! No file makes the reader of records panic, and what it reads of one is within the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rejoin::hub::record::{Entries, MAGIC};

fuzz_target!(|bytes: &[u8]| {
    let record = [MAGIC, bytes].concat();
    let entries = Entries::of(&record).expect("it begins as a record");
    assert!(entries.take_while(Result::is_ok).count() <= bytes.len() / 2);
});
