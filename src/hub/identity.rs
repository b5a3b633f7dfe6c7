//! What a server says of itself.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What a server says of itself, and who may do what on it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Identity {
    /// The server's name: what its replies are from. It has a dot and no space.
    pub name: String,
    /// The name of the network, without a space.
    pub network: String,
    /// What the server is, in a few words.
    pub description: String,
    /// How whoever runs it can be reached.
    pub admin: String,
    /// The message of the day, line by line; none if there is none.
    pub motd: Option<Vec<String>>,
    /// The operators, with the hashes of their passwords, in a form that the driver knows.
    pub operators: BTreeMap<String, String>,
    /// The password that every client must give, if there is one, without spaces and colons.
    pub password: Option<String>,
    /// Where it can be reached.
    pub ports: Ports,
}

impl Identity {
    /// What `new` says otherwise, in words, without passwords and their hashes.
    pub fn changes(&self, new: &Self) -> Vec<String> {
        let fields = [
            (self.name != new.name, "name"),
            (self.network != new.network, "network"),
            (self.description != new.description, "description"),
            (self.admin != new.admin, "admin"),
            (self.motd != new.motd, "message of the day"),
            (self.password != new.password, "server password"),
        ];
        let fields = fields.into_iter().filter(|(differs, _)| *differs);
        let fields = fields.map(|(_, field)| field.to_owned());
        let (old, new) = (&self.operators, &new.operators);
        let added = new.keys().filter(|name| !old.contains_key(*name));
        let removed = old.keys().filter(|name| !new.contains_key(*name));
        let changed = new.iter().filter(|(name, hash)| {
            let before = old.get(*name);
            before.is_some_and(|before| before != *hash)
        });
        fields
            .chain(added.map(|name| format!("operator {name} added")))
            .chain(removed.map(|name| format!("operator {name} removed")))
            .chain(changed.map(|(name, _)| format!("password of operator {name}")))
            .collect()
    }
}

/// The ports by which a server can be reached: a client that is on the wrong one is told the right
/// one. `None` if a protocol is not served, or nobody knows where.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[cfg_attr(feature = "record", derive(serde::Serialize, serde::Deserialize))]
pub struct Ports {
    /// For the plain protocol.
    pub plain: Option<u16>,
    /// For IRC.
    pub irc: Option<u16>,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            name: "rejoin.localhost".to_owned(),
            network: "rejoin".to_owned(),
            description: "a chat server that never loses you".to_owned(),
            admin: "the one who runs this server".to_owned(),
            motd: None,
            operators: BTreeMap::new(),
            password: None,
            ports: Ports::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(motd: &str, operators: &[(&str, &str)], password: Option<&str>) -> Identity {
        let own = |(name, hash): &(&str, &str)| ((*name).to_owned(), (*hash).to_owned());
        Identity {
            motd: Some([motd.to_owned()].into()),
            operators: operators.iter().map(own).collect(),
            password: password.map(str::to_owned),
            ..Identity::default()
        }
    }

    #[test]
    fn changes_name_what_changed_and_no_secret() {
        let old = identity(
            "hello",
            &[("ann", "h1"), ("bob", "h2"), ("eve", "h3")],
            None,
        );
        assert_eq!(old.changes(&old.clone()), [""; 0]);
        let new = identity(
            "bye",
            &[("ann", "h1"), ("bob", "h4"), ("zoe", "h5")],
            Some("s"),
        );
        let changes = [
            "message of the day",
            "server password",
            "operator zoe added",
            "operator eve removed",
            "password of operator bob",
        ];
        assert_eq!(old.changes(&new), changes);
    }
}
