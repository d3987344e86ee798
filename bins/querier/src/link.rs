//! `blindjoin-querier link`.

use std::path::PathBuf;

use blindjoin_columnar::{InputOptions, ReadOptions, Reader};
use blindjoin_service::querier::Question;
use blindjoin_terminal::Console;

use crate::blocks::BlockOptions;
use crate::linkage::{Asked, ResultOptions, carry_out};
use crate::session::{Session, Way};

/// Link records with a provider's registry
///
/// Writes the bingo card: a line per record in input order, a column per rule, 1 where the provider
/// has a record with the same values, 0 where it has none, and nothing where the record lacks a
/// value or was not compared, which a remark tells.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  blindjoin-querier link people.csv --config querier.toml --out card.csv --report report.html"
)]
pub(crate) struct Arguments {
    /// The records, CSV or Parquet; - is standard input
    #[arg(value_name = "FILE")]
    data: PathBuf,
    /// Where to write the card; - is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    results: ResultOptions,
    #[command(flatten)]
    reading: InputOptions,
    #[command(flatten, next_help_heading = "Blocks")]
    blocks: BlockOptions,
    #[command(flatten, next_help_heading = "Session")]
    session: Session,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    let resolved = arguments.session.resolve(Way::Join)?;
    let blocking = arguments.blocks.resolve(&resolved.rules)?;
    let results = &arguments.results;
    // Now, because a whole linkage would be in vain if the card had no place.
    let mut opening = results.opening();
    let card = opening.table(&arguments.out)?;
    let report = opening.report()?;
    let options = ReadOptions::strict().with_encoding(resolved.rules.asked().encoding());
    let options = arguments.reading.over(options);
    let reader = Reader::open(&arguments.data, options)?;
    let blocked = blocking.read(reader, &resolved.rules, results.allow_empty)?;
    let people = blocked.people;
    for remark in &people.remarks {
        console.note(remark);
    }
    let terms = resolved.options.terms(
        people.rules.clone(),
        people.rules_digest,
        people.asked.len() as u64,
    )?;
    let asked = Asked {
        data: &arguments.data,
        ids: &people.ids,
        findings: &people.findings,
        terms,
        question: Question::Keys(people.asked, blocked.blocks),
        outside: people.outside.len(),
    };
    let done = carry_out(asked, &resolved, Some(card), report, console)?;
    done.conclude(results.json, console)
}
