//! The broker with a protocol around it: bytes in, frames out.

use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use rejoin::Config;
use rejoin::hub::{Digest, Hub, Outputs, Protocol};
use rejoin::id::{ConnId, Proof, Secret, Time};

use super::text;

struct NoDigest;

impl Digest for NoDigest {
    fn proof(&self, _secret: Secret<'_>) -> Proof {
        Proof::new([7; 32])
    }
}

/// Lines that come in one read.
const LINES: usize = 100;

fn hub(protocol: Protocol, peers: usize, hello: impl Fn(usize) -> String) -> Hub<NoDigest> {
    let config = Config {
        lines_per_second: NonZeroU32::new(1_000_000).expect("not zero"),
        lines_burst: NonZeroU32::MAX,
        connections_per_address: NonZeroUsize::MAX,
        outbox_bytes: NonZeroUsize::new(1 << 30).expect("not zero"),
        work_per_connection: Duration::from_secs(1_000),
        work_per_address: Duration::from_secs(1_000),
        work_in_all: Duration::from_secs(1_000),
        slice: Duration::from_secs(1_000),
        ..Config::default()
    };
    let mut hub = Hub::new(&config, NoDigest);
    let mut out = Outputs::new();
    for peer in 0..peers {
        let conn = ConnId::new(peer as u64 + 1);
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let admitted = hub.accepted(Time::ZERO, conn, address, protocol, &mut out);
        admitted.expect("there are not too many");
        hub.received(Time::ZERO, conn, hello(peer).as_bytes(), &mut out);
        out.clear();
    }
    hub
}

fn bench(bencher: Bencher<'_, '_>, mut hub: Hub<NoDigest>, line: &str, receivers: usize) {
    let bytes = line.repeat(LINES).into_bytes();
    let mut out = Outputs::new();
    bencher
        .counter(ItemsCount::new(LINES * receivers))
        .bench_local(|| {
            let received = hub.received(Time::ZERO, ConnId::new(1), &bytes, &mut out);
            assert_eq!(received.taken, bytes.len());
            black_box(&out);
            out.clear();
        });
}

#[divan::bench]
fn plain_direct(bencher: Bencher<'_, '_>) {
    let hub = hub(Protocol::Plain, 2, |peer| format!("peer{peer}\n"));
    bench(bencher, hub, &format!("peer1: {}\n", text()), 1);
}

#[divan::bench(args = [10, 100, 1_000])]
fn plain_room(bencher: Bencher<'_, '_>, members: usize) {
    let hub = hub(Protocol::Plain, members, |peer| {
        format!("peer{peer}\n/join #room\n")
    });
    bench(bencher, hub, &format!("#room: {}\n", text()), members - 1);
}

#[divan::bench]
fn irc_direct(bencher: Bencher<'_, '_>) {
    let hub = hub(Protocol::Irc, 2, |peer| {
        format!("NICK peer{peer}\r\nUSER peer 0 * :peer\r\n")
    });
    bench(bencher, hub, &format!("PRIVMSG peer1 :{}\r\n", text()), 1);
}

#[divan::bench(args = [10, 100, 1_000])]
fn irc_room(bencher: Bencher<'_, '_>, members: usize) {
    let hub = hub(Protocol::Irc, members, |peer| {
        format!("NICK peer{peer}\r\nUSER peer 0 * :peer\r\nJOIN #room\r\n")
    });
    let line = format!("PRIVMSG #room :{}\r\n", text());
    bench(bencher, hub, &line, members - 1);
}
