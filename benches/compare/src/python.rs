//! The figures that `python/compare.py --json` wrote.

use std::path::Path;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::case::Operation;
use crate::results::{Entry, Results};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    results: Vec<Figure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Figure {
    who: String,
    bits: usize,
    operation: String,
    nanoseconds: f64,
}

/// Adds the figures in `path` for the key sizes in `sizes` to `results`.
pub fn report(path: &Path, sizes: &[usize], results: &mut Results) -> Result<()> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let file: File = serde_json::from_str(&text).with_context(|| format!("in {shown}"))?;
    for figure in file.results {
        let operation = match figure.operation.as_str() {
            "encryption" => Operation::Encryption,
            "addition" => Operation::Product,
            "decryption" => Operation::Decryption,
            other => bail!("in {shown}: unknown operation {other}"),
        };
        if sizes.contains(&figure.bits) {
            results.push(Entry {
                operation,
                bits: figure.bits,
                who: figure.who,
                nanoseconds: figure.nanoseconds,
            });
        }
    }
    Ok(())
}
