//! What the server says of itself, read from flags and files.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use rejoin::hub::{Identity, Ports};

use crate::failure::stays;
use crate::flags::Files;

/// Bytes of a line of the message of the day.
const MOTD_LINE_BYTES: usize = 400;

/// What can't be used, and why, in one line.
#[derive(Debug)]
pub(crate) struct BadIdentity {
    why: String,
    stays: bool,
}

impl BadIdentity {
    /// Whether it is to be expected of each further try, until somebody does something.
    pub(crate) fn stays(&self) -> bool {
        self.stays
    }

    fn unreadable(file: &Path, error: &io::Error) -> Self {
        Self {
            why: format!("can't read {}: {error}", file.display()),
            stays: stays(error.kind()),
        }
    }

    fn malformed(why: String) -> Self {
        Self { why, stays: true }
    }
}

impl fmt::Display for BadIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
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
        ports: Ports::default(),
    })
}

fn text(file: &Path) -> Result<String, BadIdentity> {
    fs::read_to_string(file).map_err(|error| BadIdentity::unreadable(file, &error))
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
            BadIdentity::malformed(format!(
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
        return Err(BadIdentity::malformed(format!(
            "{file}: expected a password without spaces or colons"
        )));
    }
    Ok(password)
}
