//! Keys of channels, where they are not kept: what stands for one has its length, and is right, or
//! may be a key, where it is and may.

use alloc::string::String;
use alloc::vec::Vec;

use super::mode::{is_key, takes_argument};
use super::{Digest, Hub};
use crate::hub::guesses::Key;
use crate::id::Room;
use crate::wire::irc::{Message, mode};

/// What stands for a key that is wrong: no stand-in of a right one is the same.
const WRONG: &str = "0";

/// What stands for a key that may not be one.
const NO_KEY: &str = ",";

impl<D: Digest> Hub<D> {
    /// Hides the keys in a `JOIN`.
    pub(super) fn hide_keys_of_join(&mut self, message: &Message<'_>) {
        if self.observers.is_empty() || !message.may_hold_secret() {
            return;
        }
        let (rooms, keys) = (message.params[0], message.params[1]);
        let hidden = rooms.split(',').zip(keys.split(',')).map(|(room, key)| {
            let given = Some(key).filter(|key| !key.is_empty());
            match Room::parse(room).map_or(Key::Wrong, |room| self.key(&room, given)) {
                _ if key.is_empty() => String::new(),
                Key::Right(_) => stand_in(key),
                Key::Wrong | Key::Missing => String::from(WRONG),
            }
        });
        let hidden: Vec<_> = hidden.collect();
        self.hide(message, format_args!("JOIN {rooms} :{}", hidden.join(",")));
    }

    /// Hides the keys in a `MODE`, and what nothing takes.
    pub(super) fn hide_keys_of_mode(&mut self, message: &Message<'_>) {
        if self.observers.is_empty() || !message.may_hold_secret() {
            return;
        }
        let (target, modes) = (message.params[0], message.params[1]);
        let takes = |letter, set| target.starts_with('#') && takes_argument(letter, set);
        let changes = mode::parse(modes, &message.params[2..], takes);
        let taken = changes.iter().filter_map(|change| {
            let argument = change.argument?;
            Some(match change.letter {
                'k' if is_key(argument) => stand_in(argument),
                'k' => String::from(NO_KEY),
                _ => String::from(argument),
            })
        });
        let taken: Vec<_> = taken.collect();
        match taken.split_last() {
            None => self.hide(message, format_args!("MODE {target} {modes}")),
            Some((last, [])) => self.hide(message, format_args!("MODE {target} {modes} :{last}")),
            Some((last, first)) => {
                let first = first.join(" ");
                self.hide(
                    message,
                    format_args!("MODE {target} {modes} {first} :{last}"),
                );
            }
        }
    }
}

/// What stands for a key: of all that are as long, for each the same, as a room has one at a time.
fn stand_in(key: &str) -> String {
    "x".repeat(key.len())
}
