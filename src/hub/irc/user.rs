//! What IRC knows of a peer.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use crate::id::{Name, PeerId, Room, Time};

/// What IRC knows of a peer.
#[derive(Clone, Debug)]
pub(in crate::hub) struct User {
    /// Who it is, whatever it is called.
    pub(super) peer: PeerId,
    /// Goes with all that it says.
    pub(super) mask: Mask,
    pub(super) realname: Box<str>,
    pub(super) away: Option<String>,
    pub(super) modes: UserModes,
    pub(super) signed_on: Time,
    /// How often it has been back.
    pub(super) returns: u64,
    /// When it said something last.
    pub(super) active: Time,
    /// Since when others take it for gone, though it may still come back.
    pub(super) hidden: Option<Time>,
    /// When they will, as it is away.
    pub(super) grace: Option<Time>,
    /// Whether the others were told that it quits.
    pub(super) has_quit: bool,
    /// Where others know it to be, and since when: when they are told that it is gone, the broker has
    /// taken it out of its rooms already.
    pub(super) rooms: BTreeMap<Room, Time>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct UserModes {
    pub(super) bot: bool,
    pub(super) invisible: bool,
    pub(super) operator: bool,
    pub(super) wallops: bool,
}

impl User {
    /// Whether others see that it is there.
    pub(super) fn is_visible(&self) -> bool {
        self.hidden.is_none() && !self.has_quit
    }

    /// Whether it has quit, though its name is not yet free.
    pub(in crate::hub) const fn has_quit(&self) -> bool {
        self.has_quit
    }

    /// Whether it wants to be found only by those who know it.
    pub(in crate::hub) const fn is_invisible(&self) -> bool {
        self.modes.invisible
    }

    /// The rooms that it is in.
    pub(in crate::hub) fn rooms(&self) -> impl Iterator<Item = Room> {
        self.rooms.keys().copied()
    }
}

/// `nick!user@host`. Neither of the first two has a `!` or an `@`.
#[derive(Clone, Debug)]
pub(super) struct Mask(Arc<str>);

impl Mask {
    pub(super) fn new(name: &Name, user: &str, host: &str) -> Self {
        Self(format!("{name}!{user}@{host}").into())
    }

    /// The same user at the same host, by another name.
    pub(super) fn renamed(&self, name: &Name) -> Self {
        let (user, host) = self.place();
        Self::new(name, user, host)
    }

    /// The user and the host.
    pub(super) fn place(&self) -> (&str, &str) {
        let place = self
            .0
            .split_once('!')
            .and_then(|(_, at)| at.split_once('@'));
        place.expect("a mask is written with both")
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}
