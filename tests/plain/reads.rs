//! What a client says.

use proptest::prelude::*;
use rejoin::broker::Receiver;
use rejoin::wire::plain::{self, Command, Mistake};

use crate::text;

#[test]
fn the_first_line_says_who_one_is_and_perhaps_a_secret() {
    for (line, command) in [
        ("alice", "alice"),
        ("Alice", "Alice"),
        ("alice ", "alice"),
        ("alice   ", "alice"),
        ("alice correct-horse", "alice with correct-horse"),
        ("alice   correct-horse  ", "alice with correct-horse"),
        (" alice", "alice"),
        ("\t alice correct-horse", "alice with correct-horse"),
        ("alice\tcorrect-horse", "alice with correct-horse"),
        ("helper", "helper"),
        ("alice grüße:,#/👋", "alice with grüße:,#/👋"),
        ("[]\\`^{}|_ 12345678", "[]\\`^{}|_ with 12345678"),
    ] {
        assert_eq!(
            told(plain::parse_login(line.as_bytes())),
            command,
            "{line:?}"
        );
    }
}

#[test]
fn a_first_line_with_a_bad_name_or_secret_is_a_mistake() {
    let (longest, too_long) = ("a".repeat(32), "a".repeat(33));
    assert_eq!(told(plain::parse_login(longest.as_bytes())), longest);
    for line in [
        "9alice",
        "-alice",
        "al:ice",
        "alice:",
        "alice: hi",
        "alice,bob",
        "#alice",
        "ålice",
        &too_long,
    ] {
        let mistake = plain::parse_login(line.as_bytes()).unwrap_err();
        assert_eq!(mistake, Mistake::BadName, "{line:?}");
        assert!(mistake.fails_login());
    }
    for (login, expected) in [
        ("alice  correct-horse ", "alice with correct-horse"),
        ("alice door:correct-horse", "alice with door:correct-horse"),
        ("alice two words", "alice with two words"),
        ("alice  ", "alice"),
    ] {
        assert_eq!(told(plain::parse_login(login.as_bytes())), expected);
    }
}

#[test]
fn a_message_has_receivers_a_colon_and_a_text() {
    for (line, command) in [
        ("bob: hi", "to bob: \"hi\""),
        ("bob:hi", "to bob: \"hi\""),
        ("bob, carol: hi", "to bob carol: \"hi\""),
        ("bob,carol:hi", "to bob carol: \"hi\""),
        ("  bob ,  carol  : hi", "to bob carol: \"hi\""),
        ("bob\t,\tcarol\t: hi", "to bob carol: \"hi\""),
        ("bob, BOB: hi", "to bob BOB: \"hi\""),
        ("bob:  two spaces", "to bob: \" two spaces\""),
        ("bob: \ttab", "to bob: \"\\ttab\""),
        ("bob: trailing ", "to bob: \"trailing \""),
        ("bob:  ", "to bob: \" \""),
        ("bob: a: b:c", "to bob: \"a: b:c\""),
        ("bob::", "to bob: \":\""),
        ("bob: /quit", "to bob: \"/quit\""),
        ("#rust: hi", "to #rust: \"hi\""),
        ("##c++, bob, #rust.rs: hi", "to ##c++ bob #rust.rs: \"hi\""),
        (
            "bob: \x02bold\x02 \x0304,01red\x03 \x1d\x1f\x1e\x11\x16\x04ff0000\x0f",
            r#"to bob: "\u{2}bold\u{2} \u{3}04,01red\u{3} \u{1d}\u{1f}\u{1e}\u{11}\u{16}\u{4}ff0000\u{f}""#,
        ),
        ("bob: grüße 👋", "to bob: \"grüße 👋\""),
    ] {
        assert_eq!(told(plain::parse(line.as_bytes())), command, "{line:?}");
    }
}

#[test]
fn a_command_is_a_word_behind_a_slash() {
    for (line, command) in [
        ("/join #rust", "Join { room: #rust }"),
        ("/join   #rust  ", "Join { room: #rust }"),
        ("/join\t#rust", "Join { room: #rust }"),
        ("  /join #rust", "Join { room: #rust }"),
        ("/JOIN #Rust", "Join { room: #Rust }"),
        ("/j #rust", "Join { room: #rust }"),
        ("/leave #rust", "Leave { room: #rust, why: None }"),
        ("/part #rust  ", "Leave { room: #rust, why: None }"),
        (
            "/part  #rust  see you ",
            "Leave { room: #rust, why: Some(\"see you\") }",
        ),
        ("/nick rob", "Rename { name: rob }"),
        ("/msg bob hi", "to bob: \"hi\""),
        (
            "/msg  bob,#rust   hi  there ",
            "to bob #rust: \"hi  there \"",
        ),
        ("/Msg bob :hi", "to bob: \":hi\""),
        ("/w bob hi", "to bob: \"hi\""),
        ("/m bob hi", "to bob: \"hi\""),
        ("/tell bob hi", "to bob: \"hi\""),
        ("/query bob hi", "to bob: \"hi\""),
        ("/list", "Rooms"),
        ("/names", "Who { room: None }"),
        ("/NAMES #rust", "Who { room: Some(#rust) }"),
        ("/exit", "Quit { why: None }"),
        ("/bye see you", "Quit { why: Some(\"see you\") }"),
        ("/rooms", "Rooms"),
        ("/rooms ", "Rooms"),
        ("/who", "Who { room: None }"),
        ("/who #rust", "Who { room: Some(#rust) }"),
        ("/quit", "Quit { why: None }"),
        ("/quit  ", "Quit { why: None }"),
        (
            "/quit see you: later ",
            "Quit { why: Some(\"see you: later\") }",
        ),
        ("/help", "help"),
        ("/help join", "help"),
        ("/HELP", "help"),
        ("/pong", "pong"),
        ("/pong 123", "pong"),
    ] {
        let line = line.as_bytes();
        assert_eq!(told(plain::parse(line)), command);
        assert_eq!(
            told(plain::parse_login(line)),
            command,
            "before the login too"
        );
    }
}

#[test]
fn the_first_line_may_ask_what_it_should_be() {
    for line in [
        "help",
        "Hello",
        "HI",
        "hey",
        "?",
        " help\t",
        "help me",
        "hello everybody",
        "hello!",
        "hi, all",
    ] {
        assert_eq!(
            told(plain::parse_login(line.as_bytes())),
            "help",
            "{line:?}"
        );
    }
    for line in ["quit", "EXIT", " bye "] {
        let command = told(plain::parse_login(line.as_bytes()));
        assert_eq!(command, "Quit { why: None }", "{line:?}");
    }
    // Later only what nobody means otherwise.
    for line in ["help", " ? "] {
        assert_eq!(told(plain::parse(line.as_bytes())), "help", "{line:?}");
    }
    for line in ["quit", "hello"] {
        assert_eq!(mistake(plain::parse(line.as_bytes())), Mistake::NoColon);
    }
}

#[test]
fn a_reason_is_told_as_far_as_it_can_be() {
    let long = "é".repeat(200);
    let cut = "é".repeat(150);
    for (reason, told_as) in [
        (&b"caf\xe9"[..], "caf\u{FFFD}"),
        (b"a\0b\x07", "a\u{FFFD}b\u{FFFD}"),
        (b"\xff", "\u{FFFD}"),
        (long.as_bytes(), &cut),
    ] {
        for parse in [plain::parse, plain::parse_login] {
            let line = [b"/quit ", reason].concat();
            assert_eq!(
                told(parse(&line)),
                format!("Quit {{ why: Some({told_as:?}) }}")
            );
            let line = [b" /PART #rust ", reason].concat();
            let expected = format!("Leave {{ room: #rust, why: Some({told_as:?}) }}");
            assert_eq!(told(parse(&line)), expected);
        }
    }
}

#[test]
fn a_link_reads_as_a_message_like_any_other() {
    assert_eq!(
        told(plain::parse(b"http://example.org")),
        "to http: \"//example.org\""
    );
}

#[test]
fn what_is_not_utf8_is_a_mistake() {
    let lines: [&[u8]; 4] = [b"\xff", b"bob: \xc3", b"bob: \xed\xa0\x80", b"\xff\0"];
    for line in lines {
        let shown = line.escape_ascii();
        assert_eq!(mistake(plain::parse(line)), Mistake::InvalidUtf8, "{shown}");
        let login = plain::parse_login(line);
        assert_eq!(mistake(login), Mistake::InvalidUtf8, "{shown}");
    }
}

#[test]
fn what_says_nothing_is_a_mistake() {
    for line in ["", " ", "\t", " \t ", "\u{3000}"] {
        let line = line.as_bytes();
        assert_eq!(mistake(plain::parse(line)), Mistake::EmptyLine);
        assert_eq!(mistake(plain::parse_login(line)), Mistake::EmptyLine);
    }
}

#[test]
fn a_control_character_is_a_mistake_wherever_it_stands() {
    for line in [
        "\0",
        "hi\r",
        "bob: a\rb",
        "bob: \x1b[31m",
        "bob: \x07",
        "bob: \x7f",
        "bob: \u{85}",
        "bob: \u{9b}",
        "alice\0 12345678",
        "/join #rust\x08",
        "/quit\0",
        "/leave #rust\0 why",
    ] {
        let mistakes = [
            plain::parse(line.as_bytes()),
            plain::parse_login(line.as_bytes()),
        ];
        let expected = [Mistake::ControlCharacter; 2];
        assert_eq!(mistakes.map(mistake), expected, "{line:?}");
    }
}

#[test]
fn what_is_neither_a_message_nor_a_command_is_a_mistake() {
    let no_colon = ["bob", "hi there", "bob, carol", "#rust", "alice 12345678"];
    each_is(Mistake::NoColon, &no_colon);
    each_is(
        Mistake::EmptyText,
        &["bob:", "bob: ", "#rust:", "bob, carol:"],
    );
    let no_receiver = [
        ":",
        ": hi",
        " : hi",
        ",: hi",
        "bob,: hi",
        ",bob: hi",
        "bob,,carol: hi",
    ];
    each_is(Mistake::BadReceiver, &no_receiver);
    let malformed = [
        "bob carol: hi",
        "#: hi",
        "9: hi",
        "böb: hi",
        "bob, #a b: hi",
        "\x02bob: hi",
    ];
    each_is(Mistake::BadReceiver, &malformed);
}

#[test]
fn a_command_that_is_unknown_or_has_the_wrong_words_is_a_mistake() {
    let unknown = ["/", "/ ", "/ join #rust", "/joined", "//rooms"];
    each_is(Mistake::UnknownCommand, &unknown);
    let bad = |usage| Mistake::BadArguments { usage };
    let too_long = format!("/join #{}", "a".repeat(50));
    let join = [
        "/join",
        "/join ",
        "/join rust",
        "/join #",
        "/join #a #b",
        &too_long,
    ];
    each_is(bad("/join #room"), &join);
    each_is(
        bad("/leave #room [why]"),
        &["/leave", "/leave rust", "/part #a,#b why"],
    );
    each_is(bad("/rooms"), &["/rooms all"]);
    each_is(bad("/who [#room]"), &["/who bob", "/who #"]);
    each_is(bad("/nick name"), &["/nick", "/nick 9", "/nick a b"]);
    each_is(bad("/msg name text"), &["/msg", "/msg "]);
    each_is(Mistake::BadReceiver, &["/msg 9 hi", "/msg bob, hi"]);
    each_is(Mistake::EmptyText, &["/msg bob", "/msg bob "]);
}

proptest! {
    #[test]
    fn no_bytes_make_the_parsers_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = plain::parse(&line);
        let _ = plain::parse_login(&line);
    }

    #[test]
    fn no_line_that_is_almost_right_makes_the_parsers_panic(
        line in "[/#]{0,2}(join|who|quit|alice|bob)?[ ,:#\t]{0,3}\\PC{0,20}[:,\0\r\x02]?\\PC{0,9}",
    ) {
        let _ = plain::parse(line.as_bytes());
        let _ = plain::parse_login(line.as_bytes());
    }

    #[test]
    fn every_text_is_taken_letter_by_letter(text in text()) {
        let line = format!("bob: {text}");
        let sent = told(plain::parse(line.as_bytes()));
        prop_assert_eq!(sent, format!("to bob: {:?}", text.as_str()));
    }
}

/// Each of these lines is the mistake, and no attempt to log in.
fn each_is(expected: Mistake, lines: &[&str]) {
    for line in lines {
        assert_eq!(mistake(plain::parse(line.as_bytes())), expected, "{line:?}");
        assert!(!expected.fails_login());
    }
}

fn mistake(parsed: Result<Command<'_>, Mistake>) -> Mistake {
    parsed.expect_err("a mistake")
}

/// What a line asks for, in short.
fn told(parsed: Result<Command<'_>, Mistake>) -> String {
    match parsed.expect("no mistake") {
        Command::LogIn { name, given: None } => format!("{name}"),
        Command::LogIn {
            name,
            given: Some(given),
        } => format!("{name} with {given}"),
        Command::Say(saying) => {
            let (to, text) = (saying.receivers(), saying.text());
            let to = to.iter().map(|receiver| match receiver {
                Receiver::Peer(name) => name.to_string(),
                Receiver::Room(room) | Receiver::OpenRoom(room) => room.to_string(),
            });
            format!("to {}: {text:?}", to.collect::<Vec<_>>().join(" "))
        }
        Command::Request(request) => format!("{request:?}"),
        Command::Rooms => "Rooms".into(),
        Command::Who { room } => format!("Who {{ room: {room:?} }}"),
        Command::Help => "help".into(),
        Command::Pong => "pong".into(),
    }
}
