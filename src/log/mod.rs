//! The log: lines on standard error for which nobody waits.
//!
//! Whoever logs puts a line into a bounded [`Queue`], and a thread of its own writes it. So a
//! pipe that nobody reads stops nothing: the lines that do not fit are dropped and counted. Of
//! the lines of one kind, that is from one place in the code, so many a second are let through,
//! and the others are counted as well.

mod queue;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::env::{self, VarError};
use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::panic::{self, PanicHookInfo};
use std::thread;
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::failure::Failure;
use queue::Queue;

/// How long the end of the process waits for lines that are not written yet.
const LAST_LINES: Duration = Duration::from_millis(250);

/// The process has one standard error.
static QUEUE: Queue = Queue::new();

/// Logs to standard error from here on, filtered by `RUST_LOG`; panics, too.
///
/// # Errors
///
/// If the filter is not understood, or the system has no thread for the log.
pub(crate) fn start() -> Result<(), Failure> {
    let directives = match env::var("RUST_LOG") {
        Ok(directives) if !directives.trim().is_empty() => directives,
        Ok(_) | Err(VarError::NotPresent) => "info".to_owned(),
        Err(error @ VarError::NotUnicode(_)) => return Err(Failure::Filter(error.to_string())),
    };
    let filter = EnvFilter::builder()
        .parse(&directives)
        .map_err(|error| Failure::Filter(format!("'{}': {error}", directives.escape_debug())))?;
    thread::Builder::new()
        .name("log".to_owned())
        .spawn(|| QUEUE.write_to(&mut io::stderr()))
        .map_err(Failure::Log)?;
    QUEUE.begin();
    let colours = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Line(&QUEUE))
        .with_ansi(colours && io::stderr().is_terminal())
        .log_internal_errors(false);
    tracing_subscriber::registry()
        .with(filter)
        .with(Sampler(&QUEUE))
        .with(lines)
        .init();
    panic::set_hook(Box::new(log_panic));
    Ok(())
}

/// Logs a line that is no event, as it is. If the log has not [started](start), the line is
/// written here and now.
pub(crate) fn say(line: &str) {
    if QUEUE.is_written() {
        QUEUE.push(line.as_bytes());
    } else {
        // One that is closed changes nothing.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

/// Waits for what is logged to be written, but not for long.
pub(crate) fn flush() {
    if QUEUE.is_written() {
        QUEUE.flush(LAST_LINES);
    }
}

/// The default hook would wait for standard error, with whatever the thread has locked.
fn log_panic(info: &PanicHookInfo<'_>) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("<unnamed>");
    let trace = Backtrace::capture();
    let lines = if trace.status() == BacktraceStatus::Captured {
        format!("thread '{name}' {info}\n{trace}\n")
    } else {
        format!("thread '{name}' {info}\nRUST_BACKTRACE=1 adds a backtrace\n")
    };
    QUEUE.push(lines.as_bytes());
}

/// Where one event's line is written to, in one piece.
struct Line(&'static Queue);

impl Write for Line {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lets so many events of a kind through, and has the others counted. Those below
/// [`Level::INFO`] are only there if somebody asked for all of them.
struct Sampler(&'static Queue);

impl<S: Subscriber> Layer<S> for Sampler {
    fn event_enabled(&self, event: &Event<'_>, _: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        *metadata.level() > Level::INFO
            || self.0.take(metadata, || {
                let mut message = Message(String::new());
                event.record(&mut message);
                message.0
            })
    }
}

/// What an event says, without its fields.
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
