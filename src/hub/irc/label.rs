//! Labeled responses: all replies to one command belong together
//! (<https://ircv3.net/specs/extensions/labeled-response>).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Digest, Hub, Tags, Turn};
use crate::hub::{Frame, Outputs};
use crate::id::{ConnId, Time};
use crate::wire::irc::caps::Caps;
use crate::wire::irc::escape;

/// The replies to a command with a label, until all are known.
#[derive(Debug)]
pub(super) struct Replying {
    pub(super) conn: ConnId,
    label: String,
    pub(super) lines: Vec<Reply>,
}

/// A line that is not sent yet.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) tags: String,
    pub(super) body: String,
    pub(super) bulk: bool,
    pub(super) shows_key: bool,
}

impl Replying {
    pub(super) fn new(conn: ConnId, label: String) -> Self {
        let lines = Vec::new();
        Self { conn, label, lines }
    }
}

impl<D: Digest> Hub<D> {
    /// Sends the replies to a command with a label. No more come: it is done, or it ends the
    /// connection, whose last line is to come after them.
    pub(in crate::hub) fn end_of_replies(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        let its = |replying: &mut Replying| replying.conn == conn;
        let Some(replying) = self.irc.replying.take_if(its) else {
            return;
        };
        let turn = &mut Turn { now, conn, out };
        let mut label = String::from("label=");
        escape(&replying.label, &mut label);
        let server = self.irc.identity.name.clone();
        let caps = self.caps(turn.conn).unwrap_or(Caps::NONE);
        let time = self.write_tags(turn.now, caps, Tags::default());
        let mut lines = replying.lines;
        match lines.len() {
            0 => self.write_reply(turn, &joined(&label, &time), format!(":{server} ACK")),
            1 => {
                let line = lines.remove(0);
                let tags = joined(&label, &line.tags);
                self.write_line(turn, &tags, line);
            }
            // Whoever knows of no batches is told with each line.
            _ if !caps.has(Caps::BATCH) => {
                for line in lines {
                    let tags = joined(&label, &line.tags);
                    self.write_line(turn, &tags, line);
                }
            }
            _ => {
                self.irc.batches += 1;
                let batch = format!("{:x}", self.irc.batches);
                self.write_reply(
                    turn,
                    &joined(&label, &time),
                    format!(":{server} BATCH +{batch} labeled-response"),
                );
                for line in lines {
                    let in_batch = line.tags.starts_with("batch=");
                    let tag = if in_batch {
                        String::new()
                    } else {
                        format!("batch={batch}")
                    };
                    let tags = joined(&tag, &line.tags);
                    self.write_line(turn, &tags, line);
                }
                self.write_reply(turn, &time, format!(":{server} BATCH -{batch}"));
            }
        }
    }

    fn write_reply(&mut self, turn: &mut Turn<'_>, tags: &str, body: String) {
        let line = Reply {
            tags: String::new(),
            body,
            bulk: false,
            shows_key: false,
        };
        self.write_line(turn, tags, line);
    }

    fn write_line(&mut self, turn: &mut Turn<'_>, tags: &str, line: Reply) {
        let mut text = String::new();
        if !tags.is_empty() {
            text = format!("@{tags} ");
        }
        text.push_str(&line.body);
        text.push_str("\r\n");
        let frame = Frame::lines(text.as_bytes(), None, line.shows_key);
        turn.out.send([turn.conn], frame, line.bulk);
    }
}

fn joined(first: &str, rest: &str) -> String {
    match (first.is_empty(), rest.is_empty()) {
        (true, _) => rest.into(),
        (_, true) => first.into(),
        (false, false) => format!("{first};{rest}"),
    }
}
