//! The canonical bytes of a directory, and nothing else.
//!
//! `salt | bits of the hash or 0 | number of ranges | ranges`; of each range `first | merged? |
//! last, if merged | rows`. Ranges ascend and are apart from each other, and a merged one ends after
//! it begins.

use super::{BlockDirectory, LONGEST_KEY, MOST_RANGES, Range};
use crate::Error;
use crate::codec::{Reader, Writer};

impl BlockDirectory {
    pub(crate) fn encode(&self, out: &mut Writer) {
        out.raw(&self.salt).u8(self.hash_bits.unwrap_or(0));
        out.u32(u32::try_from(self.ranges.len()).expect("at most a million ranges"));
        for range in &self.ranges {
            let merged = range.first != range.last;
            out.bytes(&range.first).u8(u8::from(merged));
            if merged {
                out.bytes(&range.last);
            }
            out.u32(range.rows);
        }
    }

    pub(crate) fn decode(input: &mut Reader<'_>) -> Result<Self, Error> {
        let salt = input.array()?;
        let hash_bits = Some(input.u8()?).filter(|&bits| bits > 0);
        let count = input.u32()? as usize;
        if count > MOST_RANGES || hash_bits.is_some_and(|bits| bits > 32) {
            return Err(input.malformed());
        }
        let mut ranges: Vec<Range> = Vec::new();
        for _ in 0..count {
            let first = input.bytes(LONGEST_KEY)?.to_vec();
            let merged = input.flag()?;
            let last = if merged {
                input.bytes(LONGEST_KEY)?.to_vec()
            } else {
                first.clone()
            };
            let ascending = ranges.last().is_none_or(|before| before.last < first);
            let hash = hash_bits.map(|bits| !merged && is_prefix(&first, bits));
            if !ascending || (merged && last <= first) || hash == Some(false) {
                return Err(input.malformed());
            }
            let rows = input.u32()?;
            ranges.push(Range { first, last, rows });
        }
        Self::new(hash_bits, ranges, salt).map_err(|_| input.malformed())
    }
}

/// Whether this is what [`super::prefix`] yields for some join key.
fn is_prefix(key: &[u8], bits: u8) -> bool {
    <[u8; 4]>::try_from(key).is_ok_and(|key| u64::from(u32::from_be_bytes(key)) >> bits == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BlockRange;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    #[test]
    fn directories_survive_the_wire_and_pairwise_ones_show_classes() {
        let mut rng = ChaCha20Rng::from_seed([3; 32]);
        let blocks: [(&[u8], usize); 2] = [(b"a", 3), (b"b", 17)];
        let directory = BlockDirectory::of_pairwise(blocks, 0, &mut rng).unwrap();
        assert_eq!(directory.padded_rows(), 4 + 20);
        let merged = BlockRange {
            first: b"1950",
            last: b"1955",
            records: 20,
        };
        let by_itself = BlockRange::from((&b"1960"[..], 20));
        let merged = BlockDirectory::of_keys([by_itself, merged], 0, &mut rng).unwrap();
        let hashed = BlockDirectory::of_hash(9, [&b"x"[..], b"y"], 0, &mut rng).unwrap();
        for directory in [directory, merged, hashed] {
            let mut out = Writer::new();
            directory.encode(&mut out);
            let bytes = out.finish();
            let mut input = Reader::new(&bytes, "directory");
            assert_eq!(BlockDirectory::decode(&mut input).unwrap(), directory);
            input.finish().unwrap();
        }
    }

    /// A first key, a flag, and the last key if it is set.
    type Written<'a> = (&'a [u8], u8, &'a [u8]);

    #[test]
    fn small_and_empty_ranges_are_left_out_alike() {
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        let blocks = ["a", "b", "c", "d"].map(|key| (key.as_bytes(), 9));
        let directory = BlockDirectory::of_keys(blocks, 0, &mut rng).unwrap();
        let theirs = ["a", "a", "b", "d", "d", "d", "x"].map(str::as_bytes);
        assert_eq!(directory.small(theirs, 2), [1, 2]);
        assert_eq!(directory.small(theirs, 0), [2], "the empty one at least");

        let rest = directory.without(&[1, 2]).unwrap();
        assert_eq!(
            ["a", "b", "c", "d"].map(|key| rest.admits(key.as_bytes())),
            [true, false, false, true]
        );
        assert!(rest.admits_join_key(b"id\0b\0d") && !rest.admits_join_key(b"id\0d\0b"));
        assert_ne!(rest.digest(), directory.digest());
        assert_eq!(directory.without(&[]).unwrap(), directory);
        assert!(directory.without(&[0, 1, 2, 3]).unwrap().is_empty());
        for bad in [&[4][..], &[1, 1], &[2, 1], &[u32::MAX]] {
            let malformed = Err(Error::Malformed { what: "answer" });
            assert_eq!(directory.without(bad), malformed, "{bad:?}");
        }
    }

    /// A directory as somebody might write it: a flag says that a last key follows.
    fn hostile(hash_bits: u8, count: u32, ranges: &[Written<'_>]) -> Result<(), Error> {
        let mut out = Writer::new();
        out.raw(&[7; 32]).u8(hash_bits).u32(count);
        for (first, flag, last) in ranges {
            out.bytes(first).u8(*flag);
            if *flag > 0 {
                out.bytes(last);
            }
            out.u32(0);
        }
        let bytes = out.finish();
        let mut input = Reader::new(&bytes, "directory");
        BlockDirectory::decode(&mut input)?;
        input.finish()
    }

    #[test]
    fn only_the_canonical_encoding_is_read() {
        let malformed = Err(Error::Malformed { what: "directory" });
        let long = [b'x'; LONGEST_KEY + 1];
        let good: [Written<'_>; 3] = [(b"a", 1, b"c"), (b"d", 0, b""), (&long[1..], 0, b"")];
        assert_eq!(hostile(0, 3, &good), Ok(()));
        let bad: [(&str, &[Written<'_>]); 10] = [
            ("ends where it begins", &[(b"a", 1, b"a")]),
            ("ends before it begins", &[(b"b", 1, b"a")]),
            ("overlap", &[(b"a", 1, b"c"), (b"b", 1, b"d")]),
            ("touch", &[(b"a", 1, b"c"), (b"c", 0, b"")]),
            ("nested", &[(b"a", 1, b"z"), (b"b", 0, b"")]),
            ("descending", &[(b"b", 0, b""), (b"a", 0, b"")]),
            ("twice", &[(b"a", 0, b""), (b"a", 0, b"")]),
            ("flag", &[(b"a", 2, b"b")]),
            ("long", &[(b"a", 1, &long)]),
            ("zero", &[(b"a", 1, b"b\0")]),
        ];
        for (fault, ranges) in bad {
            let count = u32::try_from(ranges.len()).unwrap();
            assert_eq!(hostile(0, count, ranges), malformed, "{fault}");
        }
        for count in [2, 4, u32::MAX] {
            assert_eq!(hostile(0, count, &good), malformed, "{count} ranges");
        }

        let hashes: [Written<'_>; 2] = [(&[0; 4], 0, b""), (&[0, 0, 0, 3], 0, b"")];
        assert_eq!(hostile(2, 2, &hashes), Ok(()));
        assert_eq!(hostile(1, 2, &hashes), malformed, "more bits than agreed");
        assert_eq!(hostile(33, 2, &hashes), malformed);
        assert_eq!(hostile(2, 1, &[(&[0; 3], 0, b"")]), malformed);
        assert_eq!(
            hostile(2, 1, &[(&[0; 4], 1, &[0, 0, 0, 1])]),
            malformed,
            "hashes are not merged"
        );
    }
}
