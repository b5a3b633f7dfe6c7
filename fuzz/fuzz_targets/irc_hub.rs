//! As `hub`, and those with an even number speak IRC: they are handed mail, and answer or do not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rejoin::hub::{Hub, Outputs, Protocol::{Irc, Plain}, record::Recorded};
use rejoin::id::{ConnId, Time};

fuzz_target!(|reads: Vec<(u8, u16, &[u8])>| {
    let (mut hub, mut out) = (Hub::new(&rejoin::Config::default(), Recorded), Outputs::new());
    let (conns, mut now) = ([1, 2, 3, 4].map(ConnId::new), Time::ZERO);
    for (conn, speaks) in conns.into_iter().zip([Plain, Irc, Plain, Irc]) {
        hub.accepted(now, conn, [127, 0, 0, 1].into(), speaks, &mut out).expect("4 may");
    }
    for (conn, millis, bytes) in reads {
        now = now.after(std::time::Duration::from_millis(millis.into()));
        let Some(&conn) = conns.get(usize::from(conn) % 8) else { hub.tick(now, &mut out); continue };
        hub.received(now, conn, bytes, &mut out);
    }
    conns.into_iter().for_each(|conn| hub.writer_finished(now, conn, [], &mut out));
    assert!(hub.is_idle());
});
