//! A driver without sockets: it keeps for each connection the frames that were not written yet,
//! and carries out what the hub wants done.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use rejoin::Config;
use rejoin::broker::Input;
use rejoin::hub::{
    Audit, Digest, Frame, Hub, Observer, Output, Outputs, Protocol, Received, Told, Understood,
};
use rejoin::id::{ConnId, Name, Proof, Secret, Time};
use rejoin::wire::lines::Line;

/// The first line of a plain connection.
pub(crate) const HELLO: &str = "* hello: type a name, or a name and a secret to be able to come back; \
                                /help lists commands";

pub(crate) struct Server {
    pub(crate) hub: Hub<Padded>,
    pub(crate) now: Time,
    /// What the hub wanted done after the last call, as text.
    pub(crate) done: Vec<String>,
    /// What the hub wanted logged so far, as text.
    pub(crate) logged: Vec<String>,
    /// How much work the last call was.
    pub(crate) worked: u64,
    /// Mail that nobody will get, so far.
    pub(crate) discarded: usize,
    /// Whether passwords are verified at once; if not, by [`verifies`](Self::verifies).
    pub(crate) verifies_at_once: bool,
    /// Passwords that are to be verified, and whether they are right.
    checks: BTreeMap<ConnId, bool>,
    links: BTreeMap<ConnId, Link>,
    connections: u64,
}

#[derive(Default)]
struct Link {
    outbox: Vec<Queued>,
    /// What was heard and is not acknowledged, if that matters.
    unread: Option<Vec<Queued>>,
    marks: u64,
    reader_stopped: bool,
    writer_stopped: bool,
    /// Whether its reader is to go on once it may, though nothing more was read.
    goes_on: bool,
    /// What its writer was told to write last.
    last: Option<String>,
}

/// Lines for a connection, and whether they are to be answered.
struct Queued {
    frame: Frame,
    mark: Option<u64>,
}

/// The secret itself, filled up with zeros.
#[derive(Clone, Debug)]
pub(crate) struct Padded;

impl Digest for Padded {
    fn proof(&self, secret: Secret<'_>) -> Proof {
        let mut digest = [0; 32];
        digest[..secret.expose().len()].copy_from_slice(secret.expose().as_bytes());
        Proof::new(digest)
    }
}

/// Panics if somebody is dismissed whom no `KILL` names, in whatever story.
#[derive(Default, Debug)]
struct OnlyKills {
    /// Whom the line that is handled wants gone, if it is a `KILL` that has dismissed nobody yet.
    victim: Option<Name>,
}

impl Observer for OnlyKills {
    fn line(&mut self, line: Line<'_>, _understood: Understood<'_>) {
        let Line::Whole(line) = line else {
            return self.victim = None;
        };
        // Its reason may be spoilt; whom it names is not.
        let line = String::from_utf8_lossy(line);
        let mut words = line
            .split(' ')
            .skip_while(|word| word.starts_with(['@', ':']));
        let kills = words
            .next()
            .filter(|word| word.eq_ignore_ascii_case("KILL"));
        let name = words.next().map(|name| name.trim_start_matches(':'));
        self.victim = kills.and(name).and_then(Name::parse);
    }

    fn input(&mut self, input: &Input) {
        if let Input::Dismiss { name, .. } = input {
            let is_asked_for = self.victim.take().as_ref() == Some(name);
            assert!(is_asked_for, "{name} is dismissed, and no KILL asks for it");
        }
    }

    fn told(&mut self, _now: Time, _told: Told, _wants: &Outputs) {
        self.victim = None;
    }
}

/// Small limits, so that a test can reach them.
pub(crate) fn config() -> Config {
    let size = |n: usize| n.try_into().expect("not zero");
    let count = |n: u32| n.try_into().expect("not zero");
    Config {
        line_bytes: size(100),
        login_timeout: Duration::from_secs(30),
        failed_logins_per_connection: count(3),
        probe_after: Duration::from_secs(60),
        silence_timeout: Duration::from_secs(180),
        irc_probe_after: Duration::from_secs(70),
        irc_silence_timeout: Duration::from_secs(100),
        mailbox_messages: size(4),
        resume_window: Duration::from_secs(300),
        ..Config::default()
    }
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::with(&config())
    }

    pub(crate) fn with(config: &Config) -> Self {
        Self::of(Hub::new(config, Padded))
    }

    pub(crate) fn of(mut hub: Hub<Padded>) -> Self {
        hub.observe(Box::<OnlyKills>::default());
        Self {
            hub,
            now: Time::ZERO,
            done: Vec::new(),
            logged: Vec::new(),
            worked: 0,
            discarded: 0,
            verifies_at_once: true,
            checks: BTreeMap::new(),
            links: BTreeMap::new(),
            connections: 0,
        }
    }

    /// A new connection. Its id is 1 for the first, 2 for the second, and so on.
    pub(crate) fn connect(&mut self) -> ConnId {
        self.connect_from("192.0.2.1").expect("it is admitted")
    }

    /// Returns what a connection that was not admitted is told.
    pub(crate) fn connect_from(&mut self, address: &str) -> Result<ConnId, String> {
        self.connect_by(address, Protocol::Plain)
    }

    /// A new connection that speaks IRC.
    pub(crate) fn connect_irc(&mut self) -> ConnId {
        let connected = self.connect_by("192.0.2.7", Protocol::Irc);
        connected.expect("it is admitted")
    }

    pub(crate) fn connect_by(
        &mut self,
        address: &str,
        protocol: Protocol,
    ) -> Result<ConnId, String> {
        self.connections += 1;
        let conn = ConnId::new(self.connections);
        let address: IpAddr = address.parse().expect("an address");
        self.links.insert(conn, Link::default());
        let admitted = self.call(|hub, now, out| hub.accepted(now, conn, address, protocol, out));
        if let Err(frame) = admitted {
            self.links.remove(&conn);
            return Err(text(&frame));
        }
        // Every plain connection begins with the same line.
        let hello = format!("{conn} hear {HELLO}");
        if let Some(place) = self.done.iter().position(|done| *done == hello) {
            self.done.remove(place);
            assert_eq!(self.hears(conn), [HELLO]);
        }
        Ok(conn)
    }

    /// A new connection that has logged in with this line, as somebody new.
    pub(crate) fn login(&mut self, line: &str) -> ConnId {
        let conn = self.connect();
        self.types(conn, line);
        let name = line.split(' ').next().expect("a name");
        assert_eq!(self.hears(conn), [format!("* welcome {name}")]);
        conn
    }

    /// Somebody who speaks IRC is registered, and has heard all of that.
    pub(crate) fn registers(&mut self, nick: &str) -> ConnId {
        let conn = self.connect_irc();
        self.types(conn, &format!("NICK {nick}"));
        self.types(conn, "USER u 0 * :r");
        let heard = self.hears(conn);
        assert!(heard[0].contains(" 001 "), "{heard:?}");
        conn
    }

    /// Somebody who speaks IRC registers with a secret, for the first time or again.
    pub(crate) fn returns(&mut self, nick: &str) -> ConnId {
        let conn = self.connect_irc();
        self.types(conn, "PASS correct-horse");
        self.types(conn, &format!("NICK {nick}"));
        self.types(conn, "USER u 0 * :r");
        conn
    }

    /// A line comes, and is taken.
    pub(crate) fn types(&mut self, conn: ConnId, line: &str) {
        let line = format!("{line}\n");
        assert_eq!(self.sends(conn, line.as_bytes()), line.len(), "{line:?}");
    }

    /// Bytes come. Returns how many of them were taken.
    pub(crate) fn sends(&mut self, conn: ConnId, bytes: &[u8]) -> usize {
        self.brings_once(conn, bytes).taken
    }

    /// Bytes come, and what is not taken is brought again until all is.
    pub(crate) fn brings(&mut self, conn: ConnId, bytes: &[u8]) {
        let mut rest = bytes;
        loop {
            let received = self.brings_once(conn, rest);
            rest = &rest[received.taken..];
            if received.waits {
                self.passes(Duration::from_millis(1));
            } else if rest.is_empty() && !received.goes_on {
                return;
            }
        }
    }

    /// Bytes come, and those that are not taken are to be brought again.
    pub(crate) fn brings_once(&mut self, conn: ConnId, bytes: &[u8]) -> Received {
        let received = self.call(|hub, now, out| hub.received(now, conn, bytes, out));
        if let Some(link) = self.links.get_mut(&conn) {
            link.goes_on = received.goes_on;
        }
        received
    }

    /// Bytes come, and what is not taken is brought again until the connection has to wait. Returns
    /// how many bytes were taken.
    pub(crate) fn sends_until_paused(&mut self, conn: ConnId, bytes: &[u8]) -> usize {
        let mut taken = 0;
        while taken < bytes.len() {
            let received = self.brings_once(conn, &bytes[taken..]);
            taken += received.taken;
            if received.waits {
                break;
            }
        }
        taken
    }

    /// The reader ends, as the client closed its end.
    pub(crate) fn closes(&mut self, conn: ConnId) {
        self.call(|hub, now, out| hub.reader_finished(now, conn, out));
    }

    /// The writer ends, and what was not heard is given back.
    pub(crate) fn writer_ends(&mut self, conn: ConnId) {
        let link = self.links.remove(&conn).expect("a writer ends once");
        let queued = link.unread.into_iter().flatten().chain(link.outbox);
        let frames: Vec<_> = queued.map(|queued| queued.frame).collect();
        self.call(|hub, now, out| hub.writer_finished(now, conn, frames, out));
    }

    /// Both halves end, the reader first.
    pub(crate) fn breaks(&mut self, conn: ConnId) {
        self.closes(conn);
        self.writer_ends(conn);
    }

    pub(crate) fn overflows(&mut self, conn: ConnId) {
        self.call(|hub, now, out| hub.overflowed(now, conn, out));
    }

    /// A connection's socket, which had been full, takes something.
    pub(crate) fn progresses(&mut self, conn: ConnId) {
        self.call(|hub, now, out| hub.progressed(now, conn, out));
    }

    pub(crate) fn shuts_down(&mut self) {
        self.call(|hub, now, out| hub.shut_down(now, out));
    }

    /// Time passes, and the hub is told.
    pub(crate) fn passes(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
        self.ticks();
    }

    /// Time passes, and the hub is told. Readers that may proceed then do so, with nothing new.
    pub(crate) fn goes_on_after(&mut self, duration: Duration) {
        self.passes(duration);
        let mut done = std::mem::take(&mut self.done);
        let proceed: Vec<_> = self
            .links
            .iter()
            .filter(|(conn, link)| link.goes_on && done.contains(&format!("{conn} proceeds")))
            .map(|(conn, _)| *conn)
            .collect();
        for conn in proceed {
            self.brings_once(conn, b"");
            done.append(&mut self.done);
        }
        self.done = done;
    }

    pub(crate) fn ticks(&mut self) {
        self.call(|hub, now, out| hub.tick(now, out));
    }

    /// Writes everything that waits for a connection, and returns its lines.
    pub(crate) fn hears(&mut self, conn: ConnId) -> Vec<String> {
        let link = self.links.get_mut(&conn).expect("its writer runs");
        let heard = std::mem::take(&mut link.outbox);
        let lines = heard.iter().flat_map(|queued| {
            let lines = text(&queued.frame);
            lines.lines().map(str::to_owned).collect::<Vec<_>>()
        });
        let lines = lines.collect();
        if let Some(unread) = &mut link.unread {
            unread.extend(heard);
        }
        lines
    }

    /// The last line of a connection that was told to stop.
    pub(crate) fn last_line(&mut self, conn: ConnId) -> Option<String> {
        self.link(conn).last.clone()
    }

    fn call<R>(&mut self, call: impl FnOnce(&mut Hub<Padded>, Time, &mut Outputs) -> R) -> R {
        let mut out = Outputs::new();
        let before = self.hub.work();
        let result = call(&mut self.hub, self.now, &mut out);
        self.worked = self.hub.work() - before + out.work();
        self.discarded += out.discarded();
        self.logged.extend(out.audits().iter().map(logged));
        self.done = out.iter().flat_map(|output| show(&output)).collect();
        for output in out.iter() {
            self.carry_out(&output);
        }
        if self.verifies_at_once
            && let Some(&conn) = self.checks.keys().next()
        {
            self.verifies(conn);
        }
        result
    }

    /// The password that a connection has given is verified: a hash here is the password itself.
    pub(crate) fn verifies(&mut self, conn: ConnId) {
        let is_right = self.checks.remove(&conn).expect("it gave one");
        self.call(|hub, now, out| hub.verified(now, conn, is_right, out));
    }

    fn carry_out(&mut self, output: &Output<'_>) {
        match *output {
            Output::Send { to, frame, .. } => {
                for part in frame.each() {
                    to.iter().for_each(|&conn| self.queue(conn, &part));
                }
            }
            Output::Ask { conn, frame } => {
                self.queue(conn, frame);
                let link = self.link(conn);
                link.marks += 1;
                link.outbox.last_mut().expect("it was just queued").mark = Some(link.marks);
            }
            Output::Retain { conn } => self.link(conn).unread = Some(Vec::new()),
            Output::Release { conn } => self.link(conn).unread = None,
            Output::Acknowledged { conn, marks } => {
                let unread = self.link(conn).unread.as_mut().expect("it is kept");
                let read = unread.iter().position(|queued| queued.mark == Some(marks));
                unread.drain(..=read.expect("it was asked for"));
            }
            Output::StopReader { conn } => {
                if let Some(link) = self.links.get_mut(&conn) {
                    assert!(
                        !link.reader_stopped,
                        "{conn}'s reader is told to stop twice"
                    );
                    link.reader_stopped = true;
                }
            }
            Output::StopWriter { conn, last, .. } => {
                let link = self.link(conn);
                assert!(
                    !link.writer_stopped,
                    "{conn}'s writer is told to stop twice"
                );
                link.writer_stopped = true;
                link.last = Some(text(last).trim_end().to_owned());
            }
            Output::Proceed { .. } | Output::Rehash => {}
            Output::Verify { conn, check, .. } => {
                let is_right = check.password() == check.hash();
                let before = self.checks.insert(conn, is_right);
                assert_eq!(before, None, "{conn} waits for one password");
            }
        }
    }

    fn queue(&mut self, conn: ConnId, frame: &Frame) {
        let link = self.link(conn);
        assert!(!link.writer_stopped, "{conn} was told to stop: {frame:?}");
        link.outbox.push(Queued {
            frame: frame.clone(),
            mark: None,
        });
    }

    fn link(&mut self, conn: ConnId) -> &mut Link {
        let link = self.links.get_mut(&conn);
        link.unwrap_or_else(|| panic!("{conn}'s writer has ended"))
    }
}

/// `c1 c2 hear …`, with `bulk: ` ahead of mail that waited or comes back; `stop c1's reader`;
/// `stop c1's writer, …` with its last line; `c1 proceeds`; `c1 keeps`, `c1 is asked …`,
/// `c1 has read up to 1` and `c1 keeps no more`.
fn show(output: &Output<'_>) -> Vec<String> {
    let shown = match *output {
        Output::Send {
            to, frame, bulk, ..
        } => {
            let to: Vec<_> = to.iter().map(ConnId::to_string).collect();
            let bulk = if bulk { "bulk: " } else { "" };
            let hear = format!("{} hear {bulk}", to.join(" "));
            let parts = frame.each().into_iter();
            return parts
                .map(|part| format!("{hear}{}", text(&part).trim_end()))
                .collect();
        }
        Output::StopReader { conn } => format!("stop {conn}'s reader"),
        Output::StopWriter { conn, flush, last } => {
            let how = if flush { "flush" } else { "hand over" };
            format!("stop {conn}'s writer, {how}, {}", text(last).trim_end())
        }
        Output::Proceed { conn } => format!("{conn} proceeds"),
        Output::Retain { conn } => format!("{conn} keeps"),
        Output::Ask { conn, frame } => format!("{conn} is asked {}", text(frame).trim_end()),
        Output::Acknowledged { conn, marks } => format!("{conn} has read up to {marks}"),
        Output::Release { conn } => format!("{conn} keeps no more"),
        Output::Rehash => "rehash".to_owned(),
        Output::Verify { conn, network, .. } => format!("verify what {conn} gave from {network}"),
    };
    vec![shown]
}

/// The lines; answers to telnet are escaped.
fn text(frame: &Frame) -> String {
    let bytes = frame.bytes();
    let text = str::from_utf8(&bytes).map(str::to_owned);
    text.unwrap_or_else(|_| bytes.escape_ascii().to_string())
}

fn logged(audit: &Audit) -> String {
    let Audit {
        act,
        conn,
        address,
        name,
        target,
        detail,
    } = audit;
    let name = name.map_or("nobody".to_owned(), |name| name.to_string());
    let [target, detail] = [target, detail].map(|text| text.as_deref().unwrap_or("-"));
    format!("{act:?} {conn} {address} {name} {target} {detail}")
}
