//! Who enters and leaves channels: `JOIN`, `PART`, `INVITE`, and `KICK`.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;
use core::iter;

use super::register::cut;
use super::room::{MayNotJoin, word};
use super::tasks::Task;
use super::{Digest, Hub, Tags, Turn, names};
use crate::broker::{Form, Receiver, Request, Said};
use crate::hub::guesses::{Key, Target};
use crate::hub::work::TARGET;
use crate::id::{Name, Room, Text, Time};
use crate::wire::irc::caps::Caps;
use crate::wire::irc::numeric::*;
use crate::wire::irc::{Message, list};

/// Bytes of the reason of a kick or a part.
pub(super) const REASON_BYTES: usize = 300;

impl<D: Digest> Hub<D> {
    pub(super) fn join(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        self.hide_keys_of_join(message);
        let Some(rooms) = self.need(turn, message, 0) else {
            return;
        };
        if rooms == "0" {
            let user = self.irc.users.get(&name);
            let rooms = user.map(|user| user.rooms.clone()).unwrap_or_default();
            for room in rooms.into_keys() {
                let request = Request::Leave { room, why: None };
                self.request(turn, request);
            }
            return;
        }
        // A key belongs to the room at its place, also where that room is empty.
        let keys = message.param(1).unwrap_or("").split(',');
        let keys = keys.chain(iter::repeat(""));
        let mut seen = BTreeSet::new();
        let wanted = rooms
            .split(',')
            .zip(keys)
            .filter(|(room, _)| !room.is_empty());
        let wanted = wanted.filter(|(room, _)| seen.insert(room.to_ascii_lowercase()));
        let wanted: Vec<_> = wanted
            .map(|(room, key)| (room.into(), self.key_for(room, key)))
            .collect();
        match self.keys_answered_at(turn, &name, &wanted) {
            Some(until) => {
                self.pause(turn.conn, until);
                self.later(turn, Task::Join(wanted));
            }
            None => self.join_each(turn, name, &wanted),
        }
    }

    fn key_for(&self, room: &str, key: &str) -> Key {
        let key = Some(key).filter(|key| !key.is_empty());
        Room::parse(room).map_or(Key::Missing, |room| self.key(&room, key))
    }

    /// When it may be told which of the keys are right, if not at once.
    fn keys_answered_at(
        &self,
        turn: &Turn<'_>,
        name: &Name,
        wanted: &[(Box<str>, Key)],
    ) -> Option<Time> {
        let given = wanted.iter().filter(|(_, key)| *key != Key::Missing);
        let rooms = given.filter_map(|(room, _)| Room::parse(room));
        let others = rooms.filter(|room| !self.is_in(name, room));
        let waits =
            others.filter_map(|room| self.answer_at(turn.now, turn.conn, Target::Key(room)));
        waits.max()
    }

    /// Enters channels one after the other, and tells of each who is in it. When the turn is over,
    /// the rest of it is done later.
    pub(super) fn join_each(
        &mut self,
        turn: &mut Turn<'_>,
        name: Name,
        wanted: &[(Box<str>, Key)],
    ) {
        for (place, (room, key)) in (1..).zip(wanted) {
            self.join_one(turn, name, room, *key);
            self.do_tasks(turn);
            let rest = &wanted[place..];
            if !rest.is_empty() && (self.has_tasks(turn.conn) || self.is_over(turn)) {
                return self.later(turn, Task::Join(rest.to_vec()));
            }
        }
    }

    fn join_one(&mut self, turn: &mut Turn<'_>, name: Name, room: &str, key: Key) {
        let Some(room) = Room::parse(room) else {
            let words = format_args!("{} :No such channel", word(room));
            return self.reply(turn, ERR_NOSUCHCHANNEL, words);
        };
        if self.is_in(&name, &room) {
            return;
        }
        if !self.take_join(turn) {
            let words = format_args!("JOIN :Too many joins; wait a while, and try {room} again");
            return self.reply(turn, RPL_TRYAGAIN, words);
        }
        let limit = self.limits.rooms_per_peer;
        if self.irc.users[&name].rooms.len() >= limit {
            let words = format_args!("{room} :You are in {limit} channels, and may be in no more");
            return self.reply(turn, ERR_TOOMANYCHANNELS, words);
        }
        if !self.broker.admits_to_room(&name, &room) {
            let words = format_args!("{room} :Too many channels from your address");
            return self.reply(turn, ERR_TOOMANYCHANNELS, words);
        }
        let room = self.spelling(&room);
        let entrance = self.may_join(&name, &room, key);
        match (entrance, key) {
            (Ok(()), Key::Right(_)) => {
                self.count_guess(turn.now, turn.conn, Target::Key(room), true)
            }
            (Err(MayNotJoin::BadKey), Key::Wrong) => {
                self.count_guess(turn.now, turn.conn, Target::Key(room), false);
            }
            (Ok(()) | Err(_), Key::Missing | Key::Wrong | Key::Right(_)) => {}
        }
        let Err(why) = entrance else {
            self.request(turn, Request::Join { room });
            if self.is_in(&name, &room) {
                self.describe(turn, &room);
            }
            return;
        };
        let number = match why {
            MayNotJoin::RoomFull => ERR_CHANNELISFULL,
            MayNotJoin::NotInvited => ERR_INVITEONLYCHAN,
            MayNotJoin::Banned => ERR_BANNEDFROMCHAN,
            MayNotJoin::BadKey => ERR_BADCHANNELKEY,
        };
        self.reply(turn, number, format_args!("{room} :{}", why.words()));
    }

    /// What somebody who is now in a room is told of it.
    pub(super) fn describe(&mut self, turn: &mut Turn<'_>, room: &Room) {
        if self
            .irc
            .channels
            .get(room)
            .is_some_and(|channel| channel.topic.is_some())
        {
            self.send_topic(turn, room);
        }
        let room = self.spelling(room);
        self.later(turn, Task::Members(names::Rooms::one(room)));
        self.reply_later(turn, RPL_ENDOFNAMES, format!("{room} :End of /NAMES list"));
    }

    pub(super) fn part(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let Some(rooms) = self.need(turn, message, 0) else {
            return;
        };
        let why = message
            .param(1)
            .and_then(|why| Text::parse(cut(why, REASON_BYTES)));
        for room in list::entries(rooms) {
            match self.existing(turn, &name, room) {
                None => {}
                Some(room) if !self.is_in(&name, &room) => self.not_in(turn, &room),
                Some(room) => {
                    let why = why.clone();
                    self.request(turn, Request::Leave { room, why });
                }
            }
        }
    }

    pub(super) fn invite(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        if message.params.is_empty() {
            let peer = self.irc.users[&name].peer;
            let rooms: Vec<_> = self.irc.invitations.rooms(peer).collect();
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
        let guest = Name::parse(nick).filter(|name| self.known(name).is_some());
        let guest = guest.and_then(|name| self.irc.users.get_key_value(&name));
        let Some(guest) = guest.map(|(&guest, _)| guest) else {
            let words = format_args!("{} :No such nick/channel", word(nick));
            return self.reply(turn, ERR_NOSUCHNICK, words);
        };
        let Some(room) = self.existing(turn, &name, room) else {
            return;
        };
        if !self.is_in(&name, &room) {
            return self.not_in(turn, &room);
        }
        // Of a member whom others have seen quit it is known then that it may come back.
        if self.is_in(&guest, &room) && self.irc.is_visible(&guest) {
            let words = format_args!("{guest} {room} :is already on channel");
            return self.reply(turn, ERR_USERONCHANNEL, words);
        }
        if self.irc.channels[&room].flags.invite_only && !self.rules(turn, &name, &room) {
            return;
        }
        let source = self.source(turn.conn);
        if !self.irc.invitations.admits(source) {
            let words = format_args!("{room} I :Too many invitations from your address");
            return self.reply(turn, ERR_BANLISTFULL, words);
        }
        if !self.ask_in(turn, &name, guest, room) {
            return;
        }
        let (peer, most) = (self.irc.users[&guest].peer, self.limits.list_entries);
        self.irc.invitations.add(room, (peer, source), most);
        self.reply(turn, RPL_INVITING, format_args!("{guest} {room}"));
        self.tell_away(turn, &guest);
        let line = format!(":{} INVITE {guest} {room}", self.irc.mask(&name));
        let told = |conn: &_| self.caps(*conn).is_some_and(|c| c.has(Caps::INVITE_NOTIFY));
        let others: Vec<_> = self.irc_members(&room, Some(&name)).filter(told).collect();
        self.send_irc(turn.now, &others, Tags::default(), &line, None, turn.out);
    }

    /// Asks somebody into a room, by mail: it is kept if its link is down, and comes back if it will
    /// never get it. Returns whether it was not refused.
    fn ask_in(&mut self, turn: &mut Turn<'_>, name: &Name, guest: Name, room: Room) -> bool {
        let text = Text::parse(room.as_str()).expect("the name of a room is a text");
        self.mail(turn, (name, guest), Form::Invitation, &text)
    }

    /// Tells somebody by mail what somebody else has done. Returns whether it was not refused.
    fn mail(
        &mut self,
        turn: &mut Turn<'_>,
        (from, to): (&Name, Name),
        form: Form,
        text: &Text,
    ) -> bool {
        let said = Said {
            texts: text.into(),
            number: self.numbers(1),
            stamp: self.stamp(turn.now, from, form),
        };
        (self.irc.refusals, self.irc.form) = (0, form);
        let to = alloc::vec![Receiver::Peer(to)];
        self.request(turn, Request::Send { to, said });
        self.irc.form = Form::Message;
        self.irc.refusals == 0
    }

    pub(super) fn kick(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let Some(nicks) = self.need(turn, message, 1) else {
            return;
        };
        let why = message.param(2).filter(|why| !why.is_empty());
        let why = Text::parse(why.map_or(name.as_str(), |why| cut(why, REASON_BYTES)));
        for (index, (room, nick)) in pairs(message.params[0], nicks).enumerate() {
            if !self.may_name(turn, index, nick) {
                return;
            }
            self.kick_one(turn, &name, (room, nick), why.clone());
        }
    }

    fn kick_one(
        &mut self,
        turn: &mut Turn<'_>,
        by: &Name,
        (room, nick): (&str, &str),
        why: Option<Text>,
    ) {
        let Some(room) = self.existing(turn, by, room) else {
            return;
        };
        if !self.is_in(by, &room) {
            return self.not_in(turn, &room);
        }
        if !self.rules(turn, by, &room) {
            return;
        }
        // Whom others have seen quit is in as well, as it will be when it comes back.
        let known = Name::parse(nick).filter(|nick| self.is_in(nick, &room));
        let known = known.and_then(|nick| self.irc.users.get_key_value(&nick));
        match known.map(|(&name, _)| name) {
            Some(name) => self.put_out(turn, by, (room, name), why),
            None => {
                let words = format_args!("{} {room} :They aren't on that channel", word(nick));
                self.reply(turn, ERR_USERNOTINCHANNEL, words);
            }
        }
    }

    /// Makes somebody leave a room. It is told by mail, which is kept while its link is down and
    /// until its client has read it; the others are told as of everything else in the room.
    pub(super) fn put_out(
        &mut self,
        turn: &mut Turn<'_>,
        by: &Name,
        (room, name): (Room, Name),
        why: Option<Text>,
    ) {
        self.work.count(TARGET);
        let user = &self.irc.users[&name];
        let since = user.rooms[&room];
        self.irc.invitations.remove(&room, user.peer);
        let text = format!("{room}: {}", why.as_ref().map_or(by.as_str(), Text::as_str));
        let text = Text::parse(&text).expect("a room and a text are a text");
        self.request(turn, Request::Kick { room, name, why });
        self.mail(turn, (by, name), Form::Kick { since }, &text);
    }
}

/// The rooms and nicks of a `KICK`, each pair once: those at the same place belong together, and
/// the last of the shorter list to all that is left of the longer.
fn pairs<'a>(rooms: &'a str, nicks: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let (rooms, nicks): (Vec<_>, Vec<_>) = (rooms.split(',').collect(), nicks.split(',').collect());
    let at = |list: &[&'a str], place: usize| list[place.min(list.len() - 1)];
    let mut seen = BTreeSet::new();
    (0..rooms.len().max(nicks.len()))
        .map(move |place| (at(&rooms, place), at(&nicks, place)))
        .filter(|(room, nick)| !room.is_empty() && !nick.is_empty())
        .filter(move |(room, nick)| {
            seen.insert((room.to_ascii_lowercase(), nick.to_ascii_lowercase()))
        })
}
