//! What people say: `PRIVMSG`, `NOTICE`, `TAGMSG`, and mail on its way to them.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use super::register::cut;
use super::room::{MayNotSpeak, word};
use super::{Digest, Hub, Tags, Turn, User};
use crate::broker::{
    Bounce, BounceReason, Form, Input, Mail, Message as Spoken, Part, Rank, Receiver, Request, Said,
};
use crate::hub::full::Refusals;
use crate::hub::{Outputs, work};
use crate::id::{ConnId, Name, Room, Text, Time};
use crate::wire::irc::caps::Caps;
use crate::wire::irc::numeric::*;
use crate::wire::irc::{MAX_BODY_BYTES, Message, list};

/// Whom a message is for.
enum Target {
    Peer(Name),
    Room(Room),
    /// Those of a rank in a room, or of a higher one.
    Part(Part),
}

impl Target {
    fn parse(target: &str) -> Option<Self> {
        let part = |rank, room| Room::parse(room).map(|room| Self::Part(Part { room, rank }));
        match target.as_bytes().first()? {
            b'#' => Room::parse(target).map(Self::Room),
            b'@' => part(Rank::Operator, &target[1..]),
            b'+' => part(Rank::Voice, &target[1..]),
            _ => Name::parse(target).map(Self::Peer),
        }
    }
}

impl<D: Digest> Hub<D> {
    /// `PRIVMSG` and `NOTICE`.
    pub(super) fn privmsg(
        &mut self,
        turn: &mut Turn<'_>,
        name: Name,
        message: &Message<'_>,
        form: Form,
    ) {
        let Some(targets) = self.targets(turn, message) else {
            return;
        };
        let text = message.param(1).and_then(Text::parse);
        let Some(text) = text else {
            return self.error(turn, ERR_NOTEXTTOSEND, ":No text to send");
        };
        for (place, target) in (1..).zip(&targets) {
            self.say(turn, name, (message, target), &text, form);
            if self.say_later(turn, message, Some(form), &targets[place..]) {
                break;
            }
        }
    }

    /// Whom a message is for, each once.
    fn targets<'a>(&mut self, turn: &mut Turn<'_>, message: &Message<'a>) -> Option<Vec<&'a str>> {
        let targets = list::entries(message.param(0).unwrap_or(""));
        if targets.is_empty() {
            let words = format!(":No recipient given ({})", message.command);
            self.error(turn, ERR_NORECIPIENT, &words);
            return None;
        }
        if targets.len() > self.limits.receivers {
            let words = format!("{} :Too many targets", targets[self.limits.receivers]);
            self.error(turn, ERR_TOOMANYTARGETS, &words);
            return None;
        }
        let text = message.param(1).map_or(0, str::len);
        self.count_said(turn.now, turn.conn, message.tags.len() + text);
        Some(targets)
    }

    /// An error, unless what it is about is never answered with one.
    fn error(&mut self, turn: &mut Turn<'_>, number: u16, words: &str) {
        if !self.irc.quiet {
            self.reply(turn, number, format_args!("{words}"));
        }
    }

    fn say(
        &mut self,
        turn: &mut Turn<'_>,
        name: Name,
        (message, target): (&Message<'_>, &str),
        text: &Text,
        form: Form,
    ) {
        self.work.count(work::TARGET);
        let mut stamp = self.stamp(turn.now, &name, form);
        let mask = stamp.address.as_deref().unwrap_or("");
        let words = [":", mask, " ", verb(form), " ", target, " :", text.as_str()];
        if words.iter().map(|word| word.len()).sum::<usize>() > MAX_BODY_BYTES && !self.irc.quiet {
            let why = ":Your message is too long to be passed on in one line";
            return self.error(turn, ERR_INPUTTOOLONG, why);
        }
        stamp.tags = with_client_tags(stamp.tags, message);
        let mut away = None;
        let mut receivers = match Target::parse(target) {
            Some(Target::Peer(peer)) if let Some(user) = self.known(&peer) => {
                away = user.away.clone().map(|why| (peer, why));
                alloc::vec![Receiver::Peer(peer)]
            }
            Some(Target::Peer(_)) | None if !target.starts_with(['#', '@', '+']) => {
                return self.error(
                    turn,
                    ERR_NOSUCHNICK,
                    &format!("{} :No such nick/channel", word(target)),
                );
            }
            Some(Target::Room(room)) => {
                if !self.check_speech(turn, &name, &room, text.as_str()) {
                    return;
                }
                let is_in = self.is_in(&name, &room);
                let room = if is_in {
                    Receiver::Room(room)
                } else {
                    Receiver::OpenRoom(room)
                };
                alloc::vec![room]
            }
            Some(Target::Part(part)) => {
                if !self.check_speech(turn, &name, &part.room, text.as_str()) {
                    return;
                }
                stamp.part = Some(Arc::new(part));
                let members = self.members_of_rank(part);
                members
                    .into_iter()
                    .filter(|member| *member != name)
                    .map(Receiver::Peer)
                    .collect()
            }
            Some(Target::Peer(_)) | None => {
                return self.error(
                    turn,
                    ERR_NOSUCHCHANNEL,
                    &format!("{} :No such channel", word(target)),
                );
            }
        };
        let conn = turn.conn;
        let number = self.numbers(1);
        let tags = stamp.tags.clone();
        let said = Said {
            texts: text.into(),
            number,
            stamp,
        };
        let hearers = match receivers[..] {
            [Receiver::Room(room) | Receiver::OpenRoom(room)] => self.hearers(conn, &room),
            _ => receivers.len(),
        };
        (self.irc.refusals, self.refusals) = (0, Refusals::default());
        self.irc.crowd = said.stamp.part.is_some().then_some(hearers);
        // A part of a room may have more members than one request may name.
        while receivers.len() > self.limits.receivers {
            let rest = receivers.split_off(self.limits.receivers);
            let (to, said) = (mem::replace(&mut receivers, rest), said.clone());
            let request = Request::Send { to, said };
            self.handle(turn.now, Input::Request { conn, request }, turn.out);
        }
        if !receivers.is_empty() {
            let to = receivers;
            let request = Request::Send { to, said };
            self.handle(turn.now, Input::Request { conn, request }, turn.out);
        }
        self.irc.crowd = None;
        if let Some((peer, why)) = away {
            self.error(turn, RPL_AWAY, &format!("{peer} :{why}"));
        }
        // In an empty room nobody refuses it.
        let is_accepted = self.irc.refusals < hearers.max(1);
        if is_accepted && self.session(conn).caps.has(Caps::ECHO_MESSAGE) {
            let head = head(&self.irc.mask(&name), form, target);
            let line = in_lines(head, message.param(1).expect("it was said"));
            let tags = Tags {
                number: Some(number),
                client: tags.as_deref(),
                ..Tags::default()
            };
            self.send_irc(turn.now, &[conn], tags, &line, None, turn.out);
        }
    }

    /// Whether somebody may speak in a room; if not, says so.
    fn check_speech(&mut self, turn: &mut Turn<'_>, name: &Name, room: &Room, text: &str) -> bool {
        let why = match self.may_speak(name, room, text) {
            Ok(()) => return true,
            Err(_) if !self.shows_room(name, room) => {
                let words = format!("{room} :No such channel");
                self.error(turn, ERR_NOSUCHCHANNEL, &words);
                return false;
            }
            Err(MayNotSpeak::Outside) => "Cannot send to channel (+n)",
            Err(MayNotSpeak::Moderated) => "Cannot send to channel (+m)",
            Err(MayNotSpeak::Banned) => "Cannot send to channel (+b)",
            Err(MayNotSpeak::Ctcp) => "Cannot send CTCP to channel (+C)",
        };
        let room = self.spelling(room);
        self.error(turn, ERR_CANNOTSENDTOCHAN, &format!("{room} :{why}"));
        false
    }

    /// Somebody who bears a name and has not quit.
    pub(super) fn known(&self, name: &Name) -> Option<&User> {
        self.irc.users.get(name).filter(|user| !user.has_quit)
    }

    pub(super) fn tell_away(&mut self, turn: &mut Turn<'_>, name: &Name) {
        let user = self.irc.users.get(name);
        if let Some(why) = user.and_then(|user| user.away.clone()) {
            self.error(turn, RPL_AWAY, &format!("{name} :{why}"));
        }
    }

    /// `TAGMSG` is for those who are there now, and is not kept.
    pub(super) fn tagmsg(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        if !self.session(turn.conn).caps.has(Caps::MESSAGE_TAGS) {
            let words = format_args!("TAGMSG :Unknown command");
            return self.reply(turn, ERR_UNKNOWNCOMMAND, words);
        }
        let Some(targets) = self.targets(turn, message) else {
            return;
        };
        for (place, target) in (1..).zip(&targets) {
            self.tag(turn, name, message, target);
            if self.say_later(turn, message, None, &targets[place..]) {
                break;
            }
        }
    }

    fn tag(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>, target: &str) {
        let nothing = " ";
        self.work
            .count(work::TARGET + message.tags.len() as u64 / 16);
        let live = |hub: &Self, name: Name| hub.broker.lifecycle().live(&name);
        let to: Vec<ConnId> = match Target::parse(target) {
            Some(Target::Peer(peer)) if self.known(&peer).is_some() => {
                self.tell_away(turn, &peer);
                live(self, peer).into_iter().collect()
            }
            Some(Target::Room(room)) => {
                if !self.check_speech(turn, &name, &room, nothing) {
                    return;
                }
                self.irc_members(&room, Some(&name)).collect()
            }
            Some(Target::Part(part)) => {
                if !self.check_speech(turn, &name, &part.room, nothing) {
                    return;
                }
                let members = self.members_of_rank(part).into_iter();
                let others = members.filter(|member| *member != name);
                others.filter_map(|member| live(self, member)).collect()
            }
            Some(Target::Peer(_)) | None => {
                return self.error(
                    turn,
                    ERR_NOSUCHNICK,
                    &format!("{} :No such nick/channel", word(target)),
                );
            }
        };
        let stamp = self.stamp(turn.now, &name, Form::Message);
        let client = with_client_tags(stamp.tags, message);
        let tags = Tags {
            number: Some(self.numbers(1)),
            client: client.as_deref(),
            ..Tags::default()
        };
        let takes = |conn: &ConnId| self.caps(*conn).is_some_and(|c| c.has(Caps::MESSAGE_TAGS));
        let to: Vec<_> = to.into_iter().filter(takes).collect();
        let line = format!(":{} TAGMSG {target}", self.irc.mask(&name));
        let received = Tags {
            aside: true,
            ..tags
        };
        self.send_irc(turn.now, &to, received, &line, None, turn.out);
        if self.session(turn.conn).caps.has(Caps::ECHO_MESSAGE) {
            self.send_irc(turn.now, &[turn.conn], tags, &line, None, turn.out);
        }
    }

    /// Hands mail over to connections that speak IRC.
    pub(in crate::hub) fn irc_mail(
        &mut self,
        now: Time,
        to: &[ConnId],
        mail: &Mail,
        bulk: bool,
        out: &mut Outputs,
    ) {
        match mail {
            Mail::Message(message) => match (message.header().room, &message.header().stamp.part) {
                (Some(room), None) => {
                    self.irc_said(now, to, (mail, message), room.as_str(), bulk, out)
                }
                (_, Some(part)) => {
                    let sign = if part.rank == Rank::Operator {
                        '@'
                    } else {
                        '+'
                    };
                    let target = format!("{sign}{}", part.room);
                    self.irc_said(now, to, (mail, message), &target, bulk, out);
                }
                (None, None) => {
                    for &conn in to {
                        let name = self.name(conn).expect("who has mail has a name");
                        self.irc_said(now, &[conn], (mail, message), name.as_str(), bulk, out);
                    }
                }
            },
            Mail::Bounce(bounce) => {
                for &conn in to {
                    self.irc_bounced(now, conn, mail, bounce, out);
                }
            }
        }
    }

    fn irc_said(
        &mut self,
        now: Time,
        to: &[ConnId],
        (mail, message): (&Mail, &Spoken),
        target: &str,
        bulk: bool,
        out: &mut Outputs,
    ) {
        let head = match &message.header().stamp.address {
            Some(from) => head(from, message.header().stamp.form, target),
            None => head(
                &self.irc.mask(&message.header().from),
                message.header().stamp.form,
                target,
            ),
        };
        let line = match message.header().stamp.form {
            Form::Message | Form::Notice => in_lines(head, message.text()),
            Form::Invitation => format!("{} {}", head.trim_end_matches(" :"), message.text()),
            Form::Kick { .. } => self.kick_line(message, target, bulk),
        };
        let tags = Tags {
            at: (message.number() > 0).then_some(message.header().stamp.at),
            number: (message.number() > 0).then_some(message.number()),
            client: message.header().stamp.tags.as_deref(),
            bulk,
            ..Tags::default()
        };
        self.send_mail(now, to, tags, &line, mail, out);
    }

    fn irc_bounced(
        &mut self,
        now: Time,
        conn: ConnId,
        mail: &Mail,
        bounce: &Bounce,
        out: &mut Outputs,
    ) {
        let (code, why) = match bounce.reason {
            BounceReason::Gone => ("GONE", "is gone"),
            BounceReason::Expired => ("EXPIRED", "did not come back"),
            BounceReason::MailboxFull => ("MAILBOX_FULL", "has too much waiting"),
            BounceReason::ShuttingDown => ("SHUTTING_DOWN", "was cut off, as the server stops"),
        };
        let receiver = bounce.receiver;
        let room = bounce.message.header().room;
        let place = room.map_or(String::new(), |room| format!(" in {room}"));
        let what = match bounce.message.header().stamp.form {
            Form::Message | Form::Notice => "will not get:",
            Form::Invitation => "will not get your invitation to",
            Form::Kick { .. } => "was not told that you kicked it out of",
        };
        let more = match bounce.more {
            0 => String::new(),
            more => format!("besides {more} more of your messages "),
        };
        let why = format!("{receiver}{place} {why}, and {more}{what} ");
        let verb = verb(bounce.message.header().stamp.form);
        let code = format!("{verb} UNDELIVERED_{code} {receiver}");
        let head = self.standard_line(conn, "FAIL", &code, &why);
        let line = in_lines(head, bounce.message.text());
        let tags = Tags {
            bulk: true,
            ..Tags::default()
        };
        self.send_mail(now, &[conn], tags, &line, mail, out);
    }

    /// A standard reply for a client that takes one, or else a notice.
    pub(super) fn standard_line(&self, conn: ConnId, kind: &str, code: &str, why: &str) -> String {
        let server = &self.irc.identity.name;
        if self.session(conn).caps.has(Caps::STANDARD_REPLIES) {
            return format!(":{server} {kind} {code} :{why}");
        }
        let nick = self.nick_of(conn);
        let nick = nick.as_ref().map_or("*", Name::as_str);
        format!(":{server} NOTICE {nick} :{why}")
    }
}

/// The tags of what somebody says, and those that its client adds.
fn with_client_tags(tags: Option<Arc<str>>, message: &Message<'_>) -> Option<Arc<str>> {
    if message.tags.is_empty() {
        return tags;
    }
    let client = message.client_tags();
    match tags {
        _ if client.is_empty() => tags,
        Some(tags) => Some(format!("{tags};{client}").into()),
        None => Some(client.into()),
    }
}

/// What a line begins with, ahead of its text.
fn head(from: &str, form: Form, target: &str) -> String {
    let mut head = String::with_capacity(MAX_BODY_BYTES);
    for word in [":", from, " ", verb(form), " ", target, " :"] {
        head.push_str(word);
    }
    head
}

/// A text in as many lines as it needs; those who speak other protocols may say more at once.
fn in_lines(head: String, text: &str) -> String {
    let head_bytes = head.len();
    let room = MAX_BODY_BYTES - head_bytes;
    let mut lines = head;
    let mut rest = text;
    loop {
        let part = cut(rest, room);
        lines.push_str(part);
        rest = &rest[part.len()..];
        if rest.is_empty() {
            return lines;
        }
        lines.push_str("\r\n");
        lines.extend_from_within(..head_bytes);
    }
}

/// The command of a message.
pub(super) const fn verb(form: Form) -> &'static str {
    match form {
        Form::Message => "PRIVMSG",
        Form::Notice => "NOTICE",
        Form::Invitation => "INVITE",
        Form::Kick { .. } => "KICK",
    }
}
