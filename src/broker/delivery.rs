//! Messages, and what becomes of them.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use crate::id::{ConnId, Name, PeerId, Room, Text};

use super::lifecycle::Hold;
use super::{
    Bounce, BounceReason, Broker, Effects, Event, Mail, Message, Receiver, Refusal, Stamp,
};

/// Who says something, and where the answers go.
pub(super) struct Sender {
    pub(super) conn: ConnId,
    pub(super) name: Name,
    pub(super) peer: PeerId,
}

impl Sender {
    /// What is said, put together where it stays.
    #[inline]
    fn message(&self, room: Option<Room>, text: Text, stamp: Stamp) -> Arc<Message> {
        Arc::new(Message {
            from: self.name,
            sender: self.peer,
            room,
            text,
            stamp,
        })
    }
}

impl Broker {
    /// Delivers what somebody says to each of `to`.
    #[inline]
    pub(super) fn send(
        &mut self,
        sender: &Sender,
        to: Vec<Receiver>,
        text: Text,
        stamp: Stamp,
        effects: &mut Effects,
    ) {
        // Mostly it is one.
        if let &[Receiver::Peer(name)] = &to[..] {
            let message = sender.message(None, text, stamp);
            return match self.lifecycle.live(&name) {
                Some(live) => effects.deliver([live], Event::Mail(Mail::Message(message))),
                None => self.keep(sender.conn, &message, vec![name], effects),
            };
        }
        let limit = self.limits.receivers;
        if to.len() > limit {
            let refusal = Refusal::TooManyReceivers { limit };
            return effects.deliver([sender.conn], Event::Refused(refusal));
        }
        self.send_to_all(sender, to, &text, &stamp, effects);
    }

    fn send_to_all(
        &mut self,
        sender: &Sender,
        mut to: Vec<Receiver>,
        text: &Text,
        stamp: &Stamp,
        effects: &mut Effects,
    ) {
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
            let message = sender.message(None, text.clone(), stamp.clone());
            effects.deliver(live, Event::Mail(Mail::Message(Arc::clone(&message))));
            self.keep(sender.conn, &message, absent, effects);
        }
        for to in to {
            let room = match to {
                Receiver::Peer(_) => continue,
                Receiver::Room(room) => {
                    let rooms = &self.peers[&sender.name].rooms;
                    rooms.get(&room).copied().ok_or(room)
                }
                Receiver::OpenRoom(room) => Ok(self.rooms.spelling(room)),
            };
            match room {
                Ok(room) => {
                    let message = sender.message(Some(room), text.clone(), stamp.clone());
                    self.say_in(sender.conn, room, &message, effects);
                }
                Err(room) => {
                    let refusal = Refusal::NotInRoom { room };
                    effects.deliver([sender.conn], Event::Refused(refusal));
                }
            }
        }
    }

    /// Delivers what was said on `conn` to everybody else in a room.
    fn say_in(&mut self, conn: ConnId, room: Room, message: &Arc<Message>, effects: &mut Effects) {
        let mut absent = Vec::new();
        let members = self.rooms.members(&room);
        let live = members.filter_map(|(name, live)| {
            absent.extend(live.is_none().then_some(name));
            live.filter(|&live| live != conn)
        });
        effects.deliver(live, Event::Mail(Mail::Message(Arc::clone(message))));
        self.keep(conn, message, absent, effects);
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
