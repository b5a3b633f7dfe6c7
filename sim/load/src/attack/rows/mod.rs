//! The attacks, as they were found, by their numbers.

mod crowd;
mod floods;
mod guesses;
mod lists;
mod mail;
mod sight;

use std::fmt;

use anyhow::Result;

use super::field::Attack;

/// One attack.
#[derive(Debug)]
pub struct Row {
    /// How it is called.
    pub name: &'static str,
    /// What is done.
    pub what: &'static str,
    /// Flags for rejoin.
    pub(super) flags: &'static [&'static str],
    /// More of them, or others, if the attack is small.
    pub(super) small_flags: &'static [&'static str],
    /// Whether it is played beside all others, too: not if its flags change what others see.
    pub is_at_once: bool,
    /// What else the server must have.
    pub(super) needs: &'static [Needs],
    /// Whether even those who come from the address of the attack are to be let in.
    pub(super) visitors_share_address: bool,
    /// Whether it can be done to any server of IRC.
    pub is_for_others: bool,
    /// Prepares, says so, and attacks until the end of the play.
    pub(super) attack: fn(&Attack<'_>) -> Result<()>,
}

/// What a server must have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Needs {
    /// An operator.
    Operator,
    /// A standard error that nobody reads.
    UnreadLog,
}

impl Row {
    const fn new(
        name: &'static str,
        what: &'static str,
        attack: fn(&Attack<'_>) -> Result<()>,
    ) -> Self {
        Self {
            name,
            what,
            flags: &[],
            small_flags: &[],
            is_at_once: true,
            needs: &[],
            visitors_share_address: false,
            is_for_others: false,
            attack,
        }
    }

    /// The row of this name.
    pub fn find(name: &str) -> Option<&'static Self> {
        ROWS.iter().find(|row| row.name == name)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attack {}: {}", self.name, self.what)
    }
}

/// All of them.
pub static ROWS: &[Row] = &[
    Row {
        is_for_others: true,
        ..Row::new("masks", "masks that take long to match", lists::masks)
    },
    Row {
        is_for_others: true,
        ..Row::new("seen", "changes that many see", lists::seen)
    },
    Row {
        flags: &["--resume-window=6s", "--return-grace=1s"],
        small_flags: &[
            "--resume-window=4s",
            "--mailbox-bytes=100000",
            "--mailbox-bytes-per-address=50000",
        ],
        is_at_once: false,
        ..Row::new("expiry", "full mailboxes that expire at once", mail::expiry)
    },
    Row {
        small_flags: &[
            "--mailbox-bytes=100000",
            "--mailbox-bytes-per-address=50000",
        ],
        ..Row::new("mail", "one line for many that are away", mail::rooms)
    },
    Row {
        is_for_others: true,
        ..Row::new("names", "long lists that are hardly read", lists::names)
    },
    Row {
        small_flags: &["--peers=3000", "--peers-per-address=200"],
        ..Row::new("peers", "names and rooms without end", lists::peers)
    },
    Row {
        is_for_others: true,
        ..Row::new("keys", "keys of a channel are guessed", guesses::keys)
    },
    Row::new("tags", "one client is told too much", mail::tags),
    Row {
        small_flags: &[
            "--mailbox-messages=1000",
            "--mailbox-messages-per-address=500",
        ],
        ..Row::new("mailbox", "a stranger's mailbox is filled", mail::mailbox)
    },
    Row {
        needs: &[Needs::UnreadLog],
        ..Row::new("log", "a log that nobody reads", floods::resets)
    },
    Row {
        visitors_share_address: true,
        ..Row::new("former", "former names count as guesses", guesses::former)
    },
    Row {
        is_for_others: true,
        ..Row::new("connects", "a flood of connections", floods::connects)
    },
    Row {
        needs: &[Needs::Operator],
        ..Row::new("oper", "an operator's password is guessed", guesses::oper)
    },
    Row::new(
        "hidden",
        "an outsider looks for what is hidden",
        sight::hidden,
    ),
    Row {
        flags: &["--return-grace=200ms"],
        ..Row::new(
            "return",
            "who was expelled while away returns",
            sight::returns,
        )
    },
    Row {
        visitors_share_address: true,
        ..Row::new(
            "shared",
            "wrong secrets from a shared address",
            guesses::shared,
        )
    },
    Row {
        small_flags: &["--peers=3000", "--peers-per-address=200"],
        ..Row::new("logins", "one login after another", guesses::logins)
    },
    Row::new("msgids", "messages of others are counted", sight::msgids),
];
