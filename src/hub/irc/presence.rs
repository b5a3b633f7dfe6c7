//! Who comes, stays, and goes, as clients of IRC see it; and how far they have read.
//!
//! A peer that can come back is not taken for gone when its link breaks, but only after a grace:
//! until then nobody sees anything of it.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::session::Acks;
use super::{Digest, Gone, Hub, Mask, Tags, Turn, User, UserModes};
use crate::broker::lifecycle::Hold;
use crate::broker::{Event, LeaveReason};
use crate::hub::{Outputs, Session as Any, work};
use crate::id::{ConnId, Name, Room, Time};
use crate::wire::irc::caps::Caps;
use crate::wire::irc::mask;
use crate::wire::irc::numeric::RPL_NOWAWAY;

/// Members of all its rooms that somebody who is back is told ahead of what was kept: if there are
/// more, it is told of them behind that, as its socket takes them.
const MEMBERS_AT_ONCE: usize = 1_000;

impl<D: Digest> Hub<D> {
    /// Takes in what happens, before those who speak IRC are told of it.
    pub(in crate::hub) fn before_event(&mut self, now: Time, to: &[ConnId], event: &Event) {
        match *event {
            Event::Welcome { name } => {
                let user = self.new_user(now, to[0], &name);
                self.irc.users.insert(name, user);
            }
            Event::Joined { room, name } => self.note_join(now, name, room),
            Event::Back { .. }
            | Event::Mail(_)
            | Event::KeptMail(_)
            | Event::Kept { .. }
            | Event::Left { .. }
            | Event::Renamed { .. }
            | Event::Rooms { .. }
            | Event::Who { .. }
            | Event::Refused(_) => {}
        }
    }

    /// Takes in what happens, after those who speak IRC were told of it.
    pub(in crate::hub) fn after_event(&mut self, now: Time, event: &Event, out: &mut Outputs) {
        match event {
            Event::Welcome { name } => self.tell_watchers(now, name, true, out),
            Event::Left {
                room,
                name,
                why: LeaveReason::Left(_) | LeaveReason::Kicked { .. },
            } => self.note_leave(name, room),
            &Event::Renamed { from, to } => self.note_rename(now, from, to, out),
            // Who leaves all its rooms at once has left them in `left_all`.
            Event::Left {
                why: LeaveReason::Quit(_) | LeaveReason::Gone | LeaveReason::Expired,
                ..
            }
            | Event::Back { .. }
            | Event::Mail(_)
            | Event::KeptMail(_)
            | Event::Kept { .. }
            | Event::Joined { .. }
            | Event::Rooms { .. }
            | Event::Who { .. }
            | Event::Refused(_) => {}
        }
    }

    fn new_user(&self, now: Time, conn: ConnId, name: &Name) -> User {
        let link = &self.links[conn];
        let (user, realname) = match &link.session {
            Any::Irc(session) => {
                let said = session.registering.as_ref();
                let user = said.and_then(|said| said.user.as_ref());
                let (user, realname) = user.expect("who registers is a user");
                (&user[..], &realname[..])
            }
            Any::Plain(_) => ("plain", name.as_str()),
        };
        let binding = self.broker.lifecycle().binding(name);
        User {
            peer: binding.expect("who is online bears its name").peer,
            mask: Mask::new(name, user, &mask::host(link.address)),
            realname: realname.into(),
            away: None,
            modes: UserModes::default(),
            signed_on: now,
            returns: 0,
            active: now,
            hidden: None,
            grace: None,
            has_quit: false,
            rooms: BTreeMap::new(),
        }
    }

    fn note_rename(&mut self, now: Time, from: Name, to: Name, out: &mut Outputs) {
        if from != to {
            self.remember(now, &from);
        }
        let mut user = self
            .irc
            .users
            .remove(&from)
            .expect("who is online is a user");
        for room in user.rooms.keys() {
            if let Some(channel) = self.irc.channels.get_mut(room)
                && let Some(ranks) = channel.ranks.remove(&from)
            {
                channel.ranks.insert(to, ranks);
            }
        }
        user.mask = user.mask.renamed(&to);
        self.irc.users.insert(to, user);
        if from != to {
            self.tell_watchers(now, &from, false, out);
            self.tell_watchers(now, &to, true, out);
        }
    }

    /// Somebody is here: for the first time, or again, with so much that was kept.
    pub(super) fn irc_welcome(
        &mut self,
        now: Time,
        conn: ConnId,
        name: Name,
        back: Option<usize>,
        out: &mut Outputs,
    ) {
        let binding = self.broker.lifecycle().binding(&name);
        if binding.is_some_and(|binding| binding.proof.is_some()) {
            self.session_mut(conn).acks = Some(Acks::default());
            out.retain(conn);
        }
        self.session_mut(conn).registering = None;
        let turn = &mut Turn { now, conn, out };
        self.welcome(turn, &name);
        if back.is_some() {
            self.tell_where_it_was(turn, name);
        }
        // What was kept follows, and is no part of the reply to a command.
        self.end_of_replies(turn.now, turn.conn, turn.out);
        self.begin_part(now, conn, back.unwrap_or(0), out);
    }

    /// Tells somebody who is back in which rooms it is, with the time at which it came into each, as
    /// its client may ignore what was said before it joined. The one that it came into first is the
    /// first.
    fn tell_where_it_was(&mut self, turn: &mut Turn<'_>, name: Name) {
        let rooms = self.irc.users[&name].rooms.iter();
        let mut rooms: Vec<_> = rooms.map(|(&room, &since)| (since, room)).collect();
        rooms.sort_unstable();
        let members = rooms
            .iter()
            .map(|(_, room)| self.broker.count_members(room));
        let are_few = members.sum::<usize>() <= MEMBERS_AT_ONCE;
        for (since, room) in rooms {
            let room = self.spelling(&room);
            let (now, since) = (turn.now, Some(since));
            self.irc_joined((now, since), &[turn.conn], &room, &name, turn.out);
            // Where it may not stay it is told only what was said while it was there.
            if self.irc.expelled.is_from(turn.conn, &room) {
                continue;
            }
            self.describe(turn, &room);
            if are_few {
                self.do_all_tasks(turn);
            }
        }
        // A client shows a kick only of a channel that it is in.
        for (room, since) in self.irc.kicks.joined() {
            let (now, since) = (turn.now, Some(since));
            self.irc_joined((now, since), &[turn.conn], &room, &name, turn.out);
        }
        let user = &self.irc.users[&name];
        let modes = user.modes.show();
        if modes != "+" {
            let line = format!(":{} MODE {name} {modes}", self.irc.mask(&name));
            self.tell(turn, &line);
        }
        // Its client would show it as present, and others are told that it is away.
        if self.irc.users[&name].away.is_some() {
            let words = format_args!(":You are still marked as being away");
            self.reply(turn, RPL_NOWAWAY, words);
        }
    }

    /// Somebody is back, perhaps from elsewhere, and perhaps after others took it for gone.
    pub(in crate::hub) fn came_back(
        &mut self,
        now: Time,
        conn: ConnId,
        name: &Name,
        out: &mut Outputs,
    ) {
        let fresh = self.new_user(now, conn, name);
        let before = self.irc.mask(name);
        let mut interested = self.irc_neighbours(name);
        interested.extend(self.watchers_of(name, Caps::EXTENDED_MONITOR));
        interested.sort_unstable();
        interested.dedup();
        let Some(known) = self.irc.users.get(name) else {
            self.irc.users.insert(*name, fresh);
            return;
        };
        if let Some(grace) = known.grace {
            self.irc.graces.remove(&(grace, *name));
        }
        let has_moved = known.mask.place() != fresh.mask.place();
        let is_called_otherwise = known.realname != fresh.realname;
        let (peer, gone) = (known.peer, known.hidden);
        let (its_user, its_host) = fresh.mask.place();
        let place = format!("{its_user} {its_host}");
        let (realname, rooms) = (fresh.realname.clone(), known.rooms.clone());
        self.irc.users.change(name, |user| {
            (user.mask, user.realname) = (fresh.mask, fresh.realname);
            (user.active, user.hidden, user.grace) = (now, None, None);
            user.returns += 1;
        });
        if let Some(gone) = gone {
            self.tell_watchers(now, name, true, out);
            for room in rooms.into_keys() {
                match self.may_return(name, &room, gone) {
                    Ok(()) => {
                        self.irc.invitations.remove(&room, peer);
                        self.tell_of_return(now, name, &room, out);
                    }
                    Err(why) => self.irc.expelled.push(conn, room, why),
                }
            }
            return;
        }
        let told = [
            (
                has_moved,
                Caps::CHGHOST,
                format!(":{before} CHGHOST {place}"),
            ),
            (
                is_called_otherwise,
                Caps::SETNAME,
                format!(":{} SETNAME :{realname}", self.irc.mask(name)),
            ),
        ];
        for (_, caps, line) in told.into_iter().filter(|(changed, ..)| *changed) {
            let wants = |conn: &ConnId| self.caps(*conn).is_some_and(|has| has.has(caps));
            let to: Vec<_> = interested.iter().copied().filter(wants).collect();
            self.send_irc(now, &to, Tags::default(), &line, None, out);
        }
    }

    fn tell_of_return(&mut self, now: Time, name: &Name, room: &Room, out: &mut Outputs) {
        let to: Vec<_> = self.irc_members(room, Some(name)).collect();
        self.irc_joined((now, None), &to, room, name, out);
        let signs = self
            .irc
            .channels
            .get(room)
            .map(|channel| channel.signs(name, true));
        let letters: String = signs
            .unwrap_or_default()
            .replace('@', "o")
            .replace('+', "v");
        if !letters.is_empty() {
            let names = alloc::vec![name.as_str(); letters.len()].join(" ");
            let line = format!(":{} MODE {room} +{letters} {names}", self.irc.identity.name);
            self.send_irc(now, &to, Tags::default(), &line, None, out);
        }
    }

    /// Tells those who know somebody that it has gone.
    pub(in crate::hub) fn tell_quit(
        &mut self,
        now: Time,
        name: &Name,
        why: &str,
        out: &mut Outputs,
    ) {
        self.remember(now, name);
        let line = format!(":{} QUIT :{why}", self.irc.mask(name));
        let to = self.irc_neighbours(name);
        self.send_irc(now, &to, Tags::default(), &line, None, out);
        self.tell_watchers(now, name, false, out);
    }

    /// Somebody quits: it is seen by nobody from now on, though its name is not yet free.
    pub(in crate::hub) fn quits(&mut self, now: Time, name: &Name, why: &str, out: &mut Outputs) {
        if !self.irc.is_visible(name) {
            return;
        }
        self.tell_quit(now, name, why, out);
        self.irc.users.change(name, |user| user.has_quit = true);
    }

    /// Somebody has left all its rooms.
    pub(in crate::hub) fn left_all(&mut self, name: &Name) {
        let user = self.irc.users.get(name);
        let rooms = user.map(|user| user.rooms.clone()).unwrap_or_default();
        for room in rooms.into_keys() {
            self.note_leave(name, &room);
        }
    }

    /// Somebody is gone for good.
    pub(in crate::hub) fn forget(&mut self, now: Time, name: &Name, out: &mut Outputs) {
        if self.irc.is_visible(name) {
            self.tell_quit(now, name, "Connection closed", out);
        }
        self.left_all(name);
        let Some(user) = self.irc.users.remove(name) else {
            return;
        };
        self.irc.invitations.forget_peer(user.peer);
        if let Some(grace) = user.grace {
            self.irc.graces.remove(&(grace, *name));
        }
    }

    /// The connection of somebody has ended; it may come back.
    pub(in crate::hub) fn note_away(&mut self, now: Time, name: Name) {
        let hold = self
            .broker
            .lifecycle()
            .binding(&name)
            .map(|binding| binding.hold);
        if let Some(Hold::Away { .. }) = hold {
            let grace = now.after(self.limits.return_grace);
            self.irc.graces.insert((grace, name));
            self.irc
                .users
                .change(&name, |user| user.grace = Some(grace));
        }
    }

    /// Does the first thing that is due at `now`, if one is.
    pub(in crate::hub) fn irc_tick(&mut self, now: Time, out: &mut Outputs) -> bool {
        self.work.count(work::ENTRY);
        if let Some(&(time, name)) = self.irc.graces.first()
            && time <= now
        {
            self.irc.graces.pop_first();
            self.tell_quit(now, &name, "Connection lost", out);
            self.irc.users.change(&name, |user| {
                (user.hidden, user.grace) = (Some(now), None);
            });
            return true;
        }
        if let Some(&(time, conn)) = self.irc.patience.first()
            && time <= now
        {
            self.irc.patience.pop_first();
            self.lose_patience(time, conn, out);
            return true;
        }
        if let Some(&(time, conn)) = self.irc.asks.first()
            && time <= now
        {
            self.irc.asks.pop_first();
            self.ask_again(conn);
            return true;
        }
        false
    }

    /// When [`irc_tick`](Self::irc_tick) has something to do next.
    pub(in crate::hub) fn irc_deadline(&self) -> Option<Time> {
        let grace = self.irc.graces.first().map(|&(time, _)| time);
        let patience = self.irc.patience.first().map(|&(time, _)| time);
        let ask = self.irc.asks.first().map(|&(time, _)| time);
        [grace, patience, ask].into_iter().flatten().min()
    }

    /// Keeps in mind who somebody was.
    fn remember(&mut self, now: Time, name: &Name) {
        let Some(user) = self.irc.users.get(name) else {
            return;
        };
        self.irc.departures += 1;
        let gone = Gone {
            number: self.irc.departures,
            name: *name,
            mask: user.mask.clone(),
            realname: user.realname.clone(),
            invisible: user.modes.invisible,
            at: now,
        };
        self.irc.gone.push_front(gone);
        self.irc.gone.truncate(self.limits.whowas);
    }
}
