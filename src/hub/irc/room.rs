//! Channels: what they are, and who may enter them and speak.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Bound;

use subtle::ConstantTimeEq as _;

use super::register::cut;
use super::{Digest, Hub, Irc, Tags, Turn, User};
use crate::Config;
use crate::broker::{Input, Part, Rank, Request};
use crate::hub::guesses::Key;
use crate::hub::work::Work;
use crate::id::{Name, Room, Source, Time};
use crate::wire::irc::numeric::*;

/// What IRC knows of a room beside its members.
#[derive(Clone, Debug)]
pub(in crate::hub) struct Channel {
    pub(super) created: Time,
    pub(super) topic: Option<Topic>,
    pub(super) flags: Flags,
    /// When it was made so that only those who were invited may enter; what it is now counts.
    pub(super) closed: Time,
    pub(super) key: Option<String>,
    /// When it got its key, if it has one.
    pub(super) locked: Time,
    pub(super) limit: Option<usize>,
    /// Masks of those who may not enter or speak (`b`), of those who may all the same (`e`), and
    /// of those who need no invitation (`I`).
    pub(super) bans: Vec<Entry>,
    pub(super) exceptions: Vec<Entry>,
    pub(super) invitations: Vec<Entry>,
    /// What each member may do, if it may do more than others.
    pub(super) ranks: BTreeMap<Name, BTreeSet<Rank>>,
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
    pub(super) by: String,
    pub(super) at: Time,
}

/// A mask in a list, with who put it there.
#[derive(Clone, Debug)]
pub(in crate::hub) struct Entry {
    pub(super) mask: String,
    pub(super) by: String,
    pub(super) at: Time,
    /// Where whoever put it there came from.
    pub(super) source: Source,
}

impl Entry {
    /// What it takes in memory, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.mask.len() + self.by.len() + Config::LIST_ENTRY
    }
}

/// Why somebody may not enter a room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::hub) enum MayNotJoin {
    RoomFull,
    NotInvited,
    Banned,
    BadKey,
}

impl MayNotJoin {
    /// What a client is told.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::RoomFull => "Cannot join channel (+l)",
            Self::NotInvited => "Cannot join channel (+i)",
            Self::Banned => "Cannot join channel (+b)",
            Self::BadKey => "Cannot join channel (+k)",
        }
    }
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
            closed: now,
            key: None,
            locked: now,
            limit: None,
            bans: Vec::new(),
            exceptions: Vec::new(),
            invitations: Vec::new(),
            ranks: BTreeMap::from([(by, BTreeSet::from([Rank::Operator]))]),
        }
    }

    /// The entries of all its lists.
    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let lists = [&self.bans, &self.exceptions, &self.invitations];
        lists.into_iter().flatten()
    }

    /// Whether only members know of it.
    pub(in crate::hub) const fn is_secret(&self) -> bool {
        self.flags.secret
    }

    pub(super) fn rank(&self, name: &Name) -> Option<Rank> {
        self.ranks.get(name)?.last().copied()
    }

    /// Whether its lists, and the modes that were set at `since` or later, let somebody in.
    fn admits(&self, full: &str, key: Key, since: Time, work: &Work) -> Result<(), MayNotJoin> {
        let is_closed = self.flags.invite_only && self.closed >= since;
        let is_expected = || {
            let mut masks = self.invitations.iter();
            masks.any(|entry| work.matches(&entry.mask, full))
        };
        if is_closed && !is_expected() {
            return Err(MayNotJoin::NotInvited);
        }
        if self.is_banned(full, work) {
            return Err(MayNotJoin::Banned);
        }
        let is_locked = self.key.is_some() && self.locked >= since;
        if is_locked && key != Key::Right(self.locked) {
            return Err(MayNotJoin::BadKey);
        }
        Ok(())
    }

    fn is_banned(&self, full: &str, work: &Work) -> bool {
        let matches = |list: &[Entry]| list.iter().any(|entry| work.matches(&entry.mask, full));
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

impl Irc {
    /// The rooms whose names come after one, or all, in order.
    pub(in crate::hub) fn rooms_after(
        &self,
        after: Option<Room>,
    ) -> impl Iterator<Item = (Room, &Channel)> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rooms = self.channels.range((from, Bound::Unbounded));
        rooms.map(|(&room, channel)| (room, channel))
    }

    /// How many rooms there are, as far as somebody may know.
    pub(super) fn count_rooms(&self, asker: Option<&Name>) -> usize {
        let is_secret = |room: &Room| self.channels[room].is_secret();
        debug_assert_eq!(
            self.secrets,
            self.channels.keys().filter(|&room| is_secret(room)).count(),
            "counted wrong"
        );
        let user = asker.and_then(|asker| self.users.get(asker));
        let own = user.into_iter().flat_map(User::rooms);
        self.channels.len() - self.secrets + own.filter(is_secret).count()
    }
}

impl<D: Digest> Hub<D> {
    /// What somebody has given as the key of a room.
    pub(super) fn key(&self, room: &Room, given: Option<&str>) -> Key {
        let Some(given) = given else {
            return Key::Missing;
        };
        let channel = self.irc.channels.get(room);
        let is_its = |key: &String| key.as_bytes().ct_eq(given.as_bytes()).into();
        match channel.filter(|channel| channel.key.as_ref().is_some_and(is_its)) {
            Some(channel) => Key::Right(channel.locked),
            None => Key::Wrong,
        }
    }

    /// Whether a room's modes let somebody in, who has this key.
    pub(in crate::hub) fn may_join(
        &self,
        name: &Name,
        room: &Room,
        key: Key,
    ) -> Result<(), MayNotJoin> {
        if self.members(room) >= self.limits.room_members && !self.is_in(name, room) {
            return Err(MayNotJoin::RoomFull);
        }
        let Some(channel) = self.irc.channels.get(room) else {
            return Ok(());
        };
        let is_invited = |user: &User| self.irc.invitations.has(room, user.peer);
        if self.is_in(name, room) || self.irc.users.get(name).is_some_and(is_invited) {
            return Ok(());
        }
        channel.admits(&self.irc.mask(name), key, Time::ZERO, &self.work)?;
        if channel
            .limit
            .is_some_and(|limit| self.members(room) >= limit)
        {
            return Err(MayNotJoin::RoomFull);
        }
        Ok(())
    }

    /// Whether a room's modes let somebody stay in it who is back after others saw it quit. It was
    /// in, so what was set before that does not keep it out, unless it is a ban.
    pub(super) fn may_return(
        &self,
        name: &Name,
        room: &Room,
        gone: Time,
    ) -> Result<(), MayNotJoin> {
        let channel = &self.irc.channels[room];
        if self.irc.invitations.has(room, self.irc.users[name].peer) {
            return Ok(());
        }
        channel.admits(&self.irc.mask(name), Key::Missing, gone, &self.work)
    }

    /// Whether a member whom others have seen quit is banned, and not invited.
    pub(super) fn may_not_return(&self, name: &Name, room: &Room) -> bool {
        let user = &self.irc.users[name];
        let is_invited = self.irc.invitations.has(room, user.peer);
        let channel = &self.irc.channels[room];
        user.hidden.is_some() && !is_invited && channel.is_banned(user.mask.as_str(), &self.work)
    }

    /// Whether a room's modes let somebody speak.
    pub(in crate::hub) fn may_speak(
        &self,
        name: &Name,
        room: &Room,
        text: &str,
    ) -> Result<(), MayNotSpeak> {
        let Some(channel) = self.irc.channels.get(room) else {
            return Err(MayNotSpeak::Outside);
        };
        if channel.flags.no_external && !self.is_in(name, room) {
            return Err(MayNotSpeak::Outside);
        }
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
        if !channel.bans.is_empty() && channel.is_banned(&self.irc.mask(name), &self.work) {
            return Err(MayNotSpeak::Banned);
        }
        Ok(())
    }

    pub(in crate::hub) fn is_in(&self, name: &Name, room: &Room) -> bool {
        self.irc
            .users
            .get(name)
            .is_some_and(|user| user.rooms.contains_key(room))
    }

    fn members(&self, room: &Room) -> usize {
        self.broker.count_members(room)
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
        let enters = |user: &mut User| {
            user.rooms.insert(room, now);
            user.peer
        };
        if let Some(peer) = self.irc.users.change(&name, enters) {
            self.irc.invitations.remove(&room, peer);
        }
        let founded = || Channel::founded(name, now);
        self.irc.channels.entry(room).or_insert_with(founded);
    }

    /// Somebody has left a room, which is forgotten if nobody is there any more.
    pub(super) fn note_leave(&mut self, name: &Name, room: &Room) {
        self.irc.users.change(name, |user| user.rooms.remove(room));
        if let Some(channel) = self.irc.channels.get_mut(room) {
            channel.ranks.remove(name);
        }
        if self.members(room) == 0 {
            let channel = self.irc.channels.remove(room);
            if let Some(channel) = channel {
                self.irc.secrets -= usize::from(channel.is_secret());
                for entry in channel.entries() {
                    self.irc.lists.remove(entry.source, entry.cost());
                }
            }
            self.irc.invitations.forget_room(room);
        }
    }

    pub(super) fn request(&mut self, turn: &mut Turn<'_>, request: Request) {
        let conn = turn.conn;
        self.handle(turn.now, Input::Request { conn, request }, turn.out);
    }

    pub(super) fn not_in(&mut self, turn: &mut Turn<'_>, room: &Room) {
        let room = self.spelling(room);
        let words = format_args!("{room} :You're not on that channel");
        self.reply(turn, ERR_NOTONCHANNEL, words);
    }

    /// The room of a command, if there is one as far as `asker` may know.
    pub(super) fn existing(
        &mut self,
        turn: &mut Turn<'_>,
        asker: &Name,
        room: &str,
    ) -> Option<Room> {
        let known = Room::parse(room).filter(|room| self.shows_room(asker, room));
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

    /// Sends a line to all in a room who speak IRC.
    pub(super) fn tell_room(&mut self, turn: &mut Turn<'_>, room: &Room, line: &str) {
        let to: Vec<_> = self.irc_members(room, None).collect();
        self.send_irc(turn.now, &to, Tags::default(), line, None, turn.out);
    }
}

/// Bytes of a parameter that goes back to its sender: words that explain it fit behind it.
const WORD_BYTES: usize = 200;

/// A parameter that goes back to its sender as one in the middle of a line.
pub(super) fn word(param: &str) -> &str {
    let param = cut(param, WORD_BYTES);
    let word = param.split(' ').next().unwrap_or("");
    if word.is_empty() || word.starts_with(':') {
        "*"
    } else {
        word
    }
}
