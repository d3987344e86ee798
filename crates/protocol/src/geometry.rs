//! How a number of equal items is cut into chunks.

use crate::error::Error;
use crate::widths;

/// The largest payload of a chunk in bytes, head and seal aside.
// 512 bytes hold the head, the closing digest and the seal, so that no chunk exceeds a mebibyte.
pub(crate) const CHUNK_BYTES: usize = (1 << 20) - 512;

/// The most ciphertexts of a chunk.
const CHUNK_CIPHERTEXTS: usize = 1024;

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

    pub(crate) fn ciphertexts(items: u64, key_bits: usize) -> Self {
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
        Ok(widths::index(range.end - range.start))
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
