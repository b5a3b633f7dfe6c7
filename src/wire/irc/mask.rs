//! Masks: `*` and `?` stand for any characters and for any one character, and case is ignored
//! (modern.ircdocs.horse, "Wildcard expressions").

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};
use core::net::IpAddr;

/// Bytes of a mask; a longer one matches nothing.
pub const MAX_BYTES: usize = 127;

/// Whether `text` matches `mask`, in time that grows with the sum of both lengths, however many
/// stars there are.
pub fn matches(mask: &str, text: &str) -> bool {
    let (mask, text) = (mask.as_bytes(), text.as_bytes());
    if mask.len() > MAX_BYTES {
        return false;
    }
    // Nearly every mask is tried to its end in a few steps for each byte.
    let steps = 4 * (mask.len() + text.len());
    match_greedily(mask, text, steps).unwrap_or_else(|| match_in_parallel(mask, text))
}

/// Lets each star take as little as it can. `None` if it takes more than so many steps.
///
/// What a star takes is only ever changed for the last one, which is enough: but after each change
/// it compares again what it has compared already.
fn match_greedily(mask: &[u8], text: &[u8], steps: usize) -> Option<bool> {
    let (mut m, mut t) = (0, 0);
    // Where the last star is, and how much of the text it takes in.
    let mut star = None;
    for _ in 0..steps {
        if t == text.len() {
            break;
        }
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
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (m, t) = (at + 1, taken + 1);
                }
                None => return Some(false),
            },
        }
    }
    (t == text.len()).then(|| mask[m..].iter().all(|&byte| byte == b'*'))
}

/// Follows all ways to match at once: a bit for each place in the mask says whether the text so far
/// can be matched by the mask up to there (the algorithm "Shift-And" of Baeza-Yates and Gonnet).
fn match_in_parallel(mask: &[u8], text: &[u8]) -> bool {
    // Bits of the places that go on with each byte, and of those at which a star takes any.
    let mut goes_on = [0_u128; 256];
    let (mut any, mut stars, mut place) = (0, 0, 1_u128);
    for &byte in mask {
        match byte {
            b'*' => {
                stars |= place;
                continue;
            }
            b'?' => any |= place,
            _ => {
                goes_on[usize::from(byte.to_ascii_lowercase())] |= place;
            }
        }
        place <<= 1;
    }
    let end = place;
    let mut reached = 1_u128;
    for &byte in text {
        let next = goes_on[usize::from(byte.to_ascii_lowercase())] | any;
        reached = (reached & next) << 1 | reached & stars;
    }
    reached & end > 0
}

/// An address as the host of a mask: IPv4 if it is a mapped one, compressed if it is IPv6, and
/// without a colon in front, which would make it the last parameter of a line.
pub fn host(address: IpAddr) -> String {
    let host = address.to_canonical().to_string();
    if host.starts_with(':') {
        format!("0{host}")
    } else {
        host
    }
}

/// The mask with its host, or all of it if it is but a host, as [`host`] writes it, where that is
/// an address: so it matches however the address is spelled.
pub fn with_host(mask: &str) -> Cow<'_, str> {
    let start = mask.rfind(['@', '!']).map_or(0, |at| at + 1);
    let (before, place) = mask.split_at(start);
    match place.parse().map(host) {
        Ok(host) if host == place => Cow::Borrowed(mask),
        Ok(host) => Cow::Owned([before, &host].concat()),
        Err(_) if place.starts_with("::") => Cow::Owned([before, "0", place].concat()),
        Err(_) => Cow::Borrowed(mask),
    }
}

/// The mask in full, as `nick!user@host`: what is missing is `*`. An address as its host is
/// written as [`host`] writes it.
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
    let host = with_host(host);
    format!("{}!{}@{}", or_any(nick), or_any(user), or_any(&host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    /// By the definition, which takes exponential time.
    fn matches_naively(mask: &[u8], text: &[u8]) -> bool {
        match (mask, text) {
            ([], _) => text.is_empty(),
            ([b'*', rest @ ..], _) => {
                (0..=text.len()).any(|taken| matches_naively(rest, &text[taken..]))
            }
            ([b'?', mask @ ..], [_, text @ ..]) => matches_naively(mask, text),
            ([a, mask @ ..], [b, text @ ..]) => {
                a.eq_ignore_ascii_case(b) && matches_naively(mask, text)
            }
            ([_, ..], []) => false,
        }
    }

    proptest! {
        #[test]
        fn both_ways_to_match_are_that_of_the_definition(
            mask in "[abAB?*]{0,8}",
            text in "[abAB]{0,10}",
        ) {
            let should = matches_naively(mask.as_bytes(), text.as_bytes());
            let (mask, text) = (mask.as_bytes(), text.as_bytes());
            prop_assert_eq!(match_greedily(mask, text, usize::MAX), Some(should));
            prop_assert_eq!(match_in_parallel(mask, text), should);
        }
    }

    #[test]
    fn a_mask_that_would_be_compared_again_and_again_is_matched_in_parallel() {
        let text = "a".repeat(200);
        for (end, is_it) in [("b", false), ("", true)] {
            let mask = format!("*{}{end}", "a".repeat(60));
            let steps = 4 * (mask.len() + text.len());
            let greedily = match_greedily(mask.as_bytes(), text.as_bytes(), steps);
            assert_eq!(greedily, None, "{mask}");
            assert_eq!(matches(&mask, &text), is_it, "{mask}");
        }
    }

    #[test]
    fn a_mask_has_so_many_bytes() {
        let text = "a".repeat(MAX_BYTES);
        assert!(matches(&text, &text));
        assert!(!matches(&"*".repeat(MAX_BYTES + 1), &text));
        let mask = "?".repeat(MAX_BYTES);
        assert!(match_in_parallel(mask.as_bytes(), text.as_bytes()));
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
            ("::1", "*!*@0::1"),
            ("*!*@::1", "*!*@0::1"),
            ("u@2001:DB8:0:0::7", "*!u@2001:db8::7"),
            ("::ffff:192.0.2.7", "*!*@192.0.2.7"),
        ] {
            assert_eq!(complete(mask), full);
        }
    }

    #[test]
    fn a_host_that_is_an_address_is_written_in_one_way() {
        for (mask, written) in [
            ("0:0:0:0:0:0:0:1", "0::1"),
            ("::1", "0::1"),
            ("0::1", "0::1"),
            ("::", "0::"),
            ("*!*@0::", "*!*@0::"),
            ("2001:0DB8::0007", "2001:db8::7"),
            ("2001:db8:0:0:0:0:0:7", "2001:db8::7"),
            ("*!*@::FFFF:C000:0207", "*!*@192.0.2.7"),
            ("a!b@192.0.2.7", "a!b@192.0.2.7"),
            // These are no addresses.
            ("*!*@::*", "*!*@0::*"),
            ("2001:0db8:*", "2001:0db8:*"),
            (":x", ":x"),
            ("bob", "bob"),
            ("192.0.2.*", "192.0.2.*"),
            ("", ""),
        ] {
            assert_eq!(with_host(mask), written, "{mask}");
            assert_eq!(with_host(written), written, "{mask}");
        }
    }
}
