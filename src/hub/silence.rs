//! Connections that say nothing for long.

use core::time::Duration;

use super::{Digest, Hub, Limits, Outputs, Protocol, Session};
use crate::Config;
use crate::broker::{Input, StopReason};
use crate::id::{ConnId, Time};
use crate::wire;

/// How long a connection may say nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    /// Then it is sent a probe.
    pub(super) probe_after: Duration,
    /// Then it is given up, unless its socket still takes something.
    timeout: Duration,
    /// Then it is given up in any case.
    limit: Duration,
}

impl Silence {
    pub(super) fn of_plain(config: &Config) -> Self {
        Self {
            probe_after: config.probe_after,
            timeout: config.silence_timeout,
            limit: config.silence_timeout,
        }
    }

    pub(super) fn of_irc(config: &Config) -> Self {
        Self {
            probe_after: config.irc_probe_after,
            timeout: config.irc_silence_timeout,
            limit: config.irc_silence_timeout.max(config.silence_timeout),
        }
    }

    /// How long it has to answer a probe.
    fn answer(self) -> Duration {
        self.timeout.saturating_sub(self.probe_after)
    }

    /// When a connection is given up that was sent a probe, from which something came last at
    /// `heard`, and whose socket took something last, after it had been full, at `progressed`.
    fn end(self, heard: Time, progressed: Time) -> Time {
        let end = progressed.after(self.answer()).min(heard.after(self.limit));
        end.max(heard.after(self.timeout))
    }
}

impl Limits {
    pub(super) const fn silence(&self, protocol: Protocol) -> Silence {
        match protocol {
            Protocol::Plain => self.silence,
            Protocol::Irc => self.irc_silence,
        }
    }
}

impl<D: Digest> Hub<D> {
    /// Probes or gives up a connection that is silent, or looks again later.
    pub(super) fn check_silence(&mut self, now: Time, conn: ConnId, out: &mut Outputs) {
        let protocol = self.link(conn).session.protocol();
        let silence = self.limits.silence(protocol);
        let link = self.link(conn);
        let heard = link.heard;
        // What came while the server itself listened to nobody there is read soon after.
        let listened = link.paused.unwrap_or(link.listened);
        let end = silence.end(heard, link.progressed);
        let end = end.max(listened.after(silence.answer()));
        if link.probed && now < end {
            self.check_again(conn, end);
        } else if link.probed {
            // Should its writer go on, this is looked at again, and does nothing more.
            self.check_again(conn, now.after(silence.timeout));
            self.handle(
                now,
                Input::GiveUp {
                    conn,
                    reason: StopReason::Silent,
                },
                out,
            );
        } else if now >= heard.after(silence.probe_after) {
            link.probed = true;
            // Should this come late, the client still gets its time to answer.
            self.check_again(conn, end.max(now.after(silence.answer())));
            if self.broker.lifecycle().online(conn).is_some() {
                let probe = match self.link(conn).session {
                    Session::Plain(_) => self.frame(wire::plain::write_probe),
                    Session::Irc(_) => self.frame(wire::irc::write_probe),
                };
                out.send([conn], probe, false);
            }
        } else {
            self.check_again(conn, heard.after(silence.probe_after));
        }
    }

    pub(super) fn check_again(&mut self, conn: ConnId, check: Time) {
        let before = core::mem::replace(&mut self.link(conn).check, check);
        self.checks.remove(&(before, conn));
        self.checks.insert((check, conn));
    }
}
