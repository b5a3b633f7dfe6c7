//! Capabilities (<https://ircv3.net/specs/extensions/capability-negotiation>).

/// A set of capabilities.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Caps(u32);

/// Every capability, with its name.
pub const ALL: &[(Caps, &str)] = &[
    (Caps::ACCOUNT_NOTIFY, "account-notify"),
    (Caps::ACCOUNT_TAG, "account-tag"),
    (Caps::AWAY_NOTIFY, "away-notify"),
    (Caps::BATCH, "batch"),
    (Caps::CAP_NOTIFY, "cap-notify"),
    (Caps::CHGHOST, "chghost"),
    (Caps::ECHO_MESSAGE, "echo-message"),
    (Caps::EXTENDED_JOIN, "extended-join"),
    (Caps::EXTENDED_MONITOR, "extended-monitor"),
    (Caps::INVITE_NOTIFY, "invite-notify"),
    (Caps::LABELED_RESPONSE, "labeled-response"),
    (Caps::MESSAGE_TAGS, "message-tags"),
    (Caps::MULTI_PREFIX, "multi-prefix"),
    (Caps::SERVER_TIME, "server-time"),
    (Caps::SETNAME, "setname"),
    (Caps::STANDARD_REPLIES, "standard-replies"),
    (Caps::USERHOST_IN_NAMES, "userhost-in-names"),
];

macro_rules! caps {
    ($($name:ident = $bit:literal,)+) => {
        impl Caps {
            $(
                #[doc = concat!("Bit ", stringify!($bit), "; [`ALL`] has the name.")]
                pub const $name: Self = Self(1 << $bit);
            )+
        }
    };
}

caps! {
    ACCOUNT_NOTIFY = 0,
    ACCOUNT_TAG = 1,
    AWAY_NOTIFY = 2,
    BATCH = 3,
    CAP_NOTIFY = 4,
    CHGHOST = 5,
    ECHO_MESSAGE = 6,
    EXTENDED_JOIN = 7,
    EXTENDED_MONITOR = 8,
    INVITE_NOTIFY = 9,
    LABELED_RESPONSE = 10,
    MESSAGE_TAGS = 11,
    MULTI_PREFIX = 12,
    SERVER_TIME = 13,
    SETNAME = 14,
    STANDARD_REPLIES = 15,
    USERHOST_IN_NAMES = 16,
}

impl Caps {
    /// No capability.
    pub const NONE: Self = Self(0);

    /// The capability with this name.
    pub fn named(name: &str) -> Option<Self> {
        let known = ALL.iter().find(|(_, known)| *known == name);
        known.map(|&(caps, _)| caps)
    }

    /// Whether all of `caps` are in this.
    pub const fn has(self, caps: Self) -> bool {
        self.0 & caps.0 == caps.0
    }

    /// These and `caps`.
    #[must_use]
    pub const fn with(self, caps: Self) -> Self {
        Self(self.0 | caps.0)
    }

    /// These without `caps`.
    #[must_use]
    pub const fn without(self, caps: Self) -> Self {
        Self(self.0 & !caps.0)
    }

    /// Those that are in both.
    #[must_use]
    pub const fn and(self, caps: Self) -> Self {
        Self(self.0 & caps.0)
    }

    /// The names, in order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let mine = ALL.iter().filter(move |(caps, _)| self.has(*caps));
        mine.map(|&(_, name)| name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_capability_has_its_own_name_and_bit() {
        let mut all = Caps::NONE;
        for &(caps, name) in ALL {
            assert_eq!(Caps::named(name), Some(caps));
            assert!(!all.has(caps), "{name}");
            all = all.with(caps);
        }
        assert_eq!(all.names().count(), ALL.len());
        assert!(ALL.is_sorted_by_key(|(_, name)| *name));
    }

    #[test]
    fn sets_have_what_was_put_in_and_not_taken_out() {
        let both = Caps::BATCH.with(Caps::SETNAME);
        assert!(both.has(Caps::BATCH) && both.has(both) && !Caps::BATCH.has(both));
        assert_eq!(both.with(Caps::BATCH), both);
        assert_eq!(both.without(Caps::BATCH), Caps::SETNAME);
        assert_eq!(Caps::SETNAME.without(Caps::BATCH), Caps::SETNAME);
        assert_eq!(both.and(Caps::SETNAME.with(Caps::CHGHOST)), Caps::SETNAME);
        assert!(both.names().eq(["batch", "setname"]));
    }
}
