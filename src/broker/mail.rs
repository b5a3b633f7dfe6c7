//! What becomes of messages when they cannot be handed over.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::message::{Form, Header, Message, Messages};
use crate::Config;
use crate::id::{Name, Source};

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

    /// What it takes where it is kept, in bytes, beside its place there: its part of what it shares
    /// with others who keep the same.
    pub(super) fn weight(&self) -> usize {
        let keepers = match self {
            Self::Message(message) => message.keepers(),
            Self::Bounce(_) => 1,
        };
        self.cost().div_ceil(keepers)
    }

    /// Where whoever said it came from.
    pub(super) fn source(&self) -> Source {
        self.message().header().source
    }

    /// Whose share of a mailbox it counts to. A kick counts to none: whoever has said much to somebody
    /// may still make it leave a room, and it is told; and each of its rooms has one kick at most.
    fn sharer(&self) -> Option<Source> {
        let is_kick = matches!(self.message().header().stamp.form, Form::Kick { .. });
        (!is_kick).then(|| self.source())
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
    /// What of it was sent from where.
    shares: BTreeMap<Source, Share>,
}

/// How much of a mailbox was sent from one source.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
struct Share {
    bytes: usize,
    messages: usize,
}

/// The bounds of a mailbox.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct MailboxLimits {
    /// The sum of [`Mail::cost`].
    pub bytes: usize,
    /// The number of pieces of mail.
    pub messages: usize,
    /// The sum of [`Mail::cost`] of what was sent from one source.
    pub bytes_per_source: usize,
    /// The number of pieces of mail that were sent from one source.
    pub messages_per_source: usize,
}

impl Mailbox {
    /// Adds mail behind what waits already.
    ///
    /// # Errors
    ///
    /// Gives the mail back if there is no room for it, in all or for mail from where it was sent;
    /// nothing was changed then.
    pub fn push(&mut self, mail: Mail, limits: MailboxLimits) -> Result<(), Mail> {
        if !self.admits(&mail, limits) {
            return Err(mail);
        }
        self.count(&mail);
        self.mail.push_back(mail.apart());
        Ok(())
    }

    /// Whether there is room for a piece of mail.
    pub(super) fn admits(&self, mail: &Mail, limits: MailboxLimits) -> bool {
        let cost = mail.cost();
        let share = mail.sharer().map(|source| {
            let share = self.shares.get(&source);
            share.copied().unwrap_or_default()
        });
        let has_taken_its_share = |share: Share| {
            share.messages >= limits.messages_per_source
                || share.bytes + cost > limits.bytes_per_source
        };
        self.mail.len() < limits.messages
            && self.bytes + cost <= limits.bytes
            && !share.is_some_and(has_taken_its_share)
    }

    /// Puts mail, in its order, ahead of what waits already, whatever the bounds are.
    pub fn prepend(&mut self, older: Vec<Mail>) {
        for mail in older.into_iter().rev() {
            self.count(&mail);
            self.mail.push_front(mail.apart());
        }
    }

    /// Takes out the newest mail until the rest is within the bounds of the whole mailbox; returns
    /// it, oldest first.
    pub fn trim(&mut self, limits: MailboxLimits) -> VecDeque<Mail> {
        let mut excess = VecDeque::new();
        while self.mail.len() > limits.messages || self.bytes > limits.bytes {
            let mail = self
                .mail
                .pop_back()
                .expect("an empty mailbox is within its bounds");
            self.count_out(&mail);
            excess.push_front(mail);
        }
        excess
    }

    /// Takes out all that is too much, which is asked of the newest first; returns it, oldest first.
    pub(super) fn take_out(
        &mut self,
        mut is_too_much: impl FnMut(&Mail) -> bool,
    ) -> VecDeque<Mail> {
        let (mut kept, mut taken) = (VecDeque::new(), VecDeque::new());
        while let Some(mail) = self.mail.pop_back() {
            if is_too_much(&mail) {
                self.count_out(&mail);
                taken.push_front(mail);
            } else {
                kept.push_front(mail);
            }
        }
        self.mail = kept;
        taken
    }

    /// From where there is mail.
    pub(super) fn sources(&self) -> impl Iterator<Item = Source> {
        self.mail.iter().map(Mail::source)
    }

    /// Takes out the oldest piece of mail.
    pub fn pop(&mut self) -> Option<Mail> {
        let mail = self.mail.pop_front()?;
        self.count_out(&mail);
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

    fn count(&mut self, mail: &Mail) {
        let cost = mail.cost();
        self.bytes += cost;
        if let Some(source) = mail.sharer() {
            let share = self.shares.entry(source).or_default();
            share.bytes += cost;
            share.messages += 1;
        }
    }

    fn count_out(&mut self, mail: &Mail) {
        let cost = mail.cost();
        self.bytes -= cost;
        let Some(source) = mail.sharer() else {
            return;
        };
        let share = self.shares.get_mut(&source).expect("it was counted");
        share.bytes -= cost;
        share.messages -= 1;
        if share.messages == 0 {
            self.shares.remove(&source);
        }
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
        let mut again = Self::default();
        self.mail.iter().for_each(|mail| again.count(mail));
        assert_eq!(self.shares, again.shares, "shares miscounted");
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
    use crate::id::{ConnId, PeerId, Room, Text, Texts, Time};

    const LIMITS: MailboxLimits = MailboxLimits {
        bytes: 1000,
        messages: 3,
        bytes_per_source: 1000,
        messages_per_source: 3,
    };

    fn message(room: Option<Room>, stamp: Stamp) -> Mail {
        let header = Header {
            from: Name::parse("alice").expect("a name"),
            sender: PeerId::new(ConnId::new(1)),
            source: Source::of([192, 0, 2, 1].into()),
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
    fn mail_from_one_source_takes_no_more_than_its_share() {
        let mail = |host: u8| {
            let Mail::Message(message) = message(None, Stamp::default()) else {
                unreachable!("it is a message");
            };
            let header = Header {
                source: Source::of([192, 0, 2, host].into()),
                ..message.header().clone()
            };
            let text = Text::parse("hi").expect("a text");
            Mail::Message(Messages::new(header, 1, Texts::from(&text)).at(0))
        };
        let cost = mail(1).cost();
        for (bytes_per_source, messages_per_source) in [(1000, 1), (2 * cost - 1, 3)] {
            let limits = MailboxLimits {
                bytes_per_source,
                messages_per_source,
                ..LIMITS
            };
            let mut mailbox = Mailbox::default();
            assert!(mailbox.push(mail(1), limits).is_ok());
            assert!(mailbox.push(mail(1), limits).is_err());
            assert!(mailbox.push(mail(2), limits).is_ok());
            // What a connection gives back is kept all the same, and counts.
            mailbox.prepend(alloc::vec![mail(2)]);
            assert!(mailbox.push(mail(2), limits).is_err());
            mailbox.check(limits);
            let excess = mailbox.trim(MailboxLimits {
                messages: 1,
                ..limits
            });
            assert_eq!(excess.len(), 2);
            assert!(mailbox.push(mail(2), limits).is_err());
            assert!(mailbox.push(mail(1), limits).is_ok());
            assert!(mailbox.pop().is_some());
            assert!(mailbox.push(mail(2), limits).is_ok());
            mailbox.check(limits);
        }
    }

    /// Whoever has said much to somebody may still make it leave a room, and it is told.
    #[test]
    fn a_kick_counts_to_no_share() {
        let limits = MailboxLimits {
            messages_per_source: 1,
            ..LIMITS
        };
        let kick = Stamp {
            form: Form::Kick { since: Time::ZERO },
            ..Stamp::default()
        };
        let mut mailbox = Mailbox::default();
        assert!(
            mailbox
                .push(message(None, Stamp::default()), limits)
                .is_ok()
        );
        assert!(
            mailbox
                .push(message(None, Stamp::default()), limits)
                .is_err()
        );
        assert!(mailbox.push(message(None, kick.clone()), limits).is_ok());
        assert!(mailbox.push(message(None, kick.clone()), limits).is_ok());
        mailbox.check(limits);
        assert!(
            mailbox.push(message(None, kick), limits).is_err(),
            "it is full"
        );
        while mailbox.pop().is_some() {}
        assert_eq!(mailbox, Mailbox::default());
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
