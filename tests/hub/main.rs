//! Stories of lines that come in and frames that go out, told to the hub alone.

mod connections;
mod full;
mod irc_capabilities;
mod irc_channels;
mod irc_down;
mod irc_identity;
mod irc_limits;
mod irc_lists;
mod irc_messages;
mod irc_modes;
mod irc_monitor;
mod irc_operators;
mod irc_people;
mod irc_registration;
mod irc_returns;
mod irc_server;
mod irc_story;
mod irc_texts;
mod lines;
mod logins;
mod mail;
mod mistakes;
mod server;
mod silence;
mod strangers;
mod work;
