//! Blocking: which part of its records a querier shows the provider the place of.

use std::ops::RangeInclusive;

use rand::CryptoRng;
use sha2::{Digest as _, Sha256};

use crate::codec::Writer;
use crate::{Error, size_class};

mod encoding;

/// The longest block key in bytes.
const LONGEST_KEY: usize = 1024;
/// The most ranges in a directory.
const MOST_RANGES: usize = 1 << 20;

/// The block keys that a querier reveals to a provider, and to nobody else.
///
/// The directory names [ranges](BlockRange) of keys: a block by itself, or the first and the last of
/// several that were too small and merged. The provider compares its records in these ranges and no
/// others. In a join or lookup the directory says *which* blocks occur and nothing about their
/// sizes, and records still match within the same block only; in a pairwise linkage it also holds
/// each range's number of rows, rounded up to a size class, and all pairs inside a range are
/// compared. The manifest holds a salted digest, from which the key holder learns nothing.
///
/// Blocking trades privacy for work: a count hides among the records of its range, but *that* a
/// year or a state occurs is not hidden. Of merged blocks the provider learns the first and the last
/// key and nothing of those between: the directory is the same whether or not they occur.
#[derive(Clone, PartialEq, Eq)]
pub struct BlockDirectory {
    salt: [u8; 32],
    hash_bits: Option<u8>,
    /// In ascending order, apart from each other.
    ranges: Vec<Range>,
}

/// A block, or all blocks from a first to a last key in byte order, and how many records there are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BlockRange<'a> {
    /// The first key.
    pub first: &'a [u8],
    /// The last key; the first where the block stands by itself.
    pub last: &'a [u8],
    /// The records in the range.
    pub records: usize,
}

/// A range with its padded number of rows, 0 outside a pairwise linkage.
#[derive(Clone, PartialEq, Eq)]
struct Range {
    first: Vec<u8>,
    last: Vec<u8>,
    rows: u32,
}

/// Block keys stay out of logs: only how many there are is shown.
impl std::fmt::Debug for BlockDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockDirectory")
            .field("ranges", &self.ranges.len())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for BlockRange<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockRange")
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

impl<'a> From<(&'a [u8], usize)> for BlockRange<'a> {
    /// A block by itself: its key and its number of records.
    fn from((key, records): (&'a [u8], usize)) -> Self {
        Self {
            first: key,
            last: key,
            records,
        }
    }
}

impl BlockDirectory {
    /// The records a block should hold at least unless somebody has a reason for less.
    pub const DEFAULT_LEAST: usize = 11;

    /// Yields a directory of named blocks for a join or a lookup.
    ///
    /// Ranges that share a key are united, and their records added: blocks may be given one by one,
    /// records may be given as blocks of one.
    ///
    /// # Errors
    ///
    /// [`Error::BlockTooSmall`] when a range holds fewer than `least` records: merge or leave out.
    /// [`Error::TooMany`] beyond a million ranges. [`Error::KeyNotJoinable`] for a key with a NUL
    /// byte or above 1024 bytes.
    ///
    /// # Panics
    ///
    /// If a range ends before it begins.
    pub fn of_keys<'a, R: Into<BlockRange<'a>>>(
        ranges: impl IntoIterator<Item = R>,
        least: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let united = unite(ranges);
        check_sizes(united.iter().map(|range| range.records), least)?;
        let ranges = united.iter().map(|range| Range::new(range, 0)).collect();
        Self::new(None, ranges, salt(rng))
    }

    /// Yields a directory for a pairwise linkage, which shows the size class of every range.
    ///
    /// # Errors
    ///
    /// As for [`of_keys`](Self::of_keys).
    ///
    /// # Panics
    ///
    /// As for [`of_keys`](Self::of_keys).
    pub fn of_pairwise<'a, R: Into<BlockRange<'a>>>(
        ranges: impl IntoIterator<Item = R>,
        least: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let united = unite(ranges);
        check_sizes(united.iter().map(|range| range.records), least)?;
        let padded = |size| u32::try_from(block_class(size as u64)).unwrap_or(u32::MAX);
        let ranges = united
            .iter()
            .map(|range| Range::new(range, padded(range.records)))
            .collect();
        Self::new(None, ranges, salt(rng))
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
        let keys = join_keys.into_iter();
        let prefixes: Vec<_> = keys.map(|key| prefix(&salt, bits, key)).collect();
        let united = unite(prefixes.iter().map(|prefix| (prefix.as_slice(), 1)));
        check_sizes(united.iter().map(|range| range.records), least)?;
        let ranges = united.iter().map(|range| Range::new(range, 0)).collect();
        Self::new(Some(bits), ranges, salt)
    }

    fn new(hash_bits: Option<u8>, ranges: Vec<Range>, salt: [u8; 32]) -> Result<Self, Error> {
        if ranges.len() > MOST_RANGES {
            return Err(Error::TooMany {
                count: ranges.len() as u64,
                room: MOST_RANGES as u64,
            });
        }
        if hash_bits.is_none() && !ranges.iter().all(Range::is_named) {
            return Err(Error::KeyNotJoinable);
        }
        Ok(Self {
            salt,
            hash_bits,
            ranges,
        })
    }

    /// Says whether blocks are prefixes of a hash of the join key, not keys of their own.
    pub fn is_hashed(&self) -> bool {
        self.hash_bits.is_some()
    }

    /// Says whether a record is compared: its block key is in a range, or its join key's hash prefix
    /// occurs.
    ///
    /// `key` is the record's block key in a directory of named blocks, and its join key in a
    /// [hashed](Self::is_hashed) one.
    pub fn admits(&self, key: &[u8]) -> bool {
        self.place(key).is_some()
    }

    /// Says whether a join key takes part: by the block at its end, or by its hash.
    pub fn admits_join_key(&self, key: &[u8]) -> bool {
        let block = key.rsplit(|byte| *byte == 0).next().unwrap_or_default();
        self.admits(if self.is_hashed() { key } else { block })
    }

    /// Checks, at the provider, that no range of the directory holds a few of its records only.
    ///
    /// `keys` are what [`admits`](Self::admits) takes, one for each record (or join key). Ranges
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
        check_sizes(self.count(keys).into_iter().filter(|&size| size > 0), least)
    }

    /// Yields, at the provider, which ranges it leaves out, by their positions: those that hold
    /// fewer than `least` of its records, and those without any, lest the two be told apart.
    ///
    /// `keys` are as for [`check_sizes`](Self::check_sizes).
    pub fn small<'a>(&self, keys: impl IntoIterator<Item = &'a [u8]>, least: usize) -> Vec<u32> {
        (0..)
            .zip(self.count(keys))
            .filter(|&(_, size)| size < least.max(1))
            .map(|(position, _)| position)
            .collect()
    }

    /// Yields the directory without the ranges at these positions, under the same salt.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] unless the positions ascend and there are such ranges.
    pub fn without(&self, positions: &[u32]) -> Result<Self, Error> {
        let ascending = positions.is_sorted_by(|a, b| a < b);
        let last = positions.last().map_or(0, |&last| last as usize + 1);
        if !ascending || last > self.ranges.len() {
            return Err(Error::Malformed { what: "answer" });
        }
        let mut positions = positions.iter().copied().peekable();
        let mut ranges = Vec::with_capacity(self.ranges.len() - positions.len());
        for (position, range) in (0..).zip(&self.ranges) {
            if positions.next_if_eq(&position).is_none() {
                ranges.push(range.clone());
            }
        }
        Ok(Self {
            salt: self.salt,
            hash_bits: self.hash_bits,
            ranges,
        })
    }

    fn count<'a>(&self, keys: impl IntoIterator<Item = &'a [u8]>) -> Vec<usize> {
        let mut sizes = vec![0; self.ranges.len()];
        for range in keys.into_iter().filter_map(|key| self.place(key)) {
            sizes[range] += 1;
        }
        sizes
    }

    /// Yields the number of ranges.
    pub fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Says whether there are no ranges.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Yields the ranges, ascending, with the padded number of the querier's rows.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (RangeInclusive<&[u8]>, u32)> {
        self.ranges
            .iter()
            .map(|range| (range.first.as_slice()..=&*range.last, range.rows))
    }

    /// Yields the total of padded rows: the querier's size in a pairwise linkage.
    pub fn padded_rows(&self) -> u64 {
        self.ranges.iter().map(|range| u64::from(range.rows)).sum()
    }

    /// Yields the salted digest that stands in the manifest.
    pub fn digest(&self) -> [u8; 32] {
        let mut out = Writer::new();
        self.encode(&mut out);
        Sha256::digest(out.finish()).into()
    }

    /// Yields the position of the range that holds a named block.
    pub(crate) fn find(&self, key: &[u8]) -> Option<usize> {
        let position = self
            .ranges
            .partition_point(|range| range.last.as_slice() < key);
        let range = self.ranges.get(position)?;
        (range.first.as_slice() <= key).then_some(position)
    }

    /// [`find`](Self::find) for what [`admits`](Self::admits) takes.
    fn place(&self, key: &[u8]) -> Option<usize> {
        match self.hash_bits {
            None => self.find(key),
            Some(bits) => self.find(&prefix(&self.salt, bits, key)),
        }
    }
}

impl Range {
    fn new(range: &BlockRange<'_>, rows: u32) -> Self {
        Self {
            first: range.first.to_vec(),
            last: range.last.to_vec(),
            rows,
        }
    }

    /// Whether both ends can be block keys.
    fn is_named(&self) -> bool {
        [&self.first, &self.last]
            .into_iter()
            .all(|key| key.len() <= LONGEST_KEY && !key.contains(&0))
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
fn prefix(salt: &[u8; 32], bits: u8, join_key: &[u8]) -> [u8; 4] {
    let digest = Sha256::new()
        .chain_update(b"block")
        .chain_update(salt)
        .chain_update(join_key)
        .finalize();
    let head = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]);
    (head >> (32 - u32::from(bits))).to_be_bytes()
}

fn unite<'a, R: Into<BlockRange<'a>>>(ranges: impl IntoIterator<Item = R>) -> Vec<BlockRange<'a>> {
    let mut ranges: Vec<BlockRange<'a>> = ranges.into_iter().map(R::into).collect();
    assert!(
        ranges.iter().all(|range| range.first <= range.last),
        "a range of keys in ascending order"
    );
    ranges.sort_unstable_by_key(|range| range.first);
    ranges.dedup_by(|next, kept| {
        let overlap = next.first <= kept.last;
        if overlap {
            kept.last = kept.last.max(next.last);
            kept.records += next.records;
        }
        overlap
    });
    ranges
}

fn check_sizes(sizes: impl Iterator<Item = usize>, least: usize) -> Result<(), Error> {
    let small = sizes.filter(|&size| size < least);
    let (blocks, smallest) = small.fold((0, usize::MAX), |(blocks, smallest), size| {
        (blocks + 1, smallest.min(size))
    });
    if blocks == 0 {
        return Ok(());
    }
    Err(Error::BlockTooSmall {
        blocks,
        smallest,
        least,
    })
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
        let (one, other) = (&b"1975"[..], &b"1980"[..]);
        assert_eq!(
            directory.iter().collect::<Vec<_>>(),
            [(one..=one, 0), (other..=other, 0)]
        );
        assert!(directory.admits(b"1980") && !directory.admits(b"1981"));
        assert_eq!(format!("{directory:?}"), "BlockDirectory { ranges: 2, .. }");
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

    /// 1950 to 1955 merged, 1960 by itself, and records one by one.
    fn years(records: usize, inner: &[&[u8]]) -> BlockDirectory {
        let mut rng = ChaCha20Rng::from_seed([4; 32]);
        let merged = BlockRange {
            first: b"1950",
            last: b"1955",
            records: records - inner.len(),
        };
        let inner = inner.iter().map(|&key| BlockRange::from((key, 1)));
        let all = [merged, BlockRange::from((&b"1960"[..], records))];
        BlockDirectory::of_keys(all.into_iter().chain(inner), 11, &mut rng).unwrap()
    }

    fn encoded(directory: &BlockDirectory) -> Vec<u8> {
        let mut out = Writer::new();
        directory.encode(&mut out);
        out.finish()
    }

    #[test]
    fn merged_blocks_are_a_range_that_hides_what_is_in_it() {
        let directory = years(20, &[]);
        assert_eq!(directory.len(), 2);
        let find = |key: &str| directory.find(key.as_bytes());
        assert_eq!(["1950", "1950|NSW", "1953", "1955"].map(find), [Some(0); 4]);
        assert_eq!(
            ["1949", "1955|NSW", "1959", "1960|", "1961"].map(find),
            [None; 5]
        );
        assert_eq!(find("1960"), Some(1));
        // Neither what occurs inside nor how often makes a difference to the provider.
        let others = [
            years(11, &[]),
            years(20, &[b"1951"]),
            years(20, &[b"1951", b"1954", b"1955"]),
        ];
        for other in others {
            assert_eq!(encoded(&other), encoded(&directory));
            assert_eq!(other.digest(), directory.digest());
        }
    }

    #[test]
    fn the_size_of_a_range_is_that_of_its_blocks_together_on_both_sides() {
        let directory = years(20, &[]);
        let theirs = |years: [&'static str; 5]| years.into_iter().map(str::as_bytes);
        let spread = ["1950", "1951", "1954", "1955", "1970"];
        assert_eq!(directory.check_sizes(theirs(spread), 4), Ok(()));
        let refused = Error::BlockTooSmall {
            blocks: 1,
            smallest: 4,
            least: 5,
        };
        assert_eq!(directory.check_sizes(theirs(spread), 5), Err(refused));

        let mut rng = ChaCha20Rng::from_seed([4; 32]);
        let range = |first: &'static str, last: &'static str, records| BlockRange {
            first: first.as_bytes(),
            last: last.as_bytes(),
            records,
        };
        let ranges = [range("b", "d", 9), range("a", "b", 1), range("e", "e", 11)];
        let directory = BlockDirectory::of_pairwise(ranges, 10, &mut rng).unwrap();
        let rows: Vec<u32> = directory.iter().map(|(_, rows)| rows).collect();
        assert_eq!((rows, directory.find(b"c")), (vec![10, 12], Some(0)));
        let refused = BlockDirectory::of_keys(ranges, 11, &mut rng);
        let error = Error::BlockTooSmall {
            blocks: 1,
            smallest: 10,
            least: 11,
        };
        assert_eq!(refused, Err(error));
        let zero = BlockDirectory::of_keys([range("a\0", "b", 20)], 1, &mut rng);
        assert_eq!(zero, Err(Error::KeyNotJoinable));
    }
}
