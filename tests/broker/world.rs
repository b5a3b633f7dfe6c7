//! A driver without sockets: it carries out what the broker wants done, and keeps for each
//! connection what was not written yet.
//!
//! Events are shown as the plain protocol writes them, `kept: ` ahead of mail that waited.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rejoin::Config;
use rejoin::broker::{Broker, Effect, Effects, Event, Input, Mail, Receiver, Request, Said};
use rejoin::id::{ConnId, Name, Proof, Room, Source, Text, Texts, Time};
use rejoin::wire::plain;

/// A connection is accepted, from where all come from.
pub(crate) fn accepted(conn: ConnId) -> Input {
    accepted_from(conn, 1)
}

/// A connection is accepted, from the host with this number.
pub(crate) fn accepted_from(conn: ConnId, host: u8) -> Input {
    let source = Source::of([192, 0, 2, host].into());
    Input::Accepted { conn, source }
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) broker: Broker,
    pub(crate) now: Time,
    /// Every input so far, with its time.
    pub(crate) inputs: Vec<(Time, Input)>,
    /// The effects of the last input, as text, but for those in `forgotten`.
    pub(crate) effects: Vec<String>,
    /// How much work the last input was.
    pub(crate) worked: u64,
    /// Mail that nobody will get, as text.
    pub(crate) discarded: Vec<String>,
    /// Who is gone for good, oldest first.
    pub(crate) forgotten: Vec<Name>,
    outboxes: BTreeMap<ConnId, Vec<Event>>,
    stopped: BTreeSet<String>,
    connections: u64,
}

/// Small limits, so that a test can reach them.
pub(crate) fn config() -> Config {
    let size = |n: usize| n.try_into().expect("not zero");
    Config {
        peers: size(6),
        mailbox_bytes: size(2_000),
        mailbox_messages: size(4),
        receivers: size(4),
        rooms_per_peer: size(2),
        listed: size(3),
        resume_window: Duration::from_secs(300),
        login_timeout: Duration::from_secs(30),
        ..Config::default()
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(&config())
    }

    pub(crate) fn with(config: &Config) -> Self {
        Self {
            broker: Broker::new(config),
            worked: 0,
            now: Time::ZERO,
            inputs: Vec::new(),
            effects: Vec::new(),
            discarded: Vec::new(),
            forgotten: Vec::new(),
            outboxes: BTreeMap::new(),
            stopped: BTreeSet::new(),
            connections: 0,
        }
    }

    /// A new connection. Its id is 1 for the first, 2 for the second, and so on.
    pub(crate) fn accept(&mut self) -> ConnId {
        self.accept_from(1)
    }

    /// A new connection from the host with this number.
    pub(crate) fn accept_from(&mut self, host: u8) -> ConnId {
        self.connections += 1;
        let conn = ConnId::new(self.connections);
        self.outboxes.insert(conn, Vec::new());
        self.input(accepted_from(conn, host));
        conn
    }

    /// A new guest is online.
    pub(crate) fn guest(&mut self, as_whom: &str) -> ConnId {
        let conn = self.accept();
        self.log_in(conn, as_whom, None);
        assert_eq!(self.hears(conn), [format!("* welcome {as_whom}")]);
        conn
    }

    /// A new resumable peer is online; its proof is made of its name.
    pub(crate) fn peer(&mut self, as_whom: &str) -> ConnId {
        let conn = self.comes_back(as_whom);
        assert_eq!(self.hears(conn), [format!("* welcome {as_whom}")]);
        conn
    }

    /// A resumable peer logs in on another connection, with its proof.
    pub(crate) fn comes_back(&mut self, as_whom: &str) -> ConnId {
        let conn = self.accept();
        self.log_in(conn, as_whom, Some(proof_of(as_whom)));
        conn
    }

    /// A resumable peer that is away already.
    pub(crate) fn away(&mut self, as_whom: &str) {
        let conn = self.peer(as_whom);
        self.breaks(conn);
    }

    pub(crate) fn log_in(&mut self, conn: ConnId, as_whom: &str, proof: Option<Proof>) {
        let name = name(as_whom);
        self.asks(conn, Request::LogIn { name, proof });
    }

    pub(crate) fn asks(&mut self, conn: ConnId, request: Request) {
        self.input(Input::Request { conn, request });
    }

    /// Says something to names and rooms, separated by spaces.
    pub(crate) fn says(&mut self, conn: ConnId, to: &str, text: &str) {
        self.says_at_once(conn, to, &[text]);
    }

    /// The same of several texts.
    pub(crate) fn says_at_once(&mut self, conn: ConnId, to: &str, texts: &[&str]) {
        let to = to.split(' ').map(|receiver| match Room::parse(receiver) {
            Some(room) => Receiver::Room(room),
            None => Receiver::Peer(name(receiver)),
        });
        let to = to.collect();
        let texts = texts.iter().map(|text| Text::parse(text).expect("a text"));
        let said = Said {
            number: 7,
            ..Said::from(texts.collect::<Texts>())
        };
        self.asks(conn, Request::Send { to, said });
    }

    pub(crate) fn joins(&mut self, conn: ConnId, room: &str) {
        let room = self::room(room);
        self.asks(conn, Request::Join { room });
    }

    pub(crate) fn leaves(&mut self, conn: ConnId, room: &str) {
        let room = self::room(room);
        self.asks(conn, Request::Leave { room, why: None });
    }

    pub(crate) fn quits(&mut self, conn: ConnId, why: &str) {
        let why = Text::parse(why);
        self.asks(conn, Request::Quit { why });
    }

    pub(crate) fn dismisses(&mut self, whom: &str, why: &str) {
        let (name, why) = (name(whom), Text::parse(why));
        self.input(Input::Dismiss { name, why });
    }

    /// The reader ends, as the client closed its end.
    pub(crate) fn closes(&mut self, conn: ConnId) {
        self.input(Input::ReaderFinished { conn });
    }

    /// The writer ends, and what was not heard is given back.
    pub(crate) fn writer_ends(&mut self, conn: ConnId) {
        let undelivered = self.unwritten(conn);
        self.outboxes.remove(&conn);
        self.input(Input::WriterFinished { conn, undelivered });
    }

    /// The mail among what was not heard yet.
    pub(crate) fn unwritten(&mut self, conn: ConnId) -> Vec<Mail> {
        let events = self.unheard(conn).into_iter();
        let mail = events.filter_map(|event| match event {
            Event::Mail(mail) | Event::KeptMail(mail) => Some(mail),
            Event::Welcome { .. }
            | Event::Back { .. }
            | Event::Kept { .. }
            | Event::Joined { .. }
            | Event::Left { .. }
            | Event::Renamed { .. }
            | Event::Rooms { .. }
            | Event::Who { .. }
            | Event::Refused(_) => None,
        });
        mail.collect()
    }

    /// How many events were not heard yet.
    pub(crate) fn count_unheard(&self, conn: ConnId) -> usize {
        self.outboxes[&conn].len()
    }

    fn unheard(&mut self, conn: ConnId) -> Vec<Event> {
        let outbox = self.outboxes.get_mut(&conn).expect("its writer runs");
        std::mem::take(outbox)
    }

    /// Both halves end, the reader first.
    pub(crate) fn breaks(&mut self, conn: ConnId) {
        self.closes(conn);
        self.writer_ends(conn);
    }

    /// Time passes, and the broker is told.
    pub(crate) fn passes(&mut self, duration: Duration) {
        self.now = self.now.after(duration);
        self.ticks();
    }

    pub(crate) fn ticks(&mut self) {
        self.input(Input::Tick);
    }

    pub(crate) fn shuts_down(&mut self) {
        self.input(Input::ShutDown);
    }

    /// Writes everything that waits for a connection, and returns it.
    pub(crate) fn hears(&mut self, conn: ConnId) -> Vec<String> {
        let events = self.unheard(conn);
        events.iter().flat_map(lines).collect()
    }

    /// What waits for a peer without a live connection.
    pub(crate) fn waits_for(&self, as_whom: &str) -> Vec<String> {
        let mailbox = self.broker.mailbox(&name(as_whom)).expect("it is known");
        let waits: Vec<_> = mailbox.iter().map(words).collect();
        assert_eq!(mailbox.len(), waits.len());
        assert_eq!(mailbox.is_empty(), waits.is_empty());
        waits
    }

    pub(crate) fn input(&mut self, input: Input) {
        self.inputs.push((self.now, input.clone()));
        let mut effects = Effects::new();
        self.broker.handle(self.now, input, &mut effects);
        assert_eq!(effects.is_empty(), effects.iter().next().is_none());
        self.worked = effects.work();
        let forgets = |effect: &Effect<'_>| matches!(effect, Effect::Forget { .. });
        let shown = effects.iter().filter(|effect| !forgets(effect));
        self.effects = shown.map(|effect| show(&effect)).collect();
        for effect in effects.iter() {
            self.carry_out(&effect);
        }
    }

    fn carry_out(&mut self, effect: &Effect<'_>) {
        match effect {
            Effect::Deliver { to, event } => {
                for conn in *to {
                    let outbox = self.outboxes.get_mut(conn);
                    let outbox = outbox.unwrap_or_else(|| panic!("{conn} has ended: {effect:?}"));
                    outbox.push(Event::clone(event));
                    let stopped = self.stopped.contains(&format!("writer {conn}"));
                    assert!(!stopped, "{conn} was told to stop before: {effect:?}");
                }
            }
            Effect::StopReader { .. } => {
                assert!(self.stopped.insert(show(effect)), "twice: {effect:?}");
            }
            Effect::StopWriter { conn, .. } => {
                assert!(self.outboxes.contains_key(conn), "it has ended: {effect:?}");
                assert!(
                    self.stopped.insert(format!("writer {conn}")),
                    "twice: {effect:?}"
                );
            }
            Effect::Discard { .. } => self.discarded.push(show(effect)),
            Effect::Forget { name } => self.forgotten.push(*name),
        }
    }
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

pub(crate) fn room(text: &str) -> Room {
    Room::parse(text).expect("a room")
}

/// The proof of the peer of this name, in any case.
pub(crate) fn proof_of(as_whom: &str) -> Proof {
    let mut digest = [0; 32];
    digest[..as_whom.len()].copy_from_slice(as_whom.to_lowercase().as_bytes());
    Proof::new(digest)
}

/// `c1 c2 hear …`, `stop c1's reader`, `stop c1's writer (Quit)`, or `bob never gets …`.
fn show(effect: &Effect<'_>) -> String {
    match effect {
        Effect::Deliver { to, event } => {
            let to: Vec<_> = to.iter().map(ConnId::to_string).collect();
            format!("{} hear {}", to.join(" "), lines(event).join(" / "))
        }
        Effect::StopReader { conn } => format!("stop {conn}'s reader"),
        Effect::StopWriter { conn, reason } => format!("stop {conn}'s writer ({reason:?})"),
        Effect::Discard {
            receiver,
            mail,
            reason,
        } => {
            format!("{receiver} never gets {:?} ({reason:?})", words(mail))
        }
        Effect::Forget { name } => format!("forget {name}"),
    }
}

fn lines(event: &Event) -> Vec<String> {
    let mut bytes = Vec::new();
    plain::write_event(event, &mut bytes);
    let text = String::from_utf8(bytes).expect("UTF-8");
    let kept = match event {
        Event::KeptMail(_) => "kept: ",
        Event::Mail(_)
        | Event::Welcome { .. }
        | Event::Back { .. }
        | Event::Kept { .. }
        | Event::Joined { .. }
        | Event::Left { .. }
        | Event::Renamed { .. }
        | Event::Rooms { .. }
        | Event::Who { .. }
        | Event::Refused(_) => "",
    };
    text.lines().map(|line| format!("{kept}{line}")).collect()
}

fn words(mail: &Mail) -> String {
    lines(&Event::Mail(mail.clone())).concat()
}
