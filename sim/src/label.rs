//! Labels: what clients put on some of their commands, so that they know the replies to each
//! (<https://ircv3.net/specs/extensions/labeled-response>).
//!
//! That each is answered once is judged apart from the hub's own books.

use std::collections::{BTreeMap, BTreeSet};

use rejoin::hub::{Output, Outputs, Told, Understood};
use rejoin::id::ConnId;

use crate::invariants::Violation;
use crate::probe::{Path, Probes};
use crate::step::Step;
use crate::words;

/// What a client says first that is to put labels on its commands. It is registered once it has said
/// that this was all.
pub const BEGIN: &str = "CAP REQ :batch labeled-response\r\n";

/// What such a client says at the end of its login.
const END: &str = "CAP END\r\n";

/// Puts labels on lines.
#[derive(Clone, Debug)]
pub struct Labeler {
    rng: fastrand::Rng,
    given: u32,
}

impl Labeler {
    /// One that gives labels to other lines for each seed. What else is drawn from a seed stays
    /// as it is.
    pub fn new(seed: u64) -> Self {
        let rng = fastrand::Rng::with_seed(seed.rotate_left(32) ^ 0x006c_6162_656c);
        Self { rng, given: 0 }
    }

    /// Whether a connection is to have labels.
    pub fn takes(&mut self) -> bool {
        self.rng.bool()
    }

    /// Which of these clients are to have labels, one bit for each.
    pub fn among(&mut self, clients: u8) -> u8 {
        clients & self.rng.u8(..)
    }

    /// Puts labels on the lines of a request, which for a login has one more.
    pub fn request(&mut self, request: &Step, mut lines: String) -> String {
        if matches!(request, Step::LogIn { .. }) {
            lines += END;
        }
        self.label(&lines)
    }

    /// Puts labels on some lines, no label twice.
    fn label(&mut self, lines: &str) -> String {
        let mut labeled = String::with_capacity(2 * lines.len());
        for line in lines.split_inclusive('\n') {
            if self.rng.bool() {
                self.given += 1;
                labeled += &format!("@label=n{} ", self.given);
            }
            labeled += line;
        }
        labeled
    }
}

/// The tags of a line, and what comes after them.
pub fn split_tags(line: &str) -> (&str, &str) {
    let tagged = line.strip_prefix('@');
    tagged
        .and_then(|line| line.split_once(' '))
        .unwrap_or(("", line))
}

fn label_of(line: &str) -> Option<&str> {
    let (tags, _) = split_tags(line);
    tags.split(';').find_map(|tag| tag.strip_prefix("label="))
}

/// The labels of commands, and whether each was answered.
#[derive(Clone, Default, Debug)]
pub struct Labels {
    /// Who has asked for them.
    takers: BTreeSet<ConnId>,
    /// What was said since the hub was told something.
    said: Vec<Said>,
    /// The label of each command that was read and is not answered yet: it is done in parts, or waits.
    open: BTreeMap<ConnId, String>,
}

#[derive(Clone, Debug)]
enum Said {
    /// That the client is to have labels.
    Begin,
    Label(String),
}

impl Labels {
    /// The hub has read a line; from whom, it says when it is told so.
    pub fn line(&mut self, understood: Understood<'_>) {
        let Understood::Irc(Ok(message)) = understood else {
            return;
        };
        self.said.extend(message.tag("label").map(Said::Label));
        let caps = message.params.last();
        if message.command == "CAP" && caps.is_some_and(|caps| caps.contains("labeled-response")) {
            self.said.push(Said::Begin);
        }
    }

    /// The hub was told something, and wants this done: the commands with labels that it has read
    /// are answered in order, and each label comes once. Only the last command may be answered
    /// later, if the hub says that the connection goes on: it reads nothing behind that command.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn told(
        &mut self,
        told: Told,
        wants: &Outputs,
        probes: &mut Probes,
    ) -> Result<(), Violation> {
        let said = std::mem::take(&mut self.said);
        let mut asked: Vec<_> = match told {
            Told::Received { conn, .. } | Told::Verified { conn, .. } => {
                let open = self.open.remove(&conn).map(|label| (conn, label));
                open.into_iter().chain(self.asked(conn, said)).collect()
            }
            Told::WriterFinished { conn, .. } => {
                self.takers.remove(&conn);
                self.open.remove(&conn);
                Vec::new()
            }
            Told::Accepted { .. }
            | Told::ReaderFinished { .. }
            | Told::Overflowed { .. }
            | Told::Progressed { .. }
            | Told::Tick
            | Told::ClockSet { .. }
            | Told::ShutDown => Vec::new(),
        };
        let mut answered = Vec::new();
        for output in wants.iter() {
            if let Output::Send { to, frame, .. } = output {
                let bytes = frame.bytes();
                let lines = str::from_utf8(&bytes).expect("the server writes UTF-8");
                for label in lines.lines().filter_map(label_of) {
                    answered.extend(to.iter().map(|&conn| (conn, label.to_owned())));
                }
            } else if let Output::StopWriter { conn, .. } = output {
                // Its client is told nothing more, but for the end of what is done in parts.
                if let Some(label) = self.open.remove(&conn) {
                    let last = (conn, label);
                    answered.retain(|one| *one != last);
                }
                if asked.last().is_some_and(|(asks, _)| *asks == conn) {
                    probes.reach(Path::LabelAtTheEnd);
                }
            }
        }
        let may_go_on = matches!(told, Told::Received { goes_on: true, .. });
        if may_go_on
            && answered.len() + 1 == asked.len()
            && let Some((conn, label)) = asked.pop()
        {
            self.open.insert(conn, label);
        }
        if answered == asked {
            return Ok(());
        }
        let [asked, answered] = [asked, answered].map(|labels| {
            let labels = labels
                .iter()
                .map(|(conn, label)| format!("{label} of {conn}"));
            words::list(labels)
        });
        let what =
            format!("the labels that are asked for: {asked}; and that are answered: {answered}");
        Err(Violation { statement: 5, what })
    }

    /// What is to be answered of what a client has said.
    fn asked(&mut self, conn: ConnId, said: Vec<Said>) -> Vec<(ConnId, String)> {
        let mut asked = Vec::new();
        for said in said {
            match said {
                Said::Begin => drop(self.takers.insert(conn)),
                Said::Label(label) if self.takers.contains(&conn) => asked.push((conn, label)),
                Said::Label(_) => {}
            }
        }
        asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Probe;
    use rejoin::Config;
    use rejoin::broker::{Broker, Effects, Input};
    use rejoin::hub::record::Recorded;
    use rejoin::hub::{Hub, Identity, Observer, Protocol};
    use rejoin::id::Time;
    use rejoin::wire::lines::Line;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    const ANN: ConnId = ConnId::new(1);

    /// Looks on, and reads each line so many times.
    #[derive(Clone, Debug)]
    struct Lookout(Arc<Mutex<(Labels, Probes, Vec<Violation>)>>, usize);

    impl Observer for Lookout {
        fn line(&mut self, _line: Line<'_>, understood: Understood<'_>) {
            let (labels, ..) = &mut *self.0.lock().unwrap();
            (0..self.1).for_each(|_| labels.line(understood));
        }

        fn told(&mut self, _now: Time, told: Told, wants: &Outputs) {
            let (labels, probes, found) = &mut *self.0.lock().unwrap();
            found.extend(labels.told(told, wants, probes).err());
        }

        fn input(&mut self, _input: &Input) {}

        fn effects(&mut self, _now: Time, _effects: &Effects, _broker: &Broker) {}
    }

    /// What is found, and how often a label was at the end, if Ann says these lines and each is
    /// read so many times.
    fn found(lines: &str, times: usize) -> (Vec<String>, u64) {
        let lookout = Lookout(Arc::default(), times);
        let mut hub = Hub::new(&Config::default(), Recorded);
        hub.observe(Box::new(lookout.clone()));
        let (now, mut out, address) = (Time::ZERO, Outputs::new(), [127, 0, 0, 1].into());
        let accepted = hub.accepted(now, ANN, address, Protocol::Irc, &mut out);
        accepted.unwrap();
        for lines in [BEGIN, lines] {
            out.clear();
            hub.received(now, ANN, lines.as_bytes(), &mut out);
        }
        let (_, probes, found) = &*lookout.0.lock().unwrap();
        let ends = probes.count(Probe::Path(Path::LabelAtTheEnd));
        (found.iter().map(Violation::to_string).collect(), ends)
    }

    #[test]
    fn each_label_is_answered_once_and_at_the_end_too() {
        let lines = "@label=a PING x\r\nPING y\r\n@label=b NICK ann\r\n";
        assert_eq!(found(lines, 1), (vec![], 0));
        assert_eq!(found("@label=c QUIT\r\nPING z\r\n", 1), (vec![], 1));
        let (more, _) = found(lines, 2);
        assert!(more[0].contains("a of c1, a of c1"), "{more:?}");
        let (none, _) = found(lines, 0);
        assert!(none[0].contains("are asked for: nothing;"), "{none:?}");
    }

    #[test]
    fn a_command_that_is_done_in_parts_is_answered_by_its_end() {
        let lookout = Lookout(Arc::default(), 1);
        let config = Config {
            slice: Duration::from_micros(1),
            ..Config::default()
        };
        let mut hub = Hub::new(&config, Recorded);
        hub.observe(Box::new(lookout.clone()));
        let (now, mut out, address) = (Time::ZERO, Outputs::new(), [127, 0, 0, 1].into());
        let accepted = hub.accepted(now, ANN, address, Protocol::Irc, &mut out);
        accepted.unwrap();
        let said = "NICK ann\r\nUSER a 0 * :A\r\nCAP END\r\n";
        let others = [
            "bob", "cyd", "dan", "eve", "fay", "gil", "hal", "ida", "joe",
        ];
        for (conn, other) in (2..).map(ConnId::new).zip(others) {
            let accepted = hub.accepted(now, conn, address, Protocol::Plain, &mut out);
            accepted.unwrap();
            hub.received(now, conn, format!("{other}\n").as_bytes(), &mut out);
        }
        let many = format!("@label=a PRIVMSG {} :hi\r\n", others.join(","));
        let (mut parts, mut open) = (0, 0);
        for lines in [BEGIN, said, &many] {
            let mut rest = lines.as_bytes();
            loop {
                out.clear();
                let received = hub.received(now, ANN, rest, &mut out);
                rest = &rest[received.taken..];
                if !received.goes_on && rest.is_empty() {
                    break;
                }
                parts += 1;
                open += lookout.0.lock().unwrap().0.open.len();
            }
        }
        assert!(parts > 1 && open > 0, "{open} open in {parts} parts");
        let (labels, probes, found) = &mut *lookout.0.lock().unwrap();
        assert!(found.is_empty() && labels.open.is_empty(), "{found:?}");
        // At the end it must have been answered.
        labels.open.insert(ANN, "b".to_owned());
        let told = Told::Received {
            conn: ANN,
            goes_on: false,
        };
        let found = labels.told(told, &Outputs::new(), probes).unwrap_err();
        assert!(found.what.contains("b of c1"), "{found}");
    }

    #[test]
    fn a_label_is_held_until_a_password_is_verified() {
        let lookout = Lookout(Arc::default(), 1);
        let mut hub = Hub::new(&Config::default(), Recorded);
        hub.identify(Identity {
            operators: [("root".to_owned(), "hash".to_owned())].into(),
            ..Identity::default()
        });
        hub.observe(Box::new(lookout.clone()));
        let (now, mut out, address) = (Time::ZERO, Outputs::new(), [127, 0, 0, 1].into());
        let accepted = hub.accepted(now, ANN, address, Protocol::Irc, &mut out);
        accepted.unwrap();
        let said = "NICK ann\r\nUSER a 0 * :A\r\nCAP END\r\n";
        let oper = "@label=a PING x\r\n@label=b OPER root wrong\r\n";
        for lines in [BEGIN, said, oper] {
            out.clear();
            hub.received(now, ANN, lines.as_bytes(), &mut out);
        }
        let open = |lookout: &Lookout| lookout.0.lock().unwrap().0.open.len();
        assert_eq!(open(&lookout), 1);
        out.clear();
        hub.verified(now, ANN, false, &mut out);
        assert_eq!(open(&lookout), 0);
        let found = lookout.0.lock().unwrap().2.clone();
        assert!(found.is_empty(), "{found:?}");
        // Nobody waits for it any more, so it must not be answered.
        let label = Outputs::clone(&out);
        let (labels, probes, _) = &mut *lookout.0.lock().unwrap();
        let told = Told::Verified {
            conn: ANN,
            is_right: false,
        };
        let found = labels.told(told, &label, probes).unwrap_err().to_string();
        assert!(found.contains("b of c1"), "{found}");
    }

    #[test]
    fn some_lines_have_labels_and_none_twice() {
        let mut labeler = Labeler::new(3);
        let lines: Vec<_> = (0..40).map(|_| labeler.label("NICK a\r\n")).collect();
        let mut labels: Vec<_> = lines.iter().filter_map(|line| label_of(line)).collect();
        let given = labels.len();
        assert!((10..30).contains(&given), "{given} of 40");
        labels.dedup();
        assert_eq!(labels.len(), given);
        assert!(lines.iter().all(|line| split_tags(line).1 == "NICK a\r\n"));
    }
}
