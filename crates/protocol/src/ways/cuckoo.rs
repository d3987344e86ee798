//! A cuckoo table: a key of the querier's lies in one of two bins, and a key of the provider's is
//! compared with both.
//!
//! # Source
//!
//! `spec/protocol.md`, §5.4, §6.1.

use std::sync::Arc;

use blindjoin_bigint::Naturals;
use blindjoin_cuckoo::Candidates;
use blindjoin_cuckoo::Parameters;
use blindjoin_cuckoo::Table;
use blindjoin_paillier::Ciphertexts;
use rand_chacha::ChaCha20Rng;
use sha2::Digest as _;
use sha2::Sha256;
use zeroize::Zeroize;
use zeroize::Zeroizing;

use super::keyed;
use super::single;
use crate::agreement::Agreement;
use crate::fingerprint::Fingerprints;
use crate::keys::{ProviderKeys, QuerierKeys};
use crate::mask::{Comparison, Draws, shown};
use crate::mersenne::{add, halves, subtract};
use crate::plan::Plan;
use crate::provider::context::Context;
use crate::provider::table::EncryptedTable;
use crate::terms::Mask;
use crate::ways::keyed::KeyLayout;
use crate::ways::single::{Places, SingleJobs, slot_masked};
use crate::ways::way::{LaidOut, Prepared};

fn parameters(plan: &Plan) -> Parameters {
    Parameters::with_half(plan.bins)
}

/// What both parties know of a key.
#[derive(Zeroize)]
struct Key {
    value: u128,
    tag: u64,
    bins: [u32; 2],
}

impl Key {
    fn of(key: &[u8], keys: &Fingerprints, parameters: Parameters) -> Self {
        Self {
            value: keys.fingerprint(b"id", key),
            tag: keys.tag(key),
            bins: keys.bins(key, parameters.half()),
        }
    }
}

pub(super) fn lay_out(
    agreement: &Agreement,
    fingerprints: &Fingerprints,
    keys: Arc<QuerierKeys>,
    rng: &mut ChaCha20Rng,
) -> LaidOut {
    let parameters = parameters(&agreement.manifest().plan);
    let of = |key: &[u8]| Key::of(key, fingerprints, parameters);
    let all = keyed::with_canaries(agreement, fingerprints, keys.iter(), of);
    let candidates: Vec<Candidates> = all
        .iter()
        .map(|key| Candidates::new(parameters, key.bins[0], key.bins[1]))
        .collect();
    let table = Table::build(parameters, &candidates, rng);
    let absent = agreement.suite().absent_querier();
    // Collected twice so as not to grow: nothing is left behind unerased.
    let places: Vec<Option<u32>> = table.iter().collect();
    let plain = places
        .iter()
        .map(|place| place.map_or(absent, |item| all[item as usize].value));
    let plain = Zeroizing::new(plain.collect());
    let tags = all.iter().map(|key| key.tag);
    let layout = KeyLayout::new(agreement, keys, tags, table.unplaced().to_vec());
    LaidOut {
        layout: Box::new(layout),
        plain,
    }
}

pub(super) fn prepare(
    agreement: &Agreement,
    fingerprints: &Fingerprints,
    keys: &ProviderKeys,
    rng: &mut ChaCha20Rng,
) -> Arc<dyn Prepared> {
    let parameters = parameters(&agreement.manifest().plan);
    let of = |key: &[u8]| Key::of(key, fingerprints, parameters);
    let keys = keyed::with_canaries(agreement, fingerprints, keys.iter(), of);
    Arc::new(SingleJobs::new(agreement, Bins { keys, parameters }, rng))
}

/// The provider's keys.
struct Bins {
    keys: Zeroizing<Vec<Key>>,
    parameters: Parameters,
}

impl Places for Bins {
    type Place = u32;
    type Powers = ();

    fn jobs(&self) -> usize {
        2 * self.keys.len()
    }

    fn real(&self, job: u32) -> Option<(u128, u64, u32)> {
        let key = self.keys.get(job as usize / 2)?;
        Some((key.value, key.tag, key.bins[job as usize % 2]))
    }

    fn anywhere(&self, job: u32) -> u32 {
        single::scattered_below(job, 0, self.parameters.bins())
    }

    fn absorb(input: &mut Sha256, bin: u32) {
        input.update(bin.to_be_bytes());
    }

    fn powers(&self, _: &Context, _: &EncryptedTable) {}

    fn gather(&self, _: &Context, table: &EncryptedTable, (): &(), bins: &[u32]) -> Ciphertexts {
        let bins: Vec<usize> = bins.iter().map(|&bin| bin as usize).collect();
        table.gather(&bins)
    }

    fn mask(
        context: &Context,
        bases: Ciphertexts,
        order: &[(u64, Comparison)],
        draws: &mut Draws,
    ) -> Vec<u8> {
        match context.agreement.manifest().terms.mask {
            Mask::Slot => slot_masked(context, bases, order, draws),
            Mask::Full => full_masked(context, bases, order, draws),
        }
    }
}

/// The book's mask: a factor below `n`, and no multiple of `t`.
///
/// A factor of full length costs about 2600 products, the noise by itself 2500; raised together they
/// cost about 2900.
///
/// # Source
///
/// `spec/protocol.md`, §6.6.
fn full_masked(
    context: &Context,
    mut bases: Ciphertexts,
    order: &[(u64, Comparison)],
    draws: &mut Draws,
) -> Vec<u8> {
    let (keys, blind) = (
        &context.fingerprints,
        context.agreement.manifest().terms.blind,
    );
    let n = context.public_key.n();
    let bits = context.public_key.size().bits();
    let mut plain = Naturals::zero(order.len(), bits);
    for (index, &(position, comparison)) in order.iter().enumerate() {
        let label = match comparison {
            Comparison::Real { label, .. } => label,
            Comparison::Dummy => keys.suite().reserved_label(),
            Comparison::Padding => {
                let filling = Naturals::random_below(1, n, &mut draws.mask);
                plain.item_mut(index).copy_from_slice(filling.item(0));
                continue;
            }
        };
        add(plain.item_mut(index), shown(keys, position, label, blind));
    }
    let mut minus = Naturals::zero(bases.len(), bits);
    let mut factors = Naturals::random_below(bases.len(), n, &mut draws.mask);
    for (index, (_, comparison)) in order.iter().enumerate() {
        let Comparison::Real { value, .. } = *comparison else {
            factors.item_mut(index).fill(0);
            continue;
        };
        // n itself is no plaintext, and n - 0 is 0.
        if value != 0 {
            let words = minus.item_mut(index);
            for (word, digit) in words.iter_mut().zip(n.iter_u64_digits()) {
                *word = digit;
            }
            subtract(words, &halves(value));
        }
    }
    context
        .public_key
        .add_plain(&mut bases, &minus)
        .expect("differences are below the modulus");
    context.multiply_and_finish(bases, &factors, &plain, draws)
}
