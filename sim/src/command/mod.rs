//! What `cargo sim` can do, one command a file.
//!
//! Each exits with 0 if all is well, with 1 if something was found, and with 2 if it could not do
//! its work.

pub(crate) mod exhaust;
pub(crate) mod explain;
pub(crate) mod plant;
pub(crate) mod random;
pub(crate) mod replay;
pub(crate) mod run;

mod source;
