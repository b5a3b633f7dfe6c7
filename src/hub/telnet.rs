//! Answers telnet clients, and takes their commands out of lines.

use alloc::borrow::Cow;

use super::{Digest, Frame, Hub, Link, Outputs, Session, work};
use crate::id::{ConnId, Time};
use crate::wire::telnet;

impl Link {
    /// Whether commands of telnet may be in what came, or in the line that this goes on with.
    pub(super) fn has_telnet(&self, input: &[u8]) -> bool {
        match &self.session {
            Session::Plain(plain) => plain.telnet.is_in_line() || telnet::may_be_in(input),
            Session::Irc(_) => false,
        }
    }
}

impl<D: Digest> Hub<D> {
    /// Answers the commands of telnet in what was taken of what came, after all that was said before.
    pub(super) fn negotiate(&mut self, now: Time, conn: ConnId, input: &[u8], out: &mut Outputs) {
        let Session::Plain(plain) = &mut self.link(conn).session else {
            return;
        };
        let asked = plain.telnet.read(input);
        if asked.is_empty() {
            return;
        }
        self.end_run(now, conn, out);
        self.work.count(asked.len() as u64 * work::LINE);
        for observer in &mut self.observers {
            observer.telnet(&asked);
        }
        out.send([conn], Frame::new(&telnet::answers(&asked)), false);
    }

    /// The line without the commands in it.
    pub(super) fn without_commands<'a>(&mut self, conn: ConnId, line: &'a [u8]) -> Cow<'a, [u8]> {
        let has_commands = match &mut self.link(conn).session {
            Session::Plain(plain) => plain.telnet.end_line(),
            Session::Irc(_) => false,
        };
        if has_commands {
            telnet::without_commands(line).into()
        } else {
            line.into()
        }
    }
}
