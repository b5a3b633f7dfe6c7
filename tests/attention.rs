//! The server is there for whoever stops it, for its log, and for each of its listeners,
//! whatever keeps it busy.
#![cfg(feature = "server")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use common::{Client, PATIENCE, Process, Server, rejoin, wait_for};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::pipe::fcntl_setpipe_size;

#[test]
fn a_signal_is_obeyed_though_the_server_never_rests() {
    for (flags, second, code, says) in [
        (&[][..], Some("INT"), 130, "SIGINT: exiting at once"),
        (&[], Some("TERM"), 143, "SIGTERM: exiting at once"),
        (
            &["--shutdown-timeout", "100ms"],
            None,
            1,
            "not stopped within --shutdown-timeout of 100ms",
        ),
    ] {
        let stuck = Stuck::start(flags);
        let (mut child, log) = (stuck.child, stuck.log);
        child.signal("TERM");
        let first = log.recv_timeout(PATIENCE).expect("a line");
        assert!(first.contains("SIGTERM: stopping"), "{first}");
        if let Some(second) = second {
            assert!(child.is_running());
            child.signal(second);
        }
        assert_eq!(child.wait().code(), Some(code));
        let last = log.recv_timeout(PATIENCE).expect("a line");
        assert!(last.contains(says), "{last}");
    }
}

/// A server whose main thread reads, for ever, what nobody writes.
struct Stuck {
    child: Process,
    log: Receiver<String>,
}

impl Stuck {
    fn start(flags: &[&str]) -> Self {
        let fifo = Fifo::new();
        let motd = fifo.0.to_str().expect("it is text");
        let (log, stderr) = std::io::pipe().expect("a pipe");
        let mut command = rejoin(&["--listen", "127.0.0.1:0", "--motd", motd]);
        command.args(flags).stdout(Stdio::null()).stderr(stderr);
        let child = Process::spawn(&mut command);
        // Whoever has opened it for writing knows that it is being read.
        let opened = std::fs::File::options().write(true).open(&fifo.0);
        let writer = opened.expect("it can be opened");
        // It is neither written nor closed.
        std::mem::forget(writer);
        drop(command);
        let (lines, log) = (BufReader::new(log).lines(), mpsc::channel());
        thread::spawn(move || {
            lines
                .map_while(Result::ok)
                .try_for_each(|line| log.0.send(line))
        });
        Self { child, log: log.1 }
    }
}

struct Fifo(PathBuf);

impl Fifo {
    fn new() -> Self {
        let id = std::process::id();
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fifo-{id}"));
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a fifo");
        Self(path)
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Connections that are logged in, and then reset all at once.
fn reset_many(server: &Server, many: usize) {
    let clients: Vec<_> = (0..many).map(|n| server.login(&format!("c{n}"))).collect();
    clients.into_iter().for_each(Client::reset);
}

#[test]
fn standard_error_that_nobody_reads_stops_nothing() {
    for filter in ["info", "debug"] {
        let (unread, stderr) = std::io::pipe().expect("a pipe");
        fcntl_setpipe_size(&stderr, 4096).expect("a small pipe");
        let mut command = rejoin(&["--listen", "127.0.0.1:0"]);
        command.env("RUST_LOG", filter);
        let mut server = Server::spawn_logging_to(&mut command, stderr.into());
        drop(command);
        reset_many(&server, 200);
        let mut alice = server.login("alice");
        alice.echo("alice");
        server.child.signal("TERM");
        assert!(alice.line().starts_with("* bye"));
        assert_eq!(server.child.wait().code(), Some(0));
        drop(unread);
    }
}

#[test]
fn a_first_line_that_nobody_reads_stops_nothing() {
    let (unread, stdout) = std::io::pipe().expect("a pipe");
    fcntl_setpipe_size(&stdout, 4096).expect("a small pipe");
    std::io::Write::write_all(&mut &stdout, &[b'x'; 4096]).expect("it is as large as that");
    let (log, stderr) = std::io::pipe().expect("a pipe");
    let mut command = rejoin(&["--listen", "127.0.0.1:0"]);
    let mut child = Process::spawn(command.stdout(stdout).stderr(stderr));
    drop(command);
    // It says nothing until it is told to stop.
    wait_for("the signals to be obeyed", || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let status = status.expect("it runs");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        let caught = u64::from_str_radix(caught?.trim(), 16).ok()?;
        (caught & (1 << 14) != 0).then_some(())
    });
    child.signal("TERM");
    assert_eq!(child.wait().code(), Some(0));
    let mut said = String::new();
    BufReader::new(log).read_to_string(&mut said).expect("text");
    assert!(said.contains("stopped: served 0 connections"), "{said}");
    drop(unread);
}

#[test]
fn of_many_lines_of_one_kind_a_few_are_logged_and_the_others_counted() {
    let mut server = Server::start(&[]);
    reset_many(&server, 200);
    let mut alice = server.login("alice");
    wait_for("the others to be gone", || {
        alice.send("/who");
        std::iter::repeat_with(|| alice.line())
            .find(|line| line.starts_with("* end who "))
            .filter(|end| end == "* end who 1")
    });
    server.child.signal("TERM");
    server.child.wait();
    let log = server.log();
    let (mut lines, mut more) = (0, 0);
    for line in log.lines().filter(|line| line.contains(" failed: ")) {
        match line.split_once(" more like this: ") {
            Some((before, _)) => {
                let number = before
                    .rsplit(' ')
                    .next()
                    .and_then(|n| n.parse::<u64>().ok());
                more += number.unwrap_or_else(|| panic!("no number in {line}"));
            }
            None => lines += 1,
        }
    }
    assert!(lines >= 10 && more > 0, "{log}");
    assert!(lines + more >= 200, "{log}");
}
