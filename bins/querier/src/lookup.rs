//! `blindjoin-querier lookup`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use blindjoin_columnar::load_rules;
use blindjoin_protocol::{Cell, leakage};
use blindjoin_querier::{Bars, Query, learned};
use blindjoin_record::blocking::BlockKey;
use blindjoin_service::program::{self, say};
use blindjoin_service::provider::blocked_digest;
use blindjoin_service::querier::{self, Blocks, Cells, Question};
use blindjoin_service::random;

use crate::advice::advise;
use crate::blocks::{block_key, fields};
use crate::session::Session;

/// Look up one record in a provider's registry
///
/// Prints the rules under which the provider has a record with the same values, one a line. Exit
/// code 0: found; 3: not found. Provider and key holder learn nothing but that a record was looked
/// up, not even whether it was found; with --block the provider learns the block.
#[derive(Debug, clap::Args)]
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
    #[command(flatten)]
    session: Session,
}

/// Yields whether the record was found.
pub(crate) fn run(arguments: &Arguments, quiet: bool) -> anyhow::Result<bool> {
    let resolved = arguments.session.resolve()?;
    let rules = load_rules(&resolved.rules)?;
    let mut pairs = arguments
        .fields
        .iter()
        .map(|text| pair(text))
        .collect::<anyhow::Result<Vec<_>>>()?;
    if let Some(path) = &arguments.fields_file {
        pairs.extend(read_pairs(path)?);
    }
    ensure!(
        !pairs.is_empty(),
        "nothing to look up: give --field NAME=VALUE or --fields-file"
    );
    let key = block_key(arguments.block.as_deref(), &rules)?;
    let fields = key.as_ref().and_then(fields);
    let Query {
        keys,
        without,
        faults,
    } = Query::new(&rules, &pairs, fields)?;
    let digest = match fields {
        Some(fields) => blocked_digest(rules.digest(), fields.digest()),
        None => rules.digest(),
    };
    let blocks = match &key {
        None => None,
        // The one block that the record is in.
        Some(BlockKey::Fields(_)) => Some(Blocks::Cells(Cells {
            occurring: true,
            least: 1,
            rules_digest: rules.digest(),
        })),
        Some(BlockKey::Fingerprint { bits }) => Some(Blocks::Hashed(u8::try_from(*bits)?)),
    };
    if !quiet && !without.is_empty() {
        say(format_args!(
            "the fields do not suffice for {}",
            without.join(", ")
        ));
    }
    if !quiet {
        faults.iter().for_each(say);
    }
    let ids: Vec<String> = rules
        .rules()
        .iter()
        .map(|rule| rule.id().to_owned())
        .collect();
    let terms = resolved.options.lookup_terms(ids.clone(), digest)?;
    let counterparts = resolved.counterparts();
    let bars = Bars::new(quiet);
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
    if !quiet {
        let session = leakage::Session::of(&linked.agreement, linked.named.as_ref());
        learned(&session).iter().for_each(say);
    }
    let card = linked.card;
    let mut output = std::io::stdout().lock();
    for (id, cell) in ids.iter().zip(card.row(0)) {
        if *cell == Cell::Matched {
            writeln!(output, "{id}").context("standard output")?;
        }
    }
    Ok(card.matched(0) == Some(true))
}

fn pair(text: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = text
        .split_once('=')
        .context("a field is given as NAME=VALUE")?;
    Ok((name.trim().to_owned(), value.to_owned()))
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
            pair(line).with_context(|| format!("{} line {}", path.display(), number + 1))
        })
        .collect()
}
