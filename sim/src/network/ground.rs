//! What a simulation runs on: hosts on a simulated network, or streams in memory.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rejoin::net::Listener;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, duplex};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, LocalSet};
use turmoil::Sim;
use turmoil::net::{TcpListener, TcpStream};

use super::client::Client;
use super::scene::Stage;
use super::server::Server;
use super::stream::Faulty;
use super::{Outline, PORTS, SERVER, TICK};
use crate::plan::Kind;

/// Bytes that a stream in memory holds in each direction.
const PIPE_BYTES: usize = 4096;

/// How long a message is under way at least.
const LEAST_LATENCY: Duration = Duration::from_millis(1);

/// What a simulation runs on.
pub(super) enum Ground<'a> {
    /// Every host has a runtime of its own; links between them can break.
    Network(Box<Sim<'a>>),
    /// All share one, and nothing is between them.
    Memory(Box<Memory>),
}

impl Ground<'_> {
    pub(super) fn network(outline: Outline, server: &Server, clients: &[Client]) -> Self {
        let mut sim = turmoil::Builder::new()
            .rng_seed(outline.seed)
            .tick_duration(TICK)
            .min_message_latency(LEAST_LATENCY)
            .max_message_latency(outline.latency)
            .simulation_duration(Duration::from_secs(3600))
            .tcp_capacity(4096)
            .build();
        let server = server.clone();
        sim.host(SERVER, move || {
            let server = server.clone();
            async move {
                let [plain, irc] = PORTS.map(|port| TcpListener::bind(("0.0.0.0", port)));
                let listeners = [plain.await?, irc.await?];
                let listeners = listeners.map(|listener| Simulated { listener });
                server.run(listeners).await
            }
        });
        for client in clients {
            let program = client.clone();
            sim.host(host_of(client.index), move || {
                program.clone().run(Dial::Network)
            });
            let address = sim.lookup(host_of(client.index));
            client.stage.lock().addresses.insert(address, client.index);
        }
        Self::Network(Box::new(sim))
    }

    pub(super) fn memory(server: &Server, clients: &[Client]) -> Self {
        let runtime = Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime without I/O needs nothing");
        let mut memory = Memory {
            runtime,
            local: LocalSet::new(),
            server: server.clone(),
            dialer: Dialer::default(),
            serving: None,
            clients: clients.to_vec(),
            programs: Vec::new(),
            elapsed: Duration::ZERO,
        };
        memory.start_server();
        for client in clients {
            let address = memory_address(client.index, 0);
            client
                .stage
                .lock()
                .addresses
                .insert(address.ip(), client.index);
            let program = memory.start_client(client.index);
            memory.programs.push(program);
        }
        Self::Memory(Box::new(memory))
    }

    /// Lets a tick pass.
    pub(super) fn tick(&mut self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Network(sim) => sim.step().map(drop),
            Self::Memory(memory) => memory.tick(),
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        match self {
            Self::Network(sim) => sim.elapsed(),
            Self::Memory(memory) => memory.elapsed,
        }
    }

    pub(super) fn server_runs(&mut self) -> bool {
        match self {
            Self::Network(sim) => sim.is_host_running(SERVER),
            Self::Memory(memory) => memory.serving.is_some(),
        }
    }

    pub(super) fn start_server(&mut self) {
        match self {
            Self::Network(sim) => sim.bounce(SERVER),
            Self::Memory(memory) => memory.start_server(),
        }
    }

    /// The program of a client dies, and starts again.
    pub(super) fn restart_client(&mut self, client: usize) {
        match self {
            Self::Network(sim) => {
                sim.crash(host_of(client));
                sim.bounce(host_of(client));
            }
            Self::Memory(memory) => {
                memory.programs[client].abort();
                memory.programs[client] = memory.start_client(client);
            }
        }
    }

    /// Breaks the link of a client's host. Says whether there is one that can break.
    pub(super) fn cut(&self, client: usize, kind: Kind) -> bool {
        let Self::Network(sim) = self else {
            return false;
        };
        let host = host_of(client);
        if kind == Kind::Hold {
            sim.hold(&*host, SERVER);
        }
        if matches!(kind, Kind::Partition | Kind::PartitionToServer) {
            sim.partition_oneway(&*host, SERVER);
        }
        if matches!(kind, Kind::Partition | Kind::PartitionToClient) {
            sim.partition_oneway(SERVER, &*host);
        }
        true
    }

    /// From now on nothing is under way for longer than a tick.
    pub(super) fn hurry(&self) {
        if let Self::Network(sim) = self {
            sim.set_max_message_latency(LEAST_LATENCY);
        }
    }

    /// Mends what [`cut`](Self::cut) broke.
    pub(super) fn mend(&self, client: usize, held: bool) {
        if let Self::Network(sim) = self {
            if held {
                sim.release(host_of(client), SERVER);
            } else {
                sim.repair(host_of(client), SERVER);
            }
        }
    }
}

pub(super) fn host_of(client: usize) -> String {
    format!("client-{client}")
}

struct Simulated {
    listener: TcpListener,
}

impl Listener for Simulated {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<(TcpStream, SocketAddr)> {
        self.listener.accept().await
    }
}

/// A server and clients that share a runtime.
pub(super) struct Memory {
    runtime: Runtime,
    local: LocalSet,
    server: Server,
    dialer: Dialer,
    serving: Option<JoinHandle<turmoil::Result>>,
    clients: Vec<Client>,
    programs: Vec<JoinHandle<turmoil::Result>>,
    elapsed: Duration,
}

impl Memory {
    fn tick(&mut self) -> Result<(), Box<dyn Error>> {
        let tick = tokio::time::sleep;
        self.local
            .block_on(&self.runtime, async { tick(TICK).await });
        self.elapsed += TICK;
        match self.serving.take_if(|serving| serving.is_finished()) {
            Some(serving) => self.local.block_on(&self.runtime, serving)?,
            None => Ok(()),
        }
    }

    fn start_server(&mut self) {
        let [plain, irc] = [(); 2].map(|()| mpsc::unbounded_channel());
        self.dialer.lock().senders = Some([plain.0, irc.0]);
        let listeners = [plain.1, irc.1].map(Listening);
        let serving = self.server.clone().run(listeners);
        self.serving = Some(self.local.spawn_local(serving));
    }

    fn start_client(&self, client: usize) -> JoinHandle<turmoil::Result> {
        let program = self.clients[client].clone();
        let dial = Dial::Memory(self.dialer.clone());
        self.local.spawn_local(program.run(dial))
    }
}

type Dialed = (DuplexStream, SocketAddr);

struct Listening(mpsc::UnboundedReceiver<Dialed>);

impl Listener for Listening {
    type Stream = DuplexStream;

    async fn accept(&mut self) -> io::Result<Dialed> {
        match self.0.recv().await {
            Some(dialed) => Ok(dialed),
            None => std::future::pending().await,
        }
    }
}

/// Where the server in memory listens.
#[derive(Clone, Default, Debug)]
pub(super) struct Dialer(Arc<Mutex<Listened>>);

#[derive(Default, Debug)]
struct Listened {
    /// Absent if no server ever ran.
    senders: Option<[mpsc::UnboundedSender<Dialed>; 2]>,
    /// How often it was dialed.
    dialed: u16,
}

impl Dialer {
    fn lock(&self) -> MutexGuard<'_, Listened> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each connection has an address of its own.
fn memory_address(client: usize, port: u16) -> SocketAddr {
    let last = u8::try_from(client + 1).expect("there are few clients");
    ([10, 0, 0, last], port).into()
}

/// How a client reaches the server.
#[derive(Clone, Debug)]
pub(super) enum Dial {
    Network,
    Memory(Dialer),
}

/// Both directions of a connection.
pub(super) trait Both: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Both for S {}

impl Dial {
    /// A new connection to the server, and the address that the server sees.
    pub(super) async fn connect(
        &self,
        client: usize,
        speaks_irc: bool,
    ) -> io::Result<(Box<dyn Both>, SocketAddr)> {
        let port = usize::from(speaks_irc);
        match self {
            Self::Network => {
                let stream = TcpStream::connect((SERVER, PORTS[port])).await?;
                let address = stream.local_addr()?;
                Ok((Box::new(stream), address))
            }
            Self::Memory(dialer) => {
                let mut dialer = dialer.lock();
                let refused = io::ErrorKind::ConnectionRefused;
                dialer.dialed += 1;
                let address = memory_address(client, dialer.dialed);
                let senders = dialer.senders.as_ref().ok_or(refused)?;
                let (ours, theirs) = duplex(PIPE_BYTES);
                let sent = senders[port].send((theirs, address));
                sent.map_err(|_| refused)?;
                Ok((Box::new(ours), address))
            }
        }
    }
}

/// Listens as another does, and makes every connection one that can be spoiled.
pub(super) struct Spoiling<L> {
    pub(super) listener: L,
    pub(super) stage: Stage,
}

impl<L: Listener<Stream: Unpin>> Listener for Spoiling<L> {
    type Stream = Faulty<L::Stream>;

    async fn accept(&mut self) -> io::Result<(Self::Stream, SocketAddr)> {
        let (stream, address) = self.listener.accept().await?;
        let conn = self.stage.accepted(address);
        Ok((Faulty::new(stream, self.stage.clone(), conn), address))
    }
}
