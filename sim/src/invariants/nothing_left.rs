//! 8. When everything has finished, nothing is left: no connection, and no peer past its window.

use std::collections::{BTreeMap, BTreeSet};

use rejoin::id::{ConnId, Name, Room};

use super::{Checker, Witness, ensure};
use crate::moment::View;

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
        let known = after.known.iter().filter(|(_, known)| !known.over);
        let due: BTreeSet<ConnId> = known.map(|(&conn, _)| conn).collect();
        let are: BTreeSet<ConnId> = view.connections.keys().copied().collect();
        ensure!(are == due, "the connections are {are:?}, and not {due:?}");
        for (conn, known) in after.known.iter().filter(|_| after.shutting_down) {
            let ends = known.stopped || known.over;
            ensure!(ends, "the server stops, and {conn} is not told");
        }
        for name in view.mailboxes.keys() {
            let bound = after.bearers.contains_key(name);
            ensure!(bound, "{name} is gone and has a mailbox");
        }
        let mut rooms: BTreeMap<Room, BTreeSet<Name>> = BTreeMap::new();
        for (&name, bearer) in &after.bearers {
            for &room in &bearer.rooms {
                rooms.entry(room).or_default().insert(name);
            }
        }
        ensure!(
            view.rooms == rooms,
            "in the rooms are {:?}, and not {rooms:?}",
            view.rooms
        );
        let deadline = after.deadline();
        ensure!(
            view.deadline == deadline,
            "the deadline is {:?}, and not {deadline:?}",
            view.deadline
        );
        Ok(())
    }

    fn finish(&mut self, last: &Witness<'_>) -> Result<(), String> {
        let view = &last.moment.view;
        ensure!(*view == View::default(), "this is left: {view:?}");
        let links = &last.moment.links;
        ensure!(links.is_empty(), "these are left: {links:?}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{acts, break_off, come, config, moments, rejects, story};
    use crate::roster::Roster;
    use crate::step::{Step, name, room};

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
            "the connections are",
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
            "in the rooms are",
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
        let (config, steps) = (config(), came_and_went());
        let roster = Roster::new(&config);
        let all = moments(&steps);
        let ends = all.iter().map(|moment| {
            let last = Witness {
                config: &config,
                moment,
                before: &roster,
                after: &roster,
            };
            NothingLeft.finish(&last).is_ok()
        });
        let ends: Vec<_> = ends.collect();
        // The reader of the connection has not finished in the end.
        assert_eq!(ends, [false; 4]);
    }
}
