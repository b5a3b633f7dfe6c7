//! What can be told of a line that cannot be read.

use alloc::string::String;
use alloc::vec::Vec;

use super::{BadLine, MAX_BODY_BYTES, Message, escape};

/// Bytes of a command that are shown; longer than any that there is.
const COMMAND_BYTES: usize = 32;

/// What the answer to a line that is no [`Message`] depends on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Excerpt {
    /// The value of the tag `label`, if it may be one.
    pub label: Option<String>,
    /// The command in upper case, cut if it is long; `*` if there is none.
    pub command: String,
}

impl Excerpt {
    /// Reads as much of a line as can be read.
    pub fn of(line: &[u8]) -> Self {
        let mended = Message::mend(line);
        let message = Message::parse(mended.as_bytes()).ok();
        let label = message.as_ref().and_then(Message::label);
        let command = message.map_or("*", |message| message.command);
        let command = &command[..command.floor_char_boundary(COMMAND_BYTES)];
        Self {
            label,
            command: command.to_ascii_uppercase(),
        }
    }

    /// A line that is refused for the same reason, has this excerpt, and says nothing else: its
    /// command has no parameter.
    pub fn to_line(&self, bad: BadLine) -> Vec<u8> {
        let mut line = String::from("@");
        if let Some(label) = &self.label {
            line.push_str("label=");
            escape(label, &mut line);
            line.push(';');
        }
        let mut line = line.into_bytes();
        line.extend_from_slice(match bad {
            BadLine::InvalidUtf8 => b"\xff",
            BadLine::BadCharacter => b"\0",
            BadLine::TooLong | BadLine::Empty => b"x",
        });
        // With somebody whom it comes from, a command may begin with a colon.
        line.extend_from_slice(b" :x ");
        match bad {
            BadLine::Empty => {}
            BadLine::InvalidUtf8 | BadLine::BadCharacter => {
                line.extend_from_slice(self.command.as_bytes());
            }
            BadLine::TooLong => {
                line.extend_from_slice(self.command.as_bytes());
                line.extend([b' '; MAX_BODY_BYTES]);
            }
        }
        line
    }
}

/// Where a place in a [mended](Message::mend) line is in the line itself.
#[cfg(any(test, feature = "record"))]
pub(crate) fn place_in_bad(line: &[u8], place: usize) -> usize {
    let (mut mended, mut at) = (0, 0);
    for chunk in line.utf8_chunks() {
        for character in chunk.valid().chars() {
            if mended >= place {
                return at;
            }
            let replaced = matches!(character, '\0' | '\r');
            let shown = if replaced {
                char::REPLACEMENT_CHARACTER
            } else {
                character
            };
            mended += shown.len_utf8();
            at += character.len_utf8();
        }
        if mended >= place {
            return at;
        }
        if !chunk.invalid().is_empty() {
            mended += char::REPLACEMENT_CHARACTER.len_utf8();
            at += chunk.invalid().len();
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;
    use alloc::vec;
    use proptest::prelude::*;

    fn excerpt(line: &[u8]) -> (Option<String>, String) {
        let Excerpt { label, command } = Excerpt::of(line);
        (label, command)
    }

    #[test]
    fn the_label_and_the_command_of_a_bad_line_are_known() {
        let label = |text: &str| Some(text.to_string());
        assert_eq!(excerpt(b"foo \xff"), (None, "FOO".to_string()));
        assert_eq!(
            excerpt(b"@label=a\\s;b :c foo \0"),
            (label("a "), "FOO".to_string())
        );
        assert_eq!(excerpt(b"\xff"), (None, "\u{fffd}".to_string()));
        assert_eq!(excerpt(b"@a:b"), (None, "*".to_string()));
        assert_eq!(excerpt(&[b'A'; 600]).1.len(), COMMAND_BYTES);
    }

    proptest! {
        #[test]
        fn what_stands_for_a_bad_line_has_the_same_excerpt_and_fault(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 1..9),
                    Just(vec![b'x'; 300]),
                    prop::sample::select(vec![&b"@label=a"[..], b";", b" ", b":", b"\xff", b"\r", b"\\:", b"FOO"])
                        .prop_map(<[u8]>::to_vec),
                ],
                0..9,
            ),
        ) {
            let line = pieces.concat();
            if let Err(bad) = Message::parse(&line) {
                let excerpt = Excerpt::of(&line);
                let other = excerpt.to_line(bad);
                prop_assert_eq!(Message::parse(&other), Err(bad));
                if bad != BadLine::Empty {
                    prop_assert_eq!(Excerpt::of(&other), excerpt);
                }
                let mended = Message::mend(&other);
                let message = Message::parse(mended.as_bytes());
                prop_assert!(!message.is_ok_and(|message| message.can_do_without_text()));
                let mended = Message::mend(&line);
                for (place, _) in mended.char_indices() {
                    let at = place_in_bad(&line, place);
                    // Not mended by itself: without its end, tags are no tags, and cut sooner.
                    let before = String::from_utf8_lossy(&line[..at]);
                    let before = before.replace(['\0', '\r'], "\u{FFFD}");
                    prop_assert_eq!(&before, &mended[..place]);
                }
            }
        }
    }
}
