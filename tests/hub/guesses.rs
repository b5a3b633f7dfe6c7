//! Guesses at secrets, passwords and keys: past the first, the answers are late, and nobody else
//! notices.

use std::time::Duration;

use rejoin::Config;
use rejoin::hub::{Identity, Protocol};
use rejoin::id::ConnId;

use crate::irc_story::play_with;
use crate::server::{Server, config};

const WRONG: &str = "* error wrong-secret bob is in use, and this is not its secret";

/// Three wrong guesses in 30 s are answered at once, the next after 5 s, and the others after 10 or
/// 15.
fn strict() -> Config {
    Config {
        failed_logins_per_address: 3.try_into().unwrap(),
        failed_login_window: Duration::from_secs(30),
        login_timeout: Duration::from_secs(30),
        ..config()
    }
}

fn server(config: &Config, password: Option<&str>) -> Server {
    let mut server = Server::with(config);
    server.hub.identify(Identity {
        password: password.map(str::to_owned),
        operators: [("root".to_owned(), "toor".to_owned())].into(),
        ..Identity::default()
    });
    server
}

fn second(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// What a new connection is told at once of this line, and by then breaks.
fn tries(server: &mut Server, address: &str, line: &str) -> Vec<String> {
    let conn = server.connect_from(address).unwrap();
    server.types(conn, line);
    let heard = server.hears(conn);
    server.breaks(conn);
    heard
}

/// A new connection by IRC that has said this.
fn irc(server: &mut Server, address: &str, lines: &[&str]) -> ConnId {
    let conn = server.connect_by(address, Protocol::Irc).unwrap();
    for line in lines {
        server.types(conn, line);
    }
    conn
}

/// Asserts that a connection hears nothing until so many seconds have passed, and what it is then.
#[track_caller]
fn hears_after(server: &mut Server, conn: ConnId, seconds: u64, told: &str) {
    assert_eq!(server.hears(conn), [""; 0]);
    server.goes_on_after(second(seconds) - Duration::from_micros(1));
    assert_eq!(server.hears(conn), [""; 0]);
    server.goes_on_after(Duration::from_micros(1));
    let heard = server.hears(conn);
    assert!(
        heard.first().is_some_and(|line| line.contains(told)),
        "{heard:?}"
    );
}

#[test]
fn past_the_first_wrong_secrets_an_answer_is_late_whether_it_is_right_or_wrong() {
    for (secret, told) in [("wrong-horse", WRONG), ("correct-horse", "* back bob 0")] {
        let mut server = server(&strict(), None);
        let bob = server.login("bob correct-horse");
        server.breaks(bob);
        for _ in 0..3 {
            assert_eq!(tries(&mut server, "192.0.2.1", "bob wrong-horse"), [WRONG]);
        }
        let late = server.connect();
        let line = format!("bob {secret}\n/help\n");
        assert_eq!(server.sends(late, line.as_bytes()), line.len() - 6);
        assert_eq!(server.sends(late, b"/help\n"), 0, "it waits");
        hears_after(&mut server, late, 5, told);
        assert_eq!(server.sends(late, b"/help\n"), 6);
        assert!(server.hears(late)[0].starts_with("* help "));
    }
}

/// Fifty connections from one address have guessed at the secret of bob, who is away, and the
/// answers of all are due.
fn after_fifty_wrong_guesses() -> (Server, Vec<ConnId>) {
    let mut server = server(&strict(), None);
    let bob = server.login("bob correct-horse");
    server.breaks(bob);
    let all: Vec<_> = (0..50).map(|_| server.connect()).collect();
    for &conn in &all {
        server.types(conn, "bob wrong-horse");
    }
    server.goes_on_after(second(5));
    (server, all)
}

#[test]
fn an_answer_is_never_later_than_half_of_the_time_for_a_login() {
    let (mut server, all) = after_fifty_wrong_guesses();
    for &conn in &all {
        assert_eq!(server.hears(conn), [WRONG]);
    }
    let bob = server.connect();
    server.types(bob, "bob correct-horse");
    hears_after(&mut server, bob, 15, "* back bob 0");
    // It has cleared what its address owed.
    server.breaks(bob);
    assert_eq!(tries(&mut server, "192.0.2.1", "bob wrong-horse"), [WRONG]);
}

/// Behind a proxy, everybody comes from one address.
#[test]
fn whoever_shares_the_address_of_one_who_guesses_is_answered_at_once() {
    let mut server = server(&config(), None);
    for login in ["bob correct-horse", "carol correct-horse"] {
        let conn = server.login(login);
        server.breaks(conn);
    }
    for n in 0..200 {
        let guess = format!("bob wrong-horse-{n}");
        let told = tries(&mut server, "192.0.2.1", &guess);
        assert_eq!(told.is_empty(), n >= 30, "guess {n}");
    }
    let carol = tries(&mut server, "192.0.2.1", "carol correct-horse");
    assert_eq!(carol, ["* back carol 0"]);
    assert_eq!(
        tries(&mut server, "192.0.2.1", "dave new-horse"),
        ["* welcome dave"]
    );
    assert_eq!(
        tries(&mut server, "192.0.2.1", "bob"),
        ["* error name-in-use bob"],
        "no secret, no guess"
    );
    assert_eq!(
        tries(&mut server, "192.0.2.2", "bob wrong-horse"),
        [WRONG],
        "from elsewhere"
    );
    let bob = tries(&mut server, "192.0.2.3", "bob correct-horse");
    assert_eq!(bob, ["* back bob 0"]);
}

#[test]
fn whoever_ends_while_it_waits_leaves_nothing() {
    let mut server = server(&strict(), None);
    let bob = server.login("bob correct-horse");
    for _ in 0..3 {
        tries(&mut server, "192.0.2.1", "bob wrong-horse");
    }
    let late = server.connect();
    server.types(late, "bob correct-horse");
    server.closes(late);
    server.goes_on_after(second(5));
    assert_eq!(
        server.hears(late),
        [""; 0],
        "it leaves, and is answered no more"
    );
    server.writer_ends(late);
    server.types(bob, "/quit");
    server.writer_ends(bob);
    assert!(server.hub.is_idle());
    assert_eq!(server.hub.deadline(), None);
}

/// Thirty peers took likely names elsewhere, and changed them; then thirty people log in by these
/// names from one address, each with a secret of its own.
#[test]
fn a_name_that_was_changed_elsewhere_is_no_trap() {
    let mut server = server(&config(), None);
    let owner = server.login("owner correct-horse");
    server.breaks(owner);
    for n in 0..30 {
        let nick = format!("NICK likely{n}");
        let other = format!("NICK other{n}");
        let lines = ["PASS trap-horse", &nick, "USER u 0 * :u", &other];
        irc(&mut server, "198.51.100.1", &lines);
    }
    for n in 0..30 {
        let login = format!("likely{n} own-horse-{n}");
        let told = tries(&mut server, "192.0.2.1", &login);
        assert_eq!(told, [format!("* welcome likely{n}")]);
    }
    assert_eq!(
        tries(&mut server, "192.0.2.1", "owner correct-horse"),
        ["* back owner 0"]
    );
}

/// The name is free, but whoever bore it may come back with it.
#[test]
fn a_secret_for_a_name_that_was_changed_is_a_guess_at_that_name_alone() {
    let mut server = server(&strict(), None);
    let lines = [
        "PASS correct-horse",
        "NICK bob",
        "USER u 0 * :Bob",
        "NICK rob",
    ];
    let rob = irc(&mut server, "198.51.100.1", &lines);
    server.breaks(rob);
    for _ in 0..3 {
        let newcomer = server.connect();
        server.types(newcomer, "bob wrong-horse");
        assert_eq!(server.hears(newcomer), ["* welcome bob"]);
        server.types(newcomer, "/quit");
        server.writer_ends(newcomer);
    }
    let other = tries(&mut server, "192.0.2.1", "rob wrong-horse");
    assert_eq!(
        other,
        ["* error wrong-secret rob is in use, and this is not its secret"],
        "its present name is another target"
    );
    let guesser = server.connect();
    server.types(guesser, "bob other-horse");
    hears_after(&mut server, guesser, 5, "* welcome bob");
    server.types(guesser, "/quit");
    server.writer_ends(guesser);
    let back = server.connect();
    server.types(back, "bob correct-horse");
    hears_after(&mut server, back, 10, "* back rob 0");
}

#[test]
fn the_password_of_a_server_is_guessed_slowly_and_the_right_one_is_never_refused() {
    let mut server = server(&strict(), Some("open-sesame"));
    let says = |pass| [pass, "NICK alice", "USER u 0 * :r"];
    let wrong = "464 alice :Password incorrect";
    for _ in 0..3 {
        let conn = irc(&mut server, "192.0.2.1", &says("PASS open-barley"));
        assert!(server.hears(conn)[0].contains(wrong));
    }
    let eve = irc(&mut server, "192.0.2.1", &says("PASS open-wheat"));
    let alice = irc(&mut server, "192.0.2.1", &says("PASS open-sesame"));
    assert_eq!(server.hears(alice), [""; 0]);
    hears_after(&mut server, eve, 5, wrong);
    assert!(server.hears(alice)[0].contains(" 001 alice "));
    // It has cleared what its address owed, and elsewhere nobody ever noticed.
    for address in ["192.0.2.1", "192.0.2.2"] {
        let lines = ["PASS open-sesame", "NICK bob", "USER u 0 * :r"];
        let bob = irc(&mut server, address, &lines);
        assert!(server.hears(bob)[0].contains(" 001 bob "), "{address}");
        server.breaks(bob);
    }
}

#[test]
fn whoever_speaks_plain_gives_the_password_of_the_server_too() {
    let mut server = server(&strict(), Some("open-sesame"));
    let conn = server.connect();
    let refused = "* error wrong-password log in with the server's password: \
                   NAME PASSWORD or NAME PASSWORD:SECRET";
    for line in ["alice", "alice open-barley:correct-horse"] {
        server.types(conn, line);
        assert_eq!(server.hears(conn), [refused], "{line}");
    }
    server.types(conn, "/rooms");
    let not_logged_in = "* error not-logged-in first say who you are: NAME or NAME SECRET";
    assert_eq!(server.hears(conn), [not_logged_in]);
    server.types(conn, "alice open-sesame2");
    assert_eq!(server.done[0], format!("c1 hear {refused}"));
    assert!(
        server.done[2].contains("* bye too many failed logins"),
        "the third"
    );
    server.breaks(conn);
    assert_eq!(
        tries(&mut server, "192.0.2.2", "guest open-sesame"),
        ["* welcome guest"]
    );
    let login = "alice open-sesame:correct-horse";
    assert_eq!(tries(&mut server, "192.0.2.2", login), ["* welcome alice"]);
    assert_eq!(tries(&mut server, "192.0.2.2", login), ["* back alice 0"]);
    // The wrong ones count for their address, on whichever port the next one tries.
    let third = tries(&mut server, "192.0.2.1", "alice open-wheat");
    assert_eq!(third, [refused]);
    let late = irc(
        &mut server,
        "192.0.2.1",
        &["PASS open-wheat", "NICK eve", "USER u 0 * :r"],
    );
    hears_after(&mut server, late, 5, "464 eve :Password incorrect");
}

/// Of a bad secret its client is told at once: that must not depend on the password ahead of it.
#[test]
fn a_secret_behind_a_wrong_password_is_looked_at_as_behind_the_right_one() {
    for password in ["open-sesame", "open-barley"] {
        let mut server = server(&strict(), Some("open-sesame"));
        let pass = format!("PASS {password}:short");
        let conn = irc(&mut server, "192.0.2.1", &[&pass]);
        assert!(server.hears(conn)[0].contains("Too short"), "{password}");
    }
}

#[test]
fn a_key_is_guessed_slowly_on_however_many_connections() {
    let mut server = server(&strict(), None);
    let op = irc(
        &mut server,
        "198.51.100.1",
        &["NICK op", "USER u 0 * :r", "JOIN #a", "MODE #a +k key"],
    );
    server.hears(op);
    let guesser = |server: &mut Server, lines: &[&str]| {
        let lines = [&["NICK eve", "USER u 0 * :r"], lines].concat();
        let conn = irc(server, "192.0.2.1", &lines);
        let heard = server.hears(conn);
        (conn, heard.last().cloned().unwrap_or_default())
    };
    for _ in 0..3 {
        let (conn, last) = guesser(&mut server, &["JOIN #a,#a wrong"]);
        assert!(last.contains("475 eve #a :"), "{last}");
        server.types(conn, "JOIN #a");
        assert!(
            server.hears(conn)[0].contains("475 eve #a :"),
            "no key, no guess"
        );
        server.breaks(conn);
    }
    let (conn, last) = guesser(&mut server, &["JOIN #b,#a x,wrong"]);
    assert!(!last.contains("#b"), "{last}");
    server.goes_on_after(second(5));
    let heard = server.hears(conn).join("\n");
    assert!(
        heard.contains("JOIN #b") && heard.contains("475 eve #a :"),
        "{heard}"
    );
    server.breaks(conn);
    let (conn, _) = guesser(
        &mut server,
        &["CAP REQ labeled-response", "@label=l1 JOIN #a key"],
    );
    hears_after(&mut server, conn, 10, "@label=l1 :eve!~u@192.0.2.1 JOIN #a");
    server.breaks(conn);
    // It has cleared what its address owed.
    let (_, last) = guesser(&mut server, &["JOIN #a wrong"]);
    assert!(last.contains("475 eve #a :"), "{last}");
}

#[test]
fn an_operator_that_waits_is_one_when_it_is_told_so() {
    play_with_operator(
        "
        alice > OPER root wrong
        alice < 464 alice :Password incorrect
        alice > OPER root wrong
        alice < 464 alice :Password incorrect
        alice > OPER root wrong
        alice < 464 alice :Password incorrect
        alice > OPER nobody wrong
        alice < 464 alice :Password incorrect
        alice > OPER root toor
        wait 4
        wait 1
        alice < 381 alice :You are now an IRC operator
        alice < :alice@@ MODE alice +o
        alice > OPER root wrong
        alice < 464 alice :Password incorrect
        ",
    );
}

fn play_with_operator(story: &str) {
    crate::irc_story::play_as(&strict(), crate::irc_story::with_operator(), story);
}

#[test]
fn whoever_is_in_a_channel_or_invited_needs_no_key_and_makes_no_guess() {
    play_with(
        &strict(),
        "
        op does JOIN #a
        op does MODE #a +k key
        eve does JOIN #a wrong
        eve does JOIN #a wrong
        eve does JOIN #a wrong
        op does INVITE eve #a
        eve > JOIN #a
        op < :eve@@ JOIN #a
        eve < :eve@@ JOIN #a
        eve skips all
        ",
    );
}

#[test]
fn a_right_secret_is_answered_before_the_time_for_a_login_is_over() {
    let (mut server, _) = after_fifty_wrong_guesses();
    let bob = server.connect();
    server.passes(second(20));
    server.types(bob, "bob correct-horse");
    hears_after(&mut server, bob, 7, "* back bob 0");
}

/// What is due comes first, and may take the whole turn of a login that may be answered now.
#[test]
fn a_login_that_waited_is_answered_however_much_is_due_at_that_moment() {
    let config = Config {
        outbox_bytes: 1_300.try_into().unwrap(),
        resume_window: second(5),
        ..strict()
    };
    let mut server = server(&config, None);
    let alice = server.connect_from("192.0.2.2").unwrap();
    server.types(alice, "alice");
    server.login("bob correct-horse");
    for _ in 0..3 {
        assert_eq!(tries(&mut server, "192.0.2.1", "bob wrong-horse"), [WRONG]);
    }
    let carol = server.connect_from("192.0.2.2").unwrap();
    server.types(carol, "carol correct-horse");
    server.breaks(carol);
    server.types(alice, "carol: hi");
    server.hears(alice);
    let late = server.connect();
    let received = server.brings_once(late, b"bob wrong-horse\n");
    assert!(received.waits);
    server.now = server.now.after(second(5));
    assert!(server.brings_once(late, b"").goes_on, "it is forgotten");
    assert_eq!(server.hears(alice), ["* undelivered carol expired: hi"]);
    assert_eq!(server.hears(late), [""; 0]);
    assert!(!server.brings_once(late, b"").goes_on);
    assert_eq!(server.hears(late), [WRONG]);
}

#[test]
fn a_password_that_was_right_is_wrong_once_the_operator_has_another() {
    let mut server = server(&strict(), None);
    let alice = irc(&mut server, "192.0.2.1", &["NICK alice", "USER u 0 * :r"]);
    for _ in 0..3 {
        server.types(alice, "OPER root wrong");
    }
    server.hears(alice);
    server.types(alice, "OPER root toor");
    server.hub.identify(Identity {
        operators: [("root".to_owned(), "other".to_owned())].into(),
        ..Identity::default()
    });
    hears_after(&mut server, alice, 5, "464 alice :Password incorrect");
}

#[test]
fn a_servers_password_that_was_right_is_wrong_once_it_has_another() {
    let identity = |password: &str| Identity {
        password: Some(password.to_owned()),
        ..Identity::default()
    };
    let refused = "* error wrong-password";
    let mut server = server(&strict(), Some("open-sesame"));
    for _ in 0..3 {
        tries(&mut server, "192.0.2.1", "alice open-wheat");
    }
    let alice = server.connect();
    server.types(alice, "alice open-sesame");
    server.hub.identify(identity("open-barley"));
    hears_after(&mut server, alice, 5, refused);
    // By IRC it is said ahead of all else.
    let said = ["PASS open-barley", "NICK bob"];
    let [bob, carol] = ["192.0.2.2", "192.0.2.3"].map(|address| irc(&mut server, address, &said));
    server.types(bob, "USER u 0 * :r");
    assert!(server.hears(bob)[0].contains(" 001 bob "));
    server.breaks(bob);
    server.hub.identify(identity("open-rye"));
    server.types(carol, "USER u 0 * :r");
    assert!(server.hears(carol)[0].contains("464 bob :Password incorrect"));
}

#[test]
fn whoever_waits_when_the_server_gets_a_password_has_not_given_it() {
    let mut server = server(&strict(), None);
    let bob = server.login("bob correct-horse");
    server.breaks(bob);
    for _ in 0..3 {
        assert_eq!(tries(&mut server, "192.0.2.1", "bob wrong-horse"), [WRONG]);
    }
    let bob = server.connect();
    server.types(bob, "bob correct-horse");
    server.hub.identify(Identity {
        password: Some("open-sesame".to_owned()),
        ..Identity::default()
    });
    hears_after(&mut server, bob, 5, "* error wrong-password");
}

#[test]
fn a_key_that_was_right_is_wrong_once_the_channel_has_another() {
    for (changes, told) in [
        (&["MODE #a +k other"][..], "475 eve #a :"),
        (&["MODE #a +k other", "MODE #a +k key"], "475 eve #a :"),
        (&["MODE #a +k key"], "JOIN #a"),
        (&["MODE #a -k key"], "JOIN #a"),
    ] {
        let mut server = server(&strict(), None);
        let lines = ["NICK op", "USER u 0 * :r", "JOIN #a", "MODE #a +k key"];
        let op = irc(&mut server, "198.51.100.1", &lines);
        let eve = irc(&mut server, "192.0.2.1", &["NICK eve", "USER u 0 * :r"]);
        for _ in 0..3 {
            server.types(eve, "JOIN #a wrong");
        }
        server.hears(eve);
        server.types(eve, "JOIN #a key");
        server.passes(second(1));
        for change in changes {
            server.passes(Duration::from_micros(1));
            server.types(op, change);
        }
        let rest = second(4) - Duration::from_micros(changes.len() as u64);
        server.goes_on_after(rest);
        let heard = server.hears(eve);
        assert!(
            heard.first().is_some_and(|line| line.contains(told)),
            "{changes:?}: {heard:?}"
        );
    }
}

/// There is room for few guesses here, of which those at operators have any name.
#[test]
fn made_up_operators_make_no_guess_from_elsewhere_forgotten() {
    let config = Config {
        failed_login_addresses: 4.try_into().unwrap(),
        failed_login_targets: 2.try_into().unwrap(),
        lines_burst: 100.try_into().unwrap(),
        work_burst: second(1),
        ..strict()
    };
    let mut server = server(&config, None);
    let bob = server.login("bob correct-horse");
    server.breaks(bob);
    for _ in 0..3 {
        assert_eq!(tries(&mut server, "192.0.2.1", "bob wrong-horse"), [WRONG]);
    }
    server.passes(second(1));
    let eve = irc(&mut server, "198.51.100.1", &["NICK eve", "USER u 0 * :r"]);
    server.hears(eve);
    for guess in 0..27 {
        server.types(eve, &format!("OPER made-up-{} wrong", guess / 3));
        assert!(server.hears(eve)[0].contains(" 464 eve :Password incorrect"));
    }
    let late = server.connect();
    server.types(late, "bob wrong-horse");
    hears_after(&mut server, late, 5, WRONG);
}
