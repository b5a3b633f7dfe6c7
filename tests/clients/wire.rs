//! Wires between a client and the server, that show what went over them, hold it back, and break.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};

use crate::common::links::wait_until_arrived;
use crate::common::wait_for;
use crate::said::{Said, mail};

/// Where a client connects to, to reach the server. Each of its connections is a link.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    links: Arc<Mutex<Option<Vec<Arc<Link>>>>>,
    accepting: Option<JoinHandle<()>>,
}

impl Wire {
    pub(crate) fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let links = Arc::new(Mutex::new(Some(Vec::new())));
        let known = Arc::clone(&links);
        let accepting = thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a connection");
                let mut links = known.lock().expect("nothing panics with it");
                let Some(links) = &mut *links else { return };
                let to_server = TcpStream::connect(server).expect("the server listens");
                links.push(Link::between(client, to_server));
            }
        });
        let accepting = Some(accepting);
        Self {
            address,
            links,
            accepting,
        }
    }

    /// The newest link, and how many there were before it.
    pub(crate) fn link(&self) -> (usize, Arc<Link>) {
        let links = self.links.lock().expect("nothing panics with it");
        let links = links.as_ref().expect("it is open");
        let link = links.last().expect("the client has connected");
        (links.len() - 1, Arc::clone(link))
    }

    pub(crate) fn links(&self) -> usize {
        let links = self.links.lock().expect("nothing panics with it");
        links.as_ref().map_or(0, Vec::len)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        let links = self.links.lock().map(|mut links| links.take());
        for link in links.into_iter().flatten().flatten() {
            link.cut();
        }
        // So that what waits for connections sees that it is over.
        let _ = TcpStream::connect(self.address);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Way {
    ToClient,
    ToServer,
}

/// One connection of a client.
pub(crate) struct Link {
    client: TcpStream,
    server: TcpStream,
    to_client: Mutex<Flow>,
    to_server: Mutex<Flow>,
    goes_on: Condvar,
}

/// What goes one way.
#[derive(Default)]
struct Flow {
    passed: Vec<u8>,
    held: Vec<u8>,
    holds: bool,
    /// Whether nothing more is taken.
    stalls: bool,
    /// Whether the end that this comes from looks alive to the other end whatever happens.
    hides_the_end: bool,
    is_over: bool,
}

impl Link {
    fn between(client: TcpStream, server: TcpStream) -> Arc<Self> {
        for stream in [&client, &server] {
            stream.set_nodelay(true).expect("an open socket");
        }
        let link = Arc::new(Self {
            client,
            server,
            to_client: Mutex::default(),
            to_server: Mutex::default(),
            goes_on: Condvar::new(),
        });
        for way in [Way::ToClient, Way::ToServer] {
            let link = Arc::clone(&link);
            thread::spawn(move || link.run(way));
        }
        link
    }

    fn run(&self, way: Way) {
        let (mut from, mut to) = match way {
            Way::ToClient => (&self.server, &self.client),
            Way::ToServer => (&self.client, &self.server),
        };
        let mut buffer = [0; 4096];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..length];
            let mut flow = self.flow(way);
            if flow.holds {
                flow.held.extend_from_slice(bytes);
            } else if to.write_all(bytes).is_ok() {
                flow.passed.extend_from_slice(bytes);
            }
            let waits = self.goes_on.wait_while(flow, |flow| flow.stalls);
            drop(waits.expect("nothing panics with it"));
        }
        let mut flow = self.flow(way);
        if !flow.hides_the_end {
            let _ = to.shutdown(Shutdown::Write);
        }
        flow.is_over = true;
    }

    fn flow(&self, way: Way) -> MutexGuard<'_, Flow> {
        let flow = match way {
            Way::ToClient => &self.to_client,
            Way::ToServer => &self.to_server,
        };
        flow.lock().expect("nothing panics with it")
    }

    /// From now on whatever is sent this way is taken, and not passed on.
    pub(crate) fn hold(&self, way: Way) {
        self.flow(way).holds = true;
    }

    /// From now on nothing more is taken from whoever sends this way, so that it is soon stuck;
    /// or it is again.
    pub(crate) fn stall(&self, way: Way, stalls: bool) {
        self.flow(way).stalls = stalls;
        self.goes_on.notify_all();
    }

    /// The lines that were passed on.
    pub(crate) fn passed(&self, way: Way) -> Vec<String> {
        lines(&self.flow(way).passed)
    }

    /// The lines that were taken, and not passed on.
    pub(crate) fn held(&self, way: Way) -> Vec<String> {
        lines(&self.flow(way).held)
    }

    /// Waits until a line is taken, and not passed on, that ends so.
    pub(crate) fn wait_to_hold(&self, way: Way, end: &str) {
        wait_for("the wire to have it", || {
            let held = self.held(way);
            held.iter().any(|line| line.ends_with(end)).then_some(())
        });
    }

    /// Breaks the link, as both ends see at once. What is held is lost.
    pub(crate) fn cut(&self) {
        for way in [Way::ToClient, Way::ToServer] {
            self.stall(way, false);
        }
        // They may be gone already.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Write);
    }

    /// Breaks the link as only the client sees. To the server it looks alive.
    pub(crate) fn cut_for_the_client(&self) {
        self.flow(Way::ToServer).hides_the_end = true;
        self.hold(Way::ToClient);
        let _ = self.client.shutdown(Shutdown::Both);
    }

    /// Whether nothing more comes this way.
    pub(crate) fn is_over(&self, way: Way) -> bool {
        self.flow(way).is_over
    }

    /// Waits until an end is in the socket of the other.
    pub(crate) fn wait_until_told(&self, way: Way) {
        wait_for("the end to be passed on", || {
            self.is_over(way).then_some(())
        });
        wait_until_arrived(match way {
            Way::ToClient => &self.client,
            Way::ToServer => &self.server,
        });
    }

    /// Waits until both ends have closed it: nothing passes any more.
    pub(crate) fn wait_for_end(&self) {
        wait_for("the link to end", || {
            let ways = [Way::ToClient, Way::ToServer];
            ways.iter().all(|&way| self.is_over(way)).then_some(())
        });
    }

    /// The messages that the client was sent, and may have read.
    pub(crate) fn sent(&self) -> Vec<Said> {
        mail(&self.passed(Way::ToClient))
    }

    /// The messages that the client has acknowledged, as far as the server knows: those before
    /// the last `PING` of which the answer was passed on.
    pub(crate) fn acknowledged(&self) -> Vec<Said> {
        let answers = self.passed(Way::ToServer);
        let mut answers = answers.iter().filter_map(|line| token(line, "PONG "));
        let Some(last) = answers.next_back() else {
            return Vec::new();
        };
        let lines = self.passed(Way::ToClient);
        let asked = lines
            .iter()
            .position(|line| token(line, "PING ") == Some(last));
        mail(&lines[..asked.expect("nobody answers what was not asked")])
    }

    /// Whether all that was sent is acknowledged.
    pub(crate) fn is_settled(&self) -> bool {
        self.acknowledged().len() == self.sent().len()
    }
}

/// The whole lines of what was sent.
fn lines(bytes: &[u8]) -> Vec<String> {
    let whole = bytes.iter().rposition(|&byte| byte == b'\n');
    let whole = &bytes[..whole.map_or(0, |end| end + 1)];
    let text = str::from_utf8(whole).expect("all speak UTF-8");
    text.lines().map(str::to_owned).collect()
}

/// What a `PING` or a `PONG` is to be answered with, or answers.
fn token<'a>(line: &'a str, command: &str) -> Option<&'a str> {
    let token = line.strip_prefix(command)?;
    Some(token.rsplit(' ').next()?.trim_start_matches(':'))
}
