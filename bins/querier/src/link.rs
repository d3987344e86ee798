//! `blindjoin-querier link`.

use std::path::PathBuf;

use blindjoin_columnar::load_rules;
use blindjoin_service::program::say;
use blindjoin_service::querier::Question;

use crate::blocks::BlockOptions;
use crate::linkage::{Asked, OutputOptions, carry_out};
use crate::session::Session;

/// Link records with a provider's registry
///
/// Writes the bingo card: a line per record in input order, a column per rule, 1 where the provider
/// has a record with the same values, 0 where it has none, and nothing where the record lacks a
/// value.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The records, CSV or Parquet; - is standard input
    #[arg(value_name = "FILE")]
    data: PathBuf,
    /// Where to write the card; - is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    outputs: OutputOptions,
    #[command(flatten)]
    blocks: BlockOptions,
    #[command(flatten)]
    session: Session,
}

pub(crate) fn run(arguments: &Arguments, quiet: bool) -> anyhow::Result<()> {
    let resolved = arguments.session.resolve()?;
    let rules = load_rules(&resolved.rules)?;
    let outputs = &arguments.outputs;
    let blocked = arguments
        .blocks
        .read(&arguments.data, outputs.format(), &rules)?;
    let people = blocked.people;
    if !quiet {
        people.remarks.iter().for_each(say);
    }
    // Now, because a whole linkage would be in vain if the card had no place.
    let card = outputs.table(&arguments.out)?;
    let report = outputs.report()?;
    let terms = resolved.options.terms(
        people.rules.clone(),
        people.rules_digest,
        people.keys.len() as u64,
    )?;
    let asked = Asked {
        data: &arguments.data,
        ids: &people.ids,
        rules: &people.rules,
        terms,
        question: Question::Keys(people.keys, blocked.blocks),
        outside: people.outside.len(),
    };
    carry_out(asked, &resolved, Some(card), report, quiet)?;
    Ok(())
}
