//! What a hub was told, in a compact form that can be played again.
//!
//! A record is a [`MAGIC`] line and then [`Entry`] after entry, each encoded by `postcard` and
//! preceded by its length as two bytes, the lower one first; if that is 65535 or more, by two bytes
//! that say 65535, and then its length as four bytes. The first entry is a
//! [`Entry::Start`]. A last entry that is cut off, as by a kill, is no error: it is left out.
//!
//! No secret gets into a record: a secret is replaced by the beginning of its proof, a
//! password or the key of a channel by something that has the same effects, and of a line that
//! nobody understood only the kinds of its characters are kept, since it may hold a secret too.
//! Texts are kept only if that was asked for. Whoever has a record of a server that still runs can
//! count its messages by their identifiers: the key of these is in it.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use serde::{Deserialize, Serialize, Serializer};

use crate::Config;
use crate::broker::Request;
use crate::hub::{Digest, Frame, Identity, Observer, Output, Outputs, Told, Understood};
use crate::id::{ConnId, Proof, Secret, Time, is_forbidden, is_printable};
use crate::wire::irc::{BadLine, Excerpt, Message, place_in_bad};
use crate::wire::lines::Line;
use crate::wire::plain::{self, Command, Mistake};

/// With this a record begins.
pub const MAGIC: &[u8] = b"rejoin record 10\n";

/// Stands for the length of an entry that is at least as long, and whose length follows.
const LONG: u16 = u16::MAX;

/// One thing in a record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "the large one comes once in a record"
)]
pub enum Entry<'a> {
    /// The server has started.
    Start {
        /// Its limits.
        config: Cow<'a, Config>,
        /// Whether texts are kept.
        texts: bool,
        /// The key of its identifiers ([`Hub::with_key`](crate::hub::Hub::with_key)).
        id_key: [u8; 16],
    },
    /// The server says this of itself from now on; passwords and their hashes are left out.
    Identity {
        /// What.
        identity: Cow<'a, Identity>,
    },
    /// A line, which belongs to the next [`Told::Received`].
    Line {
        /// What it says.
        #[serde(borrow, serialize_with = "as_bytes")]
        said: Cow<'a, [u8]>,
        /// How many bytes of text follow that were not kept.
        hidden: u32,
    },
    /// A line that was too long, in the same way.
    TooLong,
    /// Telnet commands that were answered. They belong to the next [`Told::Received`], too.
    Telnet {
        /// Which.
        #[serde(borrow, serialize_with = "as_bytes")]
        asked: Cow<'a, [u8]>,
    },
    /// The hub was told something.
    Told {
        /// How long after the one before, in microseconds.
        after: u64,
        /// What.
        told: Told,
        /// What the hub wanted done, digested.
        effects: u32,
    },
}

/// All at once: as a sequence, which it would be by default, it would be written byte by byte.
fn as_bytes<S: Serializer>(said: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(said)
}

/// Writes down what a hub is told. It is to look on from the beginning.
#[derive(Debug)]
pub struct Recorder {
    texts: bool,
    last: Time,
    bytes: Vec<u8>,
    /// The hashes of operators so far. In a record each is its place here: so it shows only which of
    /// them are the same.
    hashes: Vec<String>,
    /// The server's password, and how many it has had.
    password: (Option<String>, u64),
}

impl Recorder {
    /// A new record, of a hub with these limits, and this key of its identifiers. Texts are replaced
    /// by their lengths unless `texts`.
    pub fn new(config: &Config, texts: bool, id_key: [u8; 16]) -> Self {
        let mut recorder = Self {
            texts,
            last: Time::ZERO,
            bytes: MAGIC.to_vec(),
            hashes: Vec::new(),
            password: (None, 0),
        };
        let config = Cow::Borrowed(config);
        recorder.push(&Entry::Start {
            config,
            texts,
            id_key,
        });
        recorder
    }

    /// What has been written down since this was last emptied.
    pub fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    fn push(&mut self, entry: &Entry<'_>) {
        let start = self.bytes.len();
        self.bytes.extend([0; 2]);
        let bytes = core::mem::take(&mut self.bytes);
        let encoded = postcard::to_extend(entry, bytes);
        self.bytes = encoded.expect("an entry in memory can be encoded");
        let length = self.bytes.len() - start - 2;
        let short = u16::try_from(length).ok().filter(|&length| length < LONG);
        let prefix = short.unwrap_or(LONG).to_le_bytes();
        self.bytes[start..start + 2].copy_from_slice(&prefix);
        if short.is_none() {
            let length = u32::try_from(length).expect("a line has less than 4 GiB");
            self.bytes
                .splice(start + 2..start + 2, length.to_le_bytes());
        }
    }
}

impl Observer for Recorder {
    fn identity(&mut self, identity: &Identity) {
        let mut identity = identity.clone();
        let (password, number) = &mut self.password;
        if *password != identity.password {
            password.clone_from(&identity.password);
            *number += 1;
        }
        if let Some(password) = &mut identity.password {
            *password = format!("*{number}");
        }
        for hash in identity.operators.values_mut() {
            let place = self.hashes.iter().position(|known| known == hash);
            let place = place.unwrap_or(self.hashes.len());
            let hash = core::mem::replace(hash, place.to_string());
            if place == self.hashes.len() {
                self.hashes.push(hash);
            }
        }
        let identity = Cow::Owned(identity);
        self.push(&Entry::Identity { identity });
    }

    fn line(&mut self, line: Line<'_>, understood: Understood<'_>) {
        let Line::Whole(line) = line else {
            return self.push(&Entry::TooLong);
        };
        match understood {
            Understood::Plain(understood) => self.plain_line(line, understood),
            Understood::Irc(understood) => self.irc_line(line, understood),
        }
    }

    fn telnet(&mut self, asked: &[u8]) {
        let asked = Cow::Borrowed(asked);
        self.push(&Entry::Telnet { asked });
    }

    fn hidden(&mut self, instead: &str) {
        let line = instead.as_bytes();
        let said = match instead.split_once(' ') {
            Some((tags, _)) if !self.texts && tags.starts_with('@') => {
                Cow::Owned(mask_tags(line, 1..tags.len()))
            }
            _ => Cow::Borrowed(line),
        };
        self.push(&Entry::Line { said, hidden: 0 });
    }

    fn told(&mut self, now: Time, told: Told, wants: &Outputs) {
        let after = now.as_micros() - self.last.as_micros();
        let effects = digest(wants, self.texts);
        self.last = now;
        self.push(&Entry::Told {
            after,
            told,
            effects,
        });
    }
}

impl Recorder {
    fn plain_line(&mut self, line: &[u8], understood: &Result<Command<'_>, Mistake>) {
        match understood {
            // The hub says what may stand for it.
            Ok(Command::LogIn { .. }) => {}
            Ok(Command::Say(saying)) if !self.texts => self.push_hidden(line, saying.text()),
            Ok(Command::Request(Request::Quit { why: Some(_) })) if !self.texts => {
                self.push_reason(line, plain::end_of_words(line, 1));
            }
            Ok(Command::Request(Request::Leave { why: Some(_), .. })) if !self.texts => {
                self.push_reason(line, plain::end_of_words(line, 2));
            }
            Ok(
                Command::Say(_)
                | Command::Request(_)
                | Command::Rooms
                | Command::Who { .. }
                | Command::Help
                | Command::Pong,
            ) => self.push_line(Cow::Borrowed(line), 0),
            Err(_) => self.push_line(Cow::Owned(mask_line(line)), 0),
        }
    }

    fn irc_line(&mut self, line: &[u8], understood: &Result<Message<'_>, BadLine>) {
        let message = match understood {
            Ok(message) => message,
            Err(bad) => return self.bad_irc_line(line, *bad),
        };
        if message.may_hold_secret() {
            // The hub says what may stand for it.
            return;
        }
        let is = |command: &str| message.command.eq_ignore_ascii_case(command);
        let known = COMMANDS.iter().find(|(command, _)| is(command));
        let end_of_command = place(message.command, line) + message.command.len();
        let (said, text) = match known {
            None => (&line[..end_of_command], None),
            Some((_, Some(index))) if !self.texts => (line, message.param(*index)),
            Some(_) => (line, None),
        };
        let tags = (!message.tags.is_empty()).then(|| place(message.tags, line));
        let tags = tags.map(|at| at..at + message.tags.len());
        match (tags, text) {
            (Some(tags), None) if !self.texts || known.is_none() => {
                self.push_line(Cow::Owned(mask_tags(said, tags)), 0);
            }
            (Some(tags), Some(text)) => {
                // Masked tags are as long as they were.
                let masked = mask_tags(said, tags);
                let at = place(text, line);
                let text = core::str::from_utf8(&masked[at..at + text.len()]);
                self.push_hidden(&masked, text.expect("only the tags are masked"));
            }
            (None, Some(text)) => self.push_hidden(said, text),
            (_, None) => self.push_line(Cow::Borrowed(said), 0),
        }
    }

    /// A line that cannot be read, and is carried out with a text that was mended, or else refused.
    fn bad_irc_line(&mut self, line: &[u8], bad: BadLine) {
        let mended = Message::mend(line);
        let message = Message::parse(mended.as_bytes()).ok();
        let message = message.filter(Message::can_do_without_text);
        let Some(message) = message.filter(|_| bad != BadLine::Empty) else {
            let excerpt = Excerpt::of(line).to_line(bad);
            return self.push_line(Cow::Owned(excerpt), 0);
        };
        if self.texts {
            return self.push_line(Cow::Borrowed(line), 0);
        }
        let at = |place| place_in_bad(line, place);
        let place = |part: &str| place(part, mended.as_bytes());
        let is = |command: &&(&str, _)| message.command.eq_ignore_ascii_case(command.0);
        let index = COMMANDS.iter().find(is).and_then(|&(_, index)| index);
        let text = index.and_then(|index| message.param(index));
        let start = text.map_or(line.len(), |text| at(place(text)));
        let mut said = [&line[..start], &mask_bad_text(&line[start..])].concat();
        if !message.tags.is_empty() {
            let start = place(message.tags);
            said = mask_tags(&said, at(start)..at(start + message.tags.len()));
        }
        self.push_line(Cow::Owned(said), 0);
    }

    /// A line that says a text, which is not kept; nobody reads what follows it.
    fn push_hidden(&mut self, line: &[u8], text: &str) {
        let said = &line[..place(text, line)];
        if text.is_ascii() && is_printable(text) {
            return self.push_line(Cow::Borrowed(said), text.len());
        }
        let said = [said, mask_text(text).as_bytes()].concat();
        self.push_line(Cow::Owned(said), 0);
    }

    /// A line whose reason, which begins at this place, is not kept. It may be no text.
    fn push_reason(&mut self, line: &[u8], start: usize) {
        let said = [&line[..start], &mask_bad_text(&line[start..])].concat();
        self.push_line(Cow::Owned(said), 0);
    }

    fn push_line(&mut self, said: Cow<'_, [u8]>, hidden: usize) {
        let hidden = u32::try_from(hidden).expect("a line is short");
        self.push(&Entry::Line { said, hidden });
    }
}

/// The commands of IRC that are written down, and which parameter of each is a text. Of any other
/// only the command is: nobody knows what follows it, and it may be a password.
const COMMANDS: &[(&str, Option<usize>)] = &[
    ("ADMIN", None),
    ("AWAY", Some(0)),
    ("CAP", None),
    ("HELP", None),
    ("HELPOP", None),
    ("INFO", None),
    ("INVITE", None),
    ("ISON", None),
    ("JOIN", None),
    ("KICK", Some(2)),
    ("KILL", Some(1)),
    ("LINKS", None),
    ("LIST", None),
    ("LUSERS", None),
    ("MODE", None),
    ("MONITOR", None),
    ("MOTD", None),
    ("NAMES", None),
    ("NICK", None),
    ("NOTICE", Some(1)),
    ("PART", Some(1)),
    ("PING", Some(0)),
    ("PONG", None),
    ("PRIVMSG", Some(1)),
    ("QUIT", Some(0)),
    ("REHASH", None),
    ("SETNAME", Some(0)),
    ("STATS", None),
    ("TAGMSG", None),
    ("TIME", None),
    ("TOPIC", Some(1)),
    ("USER", Some(3)),
    ("USERHOST", None),
    ("VERSION", None),
    ("WALLOPS", Some(0)),
    ("WHO", None),
    ("WHOIS", None),
    ("WHOWAS", None),
];

/// Where a part of a line begins.
fn place(part: &str, line: &[u8]) -> usize {
    part.as_ptr().addr() - line.as_ptr().addr()
}

/// The line, whose tags are masked, but for its label: that comes back.
fn mask_tags(line: &[u8], tags: Range<usize>) -> Vec<u8> {
    let masked = line[tags.clone()]
        .split(|&byte| byte == b';')
        .map(|tag| match tag {
            [b'l', b'a', b'b', b'e', b'l', b'=', ..] => Cow::Borrowed(tag),
            _ => Cow::Owned(mask(tag)),
        });
    let masked: Vec<_> = masked.collect();
    [&line[..tags.start], &masked.join(&b';'), &line[tags.end..]].concat()
}

/// A text of the same length that is cut at the same places, is a CTCP message or an action if this
/// is one, and has the same characters that some clients are not shown.
fn mask_text(text: &str) -> String {
    let kind = ["\x01ACTION ", "\x01ACTION", "\x01"]
        .into_iter()
        .find(|kind| text.starts_with(kind))
        .unwrap_or("");
    let hidden = text[kind.len()..].chars().map(|character| {
        if is_forbidden(character) {
            character
        } else {
            stand_in(character)
        }
    });
    kind.chars().chain(hidden).collect()
}

/// The line with every letter and digit replaced by one of its kind and length, but for the word at
/// its beginning that is a command of the plain protocol: so it is misunderstood in the same way.
fn mask_line(line: &[u8]) -> Vec<u8> {
    let (command, rest) = line.split_at(plain::end_of_command(line));
    [command, &mask(rest)].concat()
}

/// The bytes with every letter and digit replaced by one of its kind and length.
fn mask(bytes: &[u8]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            let hides = character.is_alphanumeric();
            let masked_as = if character.is_ascii_digit() {
                '0'
            } else {
                stand_in(character)
            };
            let character = if hides { masked_as } else { character };
            masked.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        masked.extend_from_slice(chunk.invalid());
    }
    masked
}

/// The bytes of a text that may not be readable, and what may follow it, with everything replaced
/// by what is mended in the same way, but for white space.
fn mask_bad_text(text: &[u8]) -> Vec<u8> {
    let mut masked = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            let stays = character.is_whitespace() || is_forbidden(character);
            let character = if stays {
                character
            } else {
                stand_in(character)
            };
            masked.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        // Each is one character where it is mended.
        masked.extend_from_slice(match chunk.invalid().len() {
            0 => &[],
            // Not 0xff, with which a telnet command begins.
            1 => &b"\xfe"[..],
            2 => &b"\xe4\xb8"[..],
            _ => &b"\xf0\x9d\x92"[..],
        });
    }
    masked
}

/// A letter that takes as many bytes.
const fn stand_in(character: char) -> char {
    match character.len_utf8() {
        1 => 'x',
        2 => 'ж',
        3 => '中',
        _ => '𝒙',
    }
}

/// A digest of what a hub wants done. Without texts, lines count by their lengths, and those that
/// show a key in any case.
pub fn digest(outputs: &Outputs, texts: bool) -> u32 {
    let mut hash = Hash(0);
    for output in outputs.iter() {
        match output {
            Output::Send {
                to, frame, bulk, ..
            } => {
                hash.bytes(&[1, u8::from(bulk)]);
                to.iter().for_each(|conn| hash.number(conn.number()));
                hash.frame(frame, texts);
            }
            Output::StopReader { conn } => hash.tagged(2, conn),
            Output::StopWriter { conn, flush, last } => {
                hash.tagged(3, conn);
                hash.bytes(&[u8::from(flush)]);
                hash.frame(last, texts);
            }
            Output::Proceed { conn } => hash.tagged(4, conn),
            Output::Retain { conn } => hash.tagged(5, conn),
            Output::Ask { conn, frame } => {
                hash.tagged(6, conn);
                hash.frame(frame, texts);
            }
            Output::Acknowledged { conn, marks } => {
                hash.tagged(7, conn);
                hash.number(marks);
            }
            Output::Release { conn } => hash.tagged(8, conn),
            Output::Rehash => hash.bytes(&[9]),
            Output::Verify { conn, .. } => hash.tagged(10, conn),
        }
    }
    hash.number(outputs.discarded() as u64);
    hash.0 as u32
}

/// A hash of eight bytes at a time: of one at a time, it would take longer than all else that is
/// done for a record.
struct Hash(u64);

impl Hash {
    fn bytes(&mut self, bytes: &[u8]) {
        let (rows, bytes) = bytes.as_chunks::<32>();
        if !rows.is_empty() {
            self.rows(rows);
        }
        let (words, rest) = bytes.as_chunks();
        for &word in words {
            self.number(u64::from_le_bytes(word));
        }
        // How long the rest is stands in the byte that it never has.
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        last[7] = rest.len() as u8;
        self.number(u64::from_le_bytes(last));
    }

    /// Four words at a time, each by a hash of its own: none waits for the product of another.
    fn rows(&mut self, rows: &[[u8; 32]]) {
        let mut columns = [Self(1), Self(2), Self(3), Self(4)];
        for row in rows {
            let (words, _) = row.as_chunks();
            for (column, &word) in columns.iter_mut().zip(words) {
                column.number(u64::from_le_bytes(word));
            }
        }
        columns.iter().for_each(|column| self.number(column.0));
    }

    fn number(&mut self, number: u64) {
        // A product carries upwards alone, and a digest is the lower half.
        let product = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ product >> 32;
    }

    fn frame(&mut self, frame: &Frame, texts: bool) {
        let lines = frame.bytes();
        if texts && !frame.shows_key() {
            self.bytes(&lines);
        } else {
            let lines = lines.split_inclusive(|&byte| byte == b'\n');
            lines.for_each(|line| self.number(line.len() as u64));
        }
    }

    fn tagged(&mut self, tag: u8, conn: ConnId) {
        self.bytes(&[tag]);
        self.number(conn.number());
    }
}

/// Takes what stands in a record where a secret stood, the beginning of its proof.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recorded;

impl Digest for Recorded {
    fn proof(&self, secret: Secret<'_>) -> Proof {
        let digits = secret.expose().as_bytes();
        let mut digest = [0; 32];
        for (byte, digits) in digest.iter_mut().zip(digits.chunks(2)) {
            let digits = core::str::from_utf8(digits).unwrap_or("");
            *byte = u8::from_str_radix(digits, 16).unwrap_or(0);
        }
        Proof::new(digest)
    }
}

/// Reads a record, entry by entry.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    rest: &'a [u8],
}

/// What is wrong with a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadRecord {
    /// It does not begin with [`MAGIC`]: it is no record, or one of another version.
    NoRecord,
    /// It ends before the end of its first entry.
    Empty,
    /// An entry has a form that this version does not know.
    Malformed,
}

impl core::fmt::Display for BadRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoRecord => "this is no record of this version of rejoin",
            Self::Empty => "the record ends before the end of its first entry",
            Self::Malformed => "the record has an entry of an unknown form",
        })
    }
}

impl core::error::Error for BadRecord {}

impl<'a> Entries<'a> {
    /// The entries of a record.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn of(record: &'a [u8]) -> Result<Self, BadRecord> {
        let rest = record.strip_prefix(MAGIC).ok_or(BadRecord::NoRecord)?;
        Ok(Self { rest })
    }

    /// Whether what is left is the beginning of an entry that was cut off.
    pub fn is_torn(&self) -> bool {
        !self.rest.is_empty() && self.clone().next().is_none()
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, BadRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        let (length, mut rest) = self.rest.split_first_chunk()?;
        let mut length = usize::from(u16::from_le_bytes(*length));
        if length == usize::from(LONG) {
            let (long, after) = rest.split_first_chunk()?;
            length = usize::try_from(u32::from_le_bytes(*long)).ok()?;
            rest = after;
        }
        let (entry, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(postcard::from_bytes(entry).map_err(|_| BadRecord::Malformed))
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use crate::hub::{Hub, Protocol};
    use alloc::boxed::Box;
    use std::sync::{Arc, Mutex};

    #[test]
    fn a_line_that_nobody_understood_is_masked_and_misunderstood_in_the_same_way() {
        let lines: [&[u8]; 13] = [
            b"alice correct-horse",
            b"bob!: secret",
            b": secret",
            b"bob:",
            b"/frobnicate secret",
            b"/join secret secret",
            b" \t/JOIN secret",
            b"/msg secret",
            b"/msg s!ecret secret",
            b"/nick 1secret",
            b"/leave #r\xff secret",
            "b\u{f6}b hi".as_bytes(),
            b"bob: \xff secret",
        ];
        for line in lines {
            let masked = mask_line(line);
            assert_eq!(masked.len(), line.len());
            assert!(!String::from_utf8_lossy(&masked).contains("secret"));
            let (said, again) = (plain::parse(line), plain::parse(&masked));
            assert_eq!(said.unwrap_err(), again.unwrap_err(), "{masked:?}");
        }
        let masked = mask_line(b"1alice correct-horse");
        assert_eq!(masked, b"0xxxxx xxxxxxx-xxxxx");
        assert_eq!(plain::parse_login(&masked).unwrap_err(), Mistake::BadName);
    }

    /// The digest of what a peer that says this to itself is sent.
    fn digest_of(lines: &str, texts: bool) -> u32 {
        let (mut hub, mut out) = (Hub::new(&Config::default(), Recorded), Outputs::new());
        let (conn, address) = (ConnId::new(1), [192, 0, 2, 1].into());
        hub.accepted(Time::ZERO, conn, address, Protocol::Plain, &mut out)
            .unwrap();
        hub.received(Time::ZERO, conn, b"a\n", &mut out);
        out.clear();
        hub.received(Time::ZERO, conn, lines.as_bytes(), &mut out);
        digest(&out, texts)
    }

    /// The record of a connection from which this comes, and the digest of its last effects.
    fn recorded(protocol: Protocol, bytes: &[u8]) -> (Vec<u8>, u32) {
        recorded_with(protocol, bytes, true)
    }

    fn recorded_with(protocol: Protocol, bytes: &[u8], texts: bool) -> (Vec<u8>, u32) {
        let recorder = Recorder::new(&Config::default(), texts, [0; 16]);
        let recorder = Shared(Arc::new(Mutex::new(recorder)));
        let (mut hub, mut out) = (Hub::new(&Config::default(), Recorded), Outputs::new());
        hub.observe(Box::new(recorder.clone()));
        let (conn, address) = (ConnId::new(1), [192, 0, 2, 1].into());
        hub.accepted(Time::ZERO, conn, address, protocol, &mut out)
            .unwrap();
        out.clear();
        hub.received(Time::ZERO, conn, bytes, &mut out);
        let record = recorder.0.lock().unwrap().bytes().clone();
        (record, digest(&out, texts))
    }

    #[derive(Clone, Debug)]
    struct Shared(Arc<Mutex<Recorder>>);

    impl Observer for Shared {
        fn line(&mut self, line: Line<'_>, understood: Understood<'_>) {
            self.0.lock().unwrap().line(line, understood);
        }

        fn hidden(&mut self, instead: &str) {
            self.0.lock().unwrap().hidden(instead);
        }

        fn told(&mut self, now: Time, told: Told, wants: &Outputs) {
            self.0.lock().unwrap().told(now, told, wants);
        }
    }

    /// The bytes that are brought to a hub to which a record is played.
    fn played(record: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for entry in Entries::of(record).unwrap() {
            if let Entry::Line { said, hidden } = entry.unwrap() {
                bytes.extend_from_slice(&said);
                bytes.extend((0..hidden).map(|_| b'x'));
                bytes.push(b'\n');
            }
        }
        bytes
    }

    #[test]
    fn of_what_strangers_say_nothing_is_kept_and_its_effects_come_again() {
        for protocol in [Protocol::Plain, Protocol::Irc] {
            for said in [
                &b"POST /secret HTTP/1.1\r\nNICK secret\r\n"[..],
                b"GET http://secret/ HTTP/1.1\n",
                b"\x16\x03\x01secret",
                b"PASS secret-secret\n",
                b" PASS secret-secret\n",
            ] {
                let (record, effects) = recorded(protocol, said);
                let (again, same) = recorded(protocol, &played(&record));
                assert!(!String::from_utf8_lossy(&record).contains("secret"));
                assert_eq!((again, same), (record, effects), "{}", said.escape_ascii());
            }
        }
    }

    #[test]
    fn a_reason_that_was_not_kept_has_its_length_when_it_is_played_again() {
        for said in [
            &b"a\n/join #r\n/quit secret\n"[..],
            b"a\n/join #r\n  /QUIT\tsecret  \n",
            b"a\n/join #r\n/quit s\xe9cret\n",
            b"a\n/join #r\n/part #R   secret secret \n",
        ] {
            let (record, effects) = recorded_with(Protocol::Plain, said, false);
            assert!(!String::from_utf8_lossy(&record).contains("secret"));
            let (_, again) = recorded_with(Protocol::Plain, &played(&record), false);
            assert_eq!(again, effects, "{}", said.escape_ascii());
        }
    }

    #[test]
    fn a_digest_tells_messages_that_were_said_at_once_apart() {
        let said = "a: 12\na: 3\n";
        for (other, of_lengths) in [("a: 1\na: 23\n", true), ("a: 12\na: 4\n", false)] {
            assert_ne!(digest_of(said, true), digest_of(other, true));
            let differ = digest_of(said, false) != digest_of(other, false);
            assert_eq!(differ, of_lengths, "{other}");
        }
    }

    #[test]
    fn a_record_that_was_cut_off_lacks_its_last_entry_alone() {
        let mut recorder = Recorder::new(&Config::default(), true, [0; 16]);
        recorder.told(Time::from_micros(7), Told::Tick, &Outputs::new());
        let record = recorder.bytes().clone();
        assert_eq!(Entries::of(&record).unwrap().count(), 2);
        for cut in MAGIC.len() + 1..record.len() {
            let mut entries = Entries::of(&record[..cut]).unwrap();
            let whole = entries.by_ref().map(Result::unwrap).count();
            assert!(whole < 2);
            assert_eq!(entries.is_torn(), !entries.rest.is_empty());
        }
        assert_eq!(
            Entries::of(b"rejoin record 2\n").unwrap_err(),
            BadRecord::NoRecord
        );
    }
}
