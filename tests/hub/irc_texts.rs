//! Texts that are no text: what only accompanies a command does not void it.

use rejoin::Config;

use crate::irc_story::{play_as, with_operator};
use crate::server::Server;

const REPLACED: &str = "Lines are UTF-8; what is not was replaced";

#[test]
fn a_real_name_that_is_not_utf_8_keeps_nobody_out() {
    let mut server = Server::new();
    let alice = server.connect_irc();
    server.types(alice, "NICK alice");
    server.sends(alice, b"USER u 0 * :Andr\xe9 \xfc\r\n");
    let heard = server.hears(alice);
    assert_eq!(
        heard[0],
        format!(":rejoin.localhost NOTICE alice :{REPLACED}")
    );
    assert!(heard[1].contains(" 001 alice "), "{heard:?}");
    server.types(alice, "WHO alice %r");
    let heard = server.hears(alice);
    assert_eq!(
        heard[0],
        ":rejoin.localhost 354 alice :Andr\u{FFFD} \u{FFFD}"
    );
    server.sends(alice, b"SETNAME :Andr\xe9\r\n");
    server.hears(alice);
    server.types(alice, "WHO alice %r");
    assert_eq!(
        server.hears(alice)[0],
        ":rejoin.localhost 354 alice :Andr\u{FFFD}"
    );
}

#[test]
fn a_reason_that_is_no_text_makes_nobody_stay() {
    for (spoilt, seen) in [
        (&b"caf\xe9"[..], "caf\u{FFFD}"),
        (b"a\0b", "a\u{FFFD}b"),
        (b"a\rb", "a\u{FFFD}b"),
    ] {
        let mut server = Server::new();
        let [alice, bob, carol] = ["alice", "bob", "carol"].map(|nick| {
            let conn = server.registers(nick);
            server.types(conn, "JOIN #a");
            conn
        });
        let sees = |server: &mut Server, line: &[u8], expected: String| {
            server.hears(bob);
            let conn = if line.starts_with(b"KICK") {
                alice
            } else {
                carol
            };
            server.sends(conn, &[line, spoilt, b"\r\n"].concat());
            let heard = server.hears(bob);
            assert_eq!(heard, [expected]);
        };
        let carols = ":carol!~u@192.0.2.7";
        sees(
            &mut server,
            b"PART #a :",
            format!("{carols} PART #a :{seen}"),
        );
        server.types(carol, "JOIN #a");
        let kick = format!(":alice!~u@192.0.2.7 KICK #a carol :{seen}");
        sees(&mut server, b"KICK #a carol :", kick);
        server.types(carol, "JOIN #a");
        sees(
            &mut server,
            b"QUIT :",
            format!("{carols} QUIT :Quit: {seen}"),
        );
        server.writer_ends(carol);
        server.registers("carol");
    }
}

#[test]
fn what_somebody_who_is_away_says_may_be_spoilt() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| server.registers(nick));
    server.sends(alice, b"AWAY :caf\xe9\r\n");
    let heard = server.hears(alice);
    let told = format!(":rejoin.localhost NOTICE alice :{REPLACED}");
    assert_eq!(heard[0], told);
    assert!(heard[1].contains(" 306 alice "), "{heard:?}");
    server.types(bob, "PRIVMSG alice :hi");
    let away = ":rejoin.localhost 301 bob alice :caf\u{FFFD}";
    assert_eq!(server.hears(bob), [away]);
}

#[test]
fn an_operator_kills_whatever_it_says_of_it() {
    play_as(
        &Config::default(),
        with_operator(),
        "
        alice does OPER root toor
        bob does PONG x
        alice > KILL bob :too \u{85}loud
        bob < :alice@@ KILL bob :too \u{85}loud
        bob ! ERROR :Closing Link: 192.0.2.7 (Killed (alice (too \u{85}loud)))
        alice < ^ NOTICE alice :bob is killed
        bob ends
        ",
    );
    let mut server = Server::new();
    server.hub.identify(with_operator());
    let [alice, bob] = ["alice", "bob"].map(|nick| server.registers(nick));
    server.types(alice, "OPER root toor");
    server.sends(alice, b"KILL bob :\xfc\r\n");
    let heard = server.hears(bob);
    assert_eq!(heard, [":alice!~u@192.0.2.7 KILL bob :\u{FFFD}"]);
}

#[test]
fn a_nick_that_is_not_utf_8_is_refused_as_a_nick() {
    let mut server = Server::new();
    let alice = server.connect_irc();
    server.sends(alice, b"NICK Andr\xe9\r\nUSER u 0 * :r\r\n");
    let heard = server.hears(alice);
    assert!(
        heard
            .iter()
            .any(|line| line.contains(" 432 * Andr\u{FFFD} :")),
        "{heard:?}"
    );
    server.types(alice, "NICK Andre");
    assert!(server.hears(alice)[0].contains(" 001 Andre "));
}

#[test]
fn a_text_that_is_too_long_for_a_line_is_cut_and_the_command_done() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| {
        let conn = server.registers(nick);
        server.types(conn, "JOIN #a");
        conn
    });
    server.hears(bob);
    for end in ["x", "é"] {
        server.types(alice, &format!("PART #a :{}", end.repeat(600)));
        let heard = server.hears(bob);
        let (head, why) = heard[0].rsplit_once(':').unwrap();
        assert_eq!(head, ":alice!~u@192.0.2.7 PART #a ");
        assert_eq!(why, end.repeat(300 / end.len()));
        server.types(alice, "JOIN #a");
        server.hears(bob);
    }
    let carol = server.connect_irc();
    server.types(carol, "NICK carol");
    server.types(carol, &format!("USER u 0 * :{}", "r".repeat(900)));
    assert!(server.hears(carol)[0].contains(" 001 carol "));
    // Where the channels themselves are too long nobody knows which the last was to be.
    let rooms = format!("#a,#{}", "b,#b".repeat(200));
    server.types(alice, &format!("PART {rooms} :why"));
    let heard = server.hears(alice);
    assert!(heard.last().unwrap().contains(" 417 alice "), "{heard:?}");
    assert_eq!(server.hears(bob), [""; 0]);
}

#[test]
fn a_text_that_matters_is_refused_and_nothing_is_done() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| {
        let conn = server.registers(nick);
        server.types(conn, "JOIN #a");
        conn
    });
    server.hears(alice);
    server.hears(bob);
    for line in [
        &b"PRIVMSG #a :caf\xe9"[..],
        b"TOPIC #a :caf\xe9",
        b"PART #caf\xe9",
        b"JOIN #b\xe9",
    ] {
        server.sends(alice, &[line, b"\r\n"].concat());
        let heard = server.hears(alice);
        let command = line.split(|&byte| byte == b' ').next().unwrap();
        let command = str::from_utf8(command).unwrap();
        let why = "Lines are UTF-8; this one was skipped";
        let told = format!(":rejoin.localhost FAIL {command} INVALID_UTF8 :{why}");
        assert_eq!(heard, [told]);
        assert_eq!(server.hears(bob), [""; 0]);
    }
}

#[test]
fn names_that_are_only_looked_for_may_be_spoilt() {
    let mut server = Server::new();
    let alice = server.registers("alice");
    for (line, answer) in [
        (
            &b"ISON caf\xe9 alice"[..],
            ":rejoin.localhost 303 alice :alice",
        ),
        (
            b"USERHOST caf\xe9 alice",
            ":rejoin.localhost 302 alice :alice=+~u@192.0.2.7",
        ),
        (
            b"MONITOR + caf\xe9,alice",
            ":rejoin.localhost 730 alice :alice!~u@192.0.2.7",
        ),
        (
            b"PING :caf\xe9",
            ":rejoin.localhost PONG rejoin.localhost :caf\u{FFFD}",
        ),
        (
            b"INVITE alice #a :caf\xe9",
            ":rejoin.localhost 403 alice #a :No such channel",
        ),
        (
            b"WHOIS caf\xe9",
            ":rejoin.localhost 318 alice caf\u{FFFD} :End of /WHOIS list",
        ),
    ] {
        server.sends(alice, &[line, b"\r\n"].concat());
        let heard = server.hears(alice);
        let warning = format!(":rejoin.localhost NOTICE alice :{REPLACED}");
        assert_eq!(heard[0], warning);
        assert!(heard.iter().any(|line| line == answer), "{heard:?}");
    }
}

#[test]
fn whoever_takes_standard_replies_is_warned_by_one_with_its_label() {
    let mut server = Server::new();
    let alice = server.registers("alice");
    server.types(alice, "CAP REQ :standard-replies labeled-response");
    server.hears(alice);
    server.sends(alice, b"@label=a AWAY :caf\xe9\r\n");
    let heard = server.hears(alice);
    let warning = format!("@label=a :rejoin.localhost WARN AWAY INVALID_UTF8 :{REPLACED}");
    assert_eq!(heard[0], warning);
}
