//! The real broker, with a model of the driver around it.

use std::collections::VecDeque;

use rejoin::Config;
use rejoin::broker::{Broker, Effects, Event, Input, Mail, Receiver, Request};
use rejoin::id::{ConnId, Time};
use std::time::Duration;

use crate::links::Links;
use crate::moment::{Act, Happening, Moment, View, mail_of, text, texts};
use crate::step::{self, Step, To, Until};

/// A broker, and the connections that a driver would serve.
///
/// It carries out what the broker wants done, and nothing else: who is told to stop finishes
/// later, by a step, in any order.
#[derive(Clone, Debug)]
pub struct World {
    broker: Broker,
    now: Time,
    links: Links,
    /// The last connections of which both halves have finished, oldest first.
    over: VecDeque<ConnId>,
    accepted: u64,
    sent: u32,
    /// What the broker is being told.
    told: Option<Input>,
    effects: Effects,
}

/// How many connections that are over still give late inputs.
const LATE: usize = 2;

/// A few of these fill a small mailbox, and each fits into one line of IRC, also as it comes back.
pub(crate) const LONG: usize = 380;

impl World {
    /// Nobody is there yet.
    pub fn new(config: &Config) -> Self {
        Self {
            broker: Broker::new(config),
            now: Time::ZERO,
            links: Links::default(),
            over: VecDeque::new(),
            accepted: 0,
            sent: 0,
            told: None,
            effects: Effects::new(),
        }
    }

    /// The broker.
    pub fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Lets `step` happen, and tells what came of it; nothing if it was skipped.
    pub fn step(&mut self, step: &Step) -> Vec<Moment> {
        let mut moments = Vec::new();
        self.carry_out(step, &mut moments);
        moments
    }

    /// Lets everything finish: both halves of all connections, and then every wait.
    ///
    /// What a flushing writer holds is written, in part, so that all ends are tried.
    pub fn finish(&mut self) -> Vec<Moment> {
        let mut moments = Vec::new();
        self.wind_up(&mut moments);
        moments
    }

    /// What was happening when the broker panicked, if it has. How it stands then nobody can ask.
    pub(crate) fn interrupted(&self, view: View) -> Option<Moment> {
        let (input, acts) = (self.told.clone()?, Act::all(&self.effects));
        Some(Moment {
            now: self.now,
            happening: Happening::Handled { input, acts },
            work: self.effects.weight(),
            view,
            links: self.links.clone(),
        })
    }

    pub(crate) fn wind_up(&mut self, moments: &mut Vec<Moment>) {
        while let Some((&conn, link)) = self.links.0.first_key_value() {
            let written = link.outbox.len().div_ceil(2);
            if !link.reader_finished {
                self.handle(Input::ReaderFinished { conn }, moments);
            }
            self.writer_finishes(conn, written, moments);
        }
        // Time may have passed of which it was not told.
        if self.broker.deadline().is_some_and(|time| time < self.now) {
            self.handle(Input::Tick, moments);
        }
        while let Some(deadline) = self.broker.deadline() {
            assert!(deadline >= self.now, "the broker waits for the past");
            if moments.len() > MOST_FINISHING_MOMENTS {
                break;
            }
            self.now = deadline;
            self.handle(Input::Tick, moments);
        }
    }

    pub(crate) fn carry_out(&mut self, step: &Step, moments: &mut Vec<Moment>) {
        match step {
            Step::Accept | Step::AcceptIrc => {
                let conn = ConnId::new(self.accepted);
                let source = step::source(self.accepted);
                self.accepted += 1;
                self.handle(Input::Accepted { conn, source }, moments);
            }
            &(Step::LogIn { conn, .. }
            | Step::Send { conn, .. }
            | Step::Join { conn, .. }
            | Step::Leave { conn, .. }
            | Step::Rename { conn, .. }
            | Step::Rooms { conn }
            | Step::Who { conn, .. }
            | Step::Quit { conn, .. }) => {
                let request = self.request(step);
                let login = matches!(request, Request::LogIn { .. });
                if let Some(conn) = self.pick(conn, login) {
                    self.handle(Input::Request { conn, request }, moments);
                }
            }
            &Step::Dismiss { name } => {
                let name = step::name(name);
                self.handle(Input::Dismiss { name, why: None }, moments);
            }
            &Step::ReaderFinishes { conn } => {
                if let Some(conn) = self.pick(conn, false) {
                    self.handle(Input::ReaderFinished { conn }, moments);
                }
            }
            &Step::Write { conn, mail } => {
                if let Some(conn) = self.pick(conn, false) {
                    self.write(conn, mail.into(), moments);
                }
            }
            &Step::WriterFinishes { conn, written } => {
                if let Some(conn) = self.pick(conn, false) {
                    self.writer_finishes(conn, written.into(), moments);
                }
            }
            &Step::GiveUp { conn, reason } => {
                if let Some(conn) = self.pick(conn, false) {
                    let reason = reason.into();
                    self.handle(Input::GiveUp { conn, reason }, moments);
                }
            }
            &Step::Wait { until, tick } => {
                self.now = self.time(until);
                if tick {
                    self.handle(Input::Tick, moments);
                }
            }
            Step::ShutDown => self.handle(Input::ShutDown, moments),
            // What is written is done; how far clients have read, and who is an operator, matters to
            // a hub.
            Step::Answer { .. } | Step::Oper { .. } | Step::Kill { .. } => {}
        }
    }

    /// What a client asks for.
    fn request(&mut self, step: &Step) -> Request {
        match step {
            &Step::LogIn { name, secret, .. } => {
                let name = step::name(name);
                let proof = secret.map(step::proof);
                Request::LogIn { name, proof }
            }
            Step::Send { to, length, .. } => {
                let said = texts(*length, &mut self.sent).into();
                let to = to.iter().copied().map(receiver).collect();
                Request::Send { to, said }
            }
            &Step::Join { room, .. } => {
                let room = step::room(room);
                Request::Join { room }
            }
            &Step::Leave { room, .. } => {
                let room = step::room(room);
                Request::Leave { room, why: None }
            }
            &Step::Rename { name, .. } => {
                let name = step::name(name);
                Request::Rename { name }
            }
            Step::Rooms { .. } => Request::Rooms,
            &Step::Who { room, .. } => {
                let room = room.map(step::room);
                Request::Who { room }
            }
            &Step::Quit { why, .. } => {
                let why = why.then(|| text(0, 0));
                Request::Quit { why }
            }
            Step::Accept
            | Step::AcceptIrc
            | Step::Dismiss { .. }
            | Step::Answer { .. }
            | Step::Oper { .. }
            | Step::Kill { .. }
            | Step::ReaderFinishes { .. }
            | Step::Write { .. }
            | Step::WriterFinishes { .. }
            | Step::GiveUp { .. }
            | Step::Wait { .. }
            | Step::ShutDown => unreachable!("{step:?} is no request"),
        }
    }

    /// Those that serve somebody, newest first, then those that do not yet, those that are ending,
    /// and the last few that are over. For a login, those that do not yet come first.
    fn pick(&self, index: u8, login: bool) -> Option<ConnId> {
        let known = self.links.0.len() + self.over.len();
        let index = usize::from(index).checked_rem(known)?;
        let mut links: Vec<_> = self.links.0.iter().rev().collect();
        links.sort_by_key(|(_, link)| (link.is_ending(), link.serves == login));
        let links = links.into_iter().map(|(conn, _)| conn);
        links.chain(self.over.iter().rev()).nth(index).copied()
    }

    fn time(&self, until: Until) -> Time {
        let soon = self.now.after(Duration::from_millis(1));
        let time = match (until, self.broker.deadline()) {
            (Until::Soon, _) | (_, None) => soon,
            (Until::BeforeDeadline, Some(time)) => Time::from_micros(time.as_micros() - 1),
            (Until::Deadline, Some(time)) => time,
            (Until::AfterDeadline, Some(time)) => time.after(Duration::from_micros(1)),
        };
        time.max(self.now)
    }

    fn write(&mut self, conn: ConnId, mail: usize, moments: &mut Vec<Moment>) {
        let Some(link) = self.links.0.get_mut(&conn) else {
            return;
        };
        // One that does not flush writes its last line at most, which is no event.
        let writes = link.stopped.is_none_or(|reason| reason.flushes());
        let items = if writes { up_to(&link.outbox, mail) } else { 0 };
        let items: Vec<_> = link.outbox.drain(..items).collect();
        if !items.is_empty() {
            self.tell(Happening::Written { conn, items }, moments);
        }
    }

    /// Writes first what is to be written. Of a writer that has finished, this is a repetition.
    fn writer_finishes(&mut self, conn: ConnId, written: usize, moments: &mut Vec<Moment>) {
        self.write(conn, written, moments);
        let rest = self.links.0.get_mut(&conn).map(|link| &mut link.outbox);
        let rest = rest.map(std::mem::take).unwrap_or_default();
        let undelivered: Vec<Mail> = rest.iter().filter_map(mail_of).cloned().collect();
        self.handle(Input::WriterFinished { conn, undelivered }, moments);
    }

    fn handle(&mut self, input: Input, moments: &mut Vec<Moment>) {
        self.links.told(&input);
        self.effects.clear();
        self.told = Some(input.clone());
        self.broker
            .handle(self.now, input.clone(), &mut self.effects);
        self.told = None;
        let acts = Act::all(&self.effects);
        for act in &acts {
            self.links.act(act);
        }
        self.over.extend(self.links.over());
        while self.over.len() > LATE {
            self.over.pop_front();
        }
        self.tell(Happening::Handled { input, acts }, moments);
    }

    fn tell(&self, happening: Happening, moments: &mut Vec<Moment>) {
        let work = match happening {
            Happening::Handled { .. } => self.effects.weight(),
            Happening::Written { .. } => 0,
        };
        moments.push(Moment {
            now: self.now,
            happening,
            work,
            view: View::of(&self.broker),
            links: self.links.clone(),
        });
    }
}

/// More than everything that can be left at the end of a run.
const MOST_FINISHING_MOMENTS: usize = 10_000;

fn receiver(to: To) -> Receiver {
    match to {
        To::Peer(name) => Receiver::Peer(step::name(name)),
        To::Room(room) => Receiver::Room(step::room(room)),
    }
}

/// How many items hold this many pieces of mail, and what else comes before the next.
pub(crate) fn up_to(outbox: &VecDeque<Event>, mail: usize) -> usize {
    let is_mail = |event: &Event| mail_of(event).is_some();
    let mut places = outbox
        .iter()
        .enumerate()
        .filter(|(_, event)| is_mail(event));
    match mail {
        0 => 0,
        _ => places.nth(mail).map_or(outbox.len(), |(place, _)| place),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::{break_off, come, config, story};

    impl World {
        /// Its next connection has the number of the one that is there: a bug of a driver.
        pub(crate) fn with_a_number_to_use_again() -> Self {
            let mut world = Self::new(&config());
            world.step(&Step::Accept);
            world.accepted = 0;
            world
        }
    }

    #[test]
    fn what_became_due_while_the_broker_was_not_told_is_done_at_the_end() {
        let ends = [Step::ReaderFinishes { conn: 0 }];
        let late = [Step::Wait {
            until: Until::AfterDeadline,
            tick: false,
        }];
        let mut world = World::new(&config());
        for step in story([&come(0, Some(0))[..], &break_off(0), &ends, &late]) {
            world.step(&step);
        }
        assert!(world.links.0.is_empty());
        world.finish();
        assert_eq!(world.broker().lifecycle().bindings().count(), 0);
    }
}
