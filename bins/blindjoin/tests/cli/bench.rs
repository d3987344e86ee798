//! Runs the real command in a folder of its own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output};

pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("written");
        path
    }

    /// Writes a file that its owner alone may open.
    pub(crate) fn write_secret(&self, name: &str, content: &str) -> PathBuf {
        let path = self.write(name, content);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Names in the folder, to see that nothing half-written is left.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder.path())
            .expect("the folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_blindjoin"));
        command.args(arguments).current_dir(self.folder.path());
        command
    }

    /// Runs the command, which must end with the given code, and yields its two outputs.
    #[track_caller]
    pub(crate) fn run(&self, code: i32, arguments: &[&str]) -> (String, String) {
        let output = self.command(arguments).output().expect("it runs");
        finished(code, arguments, &output)
    }

    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> String {
        self.run(0, arguments).0
    }

    /// Runs a command that must fail with code 1, and yields its single line of complaint.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str]) -> String {
        let (stdout, stderr) = self.run(1, arguments);
        assert_eq!(stdout, "", "a failing command prints no result");
        stderr
    }
}

#[track_caller]
pub(crate) fn finished(code: i32, arguments: &[&str], output: &Output) -> (String, String) {
    let stdout = String::from_utf8(output.stdout.clone()).expect("text");
    let stderr = String::from_utf8(output.stderr.clone()).expect("text");
    assert_eq!(
        output.status.code(),
        Some(code),
        "{arguments:?}\n{stdout}\n{stderr}"
    );
    (stdout, stderr)
}
