//! 3. Each half of a connection is told to stop at most once, and is always told when the other
//!    half is gone.

use std::collections::BTreeMap;

use rejoin::broker::Input;
use rejoin::id::ConnId;

use super::{Checker, Witness, ensure};
use crate::moment::Act;

/// The checker of statement 3.
#[derive(Clone, Default, Debug)]
pub struct Halves {
    connections: BTreeMap<ConnId, Both>,
}

#[derive(Clone, Copy, Default, Debug)]
struct Both {
    reader: Half,
    writer: Half,
}

#[derive(Clone, Copy, Default, Debug)]
struct Half {
    told: bool,
    finished: bool,
    /// Although it has finished.
    may_be_told: bool,
}

impl Half {
    /// It is told to stop, which must be news to it.
    fn tell(&mut self, which: &str, conn: ConnId) -> Result<(), String> {
        ensure!(!self.told, "{which} of {conn} is told to stop twice");
        ensure!(
            !self.finished || self.may_be_told,
            "{which} of {conn} is told to stop, and has finished"
        );
        self.told = true;
        Ok(())
    }

    const fn is_on_its_way(self) -> bool {
        self.told || self.finished
    }
}

impl Checker for Halves {
    fn statement(&self) -> u8 {
        3
    }

    fn observe(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        match witness.moment.input() {
            Some(&Input::Accepted { conn, .. }) => {
                self.connections.insert(conn, Both::default());
            }
            Some(&Input::ReaderFinished { conn }) => {
                // What is due comes first: then the broker has not heard of the end yet.
                let now = witness.moment.now;
                let due = witness.before.deadline().is_some_and(|time| time <= now);
                let due = due || witness.before.is_behind();
                let reader = &mut self.both(conn).reader;
                reader.finished = true;
                reader.may_be_told |= due;
            }
            Some(&Input::WriterFinished { conn, .. }) => self.both(conn).writer.finished = true,
            Some(
                Input::Request { .. }
                | Input::GiveUp { .. }
                | Input::Dismiss { .. }
                | Input::Tick
                | Input::ShutDown,
            )
            | None => {}
        }
        for act in witness.moment.acts() {
            match *act {
                Act::StopReader { conn } => self.both(conn).reader.tell("the reader", conn)?,
                Act::StopWriter { conn, .. } => self.both(conn).writer.tell("the writer", conn)?,
                Act::Tell { .. } | Act::Discard { .. } | Act::Forget { .. } => {}
            }
        }
        for both in self.connections.values_mut() {
            both.reader.may_be_told = false;
        }
        for (conn, Both { reader, writer }) in &self.connections {
            ensure!(
                !reader.finished || writer.is_on_its_way(),
                "the writer of {conn} is not told that the reader is gone"
            );
            ensure!(
                !writer.finished || reader.is_on_its_way(),
                "the reader of {conn} is not told that the writer is gone"
            );
        }
        self.connections
            .retain(|_, both| !(both.reader.finished && both.writer.finished));
        Ok(())
    }
}

impl Halves {
    fn both(&mut self, conn: ConnId) -> &mut Both {
        self.connections.entry(conn).or_insert(Both {
            // One that is over may finish again, and must not be told anything.
            reader: FINISHED,
            writer: FINISHED,
        })
    }
}

const FINISHED: Half = Half {
    told: true,
    finished: true,
    may_be_told: false,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{acts, break_off, come, rejects, story};
    use crate::step::Step;

    #[test]
    fn a_half_that_is_not_told_is_found() {
        let came = come(0, None);
        rejects::<Halves>(
            &story([&came[..], &[Step::ReaderFinishes { conn: 0 }]]),
            |moment| acts(moment).clear(),
            "the writer of c0 is not told",
        );
        rejects::<Halves>(
            &story([&came[..], &break_off(0)]),
            |moment| acts(moment).clear(),
            "the reader of c0 is not told",
        );
    }

    #[test]
    fn a_half_that_is_told_twice_is_found() {
        rejects::<Halves>(
            &story([&come(0, None)[..], &[Step::ReaderFinishes { conn: 0 }]]),
            |moment| {
                let again = acts(moment)[0].clone();
                acts(moment).push(again);
            },
            "told to stop twice",
        );
    }

    #[test]
    fn a_half_that_has_finished_and_is_told_is_found() {
        let conn = ConnId::new(0);
        rejects::<Halves>(
            &story([&come(0, None)[..], &[Step::ReaderFinishes { conn: 0 }]]),
            |moment| acts(moment).push(Act::StopReader { conn }),
            "has finished",
        );
    }
}
