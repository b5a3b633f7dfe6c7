//! Logins, and how often they may fail.

use super::admission::Guess;
use super::{Digest, Hub, Outputs};
use crate::broker::lifecycle::Phase;
use crate::broker::{Input, Request, StopReason};
use crate::id::{ConnId, Name, Proof, Time};

impl<D: Digest> Hub<D> {
    /// Whether a login may be tried: a wrong proof was not given too often where it comes from.
    pub(super) fn may_try(
        &mut self,
        now: Time,
        conn: ConnId,
        name: &Name,
        proof: Option<Proof>,
    ) -> bool {
        let lifecycle = self.broker.lifecycle();
        let is_claimed = lifecycle.binding(name).is_some() || lifecycle.is_former(name);
        !is_claimed || proof.is_none() || self.may_guess(now, conn, Guess::Secret)
    }

    /// Whether what only its owner knows may be tried: where it comes from it was not wrong too
    /// often.
    pub(super) fn may_guess(&mut self, now: Time, conn: ConnId, at: Guess) -> bool {
        let source = self.link(conn).source;
        self.admission.may_guess((source, at), now)
    }

    /// Something that only its owner knows was wrong.
    pub(super) fn count_guess(&mut self, now: Time, conn: ConnId, at: Guess) {
        let source = self.link(conn).source;
        self.admission.count_failure((source, at), now);
    }

    /// Logs in; returns whether it was not refused.
    pub(super) fn log_in(
        &mut self,
        now: Time,
        conn: ConnId,
        name: Name,
        proof: Option<Proof>,
        out: &mut Outputs,
    ) -> bool {
        let lifecycle = self.broker.lifecycle();
        let is_bound = lifecycle.binding(&name).is_some();
        let is_unknown = lifecycle.owner(&name, proof).is_none();
        // Who may have the name may still have guessed at the secret of the one who had it before.
        let has_guessed = is_unknown && lifecycle.is_former(&name);
        let request = Request::LogIn { name, proof };
        self.handle(now, Input::Request { conn, request }, out);
        let phase = self.broker.lifecycle().phase(conn);
        let is_refused = matches!(phase, Some(Phase::Greeting { .. }));
        if proof.is_some() && (has_guessed || is_refused && is_bound) {
            self.count_guess(now, conn, Guess::Secret);
        }
        !is_refused
    }

    pub(super) fn count_failed_login(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        let limit = self.limits.failed_logins;
        let link = self.link(conn);
        link.failed_logins += 1;
        if link.failed_logins >= limit {
            let reason = StopReason::FailedLogins;
            self.handle(now, Input::GiveUp { conn, reason }, out);
        }
    }
}
