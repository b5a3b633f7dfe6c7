//! Messages, and what becomes of them.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::Range;

use crate::id::{ConnId, Name, PeerId, Room};

use super::effect::MAILBOX;
use super::lifecycle::Hold;
use super::{Broker, Effects, Event, Header, Mail, Message, Messages, Receiver, Refusal, Said};

/// Who says something, and where the answers go.
pub(super) struct Sender {
    pub(super) conn: ConnId,
    pub(super) name: Name,
    pub(super) peer: PeerId,
}

impl Broker {
    /// Delivers what somebody says to each of `to`.
    pub(super) fn send(
        &mut self,
        sender: &Sender,
        mut to: Vec<Receiver>,
        said: Said,
        effects: &mut Effects,
    ) {
        let limit = self.limits.receivers;
        if to.len() > limit {
            let refusal = Event::Refused(Refusal::TooManyReceivers { limit });
            for _ in 0..said.texts.len() {
                effects.deliver([sender.conn], refusal.clone());
            }
            return;
        }
        remove_repetitions(&mut to);
        // Mostly it is one, which hears all of it at once.
        if let &[to] = &to[..] {
            return self.say_to_one(sender, to, said, effects);
        }
        // Several hear each text before the next. What is said to several peers is one message,
        // ahead of what is said in rooms.
        let names: Vec<_> = to.iter().filter_map(Receiver::peer).collect();
        to.retain(|to| to.peer().is_none());
        for said in said.each() {
            if !names.is_empty() {
                self.say_to(sender, &names, said.clone(), effects);
            }
            for &room in &to {
                self.say_to_one(sender, room, said.clone(), effects);
            }
        }
    }

    fn say_to_one(&mut self, sender: &Sender, to: Receiver, said: Said, effects: &mut Effects) {
        match to {
            Receiver::Peer(name) => self.say_to(sender, &[name], said, effects),
            Receiver::Room(room) => {
                let rooms = &self.peers[&sender.name].rooms;
                let room = rooms.get(&room).copied().ok_or(room);
                self.say_in(sender, room, said, effects);
            }
            Receiver::OpenRoom(room) => {
                let room = Ok(self.rooms.spelling(room));
                self.say_in(sender, room, said, effects);
            }
        }
    }

    fn say_to(&mut self, sender: &Sender, names: &[Name], said: Said, effects: &mut Effects) {
        let mut absent = Vec::new();
        let live = names.iter().filter_map(|name| {
            let live = self.hears(name);
            absent.extend(live.is_none().then_some(*name));
            live
        });
        let to = effects.receivers(live);
        self.say(sender, None, said, (to, &absent), effects);
    }

    /// Delivers what is said in a room to everybody else there, unless the sender has to be in it
    /// and is not.
    fn say_in(
        &mut self,
        sender: &Sender,
        room: Result<Room, Room>,
        said: Said,
        effects: &mut Effects,
    ) {
        match room {
            Ok(room) => {
                let mut absent = Vec::new();
                let others = self.rooms.members(&room);
                let others = others.filter(|&(_, live)| live != Some(sender.conn));
                let live = others.filter_map(|(name, live)| {
                    let live = live.filter(|_| !self.is_returning(&name));
                    absent.extend(live.is_none().then_some(name));
                    live
                });
                let to = effects.receivers(live);
                self.say(sender, Some(room), said, (to, &absent), effects);
            }
            Err(room) => {
                let refusal = Event::Refused(Refusal::NotInRoom { room });
                for _ in 0..said.texts.len() {
                    effects.deliver([sender.conn], refusal.clone());
                }
            }
        }
    }

    /// Hands what is said over to `to`, and keeps it for those who are absent.
    fn say(
        &mut self,
        sender: &Sender,
        room: Option<Room>,
        said: Said,
        (to, absent): (Range<usize>, &[Name]),
        effects: &mut Effects,
    ) {
        let header = Header {
            from: sender.name,
            sender: sender.peer,
            source: self.lifecycle.source(sender.conn),
            room,
            stamp: said.stamp,
        };
        let messages = Messages::new(header, said.number, said.texts);
        if absent.is_empty() {
            return effects.say(to, messages);
        }
        effects.say(to, messages.clone());
        for message in messages.iter() {
            self.keep(sender.conn, message, absent, effects);
        }
    }

    /// Keeps a message for those who have no live connection; answers on `conn` what comes of it.
    fn keep(&mut self, conn: ConnId, message: Message, absent: &[Name], effects: &mut Effects) {
        effects.worked(absent.len(), MAILBOX);
        let room = message.header().room;
        // What waits in several mailboxes is kept once.
        let mail = Mail::Message(message.clone());
        let fits = |name: &&Name| self.has_room(name, &mail);
        let keepers = match absent {
            [_] => 1,
            _ => absent.iter().filter(fits).count(),
        };
        let message = message.for_keepers(keepers);
        for &name in absent {
            let Some((&name, _)) = self.peers.get_key_value(&name) else {
                effects.deliver([conn], Event::Refused(Refusal::NoSuchPeer { name }));
                continue;
            };
            let mail = Mail::Message(message.clone());
            if self.put(&name, mail).is_err() {
                effects.deliver([conn], Event::Refused(Refusal::MailboxFull { name, room }));
            } else if room.is_none() && self.is_expected(&name) {
                effects.deliver([conn], Event::Kept { name });
            }
        }
    }

    /// Whether a peer has no live connection, may come back, and has not yet begun to: what is said
    /// to it waits.
    pub fn is_expected(&self, name: &Name) -> bool {
        if self.lifecycle.live(name).is_some() {
            return false;
        }
        let hold = self.lifecycle.binding(name).map(|binding| binding.hold);
        let waits = matches!(
            hold,
            Some(Hold::Held {
                waiter: Some(_),
                ..
            })
        );
        self.is_resumable(name) && !waits
    }
}

/// Keeps the first of each receiver.
fn remove_repetitions(receivers: &mut Vec<Receiver>) {
    if receivers.len() > 1 {
        let mut seen = BTreeSet::new();
        receivers.retain(|receiver| seen.insert(*receiver));
    }
}
