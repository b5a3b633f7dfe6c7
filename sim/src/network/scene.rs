//! What the parts of a simulated network share.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rejoin::Config;
use rejoin::broker::{Broker, Effect, Effects, Input, Mail};
use rejoin::hub::{Identity, Observer, Outputs, Told, Understood};
use rejoin::id::{ConnId, Time};
use rejoin::net::{Point, Points};
use rejoin::wire::lines::Line;

use super::TICK;
use super::ground::host_of;
use super::stream::{Pipe, number};
use crate::invariants::Violation;
use crate::irc;
use crate::label::Labels;
use crate::moment;
use crate::plan::{CLIENTS, Kind, Plan};
use crate::plural::messages;
use crate::probe::Path;
use crate::reading::Readings;
use crate::sayings::Sayings;
use crate::step::PASSWORD;
use crate::trace::{Did, Entry, What};
use crate::watch::Watch;

/// How often each kind of fault took effect.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Counts {
    kinds: BTreeMap<Kind, u64>,
    /// Where others were let go first.
    points: BTreeMap<Point, u64>,
}

impl Counts {
    pub(super) fn hit(&mut self, kind: Kind) {
        *self.kinds.entry(kind).or_default() += 1;
    }

    fn yields_at(&mut self, point: Point) {
        self.hit(Kind::Yield);
        *self.points.entry(point).or_default() += 1;
    }

    /// How often a kind took effect.
    pub fn count(&self, kind: Kind) -> u64 {
        self.kinds.get(&kind).copied().unwrap_or(0)
    }

    /// How often a half of a connection let others go first at a point.
    pub fn count_at(&self, point: Point) -> u64 {
        self.points.get(&point).copied().unwrap_or(0)
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (&kind, count) in &other.kinds {
            *self.kinds.entry(kind).or_default() += count;
        }
        for (&point, count) in &other.points {
            *self.points.entry(point).or_default() += count;
        }
    }
}

/// How much longer than its flush a writer may take to stop, in ticks: it lets others go first at
/// two points, for three ticks at most, and a tick ends what began in the one before.
const SLACK: u64 = 8;

/// The link of a client's host.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Wire {
    pub(super) cut_to_server: bool,
    pub(super) cut_to_client: bool,
    pub(super) held: bool,
    /// The fault that is counted when something should cross.
    pub(super) fault: Option<Kind>,
}

/// Everything that is shared.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) config: Config,
    pub(super) rng: fastrand::Rng,
    pub(super) yields: bool,
    /// Which clients speak IRC, one bit for each.
    irc: u8,
    /// Until which tick each client does not say how far it has read.
    pub(super) withheld: [u64; CLIENTS as usize],
    pub(super) tick: u64,
    pub(super) counts: Counts,
    pub(super) watch: Watch,
    pub(super) readings: Readings,
    labels: Labels,
    sayings: Sayings,
    pub(super) pipes: BTreeMap<ConnId, Pipe>,
    pub(super) wires: [Wire; CLIENTS as usize],
    pub(super) addresses: BTreeMap<IpAddr, usize>,
    /// By the client's end.
    conns: BTreeMap<SocketAddr, ConnId>,
    accepted: u64,
    entries: Option<Vec<Entry>>,
    /// Whose writer has just finished.
    ending: Option<ConnId>,
    /// Since when each writer is to stop, by the tick.
    stopping: BTreeMap<ConnId, u64>,
    /// What the sockets of finished writers should have taken, and have not, or too much.
    pub(super) violations: Vec<Violation>,
}

/// The scene, for each part to look at and to change.
#[derive(Clone, Debug)]
pub(super) struct Stage(Arc<Mutex<Scene>>);

impl Stage {
    pub(super) fn new(config: &Config, seed: u64, plan: &Plan, traces: bool) -> Self {
        Self(Arc::new(Mutex::new(Scene {
            config: config.clone(),
            rng: fastrand::Rng::with_seed(seed),
            yields: plan.yields,
            irc: plan.irc,
            withheld: Default::default(),
            tick: 0,
            counts: Counts::default(),
            watch: Watch::new(config, PASSWORD, traces),
            readings: Readings::new(config),
            labels: Labels::default(),
            sayings: Sayings::default(),
            pipes: BTreeMap::new(),
            wires: Default::default(),
            addresses: BTreeMap::new(),
            conns: BTreeMap::new(),
            accepted: 0,
            entries: traces.then(Vec::new),
            ending: None,
            stopping: BTreeMap::new(),
            violations: Vec::new(),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Scene> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server has accepted a connection. Its driver numbers them in the same order.
    pub(super) fn accepted(&self, address: SocketAddr) -> ConnId {
        let mut scene = self.lock();
        scene.accepted += 1;
        let conn = ConnId::new(scene.accepted);
        let client = scene.addresses[&address.ip()];
        scene.conns.insert(address, conn);
        let speaks_irc = scene.irc >> client & 1 == 1;
        scene.pipes.insert(conn, Pipe::new(client, speaks_irc));
        conn
    }

    /// A client writes a line.
    pub(super) fn said(&self, client: usize, address: SocketAddr, line: &str) {
        let conn = self.conn(address);
        let mut scene = self.lock();
        for line in line.lines() {
            scene.note_client(client, conn, || Did::Said(line.to_owned()));
            scene.answers(conn, line);
        }
        scene.crosses(client, true);
    }

    /// The server's name for the connection of this end.
    pub(super) fn conn(&self, address: SocketAddr) -> Option<ConnId> {
        self.lock().conns.get(&address).copied()
    }
}

impl Scene {
    /// The server has started again, and knows nothing.
    pub(super) fn restart(&mut self) {
        self.watch.restart(&self.config);
        self.readings = Readings::new(&self.config);
        self.labels = Labels::default();
        self.sayings = Sayings::default();
        self.pipes.clear();
        self.conns.clear();
        self.stopping.clear();
        self.accepted = 0;
        self.note(What::Restarted);
    }

    /// The newest connection of a client at the server.
    pub(super) fn newest(&mut self, client: usize) -> Option<&mut Pipe> {
        let mut pipes = self.pipes.values_mut().rev();
        pipes.find(|pipe| pipe.client == client && !pipe.closed)
    }

    /// Something is sent between a client's host and the server.
    pub(super) fn crosses(&mut self, client: usize, to_server: bool) {
        let wire = self.wires[client];
        let is_cut = if to_server {
            wire.cut_to_server
        } else {
            wire.cut_to_client
        };
        if let Some(kind) = wire.fault.filter(|_| is_cut || wire.held) {
            self.counts.hit(kind);
        }
    }

    /// A client has read a line on a connection.
    pub(super) fn heard(&mut self, client: usize, conn: Option<ConnId>, line: &str) {
        self.note_client(client, conn, || Did::Heard(line.to_owned()));
        let speaks_irc = self.irc >> client & 1 == 1;
        let Some(pipe) = conn.and_then(|conn| self.pipes.get_mut(&conn)) else {
            return;
        };
        if let Some(token) = irc::mark(line).filter(|_| speaks_irc) {
            pipe.questions.push((token.to_owned(), pipe.heard));
        }
        let Some(number) = number(line, speaks_irc) else {
            return;
        };
        let expected = pipe.taken.get(pipe.heard).copied();
        pipe.heard += 1;
        if expected != Some(number) {
            let read = messages(&[number]);
            let expected: Vec<_> = expected.into_iter().collect();
            let expected = messages(&expected);
            let what = format!(
                "{} reads {read}, where {expected} comes next",
                host_of(client)
            );
            self.violate(Violation { statement: 5, what });
        }
    }

    /// A client says, perhaps, how far it has read.
    fn answers(&mut self, conn: Option<ConnId>, line: &str) {
        let pipe = conn.and_then(|conn| self.pipes.get_mut(&conn));
        if let Some((pipe, token)) = pipe.zip(line.strip_prefix("PONG :")) {
            let known = pipe.questions.iter().find(|(asked, _)| asked == token);
            // It may answer an older question after a newer one.
            let heard = known.map_or(0, |&(_, heard)| heard);
            pipe.answered = pipe.answered.max(heard);
        }
    }

    /// Whether a client does not say how far it has read.
    pub(super) fn withholds(&mut self, client: usize) -> bool {
        let withholds = self.tick < self.withheld[client];
        if withholds {
            self.counts.hit(Kind::Withhold);
            let what = "it does not say how far it has read".to_owned();
            let (client, conn) = (Some(client), None);
            self.note(What::Fault { client, conn, what });
        }
        withholds
    }

    /// Whether a client has so much to acknowledge, and can, that its writer is to wait.
    pub(super) fn is_window_full(&self, conn: ConnId) -> bool {
        let Some(pipe) = self.pipes.get(&conn) else {
            return false;
        };
        let most = self.config.outbox_bytes.get() + self.config.bulk_bytes();
        let written = (pipe.taken.len(), pipe.asked);
        self.readings.waits(conn, written, most)
    }

    /// That a writer writes nothing when it is to wait.
    pub(super) fn check_window(&mut self, conn: ConnId) {
        if self.is_window_full(conn) {
            let what = format!("{conn} is written to, and has too much to acknowledge");
            self.violate(Violation { statement: 7, what });
        }
    }

    /// Notes what does not hold; once, for it mostly stays so at the inputs that follow.
    pub(super) fn violate(&mut self, violation: Violation) {
        if !self.violations.contains(&violation) {
            self.note(What::Violated(violation.clone()));
            self.violations.push(violation);
        }
    }

    pub(super) fn note_fault(&mut self, conn: Option<ConnId>, what: &str) {
        if self.entries.is_some() {
            let pipe = conn.and_then(|conn| self.pipes.get(&conn));
            let client = pipe.map(|pipe| pipe.client);
            let what = what.to_owned();
            self.note(What::Fault { client, conn, what });
            // What hits each of many writes at one moment is told once.
            self.entries.iter_mut().for_each(forget_repetition);
        }
    }

    pub(super) fn note_client(
        &mut self,
        client: usize,
        conn: Option<ConnId>,
        did: impl FnOnce() -> Did,
    ) {
        if self.entries.is_some() {
            let did = did();
            self.note(What::Client { client, conn, did });
        }
    }

    pub(super) fn note(&mut self, what: What) {
        let at = Time::from_micros(self.tick * TICK.as_micros() as u64);
        if let Some(entries) = &mut self.entries {
            entries.push(Entry { at, what });
        }
    }

    /// What has happened, if it was kept.
    pub(super) fn take_entries(&mut self) -> Option<Vec<Entry>> {
        self.entries.take()
    }

    fn input(&mut self, input: &Input) {
        let readings = &self.readings;
        let said = self.sayings.input(input, |conn| readings.speaks_irc(conn));
        if let Err(violation) = said {
            self.violate(violation);
        }
        self.ending = match input {
            Input::WriterFinished { conn, .. } => Some(*conn),
            Input::Accepted { .. }
            | Input::Request { .. }
            | Input::GiveUp { .. }
            | Input::Dismiss { .. }
            | Input::ReaderFinished { .. }
            | Input::Tick
            | Input::ShutDown => None,
        };
        self.watch.input(input);
    }

    fn effects(&mut self, now: Time, effects: &Effects, broker: &Broker) {
        let found = self.watch.violations.len();
        let claimed = self.watch.effects(now, effects, broker);
        let probes = &mut self.watch.probes;
        self.readings.effects(effects, broker, probes);
        let kept = self.watch.moments.as_mut().map(std::mem::take);
        for moment in kept.into_iter().flatten() {
            self.note(What::Moment(Box::new(moment)));
        }
        let new = self.watch.violations.split_off(found);
        for violation in new {
            self.violate(violation);
        }
        for effect in effects.iter() {
            if let Effect::StopWriter { conn, .. } = effect {
                self.stopping.insert(conn, self.tick);
            }
        }
        if let Some(conn) = self.ending {
            self.stopping.remove(&conn);
            self.compare(conn, &claimed);
        }
    }

    /// A writer that is to stop does so within the time for a flush, and a few turns.
    pub(super) fn check_stops(&mut self) {
        let flush = self.config.flush_timeout.as_micros() / TICK.as_micros();
        let patience = flush as u64 + SLACK;
        let late = |(_, since): &(&ConnId, &u64)| self.tick - **since > patience;
        if let Some((&conn, _)) = self.stopping.iter().find(late) {
            let what = format!("the writer of {conn} was told to stop, and goes on");
            self.stopping.clear();
            self.violate(Violation { statement: 7, what });
        }
    }

    /// What the driver says that a socket has taken is what it has taken.
    fn compare(&mut self, conn: ConnId, claimed: &[Mail]) {
        let claimed: Vec<_> = claimed
            .iter()
            .map(|mail| moment::number(mail.message().text()))
            .collect();
        let Some(pipe) = self.pipes.get(&conn) else {
            return;
        };
        let (taken, answered) = (pipe.taken.clone(), pipe.answered);
        let Some(done) = self.readings.done(conn) else {
            if taken != claimed {
                let (taken, claimed) = (messages(&taken), messages(&claimed));
                let what = format!(
                    "the socket of {conn} took {taken}, but its writer says that it took {claimed}"
                );
                self.violate(Violation { statement: 4, what });
            }
            return;
        };
        if answered > done {
            self.watch.probes.reach(Path::AnswerLost);
        }
        if answered < done || taken.get(..done) != Some(&claimed) {
            let what = unread(conn, &taken, [answered, done], &claimed);
            self.violate(Violation { statement: 4, what });
        }
    }
}

/// How it is wrong which mail counts as read: `claimed` does by the writer of `conn`, and of
/// `taken` the first `answered` were acknowledged, and `done` by the books of the hub.
fn unread(conn: ConnId, taken: &[u32], [answered, done]: [usize; 2], claimed: &[u32]) -> String {
    let first = |count: usize| messages(taken.get(..count).unwrap_or(taken));
    let read = first(answered);
    let begin = format!(
        "the socket of {conn} took {}, and its client has acknowledged {read}",
        messages(taken)
    );
    let is_done = |number: &u32| taken.iter().take(done).any(|done| done == number);
    let lost: Vec<_> = claimed.iter().copied().filter(|n| !is_done(n)).collect();
    if answered < done {
        format!(
            "{begin}, but the server takes {} for acknowledged",
            first(done)
        )
    } else if lost.is_empty() {
        let claimed = messages(claimed);
        format!("{begin}, but its writer counts {claimed} as read")
    } else {
        let lost = messages(&lost);
        format!("{begin}; its writer ends, and does not give back {lost}")
    }
}

/// Drops the last entry if it is the one before it once more.
fn forget_repetition(entries: &mut Vec<Entry>) {
    if let [.., before, last] = &entries[..]
        && before == last
    {
        entries.pop();
    }
}

/// Looks on while the server works.
#[derive(Debug)]
pub(super) struct Lookout(pub(super) Stage);

impl Observer for Lookout {
    fn identity(&mut self, identity: &Identity) {
        self.0.lock().watch.identity(identity);
    }

    fn line(&mut self, line: Line<'_>, understood: Understood<'_>) {
        let mut scene = self.0.lock();
        scene.readings.line(understood);
        scene.labels.line(understood);
        scene.sayings.line(understood);
        scene.watch.line(line, understood);
    }

    fn told(&mut self, now: Time, told: Told, wants: &Outputs) {
        let scene = &mut *self.0.lock();
        let evictions = scene.watch.told(told, wants);
        let probes = &mut scene.watch.probes;
        let found = [
            scene.readings.told(now, told, wants, probes),
            scene.labels.told(told, wants, probes),
            scene.sayings.told(told),
            evictions,
        ];
        for violation in found.into_iter().filter_map(Result::err) {
            scene.violate(violation);
        }
    }

    fn input(&mut self, input: &Input) {
        self.0.lock().input(input);
    }

    fn effects(&mut self, now: Time, effects: &Effects, broker: &Broker) {
        self.0.lock().effects(now, effects, broker);
    }
}

/// Lets others go first, now and then.
#[derive(Clone, Debug)]
pub(super) struct Turns(pub(super) Stage);

impl Points for Turns {
    async fn reach(&self, point: Point) {
        let (turns, sleeps) = {
            let mut scene = self.0.lock();
            if !scene.yields {
                return;
            }
            let drawn = (scene.rng.u8(..4), scene.rng.u8(..8) == 0);
            if drawn.0 > 0 {
                scene.counts.yields_at(point);
            }
            drawn
        };
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        if sleeps {
            tokio::time::sleep(TICK * turns.into()).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_is_told_in_a_sentence() {
        let told = |counts, claimed| unread(ConnId::new(2), &[13, 15, 20], counts, claimed);
        let took = "the socket of c2 took m13, m15 and m20, and its client has acknowledged";
        assert_eq!(
            told([0, 0], &[13, 15]),
            format!("{took} nothing; its writer ends, and does not give back m13 and m15")
        );
        assert_eq!(
            told([1, 1], &[]),
            format!("{took} m13, but its writer counts nothing as read")
        );
        assert_eq!(
            told([1, 2], &[13, 15]),
            format!("{took} m13, but the server takes m13 and m15 for acknowledged")
        );
    }
}
