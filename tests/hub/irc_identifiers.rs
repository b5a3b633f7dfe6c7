//! What people are shown of the time of day, and what messages are known by.

use std::collections::BTreeSet;
use std::time::Duration;

use rejoin::hub::Hub;
use rejoin::id::{ConnId, Time};

use crate::server::{Padded, Server, config};

const SECRET: &str = "correct-horse";

/// Somebody who takes all tags is here, and has heard what everybody hears first.
fn registers(server: &mut Server, nick: &str) -> ConnId {
    let conn = server.connect_irc();
    for line in [
        "CAP REQ :server-time message-tags batch echo-message",
        &format!("PASS {SECRET}-{nick}"),
        &format!("NICK {nick}"),
        "USER u 0 * :Real Name",
        "CAP END",
    ] {
        server.types(conn, line);
    }
    conn
}

fn comes(server: &mut Server, nick: &str) -> ConnId {
    let conn = registers(server, nick);
    server.hears(conn);
    conn
}

/// The value of a tag of the line that has these words.
#[track_caller]
fn tag(heard: &[String], name: &str, words: &str) -> String {
    let line = heard.iter().find(|line| line.contains(words));
    let line = line.unwrap_or_else(|| panic!("no {words:?} in {heard:#?}"));
    let tags = line
        .strip_prefix('@')
        .and_then(|line| line.split(' ').next());
    let mut tags = tags.into_iter().flat_map(|tags| tags.split(';'));
    let value = tags.find_map(|tag| tag.strip_prefix(name)?.strip_prefix('='));
    value
        .unwrap_or_else(|| panic!("no {name} in {line}"))
        .to_owned()
}

/// What a command is answered with, by the line that has this number.
#[track_caller]
fn answer(server: &mut Server, conn: ConnId, command: &str, number: &str) -> String {
    server.types(conn, command);
    let heard = server.hears(conn);
    let number = format!(" {number} ");
    let line = heard.iter().find(|line| line.contains(&number));
    let line = line.unwrap_or_else(|| panic!("no{number}in {heard:#?}"));
    line.split_once(&number).expect("it has it").1.to_owned()
}

const HOUR: u64 = 3_600_000_000;

/// It is three o'clock on the first of January 1970.
fn server() -> Server {
    let mut server = Server::new();
    server.hub.set_clock(Time::ZERO, 3 * HOUR);
    server
}

#[test]
fn the_time_is_that_of_the_wall_clock_also_after_it_was_set() {
    let mut server = server();
    let bob = comes(&mut server, "bob");
    server.types(bob, "JOIN #a");
    server.types(bob, "TOPIC #a :before");
    server.types(bob, "MODE #a +b early!*@*");
    let carol = comes(&mut server, "carol");
    server.types(carol, "QUIT");
    server.writer_ends(carol);
    server.passes(Duration::from_secs(60));
    server.hears(bob);
    let time = |server: &mut Server| answer(server, bob, "TIME", "391");
    assert!(time(&mut server).ends_with("Thu, 1 Jan 1970 03:01:00 UTC"));

    // The machine has slept for two hours.
    server.hub.set_clock(server.now, 5 * HOUR);
    assert!(time(&mut server).ends_with("Thu, 1 Jan 1970 05:01:00 UTC"));

    // What was before then is shown as it was then, and what is now as it is now.
    let shown = |server: &mut Server, command, number| answer(server, bob, command, number);
    assert!(shown(&mut server, "WHOIS bob", "317").contains("bob 60 10800 :"));
    assert!(shown(&mut server, "TOPIC #a", "333").ends_with(" 10800"));
    assert!(shown(&mut server, "MODE #a", "329").ends_with(" 10800"));
    assert!(shown(&mut server, "MODE #a b", "367").ends_with(" 10800"));
    assert!(shown(&mut server, "WHOWAS carol", "312").contains("Thu, 1 Jan 1970 03:00:00"));
    assert!(shown(&mut server, "INFO", "371").contains("rejoin"));
    server.types(bob, "PRIVMSG bob :now");
    let heard = server.hears(bob);
    assert_eq!(tag(&heard, "time", ":now"), "1970-01-01T05:01:00.000Z");
    server.types(bob, "TOPIC #a :after");
    server.hears(bob);
    assert!(shown(&mut server, "TOPIC #a", "333").ends_with(" 18060"));
    let dave = comes(&mut server, "dave");
    assert!(answer(&mut server, dave, "WHOIS dave", "317").contains("dave 0 18060 :"));

    // A little later the clock is set back, to before the start.
    server.passes(Duration::from_secs(1));
    server.hub.set_clock(server.now, HOUR);
    assert!(time(&mut server).ends_with("Thu, 1 Jan 1970 01:01:01 UTC"));
    assert!(shown(&mut server, "TOPIC #a", "333").ends_with(" 18060"));
    assert!(shown(&mut server, "WHOIS bob", "317").ends_with(" 10800 :seconds idle, signon time"));
}

#[test]
fn what_is_kept_while_the_clock_is_set_has_the_time_at_which_it_was_said() {
    let mut server = server();
    let bob = comes(&mut server, "bob");
    let alice = comes(&mut server, "alice");
    server.breaks(alice);
    server.types(bob, "PRIVMSG alice :before");
    server.passes(Duration::from_secs(1));
    server.hub.set_clock(server.now, 5 * HOUR);
    server.types(bob, "PRIVMSG alice :after");
    server.passes(Duration::from_secs(1));
    let echoes = server.hears(bob);
    let alice = registers(&mut server, "alice");
    let heard = server.hears(alice);
    for (text, time) in [
        (":before", "1970-01-01T03:00:00.000Z"),
        (":after", "1970-01-01T05:00:01.000Z"),
    ] {
        assert_eq!(tag(&heard, "time", text), time);
        assert_eq!(tag(&echoes, "time", text), time);
    }
    assert_eq!(tag(&heard, "time", "BATCH +1"), "1970-01-01T05:00:02.000Z");
}

#[test]
fn a_message_is_known_by_the_same_to_all_and_after_a_return() {
    let mut server = server();
    let [alice, bob, carol] = ["alice", "bob", "carol"].map(|nick| comes(&mut server, nick));
    for conn in [alice, bob, carol] {
        server.types(conn, "JOIN #a");
    }
    for conn in [alice, bob, carol] {
        server.hears(conn);
    }
    // Carol's link takes nothing, and then breaks.
    server.types(alice, "PRIVMSG #a :hello");
    let id = tag(&server.hears(alice), "msgid", ":hello");
    assert_eq!(tag(&server.hears(bob), "msgid", ":hello"), id);
    server.breaks(carol);
    server.types(alice, "PRIVMSG #a :again");
    let again = tag(&server.hears(alice), "msgid", ":again");
    assert_ne!(again, id);
    server.hub.set_clock(server.now, 0);
    let carol = registers(&mut server, "carol");
    let heard = server.hears(carol);
    assert_eq!(tag(&heard, "msgid", ":hello"), id);
    assert_eq!(tag(&heard, "msgid", ":again"), again);
}

/// What so many messages of bob's are known by on a server with this key.
fn ids(key: [u8; 16], epoch: u64, count: usize) -> BTreeSet<String> {
    let mut server = Server::of(Hub::with_key(&config(), Padded, key));
    server.hub.set_clock(Time::ZERO, epoch);
    let bob = comes(&mut server, "bob");
    let ids = (0..count).map(|_| {
        // No faster than anybody may.
        server.passes(Duration::from_millis(50));
        server.types(bob, "PRIVMSG bob :note");
        tag(&server.hears(bob), "msgid", ":note")
    });
    ids.collect()
}

#[test]
fn no_two_starts_give_the_same_identifiers_whatever_the_clock_says() {
    for epoch in [0, HOUR] {
        let (one, other) = (ids([1; 16], HOUR, 50), ids([2; 16], epoch, 50));
        assert_eq!((one.len(), other.len()), (50, 50));
        assert!(one.is_disjoint(&other));
    }
    assert_eq!(ids([1; 16], HOUR, 50), ids([1; 16], 0, 50));
}

#[test]
fn identifiers_are_words_that_show_no_order() {
    let ids = ids([1; 16], HOUR, 200);
    for id in &ids {
        assert_eq!(id.len(), 26, "{id}");
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
    }
    // Numbers that follow each other would begin or end alike.
    let ends: [fn(&str) -> &str; 2] = [|id| &id[..8], |id| &id[18..]];
    for end in ends {
        let ends: BTreeSet<_> = ids.iter().map(|id| end(id)).collect();
        assert_eq!(ends.len(), 200);
    }
}

#[test]
fn a_batch_is_called_by_how_many_its_own_connection_had() {
    let mut server = server();
    let bob = comes(&mut server, "bob");
    for _ in 0..3 {
        let alice = registers(&mut server, "alice");
        let heard = server.hears(alice);
        let opened = heard.iter().find(|line| line.contains(" BATCH +"));
        if let Some(opened) = opened {
            assert!(opened.ends_with(" BATCH +1 rejoin/kept"), "{opened}");
        }
        server.breaks(alice);
        server.types(bob, "PRIVMSG alice :hi");
    }
}
