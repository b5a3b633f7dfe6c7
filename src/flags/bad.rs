//! What a flag that can't be used is told.

use std::ffi::OsString;
use std::fmt;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, CommandFactory as _};
use rejoin::config::BadConfig;

use super::Flags;

/// A flag that can't be used, in one line.
#[derive(Debug)]
pub(crate) struct BadFlag(pub(super) String);

impl BadFlag {
    /// Leaves out the usage and the hints with which clap's text ends, on lines of their own; but
    /// a flag that may be meant is named.
    pub(super) fn from_clap(error: &clap::Error, arguments: &[OsString]) -> Self {
        let text = error.to_string();
        let message = ["\n\n  tip: ", "\n\nUsage: ", "\n\nFor more information"]
            .into_iter()
            .fold(text.as_str(), |text, end| {
                text.split_once(end).map_or(text, |(message, _)| message)
            });
        let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = line.strip_prefix("error: ").unwrap_or(&line);
        let is_unknown = error.kind() == ErrorKind::UnknownArgument;
        let hint = is_unknown.then(|| hint(error, arguments));
        Self(format!("{line}{}", hint.unwrap_or_default()))
    }

    /// Names the flags where `bad` names fields: only a field's name has an underscore.
    pub(super) fn from_config(bad: &BadConfig) -> Self {
        let flag = |field: &str| format!("--{}", field.replace('_', "-"));
        let name = |word| {
            if str::contains(word, '_') {
                flag(word)
            } else {
                word.to_owned()
            }
        };
        let must: Vec<_> = bad.must.split(' ').map(name).collect();
        Self(format!("{} must {}", flag(bad.limit), must.join(" ")))
    }
}

/// What may be meant by an argument that is none.
fn hint(error: &clap::Error, arguments: &[OsString]) -> String {
    if let Some(ContextValue::String(flag)) = error.get(ContextKind::SuggestedArg) {
        return format!("; did you mean {flag}?");
    }
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else {
        return String::new();
    };
    // Of `-listen` clap says `-l`.
    let arguments = arguments.iter().filter_map(|argument| argument.to_str());
    let mut whole = arguments.filter(|argument| argument.starts_with(given.as_str()));
    let whole = whole.next().unwrap_or(given);
    let word = whole.trim_start_matches('-').split('=').next();
    let flags = Flags::command();
    let mut flags = flags.get_arguments().filter_map(Arg::get_long);
    match flags.find(|flag| word == Some(*flag)) {
        Some(flag) => format!("; did you mean --{flag}?"),
        None if whole.starts_with('-') => String::new(),
        None => "; it takes flags alone, and serves without any".to_owned(),
    }
}

impl fmt::Display for BadFlag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (see 'rejoin --help')", self.0)
    }
}
