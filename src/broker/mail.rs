//! What becomes of messages when they cannot be handed over.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::message::{Header, Message, Messages};
use crate::Config;
use crate::id::Name;

/// A message that comes back to its sender, because one receiver will never get it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Bounce {
    /// Who does not get it.
    pub receiver: Name,
    /// Why.
    pub reason: BounceReason,
    /// What comes back.
    pub message: Message,
    /// How many more messages of the same sender it stands for, which this receiver does not get
    /// either, and whose texts do not come back.
    pub more: u32,
}

/// Why a receiver will never get a message that was on its way.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum BounceReason {
    /// The receiver is gone for good: it quit, or it was a guest whose connection ended.
    Gone,
    /// The receiver's resume window ended before it came back.
    Expired,
    /// What its connection had not written was too much for the receiver's mailbox.
    MailboxFull,
    /// The server stops.
    ShuttingDown,
}

/// What may neither be lost nor given twice: it is written to its receiver's socket,
/// or it waits, or it bounces.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Mail {
    /// A message for the receiver.
    Message(Message),
    /// A message of the receiver's own that came back.
    Bounce(Arc<Bounce>),
}

impl Mail {
    /// The message, or the message that came back.
    pub fn message(&self) -> &Message {
        match self {
            Self::Message(message) => message,
            Self::Bounce(bounce) => &bounce.message,
        }
    }

    /// How many messages it stands for.
    pub fn messages(&self) -> usize {
        match self {
            Self::Message(_) => 1,
            Self::Bounce(bounce) => 1 + bounce.more as usize,
        }
    }

    /// What it costs to keep, in bytes: its words, what goes with it, and
    /// [`Config::MAIL_OVERHEAD`].
    pub fn cost(&self) -> usize {
        self.message().cost()
    }

    /// The same mail, with which nothing else that was said at once is kept.
    fn apart(self) -> Self {
        match self {
            Self::Message(message) => Self::Message(message.apart()),
            // It comes out of a mailbox.
            Self::Bounce(_) => self,
        }
    }
}

impl Message {
    /// What it costs to keep, in bytes, as [mail](Mail::cost).
    pub(crate) fn cost(&self) -> usize {
        cost(self.header(), 1, self.text().len())
    }
}

impl Messages {
    /// The sum of what [each costs](Mail::cost).
    #[inline]
    pub(crate) fn cost(&self) -> usize {
        cost(self.header(), self.len(), self.text_bytes())
    }
}

/// What it costs to keep so many messages, whose texts have so many bytes.
#[inline]
fn cost(header: &Header, count: usize, text_bytes: usize) -> usize {
    let room = header.room.as_ref().map_or(0, |room| room.as_bytes().len());
    let words = header.from.as_bytes().len() + room + header.stamp.bytes();
    count * (words + Config::MAIL_OVERHEAD) + text_bytes
}

/// Mail that waits for a peer without a live writer, oldest first. With a message it keeps nothing
/// else that was said at once, and so no more than it counts.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub struct Mailbox {
    mail: VecDeque<Mail>,
    bytes: usize,
}

/// The bounds of a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MailboxLimits {
    /// The sum of [`Mail::cost`].
    pub bytes: usize,
    /// The number of pieces of mail.
    pub messages: usize,
}

impl Mailbox {
    /// Adds mail behind what waits already.
    ///
    /// # Errors
    ///
    /// Gives the mail back if there is no room for it; nothing was changed then.
    pub fn push(&mut self, mail: Mail, limits: MailboxLimits) -> Result<(), Mail> {
        let bytes = self.bytes + mail.cost();
        if self.mail.len() >= limits.messages || bytes > limits.bytes {
            return Err(mail);
        }
        self.bytes = bytes;
        self.mail.push_back(mail.apart());
        Ok(())
    }

    /// Puts mail, in its order, ahead of what waits already, whatever the bounds are.
    pub fn prepend(&mut self, older: Vec<Mail>) {
        for mail in older.into_iter().rev() {
            self.bytes += mail.cost();
            self.mail.push_front(mail.apart());
        }
    }

    /// Takes out the newest mail until the rest is within the bounds; returns it,
    /// oldest first.
    pub fn trim(&mut self, limits: MailboxLimits) -> VecDeque<Mail> {
        let mut excess = VecDeque::new();
        while self.mail.len() > limits.messages || self.bytes > limits.bytes {
            let mail = self
                .mail
                .pop_back()
                .expect("an empty mailbox is within its bounds");
            self.bytes -= mail.cost();
            excess.push_front(mail);
        }
        excess
    }

    /// Takes out the oldest piece of mail.
    pub fn pop(&mut self) -> Option<Mail> {
        let mail = self.mail.pop_front()?;
        self.bytes -= mail.cost();
        if self.mail.is_empty() {
            // Its memory goes with it.
            self.mail = VecDeque::new();
        }
        Some(mail)
    }

    /// Empties the mailbox.
    pub fn take(&mut self) -> VecDeque<Mail> {
        core::mem::take(self).mail
    }

    /// What waits, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Mail> {
        self.mail.iter()
    }

    /// How many pieces of mail wait.
    pub fn len(&self) -> usize {
        self.mail.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.mail.is_empty()
    }

    /// Panics if the count of bytes is wrong, a bound was passed, or more is kept than is counted.
    pub(super) fn check(&self, limits: MailboxLimits) {
        assert_eq!(
            self.bytes,
            self.mail.iter().map(Mail::cost).sum::<usize>(),
            "bytes miscounted"
        );
        assert!(self.bytes <= limits.bytes, "a mailbox holds too many bytes");
        assert!(
            self.mail.len() <= limits.messages,
            "a mailbox holds too many messages"
        );
        assert!(
            self.mail.iter().all(|mail| mail.message().is_apart()),
            "a mailbox keeps what else was said at once"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::Stamp;
    use crate::id::{ConnId, PeerId, Room, Text, Texts};

    const LIMITS: MailboxLimits = MailboxLimits {
        bytes: 1000,
        messages: 3,
    };

    fn message(room: Option<Room>, stamp: Stamp) -> Mail {
        let header = Header {
            from: Name::parse("alice").expect("a name"),
            sender: PeerId::new(ConnId::new(1)),
            room,
            stamp,
        };
        let text = Text::parse("hi").expect("a text");
        Mail::Message(Messages::new(header, 1, Texts::from(&text)).at(0))
    }

    /// A mailbox with two pieces of mail.
    fn mailbox() -> Mailbox {
        let mail = message(None, Stamp::default());
        let mut mailbox = Mailbox::default();
        mailbox.prepend(alloc::vec![mail.clone(), mail]);
        mailbox.check(LIMITS);
        mailbox
    }

    #[test]
    fn all_that_goes_with_a_message_is_counted() {
        let stamp = Stamp {
            address: Some("192.0.2.1".into()),
            tags: Some("+typing=done".into()),
            ..Stamp::default()
        };
        let words = "alice#rusthi192.0.2.1+typing=done";
        let cost = message(Room::parse("#rust"), stamp).cost();
        assert_eq!(cost, words.len() + Config::MAIL_OVERHEAD);
    }

    #[test]
    fn a_mailbox_is_trimmed_to_its_bytes_and_no_further() {
        let full = mailbox().bytes;
        for (bytes, left) in [(full, 2), (full - 1, 1), (full / 2, 1), (full / 2 - 1, 0)] {
            let mut mailbox = mailbox();
            let excess = mailbox.trim(MailboxLimits { bytes, ..LIMITS });
            assert_eq!((mailbox.len(), excess.len()), (left, 2 - left), "{bytes}");
            mailbox.check(LIMITS);
        }
    }

    #[test]
    #[should_panic(expected = "bytes miscounted")]
    fn a_wrong_count_of_bytes_is_found() {
        let mut mailbox = mailbox();
        mailbox.bytes += 1;
        mailbox.check(LIMITS);
    }

    #[test]
    #[should_panic(expected = "a mailbox holds too many bytes")]
    fn too_many_bytes_are_found() {
        let mailbox = mailbox();
        let bytes = mailbox.bytes - 1;
        mailbox.check(MailboxLimits { bytes, ..LIMITS });
    }

    #[test]
    #[should_panic(expected = "a mailbox holds too many messages")]
    fn too_many_messages_are_found() {
        let messages = 1;
        mailbox().check(MailboxLimits { messages, ..LIMITS });
    }
}
