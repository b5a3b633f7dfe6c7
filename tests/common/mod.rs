//! A real server in a process of its own, and line clients for it.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod links;
pub(crate) mod relay;

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a test waits for anything that must happen, on a machine that does much else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The binary, deaf to the environment of whoever runs the tests.
pub(crate) fn rejoin(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rejoin"));
    command.args(flags).stdin(Stdio::null());
    // Its default port is one for all tests.
    let is_for_irc = flags.iter().any(|flag| flag.starts_with("--irc"));
    if !is_for_irc && !flags.contains(&"--help") {
        command.args(["--irc", "off"]);
    }
    for variable in ["RUST_LOG", "NO_COLOR", "COLUMNS"] {
        command.env_remove(variable);
    }
    command.env("RUST_BACKTRACE", "1");
    command
}

/// Asks until the answer is not `None`: every 10 ms, and after a second every 100 ms, which is
/// not too fast for a server that is asked.
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let mut waited = Duration::ZERO;
    while waited < PATIENCE {
        if let Some(answer) = ask() {
            return answer;
        }
        let is_soon = waited < Duration::from_secs(1);
        let pause = Duration::from_millis(if is_soon { 10 } else { 100 });
        thread::sleep(pause);
        waited += pause;
    }
    panic!("waited {PATIENCE:?} for {what}");
}

/// A process. It is killed when this is dropped.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self(command.spawn().expect("the binary starts"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args(["-s", signal, &self.0.id().to_string()])
            .status()
            .expect("there is a `kill`");
        assert!(status.success(), "the process is gone before SIG{signal}");
    }

    /// Stops the process where it is: it neither reads nor answers any more.
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
        let status = format!("/proc/{}/stat", self.0.id());
        wait_for("the process to stop", || {
            let status = std::fs::read_to_string(&status).expect("it runs");
            let (_, state) = status.rsplit_once(") ").expect("it has a name");
            state.starts_with('T').then_some(())
        });
    }

    /// Its standard input, which is piped. To be called once.
    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.0.stdin.take().expect("it is piped")
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.ended().is_none()
    }

    /// Waits until it has ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        wait_for("the process to end", || self.ended())
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("a child can be waited for")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A server that listens. It is killed when this is dropped, and its log shown if the
/// test failed.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    /// The line that says where it listens.
    pub(crate) says: String,
    pub(crate) child: Process,
    output: Receiver<String>,
    log: Log,
}

/// What a process writes, as it comes.
pub(crate) struct Log {
    written: Arc<Mutex<Vec<u8>>>,
    reader: Option<JoinHandle<()>>,
}

impl Log {
    pub(crate) fn read(mut from: impl Read + Send + 'static) -> Self {
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let its = Arc::clone(&written);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                let mut written = its.lock().expect("nobody panics");
                written.extend_from_slice(&bytes[..count]);
            }
        });
        let reader = Some(reader);
        Self { written, reader }
    }

    pub(crate) fn so_far(&self) -> String {
        let written = self.written.lock().expect("nobody panics");
        String::from_utf8_lossy(&written).into_owned()
    }

    /// All of it; to be called when the process has ended.
    pub(crate) fn whole(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().expect("reading does not panic");
        }
        self.so_far()
    }
}

/// What is left of a process that ended before it listened, and printed nothing.
pub(crate) struct Failed {
    pub(crate) status: ExitStatus,
    pub(crate) log: String,
}

impl Server {
    /// Starts the binary on a free port of 127.0.0.1, with these flags besides.
    pub(crate) fn start(flags: &[&str]) -> Self {
        let mut all = vec!["--listen", "127.0.0.1:0"];
        all.extend(flags);
        Self::spawn(&mut rejoin(&all))
    }

    /// Starts a command that ends up as the binary.
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self::try_spawn(command)
            .unwrap_or_else(|failed| panic!("{}\n{}", failed.status, failed.log))
    }

    /// Starts a command that may refuse to serve.
    pub(crate) fn try_spawn(command: &mut Command) -> Result<Self, Failed> {
        Self::try_spawn_logging_to(command, Stdio::piped())
    }

    /// Starts a command that ends up as the binary, and whose log goes elsewhere.
    pub(crate) fn spawn_logging_to(command: &mut Command, log: Stdio) -> Self {
        Self::try_spawn_logging_to(command, log)
            .unwrap_or_else(|failed| panic!("{}\n{}", failed.status, failed.log))
    }

    fn try_spawn_logging_to(command: &mut Command, log: Stdio) -> Result<Self, Failed> {
        let mut child = Process::spawn(command.stdout(Stdio::piped()).stderr(log));
        let stdout = BufReader::new(child.0.stdout.take().expect("it is piped"));
        let stderr = child.0.stderr.take();
        let mut log = match stderr {
            Some(stderr) => Log::read(stderr),
            None => Log::read(std::io::empty()),
        };
        let (lines, output) = mpsc::channel();
        thread::spawn(move || {
            let mut read = stdout.lines().map_while(Result::ok);
            read.try_for_each(|line| lines.send(line))
        });
        let says = match output.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("no line within {PATIENCE:?}"),
            Err(RecvTimeoutError::Disconnected) => {
                let status = child.wait();
                let log = log.whole();
                return Err(Failed { status, log });
            }
        };
        let addr = says
            .strip_prefix("rejoin listens on ")
            .and_then(|rest| rest.split(';').next())
            .and_then(|address| address.parse().ok())
            .unwrap_or_else(|| panic!("no address in {says:?}"));
        Ok(Self {
            addr,
            says,
            child,
            output,
            log,
        })
    }

    /// The address for IRC of a server that listens for it, which its second line says. To be
    /// called once.
    pub(crate) fn irc(&self) -> SocketAddr {
        let says = self.output.recv_timeout(PATIENCE).expect("a second line");
        says.strip_prefix("rejoin listens on ")
            .and_then(|rest| rest.split_once(" for IRC;"))
            .and_then(|(address, _)| address.parse().ok())
            .unwrap_or_else(|| panic!("no address in {says:?}"))
    }

    /// A new connection.
    pub(crate) fn client(&self) -> Client {
        Client::connect(self.addr)
    }

    /// A new connection that has logged in as a new peer: `NAME`, or `NAME SECRET`.
    #[track_caller]
    pub(crate) fn login(&self, login: &str) -> Client {
        let mut client = self.client();
        client.send(login);
        let name = login.split(' ').next().expect("a name");
        client.expect(&format!("* welcome {name}"));
        client
    }

    /// What an ended server wrote to standard output, after its first line.
    pub(crate) fn output(&self) -> Vec<String> {
        self.output.iter().collect()
    }

    /// What an ended server wrote to standard error.
    pub(crate) fn log(&mut self) -> String {
        self.log.whole()
    }

    /// Waits for a line of the log that has these words, and returns it.
    #[track_caller]
    pub(crate) fn logs(&self, words: &str) -> String {
        wait_for(&format!("{words:?} in the log"), || {
            let log = self.log.so_far();
            let mut lines = log
                .split_inclusive('\n')
                .filter(|line| line.ends_with('\n'));
            let line = lines.find(|line| line.contains(words))?;
            Some(line.to_owned())
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            let _ = self.child.0.kill();
            eprintln!("--- the server's log\n{}---", self.log.whole());
        }
    }
}

/// A message that was kept, without the time at which it was said.
#[track_caller]
pub(crate) fn without_time(line: &str) -> String {
    let parts = line.split_once(": ").and_then(|(head, text)| {
        let (head, time) = head.rsplit_once(" at ")?;
        Some((head, time, text))
    });
    let (head, time, text) = parts.unwrap_or_else(|| panic!("no time: {line:?}"));
    let shape = time.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(shape, "0000-00-00T00:00:00Z", "{line:?}");
    format!("{head}: {text}")
}

/// A line client.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
    /// Whether a line was read.
    has_read: bool,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address)
            .unwrap_or_else(|error| panic!("no connection to {address}: {error}"));
        Self::over(stream)
    }

    /// A client over a connection that is there already.
    pub(crate) fn over(stream: TcpStream) -> Self {
        stream
            .set_read_timeout(Some(PATIENCE))
            .and_then(|()| stream.set_write_timeout(Some(PATIENCE)))
            .and_then(|()| stream.set_nodelay(true))
            .expect("an open socket takes options");
        Self {
            stream: BufReader::new(stream),
            has_read: false,
        }
    }

    /// The connection itself, past whose buffer nothing may be read.
    pub(crate) fn stream(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    /// Sends a line; its end is added.
    pub(crate) fn send(&mut self, line: &str) {
        self.send_bytes(format!("{line}\n").as_bytes());
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream
            .get_mut()
            .write_all(bytes)
            .unwrap_or_else(|error| panic!("sending {} bytes failed: {error}", bytes.len()));
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self) -> String {
        self.next_line()
            .expect("the server closed where a line was due")
    }

    /// The next line, as long as there is one, however long that takes.
    pub(crate) fn try_line(&mut self) -> Option<String> {
        let _ = self.stream.get_ref().set_read_timeout(None);
        let mut line = String::new();
        let read = self.stream.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// Asserts what the next line is.
    #[track_caller]
    pub(crate) fn expect(&mut self, line: &str) {
        assert_eq!(self.line(), line);
    }

    /// Asserts that the next line is this message, with the time at which it was said.
    #[track_caller]
    pub(crate) fn expect_kept(&mut self, message: &str) {
        assert_eq!(without_time(&self.line()), message);
    }

    /// Asserts that the server has closed, and sent no more lines before.
    #[track_caller]
    pub(crate) fn expect_eof(&mut self) {
        assert_eq!(self.next_line(), None);
    }

    /// The next line, but for the first of a connection that says how to log in.
    fn next_line(&mut self) -> Option<String> {
        let line = self.read_line();
        let is_first = !std::mem::replace(&mut self.has_read, true);
        match line {
            Some(line) if is_first && line.starts_with("* hello: ") => self.read_line(),
            line => line,
        }
    }

    /// The next line; `None` at the end.
    pub(crate) fn read_line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => {
                let line = line.strip_suffix('\n').expect("lines are whole");
                Some(line.strip_suffix('\r').unwrap_or(line).to_owned())
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("no line within {PATIENCE:?}, only {line:?}")
            }
            Err(error) => panic!("reading failed after {line:?}: {error}"),
        }
    }
}
