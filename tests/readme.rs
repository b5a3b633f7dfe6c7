//! What the README says is true: its transcript is played, word for word.

#![cfg(feature = "server")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use common::{Client, PATIENCE, Server, wait_for};

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
fn it_is_read_in_a_few_minutes() {
    let lines = README.lines().count();
    assert!(lines <= 150, "the README has {lines} lines, more than 150");
}
