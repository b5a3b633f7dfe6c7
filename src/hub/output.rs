//! What the hub wants done, in order.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
#[cfg(feature = "net")]
use alloc::vec::Drain;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::Config;
use crate::broker::Mail;
use crate::id::ConnId;
use crate::wire::plain;

/// One or more whole lines for a socket.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Content);

#[derive(Clone, PartialEq, Eq)]
enum Content {
    /// Written once for all who get them.
    Lines(Arc<Lines>),
    /// Short mail that only one gets, by the plain protocol: it is written when the socket takes
    /// it.
    Mail(Mail),
}

#[derive(PartialEq, Eq)]
struct Lines {
    bytes: Box<[u8]>,
    mail: Option<Mail>,
    shows_key: bool,
}

impl Frame {
    pub(super) fn new(bytes: &[u8], mail: Option<Mail>) -> Self {
        Self::lines(bytes, mail, false)
    }

    /// Lines that may show a key.
    pub(super) fn lines(bytes: &[u8], mail: Option<Mail>, shows_key: bool) -> Self {
        Self(Content::Lines(Arc::new(Lines {
            bytes: bytes.into(),
            mail,
            shows_key,
        })))
    }

    /// What hands over mail by the plain protocol to one who speaks it.
    #[inline]
    pub(super) fn of_mail(mail: Mail) -> Self {
        Self(Content::Mail(mail))
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
            Content::Mail(_) => {
                let mut out = Vec::new();
                self.write(&mut out);
                Cow::Owned(out)
            }
        }
    }

    /// The lines, if they are written already.
    #[cfg(feature = "net")]
    pub(crate) fn written(&self) -> Option<&[u8]> {
        match &self.0 {
            Content::Lines(lines) => Some(&lines.bytes),
            Content::Mail(_) => None,
        }
    }

    /// Appends the lines to `out`.
    #[inline]
    pub fn write(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Content::Lines(lines) => out.extend_from_slice(&lines.bytes),
            Content::Mail(mail) => plain::write_mail(mail, out),
        }
    }

    /// How many bytes the lines have.
    #[inline]
    pub fn length(&self) -> usize {
        match &self.0 {
            Content::Lines(lines) => lines.bytes.len(),
            Content::Mail(mail) => plain::mail_length(mail),
        }
    }

    /// The mail that these lines hand over: what must be given back if they are not
    /// written.
    #[inline]
    pub fn mail(&self) -> Option<&Mail> {
        match &self.0 {
            Content::Lines(lines) => lines.mail.as_ref(),
            Content::Mail(mail) => Some(mail),
        }
    }

    /// What it costs to keep, in bytes: its lines, [`Config::FRAME_OVERHEAD`], and what its mail
    /// costs.
    #[inline]
    pub fn cost(&self) -> usize {
        let mail = self.mail().map_or(0, Mail::cost);
        self.length() + Config::FRAME_OVERHEAD + mail
    }

    pub(super) fn into_mail(self) -> Option<Mail> {
        self.mail().cloned()
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.bytes()))
    }
}

/// An ordered list of things to do. The caller owns it and uses it again.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Outputs {
    list: Vec<Entry>,
    frames: Vec<Weighed>,
    receivers: Vec<ConnId>,
    bytes: usize,
    discarded: usize,
}

/// One thing to do, or several frames to send: those of all entries stand one behind the other, and
/// so do the connections.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Entry {
    Send {
        to: Range<usize>,
        frames: Range<usize>,
        bulk: bool,
    },
    StopReader {
        conn: ConnId,
    },
    StopWriter {
        conn: ConnId,
        flush: bool,
        last: Frame,
    },
    Proceed {
        conn: ConnId,
    },
    Retain {
        conn: ConnId,
    },
    Ask {
        conn: ConnId,
        frame: Frame,
    },
    Acknowledged {
        conn: ConnId,
        marks: u64,
    },
    Release {
        conn: ConnId,
    },
    Rehash,
}

/// A frame, and what it costs.
pub(crate) type Weighed = (Frame, usize);

/// One thing to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output<'a> {
    /// Queue the same lines for each of these connections.
    Send {
        /// The connections; at least one, none of them twice.
        to: &'a [ConnId],
        /// The lines.
        frame: &'a Frame,
        /// [`Frame::cost`].
        cost: usize,
        /// Whether it comes with much else at once, being mail that waited or comes back,
        /// or a list; it has a bound of its own, [`Config::bulk_bytes`].
        bulk: bool,
    },
    /// Let a reader finish at once.
    StopReader {
        /// Its connection.
        conn: ConnId,
    },
    /// Let a writer finish. It is given nothing more.
    StopWriter {
        /// Its connection.
        conn: ConnId,
        /// Whether it may go on, within a bound, to write what is queued. If not, it
        /// gives that back without delay.
        flush: bool,
        /// What it writes last, if the socket takes it at once.
        last: &'a Frame,
    },
    /// Let a reader go on that was told to wait.
    Proceed {
        /// Its connection.
        conn: ConnId,
    },
    /// Keep the mail that is queued from now on, also when it is written, until it is
    /// acknowledged. It comes at most once, ahead of the mail that it is for.
    Retain {
        /// For which connection.
        conn: ConnId,
    },
    /// Queue these lines, a mark; the client answers when it has read everything before them.
    /// It comes after [`Output::Retain`] alone.
    Ask {
        /// The client's connection.
        conn: ConnId,
        /// The lines.
        frame: &'a Frame,
    },
    /// The client has read everything before one of its marks: forget the mail that was kept up
    /// to there. To a writer that was told to stop it means nothing.
    Acknowledged {
        /// The client's connection.
        conn: ConnId,
        /// Which mark, the first since [`Output::Retain`] being 1; never less than before.
        marks: u64,
    },
    /// The client does not answer: forget the mail that was kept, and keep no more. To a writer
    /// that was told to stop it means nothing.
    Release {
        /// The client's connection.
        conn: ConnId,
    },
    /// Read again what the server says of itself, and hand it to
    /// [`Hub::identify`](super::Hub::identify).
    Rehash,
}

impl Outputs {
    /// Nothing to do yet.
    pub const fn new() -> Self {
        Self {
            list: Vec::new(),
            frames: Vec::new(),
            receivers: Vec::new(),
            bytes: 0,
            discarded: 0,
        }
    }

    /// What to do, in order.
    pub fn iter(&self) -> impl Iterator<Item = Output<'_>> {
        self.list.iter().flat_map(move |entry| {
            let frames = if let Entry::Send { frames, .. } = entry {
                frames.clone()
            } else {
                0..1
            };
            frames.map(move |frame| self.output(entry, frame))
        })
    }

    fn output<'a>(&'a self, entry: &'a Entry, frame: usize) -> Output<'a> {
        match entry {
            Entry::Send { to, bulk, .. } => {
                let (frame, cost) = &self.frames[frame];
                Output::Send {
                    to: &self.receivers[to.clone()],
                    frame,
                    cost: *cost,
                    bulk: *bulk,
                }
            }
            &Entry::StopReader { conn } => Output::StopReader { conn },
            Entry::StopWriter { conn, flush, last } => Output::StopWriter {
                conn: *conn,
                flush: *flush,
                last,
            },
            &Entry::Proceed { conn } => Output::Proceed { conn },
            Entry::Rehash => Output::Rehash,
            &Entry::Retain { conn } => Output::Retain { conn },
            Entry::Ask { conn, frame } => Output::Ask { conn: *conn, frame },
            &Entry::Acknowledged { conn, marks } => Output::Acknowledged { conn, marks },
            &Entry::Release { conn } => Output::Release { conn },
        }
    }

    /// Takes out what is to be done, in order, with the frames and the connections that it speaks
    /// of. [`clear`](Self::clear) is to follow.
    #[cfg(feature = "net")]
    pub(crate) fn take(&mut self) -> (Drain<'_, Entry>, Drain<'_, Weighed>, &[ConnId]) {
        self.bytes = 0;
        self.discarded = 0;
        (self.list.drain(..), self.frames.drain(..), &self.receivers)
    }

    /// How many pieces of mail neither their receiver nor their sender will get.
    pub const fn discarded(&self) -> usize {
        self.discarded
    }

    /// Forgets everything, and keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.frames.clear();
        self.receivers.clear();
        self.bytes = 0;
        self.discarded = 0;
    }

    /// Whether there is nothing to do, and nothing to count.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty() && self.discarded == 0
    }

    /// At most so much is queued for any one connection.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sends a frame to each of `to`.
    pub(super) fn send(&mut self, to: impl IntoIterator<Item = ConnId>, frame: Frame, bulk: bool) {
        self.send_all(to, [frame], bulk);
    }

    /// Sends the same frames, one at least, to each of `to`.
    #[inline]
    pub(super) fn send_all(
        &mut self,
        to: impl IntoIterator<Item = ConnId>,
        frames: impl IntoIterator<Item = Frame>,
        bulk: bool,
    ) {
        let (receiver, start) = (self.receivers.len(), self.frames.len());
        self.receivers.extend(to);
        let bytes = &mut self.bytes;
        self.frames.extend(frames.into_iter().map(|frame| {
            let cost = frame.cost();
            *bytes += cost;
            (frame, cost)
        }));
        self.list.push(Entry::Send {
            to: receiver..self.receivers.len(),
            frames: start..self.frames.len(),
            bulk,
        });
    }

    pub(super) fn stop_reader(&mut self, conn: ConnId) {
        self.list.push(Entry::StopReader { conn });
    }

    pub(super) fn stop_writer(&mut self, conn: ConnId, flush: bool, last: Frame) {
        self.list.push(Entry::StopWriter { conn, flush, last });
    }

    pub(super) fn proceed(&mut self, conn: ConnId) {
        self.list.push(Entry::Proceed { conn });
    }

    pub(super) fn count_discarded(&mut self) {
        self.discarded += 1;
    }

    pub(super) fn rehash(&mut self) {
        self.list.push(Entry::Rehash);
    }

    pub(super) fn retain(&mut self, conn: ConnId) {
        self.list.push(Entry::Retain { conn });
    }

    pub(super) fn ask(&mut self, conn: ConnId, frame: Frame) {
        self.bytes += frame.cost();
        self.list.push(Entry::Ask { conn, frame });
    }

    pub(super) fn acknowledged(&mut self, conn: ConnId, marks: u64) {
        self.list.push(Entry::Acknowledged { conn, marks });
    }

    pub(super) fn release(&mut self, conn: ConnId) {
        self.list.push(Entry::Release { conn });
    }
}
