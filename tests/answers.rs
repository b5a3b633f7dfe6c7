//! The real binary asks clients how far they have read when it needs to know: when they are taken
//! over, and when it stops.

#![cfg(feature = "server")]

mod common;

use std::net::SocketAddr;

use common::{Client, Server, wait_for};

const SECRET: &str = "correct-horse";

/// A server, and where it takes IRC. It takes ten seconds until a client is asked by itself.
fn server() -> (Server, SocketAddr) {
    let server = Server::start(&["--irc=127.0.0.1:0", "--answer-timeout=2s"]);
    let irc = server.irc();
    (server, irc)
}

/// Alice, by IRC; she has answered her first question, and heard what everybody hears first.
fn comes(irc: SocketAddr) -> Client {
    let mut alice = Client::connect(irc);
    alice.send(&format!(
        "PASS {SECRET}\r\nNICK alice\r\nUSER alice 0 * :alice\r"
    ));
    let mut line = alice.line();
    while !line.contains(" 422 ") {
        answers(&mut alice, &line);
        line = alice.line();
    }
    alice
}

/// Answers a line if it is a question.
fn answers(client: &mut Client, line: &str) {
    if let Some(token) = line.strip_prefix("PING ") {
        client.send(&format!("PONG {token}\r"));
    }
}

/// Alice has read what Bob said, and was not asked whether she has.
fn has_read(server: &Server, irc: SocketAddr) -> [Client; 2] {
    let (mut alice, mut bob) = (comes(irc), server.login("bob"));
    bob.send("alice: one");
    assert!(alice.line().ends_with(" PRIVMSG alice :one"));
    [alice, bob]
}

#[test]
fn whoever_has_read_everything_gets_nothing_twice_at_a_takeover() {
    let (server, irc) = server();
    let [mut old, mut bob] = has_read(&server, irc);
    let answering = std::thread::spawn(move || {
        let question = old.line();
        answers(&mut old, &question);
        old.line()
    });
    let mut new = comes(irc);
    bob.send("alice: two");
    assert!(new.line().ends_with(" PRIVMSG alice :two"));
    let last = answering.join().expect("the old link is told");
    assert!(last.starts_with("ERROR :"), "{last}");
}

#[test]
fn a_link_that_answers_nothing_is_taken_over_all_the_same() {
    let (server, irc) = server();
    let [_old, _bob] = has_read(&server, irc);
    let mut new = comes(irc);
    assert!(new.line().ends_with(" PRIVMSG alice :one"));
}

#[test]
fn a_server_that_is_told_to_stop_hears_first_how_far_its_clients_have_read() {
    let (mut server, irc) = server();
    let [mut alice, mut bob] = has_read(&server, irc);
    server.child.signal("TERM");
    let question = alice.line();
    answers(&mut alice, &question);
    assert!(alice.line().starts_with("ERROR :"));
    bob.expect("* bye the server stops");
    assert!(server.child.wait().success());
    let log = server.log();
    assert!(log.contains("discarded 0 messages"), "{log}");
}

#[test]
fn what_nobody_has_said_to_have_read_goes_back_when_the_server_stops() {
    let (mut server, irc) = server();
    let [_alice, mut bob] = has_read(&server, irc);
    server.child.signal("TERM");
    bob.expect("* undelivered alice shutting-down: one");
    bob.expect("* bye the server stops");
    assert!(server.child.wait().success());
    let log = server.log();
    assert!(log.contains("discarded 0 messages"), "{log}");
}

#[test]
fn a_second_signal_waits_for_no_answer() {
    let (mut server, irc) = server();
    let [mut alice, _bob] = has_read(&server, irc);
    server.child.signal("TERM");
    assert!(alice.line().starts_with("PING "));
    server.child.signal("TERM");
    let status = wait_for("the server to end", || {
        (!server.child.is_running()).then(|| server.child.wait())
    });
    assert_eq!(status.code(), Some(128 + 15));
}
