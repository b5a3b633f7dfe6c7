//! `MONITOR`: who comes and goes (<https://ircv3.net/specs/extensions/monitor>).

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::room::word;
use super::{Digest, Hub, Tags, Turn};
use crate::hub::Outputs;
use crate::id::{ConnId, Name, Time};
use crate::wire::irc::Message;
use crate::wire::irc::caps::Caps;
use crate::wire::irc::numeric::*;

impl<D: Digest> Hub<D> {
    pub(super) fn monitor(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let Some(subcommand) = self.need(turn, message, 0) else {
            return;
        };
        match subcommand {
            "+" => self.watch(turn, message),
            "-" => {
                let nicks = message.param(1).unwrap_or("").split(',');
                for name in nicks.filter_map(Name::parse) {
                    self.unwatch(turn.conn, name);
                }
            }
            "c" | "C" => {
                for name in self.session(turn.conn).watched.clone() {
                    self.unwatch(turn.conn, name);
                }
            }
            "l" | "L" => {
                let watched = &self.session(turn.conn).watched;
                let watched: Vec<_> = watched.iter().map(Name::to_string).collect();
                self.reply_names(turn, RPL_MONLIST, &watched);
                self.reply(turn, RPL_ENDOFMONLIST, format_args!(":End of MONITOR list"));
            }
            "s" | "S" => {
                let watched = self.session(turn.conn).watched.iter().copied().collect();
                self.send_status(turn, watched);
            }
            _ => {
                let words = format_args!("MONITOR :Unknown subcommand: +, -, C, L or S");
                self.reply(turn, ERR_NEEDMOREPARAMS, words);
            }
        }
    }

    fn watch(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let mut watched = Vec::new();
        let nicks = message.param(1).unwrap_or("").split(',');
        let mut nicks = nicks.filter(|nick| !nick.is_empty());
        while let Some(nick) = nicks.next() {
            let Some(name) = Name::parse(nick) else {
                let words = format_args!("{} :Erroneous nickname", word(nick));
                self.reply(turn, ERR_ERRONEUSNICKNAME, words);
                continue;
            };
            let limit = self.limits.monitored;
            let session = self.session_mut(turn.conn);
            if !session.watched.contains(&name) && session.watched.len() >= limit {
                let rest = core::iter::once(nick).chain(nicks);
                let rest: Vec<_> = rest.map(str::to_owned).collect();
                let words = |rest: &str| format!("{limit} {rest} :Monitor list is full");
                self.reply_in_lines(turn, ERR_MONLISTFULL, (&rest, ','), words);
                break;
            }
            if session.watched.insert(name) {
                self.irc.watchers.entry(name).or_default().insert(turn.conn);
                watched.push(name);
            }
        }
        self.send_status(turn, watched);
    }

    /// Forgets that a connection watches a name.
    pub(super) fn unwatch(&mut self, conn: ConnId, name: Name) {
        self.session_mut(conn).watched.remove(&name);
        self.forget_watcher(conn, &name);
    }

    pub(in crate::hub) fn forget_watcher(&mut self, conn: ConnId, name: &Name) {
        if let Some(watchers) = self.irc.watchers.get_mut(name) {
            watchers.remove(&conn);
            if watchers.is_empty() {
                self.irc.watchers.remove(name);
            }
        }
    }

    fn send_status(&mut self, turn: &mut Turn<'_>, names: Vec<Name>) {
        let (online, offline): (Vec<_>, Vec<_>) = names
            .into_iter()
            .partition(|name| self.irc.is_visible(name));
        let online: Vec<_> = online.iter().map(|name| self.shown(name)).collect();
        self.reply_names(turn, RPL_MONONLINE, &online);
        let offline: Vec<_> = offline.iter().map(Name::to_string).collect();
        self.reply_names(turn, RPL_MONOFFLINE, &offline);
    }

    /// Replies with names, or full masks, if there are any.
    fn reply_names(&mut self, turn: &mut Turn<'_>, number: Numeric, names: &[String]) {
        if !names.is_empty() {
            self.reply_in_lines(turn, number, (names, ','), |names| format!(":{names}"));
        }
    }

    /// The full mask of a user, with the nick as its bearer writes it.
    fn shown(&self, name: &Name) -> String {
        let known = self.irc.users.get_key_value(name);
        self.irc.mask(known.map_or(name, |(known, _)| known))
    }

    /// Tells those who watch a name that somebody has come or gone.
    pub(super) fn tell_watchers(
        &mut self,
        now: Time,
        name: &Name,
        online: bool,
        out: &mut Outputs,
    ) {
        let watchers = self.irc.watchers.get(name).cloned().unwrap_or_default();
        let server = self.irc.identity.name.clone();
        for conn in watchers {
            let nick = self.nick_of(conn);
            let nick = nick.as_ref().map_or("*", Name::as_str);
            let line = if online {
                format!(":{server} {RPL_MONONLINE} {nick} :{}", self.shown(name))
            } else {
                format!(":{server} {RPL_MONOFFLINE} {nick} :{name}")
            };
            let aside = Tags {
                aside: true,
                ..Tags::default()
            };
            self.send_irc(now, &[conn], aside, &line, None, out);
        }
    }

    /// The connections that watch a name and have these capabilities.
    pub(super) fn watchers_of(&self, name: &Name, caps: Caps) -> Vec<ConnId> {
        let watchers = self.irc.watchers.get(name).into_iter().flatten().copied();
        watchers
            .filter(|&conn| self.caps(conn).is_some_and(|has| has.has(caps)))
            .collect()
    }
}
