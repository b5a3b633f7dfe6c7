//! People who type in a telnet client.

use crate::server::Server;

/// What a client sends at `^C`: interrupt process, and the timing mark that it waits for.
const INTERRUPT: &[u8] = b"\xff\xf4\xff\xfd\x06";

/// "Will timing mark": all before it was read.
const READ: &str = r"\xff\xfb\x06";

#[test]
fn an_interrupt_is_answered_at_once_and_spoils_no_line() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.login(name));
    server.sends(alice, b"bob: h");
    server.sends(alice, INTERRUPT);
    assert_eq!(server.hears(alice), [READ]);
    server.sends(alice, b"i\r\n");
    assert_eq!(server.hears(bob), ["from alice: hi"]);
    assert_eq!(server.hears(alice), [""; 0]);
}

#[test]
fn an_interrupt_may_come_before_the_login_and_in_pieces() {
    let mut server = Server::new();
    let alice = server.connect();
    server.hears(alice);
    let (last, first) = INTERRUPT.split_last().unwrap();
    server.sends(alice, first);
    assert_eq!(server.hears(alice), [""; 0]);
    server.sends(alice, &[*last]);
    server.types(alice, "alice");
    assert_eq!(server.hears(alice), [READ, "* welcome alice"]);
}

#[test]
fn options_are_refused_in_the_order_of_the_lines_around_them() {
    let mut server = Server::new();
    let alice = server.login("alice");
    server.sends(
        alice,
        b"alice: 1\r\nali\xff\xfb\x1fce: 2\r\n\xff\xfd\x01alice: 3\r\n",
    );
    assert_eq!(
        server.hears(alice),
        [
            "from alice: 1",
            r"\xff\xfe\x1f",
            "from alice: 2",
            r"\xff\xfc\x01",
            "from alice: 3",
        ]
    );
}

#[test]
fn a_line_that_holds_what_is_no_command_is_no_text() {
    let mut server = Server::new();
    let alice = server.login("alice");
    for line in [&b"alice: \xff"[..], b"alice: \xff\xff", b"alice: \xff\xfd"] {
        server.sends(alice, &[line, b"\r\n"].concat());
        let said = server.hears(alice);
        let [said] = &said[..] else {
            panic!("{said:?}");
        };
        assert!(said.starts_with("* error "), "{said}");
    }
    server.types(alice, "alice: hi");
    assert_eq!(server.hears(alice), ["from alice: hi"]);
}

#[test]
fn irc_knows_no_telnet() {
    let mut server = Server::new();
    let alice = server.registers("alice");
    server.hears(alice);
    server.sends(alice, &[b"PING ", INTERRUPT, b"\r\n"].concat());
    let said = server.hears(alice);
    assert!(said.iter().all(|line| line != READ), "{said:?}");
}
