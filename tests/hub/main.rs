//! Stories of lines that come in and frames that go out, told to the hub alone.

mod connections;
mod irc_returns;
mod lines;
mod logins;
mod mail;
mod mistakes;
mod server;
mod silence;
