//! irssi, which needs a terminal. What it shows is in its logs.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Stdio;
use std::thread;
use std::{ffi::OsStr, path::Path};

use rustix::fs::OFlags;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::common::Process;
use crate::person::{Client, Program, Setup};
use crate::said::Said;
use crate::wire::Way;

pub(crate) const IRSSI: Program = Program {
    name: "irssi",
    reconnects: true,
    other_nick: Some("alice_"),
    start,
    // It makes its user invisible when it is welcome.
    is_ready: |_, link| {
        link.passed(Way::ToServer)
            .iter()
            .any(|line| line.starts_with("MODE "))
    },
    shows,
};

/// As it comes: it sends about one line in two seconds, its answers to `PING` included, after a few
/// at once.
pub(crate) const IRSSI_AS_IT_COMES: Program = Program {
    start: |setup| start_with(setup, ""),
    ..IRSSI
};

struct Irssi {
    process: Process,
    keyboard: File,
}

fn start(setup: &Setup) -> Box<dyn Client> {
    // It waits for two seconds between commands, and takes what is typed fast for pasted.
    start_with(setup, r#""irc/core" = { cmds_max_at_once = "1000"; };"#)
}

fn start_with(setup: &Setup, settings: &str) -> Box<dyn Client> {
    let port = setup.server.port();
    let (nick, secret) = (setup.nick, setup.secret.unwrap_or_default());
    let home = setup.folder.display();
    let password = match secret {
        "" => String::new(),
        secret => format!("password = \"{secret}\";"),
    };
    let config = format!(
        r#"
servers = ( {{ address = "127.0.0.1"; port = "{port}"; chatnet = "test"; autoconnect = "yes"; {password} }} );
chatnets = {{ test = {{ type = "IRC"; nick = "{nick}"; }}; }};
settings = {{
  core = {{ server_reconnect_time = "1s"; }};
  {settings}
  "fe-text" = {{ paste_verify_line_count = "0"; }};
  "fe-common/core" = {{ autolog = "yes"; autolog_path = "{home}/$0.log"; autolog_level = "all"; }};
}};
"#
    );
    setup.write("config", &config);
    let (keyboard, terminal) = new_terminal();
    let mut screen = keyboard.try_clone().expect("a terminal");
    // Nobody looks at it, but it must not be full.
    thread::spawn(move || {
        let mut scrap = [0; 4096];
        while matches!(screen.read(&mut scrap), Ok(1..)) {}
    });
    let mut command = setup.command("irssi");
    command.arg("--home").arg(&*setup.folder);
    let stdio = || Stdio::from(terminal.try_clone().expect("a terminal"));
    command.stdin(stdio()).stdout(stdio()).stderr(stdio());
    let process = Process::spawn(&mut command);
    Box::new(Irssi { process, keyboard })
}

/// The two ends of a terminal: that of a person, and that of a program.
fn new_terminal() -> (File, File) {
    let own = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    fcntl_setfd(&own, FdFlags::CLOEXEC)
        .and_then(|()| grantpt(&own))
        .and_then(|()| unlockpt(&own))
        .expect("a terminal of our own");
    let path = ptsname(&own, Vec::new()).expect("it has a name");
    let path = Path::new(OsStr::from_bytes(path.to_bytes()));
    let mut options = File::options();
    options.read(true).write(true);
    options.custom_flags(OFlags::NOCTTY.bits().cast_signed());
    (own.into(), options.open(path).expect("it is unlocked"))
}

impl Irssi {
    fn types(&mut self, line: &str) {
        let line = format!("{line}\r");
        let typed = self.keyboard.write_all(line.as_bytes());
        typed.expect("the terminal is open");
    }
}

impl Client for Irssi {
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

/// `08:37 <@bob> text`, with a space for the sign of who has none in a room.
fn shows(setup: &Setup, place: &str) -> Vec<Said> {
    let log = setup.read(format!("{place}.log"));
    let said = log.lines().filter_map(|line| {
        let (from, text) = line.get(6..)?.strip_prefix('<')?.split_once("> ")?;
        Some(Said::new(
            place,
            from.trim_start_matches([' ', '@', '+']),
            text,
        ))
    });
    said.collect()
}
