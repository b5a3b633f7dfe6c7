//! `MODE`, for channels, for those in them, and for oneself.

use rejoin::Config;

use crate::irc_story::{play, play_with};
use crate::server::Server;

/// Alice is the operator of #a, bob is in it, and carol is not.
const SCENE: &str = "
    alice does JOIN #a
    bob does JOIN #a
    carol does PONG x
";

#[test]
fn each_change_of_a_channel_is_told_as_it_was_made() {
    let changes = [
        ("+m", "+m"),
        ("+s-n", "+s-n"),
        ("-nt+i", "-nt+i"),
        ("+n", ""),
        ("+C-C", "+C-C"),
        ("+k key", "+k key"),
        ("+kl key 3", "+kl key 3"),
        ("+k-k key", "+k-k key key"),
        ("+k-k key wrong", "+k-k key key"),
        ("-k", ""),
        ("-l", ""),
        ("+l-l 3", "+l-l 3"),
        ("+l 03", "+l 3"),
        ("+v bob", "+v bob"),
        ("+ov BOB bob", "+ov bob bob"),
        ("-o alice", "-o alice"),
        ("+v-v bob bob", "+v-v bob bob"),
        ("-v bob", ""),
        ("+b bob", "+b bob!*@*"),
        ("+b *.example", "+b *!*@*.example"),
        ("+b *", "+b *!*@*"),
        ("+b :x y", "+b x!*@*"),
        ("+b-b x!y@z X!Y@Z", "+b-b x!y@z x!y@z"),
        ("-b x", ""),
        ("+e x!*@* extra", "+e x!*@*"),
        ("+I x!*@*", "+I x!*@*"),
        ("m", "+m"),
    ];
    for (asked, made) in changes {
        let told = match made {
            "" => String::new(),
            _ => format!("alice < :alice@@ MODE #a {made}\nbob < :alice@@ MODE #a {made}"),
        };
        play(&format!("{SCENE}\nalice > MODE #a {asked}\n{told}"));
    }
}

#[test]
fn what_is_wrong_with_a_change_is_told() {
    let wrong = [
        ("alice > MODE", "461 alice MODE :Not enough parameters"),
        ("alice > MODE #b", "403 alice #b :No such channel"),
        (
            "alice > MODE #a +X",
            "472 alice X :is unknown mode char to me",
        ),
        (
            "alice > MODE #a +o",
            "696 alice #a o * :You must give a nickname",
        ),
        (
            "alice > MODE #a +o nobody",
            "401 alice nobody :No such nick/channel",
        ),
        (
            "alice > MODE #a +v carol",
            "441 alice carol #a :They aren't on that channel",
        ),
        (
            "alice > MODE #a +k",
            "696 alice #a k * :Invalid key: 1 to 50 bytes, no spaces or commas",
        ),
        (
            "alice > MODE #a +k a,b",
            "696 alice #a k * :Invalid key: 1 to 50 bytes, no spaces or commas",
        ),
        (
            "alice > MODE #a +l",
            "696 alice #a l * :Invalid limit: a number of members",
        ),
        (
            "alice > MODE #a +l 0",
            "696 alice #a l 0 :Invalid limit: a number of members",
        ),
        (
            "alice > MODE #a +l -3",
            "696 alice #a l -3 :Invalid limit: a number of members",
        ),
        ("alice > MODE #a +b :", "696 alice #a b * :Invalid mask"),
        ("alice > MODE #a +b ::x", "696 alice #a b * :Invalid mask"),
        (
            "bob > MODE #a +m",
            "482 bob #a :You're not a channel operator",
        ),
        (
            "bob > MODE #a +mi-n",
            "482 bob #a :You're not a channel operator",
        ),
        (
            "bob > MODE #a +b x",
            "482 bob #a :You're not a channel operator",
        ),
        (
            "carol > MODE #a +m",
            "442 carol #a :You're not on that channel",
        ),
        (
            "alice > MODE nobody +i",
            "401 alice nobody :No such nick/channel",
        ),
        (
            "alice > MODE bob +i",
            "502 alice :Can't change or see the modes of other users",
        ),
        (
            "alice > MODE bob",
            "502 alice :Can't change or see the modes of other users",
        ),
        ("alice > MODE alice +X", "501 alice :Unknown MODE flag"),
    ];
    for (asked, told) in wrong {
        let who = asked.split(' ').next().unwrap();
        play(&format!("{SCENE}\n{asked}\n{who} < {told}"));
    }
}

#[test]
fn a_mask_has_120_bytes_at_most() {
    for (bytes, fits) in [(120, true), (121, false)] {
        let mask = format!("{}@*", "x".repeat(bytes - 2));
        let told = if fits {
            format!(":alice@@ MODE #a +b *!{mask}")
        } else {
            format!("696 alice #a b {mask} :Invalid mask")
        };
        let bob = if fits {
            format!("bob < {told}")
        } else {
            String::new()
        };
        play(&format!(
            "{SCENE}\nalice > MODE #a +b {mask}\nalice < {told}\n{bob}"
        ));
    }
}

#[test]
fn modes_and_lists_can_be_asked_for() {
    play(&format!(
        "{SCENE}
        wait 60
        alice does MODE #a +kl key 3
        alice does MODE #a +b x
        alice does MODE #a +e y
        alice does MODE #a +I z
        bob > MODE #a
        bob < 324 bob #a +ntkl key 3
        bob < 329 bob #a 0
        carol > MODE #A
        carol < 324 carol #a +ntkl * 3
        carol < 329 carol #a 0
        bob > MODE #a b
        bob < 367 bob #a x!*@* alice@@ 60
        bob < 368 bob #a :End of channel ban list
        bob > MODE #a +e
        bob < 348 bob #a y!*@* alice@@ 60
        bob < 349 bob #a :End of channel exception list
        bob > MODE #a I
        bob < 346 bob #a z!*@* alice@@ 60
        bob < 347 bob #a :End of channel invite exception list
        bob > MODE #a +bb
        bob < 367 bob #a x!*@* alice@@ 60
        bob < 368 bob #a :End of channel ban list
        "
    ));
}

#[test]
fn modes_decide_who_may_speak() {
    let speech = [
        ("", "bob", "hi", None),
        ("", "carol", "hi", Some("n")),
        ("-n", "carol", "hi", None),
        ("+m", "bob", "hi", Some("m")),
        ("+mv bob", "bob", "hi", None),
        ("-n+m", "carol", "hi", Some("m")),
        ("+b bob", "bob", "hi", Some("b")),
        ("+be bob bob", "bob", "hi", None),
        ("+bv bob bob", "bob", "hi", None),
        ("-n+b carol", "carol", "hi", Some("b")),
        ("+C", "bob", "\x01VERSION\x01", Some("C")),
        ("+C", "bob", "\x01ACTION waves\x01", None),
        ("+C", "alice", "\x01VERSION\x01", Some("C")),
    ];
    for (modes, who, text, refused) in speech {
        let scene = match modes {
            "" => SCENE.to_owned(),
            _ => format!("{SCENE}\nalice does MODE #a {modes}"),
        };
        let told = match refused {
            Some("C") => format!("{who} < 404 {who} #a :Cannot send CTCP to channel (+C)"),
            Some(mode) => format!("{who} < 404 {who} #a :Cannot send to channel (+{mode})"),
            None => ["alice", "bob"]
                .iter()
                .filter(|other| **other != who)
                .map(|other| format!("{other} < :{who}@@ PRIVMSG #a :{text}\n"))
                .collect(),
        };
        play(&format!("{scene}\n{who} > PRIVMSG #a :{text}\n{told}"));
    }
}

#[test]
fn the_first_in_a_channel_is_its_operator_and_the_next_is_not() {
    play(
        "
        alice does JOIN #a
        bob does JOIN #a
        alice does PART #a
        bob > MODE #a +m
        bob < 482 bob #a :You're not a channel operator
        bob does PART #a
        bob does JOIN #a
        bob > MODE #a
        bob < 324 bob #a +nt
        bob < 329 bob #a 0
        bob > MODE #a +m
        bob < :bob@@ MODE #a +m
        ",
    );
}

#[test]
fn lists_and_lines_have_an_end() {
    let config = Config {
        list_entries: 2.try_into().unwrap(),
        ..Config::default()
    };
    play_with(
        &config,
        "
        alice does JOIN #a
        alice > MODE #a +bbb a b c
        alice < 478 alice #a b :Channel list is full
        alice < :alice@@ MODE #a +bb a!*@* b!*@*
        alice > MODE #a +v-v+v-v+v-v+v-v+v-v+v-v+v-v alice alice alice alice alice alice alice alice alice alice alice alice alice alice
        alice < :alice@@ MODE #a +v-v+v-v+v-v+v-v+v-v+v-v alice alice alice alice alice alice alice alice alice alice alice alice
        ",
    );
    // What does not fit into one line is told in two.
    let masks: Vec<_> = (1..=3)
        .map(|n| format!("{n}{}!*@*", "x".repeat(110)))
        .collect();
    let [one, two, three] = &masks[..] else {
        unreachable!("there are three")
    };
    play(&format!(
        "
        alice does JOIN #a
        alice > MODE #a +bbb {}
        alice < :alice@@ MODE #a +bb {one} {two}
        alice < :alice@@ MODE #a +b {three}
        ",
        masks.join(" ")
    ));
}

#[test]
fn somebody_has_modes_of_its_own() {
    play(
        "
        alice > MODE alice
        alice < 221 alice +
        alice > MODE Alice +iwB
        alice < :alice@@ MODE alice +iwB
        alice > MODE alice
        alice < 221 alice +Biw
        alice > MODE alice +o
        alice > MODE alice +i-w
        alice < :alice@@ MODE alice -w
        alice > MODE alice
        alice < 221 alice +Bi
        ",
    );
}

#[test]
fn each_line_that_a_room_refuses_is_answered() {
    let mut server = Server::new();
    let alice = server.registers("alice");
    server.types(alice, "JOIN #a");
    server.types(alice, "MODE #a +m");
    let bob = server.login("bob");
    server.types(bob, "/join #a");
    server.hears(bob);
    server.sends(bob, b"#a: 1\n#a: 2\n#a, #b: 3\n#a, #b: 4\n");
    let [outside, refused] = ["not-in-room #b", "may-not-speak #a"];
    let each = [refused, refused, refused, outside, refused, outside];
    assert_eq!(
        server.hears(bob),
        each.map(|error| format!("* error {error}"))
    );
}

#[test]
fn who_speaks_plain_is_bound_by_the_modes_of_a_room_as_well() {
    play(
        "
        alice does JOIN #a
        carol speaks plain
        carol does /join #a
        carol does /join #b
        alice skips
        alice > MODE #a +m
        alice < :alice@@ MODE #a +m
        carol > #a, #b, alice: hi
        carol < * error may-not-speak #a
        alice < :carol!plain@192.0.2.1 PRIVMSG alice :hi
        alice > MODE #a -m+b carol!*@*
        alice < :alice@@ MODE #a -m+b carol!*@*
        carol > #a: hi
        carol < * error may-not-speak #a
        alice > MODE #a +v carol
        alice < :alice@@ MODE #a +v carol
        carol > #a: hi
        alice < :carol!plain@192.0.2.1 PRIVMSG #a :hi
        ",
    );
}
