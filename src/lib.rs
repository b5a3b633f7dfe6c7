#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "net"), no_std)]

extern crate alloc;

mod book;
pub mod broker;
pub mod config;
pub mod hub;
pub mod id;
#[cfg(feature = "net")]
pub mod net;
mod table;
pub mod wire;

pub use config::Config;
