//! What IRC never had: those who come back, and what they have not read.

use std::time::Duration;

use rejoin::Config;
use rejoin::id::ConnId;

use crate::server::Server;

pub(crate) const SECRET: &str = "correct-horse";

/// Somebody who speaks IRC is here, and has heard what everybody hears first.
pub(crate) fn registers(server: &mut Server, nick: &str, secret: Option<&str>) -> ConnId {
    let conn = begins(server, nick, secret);
    let heard = server.hears(conn);
    assert!(heard[0].contains(" 001 "), "{heard:?}");
    conn
}

pub(crate) fn begins(server: &mut Server, nick: &str, secret: Option<&str>) -> ConnId {
    let conn = server.connect_irc();
    if let Some(secret) = secret {
        server.types(conn, &format!("PASS {secret}"));
    }
    server.types(conn, &format!("NICK {nick}"));
    server.types(conn, "USER user 0 * :Real Name");
    conn
}

/// What somebody hears after what everybody hears first.
pub(crate) fn after_the_welcome(heard: &[String]) -> &[String] {
    let end = heard.iter().position(|line| line.contains(" 422 "));
    &heard[end.expect("there is no message of the day") + 1..]
}

/// The texts of the messages among these lines.
pub(crate) fn said(lines: &[String]) -> Vec<&str> {
    let messages = lines.iter().filter(|line| line.contains(" PRIVMSG "));
    messages
        .map(|line| line.rsplit_once(" :").unwrap().1)
        .collect()
}

pub(crate) fn registers_again(server: &mut Server) -> ConnId {
    begins(server, "alice", Some(SECRET))
}

#[test]
fn whoever_connects_again_as_seldom_as_irssi_does_is_kept_by_default() {
    let mut server = Server::with(&Config::default());
    let bob = server.login("bob");
    let alice = registers(&mut server, "alice", Some(SECRET));
    server.breaks(alice);
    server.types(bob, "alice: one");
    // Its `server_reconnect_time` is 5 minutes, and the first try may fail.
    server.passes(2 * Duration::from_secs(5 * 60));
    let alice = registers_again(&mut server);
    assert_eq!(said(&server.hears(alice)), ["one"]);
}

#[test]
fn who_is_back_and_marked_as_away_is_told_so() {
    let mut server = Server::new();
    let alice = registers(&mut server, "alice", Some(SECRET));
    server.types(alice, "AWAY :lunch");
    server.hears(alice);
    server.breaks(alice);
    let alice = registers_again(&mut server);
    let heard = server.hears(alice);
    let told = [":rejoin.localhost 306 alice :You are still marked as being away"];
    assert_eq!(after_the_welcome(&heard), told);
}

#[test]
fn channels_and_modes_come_back_and_nobody_sees_it_within_the_grace() {
    let mut server = Server::new();
    let alice = registers(&mut server, "alice", Some(SECRET));
    server.types(alice, "JOIN #rust");
    server.types(alice, "TOPIC #rust :crabs");
    let bob = registers(&mut server, "bob", None);
    server.types(bob, "JOIN #rust");
    server.hears(bob);
    server.breaks(alice);
    server.passes(Duration::from_secs(14));
    let alice = registers_again(&mut server);
    assert_eq!(server.hears(bob), [""; 0]);
    let heard = server.hears(alice);
    let heard = after_the_welcome(&heard);
    assert_eq!(heard[0], ":alice!~user@192.0.2.7 JOIN #rust");
    assert!(heard[1].ends_with(" 332 alice #rust :crabs"), "{heard:?}");
    assert!(
        heard[3].ends_with(" 353 alice = #rust :@alice bob"),
        "{heard:?}"
    );
    server.types(alice, "MODE #rust +m");
    assert_eq!(server.hears(bob), [":alice!~user@192.0.2.7 MODE #rust +m"]);
}

#[test]
fn after_the_grace_a_return_is_a_join() {
    let mut server = Server::new();
    let alice = registers(&mut server, "alice", Some(SECRET));
    server.types(alice, "JOIN #rust");
    let bob = registers(&mut server, "bob", None);
    server.types(bob, "JOIN #rust");
    server.types(bob, "MONITOR + alice");
    server.hears(bob);
    server.breaks(alice);
    server.passes(Duration::from_secs(15));
    let mask = "alice!~user@192.0.2.7";
    assert_eq!(
        server.hears(bob),
        [
            format!(":{mask} QUIT :Connection lost"),
            ":rejoin.localhost 731 bob :alice".to_owned(),
        ]
    );
    server.types(bob, "NAMES #rust");
    assert!(server.hears(bob)[0].ends_with(":bob"));
    // What is said meanwhile is kept all the same, and its sender is told.
    server.types(bob, "PRIVMSG alice :hi");
    server.types(bob, "PRIVMSG #rust :all");
    let told = server.hears(bob);
    assert_eq!(
        told,
        [":rejoin.localhost NOTICE bob :alice is away; your message waits"]
    );
    let alice = registers_again(&mut server);
    assert_eq!(said(&server.hears(alice)), ["hi", "all"]);
    assert_eq!(
        server.hears(bob),
        [
            format!(":rejoin.localhost 730 bob :{mask}"),
            format!(":{mask} JOIN #rust"),
            ":rejoin.localhost MODE #rust +o alice".to_owned(),
        ]
    );
}

#[test]
fn what_was_kept_comes_with_its_time_and_number_in_a_batch() {
    let mut server = Server::new();
    let bob = registers(&mut server, "bob", None);
    let alice = registers(&mut server, "alice", Some(SECRET));
    server.breaks(alice);
    server.passes(Duration::from_secs(1));
    server.types(bob, "PRIVMSG alice :hi");
    server.passes(Duration::from_secs(1));
    let alice = server.connect_irc();
    server.types(alice, "CAP REQ :batch server-time message-tags");
    server.types(alice, &format!("PASS {SECRET}"));
    server.types(alice, "NICK alice");
    server.types(alice, "USER user 0 * :Real Name");
    server.types(alice, "CAP END");
    let heard = server.hears(alice);
    let heard = after_the_welcome(&heard);
    let now = "time=1970-01-01T00:00:02.000Z";
    let then = "time=1970-01-01T00:00:01.000Z";
    let (_, id) = heard[1].split_once(";msgid=").expect("it has one");
    let (id, _) = id.split_once(' ').expect("it is the last tag");
    assert_eq!(id.len(), 26);
    assert_eq!(
        heard[..3],
        [
            format!("@{now} :rejoin.localhost BATCH +1 rejoin/kept"),
            format!("@batch=1;{then};msgid={id} :bob!~user@192.0.2.7 PRIVMSG alice :hi"),
            format!("@{now} :rejoin.localhost BATCH -1"),
        ]
    );
}

#[test]
fn a_held_nick_is_refused_without_its_secret() {
    let mut server = Server::new();
    registers(&mut server, "alice", Some(SECRET));
    for secret in [None, Some("wrong-horse")] {
        let eve = begins(&mut server, "Alice", secret);
        let heard = server.hears(eve);
        assert!(
            heard[0].contains(" 433 ") && heard[0].contains("PASS"),
            "{heard:?}"
        );
        server.types(eve, "NICK eve");
        assert!(server.hears(eve)[0].contains(" 001 eve "));
        server.types(eve, "QUIT");
        server.writer_ends(eve);
    }
}

#[test]
fn a_guest_gets_its_nick_back_as_soon_as_its_old_link_ends() {
    let mut server = Server::new();
    let old = registers(&mut server, "alice", None);
    let eve = begins(&mut server, "alice", None);
    assert!(server.hears(eve)[0].contains(" 433 "));
    server.closes(old);
    let new = begins(&mut server, "alice", None);
    assert_eq!(server.hears(new), [""; 0]);
    server.writer_ends(old);
    assert!(server.hears(new)[0].contains(" 001 alice "));
}

#[test]
fn a_nick_that_was_changed_is_kept_and_the_old_one_is_free() {
    let mut server = Server::new();
    let bob = server.login("bob");
    let alice = registers(&mut server, "alice", Some(SECRET));
    server.types(alice, "NICK carol");
    assert_eq!(server.hears(alice), [":alice!~user@192.0.2.7 NICK :carol"]);
    server.types(bob, "carol: one");
    server.breaks(alice);
    let other = registers(&mut server, "alice", None);
    server.types(bob, "alice: two");
    assert_eq!(said(&server.hears(other)), ["two"]);
    let carol = begins(&mut server, "carol", Some(SECRET));
    assert_eq!(said(&server.hears(carol)), ["one"]);
}

/// As a client does that is started again.
#[test]
fn whoever_changed_its_nick_comes_back_with_the_one_of_its_configuration() {
    let mut server = Server::new();
    let bob = server.login("bob");
    let alice = registers_again(&mut server);
    server.types(alice, "JOIN #a");
    server.types(alice, "NICK carol");
    server.types(bob, "/join #a");
    server.hears(bob);
    server.breaks(alice);
    server.types(bob, "carol: one");
    server.hears(bob);
    let again = registers_again(&mut server);
    let heard = server.hears(again);
    assert!(heard[0].contains(" 001 carol "), "{heard:?}");
    assert_eq!(said(&heard), ["one"]);
    assert!(heard.iter().any(|line| line.ends_with(" JOIN #a")));
    assert_eq!(server.hears(bob), [""; 0], "nobody saw it go");
}

#[test]
fn a_sender_who_has_another_nick_meanwhile_is_told_what_comes_back() {
    let mut server = Server::new();
    let alice = registers(&mut server, "alice", Some(SECRET));
    let bob = registers(&mut server, "bob", None);
    server.breaks(alice);
    server.types(bob, "PRIVMSG alice :hi");
    server.types(bob, "NICK rob");
    server.hears(bob);
    server.passes(Duration::from_secs(300));
    let told = ":rejoin.localhost NOTICE rob :alice did not come back, and will not get: hi";
    assert_eq!(server.hears(bob).last().unwrap(), told);
}

#[test]
fn who_quits_is_gone_at_once_whatever_its_secret() {
    let mut server = Server::new();
    let alice = registers(&mut server, "alice", Some(SECRET));
    let bob = registers(&mut server, "bob", None);
    for conn in [alice, bob] {
        server.types(conn, "JOIN #a,#b");
    }
    server.hears(bob);
    server.types(alice, "QUIT :see you");
    let quit = ":alice!~user@192.0.2.7 QUIT :Quit: see you";
    assert_eq!(
        server.hears(bob),
        [quit],
        "once, though they share two rooms"
    );
    server.writer_ends(alice);
    server.types(bob, "PRIVMSG alice :hi");
    assert!(server.hears(bob)[0].contains(" 401 "));
}
