//! People drop and come back to the real binary, over real sockets that stall and break.

#![cfg(feature = "server")]

mod common;

use std::ops::Range;

use tokio::time::Instant;

use common::links::{MANY, big, number};
use common::{Client, PATIENCE, Server, without_time};

/// A peer's login; `alice` and `carol` are guests.
const BOB: &str = "bob secret-of-his";

/// Asserts that the two links of a peer who took over had all messages between them, in
/// order, none missing and none twice. Returns how many the older one had.
///
/// A line that the older link has only half of is whole on the newer one.
#[track_caller]
fn expect_handed_over(old: &mut Client, new: &mut Client, numbers: Range<usize>) {
    // First this, while nobody reads from the older link.
    let back = new.line();
    let (lines, half) = old.rest();
    let written = lines.len();
    for (line, n) in lines.iter().zip(numbers.clone()) {
        assert_eq!(number(line, "from alice: "), n);
    }
    let next = numbers.start + written;
    assert!(next < numbers.end, "nothing was left to hand over");
    let whole = format!("from alice: {}", big(next));
    assert!(whole.starts_with(&half), "the old link had {half:?}");
    assert_eq!(back, format!("* back bob {}", numbers.end - next));
    new.expect_flood("from alice: ", next..numbers.end);
}

#[test]
fn what_is_said_to_an_away_peer_waits_for_it_in_order() {
    let server = Server::start(&[]);
    let (mut alice, mut carol) = (server.login("alice"), server.login("carol"));
    for _ in 0..3 {
        let bob = server.client();
        bob_arrives(bob, 0).leave();
        for n in 0..10 {
            for sender in [&mut alice, &mut carol] {
                sender.send(&format!("bob: {n}"));
                sender.expect("* kept bob");
            }
        }
        alice.send("/who");
        for line in ["* peer alice", "* peer bob away", "* peer carol"] {
            alice.expect(line);
        }
        alice.expect("* end who 3");
        let mut bob = server.back(BOB, 20);
        for n in 0..10 {
            bob.expect_kept(&format!("from alice: {n}"));
            bob.expect_kept(&format!("from carol: {n}"));
        }
        bob.echo("bob");
        bob.leave();
    }
}

/// Logs in as bob, who is new or back.
fn bob_arrives(mut bob: Client, kept: usize) -> Client {
    bob.send(BOB);
    let line = bob.line();
    let back = format!("* back bob {kept}");
    assert!(line == "* welcome bob" || line == back, "{line:?}");
    bob
}

#[test]
fn a_peer_stays_in_its_rooms_while_it_is_away() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login(BOB);
    alice.send("/join #rust");
    alice.expect("* joined #rust alice");
    bob.send("/join #rust");
    alice.expect("* joined #rust bob");
    bob.expect("* joined #rust bob");
    bob.leave();

    alice.send("#rust: anybody?");
    alice.send("/who #rust");
    for line in ["* peer alice", "* peer bob away", "* end who 2"] {
        alice.expect(line);
    }
    let mut bob = server.back(BOB, 1);
    bob.expect_kept("from alice in #rust: anybody?");
    bob.send("#rust: me");
    alice.expect("from bob in #rust: me");
    bob.echo("bob");
}

#[test]
fn nothing_that_is_said_after_a_reset_is_lost() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login(BOB);
    for round in 0..20 {
        alice.send(&format!("bob: {round} before"));
        bob.expect(&format!("from alice: {round} before"));
        bob.reset();
        for n in 0..5 {
            alice.send(&format!("bob: {round} after {n}"));
        }
        // Whether the server has seen the reset by then makes no difference.
        bob = server.client();
        bob.send(BOB);
        let back = bob.line();
        assert!(back.starts_with("* back bob "), "{back:?}");
        for n in 0..5 {
            // It was kept, unless it was said after the return.
            let line = bob.line();
            let was_kept = !line.starts_with("from alice: ");
            let message = if was_kept { without_time(&line) } else { line };
            assert_eq!(message, format!("from alice: {round} after {n}"));
        }
        bob.echo("bob");
        alice.send("alice: next");
        while alice.line() != "from alice: next" {}
    }
}

#[test]
fn a_reset_in_the_middle_of_a_write_loses_only_what_the_socket_had_taken() {
    let server = Server::start_for_floods(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.stalled(BOB);
    alice.flood("bob", 0..MANY);
    bob.expect_flood("from alice: ", 0..10);
    bob.reset();
    alice.flood("bob", MANY..MANY + 10);

    let mut bob = server.client();
    bob.send(BOB);
    let back = bob.line();
    assert!(back.starts_with("* back bob "), "{back:?}");
    let first = number(&bob.line(), "from alice: ");
    assert!(first >= 10, "{first} came twice");
    assert!(
        first < MANY / 2,
        "lost more than a socket takes: 10..{first}"
    );
    bob.expect_flood("from alice: ", first + 1..MANY + 10);
    bob.echo("bob");
}

#[test]
fn the_secret_takes_over_a_link_that_still_looks_alive() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut old = server.login(BOB);
    alice.send("bob: to the old one");
    old.expect("from alice: to the old one");

    let mut new = server.back(BOB, 0);
    old.expect("* bye you are back on another connection");
    old.expect_eof();
    alice.send("bob: to the new one");
    new.expect("from alice: to the new one");
    alice.echo("alice");
}

#[test]
fn a_link_that_was_taken_over_is_heard_no_more() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut old = server.login(BOB);
    let mut new = server.back(BOB, 0);
    // Whether this reaches the server's socket at all is of no matter.
    old.send("alice: a ghost");
    new.send("alice: it is me");
    alice.expect("from bob: it is me");
    old.expect("* bye you are back on another connection");
    old.wait_for_end();
    alice.echo("alice");
    new.echo("bob");
}

#[test]
fn the_secret_takes_over_a_blocked_link_and_gets_the_rest_at_once() {
    // Each timeout of the server is minutes; a test waits for seconds.
    let server = Server::start_for_floods(&[]);
    let mut alice = server.login("alice");
    let mut old = server.stalled(BOB);
    alice.flood("bob", 0..MANY);
    alice.echo("alice");
    let mut new = server.client();
    new.send(BOB);
    expect_handed_over(&mut old, &mut new, 0..MANY);
    new.echo("bob");
}

#[test]
fn a_takeover_may_be_taken_over_too() {
    let server = Server::start_for_floods(&[]);
    let mut alice = server.login("alice");
    let mut old = server.stalled(BOB);
    alice.flood("bob", 0..MANY);
    alice.echo("alice");
    // Its writer now flushes, for as long as the socket takes nothing.
    old.send("alice: bye");
    old.half_close();
    alice.expect("from bob: bye");

    let mut waits = server.greeted();
    waits.send(BOB);
    waits.arrives();
    for _ in 0..5 {
        alice.settle("alice");
        let mut next = server.greeted();
        next.send(BOB);
        next.arrives();
        let mut replaced = std::mem::replace(&mut waits, next);
        replaced.expect("* bye you are back on another connection");
        replaced.expect_eof();
    }
    alice.send(&format!("bob: {}", big(MANY)));
    alice.echo("alice");
    old.reset();
    let back = waits.line();
    let first = number(&waits.line(), "from alice: ");
    assert_eq!(back, format!("* back bob {}", MANY + 1 - first));
    waits.expect_flood("from alice: ", first + 1..MANY + 1);
    waits.echo("bob");
}

#[test]
fn many_takeovers_in_a_row_lose_nothing() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut links = vec![server.login(BOB)];
    links.extend((0..50).map(|_| server.greeted()));
    for (n, link) in links.iter_mut().skip(1).enumerate() {
        alice.send(&format!("bob: {n:02}"));
        link.send(BOB);
    }
    links.iter().for_each(Client::arrives);
    alice.settle("alice");
    // The server may have seen the logins in another order; this one it sees last.
    let mut last = server.client();
    last.send(BOB);
    let back = last.line();
    assert!(back.starts_with("* back bob "), "{back:?}");
    last.half_close();
    links.push(last);

    let mut said: Vec<_> = links.iter_mut().map(messages).collect();
    said.retain(|messages| !messages.is_empty());
    said.sort();
    let expected: Vec<_> = (0..50).map(|n| format!("{n:02}")).collect();
    assert_eq!(said.concat(), expected);
}

/// What alice said on a link, up to its end.
fn messages(link: &mut Client) -> Vec<String> {
    let (lines, half) = link.rest();
    assert_eq!(half, "");
    let said = |line: &String| line.strip_prefix("from alice: ").map(str::to_owned);
    lines.iter().filter_map(said).collect()
}

#[test]
fn nobody_takes_a_name_without_its_secret() {
    let server = Server::start(&[]);
    let mut alice = server.login("alice");
    let mut bob = server.login(BOB);
    let thieves = [
        ("bob", "name-in-use"),
        ("BOB", "name-in-use"),
        ("bob wrong-secret", "wrong-secret"),
        ("bob secret-of-hi", "wrong-secret"),
    ];
    for (login, code) in thieves {
        let mut thief = server.client();
        thief.send(login);
        thief.expect_error(code);
        bob.echo("bob");
        alice.send("bob: still you?");
        bob.expect("from alice: still you?");
    }
    bob.leave();
    alice.send("bob: for you alone");
    alice.expect("* kept bob");
    for (login, code) in thieves {
        let mut thief = server.client();
        thief.send(login);
        thief.expect_error(code);
    }
    server.back(BOB, 1).expect_kept("from alice: for you alone");
}

#[test]
fn a_guest_who_resets_and_returns_at_once_is_soon_let_in_and_never_mute() {
    let server = Server::start_for_floods(&["--failed-logins-per-connection=1000000"]);
    let mut alice = server.login("alice");
    for round in 0..500 {
        let mut guest = server.client();
        let start = Instant::now();
        loop {
            guest.send("guest");
            match guest.line().as_str() {
                "* welcome guest" => break,
                "* error name-in-use guest" => {
                    assert!(start.elapsed() < PATIENCE, "refused for long in {round}");
                }
                other => panic!("{other:?} in round {round}"),
            }
        }
        if round % 2 == 0 {
            guest.echo("guest");
        }
        alice.send(&format!("guest: {round}"));
        guest.expect(&format!("from alice: {round}"));
        guest.send(&format!("alice: {round}"));
        alice.expect(&format!("from guest: {round}"));
        guest.reset();
    }
    alice.echo("alice");
}

/// A guest `old` who has closed its sending half, and does not read what it is sent.
fn leaving_guest(server: &Server, alice: &mut Client) -> Client {
    let mut old = server.stalled("guest");
    alice.flood("guest", 0..MANY);
    alice.echo("alice");
    old.send("alice: bye");
    old.half_close();
    alice.expect("from guest: bye");
    old
}

/// Reads what comes back of a flood to a guest who reset: in order, up to the last.
fn expect_bounced(sender: &mut Client, count: usize) {
    let intro = "* undelivered guest gone: ";
    let first = number(&sender.line(), intro);
    assert!(first < count / 2, "lost more than a socket takes: {first}");
    sender.expect_flood(intro, first + 1..count);
}

#[test]
fn a_newcomer_waits_for_the_end_of_a_leaving_guest_and_inherits_nothing() {
    let server = Server::start_for_floods(&[]);
    let mut alice = server.login("alice");
    let old = leaving_guest(&server, &mut alice);

    let mut newcomer = server.greeted();
    newcomer.send("guest\nalice: hello");
    newcomer.arrives();
    alice.settle("alice");
    let mut third = server.client();
    third.send("guest");
    third.expect("* error name-in-use guest");
    old.reset();

    newcomer.expect("* welcome guest");
    newcomer.echo("guest");
    expect_bounced(&mut alice, MANY);
    alice.expect("from guest: hello");
    alice.send("guest: hello to you");
    newcomer.expect("from alice: hello to you");
}

#[test]
fn what_a_guest_did_not_get_comes_back_to_the_sender() {
    let server = Server::start_for_floods(&[]);
    let mut alice = server.login("alice");
    let guest = server.stalled("guest");
    alice.flood("guest", 0..MANY);
    alice.echo("alice");
    guest.reset();
    expect_bounced(&mut alice, MANY);
    alice.send("guest: hi");
    alice.expect("* error no-such-peer guest");
}

#[test]
fn who_does_not_come_back_in_time_is_gone_and_the_senders_and_rooms_are_told() {
    let server = Server::start(&["--resume-window=5s"]);
    let mut alice = server.login("alice");
    let mut bob = server.login(BOB);
    alice.send("/join #rust");
    alice.expect("* joined #rust alice");
    bob.send("/join #rust");
    alice.expect("* joined #rust bob");
    bob.expect("* joined #rust bob");
    bob.leave();
    alice.send("bob: hi\n#rust: hi all");
    alice.expect("* kept bob");
    alice.expect("* left #rust bob expired");
    alice.expect("* undelivered bob expired: hi");
    alice.expect("* undelivered bob expired in #rust: hi all");
    alice.send("bob: hi\n/who");
    alice.expect("* error no-such-peer bob");
    alice.expect("* peer alice");
    alice.expect("* end who 1");
    let mut other = server.login("bob other-secret");
    other.echo("bob");
}

#[test]
fn a_server_that_is_told_to_stop_tells_everyone() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&[]);
        let mut alice = server.login("alice");
        let mut greeting = server.client();
        server.login(BOB).leave();
        alice.send("bob: hi");
        alice.expect("* kept bob");
        greeting.send("/who");
        greeting.expect_error("not-logged-in");

        server.child.signal(signal);
        alice.expect("* undelivered bob shutting-down: hi");
        for client in [&mut alice, &mut greeting] {
            client.expect("* bye the server stops");
            client.expect_eof();
        }
        assert!(server.child.wait().success());
    }
}

#[test]
fn what_a_returning_peer_says_in_the_same_breath_is_not_lost() {
    let server = Server::start_for_floods(&[]);
    let mut alice = server.login("alice");
    let mut old = server.stalled(BOB);
    alice.flood("bob", 0..MANY);
    alice.echo("alice");
    let mut new = server.client();
    new.send("bob secret-of-his\nalice: hi\nbob: note\n/quit for good");
    new.half_close();
    alice.expect("from bob: hi");
    let (lines, half) = old.rest();
    let next = lines.len();
    assert!(format!("from alice: {}", big(next)).starts_with(&half));
    new.expect(&format!("* back bob {}", MANY - next));
    new.expect_flood("from alice: ", next..MANY);
    new.expect("from bob: note");
    new.expect("* bye you quit");
    new.expect_eof();
    alice.echo("alice");
}

#[test]
fn what_a_waiting_peer_says_before_it_closes_is_not_lost() {
    let server = Server::start_for_floods(&[]);
    let mut alice = server.login("alice");
    let mut old = server.stalled(BOB);
    alice.flood("bob", 0..MANY);
    alice.echo("alice");
    // The old link's writer flushes, so that its name is not free for long.
    old.send("alice: bye");
    old.half_close();
    alice.expect("from bob: bye");

    let mut new = server.greeted();
    new.send("bob secret-of-his\nalice: hi");
    new.half_close();
    alice.settle("alice");
    old.reset();
    alice.expect("from bob: hi");
    let back = new.line();
    let first = number(&new.line(), "from alice: ");
    assert_eq!(back, format!("* back bob {}", MANY - first));
    new.expect_flood("from alice: ", first + 1..MANY);
    new.expect("* bye you closed the connection");
    new.expect_eof();
    alice.send("bob: and now?");
    alice.expect("* kept bob");
}
