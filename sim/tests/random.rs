//! `cargo sim random`, as it is called.

use std::process::{Command, Output};

fn random(arguments: &[&str]) -> Output {
    let mut random = Command::new(env!("CARGO_BIN_EXE_rejoin-sim"));
    let output = random.arg("random").args(arguments).output();
    output.expect("it can be run")
}

#[test]
fn a_search_that_finds_nothing_says_where_it_looked() {
    for to in ["broker", "hub", "driver"] {
        let output = random(&[to, "--seed", "7", "--cases", "3"]);
        let says = String::from_utf8_lossy(&output.stdout);
        assert_eq!(says, "3 cases from seed 7 on, and nothing was found\n");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn a_search_for_nothing_is_refused() {
    let output = random(&["hub", "--cases", "0"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, b"");
}
