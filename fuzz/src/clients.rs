//! Clients of one hub, who may send anything.

use std::collections::BTreeSet;
use std::time::Duration;

use rejoin::hub::{Hub, Output, Outputs, Protocol, record::Recorded};
use rejoin::id::{ConnId, Time};

/// Each of the clients speaks its protocol. Of `reads` each comes so long after the one before, and
/// from the client of that number; if there is none, only the time goes on. Nothing is sent to a
/// client whose writer was told to stop. In the end all hang up, and nothing may be left.
pub fn play<'a>(speak: &[Protocol], reads: impl Iterator<Item = (Duration, usize, &'a [u8])>) {
    let (mut hub, mut out) = (
        Hub::new(&rejoin::Config::default(), Recorded),
        Outputs::new(),
    );
    let conns: Vec<_> = (0..).map(ConnId::new).take(speak.len()).collect();
    let mut now = Time::ZERO;
    let mut stopped = BTreeSet::new();
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
        follow(&out, &mut stopped);
        out.clear();
    }
    for &conn in &conns {
        hub.writer_finished(now, conn, [], &mut out);
    }
    assert!(hub.is_idle());
}

fn follow(outputs: &Outputs, stopped: &mut BTreeSet<ConnId>) {
    for output in outputs.iter() {
        let to = match output {
            Output::Send { to, .. } => to,
            Output::Ask { ref conn, .. } => std::slice::from_ref(conn),
            Output::StopWriter { conn, .. } => {
                assert!(stopped.insert(conn), "{conn} is told to stop twice");
                continue;
            }
            _ => continue,
        };
        assert!(!to.iter().any(|conn| stopped.contains(conn)), "{output:?}");
    }
}
