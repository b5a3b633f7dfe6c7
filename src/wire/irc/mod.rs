//! The IRC protocol: lines, numerics, modes, masks and capabilities.
//!
//! It follows <https://modern.ircdocs.horse>, with RFC 1459 and RFC 2812 behind it, and
//! <https://ircv3.net> for capabilities. Only what a line is made of is known here; what a
//! command means is a matter of the hub.
#![doc = ""]
#![doc = include_str!("../../../docs/IRC.md")]

pub mod caps;
mod excerpt;
pub mod list;
pub mod mask;
pub mod mode;
pub mod numeric;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub use excerpt::Excerpt;
#[cfg(feature = "record")]
pub(crate) use excerpt::place_in_bad;

use crate::id::Time;

/// Bytes of a line, its tags and its end not counted (RFC 1459, 2.3: 512 with CR and LF).
pub const MAX_BODY_BYTES: usize = 510;

/// Bytes of the tags that a client may send, `@` and the space after them included
/// (message-tags, "Size limit").
pub const MAX_TAG_BYTES: usize = 4096;

/// Bytes of the longest line that is read.
pub const MAX_LINE_BYTES: usize = MAX_TAG_BYTES + MAX_BODY_BYTES;

/// Bytes of a label, at most (labeled-response).
pub const MAX_LABEL_BYTES: usize = 64;

/// Parameters that a message has at most (RFC 1459, 2.3.1).
pub const MAX_PARAMS: usize = 15;

/// Commands with a text that does not matter to what they do, and which of their parameters it is.
/// A bad nick is among them: it is refused as such, so that a client tries another. So are names
/// that are only looked for: nobody has one that is no text, but somebody may have the next.
const ACCOMPANYING_TEXTS: &[(&str, usize)] = &[
    ("AWAY", 0),
    ("INVITE", 2),
    ("ISON", 0),
    ("KICK", 2),
    ("KILL", 1),
    ("MONITOR", 1),
    ("NICK", 0),
    ("PART", 1),
    ("PING", 0),
    ("QUIT", 0),
    ("SETNAME", 0),
    ("USER", 3),
    ("USERHOST", 0),
    ("WHOIS", 0),
];

/// A line that a client sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// The tags, without the `@`; empty if there are none.
    pub tags: &'a str,
    /// The command, as it was written.
    pub command: &'a str,
    /// What follows it, at most [`MAX_PARAMS`]; the last may hold spaces.
    pub params: Vec<&'a str>,
}

/// Why a line is no [`Message`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadLine {
    /// It has no command; such lines are ignored.
    Empty,
    /// Its tags, or the rest of it, are too long.
    TooLong,
    /// It is not UTF-8.
    InvalidUtf8,
    /// It has a NUL or a CR inside, which some clients take for the end of a line.
    BadCharacter,
}

impl<'a> Message<'a> {
    /// Reads a line, without its end.
    ///
    /// # Errors
    ///
    /// [`BadLine`] says what is wrong with it.
    pub fn parse(line: &'a [u8]) -> Result<Self, BadLine> {
        let tag_bytes = tag_bytes(line);
        if tag_bytes > MAX_TAG_BYTES || line.len() - tag_bytes > MAX_BODY_BYTES {
            return Err(BadLine::TooLong);
        }
        let line = core::str::from_utf8(line).map_err(|_| BadLine::InvalidUtf8)?;
        if memchr::memchr2(0, b'\r', line.as_bytes()).is_some() {
            return Err(BadLine::BadCharacter);
        }
        let (tags, body) = line.split_at(tag_bytes);
        let tags = tags.trim_end_matches(' ').trim_start_matches('@');
        let mut rest = body.trim_start_matches(' ');
        if rest.starts_with(':') {
            // Clients need not say who they are, and are not believed.
            (_, rest) = split_word(rest);
        }
        let (command, mut rest) = split_word(rest);
        if command.is_empty() || command.starts_with('@') {
            return Err(BadLine::Empty);
        }
        let mut params = Vec::with_capacity(2);
        while !rest.is_empty() {
            if let Some(trailing) = rest.strip_prefix(':') {
                params.push(trailing);
                break;
            }
            if params.len() + 1 == MAX_PARAMS {
                params.push(rest);
                break;
            }
            let (word, after) = split_word(rest);
            params.push(word);
            rest = after;
        }
        Ok(Self {
            tags,
            command,
            params,
        })
    }

    /// What can be read of a line that is no message: what is not UTF-8, and each NUL and CR, is
    /// U+FFFD instead, and what is too long is cut off.
    pub fn mend(line: &[u8]) -> String {
        let (tags, body) = line.split_at(tag_bytes(line).min(MAX_TAG_BYTES));
        let readable =
            |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(['\0', '\r'], "\u{FFFD}");
        let (mut line, body) = (readable(tags), readable(body));
        line.push_str(&body[..body.floor_char_boundary(MAX_BODY_BYTES)]);
        line
    }

    /// Whether the message has a text that only accompanies what it does, such as the reason of a
    /// QUIT: then it is better done with a spoilt text than not at all.
    pub fn can_do_without_text(&self) -> bool {
        let is = |(command, _): &&(&str, usize)| self.command.eq_ignore_ascii_case(command);
        let text = ACCOMPANYING_TEXTS.iter().find(is);
        text.is_some_and(|&(_, index)| index < self.params.len())
    }

    /// A parameter; `None` if it is missing.
    pub fn param(&self, index: usize) -> Option<&'a str> {
        self.params.get(index).copied()
    }

    /// Whether it may hold a password, a secret, or the key of a channel.
    pub fn may_hold_secret(&self) -> bool {
        let is = |command: &str| self.command.eq_ignore_ascii_case(command);
        let holds_key = |first| self.params.len() > first;
        is("PASS") || is("OPER") || (is("JOIN") && holds_key(1)) || (is("MODE") && holds_key(2))
    }

    /// The unescaped value of a tag, if it is there; the last, if it is there more than once.
    pub fn tag(&self, key: &str) -> Option<String> {
        let mut tags = self
            .tags
            .split(';')
            .map(|tag| tag.split_once('=').unwrap_or((tag, "")));
        let (_, value) = tags.rfind(|(name, _)| *name == key)?;
        Some(unescape(value))
    }

    /// What the replies to it are to be labeled with
    /// (<https://ircv3.net/specs/extensions/labeled-response>).
    pub fn label(&self) -> Option<String> {
        let label = self.tag("label");
        label.filter(|label| !label.is_empty() && label.len() <= MAX_LABEL_BYTES)
    }

    /// The tags that are meant for other clients, as they were written, joined by `;`.
    pub fn client_tags(&self) -> String {
        let client = self
            .tags
            .split(';')
            .filter(|tag| tag.len() > 1 && tag.starts_with('+'));
        let mut tags = String::new();
        for tag in client {
            if !tags.is_empty() {
                tags.push(';');
            }
            tags.push_str(tag);
        }
        tags
    }
}

/// How many bytes the tags of a line take, with the `@` and the space after them.
fn tag_bytes(line: &[u8]) -> usize {
    match memchr::memchr(b' ', line) {
        Some(space) if line.first() == Some(&b'@') => space + 1,
        _ => 0,
    }
}

/// The first word, and what follows the spaces behind it.
fn split_word(text: &str) -> (&str, &str) {
    match memchr::memchr(b' ', text.as_bytes()) {
        Some(space) => (&text[..space], text[space..].trim_start_matches(' ')),
        None => (text, ""),
    }
}

/// The value that was written with escapes (message-tags, "Escaping values").
fn unescape(value: &str) -> String {
    let mut plain = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(':') => plain.push(';'),
                Some('s') => plain.push(' '),
                Some('r') => plain.push('\r'),
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => {}
            },
            _ => plain.push(character),
        }
    }
    plain
}

/// Writes a tag's value with escapes.
pub fn escape(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            ';' => out.push_str("\\:"),
            ' ' => out.push_str("\\s"),
            '\\' => out.push_str("\\\\"),
            '\r' => out.push_str("\\r"),
            '\n' => out.push_str("\\n"),
            _ => out.push(character),
        }
    }
}

/// Writes a probe of a silent connection.
pub fn write_probe(out: &mut Vec<u8>) {
    out.extend_from_slice(b"PING :silent\r\n");
}

/// A point in time as the tag `time` has it: `2026-11-23T08:13:09.250Z` (server-time).
#[derive(Clone, Copy, Debug)]
pub struct Timestamp {
    micros: u64,
}

impl Timestamp {
    /// `time`, where `epoch` is the driver's start, in microseconds since 1970.
    pub const fn new(epoch: u64, time: Time) -> Self {
        Self {
            micros: epoch.saturating_add(time.as_micros()),
        }
    }

    /// Seconds since 1970.
    pub const fn seconds(self) -> u64 {
        self.micros / 1_000_000
    }

    fn date_time(self) -> time::UtcDateTime {
        let seconds = i64::try_from(self.seconds()).unwrap_or(i64::MAX);
        let known = time::UtcDateTime::from_unix_timestamp(seconds);
        known.unwrap_or(time::UtcDateTime::UNIX_EPOCH)
    }

    /// The time without a fraction of its second: `2026-11-23T08:13:09Z`.
    pub fn to_seconds(self) -> String {
        let mut shown = alloc::format!("{self}");
        shown.truncate(shown.len() - ".000Z".len());
        shown.push('Z');
        shown
    }

    /// The time as people read it: `Mon, 23 Nov 2026 08:13:09 UTC`.
    pub fn human(self) -> String {
        let at = self.date_time();
        let (day, month) = (
            alloc::format!("{}", at.weekday()),
            alloc::format!("{}", at.month()),
        );
        alloc::format!(
            "{}, {} {} {} {:02}:{:02}:{:02} UTC",
            &day[..3],
            at.day(),
            &month[..3],
            at.year(),
            at.hour(),
            at.minute(),
            at.second()
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.date_time();
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            self.micros / 1000 % 1000
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec;

    fn parse(line: &str) -> Message<'_> {
        Message::parse(line.as_bytes()).unwrap()
    }

    #[test]
    fn a_line_is_split_into_its_parts() {
        let line = parse("@a=1;+b=c\\sd;a=2 :me  PRIVMSG  #a,b   :hi : there ");
        assert_eq!(line.command, "PRIVMSG");
        assert_eq!(line.params, ["#a,b", "hi : there "]);
        assert_eq!(line.tag("a").unwrap(), "2");
        assert_eq!(line.tag("+b").unwrap(), "c d");
        assert_eq!(line.client_tags(), "+b=c\\sd");
        assert_eq!(line.tag("c"), None);
    }

    #[test]
    fn only_tags_with_a_plus_and_a_name_are_for_other_clients() {
        assert_eq!(parse("@a;+;+b=c;b;+d A").client_tags(), "+b=c;+d");
        assert_eq!(parse("@a;+ A").client_tags(), "");
    }

    #[test]
    fn the_last_parameter_may_be_empty_or_the_rest() {
        assert_eq!(parse("JOIN :").params, [""]);
        assert_eq!(parse("NICK a ").params, ["a"]);
        let words: Vec<_> = (1..=20).map(|n| format!("{n}")).collect();
        let line = format!("X {}", words.join(" "));
        let line = parse(&line);
        assert_eq!(line.params.len(), MAX_PARAMS);
        assert_eq!(line.params[14], "15 16 17 18 19 20");
    }

    #[test]
    fn what_is_no_message_is_told() {
        for line in ["", "   ", ":me", "@a ", "@a :b"] {
            assert_eq!(
                Message::parse(line.as_bytes()),
                Err(BadLine::Empty),
                "{line}"
            );
        }
        assert_eq!(Message::parse(b"A \xff"), Err(BadLine::InvalidUtf8));
        for line in ["A :x\r:b", "@+a=\r A", "A\0 x", "\r"] {
            let parsed = Message::parse(line.as_bytes());
            assert_eq!(parsed, Err(BadLine::BadCharacter), "{line:?}");
        }
        let body = |bytes| [vec![b'A'; bytes]].concat();
        assert!(Message::parse(&body(MAX_BODY_BYTES)).is_ok());
        assert_eq!(
            Message::parse(&body(MAX_BODY_BYTES + 1)),
            Err(BadLine::TooLong)
        );
        let tagged = |bytes| format!("@{} A", "t".repeat(bytes - 2));
        assert!(Message::parse(tagged(MAX_TAG_BYTES).as_bytes()).is_ok());
        let long = tagged(MAX_TAG_BYTES + 1);
        assert_eq!(Message::parse(long.as_bytes()), Err(BadLine::TooLong));
    }

    #[test]
    fn what_can_be_read_of_a_bad_line_has_its_parameters_and_its_length() {
        for (line, mended) in [
            (&b"QUIT :caf\xe9"[..], "QUIT :caf\u{FFFD}"),
            (b"PART #a\0b :x\ry", "PART #a\u{FFFD}b :x\u{FFFD}y"),
            (b"@+a=\xff PART #a", "@+a=\u{FFFD} PART #a"),
        ] {
            assert_eq!(Message::mend(line), mended);
        }
        for spoilt in [&b"\xff"[..], b"x", "é".as_bytes()] {
            let line = [&b"@a=b QUIT :"[..], &spoilt.repeat(500)].concat();
            let mended = Message::mend(&line);
            assert!(mended.len() <= "@a=b ".len() + MAX_BODY_BYTES);
            assert_eq!(parse(&mended).command, "QUIT");
        }
        let long = format!("@{} A", "t".repeat(MAX_TAG_BYTES));
        assert!(Message::parse(Message::mend(long.as_bytes()).as_bytes()).is_err());
    }

    #[test]
    fn a_text_does_not_matter_where_it_only_accompanies_what_is_done() {
        for line in [
            "quit :bye",
            "QUIT bye",
            "PART #a :bye",
            "KICK #a bob :why",
            "KILL bob :why",
            "AWAY :lunch",
            "USER a b c :d",
            "SETNAME :d",
        ] {
            assert!(parse(line).can_do_without_text(), "{line}");
        }
        for line in [
            "QUIT",
            "PART #a",
            "USER a b c",
            "PRIVMSG bob :hi",
            "TOPIC #a :x",
            "PASS :x",
        ] {
            assert!(!parse(line).can_do_without_text(), "{line}");
        }
    }

    #[test]
    fn escapes_come_back() {
        let value = "a;b c\\d\r\ne";
        let mut escaped = String::new();
        escape(value, &mut escaped);
        assert_eq!(escaped, "a\\:b\\sc\\\\d\\r\\ne");
        assert_eq!(unescape(&escaped), value);
        assert_eq!(unescape("a\\b\\"), "ab");
    }

    #[test]
    fn a_timestamp_is_utc_to_the_millisecond() {
        let epoch = 1_551_382_201_000_000;
        let at = Timestamp::new(epoch, Time::from_micros(727_999));
        assert_eq!(format!("{at}"), "2019-02-28T19:30:01.727Z");
        assert_eq!(at.human(), "Thu, 28 Feb 2019 19:30:01 UTC");
        assert_eq!(at.to_seconds(), "2019-02-28T19:30:01Z");
        assert_eq!(at.seconds(), 1_551_382_201);
    }

    #[test]
    fn the_table_of_what_is_done_has_every_numeric_and_capability() {
        let table = include_str!("../../../docs/IRC.md");
        let numerics = numeric::ALL
            .iter()
            .map(|(number, name)| alloc::format!("| {number:03} | `{name}`"));
        let caps = caps::ALL
            .iter()
            .map(|(_, name)| alloc::format!("| `{name}` |"));
        for row in numerics.chain(caps) {
            let rows = table.lines().filter(|line| line.starts_with(&row));
            assert_eq!(rows.count(), 1, "{row}");
        }
        // No other numeric is said to be done.
        let rows = table
            .lines()
            .filter(|line| line.contains("| `RPL_") || line.contains("| `ERR_"));
        let done = rows.filter(|line| !line.contains("left out"));
        assert_eq!(done.count(), numeric::ALL.len());
    }
}
