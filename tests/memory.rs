//! What others can fill has its bounds: in all, and for one address.

#![cfg(feature = "server")]

mod common;

use std::net::SocketAddr;

use common::links::{MANY, big};
use common::{Client, Server, wait_for};

const MIB: usize = 1 << 20;

/// Who fills memory is hindered by nothing else.
const UNHINDERED: [&str; 6] = [
    "--lines-per-second=1000000",
    "--lines-burst=1000000",
    "--joins=1000000",
    "--work-per-connection=1000s",
    "--work-per-address=1000s",
    "--work-in-all=1000s",
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

/// A new guest from another address.
fn visitor(server: &Server, host: u8, name: &str) -> Client {
    let mut visitor = server.client_from([127, 0, 0, host]);
    visitor.send(name);
    visitor.expect(&format!("* welcome {name}"));
    visitor
}

/// How many of the lines that come up to now begin with this.
fn answers(client: &mut Client, me: &str, start: &str) -> usize {
    client.send(&format!("{me}: that was all"));
    let end = format!("from {me}: that was all");
    let lines = std::iter::from_fn(|| Some(client.line()));
    let lines = lines.take_while(|line| *line != end);
    lines.filter(|line| line.starts_with(start)).count()
}

/// Asserts that the server takes no more than one address may have of 128 MiB: a quarter of each
/// part, which are 13/16 of all, beside what the program has by itself.
///
/// It may take a while until those are given up who do not read.
fn expect_bounded(server: &Server, what: &str) {
    let bound = 128 * MIB / 16 * 13 / 4 + 9 * MIB;
    wait_for(&format!("less than {} MiB of {what}", bound / MIB), || {
        (resident(server) < bound).then_some(())
    });
}

#[test]
fn one_address_fills_everything_and_takes_no_more_than_its_part() {
    let server = start(&[
        "--memory=134217728",
        "--irc=127.0.0.1:0",
        "--connections-per-address=1000",
    ]);
    let mut alice = visitor(&server, 2, "alice");
    let irc = server.irc();

    let fillers = fill_rooms(&server);
    expect_bounded(&server, "rooms");
    let ops = fill_lists(irc);
    expect_bounded(&server, "lists");
    fill_mailboxes(&server);
    expect_bounded(&server, "mailboxes");
    let stalled = fill_outboxes(&server);
    expect_bounded(&server, "outboxes");

    // A stranger finds room for everything.
    alice.send("/join #rust");
    alice.expect("* joined #rust alice");
    let mut bob = server.client_from([127, 0, 0, 3]);
    bob.send("bob correct-horse");
    bob.expect("* welcome bob");
    bob.leave();
    alice.send("bob: hi");
    alice.expect("* kept bob");
    alice.echo("alice");
    drop((fillers, ops, stalled));
}

/// People enter rooms of their own until no more may.
fn fill_rooms(server: &Server) -> Vec<Client> {
    let mut fillers = Vec::new();
    for filler in 0..250 {
        let mut client = server.login(&format!("filler{filler}"));
        for room in 0..32 {
            client.send(&format!("/join #{}-{filler}-{room}", "x".repeat(40)));
        }
        client.send("/who #nowhere-to-be-found");
        let lines = std::iter::from_fn(|| Some(client.line()));
        let mut lines = lines.take_while(|line| !line.starts_with("* end who"));
        let is_full = lines.any(|line| line == "* error too-many-rooms from your address");
        fillers.push(client);
        if is_full {
            return fillers;
        }
    }
    panic!("an address is in as many rooms as it likes");
}

/// Operators ban whom they can until nobody may be banned any more.
fn fill_lists(irc: SocketAddr) -> Vec<Client> {
    let mut ops = Vec::new();
    for op in 0..100 {
        let mut client = Client::connect(irc);
        client.send(&format!("NICK op{op}\r\nUSER u 0 * :u\r\nJOIN #ops{op}"));
        for letter in ["b", "e", "I"] {
            for mask in 0..100 {
                let mask = format!("{}{mask}!*@*", "y".repeat(80));
                client.send(&format!("MODE #ops{op} +{letter} {mask}"));
            }
        }
        client.send("PING end");
        let lines = std::iter::from_fn(|| Some(client.line()));
        let mut lines = lines.take_while(|line| !line.contains(" PONG "));
        let is_full = lines.any(|line| line.contains("from your address"));
        ops.push(client);
        if is_full {
            return ops;
        }
    }
    panic!("an address fills as many lists as it likes");
}

/// Somebody writes to those who are away until nobody has room.
fn fill_mailboxes(server: &Server) {
    let mut writer = server.login("writer");
    for n in 0..100 {
        server.login(&format!("away{n} correct-horse")).leave();
        for message in 0..128 {
            writer.send(&format!("away{n}: {}", big(message)));
        }
        if answers(&mut writer, "writer", "* kept away") < 50 {
            return;
        }
    }
    panic!("an address fills as many mailboxes as it likes");
}

/// Somebody writes to those who do not read until more waits for one of them than may.
fn fill_outboxes(server: &Server) -> Vec<Client> {
    let mut writer = server.login("talker");
    let stalled = (0..120).map(|n| server.stalled(&format!("stalled{n}")));
    let stalled: Vec<_> = stalled.collect();
    for round in 0..MANY {
        for n in 0..120 {
            writer.send(&format!("stalled{n}: {}", big(round)));
        }
        if answers(&mut writer, "talker", "* undelivered stalled") > 0 {
            return stalled;
        }
    }
    panic!("an outbox takes as much as anybody likes");
}
