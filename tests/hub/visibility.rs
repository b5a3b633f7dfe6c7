//! What outsiders are told of secret rooms and of people who want not to be found.

use std::collections::BTreeSet;
use std::time::Duration;

use rejoin::Config;
use rejoin::id::ConnId;

use crate::irc_story::play;
use crate::server::{Server, config};

/// Ghost is invisible and in the secret room #hide, with member; #open is open, and ghost is in it
/// as well.
fn scene(modes: &str) -> Server {
    let mut server = Server::new();
    let ghost = server.registers("ghost");
    let member = server.registers("member");
    let lines = ["JOIN #hide", "JOIN #open", "MODE ghost +i", "MODE #hide +s"];
    for line in lines {
        server.types(ghost, line);
    }
    server.types(ghost, &format!("MODE #hide {modes}"));
    server.types(member, "JOIN #hide");
    server
}

fn asks(server: &mut Server, conn: ConnId, line: &str) -> Vec<String> {
    server.types(conn, line);
    server.hears(conn)
}

/// However an outsider asks for a secret room, it is answered as if there were none.
#[test]
fn a_secret_room_is_to_outsiders_as_one_that_is_not_there() {
    for modes in [
        "+n",
        "+nl 7",
        "-n+m",
        "+b *!*@*",
        "-n+b *!*@*",
        "-n+bC *!*@*",
    ] {
        for ask in [
            "MODE #none",
            "MODE #none b",
            "MODE #none +m",
            "TOPIC #none",
            "TOPIC #none :mine",
            "INVITE outsider #none",
            "KICK #none ghost",
            "PART #none",
            "NAMES #none",
            "WHO #none",
            "WHO #none %nuhf",
            "LIST #none",
            "LIST",
            "NAMES",
            "LUSERS",
            "WHOIS ghost",
            "PRIVMSG #none :hi",
            "PRIVMSG @#none :hi",
            "TAGMSG #none",
            "TAGMSG +#none",
        ] {
            let mut server = scene(modes);
            let outsider = server.connect_irc();
            for line in [
                "CAP REQ message-tags",
                "NICK outsider",
                "USER u 0 * :r",
                "CAP END",
            ] {
                server.types(outsider, line);
            }
            server.hears(outsider);
            let none = asks(&mut server, outsider, ask);
            let told = asks(&mut server, outsider, &ask.replace("none", "Hide"));
            let shown = none.iter().map(|line| line.replace("none", "Hide"));
            assert!(shown.eq(told.clone()), "{modes}, {ask}: {told:?}");
            let tells = told.iter().any(|line| line.contains("#hide"));
            assert!(!tells, "{modes}, {ask}: {told:?}");
        }
        for ask in ["/who #none", "#none: hi", "/leave #none"] {
            let mut server = scene(modes);
            let outsider = server.login("outsider");
            let none = asks(&mut server, outsider, ask);
            let told = asks(&mut server, outsider, &ask.replace("none", "Hide"));
            let shown = none.iter().map(|line| line.replace("none", "Hide"));
            assert!(shown.eq(told.clone()), "{modes}, {ask}: {told:?}");
        }
    }
}

#[test]
fn lists_by_plain_lines_show_what_those_by_irc_do() {
    let mut server = scene("+n");
    let outsider = server.login("outsider");
    let rooms = ["* room #open 1", "* end rooms 1"];
    assert_eq!(asks(&mut server, outsider, "/rooms"), rooms);
    let all = ["* peer member", "* peer outsider", "* end who 2"];
    assert_eq!(asks(&mut server, outsider, "/who"), all);
    assert_eq!(asks(&mut server, outsider, "/who #open"), ["* end who 0"]);
    assert_eq!(asks(&mut server, outsider, "/who #hide"), ["* end who 0"]);
    server.types(outsider, "/join #hide");
    server.hears(outsider);
    let rooms = ["* room #hide 3 joined", "* room #open 1", "* end rooms 2"];
    assert_eq!(asks(&mut server, outsider, "/rooms"), rooms);
    let all = [
        "* peer ghost",
        "* peer member",
        "* peer outsider",
        "* end who 3",
    ];
    assert_eq!(asks(&mut server, outsider, "/who"), all);
    assert_eq!(asks(&mut server, outsider, "/who #hide"), all);
    // That they share a room tells nothing of another.
    assert_eq!(asks(&mut server, outsider, "/who #open"), ["* end who 0"]);
    assert_eq!(
        asks(&mut server, outsider, "/who #nowhere"),
        ["* end who 0"]
    );
}

/// Whoever is away will come back, also when it is shown by IRC as having quit.
#[test]
fn lists_by_plain_lines_show_who_is_away_and_nobody_who_has_quit() {
    let mut server = Server::new();
    let alice = server.login("alice");
    let [bob, carol] = ["bob correct-horse", "carol correct-horse"].map(|line| server.login(line));
    for conn in [alice, bob, carol] {
        server.types(conn, "/join #a");
    }
    server.breaks(bob);
    server.passes(config().return_grace);
    server.types(carol, "/quit");
    server.hears(alice);
    // Its name is not free as long as its writer runs.
    let who = ["* peer alice", "* peer bob away", "* end who 2"];
    for ask in ["/who", "/who #A"] {
        assert_eq!(asks(&mut server, alice, ask), who, "{ask}");
    }
}

#[test]
fn as_many_are_listed_as_may_be_and_all_who_are_shown_are_counted() {
    let mut server = Server::with(&Config {
        listed: 3.try_into().unwrap(),
        ..config()
    });
    let alice = server.login("alice");
    let hidden = server.registers("bob");
    server.types(hidden, "MODE bob +i");
    for name in ["carol", "dave", "erin"] {
        let conn = server.login(name);
        server.types(conn, &format!("/join #{name}"));
    }
    server.types(alice, "/join #x");
    server.types(hidden, "JOIN #b");
    server.types(hidden, "MODE #b +s");
    server.hears(alice);
    let who = ["* peer alice", "* peer carol", "* peer dave", "* end who 4"];
    assert_eq!(asks(&mut server, alice, "/who"), who);
    let rooms = [
        "* room #carol 1",
        "* room #dave 1",
        "* room #erin 1",
        "* end rooms 4",
    ];
    assert_eq!(asks(&mut server, alice, "/rooms"), rooms);
}

/// What is asked behind a long list is answered behind it.
#[test]
fn a_long_list_by_plain_lines_is_told_in_turns() {
    const MANY: usize = 500;
    let config = Config {
        slice: Duration::from_micros(10),
        work_per_connection: Duration::from_millis(900),
        work_per_address: Duration::from_millis(900),
        work_burst: Duration::from_secs(60),
        ..Config::default()
    };
    let mut server = Server::with(&config);
    for number in 0..MANY {
        let conn = server.login(&format!("peer{number}"));
        server.brings(conn, format!("/join #{number}\n").as_bytes());
    }
    let alice = server.login("alice");
    for (list, row) in [("/rooms", "* room "), ("/who", "* peer ")] {
        let lines = format!("{list}\nalice: behind\n");
        let mut rest = lines.as_bytes();
        let (mut turns, mut heard) = (0, Vec::new());
        loop {
            let received = server.brings_once(alice, rest);
            rest = &rest[received.taken..];
            let part = server.hears(alice);
            assert!(part.len() < MANY / 2, "{list}: {} at once", part.len());
            heard.extend(part);
            turns += 1;
            if !received.goes_on && rest.is_empty() {
                break;
            }
        }
        assert!(turns > 5, "{list}: {turns}");
        assert_eq!(heard.pop().unwrap(), "from alice: behind");
        assert!(heard.pop().unwrap().starts_with("* end "));
        let rows: BTreeSet<_> = heard.iter().filter(|line| line.starts_with(row)).collect();
        assert_eq!(rows.len(), heard.len(), "each is told once");
        assert_eq!(rows.len(), MANY + usize::from(list == "/who"));
    }
}

/// Whoever does not know the whole nick does not find it.
#[test]
fn whowas_finds_by_a_mask_nobody_who_wanted_not_to_be_found() {
    play(
        "
        bob > MODE bob +i
        bob < :bob@@ MODE bob +i
        bob > NICK rob
        bob < :bob@@ NICK :rob
        alice > WHOWAS b*
        alice < 406 alice b* :There was no such nickname
        alice < 369 alice b* :End of WHOWAS
        alice > WHOWAS bob
        alice < 314 alice bob ~u 192.0.2.7 * :Real Name
        alice < 312 alice bob rejoin.localhost :…
        alice < 369 alice bob :End of WHOWAS
        ",
    );
}

#[test]
fn lusers_counts_the_channels_that_one_may_know_of() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| server.registers(nick));
    let count = |server: &mut Server, conn| {
        let heard = asks(server, conn, "LUSERS");
        let line = heard.iter().find(|line| line.contains(" 254 "));
        let count = line.and_then(|line| line.split(' ').nth(3));
        count.expect("it is told").to_owned()
    };
    let both = |server: &mut Server| [count(server, alice), count(server, bob)];
    for room in ["#a", "#b", "#c"] {
        server.types(alice, &format!("JOIN {room}"));
    }
    assert_eq!(both(&mut server), ["3", "3"]);
    for (line, counts) in [
        ("MODE #a +s", ["3", "2"]),
        ("MODE #a +s", ["3", "2"]),
        ("MODE #b +s", ["3", "1"]),
        ("MODE #b -s", ["3", "2"]),
        ("PART #b", ["2", "1"]),
        ("PART #a", ["1", "1"]),
    ] {
        server.types(alice, line);
        server.hears(alice);
        assert_eq!(both(&mut server), counts, "{line}");
    }
}
