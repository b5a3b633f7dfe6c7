//! IRC: what its lines ask for, and what its clients see of everything that happens.
//!
//! The broker knows peers, rooms and mail; what only IRC knows of them (addresses, topics, modes,
//! who is an operator) is kept here, for the peers of all protocols.

mod acks;
mod chat;
mod entry;
mod expelled;
mod invitations;
mod keys;
mod kicks;
mod kills;
mod label;
mod list;
mod mode;
mod monitor;
mod names;
pub(super) mod oper;
mod people;
mod presence;
mod register;
pub(super) mod room;
mod send;
mod server;
mod session;
pub(super) mod tasks;
mod told;
mod user;
mod users;
mod who;

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::clock::Clock;
use super::identity::Identity;
use super::ids::Ids;
use super::{Digest, Hub, Outputs, Session as Any, Understood, work};
use crate::broker::{Form, Stamp};
use crate::budget::Budget;
use crate::id::{ConnId, Name, PeerId, Room, Time};
use crate::wire::irc::caps::Caps;
use crate::wire::irc::numeric::*;
use crate::wire::irc::{BadLine, Excerpt, Message, Timestamp};
use crate::wire::lines::Line;
use expelled::Expelled;
use invitations::Invitations;
use kicks::Kicks;
use kills::Kills;
pub(super) use label::Replying;
use oper::UnknownLogins;
use room::Channel;
pub(super) use send::Tags;
pub(super) use session::Session;
use user::{Mask, User, UserModes};
use users::Users;

/// What IRC knows of all peers and rooms.
#[derive(Debug, Default)]
pub(super) struct Irc {
    pub(super) identity: Identity,
    /// How many passwords the server has had; to have none counts, too.
    pub(super) passwords: u64,
    pub(super) clock: Clock,
    ids: Ids,
    pub(super) users: Users,
    pub(super) channels: BTreeMap<Room, Channel>,
    /// How many of them are secret.
    secrets: usize,
    /// What the lists of all channels take, by where it came from.
    lists: Budget,
    invitations: Invitations,
    expelled: Expelled,
    /// Who wants to know of whose coming and going.
    watchers: BTreeMap<Name, BTreeSet<ConnId>>,
    /// Those who have gone, the newest first.
    gone: VecDeque<Gone>,
    /// How many have gone.
    departures: u64,
    /// When those who are away are taken for gone.
    graces: BTreeSet<(Time, Name)>,
    /// Connections that were handed mail and may have to be asked for an acknowledgement; empty
    /// between two inputs.
    unasked: BTreeSet<ConnId>,
    /// When those are asked whose rate does not allow it yet.
    asks: BTreeSet<(Time, ConnId)>,
    /// When those who never answered an acknowledgement need not any more.
    patience: BTreeSet<(Time, ConnId)>,
    /// How many messages have a number.
    numbered: u64,
    /// The command that is being answered with a label.
    replying: Option<Replying>,
    /// How often what was asked for last was refused.
    refusals: usize,
    /// How many the part of a room has that something is being said to.
    crowd: Option<usize>,
    /// What is being said.
    form: Form,
    /// The kicks among the mail that is being handed over to somebody who is back; empty between two
    /// inputs.
    kicks: Kicks,
    kills: Kills,
    unknown_logins: UnknownLogins,
    /// Whether refusals are kept to ourselves.
    quiet: bool,
    /// Empty between two lines that are sent; kept for its memory.
    told: Vec<(Caps, ConnId)>,
}

/// Somebody who has gone.
#[derive(Clone, Debug)]
struct Gone {
    /// Each has a greater one than all before.
    number: u64,
    name: Name,
    mask: Mask,
    realname: Box<str>,
    invisible: bool,
    at: Time,
}

/// One command of one connection.
pub(super) struct Turn<'a> {
    now: Time,
    conn: ConnId,
    out: &'a mut Outputs,
}

impl Irc {
    /// What is in the lists of channels may take so many bytes, and so may invitations.
    pub(super) fn new(ids: Ids, list_bytes: usize) -> Self {
        Self {
            ids,
            lists: Budget::new(list_bytes),
            invitations: Invitations::new(list_bytes),
            ..Self::default()
        }
    }

    /// `nick!user@host`.
    fn mask(&self, name: &Name) -> String {
        match self.users.get(name) {
            Some(user) => user.mask.as_str().to_owned(),
            None => format!("{name}!{name}@{}", self.identity.name),
        }
    }

    /// Whether others see that somebody is there.
    fn is_visible(&self, name: &Name) -> bool {
        self.users.get(name).is_some_and(User::is_visible)
    }

    pub(super) const fn count_refusal(&mut self) {
        self.refusals += 1;
    }

    /// How many something is being said to that are a part of a room.
    pub(super) const fn crowd(&self) -> Option<usize> {
        self.crowd
    }

    /// Who bears a name, and how often it has been back.
    pub(super) fn returns(&self, name: &Name) -> Option<(PeerId, u64)> {
        self.users.get(name).map(|user| (user.peer, user.returns))
    }

    /// What the wall clock showed at a time.
    pub(super) fn time(&self, at: Time) -> Timestamp {
        self.clock.at(at)
    }
}

impl<D: Digest> Hub<D> {
    /// The first of so many numbers that no other message has.
    pub(super) fn numbers(&mut self, messages: usize) -> u64 {
        let first = self.irc.numbered + 1;
        self.irc.numbered += messages as u64;
        first
    }

    /// What goes with what somebody says now.
    pub(super) fn stamp(&mut self, now: Time, name: &Name, form: Form) -> Stamp {
        let user = self.irc.users.speaks(name, now);
        let bot = user.is_some_and(|user| user.modes.bot);
        Stamp {
            at: now,
            form,
            part: None,
            address: user.map(|user| user.mask.shared()),
            tags: bot.then(|| "bot".into()),
        }
    }

    /// All peers, in order.
    fn users(&self) -> impl Iterator<Item = (&Name, &User)> {
        let names = self.broker.lifecycle().bindings();
        names.filter_map(|(name, _)| self.irc.users.get_key_value(name))
    }

    fn take_join(&mut self, turn: &Turn<'_>) -> bool {
        let rate = self.limits.joins;
        rate.take(&mut self.link(turn.conn).joins, turn.now)
    }

    fn take_nick_change(&mut self, turn: &Turn<'_>) -> bool {
        let rate = self.limits.nick_changes;
        rate.take(&mut self.link(turn.conn).nick_changes, turn.now)
    }

    pub(super) fn irc_line(&mut self, now: Time, conn: ConnId, line: Line<'_>, out: &mut Outputs) {
        self.count_line(now, conn);
        self.work.count(work::LINE);
        let turn = &mut Turn { now, conn, out };
        let Line::Whole(bytes) = line else {
            self.observe_line(line, &Err(BadLine::TooLong));
            return self.too_long(turn);
        };
        let parsed = Message::parse(bytes);
        self.observe_line(line, &parsed);
        let bad = match &parsed {
            Ok(message) => return self.irc_message(turn, message),
            Err(bad) => *bad,
        };
        // What can be read of a bad line says whose text is spoilt, or how to answer.
        let mended = Message::mend(bytes);
        let readable = Message::parse(mended.as_bytes());
        match &readable {
            Ok(message) if message.can_do_without_text() => {
                let label = self.label(turn.conn, message);
                self.labeled(turn, label, |hub, turn| {
                    hub.warn_of_mended(turn, message, bad);
                    hub.irc_command(turn, message);
                });
            }
            Ok(_) | Err(_) => self.refuse_line(turn, &Excerpt::of(bytes), bad),
        }
    }

    fn observe_line(&mut self, line: Line<'_>, message: &Result<Message<'_>, BadLine>) {
        for observer in &mut self.observers {
            observer.line(line, Understood::Irc(message));
        }
    }

    /// Answers a line of which this can be read.
    fn refuse_line(&mut self, turn: &mut Turn<'_>, excerpt: &Excerpt, bad: BadLine) {
        if bad == BadLine::Empty {
            return;
        }
        let Excerpt { label, command } = excerpt;
        let label = label.clone().filter(|_| self.takes_labels(turn.conn));
        self.labeled(turn, label, |hub, turn| match bad {
            // It is never answered.
            _ if command == "NOTICE" => {}
            BadLine::TooLong => hub.too_long(turn),
            BadLine::BadCharacter => hub.bad_character(turn),
            BadLine::InvalidUtf8 | BadLine::Empty => hub.invalid_utf8(turn, command),
        });
    }

    /// Says what was replaced in a line that is carried out all the same. Whoever quits hears no
    /// more, and a text that was too long is cut without a word, as it is where it fits the line.
    fn warn_of_mended(&mut self, turn: &mut Turn<'_>, message: &Message<'_>, bad: BadLine) {
        let command = message.command.to_ascii_uppercase();
        let (code, why) = match bad {
            BadLine::InvalidUtf8 => ("INVALID_UTF8", "Lines are UTF-8; what is not was replaced"),
            BadLine::BadCharacter => (
                "BAD_CHARACTER",
                "No line has a NUL or a CR inside; they were replaced",
            ),
            BadLine::TooLong | BadLine::Empty => return,
        };
        if command != "QUIT" {
            self.standard_reply(turn, "WARN", format_args!("{command} {code}"), why);
        }
    }

    fn bad_character(&mut self, turn: &mut Turn<'_>) {
        let why = "No line has a NUL or a CR inside; this one was skipped";
        self.fail(turn, format_args!("* BAD_CHARACTER"), why);
    }

    fn too_long(&mut self, turn: &mut Turn<'_>) {
        let words = format_args!(":Input line was too long");
        self.reply(turn, ERR_INPUTTOOLONG, words);
    }

    /// <https://ircv3.net/specs/extensions/utf8-only> wants this reply of every server.
    fn invalid_utf8(&mut self, turn: &mut Turn<'_>, command: &str) {
        let server = &self.irc.identity.name;
        let why = "Lines are UTF-8; this one was skipped";
        let line = format!(":{server} FAIL {command} INVALID_UTF8 :{why}");
        self.tell(turn, &line);
    }

    fn irc_message(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let label = self.label(turn.conn, message);
        self.labeled(turn, label, |hub, turn| hub.irc_command(turn, message));
    }

    /// The label that the replies to a message are to have, if any.
    fn label(&self, conn: ConnId, message: &Message<'_>) -> Option<String> {
        let takes = self.takes_labels(conn);
        takes.then(|| message.label()).flatten()
    }

    fn takes_labels(&self, conn: ConnId) -> bool {
        self.session(conn).caps.has(Caps::LABELED_RESPONSE)
    }

    /// Does something, and gives all replies to it this label.
    fn labeled(
        &mut self,
        turn: &mut Turn<'_>,
        label: Option<String>,
        run: impl FnOnce(&mut Self, &mut Turn<'_>),
    ) {
        let conn = turn.conn;
        self.irc.replying = label.map(|label| Replying::new(conn, label));
        run(self, turn);
        if self.link(conn).paused.is_none() {
            self.do_tasks(turn);
        }
        self.end_of_replies(turn.now, conn, turn.out);
    }

    fn irc_command(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let online = self.broker.lifecycle().online(turn.conn);
        // Mostly it is written so.
        let is_upper = message
            .command
            .bytes()
            .all(|byte| byte.is_ascii_uppercase());
        let upper = (!is_upper).then(|| message.command.to_ascii_uppercase());
        let command = upper.as_deref().unwrap_or(message.command);
        self.irc.refusals = 0;
        match (command, online) {
            ("PRIVMSG", Some(name)) => self.privmsg(turn, name, message, Form::Message),
            ("NOTICE", Some(name)) => {
                self.irc.quiet = true;
                self.privmsg(turn, name, message, Form::Notice);
                self.irc.quiet = false;
            }
            ("PING", _) => self.ping(turn, message),
            ("PONG", _) => self.pong(turn, message),
            ("CAP", _) => self.cap(turn, message),
            ("QUIT", _) => self.quit(turn, message),
            ("PASS", None) => self.pass(turn, message),
            ("USER", None) => self.user(turn, message),
            ("NICK", None) => self.first_nick(turn, message),
            ("PASS" | "USER", Some(_)) => {
                if command == "PASS" {
                    self.hide(message, format_args!("PASS x"));
                }
                self.reply(
                    turn,
                    ERR_ALREADYREGISTERED,
                    format_args!(":You may not reregister"),
                );
            }
            // The one is never answered, and the other is for clients.
            ("NOTICE", None) | ("ERROR", _) => {}
            (_, Some(name)) => self.registered_command(turn, name, command, message),
            (_, None) => {
                match command {
                    "OPER" => self.hide(message, format_args!("OPER")),
                    "JOIN" => self.hide_keys_of_join(message),
                    "MODE" => self.hide_keys_of_mode(message),
                    _ => {}
                }
                // Clients write commands in capital letters, and people who type plain lines do not.
                let hint = match is_upper {
                    true => String::new(),
                    false => format!("; {}", self.where_plain_lines_are()),
                };
                let words = format_args!(":You have not registered{hint}");
                self.reply(turn, ERR_NOTREGISTERED, words);
            }
        }
    }

    fn registered_command(
        &mut self,
        turn: &mut Turn<'_>,
        name: Name,
        command: &str,
        message: &Message<'_>,
    ) {
        match command {
            "TAGMSG" => self.tagmsg(turn, name, message),
            "NICK" => self.nick(turn, name, message),
            "JOIN" => self.join(turn, name, message),
            "PART" => self.part(turn, name, message),
            "TOPIC" => self.topic(turn, name, message),
            "NAMES" => self.names(turn, message),
            "LIST" => self.list(turn, message),
            "INVITE" => self.invite(turn, name, message),
            "KICK" => self.kick(turn, name, message),
            "MODE" => self.mode(turn, name, message),
            "WHO" => self.who(turn, name, message),
            "WHOIS" => self.whois(turn, name, message),
            "WHOWAS" => self.whowas(turn, message),
            "USERHOST" => self.userhost(turn, message),
            "ISON" => self.ison(turn, message),
            "AWAY" => self.away(turn, name, message),
            "SETNAME" => self.setname(turn, name, message),
            "MONITOR" => self.monitor(turn, message),
            "MOTD" => self.motd(turn, message),
            "LUSERS" => self.lusers(turn),
            "VERSION" => self.version(turn, message),
            "TIME" => self.time(turn, message),
            "INFO" => self.info(turn, message),
            "ADMIN" => self.admin(turn, message),
            "STATS" => self.stats(turn, message),
            "LINKS" => self.links(turn),
            "HELP" | "HELPOP" => self.help(turn, message),
            "OPER" => self.oper(turn, name, message),
            "KILL" => self.kill(turn, name, message),
            "WALLOPS" => self.wallops(turn, name, message),
            "REHASH" => self.rehash(turn, name),
            _ => {
                let words = format_args!("{} :Unknown command", room::word(message.command));
                self.reply(turn, ERR_UNKNOWNCOMMAND, words);
            }
        }
    }

    /// Tells those who look on what may stand for a line with a secret in it.
    fn hide(&mut self, message: &Message<'_>, instead: fmt::Arguments<'_>) {
        if self.observers.is_empty() {
            return;
        }
        let (at, space) = if message.tags.is_empty() {
            ("", "")
        } else {
            ("@", " ")
        };
        let instead = format!("{at}{}{space}{instead}", message.tags);
        for observer in &mut self.observers {
            observer.hidden(&instead);
        }
    }

    /// A parameter that a command cannot do without.
    fn need<'a>(
        &mut self,
        turn: &mut Turn<'_>,
        message: &Message<'a>,
        index: usize,
    ) -> Option<&'a str> {
        let param = message.param(index).filter(|param| !param.is_empty());
        if param.is_none() {
            let command = message.command.to_ascii_uppercase();
            let words = format_args!("{command} :Not enough parameters");
            self.reply(turn, ERR_NEEDMOREPARAMS, words);
        }
        param
    }

    fn session(&self, conn: ConnId) -> &Session {
        match &self.links[conn].session {
            Any::Irc(session) => session,
            Any::Plain(_) => unreachable!("{conn} speaks the plain protocol"),
        }
    }

    fn session_mut(&mut self, conn: ConnId) -> &mut Session {
        match &mut self.link(conn).session {
            Any::Irc(session) => session,
            Any::Plain(_) => unreachable!("{conn} speaks the plain protocol"),
        }
    }

    /// The capabilities of a connection; none if it speaks another protocol, or has ended.
    fn caps(&self, conn: ConnId) -> Option<Caps> {
        match &self.links.get(conn)?.session {
            Any::Irc(session) => Some(session.caps),
            Any::Plain(_) => None,
        }
    }

    /// The connections of those in a room who speak IRC, but for `except`.
    fn irc_members(&self, room: &Room, except: Option<&Name>) -> impl Iterator<Item = ConnId> {
        let members = self.broker.count_members(room);
        self.work.count(work::ENTRY * members as u64);
        let live = self.broker.live_members(room, except);
        live.filter(|&conn| self.caps(conn).is_some())
    }

    /// The connections of those who share a room with somebody and speak IRC, each once; its own
    /// is none of them.
    fn irc_neighbours(&self, name: &Name) -> Vec<ConnId> {
        let rooms = self.irc.users.get(name).map(|user| user.rooms.keys());
        let rooms = rooms.into_iter().flatten();
        let members = rooms.flat_map(|room| self.irc_members(room, Some(name)));
        // There may be many more members than people.
        let visit = self.visits.get() + 1;
        self.visits.set(visit);
        let is_first = |conn: &ConnId| self.links[*conn].visited.replace(visit) != visit;
        let mut neighbours: Vec<_> = members.filter(is_first).collect();
        neighbours.sort_unstable();
        neighbours
    }
}
