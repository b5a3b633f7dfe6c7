//! Writes a record to where it is kept, out of the way of everything else.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tracing::warn;

use crate::Config;
use crate::hub::record::Recorder;
use crate::hub::{Identity, Understood};
use crate::hub::{Observer, Outputs, Told};
use crate::id::Time;
use crate::wire::lines::Line;

/// Bytes that may wait for the disk. A disk that falls further behind ends the record.
const MOST_WAITING: usize = 8 << 20;

/// How long to gather what comes before it is written, and up to how many bytes.
const GATHER: Duration = Duration::from_millis(20);
const GATHER_BYTES: usize = 1 << 20;

/// Where a record is kept, and how.
pub struct Record {
    /// Where it is written.
    pub to: Box<dyn Write + Send>,
    /// How many bytes are written at most; then the record ends.
    pub bytes: u64,
    /// Whether what people say is kept. If not, only its length is.
    pub texts: bool,
}

impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { bytes, texts, .. } = self;
        f.debug_struct("Record")
            .field("bytes", bytes)
            .field("texts", texts)
            .finish_non_exhaustive()
    }
}

/// Records what a hub is told.
#[derive(Debug)]
pub(super) struct Recording {
    recorder: Recorder,
    tape: Tape,
    /// Whether more is wanted.
    goes_on: bool,
}

impl Recording {
    /// # Errors
    ///
    /// If the system has no thread for it.
    pub(super) fn start(config: &Config, id_key: [u8; 16], record: Record) -> io::Result<Self> {
        Ok(Self {
            recorder: Recorder::new(config, record.texts, id_key),
            tape: Tape::start(record, GATHER)?,
            goes_on: true,
        })
    }
}

impl Observer for Recording {
    fn identity(&mut self, identity: &Identity) {
        if self.goes_on {
            self.recorder.identity(identity);
        }
    }

    fn line(&mut self, line: Line<'_>, understood: Understood<'_>) {
        if self.goes_on {
            self.recorder.line(line, understood);
        }
    }

    fn telnet(&mut self, asked: &[u8]) {
        if self.goes_on {
            self.recorder.telnet(asked);
        }
    }

    fn hidden(&mut self, instead: &str) {
        if self.goes_on {
            self.recorder.hidden(instead);
        }
    }

    fn told(&mut self, now: Time, told: Told, wants: &Outputs) {
        if self.goes_on {
            self.recorder.told(now, told, wants);
            self.goes_on = self.tape.take(self.recorder.bytes());
        }
    }
}

/// Takes what is recorded, and has a thread of its own write it. Dropping it waits until all of
/// that is written.
#[derive(Debug)]
struct Tape {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    /// Nothing more comes, or nothing more is wanted.
    ended: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tape {
    /// # Errors
    ///
    /// If the system has no thread for it.
    fn start(record: Record, gather: Duration) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let its = Arc::clone(&shared);
        let writer = thread::Builder::new()
            .name("record".to_owned())
            .spawn(move || {
                if let Err(error) = write(&its, record.to, record.bytes, gather) {
                    warn!(%error, "the record ends here");
                }
                its.lock().ended = true;
            })?;
        Ok(Self {
            shared,
            writer: Some(writer),
        })
    }

    /// Takes `bytes`, unless the record has ended, and leaves them empty. Never waits for the
    /// disk. Returns whether more is wanted.
    fn take(&self, bytes: &mut Vec<u8>) -> bool {
        let mut state = self.shared.lock();
        if !state.ended && state.waiting.len() + bytes.len() > MOST_WAITING {
            warn!("the record ends here: the disk is too slow for it");
            state.ended = true;
        }
        let more = !state.ended;
        if more {
            let before = state.waiting.len();
            if before == 0 {
                mem::swap(&mut state.waiting, bytes);
            } else {
                state.waiting.append(bytes);
            }
            let is_much = before < GATHER_BYTES && state.waiting.len() >= GATHER_BYTES;
            if before == 0 || is_much {
                self.shared.changed.notify_one();
            }
        }
        more
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_one();
        if let Some(writer) = self.writer.take() {
            // A panic of it has been reported, and the server can do without the record.
            let _ = writer.join();
        }
    }
}

fn write(
    shared: &Shared,
    mut to: Box<dyn Write + Send>,
    mut left: u64,
    gather: Duration,
) -> io::Result<()> {
    let mut batch = Vec::new();
    loop {
        let state = shared.lock();
        let waits = |state: &mut State| state.waiting.is_empty() && !state.ended;
        let state = shared.changed.wait_while(state, waits);
        let state = state.unwrap_or_else(PoisonError::into_inner);
        if state.waiting.is_empty() {
            return to.flush();
        }
        // Few writes, and few wake-ups of this thread, at the price of a little that a kill may
        // lose.
        let is_little = |state: &mut State| state.waiting.len() < GATHER_BYTES && !state.ended;
        let waited = shared.changed.wait_timeout_while(state, gather, is_little);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut batch, &mut state.waiting);
        drop(state);
        let length = batch.len() as u64;
        let part = batch.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        to.write_all(&batch[..part])?;
        batch.clear();
        if length > left {
            return Err(io::Error::other("it is as long as it may be"));
        }
        left -= length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A disk that shows what it holds, and may be stuck.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<Vec<u8>>>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn tape(disk: &Disk, bytes: u64) -> Tape {
        let record = Record {
            to: Box::new(disk.clone()),
            bytes,
            texts: true,
        };
        // What little there is, only the end of the record lets be written.
        Tape::start(record, Duration::MAX).unwrap()
    }

    #[test]
    fn all_that_was_taken_is_written_in_order() {
        let disk = Disk::default();
        let tape = tape(&disk, u64::MAX);
        for byte in 0..=255 {
            assert!(tape.take(&mut vec![byte]));
        }
        drop(tape);
        assert_eq!(*disk.0.lock().unwrap(), (0..=255).collect::<Vec<_>>());
    }

    #[test]
    fn a_record_is_as_long_as_it_may_be_and_no_longer() {
        let disk = Disk::default();
        let tape = tape(&disk, 10);
        tape.take(&mut vec![7; 8]);
        tape.take(&mut vec![8; 8]);
        drop(tape);
        assert_eq!(*disk.0.lock().unwrap(), [7, 7, 7, 7, 7, 7, 7, 7, 8, 8]);
    }

    #[test]
    fn much_is_written_before_the_disk_is_behind() {
        let disk = Disk::default();
        let tape = tape(&disk, u64::MAX);
        for taken in (1..=3 * MOST_WAITING / GATHER_BYTES).map(|part| part * GATHER_BYTES) {
            for _ in 0..2 {
                assert!(tape.take(&mut vec![0; GATHER_BYTES / 2]));
            }
            // Without end, if it is not written.
            while disk.0.lock().unwrap().len() < taken {
                thread::yield_now();
            }
        }
    }

    #[test]
    fn a_disk_that_is_stuck_holds_nobody_up() {
        let disk = Disk::default();
        let stuck = disk.0.lock().unwrap();
        let tape = tape(&disk, u64::MAX);
        let mut taken = 0;
        while tape.take(&mut vec![0; 1 << 20]) {
            taken += 1;
            assert!(taken < 100);
        }
        assert!(taken >= 8);
        drop(stuck);
    }
}
