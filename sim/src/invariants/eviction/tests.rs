use super::*;
use rejoin::Config;
use rejoin::broker::{Broker, Effects};
use rejoin::hub::record::Recorded;
use rejoin::hub::{Hub, Observer, Protocol};
use rejoin::id::Time;
use rejoin::wire::lines::Line;
use std::sync::{Arc, Mutex};

use crate::probe::Probe;
use crate::watch::Watch;
use crate::words::is_plain;

const ROOT: ConnId = ConnId::new(1);
const BOB: ConnId = ConnId::new(2);

const fn received(conn: ConnId) -> Told {
    let goes_on = false;
    Told::Received { conn, goes_on }
}

const PASSWORD: &str = "1";

/// Looks on, but is deaf to lines with this word.
#[derive(Clone, Debug)]
struct Lookout(Arc<Mutex<Watch>>, &'static str);

impl Observer for Lookout {
    fn identity(&mut self, identity: &Identity) {
        self.0.lock().unwrap().identity(identity);
    }

    fn line(&mut self, line: Line<'_>, understood: Understood<'_>) {
        let Line::Whole(bytes) = line else {
            unreachable!("no line is long")
        };
        if !String::from_utf8_lossy(bytes).contains(self.1) {
            self.0.lock().unwrap().line(line, understood);
        }
    }

    fn input(&mut self, input: &Input) {
        self.0.lock().unwrap().input(input);
    }

    fn effects(&mut self, now: Time, effects: &Effects, broker: &Broker) {
        self.0.lock().unwrap().effects(now, effects, broker);
    }

    fn told(&mut self, _now: Time, told: Told, wants: &Outputs) {
        let mut watch = self.0.lock().unwrap();
        let found = watch.told(told, wants);
        watch.violations.extend(found.err());
    }
}

/// A hub with an operator and a peer, and a watch that is deaf to lines with `deaf_to`.
struct Story {
    hub: Hub<Recorded>,
    watch: Arc<Mutex<Watch>>,
    out: Outputs,
}

impl Story {
    fn new(deaf_to: &'static str) -> Self {
        let config = Config::default();
        let watch = Arc::new(Mutex::new(Watch::new(&config, PASSWORD, false)));
        let mut hub = Hub::new(&config, Recorded);
        hub.observe(Box::new(Lookout(Arc::clone(&watch), deaf_to)));
        hub.identify(Identity {
            operators: [("root".to_owned(), String::new())].into(),
            ..Identity::default()
        });
        let mut out = Outputs::new();
        for (conn, nick) in [(ROOT, "root"), (BOB, "bob")] {
            let from = [192, 0, 2, 1].into();
            hub.accepted(Time::ZERO, conn, from, Protocol::Irc, &mut out)
                .expect("there is room");
            let secret = "07".repeat(32);
            let lines = format!("PASS {secret}\r\nNICK {nick}\r\nUSER u 0 * :u\r\n");
            out.clear();
            hub.received(Time::ZERO, conn, lines.as_bytes(), &mut out);
            out.clear();
        }
        Self { hub, watch, out }
    }

    fn says(&mut self, conn: ConnId, lines: impl AsRef<[u8]>) {
        for line in lines.as_ref().split_inclusive(|&byte| byte == b'\n') {
            self.out.clear();
            let received = self.hub.received(Time::ZERO, conn, line, &mut self.out);
            assert_eq!(received.taken, line.len());
            let is_right = self.out.iter().find_map(|output| match output {
                Output::Verify { check, .. } => Some(check.password() == PASSWORD),
                Output::Send { .. }
                | Output::StopReader { .. }
                | Output::StopWriter { .. }
                | Output::Proceed { .. }
                | Output::Retain { .. }
                | Output::Ask { .. }
                | Output::Acknowledged { .. }
                | Output::Release { .. }
                | Output::Rehash => None,
            });
            self.out.clear();
            if let Some(is_right) = is_right {
                self.hub.verified(Time::ZERO, conn, is_right, &mut self.out);
            }
        }
    }

    fn found(&self) -> String {
        let found = &self.watch.lock().unwrap().violations;
        let found: Vec<_> = found.iter().map(Violation::to_string).collect();
        found.join("; ")
    }

    /// The checker hears of something that the hub does not do.
    fn pretend(&self, lines: &[&str], dismissed: Option<&str>, told: Told) -> String {
        let mut watch = self.watch.lock().unwrap();
        for line in lines {
            let line = line.as_bytes();
            watch.line(Line::Whole(line), Understood::Irc(&Message::parse(line)));
        }
        if let Some(name) = dismissed {
            let name = Name::parse(name).expect("it is a name");
            let why = None;
            watch.input(&Input::Dismiss { name, why });
        }
        let found = watch.told(told, &Outputs::new()).unwrap_err();
        assert_eq!(found.statement, 2);
        assert!(is_plain(&found.what), "{found}");
        found.what
    }
}

const KILLS: &str = "OPER root 1\r\nKILL bob :enough\r\n";

#[test]
fn whom_an_operator_kills_may_be_dismissed() {
    for lines in [
        KILLS,
        "OPER root 1\r\nkill BOB\r\nKILL bob\r\nKILL root\r\n",
    ] {
        let mut story = Story::new("nothing");
        story.says(ROOT, lines);
        assert_eq!(story.found(), "");
    }
    let mut story = Story::new("nothing");
    story.says(
        ROOT,
        "KILL bob\r\nOPER root 0\r\nKILL bob\r\nOPER root 1\r\n",
    );
    story.says(
        ROOT,
        "NICK ruth\r\nMODE ruth -o\r\nKILL bob\r\nOPER root 1\r\n",
    );
    story.says(ROOT, "KILL bob\r\n");
    assert_eq!(story.found(), "");
    let refused = story
        .watch
        .lock()
        .unwrap()
        .probes
        .count(Probe::Path(Path::KillRefused));
    assert_eq!(refused, 3);
}

#[test]
fn a_dismissal_that_no_kill_asks_for_is_found() {
    let mut story = Story::new("KILL");
    story.says(ROOT, KILLS);
    let found = "bob is dismissed, and no KILL asks for it";
    assert!(story.found().contains(found), "{}", story.found());

    let story = Story::new("nothing");
    let told = Told::ReaderFinished { conn: BOB };
    assert_eq!(story.pretend(&[], Some("bob"), told), found);
    // It is over with the line.
    let told = received(ROOT);
    let lines = ["OPER root 1", "KILL bob", "PING x"];
    assert_eq!(story.pretend(&lines, Some("bob"), told), found);
    let found = story.pretend(&["KILL bob"], Some("root"), told);
    assert_eq!(found, "root is dismissed, and no KILL asks for it");
}

#[test]
fn a_second_dismissal_by_one_kill_is_found() {
    let mut story = Story::new("nothing");
    story.says(ROOT, KILLS);
    let told = received(ROOT);
    let mut watch = story.watch.lock().unwrap();
    let line = b"KILL bob";
    watch.line(Line::Whole(line), Understood::Irc(&Message::parse(line)));
    for _ in 0..2 {
        let name = Name::parse("bob").expect("it is a name");
        watch.input(&Input::Dismiss { name, why: None });
    }
    let found = watch.told(told, &Outputs::new()).unwrap_err();
    assert!(found.what.contains("no KILL asks for it"), "{found}");
}

#[test]
fn a_kill_of_somebody_who_is_no_operator_is_found() {
    let mut story = Story::new("OPER");
    story.says(ROOT, KILLS);
    let found = "c1 dismisses bob, and is no operator's connection";
    assert!(story.found().contains(found), "{}", story.found());

    let story = Story::new("nothing");
    let told = received(BOB);
    let said = story.pretend(&["OPER root 0", "KILL root"], Some("root"), told);
    assert_eq!(said, "c2 dismisses root, and is no operator's connection");
}

#[test]
fn an_operator_who_has_not_shown_it_or_has_given_it_up_is_found() {
    let mut story = Story::new("OPER");
    story.says(ROOT, "OPER root 1\r\n");
    let found = "c1 is told that it is an operator, and has not shown it";
    assert!(story.found().contains(found), "{}", story.found());

    let mut story = Story::new("nothing");
    story.says(ROOT, "OPER root 1\r\n");
    let told = received(ROOT);
    let said = story.pretend(&["MODE root -o", "KILL bob"], Some("bob"), told);
    assert_eq!(said, "c1 dismisses bob, and is no operator's connection");
}

#[test]
fn a_kill_that_does_nothing_and_a_victim_that_is_not_told_are_found() {
    let mut story = Story::new("nothing");
    story.says(ROOT, "OPER root 1\r\n");
    let told = received(ROOT);
    let said = story.pretend(&["KILL bob"], None, told);
    assert_eq!(
        said,
        "c1, which is an operator's, wants bob gone, who stays"
    );
    let said = story.pretend(&["KILL bob"], Some("bob"), told);
    assert_eq!(
        said,
        "bob is dismissed, and its connection c2 is not told by whom"
    );
    assert_eq!(story.found(), "");
}

#[test]
fn after_a_restart_nobody_is_an_operator() {
    let mut evictions = Evictions::new("1");
    evictions.operators.insert(PeerId::new(ROOT));
    evictions.confirmed.insert(ROOT);
    evictions.restart();
    assert!(evictions.operators.is_empty() && evictions.confirmed.is_empty());
}
