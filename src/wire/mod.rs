//! Pure translation between lines and the broker's words.

pub mod lines;
pub mod plain;
