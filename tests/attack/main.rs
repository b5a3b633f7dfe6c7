//! Attacks on the real binary with its default flags, and innocent people beside them.
//!
//! Each is short and small; `cargo load attack` plays the same long and in full size, and measures
//! what the innocent feel. Here is asserted what must hold however slow the machine is: nothing
//! is refused to them, nothing of what they say is lost, memory stays within its bound, and the
//! server stops within its bound under the attack.
#![cfg(feature = "server")]

use std::time::Duration;

use rejoin_load::attack::{Effort, Outcome, Program, Row, play};

/// The memory that any attack of this size may take.
const MEMORY: u64 = 256 << 20;

/// How long a stop may take: `--shutdown-timeout`, a second more, and what a busy machine adds.
const STOP: Duration = Duration::from_secs(15);

/// Plays an attack, and asserts that it does not work.
fn fails(name: &str) -> Outcome {
    let row = Row::find(name).expect("there is such an attack");
    let program = Program::Rejoin {
        path: env!("CARGO_BIN_EXE_rejoin").into(),
        flags: Vec::new(),
    };
    let outcome = play(&[row], &program, &Effort::SHORT);
    let outcome = outcome.unwrap_or_else(|error| panic!("{error:#}"));
    assert!(outcome.complaints.is_empty(), "{outcome:#?}");
    assert!(outcome.heard[1].count > 0, "nobody was heard: {outcome:#?}");
    assert!(outcome.logins[1].count > 0, "nobody came by: {outcome:#?}");
    assert!(outcome.memory[1] < MEMORY, "{outcome:#?}");
    assert!(outcome.stop.is_some_and(|stop| stop < STOP), "{outcome:#?}");
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
    assert!(fails("expiry").fact("bytes sent") > 0);
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
    fails("former");
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
    fails("hidden");
}

#[test]
fn somebody_expelled_while_away() {
    fails("return");
}

#[test]
fn wrong_secrets_from_a_shared_address() {
    fails("shared");
}

#[test]
fn one_login_after_another() {
    assert!(fails("logins").fact("logins") > 0);
}

#[test]
fn ids_of_messages_that_are_counted() {
    fails("msgids");
}
