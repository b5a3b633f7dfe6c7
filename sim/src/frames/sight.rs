//! Who looks on while the hub works.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use rejoin::Config;
use rejoin::broker::{Broker, Effects, Event, Input, PeerEntry, RoomEntry};
use rejoin::hub::record::Recorder;
use rejoin::hub::{Digest, Identity, Observer, Outputs, Told, Understood};
use rejoin::id::{ConnId, Proof, Room, Secret, Time};
use rejoin::wire::lines::Line;
use rejoin::wire::plain::Command;

use crate::label::Labels;
use crate::moment::{Act, mail_of};
use crate::reading::Readings;
use crate::roster::{Bearer, Roster};
use crate::sayings::Sayings;
use crate::step::PASSWORD;
use crate::watch::Watch;

/// What an observer sees.
#[derive(Debug)]
pub(super) struct Sight {
    pub(super) watch: Watch,
    pub(super) readings: Readings,
    pub(super) labels: Labels,
    pub(super) sayings: Sayings,
    /// What each connection is to be sent; of those that speak IRC, the mail.
    pub(super) told: BTreeMap<ConnId, VecDeque<Event>>,
    /// The connection that brings something.
    pub(super) reading: Option<ConnId>,
    /// The list that the line which it brought last asks for.
    asked: Option<Asked>,
    listed: usize,
}

/// A list that is asked for by a plain line.
#[derive(Debug)]
enum Asked {
    Rooms,
    Who { room: Option<Room> },
}

impl Sight {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            watch: Watch::new(config, PASSWORD, false),
            readings: Readings::new(config),
            labels: Labels::default(),
            sayings: Sayings::default(),
            told: BTreeMap::new(),
            reading: None,
            asked: None,
            listed: config.listed.get(),
        }
    }

    /// What the line before asks for has been done, and nothing since. If it was a list, that is to
    /// be sent as everything stands. Nobody here is invisible, and no room is secret.
    fn note_list(&mut self) {
        let (Some(asked), Some(conn)) = (self.asked.take(), self.reading) else {
            return;
        };
        let roster = self.watch.roster();
        let Some(asker) = roster.online(conn) else {
            return;
        };
        let event = match asked {
            Asked::Rooms => rooms(roster, asker, self.listed),
            Asked::Who { room } => peers(roster, room, self.listed),
        };
        self.told.entry(conn).or_default().push_back(event);
    }
}

/// The list of rooms, as somebody is to be shown it.
fn rooms(roster: &Roster, asker: &Bearer, listed: usize) -> Event {
    let mut members: BTreeMap<Room, usize> = BTreeMap::new();
    for &room in roster.bearers.values().flat_map(|bearer| &bearer.rooms) {
        *members.entry(room).or_default() += 1;
    }
    let total = members.len();
    let rooms = members.into_iter().map(|(room, members)| RoomEntry {
        room,
        members,
        joined: asker.rooms.contains(&room),
    });
    let rooms = rooms.take(listed).collect();
    Event::Rooms { rooms, total }
}

/// The list of those in a room, or of all. Whoever has quit is in none.
fn peers(roster: &Roster, room: Option<Room>, listed: usize) -> Event {
    let is_in = |bearer: &&Bearer| room.is_none_or(|room| bearer.rooms.contains(&room));
    let bearers = roster.bearers.values().filter(|bearer| !bearer.has_quit);
    let peers = bearers.filter(is_in).map(|bearer| PeerEntry {
        name: bearer.name,
        away: bearer.proof.is_some() && !roster.is_online(bearer.peer),
    });
    let mut peers: Vec<_> = peers.collect();
    let total = peers.len();
    peers.truncate(listed);
    Event::Who { peers, total }
}

#[derive(Debug)]
pub(super) struct Lookout(pub(super) Arc<Mutex<Sight>>);

impl Observer for Lookout {
    fn identity(&mut self, identity: &Identity) {
        self.0
            .lock()
            .expect("nobody panics")
            .watch
            .identity(identity);
    }

    fn line(&mut self, line: Line<'_>, understood: Understood<'_>) {
        let mut sight = self.0.lock().expect("nobody panics");
        sight.note_list();
        sight.asked = match understood {
            Understood::Plain(Ok(Command::Rooms)) => Some(Asked::Rooms),
            Understood::Plain(Ok(Command::Who { room })) => Some(Asked::Who { room: *room }),
            Understood::Plain(_) | Understood::Irc(_) => None,
        };
        sight.readings.line(understood);
        sight.labels.line(understood);
        sight.sayings.line(understood);
        sight.watch.line(line, understood);
    }

    fn told(&mut self, now: Time, told: Told, wants: &Outputs) {
        let sight = &mut *self.0.lock().expect("nobody panics");
        sight.note_list();
        let evictions = sight.watch.told(told, wants);
        let probes = &mut sight.watch.probes;
        let found = [
            sight.readings.told(now, told, wants, probes),
            sight.labels.told(told, wants, probes),
            sight.sayings.told(told),
            evictions,
        ];
        let found = found.into_iter().filter_map(Result::err);
        sight.watch.violations.extend(found);
    }

    fn input(&mut self, input: &Input) {
        let sight = &mut *self.0.lock().expect("nobody panics");
        let readings = &sight.readings;
        let found = sight.sayings.input(input, |conn| readings.speaks_irc(conn));
        sight.watch.violations.extend(found.err());
        sight.watch.input(input);
    }

    fn effects(&mut self, now: Time, effects: &Effects, broker: &Broker) {
        let sight = &mut *self.0.lock().expect("nobody panics");
        sight.watch.effects(now, effects, broker);
        let probes = &mut sight.watch.probes;
        sight.readings.effects(effects, broker, probes);
        for act in Act::all(effects) {
            if let Act::Tell { to, event } = act {
                let is_mail = mail_of(&event).is_some();
                let to = to.into_iter();
                for conn in to.filter(|conn| is_mail || !sight.readings.speaks_irc(*conn)) {
                    sight.told.entry(conn).or_default().push_back(event.clone());
                }
            }
        }
    }
}

/// Records where the record can be had.
#[derive(Debug)]
pub(super) struct Recording(pub(super) Arc<Mutex<Recorder>>);

impl Observer for Recording {
    fn identity(&mut self, identity: &Identity) {
        self.0.lock().expect("nobody panics").identity(identity);
    }

    fn line(&mut self, line: Line<'_>, understood: Understood<'_>) {
        self.0.lock().expect("nobody panics").line(line, understood);
    }

    fn telnet(&mut self, asked: &[u8]) {
        self.0.lock().expect("nobody panics").telnet(asked);
    }

    fn hidden(&mut self, instead: &str) {
        self.0.lock().expect("nobody panics").hidden(instead);
    }

    fn told(&mut self, now: Time, told: Told, wants: &Outputs) {
        self.0.lock().expect("nobody panics").told(now, told, wants);
    }
}

/// Keeps the number of a secret, where a server makes a digest, and an operator's password.
#[derive(Debug)]
pub(super) struct Plainly;

impl Digest for Plainly {
    fn proof(&self, secret: Secret<'_>) -> Proof {
        let mut digest = [0; 32];
        // Of a proof only the beginning is recorded.
        digest[0] = secret.expose().as_bytes().last().copied().unwrap_or(0);
        Proof::new(digest)
    }
}
