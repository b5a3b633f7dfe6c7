//! Whatever bytes come, their record has the effects that they had.

use std::fmt;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use rejoin::Config;
use rejoin::hub::{Identity, Protocol};
use rejoin_sim::replay::{Replayed, replay};

use crate::recorded::Recorded;

/// Pieces of lines, put together at random: what is at the edge of each rule for a line.
const PIECES: &[&[u8]] = &[
    b" ",
    b" ",
    b" ",
    b" ",
    b" ",
    b"  ",
    b":",
    b":",
    b" :",
    b",",
    b", ",
    b"@",
    b"@label=l1;+a=b ",
    b"@@label=l2 ",
    b"@label=\\s\xff; ",
    b";",
    b"\r",
    b"\t",
    b"\0",
    b"\x07",
    b"\x7f",
    b"\xff",
    "é".as_bytes(),
    "中𝒙".as_bytes(),
    b"-",
    b"!",
    b"=",
    b"/",
    b"+",
    b"*",
    b"\x01VERSION\x01",
    b"\x01ACTION x\x01",
    b"\x01ACTIONS",
    b"\xe4\xb8",
    b"\xf0\x9d",
    b"AWAY lunch",
    b"KICK #a bob :",
    b"alice",
    b"bob",
    b"Bob",
    b"carol",
    b"#a",
    b"#b",
    b"#A",
    b"#nowhere",
    b"door",
    b"correct-horse",
    b"battery-staple",
    b"root",
    b"root-password",
    b"hello",
    b"hunter-2",
    b"alice correct-horse",
    b"alice door:correct-horse",
    b"dave door",
    b"PASS wrong:",
    b"bob: ",
    b"#a: ",
    b"#a, bob: ",
    b"bob::",
    b"/join #a",
    b"/leave #a",
    b"/LEAVE #a why",
    b"/part #a ",
    b"/msg ",
    b"/msg #a ",
    b"/w bob hello",
    b"/nick ",
    b"/nick Rob",
    b"help",
    b"bye",
    b"/who ",
    b"/rooms",
    b"/quit",
    b"/quit ",
    b"/help",
    b"/pong",
    b"PASS ",
    b"PASS door:",
    b"NICK ",
    b"NICK alice",
    b"NICK rob",
    b"USER u 0 * :u",
    b"CAP REQ :labeled-response batch message-tags",
    b"CAP LS 302",
    b"CAP END",
    b"JOIN #a",
    b"JOIN #a,#b hunter-2",
    b"PRIVMSG ",
    b"PRIVMSG #a :",
    b"PRIVMSG bob hello",
    b"NOTICE ",
    b"TAGMSG #a",
    b"TOPIC #a :",
    b"AWAY :",
    b"SETNAME :",
    b"MODE #a +k hunter-2",
    b"MODE #a +C",
    b"MODE #a +b ",
    b"MODE ",
    b"OPER ",
    b"OPER root ",
    b"OPER :root ",
    b"KICK #a ",
    b"KILL bob ",
    b"WHO ",
    b"WHOIS ",
    b"PART #a ",
    b"QUIT :",
    b"PING ",
    b"PONG :",
    b"WALLOPS :",
    b"GET ",
    b"POST / HTTP/1.1",
    b" HTTP/1.1",
    b"\x16\x03",
    b"\xff\xf4\xff\xfd\x06",
    b"\xff\xfd",
    b"\xff",
    b"\x06",
    b"FOO",
    b"foo ",
    b"/",
];

const ENDS: &[&[u8]] = &[b"\n", b"\r\n", b"\r\r\n"];

/// One or more lines.
#[derive(Clone)]
struct Said(Vec<u8>);

impl fmt::Debug for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

fn line() -> impl Strategy<Value = Said> {
    let pieces = prop::collection::vec(select(PIECES), 0..6).prop_map(|pieces| pieces.concat());
    let long =
        (0..1_200_usize, select(PIECES), select(PIECES)).prop_map(|(length, start, fill)| {
            let fill = fill.iter().cycle().copied();
            start.iter().copied().chain(fill).take(4 * length).collect()
        });
    let any = prop::collection::vec(any::<u8>(), 0..20);
    let said = prop_oneof![8 => pieces, 1 => long, 1 => any];
    let end = select(ENDS);
    (said, end).prop_map(|(said, end)| Said([&said, end].concat()))
}

/// What each of four connections sends, in turn: the odd ones speak plain.
fn conversation() -> impl Strategy<Value = Vec<(u64, Said)>> {
    prop::collection::vec((1..5_u64, line()), 1..40)
}

fn protocol(number: u64) -> Protocol {
    match number % 2 {
        0 => Protocol::Irc,
        _ => Protocol::Plain,
    }
}

/// The record of a server on which two have logged in by each protocol before, perhaps.
fn play(said: &[(u64, Said)], logged_in: bool, burst: u32, texts: bool) -> Replayed {
    let config = Config {
        lines_burst: NonZeroU32::new(burst).unwrap(),
        // The shortest that may be, for some.
        line_bytes: NonZeroUsize::new(if burst == 7 { 64 } else { 4096 }).unwrap(),
        // Some guesses wait for their answers.
        failed_logins_per_address: NonZeroU32::new(2).unwrap(),
        failed_login_window: Duration::from_millis(100),
        ..Config::default()
    };
    let identity = Identity {
        operators: [("root".to_owned(), "root-password".to_owned())].into(),
        password: logged_in.then(|| "door".to_owned()),
        ..Identity::default()
    };
    let mut recorded = Recorded::of(&config, texts, identity);
    for number in 1..5 {
        recorded.sends(number, protocol(number), b"");
    }
    if logged_in {
        let irc = "PASS door:correct-horse\r\nNICK bob\r\nUSER u 0 * :u\r\n\
                   CAP REQ :labeled-response batch message-tags echo-message away-notify\r\nCAP END\r\n\
                   JOIN #a\r\nOPER root root-password\r\n";
        recorded.sends(1, Protocol::Plain, b"alice door:correct-horse\n/join #a\n");
        recorded.sends(2, Protocol::Irc, irc.as_bytes());
        recorded.sends(3, Protocol::Plain, b"carol door\n/join #a\n");
        let irc = irc.replace("bob", "dave");
        recorded.sends(4, Protocol::Irc, irc.as_bytes());
    }
    for (number, Said(bytes)) in said {
        recorded.sends(*number, protocol(*number), bytes);
    }
    let replayed = replay(&recorded.bytes()).expect("it is a record");
    if replayed.different.is_empty() {
        assert!(!replayed.trace.is_broken(), "{:#?}", replayed.trace);
    }
    replayed
}

#[test]
fn a_line_that_ends_with_two_carriage_returns_is_played_again_with_both() {
    let said = [(1, Said(b"bob::\r\r\n".to_vec()))];
    for texts in [true, false] {
        let replayed = play(&said, true, 200, texts);
        assert_eq!(replayed.different, [0; 0], "texts: {texts}");
    }
}

#[test]
fn a_command_with_a_byte_that_is_not_utf_8_is_refused_by_the_same_name() {
    let lines: [&[u8]; 6] = [
        b"FOO\xff\r\n",
        b"@label=l1 FOO :\xff\r\n",
        b"@@label=l1 :x notice\xff \0\r\n",
        b":x :FOO \xff\r\n",
        b"@label=l1 FOO a\rb\r\n",
        b"@label=\\s\xff;a=b NOTICE \0\r\n",
    ];
    for texts in [true, false] {
        for line in lines {
            let replayed = play(&[(2, Said(line.to_vec()))], true, 200, texts);
            let line = String::from_utf8_lossy(line);
            assert_eq!(replayed.different, [0; 0], "texts: {texts}, {line:?}");
        }
    }
}

#[test]
fn a_line_that_is_longer_than_64_kib_is_played_again_as_it_was() {
    let config = Config {
        line_bytes: NonZeroUsize::new(200_000).unwrap(),
        ..Config::default()
    };
    for length in (65_400..65_600).chain([150_000]) {
        let mut recorded = Recorded::of(&config, true, Identity::default());
        let line = format!("alice correct-horse\nalice: {}\n", "x".repeat(length));
        recorded.sends(1, Protocol::Plain, line.as_bytes());
        let replayed = replay(&recorded.bytes()).expect("it is a record");
        assert_eq!(replayed.different, [0; 0], "{length}");
        assert!(!replayed.torn, "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_have_the_same_effects_when_they_are_played_again(
        said in conversation(),
        logged_in in any::<bool>(),
        burst in select(&[200, 7][..]),
    ) {
        let replayed = play(&said, logged_in, burst, true);
        prop_assert_eq!(replayed.different, [0; 0]);
        // What depends on what a text says, and not on how long it is.
        let depends = ["AWAY", "SETNAME", "USER", "WHO"];
        let said = said.into_iter().filter(|(_, Said(line))| {
            let line = String::from_utf8_lossy(line).to_ascii_uppercase();
            !depends.iter().any(|word| line.contains(word))
        });
        let said: Vec<_> = said.collect();
        let replayed = play(&said, logged_in, burst, false);
        prop_assert_eq!(replayed.different, [0; 0], "without texts");
    }
}
