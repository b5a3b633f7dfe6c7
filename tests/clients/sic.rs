//! sic, which is lines on standard input and output.

use std::fs::File;
use std::process::{ChildStdin, Stdio};

use crate::common::Process;
use crate::person::{Client, Program, Setup, write_line};
use crate::said::Said;

pub(crate) const SIC: Program = Program {
    name: "sic",
    reconnects: false,
    other_nick: None,
    start,
    is_ready: |_, _| true,
    shows,
};

/// Where what it prints goes.
const OUTPUT: &str = "output";

struct Sic {
    process: Process,
    input: ChildStdin,
}

fn start(setup: &Setup) -> Box<dyn Client> {
    let mut command = setup.command("sic");
    command.args(["-h", "127.0.0.1", "-p", &setup.server.port().to_string()]);
    command.args(["-n", setup.nick]);
    if let Some(secret) = setup.secret {
        command.args(["-k", secret]);
    }
    let mut options = File::options();
    let output = options
        .create(true)
        .append(true)
        .open(setup.folder.join(OUTPUT));
    command
        .stdin(Stdio::piped())
        .stdout(output.expect("the folder is ours"));
    let mut process = Process::spawn(command.stderr(Stdio::null()));
    let input = process.stdin();
    Box::new(Sic { process, input })
}

impl Client for Sic {
    fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn join(&mut self, room: &str) {
        write_line(&self.input, &format!(":j {room}"));
    }

    fn say(&mut self, to: &str, text: &str) {
        write_line(&self.input, &format!(":m {to} {text}"));
    }

    fn change_nick(&mut self, nick: &str) {
        write_line(&self.input, &format!(":NICK {nick}"));
    }
}

/// `#maps       : 11/24/26 08:41 <bob> text`, with its own nick in front of what is said to it.
fn shows(setup: &Setup, place: &str) -> Vec<Said> {
    let output = setup.read(OUTPUT);
    let said = output.lines().filter_map(|line| {
        let (to, rest) = line.split_once(": ")?;
        let (from, text) = rest.get(15..)?.strip_prefix('<')?.split_once("> ")?;
        let to = to.trim_end();
        Some(Said::new(
            if to.starts_with('#') { to } else { from },
            from,
            text,
        ))
    });
    said.filter(|said| said.place == place).collect()
}
