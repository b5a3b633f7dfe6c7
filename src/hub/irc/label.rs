//! Labeled responses: all replies to one command belong together
//! (<https://ircv3.net/specs/extensions/labeled-response>).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::{Digest, Hub, Tags, Turn};
use crate::hub::{Frame, Outputs};
use crate::id::{ConnId, Time};
use crate::wire::irc::caps::Caps;
use crate::wire::irc::escape;

/// The replies to a command with a label, until all are known.
#[derive(Clone, Debug)]
pub(in crate::hub) struct Replying {
    pub(super) conn: ConnId,
    label: String,
    /// Those that are not sent yet.
    lines: Vec<Reply>,
    /// Bytes of the lines.
    bytes: usize,
    /// Whether some were sent already, as the command takes several turns.
    begun: bool,
    /// The batch that they were sent in, for a client that knows of batches.
    batch: Option<String>,
}

/// A line that is not sent yet.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) tags: String,
    pub(super) body: String,
    pub(super) bulk: bool,
    pub(super) shows_key: bool,
}

impl Replying {
    pub(super) fn new(conn: ConnId, label: String) -> Self {
        Self {
            conn,
            label,
            lines: Vec::new(),
            bytes: 0,
            begun: false,
            batch: None,
        }
    }

    pub(super) fn push(&mut self, reply: Reply) {
        self.bytes += reply.tags.len() + reply.body.len();
        self.lines.push(reply);
    }

    /// Bytes that are not sent yet.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl<D: Digest> Hub<D> {
    /// The label of the command that is being answered, whose answer comes later.
    pub(in crate::hub) fn take_replying(&mut self, conn: ConnId) -> Option<Replying> {
        self.irc.replying.take_if(|replying| replying.conn == conn)
    }

    /// Sends the replies to a command with a label. No more come, unless the command is not done;
    /// or it ends the connection, whose last line is to come after them.
    pub(in crate::hub) fn end_of_replies(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        let Some(mut replying) = self.take_replying(conn) else {
            return;
        };
        let turn = &mut Turn { now, conn, out };
        let goes_on = self.broker.lifecycle().online(conn).is_some() && self.has_tasks(conn);
        self.send_replies(turn, &mut replying, goes_on);
        if goes_on && let Some(tasks) = &mut self.session_mut(conn).tasks {
            tasks.replying = Some(replying);
        }
    }

    /// A connection ends: sends the replies to its last command, of which no more come.
    pub(in crate::hub) fn break_off(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        if self.caps(conn).is_some()
            && let Some(tasks) = self.session_mut(conn).tasks.take()
            && let Some(mut replying) = tasks.replying
        {
            self.send_replies(&mut Turn { now, conn, out }, &mut replying, false);
        }
        self.end_of_replies(now, conn, out);
    }

    fn send_replies(&mut self, turn: &mut Turn<'_>, replying: &mut Replying, goes_on: bool) {
        let mut label = String::from("label=");
        escape(&replying.label, &mut label);
        let server = self.irc.identity.name.clone();
        let caps = self.caps(turn.conn).unwrap_or(Caps::NONE);
        let time = self.write_tags(turn.now, caps, Tags::default());
        replying.bytes = 0;
        let mut lines = mem::take(&mut replying.lines);
        let was_begun = replying.begun;
        replying.begun |= !lines.is_empty();
        match lines.len() {
            _ if replying.batch.is_some() => {}
            0 if goes_on || was_begun => return,
            0 => {
                return self.write_reply(turn, &joined(&label, &time), format!(":{server} ACK"));
            }
            1 if !goes_on && !was_begun => {
                let line = lines.remove(0);
                let tags = joined(&label, &line.tags);
                return self.write_line(turn, &tags, line);
            }
            // Whoever knows of no batches is told with each line.
            _ if !caps.has(Caps::BATCH) => {
                for line in lines {
                    let tags = joined(&label, &line.tags);
                    self.write_line(turn, &tags, line);
                }
                return;
            }
            _ => {
                let batch = self.session_mut(turn.conn).new_batch();
                self.write_reply(
                    turn,
                    &joined(&label, &time),
                    format!(":{server} BATCH +{batch} labeled-response"),
                );
                replying.batch = Some(batch);
            }
        }
        let batch = replying.batch.as_deref().expect("it is begun");
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
        if !goes_on {
            self.write_reply(turn, &time, format!(":{server} BATCH -{batch}"));
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
        let sent = (text.len(), false, false);
        self.count_sent(turn.now, turn.conn, sent, turn.out);
    }
}

fn joined(first: &str, rest: &str) -> String {
    match (first.is_empty(), rest.is_empty()) {
        (true, _) => rest.into(),
        (_, true) => first.into(),
        (false, false) => format!("{first};{rest}"),
    }
}
