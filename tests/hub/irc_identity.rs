//! What belongs to a peer is its own, whatever it is called, and nobody else's who takes its nick.

use std::time::Duration;

use rejoin::Config;
use rejoin::id::ConnId;

use crate::irc_story::with_operator;
use crate::server::{Server, config};

/// A kind of state, and what becomes of what bob has of it.
struct Kind {
    what: &'static str,
    /// Gives it to bob; the host is an operator in every channel.
    give: fn(&mut Server, host: ConnId, bob: ConnId),
    /// Whether the peer with this connection and nick has it.
    has: fn(&mut Server, host: ConnId, peer: ConnId, nick: &str) -> bool,
    becomes: Becomes,
}

/// Who has it then.
#[derive(PartialEq, Eq, Debug)]
struct Becomes {
    /// Bob, when it is called rob.
    renamed: bool,
    /// A stranger who takes the nick then.
    stranger_after_rename: bool,
    /// A stranger who takes the nick after bob has quit,
    stranger_after_quit: bool,
    /// or after bob did not come back in time.
    stranger_after_expiry: bool,
    /// Bob, when it is back.
    back: bool,
}

/// What belongs to a peer.
const ITS_OWN: Becomes = Becomes {
    renamed: true,
    stranger_after_rename: false,
    stranger_after_quit: false,
    stranger_after_expiry: false,
    back: true,
};

/// What belongs to a nick, or to a mask, as its specification has it.
const THE_NICKS: Becomes = Becomes {
    renamed: false,
    stranger_after_rename: true,
    stranger_after_quit: true,
    stranger_after_expiry: true,
    back: true,
};

const KINDS: &[Kind] = &[
    Kind {
        what: "an invitation",
        give: |server, host, _| {
            server.types(host, "MODE #i +i");
            server.types(host, "INVITE bob #i");
        },
        has: |server, _, peer, _| {
            server.types(peer, "JOIN #i");
            hears(server, peer, " JOIN #i")
        },
        becomes: ITS_OWN,
    },
    Kind {
        what: "a channel that it is in",
        give: |server, _, bob| server.types(bob, "JOIN #i"),
        has: |server, host, _, nick| {
            server.types(host, &format!("WHOIS {nick}"));
            hears(server, host, &format!(" 319 host {nick} :#i"))
        },
        becomes: ITS_OWN,
    },
    Kind {
        what: "a rank",
        give: |server, host, bob| {
            server.types(bob, "JOIN #i");
            server.types(host, "MODE #i +v bob");
        },
        has: |server, host, peer, nick| {
            server.types(peer, "JOIN #i");
            server.hears(host);
            server.types(host, "NAMES #i");
            hears(server, host, &format!("+{nick}"))
        },
        becomes: ITS_OWN,
    },
    Kind {
        what: "what it says while it is away",
        give: |server, _, bob| server.types(bob, "AWAY :lunch"),
        has: |server, host, _, nick| {
            server.types(host, &format!("PRIVMSG {nick} :hi"));
            hears(server, host, ":lunch")
        },
        becomes: ITS_OWN,
    },
    Kind {
        what: "a mode of its own",
        give: |server, _, bob| server.types(bob, "MODE bob +B"),
        has: |server, host, _, nick| {
            server.types(host, &format!("WHOIS {nick}"));
            hears(server, host, " :is a bot")
        },
        becomes: ITS_OWN,
    },
    Kind {
        what: "the time at which it came",
        give: |server, _, _| server.passes(Duration::from_secs(1)),
        has: |server, host, _, nick| {
            server.types(host, &format!("WHOIS {nick}"));
            hears(server, host, " 0 :seconds idle, signon time")
        },
        becomes: ITS_OWN,
    },
    Kind {
        what: "what was said to it",
        give: |server, host, _| server.types(host, "PRIVMSG bob :hi"),
        has: |server, _, peer, _| hears(server, peer, " :hi"),
        becomes: ITS_OWN,
    },
    Kind {
        what: "a ban of its nick",
        give: |server, host, _| server.types(host, "MODE #i +b bob!*@*"),
        has: |server, _, peer, _| {
            server.types(peer, "JOIN #i");
            hears(server, peer, " 474 ")
        },
        becomes: THE_NICKS,
    },
    Kind {
        what: "somebody who watches its nick",
        give: |server, host, _| server.types(host, "MONITOR + bob"),
        has: |server, host, _, nick| {
            server.types(host, "MONITOR S");
            hears(server, host, &format!(" 730 host :{nick}!"))
        },
        becomes: THE_NICKS,
    },
];

/// Whether one of the next lines that somebody hears contains this.
fn hears(server: &mut Server, conn: ConnId, what: &str) -> bool {
    let heard = server.hears(conn);
    heard.iter().any(|line| line.contains(what))
}

/// A host in its channel, and bob, who has what is to be had.
fn scene(kind: &Kind) -> (Server, ConnId, ConnId) {
    let mut server = Server::new();
    let host = server.registers("host");
    server.types(host, "JOIN #i");
    let bob = server.returns("bob");
    (kind.give)(&mut server, host, bob);
    (server, host, bob)
}

/// Whether a stranger has it who comes by the nick of bob after something has happened.
fn stranger_has(kind: &Kind, happens: impl FnOnce(&mut Server, ConnId)) -> bool {
    let (mut server, host, bob) = scene(kind);
    happens(&mut server, bob);
    server.hears(host);
    let stranger = server.registers("bob");
    (kind.has)(&mut server, host, stranger, "bob")
}

#[test]
fn nobody_gets_with_a_nick_what_belongs_to_who_bore_it() {
    for kind in KINDS {
        let (mut server, host, bob) = scene(kind);
        server.types(bob, "NICK rob");
        let renamed = (kind.has)(&mut server, host, bob, "rob");
        let (mut server, host, bob) = scene(kind);
        server.breaks(bob);
        let bob = server.returns("bob");
        let back = (kind.has)(&mut server, host, bob, "bob");
        let becomes = Becomes {
            renamed,
            stranger_after_rename: stranger_has(kind, |server, bob| {
                server.types(bob, "NICK rob");
            }),
            stranger_after_quit: stranger_has(kind, |server, bob| {
                server.types(bob, "QUIT");
                server.writer_ends(bob);
            }),
            stranger_after_expiry: stranger_has(kind, |server, bob| {
                server.breaks(bob);
                server.passes(config().resume_window);
            }),
            back,
        };
        assert_eq!(becomes, kind.becomes, "{}", kind.what);
    }
}

#[test]
fn of_too_many_invitations_the_oldest_is_forgotten() {
    let mut server = Server::with(&Config {
        list_entries: 2.try_into().unwrap(),
        ..config()
    });
    let host = server.registers("host");
    server.types(host, "JOIN #i");
    server.types(host, "MODE #i +i");
    let guests = ["zoe", "amy", "bob"].map(|nick| (server.registers(nick), nick));
    for (_, nick) in guests {
        server.types(host, &format!("INVITE {nick} #i"));
    }
    for (conn, nick) in guests {
        server.types(conn, "JOIN #i");
        let is_in = hears(&mut server, conn, " JOIN #i");
        assert_eq!(is_in, nick != "zoe", "{nick}");
    }
}

#[test]
fn an_invitation_goes_with_its_channel_and_with_the_one_who_came() {
    let mut server = Server::new();
    let host = server.registers("host");
    let bob = server.registers("bob");
    let mut may_join = |host_does: &[&str], bob_does: &[&str]| {
        host_does.iter().for_each(|line| server.types(host, line));
        bob_does.iter().for_each(|line| server.types(bob, line));
        server.hears(bob);
        server.types(bob, "JOIN #i");
        hears(&mut server, bob, " JOIN #i")
    };
    let invites = ["JOIN #i", "MODE #i +i", "INVITE bob #i"];
    assert!(may_join(&invites, &[]));
    assert!(!may_join(&[], &["PART #i"]), "it has come once");
    assert!(!may_join(
        &[&invites[..], &["PART #i"], &invites[..2]].concat(),
        &[]
    ));
}

/// Whoever has the nick of somebody who was away is not taken for gone when that one would be.
#[test]
fn a_grace_ends_with_the_peer_whose_it_is() {
    let ends: [fn(&mut Server, ConnId); 3] = [
        |server, host| {
            server.types(host, "OPER root toor");
            server.types(host, "KILL bob :spam");
        },
        |server, _| server.passes(Duration::from_secs(5)),
        |server, _| {
            let bob = server.returns("bob");
            server.types(bob, "NICK rob");
        },
    ];
    for end in ends {
        let mut server = Server::with(&Config {
            resume_window: Duration::from_secs(5),
            ..config()
        });
        server.hub.identify(with_operator());
        let host = server.registers("host");
        server.types(host, "JOIN #i");
        let bob = server.returns("bob");
        server.types(bob, "JOIN #i");
        server.breaks(bob);
        end(&mut server, host);
        let stranger = server.registers("bob");
        server.types(stranger, "JOIN #i");
        server.hears(host);
        server.passes(config().return_grace);
        assert_eq!(server.hears(host), [""; 0]);
    }
}
