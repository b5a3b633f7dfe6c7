//! Some of the clients in the file of a plan: a list, where the plan has a bit for each.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::CLIENTS;

pub(super) fn serialize<S: Serializer>(clients: &u8, to: S) -> Result<S::Ok, S::Error> {
    let those = (0..CLIENTS).filter(|client| clients >> client & 1 == 1);
    those.collect::<Vec<_>>().serialize(to)
}

pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<u8, D::Error> {
    let those = Vec::<u8>::deserialize(from)?;
    those.into_iter().try_fold(0, |clients, client| {
        if client >= CLIENTS {
            let last = CLIENTS - 1;
            let says = format!("there is no client {client}: the last is {last}");
            return Err(D::Error::custom(says));
        }
        Ok(clients | 1 << client)
    })
}
