//! How bugs are found.

use std::time::Duration;

use crate::plural::count;

/// A check that a planted bug can be shown to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Check {
    /// Random steps against the broker.
    Broker,
    /// Random lines against the hub.
    Hub,
    /// Random plans against the driver, on streams in memory.
    Driver,
    /// Every interleaving of a few connections.
    Exhaust,
    /// Seeds of the simulated network.
    Network,
    /// The same seed twice.
    Determinism,
    /// Every interleaving of the outbox's ends.
    Loom,
    /// Records of IRC, played again and looked through.
    Record,
    /// The server's own tests, but for those with other programs and those that load it.
    Suites,
}

/// What a check runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Task {
    /// The simulator, with these arguments.
    Simulator(&'static [&'static str]),
    /// A test of a package, by the arguments that select it.
    Test(&'static [&'static str]),
}

impl Check {
    /// All checks.
    pub const ALL: [Self; 9] = [
        Self::Broker,
        Self::Hub,
        Self::Driver,
        Self::Exhaust,
        Self::Network,
        Self::Determinism,
        Self::Loom,
        Self::Record,
        Self::Suites,
    ];

    /// What a patch calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Hub => "hub",
            Self::Driver => "driver",
            Self::Exhaust => "exhaust",
            Self::Network => "network",
            Self::Determinism => "determinism",
            Self::Loom => "loom",
            Self::Record => "record",
            Self::Suites => "suites",
        }
    }

    /// Whether it runs anything of a source file. A bug elsewhere it can't see.
    pub fn runs(self, file: &str) -> bool {
        const BROKER: &[&str] = &["src/id.rs", "src/config.rs", "src/broker/"];
        const HUB: &[&str] = &["src/identity.rs", "src/wire/", "src/hub/"];
        let is_in = |places: &[&str]| places.iter().any(|place| file.starts_with(place));
        match self {
            Self::Broker | Self::Exhaust => is_in(BROKER),
            Self::Hub | Self::Record => is_in(BROKER) || is_in(HUB),
            Self::Driver | Self::Network | Self::Determinism | Self::Suites => true,
            Self::Loom => is_in(&["src/net/outbox/"]),
        }
    }

    pub(super) const fn task(self) -> Task {
        match self {
            Self::Broker => Task::Simulator(&["random", "broker", "--no-shrink"]),
            Self::Hub => Task::Simulator(&["random", "hub", "--no-shrink"]),
            Self::Driver => {
                Task::Simulator(&["random", "driver", "--cases", "1000", "--no-shrink"])
            }
            Self::Exhaust => Task::Simulator(&["exhaust", "--states", "1000000"]),
            Self::Network => Task::Simulator(&["run", "--seeds", "0..3000", "--no-shrink"]),
            Self::Determinism => Task::Test(&["--package=rejoin-sim", "--test=determinism"]),
            // It needs nothing of the library, and what is left out is not built.
            Self::Loom => Task::Test(&[
                "--package=rejoin",
                "--no-default-features",
                "--test=outbox_loom",
            ]),
            Self::Record => Task::Test(&["--package=rejoin-sim", "--test=record"]),
            Self::Suites => Task::Test(&[
                "--package=rejoin",
                "--lib",
                "--test=binary",
                "--test=broker",
                "--test=chat",
                "--test=driver",
                "--test=hub",
                "--test=lifecycle",
                "--test=limits",
                "--test=plain",
                "--test=reconnect",
            ]),
        }
    }

    /// What its output says of how far it had to go.
    pub(super) fn effort(self, output: &str) -> String {
        let (before, unit, offset) = match self {
            Self::Broker | Self::Hub | Self::Driver => ("case ", "case", 1),
            Self::Exhaust => ("after ", "step", 0),
            Self::Network => ("seed ", "seed", 1),
            Self::Determinism | Self::Loom | Self::Record | Self::Suites => return String::new(),
        };
        let mut numbers = output.lines().filter_map(|line| {
            let (number, _) = line.strip_prefix(before)?.split_once(' ')?;
            number.parse::<u64>().ok()
        });
        numbers
            .next()
            .map_or_else(String::new, |number| count(number + offset, unit))
    }
}

/// What a check has come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Whether it has found something.
    pub found: bool,
    /// How far it had to go, if it says so.
    pub effort: String,
    /// What it says of its find.
    pub says: String,
    /// How long it took.
    pub took: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_sees_what_it_runs() {
        let see = |file| Check::ALL.map(|check| check.runs(file));
        let all_but_loom = [true, true, true, true, true, true, false, true, true];
        assert_eq!(see("src/broker/lifecycle.rs"), all_but_loom);
        let hub = [false, true, true, false, true, true, false, true, true];
        assert_eq!(see("src/wire/plain.rs"), hub);
        let driver = [false, false, true, false, true, true, false, false, true];
        assert_eq!(see("src/net/server.rs"), driver);
        let outbox = [false, false, true, false, true, true, true, false, true];
        assert_eq!(see("src/net/outbox/mod.rs"), outbox);
    }

    #[test]
    fn an_effort_is_read_where_it_is_said() {
        let said = "12 names\ncase 41 fails after 3 steps\n";
        assert_eq!(Check::Broker.effort(said), "42 cases");
        assert_eq!(
            Check::Exhaust.effort("  9 states\nafter 5 steps, x"),
            "5 steps"
        );
        assert_eq!(
            Check::Network.effort("\nseed 0 fails, with 9 actions"),
            "1 seed"
        );
        assert_eq!(Check::Network.effort("never came about: Return"), "");
    }
}
