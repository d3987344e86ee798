//! `blindjoin dedupe-tokens`: many sites' tokens, every person once.

use std::collections::BTreeSet;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use blindjoin_columnar::{
    Chunk, Format, Header, InputOptions, Output, OutputColumn, OutputOptions, Outputs, Quoting,
    ROWS_PER_CHUNK, Reader, TableWriter, pipeline, today,
};
use blindjoin_record::{Date, Moment};
use blindjoin_terminal::{Usage, whole};
use blindjoin_token::{EncryptionKey, PublishedSites, Roster, RosterBuilder, Sealer, is_sealed};
use serde_json::{Value, json};

use crate::console::{self, Console};
use crate::token_file::{self, Columns};
use crate::{provenance, rules, secrets};

/// Make a roster of all sites' tokens: every token once, with its canonical site
///
/// A site is named by the column health_system or site, or as in NAME=FILE, or else by the file's
/// name. The canonical site is the one with the latest visit, if the files have a column for it, else
/// the first that comes. The roster has the columns canonical_token, canonical_site, site_count and
/// roster_version. The number of tokens per site, in all and shared is printed on standard error, or
/// written as JSON with --statistics.
///
/// The metadata beside the files tell how they were made, and are compared as match does.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  blindjoin dedupe-tokens North=a.csv South=b.csv --rule T1 --out roster.csv"
)]
pub(crate) struct Arguments {
    /// Token files, one or more sites in each, as FILE or NAME=FILE
    #[arg(required = true, value_name = "[NAME=]FILE")]
    inputs: Vec<String>,
    /// Where the roster goes, CSV or Parquet; - is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: PathBuf,
    /// The rule whose tokens to take, where the files have several
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Column of the latest visit's date or time [default: last_visit, if there is one]
    #[arg(long, value_name = "COLUMN")]
    visit_column: Option<String>,
    /// The roster's date, yyyy-mm-dd [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = rules::date)]
    date: Option<Date>,
    /// Suppress counts below this, and others from which they could be computed; 0 for none
    #[arg(long, value_name = "COUNT", default_value_t = 11, value_parser = whole(0..=u64::MAX))]
    suppress_below: u64,
    /// Write the counts to this file as JSON
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    statistics: Option<PathBuf>,
    /// File that holds the key of sealed tokens [default: environment variable
    /// BLINDJOIN_ENCRYPTION_KEY]
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    encryption_key_file: Option<PathBuf>,
    /// Make a roster although no file has a token of the rule
    #[arg(long)]
    allow_empty: bool,
    /// Print the counts as JSON
    #[arg(long, conflicts_with = "statistics", help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    metadata: provenance::Options,
    #[command(flatten)]
    reading: InputOptions,
    #[command(flatten)]
    writing: OutputOptions,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    let key = secrets::find(
        arguments.encryption_key_file.as_deref(),
        secrets::ENCRYPTION_KEY,
        console,
    )?;
    let sealer = match key {
        None => None,
        Some(key) => Some(Sealer::new(&EncryptionKey::new(&key)?)),
    };
    let to_standard = arguments.out == Path::new("-");
    if arguments.json && to_standard {
        return Err(Usage::new("--json: the roster goes to standard output already").into());
    }
    let format = arguments.writing.format(&arguments.out)?;
    let mut outputs = Outputs::new(arguments.writing.force);
    let output = outputs.create(&arguments.out)?;
    let statistics = match &arguments.statistics {
        None => None,
        Some(path) => Some(outputs.create(path)?),
    };
    let inputs: Vec<(Option<&str>, &Path)> =
        arguments.inputs.iter().map(|input| named(input)).collect();
    let files: Vec<&Path> = inputs.iter().map(|&(_, path)| path).collect();
    check_files(&files)?;
    arguments.metadata.compare(&files, console)?;
    let mut builder = RosterBuilder::new();
    let mut others = BTreeSet::new();
    for (name, path) in inputs {
        let site = Site::open(name, path, arguments, console)?;
        site.read(
            &mut builder,
            arguments.rule.as_deref(),
            &mut others,
            sealer.as_ref(),
            console,
        )?;
    }
    let roster = builder.finish(arguments.date.unwrap_or_else(today));
    refuse_nothing(&roster, &others, arguments)?;
    let output = write_roster(&roster, output, format)?;
    let counts = match arguments.suppress_below {
        0 => roster.counts().unsuppressed(),
        threshold => roster.counts().suppress_below(threshold),
    };
    if roster.blank() > 0 {
        console.note(format_args!(
            "{} blank tokens were left out",
            roster.blank()
        ));
    }
    let data = || json(&counts, arguments.suppress_below);
    let mut finished = vec![output];
    match statistics {
        None => report(&counts, console),
        Some(mut file) => {
            writeln!(file, "{:#}", data()).with_context(|| file.path().display().to_string())?;
            finished.push(file);
        }
    }
    Output::commit_all(finished)?;
    if arguments.json {
        console.data(data()).context("standard output")?;
    }
    Ok(())
}

/// Refuses a roster of nobody, though the files have rows. `others` are the rules of those passed
/// over.
fn refuse_nothing(
    roster: &Roster,
    others: &BTreeSet<String>,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    if arguments.allow_empty || roster.rows().len() > 0 {
        return Ok(());
    }
    if let Some(rule) = &arguments.rule {
        ensure!(
            others.is_empty() || roster.blank() > 0,
            "--rule {rule}: no file has tokens of that rule; there are {}",
            others
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
    ensure!(
        roster.blank() == 0,
        "all tokens are blank; --allow-empty makes a roster of nobody"
    );
    Ok(())
}

/// The site's name, if one is given, and its file.
fn named(input: &str) -> (Option<&str>, &Path) {
    match input.split_once('=') {
        Some((name, path)) if !Path::new(input).exists() => (Some(name), Path::new(path)),
        _ => (None, Path::new(input)),
    }
}

/// Refuses what cannot be read before the first of them is.
fn check_files(files: &[&Path]) -> anyhow::Result<()> {
    let standard = |path: &&&Path| **path == Path::new("-");
    for path in files.iter().filter(|path| !standard(path)) {
        std::fs::metadata(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    }
    if files.iter().filter(standard).count() > 1 {
        return Err(Usage::new("-: one of the inputs can be standard input, not several").into());
    }
    Ok(())
}

/// One input file.
struct Site {
    reader: Reader,
    columns: Columns,
    /// The column that names the site, or the name itself.
    name: Result<usize, String>,
    visit: Option<usize>,
}

impl Site {
    fn open(
        name: Option<&str>,
        path: &Path,
        arguments: &Arguments,
        console: &Console,
    ) -> anyhow::Result<Self> {
        let (mut reader, columns) = token_file::open(path, arguments.reading, console)?;
        let find = |name: &str| {
            reader
                .columns()
                .iter()
                .position(|column| column.trim().eq_ignore_ascii_case(name))
        };
        let name = match name {
            Some(name) => Err(name.to_owned()),
            None => find("health_system")
                .or_else(|| find("site"))
                .ok_or_else(|| {
                    let stem = path.file_stem().unwrap_or(path.as_os_str());
                    stem.to_string_lossy().into_owned()
                }),
        };
        let visit = match &arguments.visit_column {
            None => find("last_visit"),
            Some(column) => Some(find(column).with_context(|| {
                format!("--visit-column: {} has no column '{column}'", reader.name())
            })?),
        };
        if let Some(visit) = visit {
            reader.keep_times(visit);
        }
        Ok(Self {
            reader,
            columns,
            name,
            visit,
        })
    }

    fn read(
        mut self,
        builder: &mut RosterBuilder,
        wanted: Option<&str>,
        others: &mut BTreeSet<String>,
        sealer: Option<&Sealer>,
        console: &Console,
    ) -> anyhow::Result<()> {
        let file = self.reader.name().to_string();
        let bar = console.progress("reading", &self.reader);
        let mut only: Option<String> = wanted.map(str::to_owned);
        let mut opened = String::new();
        let mut take = |chunk: Chunk| -> anyhow::Result<()> {
            for (row, number) in chunk.rows().iter().zip(chunk.first_row()..) {
                let at = || format!("{file}: row {number}");
                let rule = self.columns.rule(row);
                let only = only.get_or_insert_with(|| rule.to_owned());
                if rule != only {
                    if wanted.is_some() {
                        if !others.contains(rule) {
                            others.insert(rule.to_owned());
                        }
                        continue;
                    }
                    bail!("{}: a second rule, {rule}: choose one with --rule", at());
                }
                let site = match &self.name {
                    Err(name) => name,
                    Ok(column) => row
                        .cell(*column)
                        .filter(|name| !name.is_empty())
                        .with_context(|| format!("{}: names no site", at()))?,
                };
                let visit = self.visit.and_then(|column| row.cell(column));
                let visit = visit.filter(|visit| !visit.trim().is_empty());
                let moment = visit.map(|visit| {
                    let no_moment = || {
                        format!(
                            "{}: the visit is no date or time that begins with its year",
                            at()
                        )
                    };
                    Moment::read(visit).with_context(no_moment)
                });
                let mut token = self.columns.token(row);
                if let Some(sealer) = sealer.filter(|_| is_sealed(token)) {
                    opened.clear();
                    sealer.open(token, &mut opened).with_context(at)?;
                    token = &opened;
                }
                let pushed = builder.push(token, site, moment.transpose()?);
                pushed.map_err(token_file::with_advice).with_context(at)?;
            }
            Ok(())
        };
        pipeline::run(
            &mut self.reader,
            NonZeroUsize::MIN,
            || |chunk: &Chunk| Ok(chunk.clone()),
            |chunk: Chunk| {
                bar.inc(chunk.progress());
                take(chunk)
            },
        )?;
        bar.finish_and_clear();
        Ok(())
    }
}

fn write_roster(roster: &Roster, output: Output, format: Format) -> anyhow::Result<Output> {
    let columns = vec![
        OutputColumn::distinct_text("canonical_token"),
        OutputColumn::text("canonical_site"),
        OutputColumn::integer("site_count"),
        OutputColumn::text("roster_version"),
    ];
    let mut table = TableWriter::new(output, format, columns, Quoting::Needed, Header::Always)?;
    let buffers = table.buffers();
    let mut buffer = buffers.buffer(ROWS_PER_CHUNK);
    for row in roster.rows() {
        buffer.push([
            Some(row.canonical_token),
            Some(row.canonical_site),
            Some(row.site_count.to_string().as_str()),
            Some(row.roster_version.to_string().as_str()),
        ]);
        if buffer.len() == ROWS_PER_CHUNK {
            table.append(std::mem::replace(
                &mut buffer,
                buffers.buffer(ROWS_PER_CHUNK),
            ))?;
        }
    }
    table.append(buffer)?;
    Ok(table.finish()?)
}

fn report(counts: &PublishedSites, console: &Console) {
    let mut rows = vec![vec!["site".to_owned(), "tokens".to_owned()]];
    for (position, site) in counts.sites().iter().enumerate() {
        rows.push(vec![site.clone(), counts.tokens(position).to_string()]);
    }
    rows.push(vec!["all sites".to_owned(), counts.total().to_string()]);
    rows.push(vec!["two or more".to_owned(), counts.shared().to_string()]);
    console.note(console::table(&rows));
}

fn json(counts: &PublishedSites, threshold: u64) -> Value {
    let sites = counts.sites();
    let mut between = Vec::new();
    for one in 0..sites.len() {
        for other in one + 1..sites.len() {
            between.push(json!({
                "sites": [sites[one], sites[other]],
                "tokens": counts.between(one, other),
            }));
        }
    }
    let by_site: Vec<Value> = sites
        .iter()
        .enumerate()
        .map(|(position, site)| json!({ "site": site, "tokens": counts.tokens(position) }))
        .collect();
    json!({
        "suppressed_below": threshold,
        "sites": by_site,
        "between": between,
        "total": counts.total(),
        "shared": counts.shared(),
    })
}
