//! Attacks on the real binary with its default flags, and innocent people beside them.
//!
//! Each is short and small; `cargo load attack` plays the same long and in full size, and measures
//! what the innocent feel. Here is asserted what must hold however slow the machine is: nothing
//! is refused to them, nothing of what they say is lost, memory stays within its bound, and the
//! server stops within its bound under the attack.
#![cfg(feature = "server")]

use std::time::Duration;

use rejoin_load::attack::{Bounds, Effort, Outcome, Program, Row, play};

/// What holds on a machine of any speed: a busy one may add to the `--shutdown-timeout` of ten
/// seconds.
const BOUNDS: Bounds = Bounds {
    late: None,
    memory: 256 << 20,
    stop: Duration::from_secs(15),
};

/// Plays an attack, and asserts that it does not work.
fn fails(name: &str) -> Outcome {
    let row = Row::find(name).expect("there is such an attack");
    fail(&[row])
}

/// Plays these attacks at once, and asserts that none works.
fn fail(rows: &[&Row]) -> Outcome {
    let program = Program::Rejoin {
        path: env!("CARGO_BIN_EXE_rejoin").into(),
        flags: Vec::new(),
    };
    let outcome = play(rows, &program, &Effort::SHORT);
    let outcome = outcome.unwrap_or_else(|error| panic!("{error:#}"));
    let faults = outcome.faults(&BOUNDS);
    assert!(faults.is_empty(), "{faults:#?}: {outcome:#?}");
    outcome
}

#[test]
fn masks_that_take_long_to_match() {
    assert!(fails("masks").fact("bytes sent") > 0);
}

#[test]
fn changes_that_many_see() {
    assert!(fails("seen").fact("bytes sent") > 0);
}

#[test]
fn one_line_for_many_that_are_away() {
    assert!(fails("mail").fact("bytes sent") > 0);
}

#[test]
fn full_mailboxes_that_expire_at_once() {
    assert!(fails("expiry").fact("mailboxes that came back") > 0);
}

#[test]
fn long_lists_that_are_hardly_read() {
    fails("names");
}

#[test]
fn names_and_rooms_without_end() {
    assert!(fails("peers").fact("names") > 0);
}

#[test]
fn keys_of_a_channel_that_are_guessed() {
    assert!(fails("keys").fact("guesses") > 0);
}

#[test]
fn a_client_that_is_told_too_much() {
    assert!(fails("tags").fact("bytes sent") > 0);
}

#[test]
fn a_strangers_mailbox() {
    assert!(fails("mailbox").fact("messages of a friend") > 0);
}

#[test]
fn a_log_that_nobody_reads() {
    assert!(fails("log").fact("resets") > 0);
}

#[test]
fn former_names_that_count_as_guesses() {
    assert!(fails("former").fact("rounds") > 0);
}

#[test]
fn a_flood_of_connections() {
    assert!(fails("connects").fact("connections") > 0);
}

#[test]
fn an_operators_password_that_is_guessed() {
    assert!(fails("oper").fact("operators") > 0);
}

#[test]
fn an_outsider_who_looks_for_what_is_hidden() {
    assert!(fails("hidden").fact("rounds") > 0);
}

#[test]
fn somebody_expelled_while_away() {
    assert!(fails("return").fact("rounds") > 0);
}

#[test]
fn wrong_secrets_from_a_shared_address() {
    assert!(fails("shared").fact("rounds") > 0);
}

#[test]
fn one_login_after_another() {
    assert!(fails("logins").fact("logins") > 0);
}

#[test]
fn ids_of_messages_that_are_counted() {
    fails("msgids");
}
