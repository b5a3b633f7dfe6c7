//! All peers, as IRC knows them, and how many there are.

use core::ops::Index;

use super::user::User;
use crate::book::Book;
use crate::id::{Name, Time};

/// All peers, and how many there are of each kind: each login is told, so they are not counted anew.
#[derive(Default, Debug)]
pub(in crate::hub) struct Users {
    known: Book<Name, User>,
    census: Census,
}

/// How many there are of those whom others see.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Census {
    pub(super) all: usize,
    /// How many of them are not listed.
    pub(super) invisible: usize,
    pub(super) operators: usize,
    /// The most that there ever were at once.
    pub(super) most: usize,
}

impl Users {
    pub(in crate::hub) fn get(&self, name: &Name) -> Option<&User> {
        self.known.get(name)
    }

    pub(super) fn get_key_value(&self, name: &Name) -> Option<(&Name, &User)> {
        self.known.get_key_value(name)
    }

    /// Whoever was there by this name is not any more.
    pub(super) fn insert(&mut self, name: Name, user: User) {
        self.remove(&name);
        self.census.count(&user);
        self.known.insert(name, user);
    }

    pub(super) fn remove(&mut self, name: &Name) -> Option<User> {
        let user = self.known.remove(name)?;
        self.census.leave_out(&user);
        Some(user)
    }

    /// Changes what is known of somebody, if there is one.
    pub(super) fn change<R>(
        &mut self,
        name: &Name,
        change: impl FnOnce(&mut User) -> R,
    ) -> Option<R> {
        let user = self.known.get_mut(name)?;
        self.census.leave_out(user);
        let result = change(user);
        self.census.count(user);
        Some(result)
    }

    /// Somebody says something.
    pub(super) fn speaks(&mut self, name: &Name, now: Time) -> Option<&User> {
        let user = self.known.get_mut(name)?;
        user.active = now;
        Some(user)
    }

    pub(super) fn census(&self) -> Census {
        if cfg!(debug_assertions) {
            let mut anew = Census::default();
            self.known.iter().for_each(|(_, user)| anew.count(user));
            let most = self.census.most;
            assert_eq!(self.census, Census { most, ..anew }, "counted wrong");
        }
        self.census
    }
}

impl Index<&Name> for Users {
    type Output = User;

    fn index(&self, name: &Name) -> &User {
        &self.known[name]
    }
}

impl Census {
    fn count(&mut self, user: &User) {
        let seen = usize::from(user.is_visible());
        self.all += seen;
        self.invisible += seen & usize::from(user.modes.invisible);
        self.operators += seen & usize::from(user.modes.operator);
        self.most = self.most.max(self.all);
    }

    fn leave_out(&mut self, user: &User) {
        let seen = usize::from(user.is_visible());
        self.all -= seen;
        self.invisible -= seen & usize::from(user.modes.invisible);
        self.operators -= seen & usize::from(user.modes.operator);
    }
}
