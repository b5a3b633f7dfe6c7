//! What `cargo sim` says of what it cannot do.

use std::path::{Path, PathBuf};
use std::process::Command;

use rejoin_sim::Step;
use rejoin_sim::exhaust::Universe;
use rejoin_sim::plan::{BrokerOn, BrokerPlan, Plan};

fn written(name: &str, what: impl AsRef<[u8]>) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, what).unwrap();
    file
}

/// What goes to the standard error; nothing may go to the other.
fn refusal(arguments: &[&str]) -> String {
    let mut sim = Command::new(env!("CARGO_BIN_EXE_rejoin-sim"));
    let output = sim.args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn assert_refused(name: &str, what: impl AsRef<[u8]>, why: &str) {
    let file = written(name, what);
    let file = file.to_str().unwrap();
    for command in ["replay", "explain"] {
        let says = refusal(&[command, file]);
        let expected = format!("cargo sim: {file}: {why}");
        assert!(says.starts_with(&expected), "{says}, and not {expected}");
    }
}

#[test]
fn a_seed_is_no_larger_than_a_seed_can_be() {
    let says = refusal(&["replay", "18446744073709551616"]);
    let expected = "18446744073709551616 is no seed: the largest is 18446744073709551615";
    assert_eq!(says, format!("cargo sim: {expected}\n"));
}

#[test]
fn behind_the_last_seed_that_there_is_no_other_comes() {
    let mut sim = Command::new(env!("CARGO_BIN_EXE_rejoin-sim"));
    sim.args(["run", "--jobs", "2", "--seeds"]);
    let last = u64::MAX;
    let output = sim.arg(format!("{}..{last}", last - 3)).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let says = String::from_utf8(output.stdout).unwrap();
    assert!(says.starts_with("3 simulations in "), "{says}");
}

#[test]
fn the_shortest_way_to_a_cell_is_shown_and_can_be_drawn() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("way");
    std::fs::create_dir_all(&folder).unwrap();
    let sim = |arguments: &[&str]| {
        let mut sim = Command::new(env!("CARGO_BIN_EXE_rejoin-sim"));
        let output = sim.args(arguments).current_dir(&folder).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let says = sim(&["exhaust", "--to", "login to resumable with rightproof"]);
    let draw = "cargo sim explain exhaust.plan --html exhaust.html";
    assert!(says.contains(draw), "{says}");
    let shown = sim(&["replay", "exhaust.plan"]);
    assert!(
        shown.contains("◆ ann: c3 → c3, leaving, c2 waits"),
        "{shown}"
    );
    sim(&["explain", "exhaust.plan", "--html", "exhaust.html"]);
    let page = std::fs::read_to_string(folder.join("exhaust.html")).unwrap();
    assert!(page.contains("next takeover</button> (of 1)"));
    let says = refusal(&["exhaust", "--to", "nowhere"]);
    assert!(
        says.contains("\n  LogIn to Resumable with RightProof\n"),
        "{says}"
    );
}

#[test]
fn whoever_reads_what_is_said_may_stop() {
    for arguments in [
        &["exhaust", "--depth", "1"][..],
        &["run", "--seeds", "0..1"],
        &["random", "broker", "--cases", "1"],
        &["plant", "--list"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut sim = Command::new(env!("CARGO_BIN_EXE_rejoin-sim"));
        let output = sim.args(arguments).stdout(writer).output().unwrap();
        assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_universe_that_cannot_be_explored_says_why() {
    let says = refusal(&["exhaust", "--names", "3", "--renames"]);
    let expected = "cargo sim: with names that change there are at most 2 names, or no rooms";
    assert!(says.starts_with(expected), "{says}");
    for (flag, value) in [("--states", "0"), ("--jobs", "18446744073709551615")] {
        let says = refusal(&["exhaust", flag, value]);
        let expected = format!("error: invalid value '{value}' for '{flag} <N>'");
        assert!(says.starts_with(&expected), "{says}");
    }
}

#[test]
fn what_is_not_asked_for_and_cannot_be_explored_is_left_out() {
    let mut sim = Command::new(env!("CARGO_BIN_EXE_rejoin-sim"));
    sim.args(["exhaust", "--depth", "1"]);
    let universes = |sim: &mut Command| {
        let output = sim.output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let said = String::from_utf8(output.stdout).unwrap();
        said.lines().filter(|line| !line.starts_with(' ')).count()
    };
    assert_eq!(universes(&mut sim), 3);
    assert_eq!(universes(sim.arg("--renames")), 2);
}

#[test]
fn plants_are_those_of_the_workspace_around_the_current_folder() {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("moved");
    let (folder, plants) = (root.join("src/deep"), root.join("sim/plants"));
    for folder in [&folder, &plants] {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(root.join("Cargo.toml"), "[workspace]\n").unwrap();
    std::fs::write(plants.join("off-by-one.patch"), "Found-by: hub\n").unwrap();
    let mut sim = Command::new(env!("CARGO_BIN_EXE_rejoin-sim"));
    let output = sim.args(["plant", "--list"]).current_dir(&folder).output();
    let said = output.unwrap().stdout;
    assert_eq!(String::from_utf8_lossy(&said), "off-by-one: hub\n");

    let output = sim.args(["--part", "2/2"]).current_dir(folder).output();
    let says = output.unwrap().stderr;
    assert_eq!(
        String::from_utf8_lossy(&says),
        "cargo sim: no plant is in part 2/2\n"
    );
}

#[test]
fn a_file_that_is_missing_is_named() {
    let says = refusal(&["explain", "nowhere.plan"]);
    assert!(says.starts_with("cargo sim: nowhere.plan: "), "{says}");
    let says = refusal(&["explain", "7", "--html", "nowhere/run.html"]);
    assert!(says.starts_with("cargo sim: nowhere/run.html: "), "{says}");
}

#[test]
fn a_record_of_another_version_says_which() {
    let why = "the record is of version 2, and this program reads version 10";
    assert_refused("other.record", b"rejoin record 2\n\x05\xff", why);
}

#[test]
fn a_record_without_an_entry_is_no_plan() {
    let why = "the record ends before the end of its first entry";
    for (name, what) in [
        ("cut-0.record", "rejoin rec"),
        ("cut-1.record", "rejoin record 10\n"),
        ("cut-2.record", "rejoin record 10\n\u{5}"),
    ] {
        assert_refused(name, what, why);
    }
    assert_refused("empty", "", "the file is empty");
}

#[test]
fn a_file_that_is_neither_is_refused() {
    let why = "this is neither a plan nor a record";
    assert_refused("neither", b"\x7fELF\xff", why);
    assert_refused("cut.plan", "(seed: 1,\n", "this is no plan: 1:10-2:1: ");
}

#[test]
fn a_plan_for_the_broker_is_shown_or_refused() {
    let (on, steps) = (BrokerOn::Universe(Universe::RENAMES), vec![Step::Accept]);
    let mut plan = BrokerPlan { on, steps };
    let file = written("one.plan", plan.to_file());
    let mut sim = Command::new(env!("CARGO_BIN_EXE_rejoin-sim"));
    let output = sim.arg("replay").arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("▸ c2 accepted"), "{said}");
    plan.steps.push(Step::AcceptIrc);
    let why = "step 2: no step of this universe is AcceptIrc\n";
    assert_refused("foreign.plan", plan.to_file(), why);
    assert_refused(
        "cut-broker.plan",
        "Broker(on:",
        "this is no plan: 1:10-1:11: ",
    );
}

#[test]
fn a_plan_with_an_index_into_nothing_names_it() {
    let plan = Plan::draw(0);
    let plan = Plan { setting: 5, ..plan };
    let why = "setting is 5, and may be 0 to 4\n";
    assert_refused("setting.plan", plan.to_file(), why);
}
