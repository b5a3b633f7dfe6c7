//! Logins: how often they may fail, and what a takeover waits for.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::{Act, Digest, Hub, Outputs, Session};
use crate::broker::lifecycle::{Hold, Phase};
use crate::broker::{Input, Request, StopReason};
use crate::id::{ConnId, Name, Proof, Time};

/// What somebody logs in with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Login {
    pub(super) name: Name,
    pub(super) proof: Option<Proof>,
}

/// A login with the right proof that waits until the client which still holds the name has said
/// how far it has read: what that has read is then not told again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Takeover {
    login: Login,
    /// When it is waited for no longer.
    until: Time,
    holder: ConnId,
    /// The question that the holder is to answer.
    question: u64,
}

/// The connections whose logins wait. The login itself stands in the connection's link.
#[derive(Default, Debug)]
pub(super) struct Takeovers {
    /// Each with when it is waited for no longer.
    deadlines: BTreeSet<(Time, ConnId)>,
    /// Each behind the connection that it waits for.
    holders: BTreeSet<(ConnId, ConnId)>,
    /// Connections waited for that have answered or end; empty between two inputs.
    changed: BTreeSet<ConnId>,
}

impl Takeovers {
    fn insert(&mut self, conn: ConnId, takeover: &Takeover) {
        self.deadlines.insert((takeover.until, conn));
        self.holders.insert((takeover.holder, conn));
    }

    /// A connection that waits has ended, or waits no longer.
    pub(super) fn remove(&mut self, conn: ConnId, takeover: &Takeover) {
        self.deadlines.remove(&(takeover.until, conn));
        self.holders.remove(&(takeover.holder, conn));
    }

    /// A connection has answered, or is to end.
    pub(super) fn note(&mut self, holder: ConnId) {
        if self.waiting_for(holder).next().is_some() {
            self.changed.insert(holder);
        }
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|&(time, _)| time)
    }

    fn waiting_for(&self, holder: ConnId) -> impl Iterator<Item = ConnId> {
        let of_holder = (holder, ConnId::new(0))..=(holder, ConnId::new(u64::MAX));
        self.holders.range(of_holder).map(|&(_, conn)| conn)
    }
}

impl<D: Digest> Hub<D> {
    /// Logs in; at once, or when the client that would be taken over has answered.
    pub(super) fn log_in(&mut self, now: Time, conn: ConnId, login: Login, out: &mut Outputs) {
        match self.takeover(now, conn, login, out) {
            Some(takeover) => {
                self.takeovers.insert(conn, &takeover);
                self.link(conn).takeover = Some(takeover);
            }
            None => self.log_in_now(now, conn, login, out),
        }
    }

    /// Asks the client that a login would take over, unless it has acknowledged all its mail. A
    /// client that is late with an answer already is not waited for: its link may be dead.
    fn takeover(
        &mut self,
        now: Time,
        conn: ConnId,
        login: Login,
        out: &mut Outputs,
    ) -> Option<Takeover> {
        let lifecycle = self.broker.lifecycle();
        let until = now.after(self.limits.answer_timeout);
        match lifecycle.phase(conn) {
            Some(Phase::Greeting { until: end }) if until < end => {}
            _ => return None,
        }
        let owner = lifecycle.owner(&login.name, login.proof)?;
        let Hold::Held { holder, .. } = lifecycle.binding(&owner)?.hold else {
            return None;
        };
        lifecycle.online(holder)?;
        let question = self.ask_at_once(now, holder, out)?;
        let acks = self.acks(holder).expect("it was just asked");
        let is_late = now >= acks.progressed.after(self.limits.answer_timeout);
        (!is_late).then_some(Takeover {
            login,
            until,
            holder,
            question,
        })
    }

    /// Lets those log in who need not wait any longer.
    pub(super) fn go_on_with_takeovers(&mut self, now: Time, out: &mut Outputs) {
        while let Some(&(until, conn)) = self.takeovers.deadlines.first()
            && until <= now
        {
            self.go_on_with_takeover(now, conn, out);
        }
        while let Some(holder) = self.takeovers.changed.pop_first() {
            let waiting: Vec<_> = self.takeovers.waiting_for(holder).collect();
            for conn in waiting {
                let takeover = self.links[conn].takeover;
                if takeover.is_some_and(|takeover| !self.awaits(holder, takeover.question)) {
                    self.go_on_with_takeover(now, conn, out);
                }
            }
        }
    }

    fn go_on_with_takeover(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        let takeover = self.link(conn).takeover.take();
        let takeover = takeover.expect("a link has its takeover as long as that waits");
        self.takeovers.remove(conn, &takeover);
        self.log_in_now(now, conn, takeover.login, out);
        // Whoever is refused may go on.
        let phase = self.broker.lifecycle().phase(conn);
        let is_refused = matches!(phase, Some(Phase::Greeting { .. }));
        if is_refused {
            self.listen(conn, out);
        }
    }

    fn log_in_now(&mut self, now: Time, conn: ConnId, login: Login, out: &mut Outputs) {
        let Login { name, proof } = login;
        let lifecycle = self.broker.lifecycle();
        let is_bound = lifecycle.binding(&name).is_some();
        let is_right = lifecycle.owner(&name, proof).is_some();
        let target = self.target_of_login(name).filter(|_| proof.is_some());
        let request = Request::LogIn { name, proof };
        self.handle(now, Input::Request { conn, request }, out);
        let phase = self.broker.lifecycle().phase(conn);
        let is_refused = matches!(phase, Some(Phase::Greeting { .. }));
        if let Some(target) = target {
            self.count_guess(now, conn, target, is_right);
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
