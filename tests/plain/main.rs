//! The plain protocol, line by line and byte by byte.

mod reads;
mod writes;

use proptest::prelude::*;
use rejoin::id::{Text, is_forbidden};

/// Any text that can be sent in a line.
fn text() -> impl Strategy<Value = Text> {
    let character = prop_oneof![
        any::<char>(),
        prop::sample::select(vec![
            '\t', '\x02', '\x03', ':', ',', '#', '*', ' ', '\u{2028}'
        ]),
    ];
    let texts = prop::collection::vec(character, 1..40).prop_map(String::from_iter);
    texts.prop_filter_map("a text", |text| {
        let text = Text::parse(&text.replace(is_forbidden, ""))?;
        Some(text)
    })
}
