//! Lets a plan happen.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rejoin::Config;
use rejoin::net::{self, Setup};
use tokio::sync::watch;
use turmoil::net::{TcpListener, TcpStream};
use turmoil::{Builder, Sim};

use super::client::{Client, Order};
use super::scene::{Lookout, Stage, Turns, Wire};
use super::stream::{Faulty, Read, Write};
use super::{Outcome, SERVER, TICK};
use crate::invariants::Violation;
use crate::moment::text;
use crate::plan::{Action, CLIENTS, Fault, Kind, Plan};
use crate::step::{self, GiveUp, Length, Step, To, Until};
use crate::trace::{Trace, What};

/// How long a stalled socket takes nothing, and a delayed end is not seen, in ticks.
const A_WHILE: u64 = 8;

/// A simulation while it goes on.
pub(super) struct Play<'a> {
    pub(super) sim: Sim<'a>,
    pub(super) stage: Stage,
    pub(super) clients: Vec<Client>,
    /// What the server is to do.
    pub(super) fate: watch::Sender<Fate>,
    pub(super) config: Config,
    title: String,
    sent: u32,
    stopping: bool,
}

impl Play<'_> {
    pub(super) fn new(plan: &Plan, config: &Config, traces: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(!plan.seed);
        let mut sim = Builder::new()
            .rng_seed(plan.seed)
            .tick_duration(TICK)
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(Duration::from_millis(rng.u64(2..40)))
            .simulation_duration(Duration::from_secs(3600))
            .tcp_capacity(4096)
            .build();
        let stage = Stage::new(config, rng.u64(..), plan.yields, traces);
        let fate = watch::Sender::new(Fate::Serves);
        let host = Server {
            stage: stage.clone(),
            fate: fate.clone(),
            config: config.clone(),
        };
        sim.host(SERVER.0, move || host.clone().run());
        let clients: Vec<_> = (0..CLIENTS.into())
            .map(|index| Client::new(index, &stage))
            .collect();
        for client in &clients {
            let program = client.clone();
            sim.host(host_of(client.index), move || program.clone().run());
            let address = sim.lookup(host_of(client.index));
            stage.lock().addresses.insert(address, client.index);
        }
        Self {
            sim,
            stage,
            clients,
            fate,
            config: config.clone(),
            title: format!("cargo sim replay {}", plan.seed),
            sent: 0,
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
        drop(scene);
        let stepped = self.sim.step();
        let mut scene = self.stage.lock();
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
        if self.stopping && !self.sim.is_host_running(SERVER.0) {
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
        self.sim.bounce(SERVER.0);
        self.stage.lock().restart();
    }

    fn step(&mut self, step: &Step) -> Result<(), Violation> {
        match step {
            &Step::LogIn { conn, name, secret } => self.log_in(index(conn), name, secret),
            Step::Send { conn, to, length } => {
                let line = self.message(to, *length);
                self.say(*conn, line);
            }
            &Step::Join { conn, room } => self.say(conn, format!("/join {}", step::room(room))),
            &Step::Leave { conn, room } => self.say(conn, format!("/leave {}", step::room(room))),
            &Step::Rooms { conn } => self.say(conn, "/rooms".to_owned()),
            &Step::Who { conn, room: None } => self.say(conn, "/who".to_owned()),
            &Step::Who {
                conn,
                room: Some(room),
            } => {
                self.say(conn, format!("/who {}", step::room(room)));
            }
            &Step::Quit { conn, why } => {
                self.say(conn, if why { "/quit m0" } else { "/quit" }.to_owned());
            }
            &Step::Accept => {
                let client = self.stage.lock().rng.u8(..CLIENTS);
                self.clients[index(client)].order(Order::Connect);
            }
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

    pub(super) fn log_in(&self, client: usize, name: u8, secret: Option<u8>) {
        let client = &self.clients[client];
        client.order(Order::Connect);
        let name = step::name(name);
        client.order(Order::Say(match secret {
            Some(secret) => format!("{name} correct-horse-{secret}"),
            None => name.to_string(),
        }));
    }

    pub(super) fn message(&mut self, to: &[To], length: Length) -> String {
        let bytes = match length {
            Length::Short => 0,
            Length::Long => crate::world::LONG,
        };
        let text = text(self.sent, bytes);
        self.sent += 1;
        let to: Vec<_> = to
            .iter()
            .map(|to| match *to {
                To::Peer(name) => step::name(name).to_string(),
                To::Room(room) => step::room(room).to_string(),
            })
            .collect();
        format!("{}: {}", to.join(", "), text.as_str())
    }

    fn say(&self, conn: u8, line: String) {
        self.clients[index(conn)].order(Order::Say(line));
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
                client.order(Order::Connect);
                for _ in 0..self.config.failed_logins_per_connection.get() {
                    client.order(Order::Say("ann short".to_owned()));
                }
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
            Kind::Yield => self.stage.lock().yields = true,
        }
        Ok(())
    }

    /// Spoils the newest connection of a client, at the server's end.
    fn spoil(&self, client: usize, kind: Kind) {
        let mut scene = self.stage.lock();
        let tick = scene.tick;
        let Some(pipe) = scene.newest(client) else {
            return;
        };
        match kind {
            Kind::PartialWrites => pipe.partial = true,
            Kind::ReadFails => pipe.read = Read::Fails,
            Kind::WriteFails => pipe.write = Write::Fails(0),
            Kind::Reset => (pipe.read, pipe.write) = (Read::Fails, Write::Fails(0)),
            Kind::Stall => pipe.write = Write::Stalls(tick + A_WHILE),
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
            | Kind::Yield => unreachable!("{kind:?} spoils no connection"),
        }
        pipe.wake();
        if kind == Kind::Reset {
            scene.counts.hit(kind);
        }
    }

    fn cut(&self, client: usize, kind: Kind) {
        let mut scene = self.stage.lock();
        let wire = &mut scene.wires[client];
        // The network cannot do both at once.
        if wire.fault.is_some() {
            return;
        }
        wire.fault = Some(kind);
        let host = host_of(client);
        if kind == Kind::Hold {
            wire.held = true;
            self.sim.hold(&*host, SERVER.0);
        } else {
            wire.cut_to_server = kind != Kind::PartitionToClient;
            wire.cut_to_client = kind != Kind::PartitionToServer;
            if wire.cut_to_server {
                self.sim.partition_oneway(&*host, SERVER.0);
            }
            if wire.cut_to_client {
                self.sim.partition_oneway(SERVER.0, &*host);
            }
        }
        drop(scene);
        self.note(Some(client), kind);
    }

    pub(super) fn mend(&self, client: usize) {
        let wire = std::mem::take(&mut self.stage.lock().wires[client]);
        let Wire { fault, held, .. } = wire;
        if fault.is_none() {
            return;
        }
        let host = host_of(client);
        if held {
            self.sim.release(host, SERVER.0);
        } else {
            self.sim.repair(host, SERVER.0);
        }
        self.stage.lock().counts.hit(Kind::Mend);
        self.note(Some(client), Kind::Mend);
    }

    fn crash(&mut self, client: usize, kind: Kind) -> Result<(), Violation> {
        self.note(Some(client), kind);
        self.stage.lock().counts.hit(kind);
        // Its connections end in the order in which they came, which the end of a whole runtime
        // does not promise.
        self.clients[client].order(Order::Close);
        self.tick()?;
        self.sim.crash(host_of(client));
        self.clients[client].died();
        self.sim.bounce(host_of(client));
        Ok(())
    }

    fn note(&self, client: Option<usize>, kind: Kind) {
        let what = format!("{kind:?}");
        let conn = None;
        self.stage.lock().note(What::Fault { client, conn, what });
    }

    pub(super) fn outcome(self, result: Result<(), Violation>) -> Outcome {
        let simulated = self.sim.elapsed();
        drop(self.sim);
        let mut scene = self.stage.lock();
        let mut violations = std::mem::take(&mut scene.violations);
        if violations.is_empty() {
            violations.extend(result.err());
        }
        let clients = self.clients.iter().map(|client| host_of(client.index));
        let trace = scene.take_entries().map(|entries| Trace {
            title: self.title,
            clients: clients.collect(),
            entries,
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

fn index(client: u8) -> usize {
    usize::from(client % CLIENTS)
}

fn host_of(client: usize) -> String {
    format!("client-{client}")
}

/// What a server is to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fate {
    Serves,
    Stops,
    Dies,
}

/// The server's host.
#[derive(Clone)]
struct Server {
    stage: Stage,
    fate: watch::Sender<Fate>,
    config: Config,
}

impl Server {
    async fn run(self) -> turmoil::Result {
        let Self {
            stage,
            fate,
            config,
        } = self;
        let listener = Simulated {
            listener: TcpListener::bind(("0.0.0.0", SERVER.1)).await?,
            stage: stage.clone(),
        };
        let setup = Setup {
            config,
            key: Some([7; 32]),
            observer: Some(Box::new(Lookout(stage.clone()))),
            points: Turns(stage.clone()),
        };
        let serving = net::serve_with(listener, setup, becomes(&fate, Fate::Stops));
        tokio::select! {
            biased;
            report = serving => stage.lock().report = Some(report?),
            // Its tasks are dropped in the order in which they came, which the end of a whole
            // runtime does not promise.
            () = becomes(&fate, Fate::Dies) => {}
        }
        Ok(())
    }
}

async fn becomes(fate: &watch::Sender<Fate>, wanted: Fate) {
    let mut fate = fate.subscribe();
    let became = fate.wait_for(|fate| *fate == wanted).await;
    became.expect("the simulation outlives its hosts");
}

struct Simulated {
    listener: TcpListener,
    stage: Stage,
}

impl net::Listener for Simulated {
    type Stream = Faulty<TcpStream>;

    async fn accept(&mut self) -> io::Result<(Self::Stream, SocketAddr)> {
        let (stream, address) = self.listener.accept().await?;
        let conn = self.stage.accepted(address);
        Ok((Faulty::new(stream, self.stage.clone(), conn), address))
    }
}
