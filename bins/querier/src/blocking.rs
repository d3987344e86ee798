use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, ensure};
use blindjoin_columnar::{
    Error, Format, Population, ReadOptions, Reader, Side, Signature, TakeSignatures, pipeline,
    today,
};
use blindjoin_protocol::BlockDirectory;
use blindjoin_record::RuleSet;
use blindjoin_record::blocking::{BlockKey, Blocks, Small};
use rand::CryptoRng;

/// How a linkage is cut into blocks, of which the provider learns which ones occur.
#[derive(Clone, Debug)]
pub struct Blocking {
    key: BlockKey,
    least: usize,
    small: Small,
}

/// Blocks of fields that take part, and how many records each holds.
#[derive(Clone, Debug, Default)]
pub struct NamedBlocks {
    pub(crate) keys: BTreeSet<String>,
    sizes: Vec<(String, u64)>,
    /// Records left out because their block is too small.
    pub suppressed: u64,
}

impl NamedBlocks {
    /// The block of a record that is looked up.
    pub fn of_one(block: &str) -> Self {
        Self {
            keys: BTreeSet::from([block.to_owned()]),
            sizes: vec![(block.to_owned(), 1)],
            suppressed: 0,
        }
    }
}

impl Blocking {
    /// Reads `hash:BITS` or a list of fields. Blocks of fewer than `least` records are refused, or
    /// left out if `suppress` says so.
    pub fn new(written: &str, rules: &RuleSet, least: u64, suppress: bool) -> anyhow::Result<Self> {
        let key = BlockKey::new(written, rules)?;
        ensure!(
            !(suppress && matches!(key, BlockKey::Fingerprint { .. })),
            "blocks of a hash cannot be left out; use fewer bits"
        );
        let small = if suppress {
            Small::Suppress
        } else {
            Small::Refuse
        };
        Ok(Self {
            key,
            least: usize::try_from(least)?,
            small,
        })
    }

    /// The rule set whose only rule yields the block of a record, in a blocking by fields.
    pub fn fields(&self) -> Option<&RuleSet> {
        match &self.key {
            BlockKey::Fields(fields) => Some(fields),
            BlockKey::Fingerprint { .. } => None,
        }
    }

    /// Counts the blocks of a table; nothing for blocks of a hash.
    ///
    /// # Errors
    ///
    /// What reading yields, and blocks that are too small where these are refused.
    pub fn count(
        &self,
        data: &Path,
        format: Option<Format>,
        rules: &RuleSet,
    ) -> anyhow::Result<Option<NamedBlocks>> {
        let Some(fields) = self.fields() else {
            return Ok(None);
        };
        ensure!(
            data != Path::new("-"),
            "blocking reads the records twice: they must be in a file"
        );
        let mut reader = Reader::open(data, ReadOptions::strict().with_format(format))?;
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
        let groups = count.blocks.group(self.least as u64, self.small)?;
        let kept = count
            .blocks
            .sizes()
            .filter(|(key, _)| groups.of(key).is_some());
        let sizes: Vec<(String, u64)> = kept.map(|(key, size)| (key.to_owned(), size)).collect();
        ensure!(
            !sizes.is_empty(),
            "no record is in a block of {} records or more",
            self.least
        );
        Ok(Some(NamedBlocks {
            keys: sizes.iter().map(|(key, _)| key.clone()).collect(),
            sizes,
            suppressed: groups.suppressed(),
        }))
    }

    /// What the provider will see: the keys of the blocks, or of the hash of every join key.
    ///
    /// # Errors
    ///
    /// A block that is too small.
    pub fn directory<'a>(
        &self,
        named: Option<&NamedBlocks>,
        join_keys: impl Iterator<Item = &'a [u8]>,
        rng: &mut impl CryptoRng,
    ) -> anyhow::Result<BlockDirectory> {
        Ok(match (&self.key, named) {
            (BlockKey::Fingerprint { bits }, _) => {
                BlockDirectory::of_hash(u8::try_from(*bits)?, join_keys, self.least, rng)?
            }
            (BlockKey::Fields(_), named) => {
                let sizes = named.into_iter().flat_map(|named| &named.sizes);
                let sizes = sizes.map(|(key, size)| {
                    (key.as_bytes(), usize::try_from(*size).unwrap_or(usize::MAX))
                });
                BlockDirectory::of_keys(sizes, self.least, rng)?
            }
        })
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
