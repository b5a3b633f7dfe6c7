//! Two clients speak IRC and two do not, each line is of the one whose number it begins with, and
//! others let time pass: the broker's check finds nothing, and in the end nothing is left.
#![no_main]

use rejoin::hub::{Hub, Outputs, Protocol::{Irc, Plain}, record::Recorded};
use rejoin::id::{ConnId, Time};

libfuzzer_sys::fuzz_target!(|script: &[u8]| {
    let (mut hub, mut out) = (Hub::new(&rejoin::Config::default(), Recorded), Outputs::new());
    let (conns, mut now) = ([0, 1, 2, 3].map(ConnId::new), Time::ZERO);
    for (conn, speaks) in conns.into_iter().zip([Plain, Irc, Plain, Irc]) {
        hub.accepted(now, conn, [127, 0, 0, 1].into(), speaks, &mut out).expect("4 may");
    }
    for line in script.split_inclusive(|&byte| byte == b'\n') {
        now = now.after(std::time::Duration::from_millis(line.len() as u64 * 100));
        match conns.get(usize::from(line[0].wrapping_sub(b'0'))) {
            Some(&conn) => drop(hub.received(now, conn, &line[1..], &mut out)),
            None => hub.tick(now, &mut out),
        }
    }
    conns.into_iter().for_each(|conn| hub.writer_finished(now, conn, [], &mut out));
    assert!(hub.is_idle());
});
