//! No line makes the parser of IRC panic, and what it makes of one says the same when it is written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rejoin::wire::irc::{MAX_PARAMS, Message};

fuzz_target!(|line: &[u8]| {
    let Ok(message) = Message::parse(line) else { return };
    let _ = (message.tag("label"), message.client_tags());
    assert!(!message.command.is_empty() && message.params.len() <= MAX_PARAMS);
    let tags = if message.tags.is_empty() { String::new() } else { format!("@{} ", message.tags) };
    let (last, middle) = message.params.split_last().map_or((None, &[][..]), |(l, m)| (Some(l), m));
    let middle: String = middle.iter().map(|param| format!(" {param}")).collect();
    let last = last.map(|last| format!(" :{last}")).unwrap_or_default();
    let written = format!("{tags}:x {}{middle}{last}", message.command);
    // A source and a colon may be added, for which a full line has no room.
    assert!(Message::parse(written.as_bytes()).map_or(written.len() > line.len(), |m| m == message));
});
