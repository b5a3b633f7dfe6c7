//! Those whom others have seen quit, and who will come back: what is decided of them meanwhile
//! holds when they do.

use std::time::Duration;

use rejoin::Config;
use rejoin::id::ConnId;

use crate::irc_returns::{after_the_welcome, said};
use crate::server::{Server, config};

/// Alice is an operator in #a and bob, with a secret, is an operator there as well, and carol a
/// member.
fn scene() -> (Server, ConnId, ConnId, ConnId) {
    scene_with(&config())
}

fn scene_with(config: &Config) -> (Server, ConnId, ConnId, ConnId) {
    let mut server = Server::with(config);
    let alice = server.registers("alice");
    let bob = server.returns("bob");
    let carol = server.registers("carol");
    for conn in [alice, bob, carol] {
        server.types(conn, "JOIN #a");
    }
    server.types(alice, "MODE #a +o bob");
    hears_nothing_more(&mut server, &[alice, bob, carol]);
    (server, alice, bob, carol)
}

fn hears_nothing_more(server: &mut Server, conns: &[ConnId]) {
    for &conn in conns {
        server.hears(conn);
    }
}

/// Bob's connection is lost, and after the grace the others see it quit.
fn is_gone(server: &mut Server, bob: ConnId, others: &[ConnId]) {
    server.breaks(bob);
    server.passes(config().return_grace);
    for &other in others {
        let heard = server.hears(other);
        assert!(heard[0].ends_with(" QUIT :Connection lost"), "{heard:?}");
    }
}

/// Bob is back. Returns its connection, and what it hears after what all hear first.
fn is_back(server: &mut Server) -> (ConnId, Vec<String>) {
    let bob = server.returns("bob");
    let heard = server.hears(bob);
    (bob, after_the_welcome(&heard).to_vec())
}

/// What bob hears of where it is, of what was said, and of who puts it out.
fn of_rooms(heard: &[String]) -> Vec<&str> {
    let verbs = [" JOIN ", " PRIVMSG ", " KICK ", " 353 "];
    let lines = heard.iter().map(String::as_str);
    let lines = lines.filter(|line| verbs.iter().any(|verb| line.contains(verb)));
    lines.collect()
}

fn asks(server: &mut Server, conn: ConnId, line: &str) -> Vec<String> {
    server.types(conn, line);
    server.hears(conn)
}

/// Whether bob is in #a, as alice sees it.
fn is_in(server: &mut Server, alice: ConnId) -> bool {
    asks(server, alice, "NAMES #a")[0].contains("bob")
}

const JOIN: &str = ":bob!~u@192.0.2.7 JOIN #a";

#[test]
fn a_kick_reaches_whoever_will_come_back() {
    let (mut server, alice, bob, carol) = scene();
    is_gone(&mut server, bob, &[alice, carol]);
    let kick = ":alice!~u@192.0.2.7 KICK #a bob :too loud";
    assert_eq!(
        asks(&mut server, alice, "KICK #a bob :too loud"),
        [kick.to_owned()]
    );
    assert_eq!(server.hears(carol), [kick.to_owned()]);
    let again = asks(&mut server, alice, "KICK #a bob :too loud");
    assert!(again[0].contains(" 441 "), "{again:?}");
    server.types(alice, "PRIVMSG #a :among us");
    let (bob, heard) = is_back(&mut server);
    assert_eq!(
        of_rooms(&heard),
        [JOIN, kick],
        "its client shows no kick of others"
    );
    assert_eq!(server.hears(alice), [""; 0]);
    let refused = asks(&mut server, bob, "MODE #a +t");
    assert!(refused[0].contains(" 442 "), "{refused:?}");
}

#[test]
fn ranks_are_given_to_and_taken_from_whoever_will_come_back() {
    let (mut server, alice, bob, carol) = scene();
    is_gone(&mut server, bob, &[alice, carol]);
    let told = ":alice!~u@192.0.2.7 MODE #a -o+v bob bob";
    assert_eq!(asks(&mut server, alice, "MODE #a -o+v bob bob"), [told]);
    server.hears(carol);
    // What is for operators alone is not for it any more.
    server.types(alice, "PRIVMSG @#a :about bob");
    let (bob, heard) = is_back(&mut server);
    assert_eq!(said(&heard), [""; 0]);
    let seen = [JOIN, ":rejoin.localhost MODE #a +v bob"];
    assert_eq!(server.hears(carol), seen);
    let refused = asks(&mut server, bob, "MODE #a +m");
    assert!(refused[0].contains(" 482 "), "{refused:?}");
}

#[test]
fn a_ban_puts_out_at_once_whom_it_matches_and_others_have_seen_quit() {
    let (mut server, alice, bob, carol) = scene();
    is_gone(&mut server, bob, &[alice, carol]);
    server.types(alice, "PRIVMSG #a :before");
    // Carol is there, so she can be kicked if that is wanted.
    let told = [
        ":alice!~u@192.0.2.7 MODE #a +b *!*@192.0.2.7",
        ":alice!~u@192.0.2.7 KICK #a bob :Banned",
    ];
    assert_eq!(asks(&mut server, alice, "MODE #a +b *!*@192.0.2.7"), told);
    server.types(alice, "PRIVMSG #a :behind");
    server.types(alice, "MODE #a -b *!*@192.0.2.7");
    server.hears(alice);
    let (_, heard) = is_back(&mut server);
    let kick = ":alice!~u@192.0.2.7 KICK #a bob :Banned";
    let before = ":alice!~u@192.0.2.7 PRIVMSG #a :before";
    assert_eq!(of_rooms(&heard), [JOIN, before, kick]);
    assert_eq!(server.hears(alice), [""; 0]);
    assert!(!is_in(&mut server, alice));
}

#[test]
fn a_ban_leaves_those_who_are_seen_excepted_or_invited() {
    for (line, stays) in [
        ("MODE #a +eb bob!*@* *!*@*", true),
        ("INVITE bob #a\r\nMODE #a +b *!*@*", true),
        ("MODE #a +b carol!*@*", true),
        ("MODE #a +b *!*@*", false),
        ("MODE #a +eb bob!*@* *!*@*\r\nMODE #a -e bob!*@*", false),
    ] {
        let (mut server, alice, bob, carol) = scene();
        is_gone(&mut server, bob, &[alice, carol]);
        server.types(alice, line);
        server.hears(alice);
        let (_, heard) = is_back(&mut server);
        let joined = server.hears(alice).contains(&JOIN.to_owned());
        assert_eq!(joined, stays, "{line}: {heard:?}");
        assert_eq!(is_in(&mut server, alice), stays, "{line}");
        let names = asks(&mut server, alice, "NAMES #a");
        assert!(names[0].contains("carol"), "{line}: {names:?}");
    }
    // Whose link is down, and is seen as there, is put out by nobody but who kicks it.
    let (mut server, alice, bob, _) = scene();
    server.breaks(bob);
    server.types(alice, "MODE #a +b bob!*@*");
    server.hears(alice);
    is_back(&mut server);
    assert!(is_in(&mut server, alice));
}

/// Many are put out in parts, and what their operator sends meanwhile waits.
#[test]
fn a_ban_of_many_takes_no_longer_than_a_turn() {
    const MANY: usize = 300;
    let config = Config {
        slice: Duration::from_micros(20),
        work_burst: Duration::from_secs(60),
        ..Config::default()
    };
    let mut server = Server::with(&config);
    let alice = server.registers("alice");
    server.types(alice, "JOIN #a");
    for number in 0..MANY {
        let name = format!("peer{number}");
        let conn = server.returns(&name);
        server.brings(conn, b"JOIN #a\r\n");
        server.breaks(conn);
    }
    server.passes(config.return_grace);
    // They are seen to quit slice by slice.
    for _ in 0..MANY {
        server.passes(Duration::from_millis(1));
    }
    server.hears(alice);
    let mut line = &b"MODE #a +b peer*!*@*\r\n"[..];
    let mut turns = 0;
    loop {
        let received = server.brings_once(alice, line);
        line = &line[received.taken..];
        turns += 1;
        if !received.goes_on {
            break;
        }
    }
    let heard = server.hears(alice);
    let kicks = heard.iter().filter(|line| line.contains(" KICK #a peer"));
    assert_eq!(kicks.count(), MANY);
    assert!(turns > 5, "{turns}");
}

/// What was set before others saw it quit does not keep it out, as it was in then.
#[test]
fn whoever_returns_meets_what_was_set_since_it_was_seen_to_quit() {
    let is_refused = |why: &str| format!(":rejoin.localhost KICK #a bob :{why}");
    let (i, k, b) = (
        is_refused("Cannot join channel (+i)"),
        is_refused("Cannot join channel (+k)"),
        is_refused("Cannot join channel (+b)"),
    );
    for (before, behind, refused) in [
        ("", "MODE #a +i", Some(&i)),
        ("MODE #a +i", "", None),
        ("MODE #a +i", "MODE #a +i", None),
        ("MODE #a +i", "MODE #a -i\r\nMODE #a +i", Some(&i)),
        ("", "MODE #a +i\r\nINVITE bob #a", None),
        ("", "MODE #a +iI bob!*@*", None),
        ("", "MODE #a +k key", Some(&k)),
        ("MODE #a +k key", "", None),
        ("MODE #a +k key", "MODE #a +k key", None),
        ("MODE #a +k key", "MODE #a +k other", Some(&k)),
        ("", "MODE #a +k key\r\nINVITE bob #a", None),
        ("MODE #a +b bob!*@*", "", Some(&b)),
    ] {
        let (mut server, alice, bob, carol) = scene();
        server.types(alice, before);
        hears_nothing_more(&mut server, &[alice, bob, carol]);
        is_gone(&mut server, bob, &[alice, carol]);
        server.types(alice, "PRIVMSG #a :meanwhile");
        server.types(alice, behind);
        hears_nothing_more(&mut server, &[alice, carol]);
        let (conn, heard) = is_back(&mut server);
        let case = format!("{before:?}, then {behind:?}: {heard:?}");
        let rooms = of_rooms(&heard);
        assert_eq!(said(&heard), ["meanwhile"], "{case}");
        assert_eq!(rooms.first(), Some(&JOIN), "{case}");
        assert_eq!(is_in(&mut server, alice), refused.is_none(), "{case}");
        match refused {
            // It is told who is there only if it is as well.
            Some(kick) => {
                let told = [JOIN, ":alice!~u@192.0.2.7 PRIVMSG #a :meanwhile", kick];
                assert_eq!(rooms, told, "{case}");
                assert_eq!(server.hears(carol), [""; 0], "{case}");
            }
            None => {
                assert!(rooms[1].contains(" 353 "), "{case}");
                assert_eq!(server.hears(carol)[0], JOIN, "{case}");
                // An invitation is for once.
                server.types(conn, "PART #a\r\nMODE bob");
                server.types(alice, "MODE #a +i-I bob!*@*");
                server.hears(conn);
                let again = asks(&mut server, conn, "JOIN #a");
                assert!(again[0].contains(" 473 "), "{case}: {again:?}");
            }
        }
    }
}

#[test]
fn somebody_who_is_seen_in_a_channel_is_not_invited_into_it() {
    let (mut server, alice, bob, carol) = scene();
    let refused = asks(&mut server, alice, "INVITE bob #a");
    assert!(refused[0].contains(" 443 "), "{refused:?}");
    is_gone(&mut server, bob, &[alice, carol]);
    let told = asks(&mut server, alice, "INVITE bob #a");
    assert!(told.iter().any(|line| line.contains(" 341 ")), "{told:?}");
    // Who is kicked has to be invited again.
    server.types(alice, "MODE #a +i\r\nKICK #a bob");
    let (bob, _) = is_back(&mut server);
    let refused = asks(&mut server, bob, "JOIN #a");
    assert!(refused[0].contains(" 473 "), "{refused:?}");
}

#[test]
fn those_who_speak_plain_lines_are_told_as_well() {
    let mut server = Server::new();
    let alice = server.registers("alice");
    server.types(alice, "JOIN #a");
    let bob = server.login("bob correct-horse");
    let carol = server.login("carol");
    for conn in [bob, carol] {
        server.types(conn, "/join #a");
    }
    hears_nothing_more(&mut server, &[alice, carol]);
    is_gone(&mut server, bob, &[alice]);
    server.types(alice, "MODE #a +i");
    let bob = server.connect();
    server.types(bob, "bob correct-horse");
    let left = "* left #a bob left: Cannot join channel (+i)";
    assert_eq!(server.hears(bob), ["* back bob 0", left]);
    // By plain lines it was there all the time, and by IRC it was not.
    assert_eq!(server.hears(carol), [left]);
    server.hears(alice);
    assert!(!is_in(&mut server, alice));
}
