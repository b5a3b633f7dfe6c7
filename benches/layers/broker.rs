//! The state machine alone.

use std::net::Ipv4Addr;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use rejoin::Config;
use rejoin::broker::{Broker, Effects, Input, Receiver, Request};
use rejoin::id::{ConnId, Name, Proof, Room, Source, Text, Texts, Time};

use super::{ITEMS, text};

/// Peers who can come back, each with a connection.
struct Lobby {
    broker: Broker,
    effects: Effects,
    conns: Vec<ConnId>,
    /// The number of the next connection.
    next: u64,
}

impl Lobby {
    fn new(peers: usize) -> Self {
        let mut lobby = Self {
            broker: Broker::new(&Config::default()),
            effects: Effects::new(),
            conns: Vec::new(),
            next: 1,
        };
        for peer in 0..peers {
            let conn = lobby.log_in(peer);
            lobby.conns.push(conn);
        }
        lobby
    }

    fn name(peer: usize) -> Name {
        Name::parse(&format!("peer{peer}")).expect("it is a name")
    }

    fn handle(&mut self, input: Input) {
        self.broker.handle(Time::ZERO, input, &mut self.effects);
        black_box(&self.effects);
        self.effects.clear();
    }

    fn request(&mut self, conn: ConnId, request: Request) {
        self.handle(Input::Request { conn, request });
    }

    fn log_in(&mut self, peer: usize) -> ConnId {
        let conn = ConnId::new(self.next);
        self.next += 1;
        let host = u32::try_from(conn.number() / 1_000).expect("they are not that many");
        let source = Source::of(Ipv4Addr::from(host).into());
        self.handle(Input::Accepted { conn, source });
        let (name, proof) = (Self::name(peer), Some(Proof::new([7; 32])));
        self.request(conn, Request::LogIn { name, proof });
        conn
    }
}

fn says(to: Receiver) -> Request {
    Request::Send {
        to: vec![to],
        said: Texts::from(&Text::parse(&text()).expect("it is a text")).into(),
    }
}

/// From one to another, among so many.
#[divan::bench(args = [2, 100, 10_000])]
fn direct(bencher: Bencher<'_, '_>, peers: usize) {
    let mut lobby = Lobby::new(peers);
    let all = |_| {
        let peers = (0..ITEMS).map(|item| item * 7 % peers);
        peers
            .map(|peer| says(Receiver::Peer(Lobby::name(peer))))
            .collect::<Vec<_>>()
    };
    bencher
        .counter(ItemsCount::new(ITEMS))
        .with_inputs(|| all(()))
        .bench_local_values(|requests| {
            for (item, request) in requests.into_iter().enumerate() {
                let conn = lobby.conns[item % peers];
                lobby.request(conn, request);
            }
        });
}

/// In a room; an item is what one member gets.
#[divan::bench(args = [10, 100, 1_000])]
fn room(bencher: Bencher<'_, '_>, members: usize) {
    let mut lobby = Lobby::new(members);
    let room = Room::parse("#room").expect("it is a room");
    for conn in lobby.conns.clone() {
        lobby.request(conn, Request::Join { room });
    }
    let messages = ITEMS / 100;
    bencher
        .counter(ItemsCount::new(messages * (members - 1)))
        .with_inputs(|| vec![says(Receiver::Room(room)); messages])
        .bench_local_values(|requests| {
            for (item, request) in requests.into_iter().enumerate() {
                let conn = lobby.conns[item % members];
                lobby.request(conn, request);
            }
        });
}

/// Everyone drops and comes back, among so many; each time that is four items.
#[divan::bench(args = [100, 10_000])]
fn reconnect(bencher: Bencher<'_, '_>, peers: usize) {
    let mut lobby = Lobby::new(peers);
    let mut peer = 0;
    bencher.counter(ItemsCount::new(ITEMS)).bench_local(|| {
        for _ in 0..ITEMS / 4 {
            peer = (peer + 7) % peers;
            let conn = lobby.conns[peer];
            lobby.handle(Input::ReaderFinished { conn });
            let undelivered = Vec::new();
            lobby.handle(Input::WriterFinished { conn, undelivered });
            lobby.conns[peer] = lobby.log_in(peer);
        }
    });
}
