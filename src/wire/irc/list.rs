//! Lists: words that a client joins with commas, and words that must fit into lines.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// The entries of a list with commas, in order and each once: entries that differ only in case
/// are the same (`CASEMAPPING=ascii`). Empty entries are left out.
pub fn entries(list: &str) -> Vec<&str> {
    if !list.contains(',') {
        // Most lists have one entry, and need no set.
        return if list.is_empty() {
            Vec::new()
        } else {
            vec![list]
        };
    }
    let mut seen = BTreeSet::new();
    let entries = list.split(',').filter(|entry| !entry.is_empty());
    entries
        .filter(|entry| seen.insert(entry.to_ascii_lowercase()))
        .collect()
}

/// Joins words by `separator` into lines of at most `bytes` bytes each, in order. No word is
/// split: a word that is longer than that has a line of its own.
///
/// Without words there is one line, which is empty.
pub fn lines<'a>(
    words: impl IntoIterator<Item = &'a str>,
    separator: char,
    bytes: usize,
) -> Vec<String> {
    let mut words = words.into_iter();
    let mut lines = vec![words.next().unwrap_or("").to_owned()];
    for word in words {
        let line = lines.last_mut().expect("there is always one");
        if line.len() + separator.len_utf8() + word.len() <= bytes {
            line.push(separator);
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_comes_once_whatever_its_case() {
        for (list, expected) in [
            ("", &[][..]),
            ("bob", &["bob"]),
            (",,", &[]),
            ("bob,", &["bob"]),
            ("bob,BOB,,carol,Bob", &["bob", "carol"]),
            ("#a,@#a,@#A", &["#a", "@#a"]),
        ] {
            assert_eq!(entries(list), expected, "{list:?}");
        }
    }

    #[test]
    fn lines_are_filled_and_no_word_is_split() {
        let filled = |words: &str, bytes| lines(words.split(' '), ',', bytes);
        assert_eq!(filled("aa bb cc", 8), ["aa,bb,cc"]);
        assert_eq!(filled("aa bb cc", 7), ["aa,bb", "cc"]);
        assert_eq!(filled("aa bb cc", 5), ["aa,bb", "cc"]);
        assert_eq!(filled("aa bb cc", 4), ["aa", "bb", "cc"]);
        assert_eq!(filled("a long-word b", 3), ["a", "long-word", "b"]);
        assert_eq!(lines([], ' ', 9), [""]);
    }
}
