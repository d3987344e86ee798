//! Pairs of records, one slot per clause: the AND of a clause is a random linear combination.

use std::ops::Range;
use std::sync::Arc;

use blindjoin_bigint::Elements;
use blindjoin_bigint::Naturals;
use blindjoin_paillier::Ciphertexts;
use rand_chacha::ChaCha20Rng;
use sha2::Digest as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::blocks::BlockDirectory;
use crate::error::Error;
use crate::fingerprint::Fingerprints;
use crate::mask::{SLOT_WORDS, draw_rho, nonzero, shown};
use crate::mersenne::{add, add_product, add_shifted, subtract};
use crate::provider::context::Context;
use crate::provider::table::EncryptedTable;
use crate::random::{below_mersenne, permutation, shuffle};
use crate::records::ProviderRecords;
use crate::terms::pairwise::Pairwise;
use crate::ways::pairs::canary::{CanaryPair, handles_and_canaries};
use crate::ways::pairs::label::{PairLabel, part_field};
use crate::ways::way::{Prepared, Ready};
use crate::widths;

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
    /// The pairs of records, before canaries and padding.
    pairs: u64,
    handles: Vec<u32>,
    canaries: Vec<CanaryPair>,
}

struct Block {
    /// The first of the block's pairs, of the querier's rows, and of the records in blocks.
    first_pair: u64,
    first_row: u32,
    first_record: u32,
    rows: u32,
}

/// What stands in a place of the stream.
#[derive(Clone, Copy)]
enum Job {
    /// The querier's row and the provider's record, numbered within the blocks.
    Pair {
        row: u32,
        record: u32,
    },
    /// The number of a canary.
    Canary(u32),
    Padding,
}

impl PairJobs {
    pub(super) fn prepare(
        agreement: &Agreement,
        pairwise: &Pairwise,
        fingerprints: &Fingerprints,
        directory: &BlockDirectory,
        records: &ProviderRecords,
        rng: &mut ChaCha20Rng,
    ) -> Result<Self, Error> {
        let manifest = agreement.manifest();
        if manifest.blocks != Some(directory.digest()) {
            return Err(Error::ManifestMismatch { field: "blocks" });
        }
        let pairs = records.pairs(directory);
        let (count, room) = (
            pairs + u64::from(manifest.terms.canaries),
            agreement.sizes().provider_keys(),
        );
        if count > room || directory.padded_rows() > manifest.querier_size {
            return Err(Error::TooMany { count, room });
        }
        let mut members = records.members(directory);
        for ((_, rows), members) in directory.iter().zip(&mut members) {
            if rows == 0 {
                members.clear();
            }
        }
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
                first_record += widths::short(members.len());
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
                Some(value) => fingerprints.fingerprint(part.as_bytes(), value),
                None => absent,
            })
            .collect();
        let total = widths::short(widths::index(agreement.sizes().comparison_ciphertexts()));
        // Handles of numbers from the whole class, so that those seen do not tell the count.
        let (all, canaries) = handles_and_canaries(agreement, pairwise, fingerprints);
        let mut handles = permutation(widths::short(widths::index(room)), rng);
        handles.truncate(first_record as usize);
        handles.shrink_to_fit();
        for handle in &mut handles {
            *handle = all.get(*handle);
        }
        Ok(Self {
            pairwise: pairwise.clone(),
            slots: pairwise.slots(),
            order: permutation(total, rng),
            blocks,
            values: Zeroizing::new(values),
            values_per_record: parts.len(),
            pairs,
            handles,
            canaries,
        })
    }

    fn at(&self, position: usize) -> Job {
        let pair = u64::from(self.order[position]);
        if let Some(behind) = pair.checked_sub(self.pairs) {
            return match u32::try_from(behind) {
                Ok(number) if (number as usize) < self.canaries.len() => Job::Canary(number),
                _ => Job::Padding,
            };
        }
        // Blocks without pairs begin where the next one does, which is the last to begin there.
        let block = &self.blocks[self.blocks.partition_point(|b| b.first_pair <= pair) - 1];
        let inside = pair - block.first_pair;
        let rows = u64::from(block.rows);
        Job::Pair {
            row: block.first_row + widths::short(widths::index(inside % rows)),
            record: block.first_record + widths::short(widths::index(inside / rows)),
        }
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

impl Prepared for PairJobs {
    fn meet(self: Arc<Self>, context: &Context, table: Arc<EncryptedTable>) -> Box<dyn Ready> {
        let lifted = Lifted::build(context, &self, &table);
        Box::new(Met {
            jobs: self,
            lifted,
            table,
        })
    }
}

/// The pairs and the table.
struct Met {
    jobs: Arc<PairJobs>,
    lifted: Lifted,
    table: Arc<EncryptedTable>,
}

impl Ready for Met {
    fn compare(&self, context: &Context, batch: u64, range: Range<u64>) -> Vec<u8> {
        compare(context, &self.jobs, &self.lifted, &self.table, batch, range)
    }
}

/// Computes the pairs at `range`.
fn compare(
    context: &Context,
    jobs: &PairJobs,
    lifted: &Lifted,
    table: &EncryptedTable,
    batch: u64,
    range: Range<u64>,
) -> Vec<u8> {
    let mut input = Sha256::new();
    let (mut order, mut rest, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    for position in range.clone() {
        let job = jobs.at(widths::index(position));
        let (row, record) = match job {
            Job::Pair { row, record } => (row, record),
            Job::Canary(number) => (u32::MAX, number),
            Job::Padding => (u32::MAX, u32::MAX),
        };
        input.update(row.to_be_bytes());
        input.update(record.to_be_bytes());
        if let Job::Pair { .. } = job {
            let start = record as usize * jobs.values_per_record;
            for value in &jobs.values[start..start + jobs.values_per_record] {
                input.update(value.to_be_bytes());
            }
            order.push((position, job));
            pairs.push((row, record));
        } else {
            rest.push((position, job));
        }
    }
    order.append(&mut rest);
    let mut draws = context.draws(batch, &input, table);
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
    for (index, &(position, job)) in order.iter().enumerate() {
        let shows = Shows::of(jobs, job, &mut draws.mask);
        for (slot, &clause) in jobs.slots.iter().enumerate() {
            let at = position * jobs.slots.len() as u64 + slot as u64;
            let mut sum = [0; SLOT_WORDS];
            if let Some((values, label)) = shows.in_slot(jobs, slot, clause) {
                for (part, &value) in values.iter().enumerate() {
                    let factor = nonzero(suite, &mut draws.mask);
                    add(factors[slot][part].item_mut(index), factor);
                    add_product(&mut sum, factor, suite.t() - value);
                }
                add(&mut sum, shown(&context.fingerprints, at, label, blind));
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
        let at = widths::index(position - range.start) * width;
        out[at..at + width].copy_from_slice(ciphertext);
    }
    out
}

/// What the slots of one place show where their clauses hold.
enum Shows<'a> {
    Pair {
        record: u32,
        /// The clause whose values stand in each clause's slots.
        disguise: Vec<usize>,
        labels: Vec<u64>,
    },
    Canary {
        canary: &'a CanaryPair,
        labels: Vec<u64>,
    },
    Nothing,
}

impl<'a> Shows<'a> {
    fn of(jobs: &'a PairJobs, job: Job, rng: &mut ChaCha20Rng) -> Self {
        match job {
            Job::Pair { row, record } => {
                let handle = jobs.handles[record as usize];
                let labels = PairLabel { row, handle }.in_slots(&jobs.pairwise, rng);
                let disguise = jobs.disguise(rng);
                Self::Pair {
                    record,
                    disguise,
                    labels,
                }
            }
            Job::Canary(number) => {
                let canary = &jobs.canaries[number as usize];
                let labels = canary.label.in_slots(&jobs.pairwise, rng);
                Self::Canary { canary, labels }
            }
            Job::Padding => Self::Nothing,
        }
    }

    /// The values that the querier's must be equal to for the slot to show its label, and the label;
    /// none where the slot shows nothing whatever they are.
    fn in_slot(&self, jobs: &'a PairJobs, slot: usize, clause: usize) -> Option<(&'a [u128], u64)> {
        match self {
            Self::Pair {
                record,
                disguise,
                labels,
            } => Some((jobs.values(*record, disguise[clause]), labels[slot])),
            Self::Canary { canary, labels } => {
                canary.holds[clause].then_some((&[] as &[u128], labels[slot]))
            }
            Self::Nothing => None,
        }
    }
}

/// For each slot and each part of its clause, entry^(2^(S·slot)) of every row: what the slots' shifts
/// cost is then paid once for each row, not once for each pair.
///
/// Memory: as many tables as there are parts in all slots together.
struct Lifted(Vec<Vec<Elements>>);

impl Lifted {
    fn build(context: &Context, jobs: &PairJobs, table: &EncryptedTable) -> Self {
        let (parts, shift) = (jobs.pairwise.parts, context.agreement.suite().slot_bits());
        let rows = widths::index(context.agreement.manifest().querier_size);
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
