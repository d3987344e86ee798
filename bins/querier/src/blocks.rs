//! In which blocks records are compared; shared by the commands that compare whole files.

use anyhow::Context;
use blindjoin_columnar::Reader;
use blindjoin_linkage::Rules;
use blindjoin_linkage::blocking::{BlockKey, LEAST_BLOCK};
use blindjoin_protocol::input::QuerierKeys;
use blindjoin_querier::People;
use blindjoin_record::RuleSet;
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
    pub(crate) people: People<QuerierKeys>,
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

    /// What was asked for, to compare with what another run was asked for.
    pub(crate) fn described(&self) -> Option<String> {
        let block = self.block.as_ref()?;
        Some(format!("{block}, {:?}, {}", self.cells, self.k_min))
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
        let fields = self.key.as_ref().and_then(BlockKey::fields);
        Ok(InBlocks {
            people: People::read(reader, rules, fields, allow_empty)?,
            blocks: self.key.as_ref().map(|key| asked(key, self.cells)),
        })
    }

    /// The fields of the blocks, and which of these, for a comparison of pairs, which needs some.
    pub(crate) fn for_pairs(&self) -> Result<(&RuleSet, Cells), Usage> {
        match &self.key {
            None => Err(Usage::new(
                "pairs are compared within blocks: give --block FIELDS, of those that the provider offers",
            )),
            Some(BlockKey::Hash { .. }) => Err(Usage::new(
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

/// The blocks that keys are looked for in; `cells` says which, where they are of fields.
pub(crate) fn asked(key: &BlockKey, cells: Cells) -> Blocks {
    match key {
        BlockKey::Fields(_) => Blocks::Cells(cells),
        BlockKey::Hash { bits } => Blocks::Hashed(*bits),
    }
}
