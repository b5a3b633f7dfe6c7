//! Mail on its way to clients, and how far they have read it.

use alloc::format;

use super::{Digest, Hub, Tags, Turn};
use crate::broker::Mail;
use crate::hub::{Frame, Outputs};
use crate::id::{ConnId, Time};
use crate::wire::irc::Message;

impl<D: Digest> Hub<D> {
    /// Sends mail, as part of the batch of what was kept if there is one.
    pub(super) fn send_mail(
        &mut self,
        now: Time,
        to: &[ConnId],
        tags: Tags<'_>,
        line: &str,
        mail: &Mail,
        out: &mut Outputs,
    ) {
        let batch = match to {
            [conn] => self.session_mut(*conn).batch.take(),
            _ => None,
        };
        let Some((batch, left)) = batch else {
            return self.send_irc(now, to, tags, line, Some(mail), out);
        };
        let tags = Tags {
            batch: Some(&batch),
            ..tags
        };
        self.send_irc(now, to, tags, line, Some(mail), out);
        if left > 1 {
            self.session_mut(to[0]).batch = Some((batch, left - 1));
        } else {
            let line = format!(":{} BATCH -{batch}", self.irc.identity.name);
            self.send_irc(now, to, Tags::default(), &line, None, out);
        }
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
            let Some(acks) = &mut self.session_mut(conn).acks else {
                continue;
            };
            if !acks.owes || acks.asked > acks.answered {
                continue;
            }
            acks.owes = false;
            acks.asked += 1;
            let asked = acks.asked;
            if asked == 1 {
                let patience = now.after(self.limits.ack_timeout);
                self.irc.patience.insert((patience, conn));
            }
            let line = format!("PING :{}.{asked}\r\n", self.epoch(conn));
            out.ask(conn, Frame::new(line.as_bytes(), None));
        }
    }

    pub(super) fn pong(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let conn = turn.conn;
        let its_epoch = self.epoch(conn);
        let Some(acks) = &mut self.session_mut(conn).acks else {
            return;
        };
        let token = message.params.last();
        let token = token.and_then(|token| token.trim_end().split_once('.'));
        let Some((epoch, number)) = token else {
            return;
        };
        let number = number.parse().unwrap_or(0);
        if epoch.parse() == Ok(its_epoch) && number == acks.asked && number > acks.answered {
            acks.answered = number;
            turn.out.acknowledged(conn, number);
            self.irc.unasked.insert(conn);
        }
    }

    /// With what each question to a connection begins. No other connection has the same, and none
    /// of a server that ran before: its numbers began at an earlier time.
    fn epoch(&self, conn: ConnId) -> u64 {
        self.irc.identity.epoch.wrapping_add(conn.number())
    }
}
