//! Frames that carry mail, and what becomes of them when they are not written.

use std::sync::{Arc, Mutex};

use rejoin::Config;
use rejoin::broker::{Input, Request};
use rejoin::hub::{Frame, Hub, Observer, Output, Outputs, Protocol};
use rejoin::id::{ConnId, Time};

use crate::server::{Padded, Server, config};

#[test]
fn one_frame_is_written_for_all_receivers() {
    let mut server = Server::new();
    let alice = server.login("alice");
    for name in ["bob", "carol"] {
        server.login(name);
    }
    server.types(alice, "bob, carol: hi");
    assert_eq!(server.done, ["c2 c3 hear from alice: hi"]);
}

#[test]
fn lines_of_one_read_are_answered_in_their_order() {
    let mut server = Server::new();
    let alice = server.login("alice");
    for name in ["bob", "carol"] {
        server.login(name);
    }
    let lines = "bob: 1\nbob: 2\nBob: 3\nbob:4\n/pong\nbob: 5\ncarol: 6\nnobody: 7\nnobody: 8\n\
                 bob: 9\nnonsense\nbob: 10\n\nbob:\n/rooms\nbob, carol: 11\nbob, carol: 12\n";
    assert_eq!(server.sends(alice, lines.as_bytes()), lines.len());
    let expected = [
        "c2 hear from alice: 1",
        "c2 hear from alice: 2",
        "c2 hear from alice: 3",
        "c2 hear from alice: 4",
        "c2 hear from alice: 5",
        "c3 hear from alice: 6",
        "c1 hear * error no-such-peer nobody",
        "c1 hear * error no-such-peer nobody",
        "c2 hear from alice: 9",
        "c1 hear * error no-colon say to whom, like this: bob: hi; /help lists commands",
        "c2 hear from alice: 10",
        "c1 hear * error empty-line say something, or /help",
        "c1 hear * error empty-text nothing follows the colon",
        "c1 hear bulk: * end rooms 0",
        "c2 c3 hear from alice: 11",
        "c2 c3 hear from alice: 12",
    ];
    assert_eq!(server.done, expected);
}

#[test]
fn lines_to_the_same_receivers_in_one_read_are_one_request() {
    let mut server = Server::new();
    let [alice, _] = ["alice", "bob"].map(|name| server.login(name));
    let inputs = Inputs::default();
    server.hub.observe(Box::new(inputs.clone()));
    server.sends(
        alice,
        b"bob: 1\nbob: 2\nbob: 3\n/pong\nbob: 4\nBOB: 5\nbob: 6",
    );
    let texts = std::mem::take(&mut *inputs.0.lock().expect("nobody panics"));
    assert_eq!(texts, ["1 2 3", "4", "5"]);
    server.sends(alice, b"\n");
    assert_eq!(*inputs.0.lock().expect("nobody panics"), ["6"]);
}

/// The texts of each request.
#[derive(Clone, Default, Debug)]
struct Inputs(Arc<Mutex<Vec<String>>>);

impl Observer for Inputs {
    fn input(&mut self, input: &Input) {
        if let Input::Request {
            request: Request::Send { said, .. },
            ..
        } = input
        {
            let texts: Vec<_> = said.texts.iter().collect();
            self.0.lock().expect("nobody panics").push(texts.join(" "));
        }
    }
}

#[test]
fn frames_that_were_not_written_come_back_as_mail_in_their_order() {
    let mut server = Server::new();
    let alice = server.login("alice");
    let bob = server.login("bob correct-horse");
    server.types(bob, "/join #rust");
    for text in ["one", "two"] {
        server.types(alice, &format!("bob: {text}"));
        server.types(bob, "/rooms");
    }
    server.closes(bob);
    server.types(alice, "bob: three");
    server.writer_ends(bob);
    let bob = server.connect();
    server.types(bob, "bob correct-horse");
    let expected = [
        "c3 hear * back bob 3",
        "c3 hear bulk: from alice at 1970-01-01T00:00:00Z: one",
        "c3 hear bulk: from alice at 1970-01-01T00:00:00Z: two",
        "c3 hear bulk: from alice at 1970-01-01T00:00:00Z: three",
    ];
    assert_eq!(server.done, expected, "answers are not mail");
    server.types(alice, "bob: four");
    assert_eq!(
        server.done,
        ["c3 hear from alice: four"],
        "this one did not wait"
    );
}

#[test]
fn a_bounce_that_was_not_written_comes_back_too() {
    let mut server = Server::new();
    let alice = server.login("alice correct-horse");
    let bob = server.login("bob");
    server.types(alice, "bob: hi");
    server.breaks(bob);
    assert_eq!(server.done, ["c1 hear bulk: * undelivered bob gone: hi"]);
    server.breaks(alice);
    let alice = server.connect();
    server.types(alice, "alice correct-horse");
    let expected = ["* back alice 1", "* undelivered bob gone: hi"];
    assert_eq!(server.hears(alice), expected);
}

#[test]
fn mail_that_nobody_will_get_is_counted() {
    let mut server = Server::new();
    let [alice, bob] = ["alice", "bob"].map(|name| server.login(name));
    server.types(alice, "bob: one");
    server.types(alice, "bob: two");
    server.breaks(alice);
    assert_eq!(server.discarded, 0);
    server.breaks(bob);
    assert_eq!(server.discarded, 2);
}

#[test]
fn a_frame_knows_its_mail_and_its_cost() {
    let mut hub = Hub::new(&config(), Padded);
    let mut out = Outputs::new();
    let alice = ConnId::new(1);
    let address = [192, 0, 2, 1].into();
    let protocol = Protocol::Plain;
    hub.accepted(Time::ZERO, alice, address, protocol, &mut out)
        .unwrap();
    out.clear();
    hub.received(Time::ZERO, alice, b"alice\nalice: hi\n", &mut out);
    let frames = out.iter().map(|output| match output {
        Output::Send { frame, .. } => frame,
        Output::StopReader { .. }
        | Output::StopWriter { .. }
        | Output::Proceed { .. }
        | Output::Retain { .. }
        | Output::Ask { .. }
        | Output::Acknowledged { .. }
        | Output::Release { .. }
        | Output::Rehash
        | Output::Verify { .. } => panic!("{output:?}"),
    });
    let frames: Vec<_> = frames.collect();
    assert_eq!(*frames[0].bytes(), *b"* welcome alice\n");
    assert!(!frames[0].has_mail() && frames[0].mail().next().is_none());
    assert!(frames[1].has_mail());
    let mail: Vec<_> = frames[1].mail().collect();
    assert_eq!(mail[0].message().text(), "hi");
    let words = "alicehi".len() + "alice!plain@192.0.2.1".len();
    let mail = words + Config::MAIL_OVERHEAD;
    let line = frames[1].bytes().len() + Config::FRAME_OVERHEAD;
    assert_eq!(frames[1].cost(), mail + line);
}

#[test]
fn a_frame_of_several_messages_is_written_line_by_line_or_given_back() {
    for to in ["bob", "#rust"] {
        let frame = run(to);
        let bytes = frame.bytes().into_owned();
        let parts = frame.each();
        assert_eq!((parts.len(), frame.parts()), (3, 3), "{to}");
        let joined: Vec<_> = parts
            .iter()
            .flat_map(|part| part.bytes().into_owned())
            .collect();
        assert_eq!((&joined, frame.length()), (&bytes, bytes.len()), "{to}");
        let mail: Vec<_> = parts.iter().flat_map(Frame::mail).collect();
        assert_eq!(frame.mail().collect::<Vec<_>>(), mail, "{to}");
        let costs = parts.iter().map(Frame::cost);
        assert_eq!(frame.cost(), costs.sum(), "{to}");

        for written in 0..bytes.len() {
            let line = bytes[..written]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count();
            let start: usize = parts[..line].iter().map(Frame::length).sum();
            let mut rest = frame.clone();
            rest.leave_out(written);
            assert_eq!(*rest.bytes(), bytes[start..], "{to}: {written}");
            assert_eq!(
                rest.mail().collect::<Vec<_>>(),
                mail[line..],
                "{to}: {written}"
            );
            let end = if written == start {
                start
            } else {
                start + parts[line].length()
            };
            assert_eq!(frame.end_of_begun(written), end, "{to}: {written}");
        }
    }
}

#[test]
fn lines_without_mail_and_a_single_message_are_written_whole_or_given_back() {
    let [list, message] = [sent(b"/help\n"), sent(b"alice: hi\n")];
    for frame in [list, message] {
        assert_eq!(frame.each(), std::slice::from_ref(&frame));
        for written in 0..frame.length() {
            let mut rest = frame.clone();
            rest.leave_out(written);
            assert_eq!(rest, frame);
            let end = if written == 0 { 0 } else { frame.length() };
            assert_eq!(frame.end_of_begun(written), end);
        }
    }
}

/// Three messages that Alice says at once.
fn run(to: &str) -> Frame {
    let lines = ["1", "two", "\t3"].map(|text| format!("{to}: {text}\n"));
    sent(lines.concat().as_bytes())
}

/// What is sent, at the end, when Alice sends this to Bob, to Carol, or to the room that all are in.
fn sent(bytes: &[u8]) -> Frame {
    let (mut hub, mut out) = (Hub::new(&config(), Padded), Outputs::new());
    let conns = [1, 2, 3].map(ConnId::new);
    for (conn, name) in conns.into_iter().zip(["alice", "bob", "carol"]) {
        let address = [192, 0, 2, 1].into();
        hub.accepted(Time::ZERO, conn, address, Protocol::Plain, &mut out)
            .unwrap();
        let login = format!("{name}\n/join #rust\n");
        hub.received(Time::ZERO, conn, login.as_bytes(), &mut out);
    }
    out.clear();
    hub.received(Time::ZERO, conns[0], bytes, &mut out);
    let sent = out.iter().filter_map(|output| {
        let Output::Send { frame, .. } = output else {
            return None;
        };
        Some(frame.clone())
    });
    sent.last().expect("something is sent")
}

#[test]
fn outputs_are_in_order_and_forgotten_when_cleared() {
    let mut hub = Hub::new(&config(), Padded);
    let mut out = Outputs::new();
    let address = [192, 0, 2, 1].into();
    for conn in [1, 2].map(ConnId::new) {
        hub.accepted(Time::ZERO, conn, address, Protocol::Plain, &mut out)
            .unwrap();
    }
    assert_eq!(out.iter().count(), 2, "both are told how to log in");
    out.clear();
    assert!(out.is_empty());
    hub.received(Time::ZERO, ConnId::new(1), b"alice\n", &mut out);
    hub.received(Time::ZERO, ConnId::new(2), b"bob\nalice: hi\n", &mut out);
    assert_eq!(out.iter().count(), 3);
    hub.writer_finished(Time::ZERO, ConnId::new(2), [], &mut out);
    assert_eq!(
        out.iter().last(),
        Some(Output::StopReader {
            conn: ConnId::new(2)
        })
    );
    out.clear();
    assert!(out.is_empty());
    assert_eq!((out.iter().count(), out.discarded()), (0, 0));
}

#[test]
fn a_writer_that_ends_at_a_deadline_is_sent_nothing_more() {
    let mut server = Server::new();
    let bob = server.login("bob correct-horse");
    let alice = server.login("alice correct-horse");
    server.types(alice, "bob: hi");
    server.breaks(bob);
    server.hears(alice);
    server.types(alice, "bob: there");
    assert_eq!(server.hears(alice), ["* kept bob"]);
    server.now = server.now.after(config().resume_window);
    server.writer_ends(alice);
    let alice = server.connect();
    server.types(alice, "alice correct-horse");
    let expected = [
        "* back alice 2",
        "* undelivered bob expired: hi",
        "* undelivered bob expired: there",
    ];
    assert_eq!(server.hears(alice), expected);
}
