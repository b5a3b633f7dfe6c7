//! However the bytes are cut, the same lines come out, and each is within the limit.
#![no_main]

use rejoin::wire::lines::{Line, Lines};

fn split(pieces: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
    let (mut lines, mut found) = (Lines::new(8), Vec::new());
    for mut piece in pieces.iter().copied() {
        while let Some(line) = lines.next(&mut piece) {
            found.push(if let Line::Whole(line) = line { Some(line.to_vec()) } else { None });
        }
    }
    found
}
libfuzzer_sys::fuzz_target!(|input: (&[u8], &[u8])| {
    let found = split(&[input.0, input.1, b"\n"]);
    assert_eq!(found, split(&[&[input.0, input.1, b"\n"].concat()]));
    assert!(found.iter().flatten().all(|line| line.len() <= 8 && !line.contains(&b'\n')));
});
