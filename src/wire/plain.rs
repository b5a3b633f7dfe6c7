//! The plain protocol: UTF-8 lines that people can type and programs can read.
#![doc = ""]
#![doc = include_str!("../../docs/PROTOCOL.md")]

mod read;
mod write;

use alloc::vec::Vec;

pub(crate) use read::parse_again;
#[cfg(feature = "record")]
pub(crate) use read::{end_of_command, end_of_words};
pub use read::{parse, parse_login};
pub use write::{
    messages_length, write_bye, write_bye_with, write_end, write_event, write_hello, write_help,
    write_kept, write_killed, write_mail, write_messages, write_mistake, write_peer, write_probe,
    write_room,
};

use crate::broker::{Receiver, Request};
use crate::id::{BadSecret, Name, Room};

/// What a line asks for.
#[derive(Clone, Debug)]
pub enum Command<'a> {
    /// To log in.
    LogIn {
        /// As whom.
        name: Name,
        /// What shows that it is the same peer as before, or will be able to; with the server's
        /// password ahead of it, if that has one.
        given: Option<&'a str>,
    },
    /// To say something.
    Say(Saying<'a>),
    /// Something else that the broker answers.
    Request(Request),
    /// The rooms.
    Rooms,
    /// The peers.
    Who {
        /// In a room, or all.
        room: Option<Room>,
    },
    /// The explanation, [`HELP`].
    Help,
    /// Nothing: it only says that somebody is there.
    Pong,
}

/// What a line says, and to whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Saying<'a> {
    to: &'a str,
    text: &'a str,
}

impl<'a> Saying<'a> {
    /// The receivers, as they are written.
    pub const fn to(self) -> &'a str {
        self.to
    }

    /// The receivers.
    pub fn receivers(self) -> Vec<Receiver> {
        read::receivers(self.to)
    }

    /// The text, which is a [`Text`](crate::id::Text).
    pub const fn text(self) -> &'a str {
        self.text
    }
}

/// What is wrong with a line; nothing was done then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mistake {
    /// `empty-line`: it says nothing.
    EmptyLine,
    /// `line-too-long`: it is longer than the limit, and was skipped.
    LineTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// `invalid-utf8`: it is not UTF-8.
    InvalidUtf8,
    /// `control-character`: it has one that a line may not have.
    ControlCharacter,
    /// `bad-name`: it does not begin with a name.
    BadName,
    /// `bad-secret`: what follows the name is no secret.
    BadSecret(BadSecret),
    /// `too-many-names`: it took a name too often.
    TooManyNames,
    /// `wrong-password`: what follows the name does not begin with the server's password.
    WrongPassword,
    /// `no-colon`: it says neither to whom, nor is it a command.
    NoColon,
    /// `bad-receiver`: one of the receivers is neither a name nor a room.
    BadReceiver,
    /// `empty-text`: nothing follows the colon.
    EmptyText,
    /// `unknown-command`: there is no such command.
    UnknownCommand,
    /// `bad-arguments`: the command is followed by the wrong words.
    BadArguments {
        /// How the command is used.
        usage: &'static str,
    },
    /// `may-not-join`: the room has a mode that keeps the peer out.
    MayNotJoin {
        /// The room.
        room: Room,
    },
    /// `may-not-speak`: the room has a mode that keeps the peer silent.
    MayNotSpeak {
        /// The room.
        room: Room,
    },
}

impl Mistake {
    /// Whether this was an attempt to log in.
    pub const fn fails_login(self) -> bool {
        matches!(
            self,
            Self::BadName | Self::BadSecret(_) | Self::WrongPassword
        )
    }
}

/// What `/help` answers, one line each.
pub const HELP: &[&str] = &[
    "NAME                  log in as a guest",
    "NAME SECRET           log in so that you can come back, or come back",
    "NAME PASSWORD:SECRET  the same, where the server has a password",
    "bob, carol: hi        say hi to bob and carol (or: /msg bob,carol hi)",
    "#rust: hi             say hi to everybody in a room that you are in",
    "/join #rust           enter a room",
    "/leave #rust [WHY]    leave it (or: /part)",
    "/nick NAME            take another name",
    "/rooms                list the rooms",
    "/who [#rust]          list who is here, or in a room",
    "/quit [WHY]           give your name up and go",
    "/pong                 answer a ping",
    "/help                 read this again",
];
