//! What comes of the broker's effects.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{Digest, Frame, Hub, Outputs, Session};
use crate::broker::effect::Entry;
use crate::broker::{Event, Input, LeaveReason, Mail, Messages, StopReason};
use crate::id::{ConnId, Time};
use crate::wire;

/// Bytes of lines that are put together only when the socket takes them.
const SHORT_BYTES: usize = 64 << 10;

impl<D: Digest> Hub<D> {
    /// Lets the broker handle an input, and turns its effects into outputs. Who is dismissed, or
    /// speaks another protocol, is told `why`.
    pub(super) fn apply(&mut self, now: Time, input: Input, why: Option<&str>, out: &mut Outputs) {
        let mut effects = core::mem::take(&mut self.effects);
        for observer in &mut self.observers {
            observer.input(&input);
        }
        self.broker.handle(now, input, &mut effects);
        for observer in &mut self.observers {
            observer.effects(now, &effects, &self.broker);
        }
        self.work.count(effects.work());
        for &(source, units) in effects.owed() {
            self.accounts.charge(source, now, units);
        }
        let (mut entries, receivers) = effects.take();
        while let Some(entry) = entries.next() {
            if let Entry::StopReader { conn } | Entry::StopWriter { conn, .. } = entry {
                self.takeovers.note(conn);
            }
            match entry {
                Entry::Say { to, messages } => {
                    self.hand_over(now, &receivers[to], messages, out);
                }
                Entry::Bounce { conn, bounce } => {
                    self.hand_over_bulk(now, conn, Mail::Bounce(bounce), out);
                }
                Entry::HandOverKept { conn, mail } => {
                    self.take_kicks(conn);
                    for mail in mail {
                        self.hand_over_bulk(now, conn, mail, out);
                    }
                    self.put_kicks_back(conn);
                }
                Entry::Deliver { to, event } => {
                    let to = &receivers[to];
                    if let Event::Back { name, .. } = &*event {
                        let follows = match entries.as_slice().first() {
                            Some(Entry::HandOverKept { mail, .. }) => Some(mail),
                            _ => None,
                        };
                        self.note_kicks(name, follows);
                    }
                    self.deliver(now, to, &event, out);
                    if let Event::Back { .. } = &*event {
                        self.put_kicks_back(to[0]);
                    }
                }
                Entry::StopReader { conn } => out.stop_reader(conn),
                Entry::StopWriter { conn, reason } => {
                    self.break_off(now, conn, out);
                    if reason == StopReason::ShuttingDown && self.links.get(conn).is_some() {
                        // What is written to those who are there counts as read: they are not asked
                        // again.
                        self.release(conn, out);
                    }
                    let has_its_own =
                        matches!(reason, StopReason::Dismissed | StopReason::OtherProtocol);
                    let why = why.filter(|_| has_its_own);
                    let why = why.unwrap_or(wire::farewell(reason));
                    let last = match self.links.get(conn).map(|link| &link.session) {
                        Some(Session::Irc(_)) => Self::irc_bye(self.links[conn].address, why),
                        Some(Session::Plain(_)) | None => {
                            self.frame(|out| wire::plain::write_bye_with(why, out))
                        }
                    };
                    out.stop_writer(conn, reason.flushes(), last);
                }
                Entry::Discard { mail, .. } => out.count_discarded(mail.messages()),
                Entry::Forget { name } => self.forget(now, &name, out),
            }
        }
        drop(entries);
        effects.clear();
        self.effects = effects;
    }

    /// Hands what is said over.
    fn hand_over(&mut self, now: Time, to: &[ConnId], messages: Messages, out: &mut Outputs) {
        let (irc, plain) = self.by_protocol(to);
        if !irc.is_empty() {
            for message in messages.iter() {
                self.irc_mail(now, &irc, &Mail::Message(message), false, out);
            }
        }
        if !plain.is_empty() {
            let frame = self.plain_messages(messages, plain.len() > 1);
            out.send(plain.iter().copied(), frame, false);
        }
    }

    /// Hands mail over that comes with much else at once.
    fn hand_over_bulk(&mut self, now: Time, conn: ConnId, mail: Mail, out: &mut Outputs) {
        if let Session::Irc(_) = self.links[conn].session {
            return self.irc_mail(now, &[conn], &mail, true, out);
        }
        self.scratch.clear();
        let frame = match mail {
            Mail::Message(message) => {
                let at = self.irc.time(message.header().stamp.at);
                wire::plain::write_kept(&message, at, &mut self.scratch);
                Frame::with_messages(&self.scratch, message.into())
            }
            Mail::Bounce(_) => {
                wire::plain::write_mail(&mail, &mut self.scratch);
                Frame::with_mail(&self.scratch, mail)
            }
        };
        out.send([conn], frame, true);
    }

    /// What hands messages over by the plain protocol. It is written at once if several share it,
    /// or if it is long, and would be written again each time that a socket takes a part.
    fn plain_messages(&mut self, messages: Messages, shared: bool) -> Frame {
        let is_short =
            messages.are_printable() && wire::plain::messages_length(&messages) <= SHORT_BYTES;
        if !shared && is_short {
            return Frame::of_messages(messages);
        }
        self.scratch.clear();
        wire::plain::write_messages(&messages, &mut self.scratch);
        Frame::with_messages(&self.scratch, messages)
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
        if let &Event::Refused(refusal) = event
            && !self.tells_refusal(to[0], refusal)
        {
            return;
        }
        self.before_event(now, to, event);
        let others = self.except_kicked(to, event);
        let (irc, plain) = self.by_protocol(&others);
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
        if let &Event::Welcome { name } = event {
            self.tell_of_kill(now, to[0], name, out);
        }
    }

    /// Those who are told of an event: all of them, but for somebody who is kicked. It is told by
    /// mail.
    fn except_kicked<'a>(&self, to: &'a [ConnId], event: &Event) -> Cow<'a, [ConnId]> {
        let Event::Left {
            name,
            why: LeaveReason::Kicked { .. },
            ..
        } = event
        else {
            return Cow::Borrowed(to);
        };
        let kicked = self.broker.lifecycle().live(name);
        let others = to.iter().copied().filter(|&conn| Some(conn) != kicked);
        Cow::Owned(others.collect())
    }

    pub(super) fn deliver_plain(&mut self, to: &[ConnId], event: &Event, out: &mut Outputs) {
        let frame = self.frame(|out| wire::plain::write_event(event, out));
        let bulk = matches!(event, Event::Rooms { .. } | Event::Who { .. });
        out.send(to.iter().copied(), frame, bulk);
    }

    /// The lines that `write` writes.
    pub(super) fn frame(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Frame {
        self.scratch.clear();
        write(&mut self.scratch);
        Frame::new(&self.scratch)
    }
}
