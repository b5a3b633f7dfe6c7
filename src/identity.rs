//! What the server says of itself, read from flags and files.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use rejoin::hub::Identity;
use rejoin::net;

use crate::flags::Files;

/// Bytes of a line of the message of the day.
const MOTD_LINE_BYTES: usize = 400;

/// What can't be used, and why, in one line.
#[derive(Debug)]
pub(crate) struct BadIdentity(String);

impl fmt::Display for BadIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads what the flags name.
///
/// # Errors
///
/// Says which file can't be used, and why.
pub(crate) fn read(files: &Files) -> Result<Identity, BadIdentity> {
    let motd = files.motd.as_deref().map(text).transpose()?;
    let motd = motd.map(|motd| motd.lines().map(motd_line).collect());
    let operators = match files.opers.as_deref() {
        Some(file) => operators(file)?,
        None => BTreeMap::new(),
    };
    let password = match files.password_file.as_deref() {
        Some(file) => Some(password(file)?),
        None => None,
    };
    Ok(Identity {
        name: files.name.clone(),
        network: files.network.clone(),
        description: files.description.clone(),
        admin: files.admin.clone(),
        motd,
        operators,
        password,
        epoch: 0,
    })
}

/// The hash of the password in the first line of what is read.
///
/// # Errors
///
/// If there is none, or the system has no randomness.
pub(crate) fn hash(mut input: impl Read) -> Result<String, BadIdentity> {
    let mut text = String::new();
    let failure = |error: io::Error| BadIdentity(format!("can't hash a password: {error}"));
    input.read_to_string(&mut text).map_err(failure)?;
    match text.lines().next() {
        Some(password) if !password.is_empty() => net::hash_password(password).map_err(failure),
        Some(_) | None => Err(BadIdentity(
            "there is no password on standard input".to_owned(),
        )),
    }
}

fn text(file: &Path) -> Result<String, BadIdentity> {
    let failure = |error| BadIdentity(format!("can't read {}: {error}", file.display()));
    fs::read_to_string(file).map_err(failure)
}

fn motd_line(line: &str) -> String {
    let line: String = line.chars().filter(|&c| c != '\0').collect();
    line[..line.floor_char_boundary(MOTD_LINE_BYTES)].to_owned()
}

/// One `NAME:HASH` a line; empty lines, and those that begin with `#`, are left out.
fn operators(file: &Path) -> Result<BTreeMap<String, String>, BadIdentity> {
    let text = text(file)?;
    let lines = text.lines().map(str::trim).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let operators = lines.map(|(index, line)| {
        let operator = line.split_once(':').filter(|(name, hash)| {
            !name.is_empty() && hash.starts_with("$argon2") && !name.contains(' ')
        });
        let (name, hash) = operator.ok_or_else(|| {
            let (file, line) = (file.display(), index + 1);
            BadIdentity(format!(
                "{file}, line {line}: expected NAME:HASH (see rejoin --hash-password)"
            ))
        })?;
        Ok((name.to_owned(), hash.to_owned()))
    });
    operators.collect()
}

fn password(file: &Path) -> Result<String, BadIdentity> {
    let text = text(file)?;
    let password = text.lines().next().unwrap_or("").to_owned();
    if password.is_empty() || password.contains([' ', ':']) {
        let file = file.display();
        return Err(BadIdentity(format!(
            "{file}: expected a password without spaces or colons"
        )));
    }
    Ok(password)
}
