//! Each contradiction that [`Lifecycle::check`] looks for is found.

use alloc::string::String;

use super::super::tests::words_of_panic;
use super::*;

const LIMITS: Limits = Limits {
    login_timeout: Duration::from_secs(30),
    resume_window: Duration::from_secs(300),
    peers: 3,
    peers_per_source: 3,
};

fn source() -> Source {
    Source::of([192, 0, 2, 1].into())
}

fn conn(number: u64) -> ConnId {
    ConnId::new(number)
}

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// c1 holds alice and leaves, c2 waits for her, c3 is the guest bob, carol is away, and c5
/// has not logged in.
fn sound() -> Lifecycle {
    let (mut lifecycle, mut stops) = (Lifecycle::new(LIMITS), Vec::new());
    let proof = Some(Proof::new([1; 32]));
    let logins = [
        ("alice", proof),
        ("alice", proof),
        ("bob", None),
        ("carol", proof),
    ];
    for (n, (who, proof)) in (1..).zip(logins) {
        lifecycle.accepted(Time::ZERO, conn(n), source(), &mut stops);
        lifecycle.login(conn(n), name(who), proof, &mut stops);
    }
    lifecycle.writer_finished(Time::ZERO, conn(4), &mut stops);
    lifecycle.accepted(Time::ZERO, conn(5), source(), &mut stops);
    lifecycle
}

/// What the check says once something was done to a sound lifecycle.
fn said(spoil: impl FnOnce(&mut Lifecycle)) -> String {
    let mut lifecycle = sound();
    lifecycle.check();
    spoil(&mut lifecycle);
    words_of_panic(|| lifecycle.check())
}

fn hold(lifecycle: &mut Lifecycle, who: &str, holder: u64, waiter: Option<u64>) {
    let binding = lifecycle.bindings.get_mut(&name(who)).expect("bound");
    binding.hold = Hold::Held {
        holder: conn(holder),
        waiter: waiter.map(conn),
    };
}

#[test]
fn a_connection_that_stays_after_the_shutdown_is_found() {
    let said = said(|lifecycle| lifecycle.closed = true);
    assert_eq!(said, "c2 stays after the shutdown");
}

#[test]
fn a_waiter_that_the_name_does_not_know_is_found() {
    let said = said(|lifecycle| hold(lifecycle, "alice", 1, None));
    assert_eq!(said, "c2 waits for alice, which does not know it");
}

#[test]
fn a_waiter_that_does_not_wait_is_found() {
    let said = said(|lifecycle| {
        let name = Some(name("bob"));
        lifecycle.enter(conn(3), Phase::Leaving { name });
        hold(lifecycle, "bob", 3, Some(5));
    });
    assert_eq!(said, "c5 does not wait for bob");
}

#[test]
fn a_holder_that_the_name_does_not_know_is_found() {
    let unbound = said(|lifecycle| {
        lifecycle.bindings.remove(&name("bob"));
    });
    let of_another = said(|lifecycle| hold(lifecycle, "bob", 1, None));
    for said in [unbound, of_another] {
        assert_eq!(said, "c3 holds bob, which does not know it");
    }
}

#[test]
fn a_holder_that_does_not_hold_is_found() {
    let nameless = Phase::Leaving { name: None };
    let leaves = said(|lifecycle| lifecycle.enter(conn(3), nameless));
    let forgotten = said(|lifecycle| {
        lifecycle.connections.remove(&conn(3));
    });
    for said in [leaves, forgotten] {
        assert_eq!(said, "c3 does not hold bob for None");
    }
}

#[test]
fn a_name_that_is_awaited_though_its_holder_stays_is_found() {
    let name = name("alice");
    let peer = PeerId::new(conn(1));
    let said = said(|lifecycle| lifecycle.enter(conn(1), Phase::Online { name, peer }));
    assert_eq!(said, "c1 does not hold alice for Some(ConnId(2))");
}

#[test]
fn a_guest_that_is_away_is_found() {
    let said = said(|lifecycle| {
        let binding = lifecycle.bindings.get_mut(&name("carol"));
        binding.expect("bound").proof = None;
    });
    assert_eq!(said, "the guest carol is away");
}

#[test]
fn a_deadline_too_few_or_too_many_is_found() {
    let missing = said(|lifecycle| {
        lifecycle.deadlines.pop_last();
    });
    let left_over = said(|lifecycle| {
        lifecycle
            .deadlines
            .insert((Time::ZERO, Due::Login(conn(3))));
    });
    for said in [missing, left_over] {
        assert!(
            said.contains("a deadline is missing, or left over"),
            "{said}"
        );
    }
}

#[test]
fn a_peer_too_many_is_found() {
    let said = said(|lifecycle| lifecycle.limits.peers = 2);
    assert_eq!(said, "more peers than may be");
}

#[test]
fn a_wrong_count_of_those_who_have_not_logged_in_is_found() {
    let said = said(|lifecycle| lifecycle.greeting = 0);
    assert!(said.contains("counted wrong"), "{said}");
}

#[test]
fn a_bound_name_that_is_out_of_the_order_of_names_is_found() {
    let said = said(|lifecycle| {
        lifecycle.names.pop_first();
    });
    assert!(
        said.contains("a bound name is missing, or left over"),
        "{said}"
    );
}

#[test]
fn a_lifecycle_is_idle_until_somebody_is_connected() {
    assert!(Lifecycle::new(LIMITS).is_idle());
    assert!(!sound().is_idle());
}
