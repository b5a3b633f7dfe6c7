//! Who is who, and what each connection has been told: the part of a state that is not the broker.
//!
//! It is to a state what a [`Roster`](crate::roster::Roster) is to a history, and goes by the same
//! rules, but it forgets what can matter no more, and is cheap to copy.

use std::collections::VecDeque;

use rejoin::broker::{Effect, Event, Input, Mail, Request, StopReason};
use rejoin::id::{ConnId, PeerId, Time};

use super::ledger::Ledger;
use super::universe::{Setup, Universe, name_index, room_index, secret_index};
use super::{ensure, violation};
use crate::invariants::Violation;
use crate::moment::{actor, mail_of};

#[derive(Clone, Default, Debug)]
pub(super) struct Books {
    /// The connections of which a half has not finished, oldest first.
    pub(super) links: Vec<Link>,
    /// Who bears each name, by its index.
    pub(super) bearers: [Option<Bearer>; Universe::MOST_NAMES as usize],
    /// The mail that is on its way.
    pub(super) ledger: Ledger,
    pub(super) shutting_down: bool,
}

/// A connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) conn: ConnId,
    /// When it must have logged in.
    pub(super) due: Time,
    /// The indices of the name and the secret that it logged in with, once that was not refused.
    pub(super) asked: Option<(u8, Option<u8>)>,
    /// Whom it serves, or served.
    pub(super) peer: Option<PeerId>,
    /// Whether it takes no more requests.
    pub(super) stopped: bool,
    /// Whether its writer may write what waits, although it was told to stop.
    pub(super) flushes: bool,
    pub(super) reader: Half,
    pub(super) writer: Half,
    /// The mail that waits for its socket, oldest first. What else waits, nobody will ever miss.
    pub(super) outbox: VecDeque<Mail>,
}

/// A half of a connection.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Half {
    pub(super) told: bool,
    pub(super) finished: bool,
}

/// Who bears a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bearer {
    pub(super) peer: PeerId,
    /// The index of the name that it first logged in with.
    pub(super) first: usize,
    /// The index of what it needs to come back, if it can.
    pub(super) secret: Option<u8>,
    /// Its connection, until the writer has finished.
    pub(super) holder: Option<ConnId>,
    /// Until when it may come back, if it has no connection.
    pub(super) until: Option<Time>,
    /// Whether it is in each room.
    pub(super) rooms: [bool; Universe::MOST_ROOMS as usize],
}

impl Link {
    pub(super) fn waits(&self) -> bool {
        self.asked.is_some() && self.peer.is_none() && !self.stopped && !self.writer.finished
    }
}

impl Books {
    pub(super) fn link(&self, conn: ConnId) -> Option<&Link> {
        self.links.iter().find(|link| link.conn == conn)
    }

    pub(super) fn link_mut(&mut self, conn: ConnId) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.conn == conn)
    }

    /// The index of the name that a connection is online with, and who bears it.
    pub(super) fn online(&self, conn: ConnId) -> Option<(usize, Bearer)> {
        let link = self.link(conn).filter(|link| !link.stopped)?;
        let name = usize::from(link.asked?.0);
        let bearer = self.bearers[name]?;
        (bearer.holder == Some(conn)).then_some((name, bearer))
    }

    /// Who comes back with a secret, and under which name: the bearer of the name, or else the one
    /// who first logged in with it.
    pub(super) fn owner(&self, name: usize, secret: Option<u8>) -> Option<(usize, Bearer)> {
        let bearer = |name: usize| Some((name, self.bearers[name]?));
        let own = |(_, bearer): &(_, Bearer)| secret.is_some() && bearer.secret == secret;
        let mut others = (0..self.bearers.len()).filter_map(bearer);
        let first = |named: &(_, Bearer)| named.1.first == name && own(named);
        bearer(name).filter(own).or_else(|| others.find(first))
    }

    pub(super) fn is_online(&self, peer: PeerId) -> bool {
        let bearers = self.bearers.iter().flatten();
        let holders = bearers.filter(|b| b.peer == peer).filter_map(|b| b.holder);
        holders.into_iter().any(|conn| self.online(conn).is_some())
    }

    pub(super) fn is_leaving_or_over(&self, conn: ConnId) -> bool {
        let link = self.link(conn);
        link.is_none_or(|link| link.stopped || link.writer.finished)
    }

    pub(super) fn is_over(&self, conn: ConnId) -> bool {
        self.link(conn).is_none_or(|link| link.writer.finished)
    }

    /// When somebody's time runs out next.
    pub(super) fn deadline(&self) -> Option<Time> {
        let returns = self.bearers.iter().flatten().filter_map(|b| b.until);
        let greeting = self.links.iter().filter(|link| {
            let done = link.stopped || link.writer.finished;
            link.asked.is_none() && !done
        });
        returns.chain(greeting.map(|link| link.due)).min()
    }

    /// Nobody is there any more.
    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty() && self.bearers.iter().all(Option::is_none)
    }

    /// Takes in what the broker was told and what it did. The one rule that is judged on the way
    /// is statement 3, about halves.
    pub(super) fn observe(
        &mut self,
        setup: &Setup,
        now: Time,
        input: &Input,
        effects: &[Effect<'_>],
    ) -> Result<(), Violation> {
        // What is due comes first: then the broker has not heard of the end of a reader yet.
        let due = self.deadline().is_some_and(|time| time <= now);
        let excused = match input {
            Input::ReaderFinished { conn } if due => Some(*conn),
            Input::ReaderFinished { .. }
            | Input::Accepted { .. }
            | Input::Request { .. }
            | Input::GiveUp { .. }
            | Input::Dismiss { .. }
            | Input::WriterFinished { .. }
            | Input::Tick
            | Input::ShutDown => None,
        };
        self.expire(now);
        self.take_in(setup, now, input, effects);
        for effect in effects {
            self.follow(effect, excused)?;
        }
        let stays = !self.shutting_down;
        for bearer in &mut self.bearers {
            let is_there = |b: &Bearer| b.holder.is_some() || (b.secret.is_some() && stays);
            *bearer = bearer.filter(is_there);
        }
        self.halves()
    }

    /// Forgets the connections of which both halves have finished; returns the newest.
    pub(super) fn forget(&mut self) -> Option<ConnId> {
        let is_over = |link: &Link| link.reader.finished && link.writer.finished;
        let over = self.links.iter().rev().find(|link| is_over(link));
        let over = over.map(|link| link.conn);
        if over.is_some() {
            self.links.retain(|link| !is_over(link));
        }
        over
    }

    /// Lets those go whose time has run out.
    pub(super) fn expire(&mut self, now: Time) {
        for bearer in &mut self.bearers {
            *bearer = bearer.filter(|b| b.until.is_none_or(|until| until > now));
        }
        for link in &mut self.links {
            link.stopped |= link.asked.is_none() && link.due <= now;
        }
    }

    fn take_in(&mut self, setup: &Setup, now: Time, input: &Input, effects: &[Effect<'_>]) {
        match input {
            &Input::Accepted { conn, .. } => self.links.push(Link {
                conn,
                due: now.after(setup.config.login_timeout),
                asked: None,
                peer: None,
                stopped: false,
                flushes: true,
                reader: Half::default(),
                writer: Half::default(),
                outbox: VecDeque::new(),
            }),
            Input::Request { conn, request } => {
                if !self.is_leaving_or_over(*conn) && !is_refused(input, effects) {
                    self.fulfil(*conn, request);
                }
            }
            &Input::ReaderFinished { conn } => {
                if let Some(link) = self.link_mut(conn) {
                    link.reader.finished = true;
                }
            }
            &Input::WriterFinished { conn, .. } => {
                if let Some(link) = self.link_mut(conn) {
                    link.writer.finished = true;
                }
                for bearer in self.bearers.iter_mut().flatten() {
                    if bearer.holder == Some(conn) {
                        bearer.holder = None;
                        bearer.until = Some(now.after(setup.config.resume_window));
                    }
                }
            }
            Input::ShutDown => self.shutting_down = true,
            Input::Dismiss { name, .. } => {
                if let Some(bearer) = &mut self.bearers[name_index(name)] {
                    bearer.secret = None;
                    bearer.rooms = Default::default();
                }
            }
            Input::GiveUp { .. } | Input::Tick => {}
        }
    }

    fn fulfil(&mut self, conn: ConnId, request: &Request) {
        let online = self.online(conn).map(|(name, _)| name);
        let bearer = online.and_then(|name| self.bearers[name].as_mut());
        match request {
            Request::LogIn { name, proof } => {
                let (name, secret) = (name_index(name), proof.map(secret_index));
                let name = self.owner(name, secret).map_or(name, |(name, _)| name);
                if let Some(link) = self.link_mut(conn) {
                    let asked = (name as u8, secret);
                    link.asked.get_or_insert(asked);
                }
            }
            Request::Join { room } => {
                if let Some(bearer) = bearer {
                    bearer.rooms[room_index(room)] = true;
                }
            }
            Request::Leave { room, .. } => {
                if let Some(bearer) = bearer {
                    bearer.rooms[room_index(room)] = false;
                }
            }
            Request::Quit { .. } => {
                if let Some(bearer) = bearer {
                    bearer.secret = None;
                    bearer.rooms = Default::default();
                }
            }
            Request::Send { .. } | Request::Rooms | Request::Who { .. } => {}
            Request::Rename { name } => {
                if let Some(from) = online {
                    self.rename(conn, from, name_index(name));
                }
            }
            Request::Kick { .. } => unreachable!("no step asks for it"),
        }
    }

    fn rename(&mut self, conn: ConnId, from: usize, to: usize) {
        let bearer = self.bearers[from].take();
        self.bearers[to] = bearer;
        if let Some(bearer) = bearer {
            self.ledger.rename(bearer.peer, to);
        }
        if let Some(link) = self.link_mut(conn) {
            link.asked = link.asked.map(|(_, secret)| (to as u8, secret));
        }
    }

    fn follow(&mut self, effect: &Effect<'_>, excused: Option<ConnId>) -> Result<(), Violation> {
        match effect {
            Effect::Deliver { to, event } => {
                for &conn in *to {
                    self.hear(conn, event);
                }
            }
            &Effect::StopReader { conn } => {
                let half = self.link_mut(conn).map(|link| &mut link.reader);
                tell(half, excused == Some(conn), "reader", conn)?;
            }
            &Effect::StopWriter { conn, reason } => {
                let link = self.link_mut(conn);
                tell(link.map(|link| &mut link.writer), false, "writer", conn)?;
                if let Some(link) = self.link_mut(conn) {
                    link.stopped = true;
                    link.flushes = StopReason::flushes(reason);
                }
            }
            Effect::Discard { .. } | Effect::Forget { .. } => {}
        }
        Ok(())
    }

    fn hear(&mut self, conn: ConnId, event: &Event) {
        if let Some(mail) = mail_of(event)
            && let Some(link) = self.link_mut(conn)
        {
            link.outbox.push_back(mail.clone());
        }
        match event {
            Event::Welcome { name } => {
                let peer = PeerId::new(conn);
                let link = self.link_mut(conn);
                let asked = link.and_then(|link| {
                    link.peer = Some(peer);
                    link.asked
                });
                self.bearers[name_index(name)] = Some(Bearer {
                    peer,
                    first: name_index(name),
                    secret: asked.and_then(|(_, secret)| secret),
                    holder: Some(conn),
                    until: None,
                    rooms: Default::default(),
                });
            }
            Event::Back { name, .. } => {
                let bearer = self.bearers[name_index(name)].as_mut();
                let peer = bearer.map(|bearer| {
                    bearer.holder = Some(conn);
                    bearer.until = None;
                    bearer.peer
                });
                if let Some(link) = self.link_mut(conn) {
                    link.peer = peer;
                }
            }
            Event::Mail(_)
            | Event::KeptMail(_)
            | Event::Kept { .. }
            | Event::Joined { .. }
            | Event::Left { .. }
            | Event::Renamed { .. }
            | Event::Rooms { .. }
            | Event::Who { .. }
            | Event::Refused(_) => {}
        }
    }

    fn halves(&self) -> Result<(), Violation> {
        for link in &self.links {
            let on_its_way = |half: Half| half.told || half.finished;
            ensure!(
                !link.reader.finished || on_its_way(link.writer),
                3,
                "the writer of {} is not told that the reader is gone",
                link.conn
            );
            ensure!(
                !link.writer.finished || on_its_way(link.reader),
                3,
                "the reader of {} is not told that the writer is gone",
                link.conn
            );
        }
        Ok(())
    }
}

/// A half is told to stop, which must be news to it.
fn tell(
    half: Option<&mut Half>,
    excused: bool,
    which: &str,
    conn: ConnId,
) -> Result<(), Violation> {
    let Some(half) = half else {
        return Err(violation(
            3,
            format!("the {which} of {conn}, which is over, is told to stop"),
        ));
    };
    ensure!(!half.told, 3, "the {which} of {conn} is told to stop twice");
    ensure!(
        !half.finished || excused,
        3,
        "the {which} of {conn} is told to stop, and has finished"
    );
    half.told = true;
    Ok(())
}

/// Whether the one who asked was refused something.
fn is_refused(input: &Input, effects: &[Effect<'_>]) -> bool {
    let asker = actor(input);
    effects.iter().any(|effect| match effect {
        Effect::Deliver { to, event } => {
            matches!(**event, Event::Refused(_)) && asker.is_some_and(|conn| to.contains(&conn))
        }
        Effect::StopReader { .. }
        | Effect::StopWriter { .. }
        | Effect::Discard { .. }
        | Effect::Forget { .. } => false,
    })
}
