//! Judges one transition by what was before, what happened, and how all stands after it.

use rejoin::broker::lifecycle::{Binding, Hold, Phase};
use rejoin::broker::{
    Broker, Effect, Event, Input, LeaveReason, Mail, Message, Receiver, Request, StopReason,
};
use rejoin::id::{ConnId, Name, PeerId, Room, Time};

use super::books::Books;
use super::universe::{Setup, name_index, room_index, secret_index};
use super::{ensure, violation};
use crate::invariants::Violation;
use crate::moment::actor;

/// What is looked at of a broker; a test can forge it.
pub(super) trait Show {
    fn connections(&self) -> impl Iterator<Item = (ConnId, Phase)>;
    fn bindings(&self) -> impl Iterator<Item = (Name, Binding)>;
    fn mailbox(&self, name: &Name) -> Option<impl Iterator<Item = &Mail>>;
    fn members(&self, room: &Room) -> impl Iterator<Item = Name>;
    fn deadline(&self) -> Option<Time>;
}

impl Show for Broker {
    fn connections(&self) -> impl Iterator<Item = (ConnId, Phase)> {
        self.lifecycle().connections()
    }

    fn bindings(&self) -> impl Iterator<Item = (Name, Binding)> {
        self.lifecycle().bindings().map(|(&name, &b)| (name, b))
    }

    fn mailbox(&self, name: &Name) -> Option<impl Iterator<Item = &Mail>> {
        self.mailbox(name).map(|mailbox| mailbox.iter())
    }

    fn members(&self, room: &Room) -> impl Iterator<Item = Name> {
        self.members(room)
    }

    fn deadline(&self) -> Option<Time> {
        self.deadline()
    }
}

/// What a broker was told, and what it did.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn<'a> {
    pub(super) setup: &'a Setup,
    pub(super) now: Time,
    pub(super) before: &'a Books,
    pub(super) after: &'a Books,
    pub(super) input: &'a Input,
    pub(super) effects: &'a [Effect<'a>],
}

impl Turn<'_> {
    /// Statements 1, 2, 5, 6 and 7, as far as effects go.
    pub(super) fn judge(&self) -> Result<(), Violation> {
        self.late()?;
        let mut back: Option<(ConnId, usize)> = None;
        for (place, effect) in self.effects.iter().enumerate() {
            match *effect {
                Effect::StopReader { conn } => self.stops(conn, None)?,
                Effect::StopWriter { conn, reason } => self.stops(conn, Some(reason))?,
                Effect::Discard { .. } | Effect::Forget { .. } => {}
                Effect::Deliver { to, event } => {
                    for (index, &conn) in to.iter().enumerate() {
                        let once = !to[..index].contains(&conn);
                        ensure!(once, 2, "{conn} is told twice: {event:?}");
                        self.hears(&self.effects[..place], conn, event)?;
                        self.concerns(conn, event, &mut back)?;
                    }
                }
            }
        }
        let all = back.is_none_or(|(_, left)| left == 0);
        ensure!(all, 5, "less kept mail follows than was said: {back:?}");
        self.forgets()
    }

    /// That a peer is forgotten just when it is gone.
    fn forgets(&self) -> Result<(), Violation> {
        for (index, name) in self.setup.names.iter().enumerate() {
            let before = self.before.bearers[index];
            let gone = usize::from(before.is_some_and(|b| !self.stays(b.peer)));
            let forgets =
                |effect: &&Effect<'_>| matches!(effect, Effect::Forget { name: n } if n == name);
            let forgotten = self.effects.iter().filter(forgets).count();
            ensure!(
                forgotten == gone,
                1,
                "{name} is forgotten {forgotten} times, and gone {gone} times"
            );
        }
        Ok(())
    }

    /// Whether a peer is still here, by whatever name.
    fn stays(&self, peer: PeerId) -> bool {
        let mut bearers = self.after.bearers.iter().flatten();
        bearers.any(|bearer| bearer.peer == peer)
    }

    /// That an input which comes too late causes nothing.
    fn late(&self) -> Result<(), Violation> {
        let too_late = match self.input {
            Input::Request { conn, .. }
            | Input::GiveUp { conn, .. }
            | Input::ReaderFinished { conn } => self.before.is_leaving_or_over(*conn),
            Input::WriterFinished { conn, .. } => self.before.is_over(*conn),
            Input::Accepted { .. } | Input::Dismiss { .. } | Input::Tick | Input::ShutDown => false,
        };
        let due = self.before.deadline().is_some_and(|time| time <= self.now);
        ensure!(
            !too_late || due || self.effects.is_empty(),
            2,
            "{:?} comes too late, and yet causes {:?}",
            self.input,
            self.effects
        );
        Ok(())
    }

    /// That a connection is stopped by itself, its own deadline, the end of the server, the
    /// dismissal of its peer, or a login with the right proof.
    fn stops(&self, conn: ConnId, reason: Option<StopReason>) -> Result<(), Violation> {
        let by_itself = actor(self.input) == Some(conn);
        let by_all = matches!(self.input, Input::ShutDown);
        let link = self.before.link(conn);
        let too_slow = reason.is_none_or(|reason| reason == StopReason::LoginTimeout)
            && link.is_some_and(|link| link.asked.is_none() && link.due <= self.now);
        let replaced =
            reason.is_none_or(|reason| reason == StopReason::Replaced) && self.may_replace(conn);
        let dismissed =
            reason.is_none_or(|reason| reason == StopReason::Dismissed) && self.is_dismissed(conn);
        ensure!(
            by_itself || by_all || too_slow || replaced || dismissed,
            2,
            "{conn} is stopped ({reason:?}) by {:?}",
            self.input
        );
        Ok(())
    }

    /// Whether the peer which `conn` holds the name of is dismissed.
    fn is_dismissed(&self, conn: ConnId) -> bool {
        let Input::Dismiss { name, .. } = self.input else {
            return false;
        };
        let bearer = self.bearer(name);
        bearer.is_some_and(|bearer| bearer.holder == Some(conn))
    }

    /// Whether a login shows that it is the peer which `conn` holds the name of, or waits for.
    fn may_replace(&self, conn: ConnId) -> bool {
        let Input::Request { request, .. } = self.input else {
            return false;
        };
        let Request::LogIn { name, proof } = request else {
            return false;
        };
        let secret = proof.map(secret_index);
        let Some((name, bearer)) = self.before.owner(name_index(name), secret) else {
            return false;
        };
        let link = self.before.link(conn);
        let waits = link.is_some_and(|link| {
            link.waits() && link.asked.is_some_and(|(n, _)| usize::from(n) == name)
        });
        bearer.holder == Some(conn) || waits
    }

    /// That a connection which is told something still has a writer.
    fn hears(&self, earlier: &[Effect<'_>], conn: ConnId, event: &Event) -> Result<(), Violation> {
        let was = self.before.link(conn).is_some_and(|link| link.stopped);
        let is = earlier
            .iter()
            .any(|effect| matches!(effect, Effect::StopWriter { conn: c, .. } if *c == conn));
        let deaf = self.after.is_over(conn) || was || is;
        ensure!(!deaf, 2, "{conn}, which was stopped, is told {event:?}");
        Ok(())
    }

    /// That an event is for the one who is told. `back` is who was told last that it is back, and
    /// how much of its mail is still to follow.
    fn concerns(
        &self,
        conn: ConnId,
        event: &Event,
        back: &mut Option<(ConnId, usize)>,
    ) -> Result<(), Violation> {
        let asks = actor(self.input) == Some(conn);
        let is_member = |books: &Books, room| {
            let online = books.online(conn);
            online.is_some_and(|(_, bearer)| bearer.rooms[room_index(room)])
        };
        let concerns = match event {
            Event::Welcome { name } => return self.welcome(conn, name),
            Event::Back { name, kept } => {
                *back = Some((conn, *kept));
                return self.back(conn, name, *kept);
            }
            Event::KeptMail(_) => {
                let left = back
                    .as_mut()
                    .filter(|(who, left)| *who == conn && *left > 0);
                let left = left.map(|(_, left)| *left -= 1);
                ensure!(
                    left.is_some(),
                    5,
                    "{conn} gets more kept mail than was said"
                );
                true
            }
            Event::Mail(Mail::Message(message)) => self.is_meant_for(conn, message),
            Event::Mail(Mail::Bounce(bounce)) => {
                let link = self.after.link(conn);
                link.is_some_and(|link| link.peer == Some(bounce.message.sender))
            }
            Event::Kept { .. } | Event::Rooms { .. } | Event::Who { .. } | Event::Refused(_) => {
                asks
            }
            Event::Joined { room, .. } => is_member(self.after, room),
            Event::Left { room, name, why } => {
                self.farewell(name, why)?;
                asks || is_member(self.before, room) || is_member(self.after, room)
            }
            Event::Renamed { to, .. } => {
                let renamed = self.after.bearers[name_index(to)];
                let hears = self.after.online(conn);
                hears.zip(renamed).is_some_and(|((_, hears), renamed)| {
                    let mut rooms = hears.rooms.iter().zip(renamed.rooms);
                    hears.peer == renamed.peer || rooms.any(|(&a, b)| a && b)
                })
            }
        };
        ensure!(
            concerns,
            2,
            "{conn} is told what is none of its business: {event:?}"
        );
        Ok(())
    }

    /// Whether it is what this input says to a receiver that the connection serves.
    fn is_meant_for(&self, conn: ConnId, message: &Message) -> bool {
        let says = actor(self.input).and_then(|conn| self.after.online(conn));
        let hears = self.after.online(conn);
        let both = says.zip(hears);
        both.is_some_and(|((_, says), (name, hears))| {
            let meant = match message.room {
                Some(room) => {
                    let index = room_index(&room);
                    let both = says.rooms[index] && hears.rooms[index];
                    both && self.is_sent_to(Receiver::Room(room))
                }
                None => self.is_sent_to(Receiver::Peer(self.setup.names[name])),
            };
            says.peer == message.sender && meant
        })
    }

    fn is_sent_to(&self, receiver: Receiver) -> bool {
        let Input::Request { request, .. } = self.input else {
            return false;
        };
        matches!(request, Request::Send { to, .. } if to.contains(&receiver))
    }

    /// That the rooms hear that somebody is gone only of those who are.
    fn farewell(&self, name: &Name, why: &LeaveReason) -> Result<(), Violation> {
        let gone = match why {
            LeaveReason::Gone | LeaveReason::Expired => true,
            LeaveReason::Left(_) | LeaveReason::Quit(_) | LeaveReason::Kicked { .. } => false,
        };
        let before = self.before.bearers[name_index(name)];
        ensure!(
            !gone || before.is_some_and(|b| !self.stays(b.peer)),
            1,
            "it is said that {name} is gone, who is not"
        );
        Ok(())
    }

    /// That a name was free for a new peer, which asked for it.
    fn welcome(&self, conn: ConnId, name: &Name) -> Result<(), Violation> {
        self.asked(conn, name)?;
        let Some(bearer) = self.bearer(name) else {
            return Ok(());
        };
        let ends = match self.input {
            Input::WriterFinished { conn, .. } => bearer.holder == Some(*conn),
            Input::Accepted { .. }
            | Input::Request { .. }
            | Input::GiveUp { .. }
            | Input::Dismiss { .. }
            | Input::ReaderFinished { .. }
            | Input::Tick
            | Input::ShutDown => false,
        };
        ensure!(
            ends && bearer.secret.is_none(),
            6,
            "{conn} is welcome as {name}, which {:?} bears",
            bearer.peer
        );
        Ok(())
    }

    /// That whoever is back has shown that it is, and gets no more than a mailbox holds.
    fn back(&self, conn: ConnId, name: &Name, kept: usize) -> Result<(), Violation> {
        self.asked(conn, name)?;
        let link = self.after.link(conn);
        let secret = link
            .and_then(|link| link.asked)
            .and_then(|(_, secret)| secret);
        let needed = self.bearer(name).and_then(|bearer| bearer.secret);
        ensure!(
            secret.is_some() && secret == needed,
            6,
            "{conn} is back as {name} with {secret:?}, and {needed:?} is needed"
        );
        let most = self.setup.config.mailbox_messages.get();
        ensure!(kept <= most, 7, "{kept} messages were kept for {name}");
        Ok(())
    }

    fn asked(&self, conn: ConnId, name: &Name) -> Result<(), Violation> {
        let asked = self.after.link(conn).and_then(|link| link.asked);
        let index = name_index(name);
        let right = asked.is_some_and(|(asked, _)| usize::from(asked) == index);
        ensure!(
            right,
            2,
            "{conn} is greeted as {name}, and asked for {asked:?}"
        );
        Ok(())
    }

    /// Who bore a name, when what was due had been done.
    fn bearer(&self, name: &Name) -> Option<super::books::Bearer> {
        let bearer = self.before.bearers[name_index(name)];
        bearer.filter(|bearer| bearer.until.is_none_or(|until| until > self.now))
    }
}

/// Compares how a broker stands with the books: statements 1, 3, 6, 7 and 8.
pub(super) fn compare(
    setup: &Setup,
    now: Time,
    books: &Books,
    shown: &impl Show,
) -> Result<(), Violation> {
    let mut bound = 0;
    for (name, binding) in shown.bindings() {
        bound += 1;
        compare_binding(books, &name, &binding)?;
    }
    let bearers = books.bearers.iter().flatten().count();
    ensure!(
        bound == bearers,
        1,
        "{bound} peers are here, and should be {bearers}: one was removed too early"
    );
    ensure!(
        bound <= setup.config.peers.get(),
        7,
        "{bound} peers are here"
    );
    compare_connections(now, books, shown)?;
    for (index, name) in setup.names.iter().enumerate() {
        let (mut messages, mut bytes, mut is_there) = (0, 0, false);
        if let Some(mailbox) = shown.mailbox(name) {
            is_there = true;
            for mail in mailbox {
                messages += 1;
                bytes += mail.cost();
            }
        }
        ensure!(
            is_there == books.bearers[index].is_some(),
            8,
            "{name} has a mailbox and is gone, or is here and has none"
        );
        ensure!(
            messages <= setup.config.mailbox_messages.get()
                && bytes <= setup.config.mailbox_bytes.get(),
            7,
            "{messages} messages of {bytes} bytes wait for {name}"
        );
    }
    for (index, room) in setup.rooms.iter().enumerate() {
        let members = shown.members(room).map(|name| name_index(&name));
        let is_in = |name: &usize| books.bearers[*name].is_some_and(|b| b.rooms[index]);
        let ensured = members.eq((0..setup.names.len()).filter(is_in));
        ensure!(ensured, 8, "in {room} are others than have joined");
    }
    let (is, should) = (shown.deadline(), books.deadline());
    ensure!(
        is == should,
        8,
        "the deadline is {is:?}, and not {should:?}"
    );
    Ok(())
}

fn compare_binding(books: &Books, name: &Name, binding: &Binding) -> Result<(), Violation> {
    let index = name_index(name);
    let bearer = books.bearers[index];
    let bearer = bearer.ok_or_else(|| violation(1, format!("{name} was not removed")))?;
    let (holder, waiter, until) = match binding.hold {
        Hold::Held { holder, waiter } => (Some(holder), waiter, None),
        Hold::Away { until } => (None, None, Some(until)),
    };
    ensure!(
        binding.peer == bearer.peer && holder == bearer.holder && until == bearer.until,
        1,
        "{name} is {binding:?}, and should be {bearer:?}"
    );
    let secret = binding.proof.map(secret_index);
    ensure!(
        secret == bearer.secret,
        6,
        "{name} needs {secret:?}, and not {:?}",
        bearer.secret
    );
    for link in &books.links {
        let asked = link.asked.filter(|(n, _)| usize::from(*n) == index);
        let next = waiter == Some(link.conn);
        let waits = link.waits() && asked.is_some();
        ensure!(
            next || !waits,
            7,
            "{} waits for {name}, and nobody will give it",
            link.conn
        );
        let may = bearer.secret.is_none() || asked.is_some_and(|(_, s)| s == bearer.secret);
        ensure!(
            !next || (waits && may),
            6,
            "{name} is kept for {}",
            link.conn
        );
    }
    let is_there = waiter.is_none_or(|waiter| books.link(waiter).is_some());
    ensure!(is_there, 6, "{name} is kept for {waiter:?}, which is gone");
    Ok(())
}

fn compare_connections(now: Time, books: &Books, shown: &impl Show) -> Result<(), Violation> {
    let mut links = books.links.iter().filter(|link| !link.writer.finished);
    for (conn, phase) in shown.connections() {
        let link = links.next().filter(|link| link.conn == conn);
        let link =
            link.ok_or_else(|| violation(8, format!("{conn} is left, or one is not there")))?;
        let name = |name: Option<Name>| name.map(|name| name_index(&name));
        let held = books
            .bearers
            .iter()
            .position(|bearer| bearer.is_some_and(|b| b.holder == Some(conn)));
        let (agrees, leaves) = match phase {
            Phase::Greeting { until } => {
                let bounded = until == link.due && until > now;
                ensure!(bounded, 7, "{conn} may log in until {until:?}");
                (link.asked.is_none(), false)
            }
            Phase::Waiting { name: n, .. } => (link.waits() && name(Some(n)).is_some(), false),
            Phase::Online { name: n, .. } => (held == name(Some(n)), false),
            Phase::Leaving { name: n } => (held == name(n), true),
        };
        ensure!(agrees, 6, "{conn} is {phase:?}, and holds name {held:?}");
        ensure!(
            leaves == link.stopped && leaves == link.writer.told,
            3,
            "{conn} is {phase:?}, and its writer is told: {}",
            link.writer.told
        );
        ensure!(
            leaves || !books.shutting_down,
            8,
            "the server stops, and {conn} is not told"
        );
    }
    let missing = links.next().map(|link| link.conn);
    ensure!(missing.is_none(), 8, "{missing:?} was forgotten too early");
    Ok(())
}
