//! In which blocks records are compared; shared by the commands that compare whole files.

use anyhow::Context;
use blindjoin_columnar::Reader;
use blindjoin_querier::{People, Rules};
use blindjoin_record::RuleSet;
use blindjoin_record::blocking::{BlockKey, LEAST_BLOCK};
use blindjoin_service::querier::{Blocks, Cells};
use blindjoin_terminal::{Usage, whole};

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
        value_parser = whole(1..=u64::MAX)
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

/// In which blocks to compare, as the rules read it.
pub(crate) struct Blocking {
    key: Option<BlockKey>,
    cells: Cells,
}

/// Records, and the blocks in which they are to be compared, if any.
pub(crate) struct InBlocks {
    pub(crate) people: People,
    pub(crate) blocks: Option<Blocks>,
}

impl BlockOptions {
    /// Reads the options by the rules that were agreed on.
    pub(crate) fn resolve(&self, rules: &Rules) -> anyhow::Result<Blocking> {
        let agreed = rules.agreed();
        Ok(Blocking {
            key: block_key(self.block.as_deref(), agreed)?,
            cells: self.cells(agreed),
        })
    }

    fn cells(&self, rules: &RuleSet) -> Cells {
        Cells {
            occurring: self.cells == Which::Ours,
            least: self.k_min,
            rules_digest: rules.digest(),
        }
    }
}

impl Blocking {
    /// Reads a table of records whole.
    pub(crate) fn read(
        &self,
        reader: Reader,
        rules: &Rules,
        allow_empty: bool,
    ) -> anyhow::Result<InBlocks> {
        let fields = self.key.as_ref().and_then(fields);
        Ok(InBlocks {
            people: People::read(reader, rules, fields, allow_empty)?,
            blocks: match &self.key {
                None => None,
                Some(BlockKey::Fields(_)) => Some(Blocks::Cells(self.cells)),
                Some(BlockKey::Fingerprint { bits }) => Some(Blocks::Hashed(u8::try_from(*bits)?)),
            },
        })
    }

    /// The fields of the blocks, and which of these, for a comparison of pairs, which needs some.
    pub(crate) fn for_pairs(&self) -> Result<(&RuleSet, Cells), Usage> {
        match &self.key {
            None => Err(Usage::new(
                "pairs are compared within blocks: give --block FIELDS, of those that the provider offers",
            )),
            Some(BlockKey::Fingerprint { .. }) => Err(Usage::new(
                "--block hash:BITS is not for pairs: give a list of fields",
            )),
            Some(BlockKey::Fields(fields)) => Ok((fields, self.cells)),
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
