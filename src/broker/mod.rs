//! The state machine: peers, connections, rooms, mailboxes and deadlines.
//!
//! [`Broker`] is deterministic and does no I/O. It is a value: it can be cloned,
//! compared, hashed and printed, so its states can be explored like a graph. Time is
//! an input, and bytes and sockets are unknown here.
//!
//! # What always holds
//!
//! 1. A peer is removed only when the writer of its holder has finished, and exactly
//!    once for each time that it joined.
//! 2. A connection never removes, stops or receives for another connection, whatever
//!    the names are. Only a login with the right proof replaces one, and only
//!    [`Input::Dismiss`], which an operator asks for, dismisses one.
//! 3. Each half of a connection is told to stop at most once, and is always told when
//!    the other half is gone.
//! 4. Every accepted delivery is, at every moment, exactly one of: written to its
//!    receiver's socket, waiting (outbox or mailbox), or bounced to its sender with a
//!    reason (only counted, [`Effect::Discard`], if the sender is gone or has no room
//!    for it). What expires is bounced. A room's message to a guest who is gone is
//!    only counted.
//! 5. From one sender to one receiver, deliveries arrive in the order sent, across
//!    reconnects, with none missing and none twice, but for a message that a dead
//!    link's socket had taken: its fate cannot be known.
//! 6. A name is bound to at most one connection. Nobody takes a name over, or reads
//!    its mailbox, without its proof.
//! 7. Every queue and every wait has a bound in [`Config`].
//! 8. When everything has finished, nothing is left: no connection, and no peer past
//!    its window.
//! 9. The same inputs give the same effects.

pub mod lifecycle;

mod delivery;
pub(crate) mod effect;
mod input;
mod mail;
mod message;
mod presence;
mod rooms;
#[cfg(test)]
mod tests;
mod undelivered;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

pub use effect::{Effect, Effects, Event, LeaveReason, PeerEntry, Refusal, RoomEntry, StopReason};
pub use input::{Input, Receiver, Request};
pub use mail::{Bounce, BounceReason, Mail, Mailbox, MailboxLimits};
pub use message::{Form, Header, Message, Messages, Part, Rank, Said, Stamp};

use crate::Config;
use crate::book::Book;
use crate::budget::Budget;
use crate::id::{ConnId, Name, PeerId, Proof, Room, Source, Text, Time};
use delivery::Sender;
use effect::{CHANGE, MAILBOX};
use lifecycle::{Lifecycle, Login, LoginRefusal, Phase, Removal, Stop, Then};
use rooms::Rooms;
use undelivered::{Backlog, Closing, Undelivered};

/// Who is here, what they said, and what waits for whom.
///
/// Inputs go in by [`handle`](Self::handle), and [`Effects`] come out.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Broker {
    limits: Limits,
    now: Time,
    lifecycle: Lifecycle,
    peers: Book<Name, Peer>,
    /// The names of all peers, which can change.
    names: BTreeMap<PeerId, Name>,
    rooms: Rooms,
    /// What mailboxes keep, by where it was sent from.
    mail_budget: Budget,
    /// What their places in mailboxes take, by where the peers come from whose mailboxes these are.
    place_budget: Budget,
    /// What the rooms of all peers take, by where each comes from.
    room_budget: Budget,
    /// Mail that is to come back.
    undelivered: VecDeque<Undelivered>,
    /// Those who are back while what waited for them is still being handed over, or were.
    returning: VecDeque<PeerId>,
    /// How far the server has stopped, if it stops.
    closing: Option<Closing>,
    /// When more of what is due is to be done, if not all of it is.
    again: Option<Time>,
    /// Which of it comes first in the next slice.
    turn: Backlog,
    /// Empty between two inputs; kept for its memory.
    stops: Vec<Stop>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Limits {
    mailbox: MailboxLimits,
    receivers: usize,
    rooms_per_peer: usize,
    listed: usize,
    /// How many messages to one receiver come back to their sender each by itself.
    bounces: usize,
    /// How much work is done at once of what is due.
    slice: u64,
}

/// What the broker knows of a peer beside its place in the lifecycle.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Peer {
    id: PeerId,
    /// Empty while the peer is online, unless it is among those who are returning.
    mailbox: Mailbox,
    /// Whether it is among [those who are returning](Broker::returning): what is for it waits
    /// behind what is still to be handed over.
    is_returning: bool,
    rooms: BTreeSet<Room>,
    /// For where its rooms are counted: where its last connection came from.
    source: Source,
}

impl Broker {
    /// Nobody is there yet.
    pub fn new(config: &Config) -> Self {
        let lifecycle = Lifecycle::new(lifecycle::Limits {
            login_timeout: config.login_timeout,
            resume_window: config.resume_window,
            peers: config.peers.get(),
            peers_per_source: config.peers_per_address.get(),
        });
        let limits = Limits {
            mailbox: MailboxLimits {
                bytes: config.mailbox_bytes.get(),
                messages: config.mailbox_messages.get(),
                bytes_per_source: config.mailbox_bytes_per_address.get(),
                messages_per_source: config.mailbox_messages_per_address.get(),
            },
            receivers: config.receivers.get(),
            rooms_per_peer: config.rooms_per_peer.get(),
            listed: config.listed.get(),
            bounces: config.bounces.get(),
            slice: effect::units(config.slice),
        };
        Self {
            limits,
            now: Time::ZERO,
            lifecycle,
            peers: Book::default(),
            names: BTreeMap::new(),
            rooms: Rooms::default(),
            mail_budget: Budget::new(config.mail_bytes()),
            place_budget: Budget::new(config.place_bytes()),
            room_budget: Budget::new(config.room_bytes()),
            undelivered: VecDeque::new(),
            returning: VecDeque::new(),
            closing: None,
            again: None,
            turn: Backlog::default(),
            stops: Vec::new(),
        }
    }

    /// Applies what is due at `now`, as far as it fits into a [slice](Config::slice), then `input`,
    /// and appends what is to be done to `effects`. Only the end of a writer goes ahead of what is
    /// due, which has a slice of its own then: it has happened, and its connection can be told
    /// nothing more.
    ///
    /// It never fails on what a peer does: that is answered with an event. Input that
    /// names a forgotten connection is ignored, since hang-ups cross. In debug builds
    /// it checks the whole state at the end.
    ///
    /// # Panics
    ///
    /// On a mistake of the driver: if `now` is earlier than in a call before, if a
    /// connection is accepted whose id is not greater than each one before, or if a
    /// connection that never held a name gives back mail.
    pub fn handle(&mut self, now: Time, input: Input, effects: &mut Effects) {
        assert!(
            now >= self.now,
            "time runs backwards: {now:?} after {:?}",
            self.now
        );
        self.now = now;
        effects.begin_slice(self.limits.slice);
        if !matches!(input, Input::WriterFinished { .. }) {
            self.do_what_is_due(effects);
        }
        match input {
            Input::Accepted { conn, source } => {
                self.lifecycle.accepted(now, conn, source, &mut self.stops);
            }
            Input::Request { conn, request } => self.request(conn, request, effects),
            Input::GiveUp { conn, reason } => {
                self.lifecycle.give_up(conn, reason, &mut self.stops);
            }
            Input::Dismiss { name, why } => self.dismiss(&name, why, effects),
            Input::ReaderFinished { conn } => {
                self.lifecycle.reader_finished(conn, &mut self.stops);
            }
            Input::WriterFinished { conn, undelivered } => {
                self.writer_finished(conn, undelivered, effects);
                // It may have taken a slice by itself, and another one may end next.
                effects.begin_slice(self.limits.slice);
                self.do_what_is_due(effects);
            }
            Input::Tick => {}
            Input::ShutDown => self.close(effects),
        }
        self.stop(effects);
        self.pause();
        if cfg!(debug_assertions) {
            self.check();
        }
    }

    /// When [`Input::Tick`] has something to do, if nothing else happens before.
    pub fn deadline(&self) -> Option<Time> {
        self.again.or_else(|| self.lifecycle.deadline())
    }

    /// The reconnect and disconnect bookkeeping.
    pub fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// What waits for a peer that has no live connection.
    pub fn mailbox(&self, name: &Name) -> Option<&Mailbox> {
        self.peers.get(name).map(|peer| &peer.mailbox)
    }

    /// The rooms that somebody is in, in order.
    pub fn rooms(&self) -> impl Iterator<Item = Room> {
        self.rooms.iter().map(|(room, _)| room)
    }

    /// Who is in a room, in order.
    pub fn members(&self, room: &Room) -> impl Iterator<Item = Name> {
        self.rooms.members(room).map(|(name, _)| name)
    }

    /// Those in a room whose names come after one, or all, in order.
    pub(crate) fn members_after(
        &self,
        room: &Room,
        after: Option<Name>,
    ) -> impl Iterator<Item = Name> {
        self.rooms.members_after(room, after)
    }

    /// Those in a room who have a live connection, but for one, and that.
    pub(crate) fn live_members(
        &self,
        room: &Room,
        except: Option<&Name>,
    ) -> impl Iterator<Item = ConnId> {
        let members = self.rooms.members(room);
        let others = members.filter(move |(name, _)| Some(name) != except);
        others.filter_map(|(_, live)| live)
    }

    /// In how many mailboxes it is kept what is said to a receiver now.
    pub(crate) fn count_absent(&self, receiver: &Receiver) -> usize {
        match receiver {
            Receiver::Peer(name) => usize::from(self.lifecycle.live(name).is_none()),
            Receiver::Room(room) | Receiver::OpenRoom(room) => self.rooms.count_absent(room),
        }
    }

    /// How many are in a room.
    pub fn count_members(&self, room: &Room) -> usize {
        self.rooms.count(room)
    }

    /// Passes the lifecycle's orders on. Whose connection begins to leave is not live any more.
    fn stop(&mut self, effects: &mut Effects) {
        for stop in self.stops.drain(..) {
            match stop {
                Stop::Reader(conn) => effects.stop_reader(conn),
                Stop::Writer(conn, reason) => {
                    effects.stop_writer(conn, reason);
                    if let Some(Phase::Leaving { name: Some(name) }) = self.lifecycle.phase(conn)
                        && let Some(peer) = self.peers.get(&name)
                    {
                        effects.worked(peer.rooms.len(), CHANGE);
                        self.rooms.set_live(&peer.rooms, &name, None);
                    }
                }
            }
        }
    }

    fn request(&mut self, conn: ConnId, request: Request, effects: &mut Effects) {
        let refusal = match self.lifecycle.phase(conn) {
            None | Some(Phase::Leaving { .. }) => return,
            Some(Phase::Online { name, peer }) => {
                return self.online_request(conn, (name, peer), request, effects);
            }
            Some(Phase::Greeting { .. }) => Refusal::NotLoggedIn,
            Some(Phase::Waiting { .. }) => Refusal::Waiting,
        };
        match request {
            Request::LogIn { name, proof } => self.log_in(conn, name, proof, effects),
            Request::Quit { .. } => {
                self.lifecycle.quit(conn, &mut self.stops);
            }
            Request::Send { .. }
            | Request::Join { .. }
            | Request::Leave { .. }
            | Request::Kick { .. }
            | Request::Rename { .. }
            | Request::Rooms
            | Request::Who { .. } => effects.deliver([conn], Event::Refused(refusal)),
        }
    }

    fn online_request(
        &mut self,
        conn: ConnId,
        (name, peer): (Name, PeerId),
        request: Request,
        effects: &mut Effects,
    ) {
        match request {
            Request::LogIn { name, proof } => self.log_in(conn, name, proof, effects),
            Request::Send { to, said } => {
                let sender = Sender { conn, name, peer };
                self.send(&sender, to, said, effects);
            }
            Request::Join { room } => self.join(conn, name, room, effects),
            Request::Leave { room, why } => self.leave(conn, name, room, why, effects),
            Request::Kick {
                room,
                name: whom,
                why,
            } => self.kick(conn, name, room, (whom, why), effects),
            Request::Rename { name: to } => self.rename(conn, name, to, effects),
            Request::Rooms => self.list_rooms(conn, name, effects),
            Request::Who { room } => self.list_peers(conn, room, effects),
            Request::Quit { why } => {
                self.lifecycle.quit(conn, &mut self.stops);
                self.leave_all(name, LeaveReason::Quit(why), effects);
            }
        }
    }

    fn log_in(&mut self, conn: ConnId, name: Name, proof: Option<Proof>, effects: &mut Effects) {
        // Its time may have run out, though that is not done yet.
        let owner = self.lifecycle.owner(&name, proof).unwrap_or(name);
        if let Some(owner) = self.lifecycle.expire_peer(&owner, self.now) {
            self.bury(owner, BounceReason::Expired, effects);
        }
        let refusal = match self.lifecycle.login(conn, name, proof, &mut self.stops) {
            Login::Joined => return self.welcome(conn, effects),
            Login::JoinedFor(gone) => {
                self.bury(gone, BounceReason::Expired, effects);
                return self.welcome(conn, effects);
            }
            Login::Returned => {
                self.welcome_back(conn, effects);
                return self.bury_excess(self.lifecycle.source(conn), effects);
            }
            Login::Waits | Login::Ignored => return,
            Login::Refused(LoginRefusal::AlreadyLoggedIn) => Refusal::AlreadyLoggedIn,
            Login::Refused(LoginRefusal::NameInUse) => match proof {
                Some(_) => Refusal::WrongSecret { name },
                None => Refusal::NameInUse { name },
            },
            Login::Refused(LoginRefusal::Full) => Refusal::ServerFull,
        };
        effects.deliver([conn], Event::Refused(refusal));
    }

    /// Greets the new peer that is online with `conn`.
    fn welcome(&mut self, conn: ConnId, effects: &mut Effects) {
        let name = self.lifecycle.online(conn).expect("who joins is online");
        let id = PeerId::new(conn);
        self.names.insert(id, name);
        self.peers.insert(
            name,
            Peer {
                id,
                mailbox: Mailbox::default(),
                is_returning: false,
                rooms: BTreeSet::new(),
                source: self.lifecycle.source(conn),
            },
        );
        effects.deliver([conn], Event::Welcome { name });
    }

    /// Gives the peer that is online again with `conn` what waited for it, ahead of anything new:
    /// as much as fits into this slice, and then the rest.
    fn welcome_back(&mut self, conn: ConnId, effects: &mut Effects) {
        let name = self.lifecycle.online(conn).expect("who returns is online");
        self.set_live(&name, Some(conn), effects);
        self.count_for(&name, conn);
        let kept = self.peers[&name].mailbox.len();
        effects.deliver([conn], Event::Back { name, kept });
        self.hand_over_some(name, conn, effects);
        let peer = self.peer_mut(&name);
        if !peer.mailbox.is_empty() && !peer.is_returning {
            peer.is_returning = true;
            let id = peer.id;
            self.returning.push_back(id);
        }
    }

    fn writer_finished(&mut self, conn: ConnId, undelivered: Vec<Mail>, effects: &mut Effects) {
        if self.lifecycle.phase(conn).is_none() {
            return;
        }
        let source = self.lifecycle.source(conn);
        let removal = self
            .lifecycle
            .writer_finished(self.now, conn, &mut self.stops);
        self.stop(effects);
        let Some(Removal { name, then }) = removal else {
            assert!(
                undelivered.is_empty(),
                "{conn} gives back mail that it cannot have had"
            );
            return;
        };
        self.set_live(&name, None, effects);
        effects.worked(undelivered.len(), MAILBOX);
        let whom = (name, self.take_back(name, undelivered));
        match then {
            // Who comes back again and again without reading gets no more than fits either.
            Then::Returned(successor) => {
                let excess = self.trim(&name);
                self.welcome_back(successor, effects);
                self.send_back(whom, excess, BounceReason::MailboxFull, effects);
                self.bury_excess(self.lifecycle.source(successor), effects);
            }
            Then::Away => {
                let excess = self.trim(&name);
                self.send_back(whom, excess, BounceReason::MailboxFull, effects);
                self.bury_excess(source, effects);
            }
            Then::Gone if self.closing.is_some() => {
                self.bury(name, BounceReason::ShuttingDown, effects);
            }
            Then::Gone => self.bury(name, BounceReason::Gone, effects),
            Then::Succeeded(successor) => {
                self.bury(name, BounceReason::Gone, effects);
                self.welcome(successor, effects);
                self.bury_excess(self.lifecycle.source(successor), effects);
            }
        }
    }

    /// If more peers come from a source than may, one that is away is gone for good.
    fn bury_excess(&mut self, source: Source, effects: &mut Effects) {
        if let Some(gone) = self.lifecycle.expire_excess(source) {
            self.bury(gone, BounceReason::Expired, effects);
        }
    }

    fn dismiss(&mut self, name: &Name, why: Option<Text>, effects: &mut Effects) {
        let Some((&name, _)) = self.peers.get_key_value(name) else {
            return;
        };
        let is_away = self.lifecycle.dismiss(&name, &mut self.stops);
        self.leave_all(name, LeaveReason::Quit(why), effects);
        if is_away {
            self.bury(name, BounceReason::Gone, effects);
        }
    }

    /// Forgets a peer that is gone for good: the rooms are told, and its mail bounces.
    fn bury(&mut self, name: Name, reason: BounceReason, effects: &mut Effects) {
        let why = match reason {
            BounceReason::Expired => LeaveReason::Expired,
            BounceReason::Gone | BounceReason::MailboxFull | BounceReason::ShuttingDown => {
                LeaveReason::Gone
            }
        };
        self.leave_all(name, why, effects);
        effects.forget(name);
        let mut peer = self.peers.remove(&name).expect("who is gone was here");
        let places = peer.mailbox.len() * Config::MAIL_ENTRY;
        self.place_budget.remove(peer.source, places);
        self.names.remove(&peer.id);
        let whom = (name, peer.id);
        self.send_back(whom, peer.mailbox.take(), reason, effects);
    }

    /// Tells the rooms of somebody which connection is live.
    fn set_live(&mut self, name: &Name, conn: Option<ConnId>, effects: &mut Effects) {
        let peer = self.peers.get(name).expect("whose name is bound is known");
        effects.worked(peer.rooms.len(), CHANGE);
        self.rooms.set_live(&peer.rooms, name, conn);
    }

    fn is_resumable(&self, name: &Name) -> bool {
        let binding = self.lifecycle.binding(name);
        binding.is_some_and(|binding| binding.proof.is_some())
    }

    /// Puts mail into somebody's mailbox, if there is room for it: there, and in all.
    fn put(&mut self, name: &Name, mail: Mail) -> Result<(), Mail> {
        let (source, weight) = (mail.source(), mail.weight());
        let limits = self.limits.mailbox;
        let peer = self.peers.get_mut(name);
        let peer = peer.expect("whose name is bound is known");
        if !self.place_budget.admits(peer.source, Config::MAIL_ENTRY)
            || !self.mail_budget.admits(source, weight)
        {
            return Err(mail);
        }
        peer.mailbox.push(mail, limits)?;
        self.place_budget.add(peer.source, Config::MAIL_ENTRY);
        self.mail_budget.add(source, weight);
        Ok(())
    }

    /// Whether there is such a peer, and room for a piece of mail: in its mailbox, and in all.
    fn has_room(&self, name: &Name, mail: &Mail) -> bool {
        let limits = self.limits.mailbox;
        self.peers.get(name).is_some_and(|peer| {
            peer.mailbox.admits(mail, limits)
                && self.place_budget.admits(peer.source, Config::MAIL_ENTRY)
                && self.mail_budget.admits(mail.source(), mail.weight())
        })
    }

    /// Puts what a writer gives back ahead of what waits for a peer. Returns who that is.
    fn take_back(&mut self, name: Name, undelivered: Vec<Mail>) -> PeerId {
        let peer = self.peers.get_mut(&name);
        let peer = peer.expect("whose name is bound is known");
        for mail in &undelivered {
            self.mail_budget.add(mail.source(), mail.weight());
        }
        let places = undelivered.len() * Config::MAIL_ENTRY;
        self.place_budget.add(peer.source, places);
        peer.mailbox.prepend(undelivered);
        peer.id
    }

    /// Takes out the newest of what waits for a peer until the rest is within the bounds of its
    /// mailbox, and of what mail from each source may take; returns it, oldest first.
    fn trim(&mut self, name: &Name) -> VecDeque<Mail> {
        let limits = self.limits.mailbox;
        let peer = self.peers.get_mut(name);
        let Peer {
            mailbox, source, ..
        } = peer.expect("whose name is bound is known");
        let budget = &mut self.mail_budget;
        let newest = mailbox.trim(limits);
        for mail in &newest {
            budget.remove(mail.source(), mail.weight());
        }
        let mut excess = VecDeque::new();
        if !budget.is_ample() && mailbox.sources().any(|source| budget.excess(source, 0) > 0) {
            excess = mailbox.take_out(|mail| {
                let is_too_much = budget.excess(mail.source(), 0) > 0;
                if is_too_much {
                    budget.remove(mail.source(), mail.weight());
                }
                is_too_much
            });
        }
        excess.extend(newest);
        // It counts until it has come back.
        for mail in &excess {
            budget.add(mail.source(), mail.weight());
        }
        let places = excess.len() * Config::MAIL_ENTRY;
        self.place_budget.remove(*source, places);
        excess
    }

    /// A piece of mail is in no mailbox any more.
    fn count_out(&mut self, mail: &Mail) {
        self.mail_budget.remove(mail.source(), mail.weight());
    }

    fn peer_mut(&mut self, name: &Name) -> &mut Peer {
        self.peers
            .get_mut(name)
            .expect("whose name is bound is known")
    }

    /// Panics if the fields contradict each other.
    fn check(&self) {
        assert!(self.stops.is_empty(), "an order was kept back");
        self.lifecycle.check();
        self.check_slices();
        let bound = self
            .lifecycle
            .bindings()
            .map(|(name, binding)| (name, binding.peer));
        assert!(
            bound.eq(self.peers.iter().map(|(name, peer)| (name, peer.id))),
            "peers differ"
        );
        let names = self.peers.iter().map(|(&name, peer)| (peer.id, name));
        assert_eq!(self.names, names.collect(), "names differ");
        for (name, peer) in self.peers.iter() {
            let live = self.lifecycle.live(name).is_some();
            assert!(
                !live || peer.mailbox.is_empty() || peer.is_returning,
                "{name} is online, and mail waits"
            );
            peer.mailbox.check(self.limits.mailbox);
            assert!(
                peer.rooms.len() <= self.limits.rooms_per_peer,
                "{name} is in too many rooms"
            );
        }
        let peers = self.peers.iter().map(|(&name, peer)| {
            let live = self.lifecycle.live(&name);
            (name, live, &peer.rooms)
        });
        self.rooms.check(peers);
        self.check_budgets();
    }

    fn check_budgets(&self) {
        let members = |peer: &Peer| (peer.source, peer.rooms.len() * Config::MEMBER_COST);
        let members = self.peers.iter().map(|(_, peer)| members(peer));
        let rooms = self
            .rooms
            .sources()
            .map(|source| (source, Config::ROOM_COST));
        self.room_budget.check(members.chain(rooms));
        let places = |peer: &Peer| (peer.source, peer.mailbox.len() * Config::MAIL_ENTRY);
        let places = self.peers.iter().map(|(_, peer)| places(peer));
        self.place_budget.check(places);
        let kept = self.peers.iter().flat_map(|(_, peer)| peer.mailbox.iter());
        let kept = kept.chain(self.undelivered().map(|(.., mail)| mail));
        self.mail_budget
            .check(kept.map(|mail| (mail.source(), mail.weight())));
    }
}
