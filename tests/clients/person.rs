//! Somebody who runs a stock client.

use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::ops::Deref;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, io, process};

use rustix::fs::OFlags;

use crate::common::{Process, wait_for};
use crate::said::Said;
use crate::wire::{Link, Way, Wire};

/// A program that speaks IRC.
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// Whether it connects again by itself when its link breaks; whoever runs another one starts
    /// it again.
    pub(crate) reconnects: bool,
    /// What it does, by itself, when its nick is held.
    pub(crate) other_nick: Option<&'static str>,
    pub(crate) start: fn(&Setup) -> Box<dyn Client>,
    /// Whether it has seen that the server welcomes it, and does what it is told.
    pub(crate) is_ready: fn(&Setup, &Link) -> bool,
    /// What it shows as said in a room, or to and by a person, oldest first: what it has written
    /// to files, so also in earlier runs, however they ended.
    pub(crate) shows: fn(&Setup, place: &str) -> Vec<Said>,
}

impl Program {
    /// Whether the program is installed. Where it must be, and is not, this panics.
    pub(crate) fn is_installed(&self) -> bool {
        let path = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&path).any(|folder| folder.join(self.name).is_file());
        if !found {
            let name = self.name;
            assert!(env::var_os("CI").is_none(), "CI has no {name}, and must");
            // Past the harness, which shows only what failed tests print.
            let _ = writeln!(io::stderr(), "skipped: {name} is not installed");
        }
        found
    }
}

/// How a client is set up.
pub(crate) struct Setup {
    /// A folder of its own, for all that it reads and writes.
    pub(crate) folder: Folder,
    pub(crate) server: SocketAddr,
    pub(crate) nick: &'static str,
    pub(crate) secret: Option<&'static str>,
}

impl Setup {
    /// The program, deaf to the environment of whoever runs the tests.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path);
        command.env("HOME", &*self.folder).env("TERM", "xterm");
        command.env("LC_ALL", "C.UTF-8").current_dir(&*self.folder);
        command
    }

    pub(crate) fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.join(file), text).expect("the folder is ours");
    }

    /// What a file has; nothing if there is none yet.
    pub(crate) fn read(&self, file: impl AsRef<Path>) -> String {
        match fs::read(self.folder.join(file)) {
            Ok(bytes) => String::from_utf8(bytes).expect("all speak UTF-8"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => panic!("a file can't be read: {error}"),
        }
    }
}

/// A client that runs.
pub(crate) trait Client {
    fn process(&mut self) -> &mut Process;
    fn join(&mut self, room: &str);
    /// Says something, in a room or to a person.
    fn say(&mut self, to: &str, text: &str);
    fn change_nick(&mut self, nick: &str);
}

/// Opens the pipe that a client reads from, once it does.
pub(crate) fn open_pipe(path: &Path) -> File {
    wait_for("the client to read from its pipe", || {
        let mut options = File::options();
        let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
        options.write(true).custom_flags(nonblocking);
        options.open(path).ok()
    })
}

/// Writes a line for a client.
pub(crate) fn write_line(mut to: impl io::Write, line: &str) {
    let line = format!("{line}\n");
    to.write_all(line.as_bytes()).expect("the client reads");
}

/// Somebody who runs a stock client, connected by a wire that can break.
pub(crate) struct Person {
    pub(crate) program: &'static Program,
    pub(crate) wire: Wire,
    setup: Setup,
    client: Option<Box<dyn Client>>,
}

impl Person {
    /// Somebody starts a client, and does not wait for anything.
    pub(crate) fn starts(
        program: &'static Program,
        server: SocketAddr,
        nick: &'static str,
        secret: Option<&'static str>,
    ) -> Self {
        let wire = Wire::to(server);
        let setup = Setup {
            folder: Folder::new(program.name),
            server: wire.address,
            nick,
            secret,
        };
        let client = Some((program.start)(&setup));
        Self {
            program,
            wire,
            setup,
            client,
        }
    }

    /// Somebody is there, with the nick that it wants.
    pub(crate) fn comes(
        program: &'static Program,
        server: SocketAddr,
        nick: &'static str,
        secret: Option<&'static str>,
    ) -> Self {
        let person = Self::starts(program, server, nick, secret);
        assert_eq!(person.is_welcomed(0), nick);
        let (_, link) = person.wire.link();
        wait_for("the client to see that it is welcome", || {
            (program.is_ready)(&person.setup, &link).then_some(())
        });
        person
    }

    /// Waits until the server welcomes the client on its `n`th link, and returns the nick that
    /// it has.
    pub(crate) fn is_welcomed(&self, n: usize) -> String {
        wait_for("the client to be welcomed", || {
            let (_, link) = (self.wire.links() > n).then(|| self.wire.link())?;
            let lines = link.passed(Way::ToClient);
            let welcome = lines.iter().find_map(|line| line.split_once(" 001 "))?;
            welcome.1.split(' ').next().map(str::to_owned)
        })
    }

    pub(crate) fn client(&mut self) -> &mut dyn Client {
        self.client.as_deref_mut().expect("it runs")
    }

    /// Joins a room, and has seen it.
    pub(crate) fn joins(&mut self, room: &str) {
        self.client().join(room);
        let (_, link) = self.wire.link();
        wait_for("the end of the names", || {
            let lines = link.passed(Way::ToClient);
            let end = format!(" {room} :End of");
            let is_end = |line: &String| line.contains(" 366 ") && line.contains(&end);
            lines.iter().any(is_end).then_some(())
        });
    }

    /// Says something, and goes on when it is sent: of lines that come at once sic takes one.
    pub(crate) fn says(&mut self, to: &str, text: &str) {
        self.client().say(to, text);
        let (_, link) = self.wire.link();
        let sent = format!("PRIVMSG {to} :{text}");
        wait_for("it to be sent", || {
            link.passed(Way::ToServer).contains(&sent).then_some(())
        });
    }

    /// Stops the client: what is sent to it waits in its socket.
    pub(crate) fn freezes(&mut self) {
        self.client().process().freeze();
    }

    /// Kills the client, which can do nothing about it.
    pub(crate) fn kills(&mut self) {
        let mut client = self.client.take().expect("it runs");
        client.process().signal("KILL");
        client.process().wait();
    }

    /// Starts the client again.
    pub(crate) fn starts_again(&mut self) {
        assert!(self.client.is_none(), "it runs");
        self.client = Some((self.program.start)(&self.setup));
    }

    /// What the client shows as said by somebody, in a room or to this person alone.
    pub(crate) fn sees(&self, place: &str, from: &str) -> Vec<String> {
        let shown = (self.program.shows)(&self.setup, place);
        let by_it = shown.into_iter().filter(|said| said.from == from);
        by_it.map(|said| said.text).collect()
    }

    /// Waits until a client that does not reconnect has ended.
    pub(crate) fn waits_for_the_end(&mut self) {
        self.client().process().wait();
        self.client = None;
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        self.client = None;
        if std::thread::panicking() && self.wire.links() > 0 {
            let (_, link) = self.wire.link();
            for (way, says) in [(Way::ToServer, "said"), (Way::ToClient, "was told")] {
                let lines = link.passed(way);
                let last = &lines[lines.len().saturating_sub(20)..];
                eprintln!("--- {} {says} last: {last:#?}", self.program.name);
            }
        }
    }
}

/// A folder that is removed when this is dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static FOLDERS: AtomicU32 = AtomicU32::new(0);
        let n = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("rejoin-{name}-{}-{n}", process::id()));
        fs::create_dir(&path).expect("a new folder");
        Self(path)
    }
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
