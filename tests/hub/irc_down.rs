//! What happens to somebody whose link is down, and what others are told of it.

use std::time::Duration;

use rejoin::id::ConnId;

use crate::server::{Server, config};

const CAPS: &str = "CAP REQ :server-time standard-replies";

/// Bob, with a secret and times, for the first time or again; returns what it hears.
fn bob(server: &mut Server) -> (ConnId, Vec<String>) {
    let bob = server.connect_irc();
    for line in [
        CAPS,
        "PASS correct-horse",
        "NICK bob",
        "USER u 0 * :Bob B.",
        "CAP END",
    ] {
        server.types(bob, line);
    }
    let heard = server.hears(bob);
    let is_motd = |line: &String| line.contains(" 422 ");
    let end = heard.iter().position(is_motd).expect("all hear it");
    (bob, heard[end + 1..].to_vec())
}

/// Alice is an operator in #a, bob is known.
fn scene() -> (Server, ConnId, ConnId) {
    let mut server = Server::new();
    let alice = server.registers("alice");
    server.types(alice, "JOIN #a");
    let (bob, _) = bob(&mut server);
    server.hears(alice);
    (server, alice, bob)
}

fn time(second: u32) -> String {
    format!("@time=1970-01-01T00:00:{second:02}.000Z")
}

const KEPT: &str = ":rejoin.localhost NOTICE alice :bob is away; your invitation waits";
const INVITING: &str = ":rejoin.localhost 341 alice bob #a";
const INVITE: &str = ":alice!~u@192.0.2.7 INVITE bob #a";

/// Within the grace, and after it.
#[test]
fn an_invitation_waits_for_somebody_whose_link_is_down() {
    for down in [1, 20] {
        let (mut server, alice, conn) = scene();
        server.types(alice, "MODE #a +i");
        server.breaks(conn);
        server.passes(Duration::from_secs(down.into()));
        server.hears(alice);
        server.types(alice, "INVITE bob #a");
        assert_eq!(server.hears(alice), [KEPT, INVITING]);
        server.passes(Duration::from_secs(1));
        let (conn, heard) = bob(&mut server);
        let invite = format!("{} {INVITE}", time(down));
        assert!(heard.contains(&invite), "{heard:?}");
        server.types(conn, "JOIN #a");
        assert!(server.hears(conn)[0].ends_with(" JOIN #a"));
    }
}

/// Its socket took it, and nobody knows yet that its link is dead.
#[test]
fn an_invitation_that_was_not_acknowledged_comes_again() {
    let (mut server, alice, conn) = scene();
    server.types(alice, "INVITE bob #a");
    assert!(server.hears(conn)[0].ends_with(INVITE));
    server.breaks(conn);
    let (_, heard) = bob(&mut server);
    assert!(heard.iter().any(|line| line.ends_with(INVITE)), "{heard:?}");
}

#[test]
fn an_invitation_that_nobody_will_get_comes_back() {
    let (mut server, alice, conn) = scene();
    server.breaks(conn);
    server.types(alice, "INVITE bob #a");
    server.hears(alice);
    server.passes(config().resume_window);
    let why = "bob did not come back, and will not get your invitation to #a";
    let told = format!(":rejoin.localhost NOTICE alice :{why}");
    assert_eq!(server.hears(alice).last(), Some(&told));
}

#[test]
fn an_invitation_that_has_no_room_is_refused() {
    let (mut server, alice, conn) = scene();
    server.breaks(conn);
    for _ in 0..config().mailbox_messages.get() {
        server.types(alice, "PRIVMSG bob :hi");
    }
    server.hears(alice);
    server.types(alice, "INVITE bob #a");
    let why = "bob is away, and has no room for your invitation";
    let told = [format!(":rejoin.localhost NOTICE alice :{why}")];
    assert_eq!(server.hears(alice), told);
}

#[test]
fn people_who_speak_plain_lines_are_asked_in_too() {
    let mut server = Server::new();
    let alice = server.registers("alice");
    server.types(alice, "JOIN #a");
    let bob = server.login("bob correct-horse");
    server.types(alice, "INVITE bob #a");
    assert_eq!(server.hears(bob), ["* invited alice #a"]);
    server.breaks(bob);
    server.types(alice, "INVITE bob #a");
    let bob = server.connect();
    server.types(bob, "bob correct-horse");
    assert_eq!(
        server.hears(bob),
        ["* back bob 1", "* invited alice #a at 1970-01-01T00:00:00Z"]
    );
}

#[test]
fn a_channel_is_joined_again_with_the_time_at_which_it_was_joined_first() {
    let (mut server, alice, conn) = scene();
    server.passes(Duration::from_secs(2));
    server.types(conn, "JOIN #b");
    server.passes(Duration::from_secs(2));
    server.types(conn, "JOIN #a");
    server.types(alice, "MODE #a +v bob");
    server.types(alice, "TOPIC #a :maps");
    server.hears(conn);
    server.breaks(conn);
    server.passes(Duration::from_secs(1));
    server.types(alice, "PRIVMSG #a :missed");
    server.passes(Duration::from_secs(1));
    let (_, heard) = bob(&mut server);
    let expected = [
        (2, ":bob!~u@192.0.2.7 JOIN #b"),
        (6, ":rejoin.localhost 353 bob = #b :@bob"),
        (6, ":rejoin.localhost 366 bob #b :End of /NAMES list"),
        (4, ":bob!~u@192.0.2.7 JOIN #a"),
        (6, ":rejoin.localhost 332 bob #a :maps"),
        (6, ":rejoin.localhost 333 bob #a alice!~u@192.0.2.7 4"),
        (6, ":rejoin.localhost 353 bob = #a :@alice +bob"),
        (6, ":rejoin.localhost 366 bob #a :End of /NAMES list"),
        (5, ":alice!~u@192.0.2.7 PRIVMSG #a :missed"),
    ];
    let expected = expected.map(|(second, line)| format!("{} {line}", time(second)));
    assert_eq!(heard[..9], expected);
}

#[test]
fn whoever_has_lost_its_connection_is_known_and_away_until_it_is_gone() {
    let (mut server, alice, conn) = scene();
    server.types(conn, "JOIN #a");
    server.hears(alice);
    server.breaks(conn);
    server.passes(config().return_grace);
    assert!(server.hears(alice)[0].ends_with(" QUIT :Connection lost"));
    let mut asks = |line: &str| {
        server.types(alice, line);
        let heard = server.hears(alice);
        let after = |line: &String| line.replacen(":rejoin.localhost ", "", 1);
        heard.iter().map(after).collect::<Vec<_>>()
    };
    let whois = [
        "311 alice bob ~u 192.0.2.7 * :Bob B.",
        "312 alice bob rejoin.localhost :a chat server that never loses you",
        "301 alice bob :connection lost; messages are kept",
        "318 alice bob :End of /WHOIS list",
    ];
    assert_eq!(asks("WHOIS bob"), whois);
    let waits = ["NOTICE alice :bob is away; your message waits"];
    assert_eq!(asks("PRIVMSG bob :hi"), waits);
    let who = [
        "352 alice * ~u 192.0.2.7 rejoin.localhost bob G :0 Bob B.",
        "315 alice bob :End of WHO list",
    ];
    assert_eq!(asks("WHO bob"), who);
    assert_eq!(asks("USERHOST bob"), ["302 alice :bob=-~u@192.0.2.7"]);
    // Those who watch it have seen it go.
    assert_eq!(asks("ISON bob"), ["303 alice :"]);
    assert_eq!(asks("MONITOR + bob"), ["731 alice :bob"]);
    assert!(!asks("NAMES #a")[0].contains("bob"));
    assert!(!asks("WHO #a")[0].contains("bob"));
    server.passes(config().resume_window);
    server.hears(alice);
    server.types(alice, "WHOIS bob");
    assert!(server.hears(alice)[0].contains(" 401 "));
}

/// Bob is in #a, since the first second.
fn in_a_channel() -> (Server, ConnId, ConnId) {
    let (mut server, alice, conn) = scene();
    server.passes(Duration::from_secs(1));
    server.types(conn, "JOIN #a");
    server.hears(conn);
    server.hears(alice);
    (server, alice, conn)
}

/// A client that starts anew shows only of a channel that it is in what was said there, and a kick.
#[test]
fn whoever_was_kicked_while_its_link_was_down_is_told_on_its_return() {
    // The link is dead and was given up, or nobody has noticed yet.
    for is_noticed in [true, false] {
        let (mut server, alice, conn) = in_a_channel();
        if is_noticed {
            server.breaks(conn);
        }
        server.passes(Duration::from_secs(1));
        server.types(alice, "PRIVMSG #a :be quiet");
        server.passes(Duration::from_secs(1));
        server.types(alice, "KICK #a bob :too loud");
        assert_eq!(
            server.hears(alice),
            [":alice!~u@192.0.2.7 KICK #a bob :too loud"]
        );
        server.types(alice, "PRIVMSG bob :sorry");
        if !is_noticed {
            assert!(server.hears(conn)[1].ends_with(" KICK #a bob :too loud"));
            server.breaks(conn);
        }
        server.passes(Duration::from_secs(1));
        let (conn, heard) = bob(&mut server);
        let told = [
            format!("{} :bob!~u@192.0.2.7 JOIN #a", time(1)),
            format!("{} :alice!~u@192.0.2.7 PRIVMSG #a :be quiet", time(2)),
            format!("{} :alice!~u@192.0.2.7 KICK #a bob :too loud", time(3)),
            format!("{} :alice!~u@192.0.2.7 PRIVMSG bob :sorry", time(3)),
        ];
        assert_eq!(heard[..4], told);
        let question = heard.iter().find_map(|line| line.strip_prefix("PING "));
        server.types(conn, &format!("PONG {}", question.expect("it is asked")));
        server.breaks(conn);
        let (_, heard) = bob(&mut server);
        assert_eq!(heard, [""; 0], "it has read of it");
    }
}

/// What its client shows last is where it is.
#[test]
fn a_kick_that_came_before_another_or_before_a_join_is_told_as_a_notice() {
    for joins_again in [true, false] {
        let (mut server, alice, conn) = in_a_channel();
        for why in ["one", "two"] {
            server.types(alice, &format!("KICK #a bob :{why}"));
            server.passes(Duration::from_secs(1));
            server.types(conn, "JOIN #a");
        }
        if !joins_again {
            server.types(alice, "KICK #a bob :three");
        }
        server.breaks(conn);
        let (_, heard) = bob(&mut server);
        let is_told = |line: &&String| {
            let words = ["JOIN", "KICK", "NOTICE"];
            words.iter().any(|word| line.contains(word))
        };
        let told: Vec<_> = heard.iter().filter(is_told).collect();
        let notice = |second, why| {
            let words = format!("alice had kicked you out of #a: {why}");
            format!("{} :rejoin.localhost NOTICE bob :{words}", time(second))
        };
        let joined = |second| format!("{} :bob!~u@192.0.2.7 JOIN #a", time(second));
        let expected = if joins_again {
            vec![joined(3), notice(1, "one"), notice(2, "two")]
        } else {
            let kick = format!("{} :alice!~u@192.0.2.7 KICK #a bob :three", time(3));
            vec![joined(1), notice(1, "one"), notice(2, "two"), kick]
        };
        assert_eq!(told, expected.iter().collect::<Vec<_>>());
    }
}

#[test]
fn whoever_kicks_somebody_who_will_not_know_of_it_is_told_so() {
    let (mut server, alice, conn) = in_a_channel();
    server.breaks(conn);
    server.types(alice, "KICK #a bob :too loud");
    server.hears(alice);
    server.passes(config().resume_window);
    let why = "bob did not come back, and was not told that you kicked it out of #a: too loud";
    let told = format!(":rejoin.localhost NOTICE alice :{why}");
    assert_eq!(server.hears(alice).last(), Some(&told));

    let (mut server, alice, conn) = in_a_channel();
    server.breaks(conn);
    for _ in 0..config().mailbox_messages.get() {
        server.types(alice, "PRIVMSG bob :hi");
    }
    server.hears(alice);
    server.types(alice, "KICK #a bob :too loud");
    let why = "bob is away, and has no room to be told of your kick";
    let told = [
        ":alice!~u@192.0.2.7 KICK #a bob :too loud".to_owned(),
        format!(":rejoin.localhost NOTICE alice :{why}"),
    ];
    assert_eq!(server.hears(alice), told);
}

#[test]
fn people_who_speak_plain_lines_are_told_who_kicked_them_and_when() {
    let mut server = Server::new();
    let alice = server.registers("alice");
    server.types(alice, "JOIN #a");
    let bob = server.login("bob correct-horse");
    server.types(bob, "/join #a");
    let carol = server.login("carol");
    server.types(carol, "/join #a");
    server.hears(bob);
    server.hears(carol);
    server.types(alice, "KICK #a bob :too loud");
    assert_eq!(server.hears(bob), ["* kicked alice #a: too loud"]);
    assert_eq!(server.hears(carol), ["* left #a bob kicked: too loud"]);
    server.types(bob, "/join #a");
    server.breaks(bob);
    server.types(alice, "KICK #a bob");
    let bob = server.connect();
    server.types(bob, "bob correct-horse");
    let told = [
        "* back bob 1",
        "* kicked alice #a at 1970-01-01T00:00:00Z: alice",
    ];
    assert_eq!(server.hears(bob), told);
}
