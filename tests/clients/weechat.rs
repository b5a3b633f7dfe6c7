//! WeeChat without a screen, driven through a pipe. What it shows is in its logs.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;

use crate::common::Process;
use crate::person::{Client, Program, Setup, open_pipe, write_line};
use crate::said::Said;

pub(crate) const WEECHAT: Program = Program {
    name: "weechat-headless",
    reconnects: true,
    other_nick: Some("alice_"),
    start,
    is_ready: |setup, _| {
        let log = setup.read("logs/irc.server.test.weechatlog");
        log.contains("\tWelcome to the ")
    },
    shows,
};

struct WeeChat {
    process: Process,
    path: PathBuf,
    /// Opened once it is connected: while it starts it makes the pipe again.
    pipe: Option<File>,
}

fn start(setup: &Setup) -> Box<dyn Client> {
    let port = setup.server.port();
    let (nick, secret) = (setup.nick, setup.secret.unwrap_or_default());
    // It waits for two seconds between commands, and for two minutes before it writes a log.
    let irc = format!(
        r#"[look]
nick_mode = none

[server]
test.addresses = "127.0.0.1/{port}"
test.ssl = off
test.nicks = "{nick},{nick}_"
test.password = "{secret}"
test.autoconnect = on
test.autoreconnect_delay = 1
test.anti_flood_prio_high = 0
test.anti_flood_prio_low = 0
"#
    );
    let path = setup.folder.join("pipe");
    setup.write("irc.conf", &irc);
    setup.write("logger.conf", "[file]\nflush_delay = 0\n");
    setup.write(
        "fifo.conf",
        &format!("[file]\npath = \"{}\"\n", path.display()),
    );
    setup.write("weechat.conf", "[plugin]\nautoload = \"fifo,irc,logger\"\n");
    let mut command = setup.command("weechat-headless");
    command.arg("--dir").arg(&*setup.folder).arg("--stdout");
    let screen = File::create(setup.folder.join("screen")).expect("the folder is ours");
    let errors = screen.try_clone().expect("an open file");
    command.stdin(Stdio::null()).stdout(screen).stderr(errors);
    let process = Process::spawn(&mut command);
    let pipe = None;
    Box::new(WeeChat {
        process,
        path,
        pipe,
    })
}

impl WeeChat {
    fn types(&mut self, line: &str) {
        let pipe = self.pipe.get_or_insert_with(|| open_pipe(&self.path));
        write_line(pipe, &format!("irc.server.test *{line}"));
    }
}

impl Client for WeeChat {
    fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn join(&mut self, room: &str) {
        self.types(&format!("/join {room}"));
    }

    fn say(&mut self, to: &str, text: &str) {
        self.types(&format!("/msg {to} {text}"));
    }

    fn change_nick(&mut self, nick: &str) {
        self.types(&format!("/nick {nick}"));
    }
}

/// `2026-11-24 08:41:00`, `bob` and `text`, with tabs between them; what nobody says has a sign
/// instead of a nick.
fn shows(setup: &Setup, place: &str) -> Vec<Said> {
    let log = setup.read(format!("logs/irc.test.{place}.weechatlog"));
    let said = log.lines().filter_map(|line| {
        let (from, text) = line.split_once('\t')?.1.split_once('\t')?;
        let is_nick = from.starts_with(|c: char| c.is_ascii_alphabetic());
        is_nick.then(|| Said::new(place, from, text))
    });
    said.collect()
}
