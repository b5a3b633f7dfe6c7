//! Audit entries: refused logins, and what operators do, for the server's log.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use core::net::IpAddr;

use super::{Digest, Hub, Outputs};
use crate::id::{ConnId, Name};

/// An entry for the server's log. It contains no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Audit {
    /// What was done or refused.
    pub act: Act,
    /// The connection that asked for it.
    pub conn: ConnId,
    /// The address of that connection.
    pub address: IpAddr,
    /// The name that the connection holds, if any.
    pub name: Option<Name>,
    /// The name or channel that it is about.
    pub target: Option<String>,
    /// More about it: a reason, or the entry of a list.
    pub detail: Option<String>,
}

/// What was done or refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Act {
    /// A login was refused because of its secret; the target is the name.
    SecretRefused,
    /// The server's password was wrong or missing; the target is the name that was asked for.
    PasswordRefused,
    /// `OPER` was refused; the target is the operator, if there is one of that name. Any other name
    /// is left out: it may be a password that somebody typed in the wrong place.
    OperRefused,
    /// Somebody has become an operator, which is the target.
    Oper,
    /// `KILL`; the target is who was killed.
    Kill,
    /// The bans, exceptions or invitations of a channel, the target, were changed.
    ChannelList,
    /// `REHASH`.
    Rehash,
}

impl<D: Digest> Hub<D> {
    /// Reports an entry for the log.
    pub(super) fn audit(
        &self,
        (conn, act): (ConnId, Act),
        target: Option<&str>,
        detail: Option<&str>,
        out: &mut Outputs,
    ) {
        out.audit(Audit {
            act,
            conn,
            address: self.links[conn].address,
            name: self.name(conn),
            target: target.map(str::to_owned),
            detail: detail.map(str::to_owned),
        });
    }
}
