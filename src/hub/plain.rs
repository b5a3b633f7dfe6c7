//! What comes of a line of the plain protocol.

use alloc::vec::Vec;

use super::irc::room::{MayNotJoin, MayNotSpeak};
use super::{Digest, Hub, Outputs, Understood};
use crate::broker::{Form, Input, Receiver, Request};
use crate::id::{ConnId, Name, Proof, Secret, Time};
use crate::wire::lines::Line;
use crate::wire::plain::{self, Command, Mistake};

impl<D: Digest> Hub<D> {
    pub(super) fn plain_line(
        &mut self,
        now: Time,
        (conn, name): (ConnId, Option<Name>),
        line: Line<'_>,
        out: &mut Outputs,
    ) {
        let rate = self.limits.lines;
        if !rate.take(&mut self.link(conn).used, now) {
            for observer in &mut self.observers {
                observer.line(line, Understood::Plain(&Err(Mistake::TooFast)));
            }
            return self.mistake(now, conn, Mistake::TooFast, out);
        }
        let command = match line {
            Line::TooLong => Err(Mistake::LineTooLong {
                limit: self.limits.line_bytes,
            }),
            Line::Whole(line) if name.is_some() => plain::parse(line),
            Line::Whole(line) => plain::parse_login(line),
        };
        for observer in &mut self.observers {
            observer.line(line, Understood::Plain(&command));
        }
        match command {
            Ok(Command::LogIn { name, secret }) => self.plain_log_in(now, conn, name, secret, out),
            Ok(Command::Request(mut request)) => {
                if self.permits(now, conn, name, &mut request, out) {
                    self.handle(now, Input::Request { conn, request }, out);
                }
            }
            Ok(Command::Help) => {
                let help = self.frame(plain::write_help);
                out.send([conn], help, true);
            }
            Ok(Command::Pong) => {}
            Err(mistake) => self.mistake(now, conn, mistake, out),
        }
    }

    fn plain_log_in(
        &mut self,
        now: Time,
        conn: ConnId,
        name: Name,
        secret: Option<Secret<'_>>,
        out: &mut Outputs,
    ) {
        let proof = secret.map(|secret| self.digest.proof(secret));
        let may_try = self.may_try(now, conn, &name, proof);
        let tried: Option<Proof> = proof.filter(|_| may_try);
        for observer in &mut self.observers {
            observer.log_in(&name, secret.is_some(), tried);
        }
        if !may_try {
            return self.mistake(now, conn, Mistake::TooManyLogins, out);
        }
        if !self.log_in(now, conn, name, proof, out) {
            self.count_failed_login(now, conn, out);
        }
    }

    /// Whether a request, or a part of it, may be done in the rooms that it speaks of. Takes the
    /// rest of it out, and says so.
    fn permits(
        &mut self,
        now: Time,
        conn: ConnId,
        name: Option<Name>,
        request: &mut Request,
        out: &mut Outputs,
    ) -> bool {
        let Some(name) = name else {
            return true;
        };
        match request {
            &mut Request::Join { room } => match self.may_join(&name, &room, None) {
                Ok(()) => true,
                Err(
                    MayNotJoin::RoomFull
                    | MayNotJoin::Banned
                    | MayNotJoin::NotInvited
                    | MayNotJoin::BadKey,
                ) => {
                    self.mistake(now, conn, Mistake::MayNotJoin { room }, out);
                    false
                }
            },
            Request::Send { to, text, stamp } => {
                let mut refused = Vec::new();
                to.retain(|receiver| {
                    let &Receiver::Room(room) = receiver else {
                        return true;
                    };
                    match self.may_speak(&name, &room, text) {
                        // That somebody is not in the room, the broker says.
                        Ok(()) | Err(MayNotSpeak::Outside) => true,
                        Err(MayNotSpeak::Moderated | MayNotSpeak::Banned | MayNotSpeak::Ctcp) => {
                            refused.push(room);
                            false
                        }
                    }
                });
                for room in refused {
                    self.mistake(now, conn, Mistake::MayNotSpeak { room }, out);
                }
                *stamp = self.stamp(now, &name, Form::Message);
                !to.is_empty()
            }
            Request::LogIn { .. }
            | Request::Leave { .. }
            | Request::Kick { .. }
            | Request::Rename { .. }
            | Request::Rooms
            | Request::Who { .. }
            | Request::Quit { .. } => true,
        }
    }

    pub(super) fn mistake(&mut self, now: Time, conn: ConnId, mistake: Mistake, out: &mut Outputs) {
        let error = self.frame(|out| plain::write_mistake(mistake, out));
        out.send([conn], error, false);
        if mistake.fails_login() {
            self.count_failed_login(now, conn, out);
        }
    }
}
