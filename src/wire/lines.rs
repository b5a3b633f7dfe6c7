//! Bytes in, lines out.

use alloc::vec::Vec;
use core::fmt;

/// Cuts what comes from one connection into lines that end with `\n` or `\r\n`.
///
/// It keeps the beginning of a line whose end has not come yet, and nothing else: an
/// idle connection costs no buffer.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Lines {
    limit: usize,
    state: State,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum State {
    /// What has come of a line so far; at most one byte over the limit, for a `\r`.
    Partial(Vec<u8>),
    /// A line that was put together, to be forgotten.
    Joined(Vec<u8>),
    /// In a line that is too long.
    Skipping,
}

/// One line, without its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line<'a> {
    /// A line within the limit.
    Whole(&'a [u8]),
    /// A line went over the limit just now; the rest of it is skipped.
    TooLong,
}

impl Lines {
    /// Takes lines of up to `limit` bytes, the end not counted.
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            state: State::Partial(Vec::new()),
        }
    }

    /// Takes the next line off the front of `input`; `None` if it takes more bytes to
    /// complete one, and then `input` is empty.
    pub fn next<'a, 'b: 'a>(&'a mut self, input: &mut &'b [u8]) -> Option<Line<'a>> {
        self.release();
        if self.state == State::Skipping {
            let end = memchr::memchr(b'\n', input);
            *input = end.map_or(&[], |end| &input[end + 1..]);
            end?;
            self.state = State::Partial(Vec::new());
        }
        let State::Partial(partial) = &mut self.state else {
            unreachable!("set above")
        };
        let Some(end) = memchr::memchr(b'\n', input) else {
            // One byte more than the limit may still turn out to be the `\r` of the end.
            let fits = partial.len() + input.len() <= self.limit.saturating_add(1);
            if fits {
                partial.extend_from_slice(input);
            } else {
                self.state = State::Skipping;
            }
            *input = &[];
            return (!fits).then_some(Line::TooLong);
        };
        let (head, tail) = (&input[..end], &input[end + 1..]);
        *input = tail;
        let line = if partial.is_empty() {
            head
        } else {
            if partial.len() + head.len() > self.limit.saturating_add(1) {
                self.state = State::Partial(Vec::new());
                return Some(Line::TooLong);
            }
            partial.extend_from_slice(head);
            self.state = State::Joined(core::mem::take(partial));
            let State::Joined(joined) = &self.state else {
                unreachable!("just set")
            };
            joined
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Some(if line.len() <= self.limit {
            Line::Whole(line)
        } else {
            Line::TooLong
        })
    }

    /// The first bytes of the line that comes next, as far as they have come, and how many they
    /// are. Nothing is known of the rest of a line that is too long.
    pub fn start<const BYTES: usize>(&self, input: &[u8]) -> ([u8; BYTES], usize) {
        let before = match &self.state {
            State::Partial(partial) => partial,
            State::Joined(_) => &[][..],
            State::Skipping => return ([0; BYTES], 0),
        };
        let (mut start, mut length) = ([0; BYTES], 0);
        let come = before
            .iter()
            .chain(input)
            .take_while(|&&byte| byte != b'\n');
        for (place, &byte) in start.iter_mut().zip(come) {
            *place = byte;
            length += 1;
        }
        (start, length)
    }

    /// Forgets the line that [`next`](Self::next) gave last: it may hold a secret.
    pub fn release(&mut self) {
        if matches!(self.state, State::Joined(_)) {
            self.state = State::Partial(Vec::new());
        }
    }
}

/// Does not show what it keeps: it may be the beginning of a secret.
impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Partial(partial) => ("partial", partial.len()),
            State::Joined(joined) => ("joined", joined.len()),
            State::Skipping => ("skipping", 0),
        };
        f.debug_tuple("Lines")
            .field(&state.0)
            .field(&state.1)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::{format, vec};
    use proptest::prelude::*;

    /// The lines of `pieces`, each as a string; a line that is too long as `None`.
    fn split(limit: usize, pieces: &[&[u8]]) -> Vec<Option<String>> {
        let mut lines = Lines::new(limit);
        let mut found = Vec::new();
        for mut piece in pieces.iter().copied() {
            while let Some(line) = lines.next(&mut piece) {
                found.push(match line {
                    Line::Whole(line) => Some(String::from_utf8_lossy(line).into_owned()),
                    Line::TooLong => None,
                });
            }
            assert!(piece.is_empty(), "all input is taken");
        }
        found
    }

    fn whole(line: &str) -> Option<String> {
        Some(line.into())
    }

    #[test]
    fn a_line_ends_with_a_newline_and_perhaps_a_carriage_return() {
        let expected = vec![
            whole("a"),
            whole("b"),
            whole(""),
            whole("c\rd"),
            whole("e\r"),
        ];
        assert_eq!(split(9, &[b"a\nb\r\n\nc\rd\ne\r\r\nhalf"]), expected);
    }

    #[test]
    fn a_line_may_come_in_pieces() {
        let expected = vec![whole("hello"), whole("world")];
        assert_eq!(
            split(9, &[b"he", b"l", b"", b"lo\r", b"\nwor", b"ld\n"]),
            expected
        );
    }

    #[test]
    fn a_line_of_the_limit_is_whole_and_one_byte_more_is_too_long() {
        for end in ["\n", "\r\n"] {
            let (fits, over) = (
                alloc::format!("12345{end}"),
                alloc::format!("123456{end}x{end}"),
            );
            assert_eq!(split(5, &[fits.as_bytes()]), vec![whole("12345")]);
            assert_eq!(split(5, &[over.as_bytes()]), vec![None, whole("x")]);
        }
    }

    #[test]
    fn an_endless_line_is_reported_once_and_skipped_to_its_end() {
        let expected = vec![None, whole("b")];
        assert_eq!(
            split(4, &[b"aaaa", b"aa", b"aaaaaaaaaa", b"a\nb\n"]),
            expected
        );
    }

    #[test]
    fn a_line_is_too_long_as_soon_as_its_pieces_are_and_nothing_is_kept_of_it() {
        assert_eq!(split(4, &[b"aaaaaa"]), vec![None]);
        assert_eq!(split(4, &[b"aaaaa", b"a"]), vec![None]);
        assert_eq!(split(4, &[b"aaaaa"]), vec![]);
    }

    #[test]
    fn an_idle_connection_keeps_no_buffer() {
        let mut lines = Lines::new(64);
        let mut input: &[u8] = b"half";
        assert_eq!(lines.next(&mut input), None);
        input = b" whole\n";
        assert_eq!(lines.next(&mut input), Some(Line::Whole(b"half whole")));
        assert_eq!(lines.next(&mut input), None);
        assert_eq!(lines, Lines::new(64));
        let State::Partial(partial) = &lines.state else {
            panic!("{lines:?}")
        };
        assert_eq!(partial.capacity(), 0);
    }

    #[test]
    fn a_secret_is_neither_kept_once_its_line_was_used_nor_shown_before() {
        let mut lines = Lines::new(64);
        for mut piece in [&b"alice correct-"[..], b"horse\n"] {
            lines.next(&mut piece);
            assert!(
                !alloc::format!("{lines:?}").contains("99, 111"),
                "{lines:?}"
            );
            assert_ne!(lines, Lines::new(64));
        }
        lines.release();
        assert_eq!(lines, Lines::new(64));
    }

    #[test]
    fn the_start_of_the_next_line_is_known_as_far_as_it_has_come() {
        let start = |lines: &Lines, input: &[u8]| {
            let (start, length) = lines.start::<4>(input);
            start[..length].to_vec()
        };
        let mut lines = Lines::new(8);
        assert_eq!(start(&lines, b""), b"");
        assert_eq!(start(&lines, b"ab\ncd"), b"ab");
        assert_eq!(start(&lines, b"abcdef"), b"abcd");
        lines.next(&mut &b"ab"[..]);
        assert_eq!(start(&lines, b""), b"ab");
        assert_eq!(start(&lines, b"cdef"), b"abcd");
        lines.next(&mut &b"\n"[..]);
        assert_eq!(start(&lines, b"cd"), b"cd", "the line before is none");
        lines.next(&mut &b"too long a line"[..]);
        assert_eq!(start(&lines, b"cd"), b"");
    }

    proptest! {
        #[test]
        fn how_the_bytes_are_cut_into_pieces_makes_no_difference(
            bytes in prop::collection::vec(prop::sample::select(&b"ab\r\n"[..]), 0..64),
            cuts in prop::collection::vec(0_usize..64, 0..6),
        ) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            // An unfinished line that is too long is reported as soon as it is.
            let ended: Vec<u8> = bytes.iter().copied().chain([b'\n']).collect();
            let mut pieces_ended = pieces;
            pieces_ended.push(b"\n");
            prop_assert_eq!(split(5, &pieces_ended), split(5, &[&ended]));
        }
    }

    #[test]
    fn what_is_kept_is_not_shown() {
        let mut lines = Lines::new(64);
        assert_eq!(lines.next(&mut &b"alice correct-horse"[..]), None);
        assert_eq!(format!("{lines:?}"), r#"Lines("partial", 19)"#);
    }
}
