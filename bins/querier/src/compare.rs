//! `blindjoin-querier pairs`.

use std::path::PathBuf;

use anyhow::ensure;
use blindjoin_columnar::load_rules;
use blindjoin_protocol::{Pairwise, Suite};
use blindjoin_querier::write_pairs;
use blindjoin_service::program::say;
use blindjoin_service::querier::Question;

use crate::blocks::BlockOptions;
use crate::linkage::{Asked, OutputOptions, carry_out};
use crate::session::Session;

/// Compare every record with each of the provider's in the same block
///
/// Writes the pairs that match, a line each: the record, an opaque handle of the provider's record,
/// and under which rules they agree. With --threshold only pairs whose rules together weigh that
/// much. For small blocks and for scores; where neither is needed, `link` is many times faster. The
/// key holder sees how often how many rules agree in a pair, but not whose.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The records, CSV or Parquet
    #[arg(value_name = "FILE")]
    data: PathBuf,
    /// Where to write the pairs; - is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Where to write the bingo card too, records against rules
    #[arg(long, value_name = "FILE")]
    card: Option<PathBuf>,
    #[command(flatten)]
    outputs: OutputOptions,
    #[command(flatten)]
    blocks: BlockOptions,
    /// The least weight of a match: the sum over the rules under which a pair agrees. A rule weighs
    /// 1 unless the rules file says otherwise
    #[arg(long, value_name = "WEIGHT", value_parser = clap::value_parser!(u8).range(1..))]
    threshold: Option<u8>,
    #[command(flatten)]
    session: Session,
}

pub(crate) fn run(arguments: &Arguments, quiet: bool) -> anyhow::Result<()> {
    let resolved = arguments.session.resolve()?;
    let rules = load_rules(&resolved.rules)?;
    let pairwise = Pairwise::of_rules(rules.forms(), arguments.threshold)?;
    check_slots(&pairwise, resolved.options.key_bits)?;
    let outputs = &arguments.outputs;
    let blocks = &arguments.blocks;
    let (people, cells) =
        blocks.read_for_pairs(&arguments.data, outputs.format(), &rules, &pairwise)?;
    if !quiet {
        people.remarks.iter().for_each(say);
    }
    let ids: Vec<String> = rules
        .rules()
        .iter()
        .map(|rule| rule.id().to_owned())
        .collect();
    let terms = resolved
        .options
        .pair_terms(ids.clone(), people.rules_digest, pairwise)?;
    // Now, because a whole linkage would be in vain if a result had no place.
    let (output, format) = outputs.table(&arguments.out)?;
    let card = arguments
        .card
        .as_ref()
        .map(|path| outputs.table(path))
        .transpose()?;
    let report = outputs.report()?;
    let asked = Asked {
        data: &arguments.data,
        ids: &people.ids,
        rules: &ids,
        terms,
        outside: people.records.len() - people.records.blocks().count(),
        question: Question::Records(people.records, cells),
    };
    let card = carry_out(asked, &resolved, card, report, quiet)?;
    let scored = arguments.threshold.is_some();
    write_pairs(&card, &people.ids, &rules, scored, output, format)?;
    if !quiet {
        say(format_args!("{} pairs match", card.pairs().len()));
    }
    Ok(())
}

/// Says what to do where the rules do not fit a ciphertext.
fn check_slots(pairwise: &Pairwise, key_bits: u32) -> anyhow::Result<()> {
    let suite = Suite::T107;
    let slots = |bits: u32| suite.slots_below_modulus(bits as usize);
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
