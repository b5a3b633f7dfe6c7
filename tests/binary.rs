//! The binary from outside: its one line, its flags, its failures and its signals.
#![cfg(feature = "server")]

mod common;

use std::ffi::OsStr;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use common::{Client, Failed, Process, Server, rejoin, wait_for};
use rejoin::Config;
use rejoin::hub::record::Entries;
use socket2::{Domain, Socket, Type};

#[test]
fn one_line_says_where_it_listens_and_how_to_try_it() {
    let mut server = Server::start(&[]);
    let port = server.addr.port();
    assert_ne!(port, 0);
    assert_eq!(
        server.says,
        format!("rejoin listens on 127.0.0.1:{port}; try: nc 127.0.0.1 {port}")
    );
    server.login("alice");
    server.child.signal("TERM");
    server.child.wait();
    assert_eq!(server.output(), [""; 0]);
}

#[test]
fn a_record_survives_a_kill_and_has_no_secret() {
    for (texts, said) in [("yes", true), ("no", false)] {
        let folder = tempfolder(texts);
        let file = folder.join("a.record");
        let path = file.to_str().expect("it is text");
        let mut server = Server::start(&["--record", path, "--record-texts", texts]);
        let mut alice = server.login("alice correct-horse");
        alice.send("alice: hello there");
        assert_eq!(alice.line(), "from alice: hello there");
        let has = |word: &[u8]| {
            let record = std::fs::read(&file).expect("it is there");
            record.windows(word.len()).any(|bytes| bytes == word)
        };
        wait_for("the record", || has(b"alice: ").then_some(()));
        server.child.signal("KILL");
        server.child.wait();
        assert!(!has(b"correct-horse"));
        assert_eq!(has(b"hello there"), said);
        let record = std::fs::read(&file).expect("it is there");
        let entries = Entries::of(&record).expect("it is a record");
        assert!(entries.map(Result::unwrap).count() >= 5);
        std::fs::remove_dir_all(folder).expect("it can be removed");
    }
}

fn tempfolder(name: &str) -> PathBuf {
    let name = format!("rejoin-record-{name}-{}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).expect("it can be made");
    folder
}

#[test]
fn a_server_on_every_interface_is_tried_on_this_one() {
    let server = Server::spawn(&mut rejoin(&["--listen", "0.0.0.0:0"]));
    let port = server.addr.port();
    assert!(
        server
            .says
            .ends_with(&format!("; try: nc 127.0.0.1 {port}")),
        "{}",
        server.says
    );
}

#[test]
fn the_address_may_be_a_name() {
    let server = Server::spawn(&mut rejoin(&["--listen", "localhost:0"]));
    assert!(server.addr.ip().is_loopback());
    server.login("alice");
}

#[test]
fn it_prints_its_version() {
    let output = run(&["--version"]);
    assert_eq!(output.status.code(), Some(0));
    let version = concat!("rejoin ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(text(&output.stdout), version);
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn help_has_a_flag_for_every_limit_with_its_default() {
    let output = run(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
    let help = text(&output.stdout);
    assert_eq!(default_in(&help, "--listen"), "127.0.0.1:6000");
    assert_eq!(default_in(&help, "--threads"), "1");
    for limit in limits() {
        let default = default_in(&help, &limit.flag);
        if limit.is_duration {
            let default = humantime::parse_duration(&default).expect("help shows what it reads");
            assert_eq!(format!("{default:?}"), limit.default, "{}", limit.flag);
        } else {
            assert_eq!(number(&default), limit.default, "{}", limit.flag);
        }
    }
}

/// What a default is that may follow from the default of another limit.
fn number(default: &str) -> String {
    let default = default.trim_end_matches(", fewer with less --memory");
    let part = default.strip_suffix(" of --memory");
    match part.and_then(|part| part.strip_prefix("1/")) {
        Some(parts) => {
            let parts: usize = parts.parse().expect("a part of it");
            (Config::default().memory.get() / parts).to_string()
        }
        None => default.to_owned(),
    }
}

#[test]
fn help_names_the_signals_and_rust_log() {
    let help = text(&run(&["--help"]).stdout);
    for word in ["SIGINT", "SIGTERM", "130", "143", "RUST_LOG"] {
        assert!(help.contains(word), "no {word} in {help}");
    }
}

#[test]
fn an_address_that_cannot_be_had_is_one_line_with_its_flag() {
    let server = Server::start(&[]);
    let address = server.addr.to_string();
    for (flag, other) in [("--listen", "--irc=off"), ("--irc", "--listen=off")] {
        let line = failure(1, &mut rejoin(&[flag, &address, other]));
        let what = format!(
            "address {address} is in use; stop what listens there, or choose another with {flag}"
        );
        assert!(line.contains(&what), "{line}");
    }
    // For documentation (RFC 5737), so that no machine has it.
    let line = failure(1, &mut rejoin(&["--listen", "192.0.2.1:0"]));
    assert!(line.contains("192.0.2.1:0 is not one of this"), "{line}");
    assert!(line.contains("choose another with --listen"), "{line}");
}

#[test]
fn a_host_without_an_address_is_one_line() {
    let line = failure(1, &mut rejoin(&["--listen", "host.invalid:6000"]));
    assert!(line.contains("host.invalid:6000"), "{line}");
}

#[test]
fn bad_flags_are_one_line() {
    let cases: [(&[&str], &str); 11] = [
        (&["--no-such-flag"], "--no-such-flag"),
        (&["no-such-argument"], "no-such-argument"),
        (&["--peers"], "--peers"),
        (&["--peers", "many"], "--peers"),
        (&["--peers", "1", "--peers", "2"], "--peers"),
        (&["--resume-window", "30"], "time unit"),
        (&["--listen", "6000"], "HOST:PORT"),
        (&["--listen", "::1:6000"], "HOST:PORT"),
        (&["--listen", "a\n\nb"], "--listen"),
        (&["--threads", "0"], "--threads"),
        (&["--threads", "1025"], "at most 1024"),
    ];
    for (flags, word) in cases {
        let line = failure(2, &mut rejoin(flags));
        assert!(line.contains(word), "no {word} in {line}");
    }
}

#[test]
fn a_flag_that_is_misspelt_is_told_which_is_meant() {
    let flags = "; it takes flags alone, and serves without any";
    let cases = [
        ("--lisen", "; did you mean --listen?"),
        ("--lisen=127.0.0.1:0", "; did you mean --listen?"),
        ("-listen", "; did you mean --listen?"),
        ("listen", "; did you mean --listen?"),
        ("resume-window=1h", "; did you mean --resume-window?"),
        ("hash-password", "; did you mean --hash-password?"),
        ("--Record", "; did you mean --record?"),
        ("serve", flags),
        ("127.0.0.1:6000", flags),
        ("-x", ""),
    ];
    for (argument, hint) in cases {
        let line = failure(2, &mut rejoin(&[argument]));
        let end = format!("' found{hint} (see 'rejoin --help')\n");
        assert!(line.ends_with(&end), "{line}");
    }
}

#[test]
fn limits_that_do_not_fit_each_other_are_one_line_with_their_flags() {
    let line = failure(2, &mut rejoin(&["--silence-timeout", "1s"]));
    assert!(
        line.contains("--silence-timeout must be longer than --probe-after"),
        "{line}"
    );
    let line = failure(2, &mut rejoin(&["--line-bytes", "63"]));
    assert!(line.contains("--line-bytes must be at least 64"), "{line}");
}

#[test]
fn no_limit_may_be_zero() {
    for limit in limits() {
        let zero = if limit.is_duration { "0s" } else { "0" };
        let line = failure(2, &mut rejoin(&[&limit.flag, zero]));
        assert!(line.contains(&limit.flag), "no {} in {line}", limit.flag);
    }
}

#[test]
fn the_largest_limits_work_or_are_one_line() {
    for limit in limits() {
        let largest: &[&str] = if limit.is_duration {
            &["18446744073709551615s"]
        } else {
            &["18446744073709551615", "9223372036854775807", "4294967295"]
        };
        for largest in largest {
            let flags = ["--listen", "127.0.0.1:0", &limit.flag, largest];
            match Server::try_spawn(&mut rejoin(&flags)) {
                Ok(mut server) => {
                    let mut alice = server.login("alice");
                    server.child.signal("TERM");
                    assert!(alice.line().starts_with("* bye"), "{flags:?}");
                    assert_eq!(server.child.wait().code(), Some(0), "{flags:?}");
                    let log = server.log();
                    assert!(!log.contains("panicked"), "{flags:?}: {log}");
                }
                Err(failed) => {
                    let line = one_line(2, &failed);
                    assert!(line.contains("--"), "{line}");
                }
            }
        }
    }
}

#[test]
fn a_bad_rust_log_is_one_line() {
    let line = failure(2, rejoin(&[]).env("RUST_LOG", "rejoin=loud=no"));
    assert!(line.contains("RUST_LOG"), "{line}");
    let line = failure(2, rejoin(&[]).env("RUST_LOG", OsStr::from_bytes(b"\xFF")));
    assert!(line.contains("RUST_LOG"), "{line}");
}

#[test]
fn rust_log_filters_the_log() {
    let log = |filter: Option<&str>| {
        let mut command = rejoin(&["--listen", "127.0.0.1:0"]);
        if let Some(filter) = filter {
            command.env("RUST_LOG", filter);
        }
        let mut server = Server::spawn(&mut command);
        server.login("alice");
        server.child.signal("TERM");
        server.child.wait();
        server.log()
    };
    let default = log(None);
    let stopping = "INFO rejoin::signals: SIGTERM: stopping";
    assert!(default.contains(stopping), "{default}");
    assert!(
        !default.contains('\x1B'),
        "colours without a terminal: {default}"
    );
    assert!(log(Some("")).contains(stopping));
    assert_eq!(log(Some("off")), "");
}

#[test]
fn a_password_is_asked_for_by_both_protocols() {
    let name = format!("password-{}", std::process::id());
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, "open-sesame\n").expect("it can be written");
    let flag = format!("--password-file={}", file.display());
    let server = Server::start(&[&flag, "--irc=127.0.0.1:0"]);
    let mut outsider = server.client();
    outsider.send("alice\n/rooms\nalice open-sesame:correct-horse");
    let refused = "* error wrong-password log in with the server's password: \
                   NAME PASSWORD or NAME PASSWORD:SECRET";
    outsider.expect(refused);
    outsider.expect("* error not-logged-in first say who you are: NAME or NAME SECRET");
    outsider.expect("* welcome alice");
    let mut irc = Client::connect(server.irc());
    irc.send("NICK bob\nUSER u 0 * :u");
    irc.expect(":rejoin.localhost 464 bob :Password incorrect");
    std::fs::remove_file(&file).expect("it is there");
}

#[test]
fn closed_outputs_do_not_stop_it() {
    // Where standard output is closed nobody can read which port was free.
    let reserved = reserved_port();
    let address = reserved.local_addr().expect("it is bound");
    let address = address.as_socket().expect("an address of IPv4");
    let closed = || Stdio::from(std::io::pipe().expect("a pipe").1);
    let mut command = rejoin(&["--listen", &address.to_string()]);
    command.env("RUST_LOG", "trace");
    let mut child = Process::spawn(command.stdout(closed()).stderr(closed()));
    wait_for("the server", || TcpStream::connect(address).ok());
    let mut alice = Client::connect(address);
    alice.send("alice");
    alice.expect("* welcome alice");
    child.signal("TERM");
    assert!(alice.line().starts_with("* bye"));
    assert_eq!(child.wait().code(), Some(0));
}

/// A socket with a port that nobody gets by chance, and that a server may take: sockets that want
/// to use an address again may share it as long as none of them listens.
fn reserved_port() -> Socket {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_address(true).expect("an open socket");
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).expect("a free port");
    socket
}

#[test]
fn closed_outputs_do_not_change_the_exit_code() {
    let closed = || Stdio::from(std::io::pipe().expect("a pipe").1);
    let code = |flag| {
        let mut command = rejoin(&[flag]);
        let status = command.stdout(closed()).stderr(closed()).status();
        status.expect("the binary starts").code()
    };
    assert_eq!(code("--help"), Some(0));
    assert_eq!(code("--no-such-flag"), Some(2));
}

#[test]
fn the_first_signal_tells_the_peers_and_exits_with_success() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&[]);
        let mut stranger = server.greeted();
        let mut alice = server.login("alice");
        server.child.signal(signal);
        let bye = alice.line();
        assert!(bye.starts_with("* bye"), "{bye}");
        alice.expect_eof();
        let bye = stranger.line();
        assert!(bye.starts_with("* bye"), "{bye}");
        stranger.expect_eof();
        assert_eq!(server.child.wait().code(), Some(0), "after SIG{signal}");
    }
}

#[test]
fn what_is_queued_is_flushed_before_the_end() {
    let mut server = Server::start(&[]);
    let mut bob = server.login("bob");
    let mut alice = server.login("alice");
    for n in 0..100 {
        alice.send(&format!("bob: {n}"));
    }
    bob.expect("from alice: 0");
    server.child.signal("TERM");
    let mut next = 1;
    let mut line = bob.line();
    while line == format!("from alice: {next}") {
        next += 1;
        line = bob.line();
    }
    assert!(line.starts_with("* bye"), "{line}");
    bob.expect_eof();
    assert_eq!(server.child.wait().code(), Some(0));
}

#[test]
fn a_peer_that_does_not_read_holds_the_end_up_no_longer_than_either_limit() {
    for flags in [
        ["--shutdown-timeout", "1s", "--flush-timeout", "1h"],
        ["--shutdown-timeout", "1h", "--flush-timeout", "1s"],
    ] {
        let (mut server, _bob, _) = held_up(&flags);
        server.child.signal("TERM");
        assert_eq!(server.child.wait().code(), Some(0), "{flags:?}");
    }
}

#[test]
fn a_second_signal_exits_at_once() {
    for (first, second, code) in [
        ("TERM", "INT", 130),
        ("INT", "TERM", 143),
        ("INT", "INT", 130),
    ] {
        let (mut server, _bob, mut carol) =
            held_up(&["--shutdown-timeout", "1h", "--flush-timeout", "1h"]);
        server.child.signal(first);
        carol.expect("* bye the server stops");
        assert!(server.child.is_running(), "nothing held SIG{first} up");
        server.child.signal(second);
        assert_eq!(
            server.child.wait().code(),
            Some(code),
            "SIG{second} came second"
        );
    }
}

/// A server that has a lot to say to bob, who does not read, and nothing more to carol.
fn held_up(flags: &[&str]) -> (Server, Client, Client) {
    let mut all = vec!["--write-timeout", "1h", "--outbox-bytes", "67108864"];
    all.extend(["--memory", "10000000000"]);
    all.extend(["--lines-per-second", "1000000", "--lines-burst", "1000000"]);
    all.extend(flags);
    let server = Server::start(&all);
    let mut bob = Client::over(small_socket(server.addr));
    bob.send("bob");
    bob.expect("* welcome bob");
    let mut carol = server.login("carol");
    let mut alice = server.login("alice");
    let line = format!("bob: {}\n", "x".repeat(4000));
    for _ in 0..40 {
        // 16 MB altogether, more than the buffers of a socket take.
        alice.send_bytes(line.repeat(100).as_bytes());
    }
    alice.send("carol: done");
    carol.expect("from alice: done");
    (server, bob, carol)
}

/// A connection whose receive buffer does not grow.
fn small_socket(address: SocketAddr) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket.connect(&address.into()).expect("a connection");
    socket.into()
}

/// One field of [`Config`], as its `Debug` shows it.
struct Limit {
    flag: String,
    default: String,
    is_duration: bool,
}

/// Every field there is, so that one without a flag is found.
fn limits() -> Vec<Limit> {
    let fields = format!("{:#?}", Config::default());
    let limits: Vec<_> = fields
        .lines()
        .filter_map(|line| {
            let (field, default) = line
                .strip_prefix("    ")?
                .strip_suffix(',')?
                .split_once(": ")?;
            Some(Limit {
                flag: format!("--{}", field.replace('_', "-")),
                default: default.to_owned(),
                is_duration: default.parse::<u64>().is_err(),
            })
        })
        .collect();
    assert_eq!(limits.len(), fields.lines().count() - 2, "{fields}");
    limits
}

/// The default that help shows for a flag.
fn default_in(help: &str, flag: &str) -> String {
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let default = || {
        let (_, rest) = words.split_once(&format!(" {flag} <"))?;
        let own = rest.split('<').next()?;
        let (_, default) = own.split_once("[default: ")?;
        // One with a space is shown in quotes.
        Some(default.split_once(']')?.0.trim_matches('"').to_owned())
    };
    default().unwrap_or_else(|| panic!("no {flag} with a default in {help}"))
}

/// Runs the binary to its end.
fn run(flags: &[&str]) -> Output {
    rejoin(flags).output().expect("the binary starts")
}

/// The one line with which a command fails before it serves.
#[track_caller]
fn failure(code: i32, command: &mut Command) -> String {
    match Server::try_spawn(command) {
        Ok(server) => panic!("it does not fail, but says {:?}", server.says),
        Err(failed) => one_line(code, &failed),
    }
}

/// The one line of a failure: nothing else before or after it, and no backtrace.
#[track_caller]
fn one_line(code: i32, failed: &Failed) -> String {
    let line = &failed.log;
    assert_eq!(failed.status.code(), Some(code), "{line}");
    assert!(line.starts_with("rejoin: "), "{line}");
    assert!(line.ends_with('\n'), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    line.clone()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}
