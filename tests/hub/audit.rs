//! Audit entries: what the hub reports for the log.

use rejoin::hub::Identity;
use rejoin::id::ConnId;

use crate::irc_story::with_operator;
use crate::server::{Server, config};

const SECRET: &str = "correct-horse";

/// Somebody who speaks IRC and gives this first.
fn begins(server: &mut Server, nick: &str, pass: &str) -> ConnId {
    let conn = server.connect_irc();
    for line in [
        &format!("PASS {pass}"),
        &format!("NICK {nick}"),
        "USER u 0 * :Real Name",
    ] {
        server.types(conn, line);
    }
    conn
}

#[test]
fn a_login_with_a_wrong_secret_is_logged_and_one_without_is_not() {
    let mut server = Server::new();
    server.login(&format!("alice {SECRET}"));
    let eve = server.connect();
    server.types(eve, "alice wrong-horse");
    assert_eq!(server.logged, ["SecretRefused c2 192.0.2.1 nobody alice -"]);
    server.logged.clear();
    let irc = begins(&mut server, "Alice", "wrong-horse");
    let wrong = format!("SecretRefused {irc} 192.0.2.7 nobody Alice -");
    assert_eq!(server.logged, [wrong]);
    server.logged.clear();

    // Names collide, and a new peer has a new secret: that is nothing to know of.
    server.types(eve, "alice");
    server.types(eve, "eve other-horse");
    server.login(&format!("bob {SECRET}"));
    server.types(irc, "NICK carol");
    assert_eq!(server.logged, [""; 0]);
}

#[test]
fn a_wrong_server_password_is_logged() {
    let mut server = Server::new();
    server.hub.identify(Identity {
        password: Some("open-sesame".to_owned()),
        ..Identity::default()
    });
    let eve = begins(&mut server, "eve", "sesame-street");
    let mallory = server.connect_irc();
    server.types(mallory, "NICK mallory");
    server.types(mallory, "USER u 0 * :r");
    let refused = [(eve, "eve"), (mallory, "mallory")];
    let refused =
        refused.map(|(conn, nick)| format!("PasswordRefused {conn} 192.0.2.7 nobody {nick} -"));
    assert_eq!(server.logged, refused);
    server.logged.clear();
    begins(&mut server, "alice", "open-sesame");
    assert_eq!(server.logged, [""; 0]);
}

#[test]
fn oper_is_logged_with_who_became_which_operator_and_without_a_password() {
    let mut server = Server::new();
    server.hub.identify(with_operator());
    let alice = server.registers("alice");
    server.types(alice, "OPER root wrong-one");
    server.types(alice, "OPER tricky-password toor");
    server.types(alice, "OPER root toor");
    let at = format!("{alice} 192.0.2.7 alice");
    let logged = [
        format!("OperRefused {at} root -"),
        // It may be a password in the wrong place.
        format!("OperRefused {at} - -"),
        format!("Oper {at} root -"),
    ];
    assert_eq!(server.logged, logged);
}

#[test]
fn what_operators_do_is_logged() {
    let mut server = Server::new();
    server.hub.identify(with_operator());
    let [root, bob] = ["root", "bob"].map(|nick| server.registers(nick));
    for line in ["KILL root :mine", "REHASH"] {
        server.types(bob, line);
    }
    assert_eq!(server.logged, [""; 0], "who is no operator does nothing");
    server.types(root, "OPER root toor");
    server.logged.clear();
    server.types(root, "REHASH");
    server.types(root, "KILL nobody :gone");
    server.types(root, "KILL bob :enough of \u{1b}[31mthis");
    let at = format!("{root} 192.0.2.7 root");
    let logged = [
        format!("Rehash {at} - -"),
        format!("Kill {at} bob enough of \u{1b}[31mthis"),
    ];
    assert_eq!(server.logged, logged);
}

#[test]
fn what_changes_the_lists_of_a_channel_is_logged_and_nothing_else_of_it() {
    let mut server = Server::with(&config());
    let [alice, bob] = ["alice", "bob"].map(|nick| server.registers(nick));
    server.types(alice, "JOIN #a");
    server.types(bob, "JOIN #a");
    server.types(bob, "MODE #a +b mallory!*@*");
    server.types(alice, "MODE #a +bek eve!*@* eve!*@192.0.2.9 channel-key");
    server.types(alice, "MODE #a +b EVE!*@*");
    server.types(alice, "MODE #a -b+o eve!*@* bob");
    server.types(alice, "MODE #a b");
    let at = format!("ChannelList {alice} 192.0.2.7 alice #a");
    let logged = ["+b eve!*@*", "+e eve!*@192.0.2.9", "-b eve!*@*"];
    assert_eq!(server.logged, logged.map(|change| format!("{at} {change}")));
}
