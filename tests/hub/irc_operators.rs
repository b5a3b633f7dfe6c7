//! Operators of the server, and what they alone may do.

use std::time::Duration;

use rejoin::Config;
use rejoin::hub::{Identity, Outputs};

use crate::irc_returns::{SECRET, after_the_welcome, begins, registers};
use crate::irc_story::{play_as, with_operator};
use crate::server::Server;

/// Plays a story in which root is an operator.
#[track_caller]
fn play(story: &str) {
    let begin = "root does OPER root toor\n";
    play_as(
        &Config::default(),
        with_operator(),
        &format!("{begin}{story}"),
    );
}

#[test]
fn who_knows_the_password_is_an_operator_until_it_wants_to_be_none() {
    play_as(
        &Config::default(),
        with_operator(),
        "
        alice > OPER root toor
        alice < 381 alice :You are now an IRC operator
        alice < :alice@@ MODE alice +o
        alice > OPER root toor
        alice < 381 alice :You are now an IRC operator
        alice > MODE alice
        alice < 221 alice +o
        alice > MODE alice -o
        alice < :alice@@ MODE alice -o
        alice > KILL alice
        alice < 481 alice :Permission Denied- You're not an IRC operator
        ",
    );
}

#[test]
fn who_does_not_know_the_password_is_told_so_and_guesses_slowly() {
    let config = Config {
        failed_logins_per_address: 1.try_into().unwrap(),
        ..Config::default()
    };
    play_as(
        &config,
        with_operator(),
        "
        alice > OPER
        alice < 461 alice OPER :Not enough parameters
        alice > OPER root
        alice < 461 alice OPER :Not enough parameters
        alice > OPER root wrong
        alice < 464 alice :Password incorrect
        alice > OPER nobody toor
        alice < 464 alice :Password incorrect
        alice > OPER root wrong
        wait 14
        wait 1
        alice < 464 alice :Password incorrect
        bob * new
        bob > PASS correct-horse
        bob > NICK bob
        bob > USER u 0 * :Bob
        bob skips all
        bob breaks
        bob * new
        bob > PASS correct-horse
        bob > NICK bob
        bob > USER u 0 * :Bob
        bob < 001 bob :Welcome…
        bob skips all
        alice > MODE alice
        alice < 221 alice +
        ",
    );
}

#[test]
fn only_operators_kill_speak_to_all_and_rehash() {
    for command in ["KILL bob :why", "KILL alice", "WALLOPS :hi", "REHASH"] {
        play(&format!(
            "
            bob does MODE bob +w
            alice > {command}
            alice < 481 alice :Permission Denied- You're not an IRC operator
            "
        ));
    }
    for (command, told) in [
        ("KILL", "461 root KILL :Not enough parameters"),
        ("KILL nobody :why", "401 root nobody :No such nick/channel"),
        ("KILL #a :why", "401 root #a :No such nick/channel"),
        ("WALLOPS", "461 root WALLOPS :Not enough parameters"),
        ("WALLOPS :", "461 root WALLOPS :Not enough parameters"),
    ] {
        play(&format!("root > {command}\nroot < {told}"));
    }
}

#[test]
fn who_is_killed_is_told_by_whom_and_why_and_others_see_it_quit() {
    for (given, why) in [(" :spam, lots", "spam, lots"), ("", "no reason given")] {
        play(&format!(
            "
            alice does JOIN #a
            bob does JOIN #a
            carol does MONITOR + bob
            root > KILL BOB{given}
            bob < :root@@ KILL bob :{why}
            bob ! ERROR :Closing Link: 192.0.2.7 (Killed (root ({why})))
            alice < :bob@@ QUIT :Killed (root ({why}))
            carol < 731 carol :bob
            root < ^ NOTICE root :bob is killed
            root > KILL bob
            root < 401 root bob :No such nick/channel
            bob ends
            bob * new
            bob > NICK bob
            bob > USER u 0 * :Real Name
            bob skips all
            carol < 730 carol :bob@@
            "
        ));
    }
}

#[test]
fn an_operator_may_kill_itself_and_who_speaks_another_protocol() {
    play(
        "
        alice does JOIN #a
        root does JOIN #a
        root > KILL root :enough
        root < :root@@ KILL root :enough
        root ! ERROR :Closing Link: 192.0.2.7 (Killed (root (enough)))
        alice < :root@@ QUIT :Killed (root (enough))
        ",
    );
    play(
        "
        dave speaks plain
        dave > /join #a
        dave skips all
        erin speaks plain
        erin > /join #a
        erin skips all
        dave skips all
        root > KILL dave :spam
        dave ! * bye Killed (root (spam))
        root < ^ NOTICE root :dave is killed
        erin < * left #a dave quit: Killed (root (spam))
        ",
    );
}

#[test]
fn who_can_come_back_is_killed_also_while_it_is_away() {
    // Seen as there, and taken for gone.
    for (wait, quit) in [(1, "alice < :bob@@ QUIT :Killed (root (spam))"), (60, "")] {
        play(&format!(
            "
            alice does JOIN #a
            bob * new
            bob > PASS correct-horse
            bob > NICK bob
            bob > USER u 0 * :Real Name
            bob skips all
            bob does JOIN #a
            bob breaks
            wait {wait}
            alice skips all
            alice does PRIVMSG bob :hi
            root > KILL bob :spam
            {quit}
            root < ^ NOTICE root :bob is killed; its connection was lost, so it is told when it comes back
            alice < ^ NOTICE alice :bob is gone, and will not get: hi
            alice > PRIVMSG bob :hi
            alice < 401 alice bob :No such nick/channel
            eve > NICK bob
            eve < :eve@@ NICK :bob
            "
        ));
    }
}

/// The server notices only after the `KILL` that its link is dead, or has noticed before.
#[test]
fn who_was_killed_while_its_link_was_down_is_told_on_its_return_by_whom_and_why() {
    for is_noticed in [false, true] {
        let mut server = Server::with(&Config::default());
        server.hub.identify(with_operator());
        let root = server.registers("root");
        server.types(root, "OPER root toor");
        let bob = registers(&mut server, "bob", Some(SECRET));
        server.types(bob, "NICK rob");
        server.passes(Duration::from_secs(20));
        if is_noticed {
            server.breaks(bob);
        }
        server.types(root, "KILL rob :spam");
        if !is_noticed {
            server.writer_ends(bob);
        }
        server.passes(Duration::from_secs(20));
        // Nobody else is told, whatever it is called and with the same secret.
        for (nick, secret) in [("bob", "another-horse"), ("eve", SECRET)] {
            let eve = begins(&mut server, nick, Some(secret));
            assert_eq!(after_the_welcome(&server.hears(eve)), [""; 0]);
            server.types(eve, "QUIT");
            server.writer_ends(eve);
        }
        let lost = "your channels and what waited for you are gone";
        let words = format!("root had killed you at 1970-01-01T00:00:20Z, and {lost}: spam");
        let notice = format!(":rejoin.localhost NOTICE bob :{words}");
        for told in [&[notice][..], &[]] {
            let bob = begins(&mut server, "bob", Some(SECRET));
            assert_eq!(after_the_welcome(&server.hears(bob)), told);
            server.types(bob, "QUIT");
            server.writer_ends(bob);
        }
    }
}

#[test]
fn who_was_killed_is_told_in_plain_lines_too_and_not_after_its_window() {
    for (wait, told) in [
        (59 * 60, "* killed root at 1970-01-01T00:00:00Z: spam"),
        (3600, ""),
    ] {
        let mut server = Server::with(&Config::default());
        server.hub.identify(with_operator());
        let root = server.registers("root");
        server.types(root, "OPER root toor");
        let bob = server.login("bob correct-horse");
        server.breaks(bob);
        server.types(root, "KILL bob :spam");
        server.passes(Duration::from_secs(wait));
        let bob = server.connect();
        server.types(bob, "bob correct-horse");
        let told = ["* welcome bob", told];
        let told: Vec<_> = told.into_iter().filter(|line| !line.is_empty()).collect();
        assert_eq!(server.hears(bob), told);
    }
}

/// A flood of kills makes the oldest be forgotten.
#[test]
fn so_many_who_were_killed_are_remembered() {
    let whowas = 2.try_into().expect("not zero");
    let mut server = Server::with(&Config {
        whowas,
        ..Config::default()
    });
    server.hub.identify(with_operator());
    let root = server.registers("root");
    server.types(root, "OPER root toor");
    let names = ["ann", "bob", "cat"];
    for name in names {
        let conn = server.login(&format!("{name} correct-horse"));
        server.types(root, &format!("KILL {name}"));
        server.writer_ends(conn);
    }
    let is_told = names.map(|name| {
        let conn = server.connect();
        server.types(conn, &format!("{name} correct-horse"));
        server.hears(conn).len() == 2
    });
    assert_eq!(is_told, [false, true, true]);
}

#[test]
fn wallops_are_heard_by_those_who_want_to() {
    play(
        "
        alice does MODE alice +w
        bob does MODE bob +i
        root > WALLOPS :the server stops at noon
        alice < :root@@ WALLOPS :the server stops at noon
        root does MODE root +w
        alice does MODE alice -w
        root > WALLOPS soon
        root < :root@@ WALLOPS :soon
        ",
    );
}

#[test]
fn rehash_lets_the_driver_read_everything_again() {
    let mut server = Server::new();
    server.hub.identify(with_operator());
    let root = server.registers("root");
    server.types(root, "OPER root toor");
    server.hears(root);
    server.types(root, "REHASH");
    assert_eq!(server.done.last().unwrap(), "rehash");
    let told = ":rejoin.localhost 382 root * :Rehashing";
    assert_eq!(server.hears(root), [told]);
    // Who was an operator before stays one; who is not in the files any more can't be one.
    server.hub.identify(Identity::default());
    server.passes(Duration::from_secs(1));
    server.types(root, "OPER root toor");
    let told = ":rejoin.localhost 464 root :Password incorrect";
    assert_eq!(server.hears(root), [told]);
}

#[test]
fn who_gives_a_password_waits_until_it_is_verified_and_nobody_else_does() {
    let mut server = Server::new();
    server.hub.identify(with_operator());
    server.verifies_at_once = false;
    let (alice, bob) = (server.registers("alice"), server.registers("bob"));
    server.types(alice, "CAP REQ :labeled-response");
    server.hears(alice);
    let oper = b"@label=1 OPER root toor\n";
    let received = server.brings_once(alice, &[oper, &b"PING 2\n"[..]].concat());
    assert_eq!(received.taken, oper.len());
    assert!(received.waits);
    let verify = format!("verify what {alice} gave from 192.0.2.7");
    assert_eq!(server.done, [verify.as_str()]);
    server.types(bob, "PING 1");
    assert_eq!(server.hears(bob).len(), 1);
    // Whatever else it may have waited for does not let it go on.
    server.passes(Duration::from_secs(5));
    assert_eq!(server.done, [""; 0]);
    assert_eq!(server.brings_once(alice, b"PING 2\n").taken, 0);
    assert_eq!(server.hears(alice), [""; 0]);
    server.verifies(alice);
    assert_eq!(server.done.last(), Some(&format!("{alice} proceeds")));
    let heard = server.hears(alice);
    let told = "@label=1 :rejoin.localhost 381 alice :You are now an IRC operator";
    assert_eq!(heard[0], told);
    server.types(alice, "PING 2");
    assert_eq!(server.hears(alice).len(), 1);
}

#[test]
fn a_name_that_is_no_operators_is_verified_as_well_and_never_right() {
    let mut server = Server::new();
    server.hub.identify(with_operator());
    let alice = server.registers("alice");
    server.verifies_at_once = false;
    // Even with the password of another.
    server.types(alice, "OPER nobody toor");
    let verify = format!("verify what {alice} gave from 192.0.2.7");
    assert_eq!(server.done, [verify.as_str()]);
    server.verifies(alice);
    let told = ":rejoin.localhost 464 alice :Password incorrect";
    assert_eq!(server.hears(alice), [told]);
}

#[test]
fn a_password_is_right_if_it_is_by_what_is_configured_when_it_was_verified() {
    let other = Identity {
        operators: [("root".to_owned(), "other".to_owned())].into(),
        ..Identity::default()
    };
    for (identity, told) in [
        (with_operator(), " 381 alice "),
        (other, " 464 alice "),
        (Identity::default(), " 464 alice "),
    ] {
        let mut server = Server::new();
        server.hub.identify(with_operator());
        server.verifies_at_once = false;
        let alice = server.registers("alice");
        server.types(alice, "OPER root toor");
        server.hub.identify(identity);
        server.verifies(alice);
        let heard = server.hears(alice);
        assert!(heard[0].contains(told), "{heard:?}");
    }
}

#[test]
fn what_is_verified_for_a_connection_that_has_ended_means_nothing() {
    let mut server = Server::new();
    server.hub.identify(with_operator());
    server.verifies_at_once = false;
    let [alice, bob] = ["alice", "bob"].map(|nick| server.registers(nick));
    for conn in [alice, bob] {
        server.types(conn, "OPER root toor");
    }
    server.breaks(alice);
    server.verifies(alice);
    assert_eq!(server.done, [""; 0]);
    server.closes(bob);
    server.verifies(bob);
    assert_eq!(server.hears(bob), [""; 0]);
    server.writer_ends(bob);
    assert!(server.hub.is_idle());
}

#[test]
fn a_password_is_shown_by_nothing() {
    let mut server = Server::new();
    server.hub.identify(with_operator());
    let alice = server.registers("alice");
    let mut out = Outputs::new();
    let line = b"OPER root secret-password\n";
    server.hub.received(server.now, alice, line, &mut out);
    let shown = format!("{out:?} {:?}", out.iter().collect::<Vec<_>>());
    assert!(shown.contains("Verify"), "{shown}");
    assert!(
        !shown.contains("secret-password") && !shown.contains("toor"),
        "{shown}"
    );
}
