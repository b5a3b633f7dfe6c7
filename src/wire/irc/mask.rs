//! Masks: `*` and `?` stand for any characters and for any one character, and case is ignored
//! (modern.ircdocs.horse, "Wildcard expressions").

use alloc::format;
use alloc::string::{String, ToString as _};

/// Whether `text` matches `mask`.
///
/// It takes time in proportion to the product of both lengths at most.
pub fn matches(mask: &str, text: &str) -> bool {
    let (mask, text) = (mask.as_bytes(), text.as_bytes());
    let (mut m, mut t) = (0, 0);
    // Where the last `*` was, and how much of the text it takes in.
    let mut star = None;
    while t < text.len() {
        match mask.get(m) {
            Some(b'*') => {
                star = Some((m, t));
                m += 1;
            }
            Some(&byte) if byte == b'?' || byte.eq_ignore_ascii_case(&text[t]) => {
                m += 1;
                t += 1;
            }
            _ => match star {
                // It takes one byte more, and is met again.
                Some((at, taken)) => (m, t) = (at, taken + 1),
                None => return false,
            },
        }
    }
    mask[m..].iter().all(|&byte| byte == b'*')
}

/// The mask in full, as `nick!user@host`: what is missing is `*`.
pub fn complete(mask: &str) -> String {
    let (nick, rest) = match (mask.split_once('!'), mask.split_once('@')) {
        (Some((nick, rest)), _) => (nick, rest.to_string()),
        (None, Some((user, host))) => ("*", format!("{user}@{host}")),
        (None, None) if mask.contains(['.', ':']) => ("*", format!("*@{mask}")),
        (None, None) => (mask, String::new()),
    };
    let or_any = |text: &str| {
        if text.is_empty() {
            "*".to_string()
        } else {
            text.to_string()
        }
    };
    let (user, host) = rest.split_once('@').unwrap_or((&rest, ""));
    format!("{}!{}@{}", or_any(nick), or_any(user), or_any(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match() {
        for (mask, text) in [
            ("*", ""),
            ("a*c", "abbc"),
            ("a*b*c", "aXbYbZc"),
            ("A?c", "aBC"),
            ("*!*@host", "nick!user@HOST"),
            ("**", "x"),
        ] {
            assert!(matches(mask, text), "{mask} {text}");
        }
        for (mask, text) in [
            ("", "a"),
            ("a*c", "abd"),
            ("?", ""),
            ("a?", "a"),
            ("*a", "b"),
        ] {
            assert!(!matches(mask, text), "{mask} {text}");
        }
    }

    #[test]
    fn masks_are_completed() {
        for (mask, full) in [
            ("bob", "bob!*@*"),
            ("bob!u", "bob!u@*"),
            ("u@h", "*!u@h"),
            ("*.example", "*!*@*.example"),
            ("!@", "*!*@*"),
            ("a!b@c", "a!b@c"),
        ] {
            assert_eq!(complete(mask), full);
        }
    }
}
