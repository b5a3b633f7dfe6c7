//! Three clients send anything; the broker's check of the whole state finds nothing, and in the
//! end nothing is left.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rejoin::hub::{Hub, Outputs, Protocol::Plain, record::Recorded};
use rejoin::id::{ConnId, Time};

fuzz_target!(|reads: Vec<(u8, u16, &[u8])>| {
    let (mut hub, mut out) = (Hub::new(&rejoin::Config::default(), Recorded), Outputs::new());
    let (conns, mut now) = ([1, 2, 3].map(ConnId::new), Time::ZERO);
    let accept = |conn| hub.accepted(now, conn, [127, 0, 0, 1].into(), Plain, &mut out).expect("3 may");
    conns.into_iter().for_each(accept);
    for (conn, seconds, bytes) in reads {
        now = now.after(std::time::Duration::from_secs(seconds.into()));
        hub.received(now, conns[usize::from(conn) % 3], bytes, &mut out);
    }
    conns.into_iter().for_each(|conn| hub.writer_finished(now, conn, [], &mut out));
    assert!(hub.is_idle());
});
