//! ZNC, a bouncer: to the server it is a client, and whoever uses it is attached to it.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::Stdio;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::common::{Client as Line, Process, wait_for};
use crate::person::{Client, Program, Setup};
use crate::said::Said;
use crate::wire::Way;

pub(crate) const ZNC: Program = Program {
    name: "znc",
    reconnects: true,
    other_nick: Some("alice_"),
    start,
    // It asks who it is when it is welcome.
    is_ready: |_, link| {
        let lines = link.passed(Way::ToServer);
        lines
            .iter()
            .any(|line| line.starts_with("MODE ") || line.starts_with("WHO "))
    },
    // Nobody looks at it.
    shows: |_: &Setup, _: &str| -> Vec<Said> { Vec::new() },
};

/// A user without rights.
const NOBODY: u32 = 65534;

struct Znc {
    process: Process,
    /// Where it listens.
    address: SocketAddr,
    attached: Option<Line>,
}

fn start(setup: &Setup) -> Box<dyn Client> {
    let address = free_address();
    let (host, port) = (address.ip(), address.port());
    let (nick, server) = (setup.nick, setup.server.port());
    let secret = setup.secret.unwrap_or_default();
    let config = format!(
        r"
Version = 1.8.2
<Listener listener0>
    Port = {port}
    Host = {host}
    IPv4 = true
    IPv6 = false
    SSL = false
</Listener>
<User {nick}>
    Nick = {nick}
    AltNick = {nick}_
    Ident = {nick}
    RealName = {nick}
    Pass = plain#words
    <Network test>
        Server = 127.0.0.1 {server} {secret}
    </Network>
</User>
"
    );
    let configs = setup.folder.join("configs");
    fs::create_dir_all(&configs).expect("the folder is ours");
    setup.write("configs/znc.conf", &config);
    let mut command = setup.command("znc");
    command
        .args(["--foreground", "--datadir"])
        .arg(&*setup.folder);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // It waits for half a minute where root starts it.
    if fs::metadata(&configs).expect("it is there").uid() == 0 {
        for path in [&*setup.folder, &configs, &configs.join("znc.conf")] {
            chown(path, Some(NOBODY), Some(NOBODY)).expect("root may do that");
        }
        command.uid(NOBODY).gid(NOBODY);
    }
    Box::new(Znc {
        process: Process::spawn(&mut command),
        address,
        attached: None,
    })
}

/// It can't listen on a port that the system chooses; so it gets an address that nobody else has,
/// where a free port stays free.
fn free_address() -> SocketAddr {
    static ADDRESSES: AtomicU8 = AtomicU8::new(1);
    let [.., high, low] = std::process::id().to_be_bytes();
    let last = ADDRESSES.fetch_add(1, Ordering::Relaxed);
    let address = Ipv4Addr::new(127, high, low, last);
    let listener = TcpListener::bind((address, 0)).expect("a free port");
    listener.local_addr().expect("it is bound")
}

impl Znc {
    fn types(&mut self, line: &str) {
        let address = self.address;
        let attached = self.attached.get_or_insert_with(|| {
            let stream = wait_for("ZNC to listen", || TcpStream::connect(address).ok());
            let mut line = Line::over(stream);
            line.send("PASS alice/test:words\nNICK alice\nUSER alice 0 * :alice");
            while !line.line().contains(" 001 ") {}
            line
        });
        attached.send(line);
    }
}

impl Client for Znc {
    fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn join(&mut self, room: &str) {
        self.types(&format!("JOIN {room}"));
    }

    fn say(&mut self, to: &str, text: &str) {
        self.types(&format!("PRIVMSG {to} :{text}"));
    }

    fn change_nick(&mut self, nick: &str) {
        self.types(&format!("NICK {nick}"));
    }
}
