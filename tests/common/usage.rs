//! What a program says of itself and of wrong usage.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

fn run(program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .output()
        .expect("it runs")
}

/// The help of a program names its commands.
pub(crate) fn help_names(program: &str, commands: &[&str]) {
    let output = run(program, &["--help"]);
    assert!(output.status.success());
    let help = String::from_utf8_lossy(&output.stdout);
    for command in commands {
        assert!(help.contains(command), "no {command} in: {help}");
        assert!(run(program, &[command, "--help"]).status.success());
        assert!(run(program, &["help", command]).status.success());
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

/// Arithmetic that there is none of is refused before any work, as a fault of the environment.
pub(crate) fn unknown_arithmetic_is_refused(program: &str, arguments: &[&str]) {
    let mut command = Command::new(program);
    let output = command.args(arguments).env("BLINDJOIN_BACKEND", "abacus");
    let output = output.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(
        told.contains("BLINDJOIN_BACKEND") && told.contains("portable"),
        "{told}"
    );
    assert!(
        !told.contains("abacus") && !told.contains("panicked"),
        "{told}"
    );
}

/// A program completes its commands in shells, and has a manual page for each.
pub(crate) fn completions_and_manual_pages_know_the_commands(program: &str, commands: &[&str]) {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(program, &["completions", shell]);
        assert!(output.status.success());
        let script = String::from_utf8_lossy(&output.stdout);
        for command in commands {
            assert!(script.contains(command), "no {command} for {shell}");
        }
    }
    let name = Path::new(program).file_name().and_then(OsStr::to_str);
    let name = name.expect("a plain name");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-manual"));
    let pages = folder.join("share/man1");
    std::fs::remove_dir_all(&folder).unwrap_or_default();
    let manual = |folder: &Path| run(program, &["manual", folder.to_str().expect("a plain path")]);
    assert!(manual(&pages).status.success());
    let page = |name: &str| {
        let page = std::fs::read_to_string(pages.join(format!("{name}.1")));
        page.unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let overview = page(name);
    for command in commands {
        // Hyphens have backslashes before them.
        assert!(overview.replace('\\', "").contains(command), "{overview}");
        assert!(
            page(&format!("{name}-{command}")).contains("Example"),
            "{command}"
        );
    }
    let file = folder.join("file");
    std::fs::write(&file, "").expect("written");
    let output = manual(&file);
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(complaint.contains("file: "), "{complaint}");
}
