//! Commands of telnet (RFC 854) among the lines that people type: they are taken out, and options
//! are refused.
//!
//! At `^C` a telnet client sends `DO TIMING-MARK`, and shows nothing more until that is answered
//! (RFC 860). It stands anywhere in a line, and no line need follow it: so commands are answered as
//! soon as they come, and taken out of the line that they stand in when that is whole.

use alloc::vec::Vec;
use core::mem;

/// With this byte, which UTF-8 never has, a command begins.
pub const IAC: u8 = 255;

const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;

/// An option that is asked for to learn when all before it has been read.
const TIMING_MARK: u8 = 6;

/// Finds the commands in what comes from one connection.
///
/// It knows options, and the commands of two bytes. Anything else that begins with [`IAC`] stays in
/// its line, which then is not UTF-8, and is refused. The end of a line ends every command, so no
/// command can swallow the next line.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Telnet {
    state: State,
    /// Whether there was a command in the line that comes.
    is_in_line: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum State {
    #[default]
    Text,
    /// [`IAC`] came.
    Command,
    /// Then one of [`WILL`], [`WONT`], [`DO`] and [`DONT`]; the option follows.
    Option(u8),
}

/// What a byte completes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    /// Nothing yet.
    Part,
    /// Text, together with the parts before it.
    Text,
    Command,
    /// The client asks for an option (`DO`), or offers one (`WILL`).
    Ask {
        verb: u8,
        option: u8,
    },
}

impl State {
    fn take(&mut self, byte: u8) -> Token {
        let ends_line = matches!(byte, b'\r' | b'\n');
        let (state, token) = match *self {
            Self::Text if byte == IAC => (Self::Command, Token::Part),
            Self::Command if matches!(byte, WILL | WONT | DO | DONT) => {
                (Self::Option(byte), Token::Part)
            }
            Self::Option(verb) if !ends_line => match verb {
                DO | WILL => (Self::Text, Token::Ask { verb, option: byte }),
                _ => (Self::Text, Token::Command),
            },
            // End of file, suspend, abort; and all from NOP to "go ahead".
            Self::Command if matches!(byte, 236..=238 | 241..=249) => (Self::Text, Token::Command),
            Self::Text | Self::Command | Self::Option(_) => (Self::Text, Token::Text),
        };
        *self = state;
        token
    }
}

impl Telnet {
    /// Reads what came next, and returns the commands in it that are to be
    /// [answered](answers).
    pub fn read(&mut self, input: &[u8]) -> Vec<u8> {
        let mut asked = Vec::new();
        self.is_in_line |= may_be_in(input);
        if !self.is_in_line {
            return asked;
        }
        for &byte in input {
            if let Token::Ask { verb, option } = self.state.take(byte) {
                asked.extend([IAC, verb, option]);
            }
        }
        asked
    }

    /// Whether there is a command in the line that comes, or a part of one.
    pub const fn is_in_line(&self) -> bool {
        self.is_in_line
    }

    /// To be called at the end of each line. Returns whether there is a command in it.
    pub fn end_line(&mut self) -> bool {
        mem::take(&mut self.is_in_line)
    }
}

/// Whether a command begins in `input`.
pub fn may_be_in(input: &[u8]) -> bool {
    memchr::memchr(IAC, input).is_some()
}

/// The answers to commands that [`Telnet::read`] found, as long as these: no option is wanted, and
/// everything up to a timing mark was read.
pub fn answers(asked: &[u8]) -> Vec<u8> {
    let (commands, _) = asked.as_chunks::<3>();
    let answers = commands.iter().flat_map(|&[iac, verb, option]| {
        let answer = match (verb, option) {
            (DO, TIMING_MARK) => WILL,
            (DO, _) => WONT,
            _ => DONT,
        };
        [iac, answer, option]
    });
    answers.collect()
}

/// A whole line without the commands in it.
pub fn without_commands(line: &[u8]) -> Vec<u8> {
    let (mut text, mut state, mut parts) = (Vec::with_capacity(line.len()), State::Text, 0);
    for (place, &byte) in line.iter().enumerate() {
        match state.take(byte) {
            Token::Part => parts += 1,
            Token::Text => text.extend_from_slice(&line[place - mem::take(&mut parts)..=place]),
            Token::Command | Token::Ask { .. } => parts = 0,
        }
    }
    text.extend_from_slice(&line[line.len() - parts..]);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answered(pieces: &[&[u8]]) -> Vec<u8> {
        let mut telnet = Telnet::default();
        let answers = pieces.iter().flat_map(|piece| answers(&telnet.read(piece)));
        answers.collect()
    }

    #[test]
    fn the_mark_of_an_interrupt_is_answered_at_once_and_taken_out_of_its_line() {
        // `^C`: interrupt process, and the mark for which the client waits.
        let interrupt = b"al\xff\xf4\xff\xfd\x06ice";
        assert_eq!(without_commands(interrupt), b"alice");
        for cut in 0..interrupt.len() {
            let (first, second) = interrupt.split_at(cut);
            assert_eq!(answered(&[first, second]), b"\xff\xfb\x06", "{cut}");
        }
    }

    #[test]
    fn options_are_refused_and_refusals_are_not_answered() {
        let offered = b"\xff\xfb\x1f\xff\xfd\x01\xff\xfc\x03\xff\xfe\x03";
        assert_eq!(answered(&[offered]), b"\xff\xfe\x1f\xff\xfc\x01");
        assert_eq!(without_commands(offered), b"");
    }

    #[test]
    fn what_is_no_command_is_left_in_its_line() {
        for line in [
            &b"\xff\xff"[..],
            b"\xffa",
            b"a\xff",
            b"a\xff\xfe",
            b"\xff\xfd\rb",
            b"\xff\xff\xfd\x06",
            b"\xff\xfa\x1f\x00\x50\xff\xf0",
        ] {
            assert_eq!(without_commands(line), line, "{}", line.escape_ascii());
            assert_eq!(answered(&[line, b"\n"]), b"", "{}", line.escape_ascii());
        }
        assert_eq!(without_commands(b"a\xff\xf1b\xff\xf2\xff\xf6c"), b"abc");
    }

    #[test]
    fn a_line_with_a_command_is_known() {
        let mut telnet = Telnet::default();
        telnet.read(b"bob: hi");
        assert!(!telnet.end_line());
        telnet.read(b"bob\xff");
        telnet.read(b"\xf4: hi");
        assert!(telnet.end_line());
        assert!(!telnet.end_line());
    }

    proptest! {
        #[test]
        fn whatever_is_left_is_left_again_and_answers_do_not_rest_on_how_it_is_cut(
            bytes in prop::collection::vec(
                prop::sample::select(&b"a\n\r\xff\xfd\xfb\xfa\xf0\xf4\x06"[..]),
                0..40,
            ),
            cut in 0_usize..40,
        ) {
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(answered(&[first, second]), answered(&[&bytes]));
            prop_assert!(answered(&[&bytes]).len() <= bytes.len());
            for line in bytes.split(|&byte| byte == b'\n') {
                let left = without_commands(line);
                prop_assert_eq!(&without_commands(&left), &left);
                prop_assert_eq!(answered(&[&left, b"\r\n"]), b"");
            }
        }
    }
}
