//! Lets a plan happen.

use std::time::Duration;

use rejoin::Config;
use tokio::sync::watch;

use super::client::{Client, Order};
use super::ground::{Ground, host_of};
use super::scene::{Stage, Wire};
use super::server::{Fate, Server};
use super::stream::{Read, Write};
use super::{Outcome, Outline, TICK, panicked};
use crate::invariants::Violation;
use crate::irc;
use crate::label::Labeler;
use crate::panics;
use crate::plan::{Action, CLIENTS, Fault, Kind, On, Plan};
use crate::spelling::{line_of, stranger};
use crate::step::{GiveUp, Step, Until};
use crate::trace::{Trace, What};

/// How long a delayed end is not seen, and a stalled socket takes nothing at least, in ticks.
const A_WHILE: u64 = 8;

/// How many times as long it may be stalled: longer than a writer may take to stop, and longer than
/// a write may wait.
const STALLS: u64 = 4;

/// A simulation while it goes on.
pub(super) struct Play<'a> {
    pub(super) ground: Ground<'a>,
    pub(super) stage: Stage,
    pub(super) clients: Vec<Client>,
    /// What the server is to do.
    pub(super) fate: watch::Sender<Fate>,
    pub(super) config: Config,
    title: String,
    sent: u32,
    labeler: Labeler,
    stopping: bool,
}

impl Play<'_> {
    pub(super) fn new(plan: &Plan, config: &Config, traces: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(!plan.seed);
        let outline = Outline {
            seed: plan.seed,
            latency: Duration::from_millis(rng.u64(2..40)),
        };
        let stage = Stage::new(config, rng.u64(..), plan, traces);
        let fate = watch::Sender::new(Fate::Serves);
        let server = Server {
            stage: stage.clone(),
            fate: fate.clone(),
            config: config.clone(),
        };
        let clients: Vec<_> = (0..CLIENTS.into())
            .map(|index| Client::new(index, plan, &stage))
            .collect();
        let ground = match plan.on {
            On::Network => Ground::network(outline, &server, &clients),
            On::Memory => Ground::memory(&server, &clients),
        };
        Self {
            ground,
            stage,
            clients,
            fate,
            config: config.clone(),
            title: format!("cargo sim replay {}", plan.seed),
            sent: 0,
            labeler: Labeler::new(plan.seed),
            stopping: false,
        }
    }

    /// Lets everything in the plan happen.
    pub(super) fn go(&mut self, plan: &Plan) -> Result<(), Violation> {
        self.tick()?;
        for action in &plan.actions {
            match action {
                Action::Step(step) => self.step(step)?,
                Action::Fault(fault) => self.fault(*fault)?,
            }
        }
        Ok(())
    }

    /// Lets time pass.
    ///
    /// # Errors
    ///
    /// If something was found, or the server has failed.
    pub(super) fn tick(&mut self) -> Result<(), Violation> {
        let mut scene = self.stage.lock();
        scene.tick += 1;
        for pipe in scene.pipes.values_mut() {
            pipe.wake();
        }
        let (tick, until) = (scene.tick, scene.withheld);
        drop(scene);
        for (client, until) in self.clients.iter().zip(until) {
            if tick == until {
                client.order(Order::Answer);
            }
        }
        let stepped = self.ground.tick();
        let mut scene = self.stage.lock();
        scene.check_stops();
        for panic in panics::caught() {
            scene.violate(panicked(&panic));
        }
        if let Some(first) = scene.violations.first() {
            return Err(first.clone());
        }
        if let Err(error) = stepped {
            let what = format!("the server has failed: {error}");
            let violation = Violation { statement: 8, what };
            scene.violate(violation.clone());
            return Err(violation);
        }
        drop(scene);
        if self.stopping && !self.ground.server_runs() {
            if *self.fate.borrow() == Fate::Stops {
                self.stage.lock().watch.finish();
            }
            self.start_again();
        }
        Ok(())
    }

    /// The server is not running, and starts.
    fn start_again(&mut self) {
        self.stopping = false;
        self.fate.send_replace(Fate::Serves);
        self.ground.start_server();
        self.stage.lock().restart();
    }

    fn step(&mut self, step: &Step) -> Result<(), Violation> {
        match step {
            Step::LogIn { conn, .. } => {
                self.clients[index(*conn)].connect();
                self.say(*conn, step);
            }
            Step::Send { conn, .. }
            | Step::Join { conn, .. }
            | Step::Leave { conn, .. }
            | Step::Rename { conn, .. }
            | Step::Rooms { conn }
            | Step::Who { conn, .. }
            | Step::Oper { conn, .. }
            | Step::Kill { conn, .. }
            | Step::Quit { conn, .. } => self.say(*conn, step),
            Step::Accept | Step::AcceptIrc => {
                let client = self.stage.lock().rng.u8(..CLIENTS);
                self.clients[index(client)].connect();
            }
            &Step::Answer { conn, .. } => self.clients[index(conn)].order(Order::Answer),
            &Step::ReaderFinishes { conn } => self.clients[index(conn)].order(Order::Finish),
            &Step::WriterFinishes { conn, written } => {
                if let Some(pipe) = self.stage.lock().newest(index(conn)) {
                    pipe.write = Write::Fails(written);
                }
            }
            &Step::Write { conn, .. } => {
                if let Some(pipe) = self.stage.lock().newest(index(conn)) {
                    pipe.heal();
                }
            }
            Step::Dismiss { .. } => {}
            &Step::GiveUp { conn, reason } => self.misbehave(conn, reason)?,
            &Step::Wait { until, .. } => {
                for _ in 0..self.ticks(until) {
                    self.tick()?;
                }
            }
            Step::ShutDown => {
                self.fate.send_replace(Fate::Stops);
                self.stopping = true;
            }
        }
        Ok(())
    }

    /// A client writes the line of a request.
    pub(super) fn say(&mut self, client: u8, request: &Step) {
        let client = &self.clients[index(client)];
        let lines = if client.speaks_irc {
            irc::lines_of(request, &mut self.sent)
        } else {
            line_of(request, &mut self.sent).map(|line| line + "\n")
        };
        if let Some(mut lines) = lines {
            if client.labels {
                lines = self.labeler.request(request, lines);
            }
            client.order(Order::Say(lines));
        }
    }

    /// Does what makes a server give a client up.
    fn misbehave(&mut self, conn: u8, reason: GiveUp) -> Result<(), Violation> {
        match reason {
            GiveUp::TooSlow => self.fault(Fault {
                client: conn,
                kind: Kind::Stall,
            }),
            GiveUp::FailedLogins => {
                let client = &self.clients[index(conn)];
                client.connect();
                for _ in 0..self.config.failed_logins_per_connection.get() {
                    client.order(Order::Say("ann short\n".to_owned()));
                }
                Ok(())
            }
            GiveUp::OtherProtocol => {
                let client = &self.clients[index(conn)];
                client.connect();
                let lines = stranger(client.speaks_irc, self.sent.is_multiple_of(2));
                client.order(Order::Say(lines.to_owned()));
                Ok(())
            }
            GiveUp::Silent => Ok(()),
        }
    }

    /// How many ticks it takes until then.
    fn ticks(&self, until: Until) -> u128 {
        let window = self.config.resume_window.as_micros() / TICK.as_micros();
        match until {
            Until::Soon => 1,
            Until::BeforeDeadline => window - 1,
            Until::Deadline => window,
            Until::AfterDeadline => window + 1,
        }
    }

    fn fault(&mut self, fault: Fault) -> Result<(), Violation> {
        let client = index(fault.client);
        match fault.kind {
            Kind::Partition | Kind::PartitionToServer | Kind::PartitionToClient | Kind::Hold => {
                self.cut(client, fault.kind)
            }
            Kind::Mend => self.mend(client),
            Kind::Crash => self.crash(client, fault.kind)?,
            Kind::PowerCut => {
                self.mend(client);
                self.cut(client, Kind::Partition);
                self.crash(client, fault.kind)?;
            }
            Kind::Restart => {
                self.note(None, fault.kind);
                self.stage.lock().counts.hit(fault.kind);
                self.fate.send_replace(Fate::Dies);
                self.stopping = true;
                while self.stopping {
                    self.tick()?;
                }
            }
            Kind::PartialWrites
            | Kind::ReadFails
            | Kind::WriteFails
            | Kind::Reset
            | Kind::Stall
            | Kind::DelayedEnd
            | Kind::ReadPanics
            | Kind::WritePanics
            | Kind::Jitter => self.spoil(client, fault.kind),
            Kind::Withhold => self.withhold(client),
            Kind::Yield => self.stage.lock().yields = true,
        }
        Ok(())
    }

    /// Spoils the newest connection of a client, at the server's end.
    fn spoil(&self, client: usize, kind: Kind) {
        let mut scene = self.stage.lock();
        let tick = scene.tick;
        let stalls_until = tick + A_WHILE * scene.rng.u64(1..=STALLS);
        let Some(pipe) = scene.newest(client) else {
            return;
        };
        match kind {
            Kind::PartialWrites => pipe.partial = true,
            Kind::ReadFails => pipe.read = Read::Fails,
            Kind::WriteFails => pipe.write = Write::Fails(0),
            Kind::Reset => {
                pipe.reset = true;
                (pipe.read, pipe.write) = (Read::Fails, Write::Fails(0));
            }
            Kind::Stall => pipe.write = Write::Stalls(stalls_until),
            Kind::DelayedEnd => pipe.end_after = tick + A_WHILE,
            Kind::ReadPanics => pipe.read = Read::Panics,
            Kind::WritePanics => pipe.write = Write::Panics,
            Kind::Jitter => pipe.jitter = true,
            Kind::Partition
            | Kind::PartitionToServer
            | Kind::PartitionToClient
            | Kind::Hold
            | Kind::Mend
            | Kind::Crash
            | Kind::PowerCut
            | Kind::Restart
            | Kind::Withhold
            | Kind::Yield => unreachable!("{kind:?} spoils no connection"),
        }
        pipe.wake();
    }

    /// A client says for a while how far it has read to nobody.
    fn withhold(&self, client: usize) {
        let mut scene = self.stage.lock();
        let ticks = if scene.rng.bool() {
            A_WHILE
        } else {
            5 * A_WHILE
        };
        scene.withheld[client] = scene.tick + ticks;
    }

    fn cut(&self, client: usize, kind: Kind) {
        let mut scene = self.stage.lock();
        let wire = &mut scene.wires[client];
        // The network cannot do two of them at once.
        if wire.fault.is_some() || !self.ground.cut(client, kind) {
            return;
        }
        *wire = Wire {
            fault: Some(kind),
            held: kind == Kind::Hold,
            cut_to_server: matches!(kind, Kind::Partition | Kind::PartitionToServer),
            cut_to_client: matches!(kind, Kind::Partition | Kind::PartitionToClient),
        };
        drop(scene);
        self.note(Some(client), kind);
    }

    pub(super) fn mend(&self, client: usize) {
        let wire = std::mem::take(&mut self.stage.lock().wires[client]);
        if wire.fault.is_some() {
            self.ground.mend(client, wire.held);
            self.stage.lock().counts.hit(Kind::Mend);
            self.note(Some(client), Kind::Mend);
        }
    }

    fn crash(&mut self, client: usize, kind: Kind) -> Result<(), Violation> {
        self.note(Some(client), kind);
        let mut scene = self.stage.lock();
        if scene.newest(client).is_some() {
            scene.counts.hit(kind);
        }
        drop(scene);
        // Its connections end in the order in which they came, which the end of a whole runtime
        // does not promise.
        self.clients[client].order(Order::Close);
        self.tick()?;
        self.clients[client].died();
        self.ground.restart_client(client);
        Ok(())
    }

    fn note(&self, client: Option<usize>, kind: Kind) {
        let what = said(kind).to_owned();
        let conn = None;
        self.stage.lock().note(What::Fault { client, conn, what });
    }

    pub(super) fn outcome(self, result: Result<(), Violation>) -> Outcome {
        let simulated = self.ground.elapsed();
        // The ground goes last, in the end of this: with it go the tasks of a run that has failed,
        // in an order that depends on what ran before.
        let mut scene = self.stage.lock();
        if let Err(violation) = result {
            scene.violate(violation);
        }
        let violations = std::mem::take(&mut scene.violations);
        let clients = self.clients.iter().map(|client| host_of(client.index));
        let trace = scene.take_entries().map(|entries| Trace {
            title: self.title,
            clients: clients.collect(),
            entries,
            ..Trace::default()
        });
        Outcome {
            violations,
            faults: scene.counts.clone(),
            probes: scene.watch.probes.clone(),
            simulated,
            moments: scene.watch.seen(),
            trace,
        }
    }
}

/// What a fault of a link or of a host is, in words.
fn said(kind: Kind) -> &'static str {
    match kind {
        Kind::Partition => "its link is cut",
        Kind::PartitionToServer => "its link to the server is cut",
        Kind::PartitionToClient => "its link from the server is cut",
        Kind::Hold => "its link holds everything back",
        Kind::Mend => "its link is whole again",
        Kind::Crash => "it crashes",
        Kind::PowerCut => "it loses its power",
        Kind::Restart => "the server dies",
        Kind::PartialWrites
        | Kind::ReadFails
        | Kind::WriteFails
        | Kind::Reset
        | Kind::Stall
        | Kind::DelayedEnd
        | Kind::ReadPanics
        | Kind::WritePanics
        | Kind::Jitter
        | Kind::Withhold
        | Kind::Yield => unreachable!("{kind:?} is told where it takes effect"),
    }
}

fn index(client: u8) -> usize {
    usize::from(client % CLIENTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::network;

    #[test]
    fn a_fault_of_a_link_is_told_in_words() {
        let plan = Plan::draw(0);
        let mut play = Play::new(&plan, &network(plan.setting.into()), true);
        for kind in [Kind::Hold, Kind::Mend, Kind::Restart] {
            play.fault(Fault { client: 1, kind }).expect("it is borne");
        }
        let trace = play.outcome(Ok(())).trace.expect("it was to be kept");
        let told = trace.entries.iter().filter_map(|entry| match &entry.what {
            What::Fault { what, .. } => Some(what.as_str()),
            What::Restarted => Some("it starts again"),
            What::Client { .. }
            | What::Moment(_)
            | What::Violated(_)
            | What::Panicked(_)
            | What::Differed(_) => None,
        });
        let told: Vec<_> = told.collect();
        assert_eq!(
            told,
            [
                "its link holds everything back",
                "its link is whole again",
                "the server dies",
                "it starts again"
            ]
        );
    }

    #[test]
    fn a_panic_that_somebody_catches_is_a_find_once() {
        let plan = Plan::draw(0);
        let mut play = Play::new(&plan, &network(plan.setting.into()), true);
        let found = panics::hear(|| {
            let panic = || panic!("it is so");
            std::panic::catch_unwind(panic).unwrap_err();
            play.tick()
        });
        let found = found.expect("it is caught");
        let outcome = play.outcome(found);
        let [violation] = outcome.violations.as_slice() else {
            panic!("{:?}", outcome.violations)
        };
        let says = &violation.what;
        assert!(
            says.starts_with("something panics: it is so, at "),
            "{says}"
        );
        let told = |entry: &crate::trace::Entry| entry.what == What::Violated(violation.clone());
        let told = outcome
            .trace
            .map(|trace| trace.entries.iter().filter(|e| told(e)).count());
        assert_eq!(told, Some(1));
    }
}
