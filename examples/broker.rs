//! A chat without I/O: inputs and the time go into the broker, effects come out.
//!
//! ann's link dies while bob writes to her, and she comes back on another connection.

use std::time::Duration;

use rejoin::Config;
use rejoin::broker::{Broker, Effect, Effects, Event, Input, Mail, Receiver, Request, Said};
use rejoin::id::{ConnId, Name, Proof, Source, Text, Texts, Time};

fn main() {
    for line in run() {
        println!("{line}");
    }
}

/// What comes of the story, line by line.
pub(crate) fn run() -> Vec<String> {
    let mut chat = Chat {
        broker: Broker::new(&Config::default()),
        effects: Effects::new(),
        now: Time::ZERO,
        lines: Vec::new(),
    };
    let [old, bob, new] = [1, 2, 3].map(ConnId::new);
    chat.connect(old);
    chat.log_in(old, "ann");
    chat.connect(bob);
    chat.log_in(bob, "bob");
    // The reader finds out first that ann's link is dead; the writer still holds on to it.
    chat.tell(Input::ReaderFinished { conn: old });
    chat.say(bob, "ann", "are you coming?");
    chat.connect(new);
    chat.log_in(new, "ann");
    // Only now the name is free, and what waited goes out.
    let undelivered = Vec::new();
    let conn = old;
    chat.tell(Input::WriterFinished { conn, undelivered });
    chat.say(new, "bob", "at eight");
    chat.lines
}

struct Chat {
    broker: Broker,
    effects: Effects,
    now: Time,
    lines: Vec<String>,
}

impl Chat {
    fn connect(&mut self, conn: ConnId) {
        let source = Source::of([192, 0, 2, 1].into());
        self.tell(Input::Accepted { conn, source });
    }

    fn log_in(&mut self, conn: ConnId, name: &str) {
        let name = Name::parse(name).expect("it is a name");
        // What a driver makes of the secret that the peer has given.
        let proof = Some(Proof::new([name.as_bytes()[0]; 32]));
        let request = Request::LogIn { name, proof };
        self.tell(Input::Request { conn, request });
    }

    fn say(&mut self, conn: ConnId, to: &str, text: &str) {
        let to = vec![Receiver::Peer(Name::parse(to).expect("it is a name"))];
        let text = Text::parse(text).expect("it is a text");
        let said = Said::from(Texts::from(&text));
        let request = Request::Send { to, said };
        self.tell(Input::Request { conn, request });
    }

    /// Tells the broker something, and does what it wants done.
    fn tell(&mut self, input: Input) {
        self.now = self.now.after(Duration::from_millis(1));
        self.broker.handle(self.now, input, &mut self.effects);
        for effect in self.effects.iter() {
            match effect {
                Effect::Deliver { to, event } => {
                    for conn in to {
                        self.lines.push(format!("{conn} reads: {}", shown(&event)));
                    }
                }
                Effect::StopReader { conn } => self.lines.push(format!("{conn} stops reading")),
                Effect::StopWriter { conn, .. } => self.lines.push(format!("{conn} stops writing")),
                Effect::Discard { .. } | Effect::Forget { .. } => {}
            }
        }
        self.effects.clear();
    }
}

fn shown(event: &Event) -> String {
    if let Event::Mail(mail) | Event::KeptMail(mail) = event
        && let Mail::Message(message) = mail
    {
        return format!("{} from {}", message.text(), message.header().from);
    }
    format!("{event:?}")
}
