//! Compares how a broker stands with the books.

use rejoin::broker::lifecycle::{Binding, Hold, Phase};
use rejoin::id::{Name, Time};

use super::books::Books;
use super::canon::since_start;
use super::judge::Show;
use super::universe::{Setup, name_index, secret_index};
use super::{ensure, violation};
use crate::invariants::Violation;
use crate::words;

/// Compares how a broker stands with the books: statements 1, 3, 6, 7 and 8.
pub(super) fn compare(
    setup: &Setup,
    now: Time,
    books: &Books,
    shown: &impl Show,
) -> Result<(), Violation> {
    let mut bound = 0;
    for (name, binding) in shown.bindings() {
        bound += 1;
        compare_binding(books, &name, &binding)?;
    }
    let bearers = books.bearers.iter().flatten().count();
    ensure!(
        bound == bearers,
        1,
        "{bound} peers are here, and should be {bearers}: one was removed too early"
    );
    ensure!(
        bound <= setup.config.peers.get(),
        7,
        "{bound} peers are here"
    );
    compare_connections(setup, now, books, shown)?;
    for (index, name) in setup.names.iter().enumerate() {
        let (mut messages, mut bytes, mut is_there) = (0, 0, false);
        if let Some(mailbox) = shown.mailbox(name) {
            is_there = true;
            for mail in mailbox {
                messages += 1;
                bytes += mail.cost();
            }
        }
        ensure!(
            is_there == books.bearers[index].is_some(),
            8,
            "{name} has a mailbox and is gone, or is here and has none"
        );
        ensure!(
            messages <= setup.config.mailbox_messages.get()
                && bytes <= setup.config.mailbox_bytes.get(),
            7,
            "{messages} messages of {bytes} bytes wait for {name}"
        );
    }
    for (index, room) in setup.rooms.iter().enumerate() {
        let members = shown.members(room).map(|name| name_index(&name));
        let is_in = |name: &usize| books.bearers[*name].is_some_and(|b| b.rooms[index]);
        let ensured = members.eq((0..setup.names.len()).filter(is_in));
        ensure!(ensured, 8, "in {room} are others than have joined");
    }
    let (is, should) = (shown.deadline(), books.deadline());
    ensure!(
        is == should,
        8,
        "the deadline is {}, and not {}",
        when(is),
        when(should)
    );
    Ok(())
}

fn compare_binding(books: &Books, name: &Name, binding: &Binding) -> Result<(), Violation> {
    let index = name_index(name);
    let bearer = books.bearers[index];
    let bearer = bearer.ok_or_else(|| violation(1, format!("{name} was not removed")))?;
    let (holder, waiter, until) = match binding.hold {
        Hold::Held { holder, waiter } => (Some(holder), waiter, None),
        Hold::Away { until } => (None, None, Some(until)),
    };
    ensure!(
        binding.peer == bearer.peer,
        1,
        "{name} is {}, and should be {}",
        words::peer(Some(binding.peer)),
        words::peer(Some(bearer.peer))
    );
    ensure!(
        holder == bearer.holder && until == bearer.until,
        1,
        "{name} is {}, and should be {}",
        words::hold(holder, until.map(since_start)),
        words::hold(bearer.holder, bearer.until.map(since_start))
    );
    let secret = binding.proof.map(secret_index);
    ensure!(
        secret == bearer.secret,
        6,
        "{name} needs another secret than its own"
    );
    for link in &books.links {
        let asked = link.asked.filter(|(n, _)| usize::from(*n) == index);
        let next = waiter == Some(link.conn);
        let waits = link.waits() && asked.is_some();
        ensure!(
            next || !waits,
            7,
            "{} waits for {name}, and nobody will give it",
            link.conn
        );
        let may = bearer.secret.is_none() || asked.is_some_and(|(_, s)| s == bearer.secret);
        ensure!(
            !next || (waits && may),
            6,
            "{name} is kept for {}",
            link.conn
        );
    }
    let is_there = waiter.is_none_or(|waiter| books.link(waiter).is_some());
    ensure!(
        is_there,
        6,
        "{name} is kept for {}, which is gone",
        words::list(waiter)
    );
    Ok(())
}

/// A point in time, in words.
fn when(time: Option<Time>) -> String {
    words::when(time.map(since_start))
}

fn compare_connections(
    setup: &Setup,
    now: Time,
    books: &Books,
    shown: &impl Show,
) -> Result<(), Violation> {
    let mut links = books.links.iter().filter(|link| !link.writer.finished);
    for (conn, phase) in shown.connections() {
        let link = links.next().filter(|link| link.conn == conn);
        let link =
            link.ok_or_else(|| violation(8, format!("{conn} is left, or one is not there")))?;
        let name = |name: Option<Name>| name.map(|name| name_index(&name));
        let held = books
            .bearers
            .iter()
            .position(|bearer| bearer.is_some_and(|b| b.holder == Some(conn)));
        let (agrees, leaves) = match phase {
            Phase::Greeting { until } => {
                let bounded = until == link.due && until > now;
                ensure!(bounded, 7, "{conn} may log in until {}", when(Some(until)));
                (link.asked.is_none(), false)
            }
            Phase::Waiting { name: n, .. } => (link.waits() && name(Some(n)).is_some(), false),
            Phase::Online { name: n, .. } => (held == name(Some(n)), false),
            Phase::Leaving { name: n } => (held == name(n), true),
        };
        let holds = || words::list(held.map(|name| setup.names[name]));
        ensure!(
            agrees,
            6,
            "{conn} is {}, and holds {}",
            words::phase(&phase),
            holds()
        );
        ensure!(
            leaves == link.stopped && leaves == link.writer.told,
            3,
            "{conn} is {}, and its writer is {}told to stop",
            words::phase(&phase),
            if link.writer.told { "" } else { "not " }
        );
        ensure!(
            leaves || !books.shutting_down,
            8,
            "the server stops, and {conn} is not told"
        );
    }
    links.next().map_or(Ok(()), |link| {
        let conn = link.conn;
        Err(violation(8, format!("{conn} was forgotten too early")))
    })
}
