//! The plan of a de-duplication across jurisdictions.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Check, NamedPeer, folder, parse, read};
use crate::Error;

/// Which jurisdiction keeps a person that several hold: the section `[dedupe]` of a querier's
/// configuration, or a file of its own.
///
/// The persons kept by all jurisdictions together are then each counted once, if all follow the same
/// `priority`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct DedupePlan {
    /// What this registry is called in `priority`.
    pub jurisdiction: String,
    /// This registry and all providers: a person stays with the first of them that holds her.
    pub priority: Vec<String>,
    /// Which of this registry's own records of a person is kept.
    #[serde(default)]
    pub keep: Keep,
    /// Counts below this one are not written to the matrix.
    #[serde(default = "default_threshold")]
    pub suppress_below: u64,
    /// Where to write the matrix of counts, CSV or Parquet.
    pub matrix: Option<PathBuf>,
    /// How many providers to link with at once.
    #[serde(default = "default_parallel")]
    pub parallel: usize,
}

/// Which of several records of one person is kept.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The first in the file.
    #[default]
    First,
    /// The one with the latest date in this column, and of several such the first.
    Latest(String),
}

impl DedupePlan {
    /// Reads a plan from a file of its own and checks it against the providers.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it is not there, [`Error::Configuration`] with line and key otherwise.
    pub fn load(path: &Path, providers: &[NamedPeer]) -> Result<Self, Error> {
        let plan: Self = parse(path, &read(path)?)?;
        plan.resolve("", path, providers)
    }

    /// Makes paths relative to the file, and checks what is wrong for no parser.
    pub(super) fn resolve(
        mut self,
        section: &str,
        path: &Path,
        providers: &[NamedPeer],
    ) -> Result<Self, Error> {
        self.matrix = self.matrix.map(|matrix| folder(path).join(matrix));
        let check = Check { path };
        let wrong = |key: &str, problem: &str| check.wrong(&format!("{section}{key}"), problem);
        if self.parallel == 0 {
            return Err(wrong("parallel", "must be at least 1"));
        }
        let names: BTreeSet<&str> = providers
            .iter()
            .map(|provider| provider.name.as_str())
            .collect();
        if names.contains(self.jurisdiction.as_str()) {
            let problem = format!("a provider is called \"{}\" too", self.jurisdiction);
            return Err(wrong("jurisdiction", &problem));
        }
        let mut seen = BTreeSet::new();
        for name in &self.priority {
            if name.is_empty() || name.contains(['|', '\n', '\r']) {
                return Err(wrong(
                    "priority",
                    "a name is empty or holds a | or a line end",
                ));
            }
            if *name != self.jurisdiction && !names.contains(name.as_str()) {
                return Err(wrong("priority", &format!("nobody is called \"{name}\"")));
            }
            if !seen.insert(name.as_str()) {
                return Err(wrong("priority", &format!("\"{name}\" stands there twice")));
            }
        }
        let all = std::iter::once(self.jurisdiction.as_str()).chain(names);
        if let Some(name) = all.into_iter().find(|name| !seen.contains(name)) {
            return Err(wrong("priority", &format!("\"{name}\" has no place in it")));
        }
        Ok(self)
    }
}

fn default_threshold() -> u64 {
    11
}

fn default_parallel() -> usize {
    1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fingerprint;

    fn load(text: &str) -> Result<DedupePlan, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.toml");
        std::fs::write(&path, text).unwrap();
        let provider = |name: &str| NamedPeer {
            name: name.to_owned(),
            address: "127.0.0.1:1".to_owned(),
            certificate_sha256: "ab".repeat(32).parse::<Fingerprint>().unwrap(),
        };
        DedupePlan::load(&path, &[provider("east"), provider("west")])
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_plan_has_defaults_and_relative_paths() {
        let plan = load(
            "jurisdiction = \"north\"\npriority = [\"west\", \"north\", \"east\"]\nmatrix = \"m.csv\"\n\
             keep = { latest = \"seen\" }\n",
        )
        .unwrap();
        assert_eq!((plan.suppress_below, plan.parallel), (11, 1));
        assert_eq!(plan.keep, Keep::Latest("seen".to_owned()));
        assert!(plan.matrix.unwrap().is_absolute());
    }

    #[test]
    fn mistakes_are_named() {
        let names = "jurisdiction = \"north\"\n";
        for (text, said) in [
            ("priority = [\"north\", \"east\"]", "\"west\" has no place"),
            ("priority = [\"east\", \"west\"]", "\"north\" has no place"),
            (
                "priority = [\"north\", \"east\", \"west\", \"south\"]",
                "nobody is called \"south\"",
            ),
            (
                "priority = [\"north\", \"east\", \"west\", \"east\"]",
                "\"east\" stands there twice",
            ),
            ("priority = [\"north\", \"east|west\"]", "holds a |"),
            ("", "priority"),
            (
                "priority = [\"north\", \"east\", \"west\"]\nparallel = 0",
                "parallel",
            ),
            (
                "priority = [\"north\", \"east\", \"west\"]\nkeep = \"last\"",
                "last",
            ),
            (
                "priority = [\"north\", \"east\", \"west\"]\nthreshold = 5",
                "threshold",
            ),
        ] {
            let error = load(&format!("{names}{text}\n")).unwrap_err();
            assert!(
                error.contains(said) && error.contains("plan.toml"),
                "{error}"
            );
        }
        let error = load("jurisdiction = \"east\"\npriority = [\"east\", \"west\"]\n").unwrap_err();
        assert!(error.contains("a provider is called"), "{error}");
    }
}
