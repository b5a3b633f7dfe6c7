//! Each limit, reached through its flag on the real binary.

#![cfg(feature = "server")]

mod common;

use std::ops::Range;
use std::time::Duration;

use common::links::{MANY, big, number};
use common::{Client, Server, wait_for};
use tokio::time::Instant;

/// A resumable peer's login; the others are guests.
const BOB: &str = "bob secret-of-his";

/// Asserts that what a link had when it ended, and what was kept, are all the messages of
/// a flood, in order. Nothing is lost, since the link was not reset. Returns what else
/// came on it.
#[track_caller]
fn expect_kept(server: &Server, mut link: Client, numbers: Range<usize>) -> Vec<String> {
    let (mut lines, half) = link.rest();
    let messages = |line: &String| line.starts_with("from alice: ");
    let written = lines.iter().take_while(|line| messages(line)).count();
    for (line, n) in lines.iter().zip(numbers.start..numbers.start + written) {
        assert_eq!(number(line, "from alice: "), n);
    }
    let next = numbers.start + written;
    assert!(format!("from alice: {}", big(next)).starts_with(&half));
    let mut back = server.back(BOB, numbers.end - next);
    back.expect_flood("from alice: ", next..numbers.end);
    back.echo("bob");
    lines.split_off(written)
}

/// Asserts that of a flood to carol, a guest whose link ends meanwhile, the link had the
/// beginning, what was queued came back, and the rest was refused. Returns how many came
/// back.
#[track_caller]
fn expect_bounced(alice: &mut Client, mut link: Client, sent: usize) -> usize {
    let intro = "* undelivered carol gone: ";
    let mut next = Some(alice.line());
    alice.send("alice: that was all");
    let mut bounced = Vec::new();
    let mut refused = 0;
    while let Some(line) = next.filter(|line| line != "from alice: that was all") {
        if line == "* error no-such-peer carol" {
            refused += 1;
        } else {
            assert_eq!(refused, 0, "what was sent earlier is told earlier");
            bounced.push(number(&line, intro));
        }
        next = Some(alice.line());
    }
    let (lines, _) = link.rest();
    let messages = lines.iter().filter(|line| line.starts_with("from alice: "));
    let written = messages.map(|line| number(line, "from alice: "));
    let queued = bounced.len();
    assert!(written.chain(bounced).eq(0..sent - refused));
    queued
}

/// Sends a flood to bob, and waits until it was handled. Returns how many were kept at
/// once, as bob was away by then.
#[track_caller]
fn flood_bob(alice: &mut Client) -> usize {
    alice.flood("bob", 0..MANY);
    alice.send("alice: that was all");
    let mut kept = 0;
    loop {
        match alice.line().as_str() {
            "* kept bob" => kept += 1,
            "from alice: that was all" => return kept,
            other => panic!("{other:?}"),
        }
    }
}

/// Waits until the server has noticed that a peer's link is gone.
fn wait_until_away(client: &mut Client, name: &str) {
    wait_for("the peer to be away", || {
        client.send("/who");
        let list: Vec<_> = std::iter::from_fn(|| Some(client.line()))
            .take_while(|line| !line.starts_with("* end who"))
            .collect();
        list.contains(&format!("* peer {name} away")).then_some(())
    });
}

// Lines.

#[test]
fn a_line_may_be_as_long_as_the_limit_and_no_longer() {
    let server = Server::start(&["--line-bytes=1024"]);
    let mut alice = server.login("alice");
    let fits = "x".repeat(1024 - "alice: ".len());
    alice.send(&format!("alice: {fits}"));
    alice.expect(&format!("from alice: {fits}"));
    alice.send(&format!("alice: {fits}x"));
    alice.expect("* error line-too-long at most 1024 bytes; the line was skipped");
    alice.echo("alice");
}

#[test]
fn lines_are_limited_by_a_rate_with_a_burst() {
    let server = Server::start(&["--lines-burst=5", "--lines-per-second=2"]);
    let mut bob = server.login("bob");
    let start = Instant::now();
    // The login is one of the burst.
    let mut alice = server.client();
    alice.send("alice\nbob: 1\nbob: 2\nbob: 3\nbob: 4\nbob: 5\nbob: 6");
    alice.expect("* welcome alice");
    for text in ["1", "2", "3", "4", "5", "6"] {
        bob.expect(&format!("from alice: {text}"));
    }
    // Those past the burst came half a second apart, at least.
    assert!(
        start.elapsed() >= Duration::from_millis(990),
        "{:?}",
        start.elapsed()
    );
    bob.echo("bob");
}

#[test]
fn reads_of_one_byte_are_enough() {
    let server = Server::start(&["--read-bytes=1"]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.send("bob: hi\nbob: there");
    bob.expect("from alice: hi");
    bob.expect("from alice: there");
}

// Logins.

#[test]
fn a_connection_must_log_in_in_time() {
    let server = Server::start(&["--login-timeout=5s"]);
    let mut alice = server.login("alice");
    let (mut silent, mut talks) = (server.client(), server.client());
    talks.send("/who");
    talks.expect_error("not-logged-in");
    for client in [&mut silent, &mut talks] {
        client.expect("* bye you did not log in in time");
        client.expect_eof();
    }
    alice.echo("alice");
}

#[test]
fn so_many_logins_may_fail_on_one_connection() {
    let server = Server::start(&["--failed-logins-per-connection=3"]);
    let mut bob = server.login(BOB);
    let mut client = server.client();
    client.send("9lives\nbob wrong-secret\nbob\ncarol");
    client.expect_error("bad-name");
    client.expect_error("wrong-secret");
    client.expect_error("name-in-use");
    client.expect("* bye too many failed logins");
    client.expect_eof();
    let mut client = server.client();
    client.send("bob\nbob\ncarol");
    client.expect_error("name-in-use");
    client.expect_error("name-in-use");
    client.expect("* welcome carol");
    bob.echo("bob");
}

#[test]
fn so_many_secrets_may_be_wrong_from_one_address_within_a_window() {
    let server = Server::start(&[
        "--failed-logins-per-address=2",
        "--failed-login-window=1s",
        "--failed-logins-per-connection=1000000",
    ]);
    let mut bob = server.login(BOB);
    // In one write, so that the server reads them at one moment.
    let mut thief = server.client();
    thief.send("bob wrong-secret-1\nbob wrong-secret-2\nbob wrong-secret-3\nbob secret-of-his");
    thief.expect_error("wrong-secret");
    thief.expect_error("wrong-secret");
    bob.echo("bob");
    // Who comes without a secret, or from elsewhere, is not concerned, and nobody is refused.
    server.login("carol").echo("carol");
    let mut elsewhere = server.client_from([127, 0, 0, 2]);
    elsewhere.send("bob wrong-secret-3");
    elsewhere.expect_error("wrong-secret");
    thief.expect_error("wrong-secret");
    thief.expect("* back bob 0");
}

#[test]
fn so_many_addresses_with_wrong_secrets_are_remembered() {
    let server = Server::start(&[
        "--failed-logins-per-address=1",
        "--failed-login-addresses=1",
        "--failed-login-window=1h",
        // Nobody waits for so long here.
        "--login-timeout=1h",
    ]);
    let _bob = server.login(BOB);
    let mut thief = server.client_from([127, 0, 0, 2]);
    thief.send("bob wrong-secret");
    thief.expect_error("wrong-secret");
    let mut other = server.client_from([127, 0, 0, 3]);
    other.send("bob wrong-secret");
    other.expect_error("wrong-secret");
    thief.send("bob wrong-secret");
    thief.expect_error("wrong-secret");
}

// Connections and peers.

#[test]
fn there_may_be_so_many_connections() {
    let server = Server::start(&["--connections=2"]);
    let (alice, mut bob) = (server.login("alice"), server.login("bob"));
    for _ in 0..3 {
        let mut third = server.client_from([127, 0, 0, 2]);
        third.expect("* bye there are too many connections");
        third.expect_eof();
    }
    bob.echo("bob");
    alice.leave();
    server.login("carol").echo("carol");
}

#[test]
fn there_may_be_so_many_connections_from_one_address() {
    let server = Server::start(&["--connections-per-address=1"]);
    let mut alice = server.login("alice");
    let mut second = server.client();
    second.expect("* bye there are too many connections");
    second.expect_eof();
    let mut elsewhere = server.client_from([127, 0, 0, 2]);
    elsewhere.send("bob\nalice: hi");
    elsewhere.expect("* welcome bob");
    alice.expect("from bob: hi");
    alice.leave();
    server.login("alice").echo("alice");
}

#[test]
fn there_may_be_so_many_peers_those_that_are_away_included() {
    let server = Server::start(&["--peers=2"]);
    let alice = server.login("alice");
    server.login(BOB).leave();
    let mut carol = server.client();
    carol.send("carol");
    carol.expect_error("server-full");
    server.back(BOB, 0).leave();
    alice.leave();
    carol.send("carol");
    carol.expect("* welcome carol");
}

#[test]
fn there_may_be_so_many_peers_from_one_address() {
    let server = Server::start(&["--peers-per-address=2"]);
    let mut alice = server.login("alice");
    server.login(BOB).leave();
    alice.send("bob: hi");
    alice.expect("* kept bob");
    let mut elsewhere = server.client_from([127, 0, 0, 2]);
    elsewhere.send("dave");
    elsewhere.expect("* welcome dave");
    // Bob is away, and so has to make room.
    let carol = server.login("carol");
    alice.expect("* undelivered bob expired: hi");
    let mut erin = server.client();
    erin.send("erin");
    erin.expect_error("server-full");
    carol.leave();
    erin.send("erin");
    erin.expect("* welcome erin");
    elsewhere.echo("dave");
}

#[test]
fn an_away_peer_keeps_its_name_for_the_resume_window() {
    let server = Server::start(&["--resume-window=5s"]);
    let mut alice = server.login("alice");
    server.login(BOB).leave();
    alice.send("bob: hi");
    alice.expect("* kept bob");
    alice.expect("* undelivered bob expired: hi");
    server.login("bob").echo("bob");

    let server = Server::start(&["--resume-window=1h"]);
    server.login(BOB).leave();
    let mut other = server.client();
    other.send("bob");
    other.expect_error("name-in-use");
    server.back(BOB, 0);
}

// Messages and rooms.

#[test]
fn a_peer_that_reads_too_slowly_loses_its_connection_and_no_message() {
    let server = Server::start_for_floods(&["--outbox-bytes=65536"]);
    let mut alice = server.login("alice");
    let bob = server.stalled(BOB);
    let kept = flood_bob(&mut alice);
    assert!((1..MANY).contains(&kept), "{kept} were kept");
    expect_kept(&server, bob, 0..MANY);
}

#[test]
fn what_a_slow_guest_did_not_get_comes_back_to_the_sender() {
    let server = Server::start_for_floods(&["--outbox-bytes=65536"]);
    let mut alice = server.login("alice");
    let carol = server.stalled("carol");
    alice.flood("carol", 0..MANY);
    // Each is kept as a message and as a line. A few more came before her writer had ended; by
    // default it would be nearly 500.
    let fit = 65_536 / (2 * big(0).len());
    let queued = expect_bounced(&mut alice, carol, MANY);
    assert!((fit..4 * fit).contains(&queued), "{queued} were queued");
    alice.echo("alice");
}

#[test]
fn a_mailbox_holds_so_many_messages() {
    let server = Server::start(&["--mailbox-messages=3"]);
    let mut alice = server.login("alice");
    let mut bob = server.login(BOB);
    alice.send("/join #rust");
    alice.expect("* joined #rust alice");
    bob.send("/join #rust");
    alice.expect("* joined #rust bob");
    bob.expect("* joined #rust bob");
    bob.leave();
    for n in 1..=3 {
        alice.send(&format!("bob: {n}"));
        alice.expect("* kept bob");
    }
    alice.send("bob, alice: 4\n#rust: 5");
    alice.expect("from alice: 4");
    alice.expect("* error mailbox-full bob");
    alice.expect("* error mailbox-full bob in #rust");
    let mut bob = server.back(BOB, 3);
    for n in 1..=3 {
        bob.expect_kept(&format!("from alice: {n}"));
    }
    bob.echo("bob");
}

#[test]
fn a_mailbox_holds_so_many_bytes() {
    // A message costs the sender's name and address, its text and 320 bytes: here, 900.
    let text = "x".repeat(900 - 320 - "alice".len() - "alice!plain@127.0.0.1".len());
    let server = Server::start(&["--mailbox-bytes=2700", "--line-bytes=1024"]);
    let mut alice = server.login("alice");
    server.login(BOB).leave();
    for _ in 0..3 {
        alice.send(&format!("bob: {text}"));
        alice.expect("* kept bob");
    }
    alice.send("bob: x");
    alice.expect("* error mailbox-full bob");
    let mut bob = server.back(BOB, 3);
    for _ in 0..3 {
        bob.expect_kept(&format!("from alice: {text}"));
    }
    bob.echo("bob");
}

#[test]
fn mail_from_one_address_takes_its_part_of_a_mailbox_and_no_more() {
    // A message costs the sender's name and address, its text and 320 bytes.
    let cost = 320 + "alice".len() + "alice!plain@127.0.0.1".len() + "1".len();
    let bytes = format!("--mailbox-bytes-per-address={}", 2 * cost);
    for flag in ["--mailbox-messages-per-address=2", &bytes] {
        let server = Server::start(&[flag]);
        let mut alice = server.login("alice");
        server.login(BOB).leave();
        for n in 1..=2 {
            alice.send(&format!("bob: {n}"));
            alice.expect("* kept bob");
        }
        alice.send("bob: 3");
        alice.expect("* error mailbox-full bob");
        let mut friend = server.client_from([127, 0, 0, 2]);
        friend.send("carol\nbob: 4");
        friend.expect("* welcome carol");
        friend.expect("* kept bob");
        server.back(BOB, 3);
    }
}

#[test]
fn what_a_link_leaves_behind_is_kept_up_to_the_mailboxs_limit() {
    let server = Server::start_for_floods(&["--mailbox-messages=10"]);
    let mut alice = server.login("alice");
    let mut bob = server.stalled(BOB);
    alice.flood("bob", 0..MANY);
    alice.echo("alice");
    bob.expect_flood("from alice: ", 0..1);
    bob.reset();
    // The oldest are kept; the newest come back.
    let intro = "* undelivered bob mailbox-full: ";
    let first = number(&alice.line(), intro);
    alice.expect_flood(intro, first + 1..MANY);
    let mut bob = server.back(BOB, 10);
    bob.expect_flood("from alice: ", first - 10..first);
    bob.echo("bob");
}

#[test]
fn a_message_may_have_so_many_receivers() {
    let server = Server::start(&["--receivers=2"]);
    let mut alice = server.login("alice");
    let (mut bob, mut carol) = (server.login("bob"), server.login("carol"));
    alice.send("bob, carol, dave: hi\nbob, carol: hello");
    alice.expect("* error too-many-receivers at most 2");
    for client in [&mut bob, &mut carol] {
        client.expect("from alice: hello");
    }
    alice.echo("alice");
}

#[test]
fn a_peer_may_be_in_so_many_rooms() {
    let server = Server::start(&["--rooms-per-peer=2"]);
    let mut alice = server.login("alice");
    alice.send("/join #a\n/join #b\n/join #c\n/leave #a\n/join #c");
    alice.expect("* joined #a alice");
    alice.expect("* joined #b alice");
    alice.expect("* error too-many-rooms at most 2");
    alice.expect("* left #a alice left");
    alice.expect("* joined #c alice");
}

#[test]
fn a_list_is_so_long_and_says_how_long_it_would_be() {
    let server = Server::start(&["--listed=2"]);
    let mut alice = server.login("alice");
    let others = ["bob", "carol"].map(|name| server.login(name));
    alice.send("/join #a\n/join #b\n/join #c");
    for room in ["#a", "#b", "#c"] {
        alice.expect(&format!("* joined {room} alice"));
    }
    alice.send("/who\n/rooms");
    for line in ["* peer alice", "* peer bob", "* end who 3"] {
        alice.expect(line);
    }
    for line in ["* room #a 1 joined", "* room #b 1 joined", "* end rooms 3"] {
        alice.expect(line);
    }
    drop(others);
}

// Dead links and the end.

#[test]
fn a_silent_link_is_probed_and_then_given_up() {
    let server = Server::start(&["--probe-after=300ms", "--silence-timeout=6s"]);
    let mut bob = server.login(BOB);
    for _ in 0..3 {
        bob.expect("* ping");
        bob.send("/pong");
    }
    bob.expect("* ping");
    bob.expect("* bye you were silent for too long");
    bob.expect_eof();
    let mut alice = server.login("alice");
    alice.send("bob: it was you who left");
    alice.expect("* kept bob");
    server
        .back(BOB, 1)
        .expect_kept("from alice: it was you who left");
}

#[test]
fn a_link_is_given_up_when_its_socket_takes_nothing_for_too_long() {
    // So long must alice not read, either.
    let server = Server::start_for_floods(&["--write-timeout=4s"]);
    let mut alice = server.login("alice");
    let bob = server.stalled(BOB);
    flood_bob(&mut alice);
    wait_until_away(&mut alice, "bob");
    let last_lines = expect_kept(&server, bob, 0..MANY);
    assert!(last_lines.is_empty(), "{last_lines:?}");
    let carol = server.stalled("carol");
    alice.flood("carol", 0..MANY);
    expect_bounced(&mut alice, carol, MANY);
    alice.echo("alice");
}

#[test]
fn a_link_that_ends_has_so_long_to_write_what_is_queued() {
    let server = Server::start_for_floods(&["--flush-timeout=300ms"]);
    let mut alice = server.login("alice");
    let bob = server.stalled(BOB);
    flood_bob(&mut alice);
    bob.half_close();
    wait_until_away(&mut alice, "bob");
    expect_kept(&server, bob, 0..MANY);
    let carol = server.stalled("carol");
    alice.flood("carol", 0..MANY);
    alice.echo("alice");
    carol.half_close();
    expect_bounced(&mut alice, carol, MANY);
    alice.echo("alice");
}

#[test]
fn the_server_stops_in_time_whoever_does_not_read() {
    let mut server = Server::start_for_floods(&["--shutdown-timeout=4s"]);
    let mut alice = server.login("alice");
    let _bob = server.stalled(BOB);
    alice.flood("bob", 0..MANY);
    alice.echo("alice");
    server.child.signal("TERM");
    alice.expect("* bye the server stops");
    alice.expect_eof();
    assert!(server.child.wait().success());
    assert!(server.log().contains("did not end in time"));
}

#[test]
fn mail_that_comes_back_all_at_once_is_no_sign_that_its_sender_reads_too_slowly() {
    // With the default of 1 MiB for what may wait for one connection.
    let server = Server::start(&[
        "--resume-window=8s",
        "--lines-per-second=1000000",
        "--lines-burst=1000000",
        "--bounces=1000000",
    ]);
    let mut alice = server.login("alice");
    server.login(BOB).leave();
    alice.flood("bob", 0..400);
    for _ in 0..400 {
        alice.expect("* kept bob");
    }
    alice.expect_flood("* undelivered bob expired: ", 0..400);
    alice.echo("alice");
}

#[test]
fn who_asks_for_many_lists_and_reads_late_is_told_all_of_them() {
    let server = Server::start(&[
        "--irc",
        "127.0.0.1:0",
        "--rooms-per-peer",
        "300",
        "--joins",
        "300",
        "--lines-burst",
        "1000",
        "--outbox-bytes",
        "100000",
    ]);
    let mut alice = Client::connect(server.irc());
    alice.send("NICK alice\r\nUSER u 0 * :r");
    let rooms: Vec<_> = (0..300).map(|n| format!("#room-{n:03}")).collect();
    for rooms in rooms.chunks(30) {
        alice.send(&format!("JOIN {}", rooms.join(",")));
    }
    // Far more than may wait for it.
    alice.send_bytes("NAMES\r\n".repeat(300).as_bytes());
    alice.send("PING that-was-all");
    let lines: Vec<_> = std::iter::from_fn(|| Some(alice.line()))
        .take_while(|line| !line.contains("that-was-all"))
        .collect();
    let ends = lines.iter().filter(|line| line.contains(" 366 alice * "));
    assert_eq!(ends.count(), 300);
    let names = lines.iter().filter(|line| line.contains(" 353 "));
    assert_eq!(names.count(), 300 * 301);
}
