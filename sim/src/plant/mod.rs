//! Planted bugs: wrong designs that the checks must find.
//!
//! Each is a patch beside the simulation, in `plants/`. Above the patch stands what the wrong
//! design is, which statement it breaks, and, after `Found-by:`, which checks must find it, each
//! of them by itself. A [`Nursery`] is a copy of the source in which they are planted, one after
//! another: nothing in the source itself knows of them.
//!
//! The copy is built without debug assertions, since the broker of a debug build checks itself,
//! and it is the checks from outside that are to be checked.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long a check may take. One that takes longer has found nothing.
const PATIENCE: Duration = Duration::from_secs(120);

/// A wrong design.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plant {
    /// What it is called.
    pub name: String,
    /// The checks that must find it.
    pub checks: Vec<Check>,
    patch: PathBuf,
}

/// How bugs are found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Check {
    /// Random steps against the broker.
    Broker,
    /// Random lines against the hub.
    Hub,
    /// Every interleaving of a few connections.
    Exhaust,
    /// Seeds of the simulated network.
    Network,
    /// Every interleaving of the outbox's ends.
    Loom,
}

impl Check {
    /// All checks.
    pub const ALL: [Self; 5] = [
        Self::Broker,
        Self::Hub,
        Self::Exhaust,
        Self::Network,
        Self::Loom,
    ];

    /// What a patch calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::Hub => "hub",
            Self::Exhaust => "exhaust",
            Self::Network => "network",
            Self::Loom => "loom",
        }
    }

    /// The arguments of `cargo sim`, or nothing for what is a test of its own.
    const fn arguments(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Broker => Some(&["random", "broker", "--cases", "2000"]),
            Self::Hub => Some(&["random", "hub", "--cases", "2000"]),
            Self::Exhaust => Some(&["exhaust", "--states", "1000000"]),
            Self::Network => Some(&["run", "--seeds", "0..3000", "--no-shrink"]),
            Self::Loom => None,
        }
    }

    /// What a check's output says of how far it had to go.
    fn effort(self, output: &str) -> String {
        let (before, unit, offset) = match self {
            Self::Broker | Self::Hub => ("case ", "cases", 1),
            Self::Exhaust => ("after ", "steps", 0),
            Self::Network => ("seed ", "seeds", 1),
            Self::Loom => return String::new(),
        };
        let numbers = output.lines().filter_map(|line| {
            let (number, _) = line.strip_prefix(before)?.split_once(' ')?;
            number.parse::<u64>().ok()
        });
        let mut numbers = numbers;
        numbers
            .next()
            .map_or_else(String::new, |number| format!("{} {unit}", number + offset))
    }
}

impl Plant {
    /// All that there are, by name.
    ///
    /// # Errors
    ///
    /// If a patch cannot be read, or does not say what finds it.
    pub fn all(root: &Path) -> Result<Vec<Self>, Box<dyn Error>> {
        let mut plants = Vec::new();
        for file in fs::read_dir(root.join("sim/plants"))? {
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
            plants.push(Self {
                name,
                checks,
                patch,
            });
        }
        plants.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(plants)
    }
}

/// What a check has come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// Whether it has found something.
    pub found: bool,
    /// How far it had to go, if it says so.
    pub effort: String,
    /// How long it took.
    pub took: Duration,
}

/// A copy of the source, to plant bugs in. It goes with this value.
#[derive(Debug)]
pub struct Nursery {
    /// Another copy, in which nothing is planted: the source may change meanwhile.
    pristine: PathBuf,
    /// What was copied.
    files: Vec<String>,
    copy: PathBuf,
    target: PathBuf,
}

impl Drop for Nursery {
    fn drop(&mut self) {
        // What cannot be removed now is removed before the next copy is made.
        for copy in [&self.copy, &self.pristine] {
            let _ = fs::remove_dir_all(copy);
        }
    }
}

impl Nursery {
    /// Copies the source that is at `root`. What is built from it stays in `target/plants`, so that
    /// the next bug costs little.
    ///
    /// # Errors
    ///
    /// If it cannot be copied.
    pub fn new(root: &Path) -> Result<Self, Box<dyn Error>> {
        let target = root.join("target/plants");
        let copy = target.join("source");
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others"]);
        git.arg("--exclude-standard").current_dir(root);
        let listed = String::from_utf8(git.output()?.stdout)?;
        let files = listed.split_terminator('\0').map(str::to_owned);
        let nursery = Self {
            pristine: target.join("pristine"),
            files: files.filter(|file| root.join(file).is_file()).collect(),
            copy,
            target,
        };
        for file in &nursery.files {
            for copy in [&nursery.pristine, &nursery.copy] {
                let to = copy.join(file);
                fs::create_dir_all(to.parent().ok_or("a file is in a folder")?)?;
                fs::copy(root.join(file), to)?;
            }
        }
        Ok(nursery)
    }

    /// Plants a bug.
    ///
    /// # Errors
    ///
    /// If the patch does not fit the source any more.
    pub fn plant(&self, plant: &Plant) -> Result<(), Box<dyn Error>> {
        let mut patch = Command::new("patch");
        patch.args(["--strip=1", "--force", "--quiet", "--no-backup-if-mismatch"]);
        patch
            .arg("--reject-file=-")
            .arg("--input")
            .arg(&plant.patch);
        let output = patch.current_dir(&self.copy).output()?;
        if output.status.success() {
            return Ok(());
        }
        let says = String::from_utf8_lossy(&output.stdout).into_owned();
        Err(format!("it does not fit the source any more: {says}").into())
    }

    /// Takes out what was planted, whole or in part.
    ///
    /// # Errors
    ///
    /// If the source cannot be copied again.
    pub fn clear(&self) -> Result<(), Box<dyn Error>> {
        for file in &self.files {
            let (from, to) = (self.pristine.join(file), self.copy.join(file));
            // What is the same keeps its date, so that it is not built again.
            if fs::read(&from)? != fs::read(&to)? {
                fs::copy(from, to)?;
            }
        }
        Ok(())
    }

    /// Builds the simulator from the copy.
    ///
    /// # Errors
    ///
    /// If it does not build.
    pub fn build(&self) -> Result<(), Box<dyn Error>> {
        let mut build = self.cargo();
        build.args(["build", "--quiet", "--release", "--package", "rejoin-sim"]);
        let output = build.output()?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }

    /// Runs a check on what was built.
    ///
    /// # Errors
    ///
    /// If it cannot be run.
    pub fn check(&self, check: Check) -> Result<Verdict, Box<dyn Error>> {
        let mut command = match check.arguments() {
            Some(arguments) => {
                let mut command = Command::new(self.target.join("release/rejoin-sim"));
                command.args(arguments);
                command
            }
            None => {
                let mut command = self.cargo();
                command.args(["test", "--quiet", "--package", "rejoin"]);
                command.args(["--test", "outbox_loom"]);
                command
            }
        };
        if check.arguments().is_none() {
            // It is built before its time is taken.
            let mut build = self.cargo();
            build.args(["test", "--quiet", "--package", "rejoin", "--no-run"]);
            build.args(["--test", "outbox_loom"]);
            build.output()?;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "it is shown how long a check takes"
        )]
        let start = Instant::now();
        let says = self.target.join("says");
        command
            .stdout(fs::File::create(&says)?)
            .stderr(Stdio::null());
        let mut running = command.current_dir(&self.copy).spawn()?;
        let status = loop {
            if let Some(status) = running.try_wait()? {
                break Some(status);
            }
            if start.elapsed() > PATIENCE {
                running.kill()?;
                running.wait()?;
                break None;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        // 1 is what a simulation says of a find, and 101 a test.
        let found = status.is_some_and(|status| matches!(status.code(), Some(1 | 101)));
        Ok(Verdict {
            found,
            effort: check.effort(&String::from_utf8_lossy(&fs::read(&says)?)),
            took: start.elapsed(),
        })
    }

    fn cargo(&self) -> Command {
        let mut cargo = Command::new("cargo");
        cargo.current_dir(&self.copy);
        cargo.env("CARGO_TARGET_DIR", &self.target);
        for (key, value) in [
            ("LTO", "off"),
            ("CODEGEN_UNITS", "16"),
            ("OPT_LEVEL", "1"),
            ("INCREMENTAL", "true"),
        ] {
            cargo.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
        }
        cargo
    }
}
