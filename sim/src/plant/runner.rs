//! What a nursery runs.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::process::{Command, Output, Stdio};
use std::task::Poll;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::runtime::{self, Runtime};
use tokio::signal::unix::{self, SignalKind};
use tokio::time::{Instant, sleep};

/// The signals that stop a program.
pub(super) const STOPS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

/// A signal has come that ends the planting, and whatever ran then was ended with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stopped(Signal);

impl Stopped {
    /// What a shell says of a program that such a signal has ended.
    pub const fn exit_code(self) -> u8 {
        128 + self.0.as_raw() as u8
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped by signal {}", self.0.as_raw())
    }
}

impl Error for Stopped {}

/// How a command has ended, and how long that took.
#[derive(Debug)]
pub(super) struct Ended {
    /// None if its time was up.
    pub(super) output: Option<Output>,
    pub(super) took: Duration,
}

/// Runs commands one after another, each in a process group of its own, so that it can be ended
/// with all that it has started.
#[derive(Debug)]
pub(super) struct Runner {
    runtime: Runtime,
    signals: Vec<(Signal, unix::Signal)>,
}

impl Runner {
    /// From here on these signals no longer end this program by themselves.
    pub(super) fn new(signals: &[Signal]) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let within = runtime.enter();
        let heard = signals.iter().map(|&signal| {
            let heard = unix::signal(SignalKind::from_raw(signal.as_raw()))?;
            Ok((signal, heard))
        });
        let signals = heard.collect::<io::Result<_>>()?;
        drop(within);
        Ok(Self { runtime, signals })
    }

    /// Runs a command. If a signal comes, or the command takes longer than `patience`, it is ended,
    /// with all that it has started.
    ///
    /// # Errors
    ///
    /// If it cannot be run, and [`Stopped`] if a signal came, perhaps before.
    pub(super) fn run(
        &mut self,
        command: Command,
        patience: Duration,
    ) -> Result<Ended, Box<dyn Error>> {
        let Self { runtime, signals } = self;
        runtime.block_on(async {
            let start = Instant::now();
            let mut command = tokio::process::Command::from(command);
            // Whoever is not in the group of a terminal can't read from it.
            let running = command.stdin(Stdio::null()).process_group(0).spawn()?;
            let group = running.id().and_then(|id| Pid::from_raw(id.cast_signed()));
            let group = group.expect("it was not waited for yet");
            let mut end = pin!(running.wait_with_output());
            let output = tokio::select! {
                biased;
                signal = stop(signals) => Err(Stopped(signal)),
                output = &mut end => Ok(Some(output?)),
                () = sleep(patience) => Ok(None),
            };
            if !matches!(output, Ok(Some(_))) {
                kill_process_group(group, Signal::KILL)?;
                end.await?;
            }
            let (output, took) = (output?, start.elapsed());
            Ok(Ended { output, took })
        })
    }
}

/// The first signal that comes.
async fn stop(signals: &mut [(Signal, unix::Signal)]) -> Signal {
    poll_fn(|context| {
        let come = signals.iter_mut().find_map(|(signal, heard)| {
            let is_come = heard.poll_recv(context).is_ready();
            is_come.then_some(*signal)
        });
        come.map_or(Poll::Pending, Poll::Ready)
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_takes_too_long_ends_with_all_that_it_has_started() {
        let (mut says, writer) = io::pipe().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "(sleep 60; echo late) & wait"]);
        command.stdout(writer);
        let mut runner = Runner::new(&[]).unwrap();
        let ended = runner.run(command, Duration::from_millis(200)).unwrap();
        assert!(ended.output.is_none());
        // To the end, which comes when nobody is left who could write.
        let mut said = String::new();
        says.read_to_string(&mut said).unwrap();
        assert_eq!(said, "");
    }
}
