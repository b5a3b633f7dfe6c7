//! Each bad input has its clear answer, and changes nothing else.

use rejoin::Config;
use rejoin::id::ConnId;

use crate::server::{Server, config};

#[test]
fn an_empty_line() {
    let mut server = Server::new();
    let [nobody, alice] = [server.connect(), server.login("alice")];
    for conn in [nobody, alice] {
        for line in ["", "\r", "  ", "\t"] {
            server.answers(conn, line, "empty-line say something, or /help");
        }
    }
}

#[test]
fn a_name_that_is_empty_or_too_long_or_malformed() {
    let mut server = Server::new();
    let too_long = "a".repeat(33);
    for line in [
        " 12345678",
        "9 correct-horse",
        &too_long,
        "9a",
        "-a",
        "a:b",
        "a,b",
        "ä",
        "#a",
    ] {
        let conn = server.connect();
        let text =
            "bad-name a name is 1 to 32 of letters, digits and -_[]\\`^{}|, no digit or - first";
        server.answers(conn, line, text);
    }
}

#[test]
fn a_name_in_use() {
    let mut server = Server::new();
    server.login("alice");
    let conn = server.connect();
    server.answers(conn, "Alice", "name-in-use Alice");
    // Whether its bearer has a secret at all is not given away.
    let wrong = "wrong-secret Alice is in use, and this is not its secret";
    server.answers(conn, "Alice correct-horse", wrong);
}

#[test]
fn a_secret_that_is_wrong_or_too_short_or_too_long() {
    let mut server = Server::with(&Config {
        line_bytes: 1024.try_into().unwrap(),
        ..config()
    });
    server.login("alice correct-horse");
    let conn = server.connect();
    server.types(conn, "alice wrong-horse");
    let wrong = "* error wrong-secret alice is in use, and this is not its secret";
    assert_eq!(server.hears(conn), [wrong]);
    let too_short = "bad-secret too short: a secret has 8 to 128 characters";
    server.answers(conn, "alice 1234567", too_short);
    let conn = server.connect();
    let too_long = "bad-secret too long: a secret has 8 to 128 characters";
    server.answers(conn, &format!("bob {}", "x".repeat(129)), too_long);
    server.answers(
        conn,
        "bob correct horse",
        "bad-secret a secret has no spaces or formatting codes",
    );
}

#[test]
fn a_receiver_that_does_not_exist_and_the_others_still_get_theirs() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.login(name));
    server.answers(alice, "dave: hi", "no-such-peer dave");
    server.types(alice, "dave, bob: hi");
    assert_eq!(server.hears(alice), ["* error no-such-peer dave"]);
    assert_eq!(server.hears(bob), ["from alice: hi"]);
}

#[test]
fn a_line_without_a_colon_or_with_nothing_beside_it() {
    let mut server = Server::new();
    let alice = server.login("alice");
    server.answers(
        alice,
        "hello",
        "no-colon say to whom, like this: bob: hi; /help lists commands",
    );
    server.answers(alice, "alice:", "empty-text nothing follows the colon");
    for line in [": hi", "alice,: hi", "a b: hi"] {
        let text = "bad-receiver names and #rooms stand before the colon";
        server.answers(alice, line, text);
    }
}

#[test]
fn a_command_that_is_unknown_or_has_the_wrong_words() {
    let mut server = Server::new();
    let [nobody, alice] = [server.connect(), server.login("alice")];
    for conn in [nobody, alice] {
        server.answers(conn, "/frobnicate bob", "unknown-command try /help");
        server.answers(conn, "/nick 9", "bad-arguments usage: /nick name");
        server.answers(conn, "/msg", "bad-arguments usage: /msg name text");
        server.answers(conn, "/msg bob", "empty-text nothing follows the colon");
        server.answers(conn, "/join rust", "bad-arguments usage: /join #room");
        server.answers(conn, "/leave", "bad-arguments usage: /leave #room [why]");
        server.answers(conn, "/rooms x", "bad-arguments usage: /rooms");
        server.answers(conn, "/who bob", "bad-arguments usage: /who [#room]");
    }
}

#[test]
fn a_command_before_the_login() {
    let mut server = Server::new();
    let conn = server.connect();
    for line in [
        "/join #rust",
        "/leave #rust",
        "/rooms",
        "/who",
        "/msg alice hi",
        "/nick rob",
    ] {
        let text = "not-logged-in first say who you are: NAME or NAME SECRET";
        server.answers(conn, line, text);
    }
}

#[test]
fn a_message_to_a_room_that_one_is_not_in() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.login(name));
    server.types(bob, "/join #rust");
    server.hears(bob);
    server.answers(alice, "#rust: hi", "not-in-room #rust");
    server.answers(alice, "/leave #rust", "not-in-room #rust");
    assert_eq!(server.hears(bob), [""; 0]);
}

#[test]
fn what_is_not_utf8() {
    let mut server = Server::new();
    let [nobody, alice] = [server.connect(), server.login("alice")];
    for conn in [nobody, alice] {
        let before = server.hub.broker().clone();
        server.sends(conn, b"alice: \xff\xfe\n");
        assert_eq!(server.hears(conn), ["* error invalid-utf8 lines are UTF-8"]);
        assert_eq!(*server.hub.broker(), before);
    }
}

#[test]
fn a_control_character() {
    let mut server = Server::new();
    let [nobody, alice] = [server.connect(), server.login("alice")];
    for conn in [nobody, alice] {
        for line in [
            "alice: \0",
            "alice: \x1b[2J",
            "alice: a\rb",
            "alice: \u{9b}",
        ] {
            let text = "control-character a line has none but tabs and formatting codes";
            server.answers(conn, line, text);
        }
    }
}

#[test]
fn a_line_longer_than_the_limit() {
    let mut server = Server::new();
    let [nobody, alice] = [server.connect(), server.login("alice")];
    for conn in [nobody, alice] {
        let line = format!("alice: {}", "x".repeat(100));
        let text = "line-too-long at most 100 bytes; the line was skipped";
        server.answers(conn, &line, text);
    }
}

#[test]
fn a_full_mailbox() {
    let mut server = Server::new();
    let alice = server.login("alice");
    let bob = server.login("bob correct-horse");
    server.breaks(bob);
    for _ in 0..config().mailbox_messages.get() {
        server.types(alice, "bob: hi");
    }
    server.hears(alice);
    server.answers(alice, "bob: hi", "mailbox-full bob");
}

#[test]
fn too_many_receivers_or_rooms() {
    let mut server = Server::with(&Config {
        receivers: 1.try_into().unwrap(),
        rooms_per_peer: 1.try_into().unwrap(),
        ..config()
    });
    let alice = server.login("alice");
    server.answers(alice, "alice, bob: hi", "too-many-receivers at most 1");
    server.types(alice, "/join #rust");
    server.hears(alice);
    server.answers(alice, "/join #rust", "already-in-room #rust");
    server.answers(alice, "/join #go", "too-many-rooms at most 1");
}

impl Server {
    /// The line has just this answer, and changes nothing.
    #[track_caller]
    fn answers(&mut self, conn: ConnId, line: &str, error: &str) {
        let before = self.hub.broker().clone();
        self.types(conn, line);
        assert_eq!(
            self.done,
            [format!("{conn} hear * error {error}")],
            "{line:?}"
        );
        assert_eq!(*self.hub.broker(), before, "{line:?}");
        self.hears(conn);
    }
}
