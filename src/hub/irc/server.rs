//! The server itself: `PING`, `MOTD`, `LUSERS`, `HELP`, and what operators may do.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::entry::REASON_BYTES;
use super::register::cut;
use super::room::word;
use super::users::Census;
use super::{Digest, Hub, Tags, Turn};
use crate::broker::Request;
use crate::hub::Act;
use crate::id::{Name, Text, Time};
use crate::wire::irc::Message;
use crate::wire::irc::numeric::*;

/// What `HELP` says of each command.
const HELP: &[(&str, &str)] = &[
    ("AWAY", "AWAY [why]: marks you as away, or back"),
    ("CAP", "CAP LS|LIST|REQ|END: negotiates capabilities"),
    (
        "INVITE",
        "INVITE nick #channel: asks somebody to come; alone: who has asked you",
    ),
    ("ISON", "ISON nick...: which of them are here"),
    (
        "JOIN",
        "JOIN #channel[,...] [key,...]: enters channels; JOIN 0 leaves all",
    ),
    (
        "KICK",
        "KICK #channel nick[,...] [why]: makes somebody leave",
    ),
    ("KILL", "KILL nick why: ends a connection (operators)"),
    ("LIST", "LIST [mask,>n,<n,C>n,C<n,T>n,T<n]: lists channels"),
    ("LUSERS", "LUSERS: how many are here"),
    (
        "MODE",
        "MODE #channel|nick [changes]: shows or changes modes",
    ),
    ("MONITOR", "MONITOR +|-|C|L|S [nicks]: who comes and goes"),
    ("MOTD", "MOTD: the message of the day"),
    ("NAMES", "NAMES [#channel]: who is in a channel"),
    ("NICK", "NICK name: changes your name"),
    (
        "NOTICE",
        "NOTICE to[,...] text: as PRIVMSG, and never answered",
    ),
    ("OPER", "OPER name password: makes you an operator"),
    ("PART", "PART #channel[,...] [why]: leaves channels"),
    (
        "PASS",
        "PASS secret, before NICK and USER: lets you come back as the same peer, with what you missed",
    ),
    ("PRIVMSG", "PRIVMSG to[,...] text: says something"),
    ("QUIT", "QUIT [why]: gives your name up and goes"),
    ("REHASH", "REHASH: reads the files again (operators)"),
    ("SETNAME", "SETNAME name: changes your real name"),
    ("STATS", "STATS u: how long the server has run"),
    ("TAGMSG", "TAGMSG to[,...]: tells tags alone"),
    ("TOPIC", "TOPIC #channel [text]: shows or changes the topic"),
    ("USERHOST", "USERHOST nick...: where they are"),
    (
        "WALLOPS",
        "WALLOPS text: says something to all with mode w (operators)",
    ),
    ("WHO", "WHO [mask|#channel] [%fields]: lists users"),
    ("WHOIS", "WHOIS nick: who somebody is"),
    ("WHOWAS", "WHOWAS nick [count]: who somebody was"),
];

impl<D: Digest> Hub<D> {
    pub(super) fn ping(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let Some(token) = message.param(0).filter(|token| !token.is_empty()) else {
            return self.reply(turn, ERR_NOORIGIN, format_args!(":No origin specified"));
        };
        let server = &self.irc.identity.name;
        let line = format!(":{server} PONG {server} :{token}");
        self.tell(turn, &line);
    }

    pub(super) fn quit(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let why = message.param(0).filter(|why| !why.is_empty());
        let why = why.map(|why| format!("Quit: {}", cut(why, REASON_BYTES)));
        let why = Text::parse(why.as_deref().unwrap_or("Quit"));
        // It goes of its own will, and has read what it wanted to.
        self.release(turn.conn, turn.out);
        self.request(turn, Request::Quit { why });
    }

    /// Whether a command is meant for this server, by the name that it may have; if not, says so.
    fn is_me(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) -> bool {
        let Some(target) = message.param(0).filter(|target| !target.is_empty()) else {
            return true;
        };
        let name = &self.irc.identity.name;
        let is_me = crate::wire::irc::mask::matches(target, name);
        let is_user = Name::parse(target).is_some_and(|name| self.irc.is_visible(&name));
        if !is_me && !is_user {
            let words = format_args!("{} :No such server", word(target));
            self.reply(turn, ERR_NOSUCHSERVER, words);
        }
        is_me || is_user
    }

    pub(super) fn motd(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        if self.is_me(turn, message) {
            self.send_motd(turn);
        }
    }

    pub(super) fn send_motd(&mut self, turn: &mut Turn<'_>) {
        let Some(motd) = self.irc.identity.motd.clone() else {
            return self.reply(turn, ERR_NOMOTD, format_args!(":MOTD File is missing"));
        };
        let server = self.irc.identity.name.clone();
        let words = format_args!(":- {server} Message of the day - ");
        self.reply(turn, RPL_MOTDSTART, words);
        for line in motd {
            self.reply(turn, RPL_MOTD, format_args!(":- {line}"));
        }
        self.reply(turn, RPL_ENDOFMOTD, format_args!(":End of /MOTD command."));
    }

    pub(super) fn lusers(&mut self, turn: &mut Turn<'_>) {
        let Census {
            all,
            invisible,
            operators,
            most,
        } = self.irc.users.census();
        let visible = all - invisible;
        let unknown = self.broker.lifecycle().greeting();
        let asker = self.broker.lifecycle().online(turn.conn);
        let channels = self.irc.count_rooms(asker.as_ref());
        let words =
            format_args!(":There are {visible} users and {invisible} invisible on 1 servers");
        self.reply(turn, RPL_LUSERCLIENT, words);
        self.reply(
            turn,
            RPL_LUSEROP,
            format_args!("{operators} :operator(s) online"),
        );
        self.reply(
            turn,
            RPL_LUSERUNKNOWN,
            format_args!("{unknown} :unknown connection(s)"),
        );
        self.reply(
            turn,
            RPL_LUSERCHANNELS,
            format_args!("{channels} :channels formed"),
        );
        let words = format_args!(":I have {all} clients and 0 servers");
        self.reply(turn, RPL_LUSERME, words);
        let words = format_args!("{all} {most} :Current local users {all}, max {most}");
        self.reply(turn, RPL_LOCALUSERS, words);
        let words = format_args!("{all} {most} :Current global users {all}, max {most}");
        self.reply(turn, RPL_GLOBALUSERS, words);
    }

    pub(super) fn version(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        if !self.is_me(turn, message) {
            return;
        }
        let identity = &self.irc.identity;
        let (server, description) = (identity.name.clone(), identity.description.clone());
        let version = concat!("rejoin-", env!("CARGO_PKG_VERSION"));
        let words = format_args!("{version} {server} :{description}");
        self.reply(turn, RPL_VERSION, words);
        self.send_supported(turn);
    }

    pub(super) fn time(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        if !self.is_me(turn, message) {
            return;
        }
        let server = self.irc.identity.name.clone();
        let now = self.irc.time(turn.now).human();
        self.reply(turn, RPL_TIME, format_args!("{server} :{now}"));
    }

    pub(super) fn info(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        if !self.is_me(turn, message) {
            return;
        }
        let started = self.irc.time(Time::ZERO).human();
        for line in [
            concat!("rejoin ", env!("CARGO_PKG_VERSION")).to_owned(),
            self.irc.identity.description.clone(),
            format!("On-line since {started}"),
        ] {
            self.reply(turn, RPL_INFO, format_args!(":{line}"));
        }
        self.reply(turn, RPL_ENDOFINFO, format_args!(":End of INFO list"));
    }

    pub(super) fn admin(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        if !self.is_me(turn, message) {
            return;
        }
        let identity = self.irc.identity.clone();
        let words = format_args!("{} :Administrative info", identity.name);
        self.reply(turn, RPL_ADMINME, words);
        self.reply(turn, RPL_ADMINLOC1, format_args!(":{}", identity.network));
        self.reply(
            turn,
            RPL_ADMINLOC2,
            format_args!(":{}", identity.description),
        );
        self.reply(turn, RPL_ADMINEMAIL, format_args!(":{}", identity.admin));
    }

    pub(super) fn stats(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let Some(query) = self.need(turn, message, 0) else {
            return;
        };
        let query = word(query).chars().next().unwrap_or('*');
        if matches!(query, 'u' | 'U') {
            let up = turn.now.since(Time::ZERO).as_secs();
            let (days, hours, minutes) = (up / 86_400, up / 3_600 % 24, up / 60 % 60);
            let words = format_args!(":Server Up {days} days {hours}:{minutes:02}:{:02}", up % 60);
            self.reply(turn, RPL_STATSUPTIME, words);
        }
        self.reply(
            turn,
            RPL_ENDOFSTATS,
            format_args!("{query} :End of STATS report"),
        );
    }

    /// There are no other servers.
    pub(super) fn links(&mut self, turn: &mut Turn<'_>) {
        self.reply(turn, RPL_ENDOFLINKS, format_args!("* :End of LINKS list"));
    }

    pub(super) fn help(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let subject = message
            .param(0)
            .filter(|subject| !subject.is_empty())
            .unwrap_or("*");
        let named = |(command, _): &&(&str, &str)| command.eq_ignore_ascii_case(subject);
        let lines: Vec<String> = match subject {
            "*" => {
                let commands: Vec<_> = HELP.iter().map(|(command, _)| *command).collect();
                let listed = commands.chunks(10).map(|commands| commands.join(" "));
                let how = "HELP command explains one of these:".to_owned();
                core::iter::once(how).chain(listed).collect()
            }
            _ => HELP
                .iter()
                .filter(named)
                .map(|(_, help)| help.to_string())
                .collect(),
        };
        let subject = word(subject);
        let Some((first, rest)) = lines.split_first() else {
            let words = format_args!("{subject} :Help not found");
            return self.reply(turn, ERR_HELPNOTFOUND, words);
        };
        self.reply(turn, RPL_HELPSTART, format_args!("{subject} :{first}"));
        for line in rest {
            self.reply(turn, RPL_HELPTXT, format_args!("{subject} :{line}"));
        }
        self.reply(turn, RPL_ENDOFHELP, format_args!("{subject} :End of /HELP"));
    }

    /// Whether somebody is an operator of the server; if not, says so.
    pub(super) fn governs(&mut self, turn: &mut Turn<'_>, name: &Name) -> bool {
        let governs = self.irc.users[name].modes.operator;
        if !governs {
            let words = format_args!(":Permission Denied- You're not an IRC operator");
            self.reply(turn, ERR_NOPRIVILEGES, words);
        }
        governs
    }

    pub(super) fn wallops(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let Some(text) = self.need(turn, message, 0) else {
            return;
        };
        if !self.governs(turn, &name) {
            return;
        }
        let line = format!(":{} WALLOPS :{text}", self.irc.mask(&name));
        let users = self.users().filter(|(_, user)| user.modes.wallops);
        let to = users.filter_map(|(name, _)| self.broker.lifecycle().live(name));
        let to: Vec<_> = to.collect();
        self.send_irc(turn.now, &to, Tags::default(), &line, None, turn.out);
    }

    pub(super) fn rehash(&mut self, turn: &mut Turn<'_>, name: Name) {
        if self.governs(turn, &name) {
            self.audit((turn.conn, Act::Rehash), None, None, turn.out);
            self.reply(turn, RPL_REHASHING, format_args!("* :Rehashing"));
            turn.out.rehash();
        }
    }
}
