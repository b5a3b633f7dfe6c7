//! One state of the search, and how it becomes the next.

use std::hash::{Hash, Hasher};

use rejoin::Config;
use rejoin::broker::{Broker, Effect, Effects, Input, Mail, Receiver, Request};
use rejoin::id::{ConnId, Texts, Time};
use std::time::Duration;

use super::books::{Books, Link};
use super::canon::{Canon, Few, START, id};
use super::compare::compare;
use super::ensure;
use super::judge::Turn;
use super::universe::{RIGHT, Setup, WRONG};
use crate::invariants::Violation;
use crate::moment::{View, text};
use crate::step::{self, GiveUp, Step, To, Until};
use crate::words;

/// A broker, and all around it that matters.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) broker: Broker,
    pub(super) now: Time,
    pub(super) accepted: u64,
    sent: u32,
    pub(super) books: Books,
    /// The last connection of which both halves have finished.
    over: Option<ConnId>,
}

/// Which connection each index of a step means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    others: [Option<ConnId>; Self::MOST],
    logins: [Option<ConnId>; Self::MOST],
}

impl Order {
    /// One is the last that is over.
    const MOST: usize = super::universe::Universe::MOST_CONNECTIONS as usize + 1;

    fn pick(&self, index: u8, login: bool) -> Option<ConnId> {
        let order = if login { &self.logins } else { &self.others };
        order[usize::from(index)]
    }
}

impl State {
    /// Nobody is there any more: one connection has come and gone, so that this is the state to
    /// which a broker returns whenever all are gone.
    pub(super) fn new(config: &Config) -> Self {
        let mut broker = Broker::new(config);
        let conn = ConnId::new(1);
        let undelivered = Vec::new();
        for input in [
            Input::Accepted {
                conn,
                source: step::source(0),
            },
            Input::WriterFinished { conn, undelivered },
        ] {
            broker.handle(START, input, &mut Effects::new());
        }
        Self {
            broker,
            now: START,
            accepted: 1,
            sent: 0,
            books: Books::default(),
            over: None,
        }
    }

    /// Which connections steps speak of, as a [`World`](crate::World) would have it.
    pub(super) fn order(&self) -> Order {
        let sorted = |login: bool| {
            let mut conns = [None; Order::MOST];
            let mut length = 0;
            for key in [(false, false), (false, true), (true, false), (true, true)] {
                for link in self.books.links.iter().rev() {
                    let is_ending = link.writer.finished || link.writer.told;
                    if key == (is_ending, link.peer.is_some() == login) {
                        conns[length] = Some(link.conn);
                        length += 1;
                    }
                }
            }
            conns[length] = self.over;
            conns
        };
        Order {
            others: sorted(false),
            logins: sorted(true),
        }
    }

    /// Whether a step can happen, and is not the same as another.
    pub(super) fn allows(&self, setup: &Setup, order: &Order, step: &Step) -> bool {
        let link = |conn, login| {
            let conn = order.pick(conn, login)?;
            self.books.link(conn)
        };
        // Whoever says something has a reader.
        let reads = |conn, login| link(conn, login).filter(|link| !link.reader.finished);
        let is_online = |link: &Link| self.books.online(link.conn).is_some();
        match step {
            Step::Accept => self.books.links.len() < usize::from(setup.universe.connections),
            &Step::LogIn { conn, name, secret } => {
                let greets = |link: &Link| link.asked.is_none() && !link.stopped;
                let bearer = self.books.bearers[usize::from(name)];
                let needed = bearer.is_some_and(|bearer| bearer.secret.is_some());
                reads(conn, true).is_some_and(|link| match secret {
                    Some(RIGHT) => true,
                    Some(WRONG) => greets(link) && needed,
                    Some(_) => false,
                    None => greets(link),
                })
            }
            Step::Send { conn, to, .. } => {
                let simplest = to.as_slice() == [To::Peer(0)];
                let room = self.books.ledger.messages() < usize::from(setup.universe.messages);
                let link = reads(*conn, false);
                room && link.is_some_and(|link| simplest || is_online(link))
            }
            &Step::Join { conn, .. } | &Step::Leave { conn, .. } | &Step::Rename { conn, .. } => {
                reads(conn, false).is_some_and(is_online)
            }
            &Step::Quit { conn, .. } => reads(conn, false).is_some(),
            &Step::Dismiss { name } => self.books.bearers[usize::from(name)].is_some(),
            &Step::ReaderFinishes { conn } | &Step::WriterFinishes { conn, .. } => {
                order.pick(conn, false).is_some()
            }
            &Step::Write { conn, .. } => link(conn, false).is_some_and(|link| {
                !link.outbox.is_empty() && !link.writer.finished && link.flushes
            }),
            &Step::GiveUp { conn, reason } => match reason {
                GiveUp::TooSlow => order.pick(conn, false).is_some(),
                GiveUp::Silent => link(conn, false).is_some_and(|link| !link.stopped),
                GiveUp::FailedLogins | GiveUp::OtherProtocol => false,
            },
            &Step::Wait { until, tick } => {
                let is_due = self.broker.deadline().is_some_and(|time| time <= self.now);
                let repeats = is_due && tick && until == Until::Deadline;
                repeats || self.time(until).is_some_and(|time| time > self.now)
            }
            Step::ShutDown => !self.books.shutting_down,
            Step::Rooms { .. }
            | Step::Who { .. }
            | Step::AcceptIrc
            | Step::Answer { .. }
            | Step::Oper { .. }
            | Step::Kill { .. } => false,
        }
    }

    /// The state after a step that is allowed, and what is wrong with it.
    ///
    /// # Panics
    ///
    /// If the broker does.
    pub(super) fn next(
        &self,
        setup: &Setup,
        order: &Order,
        step: &Step,
        effects: &mut Effects,
    ) -> (Self, Result<(), Violation>) {
        effects.clear();
        let mut next = self.clone();
        let result = match next.begin(setup, order, step) {
            Happens::Input(input) => next.handle(setup, &self.books, input, effects),
            Happens::Write(conn) => next.write(conn),
            Happens::Nothing => Ok(()),
        };
        (next, result)
    }

    /// Whether two states are the same, whatever matters.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.broker == other.broker && self.fingerprint() == other.fingerprint()
    }

    /// A hash of all that matters, whatever it is called.
    pub(super) fn fingerprint(&self) -> u64 {
        let [mut connections, mut peers, mut messages] = [(); 3].map(|()| Few::default());
        let live = || self.books.links.iter().filter(|link| !link.writer.finished);
        for link in live() {
            connections.insert(id(link.conn));
        }
        for bearer in self.books.bearers.iter().flatten() {
            peers.insert(id(bearer.peer.joined_with()));
        }
        for delivery in &self.books.ledger.deliveries {
            peers.insert(id(delivery.from.joined_with()));
            peers.insert(id(delivery.to.joined_with()));
            messages.insert(delivery.number().into());
        }
        let mut canon = Canon::new(self.now, connections, peers, messages);
        self.broker.hash(&mut canon);
        for link in live() {
            let waits = !link.outbox.is_empty();
            let reader = link.reader.finished || link.reader.told;
            let bits = [
                link.reader.finished,
                reader,
                link.writer.told,
                waits && link.flushes,
                waits,
            ];
            let bits = bits.iter().fold(0, |bits, &bit| bits << 1 | u8::from(bit));
            canon.write_u8(bits);
            for mail in &link.outbox {
                mail.hash(&mut canon);
            }
            canon.write_u8(link.outbox.len() as u8);
        }
        // Of a connection without a writer matters only that it is there.
        let rest = self.books.links.len() - live().count();
        canon.write_u8(rest as u8);
        canon.finish()
    }

    fn time(&self, until: Until) -> Option<Time> {
        let deadline = self.broker.deadline()?;
        Some(match until {
            Until::Soon => return None,
            Until::BeforeDeadline => Time::from_micros(deadline.as_micros() - 1),
            Until::Deadline => deadline,
            Until::AfterDeadline => deadline.after(Duration::from_micros(1)),
        })
    }

    /// Does what the driver does, and says what the broker is to hear of it.
    pub(super) fn begin(&mut self, setup: &Setup, order: &Order, step: &Step) -> Happens {
        let pick = |conn, login| {
            order
                .pick(conn, login)
                .expect("an allowed step is possible")
        };
        match step {
            Step::Accept => {
                self.accepted += 1;
                let conn = ConnId::new(self.accepted);
                let source = step::source(0);
                Happens::Input(Input::Accepted { conn, source })
            }
            &(Step::LogIn { conn, .. }
            | Step::Send { conn, .. }
            | Step::Join { conn, .. }
            | Step::Leave { conn, .. }
            | Step::Rename { conn, .. }
            | Step::Quit { conn, .. }) => {
                let request = self.request(setup, step);
                let login = matches!(request, Request::LogIn { .. });
                let conn = pick(conn, login);
                Happens::Input(Input::Request { conn, request })
            }
            &Step::Dismiss { name } => {
                let name = step::name(name);
                Happens::Input(Input::Dismiss { name, why: None })
            }
            &Step::ReaderFinishes { conn } => {
                let conn = pick(conn, false);
                Happens::Input(Input::ReaderFinished { conn })
            }
            &Step::WriterFinishes { conn, .. } => {
                let conn = pick(conn, false);
                let link = self.books.link_mut(conn);
                let rest = link.map(|link| std::mem::take(&mut link.outbox));
                let undelivered: Vec<Mail> = rest.unwrap_or_default().into();
                Happens::Input(Input::WriterFinished { conn, undelivered })
            }
            &Step::Write { conn, .. } => Happens::Write(pick(conn, false)),
            &Step::GiveUp { conn, reason } => {
                let (conn, reason) = (pick(conn, false), reason.into());
                Happens::Input(Input::GiveUp { conn, reason })
            }
            &Step::Wait { until, tick } => {
                let time = self.time(until).unwrap_or(self.now);
                self.now = self.now.max(time);
                if tick {
                    Happens::Input(Input::Tick)
                } else {
                    Happens::Nothing
                }
            }
            Step::ShutDown => Happens::Input(Input::ShutDown),
            Step::Rooms { .. }
            | Step::Who { .. }
            | Step::AcceptIrc
            | Step::Answer { .. }
            | Step::Oper { .. }
            | Step::Kill { .. } => {
                unreachable!("no alphabet has it")
            }
        }
    }

    /// What a client asks for.
    fn request(&mut self, setup: &Setup, step: &Step) -> Request {
        match step {
            &Step::LogIn { name, secret, .. } => {
                let name = setup.names[usize::from(name)];
                let proof = secret.map(step::proof);
                Request::LogIn { name, proof }
            }
            Step::Send { to, .. } => {
                let text = text(self.sent, 0);
                self.sent += 1;
                let to = to.iter().map(|&to| receiver(setup, to)).collect();
                let said = Texts::from(&text).into();
                Request::Send { to, said }
            }
            &Step::Join { room, .. } => {
                let room = setup.rooms[usize::from(room)];
                Request::Join { room }
            }
            &Step::Leave { room, .. } => {
                let room = setup.rooms[usize::from(room)];
                Request::Leave { room, why: None }
            }
            &Step::Rename { name, .. } => {
                let name = setup.names[usize::from(name)];
                Request::Rename { name }
            }
            Step::Quit { .. } => Request::Quit { why: None },
            Step::Accept
            | Step::AcceptIrc
            | Step::Answer { .. }
            | Step::Dismiss { .. }
            | Step::GiveUp { .. }
            | Step::Kill { .. }
            | Step::Oper { .. }
            | Step::ReaderFinishes { .. }
            | Step::Rooms { .. }
            | Step::ShutDown
            | Step::Wait { .. }
            | Step::Who { .. }
            | Step::Write { .. }
            | Step::WriterFinishes { .. } => unreachable!("{step:?} is no request"),
        }
    }

    pub(super) fn write(&mut self, conn: ConnId) -> Result<(), Violation> {
        let Self { books, .. } = self;
        let link = books.links.iter_mut().find(|link| link.conn == conn);
        let link = link.expect("who writes is there");
        let mail = link.outbox.pop_front().expect("an allowed write has mail");
        books.ledger.written(link, &mail)
    }

    fn handle(
        &mut self,
        setup: &Setup,
        before: &Books,
        input: Input,
        effects: &mut Effects,
    ) -> Result<(), Violation> {
        self.broker.handle(self.now, input.clone(), effects);
        let effects: Vec<Effect<'_>> = effects.iter().collect();
        let Self {
            broker, books, now, ..
        } = self;
        judge(setup, *now, before, books, &input, &effects, broker)?;
        self.over = books.forget().or(self.over);
        let is_well = !books.is_empty() || books.shutting_down || self.is_as_new(setup);
        ensure!(
            is_well,
            8,
            "nobody is there, and something is left: {}",
            words::view(&View::of(&self.broker))
        );
        Ok(())
    }

    pub(super) fn is_as_new(&self, setup: &Setup) -> bool {
        self.fingerprint() == setup.as_new
    }
}

fn receiver(setup: &Setup, to: To) -> Receiver {
    match to {
        To::Peer(name) => Receiver::Peer(setup.names[usize::from(name)]),
        To::Room(room) => Receiver::Room(setup.rooms[usize::from(room)]),
    }
}

/// All statements but the ninth, on one turn of a broker. Brings `books` up to date.
pub(super) fn judge(
    setup: &Setup,
    now: Time,
    before: &Books,
    books: &mut Books,
    input: &Input,
    effects: &[Effect<'_>],
    shown: &impl super::Show,
) -> Result<(), Violation> {
    books.observe(setup, now, input, effects)?;
    let turn = Turn {
        setup,
        now,
        before,
        after: books,
        input,
        effects,
    };
    turn.judge()?;
    let mut ledger = std::mem::take(&mut books.ledger);
    ledger.observe(setup, before, books, input, effects, shown)?;
    compare(setup, now, books, shown)?;
    ledger.weigh(setup, books, shown)?;
    books.ledger = ledger;
    Ok(())
}

/// What comes of a step, beside the driver's own.
pub(super) enum Happens {
    Input(Input),
    /// A socket takes a piece of mail.
    Write(ConnId),
    Nothing,
}
