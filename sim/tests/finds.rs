//! What the search has found, each as the shortest story that shows it.

use std::num::NonZeroUsize;
use std::time::Duration;

use rejoin::Config;
use rejoin::broker::{Broker, Effect, Effects, Event, Input, Mail, Receiver, Request};
use rejoin::id::{ConnId, Name, Proof, Text, Texts, Time};
use rejoin_sim::step::source;

const RESUMABLE: Option<Proof> = Some(Proof::new([1; 32]));

/// A broker, and what it did last.
struct Story {
    broker: Broker,
    effects: Effects,
    now: Time,
}

impl Story {
    fn new(config: &Config) -> Self {
        Self {
            broker: Broker::new(config),
            effects: Effects::new(),
            now: Time::ZERO,
        }
    }

    fn handle(&mut self, input: Input) {
        self.effects.clear();
        self.broker.handle(self.now, input, &mut self.effects);
    }

    fn ask(&mut self, conn: ConnId, request: Request) {
        self.handle(Input::Request { conn, request });
    }

    fn come(&mut self, number: u64, name: &str, proof: Option<Proof>) -> ConnId {
        let conn = ConnId::new(number);
        self.handle(Input::Accepted {
            conn,
            source: source(0),
        });
        let name = self::name(name);
        self.ask(conn, Request::LogIn { name, proof });
        conn
    }

    fn send(&mut self, conn: ConnId, to: &str) {
        let to = vec![Receiver::Peer(name(to))];
        let text = Text::parse("hi").unwrap();
        self.ask(
            conn,
            Request::Send {
                to,
                said: Texts::from(&text).into(),
            },
        );
    }

    fn writer_finishes(&mut self, conn: ConnId, undelivered: Vec<Mail>) {
        self.handle(Input::WriterFinished { conn, undelivered });
    }

    /// What a connection was told last.
    fn told(&self, conn: ConnId) -> Vec<Event> {
        let told = self.effects.iter().filter_map(|effect| match effect {
            Effect::Deliver { to, event } => to.contains(&conn).then(|| event.into_owned()),
            Effect::StopReader { .. }
            | Effect::StopWriter { .. }
            | Effect::Discard { .. }
            | Effect::Forget { .. } => None,
        });
        told.collect()
    }
}

fn name(name: &str) -> Name {
    Name::parse(name).unwrap()
}

#[test]
fn a_writer_that_has_finished_is_told_nothing_of_what_is_due_then() {
    let config = Config::default();
    let mut story = Story::new(&config);
    let bob = story.come(1, "bob", RESUMABLE);
    story.writer_finishes(bob, vec![]);
    let ann = story.come(2, "ann", RESUMABLE);
    story.send(ann, "bob");

    story.now = story.now.after(config.resume_window);
    story.writer_finishes(ann, vec![]);
    assert_eq!(story.told(ann), []);
    let waits = story
        .broker
        .mailbox(&name("ann"))
        .map(|mailbox| mailbox.len());
    assert_eq!(waits, Some(1));
}

#[test]
fn a_writer_that_finishes_when_its_login_is_due_is_not_told_to_stop() {
    let config = Config::default();
    let mut story = Story::new(&config);
    let conn = ConnId::new(1);
    story.handle(Input::Accepted {
        conn,
        source: source(0),
    });

    story.now = story.now.after(config.login_timeout);
    story.writer_finishes(conn, vec![]);
    let mut effects = story.effects.iter();
    assert!(!effects.any(|effect| matches!(effect, Effect::StopWriter { .. })));
}

#[test]
fn what_waits_for_a_peer_that_takes_itself_over_again_and_again_is_bounded() {
    let config = Config {
        mailbox_messages: NonZeroUsize::new(2).unwrap(),
        ..Config::default()
    };
    let mut story = Story::new(&config);
    let mut bob = story.come(1, "bob", RESUMABLE);
    let ann = story.come(2, "ann", RESUMABLE);
    let mut outbox = Vec::new();
    for number in 3..100 {
        // Bob's socket takes nothing, and Ann goes on to write.
        story.send(ann, "bob");
        outbox.extend(story.told(bob).into_iter().filter_map(mail));
        let next = story.come(number, "bob", RESUMABLE);
        story.writer_finishes(bob, std::mem::take(&mut outbox));
        outbox = story.told(next).into_iter().filter_map(mail).collect();
        bob = next;
    }
    // What one mailbox may hold, and some of what one outbox may; not what all of them did.
    assert!(outbox.len() < 20, "{} messages wait", outbox.len());
}

fn mail(event: Event) -> Option<Mail> {
    match event {
        Event::Mail(mail) | Event::KeptMail(mail) => Some(mail),
        Event::Welcome { .. }
        | Event::Back { .. }
        | Event::Kept { .. }
        | Event::Joined { .. }
        | Event::Left { .. }
        | Event::Renamed { .. }
        | Event::Rooms { .. }
        | Event::Who { .. }
        | Event::Refused(_) => None,
    }
}

#[test]
fn a_peer_that_succeeds_a_guest_is_called_as_it_wrote_its_own_name() {
    let mut story = Story::new(&Config::default());
    let guest = story.come(1, "bob", None);
    story.handle(Input::ReaderFinished { conn: guest });
    let next = story.come(2, "BOB", RESUMABLE);
    story.writer_finishes(guest, vec![]);
    let told = story.told(next);
    let [Event::Welcome { name }] = told.as_slice() else {
        panic!("told {told:?}")
    };
    assert_eq!(name.as_str(), "BOB");
}

#[test]
fn a_repeated_end_of_a_writer_is_ignored_whatever_it_gives_back() {
    let mut story = Story::new(&Config::default());
    let bob = story.come(1, "bob", RESUMABLE);
    story.send(bob, "bob");
    let undelivered: Vec<_> = story.told(bob).into_iter().filter_map(mail).collect();
    story.writer_finishes(bob, undelivered.clone());
    story.now = story.now.after(Duration::from_secs(1));
    story.writer_finishes(bob, undelivered);
}
