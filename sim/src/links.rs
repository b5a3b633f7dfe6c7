//! The connections of a driver, as the broker's inputs and effects tell of them.

use std::collections::BTreeMap;

use rejoin::broker::{Event, Input};
use rejoin::id::ConnId;

use crate::moment::{Act, Link};

/// Every connection, until both halves have finished.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Links(pub BTreeMap<ConnId, Link>);

impl Links {
    /// Takes in what the broker was told, before it does anything.
    pub fn told(&mut self, input: &Input) {
        match input {
            Input::Accepted { conn, .. } => {
                self.0.insert(*conn, Link::default());
            }
            Input::ReaderFinished { conn } => {
                if let Some(link) = self.0.get_mut(conn) {
                    link.reader_finished = true;
                }
            }
            Input::WriterFinished { conn, .. } => {
                if let Some(link) = self.0.get_mut(conn) {
                    link.writer_finished = true;
                }
            }
            Input::Request { .. }
            | Input::GiveUp { .. }
            | Input::Dismiss { .. }
            | Input::Tick
            | Input::ShutDown => {}
        }
    }

    /// Does what the broker wants done. What concerns a connection that is not there is a matter
    /// for the invariants.
    pub fn act(&mut self, act: &Act) {
        match act {
            Act::Tell { to, event } => {
                for conn in to {
                    if let Some(link) = self.0.get_mut(conn) {
                        link.serves |= matches!(event, Event::Welcome { .. } | Event::Back { .. });
                        link.outbox.push_back(event.clone());
                    }
                }
            }
            Act::StopWriter { conn, reason } => {
                if let Some(link) = self.0.get_mut(conn) {
                    link.stopped = Some(*reason);
                }
            }
            // A reader holds nothing, so that only its end matters; and mail that nobody gets is
            // only counted.
            Act::StopReader { .. } | Act::Discard { .. } | Act::Forget { .. } => {}
        }
    }

    /// Takes out the connections that are over.
    pub fn over(&mut self) -> impl Iterator<Item = ConnId> {
        let over = |link: &Link| link.reader_finished && link.writer_finished;
        self.0.extract_if(.., move |_, l| over(l)).map(|(c, _)| c)
    }
}
