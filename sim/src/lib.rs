//! The search for races in rejoin.
//!
//! A [`Step`] is one thing that can happen. A [`World`] lets it happen to the real
//! [`Broker`](rejoin::broker::Broker), plays the driver around it, and tells in [`Moment`]s what
//! came of it. The [`invariants`] judge each moment, by a [`Roster`](roster::Roster) of their own;
//! [`search::run`] puts all of this together.

pub mod exhaust;
pub mod explain;
pub mod frames;
pub mod invariants;
pub mod irc;
pub mod label;
pub mod links;
pub mod moment;
pub mod network;
pub mod outbox;
pub mod panics;
pub mod plan;
pub mod plant;
pub mod plural;
pub mod probe;
pub mod reading;
pub mod replay;
pub mod roster;
pub mod sayings;
pub mod search;
pub mod setting;
pub mod shrink;
pub mod spelling;
pub mod step;
pub mod strategy;
pub mod trace;
pub mod watch;
pub mod world;

#[cfg(test)]
mod forge;
mod words;

pub use moment::Moment;
pub use step::Step;
pub use world::World;
