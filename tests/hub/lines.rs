//! How lines are cut, counted, skipped and dropped.

use std::time::Duration;

use rejoin::{Config, wire};

use crate::server::{Server, config};

const TOO_FAST: &str = "* error too-fast slow down; the line was skipped";
const TOO_LONG: &str = "* error line-too-long at most 100 bytes; the line was skipped";

#[test]
fn a_line_may_come_in_any_pieces() {
    let mut server = Server::new();
    let alice = server.login("alice");
    for piece in ["al", "", "ice: h", "i\r", "\nalice: there\n"] {
        server.sends(alice, piece.as_bytes());
    }
    assert_eq!(server.hears(alice), ["from alice: hi", "from alice: there"]);
}

#[test]
fn a_line_that_is_too_long_is_skipped_once_and_the_connection_stays() {
    let mut server = Server::new();
    let alice = server.login("alice");
    let longest = format!("alice: {}", "x".repeat(93));
    server.types(alice, &longest);
    assert_eq!(server.hears(alice), [format!("from {longest}")]);
    server.types(alice, &format!("{longest}x"));
    assert_eq!(server.hears(alice), [TOO_LONG]);
    for _ in 0..9 {
        server.sends(alice, longest.as_bytes());
    }
    assert_eq!(
        server.hears(alice),
        [TOO_LONG],
        "as soon as it is, and once"
    );
    server.types(alice, "the end of it");
    server.types(alice, "alice: hi");
    assert_eq!(server.hears(alice), ["from alice: hi"]);
}

#[test]
fn half_a_line_is_dropped_when_the_connection_closes() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.login(name));
    server.sends(alice, b"bob: whole\nbob: half");
    server.closes(alice);
    server.writer_ends(alice);
    assert_eq!(server.hears(bob), ["from alice: whole"]);
}

#[test]
fn lines_are_bounded_by_a_burst_and_a_rate_and_the_connection_stays() {
    let mut server = Server::with(&Config {
        lines_burst: 3.try_into().unwrap(),
        lines_per_second: 2.try_into().unwrap(),
        ..config()
    });
    let alice = server.login("alice");
    server.sends(alice, b"/pong\nalice: 2\nalice: 3\nalice: 4\n");
    let expected = ["from alice: 2", TOO_FAST, TOO_FAST];
    assert_eq!(
        server.hears(alice),
        expected,
        "the login was the first of three"
    );
    server.passes(Duration::from_micros(499_999));
    server.types(alice, "alice: too early");
    assert_eq!(server.hears(alice), [TOO_FAST]);
    server.passes(Duration::from_micros(1));
    server.sends(alice, b"alice: 5\nalice: 6\n");
    assert_eq!(server.hears(alice), ["from alice: 5", TOO_FAST]);
    server.passes(Duration::from_secs(9));
    server.sends(alice, b"alice: 7\nalice: 8\nalice: 9\nalice: 10\n");
    let expected = ["from alice: 7", "from alice: 8", "from alice: 9", TOO_FAST];
    assert_eq!(
        server.hears(alice),
        expected,
        "no more than a burst was saved up"
    );
}

#[test]
fn a_line_too_fast_is_no_failed_login_and_each_connection_has_its_own_rate() {
    let mut server = Server::with(&Config {
        lines_burst: 1.try_into().unwrap(),
        lines_per_second: 1.try_into().unwrap(),
        ..config()
    });
    let [one, two] = [(); 2].map(|()| server.connect());
    server.sends(one, b"/pong\n9\n9\n9\n9\n");
    assert_eq!(server.hears(one), [TOO_FAST; 4]);
    server.types(two, "bob");
    assert_eq!(server.hears(two), ["* welcome bob"]);
    server.passes(Duration::from_secs(1));
    server.types(one, "alice");
    assert_eq!(server.hears(one), ["* welcome alice"]);
}

#[test]
fn lines_behind_a_quit_are_ignored() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.login(name));
    let bytes = b"bob: before\n/quit\nbob: behind\n\0\n";
    assert_eq!(server.sends(alice, bytes), bytes.len());
    let expected = [
        "c2 hear from alice: before",
        "stop c1's reader",
        "stop c1's writer, flush, * bye you quit",
    ];
    assert_eq!(server.done, expected);
    server.types(alice, "bob: late");
    assert_eq!(server.hears(bob), ["from alice: before"]);
}

#[test]
fn whoever_quits_tells_its_rooms_why() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.login(name));
    for conn in [alice, bob] {
        server.types(conn, "/join #rust");
    }
    server.hears(bob);
    server.types(alice, "/quit see you");
    assert_eq!(server.hears(bob), ["* left #rust alice quit: see you"]);
}

#[test]
fn every_command_is_answered() {
    let mut server = Server::new();
    let alice = server.login("alice");
    for (line, answer) in [
        ("/join #rust", &["* joined #rust alice"][..]),
        ("/rooms", &["* room #rust 1 joined", "* end rooms 1"]),
        ("/who", &["* peer alice", "* end who 1"]),
        ("/who #rust", &["* peer alice", "* end who 1"]),
        ("/leave #rust", &["* left #rust alice left"]),
        ("/pong", &[]),
    ] {
        server.types(alice, line);
        assert_eq!(server.hears(alice), answer, "{line}");
    }
    server.types(alice, "/help");
    let help = server.hears(alice);
    assert!(help.len() > 5 && help.iter().all(|line| line.starts_with("* help ")));
}

#[test]
fn what_a_client_sends_at_once_is_handled_in_turns_that_fit_its_outbox() {
    let mut server = Server::with(&Config {
        lines_burst: 1_000_000.try_into().unwrap(),
        outbox_bytes: 40_000.try_into().unwrap(),
        ..config()
    });
    let alice = server.login("alice");
    let lines = b"\n".repeat(1_000);
    let mut rest = &lines[..];
    let mut turns = 0;
    while !rest.is_empty() {
        let taken = server.sends(alice, rest);
        assert!(
            (1..=20).contains(&taken),
            "{taken} lines, each with an answer of 100 bytes"
        );
        rest = &rest[taken..];
        turns += 1;
    }
    assert!(turns >= 50);
    assert_eq!(server.hears(alice).len(), 1_000);
}

#[test]
fn what_a_client_says_at_once_is_handled_in_turns_that_fit_an_outbox() {
    for (to, most) in [("alice", 8), ("#a,#b,#c,#d", 5)] {
        let mut server = Server::with(&Config {
            lines_burst: 1_000_000.try_into().unwrap(),
            outbox_bytes: 40_000.try_into().unwrap(),
            ..config()
        });
        let alice = server.login("alice");
        let lines = format!("{to}: hi\n").repeat(1_000);
        let mut rest = lines.as_bytes();
        while !rest.is_empty() {
            let taken = server.sends(alice, rest);
            let lines = taken / (to.len() + 5);
            assert!((1..=most).contains(&lines), "{lines} lines to {to}");
            rest = &rest[taken..];
        }
    }
}

#[test]
fn a_line_of_irc_is_refused_as_soon_as_it_is_longer_than_its_tags_and_its_body_may_be() {
    let mut server = Server::new();
    let conn = server.connect_irc();
    // One byte more might still be the `\r` of its end.
    let longest = vec![b'x'; wire::irc::MAX_TAG_BYTES + wire::irc::MAX_BODY_BYTES + 1];
    server.sends(conn, &longest);
    assert_eq!(server.hears(conn), [""; 0]);
    server.sends(conn, b"x");
    let heard = server.hears(conn);
    assert!(heard[0].contains(" 417 "), "{heard:?}");
}
