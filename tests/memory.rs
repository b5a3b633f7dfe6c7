//! What others can fill has its bounds: in all, and for one address.

#![cfg(feature = "server")]

mod common;

use common::links::{MANY, big};
use common::{Client, Server};

const MIB: usize = 1 << 20;

/// Who fills memory is hindered by nothing else.
const UNHINDERED: [&str; 5] = [
    "--lines-per-second=1000000",
    "--lines-burst=1000000",
    "--joins=1000000",
    "--work-per-connection=1000s",
    "--work-per-address=1000s",
];

fn start(flags: &[&str]) -> Server {
    let flags: Vec<_> = UNHINDERED.iter().chain(flags).copied().collect();
    Server::start(&flags)
}

/// The memory that the server has now, in bytes.
fn resident(server: &Server) -> usize {
    let path = format!("/proc/{}/status", server.child.id());
    let status = std::fs::read_to_string(path).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.expect("it has memory").trim().trim_end_matches(" kB");
    kib.parse::<usize>().expect("a number") * 1024
}

/// A new peer from another address, who comes by.
fn alice(server: &Server) -> Client {
    let mut alice = server.client_from([127, 0, 0, 2]);
    alice.send("alice");
    alice.expect("* welcome alice");
    alice
}

/// How many of the lines that come up to now begin with this.
fn answers(client: &mut Client, start: &str) -> usize {
    client.send("alice: that was all");
    let lines = std::iter::from_fn(|| Some(client.line()));
    let lines = lines.take_while(|line| line != "from alice: that was all");
    lines.filter(|line| line.starts_with(start)).count()
}

#[test]
fn of_all_connections_from_one_address_those_that_read_the_least_are_given_up() {
    // 6 MiB may wait for all connections from one address.
    let server = start(&[
        "--memory=67108864",
        "--outbox-bytes=2097152",
        "--mailbox-bytes=262144",
    ]);
    let mut alice = alice(&server);
    // One of those who are there reads.
    let mut carol = server.login("carol");
    let stalled = (0..8).map(|n| server.stalled(&format!("bob{n}")));
    let stalled: Vec<_> = stalled.collect();
    // Their sockets take the first of it. Then each message waits as a line, too.
    let is_over = (0..MANY).any(|round| {
        for n in 0..8 {
            alice.send(&format!("bob{n}: {}", big(round)));
        }
        answers(&mut alice, "* undelivered bob") > 0
    });
    assert!(is_over, "nobody was given up");
    alice.send("/who");
    let there = answers(&mut alice, "* peer bob");
    assert!((1..8).contains(&there), "{there} are left");
    alice.send("carol: are you there?");
    carol.expect("from alice: are you there?");
    drop(stalled);
}
