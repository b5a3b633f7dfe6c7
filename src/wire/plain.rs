//! The plain protocol: UTF-8 lines that people can type and programs can read.
//!
//! # What a client says
//!
//! The first line logs in; the others talk, or are commands.
//!
//! | line | what it does |
//! | --- | --- |
//! | `alice` | logs in as a guest |
//! | `alice SECRET` | logs in so that alice can come back, or comes back |
//! | `alice PASSWORD` | logs in as a guest to a server that has a password |
//! | `alice PASSWORD:SECRET` | the same with a secret |
//! | `bob, carol: hi` | says `hi` to bob and to carol |
//! | `#rust: hi` | says `hi` to everybody else in the room |
//! | `/msg bob,carol hi` | says `hi` to bob and to carol, too; also `/m`, `/w`, `/tell`, `/query` |
//! | `/join #rust` | enters a room; also `/j` |
//! | `/leave #rust` | leaves it; also `/part` |
//! | `/leave #rust WHY` | the same, and tells the room why |
//! | `/nick rob` | takes another name |
//! | `/rooms` | lists the rooms that you may know of; also `/list` |
//! | `/who` | lists the peers, but for those who want not to be found; also `/names` |
//! | `/who #rust` | lists the peers in a room |
//! | `/help` | explains these lines |
//! | `/pong` | answers `* ping`, as any other line does |
//! | `/quit` | gives the name up and goes; also `/exit`, `/bye` |
//! | `/quit WHY` | the same, and tells the rooms why |
//!
//! Commands may be written in capital letters, and white space in front of a line is ignored, as
//! it is around its words. A reason that is no text does not void its command: what may not stand
//! in a line is replaced by U+FFFD, and what is longer than 300 bytes is cut.
//!
//! Who does not know this protocol yet may type `help`, `hello`, `hi`, `hey` or `?` as its first
//! line, and is answered as `/help` is; `quit`, `exit` and `bye` close the connection. Somebody
//! who is called so logs in with a secret.
//!
//! # What the server says
//!
//! | line | what it means |
//! | --- | --- |
//! | `* hello: TEXT` | the first line of all: how to log in |
//! | `* welcome alice` | alice is logged in |
//! | `* back alice 3` | alice came back; 3 messages were kept and follow |
//! | `* killed root at TIME: WHY` | an operator had ended your stay before: you are new, and your rooms and what waited for you are gone |
//! | `from bob: hi` | a message |
//! | `from bob in #rust: hi` | a message to a room; `in @#rust` if to its operators alone, `in +#rust` if also to those who have a voice |
//! | `from bob at 2026-11-28T23:54:20Z: hi` | a message that was kept for you, and when it was said (UTC); `from bob in #rust at TIME: hi` if in a room |
//! | `* invited bob #rust` | bob asks you into a room; ` at TIME` follows if that was kept for you |
//! | `* kicked bob #rust: WHY` | bob made you leave a room; if that was kept for you, `* kicked bob #rust at TIME: WHY` |
//! | `* joined #rust bob` | bob entered a room that you are in; perhaps you are bob |
//! | `* left #rust bob WHY` | bob left it: `left`, `quit`, `kicked`, `gone` or `expired`; `: TEXT` may follow |
//! | `* renamed bob rob` | bob is known as rob from now on; perhaps you are rob |
//! | `* kept bob` | bob is away; your message waits for him |
//! | `* undelivered bob CODE: hi` | it did not reach him and will not: `gone`, `expired`, `mailbox-full` or `shutting-down` |
//! | `* undelivered bob CODE in #rust: hi` | the same of what you said in a room |
//! | `* undelivered bob CODE invitation: #rust` | the same of what you asked him into |
//! | `* undelivered bob CODE kick: #rust: WHY` | he was not told that you made him leave it |
//! | `* undelivered bob CODE and 98 more: hi` | the same of so many more messages, whose texts do not come back |
//! | `* room #rust 3` | a room and its number of members; ` joined` follows if you are one |
//! | `* end rooms 7` | the end of that list, and how many rooms it could have |
//! | `* peer bob` | a peer; ` away` follows if it is |
//! | `* end who 7` | the end of that list, and how many peers it could have |
//! | `* help TEXT` | a line of the explanation |
//! | `* ping` | you were silent for long; say something, `/pong` for example |
//! | `* error CODE TEXT` | what you asked for was not done ([`Mistake`], [`Refusal`](crate::broker::Refusal)) |
//! | `* bye TEXT` | the last line before the server closes |

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
