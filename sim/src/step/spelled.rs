//! Names and rooms in the file of a plan: by what they are called, and not by their index.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{NAMES, ROOMS, pick};

/// The index of what is called so.
fn index<E: Error>(pool: &[&str], what: &str, called: &str) -> Result<u8, E> {
    let index = pool.iter().position(|&known| known == called);
    let index = index.map(|index| index as u8);
    let known = pool.join(", ");
    index.ok_or_else(|| E::custom(format!("there is no {what} {called}: there are {known}")))
}

pub(super) mod name {
    use super::*;

    pub(in crate::step) fn serialize<S: Serializer>(name: &u8, to: S) -> Result<S::Ok, S::Error> {
        pick(&NAMES, *name).serialize(to)
    }

    pub(in crate::step) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<u8, D::Error> {
        index(&NAMES, "name", &String::deserialize(from)?)
    }
}

pub(super) mod room {
    use super::*;

    pub(in crate::step) fn serialize<S: Serializer>(room: &u8, to: S) -> Result<S::Ok, S::Error> {
        pick(&ROOMS, *room).serialize(to)
    }

    pub(in crate::step) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<u8, D::Error> {
        index(&ROOMS, "room", &String::deserialize(from)?)
    }
}

pub(super) mod some_room {
    use super::*;

    pub(in crate::step) fn serialize<S: Serializer>(
        room: &Option<u8>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        room.map(|room| pick(&ROOMS, room)).serialize(to)
    }

    pub(in crate::step) fn deserialize<'a, D: Deserializer<'a>>(
        from: D,
    ) -> Result<Option<u8>, D::Error> {
        let room = Option::<String>::deserialize(from)?;
        room.map(|room| index(&ROOMS, "room", &room)).transpose()
    }
}
