//! What one client may do, so that it does not spoil it for the others.

use std::fmt::Debug;
use std::num::NonZeroU32;
use std::time::Duration;

use rejoin::Config;
use rejoin::hub::Protocol;

use crate::irc_story::{play, play_with};
use crate::server::Server;

/// A limit in a test.
fn at_most<T: TryFrom<NonZeroU32, Error: Debug>>(n: u32) -> T {
    let n = NonZeroU32::new(n).expect("not zero");
    T::try_from(n).expect("a small number")
}

#[test]
fn who_sends_too_many_lines_is_listened_to_again_a_little_later() {
    let config = Config {
        lines_burst: at_most(5),
        lines_per_second: at_most(2),
        ..Config::default()
    };
    let mut server = Server::with(&config);
    let alice = server.registers("alice");
    let line = "PING x\r\n";
    let flood = line.repeat(8);
    let taken = server.sends(alice, flood.as_bytes());
    assert_eq!((taken / line.len(), server.hears(alice).len()), (3, 3));
    // Nothing of it is lost, and nobody is told that it went too fast.
    let mut rest = &flood[taken..];
    for _ in 0..5 {
        server.passes(Duration::from_millis(499));
        assert_eq!(server.done, [""; 0]);
        server.passes(Duration::from_millis(1));
        assert_eq!(server.done, ["c1 proceeds"]);
        let taken = server.sends(alice, rest.as_bytes());
        assert_eq!((taken, server.hears(alice).len()), (line.len(), 1));
        rest = &rest[taken..];
    }
    assert_eq!(rest, "");
    // Who is silent for a while may send as many at once again.
    server.passes(Duration::from_secs(3));
    assert_eq!(server.sends(alice, flood.as_bytes()), 5 * line.len());
    // Others are listened to all the while.
    let bob = server.connect_irc();
    server.types(bob, "PING x");
    assert_eq!(server.hears(bob).len(), 1);
}

#[test]
fn a_nick_can_be_changed_so_often_and_again_after_a_while() {
    let config = Config {
        nick_changes: at_most(2),
        nick_change_window: Duration::from_secs(20),
        ..Config::default()
    };
    play_with(
        &config,
        "
        alice + standard-replies
        alice does NICK a1
        alice > NICK a1
        alice does NICK a2
        alice > NICK a3
        alice < ^ FAIL NICK TOO_FAST :You change your nick too often; try again in a while
        wait 10
        alice > NICK a3
        alice < :a2!~u@192.0.2.7 NICK :a3
        alice > NICK a4
        alice < ^ FAIL NICK TOO_FAST :You change your nick too often; try again in a while
        bob > NICK rob
        bob < :bob@@ NICK :rob
        ",
    );
}

#[test]
fn rooms_are_entered_so_often_and_again_after_a_while() {
    let config = Config {
        joins: at_most(2),
        join_window: Duration::from_secs(20),
        ..Config::default()
    };
    let described = |room: &str| {
        format!(
            "alice < :alice@@ JOIN {room}
             alice < 353 alice = {room} :@alice
             alice < 366 alice {room} :End of /NAMES list"
        )
    };
    play_with(
        &config,
        &format!(
            "
            alice > JOIN #a,#b,#c
            {}
            {}
            alice < 263 alice JOIN :Too many joins; wait a while, and try #c again
            wait 10
            alice > JOIN #c
            {}
            alice > JOIN #d
            alice < 263 alice JOIN :Too many joins; wait a while, and try #d again
            bob does JOIN #e
            ",
            described("#a"),
            described("#b"),
            described("#c"),
        ),
    );
}

#[test]
fn a_room_takes_so_many_whatever_its_modes() {
    let config = Config {
        room_members: at_most(2),
        ..Config::default()
    };
    play_with(
        &config,
        "
        alice does JOIN #a
        bob does JOIN #a
        carol > JOIN #a
        carol < 471 carol #a :Cannot join channel (+l)
        alice does INVITE carol #a
        carol > JOIN #a
        carol < 471 carol #a :Cannot join channel (+l)
        dave speaks plain
        dave > /join #a
        dave < * error may-not-join #a
        bob does PART #a
        carol > JOIN #a
        carol < :carol@@ JOIN #a
        carol skips all
        alice < :carol@@ JOIN #a
        ",
    );
}

#[test]
fn so_many_are_invited_and_the_oldest_gives_way() {
    let config = Config {
        list_entries: at_most(2),
        ..Config::default()
    };
    play_with(
        &config,
        "
        alice does JOIN #a
        alice does MODE #a +i
        bob does PONG x
        carol does PONG x
        dave does PONG x
        alice does INVITE dave #a
        alice does INVITE bob #a
        alice does INVITE carol #a
        dave > INVITE
        dave < 337 dave :End of /INVITE list
        bob > INVITE
        bob < 336 bob #a
        bob < 337 bob :End of /INVITE list
        ",
    );
    for (letter, list) in [("e", "e"), ("I", "I")] {
        play_with(
            &config,
            &format!(
                "
                alice does JOIN #a
                alice does MODE #a +{letter}{letter} x y
                alice > MODE #a +{letter} z
                alice < 478 alice #a {list} :Channel list is full
                "
            ),
        );
    }
}

#[test]
fn one_command_names_so_many() {
    let config = Config {
        receivers: at_most(2),
        ..Config::default()
    };
    play_with(
        &config,
        "
        alice does JOIN #a
        alice > PRIVMSG a,b,c :hi
        alice < 407 alice c :Too many targets
        alice > KICK #a a,b,c
        alice < 441 alice a #a :They aren't on that channel
        alice < 441 alice b #a :They aren't on that channel
        alice < 407 alice c :Too many targets
        alice > NAMES #x,#y,#a
        alice < 366 alice #x :End of /NAMES list
        alice < 366 alice #y :End of /NAMES list
        alice < 407 alice #a :Too many targets
        ",
    );
}

#[test]
fn what_people_say_of_themselves_and_of_rooms_is_cut() {
    let text = |bytes: usize| "é".repeat(bytes / 2);
    let (long, away, topic) = (text(400), text(300), text(340));
    play(&format!(
        "
        alice does JOIN #a
        bob does JOIN #a
        alice > TOPIC #a :{long}
        alice < :alice@@ TOPIC #a :{topic}
        bob < :alice@@ TOPIC #a :{topic}
        bob does AWAY :{long}
        alice > PRIVMSG bob :hi
        alice < 301 alice bob :{away}
        bob < :alice@@ PRIVMSG bob :hi
        alice > KICK #a bob :{long}
        alice < :alice@@ KICK #a bob :{away}
        bob < :alice@@ KICK #a bob :{away}
        bob does JOIN #a
        bob > PART #a :{long}
        bob < :bob@@ PART #a :{away}
        alice < :bob@@ PART #a :{away}
        bob does JOIN #a
        bob > QUIT :{long}
        alice < :bob@@ QUIT :Quit: {away}
        "
    ));
}

#[test]
fn a_server_takes_so_many_users_and_they_register_in_time() {
    let config = Config {
        peers: at_most(1),
        login_timeout: Duration::from_secs(30),
        ..Config::default()
    };
    play_with(
        &config,
        "
        alice does PONG x
        bob * new
        bob > NICK bob
        bob > USER u 0 * :Real Name
        bob < ^ NOTICE * :There are too many users
        bob ! ERROR :Closing Link: 192.0.2.7 (there are too many peers)
        carol * new
        carol > NICK carol
        wait 29
        carol > PING x
        carol < ^ PONG rejoin.localhost :x
        wait 1
        carol ! ERROR :Closing Link: 192.0.2.7 (you did not log in in time)
        ",
    );
}

#[test]
fn secrets_are_not_guessed_for_long() {
    let config = Config {
        failed_logins_per_connection: at_most(2),
        failed_logins_per_address: at_most(3),
        ..Config::default()
    };
    let guess = |nick| {
        format!(
            "
            {nick} * new
            {nick} > USER u 0 * :Real Name
            {nick} > PASS wrong-horse
            {nick} > NICK alice
            {nick} < 433 * alice :Nickname is already in use…
            "
        )
    };
    play_with(
        &config,
        &format!(
            "
            alice * new
            alice > PASS correct-horse
            alice > NICK alice
            alice > USER u 0 * :Real Name
            alice skips all
            {}
            eve > NICK alice
            eve < 433 * alice :Nickname is already in use…
            eve ! ERROR :Closing Link: 192.0.2.7 (too many failed logins)
            {}
            mallory > NICK alice
            wait 4
            wait 1
            mallory < 433 * alice :Nickname is already in use…
            mallory ! ERROR :Closing Link: 192.0.2.7 (too many failed logins)
            ",
            guess("eve"),
            guess("mallory"),
        ),
    );
}

#[test]
fn connections_are_counted_and_one_too_many_is_told_so() {
    let config = Config {
        connections_per_address: at_most(1),
        ..Config::default()
    };
    let mut server = Server::with(&config);
    server.connect_irc();
    let told = server.connect_by("192.0.2.7", Protocol::Irc);
    let last = "ERROR :Closing Link: 192.0.2.7 (there are too many connections)\r\n";
    assert_eq!(told.unwrap_err(), last);
}
