//! Clients that speak what is not spoken here: they are turned away, and do nothing before.

use rejoin::hub::{Identity, Ports, Protocol};
use rejoin::id::ConnId;

use crate::irc_story::play;
use crate::server::Server;

const BOTH: [Protocol; 2] = [Protocol::Plain, Protocol::Irc];

/// What a page makes a browser send, in either protocol.
const BODY: &str =
    "Host: localhost\r\n\r\nNICK evil\r\nUSER u 0 * :r\r\nJOIN #a\r\nevil\r\n/join #a\r\n";

fn with_ports() -> Server {
    let mut server = Server::new();
    server.hub.identify(Identity {
        ports: Ports {
            plain: Some(6000),
            irc: Some(6667),
        },
        ..Identity::default()
    });
    server
}

impl Server {
    /// Of all that came only this is done: the connection is closed, and told this last.
    #[track_caller]
    fn has_turned_away(&mut self, conn: ConnId, last: &str) {
        assert_eq!(self.last_line(conn).as_deref(), Some(last));
        let reader = format!("stop {conn}'s reader");
        assert!(self.done.contains(&reader), "{:?}", self.done);
        assert_eq!(self.hub.name(conn), None);
        assert_eq!(self.hub.broker().lifecycle().bindings().count(), 0);
    }
}

#[test]
fn a_browser_is_turned_away_whatever_its_request_holds() {
    let long = format!("GET /{} HTTP/1.1", "x".repeat(9_000));
    for request in [
        "GET / HTTP/1.1",
        "POST / HTTP/1.1",
        "PUT / HTTP/1.1",
        "HEAD / HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "DELETE / HTTP/1.1",
        "PATCH / HTTP/1.1",
        "CONNECT localhost:6667 HTTP/1.1",
        "TRACE / HTTP/1.1",
        "GET /",
        &long,
    ] {
        for protocol in BOTH {
            let mut server = Server::new();
            let conn = server.connect_by("192.0.2.7", protocol).unwrap();
            let bytes = format!("{request}\r\n{BODY}");
            let taken = server.sends(conn, bytes.as_bytes());
            assert_eq!(taken, bytes.len(), "nothing of it is brought again");
            let last = match protocol {
                Protocol::Plain => "* bye this is a chat server, and no web server",
                Protocol::Irc => {
                    "ERROR :Closing Link: 192.0.2.7 (this is a chat server, and no web server)"
                }
            };
            server.has_turned_away(conn, last);
            assert_eq!(server.hears(conn), [""; 0], "{request}");
            server.sends(conn, BODY.as_bytes());
            assert_eq!(server.hub.name(conn), None);
        }
    }
}

#[test]
fn a_browser_is_turned_away_however_its_request_comes_in_pieces() {
    for protocol in BOTH {
        let bytes = format!("POST / HTTP/1.1\r\n{BODY}");
        for cut in 0..30 {
            let mut server = Server::new();
            let conn = server.connect_by("192.0.2.7", protocol).unwrap();
            server.sends(conn, &bytes.as_bytes()[..cut]);
            server.sends(conn, &bytes.as_bytes()[cut..]);
            assert!(server.last_line(conn).unwrap().contains("no web server"));
            assert_eq!(server.hub.broker().lifecycle().bindings().count(), 0);
        }
    }
}

#[test]
fn a_request_on_a_later_line_is_one_too() {
    for protocol in BOTH {
        let mut server = Server::new();
        let conn = server.connect_by("192.0.2.7", protocol).unwrap();
        server.sends(
            conn,
            format!("\r\nx: y\r\nGET / HTTP/1.1\r\n{BODY}").as_bytes(),
        );
        assert!(server.last_line(conn).unwrap().contains("no web server"));
        assert_eq!(server.hub.broker().lifecycle().bindings().count(), 0);
    }
}

#[test]
fn irc_on_the_plain_port_is_told_where_irc_is() {
    for first in [
        "NICK alice",
        "USER u 0 * :Real Name",
        "CAP LS 302",
        "PASS correct-horse",
        "pass correct-horse",
        "JOIN #longchannel",
    ] {
        let mut server = with_ports();
        let conn = server.connect();
        server.sends(conn, format!("{first}\r\n{BODY}").as_bytes());
        let last = "ERROR :Closing Link: 192.0.2.1 \
                    (this port speaks plain lines; IRC is on port 6667)";
        server.has_turned_away(conn, last);
        let mut server = Server::new();
        let conn = server.connect();
        server.sends(conn, format!("{first}\r\n{BODY}").as_bytes());
        let last = "ERROR :Closing Link: 192.0.2.1 (this port speaks plain lines, and not IRC)";
        server.has_turned_away(conn, last);
    }
    // People are called so, too.
    let mut server = with_ports();
    server.login("nick correct-horse");
    server.login("Pass");
}

#[test]
fn plain_lines_on_the_port_of_irc_are_told_where_they_are_for() {
    for line in [
        "alice",
        "alice correct-horse",
        "/help",
        "bob: hi",
        "hello",
        "#rust: hi",
    ] {
        let mut server = with_ports();
        let conn = server.connect_irc();
        server.types(conn, line);
        let told = ":rejoin.localhost 451 * :You have not registered; \
                    this port speaks IRC, and plain lines are on port 6000";
        assert_eq!(server.hears(conn), [told], "{line}");
        let mut server = Server::new();
        let conn = server.connect_irc();
        server.types(conn, line);
        let told = ":rejoin.localhost 451 * :You have not registered; this port speaks IRC";
        assert_eq!(server.hears(conn), [told], "{line}");
    }
}

#[test]
fn tls_where_it_is_not_spoken_is_turned_away_at_once() {
    for protocol in BOTH {
        // Its line does not end.
        for hello in [
            &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
            b"\x16\x03",
        ] {
            let mut server = Server::new();
            let conn = server.connect_by("192.0.2.7", protocol).unwrap();
            server.sends(conn, hello);
            let last = match protocol {
                Protocol::Plain => "* bye this port does not speak TLS",
                Protocol::Irc => {
                    "ERROR :Closing Link: 192.0.2.7 \
                     (this port speaks IRC without TLS; switch TLS off in your client)"
                }
            };
            server.has_turned_away(conn, last);
        }
    }
}

#[test]
fn whoever_has_logged_in_may_say_what_strangers_say() {
    let mut server = Server::new();
    let alice = server.login("alice");
    for line in ["GET / HTTP/1.1", "NICK bob", "\x16\x03"] {
        server.types(alice, line);
        let heard = server.hears(alice);
        assert!(heard[0].starts_with("* error "), "{heard:?}");
        assert_eq!(server.last_line(alice), None);
    }
    play("alice > GET / HTTP/1.1\nalice < 421 alice GET :Unknown command");
}
