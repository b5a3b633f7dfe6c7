//! How somebody comes to speak IRC: capabilities, a nick, a user, and a password.

use rejoin::Config;
use rejoin::hub::Identity;

use crate::irc_story::{play, play_as};
use crate::server::Server;

#[test]
fn everybody_is_told_what_the_server_is_and_can() {
    play(
        "
        alice * new
        alice > USER u 0 * :Real Name
        alice > NICK alice
        alice < 001 alice :Welcome to the rejoin network, alice@@
        alice < 002 alice :Your host is rejoin.localhost, running rejoin-0.1.0
        alice < 003 alice :This server was started on Thu, 1 Jan 1970 00:00:00 UTC
        alice < 004 alice rejoin.localhost rejoin-0.1.0 Biow CIbeiklmnostv Ibeklov
        alice < 005 alice AWAYLEN=300 BOT=B CASEMAPPING=ascii CHANLIMIT=#:32 CHANMODES=Ibe,k,l,Cimnst CHANNELLEN=50 CHANTYPES=# ELIST=CMNTU EXCEPTS=e HOSTLEN=45 INVEX=I KICKLEN=300 :are supported by this server
        alice < 005 alice MAXLIST=Ibe:100 MODES=12 MONITOR=100 NAMELEN=200 NETWORK=rejoin NICKLEN=32 PREFIX=(ov)@+ SAFELIST STATUSMSG=@+ TARGMAX=PRIVMSG:16,NOTICE:16,TAGMSG:16,JOIN:,PART:,KICK:16,NAMES:16,LIST:16,WHOIS:16,WHOWAS:16,MONITOR: TOPICLEN=340 USERLEN=19 :are supported by this server
        alice < 005 alice UTF8ONLY WHOX :are supported by this server
        alice < 251 alice :There are 1 users and 0 invisible on 1 servers
        alice < 252 alice 0 :operator(s) online
        alice < 253 alice 0 :unknown connection(s)
        alice < 254 alice 0 :channels formed
        alice < 255 alice :I have 1 clients and 0 servers
        alice < 265 alice 1 1 :Current local users 1, max 1
        alice < 266 alice 1 1 :Current global users 1, max 1
        alice < 422 alice :MOTD File is missing
        ",
    );
}

#[test]
fn the_message_of_the_day_is_told_line_by_line() {
    let identity = Identity {
        motd: Some(vec!["be".to_owned(), "kind".to_owned()]),
        ..Identity::default()
    };
    play_as(
        &Config::default(),
        identity,
        "
        alice > MOTD
        alice < 375 alice :- rejoin.localhost Message of the day -…
        alice < 372 alice :- be
        alice < 372 alice :- kind
        alice < 376 alice :End of /MOTD command.
        alice > MOTD elsewhere.example
        alice < 402 alice elsewhere.example :No such server
        ",
    );
}

#[test]
fn what_is_wrong_while_registering_is_told_and_can_be_said_again() {
    play(
        "
        alice does PING x
        eve * new
        eve > JOIN :
        eve < 451 * :You have not registered
        eve > NOTICE alice :hi
        eve > NICK
        eve < 431 * :No nickname given
        eve > NICK :
        eve < 431 * :No nickname given
        eve > NICK 4u
        eve < 432 * 4u :Erroneous nickname…
        eve > NICK :a b
        eve < 432 * a :Erroneous nickname…
        eve > USER u
        eve < 461 * USER :Not enough parameters
        eve > USER u 0 * :
        eve < 461 * USER :Not enough parameters
        eve > PASS
        eve < 461 * PASS :Not enough parameters
        eve > NOSUCH
        eve < 451 * :You have not registered
        eve > CAP
        eve < 461 * CAP :Not enough parameters
        eve > USER u 0 * :Real Name
        eve > USER u 0 * :Real Name
        eve < 462 * :You may not reregister
        eve > NICK Alice
        eve < 433 * Alice :Nickname is already in use; if it is yours, send PASS with the secret that you gave with it
        eve > NICK eve
        eve < 001 eve :Welcome to the rejoin network, eve@@
        eve skips all
        eve > USER u 0 * :Real Name
        eve < 462 eve :You may not reregister
        eve > PASS correct-horse
        eve < 462 eve :You may not reregister
        eve > NOSUCH
        eve < 421 eve NOSUCH :Unknown command
        eve > :eve :odd
        eve < 421 eve * :Unknown command
        ",
    );
}

#[test]
fn registration_waits_for_the_end_of_a_negotiation() {
    for first in ["CAP LS 302", "CAP LS", "CAP REQ :batch"] {
        let mut server = Server::new();
        let alice = server.connect_irc();
        for line in [first, "NICK alice", "USER u 0 * :Real Name"] {
            server.types(alice, line);
        }
        assert_eq!(server.hears(alice).len(), 1, "{first}");
        server.types(alice, "CAP END");
        assert!(server.hears(alice)[0].contains(" 001 alice "), "{first}");
    }
    // Whoever only asks what it has does not negotiate.
    let mut server = Server::new();
    let alice = server.connect_irc();
    for line in ["CAP LIST", "NICK alice", "USER u 0 * :Real Name"] {
        server.types(alice, line);
    }
    assert!(server.hears(alice)[1].contains(" 001 alice "));
}

#[test]
fn where_a_password_is_wanted_nobody_is_let_in_without_it() {
    let passes = [
        ("", false),
        ("PASS wrong", false),
        ("PASS open-sesame2", false),
        ("PASS open-sesame", true),
        ("PASS open-sesame:correct-horse", true),
    ];
    for (pass, is_let_in) in passes {
        let mut server = Server::new();
        server.hub.identify(Identity {
            password: Some("open-sesame".to_owned()),
            ..Identity::default()
        });
        let alice = server.connect_irc();
        for line in [pass, "NICK alice", "USER u 0 * :Real Name"] {
            server.types(alice, line);
        }
        let heard = server.hears(alice);
        if is_let_in {
            assert!(heard[0].contains(" 001 alice "), "{pass}: {heard:?}");
        } else {
            let refused = ":rejoin.localhost 464 alice :Password incorrect";
            assert_eq!(heard, [refused], "{pass}");
            let why = "you did not give the server's password";
            assert!(server.done.iter().any(|done| done.contains(why)));
        }
    }
}

#[test]
fn a_secret_that_cannot_be_one_is_told() {
    play(
        "
        alice * new
        alice > PASS short
        alice < ^ NOTICE * :Too short to come back with: a secret has 8 to 128 characters
        bob * new
        bob > CAP REQ standard-replies
        bob < ^ CAP * ACK :standard-replies
        bob > PASS :no spaces please
        bob < ^ WARN PASS BAD_SECRET :Nothing to come back with: a secret has no spaces
        ",
    );
}

#[test]
fn a_user_has_a_name_of_few_characters() {
    play(
        "
        alice * new
        alice > USER a!b@c:d 0 * :Real Name
        alice > NICK alice
        alice < 001 alice :Welcome to the rejoin network, alice!~abcd@192.0.2.7
        alice skips all
        bob * new
        bob > USER !!! 0 * :Real Name
        bob > NICK bob
        bob < 001 bob :Welcome to the rejoin network, bob!~user@192.0.2.7
        bob skips all
        ",
    );
}
