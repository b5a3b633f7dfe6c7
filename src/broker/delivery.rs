//! Messages, and what becomes of them.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::id::{ConnId, Name, Room};

use super::lifecycle::Hold;
use super::{Bounce, BounceReason, Broker, Effects, Event, Mail, Message, Receiver, Refusal};

impl Broker {
    /// Delivers what was said on `conn` to each of `to`.
    pub(super) fn send(
        &mut self,
        conn: ConnId,
        mut to: Vec<Receiver>,
        message: Message,
        effects: &mut Effects,
    ) {
        let limit = self.limits.receivers;
        if to.len() > limit {
            return effects.deliver([conn], Event::Refused(Refusal::TooManyReceivers { limit }));
        }
        // Mostly it is one, and the message need not be copied.
        if let &[receiver] = &to[..] {
            return self.say(conn, receiver, message, effects);
        }
        remove_repetitions(&mut to);
        // What is said to several peers is one message, ahead of what is said in rooms.
        let mut names = to.iter().filter_map(Receiver::peer).peekable();
        if names.peek().is_some() {
            let mut absent = Vec::new();
            let live = names.filter_map(|name| {
                let live = self.lifecycle.live(&name);
                absent.extend(live.is_none().then_some(name));
                live
            });
            let message = Arc::new(message.clone());
            effects.deliver(live, Event::Mail(Mail::Message(Arc::clone(&message))));
            self.keep(conn, &message, absent, effects);
        }
        for room in to.into_iter().filter(|to| to.peer().is_none()) {
            self.say(conn, room, message.clone(), effects);
        }
    }

    /// Delivers what was said on `conn` to one receiver.
    fn say(&mut self, conn: ConnId, to: Receiver, message: Message, effects: &mut Effects) {
        let room = match to {
            Receiver::Peer(name) => {
                let message = Arc::new(message);
                return match self.lifecycle.live(&name) {
                    Some(live) => effects.deliver([live], Event::Mail(Mail::Message(message))),
                    None => self.keep(conn, &message, vec![name], effects),
                };
            }
            Receiver::Room(room) => {
                let rooms = &self.peers[&message.from].rooms;
                rooms.get(&room).copied().ok_or(room)
            }
            Receiver::OpenRoom(room) => Ok(self.rooms.spelling(room)),
        };
        match room {
            Ok(room) => self.say_in(conn, room, message, effects),
            Err(room) => effects.deliver([conn], Event::Refused(Refusal::NotInRoom { room })),
        }
    }

    /// Delivers what was said on `conn` to everybody else in a room.
    fn say_in(&mut self, conn: ConnId, room: Room, message: Message, effects: &mut Effects) {
        let message = Arc::new(Message {
            room: Some(room),
            ..message
        });
        let mut absent = Vec::new();
        let members = self.rooms.members(&room);
        let live = members.filter_map(|(name, live)| {
            absent.extend(live.is_none().then_some(name));
            live.filter(|&live| live != conn)
        });
        effects.deliver(live, Event::Mail(Mail::Message(Arc::clone(&message))));
        self.keep(conn, &message, absent, effects);
    }

    /// Keeps a message for those who have no live connection; answers on `conn` what comes of it.
    fn keep(
        &mut self,
        conn: ConnId,
        message: &Arc<Message>,
        absent: Vec<Name>,
        effects: &mut Effects,
    ) {
        let (room, limits) = (message.room, self.limits.mailbox);
        for name in absent {
            let Some((&name, _)) = self.peers.get_key_value(&name) else {
                effects.deliver([conn], Event::Refused(Refusal::NoSuchPeer { name }));
                continue;
            };
            let mail = Mail::Message(Arc::clone(message));
            if self.peer_mut(&name).mailbox.push(mail, limits).is_err() {
                effects.deliver([conn], Event::Refused(Refusal::MailboxFull { name, room }));
            } else if room.is_none() && self.is_expected(&name) {
                effects.deliver([conn], Event::Kept { name });
            }
        }
    }

    /// Whether a peer without a live connection may come back, and has not yet begun to.
    fn is_expected(&self, name: &Name) -> bool {
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

    pub(super) fn bounce_all(
        &mut self,
        receiver: Name,
        mail: VecDeque<Mail>,
        reason: BounceReason,
        effects: &mut Effects,
    ) {
        for mail in mail {
            self.bounce(receiver, mail, reason, effects);
        }
    }

    /// Sends mail that `receiver` will never get back to whoever said it.
    fn bounce(&mut self, receiver: Name, mail: Mail, reason: BounceReason, effects: &mut Effects) {
        let message = match &mail {
            Mail::Message(message) => Arc::clone(message),
            Mail::Bounce(_) => return effects.discard(receiver, mail, reason),
        };
        let for_a_guest_in_a_room = message.room.is_some() && reason == BounceReason::Gone;
        let sender = self.names.get(&message.sender).copied();
        let Some(from) = sender.filter(|_| !for_a_guest_in_a_room) else {
            return effects.discard(receiver, mail, reason);
        };
        let bounce = Mail::Bounce(Arc::new(Bounce {
            receiver,
            reason,
            message,
        }));
        match self.lifecycle.live(&from) {
            Some(conn) => effects.deliver([conn], Event::Mail(bounce)),
            None => {
                let limits = self.limits.mailbox;
                if self.peer_mut(&from).mailbox.push(bounce, limits).is_err() {
                    effects.discard(receiver, mail, reason);
                }
            }
        }
    }
}

/// Keeps the first of each receiver.
fn remove_repetitions(receivers: &mut Vec<Receiver>) {
    if receivers.len() > 1 {
        let mut seen = BTreeSet::new();
        receivers.retain(|receiver| seen.insert(*receiver));
    }
}
