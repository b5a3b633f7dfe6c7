//! The first line, and what follows it at once.

use std::time::Duration;

use rejoin::Config;

use crate::server::{Server, config};

const TOO_MANY: &str = "stop c1's writer, flush, * bye too many failed logins";

#[test]
fn the_first_line_logs_in_and_the_next_ones_talk() {
    let mut server = Server::new();
    let bob = server.login("bob");
    let alice = server.connect();
    server.sends(alice, b"alice\nbob: hi\r\nbob: there\n");
    assert_eq!(server.hears(alice), ["* welcome alice"]);
    assert_eq!(server.hears(bob), ["from alice: hi", "from alice: there"]);
}

#[test]
fn with_its_secret_a_peer_comes_back() {
    let mut server = Server::new();
    let alice = server.login("alice correct-horse");
    server.breaks(alice);
    let alice = server.connect();
    server.types(alice, "alice wrong-horse");
    server.types(alice, "alice");
    let wrong = "* error wrong-secret alice is in use, and this is not its secret";
    let in_use = "* error name-in-use alice";
    assert_eq!(server.hears(alice), [wrong, in_use]);
    server.types(alice, "ALICE correct-horse");
    assert_eq!(server.hears(alice), ["* back alice 0"]);
}

#[test]
fn the_last_login_that_may_fail_ends_the_connection() {
    for [first, second, last] in [
        ["9alice", "bob", "bob wrong-horse"],
        ["bob: hi", "alice short", "alice two words"],
        ["BOB", "alice\tshort", "-"],
    ] {
        let mut server = Server::new();
        let conn = server.connect();
        server.login("bob");
        for line in [first, second] {
            server.types(conn, line);
            assert_eq!(server.done.len(), 1, "{line:?} has an answer, and no more");
        }
        server.types(conn, last);
        assert!(server.done[0].starts_with("c1 hear * error "), "{last:?}");
        assert_eq!(server.done[1..], ["stop c1's reader", TOO_MANY], "{last:?}");
        server.types(conn, "alice");
        assert_eq!(server.done, [""; 0], "its lines are ignored now");
    }
}

#[test]
fn only_logins_count_as_failed_logins() {
    let mut server = Server::new();
    let conn = server.connect();
    let others = [
        "",
        "/who",
        "/join rust",
        "/nick x",
        "/pong",
        "/help",
        "\0",
        "/rooms",
    ];
    for line in others {
        server.types(conn, line);
    }
    server.types(conn, "9alice");
    server.types(conn, "9alice");
    server.hears(conn);
    server.types(conn, "alice");
    assert_eq!(server.hears(conn), ["* welcome alice"]);
}

#[test]
fn failed_logins_of_one_connection_do_not_count_for_another() {
    let mut server = Server::new();
    let [one, two] = [(); 2].map(|()| server.connect());
    for conn in [one, one, two, two] {
        server.types(conn, "9alice");
    }
    server.types(two, "alice");
    server.types(one, "9alice");
    assert_eq!(server.done[2], TOO_MANY);
    assert_eq!(server.hears(two)[2], "* welcome alice");
}

#[test]
fn a_secret_for_a_name_that_nobody_bears_is_no_guess() {
    let mut server = Server::with(&Config {
        failed_logins_per_address: 1.try_into().unwrap(),
        peers: 1.try_into().unwrap(),
        ..config()
    });
    server.login("bob");
    let alice = server.connect();
    server.types(alice, "alice correct-horse");
    server.types(alice, "alice correct-horse");
    let full = "* error server-full there are too many peers";
    assert_eq!(server.hears(alice), [full, full]);
}

#[test]
fn whoever_does_not_log_in_in_time_is_told_so_at_the_exact_deadline() {
    let mut server = Server::new();
    let conn = server.connect();
    let timeout = config().login_timeout;
    assert_eq!(server.hub.deadline(), Some(server.now.after(timeout)));
    server.passes(timeout - Duration::from_micros(1));
    assert_eq!(server.done, [""; 0]);
    server.passes(Duration::from_micros(1));
    let expected = [
        "stop c1's reader",
        "stop c1's writer, flush, * bye you did not log in in time",
    ];
    assert_eq!(server.done, expected);
    server.breaks(conn);
    assert!(server.hub.is_idle());
}

#[test]
fn a_login_at_its_exact_deadline_comes_too_late_though_nobody_ticked() {
    let mut server = Server::new();
    let conn = server.connect();
    server.now = server.now.after(config().login_timeout);
    server.types(conn, "alice");
    let expected = [
        "stop c1's reader",
        "stop c1's writer, flush, * bye you did not log in in time",
    ];
    assert_eq!(server.done, expected);
}

#[test]
fn lines_right_behind_a_login_that_waits_are_not_lost() {
    let mut server = Server::new();
    let bob = server.login("bob");
    let old = server.login("alice correct-horse");
    let new = server.connect();
    let login = b"alice correct-horse\n";
    let bytes = [&login[..], b"bob: one\nbob: two\nbob: th"].concat();
    let taken = server.sends(new, &bytes);
    assert_eq!(taken, login.len(), "the reader keeps the rest");
    assert_eq!(
        server.done,
        [
            "stop c2's reader",
            "stop c2's writer, hand over, * bye you are back on another connection",
        ]
    );
    assert_eq!(server.sends(new, &bytes[taken..]), 0, "it still waits");

    server.writer_ends(old);
    assert_eq!(server.done, ["c3 hear * back alice 0", "c3 proceeds"]);
    assert_eq!(server.sends(new, &bytes[taken..]), bytes.len() - taken);
    assert_eq!(server.hears(bob), ["from alice: one", "from alice: two"]);
    server.types(new, "ree");
    assert_eq!(
        server.hears(bob),
        ["from alice: three"],
        "half a line was kept as well"
    );
}

#[test]
fn a_login_that_waits_may_be_all_that_came() {
    let mut server = Server::new();
    let old = server.login("alice correct-horse");
    let new = server.connect();
    server.types(new, "alice correct-horse");
    server.writer_ends(old);
    assert!(server.done.contains(&"c2 proceeds".to_owned()));
    assert_eq!(server.hears(new), ["* back alice 0"]);
    server.types(new, "alice: hi");
    assert_eq!(server.hears(new), ["from alice: hi"]);
}

#[test]
fn whoever_succeeds_a_guest_proceeds_too() {
    let mut server = Server::new();
    let old = server.login("alice");
    server.closes(old);
    let new = server.connect();
    assert_eq!(server.sends(new, b"alice\nalice: hi\n"), 6);
    assert_eq!(server.hub.name(new).unwrap().as_str(), "alice");
    server.writer_ends(old);
    assert_eq!(server.done, ["c2 hear * welcome alice", "c2 proceeds"]);
    server.sends(new, b"alice: hi\n");
    assert_eq!(server.hears(new), ["* welcome alice", "from alice: hi"]);
}

#[test]
fn a_wait_that_is_taken_over_ends_and_never_proceeds() {
    let mut server = Server::new();
    let old = server.login("alice correct-horse");
    let [first, second] = [(); 2].map(|()| server.connect());
    assert_eq!(server.sends(first, b"alice correct-horse\nalice: no\n"), 20);
    server.types(second, "alice correct-horse");
    let expected = [
        "stop c2's reader",
        "stop c2's writer, hand over, * bye you are back on another connection",
    ];
    assert_eq!(server.done, expected);
    assert_eq!(
        server.sends(first, b"alice: no\n"),
        10,
        "what it kept goes nowhere"
    );
    server.writer_ends(old);
    assert_eq!(server.done, ["c3 hear * back alice 0", "c3 proceeds"]);
}
