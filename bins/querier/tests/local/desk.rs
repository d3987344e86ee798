//! A desk at which a registry is de-duplicated.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

pub(crate) const RULES: &str = "[columns]\nrecord_id = \"id\"\nnid = \"nid\"\nlast_name = \"last\"\nbirth_date = \"dob\"\n\
    [[rule]]\nid = \"ID\"\nsignature = [\"nid:T|U\"]\n\
    [[rule]]\nid = \"NAME\"\nsignature = [\"last_name:T|U\", \"birth_date:D\"]\n";

/// A folder with rules and people in it.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new(rules: &str, people: &str) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        fs::write(desk.path("rules.toml"), rules).unwrap();
        fs::write(desk.path("people.csv"), people).unwrap();
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `dedupe --local` of `people.csv` into `out.csv`.
    pub(crate) fn dedupe(&self, more: &[&str]) -> Output {
        let files = ["people.csv", "--out", "out.csv", "--force"];
        self.command(&[&files, more].concat()).output().unwrap()
    }

    /// `dedupe --local`, to be run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_blindjoin-querier"));
        command
            .current_dir(self.0.path())
            .args(["dedupe", "--rules", "rules.toml", "--local"])
            .args(arguments);
        command
    }

    /// A file's text.
    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs it, and yields the ids of the records that are kept.
    pub(crate) fn kept(&self, more: &[&str]) -> Vec<String> {
        let output = self.dedupe(more);
        assert!(output.status.success(), "{}", said(&output));
        let out = fs::read_to_string(self.path("out.csv")).unwrap();
        let lines = out.lines().skip(1).filter(|line| line.ends_with(",1"));
        lines
            .map(|line| line.split(',').next().unwrap().to_owned())
            .collect()
    }

    /// Runs it in vain, and yields the complaint.
    pub(crate) fn fails(&self, more: &[&str]) -> String {
        let output = self.dedupe(more);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(!self.path("out.csv").exists(), "nothing is written");
        said(&output)
    }
}

/// What a program said.
pub(crate) fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}
