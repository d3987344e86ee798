//! Blocks: which part of the provider's registry a session is about.

mod blocking;
pub(crate) mod offer;

pub use blocking::{Blocking, OfferedCell};
pub use offer::{BlockOffer, NamedCell};

use rand::CryptoRng;
use sha2::Digest as _;
use sha2::Sha256;

use crate::class::block_class;
use crate::codec::Writer;

/// The blocks that a session is about, which the querier shows to the provider and to nobody else.
///
/// Records in these blocks are compared and no others. Blocks are either [cells](Blocking) of the
/// provider's, and records then match within the same cell only, or prefixes of a hash of the join
/// key. The manifest holds a salted digest, from which the key holder learns nothing.
///
/// Naming all cells, which is the rule, tells the provider nothing; naming some tells where the
/// querier has records. A comparison of pairs shows also how many, padded. Of hashed blocks the
/// provider learns that prefix of the hash of every key asked for.
///
/// Cheap to clone but for what is named.
///
/// # Source
///
/// `spec/protocol.md`, §19.4, §19.5.
#[derive(Clone, PartialEq, Eq)]
pub struct BlockDirectory {
    offer: BlockOffer,
    /// None where blocks are hashed.
    blocking: Option<Blocking>,
}

/// Block keys stay out of logs: only how many there are is shown.
impl std::fmt::Debug for BlockDirectory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockDirectory")
            .field("blocks", &self.len())
            .finish_non_exhaustive()
    }
}

impl BlockDirectory {
    /// The most bits of a hashed block.
    pub const MOST_HASH_BITS: u8 = BlockOffer::MOST_HASH_BITS;

    /// Yields the number of the hashed block of a join key: the first `bits` bits of its salted hash.
    ///
    /// # Panics
    ///
    /// If `bits` is above 32.
    ///
    /// # Source
    ///
    /// `spec/protocol.md`, §19.5.
    pub fn prefix(provider_salt: &[u8; 32], bits: u8, join_key: &[u8]) -> u32 {
        let digest = Sha256::new()
            .chain_update(b"block")
            .chain_update(provider_salt)
            .chain_update(join_key)
            .finalize();
        let head = u64::from(u32::from_be_bytes([
            digest[0], digest[1], digest[2], digest[3],
        ]));
        u32::try_from(head >> (32 - bits)).expect("at most 32 bits")
    }

    /// Yields all cells of a blocking, for a join or a lookup.
    pub fn all(blocking: &Blocking, rng: &mut impl CryptoRng) -> Self {
        Self::named(blocking, |_| Some(0), rng)
    }

    /// Yields the cells in which the querier has at least `least` records, and one at least, for a
    /// join or a lookup; `counts` are those of [`Blocking::count`].
    pub fn occurring(
        blocking: &Blocking,
        counts: &[u64],
        least: u64,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let enough = |position: usize| counts[position] >= least.max(1);
        Self::named(blocking, |position| enough(position).then_some(0), rng)
    }

    /// Yields all cells of a blocking, or those in which the querier has records, for a comparison
    /// of pairs. Each shows the class of the number of its rows, which is that of `least` at least:
    /// cells with fewer records, and those without any, are alike.
    pub fn of_pairs(
        blocking: &Blocking,
        counts: &[u64],
        least: u64,
        occurring: bool,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let rows = |position: usize| {
            let named = !occurring || counts[position] > 0;
            let class = block_class(counts[position].max(least));
            named.then(|| u32::try_from(class).unwrap_or(u32::MAX))
        };
        Self::named(blocking, rows, rng)
    }

    fn named(
        blocking: &Blocking,
        rows: impl Fn(usize) -> Option<u32>,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let positions = 0..blocking.cells().len();
        let named = (0..).zip(positions);
        let named = named.filter_map(|(position, index)| {
            let rows = rows(index)?;
            Some(NamedCell { position, rows })
        });
        Self {
            offer: BlockOffer::Cells {
                salt: salt(rng),
                named: named.collect(),
            },
            blocking: Some(blocking.clone()),
        }
    }

    /// Yields the first `bits` bits of a hash of every join key, under the salt that the provider
    /// has given the querier.
    ///
    /// # Panics
    ///
    /// If `bits` is not in `1..=19`.
    pub fn hashed<'a>(
        bits: u8,
        provider_salt: [u8; 32],
        fingerprints: impl IntoIterator<Item = &'a [u8]>,
        rng: &mut impl CryptoRng,
    ) -> Self {
        assert!(
            (1..=BlockOffer::MOST_HASH_BITS).contains(&bits),
            "a hashed block has 1 to 19 bits"
        );
        let keys = fingerprints.into_iter();
        let mut prefixes: Vec<u32> = keys
            .map(|key| Self::prefix(&provider_salt, bits, key))
            .collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        Self {
            offer: BlockOffer::Prefixes {
                salt: salt(rng),
                provider_salt,
                bits,
                prefixes,
            },
            blocking: None,
        }
    }

    /// Reads an offer against what was published, if there is such a blocking and all its cells.
    pub(crate) fn of_offer(offer: &BlockOffer, blocking: Option<&Blocking>) -> Option<Self> {
        if let BlockOffer::Cells { named, .. } = offer {
            // Ascending, so the last is the largest.
            let last = named.last().map_or(0, |cell| cell.position as usize + 1);
            if last > blocking?.cells().len() {
                return None;
            }
        }
        Some(Self {
            offer: offer.clone(),
            blocking: blocking.cloned(),
        })
    }

    /// Yields what is offered to the provider.
    pub(crate) fn offer(&self) -> &BlockOffer {
        &self.offer
    }

    /// Says whether blocks are prefixes of a hash of the join key, not cells.
    pub fn is_hashed(&self) -> bool {
        matches!(self.offer, BlockOffer::Prefixes { .. })
    }

    /// Says whether a record takes part: its block is named, or its join key's prefix.
    ///
    /// `key` is the record's block key where cells are named, and its join key where blocks are
    /// [hashed](Self::is_hashed).
    pub fn admits(&self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    /// Says whether a join key takes part: by the block at its end, or by its hash.
    pub fn admits_join_key(&self, key: &[u8]) -> bool {
        self.admits(if self.is_hashed() { key } else { block_of(key) })
    }

    /// Yields the number of blocks.
    pub fn len(&self) -> usize {
        match &self.offer {
            BlockOffer::Cells { named, .. } => named.len(),
            BlockOffer::Prefixes { prefixes, .. } => prefixes.len(),
        }
    }

    /// Says whether there are no blocks.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Yields the named cells, ascending, with the padded number of the querier's rows: 0 outside a
    /// comparison of pairs. None where blocks are hashed.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&OfferedCell, u32)> {
        let named = match &self.offer {
            BlockOffer::Cells { named, .. } => named.as_slice(),
            BlockOffer::Prefixes { .. } => &[],
        };
        let cells = self.blocking.as_ref().map_or(&[][..], Blocking::cells);
        named
            .iter()
            .map(|named| (&cells[named.position as usize], named.rows))
    }

    /// Yields the total of padded rows: what the querier's class is of in a comparison of pairs.
    pub fn padded_rows(&self) -> u64 {
        self.offer.padded_rows()
    }

    /// Yields the pairs of padded rows with the classes of the cells' records.
    pub fn pairs(&self) -> u64 {
        self.iter()
            .map(|(cell, rows)| u64::from(rows) * u64::from(cell.records))
            .fold(0, u64::saturating_add)
    }

    /// Yields the sum of the classes of the cells' keys.
    pub(crate) fn keys(&self) -> u64 {
        self.iter()
            .map(|(cell, _)| cell.keys)
            .fold(0, u64::saturating_add)
    }

    /// Yields the salted digest that stands in the manifest.
    pub fn digest(&self) -> [u8; 32] {
        let mut out = Writer::new();
        out.raw(b"blocks");
        self.offer.encode(&mut out);
        // Positions mean these cells and no others.
        for (cell, _) in self.iter() {
            out.bytes(&cell.key);
        }
        Sha256::digest(out.finish()).into()
    }

    /// Yields the number of the block, among those named, of what [`admits`](Self::admits) takes.
    pub(crate) fn find(&self, key: &[u8]) -> Option<usize> {
        match &self.offer {
            BlockOffer::Cells { named, .. } => {
                let position = self.blocking.as_ref()?.find(key)?;
                named
                    .binary_search_by_key(&position, |cell| cell.position)
                    .ok()
            }
            BlockOffer::Prefixes {
                provider_salt,
                bits,
                prefixes,
                ..
            } => prefixes
                .binary_search(&Self::prefix(provider_salt, *bits, key))
                .ok(),
        }
    }
}

/// Yields the block at the end of a join key in blocks.
pub(crate) fn block_of(join_key: &[u8]) -> &[u8] {
    join_key
        .rsplit(|byte| *byte == 0)
        .next()
        .unwrap_or_default()
}

fn salt(rng: &mut impl CryptoRng) -> [u8; 32] {
    let mut salt = [0; 32];
    rng.fill_bytes(&mut salt);
    salt
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blocks::blocking::LONGEST_KEY;
    use crate::codec::Reader;
    use crate::error::Error;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha20Rng;

    fn blocking(cells: &[(&str, u64, u32)]) -> Blocking {
        let cell = |&(key, keys, records): &(&str, u64, u32)| OfferedCell {
            key: key.as_bytes().to_vec(),
            keys,
            records,
        };
        Blocking::new("year", [7; 32], cells.iter().map(cell).collect()).unwrap()
    }

    fn years() -> Blocking {
        blocking(&[("1960", 80, 20), ("1950", 64, 12), ("1955", 64, 16)])
    }

    fn rows(directory: &BlockDirectory) -> Vec<(&[u8], u32)> {
        let named = directory.iter();
        named.map(|(cell, rows)| (&*cell.key, rows)).collect()
    }

    #[test]
    fn cells_are_found_by_their_keys_alone() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let years = years();
        let find = |key: &str| years.find(key.as_bytes());
        assert_eq!(
            ["1950", "1955", "1960", "1951", ""].map(find),
            [Some(0), Some(1), Some(2), None, None]
        );
        let blocks = ["1955", "1970", "1955", "1960"].map(str::as_bytes);
        let counts = years.count(blocks);
        assert_eq!(counts, [0, 2, 1]);

        let all = BlockDirectory::all(&years, &mut rng);
        assert_eq!((all.len(), all.keys(), all.pairs()), (3, 208, 0));
        assert!(all.admits_join_key(b"id\0x\x001950") && !all.admits_join_key(b"id\0x\x001951"));
        let some = BlockDirectory::occurring(&years, &counts, 2, &mut rng);
        assert_eq!(rows(&some), [(&b"1955"[..], 0)]);
        assert!(some.admits(b"1955") && !some.admits(b"1960"));
        assert_eq!(format!("{some:?}"), "BlockDirectory { blocks: 1, .. }");
    }

    #[test]
    fn pairs_show_classes_and_small_counts_alike() {
        let mut rng = ChaCha20Rng::from_seed([2; 32]);
        let years = years();
        let all = |counts: &[u64]| {
            let directory = BlockDirectory::of_pairs(&years, counts, 11, false, &mut rng.clone());
            let rows = rows(&directory).into_iter().map(|(_, rows)| rows);
            (rows.collect::<Vec<_>>(), directory.pairs())
        };
        assert_eq!(all(&[0, 5, 17]), (vec![12, 12, 20], 12 * 28 + 20 * 20));
        assert_eq!(all(&[11, 12, 18]), all(&[0, 0, 19]));
        let some = BlockDirectory::of_pairs(&years, &[0, 1, 0], 1, true, &mut rng);
        assert_eq!(rows(&some), [(&b"1955"[..], 4)]);
    }

    #[test]
    fn hashed_blocks_admit_their_own_keys() {
        let mut rng = ChaCha20Rng::from_seed([2; 32]);
        let keys: Vec<Vec<u8>> = (0..20_u8).map(|i| vec![b'k', i + 1]).collect();
        let keys = keys.iter().map(Vec::as_slice);
        let directory = BlockDirectory::hashed(16, [3; 32], keys.clone(), &mut rng);
        assert!(keys.clone().all(|key| directory.admits(key)));
        let others = (0..200_u8).filter(|&i| directory.admits(&[b'x', i]));
        assert!(others.count() < 3, "in 20 of 65 536 blocks");
        // The blocks are the provider's choice, the digest is not the same twice.
        let again = BlockDirectory::hashed(16, [3; 32], keys.clone(), &mut rng);
        assert_ne!(again.digest(), directory.digest());
        let prefixes = |directory: &BlockDirectory| match directory.offer() {
            BlockOffer::Prefixes { prefixes, .. } => prefixes.clone(),
            BlockOffer::Cells { .. } => Vec::new(),
        };
        assert_eq!(prefixes(&again), prefixes(&directory));
        let elsewhere = BlockDirectory::hashed(16, [4; 32], keys, &mut rng);
        assert_ne!(prefixes(&elsewhere), prefixes(&directory));
    }

    #[test]
    fn positions_mean_the_cells_that_were_published() {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        let directory = BlockDirectory::all(&years(), &mut rng);
        let read = |blocking: Option<&Blocking>| {
            let read = BlockDirectory::of_offer(directory.offer(), blocking)?;
            Some(read.digest())
        };
        assert_eq!(read(Some(&years())), Some(directory.digest()));
        let other = blocking(&[("1950", 64, 12), ("1955", 64, 16), ("1961", 80, 20)]);
        assert!(read(Some(&other)).is_some_and(|digest| digest != directory.digest()));
        let fewer = blocking(&[("1950", 64, 12), ("1955", 64, 16)]);
        assert_eq!((read(Some(&fewer)), read(None)), (None, None));
    }

    #[test]
    fn only_ascending_joinable_keys_are_read() {
        let read = |keys: &[&[u8]], count: u32| {
            let mut out = Writer::new();
            out.bytes(b"year").raw(&[7; 32]).u32(count);
            for key in keys {
                out.bytes(key).u64(64).u32(12);
            }
            let bytes = out.finish();
            let mut input = Reader::new(&bytes, "blocking");
            let blocking = Blocking::decode(&mut input)?;
            input.finish().map(|()| blocking)
        };
        let mut out = Writer::new();
        years().encode(&mut out);
        let bytes = out.finish();
        assert_eq!(
            Blocking::decode(&mut Reader::new(&bytes, "blocking")),
            Ok(years())
        );
        let malformed = Err(Error::Malformed { what: "blocking" });
        let long = [b'x'; LONGEST_KEY + 1];
        assert!(read(&[b"a", b"b", &long[1..]], 3).is_ok());
        let bad: [&[&[u8]]; 5] = [&[b"b", b"a"], &[b"a", b"a"], &[b""], &[b"a\0"], &[&long]];
        for keys in bad {
            let count = u32::try_from(keys.len()).unwrap();
            assert_eq!(read(keys, count), malformed, "{keys:?}");
        }
        for count in [1, 3, u32::MAX] {
            assert_eq!(read(&[b"a", b"b"], count), malformed, "{count}");
        }
    }
}
