//! Clients that speak what is not spoken here, told by what they begin with.
//!
//! A browser that a page makes connect sends a request whose body the page has chosen, so that lines
//! of IRC may follow. A client that was given the wrong port should be told which is the right one.

/// What a client speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stranger {
    /// HTTP.
    Http,
    /// TLS.
    Tls,
    /// IRC, where the plain protocol is spoken.
    Irc,
}

/// Methods of HTTP; `PRI` begins version 2.
const METHODS: &[&str] = &[
    "GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "PATCH", "CONNECT", "TRACE", "PRI",
];

/// Commands of IRC with a parameter that come first, however they are written.
const COMMANDS: &[&str] = &[
    "AUTHENTICATE",
    "CAP",
    "JOIN",
    "NOTICE",
    "OPER",
    "PASS",
    "PRIVMSG",
    "SERVER",
    "USER",
    "WEBIRC",
];

/// The one of them that may be somebody's name, too.
const NICK: &str = "NICK";

impl Stranger {
    /// So many bytes are enough for [`of_start`](Self::of_start): the longest method, a space, and
    /// one more.
    pub const START_BYTES: usize = "OPTIONS /".len();

    /// Who begins a line so, though its end may not have come, nor ever come.
    pub fn of_start(start: &[u8]) -> Option<Self> {
        // A handshake, of any version (RFC 8446, 5.1).
        if start.starts_with(&[0x16, 0x03]) {
            return Some(Self::Tls);
        }
        let (method, target) = split(start);
        (is_method(method) && target.starts_with(b"/")).then_some(Self::Http)
    }

    /// Who sends this line before it has logged in, in either protocol.
    pub fn of_line(line: &[u8]) -> Option<Self> {
        let mut words = line.split(|&byte| byte == b' ');
        let words = [words.next(), words.next(), words.next(), words.next()];
        // A page may make up its own method.
        let is_request = match words {
            [Some(method), Some(target), Some(version), None] if target.starts_with(b"/") => {
                method.iter().all(u8::is_ascii_alphabetic) && has_prefix(version, b"HTTP/")
            }
            _ => is_method(split(line).0) && has_version(line),
        };
        Self::of_start(line).or(is_request.then_some(Self::Http))
    }

    /// Who sends this line before it has logged in to the plain protocol.
    ///
    /// To it a command of IRC and its parameter would be a name and a secret. Somebody may be called
    /// `nick`, but clients write `NICK`. As in a login, spaces before it do not count.
    pub fn of_plain_line(line: &[u8]) -> Option<Self> {
        let login = str::from_utf8(line).map_or(line, |line| line.trim_start().as_bytes());
        let (command, parameter) = split(login);
        let mut commands = COMMANDS.iter();
        let is_command = command == NICK.as_bytes()
            || commands.any(|one| command.eq_ignore_ascii_case(one.as_bytes()));
        let speaks_irc = is_command && !parameter.is_empty();
        Self::of_line(line).or(speaks_irc.then_some(Self::Irc))
    }

    /// A line that such a client sends, for one that may hold anything.
    pub const fn example(self) -> &'static str {
        match self {
            Self::Http => "GET / HTTP/1.1",
            Self::Tls => "\x16\x03\x01",
            Self::Irc => "NICK x",
        }
    }
}

/// The first word, and what follows the space behind it.
fn split(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memchr(b' ', line) {
        Some(space) => (&line[..space], &line[space + 1..]),
        None => (line, &[]),
    }
}

/// Browsers write what is no method of theirs as the page has written it.
fn is_method(word: &[u8]) -> bool {
    METHODS
        .iter()
        .any(|method| word.eq_ignore_ascii_case(method.as_bytes()))
}

/// Whether the last word is a version of HTTP.
fn has_version(line: &[u8]) -> bool {
    let last = line.rsplit(|&byte| byte == b' ').next().unwrap_or(line);
    last.len() < line.len() && has_prefix(last, b"HTTP/")
}

fn has_prefix(word: &[u8], prefix: &[u8]) -> bool {
    let start = word.get(..prefix.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_of_http_is_known_in_either_protocol() {
        for line in [
            "GET / HTTP/1.1",
            "GET /",
            "POST /x?y HTTP/1.0",
            "post / http/1.1",
            "PUT / HTTP/1.1",
            "HEAD / HTTP/1.1",
            "OPTIONS * HTTP/1.1",
            "DELETE / HTTP/1.1",
            "PATCH / HTTP/1.1",
            "CONNECT 127.0.0.1:6667 HTTP/1.1",
            "TRACE / HTTP/1.1",
            "GET http://127.0.0.1:6667/ HTTP/1.1",
            "PRI * HTTP/2.0",
            "PROPFIND / HTTP/1.1",
            "x / http/1.0",
        ] {
            let expected = Some(Stranger::Http);
            assert_eq!(Stranger::of_line(line.as_bytes()), expected, "{line}");
            assert_eq!(Stranger::of_plain_line(line.as_bytes()), expected, "{line}");
        }
        for line in [
            "GET",
            "GET ",
            "get correct-horse",
            "GETS / x",
            "alice HTTP/1.1",
            "HTTP/1.1",
            "PING :HTTP/1.1",
            " GET /",
            "",
        ] {
            assert_eq!(Stranger::of_line(line.as_bytes()), None, "{line}");
            assert_eq!(Stranger::of_plain_line(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn a_request_is_known_by_so_many_bytes_and_no_fewer() {
        let request = b"OPTIONS /index HTTP/1.1";
        for bytes in 0..request.len() {
            let expected = (bytes >= Stranger::START_BYTES).then_some(Stranger::Http);
            assert_eq!(Stranger::of_start(&request[..bytes]), expected);
        }
    }

    #[test]
    fn a_handshake_of_tls_is_known_by_its_first_bytes() {
        for hello in [&b"\x16\x03\x01\x02\x00\x01"[..], b"\x16\x03"] {
            assert_eq!(Stranger::of_start(hello), Some(Stranger::Tls));
            assert_eq!(Stranger::of_plain_line(hello), Some(Stranger::Tls));
        }
        // It switches colours, where people write them.
        for text in [&b"\x16"[..], b"\x16alice"] {
            assert_eq!(Stranger::of_plain_line(text), None);
        }
    }

    #[test]
    fn irc_is_known_by_the_commands_with_which_it_begins() {
        for line in [
            "CAP LS 302",
            "NICK alice",
            "PASS correct-horse",
            "USER a 0 * :b",
            "pass correct-horse",
            "Join #rust",
            "PRIVMSG bob :hi there",
        ] {
            let found = Stranger::of_plain_line(line.as_bytes());
            assert_eq!(found, Some(Stranger::Irc), "{line}");
            assert_eq!(Stranger::of_line(line.as_bytes()), None, "{line}");
        }
        for line in [
            "NICK",
            "NICK ",
            "nick correct-horse",
            "pass",
            "passer correct-horse",
            "alice PASS",
        ] {
            assert_eq!(Stranger::of_plain_line(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn an_example_is_known_as_what_it_is_one_of() {
        for stranger in [Stranger::Http, Stranger::Tls, Stranger::Irc] {
            let line = stranger.example().as_bytes();
            assert_eq!(Stranger::of_plain_line(line), Some(stranger));
        }
    }
}
