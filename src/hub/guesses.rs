//! Guesses at what only its owner knows, and how they are slowed down.
//!
//! Wrong guesses are counted by the address that they come from and by what they were for, a
//! [`Target`]. Some of them are answered at once
//! ([`Config::failed_logins_per_address`] within [`Config::failed_login_window`]). Past that,
//! whoever tries from the same address for the same target has to wait for the answer: the longer,
//! the more was wrong, but never longer than half of [`Config::login_timeout`]. Nothing more is read
//! from its connection until then.
//!
//! - The answer is as late if the secret is right. Otherwise silence would tell that it is wrong,
//!   and the next guess would cost no more than a new connection.
//! - A right secret is never refused, whoever else guesses. It is late only if somebody at the same
//!   address has guessed at the same target, and then it clears what the address owes there.
//! - So one address makes as many guesses at a target as are answered at once, and from then on one
//!   for each of its connections in the time that they wait.
//! - Whoever logs in as somebody new, by a name that another peer first logged in with, may have
//!   guessed at that peer's secret. The name is then a target of its own, and what is counted there
//!   matters nowhere else.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;

use super::given::Password;
use super::irc::Replying;
use super::logins::Login;
use super::rate::{Rate, Used};
use super::{Digest, Hub, Outputs};
use crate::Config;
use crate::broker::lifecycle::Phase;
use crate::id::{ConnId, Name, Proof, Room, Source, Time};

/// Bytes of the name of an operator that tell one target from another.
const OPERATOR_BYTES: usize = 32;

/// What a guess is for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Target {
    /// The secret of the peer that bears a name.
    Peer(Name),
    /// The secret of a peer that first logged in with a name which nobody bears now.
    FormerName(Name),
    /// The server's password.
    Server,
    /// The password of an operator, by a name that need not be one.
    Operator(Box<str>),
    /// The key of a channel.
    Key(Room),
}

impl Target {
    pub(super) fn operator(name: &str) -> Self {
        Self::Operator(name[..name.floor_char_boundary(OPERATOR_BYTES)].into())
    }
}

/// Who guesses, and at what.
type Guesser = (Source, Target);

/// Wrong guesses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Guesses {
    rate: Rate,
    limit: usize,
    limit_per_source: usize,
    longest_wait: Duration,
    /// How far ahead of now a debt may be.
    longest_debt: Duration,
    /// By how much each guess past the first makes the next answer later.
    step: Duration,
    by_source: BTreeMap<Source, BTreeMap<Target, Used>>,
    /// How many targets each source has guessed at.
    by_count: BTreeSet<(usize, Source)>,
    /// All of them, the one that is forgiven first in front.
    by_time: BTreeSet<(Used, Guesser)>,
}

impl Guesses {
    pub(super) fn new(config: &Config) -> Self {
        let burst = config.failed_logins_per_address.get();
        let longest_wait = config.login_timeout / 2;
        Self {
            rate: Rate::new(burst, config.failed_login_window),
            limit: config.failed_login_addresses.get(),
            limit_per_source: config.failed_login_targets.get(),
            longest_wait,
            longest_debt: config.failed_login_window.saturating_mul(2),
            step: longest_wait / burst,
            by_source: BTreeMap::new(),
            by_count: BTreeSet::new(),
            by_time: BTreeSet::new(),
        }
    }

    /// When a guess that is made at `now` is answered, if not at once.
    fn answer_at(&self, (source, target): &Guesser, now: Time) -> Option<Time> {
        let used = *self.by_source.get(source)?.get(target)?;
        let wait = self.step.saturating_mul(self.rate.excess(used, now));
        let at = now.after(wait.min(self.longest_wait));
        Some(at.min(self.rate.next(used))).filter(|&at| at > now)
    }

    fn count_wrong(&mut self, guesser: Guesser, now: Time) {
        let mut used = self.forget(&guesser);
        while let Some((first, guesser)) = self.by_time.first()
            && first.is_forgiven(now)
        {
            let guesser = guesser.clone();
            self.forget(&guesser);
        }
        self.make_room(guesser.0);
        self.rate.count(&mut used, now);
        used.cap(now.after(self.longest_debt));
        self.insert(guesser, used);
    }

    /// Makes room for one more target that a source has guessed at. What is forgotten for that is
    /// its own, or, if there are too many in all, that of the source with the most: whoever guesses
    /// at much makes nobody else's guesses forgotten.
    fn make_room(&mut self, source: Source) {
        let own = self.by_source.get(&source).map_or(0, BTreeMap::len);
        let least = if own >= self.limit_per_source {
            self.least(source)
        } else if self.by_time.len() < self.limit {
            None
        } else {
            match self.by_count.last() {
                Some(&(2.., most)) => self.least(most),
                Some(_) | None => self.by_time.first().map(|(_, guesser)| guesser.clone()),
            }
        };
        if let Some(least) = least {
            self.forget(&least);
        }
    }

    /// Of what a source has guessed at, that which is forgiven first.
    fn least(&self, source: Source) -> Option<Guesser> {
        let debts = self.by_source.get(&source)?.iter();
        let (target, _) = debts.min_by_key(|(_, used)| **used)?;
        Some((source, target.clone()))
    }

    fn insert(&mut self, guesser: Guesser, used: Used) {
        let (source, target) = guesser.clone();
        let debts = self.by_source.entry(source).or_default();
        self.by_count.remove(&(debts.len(), source));
        debts.insert(target, used);
        self.by_count.insert((debts.len(), source));
        self.by_time.insert((used, guesser));
    }

    /// Forgets what was guessed wrong, and returns what that had used.
    fn forget(&mut self, guesser: &Guesser) -> Used {
        let (source, target) = guesser;
        let Some(debts) = self.by_source.get_mut(source) else {
            return Used::default();
        };
        let count = debts.len();
        let Some(used) = debts.remove(target) else {
            return Used::default();
        };
        self.by_count.remove(&(count, *source));
        if debts.is_empty() {
            self.by_source.remove(source);
        } else {
            self.by_count.insert((count - 1, *source));
        }
        self.by_time.remove(&(used, guesser.clone()));
        used
    }
}

/// A login whose answer waits. Whatever else may have to wait is a [task](super::irc::tasks).
#[derive(Clone, Debug)]
pub(super) enum Attempt {
    /// To log in by the plain protocol; and what was given as the server's password, if it has one.
    LogIn(Login, Option<Password>),
    /// To register with all that it has said (IRC).
    Register,
}

/// What somebody who wants to enter a channel has given as its key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    Missing,
    Wrong,
    /// It is the one that the channel got then, and is right as long as that has no other.
    Right(Time),
}

/// A login whose answer waits.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    attempt: Attempt,
    /// The label of the command that it came with.
    replying: Option<Replying>,
}

impl<D: Digest> Hub<D> {
    /// When a guess that a connection makes now is answered, if not at once.
    pub(super) fn answer_at(&self, now: Time, conn: ConnId, target: Target) -> Option<Time> {
        let source = self.links[conn].source;
        self.guesses.answer_at(&(source, target), now)
    }

    /// The same of a login.
    pub(super) fn login_answer_at(
        &self,
        now: Time,
        conn: ConnId,
        name: Name,
        proof: Option<Proof>,
    ) -> Option<Time> {
        let target = self.target_of_login(name)?;
        proof.and_then(|_| self.answer_at(now, conn, target))
    }

    /// Whose secret is tried by whoever logs in with a name; nobody's if it is free.
    pub(super) fn target_of_login(&self, name: Name) -> Option<Target> {
        let lifecycle = self.broker.lifecycle();
        if lifecycle.binding(&name).is_some() {
            Some(Target::Peer(name))
        } else {
            let is_former = lifecycle.is_former(&name);
            is_former.then_some(Target::FormerName(name))
        }
    }

    /// Counts a guess.
    pub(super) fn count_guess(&mut self, now: Time, conn: ConnId, target: Target, is_right: bool) {
        let guesser = (self.link(conn).source, target);
        if is_right {
            self.guesses.forget(&guesser);
        } else {
            self.guesses.count_wrong(guesser, now);
        }
    }

    /// Answers a login only then, and listens to it no more before; but in time for the login: who
    /// has waited before it guesses need not wait again.
    pub(super) fn set_aside(&mut self, conn: ConnId, until: Time, attempt: Attempt) {
        let until = match self.broker.lifecycle().phase(conn) {
            Some(Phase::Greeting { until: end }) => {
                let now = self.link(conn).heard;
                until.min(end.before(self.guesses.longest_wait / 5).max(now))
            }
            _ => until,
        };
        let replying = self.take_replying(conn);
        self.pause(conn, until);
        let pending = Pending { attempt, replying };
        self.link(conn).pending = Some(Box::new(pending));
    }

    /// Answers the login of a connection, now that it may be answered. Returns whether one waited.
    pub(super) fn answer_pending(&mut self, now: Time, conn: ConnId, out: &mut Outputs) -> bool {
        let Some(pending) = self.link(conn).pending.take() else {
            return false;
        };
        let Pending { attempt, replying } = *pending;
        let phase = self.broker.lifecycle().phase(conn);
        match (attempt, phase) {
            (Attempt::LogIn(login, password), Some(Phase::Greeting { .. })) => {
                self.plain_log_in_now(now, conn, login, password, out);
            }
            (Attempt::Register, Some(Phase::Greeting { .. })) => {
                self.register_again(now, conn, replying, out);
            }
            // It ends, and hears no more.
            (Attempt::LogIn(..) | Attempt::Register, _) => {}
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::IpAddr;
    use core::num::{NonZeroU32, NonZeroUsize};

    /// Two guesses in 10 s are answered at once, the next after 1.5 s, and the others after 3.
    fn guesses() -> Guesses {
        Guesses::new(&Config {
            failed_logins_per_address: NonZeroU32::new(2).unwrap(),
            failed_login_window: Duration::from_secs(10),
            failed_login_addresses: NonZeroUsize::new(3).unwrap(),
            failed_login_targets: NonZeroUsize::new(2).unwrap(),
            login_timeout: Duration::from_secs(6),
            ..Config::default()
        })
    }

    fn guesser(n: u8, target: Target) -> Guesser {
        (Source::of(IpAddr::from([192, 0, 2, n])), target)
    }

    fn second(n: u64) -> Time {
        Time::ZERO.after(Duration::from_secs(n))
    }

    fn is_known(guesses: &Guesses, (source, target): &Guesser) -> bool {
        let debts = guesses.by_source.get(source);
        debts.is_some_and(|debts| debts.contains_key(target))
    }

    /// How many are remembered, of which each part of the table has to know.
    fn count(guesses: &Guesses) -> usize {
        let debts = guesses.by_source.iter();
        let counts = debts.map(|(&source, debts)| (debts.len(), source));
        assert_eq!(guesses.by_count, counts.collect());
        let sum = guesses.by_source.values().map(BTreeMap::len).sum();
        assert_eq!(guesses.by_time.len(), sum);
        sum
    }

    #[test]
    fn past_the_first_guesses_each_waits_but_never_long() {
        let mut guesses = guesses();
        let it = guesser(1, Target::Server);
        guesses.count_wrong(it.clone(), second(0));
        assert_eq!(guesses.answer_at(&it, second(0)), None);
        guesses.count_wrong(it.clone(), second(0));
        let soon = Time::ZERO.after(Duration::from_millis(1_500));
        assert_eq!(guesses.answer_at(&it, second(0)), Some(soon));
        assert_eq!(guesses.answer_at(&it, second(4)), Some(second(5)));
        assert_eq!(guesses.answer_at(&it, second(5)), None);
        (0..9).for_each(|_| guesses.count_wrong(it.clone(), second(5)));
        assert_eq!(guesses.answer_at(&it, second(5)), Some(second(8)));
    }

    #[test]
    fn guesses_from_elsewhere_or_at_something_else_do_not_matter() {
        let mut guesses = guesses();
        let [alice, bob] = ["alice", "bob"].map(|name| Name::parse(name).unwrap());
        let it = guesser(1, Target::Peer(alice));
        (0..9).for_each(|_| guesses.count_wrong(it.clone(), second(0)));
        assert!(guesses.answer_at(&it, second(0)).is_some());
        let others = [
            Target::Peer(bob),
            Target::FormerName(alice),
            Target::Server,
            Target::operator("alice"),
            Target::Key(Room::parse("#alice").unwrap()),
        ];
        for other in others {
            assert_eq!(guesses.answer_at(&guesser(1, other), second(0)), None);
        }
        let elsewhere = guesser(2, Target::Peer(alice));
        assert_eq!(guesses.answer_at(&elsewhere, second(0)), None);
    }

    #[test]
    fn a_right_one_and_time_forgive_what_was_wrong() {
        let mut guesses = guesses();
        let it = guesser(1, Target::Server);
        (0..9).for_each(|_| guesses.count_wrong(it.clone(), second(0)));
        guesses.forget(&it);
        assert_eq!(guesses, self::guesses(), "nothing is left");
        guesses.count_wrong(it.clone(), second(0));
        guesses.count_wrong(guesser(2, Target::Server), second(5));
        assert_eq!(count(&guesses), 1, "the first was forgiven");
    }

    #[test]
    fn no_guess_is_held_against_anybody_for_longer_than_two_windows() {
        let mut guesses = guesses();
        let it = guesser(1, Target::Server);
        (0..200).for_each(|_| guesses.count_wrong(it.clone(), second(0)));
        // It takes as long as ever, until two windows have passed but for the first guesses.
        assert_eq!(guesses.answer_at(&it, second(5)), Some(second(8)));
        assert!(guesses.answer_at(&it, second(14)).is_some());
        assert_eq!(guesses.answer_at(&it, second(15)), None);
    }

    #[test]
    fn whoever_guesses_at_much_forgets_its_own_guesses_and_nobody_elses() {
        let mut guesses = guesses();
        let stranger = guesser(2, Target::Server);
        guesses.count_wrong(stranger.clone(), second(0));
        let it = guesser(1, Target::Server);
        (0..9).for_each(|_| guesses.count_wrong(it.clone(), second(0)));
        let waits = guesses.answer_at(&it, second(1));
        for n in 0..9 {
            let other = guesser(1, Target::operator(&alloc::format!("made-up-{n}")));
            guesses.count_wrong(other.clone(), second(1));
            assert!(is_known(&guesses, &other));
            assert!(is_known(&guesses, &stranger));
            assert_eq!(count(&guesses), 3);
            assert_eq!(
                guesses.answer_at(&it, second(1)),
                waits,
                "the least goes first"
            );
        }
        // There are as many as may be in all: whoever has the most makes room for somebody new.
        let third = guesser(3, Target::Server);
        guesses.count_wrong(third.clone(), second(1));
        for known in [it, stranger, third] {
            assert!(is_known(&guesses, &known));
        }
        assert_eq!(count(&guesses), 3);
    }

    #[test]
    fn as_many_are_remembered_as_may_be_and_those_that_are_forgiven_last() {
        let mut guesses = guesses();
        let it = guesser(0, Target::Server);
        (0..9).for_each(|_| guesses.count_wrong(it.clone(), second(0)));
        for n in 1..9 {
            let other = guesser(n, Target::Server);
            guesses.count_wrong(other.clone(), second(0));
            assert!(count(&guesses) <= 3);
            assert!(is_known(&guesses, &other));
            assert!(is_known(&guesses, &it));
        }
    }
}
