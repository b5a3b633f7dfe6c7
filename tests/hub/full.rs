//! Mailboxes that are full, and who is told of them.

use rejoin::id::ConnId;

use crate::server::{Server, config};

const FULL: &str = "* error mailbox-full bob in #rust";

/// Bob is away, and no more fits into his mailbox.
fn fill(server: &mut Server, alice: ConnId) {
    for _ in 0..config().mailbox_messages.get() {
        server.types(alice, "bob: one more");
    }
    server.hears(alice);
}

/// Alice and bob are in #rust, and bob is away, with a full mailbox.
fn scene() -> (Server, ConnId) {
    let mut server = Server::new();
    let alice = server.login("alice");
    let bob = server.login("bob correct-horse");
    for conn in [bob, alice] {
        server.types(conn, "/join #rust");
    }
    server.breaks(bob);
    fill(&mut server, alice);
    (server, alice)
}

#[test]
fn who_speaks_in_a_room_is_told_once_of_a_full_mailbox() {
    let (mut server, alice) = scene();
    let carol = server.login("carol");
    server.types(carol, "/join #rust");
    for conn in [alice, carol] {
        server.hears(conn);
    }
    for told in [&[FULL][..], &[], &[]] {
        server.types(alice, "#rust: hi");
        assert_eq!(server.hears(alice), told);
        assert_eq!(server.hears(carol), ["from alice in #rust: hi"]);
    }
    server.types(carol, "#rust: hi");
    assert_eq!(server.hears(carol), [FULL], "she was not told");
    // What is for bob alone is refused, and each time.
    for _ in 0..2 {
        server.types(alice, "bob: hi");
        let told = server.hears(alice);
        assert!(
            told.contains(&"* error mailbox-full bob".to_owned()),
            "{told:?}"
        );
    }
    // He is back, and gone again.
    let bob = server.connect();
    server.types(bob, "bob correct-horse");
    server.hears(bob);
    server.breaks(bob);
    fill(&mut server, alice);
    for told in [&[FULL][..], &[]] {
        server.types(alice, "#rust: hi");
        assert_eq!(server.hears(alice), told);
    }
}

#[test]
fn whoever_is_heard_by_nobody_is_told_so_each_time() {
    let (mut server, alice) = scene();
    server.sends(alice, b"#rust: 1\n#rust: 2\n");
    server.types(alice, "#rust: 3");
    assert_eq!(server.hears(alice), [FULL; 3]);
}

#[test]
fn a_message_that_somebody_gets_is_echoed() {
    let mut server = Server::new();
    let alice = server.connect_irc();
    for line in [
        "CAP REQ :echo-message standard-replies",
        "NICK alice",
        "USER u 0 * :r",
        "CAP END",
        "JOIN #rust",
    ] {
        server.types(alice, line);
    }
    let bob = server.login("bob correct-horse");
    let carol = server.login("carol");
    for conn in [bob, carol] {
        server.types(conn, "/join #rust");
    }
    server.types(alice, "MODE #rust +vv bob carol");
    server.breaks(bob);
    fill(&mut server, carol);
    server.hears(alice);
    let fails = |kind: &str, place: &str| {
        format!(
            ":rejoin.localhost {kind} PRIVMSG MAILBOX_FULL bob :bob{place} is away, and has no room \
             for your message"
        )
    };
    let echo = |target: &str| format!(":alice!~u@192.0.2.7 PRIVMSG {target} :hi");
    let mut says = |target: &str| {
        server.types(alice, &format!("PRIVMSG {target} :hi"));
        server.hears(alice)
    };
    assert_eq!(says("#rust"), [fails("WARN", " in #rust"), echo("#rust")]);
    assert_eq!(says("#rust"), [echo("#rust")]);
    assert_eq!(says("+#rust"), [echo("+#rust")]);
    assert_eq!(says("bob"), [fails("FAIL", "")], "nobody gets it");
    assert_eq!(says("bob"), [fails("FAIL", "")]);
    server.types(carol, "/leave #rust");
    server.hears(alice);
    server.types(alice, "PRIVMSG #rust :hi");
    assert_eq!(server.hears(alice), [fails("FAIL", " in #rust")]);
}
