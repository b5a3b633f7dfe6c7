//! Pure translation between lines and the broker's words.

pub mod irc;
pub mod lines;
pub mod plain;
pub mod stranger;
pub mod telnet;

use crate::broker::StopReason;

/// Why a connection ends, in words for whoever is at its other end.
pub const fn farewell(reason: StopReason) -> &'static str {
    match reason {
        StopReason::ReaderFinished => "you closed the connection",
        StopReason::Quit => "you quit",
        StopReason::Dismissed => "you were removed",
        StopReason::Replaced => "you are back on another connection",
        StopReason::LoginTimeout => "you did not log in in time",
        StopReason::FailedLogins => "too many failed logins",
        StopReason::OtherProtocol => "you speak another protocol",
        StopReason::NotAdmitted => "you did not give the server's password",
        StopReason::ServerFull => "there are too many peers",
        StopReason::Silent => "you were silent for too long",
        StopReason::TooSlow => "you read too slowly",
        StopReason::TooManyConnections => "there are too many connections",
        StopReason::Unanswered | StopReason::ShuttingDown => "the server stops",
    }
}
