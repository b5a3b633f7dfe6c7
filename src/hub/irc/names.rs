//! What a channel is about and who is in it: `TOPIC` and `NAMES`.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::register::cut;
use super::room::{Topic, word};
use super::{Digest, Hub, Turn};
use crate::id::{Name, Room};
use crate::wire::irc::caps::Caps;
use crate::wire::irc::numeric::*;
use crate::wire::irc::{Message, list};

/// Bytes of a topic.
pub(super) const TOPIC_BYTES: usize = 340;

/// Bytes of the names in one line, so that it fits whatever else is in it.
const NAMES_BYTES: usize = 380;

impl<D: Digest> Hub<D> {
    pub(super) fn topic(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let Some(room) = self.need(turn, message, 0) else {
            return;
        };
        let Some(room) = self.existing(turn, room) else {
            return;
        };
        let is_in = self.is_in(&name, &room);
        let flags = self.irc.channels[&room].flags;
        let Some(text) = message.param(1) else {
            if flags.secret && !is_in {
                return self.not_in(turn, &room);
            }
            return self.send_topic(turn, &room);
        };
        if !is_in {
            return self.not_in(turn, &room);
        }
        if flags.topic_locked && !self.rules(turn, &name, &room) {
            return;
        }
        let text = cut(text, TOPIC_BYTES).to_string();
        let by = self.irc.mask(&name);
        let line = format!(":{by} TOPIC {room} :{text}");
        let at = turn.now;
        let topic = (!text.is_empty()).then_some(Topic { text, by, at });
        let channel = self.irc.channels.get_mut(&room);
        channel.expect("it was just there").topic = topic;
        self.tell_room(turn, &room, &line);
    }

    pub(super) fn send_topic(&mut self, turn: &mut Turn<'_>, room: &Room) {
        match self.irc.channels[room].topic.clone() {
            None => self.reply(turn, RPL_NOTOPIC, format_args!("{room} :No topic is set")),
            Some(Topic { text, by, at }) => {
                self.reply(turn, RPL_TOPIC, format_args!("{room} :{text}"));
                let at = self.irc.time(at).seconds();
                self.reply(turn, RPL_TOPICWHOTIME, format_args!("{room} {by} {at}"));
            }
        }
    }

    pub(super) fn names(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let Some(rooms) = message.param(0).filter(|rooms| !rooms.is_empty()) else {
            let rooms: Vec<_> = self
                .irc
                .channels
                .keys()
                .copied()
                .take(self.limits.listed)
                .collect();
            for room in rooms {
                self.send_names(turn, &name, &room);
            }
            return self.reply(turn, RPL_ENDOFNAMES, format_args!("* :End of /NAMES list"));
        };
        for (index, room) in list::entries(rooms).into_iter().enumerate() {
            if !self.may_name(turn, index, room) {
                return;
            }
            let known = Room::parse(room).filter(|room| self.irc.channels.contains_key(room));
            if let Some(room) = known {
                let room = self.spelling(&room);
                self.send_names(turn, &name, &room);
            }
            let words = format_args!("{} :End of /NAMES list", word(room));
            self.reply(turn, RPL_ENDOFNAMES, words);
        }
    }

    /// Who is in a room, as far as `name` may know.
    pub(super) fn send_names(&mut self, turn: &mut Turn<'_>, name: &Name, room: &Room) {
        let Some(channel) = self.irc.channels.get(room) else {
            return;
        };
        let is_in = self.is_in(name, room);
        if channel.flags.secret && !is_in {
            return;
        }
        let caps = self.session(turn.conn).caps;
        let sign = if channel.flags.secret { '@' } else { '=' };
        let mut lines = Vec::new();
        let mut line = String::new();
        for member in self.broker.members(room) {
            let Some(user) = self.irc.users.get(&member) else {
                continue;
            };
            if user.hidden || (user.modes.invisible && !is_in) {
                continue;
            }
            let signs = channel.signs(&member, caps.has(Caps::MULTI_PREFIX));
            let member = if caps.has(Caps::USERHOST_IN_NAMES) {
                format!("{signs}{}", self.irc.mask(&member))
            } else {
                format!("{signs}{member}")
            };
            if line.len() + member.len() > NAMES_BYTES {
                lines.push(core::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&member);
        }
        if !line.is_empty() {
            lines.push(line);
        }
        for names in lines {
            self.reply(turn, RPL_NAMREPLY, format_args!("{sign} {room} :{names}"));
        }
    }
}
