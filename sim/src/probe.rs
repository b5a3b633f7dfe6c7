//! Counts how often the rare paths are reached: a search that never gets there finds nothing.

use std::collections::BTreeMap;

use rejoin::broker::lifecycle::{Hold, Phase};
use rejoin::broker::{BounceReason, Event, Input, Mail, Refusal, Request, StopReason};
use rejoin::id::{ConnId, Name, Proof};

use crate::moment::{Act, Moment, View, actor, mail_of};

/// A rare path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Probe {
    /// The reader of an online connection ends before its writer.
    ReaderEndsFirst,
    /// The writer of an online connection ends before its reader.
    WriterEndsFirst,
    /// The reader of a waiter ends.
    WaiterLosesReader,
    /// The writer of a waiter ends.
    WaiterLosesWriter,
    /// A waiter is given up, or quits.
    WaiterIsGivenUp,
    /// A login with the right proof replaces the live connection.
    Takeover,
    /// A login with the right proof replaces one that waits already.
    TakeoverOfATakeover,
    /// A waiter gets its name, and mail that the connection before had not written.
    WaiterInherits,
    /// A waiter gets the name of a guest.
    GuestSucceeded,
    /// A peer that was away is back.
    Return,
    /// A login with the right proof comes at the very moment at which the window ends.
    ReturnAtDeadline,
    /// A login comes at the very moment at which the time for it ends.
    LoginAtDeadline,
    /// A name is refused to the wrong proof.
    WrongProof,
    /// A new peer is refused, as there are too many.
    ServerFull,
    /// A message is refused, as a mailbox is full.
    MailboxFull,
    /// Mail that a connection had not written finds its mailbox full, and bounces.
    TrimBounce,
    /// Mail of a peer whose window has ended bounces.
    ExpiryBounce,
    /// Mail of a guest that is gone bounces.
    GoneBounce,
    /// A bounce goes to the mailbox of a sender that is away.
    BounceToAway,
    /// A bounce is read by a sender that has come back.
    BounceKept,
    /// A message is only counted.
    MessageCounted,
    /// A bounce is only counted.
    BounceCounted,
    /// A room's message to a guest that is gone is only counted.
    RoomCounted,
    /// A request comes from a connection that leaves.
    LateRequest,
    /// A reader that is forgotten ends.
    LateReader,
    /// A writer that is forgotten ends.
    LateWriter,
    /// A writer that was replaced gives back what it held.
    ReplacedHandsBack,
    /// The server stops while somebody waits for a name.
    ShutDownWithWaiter,
    /// The server stops while somebody is away.
    ShutDownWithAway,
    /// Somebody connects while the server stops.
    AcceptAfterShutDown,
    /// A name is refused to one who is here with another.
    RenameRefused,
    /// Somebody takes another name while mail waits for its socket.
    RenameWithMail,
    /// Somebody comes with the name that another has just given up for a new one.
    LoginAfterRename,
    /// A client that speaks IRC has read its mail, and its answer is lost: it comes again.
    AnswerLost,
    /// Somebody is replaced between a `PING` and its answer.
    TakeoverUnanswered,
    /// A client never answers, and its word is not waited for any more.
    NeverAnswers,
    /// A writer may have to wait until its client answers: as much as may be is not acknowledged.
    WindowFull,
}

impl Probe {
    /// All probes.
    pub const ALL: [Self; 37] = [
        Self::ReaderEndsFirst,
        Self::WriterEndsFirst,
        Self::WaiterLosesReader,
        Self::WaiterLosesWriter,
        Self::WaiterIsGivenUp,
        Self::Takeover,
        Self::TakeoverOfATakeover,
        Self::WaiterInherits,
        Self::GuestSucceeded,
        Self::Return,
        Self::ReturnAtDeadline,
        Self::LoginAtDeadline,
        Self::WrongProof,
        Self::ServerFull,
        Self::MailboxFull,
        Self::TrimBounce,
        Self::ExpiryBounce,
        Self::GoneBounce,
        Self::BounceToAway,
        Self::BounceKept,
        Self::MessageCounted,
        Self::BounceCounted,
        Self::RoomCounted,
        Self::LateRequest,
        Self::LateReader,
        Self::LateWriter,
        Self::ReplacedHandsBack,
        Self::ShutDownWithWaiter,
        Self::ShutDownWithAway,
        Self::AcceptAfterShutDown,
        Self::RenameRefused,
        Self::RenameWithMail,
        Self::LoginAfterRename,
        Self::AnswerLost,
        Self::TakeoverUnanswered,
        Self::NeverAnswers,
        Self::WindowFull,
    ];

    /// Whether a broker alone can reach it. How far clients have read only a hub knows.
    pub const fn is_within_reach_of_the_broker(self) -> bool {
        !matches!(
            self,
            Self::AnswerLost | Self::TakeoverUnanswered | Self::NeverAnswers | Self::WindowFull
        )
    }

    /// Whether the driver can reach it at all. The search over the broker alone reaches the rest:
    /// a driver does not read for who waits, brings no second end and no line of who leaves, and
    /// accepts nobody once it stops; a hub does what is due before it looks at a line; and there
    /// are no more names than peers that may be there.
    pub const fn is_within_reach_of_the_driver(self) -> bool {
        match self {
            Self::WaiterLosesReader
            | Self::WaiterIsGivenUp
            | Self::ReturnAtDeadline
            | Self::LoginAtDeadline
            | Self::ServerFull
            | Self::LateRequest
            | Self::LateWriter
            | Self::AcceptAfterShutDown => false,
            Self::ReaderEndsFirst
            | Self::WriterEndsFirst
            | Self::WaiterLosesWriter
            | Self::Takeover
            | Self::TakeoverOfATakeover
            | Self::WaiterInherits
            | Self::GuestSucceeded
            | Self::Return
            | Self::WrongProof
            | Self::MailboxFull
            | Self::TrimBounce
            | Self::ExpiryBounce
            | Self::GoneBounce
            | Self::BounceToAway
            | Self::BounceKept
            | Self::MessageCounted
            | Self::BounceCounted
            | Self::RoomCounted
            | Self::LateReader
            | Self::ReplacedHandsBack
            | Self::ShutDownWithWaiter
            | Self::ShutDownWithAway
            | Self::RenameRefused
            | Self::RenameWithMail
            | Self::LoginAfterRename
            | Self::AnswerLost
            | Self::TakeoverUnanswered
            | Self::NeverAnswers
            | Self::WindowFull => true,
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
}

impl Probes {
    /// How often a path was reached.
    pub fn count(&self, probe: Probe) -> u64 {
        self.counts.get(&probe).copied().unwrap_or(0)
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
        self.given_up = None;
    }

    /// A path was reached that no moment shows.
    pub fn reach(&mut self, probe: Probe) {
        self.hit(probe, true);
    }

    /// Takes in what happened to a broker that stood so before.
    pub fn observe(&mut self, before: &View, moment: &Moment) {
        if let Some(input) = moment.input() {
            self.input(before, moment, input);
        }
        for act in moment.acts() {
            self.act(before, moment, act);
        }
        for (name, mailbox) in &moment.view.mailboxes {
            let bounces = |mailbox: &[Mail]| {
                let bounce = |mail: &&Mail| matches!(mail, Mail::Bounce(_));
                mailbox.iter().filter(bounce).count()
            };
            if is_away(&moment.view, name) && is_away(before, name) {
                let earlier = before.mailboxes.get(name).map_or(0, |m| bounces(m));
                self.hit(Probe::BounceToAway, bounces(mailbox) > earlier);
            }
        }
    }

    fn hit(&mut self, probe: Probe, hit: bool) {
        if hit {
            *self.counts.entry(probe).or_default() += 1;
        }
    }

    fn input(&mut self, before: &View, moment: &Moment, input: &Input) {
        let phase = actor(input).and_then(|conn| before.connections.get(&conn).copied());
        let is_online = matches!(phase, Some(Phase::Online { .. }));
        let waits = matches!(phase, Some(Phase::Waiting { .. }));
        let leaves = matches!(phase, Some(Phase::Leaving { .. }));
        match input {
            Input::Accepted { .. } => self.hit(Probe::AcceptAfterShutDown, self.shutting_down),
            Input::Request { conn, request } => {
                self.hit(Probe::LateRequest, leaves);
                match request {
                    &Request::LogIn { name, proof } => {
                        self.login(before, moment, *conn, (name, proof));
                    }
                    Request::Quit { .. } => self.hit(Probe::WaiterIsGivenUp, waits),
                    Request::Rename { .. } => self.rename(before, moment, *conn),
                    Request::Send { .. }
                    | Request::Join { .. }
                    | Request::Leave { .. }
                    | Request::Kick { .. }
                    | Request::Rooms
                    | Request::Who { .. } => {}
                }
            }
            Input::GiveUp { .. } => self.hit(Probe::WaiterIsGivenUp, waits),
            Input::ReaderFinished { .. } => {
                self.hit(Probe::ReaderEndsFirst, is_online);
                self.hit(Probe::WaiterLosesReader, waits);
                self.hit(Probe::LateReader, phase.is_none());
            }
            Input::WriterFinished { conn, undelivered } => {
                self.hit(Probe::WriterEndsFirst, is_online);
                self.hit(Probe::WaiterLosesWriter, waits);
                self.hit(Probe::LateWriter, phase.is_none());
                let succeeded = moment
                    .told()
                    .any(|(_, e)| matches!(e, Event::Welcome { .. }));
                self.hit(Probe::GuestSucceeded, succeeded);
                let returned = moment.told().any(|(_, e)| matches!(e, Event::Back { .. }));
                let held = !undelivered.is_empty();
                self.hit(Probe::WaiterInherits, returned && held);
                self.hit(
                    Probe::ReplacedHandsBack,
                    held && was_replaced(before, *conn),
                );
            }
            Input::Tick => {}
            Input::ShutDown => {
                let mut phases = before.connections.values();
                let waits = phases.any(|phase| matches!(phase, Phase::Waiting { .. }));
                let mut names = before.bindings.keys();
                let away = names.any(|name| is_away(before, name));
                self.hit(Probe::ShutDownWithWaiter, waits);
                self.hit(Probe::ShutDownWithAway, away);
                self.shutting_down = true;
            }
        }
    }

    fn rename(&mut self, before: &View, moment: &Moment, conn: ConnId) {
        let Some(&Phase::Online { name }) = before.connections.get(&conn) else {
            return;
        };
        let refused = moment.told().any(|(_, e)| matches!(e, Event::Refused(_)));
        self.hit(Probe::RenameRefused, refused);
        let waits = |event: &Event| mail_of(event).is_some();
        let link = moment.links.0.get(&conn);
        let mail = link.is_some_and(|link| link.outbox.iter().any(waits));
        self.hit(Probe::RenameWithMail, mail && !refused);
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
                self.hit(Probe::LoginAtDeadline, until == moment.now);
                if until <= moment.now {
                    return;
                }
            }
            Some(Phase::Waiting { .. } | Phase::Online { .. } | Phase::Leaving { .. }) | None => {
                return;
            }
        }
        let Some(binding) = before.bindings.get(&name).copied() else {
            return;
        };
        let right = proof.is_some() && proof == binding.proof;
        let wrong = proof.is_some() && binding.proof.is_some() && !right;
        self.hit(Probe::WrongProof, wrong);
        match binding.hold {
            Hold::Away { until } => {
                self.hit(Probe::Return, right && until > moment.now);
                self.hit(Probe::ReturnAtDeadline, right && until == moment.now);
            }
            Hold::Held { waiter, .. } => {
                self.hit(Probe::TakeoverOfATakeover, right && waiter.is_some());
            }
        }
    }

    fn act(&mut self, before: &View, moment: &Moment, act: &Act) {
        match act {
            Act::Tell { event, .. } => match event {
                Event::Refused(Refusal::ServerFull) => self.hit(Probe::ServerFull, true),
                Event::Refused(Refusal::MailboxFull { .. }) => self.hit(Probe::MailboxFull, true),
                Event::Mail(_) => self.bounce(event),
                Event::KeptMail(Mail::Bounce(_)) => self.hit(Probe::BounceKept, true),
                Event::Welcome { name } => {
                    let again = self.given_up.take_if(|given_up| *given_up == *name);
                    self.hit(Probe::LoginAfterRename, again.is_some());
                }
                Event::KeptMail(Mail::Message(_))
                | Event::Back { .. }
                | Event::Kept { .. }
                | Event::Joined { .. }
                | Event::Left { .. }
                | Event::Renamed { .. }
                | Event::Rooms { .. }
                | Event::Who { .. }
                | Event::Refused(_) => {}
            },
            Act::StopWriter { conn, reason } => {
                let phase = before.connections.get(conn);
                let was_online = matches!(phase, Some(Phase::Online { .. }));
                let replaced = *reason == StopReason::Replaced && was_online;
                self.hit(Probe::Takeover, replaced);
            }
            Act::Discard { mail, reason, .. } => {
                let (message, room) = match mail {
                    Mail::Message(message) => (true, message.room.is_some()),
                    Mail::Bounce(_) => (false, false),
                };
                let ends = matches!(moment.input(), Some(Input::WriterFinished { .. }));
                let gone = *reason == BounceReason::Gone && ends;
                self.hit(Probe::MessageCounted, message && !room);
                self.hit(Probe::RoomCounted, room && gone);
                self.hit(Probe::BounceCounted, !message);
            }
            Act::StopReader { .. } | Act::Forget { .. } => {}
        }
    }

    fn bounce(&mut self, event: &Event) {
        let Some(Mail::Bounce(bounce)) = mail_of(event) else {
            return;
        };
        match bounce.reason {
            BounceReason::Gone => self.hit(Probe::GoneBounce, true),
            BounceReason::Expired => self.hit(Probe::ExpiryBounce, true),
            BounceReason::MailboxFull => self.hit(Probe::TrimBounce, true),
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
    use std::collections::BTreeSet;

    #[test]
    fn all_holds_each_probe_once() {
        assert_eq!(BTreeSet::from(Probe::ALL).len(), Probe::ALL.len());
        let last = Probe::WindowFull as usize;
        assert_eq!(Probe::ALL.len(), last + 1);
    }

    #[test]
    fn a_path_counts_when_it_is_taken() {
        let mut probes = Probes::default();
        let steps = story([&come(0, Some(0))[..], &come(0, Some(0)), &break_off(0)]);
        let mut last = Moment::start();
        for moment in moments(&steps) {
            probes.observe(&last.view, &moment);
            last = moment;
        }
        assert_eq!(probes.count(Probe::Takeover), 1);
        assert_eq!(probes.count(Probe::WaiterLosesWriter), 1);
        assert_eq!(probes.count(Probe::WriterEndsFirst), 0);
    }
}
