//! What whoever runs the server does with it, and reads in its log.
#![cfg(feature = "server")]

mod common;

use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use common::{Client, Log, Process, Server, rejoin, wait_for};
use rejoin::hub::record::Entries;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};

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
    irc_at(server.irc(), nick)
}

fn irc_at(address: SocketAddr, nick: &str) -> Client {
    let mut client = Client::connect(address);
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

#[test]
fn a_record_is_for_its_owner_alone() {
    let folder = Folder::new("umask");
    let file = folder.file("record");
    let flags = ["--listen", "127.0.0.1:0", "--record", &file];
    let server = Server::spawn(&mut after("umask 0", &flags));
    server.login("alice");
    let mode = fs::metadata(&file).expect("it is there").permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
}

#[test]
fn a_record_that_is_there_is_kept_and_the_next_is_numbered() {
    let folder = Folder::new("numbers");
    let file = folder.file("record");
    let mut before: Vec<Vec<u8>> = Vec::new();
    for suffix in ["", ".1", ".2"] {
        let mut server = Server::start(&["--record", &file]);
        server.login("alice");
        let line = server.logs("recording");
        assert!(line.contains(&format!("{file}{suffix}\n")), "{line}");
        server.child.signal("TERM");
        assert_eq!(server.child.wait().code(), Some(0));
        let record = fs::read(format!("{file}{suffix}")).expect("it is there");
        Entries::of(&record).expect("it is a record");
        before.push(record);
    }
    for (suffix, record) in ["", ".1", ".2"].into_iter().zip(before) {
        assert_eq!(fs::read(format!("{file}{suffix}")).unwrap(), record);
    }
}

#[test]
fn what_no_further_start_can_cure_has_a_code_of_its_own() {
    let folder = Folder::new("codes");
    let file = folder.write("file", "nobody\n");
    let (inside, missing) = (format!("{file}/record"), folder.file("missing/record"));
    let here = folder.0.to_str().expect("it is text");
    let cases = [
        ["--motd", &missing],
        ["--opers", here],
        ["--opers", &file],
        ["--record", &missing],
        ["--record", &inside],
        ["--record", here],
        ["--record", "/dev/null"],
    ];
    for flags in cases {
        let mut command = rejoin(&["--listen", "127.0.0.1:0"]);
        let Err(failed) = Server::try_spawn(command.args(flags)) else {
            panic!("it serves with {flags:?}")
        };
        assert_eq!(failed.status.code(), Some(78), "{flags:?}: {}", failed.log);
        assert_eq!(failed.log.lines().count(), 1, "{}", failed.log);
    }
    assert!(!Path::new("/dev/null.1").exists());

    // A start that fails for another reason leaves no record.
    let server = Server::start(&[]);
    let (address, record) = (server.addr.to_string(), folder.file("record"));
    let mut command = rejoin(&["--listen", &address, "--record", &record]);
    let Err(failed) = Server::try_spawn(&mut command) else {
        panic!("{address} is in use")
    };
    assert_eq!(failed.status.code(), Some(1));
    assert!(!Path::new(&record).exists());
}

#[test]
fn the_line_for_irc_says_how_to_come_back() {
    let folder = Folder::new("hint");
    let password = folder.write("password", "open-sesame\n");
    let says = |flags: &[&str]| {
        let mut all = vec!["--listen=off", "--irc=127.0.0.1:0"];
        all.extend(flags);
        let output = rejoin(&all)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = output.expect("the binary starts");
        let log = Log::read(process.stdout.take().expect("it is piped"));
        let line = wait_for("its line", || {
            log.so_far().strip_suffix('\n').map(str::to_owned)
        });
        process.kill().expect("it runs");
        process.wait().expect("it was killed");
        let (address, hint) = line.split_once(" for IRC; try: ").expect("two parts");
        let port = address.rsplit(':').next().expect("it has a port");
        hint.replace(port, "PORT")
    };
    assert_eq!(says(&[]), "irssi -c 127.0.0.1 -p PORT -w SECRET -n NICK");
    let with_password = says(&["--password-file", &password]);
    assert_eq!(
        with_password,
        "irssi -c 127.0.0.1 -p PORT -w PASSWORD:SECRET -n NICK"
    );
}

/// `rejoin --hash-password` at a terminal.
struct Asked {
    process: Process,
    /// Both ends of the terminal.
    keyboard: File,
    terminal: File,
    shown: Log,
    printed: Log,
}

impl Asked {
    fn new() -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&keyboard)
            .and_then(|()| unlockpt(&keyboard))
            .expect("it is ours");
        let name = ptsname(&keyboard, Vec::new()).expect("it has a name");
        let name = name.into_string().expect("it is text");
        let terminal = File::options()
            .read(true)
            .write(true)
            .open(name)
            .expect("it is there");
        let other = || terminal.try_clone().expect("a further handle");
        let keyboard = File::from(keyboard);
        let shown = Log::read(keyboard.try_clone().expect("a further handle"));
        let (printed, stdout) = std::io::pipe().expect("a pipe");
        let mut command = rejoin(&["--hash-password"]);
        command.stdin(other()).stdout(stdout).stderr(other());
        let process = Process::spawn(&mut command);
        // Its end of the pipe is the only one then.
        drop(command);
        Self {
            process,
            keyboard,
            terminal,
            shown,
            printed: Log::read(printed),
        }
    }

    fn is_asked(&self, prompt: &str) {
        wait_for(prompt, || {
            self.shown.so_far().ends_with(prompt).then_some(())
        });
    }

    fn types(&mut self, line: &str) {
        self.keyboard
            .write_all(line.as_bytes())
            .expect("somebody reads");
    }

    fn echoes(&self) -> bool {
        let modes = tcgetattr(&self.terminal).expect("it is a terminal");
        modes.local_modes.contains(LocalModes::ECHO)
    }
}

#[test]
fn a_password_that_is_typed_is_asked_for_twice_and_not_shown() {
    let mut asked = Asked::new();
    asked.is_asked("Password: ");
    assert!(!asked.echoes());
    asked.types("open-sesame\n");
    asked.is_asked("Again: ");
    asked.types("open-sesane\n");
    assert_eq!(asked.process.wait().code(), Some(1));
    asked.is_asked("differs\r\n");

    let mut asked = Asked::new();
    asked.is_asked("Password: ");
    asked.types("open-sesane\x7F\x7Fme\n");
    asked.is_asked("Again: ");
    asked.types("open-sesame\n");
    assert_eq!(asked.process.wait().code(), Some(0));
    assert!(asked.echoes());
    asked.is_asked("Again: \r\n");
    assert_eq!(asked.shown.so_far(), "Password: \r\nAgain: \r\n");
    assert!(asked.printed.whole().starts_with("$argon2id$"));
}

#[test]
fn a_terminal_shows_what_is_typed_again_after_a_signal() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut asked = Asked::new();
        asked.is_asked("Password: ");
        assert!(!asked.echoes());
        asked.types("open-");
        asked.process.signal(signal);
        assert_eq!(asked.process.wait().code(), Some(code));
        assert!(asked.echoes());
    }
}

#[test]
fn a_password_that_is_piped_is_asked_for_nowhere() {
    let hash = |input: &str| -> Output {
        let mut command = rejoin(&["--hash-password"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().expect("the binary starts");
        let mut stdin = process.stdin.take().expect("it is piped");
        stdin.write_all(input.as_bytes()).expect("it reads");
        drop(stdin);
        process.wait_with_output().expect("it ends")
    };
    for input in ["open-sesame", "open-sesame\n", "open-sesame\r\nmore\n"] {
        let output = hash(input);
        assert_eq!(output.status.code(), Some(0));
        assert!(output.stdout.starts_with(b"$argon2id$"));
        assert_eq!(output.stderr, b"");
    }
    for input in ["", "\nopen-sesame\n"] {
        let output = hash(input);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).expect("it is text");
        assert!(said.contains("there is no password"), "{said}");
    }
}

#[test]
fn the_log_says_who_was_refused_and_who_governs_and_has_no_secret() {
    let folder = Folder::new("audit");
    let hash = rejoin::net::hash_password("open-sesame").expect("the system has randomness");
    let operators = folder.write("opers", &format!("ann:{hash}\n"));
    let mut server = Server::start(&["--irc=127.0.0.1:0", "--opers", &operators]);
    let says = |line: &str, words: &[&str]| {
        assert!(line.contains(" INFO "), "{line}");
        for word in words {
            assert!(line.contains(word), "no {word} in {line}");
        }
    };
    server.login("bob correct-horse");
    let mut eve = server.client();
    eve.send("bob wrong-horse");
    let line = server.logs("login refused");
    says(
        &line,
        &["wrong secret", "address=127.0.0.1", "target=\"bob\""],
    );
    let mut alice = irc(&server, "alice");
    alice.send("OPER ann wrong-sesame\r\nOPER wrong-place x\r\nOPER ann open-sesame");
    let line = server.logs("OPER refused");
    says(&line, &["who=\"alice\"", "target=\"ann\""]);
    says(
        &server.logs("OPER granted"),
        &["who=\"alice\"", "target=\"ann\""],
    );
    alice.send("JOIN #a\r\nMODE #a +b eve!*@*\r\nREHASH\r\nKILL bob :enough \x1B[31m");
    let line = server.logs("channel list changed");
    says(
        &line,
        &["who=\"alice\"", "target=\"#a\"", "detail=\"+b eve!*@*\""],
    );
    says(&server.logs("REHASH"), &["who=\"alice\""]);
    says(
        &server.logs("KILL"),
        &["who=\"alice\"", "target=\"bob\"", "enough"],
    );
    server.logs("reloaded");
    server.child.signal("TERM");
    server.child.wait();
    let log = server.log();
    for secret in ["horse", "sesame", "wrong-place", "argon2", "\x1B"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

/// Passwords are verified one at a time, and what a client sends behind one waits for that.
#[test]
fn what_is_said_behind_a_password_is_read_also_when_the_server_stops() {
    let folder = Folder::new("last-words");
    let hash = rejoin::net::hash_password("open-sesame").expect("the system has randomness");
    let operators = folder.write("opers", &format!("ann:{hash}\n"));
    let server = Server::start(&[
        "--irc=127.0.0.1:0",
        "--opers",
        &operators,
        "--failed-logins-per-address=1000",
        // So long an answer would have been waited for.
        "--answer-timeout=10s",
        "--shutdown-timeout=40s",
    ]);
    let address = server.irc();
    let mut bob = server.login("bob");
    let mut alice = Client::connect(address);
    alice.send("PASS correct-horse\r\nNICK alice\r\nUSER u 0 * :r");
    let asked = hear(&mut alice, "PING :");
    alice.send(&format!("{}\r\nPING here", asked.replace("PING", "PONG")));
    hear(&mut alice, "PONG");
    let mut others: Vec<_> = (0..40).map(|n| irc_at(address, &format!("c{n}"))).collect();
    for other in &mut others {
        other.send("OPER ann wrong-sesame");
    }
    alice.send("OPER ann wrong-sesame");
    bob.send("alice: one");
    hear(&mut alice, ":one");
    server.child.signal("TERM");
    let asked = hear(&mut alice, "PING :");
    alice.send(&asked.replace("PING", "PONG"));
    assert!(hear(&mut alice, "ERROR").contains("the server stops"));
    let last = bob.line();
    assert!(last.starts_with("* bye "), "{last}");
}
