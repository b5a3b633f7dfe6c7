//! What whoever logs in gives: the server's password, a secret, or both as `password:secret`.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

use subtle::ConstantTimeEq as _;

use super::{Digest, Hub};
use crate::id::{BadSecret, Proof, Secret};

/// Bytes of a proof that stand for a secret where secrets are not kept. What stands there then fits
/// into the shortest line that a login may have.
const KEPT_BYTES: usize = 8;

/// What was given as the server's password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Password {
    pub(super) is_right: bool,
    /// Which of the passwords that the server has had it was compared with.
    number: u64,
}

/// What was given with a login.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    /// What was given as the server's password, if it has one.
    pub(super) password: Option<Password>,
    /// The proof for the secret, if there is a secret.
    pub(super) proof: Result<Option<Proof>, BadSecret>,
}

impl<D: Digest> Hub<D> {
    /// Reads what was given. A secret is looked at whether the password ahead of it is right or not:
    /// no answer may tell that before the [time has come](super::guesses).
    pub(super) fn given(&self, given: &str) -> Given {
        let (password, secret) = match &self.irc.identity.password {
            None => (None, Some(given)),
            Some(password) => {
                let (first, secret) = match given.split_once(':') {
                    Some((first, secret)) => (first, Some(secret)),
                    None => (given, None),
                };
                let is_right = first.as_bytes().ct_eq(password.as_bytes()).into();
                let number = self.irc.passwords;
                (Some(Password { is_right, number }), secret)
            }
        };
        let secret = secret.map(Secret::parse).transpose();
        let proof = secret.map(|secret| secret.map(|secret| self.digest.proof(secret)));
        Given { password, proof }
    }

    /// Whether somebody is let in who has given this: the files may have been read again since then.
    pub(super) fn is_admitted(&self, given: Option<Password>) -> bool {
        let is_right = |given: Password| given.is_right && given.number == self.irc.passwords;
        self.irc.identity.password.is_none() || given.is_some_and(is_right)
    }
}

impl Given {
    /// What stands for it where secrets are not kept: for a server whose passwords are `*1`, `*2` and
    /// so on, and which takes [`Recorded`](super::record::Recorded) proofs, it is the same.
    pub(super) fn stand_in(&self) -> String {
        let mut stand_in = match self.password {
            None => String::new(),
            Some(Password {
                is_right: true,
                number,
            }) => format!("*{number}"),
            Some(Password {
                is_right: false, ..
            }) => "!".to_owned(),
        };
        if self.password.is_some() && self.proof != Ok(None) {
            stand_in.push(':');
        }
        match self.proof {
            Ok(None) => {}
            Ok(Some(proof)) => {
                for byte in &proof.digest()[..KEPT_BYTES] {
                    write!(stand_in, "{byte:02x}").expect("a string takes everything");
                }
            }
            Err(BadSecret::TooShort) => stand_in.push('x'),
            Err(BadSecret::TooLong) => stand_in.push_str(&"x".repeat(Secret::MAX_CHARS + 1)),
            Err(BadSecret::Malformed) => stand_in.push_str("x x"),
        }
        stand_in
    }
}
