//! Who is who: `WHO`, `WHOIS`, `WHOWAS`, `USERHOST`, `ISON`, `AWAY`, `SETNAME`, and `NICK`.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::register::{REALNAME_BYTES, cut};
use super::room::word;
use super::{Digest, Gone, Hub, Tags, Turn};
use crate::broker::Request;
use crate::id::{Name, Room};
use crate::wire::irc::caps::Caps;
use crate::wire::irc::numeric::*;
use crate::wire::irc::{Message, list, mask};

/// Bytes of what somebody who is away says.
pub(super) const AWAY_BYTES: usize = 300;

/// Names in one `USERHOST`.
const USERHOSTS: usize = 5;

impl<D: Digest> Hub<D> {
    /// `NICK` of somebody who has one.
    pub(super) fn nick(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let Some(to) = self.parse_nick(turn, message) else {
            return;
        };
        if to.as_str() == name.as_str() {
            return;
        }
        if !self.take_nick_change(turn) {
            let why = "You change your nick too often; try again in a while";
            return self.fail(turn, format_args!("NICK TOO_FAST"), why);
        }
        self.request(turn, Request::Rename { name: to });
    }

    /// Whether somebody is there as far as `asker` may know from a mask.
    fn shows(&self, asker: &Name, name: &Name) -> bool {
        let user = &self.irc.users[name];
        let shares = || user.rooms.iter().any(|room| self.is_in(asker, room));
        self.irc.is_visible(name) && (!user.modes.invisible || asker == name || shares())
    }

    pub(super) fn who(&mut self, turn: &mut Turn<'_>, asker: Name, message: &Message<'_>) {
        let given = message
            .param(0)
            .filter(|mask| !mask.is_empty())
            .unwrap_or("*");
        let options = message.param(1).unwrap_or("");
        let operators_only = options
            .split('%')
            .next()
            .is_some_and(|flags| flags.contains('o'));
        let limit = self.limits.listed;
        let mut found: Vec<(Name, Option<Room>)> = Vec::new();
        if given.starts_with('#') {
            let room = Room::parse(given).map(|room| self.spelling(&room));
            let room = room.filter(|room| self.irc.channels.contains_key(room));
            if let Some(room) = room {
                let is_in = self.is_in(&asker, &room);
                if is_in || !self.irc.channels[&room].flags.secret {
                    let members = self.broker.members(&room);
                    let shown = members.filter(|name| {
                        let visible = self.irc.is_visible(name);
                        visible && (is_in || self.shows(&asker, name))
                    });
                    found.extend(shown.map(|name| (name, Some(room))));
                }
            }
        } else if let Some(name) = Name::parse(given).filter(|name| self.irc.is_visible(name)) {
            found.push((
                self.irc
                    .users
                    .get_key_value(&name)
                    .map_or(name, |(&n, _)| n),
                None,
            ));
        } else {
            let all = if given == "0" { "*" } else { given };
            let all = &*mask::with_host(all);
            let users = self.users().filter(|(name, user)| {
                let (its_user, its_host) = user.mask.place();
                let texts = [name.as_str(), its_user, its_host, &user.realname];
                let matches = |text: &&str| self.work.matches(all, text);
                let full = all.contains('!') && self.work.matches(all, &self.irc.mask(name));
                self.shows(&asker, name) && (texts.iter().any(matches) || full)
            });
            found.extend(users.map(|(&name, _)| (name, None)));
        }
        found.retain(|(name, _)| !operators_only || self.irc.users[name].modes.operator);
        let all = found.len();
        for (name, room) in found.into_iter().take(limit) {
            let room = room.or_else(|| self.common_room(&asker, &name));
            match options.split_once('%') {
                Some((_, fields)) => self.whox_reply(turn, &name, room, fields),
                None => self.who_reply(turn, &name, room),
            }
        }
        if all > limit {
            let why = format!("The list has {all} users, of whom you were told {limit}");
            self.standard_reply(turn, "WARN", format_args!("WHO TRUNCATED"), &why);
        }
        self.reply(
            turn,
            RPL_ENDOFWHO,
            format_args!("{} :End of WHO list", word(given)),
        );
    }

    /// A room in which both are.
    fn common_room(&self, asker: &Name, name: &Name) -> Option<Room> {
        let rooms = &self.irc.users[name].rooms;
        rooms.iter().find(|room| self.is_in(asker, room)).copied()
    }

    fn who_flags(&self, turn: &Turn<'_>, name: &Name, room: Option<Room>) -> String {
        let user = &self.irc.users[name];
        let mut flags = String::from(if user.away.is_some() { "G" } else { "H" });
        if user.modes.operator {
            flags.push('*');
        }
        if user.modes.bot {
            flags.push('B');
        }
        if let Some(channel) = room.and_then(|room| self.irc.channels.get(&room)) {
            let all = self.session(turn.conn).caps.has(Caps::MULTI_PREFIX);
            flags.push_str(&channel.signs(name, all));
        }
        flags
    }

    fn who_reply(&mut self, turn: &mut Turn<'_>, name: &Name, room: Option<Room>) {
        let flags = self.who_flags(turn, name, room);
        let room = room.map_or("*".to_owned(), |room| room.to_string());
        let user = self.irc.users[name].clone();
        let server = self.irc.identity.name.clone();
        let ((user, host), realname) = (user.mask.place(), &user.realname);
        let words = format_args!("{room} {user} {host} {server} {name} {flags} :0 {realname}");
        self.reply(turn, RPL_WHOREPLY, words);
    }

    /// <https://ircv3.net/specs/extensions/whox>
    fn whox_reply(&mut self, turn: &mut Turn<'_>, name: &Name, room: Option<Room>, wants: &str) {
        let (wants, token) = wants.split_once(',').unwrap_or((wants, "0"));
        let flags = self.who_flags(turn, name, room);
        let room = room.map_or("*".to_owned(), |room| room.to_string());
        let user = self.irc.users[name].clone();
        let server = self.irc.identity.name.clone();
        let (its_user, its_host) = user.mask.place();
        let idle = turn.now.since(user.active).as_secs().to_string();
        let fields: [(char, &str); 13] = [
            ('t', cut(word(token), 3)),
            ('c', &room),
            ('u', its_user),
            ('i', its_host),
            ('h', its_host),
            ('s', &server),
            ('n', name.as_str()),
            ('f', &flags),
            ('d', "0"),
            ('l', &idle),
            ('a', "0"),
            ('o', "n/a"),
            ('r', &user.realname),
        ];
        let wanted = fields
            .into_iter()
            .filter(|(field, _)| wants.contains(*field));
        let mut words = String::new();
        for (field, value) in wanted {
            let colon = if field == 'r' { ":" } else { "" };
            let space = if words.is_empty() { "" } else { " " };
            words = format!("{words}{space}{colon}{value}");
        }
        self.reply(turn, RPL_WHOSPCRPL, format_args!("{words}"));
    }

    pub(super) fn whois(&mut self, turn: &mut Turn<'_>, asker: Name, message: &Message<'_>) {
        let nick = message
            .param(1)
            .filter(|nick| !nick.is_empty())
            .or(message.param(0));
        let nicks = self.nicks(turn, nick);
        for (index, nick) in nicks.into_iter().enumerate() {
            if !self.may_name(turn, index, nick) {
                return;
            }
            let known = Name::parse(nick).filter(|name| self.irc.is_visible(name));
            match known {
                Some(name) => self.whois_replies(turn, &asker, name),
                None => {
                    let words = format_args!("{} :No such nick/channel", word(nick));
                    self.reply(turn, ERR_NOSUCHNICK, words);
                }
            }
            let words = format_args!("{} :End of /WHOIS list", word(nick));
            self.reply(turn, RPL_ENDOFWHOIS, words);
        }
    }

    /// The nicks of a list, each once; if there is none, says so.
    fn nicks<'a>(&mut self, turn: &mut Turn<'_>, nicks: Option<&'a str>) -> Vec<&'a str> {
        let nicks = list::entries(nicks.unwrap_or(""));
        if nicks.is_empty() {
            let words = format_args!(":No nickname given");
            self.reply(turn, ERR_NONICKNAMEGIVEN, words);
        }
        nicks
    }

    fn whois_replies(&mut self, turn: &mut Turn<'_>, asker: &Name, name: Name) {
        let (&name, user) = self.irc.users.get_key_value(&name).expect("it is visible");
        let user = user.clone();
        let ((its_user, its_host), realname) = (user.mask.place(), &user.realname);
        let words = format_args!("{name} {its_user} {its_host} * :{realname}");
        self.reply(turn, RPL_WHOISUSER, words);
        let rooms = user.rooms.iter().filter(|room| {
            let hidden = user.modes.invisible || self.irc.channels[*room].flags.secret;
            !hidden || asker == &name || self.is_in(asker, room)
        });
        let caps = self.session(turn.conn).caps;
        let all = caps.has(Caps::MULTI_PREFIX);
        let rooms: Vec<_> = rooms
            .map(|room| format!("{}{room}", self.irc.channels[room].signs(&name, all)))
            .collect();
        if !rooms.is_empty() {
            let words = |rooms: &str| format!("{name} :{rooms}");
            self.reply_in_lines(turn, RPL_WHOISCHANNELS, (&rooms, ' '), words);
        }
        let (server, description) = {
            let identity = &self.irc.identity;
            (identity.name.clone(), identity.description.clone())
        };
        self.reply(
            turn,
            RPL_WHOISSERVER,
            format_args!("{name} {server} :{description}"),
        );
        if user.modes.operator {
            self.reply(
                turn,
                RPL_WHOISOPERATOR,
                format_args!("{name} :is an IRC operator"),
            );
        }
        if user.modes.bot {
            self.reply(turn, RPL_WHOISBOT, format_args!("{name} :is a bot"));
        }
        if let Some(away) = &user.away {
            self.reply(turn, RPL_AWAY, format_args!("{name} :{away}"));
        }
        let idle = turn.now.since(user.active).as_secs();
        let since = self.irc.time(user.signed_on).seconds();
        let words = format_args!("{name} {idle} {since} :seconds idle, signon time");
        self.reply(turn, RPL_WHOISIDLE, words);
    }

    pub(super) fn whowas(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let nicks = self.nicks(turn, message.param(0));
        let most = message
            .param(1)
            .and_then(|count| count.parse::<usize>().ok());
        let most = most.filter(|&most| most > 0).unwrap_or(usize::MAX);
        for (index, nick) in nicks.into_iter().enumerate() {
            if !self.may_name(turn, index, nick) {
                return;
            }
            self.whowas_replies(turn, nick, most);
        }
    }

    fn whowas_replies(&mut self, turn: &mut Turn<'_>, nick: &str, most: usize) {
        let named = self
            .irc
            .gone
            .iter()
            .filter(|gone| self.work.matches(nick, gone.name.as_str()));
        let found: Vec<Gone> = named.take(most).cloned().collect();
        if found.is_empty() {
            let words = format_args!("{} :There was no such nickname", word(nick));
            self.reply(turn, ERR_WASNOSUCHNICK, words);
        }
        // Whom a mask has found is told by name, as it would be if it were asked for so.
        let is_mask = Name::parse(nick).is_none();
        let last = found.last().filter(|_| is_mask).map(|gone| gone.name);
        let server = self.irc.identity.name.clone();
        for Gone {
            name,
            mask,
            realname,
            at,
        } in found
        {
            let (user, host) = mask.place();
            let words = format_args!("{name} {user} {host} * :{realname}");
            self.reply(turn, RPL_WHOWASUSER, words);
            let at = self.irc.time(at).human();
            self.reply(turn, RPL_WHOISSERVER, format_args!("{name} {server} :{at}"));
        }
        let nick = last.as_ref().map_or(word(nick), Name::as_str);
        self.reply(turn, RPL_ENDOFWHOWAS, format_args!("{nick} :End of WHOWAS"));
    }

    pub(super) fn userhost(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        if self.need(turn, message, 0).is_none() {
            return;
        }
        let nicks = message.params.iter().flat_map(|param| param.split(' '));
        let names = nicks.take(USERHOSTS).filter_map(Name::parse);
        let known = names.filter(|name| self.irc.is_visible(name));
        let known = known.filter_map(|name| self.irc.users.get_key_value(&name));
        let hosts: Vec<_> = known
            .map(|(name, user)| {
                let star = if user.modes.operator { "*" } else { "" };
                let away = if user.away.is_some() { '-' } else { '+' };
                let (its_user, its_host) = user.mask.place();
                format!("{name}{star}={away}{its_user}@{its_host}")
            })
            .collect();
        self.reply_in_one_line(turn, RPL_USERHOST, &hosts);
    }

    pub(super) fn ison(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        if self.need(turn, message, 0).is_none() {
            return;
        }
        let nicks = message.params.iter().flat_map(|param| param.split(' '));
        let names = nicks
            .filter_map(Name::parse)
            .filter(|name| self.irc.is_visible(name));
        let known = names.filter_map(|name| self.irc.users.get_key_value(&name));
        let known: Vec<_> = known.map(|(name, _)| name.to_string()).collect();
        self.reply_in_one_line(turn, RPL_ISON, &known);
    }

    pub(super) fn away(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let why = message.param(0).filter(|why| !why.is_empty());
        let why = why.map(|why| cut(why, AWAY_BYTES).to_owned());
        let away = why.clone();
        let before = self
            .irc
            .users
            .change(&name, |user| core::mem::replace(&mut user.away, away))
            .flatten();
        match &why {
            Some(_) => {
                let words = format_args!(":You have been marked as being away");
                self.reply(turn, RPL_NOWAWAY, words);
            }
            None => {
                let words = format_args!(":You are no longer marked as being away");
                self.reply(turn, RPL_UNAWAY, words);
            }
        }
        if before != why {
            let mut line = format!(":{} AWAY", self.irc.mask(&name));
            if let Some(why) = why {
                line = format!("{line} :{why}");
            }
            self.tell_interested(turn, &name, Caps::AWAY_NOTIFY, &line);
        }
    }

    pub(super) fn setname(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let Some(realname) = self.need(turn, message, 0) else {
            return;
        };
        if realname.len() > REALNAME_BYTES {
            let why = "Your real name is too long";
            return self.fail(turn, format_args!("SETNAME INVALID_REALNAME"), why);
        }
        self.irc
            .users
            .change(&name, |user| user.realname = realname.into());
        let line = format!(":{} SETNAME :{realname}", self.irc.mask(&name));
        if self.session(turn.conn).caps.has(Caps::SETNAME) {
            self.tell(turn, &line);
        }
        self.tell_interested(turn, &name, Caps::SETNAME, &line);
    }

    /// Tells those who share a room with somebody, or watch it, and want to know.
    pub(super) fn tell_interested(
        &mut self,
        turn: &mut Turn<'_>,
        name: &Name,
        wants: Caps,
        line: &str,
    ) {
        let mut to = self.irc_neighbours(name);
        to.extend(self.watchers_of(name, Caps::EXTENDED_MONITOR));
        to.retain(|&conn| conn != turn.conn && self.caps(conn).is_some_and(|caps| caps.has(wants)));
        to.sort_unstable();
        to.dedup();
        self.send_irc(turn.now, &to, Tags::default(), line, None, turn.out);
    }
}
