//! How token files were made, as the metadata beside them tell, and whether they can match at all.

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use blindjoin_token::{Difference, Provenance};

use crate::console::Console;

/// Options about the metadata beside token files.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// Do not compare the metadata beside the token files
    #[arg(long)]
    ignore_metadata: bool,
}

/// What is known of the making of the token files of one run.
#[derive(Debug, Default)]
struct Made {
    known: Vec<(String, Provenance)>,
    unknown: Vec<String>,
}

impl Options {
    /// Compares how the files were made: files none of whose tokens can agree are refused, what may
    /// cost matches is remarked on.
    ///
    /// # Errors
    ///
    /// Metadata that are none, or tell of other secrets or another scheme.
    pub(crate) fn compare(self, files: &[&Path], console: &Console) -> anyhow::Result<()> {
        if self.ignore_metadata {
            return Ok(());
        }
        let mut made = Made::default();
        for file in files {
            let unlike = made.take(file)?;
            if let Some(remark) = unlike {
                console.note(remark);
            }
        }
        // A single file is compared with nothing.
        if files.len() > 1 && !made.unknown.is_empty() {
            console.note(format_args!(
                "{}: without metadata beside it, so that whether its tokens were made under the same \
                 secrets and rules is not known",
                made.unknown.join(", ")
            ));
        }
        Ok(())
    }
}

impl Made {
    /// Takes in the next file, and yields what is to be said of it beside those before.
    fn take(&mut self, tokens: &Path) -> anyhow::Result<Option<String>> {
        let name = tokens.display().to_string();
        let Some((path, text)) = metadata_beside(tokens)? else {
            if !self.unknown.contains(&name) {
                self.unknown.push(name);
            }
            return Ok(None);
        };
        let provenance = Provenance::from_metadata(&text).map_err(|error| {
            anyhow!(
                "{}: {error}; mend or remove it, or say --ignore-metadata",
                path.display()
            )
        })?;
        let mut unlike = None;
        for (other, known) in &self.known {
            for difference in known.differences(&provenance) {
                match difference {
                    Difference::Apart(what) => bail!(
                        "{name}: was made with other {what} than {other}, as the metadata beside them \
                         tell, so that no token of the one is one of the other; \
                         --ignore-metadata compares them all the same"
                    ),
                    Difference::Unlike(what) if unlike.is_none() => {
                        unlike = Some(format!(
                            "{name}: was made under other {what} than {other}, as the metadata beside \
                             them tell: records of one person may have other tokens"
                        ));
                    }
                    _ => {}
                }
            }
        }
        self.known.push((name, provenance));
        Ok(unlike)
    }
}

/// The metadata of a token file: where tokenize puts them. A stream has nothing beside it.
fn metadata_beside(tokens: &Path) -> anyhow::Result<Option<(PathBuf, String)>> {
    let path = tokens.with_extension("metadata.json");
    if !tokens.is_file() || !path.is_file() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(Some((path, text)))
}
