//! What is the querier's own in a pairwise linkage: the layout of its table, labels, the pairs.

use rand_chacha::ChaCha20Rng;
use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::card::{Card, Cell, Pair};
use crate::keys::JoinKeys;
use crate::mersenne::Mersenne;
use crate::opening::check_spurious;
use crate::random::below_mersenne;
use crate::records::QuerierRecords;
use crate::{BlockDirectory, Error, Mode, Pairwise, number};

/// The field that labels are shared in: 61 bits.
const SHARE_BITS: u32 = 61;
/// The bits of a handle where a label is shared.
const HANDLE_BITS: u32 = 30;

/// What a pair shows on a match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PairLabel {
    pub(crate) row: u32,
    pub(crate) handle: u32,
}

impl PairLabel {
    /// The label in one piece.
    pub(crate) fn whole(self) -> u64 {
        u64::from(self.row) << 32 | u64::from(self.handle)
    }

    fn from_whole(label: u64) -> Self {
        let [row, handle] = [label >> 32, label & 0xffff_ffff]
            .map(|half| u32::try_from(half).expect("half a label"));
        Self { row, handle }
    }

    fn secret(self) -> u128 {
        u128::from(self.row) << HANDLE_BITS | u128::from(self.handle)
    }

    fn from_secret(secret: u128) -> Option<Self> {
        let handle = u32::try_from(secret & ((1 << HANDLE_BITS) - 1)).ok()?;
        Some(Self {
            row: u32::try_from(secret >> HANDLE_BITS).ok()?,
            handle,
        })
    }
}

/// Shares a label over slots such that `threshold` of them give it back and fewer say nothing.
///
/// # Source
///
/// A. Shamir, *How to share a secret*, CACM 22 (1979), over 2⁶¹ - 1; slot `i` has abscissa `i + 1`.
pub(crate) fn shares(
    label: PairLabel,
    threshold: u8,
    slots: usize,
    rng: &mut ChaCha20Rng,
) -> Vec<u64> {
    let field = Mersenne::new(SHARE_BITS);
    let mut coefficients = Zeroizing::new(vec![label.secret()]);
    coefficients.extend((1..threshold).map(|_| below_mersenne(rng, SHARE_BITS)));
    (1..=slots as u128)
        .map(|x| {
            let value = coefficients
                .iter()
                .rev()
                .fold(0, |acc, &c| field.add(field.mul(acc, x), c));
            number::label(value)
        })
        .collect()
}

/// Interpolates at zero.
fn open_shares(shares: &[(usize, u64)]) -> u128 {
    let field = Mersenne::new(SHARE_BITS);
    let at = |slot: usize| slot as u128 + 1;
    shares.iter().fold(0, |sum, &(slot, share)| {
        let (above, below) = shares.iter().filter(|(other, _)| *other != slot).fold(
            (1, 1),
            |(above, below), &(other, _)| {
                (
                    field.mul(above, at(other)),
                    field.mul(below, field.sub(at(other), at(slot))),
                )
            },
        );
        let weight = field.mul(above, field.invert(below));
        field.add(sum, field.mul(weight, u128::from(share) % field.modulus()))
    })
}

/// The name under which a part's values are fingerprinted.
pub(crate) fn part_field(part: u8) -> String {
    part.to_string()
}

/// How the records of a pairwise linkage lie in the table, a row of parts for each.
pub(crate) struct PairLayout {
    records: QuerierRecords,
    pairwise: Pairwise,
    rules: u16,
    /// The record in each row of the table, if there is one.
    rows: Vec<Option<u32>>,
}

impl PairLayout {
    /// Lays the records out by blocks, each padded to its size class; yields the table's plaintexts
    /// too.
    pub(crate) fn new(
        agreement: &Agreement,
        join_keys: &JoinKeys,
        blocks: &BlockDirectory,
        records: QuerierRecords,
    ) -> Result<(Self, Zeroizing<Vec<u128>>), Error> {
        let manifest = agreement.manifest();
        let Mode::Pairwise(pairwise) = &manifest.terms.mode else {
            return Err(Error::ManifestContradiction {
                reason: "records for a linkage without pairs",
            });
        };
        if manifest.blocks != Some(blocks.digest()) {
            return Err(Error::ManifestMismatch { field: "blocks" });
        }
        let (count, room) = (blocks.padded_rows(), manifest.querier_size);
        if count > room {
            return Err(Error::TooMany { count, room });
        }
        let mut free: Vec<(u32, u32)> = blocks
            .iter()
            .scan(0, |first, (_, rows)| {
                *first += rows;
                Some((*first - rows, *first))
            })
            .collect();
        let parts = usize::from(pairwise.parts);
        let table_rows = number::index(room);
        let mut rows = vec![None; table_rows];
        let absent = agreement.suite().absent_querier();
        let mut plain = Zeroizing::new(vec![absent; table_rows * parts]);
        for record in 0..records.len() {
            let Some(block) = records.block(record).and_then(|block| blocks.find(block)) else {
                continue;
            };
            let (next, end) = &mut free[block];
            if next == end {
                return Err(Error::TooMany {
                    count: u64::from(*end) + 1,
                    room: u64::from(*end),
                });
            }
            let row = *next as usize;
            *next += 1;
            rows[row] = Some(number::short(record));
            for (part, value) in (0_u8..).zip(records.parts(record)) {
                if let Some(value) = value {
                    plain[row * parts + usize::from(part)] =
                        join_keys.fingerprint(part_field(part).as_bytes(), value);
                }
            }
        }
        let layout = Self {
            records,
            pairwise: pairwise.clone(),
            rules: u16::try_from(manifest.terms.rules.len()).expect("few rules"),
            rows,
        };
        Ok((layout, plain))
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// Makes the card of positions, ascending, with their unmasked labels.
    pub(crate) fn card(&self, found: &[(u64, u64)]) -> Result<Card, Error> {
        let slots = self.pairwise.slots();
        let of = |position: u64| position / slots.len() as u64;
        let mut pairs: Vec<Pair> = Vec::new();
        let mut spurious = 0;
        for group in found.chunk_by(|a, b| of(a.0) == of(b.0)) {
            let shown: Vec<(usize, u64)> = group
                .iter()
                .map(|&(position, label)| {
                    let slot = position % slots.len() as u64;
                    (number::index(slot), label)
                })
                .collect();
            match self.open(&slots, &shown) {
                Opened::Pair(pair) => pairs.push(pair),
                Opened::BelowThreshold => {}
                Opened::Nonsense => spurious += 1,
            }
        }
        check_spurious(spurious)?;
        pairs.sort_unstable();
        if pairs
            .windows(2)
            .any(|two| (two[0].row, two[0].handle) == (two[1].row, two[1].handle))
        {
            return Err(Error::MatchedTwice);
        }
        let mut card = self.blank_card().with_pairs(pairs);
        card.notes_mut().spurious = spurious;
        Ok(card)
    }

    /// Opens what the slots of one pair show.
    fn open(&self, slots: &[usize], shown: &[(usize, u64)]) -> Opened {
        let label = match self.pairwise.threshold {
            None => {
                if shown.iter().any(|(_, label)| *label != shown[0].1) {
                    return Opened::Nonsense;
                }
                Some(PairLabel::from_whole(shown[0].1))
            }
            Some(threshold) => {
                let needed = usize::from(threshold);
                if shown.len() < needed {
                    return Opened::BelowThreshold;
                }
                // Every run of enough shares must tell the same.
                let secret = open_shares(&shown[..needed]);
                if shown.windows(needed).any(|run| open_shares(run) != secret) {
                    return Opened::Nonsense;
                }
                PairLabel::from_secret(secret)
            }
        };
        let record = label.and_then(|label| {
            let row = self.rows.get(label.row as usize).copied().flatten()?;
            Some((row, label.handle))
        });
        let Some((row, handle)) = record else {
            return Opened::Nonsense;
        };
        let rule = |slot: usize| self.pairwise.clauses[slots[slot]].rule;
        let mut rules: Vec<u16> = shown.iter().map(|(slot, _)| rule(*slot)).collect();
        rules.sort_unstable();
        rules.dedup();
        Opened::Pair(Pair { row, handle, rules })
    }

    /// The card before any match: which cells have a value and were compared.
    fn blank_card(&self) -> Card {
        let rows = number::short(self.records.len());
        let mut compared = vec![false; self.records.len()];
        for row in self.rows.iter().flatten() {
            compared[*row as usize] = true;
        }
        let mut card = Card::new(rows, self.rules);
        for row in 0..rows {
            let parts: Vec<bool> = self
                .records
                .parts(row as usize)
                .map(|value| value.is_some())
                .collect();
            for clause in &self.pairwise.clauses {
                if clause.parts.iter().all(|&part| parts[usize::from(part)]) {
                    let cell = if compared[row as usize] {
                        Cell::NotMatched
                    } else {
                        Cell::NotCompared
                    };
                    card.raise(row, clause.rule, cell);
                }
            }
        }
        card
    }
}

enum Opened {
    Pair(Pair),
    BelowThreshold,
    Nonsense,
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn enough_shares_open_and_fewer_do_not() {
        let mut rng = ChaCha20Rng::from_seed([6; 32]);
        let label = PairLabel {
            row: 123_456,
            handle: 987_654,
        };
        let shares = shares(label, 3, 6, &mut rng);
        let of = |slots: &[usize]| {
            slots
                .iter()
                .map(|&slot| (slot, shares[slot]))
                .collect::<Vec<_>>()
        };
        for slots in [[0, 1, 2], [1, 3, 5], [0, 4, 5]] {
            assert_eq!(
                PairLabel::from_secret(open_shares(&of(&slots))),
                Some(label)
            );
        }
        assert_ne!(
            PairLabel::from_secret(open_shares(&of(&[0, 1]))),
            Some(label)
        );
        assert_eq!(open_shares(&of(&[0, 1, 2, 3])), label.secret());
    }

    #[test]
    fn labels_survive_in_one_piece() {
        let label = PairLabel {
            row: 7,
            handle: u32::MAX,
        };
        assert_eq!(PairLabel::from_whole(label.whole()), label);
    }
}
