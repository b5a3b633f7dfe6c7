//! Whatever happens to an outbox, what was written and what it gives back is what was pushed.
#![no_main]

#[path = "../../src/net/outbox.rs"]
#[allow(dead_code, reason = "it has more than this needs")]
mod outbox;
#[path = "../../src/net/sync.rs"]
mod sync;

use std::task::{Context, Waker};

libfuzzer_sys::fuzz_target!(|input: (Vec<Result<u8, u8>>, bool)| {
    let (inlet, mut outlet) = outbox::outbox(outbox::Bytes { fresh: 1000, bulk: 1000 });
    let (mut pushed, mut written) = (0, 0);
    for step in input.0 {
        if let Ok(fresh) = step {
            let _ = inlet.push(pushed, outbox::Bytes { fresh: fresh.into(), bulk: 0 }).unwrap();
            pushed += 1;
        } else if let Err(count) = step {
            let _ = outlet.poll_fill(&mut Context::from_waker(Waker::noop()));
            assert!(outlet.batch().copied().eq(written..pushed));
            let count = outlet.batch().len().min(count.into());
            outlet.written(count);
            written += count;
        }
    }
    let _ = input.1.then(|| inlet.close(outbox::Stop::Flush, None));
    assert!(outlet.reclaim().into_iter().eq(written..pushed));
});
