//! What `link` and `pairs` do alike once the records are read: ask, and write what comes of it.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use blindjoin_columnar::{Format, Output, OutputOptions, Outputs, RecordIds};
use blindjoin_protocol::Card;
use blindjoin_protocol::agree::Terms;
use blindjoin_protocol::leakage::Observer;
use blindjoin_querier::{Bars, Summary, Told, learned, report, write};
use blindjoin_record::findings::Findings;
use blindjoin_service::querier::{self, Question};
use blindjoin_service::{program, random};
use blindjoin_terminal::{Console, Usage};
use serde_json::{Value, json};

use crate::advice::advise;
use crate::session::Resolved;

/// A file of records and the question made of it.
pub(crate) struct Asked<'a> {
    pub(crate) data: &'a Path,
    pub(crate) ids: &'a RecordIds,
    pub(crate) findings: &'a Findings,
    pub(crate) terms: Terms,
    pub(crate) question: Question,
    /// How many records have no value for the fields of the blocks.
    pub(crate) outside: usize,
}

/// What is written, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct ResultOptions {
    /// Where to write a report of the linkage, as HTML
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Go on although no record has a value for some rule
    #[arg(long)]
    pub(crate) allow_empty: bool,
    /// Print the figures as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    writing: OutputOptions,
}

/// The outputs of a run, as they are opened before anything is read.
pub(crate) struct Opening<'a> {
    options: &'a ResultOptions,
    outputs: Outputs,
}

impl ResultOptions {
    /// The outputs to come.
    pub(crate) fn opening(&self) -> Opening<'_> {
        Opening {
            options: self,
            outputs: Outputs::new(self.writing.force),
        }
    }
}

impl Opening<'_> {
    /// Opens an output for a table.
    pub(crate) fn table(&mut self, path: &Path) -> anyhow::Result<(Output, Format)> {
        let format = self.options.writing.format(path)?;
        Ok((self.open(path)?, format))
    }

    /// Opens the output for the report.
    pub(crate) fn report(&mut self) -> anyhow::Result<Option<Output>> {
        let path = self.options.report.as_deref();
        path.map(|path| self.open(path)).transpose()
    }

    fn open(&mut self, path: &Path) -> anyhow::Result<Output> {
        if self.options.json && path == Path::new("-") {
            return Err(Usage::new("--json: the result goes to standard output already").into());
        }
        Ok(self.outputs.create(path)?)
    }
}

/// What a linkage has come to. The outputs are whole, and still to be committed.
pub(crate) struct Done {
    pub(crate) card: Card,
    pub(crate) finished: Vec<Output>,
    pub(crate) figures: Value,
}

/// Asks the provider, writes card and report, and says what came of it.
pub(crate) fn carry_out(
    asked: Asked<'_>,
    resolved: &Resolved,
    card_output: Option<(Output, Format)>,
    report_output: Option<Output>,
    console: &Console,
) -> anyhow::Result<Done> {
    let Asked {
        data,
        ids,
        findings,
        terms,
        question,
        outside,
    } = asked;
    let rules = resolved.rules.ids();
    let least_block = question.least_block();
    let counterparts = resolved.counterparts();
    let bars = Bars::new(console.is_quiet());
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
    let summary = Summary::of(&linked.card, &rules);
    let mut finished = Vec::new();
    if let Some(mut output) = report_output {
        let title = format!("{} at {}", data.display(), resolved.provider.name);
        let page = report(&title, &summary, told).to_html();
        output
            .write_all(page.as_bytes())
            .with_context(|| output.path().display().to_string())?;
        finished.push(output);
    }
    if let Some((output, format)) = card_output {
        finished.push(write(&linked.card, ids, &rules, output, format)?);
    }
    if !linked.left_out.is_empty() {
        console.note(format_args!(
            "{} records are not compared: {} does not offer their blocks, or they were not named",
            linked.left_out.len(),
            resolved.provider.name
        ));
    }
    for warning in summary.warnings() {
        console.note(warning);
    }
    console.note(&summary);
    let session = told.session();
    for line in learned(&session) {
        console.note(line);
    }
    console.note(linked.figures.times());
    let mut figures = summary.data();
    let seconds = linked.figures.phases.iter();
    let seconds = seconds.map(|(phase, time)| (phase.to_string(), json!(time.as_secs_f64())));
    let more = json!({
        "input": data.display().to_string(),
        "provider": resolved.provider.name,
        "without_block": outside,
        "block_not_offered": linked.left_out.len(),
        "learned": {
            "provider": session.sentences(Observer::Provider),
            "keyholder": session.sentences(Observer::KeyHolder),
        },
        "seconds": seconds.collect::<serde_json::Map<_, _>>(),
        "findings": serde_json::to_value(findings)?,
    });
    extend(&mut figures, more);
    Ok(Done {
        card: linked.card,
        finished,
        figures,
    })
}

impl Done {
    /// Lets all outputs appear, and prints the figures where they are wanted as data.
    pub(crate) fn conclude(mut self, json: bool, console: &Console) -> anyhow::Result<()> {
        let names = self.finished.iter();
        let names: Vec<String> = names
            .map(|output| output.path().display().to_string())
            .collect();
        Output::commit_all(self.finished)?;
        if json {
            extend(&mut self.figures, json!({ "outputs": names }));
            console.data(self.figures).context("standard output")?;
        }
        Ok(())
    }
}

/// Adds the members of one object to another.
pub(crate) fn extend(figures: &mut Value, more: Value) {
    if let (Some(figures), Value::Object(more)) = (figures.as_object_mut(), more) {
        figures.extend(more);
    }
}
