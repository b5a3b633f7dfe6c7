//! Mail on its way to clients, and how far they have read it.

use alloc::format;
use core::time::Duration;

use super::session::Kept;
use super::{Digest, Hub, Tags, Turn};
use crate::broker::Mail;
use crate::hub::{Frame, Outputs, Session as Any};
use crate::id::{ConnId, Time};
use crate::wire::irc::Message;
use crate::wire::irc::caps::Caps;

impl<D: Digest> Hub<D> {
    /// Sends mail, as part of what was kept if that is what it is.
    pub(super) fn send_mail(
        &mut self,
        now: Time,
        to: &[ConnId],
        tags: Tags<'_>,
        line: &str,
        mail: &Mail,
        out: &mut Outputs,
    ) {
        let kept = match to {
            [conn] => self.session_mut(*conn).kept.take(),
            _ => None,
        };
        let batch = kept.as_ref().and_then(|kept| kept.batch.as_deref());
        let tags = Tags { batch, ..tags };
        self.send_irc(now, to, tags, line, Some(mail), out);
        if let Some(Kept { left, batch }) = kept {
            let (conn, left) = (to[0], left - 1);
            if left % self.limits.ack_messages > 0 {
                self.session_mut(conn).kept = Some(Kept { left, batch });
                return;
            }
            // A client may show a batch only when it is whole: it is asked behind it.
            if let Some(batch) = batch {
                let line = format!(":{} BATCH -{batch}", self.irc.identity.name);
                self.send_irc(now, to, Tags::default(), &line, None, out);
            }
            self.mark(now, conn, out);
            self.begin_part(now, conn, left, out);
        }
    }

    /// So much of what was kept follows, and begins with a new batch.
    pub(super) fn begin_part(&mut self, now: Time, conn: ConnId, left: usize, out: &mut Outputs) {
        if left == 0 {
            return;
        }
        let session = self.session_mut(conn);
        let batch = session.caps.has(Caps::BATCH).then(|| session.new_batch());
        if let Some(batch) = &batch {
            let line = format!(":{} BATCH +{batch} rejoin/kept", self.irc.identity.name);
            self.send_irc(now, &[conn], Tags::default(), &line, None, out);
        }
        self.session_mut(conn).kept = Some(Kept { left, batch });
    }

    /// A connection was handed mail.
    pub(super) fn owes(&mut self, conn: ConnId) {
        if let Some(acks) = &mut self.session_mut(conn).acks {
            acks.owes = true;
            self.irc.unasked.insert(conn);
        }
    }

    /// Asks each client that was handed mail how far it has read, unless it is asked already.
    pub(in crate::hub) fn ask(&mut self, now: Time, out: &mut Outputs) {
        while let Some(conn) = self.irc.unasked.pop_first() {
            if self.broker.lifecycle().online(conn).is_none() {
                continue;
            }
            let acks = self.session(conn).acks;
            if acks.is_some_and(|acks| acks.owes && acks.asked == acks.answered) {
                self.mark(now, conn, out);
            }
        }
    }

    /// Asks a client how far it has read, once it has answered what it was asked before.
    fn mark(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        let Some(acks) = &mut self.session_mut(conn).acks else {
            return;
        };
        acks.owes = false;
        acks.asked += 1;
        let asked = acks.asked;
        if asked == 1 {
            acks.first_asked = now;
            let patience = now.after(self.patience());
            self.irc.patience.insert((patience, conn));
        }
        let line = format!("PING :{}.{asked}\r\n", self.epoch(conn));
        out.ask(conn, Frame::new(line.as_bytes()));
    }

    /// Whoever has never answered, and says something else all the while, never will: what its
    /// socket has taken counts as read. A link that brings nothing may be dead, and proves nothing.
    /// What comes soon after the question may have been on its way already.
    pub(super) fn lose_patience(&mut self, time: Time, conn: ConnId, out: &mut Outputs) {
        let patience = self.patience();
        let Some(link) = self.links.get(conn) else {
            return;
        };
        let heard = link.heard;
        let Any::Irc(session) = &link.session else {
            return;
        };
        let Some(acks) = session.acks.filter(|acks| acks.answered == 0) else {
            return;
        };
        let is_first = time.since(acks.first_asked) <= patience;
        if is_first || time.since(heard) > patience {
            self.irc.patience.insert((time.after(patience), conn));
        } else {
            self.session_mut(conn).acks = None;
            out.release(conn);
        }
    }

    /// How often it is looked at whether a client that has not answered says something.
    fn patience(&self) -> Duration {
        (self.limits.ack_timeout / 2).max(Duration::from_micros(1))
    }

    pub(super) fn pong(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let conn = turn.conn;
        let its_epoch = self.epoch(conn);
        let Some(acks) = &mut self.session_mut(conn).acks else {
            return;
        };
        // Some clients name a server before it, and some behind it.
        let mut tokens = message.params.iter().map(|token| token.trim_end());
        let number = tokens.find_map(|token| {
            let (epoch, number) = token.split_once('.')?;
            let number = number.parse().ok()?;
            (epoch.parse() == Ok(its_epoch)).then_some(number)
        });
        let unanswered = acks.answered + 1..=acks.asked;
        if let Some(number) = number.filter(|number| unanswered.contains(number)) {
            acks.answered = number;
            turn.out.acknowledged(conn, number);
            self.irc.unasked.insert(conn);
        }
    }

    /// With what each question to a connection begins. No other connection has the same, and none
    /// of a server that ran before, however its clock was set.
    fn epoch(&self, conn: ConnId) -> u64 {
        self.irc.ids.connection(conn.number())
    }
}
