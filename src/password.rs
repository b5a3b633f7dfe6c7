//! Reads a password from whoever runs `--hash-password`.

use std::io::{self, BufRead as _, ErrorKind, IsTerminal as _, Write as _};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use tokio::task::spawn_blocking;

use crate::signals::{Signals, Stop};

/// What came of asking for a password.
pub(crate) enum Answer {
    Password(String),
    Interrupted(Stop),
}

/// Reads a password: at a terminal it is typed twice, unseen; else it is the first line of
/// standard input.
///
/// # Errors
///
/// If there is none, or what is typed the second time differs.
pub(crate) fn read() -> io::Result<Answer> {
    if !io::stdin().is_terminal() {
        return line().and_then(not_empty).map(Answer::Password);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let answer = runtime.block_on(async {
        // A signal must not end the process while the terminal shows nothing.
        let mut stops = Signals::new()?.stops;
        let _hidden = Hidden::new()?;
        tokio::select! {
            stop = stops.next() => Ok(Answer::Interrupted(stop)),
            password = ask_twice() => password.map(Answer::Password),
        }
    });
    // The thread that reads may read on; nothing waits for it.
    runtime.shutdown_background();
    answer
}

async fn ask_twice() -> io::Result<String> {
    let password = ask("Password: ").await.and_then(not_empty)?;
    if ask("Again: ").await? != password {
        return Err(io::Error::other("what was typed the second time differs"));
    }
    Ok(password)
}

/// Standard output is for the hash alone.
async fn ask(prompt: &str) -> io::Result<String> {
    let mut out = io::stderr();
    let _ = out.write_all(prompt.as_bytes()).and_then(|()| out.flush());
    spawn_blocking(line).await.map_err(io::Error::other)?
}

fn line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn not_empty(password: String) -> io::Result<String> {
    if password.is_empty() {
        let why = "there is no password on standard input";
        return Err(io::Error::new(ErrorKind::UnexpectedEof, why));
    }
    Ok(password)
}

/// A terminal that shows nothing that is typed but the ends of lines, until this is dropped.
struct Hidden {
    before: Termios,
}

impl Hidden {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        // A process that is stopped, or dumps its core, would leave the terminal so.
        hidden.special_codes[SpecialCodeIndex::VSUSP] = 0;
        hidden.special_codes[SpecialCodeIndex::VQUIT] = 0;
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self { before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
    }
}
