//! `blindjoin evaluate`: how good a result is, measured against the truth.

mod outcome;
mod score;
mod table;
mod truth;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};
use blindjoin_columnar::InputOptions;
use blindjoin_terminal::Usage;

use crate::console::Console;
use outcome::Outcome;
use score::Report;
use table::Table;
use truth::{Groups, PairTruth, Pattern};

/// Measure a result against the truth: precision, recall, F1, overall and per rule
///
/// RESULT is a bingo card, with the columns record_id and matched followed by one column per rule,
/// or a table of pairs, with two columns whose names end in record_id (in any case, with or without
/// the underscore): the first party's records and the second's. If a table of pairs has a column
/// matched, only its pairs with a 1 there count as found, and the columns after it are rules as in
/// a card; otherwise a column rules may list the rules of each pair.
///
/// A card is measured by its records: found are those matched, true are those that have a partner in
/// the truth. A table of pairs is measured by its pairs.
///
/// The truth is a table with two columns whose names end in record_id, or follows from the record
/// ids themselves: with --truth-pattern, two records are the same person if the pattern's first
/// group captures the same text in both of their ids.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  blindjoin evaluate registries/expected.csv --truth registries/truth.csv"
)]
pub(crate) struct Arguments {
    /// A card or a table of pairs, CSV or Parquet
    #[arg(value_name = "RESULT")]
    result: PathBuf,
    /// The true pairs, the records of RESULT's first party in the first column
    #[arg(long, value_name = "FILE", required_unless_present = "truth_pattern")]
    truth: Option<PathBuf>,
    /// Regular expression whose first group identifies the person in a record id
    #[arg(
        long,
        value_name = "REGEX",
        conflicts_with = "truth",
        allow_hyphen_values = true
    )]
    truth_pattern: Option<String>,
    /// The other party's records; with a truth file they are only checked for unknown record ids
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// The first party's records, for a table of pairs; without --against the pairs are of this one
    /// table, and their order does not count
    #[arg(long, value_name = "FILE")]
    ours: Option<PathBuf>,
    /// The column of the record ids in --ours and --against [default: record_id, rec_id or id]
    #[arg(long, value_name = "COLUMN")]
    id_column: Option<String>,
    /// The truth file names the other party's records first
    #[arg(long, conflicts_with = "truth_pattern")]
    swap: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reading: InputOptions,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    let report = evaluate(arguments, console)?;
    let text = if arguments.json {
        report.to_json()
    } else {
        report.to_text()
    };
    let mut output = std::io::stdout().lock();
    output
        .write_all(text.as_bytes())
        .and_then(|()| output.flush())
        .context("standard output: cannot be written")
}

fn evaluate(arguments: &Arguments, console: &Console) -> anyhow::Result<Report> {
    let result = Table::open(&arguments.result, arguments.reading, console)?;
    // The format is that of the result; the others may be of another.
    let others = InputOptions {
        format: None,
        ..arguments.reading
    };
    let id_column = arguments.id_column.as_deref();
    let ids_of = |path: &Option<PathBuf>| {
        path.as_deref()
            .map(|path| table::record_ids(path, id_column, others, console))
            .transpose()
    };
    let pattern = arguments
        .truth_pattern
        .as_deref()
        .map(Pattern::new)
        .transpose()?;
    match Outcome::of(&result)? {
        Outcome::Card(card) => {
            if arguments.ours.is_some() {
                let text = "--ours is for tables of pairs; a card lists its records itself";
                return Err(Usage::new(text).into());
            }
            let card = card.read(result)?;
            let theirs = ids_of(&arguments.against)?;
            let truth = match (&arguments.truth, pattern, theirs) {
                (Some(path), _, theirs) => {
                    let listed = truth::listed_pairs(path, arguments.swap, others, console)?;
                    truth::partnered(&listed, &card.ids, theirs.as_ref())?
                }
                (None, Some(pattern), Some(theirs)) => {
                    let mut groups = Groups::default();
                    let theirs = groups.of(&pattern, &theirs)?;
                    groups.of(&pattern, &card.ids)?.among(&theirs)
                }
                _ => {
                    let text = "--truth-pattern needs the other party's records: --against FILE";
                    return Err(Usage::new(text).into());
                }
            };
            Ok(card.score(&truth))
        }
        Outcome::Pairs(pairs) => {
            let ours = ids_of(&arguments.ours)?;
            let theirs = ids_of(&arguments.against)?;
            let truth = match (&arguments.truth, pattern) {
                (Some(path), _) => {
                    let listed = truth::listed_pairs(path, arguments.swap, others, console)?;
                    PairTruth::listed(&listed, ours, theirs)?
                }
                (None, Some(pattern)) => {
                    let ours = ours
                        .context("--truth-pattern needs the first party's records: --ours FILE")?;
                    PairTruth::by_pattern(&pattern, ours, theirs)?
                }
                (None, None) => bail!("a truth is needed: --truth or --truth-pattern"),
            };
            pairs.read(result, truth, console)
        }
    }
}
