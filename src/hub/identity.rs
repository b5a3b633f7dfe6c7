//! What a server says of itself.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeMap;
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
    /// The operators, with the hashes of their passwords in the form that [`Digest::verify`]
    /// takes.
    ///
    /// [`Digest::verify`]: super::Digest::verify
    pub operators: BTreeMap<String, String>,
    /// The password that every IRC client must give, if there is one.
    pub password: Option<String>,
    /// The driver's start, in microseconds since 1970.
    pub epoch: u64,
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
            epoch: 0,
        }
    }
}
