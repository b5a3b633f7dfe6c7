//! Whatever happens to an outbox, what was written and what it gives back is what was pushed, but
//! for what was acknowledged.
#![no_main]

#[path = "../../src/net/outbox/mod.rs"]
#[allow(dead_code, reason = "it has more than this needs")]
mod outbox;
#[path = "../../src/net/sync.rs"]
mod sync;

use outbox::{Bytes, Role, Stop, outbox};
use std::task::{Context, Waker};

libfuzzer_sys::fuzz_target!(|input: (Vec<(u8, u8)>, bool)| {
    let (inlet, mut outlet) = outbox(Bytes { fresh: 1000, bulk: 1000 });
    let (mut pushed, mut written, mut known) = (Vec::new(), 0, 0);
    inlet.retain();
    for (step, number) in input.0 {
        if let Some(&role) = [Role::Passing, Role::Kept, Role::Mark].get(usize::from(step % 5)) {
            let bytes = Bytes { fresh: number.into(), bulk: 0 };
            let _ = inlet.push((pushed.len(), role), bytes, role).unwrap();
            pushed.push((pushed.len(), role));
        } else if step % 5 == 3 {
            let _ = inlet.acknowledge(number.into());
            known = known.max(number.into());
        } else {
            let _ = outlet.poll_fill(&mut Context::from_waker(Waker::noop()));
            assert!(outlet.batch().eq(&pushed[written..]));
            let count = outlet.batch().len().min(number.into());
            outlet.written(count);
            written += count;
        }
    }
    let _ = input.1.then(|| inlet.close(Stop::Flush, None));
    let mut marks = 0;
    let is_left = |&(at, role): &(usize, Role)| {
        marks += usize::from(role == Role::Mark);
        at >= written || role == Role::Kept && marks >= known
    };
    assert!(outlet.reclaim().into_iter().eq(pushed.into_iter().filter(is_left)));
});
