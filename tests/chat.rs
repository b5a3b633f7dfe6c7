//! People talk through the real binary, over real sockets, and make mistakes.

#![cfg(feature = "server")]

mod common;

use std::io::Write;
use std::thread;

use rejoin::wire::plain::HELP;

use common::links::{MANY, big};
use common::{Client, Server};

#[test]
fn two_people_talk() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.send("bob: hi");
    bob.expect("from alice: hi");
    bob.send("Alice:ça va? 🦀 – a:b");
    alice.expect("from bob: ça va? 🦀 – a:b");
    alice.send("bob:  two\tspaces ");
    bob.expect("from alice:  two\tspaces ");
    alice.echo("alice");
    bob.echo("bob");
}

#[test]
fn a_message_to_several_reaches_each_of_them_once() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let mut carol = server.login("carol");
    alice.send("bob, carol,BOB, bob: hi");
    bob.expect("from alice: hi");
    carol.expect("from alice: hi");
    for (client, name) in [
        (&mut alice, "alice"),
        (&mut bob, "bob"),
        (&mut carol, "carol"),
    ] {
        client.echo(name);
    }
}

#[test]
fn a_receiver_that_does_not_exist_is_named_and_the_others_get_theirs() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let mut carol = server.login("carol");
    alice.send("bob, dave, carol, Erin: hi");
    bob.expect("from alice: hi");
    carol.expect("from alice: hi");
    alice.expect("* error no-such-peer dave");
    alice.expect("* error no-such-peer Erin");
    alice.echo("alice");
}

#[test]
fn a_room_is_told_who_comes_who_goes_and_what_is_said() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let mut carol = server.login("carol");
    alice.send("/join #rust");
    alice.expect("* joined #rust alice");
    bob.send("/join #Rust");
    alice.expect("* joined #rust bob");
    bob.expect("* joined #rust bob");

    alice.send("#rust: hi all");
    bob.expect("from alice in #rust: hi all");
    alice.echo("alice");

    carol.send("/rooms");
    carol.expect("* room #rust 2");
    carol.expect("* end rooms 1");
    bob.send("/rooms");
    bob.expect("* room #rust 2 joined");
    bob.expect("* end rooms 1");
    carol.send("/who #rust");
    carol.expect("* peer alice");
    carol.expect("* peer bob");
    carol.expect("* end who 2");

    bob.send("/leave #rust");
    for client in [&mut alice, &mut bob] {
        client.expect("* left #rust bob left");
    }
    carol.send("/join #rust");
    alice.expect("* joined #rust carol");
    carol.expect("* joined #rust carol");
    carol.send("/quit time for tea");
    carol.expect("* bye you quit");
    carol.expect_eof();
    alice.expect("* left #rust carol quit: time for tea");
    bob.echo("bob");
}

#[test]
fn who_quits_frees_the_name_at_once() {
    let server = Server::start(&[]);
    for login in ["alice", "alice secret-of-hers", "alice another-secret"] {
        let mut alice = server.login(login);
        alice.echo("alice");
        alice.send("/quit");
        alice.expect("* bye you quit");
        alice.expect_eof();
    }
}

#[test]
fn help_explains_every_command() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for _ in 0..2 {
        client.send("/help\n/pong");
        let help: Vec<_> = HELP.iter().map(|_| client.line()).collect();
        assert!(help.iter().all(|line| line.starts_with("* help ")));
        for command in [
            "/join", "/leave", "/rooms", "/who", "/quit", "/pong", "/help",
        ] {
            let explained = |line: &String| line.contains(command);
            assert!(help.iter().any(explained), "{command}");
        }
        client.send("alice");
        client.line();
    }
}

/// What a logged in client may not say, and what it is told.
fn bad_lines() -> Vec<(Vec<u8>, &'static str)> {
    let text = [
        ("", "empty-line"),
        (" ", "empty-line"),
        ("\t \u{3000}", "empty-line"),
        ("hello", "no-colon"),
        (": hi", "bad-receiver"),
        ("bob,: hi", "bad-receiver"),
        ("bob, 9lives: hi", "bad-receiver"),
        ("bob carol: hi", "bad-receiver"),
        ("#: hi", "bad-receiver"),
        ("bob:", "empty-text"),
        ("bob: ", "empty-text"),
        ("#elsewhere: hi", "not-in-room"),
        ("nobody: hi", "no-such-peer"),
        ("/", "unknown-command"),
        ("/dance", "unknown-command"),
        ("/ENTER #rust", "unknown-command"),
        ("/join", "bad-arguments"),
        ("/join rust", "bad-arguments"),
        ("/join #rust #go", "bad-arguments"),
        ("/join #rust", "already-in-room"),
        ("/leave", "bad-arguments"),
        ("/leave #elsewhere", "not-in-room"),
        ("/rooms all", "bad-arguments"),
        ("/who bob", "bad-arguments"),
        ("/nick 9", "bad-arguments"),
        ("/msg bob", "empty-text"),
        ("bob: ring\u{7}", "control-character"),
        ("bob: \u{1b}[2J", "control-character"),
        ("bob: a\0b", "control-character"),
        ("bob: line\rfeed", "control-character"),
        ("bob: next\u{85}line", "control-character"),
    ];
    let mut lines: Vec<_> = text
        .into_iter()
        .map(|(line, code)| (line.as_bytes().to_vec(), code))
        .collect();
    lines.push((b"bob: \xff\xfe".to_vec(), "invalid-utf8"));
    lines.push((b"bob: \xed\xa0\x80".to_vec(), "invalid-utf8"));
    lines.push((
        format!("bob: {}", "x".repeat(5000)).into_bytes(),
        "line-too-long",
    ));
    let long = vec![b'x'; 100_000];
    lines.push((long, "line-too-long"));
    lines
}

#[test]
fn each_bad_line_gets_its_error_and_changes_nothing_else() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    alice.send("/join #rust");
    alice.expect("* joined #rust alice");
    bob.send("/join #rust");
    alice.expect("* joined #rust bob");
    bob.expect("* joined #rust bob");
    for (line, code) in bad_lines() {
        for end in [&b"\n"[..], b"\r\n"] {
            alice.send_bytes(&line);
            alice.send_bytes(end);
            alice.expect_error(code);
        }
        alice.echo("alice");
        bob.echo("bob");
    }
    bob.send("/who #rust\n/rooms\n/who");
    for line in ["* peer alice", "* peer bob", "* end who 2"] {
        bob.expect(line);
    }
    bob.expect("* room #rust 2 joined");
    bob.expect("* end rooms 1");
    for line in ["* peer alice", "* peer bob", "* end who 2"] {
        bob.expect(line);
    }
}

#[test]
fn each_bad_login_gets_its_error_and_may_be_tried_again() {
    let server = Server::start(&["--failed-logins-per-connection=1000"]);
    let mut alice = server.login("alice secret-of-hers");
    let mut guest = server.login("guest");
    let (long, short) = ("x".repeat(129), "x".repeat(7));
    let mut client = server.client();
    for (line, code) in [
        ("", "empty-line"),
        ("   ", "empty-line"),
        (" 9lives", "bad-name"),
        ("9lives", "bad-name"),
        ("-dave", "bad-name"),
        ("dave:", "bad-name"),
        ("dave,erin", "bad-name"),
        ("dävid", "bad-name"),
        ("#rust", "bad-name"),
        ("bob: hi", "bad-name"),
        (&"d".repeat(33), "bad-name"),
        (&format!("dave {short}"), "bad-secret"),
        (&format!("dave {long}"), "bad-secret"),
        ("dave two words-of-it", "bad-secret"),
        ("guest", "name-in-use"),
        ("GUEST", "name-in-use"),
        ("guest some-secret", "wrong-secret"),
        ("alice", "name-in-use"),
        ("alice wrong-secret", "wrong-secret"),
        ("Alice Secret-of-hers", "wrong-secret"),
        ("/join #rust", "not-logged-in"),
        ("/who", "not-logged-in"),
        ("/dance", "unknown-command"),
        ("da\0ve", "control-character"),
        (&"d".repeat(5000), "line-too-long"),
    ] {
        client.send(line);
        client.expect_error(code);
    }
    client.send_bytes(b"\xff\n");
    client.expect_error("invalid-utf8");
    client.send("/who");
    client.expect_error("not-logged-in");

    let longest = ["d".repeat(32), "x".repeat(128)];
    client.send(&longest.join(" "));
    client.expect(&format!("* welcome {}", longest[0]));
    client.echo(&longest[0]);
    alice.echo("alice");
    guest.echo("guest");
}

#[test]
fn how_lines_are_cut_into_writes_makes_no_difference() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    for byte in "bob: one byte at a time 🦀".bytes() {
        alice.send_bytes(&[byte]);
        bob.echo("bob");
    }
    alice.send("");
    bob.expect("from alice: one byte at a time 🦀");
    alice.send_bytes(b"bob: two\nbob: three\nalice: to me\nbob: fo");
    alice.expect("from alice: to me");
    bob.expect("from alice: two");
    bob.expect("from alice: three");
    alice.send_bytes(b"ur\n");
    bob.expect("from alice: four");

    let mut carol = server.client();
    carol.send_bytes(b"carol\nbob: all in one write\n/quit\n");
    carol.expect("* welcome carol");
    carol.expect("* bye you quit");
    carol.expect_eof();
    bob.expect("from carol: all in one write");
}

#[test]
fn a_client_that_ends_its_lines_as_telnet_does_is_understood() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = server.client();
    alice.send_bytes(b"alice secret-of-hers\r\n");
    alice.expect("* welcome alice");
    alice.send_bytes(b"bob: hi\r");
    alice.send_bytes(b"\n/join #rust\r\n\r\n");
    bob.expect("from alice: hi");
    alice.expect("* joined #rust alice");
    alice.expect_error("empty-line");
    alice.leave();
    server.back("alice secret-of-hers", 0).echo("alice");
}

#[test]
fn a_half_line_before_a_close_is_dropped() {
    let server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = server.login("alice");
    alice.send_bytes(b"bob: whole\nbob: half");
    alice.leave();
    bob.expect("from alice: whole");
    bob.echo("bob");

    let mut alice = server.client();
    alice.send_bytes(b"alice");
    alice.leave();
    server.login("alice").echo("alice");
}

#[test]
fn who_closes_the_sending_half_still_gets_what_was_queued() {
    let server = Server::start_for_floods(&[]);
    let mut alice = server.login("alice");
    for login in ["bob", "bob secret-of-his"] {
        let mut bob = server.stalled(login);
        alice.flood("bob", 0..MANY);
        alice.echo("alice");
        bob.send("alice: my last words");
        bob.half_close();
        alice.expect("from bob: my last words");

        let (lines, half) = bob.rest();
        assert_eq!(half, "");
        let (bye, messages) = lines.split_last().expect("there is a last line");
        assert_eq!(bye, "* bye you closed the connection");
        let expected = (0..MANY).map(|n| format!("from alice: {}", big(n)));
        assert!(messages.iter().eq(&expected.collect::<Vec<_>>()));
    }
    alice.echo("alice");
}

#[test]
fn who_reads_all_the_time_is_not_too_slow_however_fast_it_writes() {
    const LINES: usize = 1000;
    // A tenth of what is written at once, and all of that fits the sockets' buffers.
    let server = Server::start(&[
        "--lines-per-second=1000000",
        "--lines-burst=1000000",
        "--outbox-bytes=100000",
    ]);
    let mut alice = server.login("alice");
    let text = "x".repeat(1000);
    let lines = format!("alice: {text}\n").repeat(LINES);
    for _ in 0..20 {
        let mut output = alice.stream().try_clone().expect("a socket can be shared");
        thread::scope(|scope| {
            scope.spawn(|| output.write_all(lines.as_bytes()));
            for _ in 0..LINES {
                alice.expect(&format!("from alice: {text}"));
            }
        });
    }
}

#[test]
fn who_sends_a_flood_of_mistakes_is_told_of_each_and_stays() {
    const LINES: usize = 50_000;
    let server = Server::start(&["--lines-per-second=1000000", "--lines-burst=1000000"]);
    let mut alice = server.login("alice");
    let mut output = alice.stream().try_clone().expect("a socket can be shared");
    thread::scope(|scope| {
        scope.spawn(move || output.write_all(&b"\n".repeat(LINES)));
        for _ in 0..LINES {
            alice.expect("* error empty-line say something, or /help");
        }
    });
}

#[test]
fn whoever_connects_is_told_how_to_log_in_and_whoever_returns_when_it_was_called() {
    let server = Server::start(&[]);
    let mut alice = server.client();
    let hello = alice.read_line().expect("the server says something first");
    let how = "type a name, or a name and a secret to be able to come back; /help lists commands";
    assert_eq!(hello, format!("* hello: {how}"));
    alice.send("hello");
    let help = alice.line();
    assert!(help.starts_with("* help NAME "), "{help:?}");
    let mut bob = server.login("bob secret-of-his");
    bob.send("/join #rust");
    bob.expect("* joined #rust bob");
    bob.leave();
    let mut carol = server.login("carol");
    carol.send("bob: are you there?");
    carol.expect("* kept bob");
    server
        .back("bob secret-of-his", 1)
        .expect_kept("from carol: are you there?");
}

#[test]
fn all_of_a_long_paste_is_said_in_order() {
    let server = Server::start(&["--lines-per-second=100", "--lines-burst=20"]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let lines: Vec<_> = (0..150).map(|n| format!("bob: line {n}\n")).collect();
    alice.send_bytes(lines.concat().as_bytes());
    for n in 0..150 {
        bob.expect(&format!("from alice: line {n}"));
    }
    alice.echo("alice");
}

/// Bytes that look random, and are the same in each run.
fn noise(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0]
    })
}

#[test]
fn bad_clients_disturb_nobody() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (server.login("alice"), server.login("bob"));
    let mut endless = server.client();
    let mut bystanders = Vec::new();
    for round in 1..=30 {
        // Half of them send garbage and stay, the others go at once.
        let mut binary = server.client();
        let garbage: Vec<_> = noise(round).take(10_000).collect();
        binary.send_bytes(&garbage);
        endless.send_bytes(&[b'x'; 100_000]);
        server.client().reset();
        let mut half = server.client();
        half.send_bytes(b"mallory");
        half.reset();
        if round % 2 == 0 {
            bystanders.push(binary);
        } else {
            binary.reset();
        }
        alice.send(&format!("bob: round {round}"));
        bob.expect(&format!("from alice: round {round}"));
        bob.echo("bob");
        alice.echo("alice");
    }
    endless.expect("* error line-too-long at most 4096 bytes; the line was skipped");
    endless.send("\nmallory");
    endless.expect("* welcome mallory");
    for mut client in bystanders {
        is_told_of_mistakes(&mut client);
    }
}

/// Asserts that a client which sent garbage got errors, and nothing else before them.
fn is_told_of_mistakes(client: &mut Client) {
    let line = client.line();
    assert!(line.starts_with("* error "), "{line:?}");
}
