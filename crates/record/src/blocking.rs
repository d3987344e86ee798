//! Blocking: records are compared within blocks only, which saves comparisons and costs privacy.
//!
//! A block key is known to both parties in the clear: the querier tells the provider which blocks
//! its records are in. Whoever is alone in a block can be singled out by whoever knows the key's
//! fields, so blocks below a least size are refused, merged or suppressed.
//!
//! ```
//! use blindjoin_record::blocking::{BlockKey, Blocks, Small};
//! use blindjoin_record::{Date, RuleSet, Scratch};
//!
//! let rules = RuleSet::from_toml(
//!     r#"
//!     [columns]
//!     birth_date = "dob"
//!     state = "state"
//!     [[rule]]
//!     id = "DOB"
//!     signature = ["birth_date:D"]
//!     "#,
//! )?;
//! let key: BlockKey = BlockKey::new("birth_year,state:U", &rules)?;
//! let BlockKey::Fields(fields) = &key else { unreachable!() };
//! let binding = fields.bind(&["dob", "state"], Date::new(2026, 11, 21).expect("a day"))?;
//!
//! let mut scratch = Scratch::default();
//! let mut blocks = Blocks::default();
//! for row in [["19500322", "nsw"], ["19500930", "NSW"], ["19510101", "vic"]] {
//!     blocks.add(binding.sign(row.as_slice(), &mut scratch).get(0).ok());
//! }
//! assert_eq!(blocks.sizes().collect::<Vec<_>>(), [("1950|NSW", 2), ("1951|VIC", 1)]);
//! assert_eq!(blocks.risk(2).records_in_small_blocks, 1);
//! let groups = blocks.group(2, Small::Merge)?;
//! assert_eq!((groups.of("1951|VIC"), groups.of("1950|VIC")), (Some(0), Some(0)));
//! # Ok::<(), blindjoin_record::Error>(())
//! ```
//!
//! # Leakage
//!
//! | who | sees |
//! |---|---|
//! | provider | the keys of the querier's blocks, hence which years or states occur; of a merged group only its first and last key; in a pairwise linkage their padded sizes |
//! | querier, key holder | nothing more than without blocking |
//!
//! # Source
//!
//! El Emam and Arbuckle, "Anonymizing Health Data", 2013, chapters 2 (prosecutor risk) and 12.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::Error;
use crate::ruleset::RuleSet;

/// The least size of a block unless the parties agree otherwise.
pub const LEAST_BLOCK: u64 = 11;

/// What records are blocked by.
#[derive(Clone, Debug)]
pub enum BlockKey {
    /// Parts of fields: a rule set whose only rule's signature is the block key.
    Fields(RuleSet),
    /// So many leading bits of a keyed fingerprint; see [`fingerprint_block`].
    Fingerprint {
        /// 1 to 24.
        bits: u32,
    },
}

/// How many records there are in each block.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Blocks {
    sizes: BTreeMap<String, u64>,
    records: u64,
    unblocked: u64,
}

/// How far a blocking singles people out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Risk {
    /// Records that are in a block.
    pub records: u64,
    /// Records without a block key, which are never compared.
    pub unblocked: u64,
    /// Blocks.
    pub blocks: u64,
    /// Records in the smallest block.
    pub smallest: u64,
    /// Blocks of fewer than k records.
    pub small_blocks: u64,
    /// Records in blocks of fewer than k records.
    pub records_in_small_blocks: u64,
    /// The highest prosecutor risk, 1 / size of the smallest block.
    pub highest: f64,
    /// The mean prosecutor risk over records: blocks / records.
    pub mean: f64,
}

/// What to do about blocks under the least size.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Small {
    /// Go no further.
    Refuse,
    /// Join them with their neighbours in the order of keys; see [`Group`].
    Merge,
    /// Leave their records out.
    Suppress,
}

/// Blocks in groups that are all large enough.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Groups {
    /// Ascending ranges of keys, apart from each other.
    groups: Vec<Group>,
    suppressed: u64,
}

/// A block, or several side by side in the byte order of keys, which is the order of the fields as
/// they are written in the block key.
///
/// A group is known by its ends: a key between them belongs to it, whether or not it occurs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Group {
    /// Its first key.
    pub first: String,
    /// Its last key, which is the first if it is a single block.
    pub last: String,
    /// How many records there are in it.
    pub records: u64,
}

impl BlockKey {
    /// Reads what stands after `--block`: `hash:BITS`, or a comma-separated list of parts.
    ///
    /// A part is a `field`, a `field:expression` as in rules files, or a name ending in `_year`,
    /// `_month` or `_day`, which is that part of the date field of the same beginning
    /// (`birth_year` is `birth_date:Y`). Fields are those of `rules`.
    pub fn new(written: &str, rules: &RuleSet) -> Result<Self, Error> {
        if let Some(bits) = written.trim().strip_prefix("hash:") {
            let bits = bits
                .trim()
                .parse()
                .ok()
                .filter(|bits| (1..=24).contains(bits));
            let bits = bits.ok_or_else(|| Error::BlockKey {
                written: written.to_owned(),
            })?;
            return Ok(Self::Fingerprint { bits });
        }
        let parts: Vec<String> = split_outside_parentheses(written)
            .map(|part| spelled_out(part.trim(), rules))
            .collect();
        if parts.iter().any(String::is_empty) {
            return Err(Error::BlockKey {
                written: written.to_owned(),
            });
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Ok(Self::Fields(rules.with_only_rule("block", &parts)?))
    }
}

/// The block of a keyed fingerprint: its leading `bits`, 1 to 24, in hexadecimal digits.
///
/// Blocks of a keyed hash say nothing about a person's fields to those without the key, but the
/// two parties have it.
///
/// # Panics
///
/// If there are fewer than four bytes, or `bits` is out of range.
pub fn fingerprint_block(fingerprint: &[u8], bits: u32) -> String {
    assert!((1..=24).contains(&bits), "1 to 24 bits");
    let leading = fingerprint
        .first_chunk::<4>()
        .expect("a fingerprint has four bytes or more");
    format!("{:06x}", u32::from_be_bytes(*leading) >> (32 - bits))
}

impl Blocks {
    /// Counts a record: its block key, or nothing if it has none.
    pub fn add(&mut self, key: Option<&str>) {
        let Some(key) = key else {
            self.unblocked += 1;
            return;
        };
        self.records += 1;
        if let Some(size) = self.sizes.get_mut(key) {
            *size += 1;
        } else {
            self.sizes.insert(key.to_owned(), 1);
        }
    }

    /// Block keys and sizes, in the order of keys.
    pub fn sizes(&self) -> impl ExactSizeIterator<Item = (&str, u64)> {
        self.sizes.iter().map(|(key, &size)| (key.as_str(), size))
    }

    /// How far the blocking singles people out, `k` being the least size wanted. Without any record
    /// all figures are zero.
    pub fn risk(&self, k: u64) -> Risk {
        let blocks = self.sizes.len() as u64;
        let smallest = self.sizes.values().copied().min().unwrap_or(0);
        let small = || self.sizes.values().filter(|&&size| size < k);
        Risk {
            records: self.records,
            unblocked: self.unblocked,
            blocks,
            smallest,
            small_blocks: small().count() as u64,
            records_in_small_blocks: small().sum(),
            highest: ratio(1, smallest),
            mean: ratio(blocks, self.records),
        }
    }

    /// How many pairs of records are compared with those of another registry, and how many there
    /// would be without blocking.
    pub fn pairs_with(&self, other: &Self) -> (u128, u128) {
        let within = self.sizes.iter().map(|(key, &size)| {
            let others = other.sizes.get(key).copied().unwrap_or(0);
            u128::from(size) * u128::from(others)
        });
        (
            within.sum(),
            u128::from(self.records) * u128::from(other.records),
        )
    }

    /// Puts blocks together until every group has `least` records or more.
    ///
    /// Merging goes through the keys in order, so blocks that share the beginning of their key meet
    /// first: put the field that matters most first.
    ///
    /// # Errors
    ///
    /// [`Error::SmallBlocks`] if small blocks are refused and there are some, or if there are fewer
    /// records than `least` in all.
    pub fn group(&self, least: u64, small: Small) -> Result<Groups, Error> {
        let risk = self.risk(least);
        let too_few = small == Small::Merge && self.records < least && self.records > 0;
        if (small == Small::Refuse && risk.small_blocks > 0) || too_few {
            return Err(Error::SmallBlocks {
                blocks: risk.small_blocks,
                least,
                smallest: risk.smallest,
            });
        }
        let mut groups = Groups::default();
        let mut open = false;
        for (key, &size) in &self.sizes {
            if small == Small::Suppress && size < least {
                groups.suppressed += size;
                continue;
            }
            match groups.groups.last_mut().filter(|_| open) {
                Some(group) => group.extend(key, size),
                None => groups.groups.push(Group {
                    first: key.clone(),
                    last: key.clone(),
                    records: size,
                }),
            }
            let records = groups.groups.last().map_or(0, |group| group.records);
            open = small == Small::Merge && records < least;
        }
        // The whole is large enough, so a rest that is not has a group before it.
        let rest = if open { groups.groups.pop() } else { None };
        if let (Some(rest), Some(before)) = (rest, groups.groups.last_mut()) {
            before.extend(&rest.last, rest.records);
        }
        Ok(groups)
    }

    /// The records that are in groups, those of one group under one name: the key, or the first and
    /// the last key with two dots between. Other records count as unblocked.
    #[must_use]
    pub fn within(&self, groups: &Groups) -> Self {
        let mut within = Self {
            unblocked: self.unblocked,
            ..Self::default()
        };
        for (key, &size) in &self.sizes {
            match groups.of(key) {
                Some(group) => {
                    let name = groups.groups[group].to_string();
                    *within.sizes.entry(name).or_default() += size;
                    within.records += size;
                }
                None => within.unblocked += size,
            }
        }
        within
    }
}

impl Groups {
    /// The group that a key belongs to, whether or not it occurs; or nothing if it is suppressed or
    /// outside of all.
    pub fn of(&self, key: &str) -> Option<usize> {
        let position = self
            .groups
            .partition_point(|group| group.last.as_str() < key);
        let group = self.groups.get(position)?;
        (group.first.as_str() <= key).then_some(position)
    }

    /// The groups in the order of keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.groups.iter()
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is no group.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// How many records are left out.
    pub fn suppressed(&self) -> u64 {
        self.suppressed
    }
}

impl Group {
    fn extend(&mut self, last: &str, records: u64) {
        last.clone_into(&mut self.last);
        self.records += records;
    }
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.first)?;
        if self.first != self.last {
            write!(formatter, "..{}", self.last)?;
        }
        Ok(())
    }
}

fn split_outside_parentheses(written: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    written.split(move |c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
}

/// Turns `birth_year` into `birth_date:Y` where there is no field of the former name.
fn spelled_out(part: &str, rules: &RuleSet) -> String {
    let declared = |name: &str| rules.fields().iter().any(|field| field.name() == name);
    if declared(part) {
        return part.to_owned();
    }
    for (ending, operator) in [("_year", "Y"), ("_month", "MO"), ("_day", "DA")] {
        if let Some(start) = part.strip_suffix(ending) {
            let date = format!("{start}_date");
            if declared(&date) {
                return format!("{date}:{operator}");
            }
        }
    }
    part.to_owned()
}

#[expect(clippy::cast_precision_loss, reason = "a risk needs few digits")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        0.0
    } else {
        part as f64 / whole as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(sizes: &[(&str, u64)]) -> Blocks {
        let mut blocks = Blocks::default();
        for (key, size) in sizes {
            (0..*size).for_each(|_| blocks.add(Some(key)));
        }
        blocks
    }

    fn rules() -> RuleSet {
        let text = "[columns]\nbirth_date = \"dob\"\nstate = \"state\"\n\
                    [[rule]]\nid = \"A\"\nsignature = [\"birth_date:D\"]\n";
        RuleSet::from_toml(text).unwrap()
    }

    #[test]
    fn risk_is_what_the_book_says() {
        let mut blocks = blocks(&[("a", 1), ("b", 4), ("c", 20)]);
        blocks.add(None);
        let risk = blocks.risk(5);
        assert_eq!(
            (risk.records, risk.unblocked, risk.blocks, risk.smallest),
            (25, 1, 3, 1)
        );
        assert_eq!((risk.small_blocks, risk.records_in_small_blocks), (2, 5));
        assert!((risk.highest - 1.0).abs() < 1e-12);
        assert!((risk.mean - 0.12).abs() < 1e-12);
        assert!(Blocks::default().risk(5).highest.abs() < 1e-12);
    }

    #[test]
    fn comparisons_are_counted() {
        let (within, all) =
            blocks(&[("a", 2), ("b", 3)]).pairs_with(&blocks(&[("b", 10), ("c", 5)]));
        assert_eq!((within, all), (30, 75));
    }

    #[test]
    fn small_blocks_are_refused_merged_or_suppressed() {
        let blocks = blocks(&[
            ("1950|a", 3),
            ("1950|b", 2),
            ("1951|a", 9),
            ("1952|a", 30),
            ("1953|a", 1),
        ]);
        let refused = Error::SmallBlocks {
            blocks: 4,
            least: 11,
            smallest: 1,
        };
        assert_eq!(blocks.group(11, Small::Refuse), Err(refused));
        let sizes = |groups: &Groups| groups.iter().map(|g| g.records).collect::<Vec<_>>();
        assert_eq!(
            sizes(&blocks.group(1, Small::Refuse).unwrap()),
            [3, 2, 9, 30, 1]
        );

        let merged = blocks.group(11, Small::Merge).unwrap();
        assert_eq!(sizes(&merged), [14, 31]);
        let names: Vec<String> = merged.iter().map(Group::to_string).collect();
        assert_eq!(
            names,
            ["1950|a..1951|a", "1952|a..1953|a"],
            "the rest joins the last group"
        );
        assert_eq!((merged.len(), merged.suppressed()), (2, 0));

        let suppressed = blocks.group(11, Small::Suppress).unwrap();
        assert_eq!(sizes(&suppressed), [30]);
        assert_eq!(suppressed.iter().next().unwrap().to_string(), "1952|a");
        assert_eq!(
            (suppressed.of("1950|a"), suppressed.suppressed()),
            (None, 15)
        );
    }

    #[test]
    fn groups_are_ranges_of_keys() {
        let groups = blocks(&[("b", 6), ("d", 6), ("f", 20), ("h", 1)])
            .group(11, Small::Merge)
            .unwrap();
        let of = |key| groups.of(key);
        assert_eq!(["b", "bb", "c", "d"].map(of), [Some(0); 4]);
        assert_eq!(["f", "g", "h"].map(of), [Some(1); 3]);
        assert_eq!(["", "a", "da", "e", "ha", "i"].map(of), [None; 6]);

        // The ends alone count: a key between them may or may not occur.
        let theirs = blocks(&[("a", 9), ("c", 5), ("d", 1), ("e", 7), ("h", 2)]);
        let within = theirs.within(&groups);
        assert_eq!(
            within.sizes().collect::<Vec<_>>(),
            [("b..d", 6), ("f..h", 2)]
        );
        assert_eq!((within.risk(1).records, within.risk(1).unblocked), (8, 16));
    }

    #[test]
    fn too_few_records_cannot_be_merged() {
        let few = blocks(&[("a", 3), ("b", 4)]);
        assert!(matches!(
            few.group(11, Small::Merge),
            Err(Error::SmallBlocks { .. })
        ));
        assert_eq!(few.group(11, Small::Suppress).unwrap().suppressed(), 7);
        assert!(
            Blocks::default()
                .group(11, Small::Merge)
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn keys_are_read() {
        let canonical = |written| match BlockKey::new(written, &rules()).unwrap() {
            BlockKey::Fields(rules) => rules.canonical(),
            BlockKey::Fingerprint { .. } => panic!("a key of fields"),
        };
        assert_eq!(
            canonical("birth_year,state"),
            canonical(" birth_date:Y , state ")
        );
        assert!(canonical("birth_date:Y|S(0,3),state").contains("8:Y|S(0,3)"));
        assert!(matches!(
            BlockKey::new("hash:12", &rules()),
            Ok(BlockKey::Fingerprint { bits: 12 })
        ));
        for bad in ["hash:0", "hash:25", "hash:x", "", "state,", ",state"] {
            assert!(
                matches!(BlockKey::new(bad, &rules()), Err(Error::BlockKey { .. })),
                "{bad}"
            );
        }
        match BlockKey::new("postcode", &rules()) {
            Err(Error::UnknownField { field, .. }) => assert_eq!(field, "postcode"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fingerprints_fall_into_blocks_by_their_leading_bits() {
        assert_eq!(fingerprint_block(&[0xff, 0xff, 0xff, 0xff], 1), "000001");
        assert_eq!(
            fingerprint_block(&[0xab, 0xcd, 0xef, 0x01, 0x02], 12),
            "000abc"
        );
        assert_eq!(fingerprint_block(&[0xab, 0xcd, 0xef, 0x01], 24), "abcdef");
    }
}
