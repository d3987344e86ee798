//! `blindjoin-querier link`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use blindjoin_columnar::{Format, Output, load_rules};
use blindjoin_querier::{Bars, Summary, report, write};
use blindjoin_service::program::{self, say};
use blindjoin_service::querier::{self, Linked, Question};

use crate::blocks::BlockOptions;
use crate::session::{Resolved, Session};

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
    /// Where to write a report of the linkage, as HTML
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Replace existing outputs
    #[arg(long)]
    force: bool,
    /// Format of the records, and of the card where its name does not tell
    #[arg(long, value_name = "FORMAT")]
    format: Option<FormatName>,
    #[command(flatten)]
    blocks: BlockOptions,
    #[command(flatten)]
    session: Session,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum FormatName {
    Csv,
    Parquet,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Csv => Self::Csv,
            FormatName::Parquet => Self::Parquet,
        }
    }
}

pub(crate) fn run(arguments: &Arguments, quiet: bool) -> anyhow::Result<()> {
    let resolved = arguments.session.resolve()?;
    let Resolved {
        identity,
        options,
        provider,
        ..
    } = &resolved;
    let rules = load_rules(&resolved.rules)?;
    let format = arguments.format.map(Format::from);
    let card_format = match Format::of(&arguments.out) {
        Ok(format) => format,
        Err(error) => format.ok_or(error)?,
    };
    let blocked = arguments.blocks.read(&arguments.data, format, &rules)?;
    let directory = blocked.directory()?;
    let people = blocked.people;
    if !quiet {
        people.remarks.iter().for_each(say);
    }
    // Now, because a whole linkage would be in vain if the card had no place.
    let output = Output::create(&arguments.out, arguments.force)?;
    let report_output = arguments
        .report
        .as_deref()
        .map(|path| Output::create(path, arguments.force))
        .transpose()?;
    let terms = options.terms(
        people.rules.clone(),
        people.rules_digest,
        people.keys.len() as u64,
    )?;
    let agreed = terms.clone();
    let counterparts = resolved.counterparts();
    let bars = Bars::new(quiet);
    let linked = program::block_on(querier::link(
        identity,
        &counterparts,
        terms,
        Question::Keys(people.keys, directory),
        &bars,
    ));
    bars.finish();
    let Linked {
        card,
        figures,
        left_out,
    } = linked.context("starting the runtime")??;
    let summary = Summary::of(&card, &people.ids, &people.rules);
    if let Some(mut output) = report_output {
        let title = format!("{} at {}", arguments.data.display(), provider.name);
        output.write_all(
            report(&title, &summary, &figures, &agreed)
                .to_html()
                .as_bytes(),
        )?;
        output.commit()?;
    }
    write(&card, &people.ids, &people.rules, output, card_format)?;
    if !left_out.is_empty() {
        say(format_args!(
            "{} records are left out: in their blocks {} has fewer records than it compares",
            left_out.len(),
            provider.name
        ));
    }
    summary.warnings().iter().for_each(say);
    if !quiet {
        say(&summary);
        say(figures.times());
    }
    Ok(())
}
