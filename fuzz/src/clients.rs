//! Clients of one hub, who may send anything.

use std::time::Duration;

use rejoin::hub::{Hub, Outputs, Protocol, record::Recorded};
use rejoin::id::{ConnId, Time};

/// Each of the clients speaks its protocol. Of `reads` each comes so long after the one before, and
/// from the client of that number; if there is none, only the time goes on. In the end all hang up,
/// and nothing may be left.
pub fn play<'a>(speak: &[Protocol], reads: impl Iterator<Item = (Duration, usize, &'a [u8])>) {
    let (mut hub, mut out) = (
        Hub::new(&rejoin::Config::default(), Recorded),
        Outputs::new(),
    );
    let conns: Vec<_> = (0..).map(ConnId::new).take(speak.len()).collect();
    let mut now = Time::ZERO;
    for (&conn, &protocol) in conns.iter().zip(speak) {
        let accepted = hub.accepted(now, conn, [127, 0, 0, 1].into(), protocol, &mut out);
        accepted.expect("a few may");
    }
    for (after, client, bytes) in reads {
        now = now.after(after);
        match conns.get(client) {
            Some(&conn) => drop(hub.received(now, conn, bytes, &mut out)),
            None => hub.tick(now, &mut out),
        }
    }
    for &conn in &conns {
        hub.writer_finished(now, conn, [], &mut out);
    }
    assert!(hub.is_idle());
}
