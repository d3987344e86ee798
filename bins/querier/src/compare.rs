//! `blindjoin-querier pairs`.

use std::path::PathBuf;

use anyhow::ensure;
use blindjoin_columnar::{InputOptions, ReadOptions, Reader};
use blindjoin_protocol::agree::Pairwise;
use blindjoin_querier::{People, write_pairs};
use blindjoin_service::querier::Question;
use blindjoin_terminal::{Console, whole};
use serde_json::json;

use crate::blocks::BlockOptions;
use crate::linkage::{Asked, ResultOptions, carry_out, extend};
use crate::session::{Session, Way};

/// Compare every record with each of the provider's in the same block
///
/// Writes the pairs that match, a line each: the record, an opaque handle of the provider's record,
/// and under which rules they agree. With --threshold only pairs whose rules together weigh that
/// much. For small blocks and for scores; where neither is needed, `link` is many times faster. The
/// key holder sees how often how many rules agree in a pair, but not whose. Blocks are needed: give
/// --block.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  blindjoin-querier pairs people.csv --config querier.toml --block birth_year --out pairs.csv"
)]
pub(crate) struct Arguments {
    /// The records, CSV or Parquet; - is standard input
    #[arg(value_name = "FILE")]
    data: PathBuf,
    /// Where to write the pairs; - is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where to write the bingo card too, records against rules
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
    /// The least weight of a match: the sum over the rules under which a pair agrees. A rule weighs
    /// 1 unless the rules file says otherwise
    #[arg(long, value_name = "WEIGHT", value_parser = whole(1..=u8::MAX))]
    threshold: Option<u8>,
    #[command(flatten)]
    results: ResultOptions,
    #[command(flatten)]
    reading: InputOptions,
    #[command(flatten, next_help_heading = "Blocks")]
    blocks: BlockOptions,
    #[command(flatten, next_help_heading = "Session")]
    session: Session,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    let resolved = arguments.session.resolve(Way::Pairs)?;
    let blocking = arguments.blocks.resolve(&resolved.rules)?;
    let (fields, cells) = blocking.for_pairs()?;
    let rules = resolved.rules.asked();
    let pairwise = Pairwise::of_rules(rules.forms(), arguments.threshold)?;
    check_slots(&pairwise, resolved.options.key_bits)?;
    let results = &arguments.results;
    // Now, because a whole linkage would be in vain if a result had no place.
    let mut opening = results.opening();
    let (output, format) = opening.table(&arguments.out)?;
    let card = match &arguments.card {
        Some(path) => Some(opening.table(path)?),
        None => None,
    };
    let report = opening.report()?;
    let options = ReadOptions::strict().with_encoding(resolved.rules.asked().encoding());
    let options = arguments.reading.over(options);
    let reader = Reader::open(&arguments.data, options)?;
    let allow_empty = results.allow_empty;
    let people = People::read_for_pairs(reader, &resolved.rules, &pairwise, fields, allow_empty)?;
    for remark in &people.remarks {
        console.note(remark);
    }
    let terms = resolved
        .options
        .pair_terms(people.rules.clone(), people.rules_digest, pairwise)?;
    let asked = Asked {
        data: &arguments.data,
        ids: &people.ids,
        findings: &people.findings,
        terms,
        outside: people.outside.len(),
        question: Question::Records(people.asked, cells),
    };
    let mut done = carry_out(asked, &resolved, card, report, console)?;
    let scored = arguments.threshold.is_some();
    let pairs = write_pairs(&done.card, &people.ids, rules, scored, output, format)?;
    done.finished.push(pairs);
    let count = done.card.pairs().len();
    console.note(format_args!("{count} pairs match"));
    extend(&mut done.figures, json!({ "pairs": count }));
    done.conclude(results.json, console)
}

/// Says what to do where the rules do not fit a ciphertext.
fn check_slots(pairwise: &Pairwise, key_bits: u32) -> anyhow::Result<()> {
    let slots = |bits: u32| Pairwise::slots_of(bits as usize);
    let (needed, room) = (pairwise.slots_needed(), slots(key_bits));
    ensure!(
        needed <= room,
        "the rules take {needed} slots, one for each form in which the provider probes (and each unit of weight under \
         --threshold), but a key of {key_bits} bits has {room}: take fewer rules or smaller weights, or --key-bits 4096 \
         with {}",
        slots(4096)
    );
    Ok(())
}
