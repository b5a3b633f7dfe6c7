//! What comes of the broker's effects.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{Digest, Frame, Hub, Outputs, Session};
use crate::broker::effect::Entry;
use crate::broker::{Event, Input, Mail, StopReason};
use crate::id::{ConnId, Time};
use crate::wire;

/// Bytes of a text that is put together with its line only when the socket takes it.
const SHORT_BYTES: usize = 1024;

impl<D: Digest> Hub<D> {
    /// Lets the broker handle an input, and turns its effects into outputs. Who is dismissed is
    /// told why.
    pub(super) fn apply(
        &mut self,
        now: Time,
        input: Input,
        dismissed: Option<&str>,
        out: &mut Outputs,
    ) {
        let mut effects = core::mem::take(&mut self.effects);
        for observer in &mut self.observers {
            observer.input(&input);
        }
        self.broker.handle(now, input, &mut effects);
        for observer in &mut self.observers {
            observer.effects(now, &effects, &self.broker);
        }
        let (entries, mut mail, receivers) = effects.take();
        for entry in entries {
            match entry {
                Entry::Mail {
                    to,
                    mail: pieces,
                    kept,
                } => {
                    let bulk = kept || matches!(mail.as_slice(), [Mail::Bounce(_), ..]);
                    let pieces = mail.by_ref().take(pieces.len());
                    self.hand_over(now, &receivers[to], pieces, bulk, out);
                }
                Entry::Deliver { to, event } => self.deliver(now, &receivers[to], &event, out),
                Entry::StopReader { conn } => out.stop_reader(conn),
                Entry::StopWriter { conn, reason } => {
                    self.end_of_replies(now, conn, out);
                    let why = dismissed.filter(|_| reason == StopReason::Dismissed);
                    let why = why.unwrap_or(wire::farewell(reason));
                    let last = match self.links.get(conn).map(|link| &link.session) {
                        Some(Session::Irc(_)) => Self::irc_bye(self.links[conn].address, why),
                        Some(Session::Plain) | None => {
                            self.frame(|out| wire::plain::write_bye_with(why, out))
                        }
                    };
                    out.stop_writer(conn, reason.flushes(), last);
                }
                Entry::Discard { .. } => out.count_discarded(),
                Entry::Forget { name } => self.forget(now, &name, out),
            }
        }
        drop(mail);
        effects.clear();
        self.effects = effects;
    }

    /// Hands mail over, which is counted as bulk or is not.
    fn hand_over(
        &mut self,
        now: Time,
        to: &[ConnId],
        mail: impl Iterator<Item = Mail>,
        bulk: bool,
        out: &mut Outputs,
    ) {
        let (irc, plain) = self.by_protocol(to);
        let shared = plain.len() > 1;
        if irc.is_empty() {
            let frames = mail.map(|mail| self.mail_frame(mail, shared));
            return out.send_all(plain.iter().copied(), frames, bulk);
        }
        for mail in mail {
            self.irc_mail(now, &irc, &mail, bulk, out);
            if !plain.is_empty() {
                let frame = self.mail_frame(mail, shared);
                out.send(plain.iter().copied(), frame, bulk);
            }
        }
    }

    /// What hands mail over by the plain protocol; it is written if several share it, or if it is
    /// long.
    fn mail_frame(&mut self, mail: Mail, shared: bool) -> Frame {
        if !shared && is_short(&mail) {
            return Frame::of_mail(mail);
        }
        self.scratch.clear();
        wire::plain::write_mail(&mail, &mut self.scratch);
        Frame::new(&self.scratch, Some(mail))
    }

    /// Those who speak IRC, and those who speak plain. Mostly all of them speak the same.
    fn by_protocol<'a>(&self, to: &'a [ConnId]) -> (Cow<'a, [ConnId]>, Cow<'a, [ConnId]>) {
        let speaks_irc = |conn: &ConnId| matches!(self.links[*conn].session, Session::Irc(_));
        match to.iter().filter(|conn| speaks_irc(conn)).count() {
            0 => (Cow::default(), Cow::Borrowed(to)),
            count if count == to.len() => (Cow::Borrowed(to), Cow::default()),
            _ => {
                let (irc, plain): (Vec<_>, Vec<_>) = to.iter().copied().partition(speaks_irc);
                (Cow::Owned(irc), Cow::Owned(plain))
            }
        }
    }

    fn deliver(&mut self, now: Time, to: &[ConnId], event: &Event, out: &mut Outputs) {
        self.before_event(now, to, event);
        let (irc, plain) = self.by_protocol(to);
        if !plain.is_empty() {
            self.deliver_plain(&plain, event, out);
        }
        if let Event::Welcome { .. } | Event::Back { .. } = event {
            for &conn in to {
                if core::mem::take(&mut self.link(conn).held) {
                    out.proceed(conn);
                }
            }
        }
        if let Event::Back { name, .. } = event {
            self.came_back(now, to[0], name, out);
        }
        if !irc.is_empty() {
            self.irc_event(now, &irc, event, out);
        }
        self.after_event(now, event, out);
    }

    fn deliver_plain(&mut self, to: &[ConnId], event: &Event, out: &mut Outputs) {
        let frame = self.frame(|out| wire::plain::write_event(event, out));
        let bulk = matches!(event, Event::Rooms { .. } | Event::Who { .. });
        out.send(to.iter().copied(), frame, bulk);
    }

    /// The lines that `write` writes.
    pub(super) fn frame(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Frame {
        self.scratch.clear();
        write(&mut self.scratch);
        Frame::new(&self.scratch, None)
    }
}

/// Whether the line that hands mail over is put together more cheaply than it is kept.
fn is_short(mail: &Mail) -> bool {
    let message = mail.message();
    message.is_printable() && message.text().len() <= SHORT_BYTES
}
