//! 2. A connection never removes, stops or receives for another connection, whatever the names
//!    are. Only a login with the right proof replaces one, and only an operator's `KILL` dismisses one.

use rejoin::broker::{Event, Input, Mail, Receiver, Request, StopReason};
use rejoin::id::ConnId;

use super::{Checker, Witness, ensure};
use crate::moment::{Act, actor};
use crate::roster::{Bearer, Roster};
use crate::words;

/// The checker of statement 2: each effect is owed to the one who caused it. That a connection
/// removes nobody else's peer is seen by [`Removal`](super::removal::Removal).
#[derive(Clone, Copy, Default, Debug)]
pub struct Isolation;

impl Checker for Isolation {
    fn statement(&self) -> u8 {
        2
    }

    fn observe(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        let Some(input) = witness.moment.input() else {
            return Ok(());
        };
        late(witness, input)?;
        let (mut stopped, mut back) = (Vec::new(), Vec::new());
        for act in witness.moment.acts() {
            match act {
                &Act::StopReader { conn } => stops(witness, input, conn, None)?,
                &Act::StopWriter { conn, reason } => {
                    stops(witness, input, conn, Some(reason))?;
                    stopped.push(conn);
                }
                Act::Tell { to, event } => {
                    for (place, &conn) in to.iter().enumerate() {
                        let once = !to[..place].contains(&conn);
                        ensure!(once, "{conn} is told twice: {}", words::event(event));
                        let gone = !witness.after.known.contains_key(&conn);
                        let was = witness.before.known.get(&conn).is_some_and(|k| k.stopped);
                        let deaf = gone || was || stopped.contains(&conn);
                        ensure!(
                            !deaf,
                            "{conn}, which was stopped, is told: {}",
                            words::event(event)
                        );
                        if let Event::Back { .. } = event {
                            back.push(conn);
                        }
                        let kept = back.contains(&conn);
                        ensure!(
                            concerns(witness, input, conn, event, kept),
                            "{conn} is told what is none of its business: {}",
                            words::event(event)
                        );
                    }
                }
                Act::Discard { .. } | Act::Forget { .. } => {}
            }
        }
        Ok(())
    }
}

/// That an input which comes too late causes nothing.
fn late(witness: &Witness<'_>, input: &Input) -> Result<(), String> {
    let Witness { moment, before, .. } = witness;
    let too_late = match input {
        Input::Request { conn, .. }
        | Input::GiveUp { conn, .. }
        | Input::ReaderFinished { conn } => before.is_leaving_or_over(*conn),
        Input::WriterFinished { conn, .. } => !before.known.contains_key(conn),
        Input::Accepted { .. } | Input::Dismiss { .. } | Input::Tick | Input::ShutDown => false,
    };
    let due = before.deadline().is_some_and(|time| time <= moment.now);
    ensure!(
        !too_late || due || before.is_behind() || moment.acts().is_empty(),
        "“{}” comes too late, and yet causes: {}",
        words::input(input),
        words::list(moment.acts().iter().map(words::act))
    );
    Ok(())
}

/// That a connection is stopped by itself, its own deadline, the end of the server, the dismissal of
/// its peer, or a login with the right proof.
fn stops(
    witness: &Witness<'_>,
    input: &Input,
    conn: ConnId,
    reason: Option<StopReason>,
) -> Result<(), String> {
    let by_itself = actor(input) == Some(conn);
    let ends = witness.before.shutting_down && witness.before.is_behind();
    let by_all = matches!(input, Input::ShutDown)
        || ends && reason.is_none_or(|reason| reason == StopReason::ShuttingDown);
    let too_slow = reason.is_none_or(|reason| reason == StopReason::LoginTimeout)
        && witness.before.known.get(&conn).is_some_and(|known| {
            let until = known.accepted.after(witness.config.login_timeout);
            known.asked.is_none() && until <= witness.moment.now
        });
    let replaced = reason.is_none_or(|reason| reason == StopReason::Replaced)
        && may_replace(witness, input, conn);
    let dismissed = reason.is_none_or(|reason| reason == StopReason::Dismissed)
        && is_dismissed(witness, input, conn);
    ensure!(
        by_itself || by_all || too_slow || replaced || dismissed,
        "{conn} is stopped{} by “{}”",
        reason.map_or_else(String::new, |reason| format!(" ({})", words::stop(reason))),
        words::input(input)
    );
    Ok(())
}

/// Whether the peer which `conn` holds the name of is dismissed.
fn is_dismissed(witness: &Witness<'_>, input: &Input, conn: ConnId) -> bool {
    let Input::Dismiss { name, .. } = input else {
        return false;
    };
    let bearer = witness.before.bearers.get(name);
    bearer.is_some_and(|bearer| bearer.holder == Some(conn))
}

/// Whether a login shows that it is the peer which `conn` holds the name of, or waits for.
fn may_replace(witness: &Witness<'_>, input: &Input, conn: ConnId) -> bool {
    let Input::Request { request, .. } = input else {
        return false;
    };
    let &Request::LogIn { name, proof } = request else {
        return false;
    };
    // Whoever's time has run out is gone before anybody logs in.
    let mut before = witness.before.clone();
    before.expire(witness.moment.now);
    let Some(owner) = before.owner(name, proof) else {
        return false;
    };
    let asked = |conn| witness.before.known.get(&conn).and_then(|k| k.asked);
    let waits = witness.before.waits(conn) && asked(conn).is_some_and(|(n, _)| n == owner.name);
    owner.holder == Some(conn) || waits
}

/// Whether an event is for the one who is told.
fn concerns(
    witness: &Witness<'_>,
    input: &Input,
    conn: ConnId,
    event: &Event,
    is_back: bool,
) -> bool {
    let Witness { before, after, .. } = witness;
    let asks = actor(input) == Some(conn);
    match event {
        Event::Welcome { name } | Event::Back { name, .. } => {
            let known = after.known.get(&conn);
            known.and_then(|k| k.asked).is_some_and(|(n, _)| n == *name)
        }
        Event::Mail(Mail::Message(message)) => {
            let says = actor(input).and_then(|conn| after.online(conn));
            let hears = after.online(conn);
            let (Some(says), Some(hears)) = (says, hears) else {
                return false;
            };
            let meant = match message.header().room {
                Some(room) => {
                    let from_within =
                        says.rooms.contains(&room) && is_sent_to(input, Receiver::Room(room));
                    let is_said = from_within || is_sent_to(input, Receiver::OpenRoom(room));
                    is_said && hears.rooms.contains(&room)
                }
                None => is_sent_to(input, Receiver::Peer(hears.name)),
            };
            says.peer == message.header().sender && meant
        }
        Event::Mail(Mail::Bounce(bounce)) => {
            after.peer(conn) == Some(bounce.message.header().sender)
        }
        Event::KeptMail(_) => {
            let name = before.online(conn).map(|bearer| bearer.name);
            is_back || name.is_some_and(|name| before.returning.contains(&name))
        }
        Event::Kept { .. } | Event::Rooms { .. } | Event::Who { .. } | Event::Refused(_) => asks,
        Event::Joined { room, .. } => is_member(after, conn, room),
        Event::Left { room, .. } => {
            asks || is_member(before, conn, room) || is_member(after, conn, room)
        }
        Event::Renamed { to, .. } => {
            let hears = after.online(conn);
            let renamed = after.bearers.get(to);
            let shares =
                |a: &Bearer, b: &Bearer| a.peer == b.peer || !a.rooms.is_disjoint(&b.rooms);
            hears.zip(renamed).is_some_and(|(a, b)| shares(a, b))
        }
    }
}

fn is_sent_to(input: &Input, receiver: Receiver) -> bool {
    let Input::Request { request, .. } = input else {
        return false;
    };
    matches!(request, Request::Send { to, .. } if to.contains(&receiver))
}

fn is_member(roster: &Roster, conn: ConnId, room: &rejoin::id::Room) -> bool {
    let bearer = roster.online(conn);
    bearer.is_some_and(|bearer| bearer.rooms.contains(room))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{acts, break_off, come, rejects, say, story};
    use crate::moment::Happening;
    use crate::step::{Step, name};

    fn conn(number: u64) -> ConnId {
        ConnId::new(number)
    }

    #[test]
    fn an_end_that_stops_another_connection_is_found() {
        rejects::<Isolation>(
            &story([&come(0, None)[..], &come(1, None), &break_off(0)]),
            |moment| acts(moment).push(Act::StopReader { conn: conn(0) }),
            "c0 is stopped",
        );
    }

    #[test]
    fn a_login_without_the_proof_that_replaces_somebody_is_found() {
        rejects::<Isolation>(
            &story([&come(0, Some(0))[..], &come(0, Some(1))]),
            |moment| {
                *acts(moment) = vec![Act::StopWriter {
                    conn: conn(0),
                    reason: StopReason::Replaced,
                }];
            },
            "c0 is stopped",
        );
    }

    #[test]
    fn a_dismissal_that_stops_somebody_else_is_found() {
        rejects::<Isolation>(
            &story([&come(0, None)[..], &come(1, None)]),
            |moment| {
                let input = Input::Dismiss {
                    name: name(1),
                    why: None,
                };
                let acts = vec![Act::StopWriter {
                    conn: conn(0),
                    reason: StopReason::Dismissed,
                }];
                moment.happening = Happening::Handled { input, acts };
            },
            "c0 is stopped",
        );
    }

    #[test]
    fn a_message_to_somebody_else_is_found() {
        let three = story([&come(0, None)[..], &come(1, None), &come(2, None)]);
        rejects::<Isolation>(
            &story([&three[..], &say(0, 1)]),
            |moment| match &mut acts(moment)[0] {
                Act::Tell { to, .. } => to.push(conn(0)),
                Act::StopReader { .. }
                | Act::StopWriter { .. }
                | Act::Discard { .. }
                | Act::Forget { .. } => {
                    unreachable!("a message is told")
                }
            },
            "none of its business",
        );
    }

    #[test]
    fn a_word_to_a_stopped_connection_is_found() {
        let ends = [Step::ReaderFinishes { conn: 1 }];
        rejects::<Isolation>(
            &story([&come(0, None)[..], &come(1, None), &ends, &say(0, 1)]),
            |moment| {
                acts(moment).push(Act::Tell {
                    to: vec![conn(0)],
                    event: Event::Kept { name: name(0) },
                });
            },
            "which was stopped",
        );
    }

    #[test]
    fn a_late_input_that_causes_something_is_found() {
        let late = break_off(0);
        rejects::<Isolation>(
            &story([&come(0, Some(0))[..], &break_off(0), &late]),
            |moment| acts(moment).push(Act::StopReader { conn: conn(0) }),
            "comes too late",
        );
    }
}
