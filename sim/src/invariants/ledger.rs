//! What the books of several checkers have in common: which deliveries were accepted, and which
//! mail waits for whom.

use std::collections::BTreeSet;

use rejoin::broker::{Bounce, Event, Mail, Message, Receiver, Refusal, Request};
use rejoin::id::{Name, PeerId, Room};

use crate::moment::{Moment, actor, mail_of, number};
use crate::roster::Roster;

/// One message for one receiver. No two deliveries of a run are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Delivery {
    /// The message.
    pub(super) number: u32,
    /// The room that it was said in.
    pub(super) room: Option<Room>,
    /// Whom it is for.
    pub(super) receiver: Name,
}

impl Delivery {
    /// `message`, for `receiver`.
    pub(super) fn new(message: &Message, receiver: Name) -> Self {
        Self {
            number: number(&message.text),
            room: message.room,
            receiver,
        }
    }

    /// The one that came back.
    pub(super) fn bounced(bounce: &Bounce) -> Self {
        Self::new(&bounce.message, bounce.receiver)
    }
}

/// A delivery that the broker has taken on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    pub(super) delivery: Delivery,
    pub(super) from: PeerId,
    pub(super) to: PeerId,
}

/// The deliveries that were asked for in this moment, and not refused.
pub(super) fn accepted(moment: &Moment, after: &Roster) -> Result<Vec<Accepted>, String> {
    let mut accepted = Vec::new();
    let Some(input) = moment.input() else {
        return Ok(accepted);
    };
    let says = actor(input).and_then(|conn| after.online(conn));
    let (Some(says), Some((to, number))) = (says, sent(moment)) else {
        return Ok(accepted);
    };
    let refusals = refusals(moment);
    let too_many = |refusal: &Refusal| matches!(refusal, Refusal::TooManyReceivers { .. });
    if refusals.iter().any(too_many) {
        return Ok(accepted);
    }
    let mut take = |receiver, room, to| {
        let full = Refusal::MailboxFull {
            name: receiver,
            room,
        };
        if !refusals.contains(&full) {
            accepted.push(Accepted {
                delivery: Delivery {
                    number,
                    room,
                    receiver,
                },
                from: says.peer,
                to,
            });
        }
    };
    for receiver in to {
        match receiver {
            Receiver::Peer(name) => match after.bearers.get(&name) {
                Some(bearer) => take(name, None, bearer.peer),
                None if refusals.contains(&Refusal::NoSuchPeer { name }) => {}
                None => return Err(format!("a message is taken for {name}, whom nobody knows")),
            },
            Receiver::Room(room) | Receiver::OpenRoom(room)
                if says.rooms.contains(&room) || receiver == Receiver::OpenRoom(room) =>
            {
                for (&name, bearer) in &after.bearers {
                    if bearer.rooms.contains(&room) && bearer.peer != says.peer {
                        take(name, Some(room), bearer.peer);
                    }
                }
            }
            Receiver::Room(room) if refusals.contains(&Refusal::NotInRoom { room }) => {}
            Receiver::Room(room) | Receiver::OpenRoom(room) => {
                return Err(format!("{} is not in {room}, and yet speaks", says.name));
            }
        }
    }
    Ok(accepted)
}

/// Mail that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting<'a> {
    /// Whom it waits for; nobody, if it lies where nobody will look.
    pub(super) peer: Option<PeerId>,
    /// What it is, or what came back.
    pub(super) delivery: Delivery,
    pub(super) mail: &'a Mail,
}

impl<'a> Waiting<'a> {
    fn new(peer: Option<PeerId>, name: Name, mail: &'a Mail) -> Self {
        let delivery = match mail {
            Mail::Message(message) => Delivery::new(message, name),
            Mail::Bounce(bounce) => Delivery::bounced(bounce),
        };
        Self {
            peer,
            delivery,
            mail,
        }
    }
}

/// All mail that waits: for each peer the outbox first, and then the mailbox.
pub(super) fn waiting<'a>(moment: &'a Moment, after: &Roster) -> Vec<Waiting<'a>> {
    let mut waiting = Vec::new();
    for (&conn, link) in &moment.links.0 {
        let Some(name) = after.name(conn) else {
            continue;
        };
        let peer = after.peer(conn).filter(|_| !link.writer_finished);
        let mail = link.outbox.iter().filter_map(mail_of);
        waiting.extend(mail.map(|mail| Waiting::new(peer, name, mail)));
    }
    for (&name, mailbox) in &moment.view.mailboxes {
        let peer = after.bearers.get(&name).map(|bearer| bearer.peer);
        waiting.extend(mailbox.iter().map(|mail| Waiting::new(peer, name, mail)));
    }
    waiting
}

/// What the sender is told that it was refused.
fn refusals(moment: &Moment) -> Vec<Refusal> {
    let asker = moment.input().and_then(actor);
    let refusals = moment.told().filter_map(|(conn, event)| {
        let to_asker = Some(conn) == asker;
        match event {
            Event::Refused(refusal) if to_asker => Some(*refusal),
            Event::Refused(_)
            | Event::Welcome { .. }
            | Event::Back { .. }
            | Event::Mail(_)
            | Event::KeptMail(_)
            | Event::Kept { .. }
            | Event::Joined { .. }
            | Event::Left { .. }
            | Event::Renamed { .. }
            | Event::Rooms { .. }
            | Event::Who { .. } => None,
        }
    });
    refusals.collect()
}

/// To whom something was said, each once, and the number of the message.
fn sent(moment: &Moment) -> Option<(BTreeSet<Receiver>, u32)> {
    let rejoin::broker::Input::Request { request, .. } = moment.input()? else {
        return None;
    };
    let Request::Send { to, text, .. } = request else {
        return None;
    };
    Some((to.iter().copied().collect(), number(text)))
}
