//! Logs audit entries.

use tracing::info;

use crate::hub::{Act, Audit};

/// Logs one line. Each kind has its own call site, since the log limits lines by call site.
pub(super) fn log(audit: &Audit) {
    let Audit {
        act,
        conn,
        address,
        name,
        target,
        detail,
    } = audit;
    let who = name.as_ref().map(|name| name.as_str());
    let (target, detail) = (target.as_deref(), detail.as_deref());
    macro_rules! line {
        ($what:literal) => {
            info!(%conn, %address, who, target, detail, $what)
        };
    }
    match act {
        Act::SecretRefused => line!("login refused: wrong secret"),
        Act::PasswordRefused => line!("login refused: wrong server password"),
        Act::OperRefused => line!("OPER refused: wrong name or password"),
        Act::Oper => line!("OPER granted"),
        Act::Kill => line!("KILL"),
        Act::ChannelList => line!("channel list changed"),
        Act::Rehash => line!("REHASH"),
    }
}
