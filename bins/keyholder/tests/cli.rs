//! What the program says of itself.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_blindjoin-keyholder"))
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn help_names_the_command() {
    let output = run(&["--help"]);
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("serve"));
}

#[test]
fn wrong_usage_is_told_by_its_code() {
    assert_eq!(run(&[]).status.code(), Some(2));
    assert_eq!(run(&["serve"]).status.code(), Some(2));
    assert_eq!(run(&["serve", "--no-such-option"]).status.code(), Some(2));
}
