//! No line makes the parsers panic, and what they refuse is answered with one line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rejoin::wire::plain;

fuzz_target!(|line: &[u8]| {
    for parsed in [plain::parse_login(line), plain::parse(line)] {
        let mut answer = Vec::new();
        if let Err(mistake) = parsed {
            plain::write_mistake(mistake, &mut answer);
            assert!(answer.starts_with(b"* error "));
            assert_eq!(answer.iter().position(|&byte| byte == b'\n'), Some(answer.len() - 1));
        }
    }
});
