//! In which blocks records are compared; shared by the commands that compare whole files.

use std::path::Path;

use anyhow::{Context, bail};
use blindjoin_columnar::Format;
use blindjoin_protocol::Pairwise;
use blindjoin_querier::{People, Records};
use blindjoin_record::RuleSet;
use blindjoin_record::blocking::{BlockKey, LEAST_BLOCK};
use blindjoin_service::querier::{Blocks, Cells};

/// In which blocks to compare.
#[derive(Debug, clap::Args)]
pub(crate) struct BlockOptions {
    /// Compare within blocks only, of those that the provider offers: a list of fields as in
    /// `blindjoin blocks`, or, but not for pairs, hash:BITS, of which the provider learns that many
    /// bits of a hash of every identifier
    #[arg(long, value_name = "KEY")]
    block: Option<String>,
    /// Which of the provider's blocks of fields to name; what is in others is not compared
    #[arg(long, value_enum, value_name = "WHICH", default_value_t = Which::All, requires = "block")]
    cells: Which,
    /// The least number of our records in a block of fields: with --cells ours smaller ones are not
    /// named, and in `pairs` they are shown as if they had so many
    #[arg(
        long,
        value_name = "K",
        default_value_t = LEAST_BLOCK,
        requires = "block",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    k_min: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    /// All that it offers: it learns nothing of where our records are
    All,
    /// Those that we have records in, which it learns: fewer comparisons
    Ours,
}

/// Records, and the blocks in which they are to be compared, if any.
pub(crate) struct InBlocks {
    pub(crate) people: People,
    pub(crate) blocks: Option<Blocks>,
}

impl BlockOptions {
    /// Reads a table of records whole.
    pub(crate) fn read(
        &self,
        data: &Path,
        format: Option<Format>,
        rules: &RuleSet,
    ) -> anyhow::Result<InBlocks> {
        let key = block_key(self.block.as_deref(), rules)?;
        let fields = key.as_ref().and_then(fields);
        Ok(InBlocks {
            people: People::read(data, format, rules, fields)?,
            blocks: match key {
                None => None,
                Some(BlockKey::Fields(_)) => Some(Blocks::Cells(self.cells(rules))),
                Some(BlockKey::Fingerprint { bits }) => Some(Blocks::Hashed(u8::try_from(bits)?)),
            },
        })
    }

    /// Reads a table of records whole for a comparison of pairs, which needs blocks of fields.
    pub(crate) fn read_for_pairs(
        &self,
        data: &Path,
        format: Option<Format>,
        rules: &RuleSet,
        pairwise: &Pairwise,
    ) -> anyhow::Result<(Records, Cells)> {
        let fields = match block_key(self.block.as_deref(), rules)? {
            None => bail!("pairs are compared within blocks: give --block"),
            Some(BlockKey::Fingerprint { .. }) => bail!("--block: pairs need a list of fields"),
            Some(BlockKey::Fields(fields)) => fields,
        };
        let records = Records::read(data, format, rules, pairwise, &fields)?;
        Ok((records, self.cells(rules)))
    }

    fn cells(&self, rules: &RuleSet) -> Cells {
        Cells {
            occurring: self.cells == Which::Ours,
            least: self.k_min,
            rules_digest: rules.digest(),
        }
    }
}

/// Reads what `--block` says.
pub(crate) fn block_key(
    written: Option<&str>,
    rules: &RuleSet,
) -> anyhow::Result<Option<BlockKey>> {
    let key = written.map(|written| BlockKey::new(written, rules));
    key.transpose().context("--block")
}

/// The rule set whose only rule yields the block of a record.
pub(crate) fn fields(key: &BlockKey) -> Option<&RuleSet> {
    match key {
        BlockKey::Fields(fields) => Some(fields),
        BlockKey::Fingerprint { .. } => None,
    }
}
