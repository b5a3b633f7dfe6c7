//! What people say.

use alloc::sync::Arc;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Range;

use crate::id::{Name, PeerId, Room, Source, Texts, Time};

/// Something that a peer said, to one or more receivers.
///
/// It shares what was said at once, which is kept for as long as one of its messages is.
#[derive(Clone)]
pub struct Message {
    speech: Arc<Speech>,
    place: u32,
}

/// What was said at once.
struct Speech {
    header: Header,
    number: u64,
    texts: Texts,
    /// In how many mailboxes it is kept, if in any.
    keepers: u32,
}

impl Message {
    /// Who said it, and where.
    #[inline]
    pub fn header(&self) -> &Header {
        &self.speech.header
    }

    /// A number that no other message has; 0 if it has none.
    pub fn number(&self) -> u64 {
        match self.speech.number {
            0 => 0,
            first => first + u64::from(self.place),
        }
    }

    /// What was said.
    #[inline]
    pub fn text(&self) -> &str {
        self.speech.texts.at(self.place as usize)
    }

    /// The room and the reason of a [kick](Form::Kick), as its text has them.
    ///
    /// # Panics
    ///
    /// If it is no kick.
    pub fn kick(&self) -> (&str, &str) {
        let parts = self.text().split_once(": ");
        parts.expect("a kick has a room and a reason")
    }

    /// Whether its text is known to have no character that
    /// [is forbidden](crate::id::is_forbidden) in the plain protocol.
    #[inline]
    pub(crate) fn is_printable(&self) -> bool {
        self.speech.texts.are_printable()
    }

    /// Whether nothing else that was said at once is kept with it.
    pub(super) fn is_apart(&self) -> bool {
        self.speech.texts.len() == 1
    }

    /// The same message, with which nothing else is kept.
    pub(super) fn apart(self) -> Self {
        if self.is_apart() {
            return self;
        }
        self.copy_for(1)
    }

    /// The same message, with which nothing else is kept, to be put in so many mailboxes at once.
    pub(super) fn for_keepers(self, keepers: usize) -> Self {
        match keepers {
            0 | 1 => self.apart(),
            _ => self.copy_for(keepers),
        }
    }

    fn copy_for(&self, keepers: usize) -> Self {
        let speech = Arc::new(Speech {
            header: self.header().clone(),
            number: self.number(),
            texts: self.speech.texts.only(self.place as usize),
            keepers: u32::try_from(keepers).unwrap_or(u32::MAX),
        });
        Self { speech, place: 0 }
    }

    /// In how many mailboxes it was put at once: they share what it takes.
    pub(super) fn keepers(&self) -> usize {
        self.speech.keepers as usize
    }

    /// What it is, whatever else was said at once.
    fn content(&self) -> (&Header, u64, &str) {
        (self.header(), self.number(), self.text())
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.content() == other.content()
    }
}

impl Eq for Message {}

impl Hash for Message {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.content().hash(state);
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (header, number, text) = self.content();
        f.debug_struct("Message")
            .field("header", header)
            .field("number", &number)
            .field("text", &text)
            .finish()
    }
}

/// Messages that were said at once, one behind the other.
#[derive(Clone)]
pub struct Messages {
    speech: Arc<Speech>,
    /// Those of the speech that it has.
    places: Range<u32>,
}

impl Messages {
    /// What somebody says at once: each text is a message. The first has this number, and each the
    /// next; if it is 0, none has one.
    pub fn new(header: Header, number: u64, texts: Texts) -> Self {
        let count = u32::try_from(texts.len()).expect("each has a byte of 4 GiB at most");
        let speech = Arc::new(Speech {
            header,
            number,
            texts,
            keepers: 1,
        });
        let places = 0..count;
        Self { speech, places }
    }

    /// Who said them, and where.
    #[inline]
    pub fn header(&self) -> &Header {
        &self.speech.header
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = Message> {
        (0..self.len()).map(|place| self.at(place))
    }

    /// The message at a place, the first being at 0.
    pub(super) fn at(&self, place: usize) -> Message {
        Message {
            speech: Arc::clone(&self.speech),
            place: self.places.start + place as u32,
        }
    }

    /// Leaves out the first `count`, or all of them.
    pub(crate) fn leave_out(&mut self, count: usize) {
        let rest = self.len().saturating_sub(count) as u32;
        self.places.start = self.places.end - rest;
    }

    /// What was said.
    #[inline]
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        let places = self.places.clone();
        places.map(|place| self.speech.texts.at(place as usize))
    }

    /// Bytes of what was said.
    #[inline]
    pub(crate) fn text_bytes(&self) -> usize {
        let Range { start, end } = self.places;
        self.speech.texts.bytes(start as usize..end as usize)
    }

    /// Whether no text is known to have a character that [is forbidden](crate::id::is_forbidden) in
    /// the plain protocol.
    #[inline]
    pub(crate) fn are_printable(&self) -> bool {
        self.speech.texts.are_printable()
    }
}

impl From<Message> for Messages {
    fn from(Message { speech, place }: Message) -> Self {
        let places = place..place + 1;
        Self { speech, places }
    }
}

impl PartialEq for Messages {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Messages {}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Who says something, and where.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Header {
    /// The sender's name.
    pub from: Name,
    /// Which bearer of that name it was.
    pub sender: PeerId,
    /// Where the sender came from.
    pub source: Source,
    /// The room that it was said in; `None` if it was said to the receiver alone.
    pub room: Option<Room>,
    /// What else goes with it.
    pub stamp: Stamp,
}

/// What somebody says to the same receivers at once: each text becomes a message.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Said {
    /// The texts, one after the other.
    pub texts: Texts,
    /// The number of the first message; each has the next. If it is 0, none has a number.
    pub number: u64,
    /// What else goes with each of them.
    pub stamp: Stamp,
}

impl Said {
    /// Each text by itself, with its number.
    pub(super) fn each(&self) -> impl Iterator<Item = Self> {
        let step = u64::from(self.number > 0);
        self.texts.each().zip(0..).map(move |(texts, place)| Self {
            texts,
            number: self.number + place * step,
            stamp: self.stamp.clone(),
        })
    }
}

impl From<Texts> for Said {
    fn from(texts: Texts) -> Self {
        Self {
            texts,
            ..Self::default()
        }
    }
}

/// What goes with a message and means nothing to the broker, which passes it on.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Stamp {
    /// When it was said.
    pub at: Time,
    /// How it is meant.
    pub form: Form,
    /// The part of a room that it was said to, as it was written, if it was said so.
    pub part: Option<Arc<Part>>,
    /// The sender's address, for protocols that show one.
    pub address: Option<Arc<str>>,
    /// What the sender's client tells the receivers' clients.
    pub tags: Option<Arc<str>>,
}

impl Stamp {
    /// Bytes of its texts.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        let bytes = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text.len());
        bytes(&self.address) + bytes(&self.tags)
    }
}

/// How a message is meant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Form {
    /// It may be answered.
    #[default]
    Message,
    /// No program is to answer it.
    Notice,
    /// It asks the receiver into the room that its text names.
    Invitation,
    /// It tells the receiver that the sender has made it leave a room. Its text is the room and the
    /// reason, with a colon and a space between them.
    Kick {
        /// When the receiver had entered the room.
        since: Time,
    },
}

/// The members of a room that are of a rank, or of a higher one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Part {
    /// The room.
    pub room: Room,
    /// The rank.
    pub rank: Rank,
}

/// What a member may do in a room, lowest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Rank {
    /// To speak when others may not.
    Voice,
    /// To say who may do what.
    Operator,
}
