//! What whoever runs the server does with it, and reads in its log.
#![cfg(feature = "server")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Client, Server, rejoin};

/// A folder for one test, removed in the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("operation-{name}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).expect("it can be made");
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        let path = self.0.join(name).into_os_string();
        path.into_string().expect("it is text")
    }

    fn write(&self, name: &str, text: &str) -> String {
        let file = self.file(name);
        fs::write(&file, text).expect("it can be written");
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The binary, started by a shell that has done something before.
fn after(commands: &str, flags: &[&str]) -> Command {
    let binary = rejoin(flags);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{commands}; exec \"$@\""), "sh"]);
    command.arg(binary.get_program()).args(binary.get_args());
    for (variable, value) in binary.get_envs() {
        match value {
            Some(value) => command.env(variable, value),
            None => command.env_remove(variable),
        };
    }
    command
}

/// A client of IRC that has registered.
fn irc(server: &Server, nick: &str) -> Client {
    let mut client = Client::connect(server.irc());
    client.send(&format!("NICK {nick}\r\nUSER u 0 * :r\r\nPING here"));
    hear(&mut client, "PONG");
    client
}

/// The next line that has these words.
fn hear(client: &mut Client, words: &str) -> String {
    loop {
        let line = client.line();
        if line.contains(words) {
            return line;
        }
    }
}

/// The one line of the message of the day.
fn motd(client: &mut Client) -> String {
    client.send("MOTD");
    let line = hear(client, " 372 ");
    hear(client, " 376 ");
    let (_, text) = line.split_once(":- ").expect("it is a line of it");
    text.to_owned()
}

#[test]
fn a_hangup_reloads_what_rehash_reloads() {
    let folder = Folder::new("hangup");
    let hash = rejoin::net::hash_password("open-sesame").expect("the system has randomness");
    let motd_file = folder.write("motd", "one\n");
    let operators = folder.write("opers", &format!("ann:{hash}\n"));
    let server = Server::start(&[
        "--irc=127.0.0.1:0",
        "--motd",
        &motd_file,
        "--opers",
        &operators,
    ]);
    let mut alice = irc(&server, "alice");
    assert_eq!(motd(&mut alice), "one");

    folder.write("motd", "two\n");
    server.child.signal("HUP");
    let line = server.logs("reloaded");
    assert!(line.contains("changed=\"message of the day\""), "{line}");
    assert_eq!(motd(&mut alice), "two");

    // Nothing changes when something can't be read, and the log says what.
    folder.write("motd", "three\n");
    folder.write("opers", "ann\n");
    server.child.signal("HUP");
    let line = server.logs("cannot reload");
    assert!(line.contains("opers, line 1"), "{line}");
    assert_eq!(motd(&mut alice), "two");

    // Who was an operator before reads the same files again.
    folder.write("opers", &format!("bob:{hash}\n"));
    alice.send("OPER ann open-sesame");
    hear(&mut alice, " 381 ");
    alice.send("REHASH");
    hear(&mut alice, " 382 ");
    let line = server.logs("operator bob added");
    let changed = "message of the day, operator bob added, operator ann removed";
    assert!(line.contains(changed), "{line}");
    assert_eq!(motd(&mut alice), "three");

    server.child.signal("HUP");
    server.logs("reloaded changed=\"nothing\"");
    assert!(!server.logs("SIGHUP").contains(&hash));
}

#[test]
fn a_file_that_may_not_grow_ends_the_record_alone() {
    let folder = Folder::new("quota");
    let file = folder.file("record");
    let flags = ["--listen", "127.0.0.1:0", "--record", &file];
    let server = Server::spawn(&mut after("ulimit -f 16", &flags));
    let mut alice = server.login("alice");
    for _ in 0..40 {
        let text = format!("alice: {}", "x".repeat(1000));
        alice.send(&text);
        assert_eq!(alice.line(), format!("from {text}"));
    }
    let line = server.logs("the record ends here");
    assert!(line.contains("too large"), "{line}");
    server.login("bob");
    let length = fs::metadata(&file).expect("it is there").len();
    assert!((1..40_000).contains(&length), "{length}");
}
