//! Connections that say nothing for long.

use std::time::Duration;

use rejoin::Config;
use rejoin::hub::{Identity, Protocol};
use rejoin::id::Time;

use crate::server::{Server, config};

const MICRO: Duration = Duration::from_micros(1);
const GIVEN_UP: [&str; 2] = [
    "stop c1's reader",
    "stop c1's writer, hand over, * bye you were silent for too long",
];

#[test]
fn a_silent_connection_is_probed_and_then_given_up_each_at_its_exact_time() {
    let mut server = Server::new();
    server.login("alice");
    assert_eq!(server.hub.deadline(), Some(after(config().probe_after)));
    server.passes(config().probe_after - MICRO);
    assert_eq!(server.done, [""; 0]);
    server.passes(MICRO);
    assert_eq!(server.done, ["c1 hear * ping"]);

    assert_eq!(server.hub.deadline(), Some(after(config().silence_timeout)));
    server.passes(config().silence_timeout - config().probe_after - MICRO);
    assert_eq!(server.done, [""; 0], "one probe is enough");
    server.passes(MICRO);
    assert_eq!(server.done, GIVEN_UP);
    server.passes(Duration::from_secs(3600));
    assert_eq!(server.done, [""; 0], "given up once");
}

#[test]
fn whoever_is_probed_late_still_gets_its_time_to_answer() {
    let mut server = Server::new();
    let alice = server.login("alice");
    server.passes(10 * config().silence_timeout);
    assert_eq!(server.done, ["c1 hear * ping"]);
    server.passes(config().silence_timeout - config().probe_after - MICRO);
    assert_eq!(server.done, [""; 0]);
    server.types(alice, "/pong");
    server.passes(MICRO);
    assert_eq!(server.done, [""; 0]);
}

#[test]
fn whoever_answers_a_probe_is_probed_again_later() {
    for answer in ["/pong\n", "alice: hi\n", "al", "\n"] {
        let mut server = Server::new();
        let alice = server.login("alice");
        server.passes(config().probe_after);
        server.passes(config().silence_timeout - config().probe_after - MICRO);
        server.sends(alice, answer.as_bytes());
        let heard = server.now;
        assert_eq!(
            server.hub.deadline(),
            Some(heard.after(config().probe_after))
        );
        server.passes(config().probe_after - MICRO);
        assert_eq!(server.done, [""; 0], "{answer:?}");
        server.passes(MICRO);
        assert_eq!(server.done, ["c1 hear * ping"], "{answer:?}");
    }
}

#[test]
fn a_silent_client_that_speaks_irc_is_pinged() {
    let mut server = Server::new();
    let alice = server.registers("alice");
    server.passes(config().irc_probe_after - MICRO);
    assert_eq!(server.hears(alice), [""; 0]);
    server.passes(MICRO);
    assert_eq!(server.hears(alice), ["PING :silent"]);
    server.types(alice, "PONG :silent");
    server.passes(config().irc_silence_timeout);
    assert_eq!(server.hears(alice), ["PING :silent"]);
}

/// By default, within two to three minutes; whoever speaks the plain protocol has its hour.
#[test]
fn a_client_that_speaks_irc_and_answers_no_ping_is_given_up_soon() {
    let mut server = Server::with(&Config::default());
    let bob = server.login("bob");
    let (alice, carol) = (server.returns("alice"), server.registers("carol"));
    server.types(bob, "alice: one");
    assert!(
        server
            .hears(alice)
            .iter()
            .any(|line| line.ends_with(":one"))
    );
    server.passes(Duration::from_secs(90));
    // The black hole swallows all of this.
    server.types(bob, "alice: two");
    server.types(bob, "carol: two");
    server.passes(Duration::from_secs(60) - MICRO);
    assert_eq!(server.done, [""; 0]);
    server.passes(MICRO);
    let last = "ERROR :Closing Link: 192.0.2.7 (you were silent for too long)";
    for (conn, line) in [(alice, 0), (carol, 2)] {
        let stops = [
            format!("stop {conn}'s reader"),
            format!("stop {conn}'s writer, hand over, {last}"),
        ];
        assert_eq!(server.done[line..line + 2], stops, "without a wait");
    }
    server.writer_ends(alice);
    server.writer_ends(carol);
    server.types(bob, "alice, carol: three");
    let told = [
        "* undelivered carol gone: two",
        "* kept alice",
        "* error no-such-peer carol",
    ];
    assert_eq!(server.hears(bob), told);
    let alice = server.returns("alice");
    let heard = server.hears(alice);
    let said = heard.iter().filter(|line| line.contains(" PRIVMSG "));
    let said: Vec<_> = said.map(|line| line.rsplit_once(':').unwrap().1).collect();
    assert_eq!(said, ["one", "two", "three"], "it has acknowledged none");
    assert_eq!(server.last_line(bob), None, "people have their hour");
}

#[test]
fn any_line_shows_that_a_client_is_there_whether_or_not_it_answers() {
    let mut server = Server::new();
    let alice = server.registers("alice");
    for line in ["AWAY", "PRIVMSG alice :hi", "nonsense", ""] {
        server.passes(config().irc_silence_timeout - MICRO);
        server.types(alice, line);
        let done = server.done.iter().filter(|done| done.starts_with("stop "));
        assert_eq!(done.count(), 0, "{line:?}");
    }
}

/// Its probe is behind so much that it is not there yet.
#[test]
fn a_client_whose_socket_takes_something_again_and_again_is_not_given_up() {
    let mut server = Server::new();
    let alice = server.registers("alice");
    let answer = config().irc_silence_timeout - config().irc_probe_after;
    server.passes(config().irc_probe_after);
    server.passes(answer / 2);
    for _ in 0..2 {
        server.progresses(alice);
        server.passes(answer - MICRO);
        assert_eq!(server.done, [""; 0]);
    }
    server.progresses(alice);
    server.passes(answer - MICRO);
    server.passes(MICRO);
    assert_eq!(server.done.len(), 2, "{:?}", server.done);
}

/// Each answer shows that it reads, however much is in front of what it is asked later.
#[test]
fn a_client_is_probed_behind_each_part_of_a_long_list() {
    let config = Config {
        ack_bytes: 1_000.try_into().expect("not zero"),
        ..config()
    };
    let mut server = Server::with(&config);
    let line = "x".repeat(92);
    server.hub.identify(Identity {
        motd: Some(vec![line; 100]),
        ..Identity::default()
    });
    let alice = server.connect_irc();
    server.types(alice, "NICK alice");
    server.types(alice, "USER u 0 * :r");
    let heard = server.hears(alice);
    let parts: Vec<_> = heard.split(|line| line == "PING :silent").collect();
    let bytes = |part: &&[String]| part.iter().map(|line| line.len() + 2).sum::<usize>();
    let most = parts.iter().map(bytes).max().expect("there is one");
    assert!((13..=16).contains(&parts.len()), "{}", parts.len());
    assert!((1_000..1_200).contains(&most), "{most}");
    // She reads one part in as much time as would be too long for two.
    for _ in 1..parts.len() {
        server.passes(config.irc_silence_timeout - Duration::from_secs(1));
        server.types(alice, "PONG :silent");
        assert_eq!(server.last_line(alice), None);
    }
    server.passes(config.irc_probe_after);
    server.passes(config.irc_silence_timeout - config.irc_probe_after);
    assert!(
        server.last_line(alice).is_some(),
        "a black hole answers nothing"
    );
}

/// Her lines wait until her work is paid for, and her answer behind them.
#[test]
fn the_servers_own_pause_is_no_silence_of_the_client() {
    let speaks = [
        (
            Protocol::Irc,
            &b"NICK eve\nUSER u 0 * :r\n"[..],
            config().irc_silence_timeout,
            config().irc_probe_after,
        ),
        (
            Protocol::Plain,
            b"eve\n",
            config().silence_timeout,
            config().probe_after,
        ),
    ];
    for (protocol, login, timeout, probe_after) in speaks {
        let answer = timeout - probe_after;
        let mut server = Server::with(&Config {
            work_per_connection: MICRO,
            work_burst: MICRO,
            lines_burst: 1_000_000.try_into().expect("not zero"),
            ..config()
        });
        let connected = server.connect_by("192.0.2.1", protocol);
        let eve = connected.expect("it is admitted");
        server.brings(eve, login);
        let bytes = b"/pong\n".repeat(30_000);
        let taken = server.sends_until_paused(eve, &bytes);
        assert!(taken < bytes.len(), "she is paused");
        let (began, is_paused) = (server.now, format!("{eve} proceeds"));
        let mut pause = Duration::ZERO;
        while !server.done.contains(&is_paused) {
            server.passes(Duration::from_secs(1));
            pause = server.now.since(began);
            assert_eq!(server.last_line(eve), None, "after {pause:?}");
        }
        assert!(pause > timeout, "{pause:?}");
        // Nothing comes, though she is listened to again.
        server.passes(answer - Duration::from_secs(1));
        assert_eq!(server.last_line(eve), None);
        server.passes(Duration::from_secs(1));
        assert!(server.last_line(eve).is_some());
    }
}

#[test]
fn a_client_that_takes_everything_and_never_says_anything_is_given_up_in_the_end() {
    let mut server = Server::new();
    let alice = server.registers("alice");
    server.hears(alice);
    let limit = config().silence_timeout.as_secs();
    for second in 1..=limit {
        server.progresses(alice);
        server.passes(Duration::from_secs(1));
        let is_stopped = server.last_line(alice).is_some();
        assert_eq!(is_stopped, second == limit, "after {second} s");
    }
}

#[test]
fn whoever_talks_is_not_probed() {
    let mut server = Server::new();
    let alice = server.login("alice");
    let almost = config().probe_after - MICRO;
    for _ in 0..5 {
        server.passes(almost);
        server.types(alice, "/pong");
        assert_eq!(server.done, [""; 0]);
    }
    server.passes(config().probe_after);
    assert_eq!(
        server.done,
        ["c1 hear * ping"],
        "counted from its last line"
    );
}

#[test]
fn an_answer_at_the_very_moment_of_being_given_up_comes_too_late() {
    let mut server = Server::new();
    let alice = server.login("alice");
    server.passes(config().probe_after);
    server.now = after(config().silence_timeout);
    server.types(alice, "alice: hi");
    assert_eq!(server.done, GIVEN_UP);
}

#[test]
fn a_resumable_peer_that_was_given_up_is_away_and_can_come_back() {
    let mut server = Server::new();
    let bob = server.login("bob correct-horse");
    let alice = server.login("alice");
    server.passes(config().probe_after);
    server.types(alice, "/pong");
    server.passes(config().silence_timeout - config().probe_after);
    server.writer_ends(bob);
    server.hears(alice);
    server.types(alice, "bob: hi");
    assert_eq!(server.hears(alice), ["* kept bob"]);
    let bob = server.connect();
    server.types(bob, "bob correct-horse");
    assert_eq!(
        server.hears(bob),
        ["* back bob 1", "from alice at 1970-01-01T00:03:00Z: hi"]
    );
}

#[test]
fn a_connection_that_ends_is_neither_probed_nor_given_up_again() {
    let mut server = Server::new();
    let alice = server.login("alice");
    server.closes(alice);
    server.passes(config().probe_after);
    assert_eq!(server.done, [""; 0]);
    server.passes(config().silence_timeout);
    assert_eq!(server.done, [""; 0]);
    server.writer_ends(alice);
    assert_eq!(server.hub.deadline(), None);
}

#[test]
fn the_deadline_moves_on_with_each_tick_at_it_and_not_before() {
    let mut server = Server::new();
    let alice = server.login("alice correct-horse");
    let bob = server.login("bob");
    server.passes(Duration::from_secs(7));
    server.types(bob, "/pong");
    server.breaks(alice);
    server.connect();
    let mut deadlines = 0;
    while let Some(deadline) = server.hub.deadline().filter(|_| deadlines < 20) {
        assert!(deadline > server.now, "what is due was done");
        server.now = Time::from_micros(deadline.as_micros() - 1);
        server.ticks();
        assert_eq!(server.done, [""; 0]);
        assert_eq!(
            server.hub.deadline(),
            Some(deadline),
            "a tick before it does nothing"
        );
        server.now = deadline;
        server.ticks();
        assert_ne!(
            server.hub.deadline(),
            Some(deadline),
            "a tick at it does something"
        );
        deadlines += 1;
    }
}

fn after(duration: Duration) -> Time {
    Time::ZERO.after(duration)
}
