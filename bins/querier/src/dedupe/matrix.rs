//! How many of this registry's persons jurisdictions hold, alone and by pairs, for others to read.

use blindjoin_columnar::{Error, Format, Header, Output, OutputColumn, Quoting, TableWriter};

use super::decide::Decisions;
use super::links::Standing;

/// What stands where a count is not published.
const SUPPRESSED: &str = "suppressed";

/// What stands where nothing was counted, because linking with a jurisdiction failed.
const NOT_COMPARED: &str = "not compared";

/// A count for each pair of jurisdictions: how many persons of this registry both hold.
///
/// This registry's row says how many each of the others holds, and its diagonal how many persons
/// there are. Persons whom others hold and this registry does not are in no count, because nobody
/// told us.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Matrix {
    counts: Vec<Vec<u64>>,
    ours: usize,
    /// Which jurisdictions could not be linked with.
    failed: Vec<bool>,
}

impl Matrix {
    /// Counts.
    pub(crate) fn of(decisions: &Decisions, standings: &[Standing], persons: usize) -> Self {
        let places = decisions.held.len();
        let mut counts = vec![vec![0; places]; places];
        for person in 0..persons {
            let holders: Vec<usize> = decisions.holders(person).collect();
            for &one in &holders {
                for &other in &holders {
                    counts[one][other] += 1;
                }
            }
        }
        Self {
            counts,
            ours: decisions.ours,
            failed: standings
                .iter()
                .map(|standing| matches!(standing, Standing::Failed))
                .collect(),
        }
    }

    /// Persons of this registry that two jurisdictions hold.
    pub(crate) fn count(&self, one: usize, other: usize) -> u64 {
        self.counts[one][other]
    }

    /// The counts as they may be published.
    ///
    /// From what is shown for two of the others, four counts can be computed: how many of our
    /// persons both hold, the one alone, the other alone, and neither. Each count is shown only if
    /// all that can be computed with it are at least `threshold`. What is suppressed can then be
    /// bounded, as by every count it is part of, and not computed.
    pub(crate) fn publish(&self, threshold: u64) -> Vec<Vec<Option<u64>>> {
        let small = |count: u64| count < threshold;
        let all = self.counts[self.ours][self.ours];
        let show = |one: usize, other: usize| {
            let (both, first, second) = (
                self.count(one, other),
                self.count(one, one),
                self.count(other, other),
            );
            let split = if one == self.ours && other == self.ours {
                small(all)
            } else if one == other || one == self.ours || other == self.ours {
                small(both) || small(all - both)
            } else {
                [
                    both,
                    first - both,
                    second - both,
                    all + both - first - second,
                ]
                .into_iter()
                .any(small)
            };
            (!split).then_some(both)
        };
        let places = self.counts.len();
        (0..places)
            .map(|one| (0..places).map(|other| show(one, other)).collect())
            .collect()
    }

    /// Writes what may be published: a line and a column for each jurisdiction.
    pub(crate) fn write(
        &self,
        names: &[String],
        threshold: u64,
        output: Output,
        format: Format,
    ) -> Result<Output, Error> {
        let columns = std::iter::once("jurisdiction").chain(names.iter().map(String::as_str));
        let columns = columns.map(OutputColumn::text).collect();
        let mut table = TableWriter::new(output, format, columns, Quoting::Needed, Header::Always)?;
        let mut rows = table.buffers().buffer(names.len());
        let published = self.publish(threshold).into_iter().enumerate();
        for (name, (one, counts)) in names.iter().zip(published) {
            let cells = counts.into_iter().enumerate().map(|(other, count)| {
                if self.failed[one] || self.failed[other] {
                    return NOT_COMPARED.to_owned();
                }
                count.map_or_else(|| SUPPRESSED.to_owned(), |count| count.to_string())
            });
            let cells: Vec<String> = cells.collect();
            rows.push(
                std::iter::once(Some(name.as_str()))
                    .chain(cells.iter().map(|cell| Some(cell.as_str()))),
            );
        }
        table.append(rows)?;
        table.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::decide::Held;
    use super::*;

    /// Three jurisdictions, ours the first; how many persons each set of the other two holds.
    fn matrix(neither: usize, one: usize, other: usize, both: usize) -> Matrix {
        let persons = neither + one + other + both;
        let held = |ranges: [std::ops::Range<usize>; 2]| {
            let yes = |person| ranges.iter().any(|range| range.contains(&person));
            (0..persons)
                .map(|person| if yes(person) { Held::Yes } else { Held::No })
                .collect()
        };
        let (a, b) = (neither + one, neither + one + other);
        let held = vec![
            vec![Held::Yes; persons],
            held([neither..a, b..persons]),
            held([a..b, b..persons]),
        ];
        Matrix::of(&Decisions { held, ours: 0 }, &[], persons)
    }

    #[test]
    fn counts_are_those_of_our_persons() {
        let matrix = matrix(20, 30, 40, 50);
        assert_eq!(matrix.counts, [[140, 80, 90], [80, 80, 50], [90, 50, 90]]);
        assert_eq!(matrix.publish(11)[1], [Some(80), Some(80), Some(50)]);
    }

    /// Every small cell, and every small sum of two, has another value that agrees with all that is
    /// published.
    #[test]
    fn small_counts_cannot_be_computed_from_what_is_published() {
        const SIZES: [i64; 6] = [0, 3, 10, 11, 12, 40];
        const SUMS: [u8; 8] = [
            0b0001, 0b0010, 0b0100, 0b1000, 0b1010, 0b1100, 0b0101, 0b0011,
        ];
        let sum = |cells: [i64; 4], mask: u8| -> i64 {
            (0..4)
                .filter(|bit| mask >> bit & 1 == 1)
                .map(|bit| cells[bit])
                .sum()
        };
        // The matrix of a table: both are in cell 3, the first of the others in 1 and 3.
        let masks = [
            [0b1111, 0b1010, 0b1100],
            [0b1010, 0b1010, 0b1000],
            [0b1100, 0b1000, 0b1100],
        ];
        for code in 0..6_usize.pow(4) {
            let truth = [0, 1, 2, 3].map(|place| SIZES[code / 6_usize.pow(place) % 6]);
            let [neither, one, other, both] = truth.map(|cell| usize::try_from(cell).unwrap());
            let published = matrix(neither, one, other, both).publish(11);
            let mut seen = [false; SUMS.len()];
            for change in 0..3_i64.pow(4) {
                let near = [0, 1, 2, 3]
                    .map(|place| truth[place as usize] + change / 3_i64.pow(place) % 3 - 1);
                let agrees = published.iter().zip(masks).all(|(row, masks)| {
                    row.iter().zip(masks).all(|(shown, mask)| {
                        shown.is_none_or(|shown| i64::try_from(shown) == Ok(sum(near, mask)))
                    })
                });
                if near.iter().any(|&cell| cell < 0) || !agrees {
                    continue;
                }
                for (seen, mask) in seen.iter_mut().zip(SUMS) {
                    *seen |= sum(near, mask) != sum(truth, mask);
                }
            }
            for (seen, mask) in seen.into_iter().zip(SUMS) {
                assert!(
                    seen || sum(truth, mask) >= 11,
                    "{truth:?}, {mask:b}: {published:?}"
                );
            }
        }
    }

    #[test]
    fn without_a_threshold_everything_is_shown() {
        assert_eq!(
            matrix(0, 0, 1, 0).publish(0)[1],
            [Some(0), Some(0), Some(0)]
        );
    }
}
