//! A presence service: the lifecycle alone, without messages, rooms or a server.
//!
//! It answers who is online, away or gone, when connections drop and come back; a session table, as
//! MQTT has it, is the same. Names are those of rejoin: up to 32 letters, digits and ``-_[]\`^{}|``.

use std::time::Duration;

use rejoin::broker::StopReason;
use rejoin::broker::lifecycle::{Expired, Lifecycle, Limits, Removal, Stop, Then};
use rejoin::id::{ConnId, Name, Proof, Source, Time};

fn main() {
    for line in run() {
        println!("{line}");
    }
}

/// What comes of the story, line by line.
pub(crate) fn run() -> Vec<String> {
    let mut service = Presence::new();
    let [old, new] = [1, 2].map(ConnId::new);
    service.connects(old, "sensor-7");
    // The device lost its link and is back before the server has noticed it.
    service.connects(new, "sensor-7");
    service.socket_closed(old);
    // What ends late or twice changes nothing.
    service.socket_closed(old);
    service.socket_closed(new);
    service.time_passes(Duration::from_secs(59));
    service.time_passes(Duration::from_secs(2));
    service.lines
}

struct Presence {
    lifecycle: Lifecycle,
    now: Time,
    /// What the halves of connections are told; here they obey at once.
    stops: Vec<Stop>,
    lines: Vec<String>,
}

impl Presence {
    fn new() -> Self {
        let lifecycle = Lifecycle::new(Limits {
            login_timeout: Duration::from_secs(10),
            resume_window: Duration::from_secs(60),
            peers: 1000,
            peers_per_source: 1000,
        });
        Self {
            lifecycle,
            now: Time::ZERO,
            stops: Vec::new(),
            lines: Vec::new(),
        }
    }

    fn connects(&mut self, conn: ConnId, name: &str) {
        let source = Source::of([192, 0, 2, 7].into());
        let name = Name::parse(name).expect("it is a name");
        let proof = Some(Proof::new([7; 32]));
        let stops = &mut self.stops;
        self.lifecycle.accepted(self.now, conn, source, stops);
        let came = self.lifecycle.login(conn, name, proof, stops);
        self.lines
            .push(format!("{conn} logs in as {name}: {came:?}"));
        self.obey();
    }

    /// Both halves of a connection have ended: the reader, and then the writer.
    fn socket_closed(&mut self, conn: ConnId) {
        self.lifecycle.reader_finished(conn, &mut self.stops);
        let removal = self
            .lifecycle
            .writer_finished(self.now, conn, &mut self.stops);
        self.lines.push(match removal {
            None => format!("{conn} ends: nothing changes"),
            Some(Removal { name, then }) => match then {
                Then::Returned(conn) => format!("{name} is online again, on {conn}"),
                Then::Succeeded(conn) => format!("{name} is somebody else, on {conn}"),
                Then::Away => format!("{name} is away"),
                Then::Gone => format!("{name} is gone"),
            },
        });
        self.obey();
    }

    fn time_passes(&mut self, time: Duration) {
        self.now = self.now.after(time);
        self.lines.push(format!("{time:?} pass"));
        while let Some(expired) = self.lifecycle.expire(self.now, &mut self.stops) {
            self.lines.push(match expired {
                Expired::Peer(name) => format!("{name} is gone"),
                Expired::Login(conn) => format!("{conn} did not log in in time"),
            });
        }
        self.obey();
    }

    fn obey(&mut self) {
        for stop in self.stops.drain(..) {
            if let Stop::Writer(conn, StopReason::Replaced) = stop {
                self.lines
                    .push(format!("{conn} is told that it is replaced"));
            }
        }
    }
}
