//! The state machine of a chat server that never loses a peer or a message when connections drop
//! and come back, and the layers around it.
//!
//! | layer | what it adds | |
//! | --- | --- | --- |
//! | [`broker`] | peers, rooms, mailboxes, deadlines: who holds a name, and where each message is | no I/O, `no_std` |
//! | [`wire`] | bytes to lines, lines to requests, events to lines | no I/O, `no_std` |
//! | [`hub`] | both, for many connections: a whole server, bytes in and frames out | no I/O, `no_std` |
//! | `net` | the hub on tokio, over any listener and stream | feature `net` |
//!
//! The binary `rejoin` is the feature `server`, which is on by default: embedders turn the default
//! features off. Every limit is a field of [`Config`].
//!
//! # The broker by itself
//!
//! Inputs and the time go in, effects come out. A connection is a number, and what carries it can be
//! anything.
//!
//! ```
//! use rejoin::Config;
//! use rejoin::broker::{Broker, Effects, Input, Request};
//! use rejoin::id::{ConnId, Name, Source, Time};
//!
//! let (mut broker, mut effects) = (Broker::new(&Config::default()), Effects::new());
//! let (conn, name) = (ConnId::new(1), Name::parse("alice").expect("a valid name"));
//! let source = Source::of([192, 0, 2, 1].into());
//! broker.handle(Time::ZERO, Input::Accepted { conn, source }, &mut effects);
//! let request = Request::LogIn { name, proof: None };
//! broker.handle(Time::from_micros(9), Input::Request { conn, request }, &mut effects);
//! let effects: Vec<_> = effects.iter().map(|effect| format!("{effect:?}")).collect();
//! assert_eq!(effects, ["Deliver { to: [ConnId(1)], event: Welcome { name: alice } }"]);
//! ```
//!
//! # More
//!
//! The folder `examples` has a chat with the broker alone (`broker`), a presence service that uses
//! nothing but the lifecycle (`presence`), a server on threads of the standard library
//! (`unix_hub`), one over another kind of listener (`listener`), and one inside of a program, with
//! a bot (`bot`).
//!
//! What always holds stands in [`broker`], and who holds a name, and when it becomes free, as two
//! tables in [`broker::lifecycle`].

#![cfg_attr(not(feature = "net"), no_std)]

extern crate alloc;

mod book;
pub mod broker;
mod budget;
pub mod config;
pub mod hub;
pub mod id;
#[cfg(feature = "net")]
pub mod net;
mod table;
pub mod wire;

pub use config::Config;
