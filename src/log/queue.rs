//! The lines that wait for standard error, and those that were left out.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Metadata;
use tracing::callsite::Identifier;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};

/// Bytes that may wait to be written.
const MOST_WAITING: usize = 1 << 20;

/// Lines of one kind that are let through in each [`WINDOW`].
const LINES_OF_A_KIND: u64 = 10;

/// How long the lines of a kind are counted together.
const WINDOW: Duration = Duration::from_secs(1);

/// Characters of a line that are enough to know its kind by.
const LIKE: usize = 200;

/// How long to wait before writing again to what takes nothing now.
const RETRY: Duration = Duration::from_millis(10);

/// Lines that wait to be written, and a count of those that are not.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    /// Whether a thread writes what waits.
    is_written: bool,
    waiting: Vec<u8>,
    /// Whether something was taken out and is not written yet.
    writing: bool,
    /// Lines that did not fit since it was full.
    dropped: u64,
    /// What came in this window; in the order of the first of each kind.
    kinds: Vec<Kind>,
    /// Whether somebody waits for everything to be written.
    flushing: bool,
}

/// The lines from one place in the code.
#[derive(Debug)]
struct Kind {
    place: Identifier,
    metadata: &'static Metadata<'static>,
    /// How many came in this window.
    lines: u64,
    /// What the first says that was left out.
    like: String,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                is_written: false,
                waiting: Vec::new(),
                writing: false,
                dropped: 0,
                kinds: Vec::new(),
                flushing: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// From here on a thread writes what is pushed.
    pub(super) fn begin(&self) {
        self.lock().is_written = true;
    }

    /// Whether a thread writes what is pushed.
    pub(super) fn is_written(&self) -> bool {
        self.lock().is_written
    }

    /// Counts a line, before it is put together. Returns whether it is to be; if not, what it
    /// says may be asked for.
    pub(super) fn take(
        &self,
        metadata: &'static Metadata<'static>,
        says: impl FnOnce() -> String,
    ) -> bool {
        let place = metadata.callsite();
        let mut state = self.lock();
        let known = state.kinds.iter().position(|kind| kind.place == place);
        let index = known.unwrap_or(state.kinds.len());
        if known.is_none() {
            state.kinds.push(Kind {
                place,
                metadata,
                lines: 0,
                like: String::new(),
            });
        }
        let kind = &mut state.kinds[index];
        kind.lines += 1;
        if kind.lines == LINES_OF_A_KIND + 1 {
            let says = says();
            let clean = |c: char| if c.is_control() { ' ' } else { c };
            kind.like = says.chars().take(LIKE).map(clean).collect();
        }
        kind.lines <= LINES_OF_A_KIND
    }

    /// Puts whole lines behind the others, or counts them as dropped. Never waits.
    pub(super) fn push(&self, lines: &[u8]) {
        let mut state = self.lock();
        // After a gap nothing is taken until what is before it was written, so that the gap is
        // told of where it is.
        if state.dropped > 0 || state.waiting.len() + lines.len() > MOST_WAITING {
            state.dropped += 1;
            return;
        }
        state.waiting.extend_from_slice(lines);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until everything is written that came before, but no longer than `most`.
    pub(super) fn flush(&self, most: Duration) {
        let mut state = self.lock();
        state.flushing = true;
        self.changed.notify_all();
        let unwritten = |state: &mut State| {
            state.writing || !state.waiting.is_empty() || !state.kinds.is_empty()
        };
        let waited = self.changed.wait_timeout_while(state, most, unwritten);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.flushing = false;
    }

    /// Writes what comes, for ever.
    pub(super) fn write_to(&self, out: &mut impl Write) -> ! {
        let mut batch = Vec::new();
        let mut window = None;
        loop {
            let state = self.wait(window);
            window = self.next_batch(state, window, &mut batch);
            write(out, &batch);
            batch.clear();
            self.written();
        }
    }

    /// Waits until something is to be written, or the window ends.
    fn wait(&self, window: Option<Instant>) -> MutexGuard<'_, State> {
        let rests =
            |state: &mut State| state.waiting.is_empty() && !(state.flushing && state.counts());
        let state = self.lock();
        let Some(end) = window else {
            let rests = |state: &mut State| rests(state) && !state.counts();
            let state = self.changed.wait_while(state, rests);
            return state.unwrap_or_else(PoisonError::into_inner);
        };
        let left = end.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(state, left, rests);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Takes out what is to be written next. Returns when the window ends.
    fn next_batch(
        &self,
        mut state: MutexGuard<'_, State>,
        window: Option<Instant>,
        batch: &mut Vec<u8>,
    ) -> Option<Instant> {
        mem::swap(batch, &mut state.waiting);
        state.writing = true;
        let now = Instant::now();
        if !state.counts() {
            return None;
        }
        let end = window.unwrap_or_else(|| now + WINDOW);
        if end > now && !state.flushing {
            return Some(end);
        }
        let kinds = mem::take(&mut state.kinds);
        drop(state);
        for kind in &kinds {
            kind.sum_up(batch);
        }
        None
    }

    fn written(&self) {
        let mut state = self.lock();
        state.writing = false;
        let dropped = mem::take(&mut state.dropped);
        if dropped > 0 {
            let what = format_args!("{dropped} lines dropped: standard error took nothing");
            line(&mut state.waiting, "WARN", module_path!(), what);
        }
        drop(state);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether anything was counted in this window.
    fn counts(&self) -> bool {
        !self.kinds.is_empty()
    }
}

impl Kind {
    /// Adds the line that stands for those that were left out.
    fn sum_up(&self, to: &mut Vec<u8>) {
        let more = self.lines.saturating_sub(LINES_OF_A_KIND);
        if more > 0 {
            let what = format_args!("{more} more like this: {}", self.like);
            let (level, target) = (self.metadata.level().as_str(), self.metadata.target());
            line(to, level, target, what);
        }
    }
}

/// Adds a line that looks like those of events.
fn line(to: &mut Vec<u8>, level: &str, target: &str, what: std::fmt::Arguments<'_>) {
    let mut line = String::new();
    // A string takes everything.
    let _ = SystemTime.format_time(&mut Writer::new(&mut line));
    let _ = writeln!(line, " {level:>5} {target}: {what}");
    to.extend_from_slice(line.as_bytes());
}

/// Writes all of `bytes`, however long that takes; nothing, if that is impossible.
fn write(out: &mut impl Write, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match out.write(bytes) {
            Ok(0) => return,
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // It is shared with somebody who has set it so.
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
            Err(_) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::Arc;

    /// A place to write to that shows what it holds, and takes nothing while that is looked at.
    #[derive(Clone, Default)]
    struct Pipe(Arc<Mutex<Vec<u8>>>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // In small pieces, as a pipe does.
            let taken = bytes.len().min(4096);
            self.0.lock().unwrap().extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A queue that a thread writes to a pipe, as long as the tests run.
    fn queue() -> (&'static Queue, Pipe) {
        let (queue, pipe) = (&*Box::leak(Box::new(Queue::new())), Pipe::default());
        let mut to = pipe.clone();
        queue.begin();
        thread::spawn(move || queue.write_to(&mut to));
        (queue, pipe)
    }

    /// Waits for everything that was pushed.
    fn written(queue: &Queue, pipe: &Pipe) -> String {
        queue.flush(Duration::MAX);
        String::from_utf8(pipe.0.lock().unwrap().clone()).unwrap()
    }

    /// The metadata of an event at a place of its own.
    macro_rules! metadata {
        () => {{
            use tracing::Callsite as _;
            let callsite = tracing::callsite! {
                name: "event",
                kind: tracing::metadata::Kind::EVENT,
                target: "rejoin::net",
                level: tracing::Level::WARN,
                fields: message
            };
            callsite.metadata()
        }};
    }

    #[test]
    fn what_is_pushed_is_written_in_order() {
        let (queue, pipe) = queue();
        let lines: Vec<_> = (0..1000).map(|n| format!("line {n}\n")).collect();
        lines.iter().for_each(|line| queue.push(line.as_bytes()));
        assert_eq!(written(queue, &pipe), lines.concat());
    }

    #[test]
    fn a_pipe_that_nobody_reads_holds_nobody_up_and_the_gap_is_told_of_where_it_is() {
        let (queue, pipe) = queue();
        let stuck = pipe.0.lock().unwrap();
        let line = [b'x'; 99].as_slice();
        let lines = 3 * MOST_WAITING / 100;
        for _ in 0..lines {
            queue.push(&[line, b"\n"].concat());
        }
        assert!(queue.lock().waiting.len() <= MOST_WAITING);
        queue.flush(Duration::from_millis(1));
        drop(stuck);
        written(queue, &pipe);
        queue.push(b"after\n");
        let said = written(queue, &pipe);
        let taken = said.lines().filter(|said| said.as_bytes() == line).count();
        let dropped = lines - taken;
        assert!(dropped >= lines / 3, "{dropped}");
        let end = said.lines().rev().take(2).collect::<Vec<_>>();
        assert_eq!(end[0], "after");
        let gap = format!(" WARN rejoin::log::queue: {dropped} lines dropped: standard error");
        assert!(end[1].contains(&gap), "{:?}", end[1]);
    }

    #[test]
    fn of_lines_of_one_kind_a_few_are_let_through_and_the_others_counted() {
        let (queue, pipe) = queue();
        let (a, b) = (metadata!(), metadata!());
        let taken = |metadata| queue.take(metadata, || "like\nthis".to_owned());
        assert_eq!((0..1000).filter(|_| taken(a)).count(), 10);
        assert!(taken(b), "another kind");
        let said = written(queue, &pipe);
        let (_, summary) = said.split_once("Z ").unwrap();
        assert_eq!(
            summary,
            " WARN rejoin::net: 990 more like this: like this\n"
        );
        assert!(taken(a), "another window");
        assert_eq!(written(queue, &pipe), said, "nothing was left out");
    }

    #[test]
    fn a_window_ends_by_itself() {
        let (queue, pipe) = queue();
        let metadata = metadata!();
        for _ in 0..11 {
            queue.take(metadata, String::new);
        }
        queue.push(b"the first\n");
        // Without end, if nothing but another line ends it.
        while !String::from_utf8_lossy(&pipe.0.lock().unwrap()).contains("1 more like this") {
            thread::yield_now();
        }
    }
}
