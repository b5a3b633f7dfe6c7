//! What a channel is about and who is in it: `TOPIC` and `NAMES`.

use alloc::format;
use alloc::string::{String, ToString as _};

use super::register::cut;
use super::room::{Topic, word};
use super::tasks::Task;
use super::{Digest, Hub, Turn};
use crate::hub::work::ENTRY;
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
        let Some(room) = self.existing(turn, &name, room) else {
            return;
        };
        let is_in = self.is_in(&name, &room);
        let flags = self.irc.channels[&room].flags;
        let Some(text) = message.param(1) else {
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

    pub(super) fn names(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let Some(rooms) = message.param(0).filter(|rooms| !rooms.is_empty()) else {
            self.later(turn, Task::Members(Rooms::all(self.limits.listed)));
            let words = "* :End of /NAMES list".to_string();
            return self.reply_later(turn, RPL_ENDOFNAMES, words);
        };
        for (index, room) in list::entries(rooms).into_iter().enumerate() {
            if !self.may_list(turn, index, room) {
                return;
            }
            let known = Room::parse(room).filter(|room| self.irc.channels.contains_key(room));
            if let Some(room) = known {
                let room = self.spelling(&room);
                self.later(turn, Task::Members(Rooms::one(room)));
            }
            let words = format!("{} :End of /NAMES list", word(room));
            self.reply_later(turn, RPL_ENDOFNAMES, words);
        }
    }

    /// Lists who is in channels, as far as `asker` may know.
    pub(super) fn list_members(
        &mut self,
        turn: &mut Turn<'_>,
        asker: Name,
        mut rooms: Rooms,
    ) -> Option<Task> {
        loop {
            if let Some(room) = rooms.room {
                rooms.after = self.list_members_of(turn, &asker, &room, rooms.after);
                if rooms.after.is_some() {
                    return Some(Task::Members(rooms));
                }
            }
            rooms.left = rooms.left.checked_sub(1)?;
            rooms.room = Some(self.irc.rooms_after(rooms.room).next()?.0);
            self.work.count(ENTRY);
            if self.is_over(turn) {
                return Some(Task::Members(rooms));
            }
        }
    }

    /// Lists who is in a channel, from the first whose name comes after one. Returns whose name was
    /// the last, if the turn was over before all were listed.
    fn list_members_of(
        &mut self,
        turn: &mut Turn<'_>,
        asker: &Name,
        room: &Room,
        mut after: Option<Name>,
    ) -> Option<Name> {
        loop {
            let channel = self.irc.channels.get(room)?;
            if !self.shows_room(asker, room) {
                return None;
            }
            let is_in = self.is_in(asker, room);
            let caps = self.session(turn.conn).caps;
            let sign = if channel.flags.secret { '@' } else { '=' };
            let mut line = String::new();
            let mut last = None;
            for member in self.broker.members_after(room, after) {
                self.work.count(ENTRY);
                let is_shown = is_in || self.shows_member(asker, &member, room);
                if is_shown && self.irc.is_visible(&member) {
                    let signs = channel.signs(&member, caps.has(Caps::MULTI_PREFIX));
                    let shown = if caps.has(Caps::USERHOST_IN_NAMES) {
                        format!("{signs}{}", self.irc.mask(&member))
                    } else {
                        format!("{signs}{member}")
                    };
                    if line.len() + shown.len() > NAMES_BYTES {
                        last = after;
                        break;
                    }
                    if !line.is_empty() {
                        line.push(' ');
                    }
                    line.push_str(&shown);
                }
                after = Some(member);
                // Those who are not shown make no line long.
                if line.is_empty() && self.worked(turn.out) >= self.turn_end.work {
                    last = after;
                    break;
                }
            }
            if !line.is_empty() {
                self.reply(turn, RPL_NAMREPLY, format_args!("{sign} {room} :{line}"));
            }
            if last.is_none() || self.is_over(turn) {
                return last;
            }
        }
    }
}

/// Channels whose members are to be listed, as far as they are not yet.
#[derive(Clone, Debug)]
pub(super) struct Rooms {
    /// The first of them.
    room: Option<Room>,
    /// Who of it was listed last.
    after: Option<Name>,
    /// How many more there are at most, of those that come next.
    left: usize,
}

impl Rooms {
    pub(super) fn one(room: Room) -> Self {
        Self {
            room: Some(room),
            after: None,
            left: 0,
        }
    }

    /// The first of all, so many at most.
    fn all(most: usize) -> Self {
        Self {
            room: None,
            after: None,
            left: most,
        }
    }
}
