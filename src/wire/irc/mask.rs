//! Masks: `*` and `?` stand for any characters and for any one character, and case is ignored
//! (modern.ircdocs.horse, "Wildcard expressions").

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};
use core::net::IpAddr;

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
