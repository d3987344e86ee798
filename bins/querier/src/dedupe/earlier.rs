//! What a run that some jurisdictions did not answer keeps for the next, which asks those alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use blindjoin_columnar::{Format, Input, Output, ReadOptions};
use blindjoin_protocol::{Card, Cell};
use blindjoin_service::config::{DedupePlan, NamedPeer};
use serde::{Deserialize, Serialize};

use super::links::{Linked, Standing};
use super::settings::Outcome;

/// The form of the file. Another version's is not read.
const VERSION: u32 = 1;

/// How a file's name goes on beside that of the output.
const SUFFIX: &str = ".unfinished";

/// What was compared: what a later run must have in common with this one, part by part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Compared {
    /// SHA-256 of the records' file.
    pub(super) records: String,
    /// How that was read, where the command line says it.
    pub(super) reading: String,
    /// SHA-256 of the rules file, or the name of a built-in set; the digest of what was agreed on; and
    /// the rules asked about.
    pub(super) rules: (String, String, Vec<String>),
    /// The blocks, as they were asked for.
    pub(super) blocks: Option<String>,
    /// The jurisdictions in their order, and which is ours.
    pub(super) plan: (Vec<String>, String),
}

/// The file that one run leaves and the next one finds.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Earlier {
    version: u32,
    compared: Compared,
    jurisdictions: BTreeMap<String, Shown>,
    /// SHA-256 of the results written, by their paths.
    written: BTreeMap<PathBuf, String>,
}

/// What linking with a jurisdiction has shown.
#[derive(Debug, Serialize, Deserialize)]
struct Shown {
    /// Whose answers they are: SHA-256 of its certificate.
    certificate: String,
    left_out: usize,
    outside: Vec<u32>,
    /// A letter for each cell, row by row.
    cells: String,
}

impl Compared {
    /// What is now compared with others under a plan.
    pub(super) fn of(
        input: &Input,
        reading: String,
        rules: (String, [u8; 32], Vec<String>),
        blocks: Option<String>,
        plan: &DedupePlan,
    ) -> anyhow::Result<Self> {
        let (file, agreed, asked) = rules;
        Ok(Self {
            records: hexadecimal(input.digest()?),
            reading,
            rules: (file, hexadecimal(agreed), asked),
            blocks,
            plan: (plan.priority.clone(), plan.jurisdiction.clone()),
        })
    }

    /// The first part in which another run's was another.
    fn differs_from(&self, other: &Self) -> Option<&'static str> {
        let parts = [
            (self.records == other.records, "the records have changed"),
            (
                self.reading == other.reading,
                "the records are read otherwise",
            ),
            (self.rules == other.rules, "the rules have changed"),
            (self.blocks == other.blocks, "the blocks are others"),
            (self.plan == other.plan, "the plan has changed"),
        ];
        parts
            .into_iter()
            .find_map(|(same, text)| (!same).then_some(text))
    }
}

impl Earlier {
    /// What an earlier run has left beside an output, if it has.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is none of this version.
    pub(super) fn beside(out: &Path) -> anyhow::Result<Option<Self>> {
        let Some(path) = path_beside(out) else {
            return Ok(None);
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context(path.display().to_string()),
        };
        let read = serde_json::from_str::<Self>(&text).ok();
        let read = read.filter(|earlier| earlier.version == VERSION);
        read.map(Some).with_context(|| {
            format!(
                "{} is not what a run of this version leaves for the next: move it away, or give --force to begin anew",
                path.display()
            )
        })
    }

    /// Whether the earlier run has written this file, and nobody has changed it since.
    pub(super) fn has_written(&self, path: &Path) -> bool {
        let Ok(place) = fs::canonicalize(path) else {
            return false;
        };
        let written = self.written.get(&place);
        written.is_some_and(|digest| digest_of(&place).is_ok_and(|found| found == *digest))
    }

    /// What it has shown of the providers that are still the same.
    ///
    /// # Errors
    ///
    /// Something else is compared now.
    pub(super) fn continued(
        self,
        out: &Path,
        compared: &Compared,
        rows: usize,
        providers: &[NamedPeer],
    ) -> anyhow::Result<BTreeMap<String, Linked>> {
        let path = path_beside(out).unwrap_or_default();
        if let Some(difference) = compared.differs_from(&self.compared) {
            bail!(
                "{difference} since the run that {} was left by, to go on from: run the command as it was then, or \
                 give --force to ask all jurisdictions anew",
                path.display()
            );
        }
        let rules = compared.rules.2.len();
        let mut known = BTreeMap::new();
        for (name, shown) in self.jurisdictions {
            let same = |provider: &&NamedPeer| {
                provider.name == name
                    && provider.certificate_sha256.to_string() == shown.certificate
            };
            if providers.iter().any(|provider| same(&provider)) {
                let linked = shown.linked(rules, rows);
                let linked = linked.with_context(|| {
                    format!(
                        "{} is damaged: move it away, or give --force to begin anew",
                        path.display()
                    )
                })?;
                known.insert(name, linked);
            }
        }
        Ok(known)
    }

    /// Leaves a file beside an output for the next run; says whether there is a place for one.
    pub(super) fn leave(
        out: &Path,
        compared: Compared,
        outcome: &Outcome,
        results: &[PathBuf],
    ) -> anyhow::Result<bool> {
        let Some(path) = path_beside(out) else {
            return Ok(false);
        };
        let named = compared.plan.0.iter().zip(&outcome.standings);
        let jurisdictions = named.filter_map(|(name, standing)| {
            let Standing::Linked(linked) = standing else {
                return None;
            };
            let mut providers = outcome.providers.iter();
            let provider = providers.find(|provider| provider.name == *name)?;
            let certificate = provider.certificate_sha256.to_string();
            Some((name.clone(), Shown::of(linked, certificate)))
        });
        let jurisdictions = jurisdictions.collect();
        let files = results
            .iter()
            .filter_map(|path| fs::canonicalize(path).ok());
        let written = files
            .filter(|path| path.is_file())
            .map(|path| {
                let digest = digest_of(&path)?;
                anyhow::Ok((path, digest))
            })
            .collect::<Result<_, _>>()?;
        let earlier = Self {
            version: VERSION,
            compared,
            jurisdictions,
            written,
        };
        let mut output = Output::create(&path, true)?;
        serde_json::to_writer(&mut output, &earlier).context(path.display().to_string())?;
        output.flush().context(path.display().to_string())?;
        output.commit()?;
        Ok(true)
    }

    /// Removes what an earlier run has left: nothing is to be asked any more.
    pub(super) fn remove(out: &Path) -> anyhow::Result<()> {
        let Some(path) = path_beside(out) else {
            return Ok(());
        };
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", path.display()))
            }
            _ => Ok(()),
        }
    }
}

impl Shown {
    fn of(linked: &Linked, certificate: String) -> Self {
        let card = &linked.card;
        let cells = (0..card.rows()).flat_map(|row| card.row(row));
        let cells = cells.map(|cell| match cell {
            Cell::NoValue => '.',
            Cell::NotMatched => '0',
            Cell::Matched => '1',
            Cell::NotCompared => 'x',
        });
        Self {
            certificate,
            left_out: linked.left_out,
            outside: linked.outside.clone(),
            cells: cells.collect(),
        }
    }

    fn linked(self, rules: usize, rows: usize) -> anyhow::Result<Linked> {
        let cells = self.cells.bytes().map(|letter| match letter {
            b'.' => Some(Cell::NoValue),
            b'0' => Some(Cell::NotMatched),
            b'1' => Some(Cell::Matched),
            b'x' => Some(Cell::NotCompared),
            _ => None,
        });
        let cells: Vec<Cell> = cells
            .collect::<Option<_>>()
            .context("a letter is no cell")?;
        ensure!(
            cells.len() == rows * rules,
            "there are {} cells",
            cells.len()
        );
        Ok(Linked {
            card: Card::from_cells(rules, cells).context("there are no rules")?,
            left_out: self.left_out,
            learned: Vec::new(),
            outside: self.outside,
        })
    }
}

/// Where what an output lacks is kept; nowhere if it is no file.
fn path_beside(out: &Path) -> Option<PathBuf> {
    let is_stream = fs::metadata(out).is_ok_and(|found| !found.is_file());
    if out == Path::new("-") || is_stream {
        return None;
    }
    let mut name = out.as_os_str().to_owned();
    name.push(SUFFIX);
    Some(name.into())
}

/// What names a rule set: SHA-256 of its file, or its own name.
pub(super) fn rules_file(rules: &str) -> String {
    let path = Path::new(rules);
    // A pipe would be read away.
    let digest = path.is_file().then(|| digest_of(path).ok()).flatten();
    digest.unwrap_or_else(|| rules.to_owned())
}

/// SHA-256 of a file, whatever it holds.
fn digest_of(path: &Path) -> Result<String, blindjoin_columnar::Error> {
    let options = ReadOptions::strict().with_format(Some(Format::Csv));
    Ok(hexadecimal(Input::open(path, options)?.digest()?))
}

fn hexadecimal(digest: [u8; 32]) -> String {
    digest.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes any text");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut Compared);

    fn compared() -> Compared {
        Compared {
            records: "ab".to_owned(),
            reading: String::new(),
            rules: (
                "cd".to_owned(),
                "ef".to_owned(),
                vec!["A".to_owned(), "B".to_owned()],
            ),
            blocks: None,
            plan: (
                vec!["here".to_owned(), "there".to_owned()],
                "here".to_owned(),
            ),
        }
    }

    fn provider(certificate: &str) -> NamedPeer {
        NamedPeer {
            name: "there".to_owned(),
            address: "127.0.0.1:1".to_owned(),
            certificate_sha256: certificate.repeat(32).parse().unwrap(),
        }
    }

    fn outcome() -> Outcome {
        let cells = vec![
            Cell::Matched,
            Cell::NoValue,
            Cell::NotMatched,
            Cell::NotCompared,
        ];
        let linked = Linked {
            card: Card::from_cells(2, cells).unwrap(),
            left_out: 1,
            learned: Vec::new(),
            outside: vec![1],
        };
        Outcome {
            standings: vec![Standing::Ours, Standing::Linked(linked)],
            providers: vec![provider("ab")],
            failure: None,
        }
    }

    #[test]
    fn what_was_shown_comes_back_for_the_same_question_to_the_same_party() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out.csv");
        fs::write(&out, "result").unwrap();
        let results = [out.clone()];
        assert!(Earlier::leave(&out, compared(), &outcome(), &results).unwrap());
        let found = || Earlier::beside(&out).unwrap().unwrap();
        assert!(found().has_written(&out));
        let known = found()
            .continued(&out, &compared(), 2, &[provider("ab")])
            .unwrap();
        let Standing::Linked(linked) = &outcome().standings[1] else {
            unreachable!()
        };
        assert_eq!(known["there"].card, linked.card);
        assert_eq!(
            (known["there"].left_out, &known["there"].outside),
            (1, &vec![1])
        );
        let another = found().continued(&out, &compared(), 2, &[provider("cd")]);
        assert!(
            another.unwrap().is_empty(),
            "another party's answers are its own"
        );

        fs::write(&out, "changed").unwrap();
        assert!(!found().has_written(&out));
        Earlier::remove(&out).unwrap();
        assert!(Earlier::beside(&out).unwrap().is_none());
        Earlier::remove(&out).unwrap();
    }

    #[test]
    fn another_question_is_named_and_not_mixed_with_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out.csv");
        assert!(Earlier::leave(&out, compared(), &outcome(), &[]).unwrap());
        let changes: [(Change, &str); 6] = [
            (|it| it.records.push('0'), "records have changed"),
            (|it| it.reading.push(';'), "read otherwise"),
            (|it| it.rules.0.push('0'), "rules have changed"),
            (|it| it.rules.2.truncate(1), "rules have changed"),
            (
                |it| it.blocks = Some("birth_year".to_owned()),
                "blocks are others",
            ),
            (|it| it.plan.0.reverse(), "plan has changed"),
        ];
        for (change, words) in changes {
            let mut now = compared();
            change(&mut now);
            let earlier = Earlier::beside(&out).unwrap().unwrap();
            let error = earlier
                .continued(&out, &now, 2, &[provider("ab")])
                .unwrap_err();
            let error = error.to_string();
            assert!(
                error.contains(words) && error.contains("--force"),
                "{error}"
            );
        }
        let path = path_beside(&out).unwrap();
        for bad in ["", "{}", "{\"version\":2}"] {
            fs::write(&path, bad).unwrap();
            let error = Earlier::beside(&out).unwrap_err().to_string();
            assert!(error.contains("out.csv.unfinished"), "{error}");
        }
    }
}
