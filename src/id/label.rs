//! Names as words of eight bytes.

use core::cmp::Ordering;
use core::hash::{Hash, Hasher};

/// Up to `N` bytes of ASCII, kept in place, that compare without case. `N` is a multiple of 8.
#[derive(Clone, Copy)]
pub(super) struct Label<const N: usize> {
    length: u8,
    /// Zero from the length on, which is less than any byte before it.
    bytes: [u8; N],
}

impl<const N: usize> Label<N> {
    /// `text` must be ASCII and no longer than `N`.
    pub(super) fn new(text: &str) -> Self {
        debug_assert!(text.is_ascii());
        let mut bytes = [0; N];
        let (words, _) = bytes.as_chunks_mut();
        // Whole words, as they are soon read again as such.
        for (word, bytes) in words.iter_mut().zip(text.as_bytes().chunks(8)) {
            *word = match bytes.as_array() {
                Some(&bytes) => bytes,
                None => {
                    let start = bytes.iter().rev();
                    start
                        .fold(0, |word: u64, &byte| word << 8 | u64::from(byte))
                        .to_le_bytes()
                }
            };
        }
        Self {
            length: u8::try_from(text.len()).expect("labels are short"),
            bytes,
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.length)]
    }

    pub(super) fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).expect("labels are ASCII")
    }

    /// Whether both are the same but for their case.
    #[cold]
    fn is_folded(&self, other: &Self) -> bool {
        let mut words = self.words().zip(other.words());
        words.all(|(a, b)| folded(a) == folded(b))
    }

    /// Eight bytes at a time, the first byte being the most significant.
    fn words(&self) -> impl Iterator<Item = u64> {
        let (words, rest) = self.bytes.as_chunks();
        debug_assert!(rest.is_empty(), "a label is kept in whole words");
        words.iter().map(|&word| u64::from_be_bytes(word))
    }
}

/// Eight bytes of ASCII at once, in lower case.
const fn folded(word: u64) -> u64 {
    const EACH: u64 = u64::MAX / 0xFF;
    // The highest bit of a byte is free in ASCII, and tells where a sum has passed it.
    let from_a = word + EACH * (0x80 - b'A' as u64);
    let past_z = word + EACH * (0x7F - b'Z' as u64);
    let upper = from_a & !past_z & (EACH * 0x80);
    word | upper >> 2
}

impl<const N: usize> PartialEq for Label<N> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        // Mostly a name is written as its bearer writes it.
        self.bytes == other.bytes || self.is_folded(other)
    }
}

impl<const N: usize> Eq for Label<N> {}

impl<const N: usize> PartialOrd for Label<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for Label<N> {
    fn cmp(&self, other: &Self) -> Ordering {
        for (a, b) in self.words().zip(other.words()) {
            // What is the same need not be folded, and most names differ in their first word.
            if a != b && folded(a) != folded(b) {
                return folded(a).cmp(&folded(b));
            }
        }
        Ordering::Equal
    }
}

impl<const N: usize> Hash for Label<N> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let mut words = self.words().take_while(|&word| word != 0);
        while let Some(first) = words.next() {
            let second = words.next().unwrap_or(0);
            // Two at a time: to a hasher that tells them apart, a name is no number.
            state.write_u128(u128::from(folded(first)) << 64 | u128::from(folded(second)));
        }
        state.write_u8(self.length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use core::hash::BuildHasher;

    use hashbrown::DefaultHashBuilder;

    const LONGEST: &str = "abcdefghijklmnopqrstuvwxyz-0123^";

    fn label(text: &str) -> Label<32> {
        Label::new(text)
    }

    /// The longest label with `character` at a place.
    fn with(place: usize, character: char) -> String {
        let (before, after) = (&LONGEST[..place], &LONGEST[place + 1..]);
        [before, character.encode_utf8(&mut [0; 4]), after].concat()
    }

    #[test]
    fn a_label_is_as_it_was_written_and_differs_from_its_beginnings() {
        for length in 0..=LONGEST.len() {
            let text = &LONGEST[..length];
            assert_eq!(label(text).as_str(), text);
            let whole = label(LONGEST);
            assert_eq!(label(text) == whole, length == LONGEST.len(), "{text}");
            assert_eq!(label(text).cmp(&whole), length.cmp(&LONGEST.len()));
        }
    }

    #[test]
    fn each_byte_counts_and_its_case_does_not() {
        let hasher = DefaultHashBuilder::default();
        let whole = label(LONGEST);
        for (place, character) in LONGEST.char_indices() {
            let upper = label(&with(place, character.to_ascii_uppercase()));
            assert!(upper == whole, "{place}");
            assert_eq!(upper.cmp(&whole), Ordering::Equal, "{place}");
            let hashes = [upper, whole].map(|label| hasher.hash_one(label));
            assert_eq!(hashes[0], hashes[1], "{place}");
            let other = label(&with(place, '~'));
            assert!(other != whole, "{place}");
            assert_eq!(other.cmp(&whole), Ordering::Greater, "{place}");
            assert_ne!(hasher.hash_one(other), hashes[1], "{place}");
        }
    }
}
