//! Who asks for much waits, and nobody else does.

use std::time::Duration;

use rejoin::Config;
use rejoin::hub::Protocol;
use rejoin::id::ConnId;

use crate::server::Server;

/// A mask that is compared again and again with a name of many `a`s.
const MASK: &str = "*aaaaaaaaaaaaaaaaab";

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// In a server with so many rooms, a slice is a small part of what a `LIST` with masks takes.
fn with_rooms(rooms: usize, config: Config) -> Server {
    let most = |n: u32| n.try_into().expect("not zero");
    let mut server = Server::with(&Config {
        rooms_per_peer: rooms.try_into().expect("not zero"),
        joins: most(1_000_000),
        lines_burst: most(1_000_000),
        ..config
    });
    let connected = server.connect_by("192.0.2.1", Protocol::Irc);
    let owner = connected.expect("it is admitted");
    server.brings(owner, b"NICK owner\nUSER u 0 * :r\n");
    for room in 0..rooms {
        let room = format!("JOIN #{}{room}\n", "a".repeat(40));
        server.brings(owner, room.as_bytes());
    }
    server.hears(owner);
    server
}

/// So many lists that are hard to make.
fn lists(lists: usize) -> Vec<u8> {
    let masks = vec![MASK; 24].join(",");
    format!("LIST {masks}\n").repeat(lists).into_bytes()
}

fn irc_from(server: &mut Server, address: &str, nick: &str) -> ConnId {
    let connected = server.connect_by(address, Protocol::Irc);
    let conn = connected.expect("it is admitted");
    server.brings(conn, format!("NICK {nick}\nUSER u 0 * :r\n").as_bytes());
    server.hears(conn);
    conn
}

#[test]
fn a_turn_ends_when_much_was_done_and_the_rest_is_brought_again() {
    let config = Config {
        work_burst: Duration::from_secs(100),
        ..Config::default()
    };
    let mut server = with_rooms(1_000, config);
    let eve = irc_from(&mut server, "192.0.2.2", "eve");
    let bytes = lists(10);
    let taken = server.sends(eve, &bytes);
    // A thousand rooms and 24 masks are more than a slice, of which the first line is.
    assert_eq!(taken, bytes.len() / 10);
    server.brings(eve, &bytes[taken..]);
    let heard = server.hears(eve);
    assert_eq!(heard.len(), 10 * 2, "{heard:?}");
}

#[test]
fn who_asks_for_much_is_paused_and_the_others_are_served() {
    let mut server = with_rooms(1_000, Config::default());
    let eve = irc_from(&mut server, "192.0.2.2", "eve");
    let bob = irc_from(&mut server, "192.0.2.3", "bob");
    let bytes = lists(1_000);
    let taken = server.sends_until_paused(eve, &bytes);
    assert!(taken < bytes.len() / 2, "{taken}");
    for line in ["PING x\n"; 3] {
        assert_eq!(server.sends(eve, &bytes[taken..]), 0, "it is paused");
        assert_eq!(server.sends(bob, line.as_bytes()), line.len());
    }
    server.passes(millis(1_000));
    assert_eq!(server.done, [format!("{eve} proceeds")]);
    assert!(server.sends(eve, &bytes[taken..]) > 0);
}

#[test]
fn what_an_address_has_used_up_outlives_its_connections() {
    let config = Config {
        work_per_connection: millis(1_000),
        work_per_address: millis(10),
        ..Config::default()
    };
    let mut server = with_rooms(1_000, config);
    let eve = irc_from(&mut server, "2001:db8:0:1::1", "eve");
    let bytes = lists(1_000);
    server.sends_until_paused(eve, &bytes);
    server.breaks(eve);
    // It is the same network, and another.
    let login = b"NICK eve\nUSER u 0 * :r\n";
    let [again, other] = ["2001:db8:0:1::2", "2001:db8:0:2::2"].map(|address| {
        let connected = server.connect_by(address, Protocol::Irc);
        connected.expect("it is admitted")
    });
    assert_eq!(server.sends(again, login), 0);
    assert_eq!(server.sends(other, login), login.len());
    server.passes(Duration::from_secs(10));
    assert_eq!(server.done, [format!("{again} proceeds")]);
    assert_eq!(server.sends(again, login), login.len());
}

#[test]
fn who_speaks_plain_is_paused_too_and_nothing_is_lost() {
    let config = Config {
        lines_burst: 1_000_000.try_into().expect("not zero"),
        mailbox_messages: 1_000_000.try_into().expect("not zero"),
        ..Config::default()
    };
    let mut server = Server::with(&config);
    let alice = server.login("alice");
    server.types(alice, "/join #big");
    for n in 0..200 {
        let conn = server.login(&format!("bob{n} secret-of-bob"));
        server.types(conn, "/join #big");
        server.breaks(conn);
    }
    server.hears(alice);
    let line = "#big: hi\n";
    let flood = line.repeat(5_000);
    // Each line is for 200 mailboxes.
    let taken = server.sends_until_paused(alice, flood.as_bytes());
    let lines = taken / line.len();
    assert!((100..4_000).contains(&lines), "{lines}");
    assert_eq!(server.sends(alice, b"#big: hi\n"), 0, "it is paused");
    server.passes(Duration::from_secs(10));
    assert_eq!(server.done, [format!("{alice} proceeds")]);
    server.types(alice, "#big: that was all");
    let bob = server.connect();
    server.brings(bob, b"bob7 secret-of-bob\n");
    assert_eq!(server.hears(bob).len(), 1 + lines + 1);
}

#[test]
fn people_who_talk_at_one_address_are_never_paused() {
    let mut server = Server::with(&Config::default());
    let people: Vec<_> = (0..200)
        .map(|n| {
            let conn = irc_from(&mut server, "192.0.2.2", &format!("p{n}"));
            server.brings(conn, b"JOIN #a\n");
            server.passes(millis(10));
            conn
        })
        .collect();
    // Each says something in a room of 200 every second, for a minute.
    for _ in 0..60 {
        for &conn in &people {
            server.types(conn, "PRIVMSG #a :hello, everybody");
            server.passes(millis(5));
            assert_eq!(server.done, [""; 0]);
        }
    }
}
