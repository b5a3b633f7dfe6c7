//! Who is who, who is away, and what people are called.

use rejoin::Config;

use crate::irc_story::{play, play_as, play_with, with_operator};

/// alice is an operator in #a, bob is there, and carol is not.
const SCENE: &str = "
    alice does JOIN #a
    bob does JOIN #a
    carol does PONG x
";

#[test]
fn who_shows_who_is_in_a_channel_and_how() {
    play(&format!(
        "{SCENE}
        bob does AWAY :lunch
        bob does MODE bob +B
        alice does MODE #a +v alice
        alice > WHO #A
        alice < 352 alice #a ~u 192.0.2.7 rejoin.localhost alice H@ :0 Real Name
        alice < 352 alice #a ~u 192.0.2.7 rejoin.localhost bob GB :0 Real Name
        alice < 315 alice #A :End of WHO list
        carol > WHO #a
        carol < 352 carol #a ~u 192.0.2.7 rejoin.localhost alice H@ :0 Real Name
        carol < 352 carol #a ~u 192.0.2.7 rejoin.localhost bob GB :0 Real Name
        carol < 315 carol #a :End of WHO list
        dave + multi-prefix
        dave > WHO alice
        dave < 352 dave * ~u 192.0.2.7 rejoin.localhost alice H :0 Real Name
        dave < 315 dave alice :End of WHO list
        dave does JOIN #a
        dave > WHO Alice
        dave < 352 dave #a ~u 192.0.2.7 rejoin.localhost alice H@+ :0 Real Name
        dave < 315 dave Alice :End of WHO list
        dave > WHO #nowhere
        dave < 315 dave #nowhere :End of WHO list
        dave > WHO nobody
        dave < 315 dave nobody :End of WHO list
        "
    ));
}

#[test]
fn who_takes_masks_of_anything_that_is_shown_and_finds_nobody_who_is_hidden() {
    let masks = [
        ("", "abc"),
        (" *", "abc"),
        (" 0", "abc"),
        (" AL*", "a"),
        (" ?ob", "b"),
        (" ~u", "abc"),
        (" 192.0.2.*", "abc"),
        (" real*", "abc"),
        (" bob!*@*", "b"),
        (" nobody*", ""),
        (" * o", "c"),
        (" a* o", ""),
        (" #a o", ""),
    ];
    for (mask, found) in masks {
        let line = |who| match who {
            'a' => "dave < 352 dave * ~u 192.0.2.7 rejoin.localhost alice H :0 Real Name",
            'b' => "dave < 352 dave * ~u 192.0.2.7 rejoin.localhost bob H :0 Real Name",
            _ => "dave < 352 dave * ~u 192.0.2.7 rejoin.localhost carol H* :0 Real Name",
        };
        let found: Vec<_> = found.chars().map(line).collect();
        let of = mask.split(' ').nth(1).unwrap_or("*");
        let (config, found) = (Config::default(), found.join("\n"));
        play_as(
            &config,
            with_operator(),
            &format!(
                "{SCENE}
                carol does OPER root toor
                dave does MODE dave +i
                erin does MODE erin +i
                erin > WHO nobody*
                erin < 315 erin nobody* :End of WHO list
                dave > WHO{mask}
                {found}
                {}
                dave < 315 dave {of} :End of WHO list
                ",
                // One sees oneself.
                match mask {
                    "" | " *" | " 0" | " ~u" | " 192.0.2.*" | " real*" =>
                        "dave < 352 dave * ~u 192.0.2.7 rejoin.localhost dave H :0 Real Name",
                    _ => "",
                }
            ),
        );
    }
    // Who shares a channel, and who knows the whole name, finds it all the same.
    play(&format!(
        "{SCENE}
        bob does MODE bob +i
        alice > WHO b*
        alice < 352 alice #a ~u 192.0.2.7 rejoin.localhost bob H :0 Real Name
        alice < 315 alice b* :End of WHO list
        carol > WHO b*
        carol < 315 carol b* :End of WHO list
        carol > WHO #a
        carol < 352 carol #a ~u 192.0.2.7 rejoin.localhost alice H@ :0 Real Name
        carol < 315 carol #a :End of WHO list
        carol > WHO bob
        carol < 352 carol * ~u 192.0.2.7 rejoin.localhost bob H :0 Real Name
        carol < 315 carol bob :End of WHO list
        alice does MODE #a +s
        carol > WHO #a
        carol < 315 carol #a :End of WHO list
        "
    ));
}

#[test]
fn whox_tells_the_fields_that_are_wanted_in_the_order_of_the_specification() {
    let fields = [
        ("n", "alice"),
        ("tn,42", "42 alice"),
        ("nt,42", "42 alice"),
        ("tn", "0 alice"),
        ("cuhs", "#a ~u 192.0.2.7 rejoin.localhost"),
        ("flag", "H@ 60 0"),
        ("r", ":Real Name"),
        (
            "roaldfnshiuct,7",
            "7 #a ~u 192.0.2.7 192.0.2.7 rejoin.localhost alice H@ 0 60 0 n/a :Real Name",
        ),
    ];
    for (wanted, told) in fields {
        play(&format!(
            "{SCENE}
            wait 60
            bob > WHO alice %{wanted}
            bob < 354 bob {told}
            bob < 315 bob alice :End of WHO list
            bob > WHO alice o%{wanted}
            bob < 315 bob alice :End of WHO list
            "
        ));
    }
}

#[test]
fn a_long_list_of_users_is_cut_and_says_so() {
    play_with(
        &Config {
            listed: 1.try_into().unwrap(),
            ..Config::default()
        },
        &format!(
            "{SCENE}
            bob does JOIN #b
            alice > WHO #a
            alice < 352 alice #a ~u 192.0.2.7 rejoin.localhost alice H@ :0 Real Name
            alice < ^ NOTICE alice :There are more than 1 users in the list
            alice < 315 alice #a :End of WHO list
            alice > NAMES
            alice < 353 alice = #a :@alice bob
            alice < 366 alice * :End of /NAMES list
            "
        ),
    );
}

#[test]
fn whois_tells_what_there_is_to_know() {
    play(&format!(
        "{SCENE}
        bob does JOIN #b,#s
        bob does MODE #s +s
        bob does MODE bob +B
        bob does AWAY :lunch
        wait 60
        alice does PRIVMSG bob :hi
        carol > WHOIS Bob
        carol < 311 carol bob ~u 192.0.2.7 * :Real Name
        carol < 319 carol bob :#a @#b
        carol < 312 carol bob rejoin.localhost :a chat server that never loses you
        carol < 335 carol bob :is a bot
        carol < 301 carol bob :lunch
        carol < 317 carol bob 60 0 :seconds idle, signon time
        carol < 318 carol Bob :End of /WHOIS list
        bob > WHOIS bob bob
        bob < 311 bob bob ~u 192.0.2.7 * :Real Name
        bob < 319 bob bob :#a @#b @#s
        bob skips all
        carol > WHOIS
        carol < 431 carol :No nickname given
        carol > WHOIS nobody
        carol < 401 carol nobody :No such nick/channel
        carol < 318 carol nobody :End of /WHOIS list
        carol > WHOIS rejoin.localhost carol
        carol < 311 carol carol ~u 192.0.2.7 * :Real Name
        carol < 312 carol carol rejoin.localhost :a chat server that never loses you
        carol < 317 carol carol 60 0 :seconds idle, signon time
        carol < 318 carol carol :End of /WHOIS list
        bob does MODE bob +i
        carol > WHOIS bob
        carol < 311 carol bob ~u 192.0.2.7 * :Real Name
        carol < 312 carol bob rejoin.localhost :a chat server that never loses you
        carol skips all
        "
    ));
}

#[test]
fn whois_shows_an_operator_and_all_ranks_to_who_wants_them() {
    play_as(
        &Config::default(),
        with_operator(),
        &format!(
            "{SCENE}
            alice does OPER root toor
            alice does MODE #a +v alice
            dave + multi-prefix
            dave > WHOIS alice
            dave < 311 dave alice ~u 192.0.2.7 * :Real Name
            dave < 319 dave alice :@+#a
            dave < 312 dave alice rejoin.localhost :a chat server that never loses you
            dave < 313 dave alice :is an IRC operator
            dave < 317 dave alice 0 0 :seconds idle, signon time
            dave < 318 dave alice :End of /WHOIS list
            "
        ),
    );
}

#[test]
fn whowas_tells_of_those_who_have_gone_the_newest_first() {
    let gone = |nick: &str, user: &str| {
        format!(
            "
            {nick} * new
            {nick} > NICK {nick}
            {nick} > USER {user} 0 * :{user} of {nick}
            {nick} skips all
            {nick} breaks
            wait 1
            "
        )
    };
    let told = |nick: &str, user: &str, at: u32| {
        format!(
            "
            alice < 314 alice {nick} ~{user} 192.0.2.7 * :{user} of {nick}
            alice < 312 alice {nick} rejoin.localhost :Thu, 1 Jan 1970 00:00:0{at} UTC
            "
        )
    };
    let [one, two, three] = [("nick2", "one"), ("nick2", "two"), ("other", "three")];
    let scene = [one, two, three]
        .map(|(nick, user)| gone(nick, user))
        .concat();
    let [one, two] = [told(one.0, one.1, 0), told(two.0, two.1, 1)];
    let three = told(three.0, three.1, 2);
    let both = format!("{two}{one}");
    let asked = [
        ("nick2", &*both, "nick2"),
        ("NICK2", &both, "NICK2"),
        ("nick2 1", &two, "nick2"),
        ("nick2 2", &both, "nick2"),
        ("nick2 7", &both, "nick2"),
        ("nick2 0", &both, "nick2"),
        ("nick2 -1", &both, "nick2"),
        ("nick2 few", &both, "nick2"),
        ("*ck2", &both, "nick2"),
        ("n??k2 1", &two, "nick2"),
        ("* 1", &three, "other"),
        (
            "nobody",
            "alice < 406 alice nobody :There was no such nickname",
            "nobody",
        ),
        (
            "no*y",
            "alice < 406 alice no*y :There was no such nickname",
            "no*y",
        ),
        // Who is here has not gone.
        (
            "alice",
            "alice < 406 alice alice :There was no such nickname",
            "alice",
        ),
    ];
    for (asked, told, end) in asked {
        play(&format!(
            "{scene}
            alice > WHOWAS {asked}
            {told}
            alice < 369 alice {end} :End of WHOWAS
            "
        ));
    }
    play("alice > WHOWAS\nalice < 431 alice :No nickname given");
    // So many are remembered.
    let config = Config {
        whowas: 2.try_into().unwrap(),
        ..Config::default()
    };
    play_with(
        &config,
        &format!(
            "{scene}
            alice > WHOWAS nick2
            {two}
            alice < 369 alice nick2 :End of WHOWAS
            "
        ),
    );
}

#[test]
fn whowas_knows_the_nicks_that_were_changed() {
    play(
        "
        bob does NICK rob
        bob does NICK Rob
        alice > WHOWAS bob
        alice < 314 alice bob ~u 192.0.2.7 * :Real Name
        alice < 312 alice bob rejoin.localhost :Thu, 1 Jan 1970 00:00:00 UTC
        alice < 369 alice bob :End of WHOWAS
        alice > WHOWAS rob
        alice < 406 alice rob :There was no such nickname
        alice < 369 alice rob :End of WHOWAS
        ",
    );
}

#[test]
fn userhost_and_ison_tell_of_those_who_are_here() {
    play_as(
        &Config::default(),
        with_operator(),
        &format!(
            "{SCENE}
            alice does OPER root toor
            bob does AWAY :lunch
            carol > USERHOST Alice nobody 4u bob carol
            carol < 302 carol :alice*=+~u@192.0.2.7 bob=-~u@192.0.2.7 carol=+~u@192.0.2.7
            carol > USERHOST 1 2 3 4 5 bob
            carol < 302 carol :
            carol > USERHOST
            carol < 461 carol USERHOST :Not enough parameters
            carol > ISON Alice nobody :bob 4u
            carol < 303 carol :alice bob
            carol > ISON nobody
            carol < 303 carol :
            carol > ISON
            carol < 461 carol ISON :Not enough parameters
            "
        ),
    );
}

#[test]
fn who_shares_a_channel_and_wants_to_know_is_told_who_is_away() {
    play(
        "
        alice + away-notify
        alice does JOIN #a,#b
        bob does JOIN #a,#b
        carol does JOIN #a
        dave + away-notify
        bob > AWAY :lunch
        bob < 306 bob :You have been marked as being away
        alice < :bob@@ AWAY :lunch
        bob > AWAY :lunch
        bob < 306 bob :You have been marked as being away
        bob > AWAY :dinner
        bob < 306 bob :You have been marked as being away
        alice < :bob@@ AWAY :dinner
        dave > JOIN #b
        dave < :dave@@ JOIN #b
        dave skips all
        alice < :dave@@ JOIN #b
        bob < :dave@@ JOIN #b
        bob > AWAY :
        bob < 305 bob :You are no longer marked as being away
        alice < :bob@@ AWAY
        dave < :bob@@ AWAY
        bob > AWAY
        bob < 305 bob :You are no longer marked as being away
        bob does AWAY :lunch
        bob does PART #a,#b
        bob > JOIN #b
        bob < :bob@@ JOIN #b
        bob skips all
        alice < :bob@@ JOIN #b
        alice < :bob@@ AWAY :lunch
        dave < :bob@@ JOIN #b
        dave < :bob@@ AWAY :lunch
        ",
    );
}

#[test]
fn a_real_name_can_be_changed_and_those_who_want_to_know_are_told() {
    play(
        "
        alice + setname
        alice does JOIN #a,#b
        bob + setname
        bob does JOIN #a,#b
        carol does JOIN #a
        bob > SETNAME :Bob B.
        bob < :bob@@ SETNAME :Bob B.
        alice < :bob@@ SETNAME :Bob B.
        carol > SETNAME Carol
        alice < :carol@@ SETNAME :Carol
        bob < :carol@@ SETNAME :Carol
        carol > WHO bob %r
        carol < 354 carol :Bob B.
        carol < 315 carol bob :End of WHO list
        carol > SETNAME
        carol < 461 carol SETNAME :Not enough parameters
        carol > SETNAME :
        carol < 461 carol SETNAME :Not enough parameters
        ",
    );
    for (bytes, is_told) in [(200, true), (201, false)] {
        let name = "n".repeat(bytes);
        let told = if is_told {
            format!(":alice@@ SETNAME :{name}")
        } else {
            "^ FAIL SETNAME INVALID_REALNAME :Your real name is too long".to_owned()
        };
        play(&format!(
            "
            alice + setname standard-replies
            alice > SETNAME :{name}
            alice < {told}
            "
        ));
    }
}
