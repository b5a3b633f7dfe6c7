//! How lines are cut, counted, skipped and dropped.

use std::time::Duration;

use rejoin::{Config, wire};

use crate::server::{Server, config};

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
fn whoever_sends_too_fast_is_read_more_slowly_and_loses_nothing() {
    let mut server = Server::with(&Config {
        lines_burst: 3.try_into().unwrap(),
        lines_per_second: 2.try_into().unwrap(),
        ..config()
    });
    let alice = server.login("alice");
    let mut rest = &b"/pong\nalice: 2\nalice: 3\nalice: 4\nalice: 5\nalice: 6\n"[..];
    let read_on = |server: &mut Server, rest: &mut &[u8]| {
        let taken = server.sends(alice, rest);
        *rest = &rest[taken..];
        server.hears(alice)
    };
    // The login was the first of three.
    assert_eq!(read_on(&mut server, &mut rest), ["from alice: 2"]);
    assert_eq!(rest, b"alice: 3\nalice: 4\nalice: 5\nalice: 6\n");
    assert_eq!(
        server.hub.deadline(),
        Some(server.now.after(Duration::from_millis(500)))
    );
    server.passes(Duration::from_micros(499_999));
    assert_eq!(read_on(&mut server, &mut rest), [""; 0], "it is too early");
    server.passes(Duration::from_micros(1));
    assert_eq!(server.done, [format!("{alice} proceeds")]);
    assert_eq!(read_on(&mut server, &mut rest), ["from alice: 3"]);
    server.passes(Duration::from_millis(500));
    assert_eq!(read_on(&mut server, &mut rest), ["from alice: 4"]);
    server.passes(Duration::from_secs(1));
    assert_eq!(
        read_on(&mut server, &mut rest),
        ["from alice: 5", "from alice: 6"]
    );
    server.passes(Duration::from_secs(9));
    let mut rest = &b"alice: 7\nalice: 8\nalice: 9\nalice: 10\n"[..];
    let expected = ["from alice: 7", "from alice: 8", "from alice: 9"];
    assert_eq!(
        read_on(&mut server, &mut rest),
        expected,
        "no more than a burst was saved up"
    );
    assert_eq!(rest, b"alice: 10\n");
}

#[test]
fn all_of_a_long_paste_is_said_in_order() {
    let mut server = Server::with(&Config::default());
    let [alice, bob] = ["alice", "bob"].map(|name| server.login(name));
    let lines: Vec<_> = (0..300).map(|n| format!("bob: line {n}\n")).collect();
    let lines = lines.concat();
    let mut rest = lines.as_bytes();
    let mut heard = Vec::new();
    while !rest.is_empty() {
        let taken = server.sends(alice, rest);
        rest = &rest[taken..];
        heard.extend(server.hears(bob));
        if !rest.is_empty() {
            let paused = server.hub.deadline().unwrap().since(server.now);
            assert!(paused <= Duration::from_millis(50), "{paused:?}");
            server.passes(paused);
        }
    }
    let expected: Vec<_> = (0..300).map(|n| format!("from alice: line {n}")).collect();
    assert_eq!(heard, expected);
    assert_eq!(server.hears(alice), [""; 0]);
    // 200 at once, of which the login was one, and then 20 a second.
    assert_eq!(
        server.now.since(rejoin::id::Time::ZERO),
        Duration::from_millis(5_050)
    );
}

#[test]
fn each_connection_has_its_own_rate() {
    let mut server = Server::with(&Config {
        lines_burst: 1.try_into().unwrap(),
        lines_per_second: 1.try_into().unwrap(),
        ..config()
    });
    let [one, two] = [(); 2].map(|()| server.connect());
    assert_eq!(server.sends(one, b"/pong\nalice\n"), "/pong\n".len());
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
fn whoever_leaves_tells_the_room_why() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.login(name));
    for conn in [alice, bob] {
        server.types(conn, "/join #rust");
    }
    server.hears(bob);
    server.types(alice, "/part #Rust see you");
    assert_eq!(server.hears(bob), ["* left #rust alice left: see you"]);
}

#[test]
fn a_reason_that_is_no_text_makes_nobody_stay() {
    for (spoilt, seen) in [
        (&b"caf\xe9"[..], "caf\u{FFFD}"),
        (b"a\0b", "a\u{FFFD}b"),
        (b"a\rb", "a\u{FFFD}b"),
        (b"\x1b[2Jcaf\xe9", "\u{FFFD}[2Jcaf\u{FFFD}"),
    ] {
        let mut server = Server::new();
        let [alice, bob] = ["alice", "bob"].map(|name| server.login(name));
        for conn in [alice, bob] {
            server.types(conn, "/join #rust");
        }
        server.hears(bob);
        server.sends(alice, &[b"/leave #rust ", spoilt, b"\n"].concat());
        let left = format!("* left #rust alice left: {seen}");
        assert_eq!(server.hears(bob), [left]);
        server.types(alice, "/join #rust");
        server.hears(bob);
        server.sends(alice, &[b"/quit ", spoilt, b"\r\n"].concat());
        let left = format!("* left #rust alice quit: {seen}");
        assert_eq!(server.hears(bob), [left]);
        server.writer_ends(alice);
        server.login("alice");
    }
}

#[test]
fn the_commands_of_irc_are_known_in_any_case() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.login(name));
    for conn in [alice, bob] {
        server.types(conn, "/JOIN #rust");
    }
    server.hears(alice);
    server.hears(bob);
    for line in [
        "/msg bob hi",
        "/MSG BOB hi",
        "/w bob hi",
        "/m bob hi",
        "/tell bob hi",
    ] {
        server.types(alice, line);
        assert_eq!(server.hears(bob), ["from alice: hi"], "{line}");
    }
    server.types(alice, "/msg #rust,bob hi: there");
    let both = ["from alice: hi: there", "from alice in #rust: hi: there"];
    assert_eq!(server.hears(bob), both);
    server.types(alice, "/nick rob");
    assert_eq!(server.hears(alice), ["* renamed alice rob"]);
    assert_eq!(server.hears(bob), ["* renamed alice rob"]);
    server.types(alice, "/Nick Rob");
    assert_eq!(server.hears(bob), ["* renamed rob Rob"]);
    // Nobody else is told of what changes nothing.
    server.types(alice, "/nick Rob");
    assert_eq!(
        server.hears(alice),
        ["* renamed rob Rob", "* renamed Rob Rob"]
    );
    assert_eq!(server.hears(bob), [""; 0]);
    server.types(alice, "/nick bob");
    assert_eq!(server.hears(alice), ["* error name-in-use bob"]);
    server.types(alice, "/names #rust");
    assert_eq!(
        server.hears(alice),
        ["* peer bob", "* peer Rob", "* end who 2"]
    );
    server.types(alice, "/list");
    assert_eq!(
        server.hears(alice),
        ["* room #rust 2 joined", "* end rooms 1"]
    );
    server.types(alice, "/EXIT");
    assert_eq!(server.hears(bob), ["* left #rust Rob quit"]);
}

#[test]
fn names_are_taken_so_often_and_no_more() {
    let mut server = Server::with(&Config {
        nick_changes: 2.try_into().unwrap(),
        nick_change_window: Duration::from_secs(60),
        ..config()
    });
    let alice = server.login("alice");
    for name in ["one", "two"] {
        server.types(alice, &format!("/nick {name}"));
    }
    server.hears(alice);
    server.types(alice, "/nick three");
    let told = "* error too-many-names you take another name too often; try later";
    assert_eq!(server.hears(alice), [told]);
    server.passes(Duration::from_secs(30));
    server.types(alice, "/nick three");
    assert_eq!(server.hears(alice), ["* renamed two three"]);
}

#[test]
fn whoever_does_not_know_what_to_type_first_is_told() {
    for line in [
        "help", "HELP", "hello", "Hi", "hey", "?", "/help", "/HELP me", "  help ",
    ] {
        let mut server = Server::new();
        let conn = server.connect();
        server.types(conn, line);
        let heard = server.hears(conn);
        let is_help = heard.iter().all(|line| line.starts_with("* help "));
        assert!(heard.len() > 5 && is_help, "{line}: {heard:?}");
        server.types(conn, " alice correct-horse");
        assert_eq!(server.hears(conn), ["* welcome alice"]);
    }
    for line in ["quit", "Exit", "bye", "/quit", " /EXIT"] {
        let mut server = Server::new();
        let conn = server.connect();
        server.types(conn, line);
        assert_eq!(
            server.last_line(conn).as_deref(),
            Some("* bye you quit"),
            "{line}"
        );
    }
    let mut server = Server::new();
    let alice = server.login("alice");
    server.types(alice, "help");
    assert!(server.hears(alice)[0].starts_with("* help "));
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
