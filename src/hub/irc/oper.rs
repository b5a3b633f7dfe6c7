//! `OPER`: how somebody becomes an operator of the server.
//!
//! To verify a password takes long, by design, so the driver does it
//! ([`Output::Verify`](crate::hub::Output::Verify)). The connection is answered when the driver
//! knows, and what it has sent behind the command waits until then; nobody else does.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;

use super::tasks::Task;
use super::{Digest, Hub, Replying, Turn};
use crate::hub::guesses::Target;
use crate::hub::{Act, Outputs, PasswordCheck, Told, work};
use crate::id::{ConnId, Name, Time};
use crate::wire::irc::Message;
use crate::wire::irc::numeric::*;

/// An `OPER` whose password is being verified.
#[derive(Clone, Debug)]
pub(in crate::hub) struct Verifying {
    /// The name that was given.
    login: Box<str>,
    /// The hash that the password is compared with, if the name is that of an operator.
    hash: Option<Box<str>>,
    replying: Option<Replying>,
}

/// Numbers for names that are no operator's, where these names are not kept. The same name has the
/// same number, as guesses at it count together.
#[derive(Default, Debug)]
pub(super) struct UnknownLogins {
    numbers: BTreeMap<Target, u64>,
    last: u64,
}

/// How many names have a number; then all get new ones.
const UNKNOWN_LOGINS: usize = 1_024;

impl UnknownLogins {
    fn number(&mut self, login: &str) -> u64 {
        if self.numbers.len() >= UNKNOWN_LOGINS {
            self.numbers.clear();
        }
        *self
            .numbers
            .entry(Target::operator(login))
            .or_insert_with(|| {
                self.last += 1;
                self.last
            })
    }
}

impl<D: Digest> Hub<D> {
    pub(super) fn oper(&mut self, turn: &mut Turn<'_>, name: Name, message: &Message<'_>) {
        let Some(password) = self.need(turn, message, 1) else {
            return self.hide(message, format_args!("OPER"));
        };
        let login = message.params[0];
        self.hide_password(message, login);
        let operators = &self.irc.identity.operators;
        let known = operators.get(login);
        // It takes as long where the name is nobody's, and so does not tell that.
        let Some(hash) = known.or_else(|| operators.values().next()) else {
            return self.oper_verified(turn, name, login, None);
        };
        let check = PasswordCheck::new(password, hash);
        let hash = known.map(|hash| hash.as_str().into());
        self.work.count(work::PASSWORD);
        let replying = self.irc.replying.take_if(|its| its.conn == turn.conn);
        let link = self.link(turn.conn);
        link.verifying = Some(Verifying {
            login: login.into(),
            hash,
            replying,
        });
        let network = link.source.network();
        turn.out.verify(turn.conn, network, check);
    }

    /// Hides the password of an `OPER`, and its name if that is no operator's: it may be a password,
    /// too.
    fn hide_password(&mut self, message: &Message<'_>, login: &str) {
        if self.observers.is_empty() {
            return;
        }
        if self.irc.identity.operators.contains_key(login) {
            return self.hide(message, format_args!("OPER {login} *"));
        }
        let number = self.irc.unknown_logins.number(login);
        // No name of an operator has a colon.
        self.hide(message, format_args!("OPER ?:{number} *"));
    }

    /// A password was verified, as [`Output::Verify`](crate::hub::Output::Verify) wanted, and is
    /// right or wrong. If the connection has ended in the meantime, this means nothing.
    pub fn verified(&mut self, now: Time, conn: ConnId, is_right: bool, out: &mut Outputs) {
        let link = self.links.get_mut(conn);
        if let Some(verifying) = link.and_then(|link| link.verifying.take()) {
            let start = self.worked(out);
            if let Some(name) = self.broker.lifecycle().online(conn) {
                self.irc.replying = verifying.replying;
                let turn = &mut Turn { now, conn, out };
                let right_for = verifying.hash.filter(|_| is_right);
                self.oper_verified(turn, name, &verifying.login, right_for);
                self.end_of_replies(now, conn, out);
            }
            let worked = self.worked(out) - start;
            self.charge(now, conn, worked);
            self.listen(conn, out);
        }
        self.told(now, Told::Verified { conn, is_right }, out);
    }

    /// Answers an `OPER`, whose password is right for a hash or wrong; at once or when it may be told
    /// which.
    fn oper_verified(
        &mut self,
        turn: &mut Turn<'_>,
        name: Name,
        login: &str,
        right_for: Option<Box<str>>,
    ) {
        match self.answer_at(turn.now, turn.conn, Target::operator(login)) {
            Some(until) => {
                self.pause(turn.conn, until);
                self.later(turn, Task::Oper(login.into(), right_for));
            }
            None => self.oper_now(turn, name, login, right_for.as_deref()),
        }
    }

    pub(super) fn oper_now(
        &mut self,
        turn: &mut Turn<'_>,
        name: Name,
        login: &str,
        right_for: Option<&str>,
    ) {
        // The operators may have been read again while the answer waited.
        let hash = self.irc.identity.operators.get(login);
        let is_right = right_for.is_some() && right_for == hash.map(|hash| hash.as_str());
        self.count_guess(turn.now, turn.conn, Target::operator(login), is_right);
        // A name that is no operator's may be a password in the wrong place.
        let operator = Some(login).filter(|login| self.irc.identity.operators.contains_key(*login));
        let act = if is_right {
            Act::Oper
        } else {
            Act::OperRefused
        };
        self.audit((turn.conn, act), operator, None, turn.out);
        if !is_right {
            let words = format_args!(":Password incorrect");
            return self.reply(turn, ERR_PASSWDMISMATCH, words);
        }
        let was_one = self.irc.users.change(&name, |user| {
            core::mem::replace(&mut user.modes.operator, true)
        });
        let words = format_args!(":You are now an IRC operator");
        self.reply(turn, RPL_YOUREOPER, words);
        if was_one == Some(false) {
            let line = format!(":{} MODE {name} +o", self.irc.mask(&name));
            self.tell(turn, &line);
        }
    }
}
