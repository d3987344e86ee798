//! Lookups: every key meets one of a few table entries, many comparisons per ciphertext.
//!
//! # Source
//!
//! `spec/protocol.md`, §6.5.

use std::ops::Range;
use std::sync::Arc;

use blindjoin_bigint::Batch;
use blindjoin_bigint::FixedBase;
use blindjoin_bigint::Naturals;
use blindjoin_paillier::Ciphertexts;
use rand_chacha::ChaCha20Rng;
use sha2::Digest as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::error::Error;
use crate::fingerprint::Fingerprints;
use crate::keys::{ProviderKeys, QuerierKeys};
use crate::mask::{Comparison, Masked, mask, write_slots};
use crate::mersenne::add;
use crate::provider::context::Context;
use crate::provider::table::EncryptedTable;
use crate::random::shuffle;
use crate::ways::keyed::KeyLayout;
use crate::ways::way::{LaidOut, Prepared, Ready};
use crate::widths;

/// The fingerprint and the tag of a key, which both parties know.
fn of_key(key: &[u8], keys: &Fingerprints) -> (u128, u64) {
    (keys.fingerprint(b"id", key), keys.tag(key))
}

/// A table of an entry for each rule, then one for each canary.
pub(super) fn lay_out(
    agreement: &Agreement,
    fingerprints: &Fingerprints,
    keys: Arc<QuerierKeys>,
) -> Result<LaidOut, Error> {
    let of = |key: &[u8]| of_key(key, fingerprints);
    let all = super::keyed::with_canaries(agreement, fingerprints, keys.iter(), of);
    let (rules, canaries) = (usize::from(keys.rules()), &all[keys.len()..]);
    let absent = agreement.suite().absent_querier();
    let mut plain = Zeroizing::new(vec![absent; rules + canaries.len()]);
    let mut taken = vec![false; rules];
    for (number, &(value, _)) in all[..keys.len()].iter().enumerate() {
        for &(row, rule) in keys.cells(number) {
            let rule = usize::from(rule);
            if row > 0 || std::mem::replace(&mut taken[rule], true) {
                return Err(Error::TooMany { count: 2, room: 1 });
            }
            plain[rule] = value;
        }
    }
    for (place, &(value, _)) in plain[rules..].iter_mut().zip(canaries) {
        *place = value;
    }
    let tags = all.iter().map(|&(_, tag)| tag);
    let layout = KeyLayout::new(agreement, keys, tags, Vec::new());
    Ok(LaidOut {
        layout: Box::new(layout),
        plain,
    })
}

pub(super) fn prepare(
    agreement: &Agreement,
    fingerprints: &Fingerprints,
    keys: &ProviderKeys,
    rng: &mut ChaCha20Rng,
) -> Result<Arc<dyn Prepared>, Error> {
    Ok(Arc::new(PackJobs::prepare(
        agreement,
        fingerprints,
        keys,
        rng,
    )?))
}

/// An empty slot, or a pack without an entry.
const NONE: u32 = u32::MAX;
/// The packs of one entry from which a table of its powers pays.
const WORTH_A_TABLE: usize = 64;

/// Keys grouped by the table entry they are compared with, cut into packs, shuffled.
struct PackJobs {
    slots: usize,
    /// The entry of each pack, or [`NONE`].
    entries: Vec<u32>,
    /// The key in each slot of each pack, or [`NONE`].
    members: Vec<u32>,
    /// The keys' fingerprints and tags.
    values: Zeroizing<Vec<(u128, u64)>>,
}

impl PackJobs {
    fn prepare(
        agreement: &Agreement,
        fingerprints: &Fingerprints,
        keys: &ProviderKeys,
        rng: &mut ChaCha20Rng,
    ) -> Result<Self, Error> {
        let (terms, sizes) = (&agreement.manifest().terms, agreement.sizes());
        let slots = sizes.slots();
        let total = widths::index(sizes.comparison_ciphertexts());
        let entries = terms.rules.len() + usize::from(terms.canaries);
        let mut groups: Vec<Vec<u32>> = vec![Vec::new(); entries];
        for (number, key) in (0_u32..).zip(keys.iter()) {
            let rule = key.split(|&byte| byte == 0).next().unwrap_or_default();
            let group = terms.rules.iter().position(|id| id.as_bytes() == rule);
            groups[group.ok_or(Error::KeyNotJoinable)?].push(number);
        }
        let canaries = widths::short(keys.len())..;
        for (group, number) in groups[terms.rules.len()..].iter_mut().zip(canaries) {
            group.push(number);
        }
        let of = |key: &[u8]| of_key(key, fingerprints);
        let values = super::keyed::with_canaries(agreement, fingerprints, keys.iter(), of);
        let mut packs: Vec<(u32, Vec<u32>)> = Vec::with_capacity(total);
        for (entry, mut group) in (0_u32..).zip(groups) {
            shuffle(&mut group, rng);
            for part in group.chunks(slots) {
                let mut pack = part.to_vec();
                pack.resize(slots, NONE);
                shuffle(&mut pack, rng);
                packs.push((entry, pack));
            }
        }
        packs.resize(total, (NONE, vec![NONE; slots]));
        shuffle(&mut packs, rng);
        Ok(Self {
            slots,
            entries: packs.iter().map(|(entry, _)| *entry).collect(),
            members: packs.into_iter().flat_map(|(_, pack)| pack).collect(),
            values,
        })
    }

    fn comparison(&self, slot: usize) -> Comparison {
        match self.members[slot] {
            NONE => Comparison::Padding,
            key => {
                let (value, label) = self.values[key as usize];
                Comparison::Real { value, label }
            }
        }
    }
}

/// For each entry that many packs use, tables of powers of entry^(2^(S·slot)), one for each slot.
///
/// A pack's exponent has a factor of 89 bits in each slot of 252, so tables by slot skip the zeros
/// between.
struct Bases(Vec<Option<Vec<FixedBase>>>);

impl Bases {
    fn build(context: &Context, jobs: &PackJobs, table: &EncryptedTable) -> Self {
        let entries = widths::index(context.agreement.sizes().table_entries());
        let mut uses = vec![0_usize; entries];
        for &entry in jobs.entries.iter().filter(|&&entry| entry != NONE) {
            uses[entry as usize] += 1;
        }
        let suite = context.agreement.suite();
        let ring = context.public_key.ring();
        let build = |(entry, &uses): (usize, &usize)| {
            (uses >= WORTH_A_TABLE).then(|| {
                let mut base = table.gather(&[entry]).into_batch();
                let tables = (0..jobs.slots).map(|slot| {
                    if slot > 0 {
                        ring.square_times_assign(&mut base, suite.slot_bits());
                    }
                    let (bits, lookup) = (suite.t_bits() as usize, context.public_key.lookup());
                    FixedBase::for_uses(ring, &base, 0, bits, lookup, uses)
                });
                tables.collect()
            })
        };
        Self(uses.iter().enumerate().map(build).collect())
    }
}

impl Prepared for PackJobs {
    fn meet(self: Arc<Self>, context: &Context, table: Arc<EncryptedTable>) -> Box<dyn Ready> {
        let bases = Bases::build(context, &self, &table);
        Box::new(Met {
            jobs: self,
            bases,
            table,
        })
    }
}

/// The packs and the table.
struct Met {
    jobs: Arc<PackJobs>,
    bases: Bases,
    table: Arc<EncryptedTable>,
}

impl Ready for Met {
    fn compare(&self, context: &Context, batch: u64, range: Range<u64>) -> Vec<u8> {
        compare(context, &self.jobs, &self.bases, &self.table, batch, range)
    }
}

/// Computes the packs at `range`.
fn compare(
    context: &Context,
    jobs: &PackJobs,
    bases: &Bases,
    table: &EncryptedTable,
    batch: u64,
    range: Range<u64>,
) -> Vec<u8> {
    let suite = context.agreement.suite();
    let blind = context.agreement.manifest().terms.blind;
    let (slots, width) = (jobs.slots, context.public_key.ciphertext_bytes());
    let first = widths::index(range.start);
    let count = widths::index(range.end - range.start);
    // Packs of one entry become neighbours; those without one come last.
    let mut order: Vec<usize> = (first..first + count).collect();
    order.sort_by_key(|&pack| jobs.entries[pack]);

    let mut input = Sha256::new();
    for pack in first..first + count {
        input.update(jobs.entries[pack].to_be_bytes());
        for slot in pack * slots..(pack + 1) * slots {
            if let Comparison::Real { value, label } = jobs.comparison(slot) {
                input.update(value.to_be_bytes());
                input.update(label.to_be_bytes());
            }
            input.update(jobs.members[slot].to_be_bytes());
        }
    }
    let mut draws = context.draws(batch, &input, table);
    let mut plain = Naturals::zero(count, slots * suite.slot_bits());
    let mut factors = vec![Naturals::zero(count, suite.t_bits() as usize); slots];
    for (index, &pack) in order.iter().enumerate() {
        let masked: Vec<Masked> = (pack * slots..(pack + 1) * slots)
            .map(|slot| {
                let comparison = jobs.comparison(slot);
                mask(
                    comparison,
                    slot as u64,
                    blind,
                    &context.fingerprints,
                    &mut draws,
                )
            })
            .collect();
        write_slots(&mut plain, index, &masked, suite.slot_bits());
        for (factors, masked) in factors.iter_mut().zip(&masked) {
            add(factors.item_mut(index), masked.factor);
        }
    }
    let products = powers(context, jobs, bases, table, &order, &factors);
    let wire = context.finish(products, &plain, &mut draws);
    let mut out = vec![0; wire.len()];
    for (&pack, ciphertext) in order.iter().zip(wire.chunks_exact(width)) {
        let at = (pack - first) * width;
        out[at..at + width].copy_from_slice(ciphertext);
    }
    out
}

/// The packs' entries to the power of their factors, without the packs that have none.
fn powers(
    context: &Context,
    jobs: &PackJobs,
    bases: &Bases,
    table: &EncryptedTable,
    order: &[usize],
    factors: &[Naturals],
) -> Option<Ciphertexts> {
    let entry = |&pack: &usize| jobs.entries[pack] as usize;
    let real = order.partition_point(|pack| jobs.entries[*pack] != NONE);
    let order = &order[..real];
    // The packs without a table, all in one batch: most entries have but one.
    let few: Vec<usize> = (0..real)
        .filter(|&index| bases.0[entry(&order[index])].is_none())
        .collect();
    let places: Vec<usize> = few.iter().map(|&index| entry(&order[index])).collect();
    let few_bases = table.gather(&places).into_batch();
    let few_products = horner(context, &few_bases, &few, factors);
    let mut parts: Vec<Batch> = Vec::new();
    let (mut start, mut done) = (0, 0);
    for group in order.chunk_by(|a, b| entry(a) == entry(b)) {
        let range = start..start + group.len();
        start = range.end;
        if let Some(tables) = &bases.0[entry(&group[0])] {
            let factors: Vec<Naturals> = factors.iter().map(|f| f.slice(range.clone())).collect();
            let terms: Vec<_> = tables.iter().zip(&factors).collect();
            parts.push(FixedBase::product(&terms));
        } else {
            parts.push(few_products.slice(done..done + group.len()));
            done += group.len();
        }
    }
    let parts: Vec<&Batch> = parts.iter().collect();
    (!parts.is_empty()).then(|| Ciphertexts::from_batch(Batch::concat(&parts)))
}

/// The bases to the power of Σ factor·2^(S·slot), the factors those of some packs.
fn horner(context: &Context, bases: &Batch, packs: &[usize], factors: &[Naturals]) -> Batch {
    let (ring, suite) = (context.public_key.ring(), context.agreement.suite());
    let mut product = ring.one(packs.len());
    for factors in factors.iter().rev() {
        ring.square_times_assign(&mut product, suite.slot_bits());
        let mut power = bases.clone();
        ring.pow_assign(&mut power, &factors.select(packs));
        ring.mul_assign(&mut product, &power);
    }
    product
}
