//! 1. A peer is removed only when the writer of its holder has finished, and exactly once for each
//!    time that it joined.

use rejoin::broker::lifecycle::Hold;
use rejoin::broker::{Event, LeaveReason};
use rejoin::id::{Name, PeerId};

use super::{Checker, Witness, ensure};
use crate::moment::Act;
use crate::words;

/// The checker of statement 1: whoever the roster knows is bound, to the connection that it knows,
/// and nobody else is.
#[derive(Clone, Copy, Default, Debug)]
pub struct Removal;

impl Checker for Removal {
    fn statement(&self) -> u8 {
        1
    }

    fn observe(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        let view = &witness.moment.view;
        for (name, bearer) in &witness.after.bearers {
            let peer = bearer.peer;
            let is_late = bearer
                .until
                .is_some_and(|until| until <= witness.moment.now);
            ensure!(
                !is_late || view.behind || witness.moment.input().is_none(),
                "{name} was not removed in time"
            );
            let Some(binding) = view.bindings.get(name) else {
                return Err(format!("{name} was removed too early"));
            };
            ensure!(
                binding.peer == peer,
                "{name} is {}, and should be {}",
                words::peer(Some(binding.peer)),
                words::peer(Some(peer))
            );
            let (holder, until) = match binding.hold {
                Hold::Held { holder, .. } => (Some(holder), None),
                Hold::Away { until } => (None, Some(until)),
            };
            ensure!(
                holder == bearer.holder && until == bearer.until,
                "{name} is {}, and should be {}",
                words::hold(holder, until),
                words::hold(bearer.holder, bearer.until)
            );
        }
        for name in view.bindings.keys() {
            ensure!(
                witness.after.bearers.contains_key(name),
                "{name} was not removed"
            );
        }
        forgotten(witness)?;
        farewells(witness)
    }
}

/// That a peer is forgotten just when it is gone, and so once for each time that it joined.
fn forgotten(witness: &Witness<'_>) -> Result<(), String> {
    let stays = |peer: PeerId| {
        witness
            .after
            .bearers
            .values()
            .any(|bearer| bearer.peer == peer)
    };
    let before = witness.before.bearers.iter();
    let gone = before.filter(|(_, bearer)| !stays(bearer.peer));
    let mut gone: Vec<Name> = gone.map(|(&name, _)| name).collect();
    for act in witness.moment.acts() {
        let Act::Forget { name } = act else {
            continue;
        };
        let place = gone.iter().position(|gone| gone == name);
        let place = place.ok_or_else(|| format!("{name} is forgotten, and stays"))?;
        gone.remove(place);
    }
    ensure!(
        gone.is_empty(),
        "gone, and not forgotten: {}",
        words::list(&gone)
    );
    Ok(())
}

/// That the rooms hear that somebody is gone only of those who are.
fn farewells(witness: &Witness<'_>) -> Result<(), String> {
    for (conn, event) in witness.moment.told() {
        let Event::Left { name, why, .. } = event else {
            continue;
        };
        let gone = match why {
            LeaveReason::Gone | LeaveReason::Expired => true,
            LeaveReason::Left(_) | LeaveReason::Quit(_) | LeaveReason::Kicked { .. } => false,
        };
        let before = witness.before.bearers.get(name).map(|b| b.peer);
        let after = witness.after.bearers.get(name).map(|b| b.peer);
        ensure!(
            !gone || (before.is_some() && before != after),
            "{conn} hears that {name} is gone, who is not"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{acts, break_off, come, rejects, story};
    use crate::moment::Act;
    use crate::step::{Step, name, room};
    use rejoin::id::{ConnId, PeerId};

    #[test]
    fn a_peer_that_goes_before_its_writer_has_finished_is_found() {
        let reader_ends = [Step::ReaderFinishes { conn: 0 }];
        rejects::<Removal>(
            &story([&come(0, Some(0))[..], &reader_ends]),
            |moment| {
                moment.view.bindings.clear();
            },
            "removed too early",
        );
    }

    #[test]
    fn a_peer_that_stays_after_its_writer_has_finished_is_found() {
        let mut ghost = None;
        let steps = story([&come(0, None)[..], &break_off(0)]);
        for moment in crate::forge::moments(&steps[..2]) {
            ghost = moment.view.bindings.get(&name(0)).copied();
        }
        rejects::<Removal>(
            &steps,
            |moment| {
                let ghost = ghost.expect("it was there before");
                moment.view.bindings.insert(name(0), ghost);
            },
            "not removed",
        );
    }

    #[test]
    fn a_successor_that_is_removed_with_its_predecessor_is_found() {
        let returns = story([&come(0, Some(0))[..], &break_off(0), &come(0, Some(0))]);
        rejects::<Removal>(
            &returns,
            |moment| {
                let binding = moment.view.bindings.get_mut(&name(0)).unwrap();
                let until = moment.now;
                binding.hold = Hold::Away { until };
            },
            "should be held by",
        );
        rejects::<Removal>(
            &returns,
            |moment| {
                let binding = moment.view.bindings.get_mut(&name(0)).unwrap();
                binding.peer = PeerId::new(ConnId::new(1));
            },
            "should be",
        );
    }

    #[test]
    fn somebody_who_is_gone_and_not_forgotten_is_found() {
        let goes = story([&come(0, None)[..], &break_off(0)]);
        rejects::<Removal>(&goes, |moment| acts(moment).clear(), "not forgotten");
        let stays = story([&come(0, Some(0))[..], &break_off(0)]);
        let forget = Act::Forget { name: name(0) };
        rejects::<Removal>(&stays, |moment| acts(moment).push(forget), "and stays");
    }

    #[test]
    fn a_farewell_to_somebody_who_is_there_is_found() {
        rejects::<Removal>(
            &story([&come(0, None)[..], &come(1, None)]),
            |moment| {
                acts(moment).push(Act::Tell {
                    to: vec![ConnId::new(1)],
                    event: Event::Left {
                        room: room(0),
                        name: name(0),
                        why: LeaveReason::Gone,
                    },
                });
            },
            "who is not",
        );
    }
}
