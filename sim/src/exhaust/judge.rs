//! Judges one transition by what was before, what happened, and how all stands after it.

use rejoin::broker::lifecycle::{Binding, Phase};
use rejoin::broker::{
    Broker, Effect, Event, Input, LeaveReason, Mail, Message, Receiver, Request, StopReason,
};
use rejoin::id::{ConnId, Name, PeerId, Room, Time};

use super::books::Books;
use super::ensure;
use super::universe::{Setup, name_index, room_index, secret_index};
use crate::invariants::Violation;
use crate::moment::{Act, actor};
use crate::words;

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
            match effect {
                &Effect::StopReader { conn } => self.stops(conn, None)?,
                &Effect::StopWriter { conn, reason } => self.stops(conn, Some(reason))?,
                Effect::Discard { .. } | Effect::Forget { .. } => {}
                Effect::Deliver { to, event } => {
                    for (index, &conn) in to.iter().enumerate() {
                        let once = !to[..index].contains(&conn);
                        ensure!(once, 2, "{conn} is told twice: {}", words::event(event));
                        self.hears(&self.effects[..place], conn, event)?;
                        self.concerns(conn, event, &mut back)?;
                    }
                }
            }
        }
        let left = back.map_or(0, |(_, left)| left);
        ensure!(
            left == 0,
            5,
            "less kept mail follows than was said, by {left}"
        );
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
            "“{}” comes too late, and yet causes: {}",
            words::input(self.input),
            words::list(
                self.effects
                    .iter()
                    .map(|effect| words::act(&Act::of(effect.clone())))
            )
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
            "{conn} is stopped{} by “{}”",
            reason.map_or_else(String::new, |reason| format!(" ({})", words::stop(reason))),
            words::input(self.input)
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
        // Whoever's time has run out is gone before anybody logs in.
        let mut before = self.before.clone();
        before.expire(self.now);
        let Some((name, bearer)) = before.owner(name_index(name), secret) else {
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
        ensure!(
            !deaf,
            2,
            "{conn}, which was stopped, is told: {}",
            words::event(event)
        );
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
                link.is_some_and(|link| link.peer == Some(bounce.message.header().sender))
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
            "{conn} is told what is none of its business: {}",
            words::event(event)
        );
        Ok(())
    }

    /// Whether it is what this input says to a receiver that the connection serves.
    fn is_meant_for(&self, conn: ConnId, message: &Message) -> bool {
        let says = actor(self.input).and_then(|conn| self.after.online(conn));
        let hears = self.after.online(conn);
        let both = says.zip(hears);
        both.is_some_and(|((_, says), (name, hears))| {
            let meant = match message.header().room {
                Some(room) => {
                    let index = room_index(&room);
                    let both = says.rooms[index] && hears.rooms[index];
                    both && self.is_sent_to(Receiver::Room(room))
                }
                None => self.is_sent_to(Receiver::Peer(self.setup.names[name])),
            };
            says.peer == message.header().sender && meant
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
            "{conn} is welcome as {name}, which {} bears",
            words::peer(Some(bearer.peer))
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
            "{conn} is back as {name}, and has not shown that it is the same peer"
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
            "{conn} is greeted as {name}, and asked for {}",
            words::list(asked.map(|(name, _)| self.setup.names[usize::from(name)]))
        );
        Ok(())
    }

    /// Who bore a name, when what was due had been done.
    fn bearer(&self, name: &Name) -> Option<super::books::Bearer> {
        let bearer = self.before.bearers[name_index(name)];
        bearer.filter(|bearer| bearer.until.is_none_or(|until| until > self.now))
    }
}
