//! A reference model: who is who, by what was said on the wire and a few simple rules.
//!
//! It shares no code with the broker and is much simpler: it believes each `Welcome` and each
//! `Back`, follows who was told to stop, and knows by rule only when somebody is gone. What it
//! believes too much is caught when it is compared with what the broker shows.

use std::collections::{BTreeMap, BTreeSet};

use rejoin::Config;
use rejoin::broker::{Event, Input, Request, StopReason};
use rejoin::id::{ConnId, Name, PeerId, Proof, Room, Source, Time};

use crate::moment::{Act, Happening, Moment, actor};

/// Who is who.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Roster {
    config: Config,
    /// The connections whose writers have not finished.
    pub known: BTreeMap<ConnId, Known>,
    /// Who bears each name now.
    pub bearers: BTreeMap<Name, Bearer>,
    /// Whether the server stops.
    pub shutting_down: bool,
    /// When the next slice is due, if the broker has left something that is due for it.
    pub again: Option<Time>,
    /// Those who are online while more mail waits for them, which is still to be handed over.
    pub returning: BTreeSet<Name>,
}

/// What is known of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Known {
    /// Where it comes from.
    pub source: Source,
    /// When it was accepted.
    pub accepted: Time,
    /// What it logged in with, once that was not refused: the name is the present one of the peer
    /// that it is.
    pub asked: Option<(Name, Option<Proof>)>,
    /// Whom it serves, or served.
    pub peer: Option<PeerId>,
    /// Whether its writer was told to stop.
    pub stopped: bool,
}

/// Who bears a name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bearer {
    /// Who it is.
    pub peer: PeerId,
    /// The name, as it was first written.
    pub name: Name,
    /// The name that it first logged in with.
    pub first: Name,
    /// What it needs to come back, if it can.
    pub proof: Option<Proof>,
    /// Its connection, until the writer has finished.
    pub holder: Option<ConnId>,
    /// Until when it may come back, if it has no connection.
    pub until: Option<Time>,
    /// Where its last connection came from.
    pub source: Source,
    /// In which rooms it is.
    pub rooms: BTreeSet<Room>,
    /// Whether it has quit, though its connection has not ended.
    pub has_quit: bool,
}

impl Bearer {
    fn quit(&mut self) {
        self.proof = None;
        self.rooms.clear();
        self.has_quit = true;
    }
}

impl Roster {
    /// Nobody is known yet.
    pub fn new(config: &Config) -> Self {
        Self {
            config: config.clone(),
            known: BTreeMap::new(),
            bearers: BTreeMap::new(),
            shutting_down: false,
            again: None,
            returning: BTreeSet::new(),
        }
    }

    /// Takes in what happened.
    pub fn observe(&mut self, moment: &Moment) {
        let Happening::Handled { input, acts } = &moment.happening else {
            return;
        };
        // What is due is done ahead of what the broker is told, but for the end of a writer.
        let ends = matches!(input, Input::WriterFinished { .. });
        if !ends {
            self.let_go(moment.now, acts);
        }
        let released = self.released(input);
        self.take_in(moment, input);
        for act in acts {
            self.follow(act);
        }
        let forgotten = |name: &Name| {
            let forgets = |act: &Act| matches!(act, Act::Forget { name: gone } if gone == name);
            acts.iter().any(forgets)
        };
        // Of a server that stops whoever was away goes in slices; and whoever ends then, at once.
        let closing = self.shutting_down;
        let stays = |name: &Name, bearer: &Bearer| {
            let goes = closing && (released == Some(bearer.peer) || forgotten(name));
            bearer.holder.is_some() || bearer.proof.is_some() && !goes
        };
        self.bearers.retain(|name, bearer| stays(name, bearer));
        self.expire_excess();
        if ends {
            self.let_go(moment.now, acts);
        }
        let view = &moment.view;
        self.again = view.deadline.filter(|_| view.behind);
        self.returning.clear();
        for (name, mailbox) in &view.mailboxes {
            let bearer = self.bearers.get(name).filter(|_| !mailbox.is_empty());
            let holder = bearer.and_then(|bearer| bearer.holder);
            if holder.is_some_and(|conn| self.online(conn).is_some()) {
                self.returning.insert(*name);
            }
        }
    }

    /// Lets those go whose time has run out at `now`, as far as that was done: what is due is done
    /// in slices, ahead of what the broker is told.
    fn let_go(&mut self, now: Time, acts: &[Act]) {
        for act in acts {
            match act {
                Act::Forget { name } => {
                    let until = self.bearers.get(name).and_then(|bearer| bearer.until);
                    if until.is_some_and(|until| until <= now) {
                        self.bearers.remove(name);
                    }
                }
                Act::StopWriter {
                    conn,
                    reason: StopReason::LoginTimeout,
                } => {
                    if let Some(known) = self.known.get_mut(conn) {
                        known.stopped = true;
                    }
                }
                Act::StopWriter { .. }
                | Act::StopReader { .. }
                | Act::Tell { .. }
                | Act::Discard { .. } => {}
            }
        }
    }

    /// Whose holder has ended.
    fn released(&self, input: &Input) -> Option<PeerId> {
        let Input::WriterFinished { conn, .. } = input else {
            return None;
        };
        let mut bearers = self.bearers.values();
        let bearer = bearers.find(|bearer| bearer.holder == Some(*conn));
        bearer.map(|bearer| bearer.peer)
    }

    /// Whether the broker has left something that is due for the next slice.
    pub fn is_behind(&self) -> bool {
        self.again.is_some()
    }

    /// Lets all those go whose time has run out at `now`.
    pub fn expire(&mut self, now: Time) {
        self.bearers
            .retain(|_, b| b.until.is_none_or(|until| until > now));
        let timeout = self.config.login_timeout;
        for known in self.known.values_mut() {
            let late = known.asked.is_none() && known.accepted.after(timeout) <= now;
            known.stopped |= late;
        }
    }

    /// When somebody's time runs out next.
    pub fn deadline(&self) -> Option<Time> {
        let returns = self.bearers.values().filter_map(|bearer| bearer.until);
        let known = self.known.values();
        let greeting = known.filter(|known| known.asked.is_none() && !known.stopped);
        let logins = greeting.map(|known| known.accepted.after(self.config.login_timeout));
        returns.chain(logins).min()
    }

    /// Who is online with a connection.
    pub fn online(&self, conn: ConnId) -> Option<&Bearer> {
        let known = self.known.get(&conn).filter(|known| !known.stopped)?;
        let (name, _) = known.asked?;
        let bearer = self.bearers.get(&name)?;
        (bearer.holder == Some(conn)).then_some(bearer)
    }

    /// The peer that a connection serves or served, until its writer has finished.
    pub fn peer(&self, conn: ConnId) -> Option<PeerId> {
        self.known.get(&conn)?.peer
    }

    /// The name that a connection logged in with.
    pub fn name(&self, conn: ConnId) -> Option<Name> {
        let (name, _) = self.known.get(&conn)?.asked?;
        Some(name)
    }

    /// Who comes back with a proof: the bearer of the name, or else the one who first logged in
    /// with it.
    pub fn owner(&self, name: Name, proof: Option<Proof>) -> Option<&Bearer> {
        let own = |bearer: &&Bearer| proof.is_some() && bearer.proof == proof;
        let bearer = self.bearers.get(&name).filter(own);
        let first = |bearer: &&Bearer| bearer.first == name && own(bearer);
        bearer.or_else(|| self.bearers.values().find(first))
    }

    /// Whether a peer is online.
    pub fn is_online(&self, peer: PeerId) -> bool {
        let mut bearers = self.bearers.values();
        bearers.any(|b| b.peer == peer && b.holder.is_some_and(|c| self.online(c).is_some()))
    }

    /// Whether a connection waits for its name.
    pub fn waits(&self, conn: ConnId) -> bool {
        let known = self.known.get(&conn);
        known.is_some_and(|known| known.asked.is_some() && known.peer.is_none() && !known.stopped)
    }

    /// Whether a connection takes no more requests.
    pub fn is_leaving_or_over(&self, conn: ConnId) -> bool {
        let known = self.known.get(&conn);
        known.is_none_or(|known| known.stopped)
    }

    fn take_in(&mut self, moment: &Moment, input: &Input) {
        match input {
            &Input::Accepted { conn, source } => {
                let known = Known {
                    source,
                    accepted: moment.now,
                    asked: None,
                    peer: None,
                    stopped: false,
                };
                self.known.insert(conn, known);
            }
            Input::Request { conn, request } => {
                if !self.is_leaving_or_over(*conn) && !is_refused(moment) {
                    self.fulfil(*conn, request);
                }
            }
            &Input::WriterFinished { conn, .. } => {
                self.known.remove(&conn);
                let until = moment.now.after(self.config.resume_window);
                for bearer in self.bearers.values_mut() {
                    if bearer.holder == Some(conn) {
                        bearer.holder = None;
                        bearer.until = Some(until);
                    }
                }
            }
            Input::Dismiss { name, .. } => {
                if let Some(bearer) = self.bearers.get_mut(name) {
                    bearer.quit();
                }
            }
            Input::ShutDown => self.shutting_down = true,
            Input::GiveUp { .. } | Input::ReaderFinished { .. } | Input::Tick => {}
        }
    }

    fn fulfil(&mut self, conn: ConnId, request: &Request) {
        match request {
            &Request::LogIn { name, proof } => {
                let owner = self.owner(name, proof).map(|owner| owner.name);
                // It writes its name in its own way, unless that is another.
                let name = owner.filter(|owner| *owner != name).unwrap_or(name);
                if !self.bearers.contains_key(&name) {
                    self.make_room(conn);
                }
                if let Some(known) = self.known.get_mut(&conn) {
                    known.asked.get_or_insert((name, proof));
                }
            }
            &Request::Join { room } => {
                self.online_mut(conn).map(|b| b.rooms.insert(room));
            }
            Request::Leave { room, .. } => {
                self.online_mut(conn).map(|b| b.rooms.remove(room));
            }
            Request::Kick { room, name, .. } => {
                self.bearers.get_mut(name).map(|b| b.rooms.remove(room));
            }
            &Request::Rename { name } => {
                if let Some(mut bearer) = self.online(conn).cloned() {
                    self.bearers.remove(&bearer.name);
                    bearer.name = name;
                    self.bearers.insert(name, bearer);
                }
                if let Some(known) = self.known.get_mut(&conn) {
                    known.asked = known.asked.map(|(_, proof)| (name, proof));
                }
            }
            Request::Quit { .. } => {
                if let Some(bearer) = self.online_mut(conn) {
                    bearer.quit();
                }
            }
            Request::Send { .. } | Request::Rooms | Request::Who { .. } => {}
        }
    }

    /// For a new peer from where as many come from as may, one of them goes that is away.
    fn make_room(&mut self, conn: ConnId) {
        if let Some(source) = self.known.get(&conn).map(|known| known.source)
            && self.count_from(source) >= self.config.peers_per_address.get()
        {
            self.expire_one(source);
        }
    }

    /// Where more come from than may, those go that are away.
    fn expire_excess(&mut self) {
        let sources: BTreeSet<_> = self.bearers.values().map(|bearer| bearer.source).collect();
        for source in sources {
            while self.count_from(source) > self.config.peers_per_address.get()
                && self.expire_one(source)
            {}
        }
    }

    fn count_from(&self, source: Source) -> usize {
        let bearers = self.bearers.values();
        bearers.filter(|bearer| bearer.source == source).count()
    }

    /// Of those from there who are away, the one that joined last goes. Returns whether there is one.
    fn expire_one(&mut self, source: Source) -> bool {
        let bearers = self.bearers.values();
        let away = bearers.filter(|b| b.source == source && b.until.is_some());
        let newest = away.max_by_key(|bearer| bearer.peer).map(|b| b.name);
        newest.is_some_and(|name| self.bearers.remove(&name).is_some())
    }

    fn follow(&mut self, act: &Act) {
        match act {
            Act::Tell { to, event } => match *event {
                Event::Welcome { name } => to.iter().for_each(|&conn| self.welcome(conn, name)),
                Event::Back { name, .. } => to.iter().for_each(|&conn| self.back(conn, name)),
                Event::Mail(_)
                | Event::KeptMail(_)
                | Event::Kept { .. }
                | Event::Joined { .. }
                | Event::Left { .. }
                | Event::Renamed { .. }
                | Event::Rooms { .. }
                | Event::Who { .. }
                | Event::Refused(_) => {}
            },
            Act::StopWriter { conn, .. } => {
                if let Some(known) = self.known.get_mut(conn) {
                    known.stopped = true;
                }
            }
            Act::StopReader { .. } | Act::Discard { .. } | Act::Forget { .. } => {}
        }
    }

    fn welcome(&mut self, conn: ConnId, name: Name) {
        let peer = PeerId::new(conn);
        let Some(known) = self.known.get_mut(&conn) else {
            return;
        };
        known.peer = Some(peer);
        let bearer = Bearer {
            peer,
            name,
            first: name,
            proof: known.asked.and_then(|(_, proof)| proof),
            source: known.source,
            holder: Some(conn),
            until: None,
            rooms: BTreeSet::new(),
            has_quit: false,
        };
        // The name is replaced with the bearer: a new one may spell it in its own way.
        self.bearers.remove(&name);
        self.bearers.insert(name, bearer);
    }

    fn back(&mut self, conn: ConnId, name: Name) {
        if let Some(bearer) = self.bearers.get_mut(&name) {
            bearer.holder = Some(conn);
            bearer.until = None;
            if let Some(known) = self.known.get_mut(&conn) {
                known.peer = Some(bearer.peer);
                bearer.source = known.source;
            }
        }
    }

    fn online_mut(&mut self, conn: ConnId) -> Option<&mut Bearer> {
        let name = self.online(conn)?.name;
        self.bearers.get_mut(&name)
    }
}

/// Whether the one who asked was refused something.
pub fn is_refused(moment: &Moment) -> bool {
    let asker = moment.input().and_then(actor);
    moment
        .told()
        .any(|(conn, event)| Some(conn) == asker && matches!(event, Event::Refused(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{config, moments};
    use crate::step::{Step, Until, name};

    fn after(steps: &[Step]) -> Roster {
        let mut roster = Roster::new(&config());
        moments(steps).iter().for_each(|m| roster.observe(m));
        roster
    }

    const COME: [Step; 2] = [
        Step::Accept,
        Step::LogIn {
            conn: 0,
            name: 0,
            secret: Some(0),
        },
    ];

    #[test]
    fn a_peer_is_online_then_away_then_gone() {
        let mut steps = COME.to_vec();
        let conn = ConnId::new(0);
        assert!(after(&steps).online(conn).is_some());
        steps.push(Step::WriterFinishes {
            conn: 0,
            written: 0,
        });
        let away = after(&steps);
        assert!(away.online(conn).is_none());
        assert_eq!(away.bearers[&name(0)].holder, None);
        assert_eq!(away.deadline(), away.bearers[&name(0)].until);
        steps.push(Step::Wait {
            until: Until::Deadline,
            tick: true,
        });
        assert!(after(&steps).bearers.is_empty());
    }

    #[test]
    fn a_second_connection_waits_and_then_serves_the_same_peer() {
        let mut steps = [COME, COME].concat();
        assert!(after(&steps).waits(ConnId::new(1)));
        steps.push(Step::WriterFinishes {
            conn: 1,
            written: 0,
        });
        let roster = after(&steps);
        let peer = PeerId::new(ConnId::new(0));
        assert_eq!(roster.peer(ConnId::new(1)), Some(peer));
        assert!(roster.online(ConnId::new(1)).is_some());
    }
}
