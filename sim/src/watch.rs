//! Looks on while a real hub works, and judges what it sees.

use rejoin::Config;
use rejoin::broker::lifecycle::Phase;
use rejoin::broker::{Broker, Effects, Event, Input, Mail};
use rejoin::hub::{Identity, Outputs, Told, Understood};
use rejoin::id::{ConnId, Time};
use rejoin::wire::lines::Line;

use crate::invariants::eviction::Evictions;
use crate::invariants::{Invariants, Violation};
use crate::links::Links;
use crate::moment::{Act, Happening, Moment, View, mail_of};
use crate::probe::Probes;
use crate::roster::Roster;

/// Makes [`Moment`]s of what a hub's broker is told and wants done, and has them judged.
///
/// What a socket has taken shows when its writer has finished: it is what is not given back.
#[derive(Debug)]
pub struct Watch {
    invariants: Invariants,
    evictions: Evictions,
    /// What has happened last. Its links are the first to know of what happens next.
    last: Moment,
    /// What the broker was told last, until its effects are known.
    input: Option<Input>,
    /// The rare paths that were reached.
    pub probes: Probes,
    /// What was found, oldest first.
    pub violations: Vec<Violation>,
    /// What has happened, if it is kept.
    pub moments: Option<Vec<Moment>>,
    seen: u64,
}

impl Watch {
    /// Nothing has happened yet. `password` is what an operator has to say.
    pub fn new(config: &Config, password: &'static str, keeps_moments: bool) -> Self {
        Self {
            invariants: Invariants::new(config),
            evictions: Evictions::new(password),
            last: Moment::start(),
            input: None,
            probes: Probes::default(),
            violations: Vec::new(),
            moments: keeps_moments.then(Vec::new),
            seen: 0,
        }
    }

    /// How many moments there were.
    pub const fn seen(&self) -> u64 {
        self.seen
    }

    /// The server has started again, with nothing.
    pub fn restart(&mut self, config: &Config) {
        self.invariants = Invariants::new(config);
        self.evictions.restart();
        self.last = Moment::start();
        self.probes.start();
    }

    /// Who is who, as far as it has seen.
    pub fn roster(&self) -> &Roster {
        self.invariants.roster()
    }

    /// The hub says this of itself from now on.
    pub fn identity(&mut self, identity: &Identity) {
        self.evictions.identity(identity);
    }

    /// The hub has read a line.
    pub fn line(&mut self, line: Line<'_>, understood: Understood<'_>) {
        let roster = self.invariants.roster();
        self.evictions.line(line, understood, roster);
    }

    /// The hub was told something, and wants this done.
    ///
    /// # Errors
    ///
    /// Says what is wrong with it.
    pub fn told(&mut self, told: Told, wants: &Outputs) -> Result<(), Violation> {
        let roster = self.invariants.roster();
        self.evictions.told(told, wants, roster, &mut self.probes)
    }

    /// The broker is about to be told something.
    pub fn input(&mut self, input: &Input) {
        self.evictions.input(input, self.invariants.roster());
        self.input = Some(input.clone());
    }

    /// The broker was told it. Returns the mail that, as the driver says, the socket of a
    /// writer that has just finished had taken, oldest first.
    ///
    /// # Panics
    ///
    /// If what it was told is not known.
    pub fn effects(&mut self, now: Time, effects: &Effects, broker: &Broker) -> Vec<Mail> {
        let input = self
            .input
            .take()
            .expect("an input comes before its effects");
        let mut taken = Vec::new();
        if let Input::WriterFinished { conn, undelivered } = &input {
            // Seen as just before the end, when the broker stood as it stood last.
            let items = self.take_written(*conn, undelivered.len());
            taken.extend(items.iter().filter_map(mail_of).cloned());
            self.judge_written(now, *conn, items);
            if let Some(link) = self.last.links.0.get_mut(conn) {
                link.outbox.clear();
            }
        }
        let acts = Act::all(effects);
        let links = &mut self.last.links;
        links.told(&input);
        for act in &acts {
            links.act(act);
        }
        links.over().for_each(drop);
        let happening = Happening::Handled { input, acts };
        self.judge(now, (happening, effects.weight()), View::of(broker));
        taken
    }

    /// The connections for which at least so much waits, and how many pieces of it are mail.
    pub fn waiting(&self, least: usize) -> Vec<(ConnId, usize)> {
        let links = self.last.links.0.iter();
        let links = links.filter(|(_, link)| link.outbox.len() >= least);
        let mail = links.map(|(&conn, link)| {
            let mail = link.outbox.iter().filter(|event| mail_of(event).is_some());
            (conn, mail.count())
        });
        mail.collect()
    }

    /// The socket of a connection has taken what is queued for it, but for so many pieces of mail.
    pub fn write(&mut self, now: Time, conn: ConnId, unwritten: usize) {
        let items = self.take_written(conn, unwritten);
        self.judge_written(now, conn, items);
    }

    /// Whether so many peers are there, all of them online, and nobody else is connected.
    pub fn is_settled(&self, peers: usize) -> bool {
        let view = &self.last.view;
        let online = |phase: &Phase| matches!(phase, Phase::Online { .. });
        let mail = view.mailboxes.values().any(|mailbox| !mailbox.is_empty());
        view.connections.len() == peers && view.connections.values().all(online) && !mail
    }

    /// Whether nobody is there.
    pub fn is_empty(&self) -> bool {
        let view = &self.last.view;
        view.connections.is_empty() && view.bindings.is_empty()
    }

    /// Judges how everything stands when everything has finished.
    pub fn finish(&mut self) {
        let found = self.invariants.finish(&self.last);
        self.violations.extend(found);
    }

    fn judge_written(&mut self, now: Time, conn: ConnId, items: Vec<Event>) {
        if !items.is_empty() {
            let view = self.last.view.clone();
            self.judge(now, (Happening::Written { conn, items }, 0), view);
        }
    }

    fn take_written(&mut self, conn: ConnId, unwritten: usize) -> Vec<Event> {
        let Some(link) = self.last.links.0.get_mut(&conn) else {
            return Vec::new();
        };
        let mail = link.outbox.iter().filter(|event| mail_of(event).is_some());
        let mut written = mail.count().saturating_sub(unwritten);
        let cut = link.outbox.iter().position(|event| {
            let is_mail = mail_of(event).is_some();
            let is_cut = is_mail && written == 0;
            written -= usize::from(is_mail && !is_cut);
            is_cut
        });
        let cut = cut.unwrap_or(link.outbox.len());
        link.outbox.drain(..cut).collect()
    }

    fn judge(&mut self, now: Time, (happening, work): (Happening, u64), view: View) {
        let links = std::mem::take(&mut self.last.links);
        let moment = Moment {
            now,
            happening,
            work,
            view,
            links,
        };
        self.seen += 1;
        self.probes.observe(&self.last.view, &moment);
        let found = self.invariants.observe(&moment);
        self.violations.extend(found);
        if let Some(moments) = &mut self.moments {
            // What waits in the outboxes was told before, and would be kept with each moment anew.
            moments.push(Moment {
                now,
                happening: moment.happening.clone(),
                work,
                view: moment.view.clone(),
                links: Links::default(),
            });
        }
        self.last = moment;
    }
}
