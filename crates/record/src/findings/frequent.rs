//! Values that stand out by how many records share them.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

/// A value that far more records share than any other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shared {
    /// How many of the records looked at share it, at least.
    pub records: u64,
    /// How many records with a value were looked at: all of the first thousands, then a sample.
    pub of: u64,
    /// The first of them.
    pub first_row: u64,
}

/// Counts of the most frequent values, known by their hashes, in bounded memory.
///
/// A count may fall short by at most `short`, which is below a 512th of the values seen.
///
/// # Source
///
/// Misra and Gries, "Finding repeated elements", 1982; merging: Agarwal et al., "Mergeable
/// summaries", 2012.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Frequent {
    /// By hash: count and first row.
    counts: BTreeMap<u64, (u64, u64)>,
    seen: u64,
    short: u64,
}

impl Frequent {
    /// Whether a row is part of the sample.
    pub(super) fn looks_at(row: u64) -> bool {
        row <= LOOKED_AT_WHOLE || row.is_multiple_of(ONE_OF)
    }

    pub(super) fn see(&mut self, value: &str, row: u64) {
        // Without keys, so that parts of a table agree; the values are the table owner's own.
        let mut hasher = DefaultHasher::new();
        hasher.write(value.as_bytes());
        let known = self.counts.entry(hasher.finish()).or_insert((0, row));
        known.0 += 1;
        known.1 = known.1.min(row);
        self.seen += 1;
        self.shrink();
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (&hash, &(count, row)) in &other.counts {
            let known = self.counts.entry(hash).or_insert((0, row));
            known.0 += count;
            known.1 = known.1.min(row);
        }
        self.seen += other.seen;
        self.short += other.short;
        self.shrink();
    }

    /// The value that stands out, if one does: shared by one record of a hundred or more, and five
    /// times as often as the next. In a column of few different values, as of codes, none does.
    pub(super) fn outstanding(&self) -> Option<Shared> {
        let (&(records, first_row), others) = self.leading()?;
        let different = self.counts.len() > FEW_VALUES || self.short > 0;
        let stands_out = different
            && records >= LEAST_RECORDS
            && records >= self.seen.div_ceil(100)
            && records >= (others + self.short) * 5;
        stands_out.then_some(Shared {
            records,
            of: self.seen,
            first_row,
        })
    }

    /// The highest count with its first row, and the next highest count.
    fn leading(&self) -> Option<(&(u64, u64), u64)> {
        let leader = self.counts.iter().max_by_key(|(_, (count, _))| *count)?;
        let others = self.counts.iter().filter(|(hash, _)| *hash != leader.0);
        let next = others.map(|(_, (count, _))| *count).max();
        Some((leader.1, next.unwrap_or(0)))
    }

    /// Takes the least count off every value until there is room.
    fn shrink(&mut self) {
        if self.counts.len() <= MOST_VALUES {
            return;
        }
        let mut counts: Vec<u64> = self.counts.values().map(|(count, _)| *count).collect();
        let excess = counts.len() - MOST_VALUES;
        let (_, &mut off, _) = counts.select_nth_unstable(excess - 1);
        self.short += off;
        self.counts.retain(|_, (count, _)| {
            *count = count.saturating_sub(off);
            *count > 0
        });
    }
}

/// Rows of which every one is looked at.
const LOOKED_AT_WHOLE: u64 = 8_192;
/// Of the others, one of so many.
const ONE_OF: u64 = 16;
/// Values kept.
const MOST_VALUES: usize = 511;
/// A column of no more different values than this holds codes.
const FEW_VALUES: usize = 32;
/// Fewer records than this are chance.
const LEAST_RECORDS: u64 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(values: impl IntoIterator<Item = String>) -> Frequent {
        let mut frequent = Frequent::default();
        for (value, row) in values.into_iter().zip(1..) {
            frequent.see(&value, row);
        }
        frequent
    }

    #[test]
    fn a_value_that_stands_out_is_seen_among_many_others() {
        let value = |row: u64| {
            if row.is_multiple_of(20) {
                "1900-01-01".to_owned()
            } else {
                format!("value {}", row % 2_000)
            }
        };
        let shared = seen((1..=8_000).map(value)).outstanding().unwrap();
        assert_eq!((shared.of, shared.first_row), (8_000, 20));
        assert!((380..=400).contains(&shared.records), "{shared:?}");

        let mut halves = seen((1..=4_000).map(value));
        halves.merge(&seen((4_001..=8_000).map(value)));
        let merged = halves.outstanding().unwrap();
        assert!((370..=400).contains(&merged.records), "{merged:?}");
    }

    #[test]
    fn codes_common_names_and_few_records_do_not_stand_out() {
        let codes = (0..5_000_u64).map(|row| if row % 9 == 0 { "x" } else { "f" }.to_owned());
        assert_eq!(seen(codes).outstanding(), None);
        // The r-th name is borne by a share of 1/r, as names are.
        let names = (1..400_u64).flat_map(|rank| (0..400 / rank).map(move |_| format!("n{rank}")));
        assert_eq!(seen(names).outstanding(), None);
        let few = (0..60_u64).map(|row| {
            if row < 15 {
                "0".to_owned()
            } else {
                row.to_string()
            }
        });
        assert_eq!(seen(few).outstanding(), None);
    }

    #[test]
    fn counts_fall_short_by_no_more_than_is_said() {
        let all = (0..60_000_u64).map(|row| match row % 50 {
            0 => "much".to_owned(),
            _ => row.to_string(),
        });
        let frequent = seen(all);
        let shared = frequent.outstanding().unwrap();
        assert!(shared.records <= 1_200 && shared.records + frequent.short >= 1_200);
        assert!(frequent.short <= frequent.seen / 512 + 1);
    }
}
