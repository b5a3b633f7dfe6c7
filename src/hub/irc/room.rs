//! Channels: who may enter them and speak, `JOIN`, `PART`, `TOPIC`, `NAMES`, `LIST`, `INVITE`,
//! and `KICK`.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use super::register::cut;
use super::{Digest, Hub, Tags, Turn};
use crate::broker::{Input, Part, Rank, Request};
use crate::id::{Name, Room, Text, Time};
use crate::wire::irc::Message;
use crate::wire::irc::caps::Caps;
use crate::wire::irc::mask;
use crate::wire::irc::numeric::*;

/// Bytes of a topic.
pub(super) const TOPIC_BYTES: usize = 390;

/// Bytes of the reason of a kick or a part.
pub(super) const REASON_BYTES: usize = 300;

/// What IRC knows of a room beside its members.
#[derive(Clone, Debug)]
pub(in crate::hub) struct Channel {
    pub(super) created: Time,
    pub(super) topic: Option<Topic>,
    pub(super) flags: Flags,
    pub(super) key: Option<String>,
    pub(super) limit: Option<usize>,
    /// Masks of those who may not enter or speak (`b`), of those who may all the same (`e`), and
    /// of those who need no invitation (`I`).
    pub(super) bans: Vec<Entry>,
    pub(super) exceptions: Vec<Entry>,
    pub(super) invitations: Vec<Entry>,
    /// What each member may do, if it may do more than others.
    pub(super) ranks: BTreeMap<Name, BTreeSet<Rank>>,
    /// Who was asked to come.
    pub(super) invited: BTreeSet<Name>,
}

/// The modes of a channel that are on or off.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::hub) struct Flags {
    /// `C`: no CTCP but actions.
    pub(super) no_ctcp: bool,
    /// `i`: only those who were invited may enter.
    pub(super) invite_only: bool,
    /// `m`: only those of a rank may speak.
    pub(super) moderated: bool,
    /// `n`: only members may speak.
    pub(super) no_external: bool,
    /// `s`: only members know of it.
    pub(super) secret: bool,
    /// `t`: only operators may change the topic.
    pub(super) topic_locked: bool,
}

#[derive(Clone, Debug)]
pub(in crate::hub) struct Topic {
    pub(super) text: String,
    by: String,
    at: Time,
}

/// A mask in a list, with who put it there.
#[derive(Clone, Debug)]
pub(in crate::hub) struct Entry {
    pub(super) mask: String,
    pub(super) by: String,
    pub(super) at: Time,
}

/// Why somebody may not enter a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::hub) enum MayNotJoin {
    RoomFull,
    NotInvited,
    Banned,
    BadKey,
}

/// Why somebody may not speak in a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::hub) enum MayNotSpeak {
    /// It is not in the room.
    Outside,
    Moderated,
    Banned,
    Ctcp,
}

impl Channel {
    /// A channel with its first member, who is its operator.
    fn founded(by: Name, now: Time) -> Self {
        Self {
            created: now,
            topic: None,
            flags: Flags {
                no_external: true,
                topic_locked: true,
                ..Flags::default()
            },
            key: None,
            limit: None,
            bans: Vec::new(),
            exceptions: Vec::new(),
            invitations: Vec::new(),
            ranks: BTreeMap::from([(by, BTreeSet::from([Rank::Operator]))]),
            invited: BTreeSet::new(),
        }
    }

    pub(super) fn rank(&self, name: &Name) -> Option<Rank> {
        self.ranks.get(name)?.last().copied()
    }

    fn is_banned(&self, full: &str) -> bool {
        let matches = |list: &[Entry]| list.iter().any(|entry| mask::matches(&entry.mask, full));
        matches(&self.bans) && !matches(&self.exceptions)
    }

    /// The signs before a member's name, highest first; only the first, unless `all`.
    pub(super) fn signs(&self, name: &Name, all: bool) -> String {
        let ranks = self.ranks.get(name).into_iter().flatten().rev();
        let signs = ranks.map(|rank| match rank {
            Rank::Operator => '@',
            Rank::Voice => '+',
        });
        signs.take(if all { 2 } else { 1 }).collect()
    }
}

impl<D: Digest> Hub<D> {
    /// Whether a room's modes let somebody in, who has this key.
    pub(in crate::hub) fn may_join(
        &self,
        name: &Name,
        room: &Room,
        key: Option<&str>,
    ) -> Result<(), MayNotJoin> {
        if self.members(room) >= self.limits.room_members && !self.is_in(name, room) {
            return Err(MayNotJoin::RoomFull);
        }
        let Some(channel) = self.irc.channels.get(room) else {
            return Ok(());
        };
        if self.is_in(name, room) || channel.invited.contains(name) {
            return Ok(());
        }
        let full = self.irc.mask(name);
        let is_expected = channel
            .invitations
            .iter()
            .any(|entry| mask::matches(&entry.mask, &full));
        if channel.flags.invite_only && !is_expected {
            return Err(MayNotJoin::NotInvited);
        }
        if channel.is_banned(&full) {
            return Err(MayNotJoin::Banned);
        }
        if channel.key.is_some() && channel.key.as_deref() != key {
            return Err(MayNotJoin::BadKey);
        }
        if channel
            .limit
            .is_some_and(|limit| self.members(room) >= limit)
        {
            return Err(MayNotJoin::RoomFull);
        }
        Ok(())
    }

    /// Whether a room's modes let somebody speak.
    pub(in crate::hub) fn may_speak(
        &self,
        name: &Name,
        room: &Room,
        text: &Text,
    ) -> Result<(), MayNotSpeak> {
        let Some(channel) = self.irc.channels.get(room) else {
            return Err(MayNotSpeak::Outside);
        };
        if channel.flags.no_external && !self.is_in(name, room) {
            return Err(MayNotSpeak::Outside);
        }
        let text = text.as_str();
        let is_ctcp = text.starts_with('\x01') && !text.starts_with("\x01ACTION");
        if channel.flags.no_ctcp && is_ctcp {
            return Err(MayNotSpeak::Ctcp);
        }
        if channel.rank(name).is_some() {
            return Ok(());
        }
        if channel.flags.moderated {
            return Err(MayNotSpeak::Moderated);
        }
        if !channel.bans.is_empty() && channel.is_banned(&self.irc.mask(name)) {
            return Err(MayNotSpeak::Banned);
        }
        Ok(())
    }

    pub(super) fn is_in(&self, name: &Name, room: &Room) -> bool {
        self.irc
            .users
            .get(name)
            .is_some_and(|user| user.rooms.contains(room))
    }

    fn members(&self, room: &Room) -> usize {
        self.broker.members(room).count()
    }

    pub(super) fn members_of_rank(&self, part: Part) -> Vec<Name> {
        let channel = self.irc.channels.get(&part.room);
        let ranks = channel.into_iter().flat_map(|channel| &channel.ranks);
        let high = ranks.filter(|(_, ranks)| ranks.last() >= Some(&part.rank));
        high.map(|(&name, _)| name).collect()
    }

    /// The room as its first member wrote it.
    pub(super) fn spelling(&self, room: &Room) -> Room {
        let known = self.irc.channels.get_key_value(room);
        known.map_or(*room, |(&known, _)| known)
    }

    /// Somebody has entered a room: if nobody was there, it is its operator.
    pub(super) fn note_join(&mut self, now: Time, name: Name, room: Room) {
        if let Some(user) = self.irc.users.get_mut(&name) {
            user.rooms.insert(room);
        }
        let founded = || Channel::founded(name, now);
        let channel = self.irc.channels.entry(room).or_insert_with(founded);
        channel.invited.remove(&name);
    }

    /// Somebody has left a room, which is forgotten if nobody is there any more.
    pub(super) fn note_leave(&mut self, name: &Name, room: &Room) {
        if let Some(user) = self.irc.users.get_mut(name) {
            user.rooms.remove(room);
        }
        if let Some(channel) = self.irc.channels.get_mut(room) {
            channel.ranks.remove(name);
        }
        if self.members(room) == 0 {
            self.irc.channels.remove(room);
        }
    }

    pub(super) fn join(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let Some(rooms) = self.need(turn, message, 0) else {
            return;
        };
        if rooms == "0" {
            let user = self.irc.users.get(&name);
            let rooms = user.map(|user| user.rooms.clone()).unwrap_or_default();
            for room in rooms {
                let request = Request::Leave { room, why: None };
                self.request(turn, request);
            }
            return;
        }
        let mut keys = message.param(1).unwrap_or("").split(',');
        for room in rooms.split(',').filter(|room| !room.is_empty()) {
            let key = keys.next().filter(|key| !key.is_empty());
            self.join_one(turn, name, room, key);
        }
    }

    fn join_one(&mut self, turn: &mut Turn<'_>, name: Name, room: &str, key: Option<&str>) {
        let Some(room) = Room::parse(room) else {
            let words = format_args!("{} :No such channel", word(room));
            return self.reply(turn, ERR_NOSUCHCHANNEL, words);
        };
        if self.is_in(&name, &room) {
            return;
        }
        if !self.take_join(turn) {
            let words = format_args!("{room} :Too many joins; try again in a while");
            return self.reply(turn, ERR_TOOMANYCHANNELS, words);
        }
        let room = self.spelling(&room);
        let (number, why) = match self.may_join(&name, &room, key) {
            Ok(()) => {
                self.request(turn, Request::Join { room });
                if self.is_in(&name, &room) {
                    self.describe(turn, &name, &room);
                }
                return;
            }
            Err(MayNotJoin::RoomFull) => (ERR_CHANNELISFULL, "Cannot join channel (+l)"),
            Err(MayNotJoin::NotInvited) => (ERR_INVITEONLYCHAN, "Cannot join channel (+i)"),
            Err(MayNotJoin::Banned) => (ERR_BANNEDFROMCHAN, "Cannot join channel (+b)"),
            Err(MayNotJoin::BadKey) => (ERR_BADCHANNELKEY, "Cannot join channel (+k)"),
        };
        self.reply(turn, number, format_args!("{room} :{why}"));
    }

    pub(super) fn request(&mut self, turn: &mut Turn<'_>, request: Request) {
        let conn = turn.conn;
        self.handle(turn.now, Input::Request { conn, request }, turn.out);
    }

    /// What somebody who is now in a room is told of it.
    pub(super) fn describe(&mut self, turn: &mut Turn<'_>, name: &Name, room: &Room) {
        if self
            .irc
            .channels
            .get(room)
            .is_some_and(|channel| channel.topic.is_some())
        {
            self.send_topic(turn, room);
        }
        self.send_names(turn, name, room);
        let room = self.spelling(room);
        self.reply(
            turn,
            RPL_ENDOFNAMES,
            format_args!("{room} :End of /NAMES list"),
        );
    }

    pub(super) fn part(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let Some(rooms) = self.need(turn, message, 0) else {
            return;
        };
        let why = message
            .param(1)
            .and_then(|why| Text::parse(cut(why, REASON_BYTES)));
        for room in rooms.split(',').filter(|room| !room.is_empty()) {
            let known = Room::parse(room).filter(|room| self.irc.channels.contains_key(room));
            match known {
                None => {
                    let words = format_args!("{} :No such channel", word(room));
                    self.reply(turn, ERR_NOSUCHCHANNEL, words);
                }
                Some(room) if !self.is_in(&name, &room) => self.not_in(turn, &room),
                Some(room) => {
                    let why = why.clone();
                    self.request(turn, Request::Leave { room, why });
                }
            }
        }
    }

    pub(super) fn not_in(&mut self, turn: &mut Turn<'_>, room: &Room) {
        let room = self.spelling(room);
        let words = format_args!("{room} :You're not on that channel");
        self.reply(turn, ERR_NOTONCHANNEL, words);
    }

    /// The room of a command, if there is one.
    pub(super) fn existing(&mut self, turn: &mut Turn<'_>, room: &str) -> Option<Room> {
        let known = Room::parse(room).filter(|room| self.irc.channels.contains_key(room));
        match known {
            Some(room) => Some(self.spelling(&room)),
            None => {
                let words = format_args!("{} :No such channel", word(room));
                self.reply(turn, ERR_NOSUCHCHANNEL, words);
                None
            }
        }
    }

    /// Whether somebody is an operator of a room; if not, says so.
    pub(super) fn rules(&mut self, turn: &mut Turn<'_>, name: &Name, room: &Room) -> bool {
        let rules = self.irc.channels[room].rank(name) == Some(Rank::Operator);
        if !rules {
            let words = format_args!("{room} :You're not a channel operator");
            self.reply(turn, ERR_CHANOPRIVSNEEDED, words);
        }
        rules
    }

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

    /// Sends a line to all in a room who speak IRC.
    pub(super) fn tell_room(&mut self, turn: &mut Turn<'_>, room: &Room, line: &str) {
        let to: Vec<_> = self.irc_members(room, None).collect();
        self.send_irc(turn.now, &to, Tags::default(), line, None, turn.out);
    }

    fn send_topic(&mut self, turn: &mut Turn<'_>, room: &Room) {
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
        for room in rooms.split(',') {
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
    fn send_names(&mut self, turn: &mut Turn<'_>, name: &Name, room: &Room) {
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

    pub(super) fn list(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let wants = message.param(0).unwrap_or("");
        let wants: Vec<_> = wants
            .split(',')
            .filter(|want| !want.is_empty())
            .map(Want::parse)
            .collect();
        let (named, filters): (Vec<_>, Vec<_>) = wants
            .into_iter()
            .partition(|want| matches!(want, Want::Mask(_)));
        let mut listed = Vec::new();
        for (room, channel) in &self.irc.channels {
            if channel.flags.secret && !self.is_in(&name, room) {
                continue;
            }
            let members = self
                .broker
                .members(room)
                .filter(|name| self.irc.is_visible(name));
            let members = members.count();
            let meets = |want: &Want<'_>| want.is_met(turn.now, room, channel, members);
            if (named.is_empty() || named.iter().any(meets)) && filters.iter().all(meets) {
                let topic = channel.topic.as_ref().map_or("", |topic| &topic.text);
                listed.push(format!("{room} {members} :{topic}"));
            }
        }
        let all = listed.len();
        self.reply(turn, RPL_LISTSTART, format_args!("Channel :Users Name"));
        for line in listed.iter().take(self.limits.listed) {
            self.reply(turn, RPL_LIST, format_args!("{line}"));
        }
        let limit = self.limits.listed;
        if all > limit {
            let why = format!("The list has {all} channels, of which you were told {limit}");
            self.standard_reply(turn, "WARN", format_args!("LIST TRUNCATED"), &why);
        }
        self.reply(turn, RPL_LISTEND, format_args!(":End of /LIST"));
    }

    pub(super) fn invite(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        if message.params.is_empty() {
            let channels = self.irc.channels.iter();
            let rooms = channels.filter(|(_, channel)| channel.invited.contains(&name));
            let rooms: Vec<_> = rooms.map(|(&room, _)| room).collect();
            for room in rooms {
                self.reply(turn, RPL_INVITELIST, format_args!("{room}"));
            }
            return self.reply(
                turn,
                RPL_ENDOFINVITELIST,
                format_args!(":End of /INVITE list"),
            );
        }
        let (Some(nick), Some(room)) = (self.need(turn, message, 0), message.param(1)) else {
            if message.params.len() == 1 {
                self.need(turn, message, 1);
            }
            return;
        };
        let Some(guest) = Name::parse(nick).filter(|name| self.irc.is_visible(name)) else {
            let words = format_args!("{} :No such nick/channel", word(nick));
            return self.reply(turn, ERR_NOSUCHNICK, words);
        };
        let Some(room) = self.existing(turn, room) else {
            return;
        };
        if !self.is_in(&name, &room) {
            return self.not_in(turn, &room);
        }
        if self.is_in(&guest, &room) {
            let words = format_args!("{guest} {room} :is already on channel");
            return self.reply(turn, ERR_USERONCHANNEL, words);
        }
        if self.irc.channels[&room].flags.invite_only && !self.rules(turn, &name, &room) {
            return;
        }
        let most = self.limits.list_entries;
        let channel = self.irc.channels.get_mut(&room).expect("it was just there");
        if channel.invited.len() >= most {
            channel.invited.pop_first();
        }
        channel.invited.insert(guest);
        self.reply(turn, RPL_INVITING, format_args!("{guest} {room}"));
        let line = format!(":{} INVITE {guest} {room}", self.irc.mask(&name));
        let to: Vec<_> = self.broker.lifecycle().live(&guest).into_iter().collect();
        self.send_irc(turn.now, &to, Tags::default(), &line, None, turn.out);
        let told = |conn: &_| self.caps(*conn).is_some_and(|c| c.has(Caps::INVITE_NOTIFY));
        let others: Vec<_> = self.irc_members(&room, Some(&name)).filter(told).collect();
        self.send_irc(turn.now, &others, Tags::default(), &line, None, turn.out);
    }

    pub(super) fn kick(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let (Some(rooms), Some(nicks)) = (self.need(turn, message, 0), self.need(turn, message, 1))
        else {
            return;
        };
        let why = message.param(2).filter(|why| !why.is_empty());
        let why = Text::parse(why.map_or(name.as_str(), |why| cut(why, REASON_BYTES)));
        let rooms: Vec<_> = rooms.split(',').collect();
        for (index, nick) in nicks.split(',').enumerate() {
            if index >= self.limits.receivers {
                let words = format_args!("{} :Too many targets", word(nick));
                return self.reply(turn, ERR_TOOMANYTARGETS, words);
            }
            let room = rooms.get(index).or(rooms.last()).copied().unwrap_or("*");
            let Some(room) = self.existing(turn, room) else {
                continue;
            };
            if !self.is_in(&name, &room) {
                self.not_in(turn, &room);
                continue;
            }
            if !self.rules(turn, &name, &room) {
                continue;
            }
            match Name::parse(nick).filter(|nick| self.is_in(nick, &room)) {
                Some(whom) => {
                    let why = why.clone();
                    self.request(
                        turn,
                        Request::Kick {
                            room,
                            name: whom,
                            why,
                        },
                    );
                }
                None => {
                    let words = format_args!("{} {room} :They aren't on that channel", word(nick));
                    self.reply(turn, ERR_USERNOTINCHANNEL, words);
                }
            }
        }
    }
}

/// Bytes of the names in one line, so that it fits whatever else is in it.
const NAMES_BYTES: usize = 380;

/// A parameter that goes back to its sender as one in the middle of a line.
pub(super) fn word(param: &str) -> &str {
    let word = param.split(' ').next().unwrap_or("");
    if word.is_empty() || word.starts_with(':') {
        "*"
    } else {
        word
    }
}

/// What a listed channel must be (<https://modern.ircdocs.horse/#elist-parameter>).
enum Want<'a> {
    Mask(&'a str),
    NotMask(&'a str),
    MoreThan(usize),
    LessThan(usize),
    /// Created (or with a topic set) more than so many minutes ago.
    Older(What, u64),
    /// Less than so many.
    Younger(What, u64),
}

#[derive(Clone, Copy)]
enum What {
    Channel,
    Topic,
}

impl<'a> Want<'a> {
    fn parse(want: &'a str) -> Self {
        let number = |text: &str| text.parse::<u64>().ok();
        let filter = match want.as_bytes() {
            [b'>', ..] => number(&want[1..]).map(|n| Self::MoreThan(n as usize)),
            [b'<', ..] => number(&want[1..]).map(|n| Self::LessThan(n as usize)),
            [b'C', b'>', ..] => number(&want[2..]).map(|n| Self::Older(What::Channel, n)),
            [b'C', b'<', ..] => number(&want[2..]).map(|n| Self::Younger(What::Channel, n)),
            [b'T', b'>', ..] => number(&want[2..]).map(|n| Self::Older(What::Topic, n)),
            [b'T', b'<', ..] => number(&want[2..]).map(|n| Self::Younger(What::Topic, n)),
            [b'!', ..] => Some(Self::NotMask(&want[1..])),
            _ => None,
        };
        filter.unwrap_or(Self::Mask(want))
    }

    fn is_met(&self, now: Time, room: &Room, channel: &Channel, members: usize) -> bool {
        let age = |what: What| match what {
            What::Channel => Some(now.since(channel.created)),
            What::Topic => channel.topic.as_ref().map(|topic| now.since(topic.at)),
        };
        let minutes = |n: u64| Duration::from_secs(n.saturating_mul(60));
        match *self {
            Self::Mask(mask) => mask::matches(mask, room.as_str()),
            Self::NotMask(mask) => !mask::matches(mask, room.as_str()),
            Self::MoreThan(n) => members > n,
            Self::LessThan(n) => members < n,
            Self::Older(what, n) => age(what).is_some_and(|age| age >= minutes(n)),
            Self::Younger(what, n) => age(what).is_some_and(|age| age < minutes(n)),
        }
    }
}
