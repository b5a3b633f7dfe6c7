//! Connections and one name, alice, in every state that the tables name.

use std::time::Duration;

use rejoin::broker::StopReason;
use rejoin::broker::lifecycle::{
    Expired, Hold, Lifecycle, Limits, Login, Phase, Removal, Stop, Then,
};
use rejoin::id::{ConnId, Name, Proof, Source, Time};

use Event::{GivesUp, LogsIn, Quits, ReaderEnds, WriterEnds};

/// The values of an enum that the tables name.
macro_rules! named {
    ($(#[$doc:meta])* $Enum:ident { $($Value:ident),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) enum $Enum { $($Value),* }

        impl $Enum {
            pub(crate) const ALL: [Self; [$(Self::$Value),*].len()] = [$(Self::$Value),*];

            pub(crate) fn named(name: &str) -> Self {
                let mut all = Self::ALL.into_iter();
                all.find(|value| format!("{value:?}") == name).expect(name)
            }
        }
    };
}

named! {
    /// How far `it` had come.
    Was { Greeting, Waiting, Online, Leaving, Nameless, Forgotten }
}

named! {
    /// What happened to a connection; it gives up for its silence, and logs in as alice.
    Event { ReaderEnds, GivesUp, Quits, WriterEnds, LogsIn }
}

named! {
    /// What alice was, before `it` logs in.
    Alice {
        Free,
        Away,
        ResumableOnline,
        GuestOnline,
        ResumableLeaving,
        ResumableLeavingAwaited,
        GuestLeaving,
        GuestLeavingAwaited,
        Quitter,
    }
}

named! {
    /// What a connection shows at its login.
    Brings { None, Wrong, Right }
}

impl Alice {
    fn is_a_guest(self) -> bool {
        matches!(
            self,
            Self::GuestOnline | Self::GuestLeaving | Self::GuestLeavingAwaited
        )
    }

    fn is_awaited(self) -> bool {
        matches!(
            self,
            Self::ResumableLeavingAwaited | Self::GuestLeavingAwaited
        )
    }

    /// Nobody can bring the right proof where there never was one.
    pub(crate) fn knows(self, proof: Brings) -> bool {
        proof != Brings::Right || !(self.is_a_guest() || self == Self::Free)
    }
}

pub(crate) const OLDER: ConnId = ConnId::new(1);
pub(crate) const OLD: ConnId = ConnId::new(2);
pub(crate) const IT: ConnId = ConnId::new(3);
pub(crate) const NEW: ConnId = ConnId::new(4);

pub(crate) const NOW: Time = Time::from_micros(1_000);
pub(crate) const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
pub(crate) const RESUME_WINDOW: Duration = Duration::from_secs(300);
pub(crate) const LIMITS: Limits = Limits {
    login_timeout: LOGIN_TIMEOUT,
    resume_window: RESUME_WINDOW,
    peers: 10,
    peers_per_source: 10,
};

/// Where all connections come from.
pub(crate) fn source() -> Source {
    Source::of([192, 0, 2, 1].into())
}

pub(crate) fn just_before(time: Time) -> Time {
    Time::from_micros(time.as_micros() - 1)
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

/// What a connection is called in the tables.
fn called(conn: ConnId) -> &'static str {
    ["older", "old", "it", "new"][usize::try_from(conn.number() - 1).unwrap()]
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Scene {
    pub(crate) lifecycle: Lifecycle,
    pub(crate) stops: Vec<Stop>,
}

impl Scene {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            lifecycle: Lifecycle::new(limits),
            stops: Vec::new(),
        }
    }

    /// `it` has come so far; alice is its name, or what it waits for, if there is one.
    pub(crate) fn when_it_is(was: Was) -> Self {
        let mut scene = Self::new(LIMITS);
        if was == Was::Waiting {
            scene.accept(OLDER);
            scene.happens(OLDER, LogsIn);
        }
        scene.accept(IT);
        let before: &[Event] = match was {
            Was::Greeting => &[],
            Was::Waiting | Was::Online => &[LogsIn],
            Was::Leaving => &[LogsIn, ReaderEnds],
            Was::Nameless => &[ReaderEnds],
            Was::Forgotten => &[LogsIn, WriterEnds],
        };
        for &event in before {
            scene.happens(IT, event);
        }
        if was == Was::Forgotten {
            scene.accept(NEW);
            scene.happens(NEW, LogsIn);
        }
        scene.stops.clear();
        scene
    }

    /// alice is such a peer, and `it` has not logged in yet.
    pub(crate) fn when_alice_is(alice: Alice) -> Self {
        let mut scene = Self::new(LIMITS);
        scene.accept(OLDER);
        let proof = if alice.is_a_guest() {
            Brings::None
        } else {
            Brings::Right
        };
        if alice != Alice::Free {
            scene.log_in(OLDER, "alice", proof);
        }
        let end = match alice {
            Alice::Free | Alice::Away => Some(WriterEnds),
            Alice::ResumableOnline | Alice::GuestOnline => None,
            Alice::ResumableLeaving
            | Alice::ResumableLeavingAwaited
            | Alice::GuestLeaving
            | Alice::GuestLeavingAwaited => Some(ReaderEnds),
            Alice::Quitter => Some(Quits),
        };
        if let Some(end) = end {
            scene.happens(OLDER, end);
        }
        if alice.is_awaited() {
            scene.accept(OLD);
            scene.log_in(OLD, "alice", proof);
        }
        scene.accept(IT);
        scene.stops.clear();
        scene
    }

    pub(crate) fn accept(&mut self, conn: ConnId) {
        self.lifecycle
            .accepted(NOW, conn, source(), &mut self.stops);
    }

    pub(crate) fn expire(&mut self, now: Time) -> Option<Expired> {
        self.lifecycle.expire(now, &mut self.stops)
    }

    /// Returns the answer.
    pub(crate) fn log_in(&mut self, conn: ConnId, as_whom: &str, proof: Brings) -> String {
        let proof = match proof {
            Brings::None => None,
            Brings::Wrong => Some(Proof::new([0; 32])),
            Brings::Right => Some(Proof::new([1; 32])),
        };
        let stops = &mut self.stops;
        match self.lifecycle.login(conn, name(as_whom), proof, stops) {
            Login::Refused(why) => format!("{why:?}"),
            answer @ (Login::Joined
            | Login::JoinedFor(_)
            | Login::Returned
            | Login::Waits
            | Login::Ignored) => format!("{answer:?}"),
        }
    }

    /// Returns the answer.
    pub(crate) fn happens(&mut self, conn: ConnId, event: Event) -> String {
        let Self { lifecycle, stops } = self;
        let answer = match event {
            ReaderEnds => {
                lifecycle.reader_finished(conn, stops);
                None
            }
            GivesUp => {
                lifecycle.give_up(conn, StopReason::Silent, stops);
                None
            }
            Quits => lifecycle
                .quit(conn, stops)
                .map(|name| format!("{name} is given up")),
            WriterEnds => lifecycle.writer_finished(NOW, conn, stops).map(told),
            LogsIn => Some(self.log_in(conn, "alice", Brings::Right)),
        };
        answer.unwrap_or("-".into())
    }

    pub(crate) fn phase(&self, conn: ConnId) -> String {
        let phase = match self.lifecycle.phase(conn) {
            Some(Phase::Greeting { .. }) => "greeting",
            Some(Phase::Waiting { .. }) => "waiting",
            Some(Phase::Online { .. }) => "online",
            Some(Phase::Leaving { name: Some(_) }) => "leaving, named",
            Some(Phase::Leaving { name: None }) => "leaving",
            None => "forgotten",
        };
        phase.into()
    }

    /// Who was told to stop; where no connection is named, it is `it`.
    pub(crate) fn stopped(&self) -> String {
        let mut told = Vec::new();
        let mut stops = self.stops.iter().peekable();
        while let Some(&stop) = stops.next() {
            told.push(match (stop, stops.peek()) {
                (Stop::Reader(reader), Some(&&Stop::Writer(writer, why))) if reader == writer => {
                    stops.next();
                    match writer {
                        IT => format!("reader and writer ({why:?})"),
                        other => format!("{}, both ({why:?})", called(other)),
                    }
                }
                (Stop::Reader(IT), _) => "reader".into(),
                (Stop::Writer(IT, why), _) => format!("writer ({why:?})"),
                (Stop::Reader(_) | Stop::Writer(..), _) => format!("{stop:?}"),
            });
        }
        if told.is_empty() {
            "-".into()
        } else {
            told.join(", ")
        }
    }

    pub(crate) fn alice(&self) -> String {
        let Some(binding) = self.lifecycle.binding(&name("alice")) else {
            return "free".into();
        };
        let peer = if binding.proof.is_some() {
            "resumable"
        } else {
            "guest"
        };
        let joined_with = called(binding.peer.joined_with());
        let hold = match binding.hold {
            Hold::Away { until } => {
                assert_eq!(until, NOW.after(RESUME_WINDOW));
                "away".into()
            }
            Hold::Held { holder, waiter } => {
                let awaited = waiter.map(|conn| format!(", awaited by {}", called(conn)));
                format!("held by {}{}", called(holder), awaited.unwrap_or_default())
            }
        };
        format!("{peer} of {joined_with}, {hold}")
    }

    /// The name that a connection bears, which is also the one in the list of names.
    pub(crate) fn shown(&self, conn: ConnId) -> String {
        let borne = self.lifecycle.online(conn).expect("it is online");
        let (listed, _) = self.lifecycle.bindings().next().expect("a name is bound");
        assert_eq!(borne.as_str(), listed.as_str());
        borne.as_str().into()
    }
}

fn told(removal: Removal) -> String {
    assert_eq!(removal.name, name("alice"));
    match removal.then {
        Then::Returned(conn) => format!("removed: Returned({})", called(conn)),
        Then::Succeeded(conn) => format!("removed: Succeeded({})", called(conn)),
        Then::Away => "removed: Away".into(),
        Then::Gone => "removed: Gone".into(),
    }
}
