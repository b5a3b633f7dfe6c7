//! The search for races in rejoin.
