//! What the books of several checkers have in common: which deliveries were accepted, and which
//! mail waits for whom.

use std::collections::{BTreeMap, BTreeSet};
use std::{fmt, mem};

use rejoin::broker::{Bounce, Event, Mail, Message, Receiver, Refusal, Request};
use rejoin::id::{Name, PeerId, Room};

use crate::moment::{Act, Happening, Moment, actor, mail_of, number};
use crate::roster::Roster;
use crate::words;

/// One message for one receiver. No two deliveries of a run are equal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Delivery {
    /// The message.
    pub(super) number: u32,
    /// The room that it was said in.
    pub(super) room: Option<Room>,
    /// Whom it is for, by whatever name.
    pub(super) to: PeerId,
}

impl Delivery {
    /// `message`, for `to`.
    pub(super) fn new(message: &Message, to: PeerId) -> Self {
        Self {
            number: number(message.text()),
            room: message.header().room,
            to,
        }
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let to = words::peer(Some(self.to));
        write!(f, "{} for {to}", words::message(self.number, self.room))
    }
}

/// A delivery that the broker has taken on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accepted {
    pub(super) delivery: Delivery,
    pub(super) from: PeerId,
}

/// The deliveries that were asked for in this moment, and not refused.
pub(super) fn accepted(moment: &Moment, after: &Roster) -> Result<Vec<Accepted>, String> {
    let mut accepted = Vec::new();
    let Some(input) = moment.input() else {
        return Ok(accepted);
    };
    let says = actor(input).and_then(|conn| after.online(conn));
    let (Some(says), Some((to, numbers))) = (says, sent(moment)) else {
        return Ok(accepted);
    };
    let refusals = refusals(moment);
    let too_many = |refusal: &Refusal| matches!(refusal, Refusal::TooManyReceivers { .. });
    if refusals.iter().any(too_many) {
        return Ok(accepted);
    }
    let times = |refusal: &Refusal| refusals.iter().filter(|r| *r == refusal).count();
    // Each text is refused, or none.
    let is_refused = |refusal| times(&refusal) == numbers.len();
    let mut hearers = Vec::new();
    for receiver in to {
        match receiver {
            Receiver::Peer(name) => match after.bearers.get(&name) {
                Some(bearer) => hearers.push((name, None, bearer.peer)),
                None if is_refused(Refusal::NoSuchPeer { name }) => {}
                None => return Err(format!("a message is taken for {name}, whom nobody knows")),
            },
            Receiver::Room(room) | Receiver::OpenRoom(room)
                if says.rooms.contains(&room) || receiver == Receiver::OpenRoom(room) =>
            {
                let members = after
                    .bearers
                    .iter()
                    .filter(|(_, bearer)| bearer.rooms.contains(&room) && bearer.peer != says.peer);
                hearers.extend(members.map(|(&name, bearer)| (name, Some(room), bearer.peer)));
            }
            Receiver::Room(room) if is_refused(Refusal::NotInRoom { room }) => {}
            Receiver::Room(room) | Receiver::OpenRoom(room) => {
                return Err(format!("{} is not in {room}, and yet speaks", says.name));
            }
        }
    }
    for (place, &number) in numbers.iter().enumerate() {
        for &(name, room, to) in &hearers {
            // A mailbox that is full stays so, and no text is shorter than the one before.
            let full = Refusal::MailboxFull { name, room };
            if place + times(&full) < numbers.len() {
                accepted.push(Accepted {
                    delivery: Delivery { number, room, to },
                    from: says.peer,
                });
            }
        }
    }
    Ok(accepted)
}

/// A piece of mail, and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    /// Whom it waits for, or who has read it; nobody, if it lies where nobody will look.
    pub(super) peer: Option<PeerId>,
    /// What it is, or what came back; nothing, if there never was anybody whom it could be for.
    pub(super) delivery: Option<Delivery>,
    pub(super) mail: &'a Mail,
    /// Whether it will not arrive, and waits to come back to whoever said it.
    pub(super) comes_back: bool,
}

/// All mail of a moment.
#[derive(Clone, Default, Debug)]
pub(super) struct Pieces<'a> {
    /// What a socket has taken.
    pub(super) written: Vec<Piece<'a>>,
    /// What nobody gets, in the order of the effects that say so.
    pub(super) discarded: Vec<Piece<'a>>,
    /// What waits: for each peer the outbox first, then the mailbox, and then what is to come back
    /// to those who said it.
    pub(super) waiting: Vec<Piece<'a>>,
}

/// Whose deliveries are on their way back. A bounce says only by what name its receiver went, and
/// that name may be another's by now.
///
/// Two bounces may even say the same: then they are told apart by their order.
#[derive(Clone, Default, Debug)]
pub(super) struct Returning {
    bounces: BTreeMap<Returned, Vec<PeerId>>,
    /// What is to come back in slices, whom it was for, and how that peer was called.
    undelivered: Vec<(PeerId, Name, Mail)>,
}

/// The number of a message, where it was said, and whom it was for.
type Returned = (u32, Option<Room>, Name);

fn returned(bounce: &Bounce) -> Returned {
    let message = &bounce.message;
    (
        number(message.text()),
        message.header().room,
        bounce.receiver,
    )
}

impl Returning {
    /// All mail of a moment, by which the roster `before` became that `after` it.
    pub(super) fn sort<'a>(
        &mut self,
        moment: &'a Moment,
        before: &Roster,
        after: &Roster,
    ) -> Pieces<'a> {
        // It may be for somebody who is gone already, and whose name another bears.
        let mut undelivered = mem::take(&mut self.undelivered);
        let mut bearer = |name: &Name, message: &Message| {
            let is_it = |left: &(PeerId, Name, Mail)| {
                left.1 == *name && matches!(&left.2, Mail::Message(left) if left == message)
            };
            match undelivered.iter().position(is_it) {
                Some(place) => Some(undelivered.remove(place).0),
                None => before.bearers.get(name).map(|bearer| bearer.peer),
            }
        };
        let mut pieces = Pieces::default();
        match &moment.happening {
            Happening::Written { conn, items } => {
                let peer = after.peer(*conn);
                for mail in items.iter().filter_map(mail_of) {
                    pieces.written.push(self.leaves(peer, mail, &mut bearer));
                }
            }
            Happening::Handled { acts, .. } => {
                for act in acts {
                    if let Act::Discard { receiver, mail, .. } = act {
                        let peer = match mail {
                            Mail::Message(message) => bearer(receiver, message),
                            Mail::Bounce(_) => None,
                        };
                        let piece = self.leaves(peer, mail, &mut bearer);
                        pieces.discarded.push(piece);
                    }
                }
            }
        }
        let mut left = Self::default();
        let mut wait = |peer: Option<PeerId>, mail: &'a Mail, comes_back: bool| {
            let to = match mail {
                Mail::Message(_) => peer,
                Mail::Bounce(bounce) => self.stays(&mut left, bounce, &mut bearer),
            };
            let piece = Piece::new(peer, to, mail);
            pieces.waiting.push(Piece {
                comes_back,
                ..piece
            });
        };
        for (&conn, link) in &moment.links.0 {
            if !link.outbox.is_empty() {
                let peer = after.peer(conn).filter(|_| !link.writer_finished);
                let mail = link.outbox.iter().filter_map(mail_of);
                mail.for_each(|mail| wait(peer, mail, false));
            }
        }
        for (name, mailbox) in &moment.view.mailboxes {
            if !mailbox.is_empty() {
                let peer = after.bearers.get(name).map(|bearer| bearer.peer);
                mailbox.iter().for_each(|mail| wait(peer, mail, false));
            }
        }
        for (peer, _, mail) in &moment.view.undelivered {
            wait(Some(*peer), mail, true);
        }
        left.undelivered.clone_from(&moment.view.undelivered);
        *self = left;
        pieces
    }

    /// A piece of mail that waits no longer.
    fn leaves<'a>(
        &mut self,
        peer: Option<PeerId>,
        mail: &'a Mail,
        mut bearer: impl FnMut(&Name, &Message) -> Option<PeerId>,
    ) -> Piece<'a> {
        let to = match mail {
            Mail::Message(_) => peer,
            Mail::Bounce(bounce) => {
                let known = self.bounces.get_mut(&returned(bounce));
                let known = known.filter(|peers| !peers.is_empty());
                let first = known.map(|peers| peers.remove(0));
                // It may have come back in this very moment.
                first.or_else(|| bearer(&bounce.receiver, &bounce.message))
            }
        };
        Piece::new(peer, to, mail)
    }

    /// Whose delivery it is that is on its way back, and was so before, or is from now on.
    fn stays(
        &self,
        left: &mut Self,
        bounce: &Bounce,
        mut bearer: impl FnMut(&Name, &Message) -> Option<PeerId>,
    ) -> Option<PeerId> {
        let key = returned(bounce);
        let found = left.bounces.entry(key).or_default();
        let known = self.bounces.get(&key);
        let known = known.and_then(|peers| peers.get(found.len()));
        let peer = known.copied();
        let peer = peer.or_else(|| bearer(&bounce.receiver, &bounce.message));
        found.extend(peer);
        peer
    }
}

impl<'a> Piece<'a> {
    fn new(peer: Option<PeerId>, to: Option<PeerId>, mail: &'a Mail) -> Self {
        let delivery = to.map(|to| Delivery::new(mail.message(), to));
        Self {
            peer,
            delivery,
            mail,
            comes_back: false,
        }
    }

    /// What it is.
    ///
    /// # Errors
    ///
    /// Says so if it could never be anybody's.
    pub(super) fn delivery(&self) -> Result<Delivery, String> {
        let delivery = self.delivery;
        delivery.ok_or_else(|| format!("{} was never accepted", words::mail(self.mail)))
    }
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

/// To whom something was said, each once, and the numbers of the messages.
fn sent(moment: &Moment) -> Option<(BTreeSet<Receiver>, Vec<u32>)> {
    let rejoin::broker::Input::Request { request, .. } = moment.input()? else {
        return None;
    };
    let Request::Send { to, said } = request else {
        return None;
    };
    let numbers = said.texts.iter().map(number).collect();
    Some((to.iter().copied().collect(), numbers))
}
