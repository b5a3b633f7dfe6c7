//! The end of the server, before which clients may say how far they have read.
//!
//! First those are asked who have not acknowledged all their mail. Whoever does not answer is then
//! given up, so that what it has not acknowledged goes back to its senders while these can still be
//! told; and then everybody is.

use alloc::vec::Vec;

use super::{Digest, Hub, Outputs};
use crate::broker::{Input, StopReason};
use crate::id::{ConnId, Time};

/// How far a hub has come in stopping.
#[derive(Default, Debug)]
pub(super) enum Stopping {
    /// It does not stop.
    #[default]
    No,
    /// It waits until these clients have answered these questions.
    Asked {
        until: Time,
        questions: Vec<(ConnId, u64)>,
    },
    /// It waits for the ends of these connections, whose clients have not answered.
    GivenUp { until: Time, conns: Vec<ConnId> },
    /// Everybody was told.
    Told,
}

impl Stopping {
    /// When something is waited for no longer.
    pub(super) const fn deadline(&self) -> Option<Time> {
        match self {
            Self::Asked { until, .. } | Self::GivenUp { until, .. } => Some(*until),
            Self::No | Self::Told => None,
        }
    }
}

impl<D: Digest> Hub<D> {
    /// Asks the clients that have not acknowledged everything.
    pub(super) fn begin_to_stop(&mut self, now: Time, out: &mut Outputs) {
        if !matches!(self.stopping, Stopping::No) {
            return;
        }
        let conns = self.broker.lifecycle().connections();
        let conns: Vec<_> = conns.map(|(conn, _)| conn).collect();
        let ask = |conn| Some((conn, self.ask_at_once(now, conn, out)?));
        let questions = conns.into_iter().filter_map(ask).collect();
        self.stopping = Stopping::Asked {
            until: now.after(self.limits.last_answers),
            questions,
        };
    }

    /// Takes the next steps of stopping that need not wait any longer.
    pub(super) fn go_on_stopping(&mut self, now: Time, out: &mut Outputs) {
        if let Stopping::Asked { until, questions } = &self.stopping {
            let unanswered = questions
                .iter()
                .filter(|(conn, question)| self.awaits(*conn, *question));
            let conns: Vec<_> = unanswered.map(|&(conn, _)| conn).collect();
            if now < *until && !conns.is_empty() {
                return;
            }
            for &conn in &conns {
                let reason = StopReason::Unanswered;
                self.handle(now, Input::GiveUp { conn, reason }, out);
            }
            self.stopping = Stopping::GivenUp {
                until: now.after(self.limits.last_answers),
                conns,
            };
        }
        if let Stopping::GivenUp { until, conns } = &self.stopping {
            if now < *until && conns.iter().any(|conn| self.links.get(*conn).is_some()) {
                return;
            }
            self.stopping = Stopping::Told;
            // What is written to those who are there counts as read: they are not asked again.
            let connections = self.broker.lifecycle().connections();
            let conns: Vec<_> = connections.map(|(conn, _)| conn).collect();
            for conn in conns {
                if self.broker.lifecycle().online(conn).is_some() {
                    self.release(conn, out);
                }
            }
            self.handle(now, Input::ShutDown, out);
        }
    }
}
