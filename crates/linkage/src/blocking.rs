//! Blocking: records are compared within blocks only, which saves comparisons and costs privacy.
//!
//! A block key is known to both parties in the clear: the provider says which blocks it offers.
//! Whoever is alone in a block can be singled out by whoever knows the key's fields, so blocks below a
//! least size are not offered.
//!
//! ```
//! use blindjoin_linkage::blocking::{BlockKey, Blocks};
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
//! assert_eq!(blocks.of_at_least(2).sizes().collect::<Vec<_>>(), [("1950|NSW", 2)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Leakage
//!
//! | who | sees |
//! |---|---|
//! | querier | which years or states the provider has enough records of |
//! | provider | the blocks that the querier names, hence, unless it names all, which occur; where pairs are compared their padded sizes |
//! | key holder | nothing more than without blocking |
//!
//! # Source
//!
//! El Emam and Arbuckle, "Anonymizing Health Data", 2013, chapters 2 (prosecutor risk) and 12.

use std::collections::BTreeMap;

use blindjoin_protocol::input::{BlockDirectory, Blocking};
use blindjoin_record::RuleSet;

use crate::keys::Keys;
use crate::{Error, Signed};

/// The least size of a block unless the parties agree otherwise.
pub const LEAST_BLOCK: u64 = Blocking::DEFAULT_LEAST as u64;

/// What records are blocked by.
#[derive(Clone, Debug)]
pub enum BlockKey {
    /// Parts of fields: a rule set whose only rule's signature is the block key.
    Fields(RuleSet),
    /// So many leading bits of a salted hash of every join key; see [`BlockDirectory::prefix`].
    Hash {
        /// 1 to [`BlockDirectory::MOST_HASH_BITS`].
        bits: u8,
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

impl BlockKey {
    /// Reads what stands after `--block`: `hash:BITS`, or a comma-separated list of parts.
    ///
    /// A part is a `field`, a `field:expression` as in rules files, or a name ending in `_year`,
    /// `_month` or `_day`, which is that part of the date field of the same beginning
    /// (`birth_year` is `birth_date:Y`). Fields are those of `rules`. A field alone is trimmed,
    /// composed and in upper case (`state` is `state:T|N|U`), so that two parties' ways of writing
    /// it do not tear its block apart; `state:` takes it as it is.
    ///
    /// # Errors
    ///
    /// [`Error::BlockKey`], [`Error::BlockField`] and [`Error::BlockExpression`] for fields and
    /// expressions that the rules do not know.
    pub fn new(written: &str, rules: &RuleSet) -> Result<Self, Error> {
        if let Some(bits) = written.trim().strip_prefix("hash:") {
            let bits = bits.trim().parse().ok();
            let bits = bits.filter(|bits| (1..=BlockDirectory::MOST_HASH_BITS).contains(bits));
            return match bits {
                Some(bits) => Ok(Self::Hash { bits }),
                None => Err(no_key(written)),
            };
        }
        let parts: Vec<String> = split_outside_parentheses(written)
            .map(|part| spelled_out(part.trim(), rules))
            .collect();
        if parts.iter().any(String::is_empty) {
            return Err(no_key(written));
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let fields = rules.with_only_rule("block", &parts);
        Ok(Self::Fields(fields.map_err(of_block)?))
    }

    /// The rule set whose only rule yields the block of a record, where blocks are of fields.
    pub fn fields(&self) -> Option<&RuleSet> {
        match self {
            Self::Fields(fields) => Some(fields),
            Self::Hash { .. } => None,
        }
    }
}

/// How the records of a table fall into blocks.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct BlockCount {
    /// How many of the records that take part are in each block, and in none.
    pub blocks: Blocks,
    /// Records that do not take part.
    pub idle: u64,
}

impl BlockCount {
    /// Counts a record by its block, nothing if it has none; a record that is compared with none is in
    /// no block.
    pub fn add(&mut self, record: &Signed<'_>, block: Option<&str>) {
        if record.takes_part() {
            self.blocks.add(block);
        } else {
            self.idle += 1;
        }
    }
}

/// How the join keys of a table fall into hashed blocks.
#[derive(Debug)]
pub struct HashCount {
    keys: Keys,
    salt: [u8; 32],
    bits: u8,
    /// How many keys are in each block. The blocks bear the numbers of [`BlockDirectory::prefix`].
    pub blocks: Blocks,
}

impl HashCount {
    /// Counts under a salt, which in a session is the provider's.
    pub fn new(rules: &RuleSet, salt: [u8; 32], bits: u8) -> Self {
        Self {
            keys: Keys::new(rules),
            salt,
            bits,
            blocks: Blocks::default(),
        }
    }

    /// Counts a record's keys.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] for a signature with a NUL byte.
    pub fn add(&mut self, record: &Signed<'_>) -> Result<(), Error> {
        for signature in record.signatures {
            let key = self.keys.make(signature, None)?;
            let block = BlockDirectory::prefix(&self.salt, self.bits, key);
            self.blocks.add(Some(&format!("{block:05x}")));
        }
        Ok(())
    }
}

fn no_key(written: &str) -> Error {
    Error::BlockKey {
        written: written.to_owned(),
        most: BlockDirectory::MOST_HASH_BITS,
    }
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

    /// The records in blocks of `least` or more; the others count as unblocked.
    #[must_use]
    pub fn of_at_least(&self, least: u64) -> Self {
        let large = self.sizes.iter().filter(|&(_, &size)| size >= least);
        let sizes: BTreeMap<String, u64> = large.map(|(key, &size)| (key.clone(), size)).collect();
        let records = sizes.values().sum();
        Self {
            sizes,
            records,
            unblocked: self.unblocked + self.records - records,
        }
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

/// An error of a rule as one of the block key that was written in its place.
fn of_block(error: blindjoin_record::Error) -> Error {
    match error {
        blindjoin_record::Error::UnknownField {
            field, declared, ..
        } => Error::BlockField { field, declared },
        blindjoin_record::Error::Expression { field, source, .. } => {
            Error::BlockExpression { field, source }
        }
        error => error.into(),
    }
}

/// Turns `birth_year` into `birth_date:Y` where there is no field of the former name, and a field
/// alone into its normal form.
fn spelled_out(part: &str, rules: &RuleSet) -> String {
    let declared = |name: &str| rules.fields().iter().any(|field| field.name() == name);
    if declared(part) {
        return format!("{part}:T|N|U");
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
    fn small_blocks_are_left_out() {
        let mut blocks = blocks(&[("1950|a", 3), ("1951|a", 11), ("1952|a", 30)]);
        blocks.add(None);
        let large = blocks.of_at_least(11);
        assert_eq!(
            large.sizes().collect::<Vec<_>>(),
            [("1951|a", 11), ("1952|a", 30)]
        );
        let risk = large.risk(11);
        assert_eq!(
            (risk.records, risk.unblocked, risk.small_blocks),
            (41, 4, 0)
        );
        assert_eq!(blocks.of_at_least(0), blocks);
        assert_eq!(blocks.of_at_least(31).risk(1).records, 0);
    }

    #[test]
    fn keys_are_read() {
        let canonical = |written| match BlockKey::new(written, &rules()).unwrap() {
            BlockKey::Fields(rules) => rules.canonical(),
            BlockKey::Hash { .. } => panic!("a key of fields"),
        };
        assert_eq!(
            canonical("birth_year,state"),
            canonical(" birth_date:Y , state ")
        );
        assert_eq!(canonical("state"), canonical("state:T|N|U"));
        assert!(canonical("birth_date:Y|S(0,3),state").contains("8:Y|S(0,3)"));
        assert!(matches!(
            BlockKey::new("hash:12", &rules()),
            Ok(BlockKey::Hash { bits: 12 })
        ));
        for bad in ["hash:0", "hash:20", "hash:x", "", "state,", ",state"] {
            assert!(
                matches!(BlockKey::new(bad, &rules()), Err(Error::BlockKey { .. })),
                "{bad}"
            );
        }
        match BlockKey::new("postcode", &rules()) {
            Err(Error::BlockField { field, .. }) => assert_eq!(field, "postcode"),
            other => panic!("{other:?}"),
        }
        let error = BlockKey::new("state:NX", &rules()).unwrap_err();
        assert!(matches!(error, Error::BlockExpression { .. }), "{error}");
        assert!(!error.to_string().contains("rule"), "{error}");
    }

    #[test]
    fn ways_of_writing_a_field_do_not_tear_its_block_apart() {
        let BlockKey::Fields(fields) = BlockKey::new("state", &rules()).unwrap() else {
            panic!("a key of fields")
        };
        let binding = fields
            .bind(
                &["state", "dob"],
                blindjoin_record::Date::new(2026, 11, 21).unwrap(),
            )
            .unwrap();
        let mut scratch = blindjoin_record::Scratch::default();
        let mut key = |state: &str| {
            let row = [state, ""];
            let signatures = binding.sign(row.as_slice(), &mut scratch);
            signatures.get(0).map(str::to_owned)
        };
        for (one, other) in [
            ("nsw ", "NSW"),
            ("Vale\u{301}e", "VALÉE"),
            ("stra\u{df}e", "STRASSE"),
        ] {
            assert_eq!(key(one), key(other), "{one}, {other}");
            assert!(key(one).is_ok());
        }
        assert!(key(" ").is_err());
        let BlockKey::Fields(exact) = BlockKey::new("state:", &rules()).unwrap() else {
            panic!("a key of fields")
        };
        assert_ne!(exact.digest(), fields.digest());
    }
}
