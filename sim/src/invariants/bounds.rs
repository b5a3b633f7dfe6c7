//! 7. Every queue and every wait has a bound in [`Config`].
//!
//! Here: the mailboxes, the peers, the rooms of a peer, the receivers of a message, the lengths of
//! answers, the waits for a login and for a return, and the work that is done at once. Outboxes are
//! bounded by the driver.

use std::time::Duration;

use rejoin::Config;
use rejoin::broker::lifecycle::{Hold, Phase};
use rejoin::broker::{Event, Input, Mail, Request};
use rejoin::id::Source;

use crate::moment::actor;

use super::{Checker, Witness, ensure};
use crate::words::when;

/// The checker of statement 7.
#[derive(Clone, Copy, Default, Debug)]
pub struct Bounds;

impl Checker for Bounds {
    fn statement(&self) -> u8 {
        7
    }

    fn observe(&mut self, witness: &Witness<'_>) -> Result<(), String> {
        mailboxes(witness)?;
        peers(witness)?;
        work(witness)?;
        // The broker learns how late it is from its next input.
        if witness.moment.input().is_some() {
            waits(witness)?;
        }
        answers(witness)
    }
}

fn mailboxes(witness: &Witness<'_>) -> Result<(), String> {
    let config = witness.config;
    for (name, mailbox) in &witness.moment.view.mailboxes {
        let bytes: usize = mailbox.iter().map(cost).sum();
        ensure!(
            bytes <= config.mailbox_bytes.get(),
            "{bytes} bytes wait for {name}"
        );
        let messages = mailbox.len();
        ensure!(
            messages <= config.mailbox_messages.get(),
            "{messages} messages wait for {name}"
        );
    }
    Ok(())
}

fn cost(mail: &Mail) -> usize {
    let message = mail.message();
    let room = message.header().room.map_or(0, |room| room.as_str().len());
    Config::MAIL_OVERHEAD + message.header().from.as_str().len() + room + message.text().len()
}

fn peers(witness: &Witness<'_>) -> Result<(), String> {
    let (config, view) = (witness.config, &witness.moment.view);
    let peers = view.bindings.len();
    ensure!(peers <= config.peers.get(), "{peers} peers are here");
    let from = |source| view.bindings.values().filter(move |b| b.source == source);
    for source in view.bindings.values().map(|binding| binding.source) {
        let count = from(source).count();
        let mut away = from(source).filter(|b| matches!(b.hold, Hold::Away { .. }));
        ensure!(
            count <= config.peers_per_address.get() || away.next().is_none(),
            "{count} peers come from {}, and some of them are away",
            source.network()
        );
    }
    if let Some(source) = joins(witness) {
        let before = &witness.before.bearers;
        let from_there = before.values().filter(|bearer| bearer.source == source);
        // Those who come back, or inherit a name, may be more.
        let most = from_there.count().max(config.peers_per_address.get());
        let count = from(source).count();
        ensure!(
            count <= most,
            "{count} peers come from {}",
            source.network()
        );
    }
    for name in view.bindings.keys() {
        let rooms = view.rooms.values().filter(|room| room.contains(name));
        let rooms = rooms.count();
        ensure!(
            rooms <= config.rooms_per_peer.get(),
            "{name} is in {rooms} rooms"
        );
    }
    Ok(())
}

/// That the broker does no more at once than fits into a slice, and one thing more; and leaves
/// nothing for the next as long as it may go on. The end of a writer and what is due behind it have
/// a slice each.
fn work(witness: &Witness<'_>) -> Result<(), String> {
    let Witness { moment, before, .. } = witness;
    let Some(input) = moment.input() else {
        return Ok(());
    };
    let (done, slice) = (moment.work, units(witness.config.slice));
    let slices = match input {
        Input::WriterFinished { .. } => 2,
        Input::Accepted { .. }
        | Input::Request { .. }
        | Input::GiveUp { .. }
        | Input::Dismiss { .. }
        | Input::ReaderFinished { .. }
        | Input::Tick
        | Input::ShutDown => 1,
    };
    let most = slices * slice + one_thing(witness, input);
    ensure!(done <= most, "{done} units of work at once, of {most}");
    let may_go_on = before.again.is_none_or(|again| again <= moment.now);
    ensure!(
        !moment.view.behind || !may_go_on || done >= slice,
        "something is left to do after {done} units of work, of {slice}"
    );
    Ok(())
}

fn units(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).map_or(u64::MAX, |micros| micros * 100)
}

/// The most work that what goes beyond a slice can be: one peer leaves all its rooms, each of those
/// who are there is told of mail that comes back, or the broker does what it is told.
fn one_thing(witness: &Witness<'_>, input: &Input) -> u64 {
    let view = &witness.moment.view;
    let people = 1 + view.bindings.len() + view.connections.len();
    let rooms = witness.config.rooms_per_peer.get();
    let items = match input {
        Input::WriterFinished { undelivered, .. } => undelivered.len(),
        Input::Request {
            request: Request::Send { to, said },
            ..
        } => said.texts.len() * to.len() * people,
        Input::Request { .. }
        | Input::Accepted { .. }
        | Input::GiveUp { .. }
        | Input::Dismiss { .. }
        | Input::ReaderFinished { .. }
        | Input::Tick
        | Input::ShutDown => 0,
    };
    (500 + people * (rooms + 1) * 100 + items * 100) as u64
}

/// Where somebody comes from whose login makes a new peer.
fn joins(witness: &Witness<'_>) -> Option<Source> {
    let asker = witness.moment.input().and_then(actor)?;
    let mut told = witness.moment.told();
    let is_new = told.any(|(conn, event)| conn == asker && matches!(event, Event::Welcome { .. }));
    let known = witness.after.known.get(&asker).filter(|_| is_new);
    known.map(|known| known.source)
}

fn waits(witness: &Witness<'_>) -> Result<(), String> {
    let (config, moment) = (witness.config, witness.moment);
    // What is due may be left for the next slice.
    let is_left = moment.view.behind;
    let within =
        |until, longest| (until > moment.now || is_left) && until <= moment.now.after(longest);
    for (conn, phase) in &moment.view.connections {
        match *phase {
            Phase::Greeting { until } => {
                let due = witness.after.known.get(conn).map(|k| k.accepted);
                let due = due.map(|accepted| accepted.after(config.login_timeout));
                ensure!(
                    Some(until) == due && within(until, config.login_timeout),
                    "{conn} may log in until {}, and should until {}",
                    when(Some(until)),
                    when(due)
                );
            }
            Phase::Waiting { .. } | Phase::Online { .. } | Phase::Leaving { .. } => {}
        }
    }
    for (name, binding) in &moment.view.bindings {
        match binding.hold {
            Hold::Away { until } => ensure!(
                within(until, config.resume_window),
                "{name} may come back until {}",
                when(Some(until))
            ),
            Hold::Held { .. } => {}
        }
    }
    Ok(())
}

fn answers(witness: &Witness<'_>) -> Result<(), String> {
    let config = witness.config;
    let receivers = match witness.moment.input() {
        Some(Input::Request {
            request: Request::Send { to, .. },
            ..
        }) => to.len(),
        Some(
            Input::Request { .. }
            | Input::Accepted { .. }
            | Input::GiveUp { .. }
            | Input::Dismiss { .. }
            | Input::ReaderFinished { .. }
            | Input::WriterFinished { .. }
            | Input::Tick
            | Input::ShutDown,
        )
        | None => 0,
    };
    let too_many = receivers > config.receivers.get();
    for (conn, event) in witness.moment.told() {
        let listed = match event {
            Event::Rooms { rooms, .. } => rooms.len(),
            Event::Who { peers, .. } => peers.len(),
            Event::Mail(Mail::Message(_)) => {
                ensure!(!too_many, "a message to {receivers} receivers arrives");
                0
            }
            Event::Back { kept, .. } => {
                let most = config.mailbox_messages.get();
                ensure!(*kept <= most, "{kept} messages were kept for {conn}");
                0
            }
            Event::Welcome { .. }
            | Event::Mail(Mail::Bounce(_))
            | Event::KeptMail(_)
            | Event::Kept { .. }
            | Event::Joined { .. }
            | Event::Left { .. }
            | Event::Renamed { .. }
            | Event::Refused(_) => 0,
        };
        ensure!(
            listed <= config.listed.get(),
            "{conn} gets a list of {listed}"
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{acts, break_off, come, config, input, rejects, say, story};
    use crate::moment::Act;
    use crate::step::{Step, name};
    use rejoin::broker::lifecycle::Binding;
    use rejoin::broker::{PeerEntry, Receiver};
    use rejoin::id::{ConnId, Name, Time};
    use std::collections::BTreeSet;

    /// Ann has said something to Bob, who is away.
    fn kept() -> Vec<Step> {
        story([
            &come(1, Some(0))[..],
            &break_off(0),
            &come(0, None),
            &say(0, 1),
        ])
    }

    #[test]
    fn a_mailbox_that_is_too_full_is_found() {
        rejects::<Bounds>(
            &kept(),
            |moment| {
                let mailbox = moment.view.mailboxes.get_mut(&name(1)).unwrap();
                let one = mailbox[0].clone();
                mailbox.resize(config().mailbox_messages.get() + 1, one);
            },
            "messages wait for",
        );
        rejects::<Bounds>(
            &kept(),
            |moment| {
                let mailbox = moment.view.mailboxes.get_mut(&name(1)).unwrap();
                let one = mailbox[0].clone();
                mailbox.resize(config().mailbox_bytes.get() / cost(&one) + 1, one);
            },
            "bytes wait for",
        );
    }

    #[test]
    fn too_much_work_at_once_is_found() {
        let work = |moment: &mut crate::Moment| moment.work = u64::MAX;
        rejects::<Bounds>(&kept(), work, "units of work at once");
        let left = |moment: &mut crate::Moment| moment.view.behind = true;
        rejects::<Bounds>(&kept(), left, "something is left to do");
    }

    #[test]
    fn too_many_peers_and_too_many_rooms_are_found() {
        rejects::<Bounds>(
            &come(0, None),
            |moment| {
                let one: Binding = moment.view.bindings[&name(0)];
                for n in 0..config().peers.get() {
                    let other = Name::parse(&format!("n{n}")).unwrap();
                    moment.view.bindings.insert(other, one);
                }
            },
            "peers are here",
        );
        rejects::<Bounds>(
            &come(0, None),
            |moment| {
                let members = BTreeSet::from([name(0)]);
                let rooms = ["#a", "#b", "#c"].map(|r| rejoin::id::Room::parse(r).unwrap());
                moment.view.rooms = rooms.map(|room| (room, members.clone())).into();
            },
            "rooms",
        );
    }

    #[test]
    fn somebody_who_is_away_where_too_many_come_from_is_found() {
        rejects::<Bounds>(
            &story([&come(0, Some(0))[..], &break_off(0)]),
            |moment| {
                let one: Binding = moment.view.bindings[&name(0)];
                for n in 0..config().peers_per_address.get() {
                    let other = Name::parse(&format!("n{n}")).unwrap();
                    moment.view.bindings.insert(other, one);
                }
            },
            "are away",
        );
    }

    #[test]
    fn a_wait_that_does_not_end_is_found() {
        let until = Time::from_micros(u64::MAX);
        rejects::<Bounds>(
            &[Step::Accept],
            |moment| {
                let greeting = Phase::Greeting { until };
                moment.view.connections.insert(ConnId::new(0), greeting);
            },
            "may log in until",
        );
        rejects::<Bounds>(
            &story([&come(0, Some(0))[..], &break_off(0)]),
            |moment| {
                let binding = moment.view.bindings.get_mut(&name(0)).unwrap();
                binding.hold = Hold::Away { until };
            },
            "may come back until",
        );
    }

    #[test]
    fn a_message_with_too_many_receivers_is_found() {
        rejects::<Bounds>(
            &story([&come(0, None)[..], &say(0, 0)]),
            |moment| {
                let Input::Request { request, .. } = input(moment) else {
                    unreachable!("somebody says something")
                };
                let Request::Send { to, .. } = request else {
                    unreachable!("somebody says something")
                };
                to.resize(99, Receiver::Peer(name(0)));
            },
            "99 receivers",
        );
    }

    #[test]
    fn an_answer_that_is_too_long_is_found() {
        let who = [Step::Who {
            conn: 0,
            room: None,
        }];
        rejects::<Bounds>(
            &story([&come(0, None)[..], &who]),
            |moment| {
                let entry = PeerEntry {
                    name: name(0),
                    away: false,
                };
                let peers = vec![entry; config().listed.get() + 1];
                let event = Event::Who { peers, total: 1 };
                let to = vec![ConnId::new(0)];
                *acts(moment) = vec![Act::Tell { to, event }];
            },
            "a list of",
        );
        rejects::<Bounds>(
            &story([&come(0, Some(0))[..], &break_off(0), &come(0, Some(0))]),
            |moment| {
                let event = Event::Back {
                    name: name(0),
                    kept: 1_000,
                };
                let to = vec![ConnId::new(1)];
                *acts(moment) = vec![Act::Tell { to, event }];
            },
            "were kept for",
        );
    }
}
