//! Commands that take a list: each entry is answered, once, and whole.

use rejoin::Config;
use rejoin::hub::Protocol;

use crate::irc_story::{play, play_with};
use crate::server::Server;

#[test]
fn whoever_is_named_twice_in_any_spelling_gets_it_once() {
    play(
        "
        alice + echo-message
        alice does JOIN #a
        bob does JOIN #a
        alice does MODE #a +o bob
        alice > PRIVMSG bob,BOB,,Bob :hi
        bob < :alice@@ PRIVMSG bob :hi
        alice < :alice@@ PRIVMSG bob :hi
        alice > NOTICE #a,#A :hi
        bob < :alice@@ NOTICE #a :hi
        alice < :alice@@ NOTICE #a :hi
        alice > PRIVMSG @#a,@#A :hi
        bob < :alice@@ PRIVMSG @#a :hi
        alice < :alice@@ PRIVMSG @#a :hi
        alice > PRIVMSG nobody,NOBODY :hi
        alice < 401 alice nobody :No such nick/channel
        ",
    );
}

#[test]
fn tags_alone_reach_whoever_is_named_twice_once() {
    let mut server = Server::with(&Config::default());
    let [alice, bob] = ["alice", "bob"].map(|nick| {
        let conn = server.registers(nick);
        server.types(conn, "CAP REQ message-tags");
        server.types(conn, "JOIN #a");
        conn
    });
    server.hears(bob);
    server.types(alice, "@+x=1 TAGMSG Bob,bob,#a,#A");
    let heard = server.hears(bob);
    let targets: Vec<_> = heard
        .iter()
        .map(|line| line.rsplit_once(' ').unwrap().1)
        .collect();
    assert_eq!(targets, ["Bob", "#a"]);
}

#[test]
fn whoever_is_named_twice_by_plain_lines_gets_it_once() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.login(name));
    server.types(alice, "bob, BOB, Bob: hi");
    assert_eq!(server.hears(bob), ["from alice: hi"]);
}

#[test]
fn a_channel_named_twice_is_entered_and_left_once() {
    play(
        "
        bob does JOIN #a
        bob does MODE #a +i
        alice > JOIN #a,#A
        alice < 473 alice #a :Cannot join channel (+i)
        alice does JOIN #b
        alice > PART #b,#B :tea
        alice < :alice@@ PART #b :tea
        bob > NAMES #a,#A
        bob < 353 bob = #a :@bob
        bob < 366 bob #a :End of /NAMES list
        ",
    );
}

#[test]
fn a_key_is_for_the_channel_at_its_place() {
    let scene = "
        alice does JOIN #b,#c
        alice does MODE #b +k kb
        alice does MODE #c +k kc
    ";
    for line in [
        "JOIN #a,,#b,#c ,,kb,kc",
        "JOIN #a,#b,#c ,kb,kc",
        "JOIN #b,,#c,#a kb,,kc",
    ] {
        let joins = if line.contains("#a,") {
            ["#a", "#b", "#c"]
        } else {
            ["#b", "#c", "#a"]
        };
        let told = joins.map(|room| {
            let founded = room == "#a";
            let names = if founded { "@bob" } else { "@alice bob" };
            let seen = if founded {
                String::new()
            } else {
                format!("alice < :bob@@ JOIN {room}")
            };
            format!(
                "
                bob < :bob@@ JOIN {room}
                bob < 353 bob = {room} :{names}
                bob < 366 bob {room} :End of /NAMES list
                {seen}
                "
            )
        });
        play(&format!("{scene}\nbob > {line}\n{}", told.concat()));
    }
    // An empty place has no key, and takes the one of no other.
    play(&format!(
        "{scene}
        bob > JOIN ,#b kb
        bob < 475 bob #b :Cannot join channel (+k)
        "
    ));
}

#[test]
fn those_who_are_kicked_are_kicked_once_and_from_the_channels_at_their_places() {
    let scene = "
        alice does JOIN #a,#b
        bob does JOIN #a,#b
    ";
    play(&format!(
        "{scene}
        alice > KICK #a bob,BOB,,bob
        alice < :alice@@ KICK #a bob :alice
        bob < :alice@@ KICK #a bob :alice
        "
    ));
    for line in ["KICK #a,#b bob,bob", "KICK #a,#b bob"] {
        play(&format!(
            "{scene}
            alice > {line} :out
            alice < :alice@@ KICK #a bob :out
            alice < :alice@@ KICK #b bob :out
            bob < :alice@@ KICK #a bob :out
            bob < :alice@@ KICK #b bob :out
            "
        ));
    }
    play_with(
        &Config {
            receivers: 1.try_into().unwrap(),
            ..Config::default()
        },
        &format!(
            "{scene}
            alice > KICK #a nobody,bob
            alice < 441 alice nobody #a :They aren't on that channel
            alice < 407 alice bob :Too many targets
            "
        ),
    );
}

#[test]
fn each_nick_of_a_list_is_told_of_up_to_the_bound() {
    let bob = "
        alice < 311 alice bob ~u 192.0.2.7 * :Real Name
        alice < 312 alice bob rejoin.localhost :a chat server that never loses you
        alice < 317 alice bob 0 0 :seconds idle, signon time
        alice < 318 alice bob :End of /WHOIS list
    ";
    let config = Config {
        receivers: 2.try_into().unwrap(),
        ..Config::default()
    };
    play_with(
        &config,
        &format!(
            "
            bob does PONG x
            alice > WHOIS nobody,bob,NOBODY
            alice < 401 alice nobody :No such nick/channel
            alice < 318 alice nobody :End of /WHOIS list
            {bob}
            alice > WHOIS bob,nobody,carol,dave
            {bob}
            alice < 401 alice nobody :No such nick/channel
            alice < 318 alice nobody :End of /WHOIS list
            alice < 407 alice carol :Too many targets
            alice > WHOIS ,
            alice < 431 alice :No nickname given
            alice > WHOWAS one,two,three
            alice < 406 alice one :There was no such nickname
            alice < 369 alice one :End of WHOWAS
            alice < 406 alice two :There was no such nickname
            alice < 369 alice two :End of WHOWAS
            alice < 407 alice three :Too many targets
            alice > NAMES #a,#b,#c
            alice < 366 alice #a :End of /NAMES list
            alice < 366 alice #b :End of /NAMES list
            alice < 407 alice #c :Too many targets
            "
        ),
    );
}

/// So many nicks of 32 bytes, all of them here.
fn longest_nicks(server: &mut Server, count: usize) -> Vec<String> {
    let nicks: Vec<_> = (0..count).map(|n| format!("n{n:0>31}")).collect();
    for nick in &nicks {
        server.registers(nick);
    }
    nicks
}

/// What stands behind the number and the nick in each line, all of which have this number.
#[track_caller]
fn behind(heard: &[String], number: &str) -> Vec<String> {
    let told = heard.iter().map(|line| {
        assert!(line.len() <= 510, "{line}");
        let told = line.split_once(&format!(" {number} alice "));
        told.unwrap_or_else(|| panic!("no {number}: {line}"))
            .1
            .to_owned()
    });
    told.collect()
}

#[test]
fn ison_and_userhost_answer_with_one_line_in_which_nobody_is_named_in_part() {
    let mut server = Server::with(&Config::default());
    let nicks = longest_nicks(&mut server, 14);
    let alice = server.registers("alice");
    server.types(alice, &format!("ISON {}", nicks.join(" ")));
    let heard = behind(&server.hears(alice), "303");
    assert_eq!(heard, [format!(":{}", nicks.join(" "))]);
    let short: Vec<_> = (0..20).map(|n| format!("m{n}")).collect();
    for nick in &short {
        server.registers(nick);
    }
    server.types(alice, &format!("ISON {}", short.join(" ")));
    let heard = behind(&server.hears(alice), "303");
    assert_eq!(heard, [format!(":{}", short.join(" "))]);

    let long = "2001:db8:1111:2222:3333:4444:5555:6666";
    let users: Vec<_> = (0..5)
        .map(|n| {
            let conn = server.connect_by(long, Protocol::Irc).unwrap();
            let nick = format!("u{n:0>31}");
            server.types(conn, &format!("NICK {nick}"));
            server.types(conn, "USER abcdefghijklmnopqrstuvw 0 * :r");
            nick
        })
        .collect();
    // To a long nick one fewer can be told.
    let alice = server.registers(&"a".repeat(32));
    server.types(alice, &format!("ISON {}", nicks.join(" ")));
    let heard = server.hears(alice);
    let told = format!(
        ":rejoin.localhost 303 {} :{}",
        "a".repeat(32),
        nicks[..13].join(" ")
    );
    assert_eq!(heard, [told]);
    server.types(alice, &format!("USERHOST {}", users.join(" ")));
    let heard = server.hears(alice);
    let shown = |nick: &String| format!("{nick}=+~abcdefghijklmnopqr@{long}");
    let shown: Vec<_> = users[..4].iter().map(shown).collect();
    let told = format!(
        ":rejoin.localhost 302 {} :{}",
        "a".repeat(32),
        shown.join(" ")
    );
    assert_eq!(heard, [told]);
}

#[test]
fn a_long_list_of_names_to_watch_comes_in_lines_without_a_name_in_part() {
    let mut server = Server::with(&Config {
        monitored: 12.try_into().unwrap(),
        ..Config::default()
    });
    let nicks = longest_nicks(&mut server, 13);
    let alice = server.registers("alice");
    let each = |lines: &[String]| {
        let names = lines.iter().map(|line| line.trim_start_matches(':'));
        let names = names.flat_map(|line| line.split(','));
        let nicks = names.map(|name| name.split('!').next().unwrap().to_owned());
        nicks.collect::<Vec<_>>()
    };
    server.types(alice, &format!("MONITOR + {}", nicks[..12].join(",")));
    let heard = behind(&server.hears(alice), "730");
    assert_eq!(each(&heard), &nicks[..12]);
    server.types(alice, "MONITOR L");
    let mut heard = server.hears(alice);
    assert_eq!(
        heard.pop().unwrap(),
        ":rejoin.localhost 733 alice :End of MONITOR list"
    );
    assert_eq!(each(&behind(&heard, "732")), &nicks[..12]);
    // What is too much is told whole.
    let more: Vec<_> = (0..15).map(|n| format!("o{n:0>31}")).collect();
    let line = format!("MONITOR + {}", more.join(","));
    assert!(line.len() <= 510);
    server.types(alice, &line);
    let heard = behind(&server.hears(alice), "734");
    let rest = heard.iter().map(|line| {
        let line = line.strip_prefix("12 ").unwrap();
        line.strip_suffix(" :Monitor list is full")
            .unwrap()
            .to_owned()
    });
    let rest: Vec<_> = rest.collect();
    assert!(rest.len() > 1);
    assert_eq!(each(&rest), more);
}

#[test]
fn capabilities_that_are_asked_for_come_back_in_lines_without_a_word_in_part() {
    let mut server = Server::new();
    let conn = server.connect_irc();
    for (answer, last) in [("ACK", "batch"), ("NAK", "no-such-capability")] {
        let words = ["multi-prefix"; 37].join(" ");
        server.types(conn, &format!("CAP REQ :{words} {last}"));
        let heard = server.hears(conn);
        assert_eq!(heard.len(), 2, "{heard:?}");
        let head = format!(":rejoin.localhost CAP * {answer} :");
        let parts = heard.iter().map(|line| {
            assert!(line.len() <= 510, "{line}");
            line.strip_prefix(&head).unwrap_or_else(|| panic!("{line}"))
        });
        let all = parts.collect::<Vec<_>>().join(" ");
        assert_eq!(all, format!("{words} {last}"));
    }
}

#[test]
fn a_ban_matches_an_address_however_it_is_spelled() {
    let spellings = [
        ("0::1", "::1"),
        ("0::1", "*!*@::1"),
        ("0::1", "0:0:0:0:0:0:0:1"),
        ("2001:db8::7", "*!*@2001:0DB8:0:0:0:0:0:7"),
        ("192.0.2.9", "*!*@::ffff:192.0.2.9"),
        ("192.0.2.9", "*!*@::ffff:c000:209"),
    ];
    for (address, mask) in spellings {
        let mut server = Server::with(&Config::default());
        let alice = server.registers("alice");
        server.types(alice, "JOIN #a");
        server.types(alice, &format!("MODE #a +b :{mask}"));
        let heard = server.hears(alice);
        let made = heard.last().unwrap();
        assert!(
            made.ends_with(&format!(" MODE #a +b *!*@{address}")),
            "{made}"
        );
        let address = if address == "0::1" { "::1" } else { address };
        let bob = server.connect_by(address, Protocol::Irc).unwrap();
        for line in ["NICK bob", "USER u 0 * :r"] {
            server.types(bob, line);
        }
        server.hears(bob);
        server.types(bob, "JOIN #a");
        let told = ":rejoin.localhost 474 bob #a :Cannot join channel (+b)";
        assert_eq!(server.hears(bob), [told], "{mask}");
        // It is found, and taken back, by any of its spellings.
        server.types(alice, &format!("WHO :{}", mask.trim_start_matches("*!*@")));
        let heard = server.hears(alice);
        assert_eq!(heard.len(), 2, "{mask}: {heard:?}");
        server.types(alice, &format!("MODE #a -b :{mask}"));
        server.types(bob, "JOIN #a");
        assert!(server.hears(bob)[0].contains(" JOIN #a"), "{mask}");
    }
}
