//! 8. When everything has finished, nothing is left: no connection, and no peer past its window.

use std::time::Duration;

use super::{Checker, Witness, ensure};
use crate::moment::{Moment, View};
use crate::words::{self, when};

/// How soon what is left of a slice is due.
const PAUSE: Duration = Duration::from_millis(1);

/// The checker of statement 8. At every moment, what has finished has left no connection, no
/// mailbox, no member of a room and no deadline behind, and a server that stops has told everybody
/// to; in the end, nothing is there.
#[derive(Clone, Copy, Default, Debug)]
pub struct NothingLeft;

impl Checker for NothingLeft {
    fn statement(&self) -> u8 {
        8
    }

    fn observe(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        let Witness { moment, after, .. } = witness;
        let view = &moment.view;
        let (are, due) = (&view.connections, &after.known);
        ensure!(
            are.keys().eq(due.keys()),
            "the connections should be: {}; and are: {}",
            words::list(due.keys()),
            words::list(are.keys())
        );
        let has_stopped = after.shutting_down && !view.behind;
        for (conn, known) in due.iter().filter(|_| has_stopped) {
            ensure!(known.stopped, "the server stops, and {conn} is not told");
        }
        for name in view.mailboxes.keys() {
            let bound = after.bearers.contains_key(name);
            ensure!(bound, "{name} is gone and has a mailbox");
        }
        rooms(witness)?;
        ensure!(
            view.behind || after.returning.is_empty(),
            "mail still waits for those who are online: {}",
            words::list(&after.returning)
        );
        if view.behind && moment.input().is_some() {
            let soon = moment.now.after(PAUSE);
            let is_soon = |time| moment.now < time && time <= soon;
            ensure!(
                view.deadline.is_some_and(is_soon),
                "something is left to do, and the deadline is {}",
                when(view.deadline)
            );
        }
        let deadline = after.deadline();
        ensure!(
            view.behind || view.deadline == deadline,
            "the deadline is {}, and not {}",
            when(view.deadline),
            when(deadline)
        );
        Ok(())
    }

    fn finish(&mut self, last: &Moment) -> Result<(), String> {
        let Moment { view, links, .. } = last;
        ensure!(
            *view == View::default(),
            "this is left: {}",
            words::view(view)
        );
        ensure!(
            links.0.is_empty(),
            "these are left: {}",
            words::list(links.0.keys())
        );
        Ok(())
    }
}

/// That in each room are those who have joined it, and that there is no other.
fn rooms(witness: &Witness<'_>) -> Result<(), String> {
    let (rooms, bearers) = (&witness.moment.view.rooms, &witness.after.bearers);
    for (room, members) in rooms {
        let joined = bearers.iter().filter(|(_, b)| b.rooms.contains(room));
        let joined = joined.map(|(name, _)| name);
        ensure!(
            !members.is_empty() && members.iter().eq(joined.clone()),
            "in {room} should be: {}; and are: {}",
            words::names(joined),
            words::names(members)
        );
    }
    for (name, bearer) in bearers {
        let missing = bearer.rooms.iter().find(|room| !rooms.contains_key(room));
        if let Some(missing) = missing {
            return Err(format!("{name} should be in {missing}, and nobody is"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{acts, break_off, come, moments, rejects, story};
    use crate::step::{Step, name, room};
    use std::collections::BTreeSet;

    fn came_and_went() -> Vec<Step> {
        let join = [Step::Join { conn: 0, room: 0 }];
        story([&come(0, None)[..], &join, &break_off(0)])
    }

    #[test]
    fn a_connection_that_is_left_is_found() {
        let phase = moments(&came_and_went()[..1]).pop().unwrap().view;
        rejects::<NothingLeft>(
            &came_and_went(),
            |moment| moment.view.connections = phase.connections,
            "the connections should be",
        );
    }

    #[test]
    fn a_connection_that_outstays_the_server_is_found() {
        rejects::<NothingLeft>(
            &story([&come(0, Some(0))[..], &come(0, Some(0)), &[Step::ShutDown]]),
            |moment| acts(moment).clear(),
            "c1 is not told",
        );
    }

    #[test]
    fn a_mailbox_or_a_member_that_is_left_is_found() {
        rejects::<NothingLeft>(
            &came_and_went(),
            |moment| {
                moment.view.mailboxes.insert(name(0), Vec::new());
            },
            "has a mailbox",
        );
        rejects::<NothingLeft>(
            &came_and_went(),
            |moment| {
                let members = BTreeSet::from([name(0)]);
                moment.view.rooms.insert(room(0), members);
            },
            "in #one ",
        );
    }

    #[test]
    fn a_deadline_that_survives_is_found() {
        rejects::<NothingLeft>(
            &story([&come(0, Some(0))[..], &break_off(0), &come(0, Some(0))]),
            |moment| moment.view.deadline = Some(moment.now),
            "the deadline is",
        );
    }

    #[test]
    fn something_that_is_there_in_the_end_is_found() {
        let all = moments(&came_and_went());
        let ends = all.iter().map(|last| NothingLeft.finish(last).is_ok());
        let ends: Vec<_> = ends.collect();
        // The reader of the connection has not finished in the end.
        assert_eq!(ends, [false; 4]);
    }
}
