//! IRC once more, without its code: the lines of each request, and what a client reads of them.

use std::collections::BTreeSet;

use rejoin::broker::Mail;

use crate::label::split_tags;
use crate::moment::{number_in, texts};
use crate::step::{self, Step, To};

/// The lines of a step that is a request, each with its end; nothing for the others. `sent` counts
/// the messages, so that each has a text of its own.
pub fn lines_of(step: &Step, sent: &mut u32) -> Option<String> {
    Some(match step {
        &Step::LogIn { name, secret, .. } => {
            let secret = secret.map(|secret| secret % step::SECRETS);
            let pass = secret.map(|secret| format!("PASS correct-horse-{secret}\r\n"));
            let (pass, name) = (pass.unwrap_or_default(), step::name(name));
            format!("{pass}NICK {name}\r\nUSER user 0 * :Real Name\r\n")
        }
        Step::Send { to, length, .. } => {
            // To the broker each is a message of its own: none is to come twice.
            let to: BTreeSet<_> = to.iter().copied().map(receiver).collect();
            let to: Vec<_> = to.into_iter().collect();
            let to = to.join(",");
            let texts = texts(*length, sent);
            let lines = texts.iter().map(|text| format!("PRIVMSG {to} :{text}\r\n"));
            lines.collect()
        }
        &Step::Join { room, .. } => format!("JOIN {}\r\n", step::room(room)),
        &Step::Leave { room, .. } => format!("PART {}\r\n", step::room(room)),
        &Step::Rename { name, .. } => format!("NICK {}\r\n", step::name(name)),
        Step::Rooms { .. } => "LIST\r\n".to_owned(),
        Step::Who { room: None, .. } => "WHO *\r\n".to_owned(),
        &Step::Who {
            room: Some(room), ..
        } => format!("NAMES {}\r\n", step::room(room)),
        Step::Quit { why: false, .. } => "QUIT\r\n".to_owned(),
        Step::Quit { why: true, .. } => "QUIT :m0\r\n".to_owned(),
        &Step::Oper { right, .. } => {
            let password = if right { step::PASSWORD } else { "guess" };
            format!("OPER {} {password}\r\n", step::OPERATOR)
        }
        &Step::Kill { name, .. } => format!("KILL {} :enough\r\n", step::name(name)),
        Step::Accept
        | Step::AcceptIrc
        | Step::Answer { .. }
        | Step::Dismiss { .. }
        | Step::ReaderFinishes { .. }
        | Step::Write { .. }
        | Step::WriterFinishes { .. }
        | Step::GiveUp { .. }
        | Step::Wait { .. }
        | Step::ShutDown => return None,
    })
}

/// In small letters, in which two spellings are one.
fn receiver(to: To) -> String {
    match to {
        To::Peer(name) => step::name(name).as_str().to_ascii_lowercase(),
        To::Room(room) => step::room(room).as_str().to_ascii_lowercase(),
    }
}

/// The number of the message in a line that hands one over, or reports one undelivered.
pub fn number(line: &str) -> Option<u32> {
    let (_, line) = split_tags(line);
    let (_, rest) = line.strip_prefix(':')?.split_once(' ')?;
    let text = if rest.starts_with("PRIVMSG ") {
        rest.split_once(" :")?.1
    } else if rest.starts_with("NOTICE ") {
        rest.split_once(" will not get: ")?.1
    } else {
        return None;
    };
    number_in(text.as_bytes())
}

/// What a `PING` wants to be answered with.
pub fn question(line: &str) -> Option<&str> {
    line.strip_prefix("PING :")
}

/// What a `PING` wants to be answered with that asks how far a client has read: which connection it
/// is, of which server, and how often it was asked.
pub fn mark(line: &str) -> Option<&str> {
    question(line).filter(|token| token.contains('.'))
}

/// Whether a line says that its reader is registered.
pub fn is_welcome(line: &str) -> bool {
    let (_, line) = split_tags(line);
    let words = line.split_once(' ').map(|(_, words)| words);
    words.is_some_and(|words| words.starts_with("001 "))
}

/// Whether this is what a client reads of a piece of mail.
pub fn hands_over(mail: &Mail, line: &str) -> bool {
    let message = mail.message();
    let text = message.text();
    let (_, line) = split_tags(line);
    match mail {
        Mail::Message(_) => {
            let from = format!(":{}!", message.header().from);
            let room = message
                .header()
                .room
                .map(|room| format!(" PRIVMSG {room} :{text}\r\n"));
            let ends = room.map_or_else(
                || line.contains(" PRIVMSG ") && line.ends_with(&format!(" :{text}\r\n")),
                |room| line.ends_with(&room),
            );
            line.starts_with(&from) && ends
        }
        Mail::Bounce(bounce) => {
            let starts = line.contains(&format!(" :{}", bounce.receiver));
            let more = match bounce.more {
                0 => String::new(),
                more => format!("besides {more} more of your messages "),
            };
            starts && line.ends_with(&format!(", and {more}will not get: {text}\r\n"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_its_number() {
        assert_eq!(number(":ann!~user@h PRIVMSG #one :m12..."), Some(12));
        assert_eq!(number("@batch=1 :ann!~user@h PRIVMSG bob :m12"), Some(12));
        let back = ":rejoin NOTICE ann :bob in #one is gone, and will not get: m3";
        assert_eq!(number(back), Some(3));
        assert_eq!(
            number(":rejoin NOTICE ann :bob is away; your message waits"),
            None
        );
        assert_eq!(number("PING :1.2"), None);
    }
}
