//! Where bugs are planted.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use super::Plant;
use super::check::{Check, Task, Verdict};
use super::runner::{Ended, Runner, STOPS};

/// How long a check may take. One that takes longer has found nothing.
const PATIENCE: Duration = Duration::from_secs(120);

/// A copy of the source, to plant bugs in. It goes with this value.
///
/// From its beginning on a signal that is to stop this program ends what runs in it, and is said as
/// the error [`Stopped`](super::Stopped).
#[derive(Debug)]
pub struct Nursery {
    runner: Runner,
    /// Another copy, in which nothing is planted: the source may change meanwhile.
    pristine: PathBuf,
    /// What was copied.
    files: Vec<String>,
    copy: PathBuf,
    target: PathBuf,
    /// What the check says that runs.
    says: PathBuf,
}

impl Drop for Nursery {
    fn drop(&mut self) {
        // What cannot be removed now is removed before the next copy is made.
        for copy in [&self.copy, &self.pristine] {
            let _ = fs::remove_dir_all(copy);
        }
        let _ = fs::remove_file(&self.says);
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
        let mut runner = Runner::new(&STOPS)?;
        let target = root.join("target/plants");
        let copy = target.join("source");
        if copy.exists() {
            fs::remove_dir_all(&copy)?;
        }
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others"]);
        git.arg("--exclude-standard").current_dir(root);
        let listed = String::from_utf8(output(&mut runner, git)?.stdout)?;
        let files = listed.split_terminator('\0').map(str::to_owned);
        let nursery = Self {
            runner,
            pristine: target.join("pristine"),
            files: files.filter(|file| root.join(file).is_file()).collect(),
            copy,
            says: target.join("says"),
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
    pub fn plant(&mut self, plant: &Plant) -> Result<(), Box<dyn Error>> {
        let mut patch = Command::new("patch");
        patch.args(["--strip=1", "--fuzz=0", "--force", "--quiet"]);
        patch
            .args(["--no-backup-if-mismatch", "--reject-file=-"])
            .arg("--input")
            .arg(&plant.patch);
        patch.current_dir(&self.copy);
        let output = output(&mut self.runner, patch)?;
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

    /// Compiles the library from the copy, as far as it takes to see that it can be built.
    ///
    /// # Errors
    ///
    /// If it can't.
    pub fn compile(&mut self) -> Result<(), Box<dyn Error>> {
        let mut check = self.cargo();
        check.args(["check", "--quiet", "--package", "rejoin", "--lib"]);
        self.succeed(check)
    }

    /// Builds the simulator from the copy.
    ///
    /// # Errors
    ///
    /// If it does not build.
    pub fn build(&mut self) -> Result<(), Box<dyn Error>> {
        let mut build = self.cargo();
        build.args(["build", "--quiet", "--release", "--package", "rejoin-sim"]);
        self.succeed(build)
    }

    /// Runs a check on what was built.
    ///
    /// # Errors
    ///
    /// If it cannot be run.
    pub fn check(&mut self, check: Check) -> Result<Verdict, Box<dyn Error>> {
        let mut command = match check.task() {
            Task::Simulator(arguments) => {
                let mut command = Command::new(self.target.join("release/rejoin-sim"));
                command.args(arguments);
                command
            }
            Task::Test(selected) => {
                // It is built before its time is taken; what does not build has found nothing.
                let mut build = self.test(selected);
                build.arg("--no-run");
                self.succeed(build)?;
                self.test(selected)
            }
        };
        let says = fs::File::create(&self.says)?;
        command.current_dir(&self.copy);
        command.stdout(says).stderr(Stdio::null());
        let Ended { output, took } = self.runner.run(command, PATIENCE)?;
        let says = String::from_utf8_lossy(&fs::read(&self.says)?).into_owned();
        let effort = check.effort(&says);
        // 1 is what a simulation says of a find, of which it then says where it was; but also of
        // paths that it has not reached. 101 is what a test says, and whatever panics.
        let found = match output.and_then(|output| output.status.code()) {
            Some(1) => !effort.is_empty(),
            code => code == Some(101),
        };
        Ok(Verdict {
            found,
            effort,
            says,
            took,
        })
    }

    /// Runs a command whose failure is an error of its own.
    fn succeed(&mut self, command: Command) -> Result<(), Box<dyn Error>> {
        let output = output(&mut self.runner, command)?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
    }

    fn test(&self, selected: &[&str]) -> Command {
        let mut cargo = self.cargo();
        cargo.args(["test", "--quiet", "--release"]).args(selected);
        cargo
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

/// Runs a command that takes as long as it does.
fn output(runner: &mut Runner, mut command: Command) -> Result<Output, Box<dyn Error>> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = runner.run(command, Duration::MAX)?;
    Ok(ended.output.expect("its time is never up"))
}
