//! What each layer costs by itself: `cargo bench`.
//!
//! An item is an input of the broker, a line of the hub or the wire, an item of an outbox.

mod broker;
mod hub;
mod queue;
mod wire;

fn main() {
    divan::main();
}

/// Things that one run of a benchmark handles.
const ITEMS: usize = 1_000;

/// As long as most of what people say.
fn text() -> String {
    "the quick brown fox jumps over the lazy dog ".repeat(3)[..100].to_owned()
}
