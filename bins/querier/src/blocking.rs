use std::path::Path;

use anyhow::{Context, ensure};
use blindjoin_columnar::{
    Error, Format, Population, Side, Signature, TakeSignatures, pipeline, today,
};
use blindjoin_protocol::{BlockDirectory, BlockRange};
use blindjoin_record::RuleSet;
use blindjoin_record::blocking::{BlockKey, Blocks, Group, Groups, Small};
use rand::CryptoRng;

use crate::people::open;

/// How a linkage is cut into blocks, of which the provider learns which ones occur.
#[derive(Clone, Debug)]
pub struct Blocking {
    key: BlockKey,
    least: usize,
    small: Small,
}

impl Blocking {
    /// Reads `hash:BITS` or a list of fields, and takes what is to become of blocks of fewer than
    /// `least` records.
    ///
    /// # Errors
    ///
    /// What the rules do not know; blocks of a hash that are to be merged or left out.
    pub fn new(written: &str, rules: &RuleSet, least: u64, small: Small) -> anyhow::Result<Self> {
        let key = BlockKey::new(written, rules).context("--block")?;
        ensure!(
            small == Small::Refuse || matches!(key, BlockKey::Fields(_)),
            "--small-blocks: blocks of a hash cannot be merged or left out; use fewer bits"
        );
        Ok(Self {
            key,
            least: usize::try_from(least)?,
            small,
        })
    }

    /// The least number of records in a block.
    pub fn least(&self) -> usize {
        self.least
    }

    /// The rule set whose only rule yields the block of a record, in a blocking by fields.
    pub fn fields(&self) -> Option<&RuleSet> {
        match &self.key {
            BlockKey::Fields(fields) => Some(fields),
            BlockKey::Fingerprint { .. } => None,
        }
    }

    /// Counts the blocks of a table, and deals with those that are too small; nothing for blocks of
    /// a hash.
    ///
    /// # Errors
    ///
    /// What reading yields, and blocks that are too small where these are refused.
    pub fn count(
        &self,
        data: &Path,
        format: Option<Format>,
        rules: &RuleSet,
    ) -> anyhow::Result<Option<Groups>> {
        let Some(fields) = self.fields() else {
            return Ok(None);
        };
        ensure!(
            data != Path::new("-"),
            "blocking reads the records twice: they must be in a file"
        );
        let (mut reader, _) = open(data, format)?;
        let name = || data.display().to_string();
        let binding = rules.bind(reader.columns(), today()).with_context(name)?;
        let blocks = fields.bind(reader.columns(), today()).with_context(name)?;
        let mut count = Count::default();
        let threads = pipeline::all_cores();
        let side = Side::Querier;
        Population::read(
            &mut reader,
            &binding,
            Some(&blocks),
            side,
            threads,
            &mut count,
            |_| (),
        )?;
        let groups = count
            .blocks
            .group(self.least as u64, self.small)
            .context("--block")?;
        ensure!(
            !groups.is_empty(),
            "no record is in a block of {} records or more",
            self.least
        );
        Ok(Some(groups))
    }

    /// What the provider will see: the keys of the blocks, of merged ones the first and the last, or
    /// prefixes of the hash of every join key.
    ///
    /// # Errors
    ///
    /// A block that is too small.
    pub fn directory<'a>(
        &self,
        groups: Option<&Groups>,
        join_keys: impl Iterator<Item = &'a [u8]>,
        rng: &mut impl CryptoRng,
    ) -> anyhow::Result<BlockDirectory> {
        Ok(match &self.key {
            BlockKey::Fingerprint { bits } => {
                let bits = u8::try_from(*bits)?;
                BlockDirectory::of_hash(bits, join_keys, self.least, rng).context("--block")?
            }
            BlockKey::Fields(_) => {
                let ranges = groups.into_iter().flat_map(Groups::iter).map(range);
                BlockDirectory::of_keys(ranges, self.least, rng).context("--block")?
            }
        })
    }

    /// What the provider will see where pairs are compared: the same, and how many records each range
    /// has, rounded up to a size class.
    ///
    /// # Errors
    ///
    /// A block that is too small.
    pub fn pair_directory(
        &self,
        groups: &Groups,
        rng: &mut impl CryptoRng,
    ) -> anyhow::Result<BlockDirectory> {
        BlockDirectory::of_pairwise(groups.iter().map(range), self.least, rng).context("--block")
    }
}

fn range(group: &Group) -> BlockRange<'_> {
    BlockRange {
        first: group.first.as_bytes(),
        last: group.last.as_bytes(),
        records: usize::try_from(group.records).unwrap_or(usize::MAX),
    }
}

/// Counts each record once.
#[derive(Default)]
struct Count {
    blocks: Blocks,
    counted: bool,
}

impl TakeSignatures for Count {
    type Error = Error;

    fn row(&mut self, _row: u32) -> Result<(), Error> {
        self.counted = false;
        Ok(())
    }

    fn signature(&mut self, signature: Signature<'_>) -> Result<(), Error> {
        if !self.counted {
            self.blocks.add(signature.block);
            self.counted = true;
        }
        Ok(())
    }
}
