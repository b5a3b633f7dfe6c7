//! `WHO`, by a channel, a name or a mask.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::sync::Arc;

use super::register::cut;
use super::room::word;
use super::tasks::Task;
use super::{Digest, Hub, Turn};
use crate::id::{Name, Room};
use crate::wire::irc::caps::Caps;
use crate::wire::irc::numeric::*;
use crate::wire::irc::{Message, mask};

/// A `WHO`, as far as it is not told yet.
#[derive(Clone, Debug)]
pub(super) struct Search {
    among: Among,
    operators_only: bool,
    /// What is to be told of each, if it was said so.
    fields: Option<Box<str>>,
    /// The last that was looked at.
    after: Option<Name>,
    /// How many more may be told.
    left: usize,
}

#[derive(Clone, Debug)]
enum Among {
    /// Those in a channel.
    Members(Room),
    /// All of whom something matches a mask.
    Matching(Arc<str>),
}

impl<D: Digest> Hub<D> {
    pub(super) fn who(&mut self, turn: &mut Turn<'_>, asker: Name, message: &Message<'_>) {
        let given = message.param(0).filter(|mask| !mask.is_empty());
        let given = given.unwrap_or("*");
        let options = message.param(1).unwrap_or("");
        let (flags, fields) = match options.split_once('%') {
            Some((flags, fields)) => (flags, Some(fields)),
            None => (options, None),
        };
        let operators_only = flags.contains('o');
        let named = Name::parse(given).and_then(|name| self.irc.users.get_key_value(&name));
        let named = named.filter(|(_, user)| !user.has_quit);
        if given.starts_with('#') || named.is_none() {
            let among = if given.starts_with('#') {
                let room = Room::parse(given).map(|room| self.spelling(&room));
                room.map(Among::Members)
            } else {
                let mask = if given == "0" { "*" } else { given };
                Some(Among::Matching((*mask::with_host(mask)).into()))
            };
            if let Some(among) = among {
                let search = Search {
                    among,
                    operators_only,
                    fields: fields.map(Into::into),
                    after: None,
                    left: self.limits.listed,
                };
                self.later(turn, Task::Users(Box::new(search)));
            }
        } else if let Some((&name, user)) = named
            && (!operators_only || user.modes.operator)
        {
            self.tell_who(turn, &asker, &name, None, fields);
        }
        let words = format!("{} :End of WHO list", word(given));
        self.reply_later(turn, RPL_ENDOFWHO, words);
    }

    pub(super) fn list_users(
        &mut self,
        turn: &mut Turn<'_>,
        asker: Name,
        mut search: Box<Search>,
    ) -> Option<Task> {
        loop {
            let found = match &search.among {
                &Among::Members(room) => {
                    if !self.shows_room(&asker, &room) {
                        return None;
                    }
                    let is_in = self.is_in(&asker, &room);
                    let shows = |name: &Name| is_in || self.shows_member(&asker, name, &room);
                    let names = self.broker.members_after(&room, search.after);
                    self.next_of(turn, &mut search, names, shows)
                }
                Among::Matching(mask) => {
                    let mask = Arc::clone(mask);
                    let shows = |name: &Name| {
                        self.shows_peer(&asker, name) && self.matches_user(&mask, name)
                    };
                    let names = self.broker.lifecycle().names_after(search.after);
                    self.next_of(turn, &mut search, names, shows)
                }
            };
            match found? {
                Some(_) if search.left == 0 => {
                    let limit = self.limits.listed;
                    let why = format!("There are more than {limit} users in the list");
                    self.standard_reply(turn, "WARN", format_args!("WHO TRUNCATED"), &why);
                    return None;
                }
                Some(name) => {
                    search.left -= 1;
                    let room = match search.among {
                        Among::Members(room) => Some(room),
                        Among::Matching(_) => None,
                    };
                    self.tell_who(turn, &asker, &name, room, search.fields.as_deref());
                }
                None => {}
            }
            if self.is_over(turn) {
                return Some(Task::Users(search));
            }
        }
    }

    /// The next of the names that is to be told, or none if the turn was over before one was found.
    fn next_of(
        &self,
        turn: &Turn<'_>,
        search: &mut Search,
        names: impl Iterator<Item = Name>,
        shows: impl Fn(&Name) -> bool,
    ) -> Option<Option<Name>> {
        let Search {
            operators_only,
            after,
            ..
        } = search;
        let is_one = |name: &Name| !*operators_only || self.irc.users[name].modes.operator;
        let names = names.map(|name| (name, ()));
        let is_over = || self.is_over(turn);
        self.work.next_entry(after, names, is_over, |name, ()| {
            let is_there = self.irc.is_visible(&name);
            (is_there && shows(&name) && is_one(&name)).then_some(name)
        })
    }

    /// Whether a mask matches something that is shown of somebody.
    fn matches_user(&self, mask: &str, name: &Name) -> bool {
        let user = &self.irc.users[name];
        let (its_user, its_host) = user.mask.place();
        let texts = [name.as_str(), its_user, its_host, &user.realname];
        let is_full = mask.contains('!');
        texts.iter().any(|text| self.work.matches(mask, text))
            || is_full && self.work.matches(mask, user.mask.as_str())
    }

    fn tell_who(
        &mut self,
        turn: &mut Turn<'_>,
        asker: &Name,
        name: &Name,
        room: Option<Room>,
        fields: Option<&str>,
    ) {
        // Others have seen somebody who is hidden go out of all rooms.
        let is_there = self.irc.is_visible(name);
        let common = || self.common_room(asker, name).filter(|_| is_there);
        let room = room.or_else(common);
        match fields {
            Some(fields) => self.whox_reply(turn, name, room, fields),
            None => self.who_reply(turn, name, room),
        }
    }

    fn who_flags(&self, turn: &Turn<'_>, name: &Name, room: Option<Room>) -> String {
        let user = &self.irc.users[name];
        let is_away = self.why_away(name).is_some();
        let mut flags = String::from(if is_away { "G" } else { "H" });
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
}
