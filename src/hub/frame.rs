//! What a hub sends: lines, and the mail that they hand over.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use crate::Config;
use crate::broker::{Bounce, Mail, Messages};
use crate::wire::plain;

/// One or more whole lines for a socket.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Content);

#[derive(Clone, PartialEq, Eq)]
enum Content {
    /// Written once for all who get them.
    Lines(Arc<Lines>),
    /// Messages that only one gets, by the plain protocol: they are written when the socket takes
    /// them.
    Messages(Messages),
}

#[derive(PartialEq, Eq)]
struct Lines {
    bytes: Box<[u8]>,
    mail: Option<Letters>,
    shows_key: bool,
}

/// What lines hand over.
#[derive(Clone, PartialEq, Eq)]
enum Letters {
    Bounce(Arc<Bounce>),
    /// If they are several, each has one line.
    Messages(Messages),
}

impl From<Mail> for Letters {
    fn from(mail: Mail) -> Self {
        match mail {
            Mail::Message(message) => Self::Messages(message.into()),
            Mail::Bounce(bounce) => Self::Bounce(bounce),
        }
    }
}

impl Frame {
    /// Lines without mail.
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self::lines(bytes, None, false)
    }

    /// Lines that hand over a piece of mail.
    pub(super) fn with_mail(bytes: &[u8], mail: Mail) -> Self {
        Self::lines(bytes, Some(mail), false)
    }

    /// Lines that may hand over a piece of mail, and may show a key.
    pub(super) fn lines(bytes: &[u8], mail: Option<Mail>, shows_key: bool) -> Self {
        Self::of_lines(bytes, mail.map(Letters::from), shows_key)
    }

    /// Lines that hand messages over, one for each.
    pub(super) fn with_messages(bytes: &[u8], messages: Messages) -> Self {
        Self::of_lines(bytes, Some(Letters::Messages(messages)), false)
    }

    /// What hands over messages by the plain protocol to one who speaks it.
    pub(super) fn of_messages(messages: Messages) -> Self {
        Self(Content::Messages(messages))
    }

    fn of_lines(bytes: &[u8], mail: Option<Letters>, shows_key: bool) -> Self {
        Self(Content::Lines(Arc::new(Lines {
            bytes: bytes.into(),
            mail,
            shows_key,
        })))
    }

    /// Whether its lines show the key of a room, which no record may keep.
    #[cfg(feature = "record")]
    pub(super) fn shows_key(&self) -> bool {
        matches!(&self.0, Content::Lines(lines) if lines.shows_key)
    }

    /// The lines, each with its end.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match &self.0 {
            Content::Lines(lines) => Cow::Borrowed(&lines.bytes),
            Content::Messages(messages) => {
                let mut out = Vec::new();
                plain::write_messages(messages, &mut out);
                Cow::Owned(out)
            }
        }
    }

    /// The lines, if they are written already.
    #[cfg(feature = "net")]
    pub(crate) fn written(&self) -> Option<&[u8]> {
        match &self.0 {
            Content::Lines(lines) => Some(&lines.bytes),
            Content::Messages(_) => None,
        }
    }

    /// Appends the lines to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Content::Lines(lines) => out.extend_from_slice(&lines.bytes),
            Content::Messages(messages) => plain::write_messages(messages, out),
        }
    }

    /// How many bytes the lines have.
    pub fn length(&self) -> usize {
        match &self.0 {
            Content::Lines(lines) => lines.bytes.len(),
            Content::Messages(messages) => plain::messages_length(messages),
        }
    }

    /// The mail that these lines hand over: what must be given back if they are not written.
    pub fn mail(&self) -> impl Iterator<Item = Mail> {
        let bounce = self.bounce().cloned().map(Mail::Bounce);
        let messages = self.messages().into_iter().flat_map(Messages::iter);
        bounce.into_iter().chain(messages.map(Mail::Message))
    }

    /// Whether there is such mail.
    pub fn has_mail(&self) -> bool {
        self.messages().is_some() || self.bounce().is_some()
    }

    fn messages(&self) -> Option<&Messages> {
        match &self.0 {
            Content::Lines(lines) => match lines.mail.as_ref()? {
                Letters::Messages(messages) => Some(messages),
                Letters::Bounce(_) => None,
            },
            Content::Messages(messages) => Some(messages),
        }
    }

    fn bounce(&self) -> Option<&Arc<Bounce>> {
        match &self.0 {
            Content::Lines(lines) => match lines.mail.as_ref()? {
                Letters::Bounce(bounce) => Some(bounce),
                Letters::Messages(_) => None,
            },
            Content::Messages(_) => None,
        }
    }

    /// What it costs to keep, in bytes: its lines, for each of its [`parts`](Self::parts)
    /// [`Config::FRAME_OVERHEAD`], and what its mail costs.
    pub fn cost(&self) -> usize {
        let messages = self.messages().map_or(0, Messages::cost);
        let bounce = self.bounce().map_or(0, |bounce| bounce.message.cost());
        self.length() + self.parts() * Config::FRAME_OVERHEAD + messages + bounce
    }

    /// How many parts it has, each of which is written or is not: if it hands over several messages,
    /// the line of each, and else all of it.
    pub fn parts(&self) -> usize {
        self.messages().map_or(1, Messages::len)
    }

    /// Each of its [`parts`](Self::parts) by itself, in order.
    pub fn each(&self) -> Vec<Self> {
        let Some(messages) = self.messages().filter(|messages| messages.len() > 1) else {
            return vec![self.clone()];
        };
        let bytes = self.bytes();
        let lines = bytes.split_inclusive(|&byte| byte == b'\n');
        let parts = lines.zip(messages.iter()).map(|(line, message)| {
            let message = message.into();
            match self.0 {
                Content::Lines(_) => Self::with_messages(line, message),
                Content::Messages(_) => Self::of_messages(message),
            }
        });
        parts.collect()
    }

    /// Leaves out those of its [`parts`](Self::parts) that are written when its first `written`
    /// bytes are, and not all; if it has only one part, nothing.
    ///
    /// # Panics
    ///
    /// If it has several, and fewer bytes.
    pub fn leave_out(&mut self, written: usize) {
        let Some(messages) = self.messages().filter(|messages| messages.len() > 1) else {
            return;
        };
        let bytes = self.bytes();
        let start = start_of_line(&bytes, written);
        let lines = bytes[..start].iter().filter(|&&byte| byte == b'\n').count();
        let mut rest = messages.clone();
        rest.leave_out(lines);
        *self = match self.0 {
            Content::Lines(_) => Self::with_messages(&bytes[start..], rest),
            Content::Messages(_) => Self::of_messages(rest),
        };
    }

    /// Where the part ends of which some bytes are written, and not all, when the first `written`
    /// bytes of all are; if there is none, `written`.
    ///
    /// # Panics
    ///
    /// If it has several parts, and fewer bytes.
    pub fn end_of_begun(&self, written: usize) -> usize {
        if written == 0 {
            return 0;
        }
        if self.parts() == 1 {
            return self.length();
        }
        let bytes = self.bytes();
        if start_of_line(&bytes, written) == written {
            return written;
        }
        let end = bytes[written..].iter().position(|&byte| byte == b'\n');
        end.map_or(bytes.len(), |end| written + end + 1)
    }
}

/// Where the line starts that a place in it belongs to.
fn start_of_line(bytes: &[u8], place: usize) -> usize {
    let end = bytes[..place].iter().rposition(|&byte| byte == b'\n');
    end.map_or(0, |end| end + 1)
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.bytes()))
    }
}
