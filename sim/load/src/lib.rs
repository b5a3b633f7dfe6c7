//! Load for rejoin, and for the servers that it is compared with.
//!
//! One thread speaks for all clients, and is much cheaper than any server: what it sends was
//! written before, and what it gets is compared with what must come, byte for byte. So every
//! delivery is checked, in count, order and content, at the speed of the raw wire.
//!
//! [`scenario`] has what is measured, [`server`] what can be measured, and [`relay`] the measure:
//! a server that only copies bytes from socket to socket. [`attack`] has attacks, and what those
//! feel who are beside them.

pub mod attack;
pub mod dialect;
pub mod login;
pub mod picture;
pub mod process;
pub mod relay;
pub mod report;
pub mod scenario;
pub mod server;
pub mod text;
pub mod wire;
