//! `blindjoin match`: the records of two token files that are the same person.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use blindjoin_columnar::{
    Format, Header, InputOptions, Output, OutputColumn, OutputOptions, Outputs, Quoting,
    ROWS_PER_CHUNK, TableWriter,
};
use blindjoin_terminal::{Usage, whole};
use blindjoin_token::{
    Cardinality, Count, EncryptionKey, Limits, Matches, Overlap, Pair, Sealer, SplitIds, Strategy,
    TokenTable,
};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::console::{self, Console};
use crate::threads::Threads;
use crate::{provenance, secrets, token_file};

/// Find the records of two token files that match
///
/// Writes the pairs with the columns a_record_id, b_record_id, rules (those under which they agree,
/// separated by ;), relation (one-to-one, one-to-many, many-to-one, many-to-many) and, under a tiered
/// strategy, confidence: the rule that decides. Blank tokens match nothing. The overlap of the two
/// files is printed on standard error, or written as JSON with --statistics.
///
/// The metadata beside the files, such as a.metadata.json beside a.csv, tell how they were made.
/// Tokens made under other secrets or another scheme are refused, for none of them would match; other
/// dialects or rules, and files without metadata, are remarked on.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  blindjoin match a.csv b.csv --strategy tiered:T4,T1 --out pairs.csv"
)]
pub(crate) struct Arguments {
    /// Our tokens, CSV or Parquet
    ours: PathBuf,
    /// Their tokens, CSV or Parquet
    theirs: PathBuf,
    /// Where the pairs go, CSV or Parquet; - is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: PathBuf,
    /// any, all or tiered, over all rules or those listed as in tiered:T4,T1; or an expression such as
    /// (T1|T2)&(T3|T4)
    #[arg(long, value_name = "STRATEGY", value_parser = strategy, default_value = "any")]
    strategy: Strategy,
    /// File that holds the key of sealed tokens [default: environment variable
    /// BLINDJOIN_ENCRYPTION_KEY]
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    encryption_key_file: Option<PathBuf>,
    /// In the statistics, suppress counts below this, and others from which they could be computed
    #[arg(long, value_name = "COUNT", value_parser = whole(0..=u64::MAX))]
    suppress_below: Option<u64>,
    /// Write the statistics to this file as JSON; - is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    statistics: Option<PathBuf>,
    /// Leave out tokens that stand for more records than this
    #[arg(long, value_name = "COUNT", value_parser = whole(1..=u64::MAX))]
    most_records_per_token: Option<u64>,
    /// The most pairs to take on, 16 bytes of memory each
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = Limits::default().pairs,
        value_parser = whole(1..=u64::MAX)
    )]
    most_pairs: u64,
    /// Match although one side has no token but blank ones
    #[arg(long)]
    allow_empty: bool,
    /// Take all rows of a record id for one person's, though their tokens differ
    #[arg(long)]
    allow_split_ids: bool,
    /// Print the statistics as JSON
    #[arg(long, conflicts_with = "statistics", help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    metadata: provenance::Options,
    #[command(flatten)]
    threads: Threads,
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
    let standard = Path::new("-");
    if arguments.out == standard
        && (arguments.json || arguments.statistics.as_deref() == Some(standard))
    {
        return Err(Usage::new("pairs and statistics cannot both go to standard output").into());
    }
    if arguments.ours == standard && arguments.theirs == standard {
        return Err(Usage::new("-: one of the two inputs can be standard input, not both").into());
    }
    let format = arguments.writing.format(&arguments.out)?;
    let mut outputs = Outputs::new(arguments.writing.force);
    let output = outputs.create(&arguments.out)?;
    let statistics = match &arguments.statistics {
        None => None,
        Some(path) => Some(outputs.create(path)?),
    };
    let inputs = [arguments.ours.as_path(), &arguments.theirs];
    arguments.metadata.compare(&inputs, console)?;
    let threads = arguments.threads.number();
    let open = |path: &Path| token_file::open(path, arguments.reading, console);
    let (ours, theirs) = (open(inputs[0])?, open(inputs[1])?);
    let load = |path: &Path, file| {
        let table = token_file::load(file, sealer.as_ref(), threads, console)?;
        refuse_blank(path, &table, arguments.allow_empty)?;
        if let Some(split) = table.split_ids() {
            console.note(remark_on_split(path, split));
        }
        anyhow::Ok(table)
    };
    let tables = [load(inputs[0], ours)?, load(inputs[1], theirs)?];
    let limits = Limits {
        pairs: arguments.most_pairs,
        records_per_token: arguments.most_records_per_token,
    };
    let matches = Matches::find(&tables[0], &tables[1], &arguments.strategy, &limits)?;
    if !arguments.allow_split_ids {
        refuse_split(&matches, inputs, &tables)?;
    }
    let pairs = write_pairs(&matches, &tables, &arguments.strategy, output, format)?;
    let data = || json(&matches, arguments.suppress_below, &arguments.strategy);
    let mut finished = vec![pairs];
    match statistics {
        None => report(&matches, arguments.suppress_below, console),
        Some(mut output) => {
            writeln!(output, "{:#}", data())
                .with_context(|| output.path().display().to_string())?;
            finished.push(output);
        }
    }
    Output::commit_all(finished)?;
    if arguments.json {
        console.data(data()).context("standard output")?;
    }
    Ok(())
}

/// Refuses records that can match nobody's.
fn refuse_blank(path: &Path, table: &TokenTable, allow_empty: bool) -> anyhow::Result<()> {
    let any = (0..table.rules().len()).any(|rule| table.tokens(rule) > 0);
    ensure!(
        allow_empty || table.records() == 0 || any,
        "{}: all tokens are blank, and so match nothing; --allow-empty matches them all the same",
        path.display()
    );
    Ok(())
}

fn remark_on_split(path: &Path, split: SplitIds) -> String {
    let SplitIds {
        ids,
        rows: (one, other),
    } = split;
    format!(
        "{}: {ids} record ids have several different tokens under one rule, first in rows {one} and \
         {other}: one person entered in two ways, or two persons",
        path.display()
    )
}

/// Refuses pairs that do not tell which of the persons with one record id matches.
fn refuse_split(
    matches: &Matches,
    [ours, theirs]: [&Path; 2],
    [left, right]: &[TokenTable; 2],
) -> anyhow::Result<()> {
    let matched = |table: &TokenTable, record: fn(&Pair) -> u32| {
        let records = matches.pairs().iter().map(record);
        let mut split: Vec<u32> = records.filter(|&record| table.is_split(record)).collect();
        split.sort_unstable();
        split.dedup();
        split.len()
    };
    let counts = [
        (ours, matched(left, |pair| pair.left)),
        (theirs, matched(right, |pair| pair.right)),
    ];
    for (path, count) in counts {
        ensure!(
            count == 0,
            "{}: {count} of the record ids that match have several different tokens under one rule, so \
             that nobody can tell which person matches; give every person a record id, or say \
             --allow-split-ids if the rows of each are one person's",
            path.display()
        );
    }
    Ok(())
}

/// How many chunks of pairs are formatted before they are written.
const CHUNKS_AT_ONCE: usize = 32;

fn write_pairs(
    matches: &Matches,
    [left, right]: &[TokenTable; 2],
    strategy: &Strategy,
    output: Output,
    format: Format,
) -> anyhow::Result<Output> {
    let tiered = matches!(strategy, Strategy::Tiered(_));
    let mut columns = vec![
        OutputColumn::text("a_record_id"),
        OutputColumn::text("b_record_id"),
        OutputColumn::text("rules"),
        OutputColumn::text("relation"),
    ];
    if tiered {
        columns.push(OutputColumn::text("confidence"));
    }
    let mut table = TableWriter::new(output, format, columns, Quoting::Needed, Header::Always)?;
    let buffers = table.buffers();
    let format = |pairs: &[Pair]| {
        // Looked up together, because a loop that does nothing else waits for memory once rather
        // than for every record.
        let ids: Vec<(&str, &str)> = pairs
            .iter()
            .map(|pair| (left.id(pair.left), right.id(pair.right)))
            .collect();
        let mut rows = buffers.buffer(pairs.len());
        let mut rules = String::new();
        for (&pair, (a, b)) in pairs.iter().zip(ids) {
            rules.clear();
            for rule in matches.rules_of(pair) {
                if !rules.is_empty() {
                    rules.push(';');
                }
                rules.push_str(rule);
            }
            let relation = matches.cardinality(pair).name();
            let cells = [Some(a), Some(b), Some(rules.as_str()), Some(relation)];
            rows.push(
                cells
                    .into_iter()
                    .chain(tiered.then(|| matches.confidence(pair))),
            );
        }
        rows
    };
    for pairs in matches.pairs().chunks(ROWS_PER_CHUNK * CHUNKS_AT_ONCE) {
        let formatted: Vec<_> = pairs.par_chunks(ROWS_PER_CHUNK).map(format).collect();
        for rows in formatted {
            table.append(rows)?;
        }
    }
    Ok(table.finish()?)
}

/// The overlap's counts, exact or as they may be published.
struct Counts {
    /// Records, matched, unmatched.
    sides: [[Option<u64>; 3]; 2],
    pairs: Option<u64>,
    cardinalities: [Option<u64>; 4],
    /// Rule; tokens of ours, of theirs, shared; pairs.
    rules: Vec<(String, [Option<u64>; 4])>,
}

impl Counts {
    fn new(overlap: &Overlap, suppress_below: Option<u64>) -> Self {
        if let Some(threshold) = suppress_below {
            let published = overlap.suppress_below(threshold);
            let exact = |counts: [Count; 3]| counts.map(Count::exact);
            return Self {
                sides: [exact(published.left), exact(published.right)],
                pairs: published.pairs.exact(),
                cardinalities: published.cardinalities.map(Count::exact),
                rules: published
                    .rules
                    .into_iter()
                    .map(|rule| {
                        let counts = [rule.left, rule.right, rule.shared, rule.pairs];
                        (rule.rule, counts.map(Count::exact))
                    })
                    .collect(),
            };
        }
        let sides = [overlap.left, overlap.right];
        Self {
            sides: sides.map(|side| [side.records, side.matched, side.unmatched()].map(Some)),
            pairs: Some(overlap.pairs),
            cardinalities: overlap.cardinalities.map(Some),
            rules: overlap
                .rules
                .iter()
                .map(|rule| {
                    let counts = [rule.left, rule.right, rule.shared, rule.pairs];
                    (rule.rule.clone(), counts.map(Some))
                })
                .collect(),
        }
    }

    /// Matched records of a hundred of the side's, where both are shown.
    fn percent(&self, side: usize) -> Option<f64> {
        let [records, matched, _] = self.sides[side];
        #[expect(clippy::cast_precision_loss, reason = "a percentage needs few digits")]
        match (records?, matched?) {
            (0, _) => None,
            (records, matched) => Some((matched as f64 / records as f64 * 1e4).round() / 1e2),
        }
    }
}

fn report(matches: &Matches, suppress_below: Option<u64>, console: &Console) {
    let counts = Counts::new(matches.overlap(), suppress_below);
    let shown =
        |count: Option<u64>| count.map_or_else(|| "suppressed".to_owned(), |n| n.to_string());
    let line = |name: &str, cells: &[String]| {
        let mut row = vec![name.to_owned()];
        row.extend_from_slice(cells);
        row
    };
    let heading = ["records", "matched", "unmatched", "matched %"].map(str::to_owned);
    let mut rows = vec![line("", &heading)];
    for (side, name) in ["ours", "theirs"].into_iter().enumerate() {
        let mut cells = counts.sides[side].map(shown).to_vec();
        cells.push(
            counts
                .percent(side)
                .map_or_else(|| "-".to_owned(), |percent| format!("{percent:.2}")),
        );
        rows.push(line(name, &cells));
    }
    console.note(console::table(&rows));
    let heading = ["tokens ours", "theirs", "shared", "pairs"].map(str::to_owned);
    let mut rows = vec![line("rule", &heading)];
    for (rule, cells) in &counts.rules {
        rows.push(line(rule, &cells.map(shown)));
    }
    console.note(console::table(&rows));
    let relations: Vec<String> = Cardinality::ALL
        .iter()
        .zip(counts.cardinalities)
        .map(|(cardinality, count)| format!("{} {}", shown(count), cardinality.name()))
        .collect();
    console.note(format_args!(
        "{} pairs: {}",
        shown(counts.pairs),
        relations.join(", ")
    ));
    for left_out in matches.left_out() {
        console.note(format_args!(
            "{}: {} tokens that stand for too many records were left out",
            left_out.rule, left_out.tokens,
        ));
    }
}

fn json(matches: &Matches, suppress_below: Option<u64>, strategy: &Strategy) -> Value {
    let counts = Counts::new(matches.overlap(), suppress_below);
    let side = |side: usize| {
        let [records, matched, unmatched] = counts.sides[side];
        json!({
            "records": records,
            "matched": matched,
            "unmatched": unmatched,
            "matched_percent": counts.percent(side),
        })
    };
    let relations: serde_json::Map<String, Value> = Cardinality::ALL
        .iter()
        .zip(counts.cardinalities)
        .map(|(cardinality, count)| (cardinality.name().to_owned(), json!(count)))
        .collect();
    let rules: Vec<Value> = counts
        .rules
        .iter()
        .map(|(rule, [ours, theirs, shared, pairs])| {
            json!({
                "rule": rule,
                "tokens_ours": ours,
                "tokens_theirs": theirs,
                "tokens_shared": shared,
                "pairs": pairs,
            })
        })
        .collect();
    json!({
        "strategy": strategy.to_string(),
        "suppressed_below": suppress_below,
        "ours": side(0),
        "theirs": side(1),
        "pairs": counts.pairs,
        "relations": relations,
        "rules": rules,
    })
}

fn strategy(text: &str) -> Result<Strategy, String> {
    text.parse()
        .map_err(|error: blindjoin_token::Error| error.to_string())
}
