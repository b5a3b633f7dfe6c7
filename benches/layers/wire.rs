//! Bytes to lines, lines to requests, messages to lines.

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use rejoin::wire::irc::Message;
use rejoin::wire::lines::{Line, Lines};
use rejoin::wire::plain;

use super::{ITEMS, text};

#[divan::bench]
fn lines(bencher: Bencher<'_, '_>) {
    let bytes = format!("bob: {}\n", text()).repeat(ITEMS).into_bytes();
    let mut lines = Lines::new(4096);
    bencher
        .counter(ItemsCount::new(ITEMS))
        .counter(BytesCount::new(bytes.len()))
        .bench_local(|| {
            let mut rest = &bytes[..];
            while let Some(Line::Whole(line)) = lines.next(&mut rest) {
                black_box(line);
            }
        });
}

#[divan::bench]
fn plain_parse(bencher: Bencher<'_, '_>) {
    let line = format!("bob: {}", text());
    let parse = || black_box(plain::parse(black_box(line.as_bytes()))).is_ok();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(parse);
}

#[divan::bench]
fn irc_parse(bencher: Bencher<'_, '_>) {
    let line = format!("PRIVMSG bob :{}", text());
    let parse = || black_box(Message::parse(black_box(line.as_bytes()))).is_ok();
    bencher.counter(ItemsCount::new(1_usize)).bench_local(parse);
}
