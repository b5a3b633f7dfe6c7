//! What people say to each other.

use crate::irc_story::play;
use crate::server::Server;

#[test]
fn a_message_reaches_whom_it_is_for_and_nobody_else() {
    play(
        "
        alice does JOIN #a
        bob > JOIN #A
        bob < :bob@@ JOIN #a
        bob < 353 bob = #a :@alice bob
        bob < 366 bob #a :End of /NAMES list
        alice < :bob@@ JOIN #a
        alice > PRIVMSG bob :hi
        bob < :alice@@ PRIVMSG bob :hi
        alice > NOTICE Bob hi
        bob < :alice@@ NOTICE bob :hi
        alice > PRIVMSG #A,bob :hi  there
        bob < :alice@@ PRIVMSG #a :hi  there
        bob < :alice@@ PRIVMSG bob :hi  there
        alice > PRIVMSG alice :note
        alice < :alice@@ PRIVMSG alice :note
        carol speaks plain
        alice > PRIVMSG carol :hi
        carol < from alice: hi
        ",
    );
}

#[test]
fn what_is_wrong_with_a_message_is_told_unless_it_is_a_notice() {
    let wrong = [
        ("", "411 alice :No recipient given (PRIVMSG)"),
        (" :", "411 alice :No recipient given (PRIVMSG)"),
        (" bob", "412 alice :No text to send"),
        (" bob :", "412 alice :No text to send"),
        (" nobody :hi", "401 alice nobody :No such nick/channel"),
        (" 4u :hi", "401 alice 4u :No such nick/channel"),
        (" #nowhere :hi", "403 alice #nowhere :No such channel"),
        (" @#nowhere :hi", "403 alice #nowhere :No such channel"),
        (
            " #,a :hi",
            "403 alice # :No such channel\nalice < 401 alice a :No such nick/channel",
        ),
        (" #a :hi", "404 alice #a :Cannot send to channel (+n)"),
        (
            " a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q :hi",
            "407 alice q :Too many targets",
        ),
    ];
    for (rest, told) in wrong {
        play(&format!(
            "
            bob does JOIN #a
            alice > PRIVMSG{rest}
            alice < {told}
            alice > NOTICE{rest}
            "
        ));
    }
}

#[test]
fn a_message_to_a_rank_reaches_those_who_have_it_or_a_higher_one() {
    play(
        "
        alice does JOIN #a
        alice does MODE #a -n
        bob does JOIN #a
        carol does JOIN #a
        alice does MODE #a +v bob
        dave > PRIVMSG +#a :voices
        alice < :dave@@ PRIVMSG +#a :voices
        bob < :dave@@ PRIVMSG +#a :voices
        dave > NOTICE @#a :operators
        alice < :dave@@ NOTICE @#a :operators
        ",
    );
}

#[test]
fn who_is_away_says_why() {
    play(
        "
        bob > AWAY :lunch
        bob < 306 bob :You have been marked as being away
        alice > PRIVMSG bob :hi
        alice < 301 alice bob :lunch
        bob < :alice@@ PRIVMSG bob :hi
        alice > NOTICE bob :hi
        bob < :alice@@ NOTICE bob :hi
        ",
    );
}

#[test]
fn a_line_that_is_too_long_is_told_and_skipped() {
    let body = |bytes: usize| format!("PRIVMSG bob :{}", "x".repeat(bytes - 13));
    let tags = |bytes: usize| format!("@+a={} ", "t".repeat(bytes - 5));
    let told = "417 alice :Input line was too long";
    let cases = [
        (body(511), Some(told)),
        (
            body(510),
            Some("417 alice :Your message is too long to be passed on in one line"),
        ),
        // Its head is longer by that much when it is passed on.
        (body(510 - ":alice!~u@192.0.2.7 ".len()), None),
        (format!("{}{}", tags(4096), body(200)), None),
        (format!("{}{}", tags(4097), body(200)), Some(told)),
        (format!("{}{}", tags(5), body(511)), Some(told)),
    ];
    for (line, told) in cases {
        let heard = match told {
            Some(told) => format!("alice < {told}"),
            None => "bob < :alice@@ PRIVMSG bob :xxxx…".to_owned(),
        };
        play(&format!("bob > PONG x\nalice > {line}\n{heard}"));
    }
}

#[test]
fn a_line_that_is_too_long_is_answered_with_its_label_and_a_notice_never() {
    let long = "x".repeat(510);
    play(&format!(
        "
        alice + labeled-response batch
        alice > @label=one PRIVMSG bob :{long}
        alice < @label=one ^ 417 alice :Input line was too long
        alice > @label=two NOTICE bob :{long}
        alice < @label=two ^ ACK
        alice > NOTICE bob :{long}
        "
    ));
}

#[test]
fn a_word_that_is_too_long_is_shown_in_part_and_what_is_said_of_it_whole() {
    let (long, part) = ("x".repeat(450), "x".repeat(200));
    play(&format!(
        "
        alice > {long}
        alice < 421 alice {part} :Unknown command
        alice > NICK {long}
        alice < 432 alice {part} :Erroneous nickname…
        alice > PRIVMSG {long} :hi
        alice < 401 alice {part} :No such nick/channel
        "
    ));
}

#[test]
fn what_is_too_long_for_one_line_comes_in_several_with_one_number() {
    let mut server = Server::with(&rejoin::Config::default());
    let bob = server.login("bob");
    let alice = server.connect_irc();
    for line in [
        "CAP REQ message-tags",
        "NICK alice",
        "USER u 0 * :r",
        "CAP END",
    ] {
        server.types(alice, line);
    }
    server.hears(alice);
    let text = "é".repeat(600);
    server.types(bob, &format!("alice: {text}"));
    let heard = server.hears(alice);
    let mut whole = String::new();
    for (part, line) in heard.iter().enumerate() {
        assert_eq!(line.starts_with("@msgid="), part == 0, "{line}");
        let line = line.split_once(":bob!").unwrap().1;
        assert!(line.len() + ":bob!".len() <= 510, "{line}");
        whole.push_str(line.split_once(" PRIVMSG alice :").unwrap().1);
    }
    assert_eq!((heard.len(), whole), (3, text));
    // A notice is never answered with an error, so it is not refused either.
    server.types(alice, &format!("NOTICE alice :{}", "x".repeat(490)));
    assert_eq!(server.hears(alice).len(), 2);
}

#[test]
fn what_somebody_does_is_shown_to_plain_peers_as_people_type_it() {
    let mut server = Server::new();
    let alice = server.registers("alice");
    let bob = server.login("bob");
    server.types(alice, "PRIVMSG bob :\x01ACTION waves\x01");
    server.types(alice, "PRIVMSG bob :\x01VERSION\x01");
    assert_eq!(
        server.hears(bob),
        ["from alice: /me waves", "from alice: VERSION"]
    );
}

#[test]
fn what_is_not_utf_8_is_told_and_skipped() {
    let mut server = Server::new();
    let alice = server.registers("alice");
    server.sends(
        alice,
        b"notice alice :\xff\r\nnotice alice :a\0b\r\nprivmsg alice :\xff\r\nPING x\r\n",
    );
    assert_eq!(
        server.hears(alice),
        [
            ":rejoin.localhost FAIL PRIVMSG INVALID_UTF8 :Lines are UTF-8; this one was skipped",
            ":rejoin.localhost PONG rejoin.localhost :x",
        ]
    );
}

#[test]
fn replies_come_in_the_order_of_the_commands() {
    let mut server = Server::new();
    let alice = server.connect_irc();
    let lines = "NICK alice\r\nUSER u 0 * :r\r\nPING 1\r\nJOIN #a\r\nPING 2\r\nNOSUCH\r\nPRIVMSG alice :x\r\nPING 3\r\n";
    server.sends(alice, lines.as_bytes());
    let heard = server.hears(alice);
    let end = heard.iter().position(|line| line.contains(" 422 "));
    let words = |line: &String| line.split(' ').nth(1).unwrap().to_owned();
    let heard: Vec<_> = heard[end.unwrap() + 1..].iter().map(words).collect();
    assert_eq!(
        heard,
        [
            "PONG", "JOIN", "353", "366", "PONG", "421", "PRIVMSG", "PONG"
        ]
    );
}

#[test]
fn no_line_is_forged_with_a_character_that_some_take_for_its_end() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|nick| {
        let conn = server.registers(nick);
        server.types(conn, "JOIN #a");
        conn
    });
    for line in [
        "TOPIC #a :x\r:rejoin.localhost NOTICE alice :forged",
        "@+x=1\r:forged PRIVMSG #a :hi",
        "PRIVMSG alice :x\0y",
        "\r",
    ] {
        server.hears(alice);
        server.hears(bob);
        server.sends(bob, format!("{line}\r\n").as_bytes());
        assert_eq!(server.hears(alice), [""; 0], "{line:?}");
        let why = "No line has a NUL or a CR inside; this one was skipped";
        let told = format!(":rejoin.localhost NOTICE bob :{why}");
        assert_eq!(server.hears(bob), [told], "{line:?}");
    }
}
