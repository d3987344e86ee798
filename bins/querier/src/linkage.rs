//! What `link` and `pairs` do alike once the records are read: ask, and write what comes of it.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use blindjoin_columnar::{Format, Output, RecordIds};
use blindjoin_protocol::{Card, Terms};
use blindjoin_querier::{Bars, Summary, Told, learned, report, write};
use blindjoin_service::program::{self, say};
use blindjoin_service::querier::{self, Question};
use blindjoin_service::random;

use crate::advice::advise;
use crate::session::Resolved;

/// A file of records and the question made of it.
pub(crate) struct Asked<'a> {
    pub(crate) data: &'a Path,
    pub(crate) ids: &'a RecordIds,
    pub(crate) rules: &'a [String],
    pub(crate) terms: Terms,
    pub(crate) question: Question,
    /// How many records have no value for the fields of the blocks.
    pub(crate) outside: usize,
}

/// What is written, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct OutputOptions {
    /// Where to write a report of the linkage, as HTML
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Replace existing outputs
    #[arg(long)]
    force: bool,
    /// Format of the records, and of outputs whose names do not tell
    #[arg(long, value_name = "FORMAT")]
    format: Option<FormatName>,
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

impl OutputOptions {
    /// The format of the records, where it is given.
    pub(crate) fn format(&self) -> Option<Format> {
        self.format.map(Format::from)
    }

    /// Opens an output for a table.
    pub(crate) fn table(&self, path: &Path) -> anyhow::Result<(Output, Format)> {
        let format = match Format::of(path) {
            Ok(format) => format,
            Err(error) => self.format().ok_or(error)?,
        };
        Ok((Output::create(path, self.force)?, format))
    }

    /// Opens the output for the report.
    pub(crate) fn report(&self) -> anyhow::Result<Option<Output>> {
        let create = |path: &PathBuf| Output::create(path, self.force);
        Ok(self.report.as_ref().map(create).transpose()?)
    }
}

/// Asks the provider, writes card and report, and says what came of it.
pub(crate) fn carry_out(
    asked: Asked<'_>,
    resolved: &Resolved,
    card_output: Option<(Output, Format)>,
    report_output: Option<Output>,
    quiet: bool,
) -> anyhow::Result<Card> {
    let Asked {
        data,
        ids,
        rules,
        terms,
        question,
        outside,
    } = asked;
    let least_block = question.least_block();
    let counterparts = resolved.counterparts();
    let bars = Bars::new(quiet);
    let linking = querier::link(&resolved.identity, &counterparts, terms, question, &bars);
    let linked = program::block_on(linking);
    bars.finish();
    let linked = linked
        .context("starting the runtime")?
        .map_err(|error| advise(error, random::now()))?;
    let told = Told {
        linked: &linked,
        least_block,
        outside,
        counted: None,
        certificates: [
            resolved.identity.fingerprint(),
            counterparts.provider.certificate_sha256,
            counterparts.keyholder.certificate_sha256,
        ],
    };
    let summary = Summary::of(&linked.card, ids, rules);
    if let Some(mut output) = report_output {
        let title = format!("{} at {}", data.display(), resolved.provider.name);
        let page = report(&title, &summary, told).to_html();
        output.write_all(page.as_bytes())?;
        output.commit()?;
    }
    if let Some((output, format)) = card_output {
        write(&linked.card, ids, rules, output, format)?;
    }
    if !linked.left_out.is_empty() {
        say(format_args!(
            "{} records are not compared: {} does not offer their blocks, or they were not named",
            linked.left_out.len(),
            resolved.provider.name
        ));
    }
    summary.warnings().iter().for_each(say);
    if !quiet {
        say(&summary);
        learned(&told.session()).iter().for_each(say);
        say(linked.figures.times());
    }
    Ok(linked.card)
}
