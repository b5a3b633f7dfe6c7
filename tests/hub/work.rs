//! Who asks for much waits, and nobody else does.

use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
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
    let masks = (0..16)
        .map(|n| format!("*{n}{MASK}"))
        .collect::<Vec<_>>()
        .join(",");
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
    // A thousand rooms and 16 masks are more than a slice, of which the first line is.
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
    let bytes = lists(100);
    let taken = server.sends_until_paused(eve, &bytes);
    assert!(taken < bytes.len() / 2, "{taken}");
    for line in ["PING x\n"; 3] {
        assert_eq!(server.sends(eve, &bytes[taken..]), 0, "it is paused");
        assert_eq!(server.sends(bob, line.as_bytes()), line.len());
    }
    server.passes(millis(1_000));
    assert_eq!(server.done, [format!("{eve} proceeds")]);
    server.brings(eve, &bytes[taken..]);
    assert_eq!(server.hears(eve).len(), 100 * 2);
}

#[test]
fn those_who_ask_for_much_wait_for_each_other_and_the_others_are_served() {
    let config = Config {
        work_in_all: millis(100),
        work_burst: millis(2),
        ..Config::default()
    };
    let mut server = with_rooms(1_000, config);
    server.passes(Duration::from_secs(10));
    let bob = irc_from(&mut server, "192.0.2.3", "bob");
    let eves: Vec<_> = (0..20)
        .map(|n| irc_from(&mut server, &format!("198.51.100.{n}"), &format!("eve{n}")))
        .collect();
    server.passes(Duration::from_secs(10));
    server.done.clear();
    let bytes = lists(100);
    for &eve in &eves {
        server.sends_until_paused(eve, &bytes);
    }
    assert_eq!(server.sends(bob, b"PING x\n"), 7);
    let mut proceed = 0;
    for _ in 0..100 {
        server.passes(millis(1));
        let at_once = std::mem::take(&mut server.done).len();
        assert!(at_once <= 2, "{at_once} go on at once");
        proceed += at_once;
    }
    assert_eq!(proceed, eves.len());
}

#[test]
fn what_an_address_has_used_up_outlives_its_connections() {
    let config = Config {
        work_per_connection: millis(1_000),
        work_per_address: millis(10),
        work_in_all: Duration::from_secs(100_000),
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

/// It asks once, and it is done in slices.
#[test]
fn what_is_handed_over_later_is_charged_to_where_its_receiver_comes_from() {
    let most = |n: u32| n.try_into().expect("not zero");
    let mut server = Server::with(&Config {
        lines_burst: most(1_000_000),
        work_per_connection: millis(1_000),
        work_per_address: millis(10),
        work_burst: millis(3),
        ..Config::default()
    });
    let bob = server.login("bob secret-of-bob");
    server.breaks(bob);
    let alice = server.connect_from("192.0.2.2").expect("it is admitted");
    server.brings(alice, b"alice\n");
    for _ in 0..80 {
        server.brings(alice, "bob: hi\n".repeat(100).as_bytes());
        server.passes(Duration::from_secs(2));
    }
    let bob = server.connect();
    server.brings(bob, b"bob secret-of-bob\n");
    let welcome = |server: &mut Server, address: &str| {
        let conn = server.connect_from(address).expect("it is admitted");
        server.sends(conn, b"carol\n") > 0
    };
    assert!(welcome(&mut server, "192.0.2.1"), "little was done so far");
    while server.hub.broker().is_behind() {
        server.passes(millis(1));
    }
    assert_eq!(server.hears(bob).len(), 8_001);
    assert!(!welcome(&mut server, "192.0.2.1"), "it is paused");
    assert!(welcome(&mut server, "192.0.2.3"));
}

#[test]
fn who_speaks_plain_is_paused_too_and_nothing_is_lost() {
    let config = Config {
        lines_burst: 1_000_000.try_into().expect("not zero"),
        mailbox_messages: 1_000_000.try_into().expect("not zero"),
        work_in_all: Duration::from_secs(100_000),
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
    let mut heard = server.hears(bob).len();
    assert!(heard < 1 + lines + 1, "it comes in slices");
    for _ in 0..20 {
        server.passes(millis(1));
        heard += server.hears(bob).len();
    }
    assert_eq!(heard, 1 + lines + 1);
}

#[test]
fn a_long_line_counts_as_several() {
    let config = Config::default();
    let mut server = Server::with(&config);
    let [alice, _] = ["alice", "bob"].map(|name| server.login(name));
    let line = format!("bob: {}\n", "x".repeat(1_995));
    let taken = server.sends_until_paused(alice, line.repeat(200).as_bytes());
    assert_eq!(taken / line.len(), 50, "each counts as four");
    let irc = irc_from(&mut server, "192.0.2.1", "carol");
    server.brings(irc, b"CAP REQ message-tags\n");
    let line = format!("@+x={} TAGMSG bob\n", "y".repeat(4_000));
    let taken = server.sends_until_paused(irc, line.repeat(200).as_bytes());
    let lines = taken / line.len();
    assert!((20..=25).contains(&lines), "{lines}");
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

/// What somebody is told who asks for this, on a server where turns are so long.
fn told(slice: Duration, caps: &str, lines: &str) -> (Vec<String>, usize) {
    let config = Config {
        slice,
        work_per_connection: Duration::from_secs(1_000),
        work_per_address: Duration::from_secs(1_000),
        lines_burst: 1_000_000.try_into().expect("not zero"),
        joins: 1_000_000.try_into().expect("not zero"),
        ..Config::default()
    };
    let mut server = Server::with(&config);
    for n in 0..60 {
        let conn = irc_from(&mut server, "192.0.2.1", &format!("p{n}"));
        let room = n % 5;
        let lines = format!("JOIN #a,#b{room},#c{n} key\nTOPIC #a :by {n}\nMODE #a +v p{n}\n");
        server.brings(conn, lines.as_bytes());
        if n % 7 == 0 {
            server.brings(conn, b"QUIT\n");
            server.breaks(conn);
        }
    }
    let conn = irc_from(&mut server, "192.0.2.2", "eve");
    let bob = irc_from(&mut server, "192.0.2.3", "bob");
    if !caps.is_empty() {
        server.brings(conn, format!("CAP REQ :{caps}\n").as_bytes());
        server.hears(conn);
    }
    let (mut rest, mut turns) = (lines.as_bytes(), 0);
    loop {
        let received = server.brings_once(conn, rest);
        rest = &rest[received.taken..];
        turns += 1;
        if rest.is_empty() && !received.goes_on {
            break;
        }
        // What others say comes in between, and no part of it is lost.
        assert!(!received.waits);
        server.brings(bob, b"PRIVMSG eve :in between\n");
    }
    let mut heard = server.hears(conn);
    heard.retain(|line| !line.contains("in between"));
    (heard, turns)
}

#[test]
fn what_is_told_in_many_turns_is_what_is_told_in_one() {
    let caps = "labeled-response batch userhost-in-names multi-prefix";
    for (caps, lines) in [
        ("", "LIST\nPING 1\n"),
        ("", "LIST #c1*,#c2*,!*9,C<5\nPING 1\n"),
        ("", "NAMES\nPING 1\n"),
        ("", "NAMES #a,#b1,#none,#b2\nPING 1\n"),
        (caps, "NAMES #a\nPING 1\n"),
        ("", "WHO\nPING 1\n"),
        ("", "WHO #a %tnf,7\nPING 1\n"),
        ("", "WHO p1* o\nPING 1\n"),
        ("", "WHOWAS p*\nWHOWAS p14,p7 1\nWHOWAS nobody\nPING 1\n"),
        ("", "JOIN #a,#A,#b1,#new,#c2 x,y\nPING 1\n"),
        (
            "",
            "PRIVMSG p1,p2,#b3,nobody,p3 :hi\nNOTICE p1,p2,nobody :hi\nPING 1\n",
        ),
        ("message-tags", "@+a=b TAGMSG p1,p2,nobody,p4\nPING 1\n"),
    ] {
        let (at_once, _) = told(Duration::from_secs(1_000), caps, lines);
        let (sliced, turns) = told(Duration::from_micros(1), caps, lines);
        assert_eq!(at_once, sliced, "{lines}");
        assert!(turns > 1, "{lines} in {turns}");
    }
}

#[test]
fn replies_of_several_turns_have_one_label() {
    let lines = "@label=x WHO p1*\n@label=y PING 1\n@label=z JOIN #a,#b1\n@label=w PONG\n";
    let of = |slice, caps| told(slice, caps, lines).0;
    let [short, long] = [Duration::from_micros(1), Duration::from_secs(1_000)];
    let both = "labeled-response batch";
    // Replies of one line come in a batch when it is not known yet that it is one.
    let begins = |line: &String| line.contains(" BATCH +");
    let sliced = of(short, both);
    assert_eq!(
        sliced.iter().filter(|line| begins(line)).count(),
        2,
        "{sliced:#?}"
    );
    assert_eq!(of(long, both), sliced);
    assert_eq!(of(long, "labeled-response"), of(short, "labeled-response"));
}

#[test]
fn a_list_is_told_in_parts_and_what_comes_behind_it_waits() {
    let config = Config {
        work_burst: Duration::from_secs(100),
        slice: Duration::from_secs(100),
        ..Config::default()
    };
    let mut server = with_rooms(1_000, config);
    let eve = irc_from(&mut server, "192.0.2.2", "eve");
    let bytes = b"LIST\nPING 1\n";
    let received = server.brings_once(eve, bytes);
    assert!(received.goes_on);
    assert_eq!(received.taken, "LIST\n".len());
    let mut heard = server.hears(eve);
    let length = |lines: &[String]| lines.iter().map(|line| line.len() + 2).sum::<usize>();
    assert!((8 << 10..33 << 10).contains(&length(&heard)));
    server.brings(eve, &bytes[received.taken..]);
    heard.extend(server.hears(eve));
    heard.retain(|line| line != "PING :silent");
    assert_eq!(heard.len(), 1 + 1_000 + 1 + 1);
    assert!(heard[1_001].contains(" 323 "), "{}", heard[1_001]);
    assert!(heard[1_002].contains(" PONG "), "{}", heard[1_002]);
}

#[test]
fn somebody_who_quits_in_the_middle_of_a_list_is_told_no_more_of_it() {
    let config = Config {
        slice: Duration::from_micros(1),
        work_burst: Duration::from_secs(100),
        ..Config::default()
    };
    let mut server = with_rooms(20, config);
    let eve = irc_from(&mut server, "192.0.2.2", "eve");
    server.brings(eve, b"CAP REQ :labeled-response batch\n");
    server.hears(eve);
    assert!(server.brings_once(eve, b"@label=x LIST\n").goes_on);
    server.overflows(eve);
    let received = server.brings_once(eve, b"PING 1\n");
    assert!(!received.goes_on && received.taken == 7);
    let heard = server.hears(eve);
    assert!(
        heard.last().is_some_and(|line| line.contains(" BATCH -")),
        "{heard:?}"
    );
}

#[test]
fn those_who_are_given_up_at_once_are_told_of_in_slices() {
    let config = Config {
        slice: Duration::from_micros(50),
        ..Config::default()
    };
    let mut server = Server::with(&config);
    let alice = irc_from(&mut server, "192.0.2.1", "alice");
    server.brings(alice, b"JOIN #a\n");
    for n in 0..100 {
        let connected = server.connect_by("192.0.2.2", Protocol::Irc);
        let conn = connected.expect("it is admitted");
        let login = format!("PASS secret-of-his\nNICK bob{n}\nUSER u 0 * :r\nJOIN #a\n");
        server.brings(conn, login.as_bytes());
        server.breaks(conn);
    }
    server.hears(alice);
    server.passes(config.return_grace);
    let quits = |server: &mut Server| {
        let heard = server.hears(alice);
        heard.iter().filter(|line| line.contains(" QUIT ")).count()
    };
    let first = quits(&mut server);
    assert!((1..100).contains(&first), "{first}");
    // What others ask for takes no slice with it.
    server.types(alice, "PING x");
    assert_eq!(quits(&mut server), 0);
    let mut all = first;
    while all < 100 {
        server.passes(millis(1));
        let more = quits(&mut server);
        assert!((1..100).contains(&more), "{more}");
        all += more;
    }
}

#[test]
fn of_many_messages_that_come_back_an_irc_client_is_told_the_number_of_the_last() {
    let config = Config {
        bounces: 2.try_into().expect("not zero"),
        ..Config::default()
    };
    let mut server = Server::with(&config);
    let connected = server.connect_by("192.0.2.2", Protocol::Irc);
    let bob = connected.expect("it is admitted");
    server.brings(bob, b"PASS secret-of-his\nNICK bob\nUSER u 0 * :r\n");
    server.breaks(bob);
    let alice = irc_from(&mut server, "192.0.2.1", "alice");
    for n in 0..5 {
        server.brings(alice, format!("PRIVMSG bob :{n}\n").as_bytes());
    }
    server.hears(alice);
    server.passes(config.resume_window);
    let heard = server.hears(alice);
    let heard: Vec<_> = heard
        .iter()
        .filter_map(|line| line.split_once(" :bob did not come back, and "))
        .map(|(_, what)| what)
        .collect();
    let expected = [
        "will not get: 0",
        "will not get: 1",
        "besides 2 more of your messages will not get: 2",
    ];
    assert_eq!(heard, expected);
}

#[test]
fn a_kick_among_what_was_kept_is_told_as_one_though_it_comes_in_slices() {
    let config = Config {
        slice: Duration::from_micros(50),
        ..Config::default()
    };
    let mut server = Server::with(&config);
    let comes = |server: &mut Server| {
        let connected = server.connect_by("192.0.2.2", Protocol::Irc);
        let conn = connected.expect("it is admitted");
        server.brings(conn, b"PASS secret-of-his\nNICK bob\nUSER u 0 * :r\n");
        conn
    };
    let alice = irc_from(&mut server, "192.0.2.1", "alice");
    server.brings(alice, b"JOIN #a\n");
    let bob = comes(&mut server);
    server.brings(bob, b"JOIN #a\n");
    server.breaks(bob);
    for n in 0..100 {
        server.brings(alice, format!("PRIVMSG bob :{n}\n").as_bytes());
        server.passes(millis(500));
    }
    server.brings(alice, b"KICK #a bob :out\n");
    let bob = comes(&mut server);
    let said =
        |heard: &[String], words: &str| heard.iter().filter(|line| line.contains(words)).count();
    let mut heard = server.hears(bob);
    assert_eq!(said(&heard, " JOIN #a"), 1, "{heard:?}");
    let first = said(&heard, " PRIVMSG bob ");
    assert!((1..100).contains(&first), "{first}");
    server.brings(alice, b"PRIVMSG bob :new\n");
    for _ in 0..100 {
        server.passes(millis(1));
        heard.extend(server.hears(bob));
    }
    assert_eq!(said(&heard, " PRIVMSG bob "), 101);
    assert_eq!(said(&heard, " KICK #a bob :out"), 1);
    let last = heard.iter().rfind(|line| !line.starts_with("PING "));
    assert!(last.is_some_and(|line| line.ends_with(" :new")), "{last:?}");
}

/// What anybody may say, of which much may come.
const LINES: &[&str] = &[
    "LIST",
    "LIST #*1*,*a*a*a*a*b,!*3",
    "NAMES",
    "NAMES #r0,#r1,#r2",
    "WHO",
    "WHO *a*a*a*b*",
    "WHO #r0 %tcuhnfdlaor,7",
    "WHOIS p0,p1,p2",
    "WHOWAS *",
    "JOIN #new,#r0,#r1,#r2,#r3",
    "PART #r0,#r1,#new",
    "PRIVMSG #r0,#r1,#r2,#r3,p0,p1 :hello",
    "NOTICE @#r0,+#r1 :hello",
    "TAGMSG #r0,#r1,p0",
    "NICK other",
    "NICK eve",
    "AWAY :gone",
    "AWAY",
    "SETNAME :somebody else",
    "TOPIC #r0 :what",
    "MODE #r0 b",
    "MODE #r0 +bbb a*!*@* b*!*@* c*!*@*",
    "MODE #r0 +vv p0 p1",
    "KICK #r0 p0,p1,p2 :out",
    "INVITE p0 #r1",
    "MONITOR + p0,p1,p2,nobody",
    "MONITOR S",
    "ISON p0 p1 p2",
    "LUSERS",
    "MOTD",
    "QUIT :bye",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// However many there are, and whatever they say.
    #[test]
    fn no_turn_is_more_work_than_a_slice_and_one_thing(
        slice in 1..100_u64,
        rooms in 1..6_usize,
        members in 1..20_usize,
        away in 0..20_usize,
        bans in 0..30_usize,
        reads in vec((0..20_usize, vec(prop::sample::select(LINES), 1..8)), 1..20),
    ) {
        let config = Config {
            slice: Duration::from_micros(slice),
            ..Config::default()
        };
        let mut server = Server::with(&config);
        let mut conns = Vec::new();
        for n in 0..away + members {
            let connected = server.connect_by("192.0.2.1", Protocol::Irc);
            let conn = connected.expect("it is admitted");
            let login = format!("PASS secret-of-{n}\nNICK p{n}\nUSER u 0 * :r\n");
            server.brings(conn, login.as_bytes());
            for room in 0..rooms {
                server.brings(conn, format!("JOIN #r{room}\n").as_bytes());
            }
            if n < away {
                server.breaks(conn);
            } else {
                conns.push(conn);
            }
        }
        for ban in 0..bans {
            server.brings(conns[0], format!("MODE #r0 +b *{ban}*a*!*@*\n").as_bytes());
        }
        // The most that one line, or one part of it, can be: everybody in all rooms is looked at,
        // and told, and all masks are tried on them; or each of them leaves them all.
        let people = (rooms * (members + away + 1)) as u64;
        let one_thing = 5_000 + 100 * people + 100 * bans as u64;
        let most = slice * 100 + one_thing;
        for (who, lines) in reads {
            let conn = conns[who % conns.len()];
            let bytes = lines.join("\n") + "\n";
            let mut rest = bytes.as_bytes();
            loop {
                let received = server.brings_once(conn, rest);
                prop_assert!(server.worked <= most, "{} > {most}: {lines:?}", server.worked);
                rest = &rest[received.taken..];
                if received.waits {
                    server.passes(Duration::from_millis(10));
                    prop_assert!(server.worked <= 2 * most, "{}", server.worked);
                } else if rest.is_empty() && !received.goes_on {
                    break;
                }
            }
            server.passes(Duration::from_secs(1));
            prop_assert!(server.worked <= 2 * most, "{}", server.worked);
        }
        for n in 0..away {
            let connected = server.connect_by("192.0.2.2", Protocol::Irc);
            let conn = connected.expect("it is admitted");
            let login = format!("PASS secret-of-{n}\nNICK p{n}\nUSER u 0 * :r\n");
            let mut rest = login.as_bytes();
            while !rest.is_empty() {
                let received = server.brings_once(conn, rest);
                prop_assert!(server.worked <= 2 * most, "{}", server.worked);
                rest = &rest[received.taken..];
                if received.waits {
                    break;
                }
            }
        }
        for conn in conns {
            server.breaks(conn);
            prop_assert!(server.worked <= 2 * most, "{}", server.worked);
        }
        server.passes(config.return_grace);
        prop_assert!(server.worked <= 2 * most, "{}", server.worked);
    }
}
