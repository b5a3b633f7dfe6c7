//! The mail that is on its way: statements 4 and 5, and for mail statement 6.

use std::fmt;

use rejoin::broker::{
    BounceReason, Effect, Event, Input, Mail, Message, Receiver, Refusal, Request,
};
use rejoin::id::{ConnId, Name, PeerId};

use super::books::{Bearer, Books, Link};
use super::universe::{Setup, name_index, room_index};
use super::{Show, ensure, violation};
use crate::invariants::Violation;
use crate::moment::number;
use crate::{step, words};

/// Every accepted delivery that is neither written, nor sent back to the end, nor counted, in the
/// order sent.
#[derive(Clone, Default, Debug)]
pub(super) struct Ledger {
    pub(super) deliveries: Vec<Delivery>,
}

/// One message for one receiver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivery {
    key: Key,
    pub(super) from: PeerId,
    pub(super) to: PeerId,
    /// Whether it is on its way back.
    bounced: bool,
}

/// What tells a delivery from all others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Key {
    number: u32,
    /// The index of the room that it was said in.
    room: Option<usize>,
    /// The index of the name that it is for.
    receiver: usize,
}

impl Key {
    fn new(message: &Message, receiver: usize) -> Self {
        Self {
            number: number(message.text()),
            room: message.header().room.as_ref().map(room_index),
            receiver,
        }
    }

    /// Of mail that waits under a name.
    fn of(mail: &Mail, name: usize) -> Self {
        match mail {
            Mail::Message(message) => Self::new(message, name),
            Mail::Bounce(bounce) => Self::new(&bounce.message, name_index(&bounce.receiver)),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let room = self.room.map(|room| step::room(room as u8));
        let receiver = step::name(self.receiver as u8);
        write!(f, "{} for {receiver}", words::message(self.number, room))
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key, from, bounced, ..
        } = self;
        let from = words::peer(Some(*from));
        let way = if *bounced { ", which came back," } else { "" };
        write!(f, "{key} from {from}{way}")
    }
}

impl Delivery {
    pub(super) const fn number(&self) -> u32 {
        self.key.number
    }

    fn is_of(&self, other: &Self) -> bool {
        (self.from, self.to) == (other.from, other.to) && !self.bounced && !other.bounced
    }
}

impl Ledger {
    /// The most deliveries at once: each message to a room has up to two receivers.
    const MOST: usize = 16;

    /// How many messages are on their way.
    pub(super) fn messages(&self) -> usize {
        let mut last = None;
        let numbers = self.deliveries.iter().map(Delivery::number);
        // Those of one message were taken on together, and lie next to each other.
        numbers.filter(|&n| last.replace(n) != Some(n)).count()
    }

    /// A socket takes a piece of mail.
    pub(super) fn written(&mut self, link: &Link, mail: &Mail) -> Result<(), Violation> {
        let conn = link.conn;
        let name = link.asked.map(|(name, _)| usize::from(name));
        let name = name.ok_or_else(|| violation(4, format!("{conn} has {}", words::mail(mail))))?;
        let place = self.find(&Key::of(mail, name))?;
        let delivery = self.deliveries[place];
        let (owner, bounced) = match mail {
            Mail::Message(_) => (delivery.to, false),
            Mail::Bounce(_) => (delivery.from, true),
        };
        let reader = link.peer;
        ensure!(
            Some(owner) == reader && delivery.bounced == bounced,
            4,
            "{} is written to {}, and it is {delivery}",
            words::mail(mail),
            words::peer(reader)
        );
        let earlier = &self.deliveries[..place];
        let is_first = bounced || !earlier.iter().any(|other| other.is_of(&delivery));
        ensure!(is_first, 5, "{delivery} arrives ahead of an earlier one");
        self.deliveries.remove(place);
        Ok(())
    }

    /// Who mail is for has another name.
    pub(super) fn rename(&mut self, peer: PeerId, name: usize) {
        for delivery in &mut self.deliveries {
            if delivery.to == peer && !delivery.bounced {
                delivery.key.receiver = name;
            }
        }
    }

    /// Takes on what was sent and not refused, and lets go what is only counted.
    pub(super) fn observe(
        &mut self,
        setup: &Setup,
        before: &Books,
        after: &Books,
        input: &Input,
        effects: &[Effect<'_>],
        shown: &impl Show,
    ) -> Result<(), Violation> {
        if let Input::Request { conn, request } = input
            && let Request::Send { to, said } = request
        {
            let refusals = Refusals {
                conn: *conn,
                effects,
            };
            for text in said.texts.iter() {
                self.accept(setup, after, &refusals, to, number(text))?;
            }
        }
        for effect in effects {
            if let Effect::Discard {
                receiver,
                mail,
                reason,
            } = effect
            {
                let place = self.find(&Key::of(mail, name_index(receiver)))?;
                let delivery = self.deliveries.remove(place);
                counted(setup, before, after, &delivery, mail, *reason, shown)?;
            }
        }
        Ok(())
    }

    fn accept(
        &mut self,
        setup: &Setup,
        after: &Books,
        refusals: &Refusals<'_>,
        to: &[Receiver],
        number: u32,
    ) -> Result<(), Violation> {
        let Some((_, says)) = after.online(refusals.conn) else {
            return Ok(());
        };
        for receiver in to {
            match *receiver {
                Receiver::Peer(name) => {
                    let index = name_index(&name);
                    match after.bearers[index] {
                        Some(bearer) => {
                            if !refusals.contain(&Refusal::MailboxFull { name, room: None }) {
                                self.take(number, None, index, says.peer, bearer.peer);
                            }
                        }
                        None => ensure!(
                            refusals.contain(&Refusal::NoSuchPeer { name }),
                            4,
                            "a message is taken for {name}, whom nobody knows"
                        ),
                    }
                }
                Receiver::OpenRoom(_) => unreachable!("no step speaks from outside"),
                Receiver::Room(room) => {
                    let index = room_index(&room);
                    ensure!(
                        says.rooms[index] || refusals.contain(&Refusal::NotInRoom { room }),
                        4,
                        "{} is not in {room}, and yet speaks",
                        words::peer(Some(says.peer))
                    );
                    if !says.rooms[index] {
                        continue;
                    }
                    for (receiver, &name) in setup.names.iter().enumerate() {
                        let Some(bearer) = after.bearers[receiver] else {
                            continue;
                        };
                        let hears = bearer.rooms[index] && bearer.peer != says.peer;
                        let full = Refusal::MailboxFull {
                            name,
                            room: Some(room),
                        };
                        if hears && !refusals.contain(&full) {
                            self.take(number, Some(index), receiver, says.peer, bearer.peer);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        number: u32,
        room: Option<usize>,
        receiver: usize,
        from: PeerId,
        to: PeerId,
    ) {
        let key = Key {
            number,
            room,
            receiver,
        };
        self.deliveries.push(Delivery {
            key,
            from,
            to,
            bounced: false,
        });
    }

    fn find(&self, key: &Key) -> Result<usize, Violation> {
        let place = self.deliveries.iter().position(|d| d.key == *key);
        place.ok_or_else(|| violation(4, format!("{key} is not on its way, or is no more")))
    }

    /// Compares what is on its way with what waits: for each peer the outbox first, and then the
    /// mailbox.
    pub(super) fn weigh(
        &mut self,
        setup: &Setup,
        books: &Books,
        shown: &impl Show,
    ) -> Result<(), Violation> {
        assert!(self.deliveries.len() <= Self::MOST, "a universe is small");
        let mut places = [0; Self::MOST];
        let mut found = 0;
        for link in &books.links {
            let Some((name, _)) = link.asked else {
                continue;
            };
            for mail in &link.outbox {
                found += 1;
                self.waits(&mut places, found, link.peer, name.into(), mail)?;
            }
        }
        for (index, name) in setup.names.iter().enumerate() {
            let peer = books.bearers[index].map(|bearer| bearer.peer);
            for mail in shown.mailbox(name).into_iter().flatten() {
                found += 1;
                self.waits(&mut places, found, peer, index, mail)?;
            }
        }
        for (index, (delivery, &place)) in self.deliveries.iter().zip(&places).enumerate() {
            ensure!(place > 0, 4, "{delivery} is lost");
            let mut earlier = self.deliveries[..index].iter().zip(&places);
            let ahead = earlier.all(|(other, &p)| !other.is_of(delivery) || p < place);
            ensure!(ahead, 5, "{delivery} waits ahead of an earlier one");
        }
        Ok(())
    }

    fn waits(
        &mut self,
        places: &mut [usize],
        place: usize,
        peer: Option<PeerId>,
        name: usize,
        mail: &Mail,
    ) -> Result<(), Violation> {
        let index = self.find(&Key::of(mail, name))?;
        let delivery = &mut self.deliveries[index];
        ensure!(places[index] == 0, 4, "{delivery} waits twice");
        places[index] = place;
        let owner = match mail {
            Mail::Message(_) => {
                ensure!(!delivery.bounced, 4, "{delivery} waits");
                delivery.to
            }
            Mail::Bounce(bounce) => {
                let for_a_guest =
                    bounce.message.header().room.is_some() && bounce.reason == BounceReason::Gone;
                let mail = || words::mail(mail);
                ensure!(!for_a_guest, 4, "{}, which should only be counted", mail());
                delivery.bounced = true;
                delivery.from
            }
        };
        let is_its = Some(owner) == peer;
        ensure!(is_its, 6, "{delivery} waits for {}", words::peer(peer));
        Ok(())
    }
}

/// That mail which is only counted could not be sent back: its sender is gone or has no room for
/// it, or it was said in a room to a guest who is gone.
fn counted(
    setup: &Setup,
    before: &Books,
    after: &Books,
    delivery: &Delivery,
    mail: &Mail,
    reason: BounceReason,
    shown: &impl Show,
) -> Result<(), Violation> {
    let message = match mail {
        Mail::Message(message) => message,
        Mail::Bounce(_) => return Ok(()),
    };
    ensure!(!delivery.bounced, 4, "{delivery} is counted");
    if message.header().room.is_some() && reason == BounceReason::Gone {
        return Ok(());
    }
    let sender = message.header().sender;
    let hears = before.is_online(sender) && after.is_online(sender);
    ensure!(
        !hears,
        4,
        "{delivery} is only counted ({}), and its sender is not told",
        words::bounce(reason)
    );
    // Who comes back at this very moment has emptied a mailbox that was full.
    let away = |books: &Books| {
        let is = |bearer: &Option<Bearer>| bearer.is_some_and(|b| b.peer == sender);
        let name = books.bearers.iter().position(is);
        name.filter(|_| !books.is_online(sender))
    };
    let has_room = |name: usize| has_room(setup, &setup.names[name], shown);
    ensure!(
        away(before).is_none() || !away(after).is_some_and(has_room),
        4,
        "{delivery} is only counted ({}), and its sender has room for it",
        words::bounce(reason)
    );
    Ok(())
}

fn has_room(setup: &Setup, name: &Name, shown: &impl Show) -> bool {
    let mail = shown.mailbox(name).map_or(0, Iterator::count);
    mail < setup.config.mailbox_messages.get()
}

/// What a sender is told that it was refused.
struct Refusals<'a> {
    conn: ConnId,
    effects: &'a [Effect<'a>],
}

impl Refusals<'_> {
    fn contain(&self, refusal: &Refusal) -> bool {
        self.effects.iter().any(|effect| match effect {
            Effect::Deliver { to, event } => {
                let refused = matches!(&**event, Event::Refused(refused) if refused == refusal);
                refused && to.contains(&self.conn)
            }
            Effect::StopReader { .. }
            | Effect::StopWriter { .. }
            | Effect::Discard { .. }
            | Effect::Forget { .. } => false,
        })
    }
}
