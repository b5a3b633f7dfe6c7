//! Stories of peers who talk, and come and go, told to the broker alone.

mod bounces;
mod contract;
mod messages;
mod renames;
mod returns;
mod rooms;
mod slices;
mod world;
