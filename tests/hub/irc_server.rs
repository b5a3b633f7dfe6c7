//! What the server says of itself, and of how it is doing.

use rejoin::Config;

use crate::irc_story::{play, play_as, with_operator};

#[test]
fn a_ping_is_answered_and_an_empty_one_is_told_so() {
    play(
        "
        alice > PING :a b
        alice < ^ PONG rejoin.localhost :a b
        alice > PING a b
        alice < ^ PONG rejoin.localhost :a
        alice > PING
        alice < 409 alice :No origin specified
        alice > PING :
        alice < 409 alice :No origin specified
        alice > PONG
        eve * new
        eve > PING x
        eve < ^ PONG rejoin.localhost :x
        ",
    );
}

#[test]
fn the_server_tells_its_version_and_what_it_can() {
    play(
        "
        alice > VERSION
        alice < 351 alice rejoin-0.1.0 rejoin.localhost :a chat server that never loses you
        alice < 005 alice AWAYLEN=300 …
        alice < 005 alice MAXLIST=Ibe:100 …
        alice < 005 alice UTF8ONLY WHOX :are supported by this server
        ",
    );
}

#[test]
fn the_server_tells_the_time_who_runs_it_and_what_it_is() {
    play(
        "
        alice does PONG x
        wait 90061
        alice skips all
        alice > TIME
        alice < 391 alice rejoin.localhost :Fri, 2 Jan 1970 01:01:01 UTC
        alice > ADMIN
        alice < 256 alice rejoin.localhost :Administrative info
        alice < 257 alice :rejoin
        alice < 258 alice :a chat server that never loses you
        alice < 259 alice :the one who runs this server
        alice > INFO
        alice < 371 alice :rejoin 0.1.0
        alice < 371 alice :a chat server that never loses you
        alice < 371 alice :On-line since Thu, 1 Jan 1970 00:00:00 UTC
        alice < 374 alice :End of INFO list
        alice > STATS u
        alice < 242 alice :Server Up 1 days 1:01:01
        alice < 219 alice u :End of STATS report
        alice > STATS X
        alice < 219 alice X :End of STATS report
        alice > STATS
        alice < 461 alice STATS :Not enough parameters
        alice > LINKS
        alice < 365 alice * :End of LINKS list
        ",
    );
}

#[test]
fn what_is_asked_of_another_server_is_refused() {
    for command in ["VERSION", "TIME", "ADMIN", "INFO", "MOTD"] {
        play(&format!(
            "
            alice > {command} elsewhere.example
            alice < 402 alice elsewhere.example :No such server
            "
        ));
        // The name of the server, a mask of it, and somebody on it.
        for target in ["rejoin.localhost", "*.LOCALHOST", "alice"] {
            play(&format!(
                "
                alice > {command} {target}
                alice < ^ …
                alice skips all
                "
            ));
        }
    }
}

#[test]
fn help_explains_each_command_that_it_names() {
    play(
        "
        alice > HELP
        alice < 704 alice * :HELP command explains one of these:
        alice < 705 alice * :AWAY CAP INVITE ISON JOIN KICK KILL LIST LUSERS MODE
        alice < 705 alice * :MONITOR MOTD NAMES NICK NOTICE OPER PART PASS PRIVMSG QUIT
        alice < 705 alice * :REHASH SETNAME STATS TAGMSG TOPIC USERHOST WALLOPS WHO WHOIS WHOWAS
        alice < 706 alice * :End of /HELP
        alice > HELPOP away
        alice < 704 alice away :AWAY [why]: marks you as away, or back
        alice < 706 alice away :End of /HELP
        alice > HELP nosuch
        alice < 524 alice nosuch :Help not found
        ",
    );
}

#[test]
fn the_server_counts_who_is_there() {
    play_as(
        &Config::default(),
        with_operator(),
        "
        alice does OPER root toor
        bob does MODE bob +i
        bob does JOIN #a,#b
        carol speaks plain
        dave does QUIT
        dave ends
        eve * new
        alice > LUSERS
        alice < 251 alice :There are 2 users and 1 invisible on 1 servers
        alice < 252 alice 1 :operator(s) online
        alice < 253 alice 1 :unknown connection(s)
        alice < 254 alice 2 :channels formed
        alice < 255 alice :I have 3 clients and 0 servers
        alice < 265 alice 3 4 :Current local users 3, max 4
        alice < 266 alice 3 4 :Current global users 3, max 4
        ",
    );
}

#[test]
fn the_most_who_were_there_at_once_count_though_nobody_asked_then() {
    play(
        "
        alice does PING 1
        bob speaks plain
        carol speaks plain
        carol does /quit
        carol ends
        bob does /quit
        bob ends
        alice > LUSERS
        alice < 251 alice :There are 1 users and 0 invisible on 1 servers
        alice < 252 alice 0 :operator(s) online
        alice < 253 alice 0 :unknown connection(s)
        alice < 254 alice 0 :channels formed
        alice < 255 alice :I have 1 clients and 0 servers
        alice < 265 alice 1 3 :Current local users 1, max 3
        alice < 266 alice 1 3 :Current global users 1, max 3
        ",
    );
}
