//! `cargo sim plant` when it is to stop.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Pid, Signal, kill_process};

/// Stands for cargo, and, once it was "built", for the simulator. Where it is to hang, it says so,
/// and starts what would outlive it.
const CARGO: &str = r#"#!/bin/sh
if [ "$1" = "$HANGS" ]; then
    (sleep 20; echo late >"$SAYS") &
    echo begun >"$SAYS"
    wait
fi
case $1 in
locate-project) echo "$PWD/Cargo.toml" ;;
build) mkdir -p "$CARGO_TARGET_DIR/release" && cp "$0" "$CARGO_TARGET_DIR/release/rejoin-sim" ;;
esac
"#;

/// A workspace with a plant, and with a cargo of its own.
fn workspace(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&root);
    for folder in ["bin", "sim/plants"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let cargo = root.join("bin/cargo");
    fs::write(&cargo, CARGO).unwrap();
    fs::set_permissions(cargo, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(root.join("sim/plants/any.patch"), "Found-by: hub\n").unwrap();
    let made = Command::new("git")
        .args(["init", "--quiet"])
        .arg(&root)
        .status();
    assert!(made.unwrap().success());
    root
}

/// Has a planter hang at `command`, and stops it with `signal`.
fn stop(command: &str, signal: Signal) {
    let root = workspace(&format!("stopped-{command}-{}", signal.as_raw()));
    let path = std::env::var("PATH").unwrap();
    // All that the planter starts has the pipe, too.
    let (says, writer) = io::pipe().unwrap();
    fcntl_setfd(&writer, FdFlags::empty()).unwrap();
    let mut plant = Command::new(env!("CARGO_BIN_EXE_rejoin-sim"));
    plant.arg("plant").current_dir(&root).env("HANGS", command);
    plant.env("PATH", format!("{}/bin:{path}", root.display()));
    plant.env("SAYS", format!("/dev/fd/{}", writer.as_raw_fd()));
    plant.stdout(Stdio::null()).stderr(Stdio::null());
    let mut planter = plant.spawn().unwrap();
    drop(writer);
    let mut says = BufReader::new(says);
    let mut said = String::new();
    says.read_line(&mut said).unwrap();
    assert_eq!(said, "begun\n");
    assert!(root.join("target/plants/source").exists());
    kill_process(Pid::from_child(&planter), signal).unwrap();
    // To the end, which comes when nobody is left who could write.
    said.clear();
    says.read_to_string(&mut said).unwrap();
    assert_eq!(said, "", "{command} was to end by {signal:?}");
    let code = planter.wait().unwrap().code();
    assert_eq!(code, Some(128 + signal.as_raw()));
    for scratch in ["source", "pristine", "says"] {
        let scratch = root.join("target/plants").join(scratch);
        assert!(!scratch.exists(), "{}", scratch.display());
    }
}

#[test]
fn a_planter_that_is_stopped_ends_what_it_has_started_and_leaves_nothing() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        for command in ["build", "random"] {
            stop(command, signal);
        }
    }
}
