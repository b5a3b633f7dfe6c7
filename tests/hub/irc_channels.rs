//! Channels: who enters and leaves them, what they are about, and who is told.

use rejoin::Config;

use crate::irc_story::{play, play_with};

#[test]
fn who_enters_is_told_what_the_channel_is_and_the_others_who_enters() {
    play(
        "
        alice > JOIN #Maps
        alice < :alice@@ JOIN #Maps
        alice < 353 alice = #Maps :@alice
        alice < 366 alice #Maps :End of /NAMES list
        alice > TOPIC #maps :the old one
        alice < :alice@@ TOPIC #Maps :the old one
        wait 60
        bob > JOIN #maps
        bob < :bob@@ JOIN #Maps
        bob < 332 bob #Maps :the old one
        bob < 333 bob #Maps alice@@ 0
        bob < 353 bob = #Maps :@alice bob
        bob < 366 bob #Maps :End of /NAMES list
        alice < :bob@@ JOIN #Maps
        bob > JOIN #MAPS
        carol speaks plain
        carol > /join #maps
        carol < * joined #Maps carol
        alice < :carol!plain@192.0.2.1 JOIN #Maps
        bob < :carol!plain@192.0.2.1 JOIN #Maps
        ",
    );
}

#[test]
fn what_is_wrong_with_entering_is_told() {
    play_with(
        &Config {
            rooms_per_peer: 2.try_into().unwrap(),
            joins: 5.try_into().unwrap(),
            ..Config::default()
        },
        "
        alice > JOIN
        alice < 461 alice JOIN :Not enough parameters
        alice > JOIN maps
        alice < 403 alice maps :No such channel
        alice > JOIN #bad!name
        alice < 403 alice #bad!name :No such channel
        alice does JOIN #a,#b
        alice > JOIN #c
        alice < 405 alice #c :You are in 2 channels, and may be in no more
        alice does PART #b
        alice does JOIN #c
        alice does PART #c
        alice > JOIN #d
        alice < :alice@@ JOIN #d
        alice < 353 alice = #d :@alice
        alice < 366 alice #d :End of /NAMES list
        alice does PART #d
        alice > JOIN #e
        alice < 263 alice JOIN :Too many joins; wait a while, and try #e again
        ",
    );
}

#[test]
fn modes_keep_people_out_and_an_invitation_lets_them_in() {
    let modes = [
        ("+i", "473 bob #a :Cannot join channel (+i)"),
        ("+k key", "475 bob #a :Cannot join channel (+k)"),
        ("+l 1", "471 bob #a :Cannot join channel (+l)"),
        ("+b bob!*@*", "474 bob #a :Cannot join channel (+b)"),
    ];
    for (mode, told) in modes {
        play(&format!(
            "
            alice does JOIN #a
            alice does MODE #a {mode}
            bob > JOIN #a
            bob < {told}
            bob > JOIN #a wrong
            bob < {told}
            alice does INVITE bob #a
            bob > JOIN #a
            bob < :bob@@ JOIN #a
            bob skips all
            alice < :bob@@ JOIN #a
            bob does PART #a
            bob > JOIN #a
            bob < {told}
            "
        ));
    }
    for mode in [
        "+i\nalice does MODE #a +I *!*@192.0.2.*",
        "+k key",
        "+b *\nalice does MODE #a +e bob",
    ] {
        play(&format!(
            "
            alice does JOIN #a
            alice does MODE #a {mode}
            bob > JOIN #b,#a ,key
            bob < :bob@@ JOIN #b
            bob < 353 bob = #b :@bob
            bob < 366 bob #b :End of /NAMES list
            bob < :bob@@ JOIN #a
            bob skips all
            alice < :bob@@ JOIN #a
            "
        ));
    }
}

#[test]
fn who_leaves_is_seen_to_leave_once() {
    play(
        "
        alice does JOIN #a,#b
        bob does JOIN #a,#b
        bob > PART #a,#b :tea
        bob < :bob@@ PART #a :tea
        bob < :bob@@ PART #b :tea
        alice < :bob@@ PART #a :tea
        alice < :bob@@ PART #b :tea
        bob > PART #a
        bob < 442 bob #a :You're not on that channel
        bob > PART #c
        bob < 403 bob #c :No such channel
        bob > PART
        bob < 461 bob PART :Not enough parameters
        bob does JOIN #a,#b
        bob > JOIN 0
        bob < :bob@@ PART #a
        bob < :bob@@ PART #b
        alice < :bob@@ PART #a
        alice < :bob@@ PART #b
        bob does JOIN #a,#b
        bob > NICK rob
        bob < :bob@@ NICK :rob
        alice < :bob@@ NICK :rob
        bob > NICK Rob
        bob < :rob@@ NICK :Rob
        alice < :rob@@ NICK :Rob
        bob > NICK Rob
        bob > QUIT
        alice < :Rob@@ QUIT :Quit
        bob ends
        bob does JOIN #a,#b
        bob > QUIT :bye
        alice < :bob@@ QUIT :Quit: bye
        bob ends
        bob does JOIN #a,#b
        bob breaks
        alice < :bob@@ QUIT :Connection closed
        ",
    );
}

#[test]
fn a_topic_is_for_operators_unless_t_is_off_and_for_members() {
    play(
        "
        alice does JOIN #a
        bob does JOIN #a
        carol > TOPIC #a
        carol < 331 carol #a :No topic is set
        carol > TOPIC #a :mine
        carol < 442 carol #a :You're not on that channel
        carol > TOPIC #nowhere
        carol < 403 carol #nowhere :No such channel
        carol > TOPIC
        carol < 461 carol TOPIC :Not enough parameters
        bob > TOPIC #a :mine
        bob < 482 bob #a :You're not a channel operator
        alice does MODE #a -t
        bob > TOPIC #a :mine
        bob < :bob@@ TOPIC #a :mine
        alice < :bob@@ TOPIC #a :mine
        carol > TOPIC #a
        carol < 332 carol #a :mine
        carol < 333 carol #a bob@@ 0
        bob > TOPIC #a :
        bob < :bob@@ TOPIC #a :
        alice < :bob@@ TOPIC #a :
        carol > TOPIC #a
        carol < 331 carol #a :No topic is set
        alice does MODE #a +s
        carol > TOPIC #a
        carol < 403 carol #a :No such channel
        ",
    );
}

#[test]
fn names_shows_whom_one_may_see() {
    play(
        "
        alice does JOIN #a
        bob does JOIN #a
        bob does MODE bob +i
        alice does JOIN #s
        alice does MODE #s +s
        carol > NAMES #A
        carol < 353 carol = #a :@alice
        carol < 366 carol #A :End of /NAMES list
        alice > NAMES #a
        alice < 353 alice = #a :@alice bob
        alice < 366 alice #a :End of /NAMES list
        carol > NAMES #s
        carol < 366 carol #s :End of /NAMES list
        alice > NAMES #s
        alice < 353 alice @ #s :@alice
        alice < 366 alice #s :End of /NAMES list
        alice > NAMES #s,#nowhere,bad,#a
        alice < 353 alice @ #s :@alice
        alice < 366 alice #s :End of /NAMES list
        alice < 366 alice #nowhere :End of /NAMES list
        alice < 366 alice bad :End of /NAMES list
        alice < 353 alice = #a :@alice bob
        alice < 366 alice #a :End of /NAMES list
        carol > NAMES
        carol < 353 carol = #a :@alice
        carol < 366 carol * :End of /NAMES list
        ",
    );
}

#[test]
fn list_tells_what_meets_every_condition() {
    let conditions = [
        ("", "abc"),
        (" #a", "a"),
        (" #A,#c", "ac"),
        (" #?", "abc"),
        (" !#a", "bc"),
        (" >1", "a"),
        (" <2", "bc"),
        (" C>1", "ab"),
        (" C<1", "c"),
        (" T<1", "b"),
        (" T>1", "a"),
        (" #a,<2", ""),
        (" <2,!#c", "b"),
        (" #s", ""),
    ];
    for (condition, found) in conditions {
        let line = |room| match room {
            'a' => "alice < 322 alice #a 2 :old",
            'b' => "alice < 322 alice #b 1 :new",
            _ => "alice < 322 alice #c 1 :",
        };
        let found: Vec<_> = found.chars().map(line).collect();
        play(&format!(
            "
            alice does JOIN #a,#b
            alice does TOPIC #a :old
            bob does JOIN #a
            carol does JOIN #s
            carol does MODE #s +s
            wait 60
            bob does JOIN #c
            alice does TOPIC #b :new
            alice > LIST{condition}
            alice < 321 alice Channel :Users Name
            {}
            alice < 323 alice :End of /LIST
            ",
            found.join("\n")
        ));
    }
    play_with(
        &Config {
            listed: 1.try_into().unwrap(),
            ..Config::default()
        },
        "
        alice does JOIN #a,#b
        alice > LIST
        alice < 321 alice Channel :Users Name
        alice < 322 alice #a 1 :
        alice < ^ NOTICE alice :There are more than 1 channels in the list
        alice < 323 alice :End of /LIST
        ",
    );
}

#[test]
fn an_invitation_is_told_to_the_one_and_what_is_wrong_with_it_to_the_other() {
    play(
        "
        alice does JOIN #a
        bob does JOIN #a
        carol does AWAY :lunch
        alice > INVITE carol #a
        alice < 341 alice carol #a
        alice < 301 alice carol :lunch
        carol < :alice@@ INVITE carol #a
        carol > INVITE
        carol < 336 carol #a
        carol < 337 carol :End of /INVITE list
        bob > INVITE carol #a
        bob < 341 bob carol #a
        bob < 301 bob carol :lunch
        carol < :bob@@ INVITE carol #a
        alice does MODE #a +i
        bob > INVITE carol #a
        bob < 482 bob #a :You're not a channel operator
        alice > INVITE bob #a
        alice < 443 alice bob #a :is already on channel
        alice > INVITE nobody #a
        alice < 401 alice nobody :No such nick/channel
        alice > INVITE carol #nowhere
        alice < 403 alice #nowhere :No such channel
        carol > INVITE bob #a
        carol < 442 carol #a :You're not on that channel
        alice > INVITE carol
        alice < 461 alice INVITE :Not enough parameters
        ",
    );
}

#[test]
fn an_operator_makes_others_leave() {
    play(
        "
        alice does JOIN #a
        bob does JOIN #a
        carol does JOIN #a
        bob > KICK #a alice
        bob < 482 bob #a :You're not a channel operator
        dave > KICK #a alice
        dave < 442 dave #a :You're not on that channel
        alice > KICK #a dave
        alice < 441 alice dave #a :They aren't on that channel
        alice > KICK #nowhere bob
        alice < 403 alice #nowhere :No such channel
        alice > KICK #a
        alice < 461 alice KICK :Not enough parameters
        alice > KICK
        alice < 461 alice KICK :Not enough parameters
        alice > KICK #a bob,Carol :too loud
        alice < :alice@@ KICK #a bob :too loud
        alice < :alice@@ KICK #a carol :too loud
        bob < :alice@@ KICK #a bob :too loud
        carol < :alice@@ KICK #a bob :too loud
        carol < :alice@@ KICK #a carol :too loud
        alice > KICK #a alice
        alice < :alice@@ KICK #a alice :alice
        ",
    );
}
