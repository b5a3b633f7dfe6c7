//! What is due, and what comes back: both may be much at once, and are done in slices.
//!
//! After a slice everybody else comes first for a while, and then the next is due. What waits for
//! that is as it was: a peer whose time has run out is still away, and mail that is to come back
//! waits where it can be seen.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::Config;
use crate::id::{ConnId, Name, PeerId, Time};

use super::effect::{ENTRY, MAILBOX, PAUSE, PAUSE_AT_THE_END};
use super::lifecycle::Expired;
use super::{Bounce, BounceReason, Broker, Effects, Mail, Message, StopReason};

/// Mail that its receiver will never get, and that has not come back yet.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Undelivered {
    /// The name that the receiver had.
    receiver: Name,
    /// Who it was, or is.
    peer: PeerId,
    reason: BounceReason,
    /// Never empty.
    mail: VecDeque<Mail>,
    /// How many messages of each sender have come back.
    returned: BTreeMap<PeerId, usize>,
}

/// What may be much at once and is done in slices. Each kind has a slice in turn, so that none has
/// to wait for the end of another, which may never come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(super) enum Backlog {
    /// Mail that comes back to its senders.
    #[default]
    Undelivered,
    /// Mail that waits for peers who are online again.
    Returning,
    /// Logins and peers whose time has run out.
    Expired,
}

impl Backlog {
    const ALL: [Self; 3] = [Self::Undelivered, Self::Returning, Self::Expired];

    const fn next(self) -> Self {
        match self {
            Self::Undelivered => Self::Returning,
            Self::Returning => Self::Expired,
            Self::Expired => Self::Undelivered,
        }
    }
}

/// How far a server has stopped.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Closing {
    /// Those who are away are gone for good, one after the other. The senders are told first, while
    /// they still can be.
    Away {
        /// Who was the last.
        after: Option<Name>,
    },
    /// Then these connections leave.
    Connections(VecDeque<ConnId>),
    /// All have left.
    Done,
}

impl Broker {
    /// Does what is due, as far as it fits into a slice.
    pub(super) fn do_what_is_due(&mut self, effects: &mut Effects) {
        if self.again.is_some_and(|again| again > self.now) {
            return;
        }
        if self.again.take().is_some() {
            self.turn = self.turn.next();
        }
        while !effects.is_over() && self.do_one_thing(effects) {
            self.stop(effects);
        }
    }

    /// Whether the server stops and has not finished: a connection is still to be told, or mail is
    /// still to come back.
    pub fn is_closing(&self) -> bool {
        match self.closing {
            None => false,
            Some(Closing::Away { .. } | Closing::Connections(_)) => true,
            Some(Closing::Done) => !self.undelivered.is_empty(),
        }
    }

    /// Whether something that is due is left for the next slice.
    pub fn is_behind(&self) -> bool {
        self.again.is_some()
    }

    /// Says when the next slice is due, if something is left to do.
    pub(super) fn pause(&mut self) {
        let is_late = |time: Time| time <= self.now;
        let is_left = !self.undelivered.is_empty()
            || !self.returning.is_empty()
            || self.is_closing()
            || self.lifecycle.deadline().is_some_and(is_late);
        if !is_left {
            (self.again, self.turn) = (None, Backlog::default());
        } else if self.again.is_none_or(is_late) {
            let pause = if self.closing.is_some() {
                PAUSE_AT_THE_END
            } else {
                PAUSE
            };
            self.again = Some(self.now.after(pause));
        }
    }

    /// Returns whether there was one.
    fn do_one_thing(&mut self, effects: &mut Effects) -> bool {
        if self.closing.is_some() {
            // All of it comes to an end then, and nobody is told to leave before it has.
            let mut all = Backlog::ALL.into_iter();
            return all.any(|kind| self.do_one_of(kind, effects)) || self.close_on(effects);
        }
        let mut kind = self.turn;
        for _ in Backlog::ALL {
            if self.do_one_of(kind, effects) {
                return true;
            }
            kind = kind.next();
        }
        false
    }

    /// Does one thing of a kind. Returns whether there was one.
    fn do_one_of(&mut self, kind: Backlog, effects: &mut Effects) -> bool {
        match kind {
            Backlog::Undelivered => {
                let Some(mut undelivered) = self.undelivered.pop_front() else {
                    return false;
                };
                self.return_some(&mut undelivered, effects);
                if !undelivered.mail.is_empty() {
                    self.undelivered.push_front(undelivered);
                }
            }
            Backlog::Returning => {
                let Some(peer) = self.returning.pop_front() else {
                    return false;
                };
                effects.worked(1, ENTRY);
                if self.closing.is_some() {
                    self.stop_returning(peer, effects);
                } else {
                    self.go_on_returning(peer, effects);
                }
            }
            Backlog::Expired => match self.lifecycle.expire(self.now, &mut self.stops) {
                Some(Expired::Peer(name)) => self.bury(name, BounceReason::Expired, effects),
                Some(Expired::Login(_)) => {}
                None => return false,
            },
        }
        true
    }

    /// The server stops.
    pub(super) fn close(&mut self, effects: &mut Effects) {
        if self.closing.is_none() {
            self.lifecycle.begin_to_close();
            self.closing = Some(Closing::Away { after: None });
            self.do_what_is_due(effects);
        }
    }

    /// Returns whether there was something to do.
    fn close_on(&mut self, effects: &mut Effects) -> bool {
        match &mut self.closing {
            None | Some(Closing::Done) => return false,
            Some(Closing::Away { after }) => match self.lifecycle.dismiss_away(*after) {
                Some(name) => {
                    *after = Some(name);
                    self.bury(name, BounceReason::ShuttingDown, effects);
                }
                None => {
                    let connections = self.lifecycle.connections();
                    let connections = connections.map(|(conn, _)| conn).collect();
                    self.closing = Some(Closing::Connections(connections));
                }
            },
            Some(Closing::Connections(connections)) => match connections.pop_front() {
                Some(conn) => {
                    let reason = StopReason::ShuttingDown;
                    self.lifecycle.give_up(conn, reason, &mut self.stops);
                }
                None => {
                    self.lifecycle.has_closed();
                    self.closing = Some(Closing::Done);
                }
            },
        }
        true
    }

    /// Hands over more of what waited for somebody, if it is still there.
    fn go_on_returning(&mut self, peer: PeerId, effects: &mut Effects) {
        let Some(&name) = self.names.get(&peer) else {
            return;
        };
        let live = self.lifecycle.live(&name);
        if let Some(conn) = live {
            let before = effects.weight();
            self.hand_over_some(name, conn, effects);
            effects.owes(self.lifecycle.source(conn), effects.weight() - before);
        }
        let returns = live.is_some() && !self.peers[&name].mailbox.is_empty();
        self.peer_mut(&name).is_returning = returns;
        if returns {
            self.returning.push_back(peer);
        }
    }

    /// Hands over no more of what waited for somebody, as the server stops: whoever comes back again
    /// and again could hold that up. It goes back to its senders while they can still be told.
    fn stop_returning(&mut self, id: PeerId, effects: &mut Effects) {
        let Some(&name) = self.names.get(&id) else {
            return;
        };
        let is_live = self.lifecycle.live(&name).is_some();
        let peer = self.peers.get_mut(&name).expect("who returns is known");
        peer.is_returning = false;
        if is_live {
            let places = peer.mailbox.len() * Config::MAIL_ENTRY;
            self.place_budget.remove(peer.source, places);
            let mail = peer.mailbox.take();
            self.send_back((name, id), mail, BounceReason::ShuttingDown, effects);
        }
    }

    /// Hands over what waited for somebody, until the slice is over.
    pub(super) fn hand_over_some(&mut self, name: Name, conn: ConnId, effects: &mut Effects) {
        let peer = self.peers.get_mut(&name).expect("who returns is known");
        let mut mail = VecDeque::new();
        while !effects.is_over()
            && let Some(first) = peer.mailbox.pop()
        {
            effects.count_kept();
            self.mail_budget.remove(first.source(), first.weight());
            self.place_budget.remove(peer.source, Config::MAIL_ENTRY);
            mail.push_back(first);
        }
        if !mail.is_empty() {
            effects.hand_over_kept(conn, mail);
        }
    }

    /// The connection that takes what is said to a name now, if nothing waits ahead of that.
    pub(super) fn hears(&self, name: &Name) -> Option<ConnId> {
        let live = self.lifecycle.live(name);
        live.filter(|_| !self.is_returning(name))
    }

    /// The connection that takes what is said to a peer now, by whatever name.
    fn hearer(&self, peer: PeerId) -> Option<ConnId> {
        self.hears(self.names.get(&peer)?)
    }

    /// Whether what is for somebody waits behind what is still to be handed over.
    pub(super) fn is_returning(&self, name: &Name) -> bool {
        !self.returning.is_empty() && self.peers[name].is_returning
    }

    /// Sends mail back that `receiver` will never get: as much as fits into this slice at once.
    pub(super) fn send_back(
        &mut self,
        (receiver, peer): (Name, PeerId),
        mail: VecDeque<Mail>,
        reason: BounceReason,
        effects: &mut Effects,
    ) {
        let mut undelivered = Undelivered {
            receiver,
            peer,
            reason,
            mail,
            returned: BTreeMap::new(),
        };
        self.return_some(&mut undelivered, effects);
        if !undelivered.mail.is_empty() {
            self.undelivered.push_back(undelivered);
        }
    }

    /// Sends mail back until the slice is over. Of each sender the first messages come back each by
    /// itself, and of those behind them one, which says how many more there are.
    fn return_some(&mut self, undelivered: &mut Undelivered, effects: &mut Effects) {
        let Undelivered {
            receiver,
            peer,
            reason,
            mail,
            returned,
        } = undelivered;
        let (receiver, reason) = (*receiver, *reason);
        let mut others: BTreeMap<PeerId, (Name, Message, u32)> = BTreeMap::new();
        while !effects.is_over()
            && let Some(mail) = mail.pop_front()
        {
            self.count_out(&mail);
            let Some((from, message)) = self.sender_of(&mail, reason) else {
                match (mail, self.hearer(*peer)) {
                    (Mail::Bounce(bounce), Some(conn)) => effects.bounce(conn, bounce),
                    (mail, _) => effects.discard(receiver, mail, reason),
                }
                continue;
            };
            let sender = message.header().sender;
            let returned = returned.entry(sender).or_default();
            *returned += 1;
            if *returned <= self.limits.bounces {
                self.bounce(from, receiver, (message, 0), reason, effects);
            } else {
                effects.worked(1, MAILBOX);
                let others = others.entry(sender).and_modify(|(.., more)| *more += 1);
                others.or_insert((from, message, 0));
            }
        }
        for (from, message, more) in others.into_values() {
            self.bounce(from, receiver, (message, more), reason, effects);
        }
    }

    /// Who is to be told that mail does not reach its receiver, and of which message; nobody, if it
    /// came back itself, or its sender is gone, or it was said in a room to a guest who is.
    fn sender_of(&self, mail: &Mail, reason: BounceReason) -> Option<(Name, Message)> {
        let Mail::Message(message) = mail else {
            return None;
        };
        let for_a_guest_in_a_room = message.header().room.is_some() && reason == BounceReason::Gone;
        let sender = self.names.get(&message.header().sender).copied();
        let from = sender.filter(|_| !for_a_guest_in_a_room)?;
        Some((from, message.clone()))
    }

    /// Sends a message that `receiver` will never get back to whoever said it, and says how many
    /// more there are like it.
    fn bounce(
        &mut self,
        from: Name,
        receiver: Name,
        (message, more): (Message, u32),
        reason: BounceReason,
        effects: &mut Effects,
    ) {
        let bounce = Arc::new(Bounce {
            receiver,
            reason,
            message,
            more,
        });
        if let Some(conn) = self.hears(&from) {
            return effects.bounce(conn, bounce);
        }
        if let Err(mail) = self.put(&from, Mail::Bounce(bounce)) {
            let mail = match mail {
                Mail::Bounce(bounce) if bounce.more == 0 => Mail::Message(bounce.message.clone()),
                Mail::Bounce(_) | Mail::Message(_) => mail,
            };
            effects.discard(receiver, mail, reason);
        }
    }

    /// Mail that its receiver will never get, and that waits to come back, with whom it was for and
    /// the name which that peer had.
    pub fn undelivered(&self) -> impl Iterator<Item = (PeerId, Name, &Mail)> {
        self.undelivered.iter().flat_map(|undelivered| {
            let (peer, name) = (undelivered.peer, undelivered.receiver);
            undelivered.mail.iter().map(move |mail| (peer, name, mail))
        })
    }

    /// Panics if something is due and no slice is, or the other way round.
    pub(super) fn check_slices(&self) {
        let deadline = self.deadline();
        assert!(
            deadline.is_none_or(|deadline| deadline > self.now),
            "a deadline has passed"
        );
        assert!(
            self.undelivered.iter().all(|left| !left.mail.is_empty()),
            "nothing is to come back"
        );
        let returning = self.peers.iter().filter(|(_, peer)| peer.is_returning);
        let mut returning: Vec<_> = returning.map(|(_, peer)| peer.id).collect();
        let known = |peer: &&PeerId| self.names.contains_key(peer);
        let mut queued: Vec<_> = self.returning.iter().filter(known).copied().collect();
        returning.sort_unstable();
        queued.sort_unstable();
        assert_eq!(returning, queued, "somebody returns, and is forgotten");
    }
}
