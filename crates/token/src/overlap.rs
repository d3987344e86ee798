//! How two files overlap, in numbers.

use crate::matching::{Cardinality, Matches};
use crate::suppress::{Count, in_sum};
use crate::table::TokenTable;

/// The overlap of two token files under a strategy, in exact numbers.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Overlap {
    /// The left file.
    pub left: SideCounts,
    /// The right file.
    pub right: SideCounts,
    /// Pairs that match.
    pub pairs: u64,
    /// Of these, how many are one-to-one and so on, in the order of [`Cardinality::ALL`].
    pub cardinalities: [u64; 4],
    /// The rules that both files have.
    pub rules: Vec<RuleOverlap>,
}

/// One file's part in an overlap.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SideCounts {
    /// Records in the file: different record ids.
    pub records: u64,
    /// Records with at least one match.
    pub matched: u64,
}

/// What one rule has to do with an overlap.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RuleOverlap {
    /// The rule's id.
    pub rule: String,
    /// Different tokens of the left file, blank ones aside.
    pub left: u64,
    /// Different tokens of the right file.
    pub right: u64,
    /// Different tokens that both have.
    pub shared: u64,
    /// Matching pairs that agree under this rule.
    pub pairs: u64,
}

/// An overlap as it may be published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublishedOverlap {
    /// The left file's records, those with a match, and those without.
    pub left: [Count; 3],
    /// The right file's.
    pub right: [Count; 3],
    /// Pairs that match.
    pub pairs: Count,
    /// Of these, how many are one-to-one and so on, in the order of [`Cardinality::ALL`].
    pub cardinalities: [Count; 4],
    /// The rules.
    pub rules: Vec<PublishedRule>,
}

/// A rule's part in an overlap as it may be published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublishedRule {
    /// The rule's id.
    pub rule: String,
    /// Different tokens of the left file.
    pub left: Count,
    /// Different tokens of the right file.
    pub right: Count,
    /// Different tokens that both have.
    pub shared: Count,
    /// Matching pairs that agree under this rule.
    pub pairs: Count,
}

impl Overlap {
    pub(crate) fn new(matches: &Matches, shared: impl Iterator<Item = [u64; 3]>) -> Self {
        let mut overlap = Self {
            pairs: matches.pairs().len() as u64,
            ..Self::default()
        };
        for &pair in matches.pairs() {
            overlap.cardinalities[matches.cardinality(pair) as usize] += 1;
        }
        for (i, (rule, [left, right, shared])) in matches.rules().zip(shared).enumerate() {
            let agreeing = matches.pairs().iter().filter(|pair| pair.agrees(i));
            overlap.rules.push(RuleOverlap {
                rule: rule.to_owned(),
                left,
                right,
                shared,
                pairs: agreeing.count() as u64,
            });
        }
        overlap
    }

    pub(crate) fn count_sides(&mut self, tables: [&TokenTable; 2], degrees: [&[u32]; 2]) {
        let [left, right] = [0, 1].map(|side: usize| SideCounts {
            records: tables[side].records(),
            matched: degrees[side].iter().filter(|&&degree| degree > 0).count() as u64,
        });
        (self.left, self.right) = (left, right);
    }

    /// Matched records of the smaller file, of a hundred of its records.
    ///
    /// Nothing if that file is empty.
    pub fn percent_of_smaller(&self) -> Option<f64> {
        let smaller = if self.left.records <= self.right.records {
            self.left
        } else {
            self.right
        };
        smaller.percent()
    }

    /// The overlap with every count below the threshold suppressed, zero included, and with others
    /// suppressed from which a small one could be computed.
    ///
    /// What follows from what: a file's records are those with and those without a match; pairs are
    /// one-to-one, one-to-many, many-to-one or many-to-many; a file's tokens under a rule are those
    /// that the other has and those that it has not (which are not shown, but follow). The matched
    /// records of both files and the pairs are so close to each other that if one of them is too
    /// small, all are suppressed. Pairs under a rule are suppressed with them, and where the pairs
    /// that do not agree under the rule are some, but too few.
    pub fn suppress_below(&self, threshold: u64) -> PublishedOverlap {
        let small = |count: u64| count < threshold;
        let sides = [self.left, self.right];
        let matches = small(self.pairs)
            || sides
                .iter()
                .any(|side| small(side.matched) || small(side.unmatched()));
        let side = |side: SideCounts| {
            [
                Count::unless(small(side.records), side.records),
                Count::unless(matches, side.matched),
                Count::unless(matches, side.unmatched()),
            ]
        };
        let cardinalities = in_sum(&self.cardinalities, threshold);
        let cardinality =
            |i: usize| Count::unless(matches || cardinalities[i], self.cardinalities[i]);
        PublishedOverlap {
            left: side(self.left),
            right: side(self.right),
            pairs: Count::unless(matches, self.pairs),
            cardinalities: [0, 1, 2, 3].map(cardinality),
            rules: self
                .rules
                .iter()
                .map(|rule| rule.suppress_below(threshold, (!matches).then_some(self.pairs)))
                .collect(),
        }
    }

    /// The count of one cardinality.
    pub fn cardinality(&self, cardinality: Cardinality) -> u64 {
        self.cardinalities[cardinality as usize]
    }
}

impl SideCounts {
    /// Records without a match.
    pub fn unmatched(self) -> u64 {
        self.records - self.matched
    }

    /// Records with a match, of a hundred; nothing if there are no records.
    pub fn percent(self) -> Option<f64> {
        percent(self.matched, self.records)
    }
}

impl RuleOverlap {
    /// `all` is the number of all pairs, where it is shown.
    fn suppress_below(&self, threshold: u64, all: Option<u64>) -> PublishedRule {
        let small = |count: u64| count < threshold;
        let pairs = all
            .is_none_or(|all| small(self.pairs) || (self.pairs < all && small(all - self.pairs)));
        let shared =
            small(self.shared) || small(self.left - self.shared) || small(self.right - self.shared);
        PublishedRule {
            rule: self.rule.clone(),
            left: Count::unless(small(self.left), self.left),
            right: Count::unless(small(self.right), self.right),
            shared: Count::unless(shared, self.shared),
            pairs: Count::unless(pairs, self.pairs),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a percentage needs no more than 53 bits"
)]
fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}
