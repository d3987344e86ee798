//! A blocking by fields, and the blocks of it that a provider offers.

use std::sync::Arc;

use crate::codec::{Reader, Writer};
use crate::error::Error;

/// The longest block key in bytes.
pub(super) const LONGEST_KEY: usize = 1024;

/// A block of the provider's that queriers may name.
#[derive(Clone, PartialEq, Eq)]
pub struct OfferedCell {
    /// Its key: the fields' values.
    pub key: Vec<u8>,
    /// The class of the keys in it, canaries not included.
    pub keys: u64,
    /// The class of its records.
    pub records: u32,
}

/// A blocking by fields, and the blocks of it that a provider offers.
///
/// Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Blocking {
    name: Arc<str>,
    digest: [u8; 32],
    /// In ascending order of their keys.
    cells: Arc<[OfferedCell]>,
}

/// Block keys stay out of logs: only their classes are shown.
impl std::fmt::Debug for OfferedCell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OfferedCell")
            .field("keys", &self.keys)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

/// Block keys stay out of logs: only how many there are is shown.
impl std::fmt::Debug for Blocking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blocking")
            .field("cells", &self.cells.len())
            .finish_non_exhaustive()
    }
}

impl Blocking {
    /// The most blocks of a blocking.
    // Named in an offer by position and rows, all of them are 2 MiB.
    pub const MOST_CELLS: usize = 1 << 18;
    /// The records a block should hold at least unless somebody has a reason for less.
    pub const DEFAULT_LEAST: usize = 11;

    /// The longest name in bytes.
    pub const LONGEST_NAME: usize = 1024;

    /// Yields a blocking of these blocks, in any order, under the name that a querier may call it by.
    /// `digest` is of the rules together with the rules that yield the blocks.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] for too many blocks, [`Error::KeyNotJoinable`] for a key that is empty,
    /// occurs twice, has a NUL byte or more than 1024 bytes, or such a name.
    pub fn new(name: &str, digest: [u8; 32], mut cells: Vec<OfferedCell>) -> Result<Self, Error> {
        let (count, room) = (cells.len() as u64, Self::MOST_CELLS as u64);
        if count > room {
            return Err(Error::TooMany { count, room });
        }
        cells.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        let twice = cells.windows(2).any(|pair| pair[0].key == pair[1].key);
        let named = (1..=Self::LONGEST_NAME).contains(&name.len());
        if twice || !named || !cells.iter().all(|cell| is_block_key(&cell.key)) {
            return Err(Error::KeyNotJoinable);
        }
        Ok(Self {
            name: name.into(),
            digest,
            cells: cells.into(),
        })
    }

    /// Yields what the provider calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Yields the digest of rules and blocking, which a querier must have too.
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Yields the blocks, ascending.
    pub fn cells(&self) -> &[OfferedCell] {
        &self.cells
    }

    /// Yields the position of a block.
    pub fn find(&self, key: &[u8]) -> Option<u32> {
        let position = self.cells.binary_search_by(|cell| (*cell.key).cmp(key));
        u32::try_from(position.ok()?).ok()
    }

    /// Counts records by the positions of their blocks.
    pub fn count<'a>(&self, blocks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u64> {
        let mut counts = vec![0; self.cells.len()];
        for position in blocks.into_iter().filter_map(|block| self.find(block)) {
            counts[position as usize] += 1;
        }
        counts
    }

    pub(crate) fn encode(&self, out: &mut Writer) {
        out.bytes(self.name.as_bytes()).raw(&self.digest);
        out.u32(u32::try_from(self.cells.len()).expect("checked against the most blocks"));
        for cell in &*self.cells {
            out.bytes(&cell.key).u64(cell.keys).u32(cell.records);
        }
    }

    pub(crate) fn decode(input: &mut Reader<'_>) -> Result<Self, Error> {
        let (name, digest) = (input.text(Self::LONGEST_NAME)?, input.array()?);
        let count = input.u32()? as usize;
        if count > Self::MOST_CELLS {
            return Err(input.malformed());
        }
        let mut cells: Vec<OfferedCell> = Vec::new();
        for _ in 0..count {
            let cell = OfferedCell {
                key: input.bytes(LONGEST_KEY)?.to_vec(),
                keys: input.u64()?,
                records: input.u32()?,
            };
            if cells.last().is_some_and(|before| before.key >= cell.key) {
                return Err(input.malformed());
            }
            cells.push(cell);
        }
        Self::new(name, digest, cells).map_err(|_| input.malformed())
    }
}

fn is_block_key(key: &[u8]) -> bool {
    (1..=LONGEST_KEY).contains(&key.len()) && !key.contains(&0)
}
