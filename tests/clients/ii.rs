//! ii, which is files: a pipe `in` and a log `out` for each room and each person.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;

use crate::common::Process;
use crate::person::{Client, Program, Setup, open_pipe, write_line};
use crate::said::Said;

pub(crate) const II: Program = Program {
    name: "ii",
    reconnects: false,
    other_nick: None,
    start,
    is_ready: |_, _| true,
    shows,
};

/// The folder of the server's.
const SERVER: &str = "127.0.0.1";

struct Ii {
    process: Process,
    folder: PathBuf,
    /// Left open, for what is written while ii opens a pipe again is lost.
    pipes: BTreeMap<String, File>,
}

fn start(setup: &Setup) -> Box<dyn Client> {
    let mut command = setup.command("ii");
    command.args(["-s", SERVER, "-p", &setup.server.port().to_string()]);
    command.args(["-n", setup.nick, "-i"]).arg(&*setup.folder);
    if let Some(secret) = setup.secret {
        command.args(["-k", "SECRET"]).env("SECRET", secret);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    Box::new(Ii {
        process: Process::spawn(&mut command),
        folder: setup.folder.join(SERVER),
        pipes: BTreeMap::new(),
    })
}

impl Ii {
    /// Writes into the pipe of a room, or with an empty name that of the server.
    fn writes(&mut self, place: &str, line: &str) {
        let path = self.folder.join(place).join("in");
        let pipe = self.pipes.entry(place.to_owned());
        write_line(pipe.or_insert_with(|| open_pipe(&path)), line);
    }
}

impl Client for Ii {
    fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn join(&mut self, room: &str) {
        self.writes("", &format!("/j {room}"));
    }

    fn say(&mut self, to: &str, text: &str) {
        if to.starts_with('#') {
            self.writes(to, text);
        } else {
            self.writes("", &format!("/j {to} {text}"));
        }
    }

    fn change_nick(&mut self, nick: &str) {
        self.writes("", &format!("/n {nick}"));
    }
}

/// `1795509699 <bob> text`.
fn shows(setup: &Setup, place: &str) -> Vec<Said> {
    let out = setup.read(format!("{SERVER}/{place}/out"));
    let said = out.lines().filter_map(|line| {
        let (from, text) = line.split_once(" <")?.1.split_once("> ")?;
        Some(Said::new(place, from, text))
    });
    said.collect()
}
