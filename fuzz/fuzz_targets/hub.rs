//! Three clients send anything; the broker's check of the whole state finds nothing, and in the
//! end nothing is left.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rejoin::hub::{Digest, Hub, Outputs};
use rejoin::id::{ConnId, Name, Proof, Secret, Time};

struct LengthDigest;

impl Digest for LengthDigest {
    fn proof(&self, _: &Name, secret: Secret<'_>) -> Proof {
        Proof::new([secret.expose().len() as u8; 32])
    }
}

fuzz_target!(|reads: Vec<(u8, u16, &[u8])>| {
    let (mut hub, mut out) = (Hub::new(&rejoin::Config::default(), LengthDigest), Outputs::new());
    let conns = [1, 2, 3].map(ConnId::new);
    for conn in conns {
        hub.accepted(Time::ZERO, conn, [127, 0, 0, 1].into(), &mut out).expect("three may");
    }
    let mut now = Time::ZERO;
    for (conn, seconds, bytes) in reads {
        now = now.after(std::time::Duration::from_secs(seconds.into()));
        hub.received(now, conns[usize::from(conn) % 3], bytes, &mut out);
    }
    for conn in conns {
        hub.writer_finished(now, conn, [], &mut out);
    }
    assert!(hub.is_idle());
});
