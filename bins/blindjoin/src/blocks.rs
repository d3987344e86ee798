//! `blindjoin blocks`: what a blocking saves, and whom it gives away.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use blindjoin_columnar::{
    Chunk, Format, Header, Output, OutputColumn, Quoting, ReadOptions, Reader, TableWriter,
    load_rules, pipeline, today,
};
use blindjoin_record::blocking::{BlockKey, Blocks, LEAST_BLOCK, fingerprint_block};
use blindjoin_record::{RuleSet, Scratch};
use sha2::{Digest, Sha256};

use crate::console::{self, Console};
use crate::files::{self, FormatName};

/// Show the blocks of a blocking key: sizes, re-identification risk, comparisons saved
///
/// The prosecutor risk of a record is 1 / size of its block: the chance of picking out a person of
/// whom it is known that she is in the registry. Without --rules, the table's own columns are the
/// fields, and birth_year, birth_month and birth_day are parts of the birth date.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Records, CSV or Parquet; - is standard input
    input: PathBuf,
    /// Blocking key: fields such as birth_year,state:U, or hash:BITS for a prefix of the keyed
    /// fingerprint
    #[arg(long, value_name = "KEY")]
    block: String,
    /// A built-in rule set or a rules file that names the fields
    #[arg(long, value_name = "NAME|FILE")]
    rules: Option<String>,
    /// The least size of a block
    #[arg(long, value_name = "K", default_value_t = LEAST_BLOCK)]
    least: u64,
    /// Show what a provider of these records offers: the blocks of at least that size
    #[arg(long)]
    offered: bool,
    /// Another registry, to count the comparisons with; without it, one with the same blocks is
    /// assumed
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Write the sizes to this file, with the columns block and records
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Format of the inputs, if their names do not say it
    #[arg(long, value_enum)]
    format: Option<FormatName>,
    /// Format of the output, if its name does not say it
    #[arg(long, value_enum)]
    out_format: Option<FormatName>,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    ensure!(arguments.least > 0, "--least must be at least 1");
    let output = match &arguments.out {
        None => None,
        Some(path) => {
            let format = files::output_format(path, arguments.out_format)?;
            Some((Output::create(path, arguments.force)?, format))
        }
    };
    let mut ours = blocks(&arguments.input, arguments, console)?;
    let theirs = match &arguments.against {
        None => None,
        Some(path) => Some(blocks(path, arguments, console)?),
    };
    let all = ours.pairs_with(theirs.as_ref().unwrap_or(&ours)).1;
    if arguments.offered {
        ours = ours.of_at_least(arguments.least);
    }
    if let Some((output, format)) = output {
        write_sizes(&ours, output, format)?.commit()?;
    }
    let within = ours.pairs_with(theirs.as_ref().unwrap_or(&ours)).0;
    report(&ours, (within, all), arguments)
}

/// Blocks a registry.
fn blocks(path: &Path, arguments: &Arguments, console: &Console) -> anyhow::Result<Blocks> {
    let options = ReadOptions::strict().with_format(arguments.format.map(Format::from));
    let mut reader = Reader::open(path, options)?;
    console.notes_on(&reader);
    let rules = match &arguments.rules {
        Some(rules) => load_rules(rules)?,
        None => fields_of(&reader)?,
    };
    let name = reader.name().to_string();
    let key = BlockKey::new(&arguments.block, &rules).context("--block")?;
    let (rules, bits) = match key {
        BlockKey::Fields(fields) => (fields, None),
        BlockKey::Fingerprint { bits } => (rules, Some(bits)),
    };
    let binding = rules
        .bind(reader.columns(), today())
        .with_context(|| name)?;
    ensure!(
        bits.is_none() || !arguments.offered,
        "--offered: of blocks of a hash none is left out"
    );
    let bar = console.progress("blocking", &reader);
    // A session has a key of its own; the sizes of its blocks vary as these do.
    let session: [u8; 32] = rand::random();
    let mut blocks = Blocks::default();
    let mut scratch = Scratch::default();
    pipeline::run(
        &mut reader,
        NonZeroUsize::MIN,
        || |chunk: &Chunk| Ok(chunk.clone()),
        |chunk: Chunk| -> anyhow::Result<()> {
            for row in chunk.rows().iter() {
                let signatures = binding.sign(&row, &mut scratch);
                let Some(bits) = bits else {
                    blocks.add(signatures.get(0).ok());
                    continue;
                };
                for signature in signatures.iter() {
                    let block = signature.ok().map(|signature| {
                        let digest = Sha256::new().chain_update(session).chain_update(signature);
                        fingerprint_block(&digest.finalize(), bits)
                    });
                    blocks.add(block.as_deref());
                }
            }
            bar.inc(chunk.progress());
            Ok(())
        },
    )?;
    bar.finish_and_clear();
    Ok(blocks)
}

/// The table's own columns as fields: `BirthDate` and `date_of_birth` are `birth_date`.
fn fields_of(reader: &Reader) -> anyhow::Result<RuleSet> {
    let mut columns = toml::Table::new();
    for column in reader.columns() {
        let column = column.trim();
        let mut field = String::new();
        let mut lower = false;
        for letter in column.chars() {
            if letter.is_ascii_uppercase() && lower {
                field.push('_');
            }
            lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
            let known = letter.is_ascii_alphanumeric() || letter == '-' || letter == '.';
            field.push(if known {
                letter.to_ascii_lowercase()
            } else {
                '_'
            });
        }
        let field = match field.as_str() {
            "date_of_birth" | "dob" | "birthdate" => "birth_date",
            field => field,
        };
        if !field.is_empty() && !columns.contains_key(field) {
            columns.insert(field.to_owned(), column.into());
        }
    }
    let first = columns.keys().find(|field| *field != "record_id").cloned();
    let first = first.with_context(|| format!("{}: has no columns to block by", reader.name()))?;
    let rule = toml::toml! {
        id = "first"
    };
    let mut rule = rule;
    rule.insert("signature".to_owned(), vec![first].into());
    let mut file = toml::Table::new();
    file.insert("columns".to_owned(), columns.into());
    file.insert("rule".to_owned(), vec![toml::Value::from(rule)].into());
    RuleSet::from_toml(&file.to_string()).with_context(|| reader.name().to_string())
}

fn write_sizes(blocks: &Blocks, output: Output, format: Format) -> anyhow::Result<Output> {
    let columns = vec![
        OutputColumn::text("block"),
        OutputColumn::integer("records"),
    ];
    let mut table = TableWriter::new(output, format, columns, Quoting::Needed, Header::Always)?;
    let mut rows = table.buffers().buffer(blocks.sizes().len());
    for (key, size) in blocks.sizes() {
        rows.push([Some(key), Some(size.to_string().as_str())]);
    }
    table.append(rows)?;
    Ok(table.finish()?)
}

/// `pairs` are those within blocks and all.
fn report(ours: &Blocks, pairs: (u128, u128), arguments: &Arguments) -> anyhow::Result<()> {
    let least = arguments.least;
    let risk = ours.risk(least);
    let mut sizes: Vec<u64> = ours.sizes().map(|(_, size)| size).collect();
    sizes.sort_unstable();
    let median = sizes.get(sizes.len() / 2).copied().unwrap_or(0);
    let (within, all) = pairs;
    let hashed = arguments.block.trim().starts_with("hash:");
    let what = if hashed { "signatures" } else { "records" };
    #[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
    let saved = if all == 0 {
        0.0
    } else {
        100.0 * (1.0 - within as f64 / all as f64)
    };
    let lines = [
        (format!("{what} in blocks"), risk.records.to_string()),
        (
            format!("{what} without a block"),
            risk.unblocked.to_string(),
        ),
        ("blocks".to_owned(), risk.blocks.to_string()),
        ("smallest block".to_owned(), risk.smallest.to_string()),
        ("median block".to_owned(), median.to_string()),
        (
            "largest block".to_owned(),
            sizes.last().copied().unwrap_or(0).to_string(),
        ),
        (
            format!("blocks under {least}"),
            risk.small_blocks.to_string(),
        ),
        (
            format!("{what} in blocks under {least}"),
            risk.records_in_small_blocks.to_string(),
        ),
        (
            "highest prosecutor risk".to_owned(),
            format!("{:.6}", risk.highest),
        ),
        (
            "mean prosecutor risk".to_owned(),
            format!("{:.6}", risk.mean),
        ),
        ("comparisons within blocks".to_owned(), within.to_string()),
        ("comparisons without blocking".to_owned(), all.to_string()),
        ("comparisons saved".to_owned(), format!("{saved:.2} %")),
    ];
    let rows: Vec<Vec<String>> = lines
        .into_iter()
        .map(|(name, value)| vec![name, value])
        .collect();
    console::result(console::table(&rows))?;
    Ok(())
}
