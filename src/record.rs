//! The file of a record.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rejoin::net::Record;

use crate::failure::Failure;
use crate::flags::Recording;

/// Opens the file of a record, if one is wanted.
///
/// # Errors
///
/// If there can be no such file.
pub(crate) fn open(recording: Recording) -> Result<Option<Record>, Failure> {
    let Some(file) = recording.file else {
        return Ok(None);
    };
    let (to, path) = create(&file).map_err(|error| Failure::Record { file, error })?;
    tracing::info!(file = %path.display(), "recording");
    Ok(Some(Record {
        to: Box::new(to),
        bytes: recording.bytes,
        texts: recording.texts,
    }))
}

/// A new file: what is there already may be what somebody needs to see, and is never written
/// over. After `FILE` come `FILE.1`, `FILE.2` and so on, so that a service that is started again
/// with the same flags serves.
fn create(file: &Path) -> io::Result<(File, PathBuf)> {
    let numbered = |number: u32| {
        let mut path = file.as_os_str().to_owned();
        path.push(format!(".{number}"));
        PathBuf::from(path)
    };
    let paths = [file.to_owned()].into_iter();
    for path in paths.chain((1..=u32::MAX).map(numbered)) {
        // People's private messages are in it.
        let mut options = File::options();
        match options.write(true).create_new(true).mode(0o600).open(&path) {
            Ok(opened) => return Ok((opened, path)),
            // What is there may be a device or a folder, beside which no file is wanted.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && is_file(file) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file())
}
