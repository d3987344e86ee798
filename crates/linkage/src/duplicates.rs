//! Duplicates within one registry, found at home and without a protocol.
//!
//! Two rows are duplicates if one's signature is among the other's probes under some rule, and so
//! are the duplicates of one row: groups are what is connected.
//!
//! ```
//! use blindjoin_linkage::duplicates::Keys;
//! use blindjoin_record::{Date, RuleSet, Scratch};
//!
//! let rules = RuleSet::from_toml(
//!     "[columns]\nid = \"id\"\nname = \"name\"\n\
//!      [[rule]]\nid = \"ID\"\nsignature = [\"id\"]\n\
//!      [[rule]]\nid = \"NAME\"\nsignature = [\"name:U\"]\n",
//! )?;
//! let binding = rules.bind(&["id", "name"], Date::new(2026, 11, 21).expect("a day"))?;
//! let (mut keys, mut scratch) = (Keys::default(), Scratch::default());
//! for row in [["1", "Ann"], ["2", "Ben"], ["1", "Anne"], ["3", "ANNE"], ["4", ""]] {
//!     keys.add(&binding, row.as_slice(), &mut scratch);
//! }
//! let groups = keys.group();
//! assert_eq!(groups.first_rows(), [0, 1, 0, 0, 4]);
//! assert_eq!(groups.rules(2), 0b11);
//! # Ok::<(), blindjoin_record::Error>(())
//! ```

use blindjoin_record::{Binding, Row, Scratch};
use sha2::{Digest, Sha256};

/// The keys of a registry's rows, 24 bytes each.
///
/// A key is held as 128 bits of its SHA-256: among 2²⁴ keys two that differ are taken for one with
/// probability 2⁻⁸¹.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    keys: Vec<Key>,
    rows: u32,
}

/// Rows in groups of duplicates.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DuplicateGroups {
    first_rows: Vec<u32>,
    rules: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Key {
    hash: [u64; 2],
    row: u32,
    rule: u8,
    side: Side,
}

/// How a key takes part: signatures match probes, and a rule without probe forms has its signature
/// for both.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Side {
    Both,
    Signature,
    Probe,
}

impl Keys {
    /// Adds the next row; rows count from 0.
    ///
    /// # Panics
    ///
    /// If there are 2³² rows.
    pub fn add(&mut self, binding: &Binding, row: &(impl Row + ?Sized), scratch: &mut Scratch) {
        let number = self.rows;
        self.rows = number.checked_add(1).expect("rows are numbered by 32 bits");
        for (rule, signature) in binding.sign(row, scratch).iter().enumerate() {
            let Ok(signature) = signature else { continue };
            let probes = binding.rules().rules()[rule].has_probes();
            let side = if probes { Side::Signature } else { Side::Both };
            self.keys.push(Key::new(rule, signature, number, side));
        }
        for (rule, probe) in binding.probe(row, scratch).iter() {
            if let (Ok(probe), true) = (probe, binding.rules().rules()[rule].has_probes()) {
                self.keys.push(Key::new(rule, probe, number, Side::Probe));
            }
        }
    }

    /// Finds the groups, in memory of the keys' order and time of sorting them.
    pub fn group(mut self) -> DuplicateGroups {
        self.keys.sort_unstable();
        let mut rules = vec![0; self.rows as usize];
        let mut forest = Forest::new(self.rows);
        for keys in self.keys.chunk_by(|one, next| one.hash == next.hash) {
            let signed = keys.iter().any(|key| key.side != Side::Probe);
            let probed = keys.iter().any(|key| key.side != Side::Signature);
            let (first, last) = (keys[0].row, keys[keys.len() - 1].row);
            if !signed || !probed || first == last {
                continue;
            }
            for key in keys {
                forest.join(first, key.row);
                rules[key.row as usize] |= 1 << key.rule;
            }
        }
        let first_rows = (0..self.rows).map(|row| forest.root(row)).collect();
        DuplicateGroups { first_rows, rules }
    }
}

impl DuplicateGroups {
    /// For each row the first row of its group: itself if it has no duplicate before it.
    pub fn first_rows(&self) -> &[u32] {
        &self.first_rows
    }

    /// The rules under which a row has a duplicate: bit `i` stands for rule `i`.
    pub fn rules(&self, row: usize) -> u64 {
        self.rules[row]
    }

    /// How many groups there are, rows without duplicates counted as groups of one.
    pub fn count(&self) -> usize {
        self.first_rows
            .iter()
            .zip(0..)
            .filter(|&(&first, row)| first == row)
            .count()
    }
}

impl Key {
    fn new(rule: usize, signature: &str, row: u32, side: Side) -> Self {
        let rule = u8::try_from(rule).expect("a rule set has at most 64 rules");
        let digest = Sha256::new()
            .chain_update([rule])
            .chain_update(signature)
            .finalize();
        let (words, _) = digest.as_chunks::<8>();
        let hash = [u64::from_be_bytes(words[0]), u64::from_be_bytes(words[1])];
        Self {
            hash,
            row,
            rule,
            side,
        }
    }
}

/// Disjoint sets of rows, each named by its first row.
struct Forest(Vec<u32>);

impl Forest {
    fn new(rows: u32) -> Self {
        Self((0..rows).collect())
    }

    fn root(&mut self, mut row: u32) -> u32 {
        while self.0[row as usize] != row {
            let parent = self.0[row as usize];
            self.0[row as usize] = self.0[parent as usize];
            row = parent;
        }
        row
    }

    fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.root(one), self.root(other));
        self.0[one.max(other) as usize] = one.min(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blindjoin_record::{Date, RuleSet};

    fn first_rows(rows: &[[&str; 2]]) -> Vec<u32> {
        let rules = RuleSet::from_toml(
            "[columns]\nname = \"name\"\nborn = \"born\"\n\
             [[rule]]\nid = \"NEAR\"\nsignature = [\"name\", \"born:Y\"]\n\
             probe = [[\"name\", \"born:Y(1)\"], [\"name\", \"born:Y(-1)\"]]\n",
        )
        .unwrap();
        let binding = rules
            .bind(&["name", "born"], Date::new(2026, 11, 21).unwrap())
            .unwrap();
        let (mut keys, mut scratch) = (Keys::default(), Scratch::default());
        for row in rows {
            keys.add(&binding, row.as_slice(), &mut scratch);
        }
        keys.group().first_rows().to_vec()
    }

    #[test]
    fn a_signature_matches_a_probe_and_nothing_else() {
        let (ann, ben) = (["Ann", "19500101"], ["Ben", "19500101"]);
        assert_eq!(first_rows(&[ann, ben, ["Ann", "19510101"]]), [0, 1, 0]);
        assert_eq!(
            first_rows(&[ann, ann]),
            [0, 1],
            "the same year is not probed"
        );
        assert_eq!(
            first_rows(&[ann, ["Ann", "19520101"]]),
            [0, 1],
            "a probe matches no probe"
        );
        let chain = [["Ann", "19520101"], ann, ["Ann", "19510101"]];
        assert_eq!(
            first_rows(&chain),
            [0, 0, 0],
            "what is connected is one group"
        );
        assert_eq!(first_rows(&[]), [0_u32; 0]);
    }
}
