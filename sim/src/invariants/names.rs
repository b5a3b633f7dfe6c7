//! 6. A name is bound to at most one connection. Nobody takes a name over, or reads its mailbox,
//!    without its proof.

use std::collections::BTreeSet;

use rejoin::broker::lifecycle::{Hold, Phase};
use rejoin::broker::{Event, Input, Mail, Request};
use rejoin::id::{ConnId, Name};

use super::ledger::Delivery;
use super::{Checker, Witness, ensure};
use crate::moment::mail_of;
use crate::roster::{Bearer, is_refused};
use crate::words;

/// The checker of statement 6.
#[derive(Clone, Default, Debug)]
pub struct Names {
    /// What was said to whom.
    said: BTreeSet<Delivery>,
}

impl Checker for Names {
    fn statement(&self) -> u8 {
        6
    }

    fn observe(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        let accepted = witness.accepted()?.iter();
        self.said.extend(accepted.map(|a| a.delivery));
        one_connection(witness)?;
        waiters(witness)?;
        renamed(witness)?;
        for (conn, event) in witness.moment.told() {
            match event {
                Event::Welcome { name } => welcome(witness, conn, name)?,
                Event::Back { name, .. } => back(witness, conn, name)?,
                Event::Mail(_) | Event::KeptMail(_) => self.reads(witness, conn, event)?,
                Event::Kept { .. }
                | Event::Joined { .. }
                | Event::Left { .. }
                | Event::Renamed { .. }
                | Event::Rooms { .. }
                | Event::Who { .. }
                | Event::Refused(_) => {}
            }
        }
        Ok(())
    }
}

impl Names {
    /// That mail is told to the peer that it was meant for.
    fn reads(&self, witness: &Witness<'_>, conn: ConnId, event: &Event) -> Result<(), String> {
        let reader = witness.after.peer(conn);
        let may = match (mail_of(event), reader) {
            (Some(Mail::Message(message)), Some(reader)) => {
                self.said.contains(&Delivery::new(message, reader))
            }
            (Some(Mail::Bounce(bounce)), _) => Some(bounce.message.header().sender) == reader,
            (None, _) | (_, None) => false,
        };
        ensure!(
            may,
            "{conn}, {}, reads what is for somebody else: {}",
            words::peer(reader),
            words::event(event)
        );
        Ok(())
    }
}

/// That no two connections hold, or wait for, the same name, and that the name agrees.
fn one_connection(witness: &Witness<'_>) -> Result<(), String> {
    let view = &witness.moment.view;
    let (mut held, mut awaited) = (BTreeSet::new(), BTreeSet::new());
    for (&conn, phase) in &view.connections {
        let hold = |name| view.bindings.get(name).map(|binding| binding.hold);
        match phase {
            Phase::Online { name, .. } | Phase::Leaving { name: Some(name) } => {
                ensure!(held.insert(*name), "{name} is held twice");
                let agrees =
                    matches!(hold(name), Some(Hold::Held { holder, .. }) if holder == conn);
                ensure!(agrees, "{name} is not bound to {conn}, which holds it");
            }
            Phase::Waiting { name, .. } => {
                ensure!(awaited.insert(*name), "two wait for {name}");
            }
            Phase::Greeting { .. } | Phase::Leaving { name: None } => {}
        }
    }
    Ok(())
}

/// That whoever is to get a name next is there, and may.
fn waiters(witness: &Witness<'_>) -> Result<(), String> {
    for (name, binding) in &witness.moment.view.bindings {
        let Hold::Held {
            waiter: Some(waiter),
            ..
        } = binding.hold
        else {
            continue;
        };
        let there = witness.after.waits(waiter);
        ensure!(there, "{name} is kept for {waiter}, which is gone");
        let asked = witness.after.known.get(&waiter).and_then(|k| k.asked);
        let bearer = witness.after.bearers.get(name);
        let may = bearer.is_some_and(|bearer| {
            asked.is_some_and(|(asked, proof)| {
                asked == *name && (bearer.proof.is_none() || proof == bearer.proof)
            })
        });
        ensure!(may, "{name} is kept for {waiter}, which has no right to it");
    }
    Ok(())
}

/// That whoever takes another name takes one that is free, and is not refused one.
fn renamed(witness: &Witness<'_>) -> Result<(), String> {
    let Some(Input::Request {
        conn,
        request: Request::Rename { name },
    }) = witness.moment.input()
    else {
        return Ok(());
    };
    if witness.before.online(*conn).is_none() {
        return Ok(());
    }
    let bearer = bearer(witness, name);
    let is_free = bearer.is_none_or(|bearer| bearer.holder == Some(*conn));
    ensure!(
        is_free != is_refused(witness.moment),
        "{conn} is {} {name}, which is borne by {}",
        if is_free { "refused" } else { "given" },
        words::peer(bearer.map(|bearer| bearer.peer))
    );
    Ok(())
}

/// That a name was free for a new peer, which is called as it has written itself.
fn welcome(witness: &Witness<'_>, conn: ConnId, name: &Name) -> Result<(), String> {
    let asked = witness.after.name(conn);
    ensure!(
        asked.is_some_and(|asked| asked.as_str() == name.as_str()),
        "{conn} is welcome as {name}, and asked for {}",
        words::list(asked)
    );
    let Some(bearer) = bearer(witness, name) else {
        return Ok(());
    };
    let ends = match witness.moment.input() {
        Some(Input::WriterFinished { conn, .. }) => bearer.holder == Some(*conn),
        Some(
            Input::Accepted { .. }
            | Input::Request { .. }
            | Input::GiveUp { .. }
            | Input::Dismiss { .. }
            | Input::ReaderFinished { .. }
            | Input::Tick
            | Input::ShutDown,
        )
        | None => false,
    };
    ensure!(
        ends && bearer.proof.is_none(),
        "{conn} is welcome as {name}, which {} bears",
        words::peer(Some(bearer.peer))
    );
    Ok(())
}

/// That whoever is back has shown that it is.
fn back(witness: &Witness<'_>, conn: ConnId, name: &Name) -> Result<(), String> {
    let asked = witness.after.known.get(&conn).and_then(|known| known.asked);
    let proof = asked.and_then(|(_, proof)| proof);
    let bearer = bearer(witness, name);
    let needed = bearer.and_then(|bearer| bearer.proof);
    ensure!(
        proof.is_some() && proof == needed,
        "{conn} is back as {name}, and has not shown that it is the same peer"
    );
    Ok(())
}

/// Who bore a name, when what was due had been done.
fn bearer<'a>(witness: &Witness<'a>, name: &Name) -> Option<&'a Bearer> {
    let bearer = witness.before.bearers.get(name);
    bearer.filter(|bearer| bearer.until.is_none_or(|until| until > witness.moment.now))
}

#[cfg(test)]
mod tests {
    use rejoin::id::PeerId;

    use super::*;
    use crate::forge::{acts, break_off, come, input, moments, rejects, say, story};
    use crate::moment::Act;
    use crate::step::{Step, Until, name, proof};

    fn tell(conn: u64, event: Event) -> Act {
        let to = vec![ConnId::new(conn)];
        Act::Tell { to, event }
    }

    #[test]
    fn a_name_with_two_connections_is_found() {
        rejects::<Names>(
            &story([&come(0, None)[..], &come(0, None)]),
            |moment| {
                let online = Phase::Online {
                    name: name(0),
                    peer: PeerId::new(ConnId::new(1)),
                };
                moment.view.connections.insert(ConnId::new(1), online);
            },
            "is held twice",
        );
    }

    #[test]
    fn a_takeover_without_the_proof_is_found() {
        rejects::<Names>(
            &story([&come(0, Some(0))[..], &break_off(0), &come(0, Some(0))]),
            |moment| {
                *input(moment) = Input::Request {
                    conn: ConnId::new(1),
                    request: Request::LogIn {
                        name: name(0),
                        proof: Some(proof(1)),
                    },
                };
            },
            "has not shown",
        );
        rejects::<Names>(
            &story([&come(0, Some(0))[..], &come(0, Some(1))]),
            |moment| *acts(moment) = vec![tell(1, Event::Welcome { name: name(0) })],
            "is welcome",
        );
    }

    #[test]
    fn a_peer_that_is_called_otherwise_is_found() {
        rejects::<Names>(
            &come(0, None),
            |moment| *acts(moment) = vec![tell(0, Event::Welcome { name: name(3) })],
            "and asked for",
        );
    }

    #[test]
    fn a_waiter_without_a_right_to_the_name_or_that_is_gone_is_found() {
        let wait = |conn| {
            move |moment: &mut crate::Moment| {
                let binding = moment.view.bindings.get_mut(&name(0)).unwrap();
                let Hold::Held { waiter, .. } = &mut binding.hold else {
                    unreachable!("the name is held")
                };
                *waiter = Some(ConnId::new(conn));
            }
        };
        let came = come(0, Some(0));
        rejects::<Names>(
            &story([&came[..], &[Step::Accept]]),
            wait(1),
            "which is gone",
        );
        let refused = story([&came[..], &come(0, Some(1))]);
        let unrefused = |moment: &mut crate::Moment| {
            acts(moment).clear();
            wait(1)(moment);
        };
        rejects::<Names>(&refused, unrefused, "no right to it");
    }

    #[test]
    fn mail_that_somebody_else_of_that_name_reads_is_found() {
        // Bob is away, Ann writes, Bob's window ends, and a guest is Bob now.
        let expires = [Step::Wait {
            until: Until::Deadline,
            tick: true,
        }];
        let kept = story([
            &come(1, Some(0))[..],
            &break_off(0),
            &come(0, None),
            &say(0, 1),
        ]);
        let mail = moments(&kept).pop().unwrap().view.mailboxes[&name(1)][0].clone();
        rejects::<Names>(
            &story([&kept[..], &expires, &come(1, None)]),
            |moment| acts(moment).push(tell(2, Event::KeptMail(mail))),
            "reads what is for",
        );
    }
}
