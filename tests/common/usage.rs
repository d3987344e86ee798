//! What a program says of itself and of wrong usage.

use std::process::{Command, Output};

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().unwrap()
}

/// The help of a program names its commands.
pub(crate) fn help_names(program: &str, commands: &[&str]) {
    let output = run(program, &["--help"]);
    assert!(output.status.success());
    let help = String::from_utf8_lossy(&output.stdout);
    for command in commands {
        assert!(help.contains(command), "no {command} in: {help}");
        assert!(run(program, &[command, "--help"]).status.success());
    }
}

/// Without a command, without what a command needs, or with what it does not know, a program ends
/// with code 2.
pub(crate) fn wrong_usage_is_told_by_its_code(program: &str, commands: &[&str]) {
    assert_eq!(run(program, &[]).status.code(), Some(2));
    for &command in commands {
        for arguments in [&[command][..], &[command, "--no-such-option"]] {
            let output = run(program, arguments);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        }
    }
}
