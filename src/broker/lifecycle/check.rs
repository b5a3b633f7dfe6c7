//! That what the lifecycle knows agrees.

use alloc::collections::BTreeSet;

use super::{Due, Hold, Lifecycle, Phase, Shares};
use crate::id::Name;

impl Lifecycle {
    /// Panics if the fields contradict each other.
    pub(in crate::broker) fn check(&self) {
        let mut deadlines = BTreeSet::new();
        let mut greeting = 0;
        for (&conn, &phase) in self.connections.iter() {
            let leaving = matches!(phase, Phase::Leaving { .. });
            assert!(leaving || !self.closed, "{conn} stays after the shutdown");
            let hold = |name| self.bindings.get(&name).map(|binding| binding.hold);
            match phase {
                Phase::Greeting { until } => {
                    greeting += 1;
                    deadlines.insert((until, Due::Login(conn)));
                }
                Phase::Waiting { name, .. } => {
                    let waits = matches!(hold(name), Some(Hold::Held { waiter, .. }) if waiter == Some(conn));
                    assert!(waits, "{conn} waits for {name}, which does not know it");
                }
                Phase::Online { name, .. } | Phase::Leaving { name: Some(name) } => {
                    let holds =
                        matches!(hold(name), Some(Hold::Held { holder, .. }) if holder == conn);
                    assert!(holds, "{conn} holds {name}, which does not know it");
                }
                Phase::Leaving { name: None } => {}
            }
        }
        assert_eq!(self.greeting, greeting, "counted wrong");
        for (&name, binding) in self.bindings.iter() {
            match binding.hold {
                Hold::Away { until } => {
                    assert!(binding.proof.is_some(), "the guest {name} is away");
                    deadlines.insert((until, Due::Return(name)));
                }
                Hold::Held { holder, waiter } => {
                    let holds = match self.phase(holder) {
                        Some(Phase::Online { name: held, peer }) => {
                            held == name && peer == binding.peer && waiter.is_none()
                        }
                        Some(Phase::Leaving { name: held }) => held == Some(name),
                        Some(Phase::Greeting { .. } | Phase::Waiting { .. }) | None => false,
                    };
                    assert!(holds, "{holder} does not hold {name} for {waiter:?}");
                    if let Some(conn) = waiter {
                        let waits = matches!(self.phase(conn), Some(Phase::Waiting { name: n, .. }) if n == name);
                        assert!(waits, "{conn} does not wait for {name}");
                    }
                }
            }
        }
        assert_eq!(
            self.deadlines, deadlines,
            "a deadline is missing, or left over"
        );
        assert!(
            self.bindings.len() <= self.limits.peers,
            "more peers than may be"
        );
        assert!(
            self.bindings.iter().map(|(name, _)| name).eq(&self.names),
            "a bound name is missing, or left over"
        );
        let mut shares = Shares::default();
        for (&name, binding) in self.bindings.iter() {
            shares.add(binding.source);
            if let Hold::Away { .. } = binding.hold {
                shares.add_away(binding.source, binding.peer, name);
            }
        }
        assert_eq!(self.shares, shares, "shares counted wrong");
        let excessive = shares.excessive(self.limits.peers_per_source).next();
        assert_eq!(excessive, None, "more peers come from there than may");
        assert!(
            self.connections
                .iter()
                .map(|(conn, _)| conn)
                .eq(self.sources.iter().map(|(conn, _)| conn)),
            "a source is missing, or left over"
        );
        let bearer = |name: &Name| self.bindings.get(name).map(|binding| binding.peer);
        self.former.check(bearer);
    }
}
