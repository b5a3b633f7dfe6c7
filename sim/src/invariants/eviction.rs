//! 2. A connection never removes another's peer, whatever the names are: a peer is dismissed only
//!    by the `KILL` of a connection whose peer has shown an operator's password, once by each, and
//!    its connection is told so.

use std::collections::BTreeSet;

use rejoin::broker::Input;
use rejoin::hub::{Identity, Output, Outputs, Told, Understood};
use rejoin::id::{ConnId, Name, PeerId};
use rejoin::wire::irc::Message;
use rejoin::wire::lines::Line;

use super::{Violation, ensure};
use crate::label::split_tags;
use crate::probe::{Path, Probes};
use crate::roster::Roster;

/// The checker of statement 2 for evictions, which a broker takes on trust: only a hub knows who
/// says what. It keeps its own account of who is an operator, by the lines that were read.
///
/// Whose line it is, is known when the hub was told of it. Until then all that matters is noted,
/// and is judged at [`told`](Self::told).
#[derive(Debug)]
pub struct Evictions {
    /// What an operator's password looks like.
    password: &'static str,
    /// What the operators of the server are called.
    logins: BTreeSet<String>,
    /// Connections that have shown the password of one, which is being verified.
    showing: BTreeSet<ConnId>,
    /// Those who have shown the password of one, and have not given it up.
    operators: BTreeSet<PeerId>,
    /// The connections that were told that they are operators: their `KILL` must not fail.
    confirmed: BTreeSet<ConnId>,
    /// What came about since the hub was last told something, in order.
    seen: Vec<Seen>,
}

/// What matters for evictions.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Seen {
    /// The right password was said.
    Password,
    /// This peer's mode of an operator is to be taken away; only the peer itself may say so.
    GivesUp(PeerId),
    /// A `KILL` of somebody who is there or not, whether the line is a whole message, and whether
    /// it has dismissed that peer.
    Kill {
        victim: Option<Victim>,
        whole: bool,
        dismissed: bool,
    },
    /// Anything else was said.
    Other,
    /// Somebody is dismissed, and what was read last was no `KILL` of that peer.
    Dismissed(Name),
}

/// Whom a `KILL` names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Victim {
    name: Name,
    peer: PeerId,
    /// Its connection, if it is online.
    online: Option<ConnId>,
    /// Whether it is certainly there, and has not just quit.
    is_here: bool,
}

impl Victim {
    fn of(name: Name, roster: &Roster) -> Option<Self> {
        let bearer = roster.bearers.get(&name)?;
        let online = bearer.holder.filter(|&conn| roster.online(conn).is_some());
        Some(Self {
            name,
            peer: bearer.peer,
            online,
            is_here: online.is_some() || bearer.proof.is_some(),
        })
    }
}

impl Evictions {
    /// Nobody is an operator yet. `password` is what all of them have to say.
    pub const fn new(password: &'static str) -> Self {
        Self {
            password,
            logins: BTreeSet::new(),
            showing: BTreeSet::new(),
            operators: BTreeSet::new(),
            confirmed: BTreeSet::new(),
            seen: Vec::new(),
        }
    }

    /// The server has started again, and nobody is an operator any more.
    pub fn restart(&mut self) {
        *self = Self::new(self.password);
    }

    /// The hub says this of itself from now on.
    pub fn identity(&mut self, identity: &Identity) {
        self.logins = identity.operators.keys().cloned().collect();
    }

    /// The hub has read a line, and the broker has heard what lines before it asked for.
    pub fn line(&mut self, line: Line<'_>, understood: Understood<'_>, roster: &Roster) {
        let seen = match (line, understood) {
            (_, Understood::Irc(Ok(message))) => self.seen_in(message, roster),
            // Its reason may be spoilt; whom it names is not.
            (Line::Whole(line), Understood::Irc(Err(_))) => match killed(line) {
                Some(name) => Seen::Kill {
                    victim: Victim::of(name, roster),
                    whole: false,
                    dismissed: false,
                },
                None => Seen::Other,
            },
            (_, Understood::Irc(Err(_)) | Understood::Plain(_)) => Seen::Other,
        };
        // Of what does not matter it is enough to know that a `KILL` was not read last.
        if seen != Seen::Other || !matches!(self.seen.last(), None | Some(Seen::Other)) {
            self.seen.push(seen);
        }
    }

    fn seen_in(&self, message: &Message<'_>, roster: &Roster) -> Seen {
        let named = || Name::parse(message.param(0)?);
        match message.command.to_ascii_uppercase().as_str() {
            "OPER" => {
                let is_one = message.param(0).is_some_and(|l| self.logins.contains(l));
                let knows = message.param(1) == Some(self.password);
                if is_one && knows {
                    Seen::Password
                } else {
                    Seen::Other
                }
            }
            "MODE" => {
                let bearer = named().and_then(|name| roster.bearers.get(&name));
                let modes = message.param(1).and_then(|modes| modes.split_once('-'));
                let removes = modes.is_some_and(|(_, removed)| removed.contains('o'));
                match bearer {
                    Some(bearer) if removes => Seen::GivesUp(bearer.peer),
                    Some(_) | None => Seen::Other,
                }
            }
            "KILL" => Seen::Kill {
                victim: named().and_then(|name| Victim::of(name, roster)),
                whole: true,
                dismissed: false,
            },
            _ => Seen::Other,
        }
    }

    /// The broker is about to be told something.
    pub fn input(&mut self, input: &Input, roster: &Roster) {
        let &Input::Dismiss { name, .. } = input else {
            return;
        };
        let peer = roster.bearers.get(&name).map(|bearer| bearer.peer);
        match self.seen.last_mut() {
            Some(Seen::Kill {
                victim, dismissed, ..
            }) if !*dismissed && victim.map(|victim| victim.peer) == peer => {
                *dismissed = true;
            }
            Some(_) | None => self.seen.push(Seen::Dismissed(name)),
        }
    }

    /// The hub was told something, and wants this done.
    ///
    /// # Errors
    ///
    /// Says whom nobody may dismiss, who should be, or who is not told.
    pub fn told(
        &mut self,
        told: Told,
        wants: &Outputs,
        roster: &Roster,
        probes: &mut Probes,
    ) -> Result<(), Violation> {
        let seen = std::mem::take(&mut self.seen);
        if let Told::WriterFinished { conn, .. } = told {
            self.showing.remove(&conn);
            self.confirmed.remove(&conn);
        }
        if let Told::Verified { conn, is_right } = told
            && self.showing.remove(&conn)
            && is_right
        {
            self.operators.extend(roster.peer(conn));
        }
        let judged = if let Told::Received { conn, .. } | Told::Verified { conn, .. } = told {
            self.judge(conn, &seen, wants, roster, probes)
        } else {
            none_dismissed(&seen)
        };
        judged.map_err(|what| Violation { statement: 2, what })
    }

    /// Judges what `conn` has said, and what came of it.
    fn judge(
        &mut self,
        conn: ConnId,
        seen: &[Seen],
        wants: &Outputs,
        roster: &Roster,
        probes: &mut Probes,
    ) -> Result<(), String> {
        let peer = roster.peer(conn);
        let mut found = Ok(());
        for seen in seen {
            match seen {
                Seen::Password => {
                    self.showing.insert(conn);
                }
                Seen::GivesUp(whose) if peer == Some(*whose) => {
                    self.operators.remove(whose);
                    self.confirmed.remove(&conn);
                }
                Seen::Kill {
                    victim,
                    whole,
                    dismissed,
                } => {
                    let is_operator = peer.is_some_and(|peer| self.operators.contains(&peer));
                    let judged = match victim {
                        Some(victim) if *dismissed => may_kill(conn, is_operator, victim, wants),
                        Some(victim) if *whole => self.may_ignore(conn, victim),
                        Some(_) | None => Ok(()),
                    };
                    if !is_operator {
                        probes.reach(Path::KillRefused);
                    }
                    found = found.and(judged);
                }
                Seen::GivesUp(_) | Seen::Other => {}
                Seen::Dismissed(_) => {
                    found = found.and(none_dismissed(std::slice::from_ref(seen)));
                }
            }
        }
        if lines_to(conn, wants).any(|line| is_confirmation(&line)) {
            let is_operator = peer.is_some_and(|peer| self.operators.contains(&peer));
            ensure!(
                is_operator || found.is_err(),
                "{conn} is told that it is an operator, and has not shown it"
            );
            self.confirmed.insert(conn);
        }
        found
    }

    /// That the one who says a `KILL` that does nothing need not be obeyed.
    fn may_ignore(&self, conn: ConnId, victim: &Victim) -> Result<(), String> {
        ensure!(
            !(victim.is_here && self.confirmed.contains(&conn)),
            "{conn}, which is an operator's, wants {} gone, who stays",
            victim.name
        );
        Ok(())
    }
}

/// That whoever says a `KILL` may do so, and that the connection of its victim is told.
fn may_kill(
    conn: ConnId,
    is_operator: bool,
    victim: &Victim,
    wants: &Outputs,
) -> Result<(), String> {
    let name = victim.name;
    ensure!(
        is_operator,
        "{conn} dismisses {name}, and is no operator's connection"
    );
    let is_told = |online| {
        wants.iter().any(|output| match output {
            Output::StopWriter { conn, last, .. } => {
                conn == online && text(last).contains("Killed (")
            }
            Output::Send { .. }
            | Output::StopReader { .. }
            | Output::Proceed { .. }
            | Output::Retain { .. }
            | Output::Ask { .. }
            | Output::Acknowledged { .. }
            | Output::Release { .. }
            | Output::Rehash
            | Output::Verify { .. } => false,
        })
    };
    if let Some(online) = victim.online {
        ensure!(
            is_told(online),
            "{name} is dismissed, and its connection {online} is not told by whom"
        );
    }
    Ok(())
}

/// That nobody was dismissed without a `KILL`.
fn none_dismissed(seen: &[Seen]) -> Result<(), String> {
    for seen in seen {
        let name = match seen {
            Seen::Dismissed(name) => Some(*name),
            Seen::Kill {
                victim, dismissed, ..
            } => victim.filter(|_| *dismissed).map(|victim| victim.name),
            Seen::Password | Seen::GivesUp(_) | Seen::Other => None,
        };
        if let Some(name) = name {
            return Err(format!("{name} is dismissed, and no KILL asks for it"));
        }
    }
    Ok(())
}

/// Whom a line names that is no message, if it says `KILL`.
fn killed(line: &[u8]) -> Option<Name> {
    let line = String::from_utf8_lossy(line);
    let words = line.split(' ').filter(|word| !word.is_empty());
    let mut words = words.skip_while(|word| word.starts_with(['@', ':']));
    let kills = words.next()?.eq_ignore_ascii_case("KILL");
    let name = words.next().filter(|_| kills)?;
    Name::parse(name.strip_prefix(':').unwrap_or(name))
}

/// Whether a line says that its reader is an operator now.
fn is_confirmation(line: &str) -> bool {
    let (_, line) = split_tags(line);
    line.split(' ').nth(1) == Some("381")
}

/// The lines that a connection is sent.
fn lines_to(conn: ConnId, wants: &Outputs) -> impl Iterator<Item = String> {
    let sent = wants.iter().filter_map(move |output| match output {
        Output::Send { to, frame, .. } => to.contains(&conn).then(|| text(frame)),
        Output::StopReader { .. }
        | Output::StopWriter { .. }
        | Output::Proceed { .. }
        | Output::Retain { .. }
        | Output::Ask { .. }
        | Output::Acknowledged { .. }
        | Output::Release { .. }
        | Output::Rehash
        | Output::Verify { .. } => None,
    });
    sent.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
}

fn text(frame: &rejoin::hub::Frame) -> String {
    String::from_utf8_lossy(&frame.bytes()).into_owned()
}

#[cfg(test)]
mod tests;
