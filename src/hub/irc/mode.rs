//! `MODE`, for channels and for oneself.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::expelled::Expel;
use super::room::{Channel, Entry, word};
use super::tasks::Task;
use super::{Digest, Hub, Tags, Turn, UserModes};
use crate::broker::Rank;
use crate::hub::Act;
use crate::id::{Name, Room};
use crate::wire::irc::numeric::*;
use crate::wire::irc::{Message, mask, mode};

/// Changes with an argument in one `MODE`.
pub(super) const MODES: usize = 12;

/// Bytes of a channel's key, and of a mask in a list.
const KEY_BYTES: usize = 50;
const MASK_BYTES: usize = 120;

/// Bytes of changes after which the rest is told in another line: one mask more still fits.
const MODE_BYTES: usize = 200;

/// Changes that were made, as they are shown.
#[derive(Default)]
struct Made {
    letters: String,
    arguments: Vec<String>,
    set: Option<bool>,
    /// Arguments in all, those in lines before included.
    total: usize,
    shows_key: bool,
    /// Whether somebody may be banned now who was not.
    bans: bool,
}

impl Made {
    fn push(&mut self, set: bool, letter: char, argument: Option<&str>) {
        if self.set != Some(set) {
            self.letters.push(if set { '+' } else { '-' });
            self.set = Some(set);
        }
        self.letters.push(letter);
        self.arguments.extend(argument.map(str::to_owned));
        self.total += usize::from(argument.is_some());
        self.shows_key |= letter == 'k';
    }

    fn show(&self) -> String {
        let mut shown = self.letters.clone();
        for argument in &self.arguments {
            shown.push(' ');
            shown.push_str(argument);
        }
        shown
    }
}

impl Channel {
    /// The modes as they stand; the key only for members.
    fn modes(&self, with_key: bool) -> String {
        let flags = [
            ('C', self.flags.no_ctcp),
            ('i', self.flags.invite_only),
            ('m', self.flags.moderated),
            ('n', self.flags.no_external),
            ('s', self.flags.secret),
            ('t', self.flags.topic_locked),
        ];
        let mut modes = String::from("+");
        modes.extend(
            flags
                .into_iter()
                .filter(|(_, on)| *on)
                .map(|(letter, _)| letter),
        );
        let mut arguments = String::new();
        if let Some(key) = &self.key {
            modes.push('k');
            arguments = format!("{arguments} {}", if with_key { key } else { "*" });
        }
        if let Some(limit) = self.limit {
            modes.push('l');
            arguments = format!("{arguments} {limit}");
        }
        modes + &arguments
    }

    fn flag(&mut self, letter: char) -> Option<&mut bool> {
        Some(match letter {
            'C' => &mut self.flags.no_ctcp,
            'i' => &mut self.flags.invite_only,
            'm' => &mut self.flags.moderated,
            'n' => &mut self.flags.no_external,
            's' => &mut self.flags.secret,
            't' => &mut self.flags.topic_locked,
            _ => return None,
        })
    }

    pub(super) fn list_mut(&mut self, letter: char) -> Option<&mut Vec<Entry>> {
        match letter {
            'b' => Some(&mut self.bans),
            'e' => Some(&mut self.exceptions),
            'I' => Some(&mut self.invitations),
            _ => None,
        }
    }
}

impl UserModes {
    pub(super) fn show(self) -> String {
        let modes = [
            ('B', self.bot),
            ('i', self.invisible),
            ('o', self.operator),
            ('w', self.wallops),
        ];
        let letters = modes
            .into_iter()
            .filter(|(_, on)| *on)
            .map(|(letter, _)| letter);
        core::iter::once('+').chain(letters).collect()
    }
}

/// Whether a mode of a channel takes an argument when it is set (or unset).
pub(super) fn takes_argument(letter: char, set: bool) -> bool {
    match letter {
        'b' | 'e' | 'I' | 'k' | 'o' | 'v' => true,
        'l' => set,
        _ => false,
    }
}

/// Whether this may be the key of a channel.
pub(super) fn is_key(key: &str) -> bool {
    let fits = !key.is_empty() && key.len() <= KEY_BYTES && !key.starts_with(':');
    fits && !key.contains([' ', ',']) && !key.chars().any(char::is_control)
}

impl<D: Digest> Hub<D> {
    pub(super) fn mode(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        self.hide_keys_of_mode(message);
        let Some(target) = self.need(turn, message, 0) else {
            return;
        };
        if target.starts_with('#') {
            if let Some(room) = self.existing(turn, &name, target) {
                self.channel_mode(turn, name, room, message);
            }
        } else {
            self.user_mode(turn, name, target, message.param(1));
        }
    }

    fn channel_mode(&mut self, turn: &mut Turn<'_>, name: Name, room: Room, message: &Message<'_>) {
        let Some(modes) = message.param(1).filter(|modes| !modes.is_empty()) else {
            let channel = &self.irc.channels[&room];
            let is_in = self.is_in(&name, &room);
            let modes = channel.modes(is_in);
            let created = self.irc.time(channel.created).seconds();
            let tags = Tags {
                shows_key: is_in && channel.key.is_some(),
                ..Tags::default()
            };
            self.reply_with(
                turn,
                tags,
                RPL_CHANNELMODEIS,
                format_args!("{room} {modes}"),
            );
            return self.reply(turn, RPL_CREATIONTIME, format_args!("{room} {created}"));
        };
        let changes = mode::parse(modes, &message.params[2..], takes_argument);
        let mut made = Made::default();
        let mut listed = BTreeSet::new();
        let mut may = None;
        for change in changes.into_iter().take(4 * MODES) {
            let is_query = change.argument.is_none() && matches!(change.letter, 'b' | 'e' | 'I');
            if is_query {
                if listed.insert(change.letter) {
                    self.send_list(turn, &room, change.letter);
                }
                continue;
            }
            // Who may not is told so once.
            if may.is_none() {
                may = Some(self.may_change(turn, &name, &room));
            }
            if may == Some(true) && made.total < MODES {
                self.change(turn, (&name, &room), change, &mut made);
            }
            if made.show().len() > MODE_BYTES {
                self.tell_made(turn, (&name, &room), &mut made);
            }
        }
        self.tell_made(turn, (&name, &room), &mut made);
        if made.bans {
            self.later(turn, Task::Expel(Expel::from(room)));
        }
    }

    /// Tells a room what was changed since it was told last.
    fn tell_made(&mut self, turn: &mut Turn<'_>, (by, room): (&Name, &Room), made: &mut Made) {
        if !made.letters.is_empty() {
            let line = format!(":{} MODE {room} {}", self.irc.mask(by), made.show());
            let to: Vec<_> = self.irc_members(room, None).collect();
            let tags = Tags {
                shows_key: made.shows_key,
                ..Tags::default()
            };
            self.send_irc(turn.now, &to, tags, &line, None, turn.out);
            let (total, bans) = (made.total, made.bans);
            *made = Made {
                total,
                bans,
                ..Made::default()
            };
        }
    }

    fn may_change(&mut self, turn: &mut Turn<'_>, name: &Name, room: &Room) -> bool {
        if !self.is_in(name, room) {
            self.not_in(turn, room);
            return false;
        }
        self.rules(turn, name, room)
    }

    fn change(
        &mut self,
        turn: &mut Turn<'_>,
        (by, room): (&Name, &Room),
        change: mode::Change<'_>,
        made: &mut Made,
    ) {
        match change.letter {
            'b' | 'e' | 'I' => self.change_list(turn, (by, room), change, made),
            'o' | 'v' => self.change_rank(turn, room, change, made),
            'k' => self.change_key(turn, room, change, made),
            'l' => self.change_limit(turn, room, change, made),
            letter => {
                let channel = self.irc.channels.get_mut(room).expect("it was just there");
                match channel.flag(letter) {
                    Some(flag) => {
                        if core::mem::replace(flag, change.set) != change.set {
                            made.push(change.set, letter, None);
                            match letter {
                                'i' => channel.closed = turn.now,
                                's' if change.set => self.irc.secrets += 1,
                                's' => self.irc.secrets -= 1,
                                _ => {}
                            }
                        }
                    }
                    None => {
                        let words = format_args!("{letter} :is unknown mode char to me");
                        self.reply(turn, ERR_UNKNOWNMODE, words);
                    }
                }
            }
        }
    }

    fn change_list(
        &mut self,
        turn: &mut Turn<'_>,
        (by, room): (&Name, &Room),
        change: mode::Change<'_>,
        made: &mut Made,
    ) {
        let (set, letter) = (change.set, change.letter);
        let argument = &*mask::with_host(change.argument.unwrap_or(""));
        let given = word(argument);
        // It stands for what is no word, too.
        let is_mask = given != "*" || argument == "*";
        if !is_mask || given.len() > MASK_BYTES {
            let words = format_args!("{room} {letter} {given} :Invalid mask");
            return self.reply(turn, ERR_INVALIDMODEPARAM, words);
        }
        let mask = mask::complete(given);
        let by = self.irc.mask(by);
        let (most, source) = (self.limits.list_entries, self.source(turn.conn));
        let channel = self.irc.channels.get_mut(room).expect("it was just there");
        let list = channel
            .list_mut(letter)
            .expect("it is the letter of a list");
        let known = list
            .iter()
            .position(|entry| entry.mask.eq_ignore_ascii_case(&mask));
        let (sign, mask) = match (set, known) {
            (true, Some(_)) | (false, None) => return,
            (true, None) if list.len() >= most => {
                let words = format_args!("{room} {letter} :Channel list is full");
                return self.reply(turn, ERR_BANLISTFULL, words);
            }
            (true, None) => {
                let entry = Entry {
                    mask: mask.clone(),
                    by,
                    at: turn.now,
                    source,
                };
                if !self.irc.lists.admits(source, entry.cost()) {
                    let words = format_args!("{room} {letter} :Too many entries from your address");
                    return self.reply(turn, ERR_BANLISTFULL, words);
                }
                self.irc.lists.add(source, entry.cost());
                list.push(entry);
                ('+', mask)
            }
            (false, Some(place)) => {
                let entry = list.remove(place);
                self.irc.lists.remove(entry.source, entry.cost());
                ('-', entry.mask)
            }
        };
        made.push(set, letter, Some(&mask));
        made.bans |= matches!((letter, set), ('b', true) | ('e', false));
        let change = format!("{sign}{letter} {mask}");
        let act = (turn.conn, Act::ChannelList);
        self.audit(act, Some(room.as_str()), Some(&change), turn.out);
    }

    fn change_rank(
        &mut self,
        turn: &mut Turn<'_>,
        room: &Room,
        change: mode::Change<'_>,
        made: &mut Made,
    ) {
        let mode::Change {
            set,
            letter,
            argument,
        } = change;
        let Some(nick) = argument.filter(|nick| !nick.is_empty()) else {
            let words = format_args!("{room} {letter} * :You must give a nickname");
            return self.reply(turn, ERR_INVALIDMODEPARAM, words);
        };
        let known = Name::parse(nick).and_then(|name| {
            let known = self.irc.users.get_key_value(&name);
            known.map(|(&name, _)| name)
        });
        let Some(name) = known.filter(|name| self.known(name).is_some()) else {
            let words = format_args!("{} :No such nick/channel", word(nick));
            return self.reply(turn, ERR_NOSUCHNICK, words);
        };
        // Whom others have seen quit is in as well, as it will be when it comes back.
        if !self.is_in(&name, room) {
            let words = format_args!("{name} {room} :They aren't on that channel");
            return self.reply(turn, ERR_USERNOTINCHANNEL, words);
        }
        let rank = if letter == 'o' {
            Rank::Operator
        } else {
            Rank::Voice
        };
        let channel = self.irc.channels.get_mut(room).expect("it was just there");
        let ranks = channel.ranks.entry(name).or_default();
        let changed = if set {
            ranks.insert(rank)
        } else {
            ranks.remove(&rank)
        };
        if ranks.is_empty() {
            channel.ranks.remove(&name);
        }
        if changed {
            made.push(set, letter, Some(name.as_str()));
        }
    }

    fn change_key(
        &mut self,
        turn: &mut Turn<'_>,
        room: &Room,
        change: mode::Change<'_>,
        made: &mut Made,
    ) {
        let channel = self.irc.channels.get_mut(room).expect("it was just there");
        if !change.set {
            if let Some(key) = channel.key.take() {
                made.push(false, 'k', Some(&key));
            }
            return;
        }
        match change.argument.filter(|key| is_key(key)) {
            Some(key) => {
                if channel.key.as_deref() != Some(key) {
                    channel.locked = turn.now;
                }
                channel.key = Some(key.to_owned());
                made.push(true, 'k', Some(key));
            }
            None => {
                let words = format_args!(
                    "{room} k * :Invalid key: 1 to {KEY_BYTES} bytes, no spaces or commas"
                );
                self.reply(turn, ERR_INVALIDMODEPARAM, words);
            }
        }
    }

    fn change_limit(
        &mut self,
        turn: &mut Turn<'_>,
        room: &Room,
        change: mode::Change<'_>,
        made: &mut Made,
    ) {
        let channel = self.irc.channels.get_mut(room).expect("it was just there");
        if !change.set {
            if channel.limit.take().is_some() {
                made.push(false, 'l', None);
            }
            return;
        }
        let limit = change.argument.and_then(|limit| limit.parse::<u32>().ok());
        match limit.filter(|&limit| limit > 0) {
            Some(limit) => {
                channel.limit = Some(limit as usize);
                made.push(true, 'l', Some(&limit.to_string()));
            }
            None => {
                let given = word(change.argument.unwrap_or(""));
                let words = format_args!("{room} l {given} :Invalid limit: a number of members");
                self.reply(turn, ERR_INVALIDMODEPARAM, words);
            }
        }
    }

    fn send_list(&mut self, turn: &mut Turn<'_>, room: &Room, letter: char) {
        let channel = self.irc.channels.get_mut(room).expect("it was just there");
        let (entry, end, what) = match letter {
            'b' => (RPL_BANLIST, RPL_ENDOFBANLIST, "ban"),
            'e' => (RPL_EXCEPTLIST, RPL_ENDOFEXCEPTLIST, "exception"),
            _ => (RPL_INVEXLIST, RPL_ENDOFINVEXLIST, "invite exception"),
        };
        let list = channel
            .list_mut(letter)
            .expect("it is the letter of a list")
            .clone();
        for Entry { mask, by, at, .. } in list {
            let at = self.irc.time(at).seconds();
            self.reply(turn, entry, format_args!("{room} {mask} {by} {at}"));
        }
        self.reply(
            turn,
            end,
            format_args!("{room} :End of channel {what} list"),
        );
    }

    fn user_mode(&mut self, turn: &mut Turn<'_>, name: Name, target: &str, modes: Option<&str>) {
        if Name::parse(target) != Some(name) {
            let known = Name::parse(target).is_some_and(|name| self.known(&name).is_some());
            return if known {
                let words = format_args!(":Can't change or see the modes of other users");
                self.reply(turn, ERR_USERSDONTMATCH, words);
            } else {
                let words = format_args!("{} :No such nick/channel", word(target));
                self.reply(turn, ERR_NOSUCHNICK, words);
            };
        }
        let mut has = self.irc.users[&name].modes;
        let Some(modes) = modes.filter(|modes| !modes.is_empty()) else {
            return self.reply(turn, RPL_UMODEIS, format_args!("{}", has.show()));
        };
        let mut made = Made::default();
        let mut unknown = false;
        for mode::Change { set, letter, .. } in mode::parse(modes, &[], |_, _| false) {
            let mode = match letter {
                'B' => &mut has.bot,
                'i' => &mut has.invisible,
                'w' => &mut has.wallops,
                // It is given by OPER alone.
                'o' if set => continue,
                'o' => &mut has.operator,
                _ => {
                    unknown = true;
                    continue;
                }
            };
            if core::mem::replace(mode, set) != set {
                made.push(set, letter, None);
            }
        }
        self.irc.users.change(&name, |user| user.modes = has);
        if unknown {
            self.reply(
                turn,
                ERR_UMODEUNKNOWNFLAG,
                format_args!(":Unknown MODE flag"),
            );
        }
        if !made.letters.is_empty() {
            let line = format!(":{} MODE {name} {}", self.irc.mask(&name), made.show());
            self.tell(turn, &line);
        }
    }
}
