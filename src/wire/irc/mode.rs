//! Modes as they are written: `+ov-k alice bob key` (modern.ircdocs.horse, "MODE message").

use alloc::vec::Vec;

/// One change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change<'a> {
    /// Whether the mode is set, or unset.
    pub set: bool,
    /// Its letter.
    pub letter: char,
    /// What it is set to, if there is something.
    pub argument: Option<&'a str>,
}

/// Reads changes. `takes` says whether a mode takes an argument when it is set (or unset).
pub fn parse<'a>(
    modes: &'a str,
    arguments: &[&'a str],
    takes: impl Fn(char, bool) -> bool,
) -> Vec<Change<'a>> {
    let mut arguments = arguments.iter();
    let mut set = true;
    let mut changes = Vec::new();
    for letter in modes.chars() {
        match letter {
            '+' => set = true,
            '-' => set = false,
            _ => changes.push(Change {
                set,
                letter,
                argument: takes(letter, set)
                    .then(|| arguments.next().copied())
                    .flatten(),
            }),
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_go_to_the_modes_that_take_one() {
        let takes = |letter, set| letter == 'o' || letter == 'k' || (letter == 'l' && set);
        let change = |set, letter, argument| Change {
            set,
            letter,
            argument,
        };
        assert_eq!(
            parse("n+ol-lk", &["bob", "7", "key", "more"], takes),
            [
                change(true, 'n', None),
                change(true, 'o', Some("bob")),
                change(true, 'l', Some("7")),
                change(false, 'l', None),
                change(false, 'k', Some("key")),
            ]
        );
        assert_eq!(parse("o", &[], takes), [change(true, 'o', None)]);
    }
}
