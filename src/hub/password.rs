//! A password that is to be verified.

use alloc::boxed::Box;
use core::fmt;

/// A password that somebody gave, and the hash of the right one. What it shows of itself has
/// neither.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordCheck {
    password: Box<str>,
    hash: Box<str>,
}

impl PasswordCheck {
    /// Whether this password is the one of which that is the hash.
    pub fn new(password: &str, hash: &str) -> Self {
        let (password, hash) = (password.into(), hash.into());
        Self { password, hash }
    }

    /// What was given.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The hash of the right one, as [`Identity::operators`](super::Identity::operators) has it.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

impl fmt::Debug for PasswordCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordCheck").finish_non_exhaustive()
    }
}
