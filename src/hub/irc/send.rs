//! Lines to clients, each with the tags that its client wants.

use alloc::format;
use alloc::string::String;
use core::fmt::{self, Write as _};

use super::label::Reply;
use super::register::cut;
use super::room::word;
use super::{Digest, Hub, Turn};
use crate::broker::Mail;
use crate::hub::{Frame, Outputs, work};
use crate::id::{ConnId, Name, Time};
use crate::wire::irc::MAX_BODY_BYTES;
use crate::wire::irc::caps::Caps;
use crate::wire::irc::list;
use crate::wire::irc::numeric::{ERR_TOOMANYTARGETS, Numeric};

/// What may be told of a line beside the line itself.
#[derive(Clone, Copy, Default, Debug)]
pub(in crate::hub) struct Tags<'a> {
    /// When it was said, if not now.
    pub(super) at: Option<Time>,
    /// The number of the message.
    pub(super) number: Option<u64>,
    /// What the sender's client tells.
    pub(super) client: Option<&'a str>,
    /// Whether it is no part of the reply to a command, though it may come of it.
    pub(super) aside: bool,
    /// The batch that it belongs to.
    pub(super) batch: Option<&'a str>,
    /// Whether it comes with much else at once.
    pub(super) bulk: bool,
    /// Whether it shows the key of a channel.
    pub(super) shows_key: bool,
}

/// The capabilities that make the tags of a line differ.
const TAGGING: Caps = Caps::SERVER_TIME.with(Caps::MESSAGE_TAGS).with(Caps::BATCH);

impl<D: Digest> Hub<D> {
    /// Replies with a number.
    pub(super) fn reply(
        &mut self,
        turn: &mut Turn<'_>,
        number: Numeric,
        words: fmt::Arguments<'_>,
    ) {
        self.reply_with(turn, Tags::default(), number, words);
    }

    /// Replies with a number, and something to know of it.
    pub(super) fn reply_with(
        &mut self,
        turn: &mut Turn<'_>,
        tags: Tags<'_>,
        number: Numeric,
        words: fmt::Arguments<'_>,
    ) {
        let server = &self.irc.identity.name;
        let line = match self.nick_of(turn.conn) {
            Some(nick) => format!(":{server} {number:03} {nick} {words}"),
            None => format!(":{server} {number:03} * {words}"),
        };
        self.answer(turn, tags, &line);
    }

    /// Replies with a number and a list of words, in as many lines as they need. `write` puts the
    /// words of one line between others.
    pub(super) fn reply_in_lines(
        &mut self,
        turn: &mut Turn<'_>,
        number: Numeric,
        (words, separator): (&[String], char),
        write: impl Fn(&str) -> String,
    ) {
        let bytes = self
            .room_in_reply(turn.conn)
            .saturating_sub(write("").len());
        let words = words.iter().map(String::as_str);
        for line in list::lines(words, separator, bytes) {
            self.reply(turn, number, format_args!("{}", write(&line)));
        }
    }

    /// Replies with a number and words with spaces between them, as many as fit into the one line
    /// that clients expect.
    pub(super) fn reply_in_one_line(
        &mut self,
        turn: &mut Turn<'_>,
        number: Numeric,
        words: &[String],
    ) {
        let bytes = self.room_in_reply(turn.conn) - ":".len();
        let words = words.iter().map(String::as_str);
        let lines = list::lines(words, ' ', bytes);
        self.reply(turn, number, format_args!(":{}", lines[0]));
    }

    /// Bytes that are left in a line behind the number and the nick of a reply.
    fn room_in_reply(&self, conn: ConnId) -> usize {
        let nick = self.nick_of(conn).map_or(1, |nick| nick.as_bytes().len());
        let head = ": 000  ".len() + self.irc.identity.name.len() + nick;
        MAX_BODY_BYTES.saturating_sub(head)
    }

    /// Whether a command may have one more target than `before`; if not, says so.
    pub(super) fn may_name(&mut self, turn: &mut Turn<'_>, before: usize, target: &str) -> bool {
        let may = before < self.limits.receivers;
        if !may {
            let words = format_args!("{} :Too many targets", word(target));
            self.reply(turn, ERR_TOOMANYTARGETS, words);
        }
        may
    }

    /// Replies with a line of the server's.
    pub(super) fn tell(&mut self, turn: &mut Turn<'_>, line: &str) {
        self.answer(turn, Tags::default(), line);
    }

    fn answer(&mut self, turn: &mut Turn<'_>, tags: Tags<'_>, line: &str) {
        // However fast it reads, a greeting or a list comes many at once.
        let tags = Tags { bulk: true, ..tags };
        self.send_irc(turn.now, &[turn.conn], tags, line, None, turn.out);
    }

    /// Says that something failed, as a standard reply or else as a notice.
    pub(super) fn fail(&mut self, turn: &mut Turn<'_>, code: fmt::Arguments<'_>, why: &str) {
        self.standard_reply(turn, "FAIL", code, why);
    }

    /// A standard reply (<https://ircv3.net/specs/extensions/standard-replies>), or else a notice.
    pub(super) fn standard_reply(
        &mut self,
        turn: &mut Turn<'_>,
        kind: &str,
        code: fmt::Arguments<'_>,
        why: &str,
    ) {
        let line = self.standard_line(turn.conn, kind, &format!("{code}"), why);
        self.tell(turn, &line);
    }

    /// The name that a connection is known by, or wants to be.
    pub(super) fn nick_of(&self, conn: ConnId) -> Option<Name> {
        let registering = || self.session(conn).registering.as_ref()?.nick;
        self.name(conn).or_else(registering)
    }

    /// Sends the same line to several connections that speak IRC; with mail, it may be several
    /// lines.
    pub(super) fn send_irc(
        &mut self,
        now: Time,
        to: &[ConnId],
        tags: Tags<'_>,
        line: &str,
        mail: Option<&Mail>,
        out: &mut Outputs,
    ) {
        let mut told = core::mem::take(&mut self.irc.told);
        for &conn in to {
            let Some(caps) = self.caps(conn) else {
                continue;
            };
            if mail.is_none() && self.is_leaving(conn) {
                continue;
            }
            let caps = caps.and(TAGGING);
            if mail.is_none() && !tags.aside && self.is_replying(conn) {
                let reply = Reply {
                    tags: self.write_tags(now, caps, tags),
                    body: cut(line, MAX_BODY_BYTES).into(),
                    bulk: tags.bulk,
                    shows_key: tags.shows_key,
                };
                let replying = self.irc.replying.as_mut().expect("it was just there");
                self.work.count(work::LINE + line.len() as u64 / 16);
                replying.push(reply);
                continue;
            }
            told.push((caps, conn));
        }
        while let Some(&(caps, _)) = told.first() {
            self.scratch.clear();
            // A message that is too long for one line comes as several.
            for (part, line) in line.lines().enumerate() {
                let number = tags.number.filter(|_| part == 0);
                let written = self.write_tags(now, caps, Tags { number, ..tags });
                if !written.is_empty() {
                    self.scratch.push(b'@');
                    self.scratch.extend_from_slice(written.as_bytes());
                    self.scratch.push(b' ');
                }
                let line = cut(line, MAX_BODY_BYTES);
                self.scratch.extend_from_slice(line.as_bytes());
                self.scratch.extend_from_slice(b"\r\n");
            }
            let same = told.iter().filter(|(same, _)| *same == caps);
            let to = same.map(|&(_, conn)| conn);
            let frame = Frame::lines(&self.scratch, mail.cloned(), tags.shows_key);
            let sent = (frame.length(), mail.is_some(), tags.batch.is_some());
            out.send(to.clone(), frame, tags.bulk);
            for conn in to {
                self.count_sent(now, conn, sent, out);
            }
            told.retain(|(other, _)| *other != caps);
        }
        self.irc.told = told;
    }

    /// Whether what a connection is told is a reply to its command with a label.
    fn is_replying(&self, conn: ConnId) -> bool {
        let replying = self.irc.replying.as_ref();
        replying.is_some_and(|replying| replying.conn == conn)
    }

    pub(super) fn write_tags(&self, now: Time, caps: Caps, tags: Tags<'_>) -> String {
        let mut written = String::new();
        let mut tag = |words: fmt::Arguments<'_>| {
            if !written.is_empty() {
                written.push(';');
            }
            written.write_fmt(words).expect("a string takes everything");
        };
        if let Some(batch) = tags.batch.filter(|_| caps.has(Caps::BATCH)) {
            tag(format_args!("batch={batch}"));
        }
        if caps.has(Caps::SERVER_TIME) {
            tag(format_args!(
                "time={}",
                self.irc.time(tags.at.unwrap_or(now))
            ));
        }
        if caps.has(Caps::MESSAGE_TAGS) {
            if let Some(number) = tags.number {
                tag(format_args!("msgid={}", self.irc.ids.message(number)));
            }
            if let Some(client) = tags.client {
                tag(format_args!("{client}"));
            }
        }
        written
    }
}
