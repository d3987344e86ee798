//! Every count and length of a session, from its manifest alone.

mod class;

pub use class::{
    CANARY_ROOM, CellRule, block_class, bound, class_noise, most_hash_bits, published_class,
    shard_bits, size_class,
};

use crate::codec::{Reader, Writer};
use crate::ways;
use crate::{Error, Mode, Terms, number};

/// The largest payload of a chunk in bytes, head and seal aside.
const CHUNK_BYTES: usize = (1 << 20) - 512;

/// The most ciphertexts of a chunk.
const CHUNK_CIPHERTEXTS: usize = 1024;

/// The most keys, rows or pairs of a side: places, jobs and slots are then numbered in 32 bits.
const MOST: u64 = u32::MAX as u64 / 8;

/// How a number of equal items is cut into chunks.
///
/// # Source
///
/// `spec/protocol.md`, §3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    items: u64,
    item_bytes: usize,
    per_chunk: usize,
}

impl Geometry {
    pub(crate) fn new(items: u64, item_bytes: usize, per_chunk: usize) -> Self {
        Self {
            items,
            item_bytes,
            per_chunk,
        }
    }

    fn ciphertexts(items: u64, key_bits: usize) -> Self {
        let item_bytes = key_bits / 4;
        // Whole lane groups of eight, so that only the last chunk has a ragged end.
        let per_chunk = (CHUNK_BYTES / item_bytes).min(CHUNK_CIPHERTEXTS) & !7;
        Self::new(items, item_bytes, per_chunk)
    }

    /// Yields the number of items in the whole stream.
    pub fn items(self) -> u64 {
        self.items
    }

    /// Yields the bytes of one item.
    pub fn item_bytes(self) -> usize {
        self.item_bytes
    }

    /// Yields the items of every chunk but the last.
    pub fn per_chunk(self) -> usize {
        self.per_chunk
    }

    /// Yields the number of chunks, at least 1.
    pub fn chunks(self) -> u64 {
        self.items.div_ceil(self.per_chunk as u64).max(1)
    }

    /// Yields the items of one chunk, by their numbers in the stream.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchBatch`].
    pub fn range(self, chunk: u64) -> Result<std::ops::Range<u64>, Error> {
        if chunk >= self.chunks() {
            return Err(Error::NoSuchBatch {
                number: chunk,
                batches: self.chunks(),
            });
        }
        let start = chunk * self.per_chunk as u64;
        Ok(start..self.items.min(start + self.per_chunk as u64))
    }

    /// Yields the number of items in one chunk.
    pub(crate) fn items_in(self, chunk: u64) -> Result<usize, Error> {
        let range = self.range(chunk)?;
        Ok(number::index(range.end - range.start))
    }
}

/// The counts and lengths of one session.
///
/// Everything that an observer of the network or a party counts is here, and nothing here depends
/// on a record.
///
/// # Source
///
/// `spec/protocol.md`, §5.4, §6.1, §6.2, §6.4, §6.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    table: Geometry,
    comparisons: Geometry,
    slots: usize,
    keys: u64,
}

/// What the classes of both sides come to: numbers that stand in the manifest, so that all parties
/// work with the same ones.
///
/// # Source
///
/// `spec/protocol.md`, §15, §20.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The bits of a shard's number; 0, which is one shard, so far.
    pub shard_bits: u8,
    /// The keys of the querier's that a shard has room for.
    pub shard_querier: u64,
    /// The keys and dummies of the provider's that a shard has room for.
    pub shard_provider: u64,
    /// The bins in a half, or the places in a third, of a shard's table; 0 where it has entries.
    pub bins: u32,
    /// The dense places of a shard's table.
    pub dense: u32,
}

impl Plan {
    /// Computes the plan for the classes of both sides.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestContradiction`] when they are beyond 32 bits.
    pub fn of(terms: &Terms, querier: u64, provider: u64) -> Result<Self, Error> {
        let refuse = |reason| Error::ManifestContradiction { reason };
        if querier > MOST || provider > MOST {
            return Err(refuse("more records than 32 bits can number"));
        }
        let dummies = 2 * terms.dummies.map_or(0, |dummies| u64::from(dummies.mean()));
        let shard_bits = 0;
        let shard_querier = bound(querier, shard_bits);
        let (bins, dense) = ways::table(terms, shard_querier)?;
        Ok(Self {
            shard_bits,
            shard_querier,
            shard_provider: bound(provider + dummies, shard_bits),
            bins,
            dense,
        })
    }

    /// Checks a plan against the own one. The formula of the bins rounds a real number: others may
    /// find one bin more or less.
    fn check(&self, terms: &Terms, querier: u64, provider: u64) -> Result<(), Error> {
        let own = Self::of(terms, querier, provider)?;
        let near = self.bins.abs_diff(own.bins) <= 1 && (self.bins == 0) == (own.bins == 0);
        let same = Self {
            bins: own.bins,
            ..*self
        };
        if near && same == own {
            Ok(())
        } else {
            Err(Error::ManifestContradiction {
                reason: "sizes that do not follow from the classes",
            })
        }
    }

    pub(crate) fn encode(&self, out: &mut Writer) {
        out.u8(self.shard_bits)
            .u64(self.shard_querier)
            .u64(self.shard_provider)
            .u32(self.bins)
            .u32(self.dense);
    }

    pub(crate) fn decode(input: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            shard_bits: input.u8()?,
            shard_querier: input.u64()?,
            shard_provider: input.u64()?,
            bins: input.u32()?,
            dense: input.u32()?,
        })
    }
}

impl Sizes {
    /// Computes the sizes that terms, the classes of both sides and a plan determine.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestContradiction`] when a size is not a size class, or beyond 32 bits, or not
    /// what follows from the others.
    pub fn new(terms: &Terms, querier: u64, provider: u64, plan: &Plan) -> Result<Self, Error> {
        let refuse = |reason| Error::ManifestContradiction { reason };
        plan.check(terms, querier, provider)?;
        let key_bits = terms.key_size.bits();
        let querier_fits = match terms.mode {
            Mode::Lookup => querier == terms.lookup_entries(),
            Mode::Join { .. } | Mode::Pairwise(_) => querier == size_class(querier),
        };
        if !querier_fits {
            return Err(refuse("a size that is not a size class"));
        }
        if querier.min(provider) < u64::from(terms.canaries) {
            return Err(refuse("more canaries than keys"));
        }
        let counts = ways::counts(terms, querier, plan);
        Ok(Self {
            table: Geometry::ciphertexts(counts.places, key_bits),
            comparisons: Geometry::ciphertexts(counts.ciphertexts, key_bits),
            slots: number::index(counts.slots),
            keys: provider,
        })
    }

    /// Yields how the querier's table is cut into chunks.
    pub fn table(&self) -> Geometry {
        self.table
    }

    /// Yields how the stream of comparisons is cut into chunks.
    pub fn comparisons(&self) -> Geometry {
        self.comparisons
    }

    /// Yields the number of ciphertexts in the table: the identifiers a querier could test.
    pub fn table_entries(&self) -> u64 {
        self.table.items
    }

    /// Yields the number of ciphertexts in the stream of comparisons.
    pub fn comparison_ciphertexts(&self) -> u64 {
        self.comparisons.items
    }

    /// Yields the comparisons packed into one ciphertext of the stream.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Yields the number of positions: ciphertexts times slots.
    pub fn positions(&self) -> u64 {
        self.comparisons.items * self.slots as u64
    }

    /// Yields the keys (or pairs) the provider's side has room for, canaries included.
    pub fn provider_keys(&self) -> u64 {
        self.keys
    }

    /// Yields how the key holder's result is cut into chunks: a word for each position where it is
    /// blind, and otherwise an entry for each match that may be let out, whether or not there are as
    /// many. Its length tells nobody how many match.
    pub(crate) fn result(&self, terms: &Terms) -> Geometry {
        let suite = terms.suite();
        let (items, item_bytes) = if terms.blind {
            (self.positions(), suite.residue_bytes())
        } else {
            let most = terms.match_cap.min(self.positions());
            (most, 8 + suite.label_bytes())
        };
        Geometry::new(items, item_bytes, CHUNK_BYTES / item_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_stay_below_a_mebibyte_and_cover_everything() {
        for key_bits in [512, 2048, 3072, 4096] {
            let geometry = Geometry::ciphertexts(5000, key_bits);
            assert!(geometry.per_chunk() * geometry.item_bytes() <= CHUNK_BYTES);
            let covered: u64 = (0..geometry.chunks())
                .map(|i| geometry.items_in(i).unwrap() as u64)
                .sum();
            assert_eq!(covered, 5000);
            assert!(geometry.range(geometry.chunks()).is_err());
        }
    }
}
