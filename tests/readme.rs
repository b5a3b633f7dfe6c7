//! What the README says is true: its transcript is played, word for word, and its table of limits
//! is compared with the binary's own.

#![cfg(feature = "server")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use common::{Client, PATIENCE, Server, rejoin, wait_for};

const README: &str = include_str!("../README.md");

#[test]
fn the_transcript_holds_word_for_word() {
    play(|server| Terminal::Socket(server.client()));
}

#[test]
fn the_transcript_holds_word_for_word_in_nc() {
    if Command::new("nc").arg("-h").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "CI has no nc, and must");
        eprintln!("SKIPPED: there is no nc on this machine");
        return;
    }
    play(Terminal::nc);
}

/// Flags with a default that bound nothing a peer does.
const NO_LIMITS: [&str; 9] = [
    "listen",
    "irc",
    "threads",
    "server-name",
    "network",
    "server-description",
    "admin",
    "record-texts",
    "record-bytes",
];

#[test]
fn the_table_of_limits_is_what_the_binary_says() {
    let help = rejoin(&["--help"])
        .env("COLUMNS", "400")
        .output()
        .expect("the binary runs");
    let help = String::from_utf8(help.stdout).expect("help is text");
    let mut expected = BTreeMap::new();
    for flag in help.split("\n      --").skip(1) {
        let text = flag.split_whitespace().collect::<Vec<_>>().join(" ");
        // A file that may be read has no default, and no bound is without one.
        let Some((text, default)) = text.split_once(" [default: ") else {
            continue;
        };
        let (usage, text) = text.split_once("> ").expect("each takes a value");
        let name = usage.split(' ').next().expect("each has a name").to_owned();
        let default = default
            .split(']')
            .next()
            .expect("a bracket closes")
            .trim_matches('"')
            .to_owned();
        expected.insert(name, (default, text.to_owned()));
    }
    expected.retain(|name, _| !NO_LIMITS.contains(&name.as_str()));
    let rows = README.lines().filter_map(|line| line.strip_prefix("| `--"));
    let rows = rows.map(|row| {
        let cells: Vec<_> = row.trim_end_matches(" |").split(" | ").collect();
        let [name, default, text] = cells[..] else {
            panic!("not three cells: {row}")
        };
        let name = name.strip_suffix('`').expect("flags are code");
        (name.to_owned(), (default.to_owned(), text.to_owned()))
    });
    assert_eq!(rows.collect::<BTreeMap<_, _>>(), expected);
}

/// Plays the README's transcript on a new server, each person in terminals of one kind.
fn play(open: impl Fn(&Server) -> Terminal) {
    let server = Server::start(&[]);
    let mut watcher = server.login("watcher");
    let mut terminals = BTreeMap::new();
    for step in transcript() {
        let Step { who, sign, text } = step;
        match (sign, text) {
            ('$', "^C") => {
                terminals.remove(who).expect("the terminal is open");
                // A person takes longer to notice than the server does.
                wait_for("the server to notice", || {
                    watcher.send("/who");
                    let mut answer = std::iter::from_fn(|| Some(watcher.line()));
                    let list: Vec<_> = answer
                        .by_ref()
                        .take_while(|line| !line.starts_with("* end"))
                        .collect();
                    list.contains(&format!("* peer {who} away")).then_some(())
                });
            }
            ('$', command) => {
                assert_eq!(command, "nc 127.0.0.1 6000");
                terminals.insert(who, open(&server));
            }
            ('>', line) => terminals
                .get_mut(who)
                .expect("the terminal is open")
                .type_line(line),
            ('<', line) => {
                let terminal = terminals.get_mut(who).expect("the terminal is open");
                assert_eq!(untimed(&terminal.read_line()), untimed(line));
            }
            (sign, _) => panic!("unknown sign {sign}"),
        }
    }
    assert!(!terminals.is_empty(), "the transcript was played");
}

/// The line with the time in it, if there is one, replaced: it was another day in the transcript.
fn untimed(line: &str) -> String {
    let is_time = |word: &&str| {
        let shape = word.replace(|c: char| c.is_ascii_digit(), "0");
        shape == "0000-00-00T00:00:00Z:"
    };
    let time = line.split(' ').find(is_time);
    time.map_or(line.to_owned(), |time| line.replace(time, "TIME:"))
}

struct Step {
    who: &'static str,
    sign: char,
    text: &'static str,
}

fn transcript() -> impl Iterator<Item = Step> {
    let block = README
        .split("```text\n")
        .nth(1)
        .expect("the transcript is the first block");
    let block = block.split("```").next().expect("a block ends");
    block.lines().map(|line| {
        let (who, rest) = line.split_at(6);
        let (sign, text) = rest.split_at(2);
        Step {
            who: who.trim(),
            sign: sign.chars().next().expect("two bytes"),
            text,
        }
    })
}

/// What a person types into and reads from. Dropping it ends the client.
enum Terminal {
    Socket(Client),
    Nc {
        process: Child,
        typed: ChildStdin,
        read: mpsc::Receiver<String>,
    },
}

impl Terminal {
    fn nc(server: &Server) -> Self {
        let mut process = Command::new("nc")
            .args([server.addr.ip().to_string(), server.addr.port().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("nc starts");
        let typed = process.stdin.take().expect("it is piped");
        let stdout = BufReader::new(process.stdout.take().expect("it is piped"));
        let (lines, read) = mpsc::channel();
        thread::spawn(move || {
            stdout
                .lines()
                .map_while(Result::ok)
                .try_for_each(|l| lines.send(l))
        });
        Self::Nc {
            process,
            typed,
            read,
        }
    }

    fn type_line(&mut self, line: &str) {
        match self {
            Self::Socket(client) => client.send(line),
            Self::Nc { typed, .. } => writeln!(typed, "{line}").expect("nc reads"),
        }
    }

    fn read_line(&mut self) -> String {
        match self {
            Self::Socket(client) => client.read_line().expect("a line is due"),
            Self::Nc { read, .. } => read.recv_timeout(PATIENCE).expect("nc writes a line"),
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Self::Nc { process, .. } = self {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

#[test]
fn it_knows_how_many_bugs_are_planted() {
    let plants = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/sim/plants"));
    let plants = plants.expect("there are some").count();
    let says = format!("are {plants} patches in `sim/plants/`");
    assert!(include_str!("../README.md").contains(&says), "{says}");
}
