//! Why a run failed, and with which code it exits.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::process::ExitCode;

use rejoin::net::ServeError;

use crate::flags::{Address, BadFlag};
use crate::identity::BadIdentity;
use crate::log;

/// A bad command line, or a bad `RUST_LOG`.
const USAGE: u8 = 2;

/// `EX_CONFIG` of `sysexits.h`: a file or a port that can't be used, whoever tries again.
const CONFIG: u8 = 78;

/// Why a run failed. Each says so in one line.
pub(crate) enum Failure {
    Flag(BadFlag),
    Filter(String),
    Log(io::Error),
    Runtime(io::Error),
    Signals(io::Error),
    Identity(BadIdentity),
    Password(io::Error),
    Listen {
        /// The flag that says where.
        flag: &'static str,
        wanted: Address,
        error: io::Error,
    },
    Record {
        file: PathBuf,
        error: io::Error,
    },
    Serve(ServeError),
}

impl Failure {
    /// Logs the line.
    pub(crate) fn report(&self) -> ExitCode {
        log::say(&format!("rejoin: {self}\n"));
        match self {
            Self::Flag(_) | Self::Filter(_) => ExitCode::from(USAGE),
            Self::Identity(bad) if bad.stays() => ExitCode::from(CONFIG),
            Self::Listen { error, .. } | Self::Record { error, .. } if stays(error.kind()) => {
                ExitCode::from(CONFIG)
            }
            Self::Log(_)
            | Self::Runtime(_)
            | Self::Signals(_)
            | Self::Identity(_)
            | Self::Password(_)
            | Self::Listen { .. }
            | Self::Record { .. }
            | Self::Serve(_) => ExitCode::FAILURE,
        }
    }
}

/// Whether the same error is to be expected of each further try, until somebody does something.
pub(crate) fn stays(error: ErrorKind) -> bool {
    matches!(
        error,
        ErrorKind::AlreadyExists
            | ErrorKind::InvalidData
            | ErrorKind::InvalidFilename
            | ErrorKind::InvalidInput
            | ErrorKind::IsADirectory
            | ErrorKind::NotADirectory
            | ErrorKind::NotFound
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
    )
}

impl From<BadFlag> for Failure {
    fn from(bad: BadFlag) -> Self {
        Self::Flag(bad)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(bad) => bad.fmt(f),
            Self::Filter(why) => write!(f, "bad RUST_LOG: {why}"),
            Self::Log(error) => write!(f, "can't start the thread of the log: {error}"),
            Self::Runtime(error) => write!(f, "can't start the runtime: {error}"),
            Self::Signals(error) => write!(f, "can't wait for signals: {error}"),
            Self::Identity(bad) => bad.fmt(f),
            Self::Password(error) => write!(f, "can't hash a password: {error}"),
            Self::Listen {
                flag,
                wanted,
                error,
            } => cannot_listen(f, flag, wanted, error),
            Self::Record { file, error } => {
                write!(f, "can't record in {}: {error}", file.display())
            }
            Self::Serve(error) => write!(f, "can't go on serving: {error}"),
        }
    }
}

fn cannot_listen(
    f: &mut fmt::Formatter<'_>,
    flag: &str,
    wanted: &Address,
    error: &io::Error,
) -> fmt::Result {
    let kind = error.kind();
    if kind == ErrorKind::AddrInUse {
        let what = "is in use; stop what listens there, or choose another with";
        write!(f, "address {wanted} {what} {flag}")
    } else if kind == ErrorKind::AddrNotAvailable {
        let what = "is not one of this machine's; choose another with";
        write!(f, "address {wanted} {what} {flag}")
    } else if kind == ErrorKind::PermissionDenied {
        let what = "choose a port above 1023 with";
        write!(f, "not permitted to listen on {wanted}; {what} {flag}")
    } else {
        write!(f, "can't listen on {wanted} ({flag}): {error}")
    }
}
