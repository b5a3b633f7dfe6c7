//! What the books of several checkers have in common: which deliveries were accepted, and which
//! mail waits for whom.

use std::collections::BTreeSet;

use rejoin::broker::{Event, Mail, Message, Receiver, Refusal, Request};
use rejoin::id::{ConnId, Name, PeerId, Room};

use super::Witness;
use crate::moment::{actor, mail_of, number};

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
}

/// A delivery that the broker has taken on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    pub(super) delivery: Delivery,
    pub(super) from: PeerId,
    pub(super) to: PeerId,
}

/// The deliveries that were asked for in this moment, and not refused.
pub(super) fn accepted(witness: &Witness<'_>) -> Result<Vec<Accepted>, String> {
    let Witness { moment, after, .. } = witness;
    let mut accepted = Vec::new();
    let Some(input) = moment.input() else {
        return Ok(accepted);
    };
    let says = actor(input).and_then(|conn| after.online(conn));
    let (Some(says), Some((to, number))) = (says, sent(witness)) else {
        return Ok(accepted);
    };
    let refusals = refusals(witness);
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
            Receiver::Room(room) if says.rooms.contains(&room) => {
                for (&name, bearer) in &after.bearers {
                    if bearer.rooms.contains(&room) && bearer.peer != says.peer {
                        take(name, Some(room), bearer.peer);
                    }
                }
            }
            Receiver::Room(room) if refusals.contains(&Refusal::NotInRoom { room }) => {}
            Receiver::Room(room) => {
                return Err(format!("{} is not in {room}, and yet speaks", says.name));
            }
        }
    }
    Ok(accepted)
}

/// Mail that waits, each piece with the peer that it waits for: for each peer the outbox first, and
/// then the mailbox. What lies where nobody will look has no peer.
pub(super) fn waiting<'a>(witness: &'a Witness<'_>) -> Vec<(Option<PeerId>, Name, &'a Mail)> {
    let Witness { moment, after, .. } = witness;
    let mut waiting = Vec::new();
    for (&conn, link) in &moment.links {
        let Some(name) = name_of(witness, conn) else {
            continue;
        };
        let peer = after.peer(conn).filter(|_| !link.writer_finished);
        let mail = link.outbox.iter().filter_map(mail_of);
        waiting.extend(mail.map(|mail| (peer, name, mail)));
    }
    for (&name, mailbox) in &moment.view.mailboxes {
        let peer = after.bearers.get(&name).map(|bearer| bearer.peer);
        waiting.extend(mailbox.iter().map(|mail| (peer, name, mail)));
    }
    waiting
}

/// The name that a connection logged in with.
pub(super) fn name_of(witness: &Witness<'_>, conn: ConnId) -> Option<Name> {
    let (name, _) = witness.after.known.get(&conn)?.asked?;
    Some(name)
}

/// What the sender is told that it was refused.
fn refusals(witness: &Witness<'_>) -> Vec<Refusal> {
    let asker = witness.moment.input().and_then(actor);
    let refusals = witness.moment.told().filter_map(|(conn, event)| {
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
            | Event::Rooms { .. }
            | Event::Who { .. } => None,
        }
    });
    refusals.collect()
}

/// To whom something was said, each once, and the number of the message.
fn sent(witness: &Witness<'_>) -> Option<(BTreeSet<Receiver>, u32)> {
    let rejoin::broker::Input::Request { request, .. } = witness.moment.input()? else {
        return None;
    };
    let Request::Send { to, text } = request else {
        return None;
    };
    Some((to.iter().copied().collect(), number(text)))
}
