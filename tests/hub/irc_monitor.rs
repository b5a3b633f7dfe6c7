//! `MONITOR`: whose coming and going somebody is told of, without a channel in common.

use rejoin::Config;

use crate::irc_story::{play, play_with};

#[test]
fn who_is_watched_is_shown_at_once_and_whenever_it_comes_or_goes() {
    play(
        "
        bob does PONG x
        alice > MONITOR + bob,carol,bob
        alice < 730 alice :bob@@
        alice < 731 alice :carol
        carol does PONG x
        wait 1
        bob > NICK rob
        bob < :bob@@ NICK :rob
        alice < 731 alice :bob
        alice > MONITOR + ROB
        alice < 730 alice :rob@@
        bob > NICK Rob
        bob < :rob@@ NICK :Rob
        bob > QUIT
        alice < 731 alice :Rob
        bob ends
        alice > MONITOR + Carol
        ",
    );
}

#[test]
fn who_comes_is_shown_once_it_is_registered() {
    play(
        "
        alice > MONITOR + carol
        alice < 731 alice :carol
        carol * new
        carol > NICK carol
        carol > USER u 0 * :Real Name
        carol skips all
        alice < 730 alice :carol@@
        carol breaks
        alice < 731 alice :carol
        dave speaks plain
        alice > MONITOR + dave
        alice < 730 alice :dave!plain@192.0.2.1
        ",
    );
}

#[test]
fn the_list_can_be_shown_cut_and_cleared() {
    play(
        "
        bob does PONG x
        alice does MONITOR + bob,carol,dave
        alice > MONITOR L
        alice < 732 alice :bob,carol,dave
        alice < 733 alice :End of MONITOR list
        alice > MONITOR S
        alice < 730 alice :bob@@
        alice < 731 alice :carol,dave
        alice > MONITOR - carol,,nobody,4u,DAVE
        alice > MONITOR l
        alice < 732 alice :bob
        alice < 733 alice :End of MONITOR list
        alice > MONITOR C
        alice > MONITOR L
        alice < 733 alice :End of MONITOR list
        alice > MONITOR S
        bob > QUIT
        ",
    );
}

#[test]
fn what_is_wrong_with_a_monitor_is_told() {
    let wrong = [
        ("", "461 alice MONITOR :Not enough parameters"),
        (
            " X",
            "461 alice MONITOR :Unknown subcommand: +, -, C, L or S",
        ),
        (" + 4u", "432 alice 4u :Erroneous nickname"),
        (" + *!*@*", "432 alice *!*@* :Erroneous nickname"),
    ];
    for (rest, told) in wrong {
        play(&format!("alice > MONITOR{rest}\nalice < {told}"));
    }
    play_with(
        &Config {
            monitored: 2.try_into().unwrap(),
            ..Config::default()
        },
        "
        alice > MONITOR + bob,carol,dave,bob,erin
        alice < 734 alice 2 dave,bob,erin :Monitor list is full
        alice < 731 alice :bob,carol
        alice > MONITOR + Carol,bob
        alice > MONITOR - bob
        alice > MONITOR + dave
        alice < 731 alice :dave
        ",
    );
}

#[test]
fn a_long_list_comes_in_lines_that_are_whole() {
    let names: Vec<_> = (10..34).map(|n| format!("{}{n}", "n".repeat(30))).collect();
    // So many fit into one line of an answer, behind the number and the nick.
    let [one, two, three] = [&names[..10], &names[10..20], &names[20..]];
    let [first, second] = [&names[..14], &names[14..]];
    // What is asked for in one line has 510 bytes at most.
    let asked = |names: &[String]| format!("alice does MONITOR + {}", names.join(","));
    let line = |number, names: &[String]| format!("alice < {number} alice :{}", names.join(","));
    play(&format!(
        "
        {}
        {}
        {}
        alice > MONITOR L
        {}
        {}
        alice < 733 alice :End of MONITOR list
        alice > MONITOR S
        {}
        {}
        ",
        asked(one),
        asked(two),
        asked(three),
        line(732, first),
        line(732, second),
        line(731, first),
        line(731, second),
    ));
    let online: Vec<_> = names[..11].iter().map(|n| format!("{n}@@")).collect();
    play(&format!(
        "
        {}
        {}
        alice > MONITOR S
        alice < 730 alice :{}
        alice < 730 alice :{}
        ",
        names[..11]
            .iter()
            .map(|name| format!("{name} does PONG x\n"))
            .collect::<String>(),
        asked(&names[..11]),
        online[..10].join(","),
        online[10],
    ));
}

#[test]
fn who_watches_with_extended_monitor_sees_what_who_shares_a_channel_sees() {
    let all = "extended-monitor away-notify setname chghost";
    play(&format!(
        "
        alice + {all}
        bob + away-notify setname chghost
        erin + {all}
        carol * new
        carol > PASS correct-horse
        carol > NICK carol
        carol > USER u 0 * :Real Name
        carol skips all
        alice does MONITOR + carol
        bob does MONITOR + carol
        erin does MONITOR + carol
        erin does JOIN #a
        carol does JOIN #a
        carol > AWAY :lunch
        carol < 306 carol :You have been marked as being away
        alice < :carol@@ AWAY :lunch
        erin < :carol@@ AWAY :lunch
        carol > AWAY
        carol < 305 carol :You are no longer marked as being away
        alice < :carol@@ AWAY
        erin < :carol@@ AWAY
        carol > SETNAME :Carol C.
        alice < :carol@@ SETNAME :Carol C.
        erin < :carol@@ SETNAME :Carol C.
        carol breaks
        carol * again
        carol > PASS correct-horse
        carol > NICK carol
        carol > USER other 0 * :Carol D.
        carol skips all
        alice < :carol@@ CHGHOST ~other 192.0.2.7
        alice < :carol!~other@192.0.2.7 SETNAME :Carol D.
        erin < :carol@@ CHGHOST ~other 192.0.2.7
        erin < :carol!~other@192.0.2.7 SETNAME :Carol D.
        alice > MONITOR - carol
        carol > AWAY :lunch
        carol < 306 carol :You have been marked as being away
        erin < :carol!~other@192.0.2.7 AWAY :lunch
        "
    ));
}
