//! Records of a hub whose clients speak IRC, played again.

mod bytes;
mod recorded;

use std::path::Path;
use std::process::Command;

use rejoin::Config;
use rejoin::broker::Event;
use rejoin::hub::Identity;
use rejoin::hub::record::{BadRecord, MAGIC};
use rejoin::id::ConnId;
use rejoin_sim::explain::{self, Rows};
use rejoin_sim::moment::Happening;
use rejoin_sim::replay::{Replayed, replay};
use rejoin_sim::trace::What;

use recorded::Recorded;

/// A story with everything in it that a record must not keep, or must tell in another way.
fn story(texts: bool) -> Recorded {
    let identity = Identity {
        operators: [("root".to_owned(), "root-password".to_owned())].into(),
        password: Some("door".to_owned()),
        motd: Some(vec!["be kind".to_owned()]),
        ..Identity::default()
    };
    let mut recorded = Recorded::new(texts, identity);
    recorded.says(1, "PASS wrong\nNICK eve\nUSER eve 0 * :Eve");
    recorded.says(
        2,
        "CAP LS 302\nCAP REQ :labeled-response batch message-tags server-time echo-message\n\
         @label=1 PASS door:correct-horse\nNICK alice\nUSER alice 0 * :Alice\nCAP END\n\
         JOIN #rust\nTOPIC #rust :topic of alice\n@label=2 OPER root root-password",
    );
    recorded.says(
        3,
        "PASS door:short\nNICK bob\nUSER bob 0 * :Bob\nOPER root guess\nOPER root",
    );
    // The clock is set: what alice hears has another time from here on.
    recorded.call(|hub, now, _| hub.set_clock(now, 7_200_000_000));
    recorded.says(
        3,
        "JOIN #rust\nPRIVMSG #rust,alice :hello from bob  \nPRIVMSG alice hello",
    );
    recorded.says(
        2,
        "@+typing=done;label=3 PRIVMSG bob :hello back\nAWAY :away text",
    );
    recorded.answers(2);
    recorded.breaks(2);
    recorded.says(
        3,
        "NOTICE alice :hello again\nPASS door:correct-horse\nNICK rob",
    );
    recorded.says(
        4,
        "PASS door:correct-horse\nNICK alice\nUSER alice 0 * :Alice",
    );
    recorded.says(3, "QUIT :hello no more");
    recorded
}

/// Rooms with keys, by all the ways in which a line may hold one.
fn keys(texts: bool) -> Recorded {
    let mut recorded = Recorded::new(texts, Identity::default());
    recorded.says(1, "JOIN #a hunter-0\nMODE #a +k hunter-0");
    let users = [(1, "alice"), (2, "bob"), (3, "carol")];
    for (n, nick) in users {
        recorded.says(n, "CAP REQ :batch labeled-response message-tags\nCAP END");
        recorded.says(n, &format!("NICK {nick}\nUSER u 0 * :u"));
    }
    recorded.says(
        1,
        "JOIN #a,#b,#c hunter-0\nMODE #a +k hunter-1\nmode #b +ok-l alice hunter-2\n\
         @label=1;+hunter-8=hunter-9 MODE #c +blk x 3 hunter-3 hunter-4\n\
         MODE #c -k+k hunter-5 bad,hunter\nMODE #c +k-v+k hunter-3 alice :bad hunter\n\
         MODE #nowhere +k hunter-1\nMODE alice +k hunter-1\nMODE alice +i hunter-1\n\
         MODE #a +k hunter-6\nMODE #a +k hunter-1\nJOIN #a :hunter-1",
    );
    recorded.says(
        2,
        "MODE #a +k hunter-7\nJOIN #a hunter-6\nJOIN #a,#b,#c hunter-2,hunter-1,hunter-3\n\
         JOIN #a,,#b hunter-1,hunter-2\nMODE #a +k hunter-1\n@label=2 MODE #a\n\
         @+hunter-8=hunter-9 JOIN #a,#b hunter-1 hunter-2\nMODE #c",
    );
    recorded.says(1, "MODE #a -k\nMODE #a +k h\nMODE #a -k hunter-1");
    recorded.says(3, "JOIN #a h\nJOIN #b hunter-2,\nMODE #b\nJOIN 0 hunter-1");
    recorded
}

/// Peers that are killed: one that is here, one that is away, and one whose link is ending.
fn kills(texts: bool) -> Recorded {
    let identity = Identity {
        operators: [("root".to_owned(), "root-password".to_owned())].into(),
        ..Identity::default()
    };
    let mut recorded = Recorded::new(texts, identity);
    for (n, nick) in [(1, "root"), (2, "bob"), (3, "carol"), (4, "dave")] {
        recorded.says(n, "PASS correct-horse");
        recorded.says(n, &format!("NICK {nick}\nUSER u 0 * :u\nJOIN #a"));
    }
    recorded.says(2, "KILL dave :not for bob to say");
    recorded.says(1, "OPER root root-password");
    recorded.breaks(3);
    let dave = ConnId::new(4);
    recorded.call(|hub, now, out| hub.reader_finished(now, dave, out));
    recorded.says(2, "PRIVMSG carol,dave,#a :hello");
    recorded.says(1, "PRIVMSG bob,carol,dave :hello");
    recorded.says(
        1,
        "KILL bob :spam\nKILL carol :spam\nKILL dave\nKILL nobody",
    );
    recorded.says(5, "PASS correct-horse\nNICK dave\nUSER u 0 * :u");
    recorded.breaks(2);
    recorded.breaks(4);
    recorded.says(1, "PRIVMSG bob :gone\nNAMES #a");
    recorded
}

/// An operator whose password may have changed before its answer comes, as the files were read again.
#[test]
fn whether_an_operator_has_another_password_is_in_a_record_and_the_password_is_not() {
    let identity = |hash: &str| Identity {
        operators: [("root".to_owned(), hash.to_owned())].into(),
        ..Identity::default()
    };
    let config = Config {
        failed_logins_per_address: 1.try_into().unwrap(),
        ..Config::default()
    };
    for texts in [true, false] {
        for hash in ["root-password", "next-password"] {
            let mut recorded = Recorded::of(&config, texts, identity("root-password"));
            recorded.says(1, "NICK root\nUSER u 0 * :u\nOPER root guess");
            recorded.call(|hub, now, out| {
                hub.received(now, ConnId::new(1), b"OPER root root-password\r\n", out);
            });
            recorded.call(|hub, _, _| hub.identify(identity(hash)));
            recorded.says(1, "MODE root");
            let record = recorded.bytes();
            let replayed = replay(&record).expect("it is a record");
            assert_eq!(replayed.different, [0; 0], "texts: {texts}, {hash}");
            let kept = String::from_utf8_lossy(&record);
            assert!(!kept.contains("password"), "{kept}");
        }
    }
}

/// The server's password is another when somebody who has given it registers.
#[test]
fn whether_the_server_has_another_password_is_in_a_record_and_the_password_is_not() {
    let identity = |password: &str| Identity {
        password: Some(password.to_owned()),
        ..Identity::default()
    };
    let mut recorded = Recorded::new(true, identity("secret-door"));
    recorded.says(1, "PASS secret-door:correct-horse\nNICK ann\nUSER u 0 * :u");
    for n in [2, 3] {
        recorded.says(n, &format!("PASS secret-door\nNICK bob{n}"));
    }
    recorded.says(2, "USER u 0 * :u");
    recorded.call(|hub, _, _| hub.identify(identity("secret-gate")));
    recorded.says(3, "USER u 0 * :u");
    recorded.says(4, "PASS secret-gate\nNICK carol\nUSER u 0 * :u");
    let record = recorded.bytes();
    let replayed = replay(&record).expect("it is a record");
    assert_eq!(replayed.different, [0; 0]);
    let kept = String::from_utf8_lossy(&record);
    assert!(!kept.contains("secret"), "{kept}");
}

/// Whoever leaves its name out gives its password as one.
#[test]
fn a_name_that_is_no_operators_is_not_in_a_record() {
    let config = Config {
        failed_logins_per_address: 1.try_into().unwrap(),
        ..Config::default()
    };
    let identity = Identity {
        operators: [("root".to_owned(), "root-password".to_owned())].into(),
        ..Identity::default()
    };
    let mut recorded = Recorded::of(&config, true, identity);
    recorded.says(1, "NICK root\nUSER u 0 * :u");
    // Guesses at the same name wait, and others do not.
    let guesses = [
        "root x",
        "secret-1 x",
        "secret-2 x",
        "secret-1 x",
        "secret-2",
    ];
    for guess in guesses {
        recorded.says(1, &format!("OPER {guess}"));
    }
    let record = recorded.bytes();
    let replayed = replay(&record).expect("it is a record");
    assert_eq!(replayed.different, [0; 0]);
    let kept = String::from_utf8_lossy(&record);
    assert!(
        kept.contains("OPER root") && !kept.contains("secret"),
        "{kept}"
    );
}

/// What nobody understands, and texts that are not marked as such.
fn slips(texts: bool) -> Recorded {
    let mut recorded = Recorded::new(texts, Identity::default());
    recorded.says(1, "PASSS secret-1\nAUTHENTICATE secret-2");
    recorded.says(
        1,
        "CAP REQ :message-tags labeled-response echo-message batch",
    );
    recorded.says(1, "NICK ann\nUSER u 0 * :text-1 text-2\nCAP END");
    recorded.says(1, "@label=l1;secret-3=secret-4 OPERR root secret-5");
    recorded.says(1, "ns IDENTIFY secret-6\nERROR :secret-7");
    recorded.says(1, "JOIN #a\nTOPIC #a text-3 text-4\nAWAY text-5 text-6");
    recorded.says(1, "@typing=text-7;label=l2 PRIVMSG #a text-8 text-9");
    recorded.says(
        1,
        "PING text-10 text-11\nPING :text-12\nSETNAME text-13\nPART #a text-14 ",
    );
    recorded.says(1, "PRIVMGS ann :secret-8\nWHOIS ann\nQUIT text-15 text-16");
    recorded
}

#[test]
fn of_what_nobody_understands_only_the_command_is_kept() {
    for texts in [true, false] {
        let record = slips(texts).bytes();
        let replayed = replay(&record).expect("it is a record");
        assert_eq!(replayed.different, [0; 0], "texts: {texts}");
        let kept = String::from_utf8_lossy(&record);
        assert!(!kept.contains("secret-"), "{kept}");
        assert_eq!(kept.contains("text-"), texts, "{kept}");
        assert!(kept.contains("label=l1"), "{kept}");
    }
}

#[test]
fn whoever_is_killed_is_gone_by_all_statements() {
    for texts in [true, false] {
        let replayed = replay(&kills(texts).bytes()).expect("it is a record");
        assert_eq!(replayed.different, [0; 0], "texts: {texts}");
        assert!(!replayed.trace.is_broken(), "{:#?}", replayed.trace);
    }
}

#[test]
fn a_record_keeps_no_key_and_has_the_same_effects() {
    for texts in [true, false] {
        let record = keys(texts).bytes();
        let replayed = replay(&record).expect("it is a record");
        assert!(replayed.told > 40);
        assert_eq!(replayed.different, [0; 0], "texts: {texts}");
        let kept = String::from_utf8_lossy(&record);
        let tags = kept.matches("hunter-8").count() + kept.matches("hunter-9").count();
        assert_eq!(tags, if texts { 4 } else { 0 });
        assert_eq!(kept.matches("hunter").count(), tags, "texts: {texts}");
    }
}

#[test]
fn a_record_of_irc_has_the_same_effects_with_and_without_texts() {
    for texts in [true, false] {
        let record = story(texts).bytes();
        let Replayed {
            trace,
            different,
            told,
            ..
        } = replay(&record).expect("it is a record");
        assert!(told > 20);
        assert_eq!(different, [0; 0], "texts: {texts}");
        assert!(!trace.is_broken(), "texts: {texts}: {trace:#?}");
    }
}

/// What clients are shown of the time comes from the clock, and from nothing else in the record.
#[test]
fn a_record_tells_when_the_wall_clock_was_set_and_else_the_effects_differ() {
    for has_clock in [true, false] {
        let identity = Identity::default();
        let mut recorded = Recorded::with_clock(&Config::default(), true, identity, has_clock);
        recorded.says(1, "CAP REQ :server-time\nNICK ann\nUSER u 0 * :u\nCAP END");
        recorded.says(1, "PING before");
        recorded.call(|hub, now, _| hub.set_clock(now, 7_200_000_000));
        recorded.says(1, "PING after\nTIME");
        let replayed = replay(&recorded.bytes()).expect("it is a record");
        let (after, time) = (replayed.told - 2, replayed.told - 1);
        let different = if has_clock { vec![] } else { vec![after, time] };
        assert_eq!(replayed.different, different, "has_clock: {has_clock}");
    }
}

#[test]
fn a_record_of_irc_keeps_no_password_and_no_text_unless_asked_for() {
    let has = |record: &[u8], word: &str| {
        record
            .windows(word.len())
            .any(|bytes| bytes == word.as_bytes())
    };
    let (with, without) = (story(true).bytes(), story(false).bytes());
    for word in [
        "correct-horse",
        "door",
        "root-password",
        "guess",
        "wrong",
        "short",
    ] {
        assert!(!has(&with, word), "{word}");
        assert!(!has(&without, word), "{word}");
    }
    for word in ["hello", "topic of alice", "away text", "typing"] {
        assert!(has(&with, word), "{word}");
        assert!(!has(&without, word), "{word}");
    }
}

/// Where each whole entry of a record ends.
fn ends(record: &[u8]) -> Vec<usize> {
    let mut end = MAGIC.len();
    let mut ends = Vec::new();
    while let Some(&[low, high]) = record[end..].first_chunk() {
        end += 2 + usize::from(u16::from_le_bytes([low, high]));
        ends.push(end);
    }
    ends
}

#[test]
fn effects_that_differ_are_marked_where_they_came() {
    let mut record = kills(true).bytes();
    // An entry that tells of an input ends with the check sum of its effects: here that of the end
    // of dave's writer and, after two inputs with a line each, that of what root asked last.
    let ends = ends(&record);
    for end in [ends[ends.len() - 5], ends[ends.len() - 1]] {
        record[end - 1] ^= 1;
    }
    let replayed = replay(&record).expect("it is a record");
    let (first, last) = (replayed.told - 3, replayed.told - 1);
    assert_eq!(replayed.different, [first, last]);
    assert!(replayed.trace.is_broken());
    let listing = explain::text(&replayed.trace, Rows::Folded, false);
    let says = format!("the effects of 2 are not those recorded, first of input {first}");
    assert!(listing.contains(&says), "{listing}");
    let heads = [
        format!("✗ The effects of input {first} are not those recorded: the writer of c4 has"),
        format!("✗ The effects of input {last} are not those recorded: bytes come from c1"),
    ];
    for head in heads {
        let (_, after) = listing.split_once(&head).expect("it is told");
        for what in ["only the check sum is known", "c1 ◂ :"] {
            assert!(after.contains(what), "{what} is missing in\n{listing}");
        }
    }
    let page = explain::html(&replayed.trace, Rows::Folded);
    assert_eq!(page.matches("are not those recorded</b>").count(), 2);
    // The last input is one of the hub alone: there is no row of the broker to be marked.
    for kind in ["written", "handled"] {
        assert_eq!(
            page.matches(&format!("class=\"row {kind} broken")).count(),
            1
        );
    }
}

#[test]
fn what_was_said_is_shown_if_it_was_recorded() {
    let shown = |texts| {
        explain::text(
            &replay(&kills(texts).bytes()).unwrap().trace,
            Rows::Folded,
            false,
        )
    };
    let (with, without) = (shown(true), shown(false));
    let said = [
        "▸ c2 says m0 “hello” to carol",
        "c2 ◂ m1 “hello” from root",
        "c1 ◂ m1 “hello” bounced: bob gone",
    ];
    for what in said {
        assert!(with.contains(what), "{what} is missing in\n{with}");
    }
    assert!(without.contains("says m0 to carol"), "{without}");
    assert!(!without.contains("hello"));
    assert!(without.contains("texts were not recorded"));
}

/// A line of IRC may look like one of the plain protocol that sends something.
#[test]
fn whoever_logs_in_does_so_where_it_is_judged() {
    let listing = explain::text(
        &replay(&story(true).bytes()).unwrap().trace,
        Rows::Folded,
        false,
    );
    for login in [
        "c2 log in as alice (secret)",
        "c3 log in as bob (guest)",
        "c4 ◂ back alice, 4 kept",
    ] {
        assert!(listing.contains(login), "{login} is missing in\n{listing}");
    }
}

#[test]
fn spaces_behind_a_word_are_no_text() {
    let mut recorded = Recorded::new(true, Identity::default());
    recorded.says(1, "PASS correct-horse\nNICK bob\nUSER u 0 * :u");
    recorded.says(1, "PRIVMSG bob hello  \nPRIVMSG bob :hello  ");
    let replayed = replay(&recorded.bytes()).expect("it is a record");
    assert_eq!(replayed.trace.texts, ["hello", "hello  "]);
    assert_eq!(replayed.different, [0; 0]);
    assert!(!replayed.trace.is_broken(), "{:#?}", replayed.trace);
}

#[test]
fn what_follows_a_text_of_one_word_is_not_said() {
    let mut recorded = Recorded::new(true, Identity::default());
    recorded.says(1, "PASS correct-horse\nNICK bob\nUSER u 0 * :u");
    recorded.says(
        1,
        "PRIVMSG bob hello bob\nNOTICE bob hi hi\nPRIVMSG bob :\nPRIVMSG bob one :two",
    );
    let replayed = replay(&recorded.bytes()).expect("it is a record");
    assert_eq!(replayed.trace.texts, ["hello", "hi", "one"]);
    assert_eq!(replayed.different, [0; 0]);
    assert!(!replayed.trace.is_broken(), "{:#?}", replayed.trace);
}

/// Nothing in a record says what a socket has taken: so all that was ever said waits.
#[test]
fn what_waits_is_not_kept_with_each_moment_anew() {
    let shown = |messages| {
        let mut recorded = Recorded::new(true, Identity::default());
        recorded.says(1, "PASS correct-horse\nNICK bob\nUSER u 0 * :u");
        (0..messages).for_each(|_| recorded.says(1, "PRIVMSG bob hello"));
        let replayed = replay(&recorded.bytes()).expect("it is a record");
        format!("{:?}", replayed.trace).len()
    };
    let (some, more) = (shown(50), shown(100));
    assert!(more < 5 * some / 2, "{more} bytes after {some}");
}

#[test]
fn much_that_waits_is_taken_by_the_socket_unless_it_was_given_back() {
    let taken = |breaks: bool| {
        let mut recorded = Recorded::new(true, Identity::default());
        recorded.says(1, "PASS correct-horse\nNICK bob\nUSER u 0 * :u");
        (0..200).for_each(|_| recorded.says(1, "PRIVMSG bob hello"));
        if breaks {
            recorded.breaks(1);
        }
        let replayed = replay(&recorded.bytes()).expect("it is a record");
        assert_eq!(replayed.different, [0; 0]);
        assert!(!replayed.trace.is_broken(), "{:#?}", replayed.trace);
        let moments = replayed.trace.entries.iter().filter_map(|entry| {
            if let What::Moment(moment) = &entry.what {
                Some(&moment.happening)
            } else {
                None
            }
        });
        let mail = moments.filter_map(|happening| match happening {
            Happening::Written { items, .. } => {
                let mail = |event: &&Event| matches!(event, Event::Mail(_));
                Some(items.iter().filter(mail).count())
            }
            Happening::Handled { .. } => None,
        });
        mail.collect::<Vec<_>>()
    };
    // The greeting, which comes first, is no mail.
    assert_eq!(taken(false), [63, 64, 64]);
    assert_eq!(taken(true), [0]);
}

#[test]
fn a_record_that_was_cut_off_says_so() {
    let record = story(true).bytes();
    let replayed = replay(&record[..record.len() - 1]).expect("it is a record");
    assert!(replayed.torn);
    for drawn in [
        explain::text(&replayed.trace, Rows::Folded, false),
        explain::html(&replayed.trace, Rows::Folded),
    ] {
        assert!(drawn.contains("the last entry was cut off"));
    }
    assert!(!replayed.trace.is_broken());
    let first = ends(&record)[0];
    for cut in MAGIC.len()..first {
        assert_eq!(replay(&record[..cut]).unwrap_err(), BadRecord::Empty);
    }
}

#[test]
fn both_commands_show_a_record_and_fail_if_its_effects_differ() {
    let mut record = story(true).bytes();
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("differs.record");
    for flipped in [0, 1] {
        *record.last_mut().unwrap() ^= flipped;
        std::fs::write(&file, &record).unwrap();
        for command in ["replay", "explain"] {
            let mut sim = Command::new(env!("CARGO_BIN_EXE_rejoin-sim"));
            let output = sim.arg(command).arg(&file).output().unwrap();
            assert_eq!(output.status.code(), Some(flipped.into()), "{command}");
            let says = String::from_utf8(output.stdout).unwrap();
            assert_eq!(
                says.contains("are not those recorded"),
                flipped == 1,
                "{says}"
            );
        }
    }
}
