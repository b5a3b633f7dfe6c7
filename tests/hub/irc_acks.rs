//! How clients that speak IRC are asked how far they have read, and what comes of their answers.

use std::time::Duration;

use rejoin::Config;
use rejoin::hub::Hub;
use rejoin::id::ConnId;

use crate::irc_returns::{SECRET, after_the_welcome, begins, registers, registers_again, said};
use crate::server::{Padded, Server, config};

/// Between two questions, when those at once are used up.
const INTERVAL: Duration = Duration::from_secs(10);

/// As by default, but for what shows at once.
fn roomy() -> Config {
    Config {
        mailbox_messages: size(1000),
        lines_burst: 10_000.try_into().unwrap(),
        ..config()
    }
}

fn size(n: usize) -> std::num::NonZeroUsize {
    n.try_into().unwrap()
}

/// Alice is here with her secret since a while, and has answered whether she answers.
fn alice_comes(server: &mut Server) -> ConnId {
    let alice = begins(server, "alice", Some(SECRET));
    assert_eq!(pings(&hears_and_answers(server, alice)), 1);
    server.passes(3 * INTERVAL);
    alice
}

/// What a client hears, each question of which it answers.
fn hears_and_answers(server: &mut Server, conn: ConnId) -> Vec<String> {
    let heard = server.hears(conn);
    for token in heard.iter().filter_map(|line| line.strip_prefix("PING :")) {
        server.types(conn, &format!("PONG :{token}"));
    }
    heard
}

fn pings(lines: &[String]) -> usize {
    let pings = lines.iter().filter(|line| line.starts_with("PING "));
    pings.count()
}

/// The token of the last `PING` among these lines.
fn ping(lines: &[String]) -> Option<String> {
    let mut pings = lines.iter().filter_map(|line| line.strip_prefix("PING :"));
    pings.next_back().map(str::to_owned)
}

// Questions and answers.

#[test]
fn what_was_not_acknowledged_comes_again_and_nothing_before_it() {
    let mut server = Server::new();
    let bob = server.login("bob");
    let alice = alice_comes(&mut server);
    server.types(bob, "alice: one");
    let heard = server.hears(alice);
    assert_eq!(said(&heard), ["one"]);
    // With the name of a server behind it, as some clients write it.
    let token = ping(&heard).expect("a ping follows mail");
    server.types(alice, &format!("PONG {token} rejoin.localhost"));
    for text in ["two", "three"] {
        server.types(bob, &format!("alice: {text}"));
    }
    // It has read them, and its answer is lost.
    assert_eq!(said(&server.hears(alice)), ["two", "three"]);
    server.types(bob, "alice: four");
    server.breaks(alice);
    server.types(bob, "alice: five");
    let alice = registers_again(&mut server);
    let heard = server.hears(alice);
    assert_eq!(said(&heard), ["two", "three", "four", "five"]);
}

#[test]
fn a_client_is_asked_once_without_mail_and_with_mail_when_it_has_answered() {
    let mut server = Server::new();
    let bob = server.login("bob");
    let alice = begins(&mut server, "alice", Some(SECRET));
    let heard = server.hears(alice);
    let place = |part: &str| heard.iter().position(|line| line.contains(part));
    let end_of_welcome = place(" 422 ").expect("there is no message of the day");
    assert!(place("PING :").is_some_and(|ping| ping < end_of_welcome));
    assert_eq!(pings(&heard), 1, "{heard:?}");
    for text in ["one", "two", "three"] {
        server.types(bob, &format!("alice: {text}"));
    }
    assert_eq!(pings(&server.hears(alice)), 0, "it is asked already");
    server.passes(INTERVAL);
    assert_eq!(pings(&server.hears(alice)), 0, "it has not answered");
    let first = ping(&heard).unwrap();
    server.types(alice, &format!("PONG :{first}"));
    let second = ping(&server.hears(alice)).expect("they are not acknowledged");
    assert_ne!(first, second);
    server.types(alice, &format!("PONG rejoin.localhost :{second}"));
    assert_eq!(server.hears(alice), [""; 0]);
    server.passes(INTERVAL);
    assert_eq!(server.hears(alice), [""; 0]);
    server.breaks(alice);
    let alice = registers_again(&mut server);
    assert_eq!(said(&server.hears(alice)), [""; 0]);
}

#[test]
fn an_acknowledgement_that_nobody_asked_for_changes_nothing() {
    let mut server = Server::new();
    let bob = server.login("bob");
    let alice = alice_comes(&mut server);
    server.types(bob, "alice: one");
    let asked = ping(&server.hears(alice)).expect("a ping follows mail");
    let (id, number) = asked.split_once('.').unwrap();
    assert_eq!(number, "2");
    for number in ["1", "3", "x"] {
        server.types(alice, &format!("PONG :{id}.{number}"));
    }
    for token in ["", "1", "9.2", "x.2"] {
        server.types(alice, &format!("PONG :{token}"));
    }
    server.breaks(alice);
    let alice = registers_again(&mut server);
    assert_eq!(said(&server.hears(alice)), ["one"]);
}

#[test]
fn an_answer_to_a_server_that_has_started_again_since_acknowledges_nothing() {
    let start = |id_key| {
        let mut server = Server::of(Hub::with_key(&config(), Padded, id_key));
        let bob = server.login("bob");
        let alice = alice_comes(&mut server);
        server.types(bob, "alice: one");
        let asked = ping(&server.hears(alice)).expect("a ping follows mail");
        (server, alice, asked)
    };
    let (_, _, asked_before) = start([1; 16]);
    // Numbers of connections and questions are those of the server before.
    let (mut server, alice, _) = start([2; 16]);
    server.types(alice, &format!("PONG :{asked_before}"));
    server.breaks(alice);
    let alice = registers_again(&mut server);
    assert_eq!(said(&server.hears(alice)), ["one"]);
}

#[test]
fn a_client_that_never_answers_is_taken_to_read_what_was_written() {
    let mut server = Server::new();
    let bob = server.login("bob");
    let alice = registers(&mut server, "alice", Some(SECRET));
    server.types(bob, "alice: one");
    server.hears(alice);
    server.passes(Duration::from_secs(10));
    server.types(alice, "AWAY");
    server.hears(alice);
    server.passes(Duration::from_secs(5));
    assert_eq!(server.done, ["c2 keeps no more"]);
    server.types(bob, "alice: two");
    assert_eq!(pings(&server.hears(alice)), 0);
    server.breaks(alice);
    let alice = registers_again(&mut server);
    assert_eq!(said(&server.hears(alice)), [""; 0]);
}

/// A dead link looks the same, and so does a client whose host sleeps.
#[test]
fn a_client_that_says_nothing_at_all_is_not_taken_to_have_read() {
    let mut server = Server::new();
    let bob = server.login("bob");
    let alice = begins(&mut server, "alice", Some(SECRET));
    let question = ping(&server.hears(alice)).unwrap();
    server.types(bob, "alice: one");
    // It may have been on its way when she was asked.
    server.types(alice, "AWAY");
    server.hears(alice);
    for _ in 0..10 {
        server.passes(Duration::from_secs(5));
        assert_eq!(server.done, [""; 0]);
    }
    server.types(alice, "PING :awake");
    server.types(alice, &format!("PONG :{question}"));
    hears_and_answers(&mut server, alice);
    server.passes(Duration::from_secs(8));
    assert_eq!(server.done, [""; 0], "it has answered at last");
    server.types(bob, "alice: two");
    server.breaks(alice);
    let alice = registers_again(&mut server);
    assert_eq!(said(&server.hears(alice)), ["two"]);
}

#[test]
fn a_guest_is_not_asked_and_its_mail_comes_back() {
    let mut server = Server::new();
    let bob = server.login("bob");
    let alice = begins(&mut server, "alice", None);
    server.types(bob, "alice: one");
    assert_eq!(pings(&server.hears(alice)), 0);
    server.types(bob, "alice: two");
    server.breaks(alice);
    assert_eq!(server.hears(bob), ["* undelivered alice gone: two"]);
}

#[test]
fn who_quits_has_read_what_was_written() {
    let mut server = Server::new();
    let bob = server.login("bob");
    let alice = alice_comes(&mut server);
    server.types(bob, "alice: one");
    server.hears(alice);
    server.types(alice, "QUIT");
    server.writer_ends(alice);
    assert_eq!(server.hears(bob), [""; 0]);
}

// How often a client is asked.

/// Bob says something to Alice each 200 ms, who answers at once. Returns the texts that she heard,
/// and how often she was asked.
fn chatter(server: &mut Server, [bob, alice]: [ConnId; 2], texts: usize) -> (Vec<String>, usize) {
    let (mut heard, mut asked) = (Vec::new(), 0);
    for n in 0..texts {
        server.types(bob, &format!("alice: {n}"));
        let lines = hears_and_answers(server, alice);
        heard.extend(said(&lines).into_iter().map(str::to_owned));
        asked += pings(&lines);
        server.passes(Duration::from_millis(200));
    }
    let lines = hears_and_answers(server, alice);
    (heard, asked + pings(&lines))
}

/// It has much else to send when it comes.
#[test]
fn a_client_that_has_just_come_is_asked_about_its_mail_a_while_later() {
    let mut server = Server::new();
    let bob = server.login("bob");
    let alice = begins(&mut server, "alice", Some(SECRET));
    assert_eq!(pings(&hears_and_answers(&mut server, alice)), 1);
    server.types(bob, "alice: one");
    let moment = Duration::from_micros(1);
    server.passes(INTERVAL - moment);
    assert_eq!(pings(&server.hears(alice)), 0);
    server.passes(moment);
    assert_eq!(pings(&server.hears(alice)), 1);
}

#[test]
fn a_hundred_messages_in_twenty_seconds_cost_few_questions() {
    let mut server = Server::with(&roomy());
    let bob = server.login("bob");
    let alice = alice_comes(&mut server);
    let (heard, asked) = chatter(&mut server, [bob, alice], 100);
    assert_eq!(heard.len(), 100);
    // Three at once, and two more come with the time.
    assert_eq!(asked, 5);
    server.breaks(alice);
    let alice = registers_again(&mut server);
    assert_eq!(said(&server.hears(alice)), [""; 0], "all is acknowledged");
}

/// `docs/IRC.md` tells these numbers.
#[test]
fn on_a_cut_nothing_is_lost_and_at_most_ten_seconds_of_messages_come_twice() {
    let mut most = 0;
    for cut in 1..=120 {
        let mut server = Server::with(&roomy());
        let bob = server.login("bob");
        let alice = alice_comes(&mut server);
        let (heard, _) = chatter(&mut server, [bob, alice], cut);
        server.types(bob, &format!("alice: {cut}"));
        server.breaks(alice);
        let alice = registers_again(&mut server);
        let again = server.hears(alice);
        let again: Vec<usize> = said(&again).iter().map(|n| n.parse().unwrap()).collect();
        let first = again[0];
        assert!(first <= heard.len(), "lost after {cut}");
        assert!(again.iter().copied().eq(first..=cut), "after {cut}");
        most = most.max(heard.len() - first);
    }
    assert_eq!(most, 49, "5 messages a second, for 10 seconds");
}

#[test]
fn however_fast_they_come_at_most_so_many_messages_come_twice() {
    let ack_messages = Config::default().ack_messages.get();
    for cut in [1, 100, ack_messages, 2 * ack_messages + 200] {
        let mut server = Server::with(&roomy());
        let bob = server.login("bob");
        let alice = alice_comes(&mut server);
        // Without a rate that allows a question by itself.
        chatter(&mut server, [bob, alice], 3);
        let lines: String = (0..cut).map(|n| format!("alice: {n}\n")).collect();
        let mut rest = lines.as_bytes();
        while !rest.is_empty() {
            rest = &rest[server.sends(bob, rest)..];
        }
        let heard = hears_and_answers(&mut server, alice);
        assert_eq!(said(&heard).len(), cut);
        assert_eq!(pings(&heard), cut / ack_messages);
        server.breaks(alice);
        let alice = registers_again(&mut server);
        let twice = said(&server.hears(alice)).len();
        assert_eq!(twice, cut % ack_messages);
    }
}

#[test]
fn a_client_is_asked_behind_so_many_bytes_of_mail_or_lists() {
    let mut server = Server::with(&Config {
        ack_bytes: size(1000),
        ..roomy()
    });
    let bob = server.login("bob");
    let alice = begins(&mut server, "alice", Some(SECRET));
    hears_and_answers(&mut server, alice);
    for n in 0..40 {
        server.types(bob, &format!("alice: {n:040}"));
    }
    let parts = |heard: &[String]| {
        let parts = heard.split_inclusive(|line| line.starts_with("PING "));
        let parts = parts.map(|part| part.iter().map(|line| line.len() + 2).sum());
        parts.collect::<Vec<usize>>()
    };
    let heard = hears_and_answers(&mut server, alice);
    let lengths = parts(&heard);
    assert!(lengths.len() > 2, "{lengths:?}");
    assert!(lengths.iter().all(|length| *length < 1200), "{lengths:?}");

    server.types(alice, "HELP");
    server.types(alice, "HELP PRIVMSG");
    for _ in 0..4 {
        server.types(alice, "VERSION");
    }
    let heard = hears_and_answers(&mut server, alice);
    let lengths = parts(&heard);
    assert!(lengths.len() > 2, "{heard:?}");
    assert!(lengths.iter().all(|length| *length < 1600), "{lengths:?}");
}

/// Alice, who is asked after each two messages, is back to five, and has heard them.
fn hears_five(caps: &[&str]) -> (Server, ConnId, Vec<String>) {
    let mut server = Server::with(&Config {
        ack_messages: size(2),
        mailbox_messages: size(5),
        ..config()
    });
    let bob = server.login("bob");
    let alice = registers_again(&mut server);
    server.breaks(alice);
    for text in ["1", "2", "3", "4", "5"] {
        server.types(bob, &format!("alice: {text}"));
    }
    let alice = server.connect_irc();
    for caps in caps {
        server.types(alice, &format!("CAP REQ {caps}"));
    }
    server.types(alice, "CAP END");
    server.types(alice, &format!("PASS {SECRET}"));
    server.types(alice, "NICK alice");
    server.types(alice, "USER user 0 * :Real Name");
    let heard = server.hears(alice);
    let heard = after_the_welcome(&heard).to_vec();
    (server, alice, heard)
}

/// The text of each message, and the commands of what is between them.
fn outline(lines: &[String]) -> Vec<&str> {
    let outline = lines.iter().map(|line| match line.split_once(" PRIVMSG ") {
        Some((_, message)) => message.split_once(" :").unwrap().1,
        None if line.starts_with("PING ") => "PING",
        None => line.split_once(' ').unwrap().1,
    });
    outline.collect()
}

#[test]
fn what_was_kept_is_acknowledged_part_by_part() {
    let (mut server, alice, heard) = hears_five(&[]);
    let parts = ["1", "2", "PING", "3", "4", "PING", "5", "PING"];
    assert_eq!(outline(&heard), parts);
    let second = ping(&heard[..7]).unwrap();
    server.types(alice, &format!("PONG :{second}"));
    assert_eq!(server.hears(alice), [""; 0], "it is asked already");
    server.breaks(alice);
    let alice = registers_again(&mut server);
    let heard = server.hears(alice);
    assert_eq!(said(&heard), ["5"]);
    let last = ping(&heard).unwrap();
    server.types(alice, &format!("PONG :{last}"));
    server.breaks(alice);
    let alice = registers_again(&mut server);
    assert_eq!(said(&server.hears(alice)), [""; 0]);
}

#[test]
fn each_part_of_what_was_kept_is_a_batch_that_ends_before_it_is_acknowledged() {
    let (_, _, heard) = hears_five(&["batch"]);
    let expected = [
        "BATCH +1 rejoin/kept",
        "1",
        "2",
        "BATCH -1",
        "PING",
        "BATCH +2 rejoin/kept",
        "3",
        "4",
        "BATCH -2",
        "PING",
        "BATCH +3 rejoin/kept",
        "5",
        "BATCH -3",
        "PING",
    ];
    assert_eq!(outline(&heard), expected);
}

// Takeovers.

/// As long as an answer is waited for.
const ANSWER: Duration = Duration::from_secs(1);

/// Alice, who is asked how far she has read by no rate for a while, has read what Bob said.
fn alice_has_read() -> (Server, [ConnId; 2]) {
    alice_has_read_with(&roomy())
}

fn alice_has_read_with(config: &Config) -> (Server, [ConnId; 2]) {
    let mut server = Server::with(config);
    let bob = server.login("bob");
    let alice = alice_comes(&mut server);
    chatter(&mut server, [bob, alice], 3);
    server.types(bob, "alice: one");
    assert_eq!(said(&server.hears(alice)), ["one"]);
    (server, [bob, alice])
}

#[test]
fn a_client_that_has_read_everything_gets_nothing_twice_when_it_is_taken_over() {
    let (mut server, [bob, old]) = alice_has_read();
    let new = registers_again(&mut server);
    let heard = server.hears(old);
    assert_eq!(pings(&heard), 1, "it is asked at once: {heard:?}");
    let token = ping(&heard).unwrap();
    server.types(old, &format!("PONG :{token}"));
    assert_eq!(
        server.done,
        [
            "c2 has read up to 5",
            "stop c2's reader",
            "stop c2's writer, hand over, \
             ERROR :Closing Link: 192.0.2.7 (you are back on another connection)",
        ]
    );
    server.types(bob, "alice: two");
    server.writer_ends(old);
    assert_eq!(said(&server.hears(new)), ["two"]);
    server.types(bob, "alice: three");
    assert_eq!(said(&server.hears(new)), ["three"]);
}

#[test]
fn a_link_that_only_looks_alive_delays_a_takeover_by_no_more_than_its_limit() {
    let (mut server, [bob, old]) = alice_has_read();
    let new = registers_again(&mut server);
    assert_eq!(server.hub.deadline(), Some(server.now.after(ANSWER)));
    assert_eq!(server.sends(new, b"PRIVMSG bob :hi\n"), 0, "it waits");
    server.passes(ANSWER - Duration::from_micros(1));
    assert_eq!(server.done, [""; 0]);
    server.passes(Duration::from_micros(1));
    assert!(server.done[1].starts_with("stop c2's writer, hand over"));
    // Of the old link an answer says nothing any more.
    server.types(old, "PONG :2.5");
    server.types(bob, "alice: two");
    server.writer_ends(old);
    assert_eq!(said(&server.hears(new)), ["one", "two"]);
    server.types(new, "PRIVMSG bob :hi");
    assert_eq!(server.hears(bob), ["from alice: hi"]);
}

/// That a login does not wait for an answer.
#[track_caller]
fn expect_no_wait(server: &mut Server, old: ConnId) {
    registers_again(server);
    let stop = format!("stop {old}'s writer, hand over, ");
    let is_stopped = server.done.iter().any(|done| done.starts_with(&stop));
    assert!(is_stopped, "{:?}", server.done);
}

#[test]
fn a_takeover_waits_for_no_client_that_has_acknowledged_everything() {
    let (mut server, [_, old]) = alice_has_read();
    server.passes(INTERVAL);
    hears_and_answers(&mut server, old);
    expect_no_wait(&mut server, old);
}

#[test]
fn a_takeover_waits_for_no_client_that_is_late_with_an_answer() {
    let (mut server, [_, old]) = alice_has_read();
    server.passes(INTERVAL);
    assert_eq!(pings(&server.hears(old)), 1);
    server.passes(ANSWER);
    expect_no_wait(&mut server, old);
}

#[test]
fn a_takeover_waits_as_long_as_a_question_is_new_and_for_its_answer_alone() {
    let (mut server, [bob, old]) = alice_has_read();
    server.passes(INTERVAL);
    let earlier = ping(&server.hears(old)).unwrap();
    server.types(bob, "alice: two");
    server.passes(ANSWER / 2);
    let new = registers_again(&mut server);
    assert_eq!(server.hears(new), [""; 0]);
    server.types(old, &format!("PONG :{earlier}"));
    assert_eq!(server.done, ["c2 has read up to 5"]);
    hears_and_answers(&mut server, old);
    assert!(server.done[1].starts_with("stop c2's reader"));
    server.writer_ends(old);
    assert_eq!(said(&server.hears(new)), [""; 0]);
}

#[test]
fn a_takeover_goes_on_as_soon_as_the_old_link_ends() {
    let (mut server, [_, old]) = alice_has_read();
    let new = registers_again(&mut server);
    server.breaks(old);
    assert_eq!(said(&server.hears(new)), ["one"]);
}

#[test]
fn who_gives_a_takeover_up_takes_nobody_over() {
    let (mut server, [bob, old]) = alice_has_read();
    let new = registers_again(&mut server);
    server.breaks(new);
    server.hears(old);
    server.passes(ANSWER);
    server.types(bob, "alice: two");
    assert_eq!(said(&server.hears(old)), ["two"]);
}

#[test]
fn who_comes_twice_at_once_is_taken_over_once_more() {
    let (mut server, [_, old]) = alice_has_read();
    let first = registers_again(&mut server);
    let second = registers_again(&mut server);
    hears_and_answers(&mut server, old);
    server.writer_ends(old);
    assert!(
        server
            .last_line(first)
            .is_some_and(|line| line.starts_with("ERROR :"))
    );
    assert!(server.hears(second)[0].contains(" 001 "));
}

#[test]
fn a_takeover_by_the_plain_protocol_waits_too() {
    let (mut server, [bob, old]) = alice_has_read();
    let new = server.connect();
    let line = format!("alice {SECRET}\nbob: hi\n");
    let taken = server.sends(new, line.as_bytes());
    assert_eq!(&line[taken..], "bob: hi\n");
    hears_and_answers(&mut server, old);
    server.writer_ends(old);
    assert_eq!(server.hears(new), ["* back alice 0"]);
    assert!(server.done.contains(&format!("{new} proceeds")));
    server.types(new, line[taken..].trim_end());
    assert_eq!(server.hears(bob), ["from alice: hi"]);
}

/// While the login waits, its peer quits.
#[test]
fn a_takeover_of_a_peer_that_has_gone_is_a_login() {
    let (mut server, [bob, old]) = alice_has_read();
    let new = registers_again(&mut server);
    server.types(old, "QUIT");
    server.writer_ends(old);
    let heard = server.hears(new);
    assert!(heard[0].contains(" 001 alice "), "{heard:?}");
    assert_eq!(said(&heard), [""; 0], "somebody new has missed nothing");
    server.types(new, "PRIVMSG bob :hi");
    assert_eq!(server.hears(bob), ["from alice: hi"]);
}

/// While the login waits, its peer takes another name, and somebody else the old one.
#[test]
fn a_takeover_finds_its_peer_under_the_name_that_it_has_by_then() {
    let (mut server, [_, old]) = alice_has_read();
    let new = registers_again(&mut server);
    server.types(old, "NICK alicia");
    let other = begins(&mut server, "alice", None);
    assert!(server.hears(other)[0].contains(" 001 alice "));
    server.passes(ANSWER);
    server.writer_ends(old);
    let heard = server.hears(new);
    assert!(heard[0].contains(" 001 alicia "), "{heard:?}");
}

/// Lines that take a client beyond what it may send, and how many of their bytes were taken.
fn sends_too_fast(server: &mut Server, conn: ConnId) -> usize {
    let lines = b"PONG :x\n".repeat(20_000);
    let taken = server.sends_until_paused(conn, &lines);
    assert!(taken < lines.len(), "it is paused");
    taken
}

#[test]
fn a_client_that_has_sent_too_fast_is_asked_at_a_takeover_and_its_answer_is_read() {
    let (mut server, [_, old]) = alice_has_read();
    sends_too_fast(&mut server, old);
    let new = registers_again(&mut server);
    hears_and_answers(&mut server, old);
    assert_eq!(server.done[0], "c2 has read up to 5");
    server.writer_ends(old);
    assert_eq!(said(&server.hears(new)), [""; 0]);
}

/// Otherwise each login of its peer would end one.
#[test]
fn a_takeover_ends_no_wait_for_the_answer_to_a_guess() {
    let config = Config {
        failed_logins_per_address: 1.try_into().unwrap(),
        ..roomy()
    };
    let (mut server, [_, old]) = alice_has_read_with(&config);
    let op = begins(&mut server, "op", None);
    server.types(op, "JOIN #a");
    server.types(op, "MODE #a +k key");
    server.types(old, "JOIN #a wrong");
    server.hears(old);
    server.types(old, "JOIN #a wrong");
    assert_eq!(server.sends(old, b"PING x\n"), 0, "it waits");
    registers_again(&mut server);
    assert_eq!(pings(&server.hears(old)), 1);
    assert_eq!(server.sends(old, b"PING x\n"), 0, "it waits");
}

// The end of the server.

#[test]
fn a_client_that_has_sent_too_fast_is_asked_at_the_end_and_its_answer_is_read() {
    let (mut server, [bob, alice]) = alice_has_read();
    sends_too_fast(&mut server, alice);
    server.shuts_down();
    hears_and_answers(&mut server, alice);
    assert_eq!(server.done[0], "c2 has read up to 5");
    server.writer_ends(alice);
    server.writer_ends(bob);
    assert_eq!(server.discarded, 0);
}

#[test]
fn the_server_stops_when_clients_have_said_how_far_they_have_read() {
    let (mut server, [bob, alice]) = alice_has_read();
    server.shuts_down();
    let [asked] = &server.done[..] else {
        panic!("{:?}", server.done);
    };
    assert!(asked.starts_with("c2 is asked PING :"), "{asked}");
    hears_and_answers(&mut server, alice);
    assert_eq!(server.done[0], "c2 has read up to 5");
    let place = |start: &str| server.done.iter().position(|done| done.starts_with(start));
    let keeps_no_more = place("c2 keeps no more").expect("what is written now is done");
    assert!(Some(keeps_no_more) < place("stop c2's writer"));
    assert!(server.last_line(bob).is_some() && server.last_line(alice).is_some());
    server.writer_ends(alice);
    server.writer_ends(bob);
    assert_eq!(server.discarded, 0);
    assert!(server.hub.is_idle());
}

#[test]
fn what_a_client_has_not_acknowledged_when_the_server_stops_goes_back_to_its_sender() {
    let (mut server, [bob, alice]) = alice_has_read();
    server.shuts_down();
    server.passes(ANSWER);
    let told = "stop c2's writer, hand over, \
                ERROR :Closing Link: 192.0.2.7 (the server stops)";
    assert_eq!(server.done, ["stop c2's reader", told]);
    assert_eq!(server.last_line(bob), None, "it can still be told");
    server.writer_ends(alice);
    assert_eq!(
        server.hears(bob),
        ["* undelivered alice shutting-down: one"]
    );
    assert_eq!(
        server.last_line(bob).as_deref(),
        Some("* bye the server stops")
    );
    assert_eq!(server.discarded, 0);
}

#[test]
fn a_server_that_stops_waits_for_nobody_for_long() {
    let (mut server, [bob, _]) = alice_has_read();
    server.shuts_down();
    server.passes(ANSWER);
    assert_eq!(server.last_line(bob), None);
    server.passes(ANSWER);
    assert!(server.last_line(bob).is_some());
    let at_once = Config {
        shutdown_timeout: ANSWER,
        ..roomy()
    };
    let mut server = Server::with(&at_once);
    let bob = server.login("bob");
    let alice = alice_comes(&mut server);
    server.types(bob, "alice: one");
    server.hears(alice);
    server.shuts_down();
    server.passes(ANSWER / 4);
    assert_eq!(server.last_line(bob), None);
    server.passes(ANSWER / 4);
    assert!(server.last_line(bob).is_some());
}

#[test]
fn a_server_stops_at_once_if_everything_is_acknowledged() {
    let (mut server, [bob, alice]) = alice_has_read();
    server.passes(INTERVAL);
    hears_and_answers(&mut server, alice);
    server.shuts_down();
    assert!(server.last_line(bob).is_some() && server.last_line(alice).is_some());
}
