//! Logins: how often they may fail, and what a takeover waits for.

use core::mem;

use super::admission::Guess;
use super::{Act, Digest, Hub, Outputs, Session};
use crate::broker::lifecycle::{Hold, Phase};
use crate::broker::{Input, Request, StopReason};
use crate::id::{ConnId, Name, Proof, Time};

/// A login with the right proof that waits until the client which still holds the name has said
/// how far it has read: what that has read is then not told again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Takeover {
    name: Name,
    proof: Option<Proof>,
    /// When it is waited for no longer.
    until: Time,
    holder: ConnId,
    /// The question that the holder is to answer.
    question: u64,
}

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

    /// Logs in; at once, or when the client that would be taken over has answered.
    pub(super) fn log_in(
        &mut self,
        now: Time,
        conn: ConnId,
        name: Name,
        proof: Option<Proof>,
        out: &mut Outputs,
    ) {
        match self.takeover(now, conn, name, proof, out) {
            Some(takeover) => {
                self.takeovers.insert((takeover.until, conn));
                self.link(conn).takeover = Some(takeover);
            }
            None => self.log_in_now(now, conn, name, proof, out),
        }
    }

    /// Asks the client that a login would take over, unless it has acknowledged all its mail. A
    /// client that is late with an answer already is not waited for: its link may be dead.
    fn takeover(
        &mut self,
        now: Time,
        conn: ConnId,
        name: Name,
        proof: Option<Proof>,
        out: &mut Outputs,
    ) -> Option<Takeover> {
        let lifecycle = self.broker.lifecycle();
        let until = now.after(self.limits.answer_timeout);
        match lifecycle.phase(conn) {
            Some(Phase::Greeting { until: login }) if until < login => {}
            _ => return None,
        }
        let owner = lifecycle.owner(&name, proof)?;
        let Hold::Held { holder, .. } = lifecycle.binding(&owner)?.hold else {
            return None;
        };
        lifecycle.online(holder)?;
        let question = self.ask_at_once(now, holder, out)?;
        let acks = self.acks(holder).expect("it was just asked");
        let is_late = now >= acks.progressed.after(self.limits.answer_timeout);
        (!is_late).then_some(Takeover {
            name,
            proof,
            until,
            holder,
            question,
        })
    }

    /// Lets those log in who need not wait any longer.
    pub(super) fn go_on_with_takeovers(&mut self, now: Time, out: &mut Outputs) {
        for (until, conn) in self.takeovers.clone() {
            let link = self.links.get_mut(conn);
            let takeover = link.and_then(|link| link.takeover.take());
            let awaits = |takeover: &Takeover| self.awaits(takeover.holder, takeover.question);
            if let Some(takeover) = takeover.filter(|takeover| now < until && awaits(takeover)) {
                self.link(conn).takeover = Some(takeover);
                continue;
            }
            self.takeovers.remove(&(until, conn));
            // It may have ended meanwhile.
            let Some(Takeover { name, proof, .. }) = takeover else {
                continue;
            };
            self.log_in_now(now, conn, name, proof, out);
            // Whoever is refused may go on.
            let phase = self.broker.lifecycle().phase(conn);
            let is_refused = matches!(phase, Some(Phase::Greeting { .. }));
            if is_refused && mem::take(&mut self.link(conn).held) {
                out.proceed(conn);
            }
        }
    }

    fn log_in_now(
        &mut self,
        now: Time,
        conn: ConnId,
        name: Name,
        proof: Option<Proof>,
        out: &mut Outputs,
    ) {
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
        if proof.is_some() && is_refused && is_bound {
            let act = (conn, Act::SecretRefused);
            self.audit(act, Some(name.as_str()), None, out);
        }
        if !is_refused {
            return;
        }
        match self.links[conn].session {
            Session::Irc(_) if self.broker.lifecycle().binding(&name).is_none() => {
                let reason = StopReason::ServerFull;
                self.handle(now, Input::GiveUp { conn, reason }, out);
            }
            // Another nick may be free.
            Session::Irc(_) if proof.is_none() => {}
            Session::Irc(_) | Session::Plain(_) => self.count_failed_login(now, conn, out),
        }
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
