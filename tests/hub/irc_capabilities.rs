//! Capabilities: how they are agreed on, and what comes of labels, batches and echoes.

use crate::irc_story::{play, with_operator};
use crate::server::Server;

const ALL: &str = "account-notify account-tag away-notify batch cap-notify chghost echo-message extended-join extended-monitor invite-notify labeled-response message-tags multi-prefix server-time setname standard-replies userhost-in-names";

#[test]
fn capabilities_are_listed_asked_for_and_given_back() {
    play(&format!(
        "
        alice * new
        alice > CAP LS
        alice < ^ CAP * LS :{ALL}
        alice > CAP LIST
        alice < ^ CAP * LIST :
        alice > CAP REQ :batch  echo-message
        alice < ^ CAP * ACK :batch echo-message
        alice > CAP REQ :-batch setname
        alice < ^ CAP * ACK :-batch setname
        alice > CAP list
        alice < ^ CAP * LIST :echo-message setname
        alice > CAP NOSUCH
        alice < 410 * NOSUCH :Invalid CAP command
        "
    ));
}

#[test]
fn all_that_is_asked_for_at_once_is_given_or_nothing() {
    for wrong in ["nosuch", "BATCH", "-nosuch", "batch=1", "--batch"] {
        play(&format!(
            "
            alice + setname
            alice > CAP REQ :batch -setname {wrong}
            alice < ^ CAP alice NAK :batch -setname {wrong}
            alice > CAP LIST
            alice < ^ CAP alice LIST :setname
            "
        ));
    }
}

#[test]
fn who_knows_the_newer_negotiation_is_told_of_changes_whatever_it_asks_for() {
    play(&format!(
        "
        alice * new
        alice > CAP LS 302
        alice < ^ CAP * LS :{ALL}
        alice > CAP LIST
        alice < ^ CAP * LIST :cap-notify
        alice > CAP REQ -cap-notify
        alice < ^ CAP * NAK :-cap-notify
        bob * new
        bob > CAP LS 301
        bob skips all
        bob > CAP REQ cap-notify
        bob < ^ CAP * ACK :cap-notify
        bob > CAP REQ -cap-notify
        bob < ^ CAP * ACK :-cap-notify
        "
    ));
}

#[test]
fn who_is_registered_negotiates_without_waiting() {
    play(&format!(
        "
        alice > CAP END
        alice > CAP LS 302
        alice < ^ CAP alice LS :{ALL}
        alice > CAP REQ echo-message
        alice < ^ CAP alice ACK :echo-message
        alice > PRIVMSG bob :hi
        alice < 401 alice bob :No such nick/channel
        bob does PONG x
        alice > PRIVMSG bob :hi
        bob < :alice@@ PRIVMSG bob :hi
        alice < :alice@@ PRIVMSG bob :hi
        "
    ));
}

#[test]
fn a_label_is_on_the_one_reply_or_on_the_batch_of_several_or_on_the_word_that_there_is_none() {
    play(
        "
        alice + labeled-response batch
        alice > @label=one PING x
        alice < @label=one ^ PONG rejoin.localhost :x
        alice > @label=a\\:b\\s NOSUCH
        alice < @label=a\\:b\\s ^ 421 alice NOSUCH :Unknown command
        alice > @label=several JOIN #a
        alice < @label=several ^ BATCH +1 labeled-response
        alice < @batch=1 :alice@@ JOIN #a
        alice < @batch=1 ^ 353 alice = #a :@alice
        alice < @batch=1 ^ 366 alice #a :End of /NAMES list
        alice < ^ BATCH -1
        alice > @label=none PONG x
        alice < @label=none ^ ACK
        alice > @label=none NOTICE nobody :hi
        alice < @label=none ^ ACK
        alice > @label= PING x
        alice < ^ PONG rejoin.localhost :x
        ",
    );
    // Whoever knows of no batches is told with each line.
    play(
        "
        alice + labeled-response
        alice > @label=several JOIN #a
        alice < @label=several :alice@@ JOIN #a
        alice < @label=several ^ 353 alice = #a :@alice
        alice < @label=several ^ 366 alice #a :End of /NAMES list
        ",
    );
    // It has 64 bytes at most.
    for (bytes, is_label) in [(64, true), (65, false)] {
        let label = "l".repeat(bytes);
        let told = if is_label {
            format!("@label={label} ")
        } else {
            String::new()
        };
        play(&format!(
            "
            alice + labeled-response batch
            alice > @label={label} PING x
            alice < {told}^ PONG rejoin.localhost :x
            "
        ));
    }
    play("alice > @label=one PING x\nalice < ^ PONG rejoin.localhost :x");
}

/// The replies come before the last line, which ends what is written.
#[test]
fn a_command_that_ends_its_own_connection_has_its_replies_first() {
    let end = |server: &mut Server, conn, line: &str| {
        server.hears(conn);
        server.types(conn, line);
        let heard = server.hears(conn);
        assert!(
            server.done.contains(&format!("stop {conn}'s reader")),
            "{heard:?}"
        );
        heard
    };
    let mut server = Server::new();
    server.hub.identify(with_operator());
    let guest = server.connect_irc();
    server.types(guest, "CAP REQ :labeled-response batch");
    let ack = ["@label=1 :rejoin.localhost ACK"];
    assert_eq!(end(&mut server, guest, "@label=1 QUIT"), ack);

    let root = server.registers("root");
    server.types(root, "CAP REQ :labeled-response batch");
    server.types(root, "OPER root toor");
    let kill = ["@label=2 :root!~u@192.0.2.7 KILL root :bye"];
    assert_eq!(end(&mut server, root, "@label=2 KILL root :bye"), kill);
}

#[test]
fn labels_come_with_the_time_of_the_reply_and_others_see_nothing_of_them() {
    let at = "time=1970-01-01T00:01:00.000Z";
    play(&format!(
        "
        bob does JOIN #a
        alice + labeled-response batch server-time message-tags
        wait 60
        alice > @label=1 PONG x
        alice < @label=1;{at} ^ ACK
        alice > @label=2 JOIN #a
        alice < @label=2;{at} ^ BATCH +1 labeled-response
        alice < @batch=1;{at} :alice@@ JOIN #a
        alice < @batch=1;{at} ^ 353 alice = #a :alice @bob
        alice < @batch=1;{at} ^ 366 alice #a :End of /NAMES list
        alice < @{at} ^ BATCH -1
        bob < :alice@@ JOIN #a
        alice > @label=3;+note=x PRIVMSG bob :hi
        alice < @label=3;{at} ^ ACK
        bob < :alice@@ PRIVMSG bob :hi
        "
    ));
}

#[test]
fn an_echo_has_the_label_and_what_one_says_to_oneself_comes_twice() {
    play(
        "
        alice + labeled-response batch echo-message message-tags
        bob + message-tags
        alice > @label=1;+note=x PRIVMSG bob :hi
        alice < @label=1;msgid=one;+note=x :alice@@ PRIVMSG bob :hi
        bob < @msgid=one;+note=x :alice@@ PRIVMSG bob :hi
        alice > @label=2 PRIVMSG alice :note
        alice < @msgid=two :alice@@ PRIVMSG alice :note
        alice < @label=2;msgid=two :alice@@ PRIVMSG alice :note
        alice > @label=3;+note=x TAGMSG bob
        alice < @label=3;msgid=three;+note=x :alice@@ TAGMSG bob
        bob < @msgid=three;+note=x :alice@@ TAGMSG bob
        bob does AWAY :lunch
        alice > @label=4 PRIVMSG bob :hi
        alice < @label=4 ^ BATCH +1 labeled-response
        alice < @batch=1 ^ 301 alice bob :lunch
        alice < @batch=1;msgid=four :alice@@ PRIVMSG bob :hi
        alice < ^ BATCH -1
        bob < @msgid=four :alice@@ PRIVMSG bob :hi
        ",
    );
}

#[test]
fn tags_reach_those_alone_who_take_them() {
    play(
        "
        alice + message-tags
        bob + message-tags
        carol + server-time
        dave does PONG x
        alice > @+typing=active;time=x;+a TAGMSG bob
        bob < @msgid=one;+typing=active;+a :alice@@ TAGMSG bob
        alice > @+typing=active TAGMSG carol
        alice > @+typing=active TAGMSG dave
        alice > @+a=b PRIVMSG bob,carol,dave :hi
        bob < @msgid=four;+a=b :alice@@ PRIVMSG bob :hi
        carol < @time=1970-01-01T00:00:00.000Z :alice@@ PRIVMSG carol :hi
        dave < :alice@@ PRIVMSG dave :hi
        dave > @+a=b TAGMSG bob
        dave < 421 dave TAGMSG :Unknown command
        alice > TAGMSG
        alice < 411 alice :No recipient given (TAGMSG)
        alice > @+a TAGMSG nobody
        alice < 401 alice nobody :No such nick/channel
        alice > @+a TAGMSG #nowhere
        alice < 403 alice #nowhere :No such channel
        bob does MODE bob +B
        bob > PRIVMSG alice :beep
        alice < @msgid=seven;bot :bob@@ PRIVMSG alice :beep
        ",
    );
}

#[test]
fn what_a_line_says_depends_on_what_was_agreed_on() {
    play(
        "
        alice does JOIN #a
        alice does MODE #a +v alice
        bob + multi-prefix userhost-in-names extended-join invite-notify
        bob > JOIN #a
        bob < :bob@@ JOIN #a * :Real Name
        bob < 353 bob = #a :@+alice@@ bob@@
        bob < 366 bob #a :End of /NAMES list
        alice < :bob@@ JOIN #a
        dave does PONG x
        alice > INVITE dave #a
        alice < 341 alice dave #a
        dave < :alice@@ INVITE dave #a
        bob < :alice@@ INVITE dave #a
        carol > NAMES #a
        carol < 353 carol = #a :@alice bob
        carol < 366 carol #a :End of /NAMES list
        ",
    );
}
