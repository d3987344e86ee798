//! `blindjoin-querier lookup`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use blindjoin_linkage::blocking::BlockKey;
use blindjoin_protocol::{Cell, leakage};
use blindjoin_querier::{Bars, Query, learned};
use blindjoin_service::querier::{self, Cells, Question};
use blindjoin_service::{program, random};
use blindjoin_terminal::{Console, Usage};
use serde_json::json;

use crate::advice::advise;
use crate::blocks::{asked, block_key};
use crate::session::{Session, Way};

/// Look up one record in a provider's registry
///
/// Prints the rules under which the provider has a record with the same values, one a line. Exit
/// code 0: found; 3: not found, which a remark says too. Provider and key holder learn nothing but that a record was looked
/// up, not even whether it was found; with --block the provider learns the block.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  blindjoin-querier lookup --config querier.toml --fields-file person.txt"
)]
pub(crate) struct Arguments {
    /// A field of the rules and its value; may be given several times
    #[arg(long = "field", value_name = "NAME=VALUE")]
    fields: Vec<String>,
    /// File with a NAME=VALUE line per field, for values that others should not see in the list of
    /// processes; - is standard input
    #[arg(long, value_name = "FILE")]
    fields_file: Option<PathBuf>,
    /// Compare within the record's block only, which the provider learns, and must offer: a list of
    /// fields as in `blindjoin blocks`, or hash:BITS, that many bits of a hash of every identifier
    #[arg(long, value_name = "KEY")]
    block: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten, next_help_heading = "Session")]
    session: Session,
}

/// Yields whether the record was found.
pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<bool> {
    let resolved = arguments.session.resolve(Way::Lookup)?;
    let rules = resolved.rules.asked();
    let pairs = arguments.pairs()?;
    let key = block_key(arguments.block.as_deref(), resolved.rules.agreed())?;
    let fields = key.as_ref().and_then(BlockKey::fields);
    let Query {
        keys,
        without,
        faults,
    } = Query::new(rules, &pairs, fields)?;
    // The one block that the record is in.
    let cells = Cells {
        occurring: true,
        least: 1,
        rules_digest: resolved.rules.digest(None),
    };
    let blocks = key.as_ref().map(|key| asked(key, cells));
    if !without.is_empty() {
        console.note(format_args!(
            "the fields do not suffice for {}",
            without.join(", ")
        ));
    }
    for fault in &faults {
        console.note(fault);
    }
    let ids = resolved.rules.ids();
    let digest = resolved.rules.digest(fields);
    let terms = resolved.options.lookup_terms(ids.clone(), digest)?;
    let counterparts = resolved.counterparts();
    let bars = Bars::new(console.is_quiet());
    let linked = program::block_on(querier::link(
        &resolved.identity,
        &counterparts,
        terms,
        Question::Keys(keys, blocks),
        &bars,
    ));
    bars.finish();
    let linked = linked
        .context("starting the runtime")?
        .map_err(|error| advise(error, random::now()))?;
    let session = leakage::Session::of(&linked.agreement, linked.named.as_ref());
    for line in learned(&session) {
        console.note(line);
    }
    let of = |wanted: Cell| -> Vec<&str> {
        let cells = ids.iter().zip(linked.card.row(0));
        let cells = cells.filter(|(_, cell)| **cell == wanted);
        cells.map(|(id, _)| id.as_str()).collect()
    };
    let (found, absent) = (of(Cell::Matched), of(Cell::NotMatched));
    let open = of(Cell::NotCompared);
    ensure!(
        open.is_empty() || !found.is_empty(),
        "the record could not be compared under {}: run the command again",
        open.join(", ")
    );
    if found.is_empty() {
        console.note(format_args!("not found under {}", absent.join(", ")));
    }
    if arguments.json {
        let figures = json!({
            "found": !found.is_empty(),
            "matched": found,
            "not_matched": absent,
            "without_value": without,
        });
        console.data(figures).context("standard output")?;
    } else {
        let mut output = std::io::stdout().lock();
        for id in &found {
            writeln!(output, "{id}").context("standard output")?;
        }
    }
    Ok(!found.is_empty())
}

impl Arguments {
    /// The fields and their values, from the command line and from the file.
    fn pairs(&self) -> anyhow::Result<Vec<(String, String)>> {
        let given = self
            .fields
            .iter()
            .map(|text| pair(text).ok_or_else(|| Usage::new("--field is given as NAME=VALUE")));
        let mut pairs = given.collect::<Result<Vec<_>, _>>()?;
        if let Some(path) = &self.fields_file {
            pairs.extend(read_pairs(path)?);
        }
        if pairs.is_empty() {
            let text = "nothing to look up: give --field NAME=VALUE or --fields-file";
            return Err(Usage::new(text).into());
        }
        Ok(pairs)
    }
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    Some((name.trim().to_owned(), value.to_owned()))
}

fn read_pairs(path: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("standard input")?
    } else {
        std::fs::read_to_string(path).with_context(|| path.display().to_string())?
    };
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| {
            pair(line).with_context(|| {
                let (file, line) = (path.display(), number + 1);
                format!("{file}: line {line}: a field is given as NAME=VALUE")
            })
        })
        .collect()
}
