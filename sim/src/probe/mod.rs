//! Counts how often the rare paths are reached: a search that never gets there finds nothing.

mod cell;
mod path;

use std::collections::BTreeMap;
use std::fmt;

use rejoin::broker::lifecycle::{Hold, Phase};
use rejoin::broker::{BounceReason, Event, Input, Mail, Refusal, Request};
use rejoin::id::{ConnId, Name, Proof, Time};

use crate::moment::{Act, Moment, View, actor, mail_of};

pub use cell::{Bearer, Cell, Event as Happens, Shown, Stage};
pub use path::Path;

/// A path that a search must take.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Probe {
    /// A cell of the lifecycle's tables.
    Cell(Cell),
    /// Another path.
    Path(Path),
}

impl Probe {
    /// All probes.
    pub fn all() -> impl Iterator<Item = Self> {
        let paths = Path::ALL.into_iter().map(Self::Path);
        Cell::all().map(Self::Cell).chain(paths)
    }

    /// Whether the search over the broker alone must have reached it.
    pub const fn is_within_reach_of_the_broker(self) -> bool {
        match self {
            Self::Cell(_) => true,
            Self::Path(path) => path.is_within_reach_of_the_broker(),
        }
    }

    /// Whether a run of the driver must have reached it.
    pub const fn is_within_reach_of_the_driver(self) -> bool {
        match self {
            Self::Cell(cell) => cell.is_within_reach_of_the_driver(),
            Self::Path(path) => path.is_within_reach_of_the_driver(),
        }
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cell(cell) => cell.fmt(f),
            Self::Path(path) => write!(f, "{path:?}"),
        }
    }
}

/// How often each rare path was reached.
#[derive(Clone, Default, Debug)]
pub struct Probes {
    counts: BTreeMap<Probe, u64>,
    shutting_down: bool,
    /// The last name that was given up for a new one.
    given_up: Option<Name>,
    /// The connection that was online and of which one half has ended last, and when.
    ended: Option<(ConnId, Time)>,
}

impl Probes {
    /// How often a path was reached.
    pub fn count(&self, probe: Probe) -> u64 {
        self.counts.get(&probe).copied().unwrap_or(0)
    }

    /// Those that were not reached.
    pub fn missed(&self) -> impl Iterator<Item = Probe> {
        Probe::all().filter(|&probe| self.count(probe) == 0)
    }

    /// Adds the counts of another search.
    pub fn add(&mut self, other: &Self) {
        for (&probe, count) in &other.counts {
            *self.counts.entry(probe).or_default() += count;
        }
    }

    /// Prepares for the next run. The counts stay.
    pub fn start(&mut self) {
        self.shutting_down = false;
        self.ended = None;
        self.given_up = None;
    }

    /// A path was reached that no moment shows.
    pub fn reach(&mut self, path: Path) {
        self.hit(path, true);
    }

    /// Takes in what happened to a broker that stood so before.
    pub fn observe(&mut self, before: &View, moment: &Moment) {
        if let Some(input) = moment.input() {
            if let Some(cell) = Cell::of(before, moment.now, input) {
                self.count_one(Probe::Cell(cell));
            }
            self.input(before, moment, input);
        }
        for act in moment.acts() {
            self.act(moment, act);
        }
        self.hit(Path::LeftForTheNextSlice, moment.view.behind);
        for (name, mailbox) in &moment.view.mailboxes {
            let bounces = |mailbox: &[Mail]| {
                let bounce = |mail: &&Mail| matches!(mail, Mail::Bounce(_));
                mailbox.iter().filter(bounce).count()
            };
            if is_away(&moment.view, name) && is_away(before, name) {
                let earlier = before.mailboxes.get(name).map_or(0, |m| bounces(m));
                self.hit(Path::BounceToAway, bounces(mailbox) > earlier);
            }
        }
    }

    fn hit(&mut self, path: Path, hit: bool) {
        if hit {
            self.count_one(Probe::Path(path));
        }
    }

    fn count_one(&mut self, probe: Probe) {
        *self.counts.entry(probe).or_default() += 1;
    }

    fn input(&mut self, before: &View, moment: &Moment, input: &Input) {
        let phase = actor(input).and_then(|conn| before.connections.get(&conn).copied());
        let is_online = matches!(phase, Some(Phase::Online { .. }));
        let leaves = matches!(phase, Some(Phase::Leaving { .. }));
        match input {
            Input::Accepted { .. } => self.hit(Path::AcceptAfterShutDown, self.shutting_down),
            Input::Request { conn, request } => {
                self.hit(Path::LateRequest, leaves);
                match request {
                    &Request::LogIn { name, proof } => {
                        self.login(before, moment, *conn, (name, proof));
                    }
                    Request::Rename { .. } => self.rename(before, moment, *conn),
                    Request::Quit { .. }
                    | Request::Send { .. }
                    | Request::Join { .. }
                    | Request::Leave { .. }
                    | Request::Kick { .. }
                    | Request::Rooms
                    | Request::Who { .. } => {}
                }
            }
            Input::ReaderFinished { conn } => {
                self.half_ends(*conn, moment.now, is_online);
                self.hit(Path::LateReader, phase.is_none());
            }
            Input::WriterFinished { conn, undelivered } => {
                self.half_ends(*conn, moment.now, is_online);
                self.hit(Path::LateWriter, phase.is_none());
                let succeeded = moment
                    .told()
                    .any(|(_, e)| matches!(e, Event::Welcome { .. }));
                self.hit(Path::GuestSucceeded, succeeded);
                let returned = moment.told().any(|(_, e)| matches!(e, Event::Back { .. }));
                let held = !undelivered.is_empty();
                self.hit(Path::WaiterInherits, returned && held);
                self.hit(Path::ReplacedHandsBack, held && was_replaced(before, *conn));
            }
            Input::Dismiss { name, .. } => self.dismissed(before, name),
            Input::GiveUp { .. } | Input::Tick => {}
            Input::ShutDown => {
                let mut phases = before.connections.values();
                let waits = phases.any(|phase| matches!(phase, Phase::Waiting { .. }));
                let mut names = before.bindings.keys();
                let away = names.any(|name| is_away(before, name));
                self.hit(Path::ShutDownWithWaiter, waits);
                self.hit(Path::ShutDownWithAway, away);
                self.shutting_down = true;
            }
        }
    }

    fn dismissed(&mut self, before: &View, name: &Name) {
        let Some(binding) = before.bindings.get(name) else {
            return;
        };
        match binding.hold {
            Hold::Away { .. } => self.hit(Path::DismissedAway, true),
            Hold::Held { holder, .. } => {
                let phase = before.connections.get(&holder);
                let leaves = matches!(phase, Some(Phase::Leaving { .. }));
                self.hit(Path::DismissedLeaving, leaves);
                self.hit(Path::DismissedOnline, !leaves);
            }
        }
    }

    fn half_ends(&mut self, conn: ConnId, now: Time, is_first: bool) {
        self.hit(Path::BothEndAtOnce, self.ended == Some((conn, now)));
        self.ended = is_first.then_some((conn, now)).or(self.ended);
    }

    fn rename(&mut self, before: &View, moment: &Moment, conn: ConnId) {
        let Some(&Phase::Online { name, .. }) = before.connections.get(&conn) else {
            return;
        };
        let refused = moment.told().any(|(_, e)| matches!(e, Event::Refused(_)));
        self.hit(Path::RenameRefused, refused);
        let waits = |event: &Event| mail_of(event).is_some();
        let link = moment.links.0.get(&conn);
        let mail = link.is_some_and(|link| link.outbox.iter().any(waits));
        self.hit(Path::RenameWithMail, mail && !refused);
        if !refused {
            self.given_up = Some(name);
        }
    }

    fn login(
        &mut self,
        before: &View,
        moment: &Moment,
        conn: ConnId,
        (name, proof): (Name, Option<Proof>),
    ) {
        match before.connections.get(&conn) {
            Some(&Phase::Greeting { until }) => {
                self.hit(Path::LoginAtDeadline, until == moment.now);
                if until <= moment.now {
                    return;
                }
            }
            Some(Phase::Waiting { .. } | Phase::Online { .. } | Phase::Leaving { .. }) | None => {
                return;
            }
        }
        match moment.view.connections.get(&conn) {
            Some(Phase::Online { name: got, .. }) => {
                self.hit(Path::ReturnUnderItsFirstName, *got != name);
            }
            Some(Phase::Waiting { name: got, .. }) => {
                self.hit(Path::TakeoverUnderItsFirstName, *got != name);
            }
            Some(Phase::Greeting { .. } | Phase::Leaving { .. }) | None => {}
        }
        let Some(binding) = before.bindings.get(&name).copied() else {
            return;
        };
        let right = proof.is_some() && proof == binding.proof;
        match binding.hold {
            Hold::Away { until } => {
                self.hit(Path::ReturnAtDeadline, right && until == moment.now);
            }
            Hold::Held { waiter, .. } => {
                self.hit(Path::TakeoverOfATakeover, right && waiter.is_some());
            }
        }
    }

    fn act(&mut self, moment: &Moment, act: &Act) {
        match act {
            Act::Tell { event, .. } => match event {
                Event::Refused(Refusal::ServerFull) => self.hit(Path::ServerFull, true),
                Event::Refused(Refusal::MailboxFull { .. }) => self.hit(Path::MailboxFull, true),
                Event::Mail(_) => self.bounce(event),
                Event::KeptMail(Mail::Bounce(_)) => self.hit(Path::BounceKept, true),
                Event::Welcome { name } => {
                    let again = self.given_up.take_if(|given_up| *given_up == *name);
                    self.hit(Path::LoginAfterRename, again.is_some());
                }
                Event::Back { name, .. } => {
                    let waits = moment.view.mailboxes.get(name).map_or(0, Vec::len);
                    self.hit(Path::KeptInSlices, waits > 0);
                }
                Event::KeptMail(Mail::Message(_))
                | Event::Kept { .. }
                | Event::Joined { .. }
                | Event::Left { .. }
                | Event::Renamed { .. }
                | Event::Rooms { .. }
                | Event::Who { .. }
                | Event::Refused(_) => {}
            },
            Act::Discard { mail, reason, .. } => {
                let (message, room) = match mail {
                    Mail::Message(message) => (true, message.header().room.is_some()),
                    Mail::Bounce(_) => (false, false),
                };
                let ends = matches!(moment.input(), Some(Input::WriterFinished { .. }));
                let gone = *reason == BounceReason::Gone && ends;
                self.hit(Path::MessageCounted, message && !room);
                self.hit(Path::RoomCounted, room && gone);
                self.hit(Path::BounceCounted, !message);
            }
            Act::StopReader { .. } | Act::StopWriter { .. } | Act::Forget { .. } => {}
        }
    }

    fn bounce(&mut self, event: &Event) {
        let Some(Mail::Bounce(bounce)) = mail_of(event) else {
            return;
        };
        self.hit(Path::BounceOfSeveral, bounce.more > 0);
        match bounce.reason {
            BounceReason::Gone => self.hit(Path::GoneBounce, true),
            BounceReason::Expired => self.hit(Path::ExpiryBounce, true),
            BounceReason::MailboxFull => self.hit(Path::TrimBounce, true),
            BounceReason::ShuttingDown => {}
        }
    }
}

/// Whether somebody waits for the name that a connection holds.
fn was_replaced(view: &View, conn: ConnId) -> bool {
    view.bindings.values().any(
        |binding| matches!(binding.hold, Hold::Held { holder, waiter: Some(_) } if holder == conn),
    )
}

fn is_away(view: &View, name: &Name) -> bool {
    let binding = view.bindings.get(name);
    binding.is_some_and(|binding| matches!(binding.hold, Hold::Away { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{break_off, come, moments, story};
    use crate::step::{Step, Until};

    #[test]
    fn a_path_counts_when_it_is_taken() {
        let mut probes = Probes::default();
        let steps = story([&come(0, Some(0))[..], &come(0, Some(0)), &break_off(0)]);
        let mut last = Moment::start();
        for moment in moments(&steps) {
            probes.observe(&last.view, &moment);
            last = moment;
        }
        let event = |event, stage| probes.count(Probe::Cell(Cell::Connection(event, stage)));
        let log_in = |bearer, shown| probes.count(Probe::Cell(Cell::LogIn(bearer, shown)));
        assert_eq!(log_in(Bearer::Nobody, Shown::AnotherProof), 1);
        assert_eq!(log_in(Bearer::Resumable, Shown::RightProof), 1);
        assert_eq!(event(Happens::WriterFinished, Stage::Waiting), 1);
        assert_eq!(event(Happens::WriterFinished, Stage::Online), 0);
        assert_eq!(probes.missed().count(), Probe::all().count() - 3);
    }

    #[test]
    fn both_halves_end_at_once_in_either_order_and_not_one_after_the_other() {
        let reader = [Step::ReaderFinishes { conn: 0 }];
        let wait = [Step::Wait {
            until: Until::Soon,
            tick: false,
        }];
        for (ends, at_once) in [
            ([&reader[..], &[], &break_off(0)], 1),
            ([&break_off(0)[..], &[], &reader], 1),
            ([&reader[..], &wait, &break_off(0)], 0),
        ] {
            let mut probes = Probes::default();
            let steps = story([&come(0, Some(0))[..]].into_iter().chain(ends));
            let mut last = Moment::start();
            for moment in moments(&steps) {
                probes.observe(&last.view, &moment);
                last = moment;
            }
            assert_eq!(probes.count(Probe::Path(Path::BothEndAtOnce)), at_once);
        }
    }
}
