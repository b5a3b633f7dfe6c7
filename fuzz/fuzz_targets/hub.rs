//! Three clients send anything, the last one IRC: nothing panics, and in the end nothing is left.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rejoin::hub::{Hub, Outputs, Protocol::{Irc, Plain}, record::Recorded};
use rejoin::id::{ConnId, Time};

fuzz_target!(|reads: Vec<(u8, u16, &[u8])>| {
    let (mut hub, mut out) = (Hub::new(&rejoin::Config::default(), Recorded), Outputs::new());
    let (conns, mut now) = ([1, 2, 3].map(ConnId::new), Time::ZERO);
    for (conn, protocol) in conns.into_iter().zip([Plain, Plain, Irc]) {
        hub.accepted(now, conn, [127, 0, 0, 1].into(), protocol, &mut out).expect("3 may");
    }
    for (conn, seconds, bytes) in reads {
        now = now.after(std::time::Duration::from_secs(seconds.into()));
        hub.received(now, conns[usize::from(conn) % 3], bytes, &mut out);
    }
    conns.into_iter().for_each(|conn| hub.writer_finished(now, conn, [], &mut out));
    assert!(hub.is_idle());
});
