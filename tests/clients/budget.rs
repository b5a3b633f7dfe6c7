//! Clients that limit how much they send, and count their answers to the server: their users are
//! heard all the same, whatever is said to them meanwhile.

#![expect(clippy::disallowed_methods, reason = "these programs go by the time")]

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Client as Line, Server};
use crate::person::{Person, Program};
use crate::wire::Way;

const ROOM: &str = "#maps";
const SECRET: &str = "correct-horse";

/// alice runs a client as it comes, with a secret; bob talks in the room where she is, and carol
/// listens.
struct Talk {
    _server: Server,
    alice: Person,
    bob: Line,
    /// What carol has heard of alice, and when.
    heard: Receiver<(String, Instant)>,
}

impl Talk {
    fn with(program: &'static Program) -> Self {
        let server = Server::start(&["--irc=127.0.0.1:0"]);
        let mut alice = Person::comes(program, server.irc(), "alice", Some(SECRET));
        alice.joins(ROOM);
        let [bob, mut carol] = ["bob", "carol"].map(|name| {
            let mut line = server.login(name);
            line.send(&format!("/join {ROOM}"));
            line.expect(&format!("* joined {ROOM} {name}"));
            line
        });
        let (hears, heard) = channel();
        thread::spawn(move || {
            let intro = format!("from alice in {ROOM}: ");
            while let Some(line) = carol.try_line() {
                if let Some(text) = line.strip_prefix(&intro) {
                    let _ = hears.send((text.to_owned(), Instant::now()));
                }
            }
        });
        Self {
            _server: server,
            alice,
            bob,
            heard,
        }
    }

    fn bob_says(&mut self, n: u32) {
        self.bob.send(&format!("{ROOM}: message {n}"));
    }

    /// How often alice's client was asked something.
    fn questions(&self) -> usize {
        let lines = self.alice.wire.link().1.passed(Way::ToClient);
        let pings = lines.iter().filter(|line| line.starts_with("PING "));
        pings.count()
    }
}

/// For ten seconds somebody says five messages a second, and goes on. A line that is typed then is
/// heard within two seconds, so before ten messages more; on a busy machine, before thirty.
pub(crate) fn a_typed_line_is_heard(program: &'static Program) {
    if !program.is_installed() {
        return;
    }
    let mut talk = Talk::with(program);
    let pause = Duration::from_millis(200);
    for n in 0..50 {
        talk.bob_says(n);
        thread::sleep(pause);
    }
    talk.alice.client().say(ROOM, "typed");
    for n in 50..80 {
        talk.bob_says(n);
        thread::sleep(pause);
        if let Ok((text, _)) = talk.heard.try_recv() {
            assert_eq!(text, "typed");
            let asked = talk.questions();
            assert!(asked <= 8, "asked {asked} times in {n} messages");
            return;
        }
    }
    panic!("not heard, and asked {} times", talk.questions());
}

/// For a minute each program is talked to, at several paces, and its user types a line each ten
/// seconds.
pub(crate) fn each_typed_line_is_heard_within_two_seconds(programs: &[&'static Program]) {
    let installed = programs.iter().filter(|program| program.is_installed());
    let measured = installed.flat_map(|&program| {
        [500, 1000, 2000, 5000].map(|per_kilosecond| {
            let measuring = thread::spawn(move || typed_for_a_minute(program, per_kilosecond));
            (program, per_kilosecond, measuring)
        })
    });
    let mut late = 0;
    for (program, per_kilosecond, measuring) in measured.collect::<Vec<_>>() {
        let (delays, questions) = measuring.join().expect("it is measured");
        let pace = f64::from(per_kilosecond) / 1000.0;
        eprintln!(
            "{}, {pace} messages a second: {questions} questions, heard after {delays:.2?}",
            program.name
        );
        let is_late = |delay: &&Option<Duration>| delay.is_none_or(|d| d > Duration::from_secs(2));
        late += delays.iter().filter(is_late).count();
    }
    assert_eq!(late, 0, "lines were not heard within two seconds");
}

/// After how long each line was heard, if it was, and how often the client was asked something.
fn typed_for_a_minute(
    program: &'static Program,
    per_kilosecond: u32,
) -> (Vec<Option<Duration>>, usize) {
    let mut talk = Talk::with(program);
    let pause = Duration::from_secs(1000) / per_kilosecond;
    let start = Instant::now();
    let (mut said, mut typed) = (0, Vec::new());
    while start.elapsed() < Duration::from_secs(62) {
        let next_typed = Duration::from_secs(10) * (typed.len() as u32 + 1);
        if start.elapsed() >= next_typed && typed.len() < 6 {
            let text = format!("typed {}", typed.len());
            talk.alice.client().say(ROOM, &text);
            typed.push((text, Instant::now()));
        }
        if start.elapsed() >= pause * said {
            talk.bob_says(said);
            said += 1;
        }
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_secs(3));
    let heard: Vec<_> = talk.heard.try_iter().collect();
    let delay = |(text, at): &(String, Instant)| {
        let heard = heard.iter().find(|(heard, _)| heard == text);
        heard.map(|(_, when)| when.duration_since(*at))
    };
    (typed.iter().map(delay).collect(), talk.questions())
}
