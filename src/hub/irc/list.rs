//! `LIST`, with conditions.

use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

use super::room::Channel;
use super::{Digest, Hub, Turn};
use crate::hub::work::{ENTRY, Work};
use crate::id::{Name, Room, Time};
use crate::wire::irc::Message;
use crate::wire::irc::numeric::*;

impl<D: Digest> Hub<D> {
    pub(super) fn list(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let wants = message.param(0).unwrap_or("");
        let wants: Vec<_> = wants
            .split(',')
            .filter(|want| !want.is_empty())
            .map(Want::parse)
            .collect();
        let (named, filters): (Vec<_>, Vec<_>) = wants
            .into_iter()
            .partition(|want| matches!(want, Want::Mask(_)));
        let mut listed = Vec::new();
        for (room, channel) in &self.irc.channels {
            if channel.flags.secret && !self.is_in(&name, room) {
                continue;
            }
            let members = self
                .broker
                .members(room)
                .filter(|name| self.irc.is_visible(name));
            let members = members.count();
            self.work.count(ENTRY * (1 + members as u64));
            let of = (room, channel, members);
            let meets = |want: &Want<'_>| want.is_met(turn.now, of, &self.work);
            if (named.is_empty() || named.iter().any(meets)) && filters.iter().all(meets) {
                let topic = channel.topic.as_ref().map_or("", |topic| &topic.text);
                listed.push(format!("{room} {members} :{topic}"));
            }
        }
        let all = listed.len();
        self.reply(turn, RPL_LISTSTART, format_args!("Channel :Users Name"));
        for line in listed.iter().take(self.limits.listed) {
            self.reply(turn, RPL_LIST, format_args!("{line}"));
        }
        let limit = self.limits.listed;
        if all > limit {
            let why = format!("The list has {all} channels, of which you were told {limit}");
            self.standard_reply(turn, "WARN", format_args!("LIST TRUNCATED"), &why);
        }
        self.reply(turn, RPL_LISTEND, format_args!(":End of /LIST"));
    }
}

/// What a listed channel must be (<https://modern.ircdocs.horse/#elist-parameter>).
enum Want<'a> {
    Mask(&'a str),
    NotMask(&'a str),
    MoreThan(usize),
    LessThan(usize),
    /// Created (or with a topic set) more than so many minutes ago.
    Older(What, u64),
    /// Less than so many.
    Younger(What, u64),
}

#[derive(Clone, Copy)]
enum What {
    Channel,
    Topic,
}

impl<'a> Want<'a> {
    fn parse(want: &'a str) -> Self {
        let number = |text: &str| text.parse::<u64>().ok();
        let filter = match want.as_bytes() {
            [b'>', ..] => number(&want[1..]).map(|n| Self::MoreThan(n as usize)),
            [b'<', ..] => number(&want[1..]).map(|n| Self::LessThan(n as usize)),
            [b'C', b'>', ..] => number(&want[2..]).map(|n| Self::Older(What::Channel, n)),
            [b'C', b'<', ..] => number(&want[2..]).map(|n| Self::Younger(What::Channel, n)),
            [b'T', b'>', ..] => number(&want[2..]).map(|n| Self::Older(What::Topic, n)),
            [b'T', b'<', ..] => number(&want[2..]).map(|n| Self::Younger(What::Topic, n)),
            [b'!', ..] => Some(Self::NotMask(&want[1..])),
            _ => None,
        };
        filter.unwrap_or(Self::Mask(want))
    }

    fn is_met(
        &self,
        now: Time,
        (room, channel, members): (&Room, &Channel, usize),
        work: &Work,
    ) -> bool {
        let age = |what: What| match what {
            What::Channel => Some(now.since(channel.created)),
            What::Topic => channel.topic.as_ref().map(|topic| now.since(topic.at)),
        };
        let minutes = |n: u64| Duration::from_secs(n.saturating_mul(60));
        match *self {
            Self::Mask(mask) => work.matches(mask, room.as_str()),
            Self::NotMask(mask) => !work.matches(mask, room.as_str()),
            Self::MoreThan(n) => members > n,
            Self::LessThan(n) => members < n,
            Self::Older(what, n) => age(what).is_some_and(|age| age >= minutes(n)),
            Self::Younger(what, n) => age(what).is_some_and(|age| age < minutes(n)),
        }
    }
}
