//! Connections that say nothing for long.

use super::{Digest, Hub, Limits, Outputs, Session};
use crate::broker::{Input, StopReason};
use crate::id::{ConnId, Time};
use crate::wire;

impl<D: Digest> Hub<D> {
    /// Probes or gives up a connection that is silent, or looks again later.
    pub(super) fn check_silence(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        let Limits {
            probe_after,
            silence_timeout,
            ..
        } = self.limits;
        let link = self.link(conn);
        let heard = link.heard;
        if link.probed && now >= heard.after(silence_timeout) {
            // Should its writer go on, this is looked at again, and does nothing more.
            self.check_again(conn, now.after(silence_timeout));
            self.handle(
                now,
                Input::GiveUp {
                    conn,
                    reason: StopReason::Silent,
                },
                out,
            );
        } else if now >= heard.after(probe_after) {
            link.probed = true;
            // Should this come late, the client still gets its time to answer.
            let answer = now.after(silence_timeout.saturating_sub(probe_after));
            self.check_again(conn, answer.max(heard.after(silence_timeout)));
            if self.broker.lifecycle().online(conn).is_some() {
                let probe = match self.link(conn).session {
                    Session::Plain => self.frame(wire::plain::write_probe),
                    Session::Irc(_) => self.frame(wire::irc::write_probe),
                };
                out.send([conn], probe, false);
            }
        } else {
            self.check_again(conn, heard.after(probe_after));
        }
    }

    pub(super) fn check_again(&mut self, conn: ConnId, check: Time) {
        let before = core::mem::replace(&mut self.link(conn).check, check);
        self.checks.remove(&(before, conn));
        self.checks.insert((check, conn));
    }
}
