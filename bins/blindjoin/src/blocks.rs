//! `blindjoin blocks`: what a blocking saves, and whom it gives away.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use blindjoin_columnar::{
    Bound, Format, Header, InputOptions, Output, OutputColumn, OutputOptions, Population, Quoting,
    ReadOptions, Reader, TableWriter, load_rules, pipeline, today,
};
use blindjoin_linkage::blocking::{BlockCount, BlockKey, Blocks, HashCount, LEAST_BLOCK};
use blindjoin_linkage::{Error as LinkageError, Side, Signed};
use blindjoin_record::RuleSet;
use blindjoin_terminal::{Usage, whole};
use serde_json::{Value, json};

use crate::console::{self, Console};

/// Show the blocks of a blocking key: sizes, re-identification risk, comparisons saved
///
/// The prosecutor risk of a record is 1 / size of its block: the chance of picking out a person of
/// whom it is known that she is in the registry. Without --rules, the table's own columns are the
/// fields, and birth_year, birth_month and birth_day are parts of the birth date; and all records
/// count. With --rules only those do that have a value for one of the rules, as in a linkage.
///
/// A field alone is trimmed, composed and in upper case: state is state:T|N|U.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = "Example:\n  blindjoin blocks registries/a.csv --block birth_year,state")]
pub(crate) struct Arguments {
    /// Records, CSV or Parquet; - is standard input
    input: PathBuf,
    /// Blocking key: fields such as birth_year,state:U, or hash:BITS for a prefix of a hash of
    /// every identifier
    #[arg(long, value_name = "KEY")]
    block: String,
    /// A built-in rule set or a rules file that names the fields
    #[arg(long, value_name = "NAME|FILE")]
    rules: Option<String>,
    /// The least size of a block
    #[arg(long, value_name = "K", default_value_t = LEAST_BLOCK, value_parser = whole(1..=u64::MAX))]
    least: u64,
    /// Show what a provider of these records offers: the blocks of at least that size
    #[arg(long)]
    offered: bool,
    /// Another registry, to count the comparisons with; without it, one with the same blocks is
    /// assumed
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Write the sizes to this file, with the columns block and records
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: Option<PathBuf>,
    /// Print the figures as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    reading: InputOptions,
    #[command(flatten)]
    writing: OutputOptions,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    let output = match &arguments.out {
        None => None,
        Some(path) if path == Path::new("-") => {
            return Err(Usage::new("--out -: the figures go to standard output already").into());
        }
        Some(path) => {
            let format = arguments.writing.format(path)?;
            Some((Output::create(path, arguments.writing.force)?, format))
        }
    };
    // A provider offers what it probes for, which may be more than a querier asks for.
    let (side, other) = if arguments.offered {
        (Side::Provider, Side::Querier)
    } else {
        (Side::Querier, Side::Provider)
    };
    let ours = blocks(&arguments.input, side, arguments, console)?;
    let theirs = match &arguments.against {
        None => None,
        Some(path) => Some(blocks(path, other, arguments, console)?.blocks),
    };
    let BlockCount {
        blocks: mut ours,
        idle,
    } = ours;
    let all = ours.pairs_with(theirs.as_ref().unwrap_or(&ours)).1;
    if arguments.offered {
        ours = ours.of_at_least(arguments.least);
    }
    if let Some((output, format)) = output {
        write_sizes(&ours, output, format)?.commit()?;
    }
    let within = ours.pairs_with(theirs.as_ref().unwrap_or(&ours)).0;
    let figures = Figures {
        blocks: &ours,
        idle,
        within,
        all,
    };
    if arguments.json {
        return console
            .data(figures.data(arguments))
            .context("standard output");
    }
    console::result(console::table(&figures.rows(arguments)))?;
    Ok(())
}

/// Blocks a registry, as one side of a linkage does.
fn blocks(
    path: &Path,
    side: Side,
    arguments: &Arguments,
    console: &Console,
) -> anyhow::Result<BlockCount> {
    let told = arguments.rules.as_deref().map(load_rules).transpose()?;
    let encoding = told.as_ref().and_then(RuleSet::encoding);
    let options = ReadOptions::strict().with_encoding(encoding);
    let mut reader = Reader::open(path, arguments.reading.over(options))?;
    let rules = match &told {
        Some(rules) => rules.clone(),
        None => fields_of(&reader)?,
    };
    let key = BlockKey::new(&arguments.block, &rules).map_err(|error| match error {
        LinkageError::BlockKey { .. } => Usage::new(format!("--block: {error}")).into(),
        error => anyhow::Error::from(error).context("--block"),
    })?;
    let bind = |rules: &RuleSet, blocks: &[&RuleSet]| {
        let (signer, remarks) = Bound::signer(&reader, rules, blocks, side, today())?;
        for remark in &remarks {
            console.note(remark);
        }
        Ok::<_, blindjoin_columnar::Error>(signer)
    };
    let bar = console.progress("blocking", &reader);
    let threads = pipeline::all_cores();
    let progress = |done| bar.inc(done);
    let mut count = BlockCount::default();
    match key {
        BlockKey::Fields(fields) => {
            let signer = bind(told.as_ref().unwrap_or(&fields), &[&fields])?;
            let take = |record: &Signed<'_>| {
                let block = record.blocks[0];
                if told.is_some() {
                    count.add(record, block);
                } else {
                    count.blocks.add(block);
                }
                Ok::<_, blindjoin_columnar::Error>(())
            };
            Population::read_without_ids(&mut reader, &signer, threads, take, progress)?;
        }
        BlockKey::Hash { bits } => {
            if arguments.offered {
                bail!(Usage::new(
                    "--offered: of blocks of a hash none is left out"
                ));
            }
            let signer = bind(&rules, &[])?;
            // A provider has a salt of its own; the sizes of its blocks vary as these do.
            let mut hashed = HashCount::new(&rules, rand::random(), bits);
            let take = |record: &Signed<'_>| anyhow::Ok(hashed.add(record)?);
            let read = Population::read_without_ids(&mut reader, &signer, threads, take, progress);
            let read = read?;
            count.blocks = hashed.blocks;
            for (_, lacking) in read.missing.iter().flatten() {
                (0..*lacking).for_each(|_| count.blocks.add(None));
            }
        }
    }
    bar.finish_and_clear();
    Ok(count)
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

/// What is shown.
struct Figures<'a> {
    blocks: &'a Blocks,
    /// Records that take no part.
    idle: u64,
    /// Pairs within blocks, and in all.
    within: u128,
    all: u128,
}

impl Figures<'_> {
    fn median_and_largest(&self) -> (u64, u64) {
        let mut sizes: Vec<u64> = self.blocks.sizes().map(|(_, size)| size).collect();
        sizes.sort_unstable();
        let median = sizes.get(sizes.len() / 2).copied().unwrap_or(0);
        (median, sizes.last().copied().unwrap_or(0))
    }

    /// Of a hundred comparisons, those not made.
    fn saved(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share needs few digits")]
        match self.all {
            0 => 0.0,
            all => 100.0 * (1.0 - self.within as f64 / all as f64),
        }
    }

    fn rows(&self, arguments: &Arguments) -> Vec<Vec<String>> {
        let least = arguments.least;
        let risk = self.blocks.risk(least);
        let (median, largest) = self.median_and_largest();
        let hashed = arguments.block.trim().starts_with("hash:");
        let what = if hashed { "signatures" } else { "records" };
        let mut lines = vec![
            (format!("{what} in blocks"), risk.records.to_string()),
            (
                format!("{what} without a block"),
                risk.unblocked.to_string(),
            ),
        ];
        if arguments.rules.is_some() && !hashed {
            lines.push((
                "records without a value for any rule".to_owned(),
                self.idle.to_string(),
            ));
        }
        lines.extend([
            ("blocks".to_owned(), risk.blocks.to_string()),
            ("smallest block".to_owned(), risk.smallest.to_string()),
            ("median block".to_owned(), median.to_string()),
            ("largest block".to_owned(), largest.to_string()),
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
            (
                "comparisons within blocks".to_owned(),
                self.within.to_string(),
            ),
            (
                "comparisons without blocking".to_owned(),
                self.all.to_string(),
            ),
            (
                "comparisons saved".to_owned(),
                format!("{:.2} %", self.saved()),
            ),
        ]);
        let row = |(name, value)| vec![name, value];
        lines.into_iter().map(row).collect()
    }

    fn data(&self, arguments: &Arguments) -> Value {
        let risk = self.blocks.risk(arguments.least);
        let (median, largest) = self.median_and_largest();
        // More than 64 bits hold is more than JSON's readers take.
        let number = |count: u128| u64::try_from(count).ok();
        json!({
            "block": arguments.block,
            "least": arguments.least,
            "in_blocks": risk.records,
            "without_block": risk.unblocked,
            "without_value": self.idle,
            "blocks": risk.blocks,
            "smallest": risk.smallest,
            "median": median,
            "largest": largest,
            "small_blocks": risk.small_blocks,
            "in_small_blocks": risk.records_in_small_blocks,
            "highest_prosecutor_risk": risk.highest,
            "mean_prosecutor_risk": risk.mean,
            "comparisons_within_blocks": number(self.within),
            "comparisons_without_blocking": number(self.all),
            "comparisons_saved_percent": self.saved(),
        })
    }
}
