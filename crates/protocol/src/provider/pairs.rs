//! Pairs of records, one slot per clause: the AND of a clause is a random linear combination.

use std::ops::Range;

use blindjoin_bigint::{Elements, Naturals};
use blindjoin_paillier::Ciphertexts;
use rand_chacha::ChaCha20Rng;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Context;
use super::table::EncryptedTable;
use crate::agreement::Agreement;
use crate::keys::JoinKeys;
use crate::mask::{SLOT_WORDS, draw_rho, nonzero, shown};
use crate::mersenne::{add, add_product, add_shifted, subtract};
use crate::pairs::{PairLabel, part_field, shares};
use crate::random::{below_mersenne, permutation, shuffle};
use crate::records::ProviderRecords;
use crate::{BlockDirectory, Error, Mode, Pairwise, number, size_class};

/// The pairs in their secret order.
///
/// Memory: 4 bytes for each pair, and 16 for each value that a record in the blocks asks for.
pub(super) struct PairJobs {
    pairwise: Pairwise,
    slots: Vec<usize>,
    order: Vec<u32>,
    blocks: Vec<Block>,
    /// The values a record asks for, clause after clause, part after part.
    values: Zeroizing<Vec<u128>>,
    values_per_record: usize,
    handles: Vec<u32>,
}

struct Block {
    /// The first of the block's pairs, of the querier's rows, and of the records in blocks.
    first_pair: u64,
    first_row: u32,
    first_record: u32,
    rows: u32,
}

/// One pair: the querier's row and the provider's record, numbered within the blocks.
type PairOf = Option<(u32, u32)>;

impl PairJobs {
    pub(super) fn prepare(
        agreement: &Agreement,
        join_keys: &JoinKeys,
        directory: &BlockDirectory,
        records: &ProviderRecords,
        rng: &mut ChaCha20Rng,
    ) -> Result<Self, Error> {
        let manifest = agreement.manifest();
        let Mode::Pairwise(pairwise) = &manifest.terms.mode else {
            return Err(Error::ManifestContradiction {
                reason: "records for a linkage without pairs",
            });
        };
        if manifest.blocks != Some(directory.digest()) {
            return Err(Error::ManifestMismatch { field: "blocks" });
        }
        let (count, room) = (records.pairs(directory), agreement.sizes().provider_keys());
        if count > room || directory.padded_rows() > manifest.querier_size {
            return Err(Error::TooMany { count, room });
        }
        let members = records.members(directory);
        let (mut first_pair, mut first_row, mut first_record) = (0, 0, 0);
        let blocks = directory
            .iter()
            .zip(&members)
            .map(|((_, rows), members)| {
                let block = Block {
                    first_pair,
                    first_row,
                    first_record,
                    rows,
                };
                first_pair += u64::from(rows) * members.len() as u64;
                first_row += rows;
                first_record += number::short(members.len());
                block
            })
            .collect();
        let parts: Vec<String> = pairwise
            .clauses
            .iter()
            .flat_map(|clause| clause.parts.iter().map(|&part| part_field(part)))
            .collect();
        let absent = agreement.suite().absent_provider();
        let values = members
            .iter()
            .flatten()
            .flat_map(|&record| records.values(record).zip(&parts))
            .map(|(value, part)| match value {
                Some(value) => join_keys.fingerprint(part.as_bytes(), value),
                None => absent,
            })
            .collect();
        let total = number::short(number::index(agreement.sizes().comparison_ciphertexts()));
        // Handles spread over the size class, so that the largest seen does not tell the count.
        let handles = number::short(number::index(size_class(u64::from(first_record))));
        let mut handles = permutation(handles, rng);
        handles.truncate(first_record as usize);
        Ok(Self {
            pairwise: pairwise.clone(),
            slots: pairwise.slots(),
            order: permutation(total, rng),
            blocks,
            values: Zeroizing::new(values),
            values_per_record: parts.len(),
            handles,
        })
    }

    fn at(&self, position: usize) -> PairOf {
        let pair = u64::from(self.order[position]);
        let next = self.blocks.partition_point(|b| b.first_pair <= pair);
        let block = &self.blocks[next.checked_sub(1)?];
        let inside = pair - block.first_pair;
        let rows = u64::from(block.rows.max(1));
        let record = u64::from(block.first_record) + inside / rows;
        // Behind the last pair of the last block there is padding.
        let record = u32::try_from(record)
            .ok()
            .filter(|&r| (r as usize) < self.handles.len())?;
        Some((
            block.first_row + number::short(number::index(inside % rows)),
            record,
        ))
    }

    /// The values a record asks for under a clause.
    fn values(&self, record: u32, clause: usize) -> &[u128] {
        let before: usize = self.pairwise.clauses[..clause]
            .iter()
            .map(|c| c.parts.len())
            .sum();
        let start = record as usize * self.values_per_record + before;
        &self.values[start..start + self.pairwise.clauses[clause].parts.len()]
    }

    /// Draws which clause's values stand in each clause's slots of one pair: clauses of one rule
    /// over the same parts change places, so that nobody learns which of them holds.
    fn disguise(&self, rng: &mut ChaCha20Rng) -> Vec<usize> {
        let mut clauses: Vec<usize> = (0..self.pairwise.clauses.len()).collect();
        let alike = |&a: &usize, &b: &usize| self.pairwise.clauses[a] == self.pairwise.clauses[b];
        for group in clauses.chunk_by_mut(alike) {
            shuffle(group, rng);
        }
        clauses
    }
}

/// Computes the pairs at `range`.
pub(super) fn compare(
    context: &Context,
    jobs: &PairJobs,
    lifted: &Lifted,
    table: &EncryptedTable,
    batch: u64,
    range: Range<u64>,
) -> Vec<u8> {
    let mut input = Sha256::new();
    let mut real = Vec::new();
    let mut rest = Vec::new();
    for position in range.clone() {
        let pair = jobs.at(number::index(position));
        let (row, record) = pair.unwrap_or((u32::MAX, u32::MAX));
        input.update(row.to_be_bytes());
        input.update(record.to_be_bytes());
        match pair {
            Some(pair) => {
                let start = record as usize * jobs.values_per_record;
                for value in &jobs.values[start..start + jobs.values_per_record] {
                    input.update(value.to_be_bytes());
                }
                real.push((position, Some(pair)));
            }
            None => rest.push((position, None)),
        }
    }
    let mut draws = context.draws(batch, &input, table);
    let pairs: Vec<(u32, u32)> = real.iter().filter_map(|(_, pair)| *pair).collect();
    let order: Vec<(u64, PairOf)> = real.into_iter().chain(rest).collect();
    let suite = context.agreement.suite();
    let blind = context.agreement.manifest().terms.blind;
    let bits = jobs.slots.len() * suite.slot_bits();
    let mut plain = Naturals::zero(order.len(), bits);
    // For each slot and each part of its clause, the factors of all pairs.
    let mut factors: Vec<Vec<Naturals>> = jobs
        .slots
        .iter()
        .map(|&clause| {
            let parts = jobs.pairwise.clauses[clause].parts.len();
            vec![Naturals::zero(pairs.len(), suite.t_bits() as usize); parts]
        })
        .collect();
    for (index, &(position, pair)) in order.iter().enumerate() {
        let labels = pair.map(|(row, record)| labels(jobs, row, record, &mut draws.mask));
        let disguise = jobs.disguise(&mut draws.mask);
        for (slot, &clause) in jobs.slots.iter().enumerate() {
            let at = position * jobs.slots.len() as u64 + slot as u64;
            let mut sum = [0; SLOT_WORDS];
            if let (Some((_, record)), Some(labels)) = (pair, &labels) {
                for (part, &value) in jobs.values(record, disguise[clause]).iter().enumerate() {
                    let factor = nonzero(suite, &mut draws.mask);
                    add(factors[slot][part].item_mut(index), factor);
                    add_product(&mut sum, factor, suite.t() - value);
                }
                let label = labels[slot];
                add(&mut sum, shown(&context.join_keys, at, label, blind));
            } else {
                add(&mut sum, below_mersenne(&mut draws.mask, suite.t_bits()));
            }
            let rho = draw_rho(suite, &mut draws.noise);
            add_shifted(&mut sum, &rho, suite.t_bits() as usize);
            subtract(&mut sum, &rho);
            add_shifted(plain.item_mut(index), &sum, slot * suite.slot_bits());
        }
    }
    let products = (!pairs.is_empty()).then(|| combine(context, lifted, &pairs, &factors));
    let wire = context.finish(products, &plain, &mut draws);
    let width = context.public_key.ciphertext_bytes();
    let mut out = vec![0; wire.len()];
    for ((position, _), ciphertext) in order.iter().zip(wire.chunks_exact(width)) {
        let at = number::index(position - range.start) * width;
        out[at..at + width].copy_from_slice(ciphertext);
    }
    out
}

/// What each slot of a pair shows on a match: the pair's label, or its share of it.
fn labels(jobs: &PairJobs, row: u32, record: u32, rng: &mut ChaCha20Rng) -> Vec<u64> {
    let label = PairLabel {
        row,
        handle: jobs.handles[record as usize],
    };
    match jobs.pairwise.threshold {
        None => vec![label.whole(); jobs.slots.len()],
        Some(threshold) => shares(label, threshold, jobs.slots.len(), rng),
    }
}

/// For each slot and each part of its clause, entry^(2^(S·slot)) of every row: what the slots' shifts
/// cost is then paid once for each row, not once for each pair.
///
/// Memory: as many tables as there are parts in all slots together.
pub(super) struct Lifted(Vec<Vec<Elements>>);

impl Lifted {
    pub(super) fn build(context: &Context, jobs: &PairJobs, table: &EncryptedTable) -> Self {
        let (parts, shift) = (jobs.pairwise.parts, context.agreement.suite().slot_bits());
        let rows = number::index(context.agreement.manifest().querier_size);
        let clauses = |&clause: &usize| jobs.pairwise.clauses[clause].parts.as_slice();
        let used: Vec<&[u8]> = jobs.slots.iter().map(clauses).collect();
        // The powers of each part, in the order of the slots that use it.
        let mut powers: Vec<_> = (0..parts)
            .map(|part| {
                let places: Vec<usize> = (0..rows)
                    .map(|row| row * usize::from(parts) + usize::from(part))
                    .collect();
                let of_part = |slot: &usize| used[*slot].contains(&part);
                let times: Vec<usize> = (0..used.len())
                    .filter(of_part)
                    .map(|slot| slot * shift)
                    .collect();
                table.squared(&places, &times).into_iter()
            })
            .collect();
        let mut next = |&part: &u8| powers[usize::from(part)].next().expect("one for each use");
        Self(
            used.iter()
                .map(|parts| parts.iter().map(&mut next).collect())
                .collect(),
        )
    }
}

/// Π over slots and parts of entry^(factor·2^(S·slot)).
fn combine(
    context: &Context,
    lifted: &Lifted,
    pairs: &[(u32, u32)],
    factors: &[Vec<Naturals>],
) -> Ciphertexts {
    let ring = context.public_key.ring();
    let rows: Vec<usize> = pairs.iter().map(|&(row, _)| row as usize).collect();
    let bases = lifted.0.iter().flatten();
    let bases: Vec<_> = bases.map(|bases| bases.gather_vartime(&rows)).collect();
    let terms: Vec<_> = bases.iter().zip(factors.iter().flatten()).collect();
    Ciphertexts::from_batch(ring.pow_product(&terms))
}
