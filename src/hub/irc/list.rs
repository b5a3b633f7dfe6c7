//! `LIST`, with conditions.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

use super::room::{Channel, word};
use super::tasks::Task;
use super::{Digest, Hub, Turn};
use crate::hub::work::{ENTRY, Work};
use crate::id::{Name, Room, Time};
use crate::wire::irc::Message;
use crate::wire::irc::numeric::*;

/// A `LIST`, as far as it is not told yet.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// What a channel must be one of, unless there are none.
    masks: Vec<Want>,
    /// What it must be as well.
    filters: Vec<Want>,
    /// The last that was looked at.
    after: Option<Room>,
    /// How many more may be told.
    left: usize,
}

impl<D: Digest> Hub<D> {
    pub(super) fn list(&mut self, turn: &mut Turn<'_>, message: &Message<'_>) {
        let wants = message.param(0).unwrap_or("").split(',');
        let wants: Vec<_> = wants.filter(|want| !want.is_empty()).collect();
        if let Some(want) = wants.get(self.limits.receivers) {
            let words = format_args!("{} :Too many targets", word(want));
            return self.reply(turn, ERR_TOOMANYTARGETS, words);
        }
        let wants = wants.into_iter().map(Want::parse);
        let (masks, filters) = wants.partition(|want| matches!(want, Want::Mask(_)));
        let search = Search {
            masks,
            filters,
            after: None,
            left: self.limits.listed,
        };
        self.reply(turn, RPL_LISTSTART, format_args!("Channel :Users Name"));
        self.later(turn, Task::Channels(Box::new(search)));
        self.reply_later(turn, RPL_LISTEND, ":End of /LIST".to_string());
    }

    pub(super) fn list_channels(
        &mut self,
        turn: &mut Turn<'_>,
        asker: Name,
        mut search: Box<Search>,
    ) -> Option<Task> {
        loop {
            let mut after = search.after;
            let channels = self.irc.rooms_after(after);
            let is_over = || self.is_over(turn);
            let found = self
                .work
                .next_entry(&mut after, channels, is_over, |room, channel| {
                    self.found(turn, &asker, &search, (&room, channel))
                });
            search.after = after;
            match found? {
                Some(_) if search.left == 0 => {
                    let limit = self.limits.listed;
                    let why = format!("There are more than {limit} channels in the list");
                    self.standard_reply(turn, "WARN", format_args!("LIST TRUNCATED"), &why);
                    return None;
                }
                Some(line) => {
                    search.left -= 1;
                    self.reply(turn, RPL_LIST, format_args!("{line}"));
                }
                None => {}
            }
            if self.is_over(turn) {
                return Some(Task::Channels(search));
            }
        }
    }

    /// What is told of a channel, if it is to be told.
    fn found(
        &self,
        turn: &Turn<'_>,
        asker: &Name,
        search: &Search,
        (room, channel): (&Room, &Channel),
    ) -> Option<String> {
        if !self.shows_room(asker, room) {
            return None;
        }
        // It takes less to match names than to count who is there.
        let named = |want: &Want| want.is_met(turn.now, (room, channel, 0), &self.work);
        if !search.masks.is_empty() && !search.masks.iter().any(named) {
            return None;
        }
        let members = self.broker.members_after(room, None).filter(|name| {
            self.work.count(ENTRY);
            self.irc.is_visible(name)
        });
        let members = members.count();
        let meets = |want: &Want| want.is_met(turn.now, (room, channel, members), &self.work);
        let topic = channel.topic.as_ref().map_or("", |topic| &topic.text);
        let meets_all = search.filters.iter().all(meets);
        meets_all.then(|| format!("{room} {members} :{topic}"))
    }
}

/// What a listed channel must be (<https://modern.ircdocs.horse/#elist-parameter>).
#[derive(Clone, Debug)]
enum Want {
    Mask(Box<str>),
    NotMask(Box<str>),
    MoreThan(usize),
    LessThan(usize),
    /// Created (or with a topic set) more than so many minutes ago.
    Older(What, u64),
    /// Less than so many.
    Younger(What, u64),
}

#[derive(Clone, Copy, Debug)]
enum What {
    Channel,
    Topic,
}

impl Want {
    fn parse(want: &str) -> Self {
        let number = |text: &str| text.parse::<u64>().ok();
        let filter = match want.as_bytes() {
            [b'>', ..] => number(&want[1..]).map(|n| Self::MoreThan(n as usize)),
            [b'<', ..] => number(&want[1..]).map(|n| Self::LessThan(n as usize)),
            [b'C', b'>', ..] => number(&want[2..]).map(|n| Self::Older(What::Channel, n)),
            [b'C', b'<', ..] => number(&want[2..]).map(|n| Self::Younger(What::Channel, n)),
            [b'T', b'>', ..] => number(&want[2..]).map(|n| Self::Older(What::Topic, n)),
            [b'T', b'<', ..] => number(&want[2..]).map(|n| Self::Younger(What::Topic, n)),
            [b'!', ..] => Some(Self::NotMask(want[1..].into())),
            _ => None,
        };
        filter.unwrap_or_else(|| Self::Mask(want.into()))
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
            Self::Mask(ref mask) => work.matches(mask, room.as_str()),
            Self::NotMask(ref mask) => !work.matches(mask, room.as_str()),
            Self::MoreThan(n) => members > n,
            Self::LessThan(n) => members < n,
            Self::Older(what, n) => age(what).is_some_and(|age| age >= minutes(n)),
            Self::Younger(what, n) => age(what).is_some_and(|age| age < minutes(n)),
        }
    }
}
