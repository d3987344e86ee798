//! Matches two token files:
//!
//! ```console
//! $ cargo run -p blindjoin --example match_files -- ours.csv theirs.csv '(T1|T2)&T3'
//! ```
//!
//! `blindjoin match` does this with metadata, sealed tokens and suppressed counts.

use std::error::Error;
use std::io::Write as _;
use std::path::Path;

use blindjoin_columnar::{ReadOptions, Reader};
use blindjoin_token::{Limits, Matches, TokenKey, TokenTable, TokenTableBuilder};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [ours, theirs, strategy] = &arguments[..] else {
        return Err("usage: match_files OURS THEIRS STRATEGY".into());
    };
    let mut out = std::io::stdout().lock();
    for pair in matched(ours.as_ref(), theirs.as_ref(), strategy)? {
        writeln!(out, "{}", pair.join(","))?;
    }
    Ok(())
}

/// Yields the record ids of either side that match, and the rules under which they do.
pub(crate) fn matched(
    ours: &Path,
    theirs: &Path,
    strategy: &str,
) -> Result<Vec<[String; 3]>, Box<dyn Error>> {
    let (ours, theirs) = (token_table(ours)?, token_table(theirs)?);
    let matches = Matches::find(&ours, &theirs, &strategy.parse()?, &Limits::default())?;
    let pairs = matches.pairs().iter().map(|&pair| {
        let rules: Vec<&str> = matches.rules_of(pair).collect();
        let (ours, theirs) = (ours.id(pair.left), theirs.id(pair.right));
        [ours.to_owned(), theirs.to_owned(), rules.join(";")]
    });
    Ok(pairs.collect())
}

fn token_table(file: &Path) -> Result<TokenTable, Box<dyn Error>> {
    let reader = Reader::open(file, ReadOptions::strict())?;
    let column = |name: &str| {
        let position = reader.columns().iter().position(|column| column == name);
        position.ok_or_else(|| format!("{}: no column {name}", file.display()))
    };
    let [rule, token, id] = [column("RuleId")?, column("Token")?, column("RecordId")?];
    let mut table = TokenTableBuilder::new();
    for chunk in reader {
        for row in chunk?.rows().iter() {
            let cell = |at| row.cell(at).unwrap_or_default();
            table.push(cell(rule), TokenKey::read(cell(token))?, cell(id))?;
        }
    }
    Ok(table.finish())
}
