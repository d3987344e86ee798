//! Blocking: which part of its records a querier shows the provider the place of.

use rand::CryptoRng;
use sha2::{Digest as _, Sha256};

use crate::codec::{Reader, Writer};
use crate::{Error, size_class};

/// The longest block key in bytes.
const LONGEST_KEY: usize = 1024;
/// The most blocks in a directory.
const MOST_BLOCKS: usize = 1 << 20;

/// The block keys that a querier reveals to a provider, and to nobody else.
///
/// The provider compares only its records in these blocks. In a join or lookup the directory says
/// *which* blocks occur and nothing about their sizes; in a pairwise linkage it also holds each
/// block's number of rows, rounded up to a size class. The manifest holds a salted digest, from
/// which the key holder learns nothing.
///
/// Blocking trades privacy for work: a count hides among the records of its block, but *that* a
/// year or a state occurs is not hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockDirectory {
    salt: [u8; 32],
    hash_bits: Option<u8>,
    /// Ascending keys with their padded number of rows, 0 outside a pairwise linkage.
    blocks: Vec<(Vec<u8>, u32)>,
}

impl BlockDirectory {
    /// The records a block should hold at least unless somebody has a reason for less.
    pub const DEFAULT_LEAST: usize = 11;

    /// Yields a directory of named blocks for a join or a lookup: `blocks` are keys and sizes.
    ///
    /// # Errors
    ///
    /// [`Error::BlockTooSmall`] when a block holds fewer than `least` records: merge or leave out.
    /// [`Error::TooMany`] beyond a million blocks.
    pub fn of_keys<'a>(
        blocks: impl IntoIterator<Item = (&'a [u8], usize)>,
        least: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let merged = merge(blocks.into_iter().map(|(key, size)| (key.to_vec(), size)));
        check_sizes(&merged, least)?;
        Self::new(
            None,
            merged.into_iter().map(|(key, _)| (key, 0)).collect(),
            salt(rng),
        )
    }

    /// Yields a directory for a pairwise linkage, which shows the size class of every block.
    ///
    /// # Errors
    ///
    /// As for [`of_keys`](Self::of_keys).
    pub fn of_pairwise<'a>(
        blocks: impl IntoIterator<Item = (&'a [u8], usize)>,
        least: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let merged = merge(blocks.into_iter().map(|(key, size)| (key.to_vec(), size)));
        check_sizes(&merged, least)?;
        let padded = |size| u32::try_from(block_class(size as u64)).unwrap_or(u32::MAX);
        let blocks = merged
            .into_iter()
            .map(|(key, size)| (key, padded(size)))
            .collect();
        Self::new(None, blocks, salt(rng))
    }

    /// Yields a directory of the first `bits` bits of a hash of every join key, salted afresh.
    ///
    /// # Errors
    ///
    /// As for [`of_keys`](Self::of_keys).
    ///
    /// # Panics
    ///
    /// If `bits` is not in `1..=32`.
    pub fn of_hash<'a>(
        bits: u8,
        join_keys: impl IntoIterator<Item = &'a [u8]>,
        least: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        assert!((1..=32).contains(&bits), "a hash block has 1 to 32 bits");
        let salt = salt(rng);
        let merged = merge(
            join_keys
                .into_iter()
                .map(|key| (prefix(&salt, bits, key), 1)),
        );
        check_sizes(&merged, least)?;
        Self::new(
            Some(bits),
            merged.into_iter().map(|(key, _)| (key, 0)).collect(),
            salt,
        )
    }

    fn new(
        hash_bits: Option<u8>,
        blocks: Vec<(Vec<u8>, u32)>,
        salt: [u8; 32],
    ) -> Result<Self, Error> {
        if blocks.len() > MOST_BLOCKS {
            return Err(Error::TooMany {
                count: blocks.len() as u64,
                room: MOST_BLOCKS as u64,
            });
        }
        if blocks
            .iter()
            .any(|(key, _)| key.len() > LONGEST_KEY || (hash_bits.is_none() && key.contains(&0)))
        {
            return Err(Error::KeyNotJoinable);
        }
        Ok(Self {
            salt,
            hash_bits,
            blocks,
        })
    }

    /// Says whether blocks are prefixes of a hash of the join key, not keys of their own.
    pub fn is_hashed(&self) -> bool {
        self.hash_bits.is_some()
    }

    /// Says whether a record is compared: its block key occurs, or its join key's hash prefix does.
    ///
    /// `key` is the record's block key in a directory of named blocks, and its join key in a
    /// [hashed](Self::is_hashed) one.
    pub fn admits(&self, key: &[u8]) -> bool {
        match self.hash_bits {
            None => self.find(key).is_some(),
            Some(bits) => self.find(&prefix(&self.salt, bits, key)).is_some(),
        }
    }

    /// Checks, at the provider, that no block of the directory holds a few of its records only.
    ///
    /// `keys` are what [`admits`](Self::admits) takes, one for each record (or join key). Blocks
    /// without any record pass: in them nobody is compared.
    ///
    /// # Errors
    ///
    /// [`Error::BlockTooSmall`].
    pub fn check_sizes<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a [u8]>,
        least: usize,
    ) -> Result<(), Error> {
        let mut sizes = vec![0_usize; self.blocks.len()];
        for key in keys {
            let block = match self.hash_bits {
                None => self.find(key),
                Some(bits) => self.find(&prefix(&self.salt, bits, key)),
            };
            if let Some(block) = block {
                sizes[block] += 1;
            }
        }
        let small = || {
            sizes
                .iter()
                .copied()
                .filter(|&size| size > 0 && size < least)
        };
        match small().min() {
            Some(smallest) => Err(Error::BlockTooSmall {
                blocks: small().count(),
                smallest,
                least,
            }),
            None => Ok(()),
        }
    }

    /// Yields the number of blocks.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Says whether there are no blocks.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Yields the block keys, ascending, with the padded number of rows of the querier's.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], u32)> {
        self.blocks
            .iter()
            .map(|(key, rows)| (key.as_slice(), *rows))
    }

    /// Yields the total of padded rows: the querier's size in a pairwise linkage.
    pub fn padded_rows(&self) -> u64 {
        self.blocks.iter().map(|(_, rows)| u64::from(*rows)).sum()
    }

    /// Yields the salted digest that stands in the manifest.
    pub fn digest(&self) -> [u8; 32] {
        let mut out = Writer::new();
        self.encode(&mut out);
        Sha256::digest(out.finish()).into()
    }

    /// Yields the position of a named block.
    pub(crate) fn find(&self, key: &[u8]) -> Option<usize> {
        self.blocks
            .binary_search_by(|(candidate, _)| candidate.as_slice().cmp(key))
            .ok()
    }

    pub(crate) fn encode(&self, out: &mut Writer) {
        out.raw(&self.salt).u8(self.hash_bits.unwrap_or(0));
        out.u32(u32::try_from(self.blocks.len()).expect("at most a million blocks"));
        for (key, rows) in &self.blocks {
            out.bytes(key).u32(*rows);
        }
    }

    pub(crate) fn decode(input: &mut Reader<'_>) -> Result<Self, Error> {
        let salt = input.array()?;
        let hash_bits = Some(input.u8()?).filter(|&bits| bits > 0);
        let count = input.u32()? as usize;
        if count > MOST_BLOCKS || hash_bits.is_some_and(|bits| bits > 32) {
            return Err(input.malformed());
        }
        let mut blocks: Vec<(Vec<u8>, u32)> = Vec::new();
        for _ in 0..count {
            let key = input.bytes(LONGEST_KEY)?.to_vec();
            if blocks.last().is_some_and(|(last, _)| *last >= key) {
                return Err(input.malformed());
            }
            blocks.push((key, input.u32()?));
        }
        Self::new(hash_bits, blocks, salt)
    }
}

/// The size class of one block: as [`size_class`], but from 4 records on.
pub fn block_class(size: u64) -> u64 {
    if size <= 8 {
        size.max(4)
    } else {
        size_class(size * 8).div_ceil(8)
    }
}

fn salt(rng: &mut impl CryptoRng) -> [u8; 32] {
    let mut salt = [0; 32];
    rng.fill_bytes(&mut salt);
    salt
}

/// The first `bits` bits of the salted hash of a join key, as four bytes.
fn prefix(salt: &[u8; 32], bits: u8, join_key: &[u8]) -> Vec<u8> {
    let digest = Sha256::new()
        .chain_update(b"block")
        .chain_update(salt)
        .chain_update(join_key)
        .finalize();
    let head = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    (head >> (32 - u32::from(bits))).to_be_bytes().to_vec()
}

fn merge(blocks: impl Iterator<Item = (Vec<u8>, usize)>) -> Vec<(Vec<u8>, usize)> {
    let mut blocks: Vec<_> = blocks.collect();
    blocks.sort_unstable();
    blocks.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    blocks
}

fn check_sizes(blocks: &[(Vec<u8>, usize)], least: usize) -> Result<(), Error> {
    let small = || {
        blocks
            .iter()
            .map(|(_, size)| *size)
            .filter(|&size| size < least)
    };
    match small().min() {
        Some(smallest) => Err(Error::BlockTooSmall {
            blocks: small().count(),
            smallest,
            least,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    #[test]
    fn small_blocks_are_refused_and_equal_keys_merged() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let blocks: [(&[u8], usize); 3] = [(b"1980", 6), (b"1975", 11), (b"1980", 5)];
        let directory = BlockDirectory::of_keys(blocks, 11, &mut rng).unwrap();
        assert_eq!(
            directory.iter().collect::<Vec<_>>(),
            [(&b"1975"[..], 0), (&b"1980"[..], 0)]
        );
        assert!(directory.admits(b"1980") && !directory.admits(b"1981"));
        let theirs = |n: usize| std::iter::repeat_n(&b"1975"[..], n).chain([&b"1999"[..]]);
        assert_eq!(directory.check_sizes(theirs(3), 3), Ok(()));
        let refused = directory.check_sizes(theirs(2), 3);
        assert_eq!(
            refused,
            Err(Error::BlockTooSmall {
                blocks: 1,
                smallest: 2,
                least: 3
            })
        );
        let refused = BlockDirectory::of_keys(blocks, 12, &mut rng);
        assert_eq!(
            refused,
            Err(Error::BlockTooSmall {
                blocks: 2,
                smallest: 11,
                least: 12
            })
        );
    }

    #[test]
    fn hashed_blocks_admit_their_own_keys() {
        let mut rng = ChaCha20Rng::from_seed([2; 32]);
        let keys: Vec<Vec<u8>> = (0..20_u8).map(|i| vec![b'k', i + 1]).collect();
        let directory =
            BlockDirectory::of_hash(16, keys.iter().map(Vec::as_slice), 0, &mut rng).unwrap();
        assert!(keys.iter().all(|key| directory.admits(key)));
        let others = (0..200_u8)
            .filter(|&i| directory.admits(&[b'x', i]))
            .count();
        assert!(
            others < 3,
            "{others} of 200 foreign keys in 20 of 65 536 blocks"
        );
    }

    #[test]
    fn directories_survive_the_wire_and_pairwise_ones_show_classes() {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        let blocks: [(&[u8], usize); 2] = [(b"a", 3), (b"b", 17)];
        let directory = BlockDirectory::of_pairwise(blocks, 0, &mut rng).unwrap();
        assert_eq!(directory.padded_rows(), 4 + 20);
        let mut out = Writer::new();
        directory.encode(&mut out);
        let bytes = out.finish();
        let mut input = Reader::new(&bytes, "directory");
        assert_eq!(BlockDirectory::decode(&mut input).unwrap(), directory);
        input.finish().unwrap();
    }
}
