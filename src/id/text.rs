//! What people say, before anybody knows who says it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::iter;
use core::ops::Range;

/// What a message says: not empty, any UTF-8 but the ends of lines and of strings (NUL, CR
/// and LF). A protocol may allow less.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text {
    text: Box<str>,
    /// Found out once, and asked for each time that it is written.
    is_printable: bool,
}

impl Text {
    /// The text that `text` spells, if it spells one.
    pub fn parse(text: &str) -> Option<Self> {
        let is_printable = is_printable(text);
        let well_formed = is_printable || !text.contains(['\0', '\r', '\n']);
        (well_formed && !text.is_empty()).then(|| Self {
            text: text.into(),
            is_printable,
        })
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

/// Texts, one behind the other, as they were said.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Texts {
    joined: String,
    /// Where each of them ends, but the last.
    ends: Vec<u32>,
    /// Whether one of them is not printable.
    has_forbidden: bool,
}

impl Texts {
    /// Adds a text behind the others.
    ///
    /// # Panics
    ///
    /// If all of them have more than [`u32::MAX`] bytes.
    pub fn push(&mut self, text: &Text) {
        self.has_forbidden |= !text.is_printable;
        self.add(&text.text);
    }

    /// Adds a text that is not empty, and known to be [printable](is_printable).
    #[inline]
    pub(crate) fn push_printable(&mut self, text: &str) {
        debug_assert!(!text.is_empty() && is_printable(text));
        self.add(text);
    }

    #[inline]
    fn add(&mut self, text: &str) {
        if !self.is_empty() {
            self.ends.push(self.end());
        }
        self.joined.push_str(text);
    }

    /// Where the last of them ends.
    fn end(&self) -> u32 {
        u32::try_from(self.joined.len()).expect("they have 4 GiB at most")
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.ends.len() + usize::from(!self.is_empty())
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.joined.is_empty()
    }

    /// The texts, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|place| self.at(place))
    }

    /// The text at a place, the first being at 0.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    #[inline]
    pub(crate) fn at(&self, place: usize) -> &str {
        &self.joined[self.start(place)..self.start(place + 1)]
    }

    /// Bytes of the texts at these places.
    #[inline]
    pub(crate) fn bytes(&self, places: Range<usize>) -> usize {
        self.start(places.end) - self.start(places.start)
    }

    /// Where the text at a place starts, or would if there were one more.
    #[inline]
    fn start(&self, place: usize) -> usize {
        match place.checked_sub(1) {
            Some(before) if before == self.ends.len() => self.joined.len(),
            Some(before) => self.ends[before] as usize,
            None => 0,
        }
    }

    /// Whether no character of any of them [is forbidden](is_forbidden) in the plain protocol.
    #[inline]
    pub(crate) const fn are_printable(&self) -> bool {
        !self.has_forbidden
    }

    /// Each by itself.
    pub(crate) fn each(&self) -> impl Iterator<Item = Self> {
        (0..self.len()).map(|place| self.only(place))
    }

    /// The text at a place, by itself.
    pub(crate) fn only(&self, place: usize) -> Self {
        Self {
            joined: self.at(place).into(),
            ends: Vec::new(),
            has_forbidden: self.has_forbidden,
        }
    }

    /// Takes them all out, and keeps the memory. What comes out has no more than it needs.
    pub(crate) fn take(&mut self) -> Self {
        let taken = self.clone();
        self.joined.clear();
        self.ends.clear();
        self.has_forbidden = false;
        taken
    }
}

impl From<&Text> for Texts {
    fn from(text: &Text) -> Self {
        iter::once(text).collect()
    }
}

impl<T: Borrow<Text>> FromIterator<T> for Texts {
    fn from_iter<I: IntoIterator<Item = T>>(texts: I) -> Self {
        let mut all = Self::default();
        texts.into_iter().for_each(|text| all.push(text.borrow()));
        all
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Whether a line of the plain protocol may not hold this character: a control character that is
/// neither a tab nor a formatting code of IRC (bold 02, colour 03 and 04,
/// reset 0F, monospace 11, reverse 16, italics 1D, strikethrough 1E and
/// underline 1F; modern.ircdocs.horse/formatting).
pub fn is_forbidden(character: char) -> bool {
    let allowed = matches!(
        character,
        '\t' | '\x02' | '\x03' | '\x04' | '\x0F' | '\x11' | '\x16' | '\x1D' | '\x1E' | '\x1F'
    );
    character.is_control() && !allowed
}

/// Whether no character of a text [is forbidden](is_forbidden).
pub fn is_printable(text: &str) -> bool {
    is_plain(text.as_bytes()) || !text.chars().any(is_forbidden)
}

/// Whether all bytes are spaces or visible characters of ASCII, as those of nearly all texts are.
fn is_plain(bytes: &[u8]) -> bool {
    const BLOCK: usize = 16;
    let above_space = |byte: u8| byte.wrapping_sub(b' ');
    let Some(last) = bytes.last_chunk::<BLOCK>() else {
        return bytes
            .iter()
            .all(|&byte| above_space(byte) <= above_space(b'~'));
    };
    // The highest byte of each place in a block, so that many are compared at once.
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let highest = blocks
        .iter()
        .fold(last.map(above_space), |mut highest, block| {
            for (high, &byte) in highest.iter_mut().zip(block) {
                *high = above_space(byte).max(*high);
            }
            highest
        });
    highest.iter().all(|&high| high <= above_space(b'~'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_text_holds_everything_but_the_ends_of_lines_and_strings() {
        for text in [
            "hi",
            "\thi",
            "\x02bold\x0F",
            "\x01ACTION waves\x01",
            "\x07",
            "grüße 👋",
        ] {
            assert!(Text::parse(text).is_some(), "{text:?}");
        }
        for text in ["", "a\0", "a\rb", "a\nb"] {
            assert!(Text::parse(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn what_is_forbidden_is_found_wherever_it_stands() {
        let characters = (0..=0x17F).filter_map(char::from_u32);
        for character in characters {
            // More than two blocks, and a rest.
            for length in 1..40 {
                for place in 0..length {
                    let text: String = (0..length)
                        .map(|at| if at == place { character } else { '~' })
                        .collect();
                    let expected = !is_forbidden(character);
                    assert_eq!(is_printable(&text), expected, "{text:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn texts_are_what_was_put_in(texts in prop::collection::vec("[a-zß\\x07]{1,9}", 0..5)) {
            let texts: Vec<_> = texts.iter().map(|text| Text::parse(text).unwrap()).collect();
            let mut all: Texts = texts.iter().collect();
            let expected: Vec<_> = texts.iter().map(Text::as_str).collect();
            prop_assert_eq!(all.iter().collect::<Vec<_>>(), &expected[..]);
            prop_assert_eq!((all.len(), all.is_empty()), (texts.len(), texts.is_empty()));
            prop_assert_eq!(all.are_printable(), texts.iter().all(|text| is_printable(text.as_str())));
            let each: Vec<_> = all.each().map(|one| String::from(one.at(0))).collect();
            prop_assert_eq!(&each, &expected);
            let taken = all.take();
            prop_assert_eq!(taken.iter().collect::<Vec<_>>(), expected);
            prop_assert_eq!(all, Texts::default());
        }
    }
}
