//! Every count and length of a session, from its manifest alone.

use blindjoin_cuckoo::Parameters;

use crate::okvs::Shape;
use crate::{Error, Manifest, Mode, TableKind, number};

/// The largest payload of a chunk in bytes, head and seal aside.
const CHUNK_BYTES: usize = (1 << 20) - 512;

/// The most ciphertexts of a chunk.
const CHUNK_CIPHERTEXTS: usize = 1024;

/// Rounds a size up to its class: 4, 5, 6 or 7 times a power of two, at least 64.
///
/// The parties reveal classes, never sizes.
pub fn size_class(size: u64) -> u64 {
    let size = size.max(64);
    let shift = size.ilog2() - 2;
    size.div_ceil(1 << shift) << shift
}

/// How a number of equal items is cut into chunks.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    table: Geometry,
    comparisons: Geometry,
    slots: usize,
    keys: u64,
    table_shape: TableShape,
}

/// The layout of the querier's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableShape {
    Cuckoo(Parameters),
    Okvs(Shape),
    Entries(u64),
}

impl Sizes {
    /// Computes the sizes that a manifest determines.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestContradiction`] when a size is not a size class, or beyond 32 bits.
    pub fn of(manifest: &Manifest) -> Result<Self, Error> {
        let refuse = |reason| Error::ManifestContradiction { reason };
        let terms = &manifest.terms;
        let (querier, provider) = (manifest.querier_size, manifest.provider_size);
        let key_bits = terms.key_size.bits();
        let suite = terms.suite();
        let canaries = u64::from(terms.canaries);
        if querier > u64::from(u32::MAX) / 8 || provider > u64::from(u32::MAX) / 8 {
            return Err(refuse("more records than 32 bits can number"));
        }
        let lookup_entries = terms.rules.len() as u64 + canaries;
        let querier_fits = match terms.mode {
            Mode::Lookup => querier == lookup_entries,
            Mode::Join { .. } | Mode::Pairwise(_) => querier == size_class(querier),
        };
        if !querier_fits || provider != size_class(provider) {
            return Err(refuse("a size that is not a size class"));
        }
        if matches!(terms.mode, Mode::Pairwise(_)) && manifest.blocks.is_none() {
            return Err(refuse("pairs without blocks"));
        }
        if matches!(terms.mode, Mode::Join { .. }) && querier.min(provider) < canaries {
            return Err(refuse("more canaries than keys"));
        }
        let table_shape = match &terms.mode {
            Mode::Join {
                table: TableKind::Cuckoo,
            } => TableShape::Cuckoo(
                Parameters::for_size(querier).map_err(|_| refuse("a table beyond 32 bits"))?,
            ),
            Mode::Join {
                table: TableKind::Okvs,
            } => TableShape::Okvs(Shape::for_size(querier)),
            Mode::Lookup => TableShape::Entries(querier),
            Mode::Pairwise(pairwise) => TableShape::Entries(querier * u64::from(pairwise.parts)),
        };
        let entries = match table_shape {
            TableShape::Cuckoo(parameters) => u64::from(parameters.bins()),
            TableShape::Okvs(shape) => shape.places(),
            TableShape::Entries(entries) => entries,
        };
        let dummies = 2 * terms.dummies.map_or(0, |dummies| u64::from(dummies.mean()));
        let (jobs, slots) = match &terms.mode {
            Mode::Join {
                table: TableKind::Cuckoo,
            } => (2 * provider + dummies, 1),
            Mode::Join {
                table: TableKind::Okvs,
            } => (provider + dummies, 1),
            Mode::Lookup => {
                let slots = suite.slots_below_modulus(key_bits) as u64;
                let jobs = provider + dummies;
                (
                    (jobs + (slots - 1) * entries.min(jobs)).div_ceil(slots),
                    slots,
                )
            }
            Mode::Pairwise(pairwise) => (provider, pairwise.slots().len() as u64),
        };
        Ok(Self {
            table: Geometry::ciphertexts(entries, key_bits),
            comparisons: Geometry::ciphertexts(jobs, key_bits),
            slots: number::index(slots),
            keys: provider,
            table_shape,
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

    pub(crate) fn table_shape(&self) -> TableShape {
        self.table_shape
    }

    /// Yields how the blind key holder's answer is cut into chunks: one value for each position.
    pub(crate) fn blind_result(&self, residue_bytes: usize) -> Geometry {
        Geometry::new(self.positions(), residue_bytes, CHUNK_BYTES / residue_bytes)
    }

    /// Yields how a result of `entries` entries, already padded, is cut into chunks.
    pub(crate) fn result(entries: u64, label_bytes: usize) -> Geometry {
        Geometry::new(entries, 8 + label_bytes, CHUNK_BYTES / (8 + label_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_have_two_bits_after_the_first() {
        let classes: Vec<u64> = (0..12)
            .scan(0, |last, _| {
                *last = size_class(*last + 1);
                Some(*last)
            })
            .collect();
        assert_eq!(
            classes,
            [64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448]
        );
        assert_eq!(size_class(1_000_000), 1 << 20);
        assert_eq!(size_class(10_000_000), 10_485_760);
    }

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
