//! The end of the server, before which clients may say how far they have read.
//!
//! First those are asked who have not acknowledged all their mail. Whoever does not answer is then
//! given up, so that what it has not acknowledged goes back to its senders while these can still be
//! told; and then everybody is. With many connections each of these steps is done in slices.

use alloc::vec::Vec;
use core::mem;

use super::{Digest, Hub, Outputs, work};
use crate::broker::effect::PAUSE_AT_THE_END;
use crate::broker::{Input, StopReason};
use crate::id::{ConnId, Time};

/// How far a hub has come in stopping.
#[derive(Default, Debug)]
pub(super) struct Stopping {
    stage: Stage,
    /// When something is waited for no longer.
    until: Time,
    /// When the next slice is due, if this stage is not done.
    again: Option<Time>,
    /// Connections that this stage is still about.
    conns: Vec<ConnId>,
    /// What clients were asked, and have not been seen to answer.
    questions: Vec<(ConnId, u64)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Stage {
    /// The hub does not stop.
    #[default]
    No,
    /// It asks the clients.
    Ask,
    /// It waits for their answers.
    Asked,
    /// It gives up those who have not answered.
    GiveUp,
    /// It waits for the ends of their connections.
    GivenUp,
    /// The broker tells everybody.
    Told,
}

impl Stopping {
    /// When there is something to do next.
    pub(super) fn deadline(&self) -> Option<Time> {
        match self.stage {
            Stage::No | Stage::Told => None,
            Stage::Ask | Stage::Asked | Stage::GiveUp | Stage::GivenUp => {
                self.again.or(Some(self.until))
            }
        }
    }
}

impl<D: Digest> Hub<D> {
    /// Whether the server stops, and not all have been told of it yet.
    pub fn is_stopping(&self) -> bool {
        match self.stopping.stage {
            Stage::No => false,
            Stage::Ask | Stage::Asked | Stage::GiveUp | Stage::GivenUp => true,
            Stage::Told => self.broker.is_closing(),
        }
    }

    /// Begins to ask the clients that have not acknowledged everything.
    pub(super) fn begin_to_stop(&mut self, now: Time) {
        if self.stopping.stage == Stage::No {
            let conns = self.broker.lifecycle().connections();
            self.stopping.conns = conns.map(|(conn, _)| conn).collect();
            self.stopping.conns.reverse();
            self.stopping.stage = Stage::Ask;
            self.stopping.until = now.after(self.limits.last_answers);
        }
    }

    /// Takes the next steps of stopping that need not wait any longer, as far as they fit into a
    /// slice.
    pub(super) fn go_on_stopping(&mut self, now: Time, out: &mut Outputs) {
        if self.stopping.again.is_some_and(|again| again > now) {
            return;
        }
        self.stopping.again = None;
        let end = self.worked(out).saturating_add(self.limits.slice);
        while self.stop_a_little(now, out) {
            if self.worked(out) >= end {
                self.stopping.again = Some(now.after(PAUSE_AT_THE_END));
                return;
            }
        }
    }

    /// Returns whether there is more to do that need not wait.
    fn stop_a_little(&mut self, now: Time, out: &mut Outputs) -> bool {
        match self.stopping.stage {
            Stage::No | Stage::Told => return false,
            Stage::Ask => match self.stopping.conns.pop() {
                Some(conn) => {
                    let question = self.ask_at_once(now, conn, out);
                    let question = question.map(|question| (conn, question));
                    self.stopping.questions.extend(question);
                }
                None => self.stopping.stage = Stage::Asked,
            },
            Stage::Asked => match self.stopping.questions.last() {
                Some(&(conn, question)) if now < self.stopping.until => {
                    if self.awaits(conn, question) {
                        return false;
                    }
                    self.stopping.questions.pop();
                }
                Some(_) | None => self.stopping.stage = Stage::GiveUp,
            },
            Stage::GiveUp => match self.stopping.questions.pop() {
                Some((conn, question)) => {
                    if self.awaits(conn, question) {
                        let reason = StopReason::Unanswered;
                        self.handle(now, Input::GiveUp { conn, reason }, out);
                        self.stopping.conns.push(conn);
                    }
                }
                None => {
                    self.stopping.stage = Stage::GivenUp;
                    self.stopping.until = now.after(self.limits.last_answers);
                }
            },
            Stage::GivenUp => match self.stopping.conns.last() {
                Some(&conn) if now < self.stopping.until => {
                    if self.links.get(conn).is_some() {
                        return false;
                    }
                    self.stopping.conns.pop();
                }
                Some(_) | None => {
                    self.stopping.stage = Stage::Told;
                    drop(mem::take(&mut self.stopping.conns));
                    self.handle(now, Input::ShutDown, out);
                }
            },
        }
        self.work.count(work::ENTRY);
        true
    }
}
