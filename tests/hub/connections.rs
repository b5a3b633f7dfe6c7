//! How many may connect, and what is left of them.

use rejoin::Config;

use crate::server::{Server, config};

const TOO_MANY: &str = "* bye there are too many connections\n";

#[test]
fn connections_are_bounded_in_all() {
    let mut server = Server::with(&Config {
        connections: 2.try_into().unwrap(),
        ..config()
    });
    let first = server.connect_from("192.0.2.1").unwrap();
    server.connect_from("192.0.2.2").unwrap();
    let refused = server.connect_from("192.0.2.3");
    assert_eq!(refused, Err(TOO_MANY.into()));
    assert_eq!(server.done, [""; 0], "the hub knows nothing of it");
    server.closes(first);
    assert!(
        server.connect_from("192.0.2.3").is_err(),
        "its writer still runs"
    );
    server.writer_ends(first);
    assert!(server.connect_from("192.0.2.3").is_ok());
}

#[test]
fn connections_are_bounded_for_each_address_and_each_ipv6_network() {
    let mut server = Server::with(&Config {
        connections_per_address: 2.try_into().unwrap(),
        ..config()
    });
    for (addresses, another) in [
        (["192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1"], "192.0.2.2"),
        (
            ["2001:db8::1", "2001:db8::2:3:4:5", "2001:db8::9"],
            "2001:db8:0:1::1",
        ),
    ] {
        let [first, second, third] = addresses;
        let conn = server.connect_from(first).unwrap();
        server.connect_from(second).unwrap();
        assert_eq!(server.connect_from(third), Err(TOO_MANY.into()));
        server.connect_from(another).unwrap();
        server.breaks(conn);
        server.connect_from(third).unwrap();
    }
}

#[test]
fn a_connection_that_reads_too_slowly_is_given_up_without_a_flush() {
    let mut server = Server::new();
    let alice = server.login("alice");
    server.overflows(alice);
    let expected = [
        "stop c1's reader",
        "stop c1's writer, hand over, * bye you read too slowly",
    ];
    assert_eq!(server.done, expected);
    server.overflows(alice);
    assert_eq!(server.done, [""; 0]);
}

#[test]
fn a_connection_that_closed_its_end_is_flushed() {
    let mut server = Server::new();
    let alice = server.login("alice");
    server.closes(alice);
    let expected = ["stop c1's writer, flush, * bye you closed the connection"];
    assert_eq!(server.done, expected);
}

#[test]
fn a_shutdown_tells_everybody_and_stops_whoever_comes_after() {
    let mut server = Server::new();
    let conns = [server.login("alice"), server.connect()];
    server.shuts_down();
    let expected = [
        "stop c1's reader",
        "stop c1's writer, flush, * bye the server stops",
        "stop c2's reader",
        "stop c2's writer, flush, * bye the server stops",
    ];
    assert_eq!(server.done, expected);
    for conn in conns {
        server.breaks(conn);
    }
    assert!(server.hub.is_idle());
    assert_eq!(server.hub.deadline(), None);
}

#[test]
fn the_name_of_a_connection_is_known_until_its_writer_has_ended() {
    let mut server = Server::new();
    let conn = server.connect();
    assert_eq!(server.hub.name(conn), None);
    server.types(conn, "alice");
    assert_eq!(server.hub.name(conn).unwrap().as_str(), "alice");
    server.closes(conn);
    assert_eq!(server.hub.name(conn).unwrap().as_str(), "alice");
    server.writer_ends(conn);
    assert_eq!(server.hub.name(conn), None);
}

#[test]
fn what_comes_from_a_forgotten_connection_is_ignored() {
    let mut server = Server::new();
    let alice = server.login("alice");
    server.breaks(alice);
    assert_eq!(server.sends(alice, b"alice: hi\n"), 10, "and taken");
    assert_eq!(server.done, [""; 0]);
    server.closes(alice);
    server.overflows(alice);
    assert_eq!(server.done, [""; 0]);
    assert!(server.hub.is_idle());
}

#[test]
fn in_the_end_nothing_is_left() {
    let mut server = Server::new();
    let alice = server.login("alice correct-horse");
    let old = server.login("bob correct-horse");
    server.types(alice, "bob: hi");
    let new = server.connect();
    server.types(new, "bob correct-horse");
    for conn in [new, old, alice] {
        assert!(!server.hub.is_idle());
        server.breaks(conn);
    }
    assert!(server.hub.is_idle());
    server.passes(config().resume_window);
    assert_eq!(server.hub.deadline(), None);
    assert_eq!(server.hub.broker().lifecycle().bindings().count(), 0);
}
