//! Who may connect, and guess at what only others know.

use alloc::collections::{BTreeMap, BTreeSet};
use core::net::{IpAddr, Ipv6Addr};

use crate::Config;
use crate::id::Time;

use super::rate::{Rate, Used};

/// Counts connections, and what was guessed wrong, by where they come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Admission {
    connections: usize,
    limit: usize,
    per_source: BTreeMap<Source, usize>,
    limit_per_source: usize,
    failures: Failures,
}

/// An address, or the /64 network of an IPv6 address: whoever has one of those has
/// them all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Source(IpAddr);

impl Source {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
            }
        })
    }

    /// The address that stands for it.
    pub(super) const fn network(self) -> IpAddr {
        self.0
    }
}

/// What only its owner knows. Each is counted apart: who guesses at one keeps nobody at the same
/// address from another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Guess {
    /// A peer's secret.
    Secret,
    /// The server's password.
    Server,
    /// An operator's password.
    Operator,
}

/// Who guesses, and at what.
type Guesser = (Source, Guess);

#[derive(Clone, PartialEq, Eq, Debug)]
struct Failures {
    rate: Rate,
    limit: usize,
    by_guesser: BTreeMap<Guesser, Used>,
    /// The same, the one that is forgiven first in front.
    by_time: BTreeSet<(Used, Guesser)>,
}

impl Admission {
    pub(super) fn new(config: &Config) -> Self {
        let burst = config.failed_logins_per_address.get();
        Self {
            connections: 0,
            limit: config.connections.get(),
            per_source: BTreeMap::new(),
            limit_per_source: config.connections_per_address.get(),
            failures: Failures {
                rate: Rate::new(burst, config.failed_login_window),
                limit: config.failed_login_addresses.get(),
                by_guesser: BTreeMap::new(),
                by_time: BTreeSet::new(),
            },
        }
    }

    /// Counts one more connection, unless there are too many.
    pub(super) fn admit(&mut self, source: Source) -> bool {
        let from_there = self.per_source.get(&source).copied().unwrap_or(0);
        let admitted = self.connections < self.limit && from_there < self.limit_per_source;
        if admitted {
            self.connections += 1;
            self.per_source.insert(source, from_there + 1);
        }
        admitted
    }

    /// A connection that was admitted has ended.
    pub(super) fn release(&mut self, source: Source) {
        self.connections -= 1;
        let from_there = self.per_source.get_mut(&source).expect("it was admitted");
        *from_there -= 1;
        if *from_there == 0 {
            self.per_source.remove(&source);
        }
    }

    /// Whether somebody may guess: not too often wrong before.
    pub(super) fn may_guess(&self, guesser: Guesser, now: Time) -> bool {
        let used = self.failures.by_guesser.get(&guesser);
        used.is_none_or(|used| self.failures.rate.allows(*used, now))
    }

    /// Counts a wrong guess.
    pub(super) fn count_failure(&mut self, guesser: Guesser, now: Time) {
        let Failures {
            rate,
            limit,
            by_guesser,
            by_time,
        } = &mut self.failures;
        let mut used = by_guesser.remove(&guesser).unwrap_or_default();
        by_time.remove(&(used, guesser));
        let forgiven = |by_time: &BTreeSet<(Used, Guesser)>, full| {
            by_time
                .first()
                .copied()
                .filter(|(used, _)| full || used.is_forgiven(now))
        };
        while let Some((used, guesser)) = forgiven(by_time, by_guesser.len() >= *limit) {
            by_time.remove(&(used, guesser));
            by_guesser.remove(&guesser);
        }
        rate.count(&mut used, now);
        by_guesser.insert(guesser, used);
        by_time.insert((used, guesser));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::num::{NonZeroU32, NonZeroUsize};
    use core::time::Duration;

    fn source(text: &str) -> Source {
        Source::of(text.parse().unwrap())
    }

    fn config() -> Config {
        Config {
            connections: NonZeroUsize::new(3).unwrap(),
            connections_per_address: NonZeroUsize::new(2).unwrap(),
            failed_logins_per_address: NonZeroU32::new(2).unwrap(),
            failed_login_window: Duration::from_secs(10),
            failed_login_addresses: NonZeroUsize::new(2).unwrap(),
            ..Config::default()
        }
    }

    #[test]
    fn connections_are_bounded_in_all_and_from_one_address() {
        let mut admission = Admission::new(&config());
        let (a, b) = (source("192.0.2.1"), source("192.0.2.2"));
        assert!(admission.admit(a));
        assert!(admission.admit(a));
        assert!(!admission.admit(a), "the address has two");
        assert!(admission.admit(b));
        assert!(!admission.admit(b), "there are three");
        admission.release(a);
        assert!(admission.admit(a), "one has ended");
        for source in [a, a, b] {
            admission.release(source);
        }
        assert_eq!(admission, Admission::new(&config()), "nothing is left");
    }

    #[test]
    fn an_ipv6_network_is_one_source_and_a_mapped_address_is_ipv4() {
        assert_eq!(source("2001:db8:1:2:3::4"), source("2001:db8:1:2::"));
        assert_ne!(source("2001:db8:1:3::"), source("2001:db8:1:2::"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_ne!(source("192.0.2.2"), source("192.0.2.1"));
    }

    #[test]
    fn wrong_guesses_are_bounded_and_forgiven_with_time() {
        let mut admission = Admission::new(&config());
        let [a, b] = ["192.0.2.1", "192.0.2.2"].map(|text| (source(text), Guess::Secret));
        let second = |n| Time::ZERO.after(Duration::from_secs(n));
        admission.count_failure(a, second(0));
        assert!(admission.may_guess(a, second(0)));
        admission.count_failure(a, second(0));
        assert!(!admission.may_guess(a, second(4)));
        assert!(admission.may_guess((a.0, Guess::Operator), second(4)));
        assert!(admission.may_guess(b, second(4)));
        assert!(admission.may_guess(a, second(5)));
        admission.count_failure(b, second(20));
        let left = admission.failures.by_guesser.len();
        assert_eq!(left, 1, "the first was forgiven");
    }

    #[test]
    fn as_many_addresses_are_remembered_as_may_be() {
        let mut admission = Admission::new(&config());
        let guesser = |n| (Source::of(IpAddr::from([192, 0, 2, n])), Guess::Server);
        for n in 0..9 {
            admission.count_failure(guesser(n), Time::ZERO);
            let Failures {
                by_guesser,
                by_time,
                ..
            } = &admission.failures;
            assert!(by_guesser.len() <= 2);
            assert_eq!(by_guesser.len(), by_time.len());
            assert!(by_guesser.contains_key(&guesser(n)));
        }
    }
}
