//! Stories in IRC, as text.
//!
//! `alice > JOIN #rust` is what alice types and `alice < …` the next line that she hears. Who
//! types something must have heard everything that is for them, and so must everybody else: what
//! is not in the story must not be heard. Somebody who appears for the first time is connected and
//! registered; with `alice + cap cap` ahead of that, with these capabilities, and with `alice *
//! new` it is connected and no more. `alice speaks plain` logs in to the plain protocol. `wait 15`
//! lets seconds pass, `alice breaks` ends a connection, `alice ends` one that was told to stop,
//! and `alice skips` hears everything; `alice ! ERROR …` is the last line of one that was told to
//! stop. `alice does JOIN #rust` sets the scene: whatever anybody
//! hears of that is not looked at.
//!
//! In what is heard, a number at the beginning has the server's name ahead of it, `@@` stands for
//! `!~u@192.0.2.7`, `^` for the server, and `…` at the end for anything. `msgid=one` stands for the
//! identifier of a message, always the same, and another name for another.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use rejoin::Config;
use rejoin::hub::Identity;
use rejoin::id::ConnId;

use crate::server::Server;

const SERVER: &str = ":rejoin.localhost";

/// Plays a story, with the limits that a server has by default.
#[track_caller]
pub(crate) fn play(story: &str) {
    play_with(&Config::default(), story);
}

#[track_caller]
pub(crate) fn play_with(config: &Config, story: &str) {
    let identity = Identity::default();
    play_as(config, identity, story);
}

#[track_caller]
pub(crate) fn play_as(config: &Config, identity: Identity, story: &str) {
    let mut server = Server::with(config);
    server.hub.identify(identity);
    let mut stage = Stage {
        server,
        people: BTreeMap::new(),
        ids: BTreeMap::new(),
    };
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        stage.play(line);
    }
    stage.nothing_is_left("the end");
}

/// A server that has root as an operator, by the password `toor`.
pub(crate) fn with_operator() -> Identity {
    Identity {
        operators: [("root".to_owned(), "toor".to_owned())].into(),
        ..Identity::default()
    }
}

struct Stage {
    server: Server,
    people: BTreeMap<String, Person>,
    /// What each identifier of a message is called.
    ids: BTreeMap<String, String>,
}

struct Person {
    conn: ConnId,
    heard: VecDeque<String>,
    is_gone: bool,
}

impl Stage {
    #[track_caller]
    fn play(&mut self, line: &str) {
        let (who, rest) = line.split_once(' ').unwrap_or((line, ""));
        let (what, rest) = rest.split_once(' ').unwrap_or((rest, ""));
        match what {
            "<" => return self.hears(line, who, rest),
            "!" => {
                let conn = self.person(who).conn;
                let last = self.server.last_line(conn);
                return assert_eq!(last.as_deref(), Some(rest), "{line}");
            }
            "skips" => {
                self.listen();
                self.person(who).heard.clear();
                return;
            }
            _ => self.nothing_is_left(line),
        }
        match what {
            "*" => self.connects(who),
            "+" => self.registers(who, rest),
            "speaks" => {
                let conn = self.server.login(who);
                self.add(who, conn);
            }
            ">" => self.types(who, rest),
            "does" => {
                self.types(who, rest);
                self.listen();
                for person in self.people.values_mut() {
                    person.heard.clear();
                }
            }
            "breaks" => {
                let conn = self.goes(who);
                self.server.breaks(conn);
            }
            "ends" => {
                let conn = self.goes(who);
                self.server.writer_ends(conn);
            }
            seconds if who == "wait" => {
                let seconds = seconds.parse().expect("a number of seconds");
                self.server.goes_on_after(Duration::from_secs(seconds));
            }
            _ => panic!("what is {line:?}?"),
        }
    }

    #[track_caller]
    fn types(&mut self, who: &str, line: &str) {
        if self.people.get(who).is_none_or(|person| person.is_gone) {
            self.registers(who, "");
        }
        let conn = self.person(who).conn;
        self.server.types(conn, line);
    }

    fn goes(&mut self, who: &str) -> ConnId {
        let person = self.person(who);
        person.is_gone = true;
        person.conn
    }

    fn connects(&mut self, who: &str) {
        let conn = self.server.connect_irc();
        self.add(who, conn);
    }

    fn add(&mut self, who: &str, conn: ConnId) {
        let person = Person {
            conn,
            heard: VecDeque::new(),
            is_gone: false,
        };
        self.people.insert(who.to_owned(), person);
    }

    fn registers(&mut self, who: &str, caps: &str) {
        self.connects(who);
        let conn = self.people[who].conn;
        let caps = (!caps.is_empty()).then(|| format!("CAP REQ :{caps}"));
        let end = caps.as_ref().map(|_| "CAP END".to_owned());
        let lines = [format!("NICK {who}"), "USER u 0 * :Real Name".to_owned()];
        for line in caps.into_iter().chain(lines).chain(end) {
            self.server.types(conn, &line);
        }
        let heard = self.server.hears(conn);
        assert!(
            heard.iter().any(|line| line.contains(" 001 ")),
            "{who}: {heard:?}"
        );
    }

    #[track_caller]
    fn person(&mut self, who: &str) -> &mut Person {
        let person = self.people.get_mut(who);
        person.unwrap_or_else(|| panic!("who is {who}?"))
    }

    fn listen(&mut self) {
        for person in self.people.values_mut().filter(|person| !person.is_gone) {
            let heard = self.server.hears(person.conn);
            person.heard.extend(heard);
        }
    }

    #[track_caller]
    fn hears(&mut self, line: &str, who: &str, expected: &str) {
        self.listen();
        let heard = self.person(who).heard.pop_front();
        let heard = heard.unwrap_or_else(|| panic!("{line}\nbut there is nothing to hear"));
        let heard = self.name_id(&heard, expected);
        let numeric = expected.as_bytes()[..3].iter().all(u8::is_ascii_digit);
        let server = if numeric {
            format!("{SERVER} ")
        } else {
            String::new()
        };
        let expected = format!("{server}{expected}")
            .replace("@@", "!~u@192.0.2.7")
            .replace('^', SERVER);
        let is_it = match expected.strip_suffix('…') {
            Some(start) => heard.starts_with(start),
            None => heard == expected,
        };
        assert!(is_it, "{line}\nbut what is heard is\n{heard}");
    }

    /// What is heard, in which an identifier is called as it is expected to be if it is new.
    fn name_id(&mut self, heard: &str, expected: &str) -> String {
        let (Some(id), Some(name)) = (id_in(heard), id_in(expected)) else {
            return heard.to_owned();
        };
        let is_taken = self.ids.values().any(|taken| taken == name);
        if !is_taken && !self.ids.contains_key(id) {
            self.ids.insert(id.to_owned(), name.to_owned());
        }
        let name = self.ids.get(id).map_or("another", String::as_str);
        heard.replacen(id, name, 1)
    }

    #[track_caller]
    fn nothing_is_left(&mut self, line: &str) {
        self.listen();
        for (who, person) in &self.people {
            assert!(
                person.heard.is_empty(),
                "before {line:?}, {who} hears {:#?}",
                person.heard
            );
        }
    }
}

/// The identifier of a message in a line's tags.
fn id_in(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("msgid=")?;
    rest.split([';', ' ']).next()
}
