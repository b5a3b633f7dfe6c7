//! Planted bugs: wrong designs that the checks must find.
//!
//! Each is a patch beside the simulation, in `plants/`. Above the patch stands what the wrong
//! design is, which statement it breaks, and, after `Found-by:`, which checks must find it, each
//! of them by itself. A [`Nursery`] is a copy of the source in which they are planted, one after
//! another: nothing in the source itself knows of them.
//!
//! The copy is built without debug assertions, since the broker of a debug build checks itself,
//! and it is the checks from outside that are to be checked.

mod check;
mod nursery;
mod runner;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

pub use check::{Check, Verdict};
pub use nursery::Nursery;
pub use runner::Stopped;

/// A wrong design.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plant {
    /// What it is called.
    pub name: String,
    /// The checks that must find it.
    pub checks: Vec<Check>,
    /// The files in which it is planted.
    files: Vec<String>,
    patch: PathBuf,
}

impl Plant {
    /// All that there are, by name.
    ///
    /// # Errors
    ///
    /// If a patch cannot be read, or does not say what finds it.
    pub fn all(root: &Path) -> Result<Vec<Self>, Box<dyn Error>> {
        let mut plants = Vec::new();
        let folder = root.join("sim/plants");
        let files = fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        for file in files {
            let patch = file?.path();
            let name = patch.file_stem().and_then(|name| name.to_str());
            let name = name.ok_or("a patch without a name")?.to_owned();
            let text = fs::read_to_string(&patch)?;
            let found_by = text
                .lines()
                .find_map(|line| line.strip_prefix("Found-by: "));
            let found_by = found_by.ok_or_else(|| format!("{name} does not say what finds it"))?;
            let checks = found_by.split(", ").map(|check| {
                let mut all = Check::ALL.into_iter();
                let known = all.find(|known| known.name() == check);
                known.ok_or_else(|| format!("{name} names an unknown check: {check}"))
            });
            let checks = checks.collect::<Result<_, _>>()?;
            let files = text.lines().filter_map(|line| line.strip_prefix("+++ b/"));
            let files = files.map(str::to_owned).collect();
            plants.push(Self {
                name,
                checks,
                files,
                patch,
            });
        }
        plants.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(plants)
    }

    /// Whether a check runs anything of what is planted. If not, it can't find it.
    pub fn is_seen_by(&self, check: Check) -> bool {
        self.files.iter().any(|file| check.runs(file))
    }
}
