//! What connections that speak IRC are told of what happens.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::chat::verb;
use super::register::cut;
use super::{Digest, Hub, Tags, Turn};
use crate::broker::{Event, Form, LeaveReason, Refusal};
use crate::hub::{Frame, Outputs};
use crate::id::{ConnId, Name, Room, Time};
use crate::wire::irc::MAX_BODY_BYTES;
use crate::wire::irc::caps::Caps;
use crate::wire::irc::mask;
use crate::wire::irc::numeric::*;

impl<D: Digest> Hub<D> {
    /// Tells connections that speak IRC what happened.
    pub(in crate::hub) fn irc_event(
        &mut self,
        now: Time,
        to: &[ConnId],
        event: &Event,
        out: &mut Outputs,
    ) {
        match event {
            Event::Welcome { name } => self.irc_welcome(now, to[0], *name, None, out),
            Event::Back { name, kept } => self.irc_welcome(now, to[0], *name, Some(*kept), out),
            Event::Kept { name } => self.irc_kept(now, to, name, out),
            Event::Joined { room, name } => self.irc_joined((now, None), to, room, name, out),
            Event::Left { room, name, why } => self.irc_left(now, to, (room, name, why), out),
            Event::Renamed { from, to: name } => {
                // With the colon, or sic and ii do not learn their own name.
                let line = format!(":{} NICK :{name}", self.irc.mask(from));
                self.send_irc(now, to, Tags::default(), &line, None, out);
            }
            Event::Refused(refusal) => {
                for &conn in to {
                    self.irc_refused(&mut Turn { now, conn, out }, *refusal);
                }
            }
            // Mail is handed over apart, and nobody asks for the others by IRC.
            Event::Mail(_) | Event::KeptMail(_) | Event::Rooms { .. } | Event::Who { .. } => {}
        }
    }

    fn irc_kept(&mut self, now: Time, to: &[ConnId], name: &Name, out: &mut Outputs) {
        if self.irc.quiet {
            return;
        }
        for &conn in to {
            let (verb, what) = match self.irc.form {
                form @ (Form::Message | Form::Notice) => (verb(form), "message"),
                form @ Form::Invitation => (verb(form), "invitation"),
                // It has taken effect, whether its victim is told of it now or later.
                Form::Kick { .. } => return,
            };
            let why = format!("{name} is away; your {what} waits");
            let line = self.standard_line(conn, "NOTE", &format!("{verb} KEPT {name}"), &why);
            self.send_irc(now, &[conn], Tags::default(), &line, None, out);
        }
    }

    /// Somebody is in a room, as from now on, or has been since a time before.
    pub(super) fn irc_joined(
        &mut self,
        (now, at): (Time, Option<Time>),
        to: &[ConnId],
        room: &Room,
        name: &Name,
        out: &mut Outputs,
    ) {
        let extended = |conn: &ConnId| self.caps(*conn).is_some_and(|c| c.has(Caps::EXTENDED_JOIN));
        let (extended, plain): (Vec<_>, Vec<_>) = to.iter().copied().partition(extended);
        let mask = self.irc.mask(name);
        let line = format!(":{mask} JOIN {room}");
        let tags = Tags {
            at,
            ..Tags::default()
        };
        self.send_irc(now, &plain, tags, &line, None, out);
        let user = self.irc.users.get(name);
        let realname = user.map_or("", |user| &user.realname);
        let line = format!(":{mask} JOIN {room} * :{realname}");
        let away = user.and_then(|user| user.away.clone());
        self.send_irc(now, &extended, tags, &line, None, out);
        if let Some(why) = away {
            let own = self.broker.lifecycle().live(name);
            let wants = |conn: &ConnId| {
                let caps = self.caps(*conn);
                Some(*conn) != own && caps.is_some_and(|caps| caps.has(Caps::AWAY_NOTIFY))
            };
            let to: Vec<_> = to.iter().copied().filter(wants).collect();
            let line = format!(":{mask} AWAY :{why}");
            self.send_irc(now, &to, Tags::default(), &line, None, out);
        }
    }

    fn irc_left(
        &mut self,
        now: Time,
        to: &[ConnId],
        (room, name, why): (&Room, &Name, &LeaveReason),
        out: &mut Outputs,
    ) {
        let line = match why {
            LeaveReason::Left(None) => format!(":{} PART {room}", self.irc.mask(name)),
            LeaveReason::Left(Some(why)) if self.irc.expelled.is_leaving() => {
                return self.irc_turned_away(now, to, (room, name, why), out);
            }
            LeaveReason::Left(Some(why)) => {
                format!(":{} PART {room} :{}", self.irc.mask(name), why.as_str())
            }
            LeaveReason::Kicked { by, why } => {
                let why = why.as_ref().map_or(by.as_str(), |why| why.as_str());
                format!(":{} KICK {room} {name} :{why}", self.irc.mask(by))
            }
            // Of these each neighbour is told once, and not for each room.
            LeaveReason::Quit(_) | LeaveReason::Gone | LeaveReason::Expired => return,
        };
        self.send_irc(now, to, Tags::default(), &line, None, out);
    }

    fn irc_refused(&mut self, turn: &mut Turn<'_>, refusal: Refusal) {
        if self.irc.quiet {
            return;
        }
        if self.broker.lifecycle().online(turn.conn).is_none() {
            // Nobody is known by the nick that it asked for.
            self.session_mut(turn.conn).registering().nick = None;
        }
        match refusal {
            Refusal::NameInUse { name } => {
                let is_registered = self.broker.lifecycle().online(turn.conn).is_some();
                let how = if is_registered {
                    "connect with it, and with the secret that you gave with it"
                } else {
                    "send PASS with the secret that you gave with it"
                };
                let words =
                    format_args!("{name} :Nickname is already in use; if it is yours, {how}");
                self.reply(turn, ERR_NICKNAMEINUSE, words);
            }
            Refusal::WrongSecret { name } => {
                let why = "Nickname is already in use, and the secret in PASS is not its own";
                self.reply(turn, ERR_NICKNAMEINUSE, format_args!("{name} :{why}"));
            }
            Refusal::ServerFull => {
                let why = "There are too many users";
                self.fail(turn, format_args!("* SERVER_FULL"), why);
            }
            Refusal::NoSuchPeer { name } => {
                self.reply(
                    turn,
                    ERR_NOSUCHNICK,
                    format_args!("{name} :No such nick/channel"),
                );
            }
            Refusal::MailboxFull { name, room } => {
                let place = room.map_or(String::new(), |room| format!(" in {room}"));
                let what = match self.irc.form {
                    Form::Message | Form::Notice => "for your message",
                    Form::Invitation => "for your invitation",
                    Form::Kick { .. } => "to be told of your kick",
                };
                let why = format!("{name}{place} is away, and has no room {what}");
                let is_for_many = room.is_some() || self.irc.crowd.is_some();
                let is_heard = is_for_many && !self.refusals.are_all();
                let kind = if is_heard { "WARN" } else { "FAIL" };
                let verb = verb(self.irc.form);
                let code = format_args!("{verb} MAILBOX_FULL {name}");
                self.standard_reply(turn, kind, code, &why);
            }
            Refusal::TooManyReceivers { limit } => {
                let words = format_args!("* :At most {limit} targets");
                self.reply(turn, ERR_TOOMANYTARGETS, words);
            }
            Refusal::NotInRoom { room } => self.not_in(turn, &room),
            // Of the rooms that it may enter it was told before.
            Refusal::TooManyRooms { .. }
            | Refusal::TooManyRoomsFromAddress
            | Refusal::AlreadyInRoom { .. }
            | Refusal::NotLoggedIn
            | Refusal::Waiting
            | Refusal::AlreadyLoggedIn => {}
        }
    }

    /// The last line of a connection.
    pub(in crate::hub) fn irc_bye(address: IpAddr, why: &str) -> Frame {
        let line = format!("ERROR :Closing Link: {} ({why})", mask::host(address));
        let line = [cut(&line, MAX_BODY_BYTES), "\r\n"].concat();
        Frame::new(line.as_bytes())
    }
}
