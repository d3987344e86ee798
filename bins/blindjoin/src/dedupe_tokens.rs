//! `blindjoin dedupe-tokens`: many sites' tokens, every person once.

use std::ffi::OsStr;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use blindjoin_columnar::{
    Chunk, Format, Header, Output, OutputColumn, Quoting, ROWS_PER_CHUNK, Reader, TableWriter,
    pipeline, today,
};
use blindjoin_record::Date;
use blindjoin_token::{EncryptionKey, PublishedSites, Roster, RosterBuilder, Sealer, is_sealed};
use serde_json::{Value, json};

use crate::console::{self, Console};
use crate::files::{self, FormatName};
use crate::token_file::{self, Columns};
use crate::{rules, secrets};

/// Make a roster of all sites' tokens: every token once, with its canonical site
///
/// A site is named by the column health_system or site, or as in NAME=FILE, or else by the file's
/// name. The canonical site is the one with the latest visit, if the files have a column for it, else
/// the first that comes. The roster has the columns canonical_token, canonical_site, site_count and
/// roster_version. The number of tokens per site, in all and shared is printed on standard error, or
/// written as JSON with --statistics.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Token files, one or more sites in each, as FILE or NAME=FILE
    #[arg(required = true, value_name = "[NAME=]FILE")]
    inputs: Vec<String>,
    /// Where the roster goes, CSV or Parquet; - is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The rule whose tokens to take, where the files have several
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// Column of the latest visit's date [default: last_visit, if there is one]
    #[arg(long, value_name = "COLUMN")]
    visit_column: Option<String>,
    /// The roster's date, yyyy-mm-dd [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = rules::date)]
    date: Option<Date>,
    /// Suppress counts below this, and others from which they could be computed; 0 for none
    #[arg(long, value_name = "COUNT", default_value_t = 11)]
    suppress_below: u64,
    /// Write the counts to this file as JSON
    #[arg(long, value_name = "FILE")]
    statistics: Option<PathBuf>,
    /// File that holds the key of sealed tokens [default: environment variable
    /// BLINDJOIN_ENCRYPTION_KEY]
    #[arg(long, value_name = "FILE")]
    encryption_key_file: Option<PathBuf>,
    /// Format of the inputs, if their names do not say it
    #[arg(long, value_enum)]
    format: Option<FormatName>,
    /// Format of the output, if its name does not say it
    #[arg(long, value_enum)]
    out_format: Option<FormatName>,
    /// Replace existing files
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    let key = secrets::find(
        arguments.encryption_key_file.as_deref(),
        secrets::ENCRYPTION_KEY,
    )?;
    let sealer = match key {
        None => None,
        Some(key) => Some(Sealer::new(&EncryptionKey::new(&key)?)),
    };
    let format = files::output_format(&arguments.out, arguments.out_format)?;
    let output = Output::create(&arguments.out, arguments.force)?;
    let statistics = match &arguments.statistics {
        None => None,
        Some(path) => Some(Output::create(path, arguments.force)?),
    };
    let mut builder = RosterBuilder::new();
    for input in &arguments.inputs {
        let site = Site::open(input, arguments, console)?;
        site.read(
            &mut builder,
            arguments.rule.as_deref(),
            sealer.as_ref(),
            console,
        )?;
    }
    let roster = builder.finish(arguments.date.unwrap_or_else(today));
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
    match statistics {
        None => report(&counts, console),
        Some(mut file) => {
            let json = json(&counts, arguments.suppress_below);
            writeln!(file, "{json:#}").with_context(|| file.path().display().to_string())?;
            file.commit()?;
        }
    }
    Ok(output.commit()?)
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
    fn open(input: &str, arguments: &Arguments, console: &Console) -> anyhow::Result<Self> {
        let named = input.split_once('=').filter(|_| !Path::new(input).exists());
        let path = Path::new(named.map_or(input, |(_, path)| path));
        let (reader, columns) =
            token_file::open(path, arguments.format.map(Format::from), console)?;
        let find = |name: &str| {
            reader
                .columns()
                .iter()
                .position(|column| column.trim().eq_ignore_ascii_case(name))
        };
        let name = match named {
            Some((name, _)) => Err(name.to_owned()),
            None => find("health_system")
                .or_else(|| find("site"))
                .ok_or_else(|| {
                    path.file_stem()
                        .and_then(OsStr::to_str)
                        .unwrap_or(input)
                        .to_owned()
                }),
        };
        let visit = match &arguments.visit_column {
            None => find("last_visit"),
            Some(column) => Some(
                find(column)
                    .with_context(|| format!("{}: has no column '{column}'", reader.name()))?,
            ),
        };
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
                let visit = match self.visit.and_then(|column| row.cell(column)) {
                    None | Some("") => None,
                    Some(date) => Some(
                        Date::from_year_first(date)
                            .with_context(|| format!("{}: the visit is no date", at()))?,
                    ),
                };
                let mut token = self.columns.token(row);
                if let Some(sealer) = sealer.filter(|_| is_sealed(token)) {
                    opened.clear();
                    sealer.open(token, &mut opened).with_context(at)?;
                    token = &opened;
                }
                builder.push(token, site, visit).with_context(at)?;
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
