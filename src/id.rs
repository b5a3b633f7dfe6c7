//! The words that every layer shares: connections, peers, names, rooms, texts,
//! proofs and points in time.
//!
//! Each type is parsed once and valid from then on: a [`Name`] that exists is a
//! name that a peer can bear.

mod label;
mod source;
mod text;

use core::fmt;
use core::hash::{Hash, Hasher};
use core::time::Duration;

use subtle::ConstantTimeEq;

use label::Label;
pub use source::Source;
pub use text::{Text, Texts, is_forbidden, is_printable};

/// One transport link, from its accept to the end of its writer.
///
/// The driver mints these strictly increasing and never uses one again, so that
/// what is said of an old connection can never touch a newer one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct ConnId(u64);

impl ConnId {
    /// The connection with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number that it was made of.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for ConnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}", self.0)
    }
}

/// One bearer of a [`Name`], from its joining to its removal for good.
///
/// It is the connection that the peer joined with. A connection joins at most
/// once, so two bearers of the same name always differ, and what was meant for
/// the first is never given to the second.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PeerId(ConnId);

impl PeerId {
    /// The peer that joined with this connection.
    pub const fn new(joined_with: ConnId) -> Self {
        Self(joined_with)
    }

    /// The connection that the peer joined with; often not the one it has now.
    pub const fn joined_with(self) -> ConnId {
        self.0
    }
}

/// A point in time: microseconds since a start that the driver chose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Time(u64);

impl Time {
    /// The driver's start.
    pub const ZERO: Self = Self(0);

    /// The point this many microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// This point, later by `duration`; the end of time if that is too far away.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }

    /// This point, earlier by `duration`; the beginning of time if that is too far away.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(micros))
    }

    /// How long after `earlier` this is; zero if it is not later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Whether a name may be made of a byte: letters, digits and `-_[]\`^{}|`.
static IS_NAME_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        table[byte as usize] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'_' | b'[' | b']' | b'\\' | b'`' | b'^' | b'{' | b'}' | b'|'
            );
        byte += 1;
    }
    table
};

fn is_name_byte(byte: u8) -> bool {
    IS_NAME_BYTE[usize::from(byte)]
}

/// What people call a peer.
///
/// 1 to [`Name::MAX_BYTES`] of ASCII letters, digits and ``-_[]\`^{}|``, not
/// beginning with a digit or `-`. Names compare without case, and are shown as
/// their bearer wrote them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Label<{ Name::MAX_BYTES }>);

impl Name {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 32;

    /// The name that `text` spells, if it spells one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::is_name(text).then(|| Self(Label::new(text)))
    }

    /// Whether `text` spells a name.
    pub(crate) fn is_name(text: &str) -> bool {
        text.len() <= Self::MAX_BYTES
            && text
                .as_bytes()
                .first()
                .is_some_and(|first| !first.is_ascii_digit() && *first != b'-')
            && text.bytes().all(is_name_byte)
    }

    /// The name, as its bearer wrote it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The bytes of [`as_str`](Self::as_str), which are cheaper to come by.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A place where a message goes to everybody who has joined.
///
/// `#`, then 1 to [`Room::MAX_BYTES`] − 1 of the bytes of a [`Name`], `#`, `+` or
/// `.`, in any order. Rooms compare without case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Room(Label<{ Room::MAX_BYTES.next_multiple_of(8) }>);

impl Room {
    /// The longest room, in bytes, its `#` included.
    pub const MAX_BYTES: usize = 50;

    /// The room that `text` spells, if it spells one.
    pub fn parse(text: &str) -> Option<Self> {
        Self::is_room(text).then(|| Self(Label::new(text)))
    }

    /// Whether `text` spells a room.
    pub(crate) fn is_room(text: &str) -> bool {
        let is_room_byte = |byte| is_name_byte(byte) || matches!(byte, b'#' | b'+' | b'.');
        (2..=Self::MAX_BYTES).contains(&text.len())
            && text.starts_with('#')
            && text.bytes().all(is_room_byte)
    }

    /// The room, `#` included, as it was first written.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The bytes of [`as_str`](Self::as_str), which are cheaper to come by.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a peer keeps to itself, so that it can show later that it is the same
/// peer: [`Secret::MIN_CHARS`] to [`Secret::MAX_CHARS`] characters, none of them
/// white space or a control character.
///
/// It borrows from the line that it came in, and is never stored or printed:
/// what is kept is its [`Proof`].
#[derive(Clone, Copy)]
pub struct Secret<'a>(&'a str);

/// Why a text is not a [`Secret`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadSecret {
    /// It has fewer than [`Secret::MIN_CHARS`] characters.
    TooShort,
    /// It has more than [`Secret::MAX_CHARS`] characters.
    TooLong,
    /// It has white space or a control character.
    Malformed,
}

impl<'a> Secret<'a> {
    /// The least number of characters.
    pub const MIN_CHARS: usize = 8;
    /// The greatest number of characters.
    pub const MAX_CHARS: usize = 128;

    /// The secret that `text` spells.
    ///
    /// # Errors
    ///
    /// [`BadSecret`] says why it spells none.
    pub fn parse(text: &'a str) -> Result<Self, BadSecret> {
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(BadSecret::Malformed);
        }
        match text.chars().count() {
            ..Self::MIN_CHARS => Err(BadSecret::TooShort),
            Self::MIN_CHARS..=Self::MAX_CHARS => Ok(Self(text)),
            _ => Err(BadSecret::TooLong),
        }
    }

    /// The secret itself, for digesting.
    pub const fn expose(self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for Secret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The digest of a [`Secret`], made outside of the pure layers.
///
/// Two proofs are compared in constant time.
#[derive(Clone, Copy)]
pub struct Proof([u8; 32]);

impl Proof {
    /// The proof with this digest.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The digest.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Proof {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Proof {}

impl Hash for Proof {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(&self.0);
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, ..] = self.0;
        write!(f, "Proof({a:02x}{b:02x}..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn a_name_is_1_to_32_of_its_bytes_and_does_not_begin_with_a_digit_or_a_hyphen() {
        let longest = "a".repeat(32);
        for name in ["a", "Alice", "_x-9", "[]\\`^{}|", longest.as_str()] {
            assert_eq!(
                Name::parse(name).map(|n| n.as_str() == name),
                Some(true),
                "{name}"
            );
        }
        let too_long = "a".repeat(33);
        for text in [
            "",
            "9a",
            "-a",
            "a b",
            "a:b",
            "a,b",
            "#a",
            "é",
            "a\n",
            too_long.as_str(),
        ] {
            assert_eq!(Name::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn names_compare_without_case_but_keep_it() {
        let (lower, upper) = (Name::parse("alice").unwrap(), Name::parse("ALICE").unwrap());
        assert_eq!(lower, upper);
        assert_eq!(upper.as_str(), "ALICE");
        assert!(Name::parse("Bob").unwrap() > lower);
        assert_ne!(Name::parse("al").unwrap(), lower);
    }

    #[test]
    fn a_room_begins_with_a_hash_and_has_something_behind_it() {
        let longest = format!("#{}", "a".repeat(49));
        for room in ["#rust", "##c++", "#9", "#a.b", longest.as_str()] {
            assert_eq!(
                Room::parse(room).map(|r| r.as_str() == room),
                Some(true),
                "{room}"
            );
        }
        let too_long = format!("#{}", "a".repeat(50));
        for text in [
            "",
            "#",
            "rust",
            "#a b",
            "#a:",
            "#a,b",
            "#é",
            too_long.as_str(),
        ] {
            assert_eq!(Room::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_secret_has_8_to_128_characters_and_is_never_printed() {
        let (shortest, longest) = ("é".repeat(8), "é".repeat(128));
        assert!(Secret::parse(&shortest).is_ok());
        assert!(Secret::parse(&longest).is_ok());
        assert_eq!(Secret::parse("1234567").unwrap_err(), BadSecret::TooShort);
        assert_eq!(
            Secret::parse(&"1".repeat(129)).unwrap_err(),
            BadSecret::TooLong
        );
        assert_eq!(
            Secret::parse("1234 5678").unwrap_err(),
            BadSecret::Malformed
        );
        assert_eq!(
            format!("{:?}", Secret::parse("hunter2hunter2").unwrap()),
            "Secret(..)"
        );
    }

    #[test]
    fn proofs_are_equal_only_if_every_byte_is() {
        let proof = Proof::new([7; 32]);
        assert_eq!(proof, Proof::new([7; 32]));
        for byte in 0..32 {
            let mut other = [7; 32];
            other[byte] ^= 0x80;
            assert_ne!(proof, Proof::new(other), "byte {byte}");
        }
    }

    #[test]
    fn time_saturates_at_both_ends() {
        let late = Time::from_micros(u64::MAX - 1);
        assert_eq!(late.after(Duration::MAX).as_micros(), u64::MAX);
        assert_eq!(Time::ZERO.since(late), Duration::ZERO);
        assert_eq!(
            Time::ZERO
                .after(Duration::from_secs(2))
                .since(Time::ZERO)
                .as_secs(),
            2
        );
    }
}
