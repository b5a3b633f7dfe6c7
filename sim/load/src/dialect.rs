//! What servers speak: how to log in, to say something, and what is heard then.

use std::borrow::Cow;

use crate::text::{DIGITS, Expected, Template};

/// What a server speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Dialect {
    /// The plain protocol of rejoin.
    Plain,
    /// IRC.
    Irc,
    /// Redis, as far as publishing and subscribing go.
    Redis,
    /// NATS.
    Nats,
    /// The raw relay ([`crate::relay`]).
    Relay,
}

/// Where something is said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// To one peer.
    Peer(String),
    /// In a room, whose name has no sign before it here.
    Room(String),
}

/// What a client is there for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Role {
    /// For nothing.
    Idle,
    /// It speaks there.
    Speaks(Place),
    /// It hears what is said there.
    Hears(Place),
}

/// A client.
#[derive(Clone, Debug)]
pub struct Client {
    /// Its name.
    pub name: String,
    /// Its secret, if it has one and the server knows such things.
    pub secret: Option<String>,
    /// What it is there for.
    pub role: Role,
}

impl Client {
    /// One without a secret.
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self {
            name: name.into(),
            secret: None,
            role,
        }
    }

    /// The same, but with a secret that comes of its name.
    #[must_use]
    pub fn resumable(mut self) -> Self {
        self.secret = Some(format!("secret-of-{}", self.name));
        self
    }
}

/// One step of a login: what is said, and with what the answer is known.
#[derive(Clone, Debug)]
pub struct Step {
    /// What the client says.
    pub say: String,
    /// One of these is in the line with which the next step can begin.
    pub until: Vec<String>,
}

fn step(say: String, until: &[&str]) -> Step {
    let until = until.iter().map(|&word| word.to_owned()).collect();
    Step { say, until }
}

impl Dialect {
    /// What it takes until a client is ready.
    pub fn login(self, client: &Client) -> Vec<Step> {
        let Client { name, secret, role } = client;
        match self {
            Self::Plain => {
                let secret = secret.as_ref().map_or(String::new(), |s| format!(" {s}"));
                let mut steps = vec![step(format!("{name}{secret}\n"), &["* welcome", "* back"])];
                if let Role::Speaks(Place::Room(room)) | Role::Hears(Place::Room(room)) = role {
                    let joined = format!("* joined #{room} {name}");
                    steps.push(step(format!("/join #{room}\n"), &[&joined]));
                }
                steps
            }
            Self::Irc => {
                let pass = secret.as_ref();
                let pass = pass.map_or(String::new(), |s| format!("PASS {s}\r\n"));
                let say = format!("{pass}NICK {name}\r\nUSER {name} 0 * :{name}\r\n");
                let mut steps = vec![step(say, &[" 376 ", " 422 "])];
                if let Role::Speaks(Place::Room(room)) | Role::Hears(Place::Room(room)) = role {
                    steps.push(step(format!("JOIN #{room}\r\n"), &[" 366 "]));
                }
                steps
            }
            Self::Redis => match role {
                Role::Hears(place) => {
                    vec![step(format!("SUBSCRIBE {}\r\n", place.name()), &[":1"])]
                }
                Role::Idle | Role::Speaks(_) => vec![step("PING\r\n".into(), &["+PONG"])],
            },
            Self::Nats => {
                let hello = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\nPING\r\n";
                let mut steps = vec![step(hello.into(), &["PONG"])];
                if let Role::Hears(place) = role {
                    let say = format!("SUB {} 1\r\nPING\r\n", place.name());
                    steps.push(step(say, &["PONG"]));
                }
                steps
            }
            Self::Relay => {
                let say = match role {
                    Role::Idle => "idle\n".into(),
                    Role::Speaks(place) => format!("say {}\n", place.name()),
                    Role::Hears(place) => format!("hear {}\n", place.name()),
                };
                vec![step(say, &["ok"])]
            }
        }
    }

    /// What a client says last; nothing if it just goes.
    pub const fn goodbye(self) -> &'static str {
        match self {
            Self::Plain => "/quit\n",
            Self::Irc => "QUIT\r\n",
            Self::Redis => "QUIT\r\n",
            Self::Nats | Self::Relay => "",
        }
    }

    /// How `text` is said there.
    pub fn said(self, place: &Place, text: &str) -> Template {
        let name = place.name();
        match self {
            Self::Plain => Template::new(&format!("{}: ", place.signed()), text, "\n"),
            Self::Irc => Template::new(&format!("PRIVMSG {} :", place.signed()), text, "\r\n"),
            Self::Redis => {
                let (name_bytes, bytes) = (name.len(), text.len());
                let before =
                    format!("*3\r\n$7\r\nPUBLISH\r\n${name_bytes}\r\n{name}\r\n${bytes}\r\n");
                Template::new(&before, text, "\r\n")
            }
            Self::Nats => Template::new(&format!("PUB {name} {}\r\n", text.len()), text, "\r\n"),
            Self::Relay => Template::new("", text, "\n"),
        }
    }

    /// What is heard there when `from` says `text`.
    pub fn heard(self, from: &str, place: &Place, text: &str) -> Expected {
        let (name, bytes) = (place.name(), text.len());
        let (starts, before) = match self {
            Self::Plain => match place {
                Place::Peer(_) => (format!("from {from}: "), String::new()),
                Place::Room(_) => (format!("from {from} in #{name}: "), String::new()),
            },
            Self::Irc => (
                format!(":{from}!"),
                format!(" PRIVMSG {} :", place.signed()),
            ),
            Self::Redis => (
                format!(
                    "*3\r\n$7\r\nmessage\r\n${}\r\n{name}\r\n${bytes}\r\n",
                    name.len()
                ),
                String::new(),
            ),
            Self::Nats => (format!("MSG {name} 1 {bytes}\r\n"), String::new()),
            Self::Relay => (String::new(), String::new()),
        };
        let end = match self {
            Self::Plain | Self::Relay => "\n",
            Self::Irc | Self::Redis | Self::Nats => "\r\n",
        };
        Expected {
            starts: starts.into(),
            before: before.into(),
            tail: format!("{}{end}", &text[DIGITS..]).into(),
        }
    }

    /// A line without the time at which it was said, which only what was kept has.
    pub fn without_time(self, line: &str) -> Cow<'_, str> {
        let parts = line.split_once(": ").and_then(|(head, text)| {
            let (head, time) = head.rsplit_once(" at ")?;
            time.ends_with('Z').then_some((head, text))
        });
        match parts {
            Some((head, text)) if self == Self::Plain => Cow::Owned(format!("{head}: {text}")),
            Some(_) | None => Cow::Borrowed(line),
        }
    }

    /// Whether all of a frame's head is known before one is heard.
    pub const fn is_exact(self) -> bool {
        !matches!(self, Self::Irc)
    }

    /// What a client must answer to a line.
    pub fn answer(self, line: &str) -> Option<String> {
        match self {
            Self::Plain => (line == "* ping").then(|| "/pong\n".into()),
            Self::Irc => {
                let token = line.strip_prefix("PING ").or_else(|| {
                    let (_, rest) = line.strip_prefix(':')?.split_once(' ')?;
                    rest.strip_prefix("PING ")
                })?;
                Some(format!("PONG {token}\r\n"))
            }
            Self::Nats => (line == "PING").then(|| "PONG\r\n".into()),
            Self::Redis | Self::Relay => None,
        }
    }

    /// Whether a line says that something went wrong.
    pub fn is_error(self, line: &str) -> bool {
        match self {
            Self::Plain => ["* error", "* undelivered", "* bye"]
                .iter()
                .any(|word| line.starts_with(word)),
            Self::Irc => {
                let mut words = line
                    .split(' ')
                    .skip_while(|word| word.starts_with([':', '@']));
                let command = words.next().unwrap_or("");
                let numeric = command.len() == 3 && command.starts_with(['4', '5']);
                (numeric && command != "422") || command == "ERROR" || command == "FAIL"
            }
            Self::Redis | Self::Nats => line.starts_with('-'),
            Self::Relay => line.starts_with("error"),
        }
    }
}

impl Place {
    /// Its name alone.
    pub fn name(&self) -> &str {
        match self {
            Self::Peer(name) | Self::Room(name) => name,
        }
    }

    /// Its name, after a room's sign.
    fn signed(&self) -> String {
        match self {
            Self::Peer(name) => name.clone(),
            Self::Room(name) => format!("#{name}"),
        }
    }
}
