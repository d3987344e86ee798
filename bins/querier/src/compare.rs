//! `blindjoin-querier pairs`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use blindjoin_columnar::{Format, Output, load_rules};
use blindjoin_protocol::{Pairwise, Suite};
use blindjoin_querier::{Bars, Summary, report, write, write_pairs};
use blindjoin_service::program::{self, say};
use blindjoin_service::querier::{self, Linked, Question};

use crate::blocks::BlockOptions;
use crate::link::FormatName;
use crate::session::{Resolved, Session};

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
    /// Where to write a report of the linkage, as HTML
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Replace existing outputs
    #[arg(long)]
    force: bool,
    /// Format of the records, and of the outputs whose names do not tell
    #[arg(long, value_name = "FORMAT")]
    format: Option<FormatName>,
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
    let Resolved {
        identity,
        options,
        provider,
        ..
    } = &resolved;
    let rules = load_rules(&resolved.rules)?;
    let pairwise = Pairwise::of_rules(rules.forms(), arguments.threshold)?;
    check_slots(&pairwise, options.key_bits)?;
    let format = arguments.format.map(Format::from);
    let format_of = |path: &PathBuf| match Format::of(path) {
        Ok(format) => Ok(format),
        Err(error) => format.ok_or(error),
    };
    let pairs_format = format_of(&arguments.out)?;
    let card_format = arguments.card.as_ref().map(format_of).transpose()?;
    let (people, directory) =
        arguments
            .blocks
            .read_for_pairs(&arguments.data, format, &rules, &pairwise)?;
    if !quiet {
        people.remarks.iter().for_each(say);
    }
    // Now, because a whole linkage would be in vain if a result had no place.
    let create = |path: &PathBuf| Output::create(path, arguments.force);
    let output = create(&arguments.out)?;
    let card_output = arguments.card.as_ref().map(create).transpose()?;
    let report_output = arguments.report.as_ref().map(create).transpose()?;
    let digest = people.rules_digest;
    let terms = options.pair_terms(people.rules.clone(), digest, pairwise)?;
    let agreed = terms.clone();
    let bars = Bars::new(quiet);
    let counterparts = resolved.counterparts();
    let question = Question::Records(people.records, directory);
    let linking = querier::link(identity, &counterparts, terms, question, &bars);
    let linked = program::block_on(linking);
    bars.finish();
    let Linked { card, figures } = linked.context("starting the runtime")??;
    let summary = Summary::of(&card, &people.ids, &people.rules);
    if let Some(mut output) = report_output {
        let title = format!("{} at {}", arguments.data.display(), provider.name);
        let page = report(&title, &summary, &figures, &agreed).to_html();
        output.write_all(page.as_bytes())?;
        output.commit()?;
    }
    if let Some((output, format)) = card_output.zip(card_format) {
        write(&card, &people.ids, &people.rules, output, format)?;
    }
    let scored = arguments.threshold.is_some();
    write_pairs(&card, &people.ids, &rules, scored, output, pairs_format)?;
    summary.warnings().iter().for_each(say);
    if !quiet {
        say(format_args!("{} pairs match", card.pairs().len()));
        say(&summary);
        say(figures.times());
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
