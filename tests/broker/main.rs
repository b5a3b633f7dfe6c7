//! Stories of peers who talk, and come and go, told to the broker alone.

mod bounces;
mod budgets;
mod contract;
mod messages;
mod renames;
mod returns;
mod rooms;
#[cfg(not(miri))] // Much at once takes minutes there.
mod slices;
mod world;
