//! Links that look alive and are dead: what is sent vanishes, and no end of a connection arrives.

mod common;

use std::io::Read as _;
use std::thread;
use std::time::Duration;

use common::links::{MANY, number};
use common::relay::Relay;
use common::{Client, Server, wait_for};

/// An IRC client that answers no PING is given up soon; nothing else ends a connection here.
const FLAGS: &[&str] = &[
    "--irc=127.0.0.1:0",
    "--irc-probe-after=300ms",
    "--irc-silence-timeout=6s",
    "--write-timeout=5min",
    "--flush-timeout=5min",
    "--lines-per-second=1000000",
    "--lines-burst=1000000",
];

/// Registers, and reads until the end of what everybody is told first.
fn register(client: &mut Client, lines: &[&str]) {
    lines.iter().for_each(|line| client.send(line));
    while !client.line().contains(" 422 ") {}
}

/// The text of the next message; questions ahead of it are not answered.
fn next_said(client: &mut Client) -> String {
    loop {
        if let Some((_, said)) = client.line().split_once(" PRIVMSG ") {
            let (_, text) = said.split_once(" :").expect("a text");
            return text.to_owned();
        }
    }
}

/// Whether a list of all peers says so.
fn is_listed(asker: &mut Client, entry: &str) -> bool {
    asker.send("/who");
    let mut is_listed = false;
    loop {
        let line = asker.line();
        if line.starts_with("* end who ") {
            return is_listed;
        }
        is_listed |= line == entry;
    }
}

#[test]
fn a_client_behind_a_black_hole_is_away_and_gets_later_what_was_written_into_it() {
    let server = Server::start(FLAGS);
    let irc = server.irc();
    let relay = Relay::to(irc);
    let mut bob = server.login("bob");
    let mut alice = Client::connect(relay.addr);
    let login = ["PASS correct-horse", "NICK alice", "USER a 0 * :A"];
    register(&mut alice, &login);
    for _ in 0..3 {
        alice.expect("PING :silent");
        alice.send("PONG :silent");
    }
    relay.swallows();
    bob.send("alice: one");
    wait_for("alice to be away", || {
        is_listed(&mut bob, "* peer alice away").then_some(())
    });
    bob.send("alice: two");
    bob.expect("* kept alice");
    let mut again = Client::connect(irc);
    register(&mut again, &login);
    assert_eq!([(); 2].map(|()| next_said(&mut again)), ["one", "two"]);
}

#[test]
fn a_guest_behind_a_black_hole_is_gone_and_what_was_not_written_comes_back_at_once() {
    let server = Server::start_for_floods(FLAGS);
    let relay = Relay::to(server.irc());
    let mut bob = server.login("bob");
    let mut carol = Client::connect(relay.addr);
    register(&mut carol, &["NICK carol", "USER c 0 * :C"]);
    relay.stalls();
    bob.flood("carol", 0..MANY);
    // Its writer waits for a socket that takes nothing.
    let intro = "* undelivered carol gone: ";
    let first = number(&bob.line(), intro);
    assert!(first > 0, "something was written");
    bob.expect_flood(intro, first + 1..MANY);
    bob.send("carol: hi");
    bob.expect("* error no-such-peer carol");
}

/// Its PING is behind so much that it has not come yet.
#[test]
fn a_client_that_reads_slowly_is_not_given_up() {
    let server = Server::start_for_floods(FLAGS);
    let irc = server.irc();
    let mut bob = server.login("bob");
    let mut carol = Client::small(irc);
    register(&mut carol, &["NICK carol", "USER c 0 * :C"]);
    // More than its socket takes, of which the server notices when a third of it is read.
    bob.flood("carol", 0..2 * MANY);
    let mut some = [0; 16 << 10];
    // For longer than it may be silent.
    for _ in 0..400 {
        let read = carol.stream().read_exact(&mut some);
        read.expect("it is not given up");
        thread::sleep(Duration::from_millis(20));
    }
    while carol.line() != "PING :silent" {}
    carol.send("PONG :silent");
    bob.send("carol: hi");
    while next_said(&mut carol) != "hi" {}
}
