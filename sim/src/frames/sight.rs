//! Who looks on while the hub works.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use rejoin::Config;
use rejoin::broker::{Broker, Effects, Event, Input};
use rejoin::hub::record::Recorder;
use rejoin::hub::{Digest, Identity, Observer, Outputs, Told, Understood};
use rejoin::id::{ConnId, Proof, Secret, Time};
use rejoin::wire::lines::Line;

use crate::label::Labels;
use crate::moment::{Act, mail_of};
use crate::reading::Readings;
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
}

impl Sight {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            watch: Watch::new(config, PASSWORD, false),
            readings: Readings::new(config),
            labels: Labels::default(),
            sayings: Sayings::default(),
            told: BTreeMap::new(),
        }
    }
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
        sight.readings.line(understood);
        sight.labels.line(understood);
        sight.sayings.line(understood);
        sight.watch.line(line, understood);
    }

    fn told(&mut self, now: Time, told: Told, wants: &Outputs) {
        let sight = &mut *self.0.lock().expect("nobody panics");
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
