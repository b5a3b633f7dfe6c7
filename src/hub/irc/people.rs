//! Who is who: `WHOIS`, `WHOWAS`, `USERHOST`, `ISON`, `AWAY`, `SETNAME`, and `NICK`.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::register::{REALNAME_BYTES, cut};
use super::room::word;
use super::tasks::Task;
use super::{Digest, Gone, Hub, Tags, Turn};
use crate::broker::Request;
use crate::id::Name;
use crate::wire::irc::caps::Caps;
use crate::wire::irc::numeric::*;
use crate::wire::irc::{Message, list};

/// Bytes of what somebody who is away says.
pub(super) const AWAY_BYTES: usize = 300;

/// What those who ask for somebody are told whose messages wait.
const LOST: &str = "connection lost; messages are kept";

/// Names in one `USERHOST`.
const USERHOSTS: usize = 5;

/// A `WHOWAS`, as far as it is not told yet.
#[derive(Clone, Debug)]
pub(super) struct Departed {
    mask: Box<str>,
    /// Those with a lower number were not looked at.
    before: u64,
    /// How many more may be told.
    left: usize,
    /// Who was told last.
    last: Option<Name>,
}

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

    /// Why somebody who is asked for is away: its connection is lost, whatever else it said before.
    pub(super) fn why_away(&self, name: &Name) -> Option<&str> {
        if self.broker.is_expected(name) {
            return Some(LOST);
        }
        self.irc.users.get(name)?.away.as_deref()
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
            let known = Name::parse(nick).filter(|name| self.known(name).is_some());
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
        let (&name, user) = self.irc.users.get_key_value(&name).expect("it is known");
        let user = user.clone();
        let ((its_user, its_host), realname) = (user.mask.place(), &user.realname);
        let words = format_args!("{name} {its_user} {its_host} * :{realname}");
        self.reply(turn, RPL_WHOISUSER, words);
        // Others have seen it go out of all of them.
        let rooms = user.rooms().filter(|_| user.hidden.is_none());
        let rooms = rooms.filter(|room| self.shows_member(asker, &name, room));
        let caps = self.session(turn.conn).caps;
        let all = caps.has(Caps::MULTI_PREFIX);
        let rooms: Vec<_> = rooms
            .map(|room| format!("{}{room}", self.irc.channels[&room].signs(&name, all)))
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
        if let Some(away) = self.why_away(&name).map(str::to_owned) {
            self.reply(turn, RPL_AWAY, format_args!("{name} :{away}"));
        }
        if user.hidden.is_some() {
            return;
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
            if !self.may_list(turn, index, nick) {
                return;
            }
            let search = Departed {
                mask: nick.into(),
                before: u64::MAX,
                left: most,
                last: None,
            };
            self.later(turn, Task::Departed(Box::new(search)));
        }
    }

    pub(super) fn list_departed(
        &mut self,
        turn: &mut Turn<'_>,
        mut search: Box<Departed>,
    ) -> Option<Task> {
        // Who wants to be found only by those who know it is found by its whole name alone.
        let is_mask = Name::parse(&search.mask).is_none();
        while search.left > 0 {
            // The newest is in front.
            let place = |gone: &Gone| gone.number >= search.before;
            let next = self.irc.gone.partition_point(place);
            let mut rest = self.irc.gone.range(next..);
            let found = rest.find_map(|gone| {
                search.before = gone.number;
                let may_be = !is_mask || !gone.invisible;
                let is_it = may_be && self.work.matches(&search.mask, gone.name.as_str());
                (is_it || self.is_over(turn)).then(|| is_it.then(|| gone.clone()))
            });
            match found {
                None => break,
                Some(None) => {}
                Some(Some(gone)) => {
                    search.left -= 1;
                    search.last = Some(gone.name);
                    self.tell_departed(turn, gone);
                }
            }
            if self.is_over(turn) {
                return Some(Task::Departed(search));
            }
        }
        let nick = word(&search.mask);
        if search.last.is_none() {
            let words = format_args!("{nick} :There was no such nickname");
            self.reply(turn, ERR_WASNOSUCHNICK, words);
        }
        // Whom a mask has found is told by name, as it would be if it were asked for so.
        let last = search.last.filter(|_| is_mask);
        let nick = last.as_ref().map_or(nick, Name::as_str);
        self.reply(turn, RPL_ENDOFWHOWAS, format_args!("{nick} :End of WHOWAS"));
        None
    }

    fn tell_departed(&mut self, turn: &mut Turn<'_>, gone: Gone) {
        let Gone {
            name,
            mask,
            realname,
            at,
            ..
        } = gone;
        let (user, host) = mask.place();
        let words = format_args!("{name} {user} {host} * :{realname}");
        self.reply(turn, RPL_WHOWASUSER, words);
        let (server, at) = (self.irc.identity.name.clone(), self.irc.time(at).human());
        self.reply(turn, RPL_WHOISSERVER, format_args!("{name} {server} :{at}"));
    }

    pub(super) fn userhost(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        if self.need(turn, message, 0).is_none() {
            return;
        }
        let nicks = message.params.iter().flat_map(|param| param.split(' '));
        let names = nicks.take(USERHOSTS).filter_map(Name::parse);
        let known = names.filter(|name| self.known(name).is_some());
        let known = known.filter_map(|name| self.irc.users.get_key_value(&name));
        let hosts: Vec<_> = known
            .map(|(name, user)| {
                let star = if user.modes.operator { "*" } else { "" };
                let is_away = self.why_away(name).is_some();
                let away = if is_away { '-' } else { '+' };
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
