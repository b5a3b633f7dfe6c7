//! The reconnect and disconnect bookkeeping: who holds a name, who waits for it,
//! and when it becomes free.
//!
//! This is the heart of rejoin, and it is kept apart from everything that people
//! say: it knows connections and names, and no message, room or mailbox.
//!
//! # Connections
//!
//! A connection has two halves, a reader and a writer, which end apart from each
//! other. It goes through these phases ([`Phase`]):
//!
//! ```text
//! Greeting ──login──▶ Online ──reader ends, or taken over──▶ Leaving ──writer ends──▶ forgotten
//!     └───login, name not free yet──▶ Waiting ──the holder's writer ends──▶ Online
//! ```
//!
//! | event | Greeting | Waiting | Online | Leaving |
//! | --- | --- | --- | --- | --- |
//! | reader finished | → Leaving; stop the writer | give up the wait; → Leaving; stop the writer | → Leaving; stop the writer | note it |
//! | given up, or quits | as above, and stop the reader | as above, and stop the reader | as above, and stop the reader | ignored |
//! | writer finished | forget; stop the reader | give up the wait; forget; stop the reader | **remove**; stop the reader | **remove** |
//! | login | see below | refused: already logged in | refused: already logged in | ignored |
//!
//! A peer that is dismissed from outside quits with its connection, if it has one. One that leaves
//! goes on leaving, and one that is away is gone at once.
//!
//! A connection that leaves without having held a name is only forgotten when its
//! writer finishes.
//!
//! # Logins
//!
//! | login to a name that is | without proof, or with a wrong one | with the right proof |
//! | --- | --- | --- |
//! | free | → Online, as a guest, or as a resumable peer if it brought a proof | – |
//! | away | refused: name in use | → Online (back), inherits |
//! | held, Online | refused: name in use | → Waiting; the holder → Leaving (replaced) |
//! | held by a resumable peer, Leaving | refused: name in use | → Waiting; an older waiter is replaced |
//! | held by a guest, Leaving | → Waiting, if nobody waits yet; inherits nothing | – |
//!
//! A peer that has changed its name may log in with the one that it first logged in with, as its
//! client does when it is started again: where the proof is right for it, and not for whoever
//! bears that name now, the login is one to its present name.
//!
//! Only so many peers may come from one source, of which a peer comes from where its last connection
//! did. A new one takes the place of one from there that is away, and is refused if none is. It is
//! also refused if there are as many peers in all as may be. Whoever comes back, or inherits a name,
//! is never refused: if there are too many then, one of those that are away is gone for good
//! ([`Lifecycle::expire_excess`]); so is one if there are too many when one of them loses its
//! connection. It is always the one that joined last.
//!
//! A peer that quits or is dismissed gives up its proof, and is a guest from then on.
//! Whoever waits for a holder that was leaving already waits for as long as its writer may
//! flush: a half is told to stop only once.
//!
//! # Removal
//!
//! Only the end of the holder's *writer* removes a peer, and the holder is known by
//! its [`ConnId`], never by its name: whatever ends late or twice finds nothing to
//! remove. What follows is in [`Then`].

mod check;
mod former;
mod shares;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::ops::Bound;
use core::time::Duration;

use crate::book::Book;
use crate::id::{ConnId, Name, PeerId, Proof, Source, Time};

use super::StopReason;
use former::FormerNames;
use shares::Shares;

/// Who is connected, and to which name.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Lifecycle {
    limits: Limits,
    connections: Book<ConnId, Phase>,
    /// Where each of them comes from.
    sources: Book<ConnId, Source>,
    /// How many of them are [`Phase::Greeting`].
    greeting: usize,
    bindings: Book<Name, Binding>,
    /// The names that are bound, in order.
    names: BTreeSet<Name>,
    former: FormerNames,
    shares: Shares,
    /// Every deadline that the other fields imply, soonest first.
    deadlines: BTreeSet<(Time, Due)>,
    newest: Option<ConnId>,
    /// Whether the server stops: nobody is away from now on, and who comes leaves at once.
    shutting_down: bool,
    /// Whether all connections have left because of that, or are about to.
    closed: bool,
}

/// The bounds that the lifecycle keeps.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Limits {
    /// How long a connection may be [`Phase::Greeting`].
    pub login_timeout: Duration,
    /// How long a resumable peer may be [`Hold::Away`].
    pub resume_window: Duration,
    /// Names that may be bound at once.
    pub peers: usize,
    /// Names that may be bound by peers from one source, unless all of these are connected.
    pub peers_per_source: usize,
}

/// How far a connection has come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Phase {
    /// It has not logged in yet.
    Greeting {
        /// When it must have.
        until: Time,
    },
    /// It has logged in, and gets the name as soon as the holder's writer has finished.
    Waiting {
        /// The name that it waits for.
        name: Name,
        /// What it logged in with.
        proof: Option<Proof>,
    },
    /// It holds a name, and is the peer's live connection.
    Online {
        /// The name that it holds.
        name: Name,
        /// Who bears it.
        peer: PeerId,
    },
    /// It takes no more requests; its writer is about to finish.
    ///
    /// Both halves are told to stop when, and only when, a connection begins to leave
    /// (but for a reader that has finished by itself), so no mark of who was told is needed.
    Leaving {
        /// The name that it holds until then, if it ever got one.
        name: Option<Name>,
    },
}

/// What a name is bound to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Binding {
    /// Who bears the name.
    pub peer: PeerId,
    /// Present for a resumable peer, absent for a guest.
    pub proof: Option<Proof>,
    /// Where its last connection came from.
    pub source: Source,
    /// Whether a connection holds it.
    pub hold: Hold,
}

/// Whether a connection holds a name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Hold {
    /// A connection does.
    Held {
        /// The connection, [`Phase::Online`] or [`Phase::Leaving`].
        holder: ConnId,
        /// The connection that gets the name next; the holder is then leaving.
        waiter: Option<ConnId>,
    },
    /// None does: the peer may come back.
    Away {
        /// When its resume window ends.
        until: Time,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Due {
    Login(ConnId),
    Return(Name),
}

/// An order to one half of a connection. Each half gets at most one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stop {
    /// The reader is to finish at once.
    Reader(ConnId),
    /// The writer is to finish, as [`StopReason::flushes`] says.
    Writer(ConnId, StopReason),
}

/// What came of a login.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Login {
    /// A new peer is online.
    Joined,
    /// A new peer is online, and takes the place of this one, which was away, and is gone for good.
    JoinedFor(Name),
    /// An away peer is online again.
    Returned,
    /// The connection waits for the end of the holder's writer.
    Waits,
    /// Nothing was changed.
    Refused(LoginRefusal),
    /// The connection is leaving, or forgotten; nothing was changed.
    Ignored,
}

/// Why a login was refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LoginRefusal {
    /// The connection has logged in before.
    AlreadyLoggedIn,
    /// Somebody else bears the name, and the proof does not show otherwise.
    NameInUse,
    /// As many names are bound as may be, in all or from where the connection comes.
    Full,
}

/// A peer whose connection has ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Removal {
    /// The peer's name.
    pub name: Name,
    /// What becomes of the peer.
    pub then: Then,
}

/// What becomes of a peer whose connection has ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Then {
    /// It waited: this connection is now its own, and inherits everything.
    Returned(ConnId),
    /// It may come back within the resume window.
    Away,
    /// It is gone for good.
    Gone,
    /// It is gone for good, and another peer, which waited, has joined under the
    /// name with this connection, inheriting nothing.
    Succeeded(ConnId),
}

/// Whose time has run out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Expired {
    /// This connection did not log in in time, and leaves.
    Login(ConnId),
    /// This peer did not come back in time, and is gone for good.
    Peer(Name),
}

impl Lifecycle {
    /// Nobody is there yet.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            connections: Book::default(),
            sources: Book::default(),
            greeting: 0,
            bindings: Book::default(),
            names: BTreeSet::new(),
            former: FormerNames::default(),
            shares: Shares::default(),
            deadlines: BTreeSet::new(),
            newest: None,
            shutting_down: false,
            closed: false,
        }
    }

    /// A connection was accepted, which comes from `source`.
    ///
    /// # Panics
    ///
    /// If its id is not greater than each one before: ids are never used again.
    pub fn accepted(&mut self, now: Time, conn: ConnId, source: Source, stops: &mut Vec<Stop>) {
        assert!(
            Some(conn) > self.newest,
            "{conn} was accepted after {:?}",
            self.newest
        );
        self.newest = Some(conn);
        let until = now.after(self.limits.login_timeout);
        self.connections.insert(conn, Phase::Greeting { until });
        self.sources.insert(conn, source);
        self.greeting += 1;
        self.deadlines.insert((until, Due::Login(conn)));
        if self.shutting_down {
            self.leave(conn, StopReason::ShuttingDown, stops);
        }
    }

    /// A connection logs in, following the second table above.
    pub fn login(
        &mut self,
        conn: ConnId,
        name: Name,
        proof: Option<Proof>,
        stops: &mut Vec<Stop>,
    ) -> Login {
        match self.phase(conn) {
            Some(Phase::Greeting { .. }) => {}
            Some(Phase::Waiting { .. } | Phase::Online { .. }) => {
                return Login::Refused(LoginRefusal::AlreadyLoggedIn);
            }
            Some(Phase::Leaving { .. }) | None => return Login::Ignored,
        }
        let name = self.owner(&name, proof).unwrap_or(name);
        let Some((&known_as, &binding)) = self.bindings.get_key_value(&name) else {
            return self.join(conn, name, proof);
        };
        let proven = proof.is_some() && proof == binding.proof;
        match binding.hold {
            Hold::Away { until } if proven => {
                self.end_absence(name, &binding, until);
                self.bind(conn, known_as, binding.peer, binding.proof);
                Login::Returned
            }
            Hold::Held { holder, waiter } if proven => {
                for replaced in [Some(holder), waiter].into_iter().flatten() {
                    self.leave(replaced, StopReason::Replaced, stops);
                }
                self.wait(conn, name, proof)
            }
            Hold::Held {
                holder,
                waiter: None,
            } if binding.proof.is_none() && self.is_leaving(holder) => self.wait(conn, name, proof),
            Hold::Away { .. } | Hold::Held { .. } => Login::Refused(LoginRefusal::NameInUse),
        }
    }

    /// A peer gives its name up for good; its connection ends. Returns the name, unless
    /// the connection is not [`Phase::Online`]: then it only ends.
    pub fn quit(&mut self, conn: ConnId, stops: &mut Vec<Stop>) -> Option<Name> {
        let name = self.online(conn);
        if let Some(name) = name {
            let binding = self
                .bindings
                .get_mut(&name)
                .expect("an online connection's name is bound");
            binding.proof = None;
        }
        self.leave(conn, StopReason::Quit, stops);
        name
    }

    /// A peer is to go for good, and its connection, if it has one, ends. Says whether it had none:
    /// then it is gone.
    ///
    /// # Panics
    ///
    /// If nobody bears the name.
    pub fn dismiss(&mut self, name: &Name, stops: &mut Vec<Stop>) -> bool {
        let binding = self.bindings.get_mut(name).expect("somebody bears it");
        binding.proof = None;
        match binding.hold {
            Hold::Held { holder, .. } => {
                self.leave(holder, StopReason::Dismissed, stops);
                false
            }
            Hold::Away { .. } => {
                self.unbind(name);
                true
            }
        }
    }

    /// Gives the peer that is online with `conn` another name. Says whether that is free, or
    /// the peer's own; if not, nothing was changed.
    ///
    /// # Panics
    ///
    /// If the connection is not [`Phase::Online`].
    pub fn rename(&mut self, conn: ConnId, name: Name) -> bool {
        let from = self.online(conn).expect("only who is online has a name");
        if from != name && self.bindings.contains_key(&name) {
            return false;
        }
        let binding = self.bindings.remove(&from).expect("its name is bound");
        self.bindings.insert(name, binding);
        self.names.remove(&from);
        self.names.insert(name);
        let peer = binding.peer;
        self.former.note(peer, from, name);
        self.enter(conn, Phase::Online { name, peer });
        true
    }

    /// A connection is given up from outside; both of its halves are to end.
    pub fn give_up(&mut self, conn: ConnId, reason: StopReason, stops: &mut Vec<Stop>) {
        self.leave(conn, reason, stops);
    }

    /// A connection's reader has finished, by itself or because it was told to.
    /// Repeated, or after the writer has finished, this changes nothing.
    pub fn reader_finished(&mut self, conn: ConnId, stops: &mut Vec<Stop>) {
        self.leave(conn, StopReason::ReaderFinished, stops);
    }

    /// A connection's writer has finished: the connection is forgotten, and the peer
    /// that held its name with it, if any, is removed. Repeated, this changes nothing.
    pub fn writer_finished(
        &mut self,
        now: Time,
        conn: ConnId,
        stops: &mut Vec<Stop>,
    ) -> Option<Removal> {
        let phase = self.connections.remove(&conn)?;
        self.sources.remove(&conn);
        if !matches!(phase, Phase::Leaving { .. }) {
            stops.push(Stop::Reader(conn));
        }
        match phase {
            Phase::Greeting { until } => {
                self.deadlines.remove(&(until, Due::Login(conn)));
                self.greeting -= 1;
                None
            }
            Phase::Waiting { name, .. } => {
                self.stop_waiting(name);
                None
            }
            Phase::Leaving { name: None } => None,
            Phase::Online { name, .. } | Phase::Leaving { name: Some(name) } => Some(Removal {
                name,
                then: self.remove(now, name),
            }),
        }
    }

    /// Applies the soonest deadline that is due at `now`; `None` if none is.
    pub fn expire(&mut self, now: Time, stops: &mut Vec<Stop>) -> Option<Expired> {
        let &(time, due) = self.deadlines.first()?;
        if time > now {
            return None;
        }
        match due {
            Due::Login(conn) => {
                self.leave(conn, StopReason::LoginTimeout, stops);
                Some(Expired::Login(conn))
            }
            Due::Return(name) => {
                self.unbind(&name);
                Some(Expired::Peer(name))
            }
        }
    }

    /// When [`expire`](Self::expire) has something to do next.
    pub fn deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|&(time, _)| time)
    }

    /// A peer that is away is gone for good, if its time has run out at `now`. Returns its name, as
    /// it was first written.
    pub fn expire_peer(&mut self, name: &Name, now: Time) -> Option<Name> {
        let (&name, binding) = self.bindings.get_key_value(name)?;
        let Hold::Away { until } = binding.hold else {
            return None;
        };
        (until <= now).then(|| {
            self.unbind(&name);
            name
        })
    }

    /// If more peers come from a source than may, the one of them that joined last, of those that are
    /// away, is gone for good. Returns its name. It has to be asked for whenever a peer comes from
    /// another source than before, or is away.
    pub fn expire_excess(&mut self, source: Source) -> Option<Name> {
        if self.shares.count(source) <= self.limits.peers_per_source {
            return None;
        }
        let gone = self.shares.newest_away(source)?;
        self.unbind(&gone);
        Some(gone)
    }

    /// The server is about to stop: from now on nobody is away, and who comes leaves at once.
    pub fn begin_to_close(&mut self) {
        self.shutting_down = true;
    }

    /// The first peer whose name comes after one, or of all, and that is away is gone for good.
    pub fn dismiss_away(&mut self, after: Option<Name>) -> Option<Name> {
        let is_away = |name: &Name| matches!(self.bindings[name].hold, Hold::Away { .. });
        let name = { self.names_after(after).find(is_away) }?;
        self.unbind(&name);
        Some(name)
    }

    /// All connections have left since the server is [about to stop](Self::begin_to_close).
    pub fn has_closed(&mut self) {
        self.closed = true;
    }

    /// How far a connection has come; `None` once it is forgotten.
    pub fn phase(&self, conn: ConnId) -> Option<Phase> {
        self.connections.get(&conn).copied()
    }

    /// The name that a connection is online with.
    pub fn online(&self, conn: ConnId) -> Option<Name> {
        match self.phase(conn)? {
            Phase::Online { name, .. } => Some(name),
            Phase::Greeting { .. } | Phase::Waiting { .. } | Phase::Leaving { .. } => None,
        }
    }

    /// Where a connection that is not forgotten comes from.
    pub(super) fn source(&self, conn: ConnId) -> Source {
        self.sources[&conn]
    }

    /// What a name is bound to.
    pub fn binding(&self, name: &Name) -> Option<&Binding> {
        self.bindings.get(name)
    }

    /// The connection that takes what is sent to a name now.
    pub fn live(&self, name: &Name) -> Option<ConnId> {
        match self.bindings.get(name)?.hold {
            Hold::Held { holder, .. } if !self.is_leaving(holder) => Some(holder),
            Hold::Held { .. } | Hold::Away { .. } => None,
        }
    }

    /// Whether somebody who is called otherwise now first logged in with a name, and may do so
    /// again.
    pub fn is_former(&self, name: &Name) -> bool {
        let mut known = self.former.present(*name);
        known.any(|name| self.bindings[&name].proof.is_some())
    }

    /// The name with which the bearer of a name first logged in.
    pub(crate) fn first_name(&self, name: Name) -> Name {
        let peer = self.bindings.get(&name).map(|binding| binding.peer);
        let first = peer.and_then(|peer| self.former.first(peer));
        first.unwrap_or(name)
    }

    /// The present name of the peer that a proof is right for, of the one who bears a name and of
    /// those who first logged in with it.
    pub fn owner(&self, name: &Name, proof: Option<Proof>) -> Option<Name> {
        let proof = proof?;
        let mut known = [*name].into_iter().chain(self.former.present(*name));
        known.find(|name| {
            self.bindings
                .get(name)
                .is_some_and(|b| b.proof == Some(proof))
        })
    }

    /// The names that are bound, in order.
    pub fn bindings(&self) -> impl Iterator<Item = (&Name, &Binding)> {
        self.names.iter().map(|name| (name, &self.bindings[name]))
    }

    /// The names that are bound and come after one, or all, in order.
    pub(crate) fn names_after(&self, after: Option<Name>) -> impl Iterator<Item = Name> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.names.range((from, Bound::Unbounded)).copied()
    }

    /// How many connections have not logged in.
    pub fn greeting(&self) -> usize {
        self.greeting
    }

    /// Whether there is no connection that is not forgotten.
    pub fn is_idle(&self) -> bool {
        self.connections.len() == 0
    }

    /// The connections that are not forgotten, in order, which takes a sort.
    pub fn connections(&self) -> impl Iterator<Item = (ConnId, Phase)> {
        self.connections.iter().map(|(&conn, &phase)| (conn, phase))
    }

    fn join(&mut self, conn: ConnId, name: Name, proof: Option<Proof>) -> Login {
        let source = self.sources[&conn];
        let gone = if self.shares.count(source) >= self.limits.peers_per_source {
            let Some(gone) = self.shares.newest_away(source) else {
                return Login::Refused(LoginRefusal::Full);
            };
            self.unbind(&gone);
            Some(gone)
        } else if self.bindings.len() >= self.limits.peers {
            return Login::Refused(LoginRefusal::Full);
        } else {
            None
        };
        self.bind(conn, name, PeerId::new(conn), proof);
        gone.map_or(Login::Joined, Login::JoinedFor)
    }

    /// Makes `conn` the live connection of `peer`.
    fn bind(&mut self, conn: ConnId, name: Name, peer: PeerId, proof: Option<Proof>) {
        self.enter(conn, Phase::Online { name, peer });
        let hold = Hold::Held {
            holder: conn,
            waiter: None,
        };
        let source = self.sources[&conn];
        let binding = Binding {
            peer,
            proof,
            source,
            hold,
        };
        self.shares.add(source);
        if let Some(before) = self.bindings.insert(name, binding) {
            self.shares.remove(before.source);
        }
        self.names.insert(name);
    }

    /// A peer that was away until then is back or gone.
    fn end_absence(&mut self, name: Name, binding: &Binding, until: Time) {
        self.deadlines.remove(&(until, Due::Return(name)));
        self.shares.remove_away(binding.source, binding.peer, name);
    }

    /// A name is free again, as whoever bore it is gone for good.
    fn unbind(&mut self, name: &Name) {
        let binding = self.bindings.remove(name).expect("somebody bore it");
        if let Hold::Away { until } = binding.hold {
            self.end_absence(*name, &binding, until);
        }
        self.shares.remove(binding.source);
        self.names.remove(name);
        self.former.forget(binding.peer);
    }

    fn wait(&mut self, conn: ConnId, name: Name, proof: Option<Proof>) -> Login {
        self.enter(conn, Phase::Waiting { name, proof });
        let binding = self
            .bindings
            .get_mut(&name)
            .expect("a name that is waited for is bound");
        let Hold::Held { waiter, .. } = &mut binding.hold else {
            unreachable!("a name that is waited for is held")
        };
        debug_assert!(waiter.is_none(), "an older waiter has left");
        *waiter = Some(conn);
        Login::Waits
    }

    fn stop_waiting(&mut self, name: Name) {
        let binding = self
            .bindings
            .get_mut(&name)
            .expect("a name that is waited for is bound");
        let Hold::Held { waiter, .. } = &mut binding.hold else {
            unreachable!("a name that is waited for is held")
        };
        *waiter = None;
    }

    /// Ends a connection in an orderly way, unless it is leaving already.
    fn leave(&mut self, conn: ConnId, reason: StopReason, stops: &mut Vec<Stop>) {
        let name = match self.phase(conn) {
            Some(Phase::Leaving { .. }) | None => return,
            Some(Phase::Greeting { .. }) => None,
            Some(Phase::Waiting { name, .. }) => {
                self.stop_waiting(name);
                None
            }
            Some(Phase::Online { name, .. }) => Some(name),
        };
        self.enter(conn, Phase::Leaving { name });
        if reason != StopReason::ReaderFinished {
            stops.push(Stop::Reader(conn));
        }
        stops.push(Stop::Writer(conn, reason));
    }

    /// Sets a connection's phase; with the phase goes its deadline.
    fn enter(&mut self, conn: ConnId, phase: Phase) {
        let before = self.connections.insert(conn, phase);
        match before.expect("only a live connection changes its phase") {
            Phase::Greeting { until } => {
                self.deadlines.remove(&(until, Due::Login(conn)));
                self.greeting -= 1;
            }
            Phase::Waiting { .. } | Phase::Online { .. } | Phase::Leaving { .. } => {}
        }
    }

    /// Takes the name from its holder, which is forgotten, and gives it on.
    fn remove(&mut self, now: Time, name: Name) -> Then {
        let binding = self
            .bindings
            .get_mut(&name)
            .expect("a holder's name is bound");
        let Hold::Held { waiter, .. } = binding.hold else {
            unreachable!("a holder's name is held")
        };
        let Binding {
            peer,
            proof,
            source,
            ..
        } = *binding;
        match (waiter, proof) {
            (Some(conn), Some(_)) => {
                self.bind(conn, name, peer, proof);
                Then::Returned(conn)
            }
            (Some(conn), None) => {
                let Some(Phase::Waiting { name, proof }) = self.phase(conn) else {
                    unreachable!("a waiter waits")
                };
                // Taken out first, so that the name is written as its new bearer writes it.
                self.unbind(&name);
                self.bind(conn, name, PeerId::new(conn), proof);
                Then::Succeeded(conn)
            }
            (None, Some(_)) if !self.shutting_down => {
                let until = now.after(self.limits.resume_window);
                binding.hold = Hold::Away { until };
                self.shares.add_away(source, peer, name);
                self.deadlines.insert((until, Due::Return(name)));
                Then::Away
            }
            (None, Some(_) | None) => {
                self.unbind(&name);
                Then::Gone
            }
        }
    }

    fn is_leaving(&self, conn: ConnId) -> bool {
        matches!(self.phase(conn), Some(Phase::Leaving { .. }))
    }
}

#[cfg(test)]
mod tests;
