//! What is seen from outside of a broker, from one moment to the next.
//!
//! All of it is plain data, so that a test can forge what a broken broker would do.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rejoin::broker::lifecycle::{Binding, Phase};
use rejoin::broker::{BounceReason, Broker, Effect, Effects, Event, Input, Mail, StopReason};
use rejoin::id::{ConnId, Name, PeerId, Room, Text, Texts, Time};

use crate::links::Links;
use crate::step::{self, Length, NAMES, SEVERAL};
use crate::world::LONG;

/// Something that happened, and how everything stands after it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moment {
    /// When it happened.
    pub now: Time,
    /// What happened.
    pub happening: Happening,
    /// How much work it was for the broker, in units of 10 ns; 0 if the driver wrote.
    pub work: u64,
    /// How the broker stands.
    pub view: View,
    /// How the driver stands.
    pub links: Links,
}

impl Moment {
    /// Before anything else happens: the broker is told the time, and nobody is there.
    pub fn start() -> Self {
        Self {
            now: Time::ZERO,
            happening: Happening::Handled {
                input: Input::Tick,
                acts: Vec::new(),
            },
            work: 0,
            view: View::default(),
            links: Links::default(),
        }
    }

    /// What the broker did; nothing if the driver wrote.
    pub fn acts(&self) -> &[Act] {
        match &self.happening {
            Happening::Handled { acts, .. } => acts,
            Happening::Written { .. } => &[],
        }
    }

    /// What the broker was told, if it was.
    pub fn input(&self) -> Option<&Input> {
        match &self.happening {
            Happening::Handled { input, .. } => Some(input),
            Happening::Written { .. } => None,
        }
    }

    /// What each connection was told, in order.
    pub fn told(&self) -> impl Iterator<Item = (ConnId, &Event)> {
        self.acts().iter().flat_map(|act| {
            let (to, event) = match act {
                Act::Tell { to, event } => (to.as_slice(), Some(event)),
                Act::StopReader { .. }
                | Act::StopWriter { .. }
                | Act::Discard { .. }
                | Act::Forget { .. } => (&[][..], None),
            };
            to.iter()
                .filter_map(move |&conn| event.map(|event| (conn, event)))
        })
    }
}

/// Something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Happening {
    /// The broker handled an input.
    Handled {
        /// The input.
        input: Input,
        /// The effects, in order.
        acts: Vec<Act>,
    },
    /// A connection's socket took items from the outbox.
    Written {
        /// The connection.
        conn: ConnId,
        /// The items, oldest first.
        items: Vec<Event>,
    },
}

/// An [`Effect`] that owns what it speaks of, and that can be forged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// [`Effect::Deliver`].
    Tell {
        /// The connections.
        to: Vec<ConnId>,
        /// What they are told.
        event: Event,
    },
    /// [`Effect::StopReader`].
    StopReader {
        /// Its connection.
        conn: ConnId,
    },
    /// [`Effect::StopWriter`].
    StopWriter {
        /// Its connection.
        conn: ConnId,
        /// Why.
        reason: StopReason,
    },
    /// [`Effect::Discard`].
    Discard {
        /// Whom the mail was for.
        receiver: Name,
        /// The mail.
        mail: Mail,
        /// Why its receiver does not get it.
        reason: BounceReason,
    },
    /// [`Effect::Forget`].
    Forget {
        /// Who is gone for good.
        name: Name,
    },
}

impl Act {
    /// The effects, owned.
    pub fn all(effects: &Effects) -> Vec<Self> {
        effects.iter().map(Self::of).collect()
    }

    /// An effect, owned.
    pub fn of(effect: Effect<'_>) -> Self {
        match effect {
            Effect::Deliver { to, event } => Self::Tell {
                to: to.to_vec(),
                event: event.into_owned(),
            },
            Effect::StopReader { conn } => Self::StopReader { conn },
            Effect::StopWriter { conn, reason } => Self::StopWriter { conn, reason },
            Effect::Discard {
                receiver,
                mail,
                reason,
            } => Self::Discard {
                receiver: *receiver,
                mail: mail.clone(),
                reason,
            },
            Effect::Forget { name } => Self::Forget { name },
        }
    }
}

/// What a broker shows of itself.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct View {
    /// The connections that are not forgotten.
    pub connections: BTreeMap<ConnId, Phase>,
    /// The names that are bound.
    pub bindings: BTreeMap<Name, Binding>,
    /// The mailboxes that are there, bound or not.
    pub mailboxes: BTreeMap<Name, Vec<Mail>>,
    /// Mail that is to come back, whom it was for, and how that peer was called.
    pub undelivered: Vec<(PeerId, Name, Mail)>,
    /// The rooms that somebody is in.
    pub rooms: BTreeMap<Room, BTreeSet<Name>>,
    /// When something is due next.
    pub deadline: Option<Time>,
    /// Whether something that is due is left for the next slice.
    pub behind: bool,
}

impl View {
    /// What `broker` shows. A mailbox that belongs to nobody is only seen if it is of a name that
    /// steps can speak of.
    pub fn of(broker: &Broker) -> Self {
        let lifecycle = broker.lifecycle();
        let names = (0..NAMES.len() as u8 / 2).map(step::name);
        let unbound = names.filter(|name| lifecycle.binding(name).is_none());
        let bound = lifecycle.bindings().map(|(&name, _)| name);
        let mailboxes = bound.chain(unbound).filter_map(|name| {
            let mailbox = broker.mailbox(&name)?;
            Some((name, mailbox.iter().cloned().collect()))
        });
        let rooms = broker.rooms().map(|room| {
            let members: BTreeSet<_> = broker.members(&room).collect();
            (room, members)
        });
        Self {
            connections: lifecycle.connections().collect(),
            bindings: lifecycle.bindings().map(|(&n, &b)| (n, b)).collect(),
            mailboxes: mailboxes.collect(),
            undelivered: broker
                .undelivered()
                .map(|(peer, name, mail)| (peer, name, mail.clone()))
                .collect(),
            rooms: rooms.collect(),
            deadline: broker.deadline(),
            behind: broker.is_behind(),
        }
    }
}

/// A connection, as the driver knows it.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Link {
    /// Whether the reader has finished.
    pub reader_finished: bool,
    /// Whether the writer has finished.
    pub writer_finished: bool,
    /// Whether somebody is logged in with it, or was.
    pub serves: bool,
    /// Why the writer was told to stop, if it was.
    pub stopped: Option<StopReason>,
    /// What waits for the socket, oldest first.
    pub outbox: VecDeque<Event>,
}

impl Link {
    /// Whether the writer has finished, or is about to.
    pub const fn is_ending(&self) -> bool {
        self.writer_finished || self.stopped.is_some()
    }
}

/// The connection that an input is about.
pub const fn actor(input: &Input) -> Option<ConnId> {
    match input {
        Input::Accepted { conn, .. }
        | Input::Request { conn, .. }
        | Input::GiveUp { conn, .. }
        | Input::ReaderFinished { conn }
        | Input::WriterFinished { conn, .. } => Some(*conn),
        Input::Dismiss { .. } | Input::Tick | Input::ShutDown => None,
    }
}

/// The mail in an event, if it is one that must not be lost.
pub const fn mail_of(event: &Event) -> Option<&Mail> {
    match event {
        Event::Mail(mail) | Event::KeptMail(mail) => Some(mail),
        Event::Welcome { .. }
        | Event::Back { .. }
        | Event::Kept { .. }
        | Event::Joined { .. }
        | Event::Left { .. }
        | Event::Renamed { .. }
        | Event::Rooms { .. }
        | Event::Who { .. }
        | Event::Refused(_) => None,
    }
}

/// The text of the message with this number, which tells it from all others.
pub fn text(number: u32, bytes: usize) -> Text {
    let mut text = format!("m{number}");
    let dots = bytes.saturating_sub(text.len());
    text.extend(std::iter::repeat_n('.', dots));
    Text::parse(&text).expect("a numbered text is a text")
}

/// The next texts of this length; `sent` counts the messages, so that each has its own.
pub fn texts(length: Length, sent: &mut u32) -> Texts {
    let (texts, bytes) = match length {
        Length::Short => (1, 0),
        Length::Several => (SEVERAL, 0),
        Length::Long => (1, LONG),
    };
    let first = *sent;
    *sent += texts;
    (first..*sent).map(|number| text(number, bytes)).collect()
}

/// The number in a text that [`text`] made.
pub fn number(text: &str) -> u32 {
    let text = text.as_bytes();
    let digits = text.iter().skip(1).take_while(|byte| byte.is_ascii_digit());
    let (number, rest) = text.split_at(1 + digits.count());
    // To its end in any case: so many bytes are compared at once.
    let dots = rest.iter().fold(true, |dots, &byte| dots & (byte == b'.'));
    let number = number_in(number).filter(|_| dots);
    number.expect("each text has a number")
}

/// The number in the bytes of a text that [`text`] made; `None` for any other bytes.
pub(crate) fn number_in(bytes: &[u8]) -> Option<u32> {
    let (b'm', digits) = bytes.split_first()? else {
        return None;
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    digits
        .map(|digit| u32::from(digit - b'0'))
        .reduce(|n, digit| 10 * n + digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_knows_its_number() {
        for (n, bytes) in [(0, 0), (7, 3), (120, 480)] {
            let text = text(n, bytes);
            assert_eq!(number(text.as_str()), n);
            assert!(text.as_str().len() >= bytes);
        }
    }
}
