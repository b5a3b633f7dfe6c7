//! Mail on its way to clients, and how far they have read it.
//!
//! A client is asked by a `PING`, and answers it when it has read all that came before. It is
//! asked seldom, as many clients limit how much they send, and count their answers: when it
//! registers, so that it is soon known whether it answers at all; behind mail, by a rate; behind so
//! many messages or bytes, lists included; and when the answer is needed at once. No question
//! waits for the answer to another, and nothing else waits for an answer.

use alloc::format;
use core::time::Duration;

use super::session::{Acks, Kept, Session};
use super::{Digest, Hub, Tags, Turn};
use crate::broker::Mail;
use crate::hub::{Frame, Outputs, Session as Any};
use crate::id::{ConnId, Time};
use crate::wire::irc::caps::Caps;
use crate::wire::irc::{Message, write_probe};

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
            let much = (self.limits.ack_messages, self.limits.ack_bytes);
            let acks = self.acks(conn);
            if left > 0 && !acks.is_some_and(|acks| acks.owes(much)) {
                self.session_mut(conn).kept = Some(Kept { left, batch });
                return;
            }
            // A client may show a batch only when it is whole: it is asked behind it.
            if let Some(batch) = batch {
                let line = format!(":{} BATCH -{batch}", self.irc.identity.name);
                self.send_irc(now, &[conn], Tags::default(), &line, None, out);
            }
            if self.acks(conn).is_some_and(|acks| acks.mail > 0) {
                self.mark(now, conn, out);
            }
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

    /// From now on a client is asked how far it has read, and its mail is kept until it answers.
    /// The first question tells whether it answers at all, before much is in front of it.
    pub(super) fn begin_to_ask(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        if self.acks(conn).is_some() {
            self.mark(now, conn, out);
        }
    }

    /// Counts what was sent to a connection. Behind much of it the client is asked, but not
    /// within a batch of mail.
    pub(super) fn count_sent(
        &mut self,
        now: Time,
        conn: ConnId,
        (bytes, is_mail, in_batch): (usize, bool, bool),
        out: &mut Outputs,
    ) {
        let much = (self.limits.ack_messages, self.limits.ack_bytes);
        let Some(acks) = &mut self.session_mut(conn).acks else {
            return self.count_sent_to_guest(conn, bytes, in_batch, out);
        };
        acks.bytes += bytes;
        acks.mail += usize::from(is_mail);
        let may_ask = is_mail && acks.due.is_none() && acks.has_answered();
        if !in_batch && acks.owes(much) {
            self.mark(now, conn, out);
        } else if may_ask {
            self.irc.unasked.insert(conn);
        }
    }

    /// Counts what was sent to a client of which no acknowledgement is wanted. Behind much of it the
    /// client is sent a probe: by its answers it shows that it reads, though much is in front of
    /// what it will be asked later.
    fn count_sent_to_guest(
        &mut self,
        conn: ConnId,
        bytes: usize,
        in_batch: bool,
        out: &mut Outputs,
    ) {
        let much = self.limits.ack_bytes;
        let session = self.session_mut(conn);
        session.unprobed += bytes;
        let is_much = session.unprobed >= much && !in_batch;
        if is_much && self.broker.lifecycle().online(conn).is_some() {
            self.session_mut(conn).unprobed = 0;
            let probe = self.frame(write_probe);
            out.send([conn], probe, true);
        }
    }

    /// Asks each client that was handed mail how far it has read, if it has answered before, as
    /// soon as its rate allows.
    pub(in crate::hub) fn ask(&mut self, now: Time, out: &mut Outputs) {
        while let Some(conn) = self.irc.unasked.pop_first() {
            let rate = self.limits.acks;
            let owes = |acks: &Acks| acks.mail > 0 && acks.has_answered() && acks.due.is_none();
            let Some(acks) = self.acks(conn).filter(owes) else {
                continue;
            };
            if rate.allows(acks.used, now) {
                self.mark(now, conn, out);
            } else {
                let due = rate.next(acks.used);
                self.irc.asks.insert((due, conn));
                if let Some(acks) = &mut self.session_mut(conn).acks {
                    acks.due = Some(due);
                }
            }
        }
    }

    /// A client may be asked again, by its rate.
    pub(super) fn ask_again(&mut self, conn: ConnId) {
        if let Some(link) = self.links.get_mut(conn)
            && let Any::Irc(session) = &mut link.session
            && let Some(acks) = &mut session.acks
        {
            acks.due = None;
            self.irc.unasked.insert(conn);
        }
    }

    /// A connection has ended, and is not asked again.
    pub(in crate::hub) fn forget_to_ask(&mut self, conn: ConnId, session: &Session) {
        if let Some(due) = session.acks.and_then(|acks| acks.due) {
            self.irc.asks.remove(&(due, conn));
        }
    }

    /// Asks a client about the mail that it was not asked about yet, and reads on what it sends, so
    /// that its answer is not late.
    ///
    /// Returns which question covers all mail, unless everything is acknowledged.
    pub(in crate::hub) fn ask_at_once(
        &mut self,
        now: Time,
        conn: ConnId,
        out: &mut Outputs,
    ) -> Option<u64> {
        if self.acks(conn)?.mail > 0 {
            self.mark(now, conn, out);
        }
        let acks = self.acks(conn)?;
        let question = (acks.covering > acks.answered).then_some(acks.covering)?;
        self.end_pause(now, conn, out);
        Some(question)
    }

    /// Whether a client is there, and may still answer a question.
    pub(in crate::hub) fn awaits(&self, conn: ConnId, question: u64) -> bool {
        let is_there = self.broker.lifecycle().online(conn).is_some();
        let acks = self.acks(conn).filter(|_| is_there);
        acks.is_some_and(|acks| acks.answered < question)
    }

    /// How far a client has read, if it is asked.
    pub(in crate::hub) fn acks(&self, conn: ConnId) -> Option<Acks> {
        match &self.links.get(conn)?.session {
            Any::Irc(session) => session.acks,
            Any::Plain(_) => None,
        }
    }

    /// Asks a client how far it has read.
    fn mark(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        // Its writer may have been told to stop.
        if self.broker.lifecycle().online(conn).is_none() {
            return;
        }
        let (rate, patience) = (self.limits.acks, now.after(self.patience()));
        let Some(acks) = &mut self.session_mut(conn).acks else {
            return;
        };
        if acks.has_answered() {
            acks.progressed = now;
        }
        acks.asked += 1;
        if acks.mail > 0 {
            acks.covering = acks.asked;
        }
        (acks.mail, acks.bytes) = (0, 0);
        // Whatever it is asked about counts, but its bucket has no debts.
        let is_counted = rate.take(&mut acks.used, now);
        let asked = acks.asked;
        if asked == 1 {
            // A client that has just come has much else to say, and so nothing left in its bucket.
            while is_counted && rate.take(&mut acks.used, now) {}
            acks.first_asked = now;
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
            self.release(conn, out);
        }
    }

    /// A client is not asked any longer: what its socket has taken counts as read.
    pub(in crate::hub) fn release(&mut self, conn: ConnId, out: &mut Outputs) {
        if let Any::Irc(session) = &mut self.link(conn).session
            && session.acks.take().is_some()
        {
            self.takeovers.note(conn);
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
            acks.progressed = turn.now;
            turn.out.acknowledged(conn, number);
            self.irc.unasked.insert(conn);
            self.takeovers.note(conn);
        }
    }

    /// With what each question to a connection begins. No other connection has the same, and none
    /// of a server that ran before, however its clock was set.
    fn epoch(&self, conn: ConnId) -> u64 {
        self.irc.ids.connection(conn.number())
    }
}
