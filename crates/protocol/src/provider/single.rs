//! One comparison per ciphertext: joins through a cuckoo table or a key-value store.

use std::ops::Range;

use blindjoin_bigint::Naturals;
use blindjoin_paillier::Ciphertexts;
use rand_chacha::ChaCha20Rng;
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::jobs::draw_dummies;
use super::table::EncryptedTable;
use super::{Context, Draws};
use crate::agreement::Agreement;
use crate::input::ProviderKeys;
use crate::keys::JoinKeys;
use crate::mask::{Comparison, Masked, mask, shown, write_slots};
use crate::mersenne::{add, halves, subtract};
use crate::random::permutation;
use crate::size::TableShape;
use crate::{Mask, number};

pub(super) struct SingleJobs {
    order: Vec<u32>,
    keys: Keys,
    dummies: u32,
}

/// Fingerprints, tags and places of the keys, erased on drop.
enum Keys {
    Cuckoo(Zeroizing<Vec<CuckooKey>>),
    Okvs(Zeroizing<Vec<OkvsKey>>),
}

#[derive(Zeroize)]
struct CuckooKey {
    value: u128,
    tag: u64,
    bins: [u32; 2],
}

#[derive(Zeroize)]
struct OkvsKey {
    value: u128,
    dense: u64,
    tag: u64,
    sparse: [u32; 3],
}

/// Where a comparison's ciphertext comes from.
#[derive(Clone, Copy)]
enum Place {
    Bin(u32),
    Row([u32; 3], u64),
}

impl SingleJobs {
    pub(super) fn prepare(
        agreement: &Agreement,
        join_keys: &JoinKeys,
        keys: &ProviderKeys,
        rng: &mut ChaCha20Rng,
    ) -> Self {
        let terms = &agreement.manifest().terms;
        let canaries: Vec<Vec<u8>> = (0..terms.canaries).map(|i| join_keys.canary(i)).collect();
        let length = keys.len() + canaries.len();
        let all = || keys.iter().chain(canaries.iter().map(Vec::as_slice));
        let keys = match agreement.sizes().table_shape() {
            TableShape::Okvs(shape) => Keys::Okvs(erasable(
                length,
                all().map(|key| {
                    let (sparse, dense) = join_keys.row(key, shape.third(), shape.dense());
                    OkvsKey {
                        value: join_keys.fingerprint(b"okvs", key),
                        dense,
                        tag: join_keys.tag(key),
                        sparse,
                    }
                }),
            )),
            TableShape::Cuckoo(parameters) => Keys::Cuckoo(erasable(
                length,
                all().map(|key| CuckooKey {
                    value: join_keys.fingerprint(b"id", key),
                    tag: join_keys.tag(key),
                    bins: join_keys.bins(key, parameters.half()),
                }),
            )),
            TableShape::Entries(_) => unreachable!("a join has a table of bins or sums"),
        };
        let dummies = draw_dummies(terms.dummies, rng);
        let total = number::short(number::index(agreement.sizes().positions()));
        Self {
            order: permutation(total, rng),
            keys,
            dummies,
        }
    }

    /// The comparison at a position of the stream.
    fn at(&self, position: usize) -> (Comparison, Option<Place>) {
        let job = self.order[position];
        let (real, found) = match &self.keys {
            Keys::Cuckoo(keys) => {
                let found = keys.get(job as usize / 2).map(|key| {
                    let comparison = Comparison::Real {
                        value: key.value,
                        label: key.tag,
                    };
                    (comparison, Place::Bin(key.bins[job as usize % 2]))
                });
                (2 * keys.len(), found)
            }
            Keys::Okvs(keys) => {
                let found = keys.get(job as usize).map(|key| {
                    let comparison = Comparison::Real {
                        value: key.value,
                        label: key.tag,
                    };
                    (comparison, Place::Row(key.sparse, key.dense))
                });
                (keys.len(), found)
            }
        };
        match found {
            Some((comparison, place)) => (comparison, Some(place)),
            None if (job as usize) < real + self.dummies as usize => (Comparison::Dummy, None),
            None => (Comparison::Padding, None),
        }
    }
}

/// Collects without growing, so that nothing is left behind unerased.
fn erasable<T: Zeroize>(length: usize, items: impl Iterator<Item = T>) -> Zeroizing<Vec<T>> {
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    out.extend(items);
    out
}

/// Computes the ciphertexts at `range`.
pub(super) fn compare(
    context: &Context,
    jobs: &SingleJobs,
    table: &EncryptedTable,
    batch: u64,
    range: Range<u64>,
) -> Vec<u8> {
    let mut input = Sha256::new();
    let length = number::index(range.end - range.start);
    // Those with a place in the table first: they alone are raised to a power.
    let mut order = Zeroizing::new(Vec::with_capacity(length));
    // Also what has no fingerprint: a copy takes along what lay in its place before.
    let mut rest = Zeroizing::new(Vec::with_capacity(length));
    let mut places = Vec::with_capacity(length);
    for position in range.clone() {
        let (comparison, place) = jobs.at(number::index(position));
        absorb(&mut input, comparison, place);
        match place {
            Some(place) => {
                order.push((position, comparison));
                places.push(place);
            }
            None => rest.push((position, comparison)),
        }
    }
    order.append(&mut rest);
    let mut draws = context.draws(batch, &input, table);
    let bases = gather(context, table, &places);
    let wire = match context.agreement.manifest().terms.mask {
        Mask::Slot => slot_masked(context, bases, &order, &mut draws),
        Mask::Full => full_masked(context, bases, &order, &mut draws),
    };
    // Back from real-before-rest to the order of the positions.
    let width = context.public_key.ciphertext_bytes();
    let mut out = vec![0; wire.len()];
    for ((position, _), ciphertext) in order.iter().zip(wire.chunks_exact(width)) {
        let at = number::index(position - range.start) * width;
        out[at..at + width].copy_from_slice(ciphertext);
    }
    out
}

fn absorb(input: &mut Sha256, comparison: Comparison, place: Option<Place>) {
    let kind = match comparison {
        Comparison::Real { value, label } => {
            input.update(value.to_be_bytes());
            input.update(label.to_be_bytes());
            0
        }
        Comparison::Dummy => 1,
        Comparison::Padding => 2,
    };
    input.update([kind]);
    match place {
        Some(Place::Bin(bin)) => input.update(bin.to_be_bytes()),
        Some(Place::Row(sparse, dense)) => {
            for place in sparse {
                input.update(place.to_be_bytes());
            }
            input.update(dense.to_be_bytes());
        }
        None => {}
    }
}

fn gather(context: &Context, table: &EncryptedTable, places: &[Place]) -> Option<Ciphertexts> {
    let bins: Vec<usize> = places
        .iter()
        .filter_map(|place| match place {
            Place::Bin(bin) => Some(*bin as usize),
            Place::Row(..) => None,
        })
        .collect();
    let rows: Vec<([u32; 3], u64)> = places
        .iter()
        .filter_map(|place| match place {
            Place::Row(sparse, dense) => Some((*sparse, *dense)),
            Place::Bin(_) => None,
        })
        .collect();
    match (bins.is_empty(), rows.is_empty()) {
        (true, true) => None,
        (false, _) => Some(table.gather(&bins)),
        (true, false) => Some(table.sums(&context.public_key, &rows)),
    }
}

fn slot_masked(
    context: &Context,
    bases: Option<Ciphertexts>,
    order: &[(u64, Comparison)],
    draws: &mut Draws,
) -> Vec<u8> {
    let suite = context.agreement.suite();
    let blind = context.agreement.manifest().terms.blind;
    let masked: Vec<Masked> = order
        .iter()
        .map(|&(position, comparison)| mask(comparison, position, blind, &context.join_keys, draws))
        .collect();
    let mut plain = Naturals::zero(order.len(), suite.slot_bits());
    for (index, masked) in masked.iter().enumerate() {
        write_slots(
            &mut plain,
            index,
            std::slice::from_ref(masked),
            suite.slot_bits(),
        );
    }
    let entries = bases.map(|bases| {
        let mut factors = Naturals::zero(bases.len(), suite.t_bits() as usize);
        for (index, masked) in masked[..bases.len()].iter().enumerate() {
            add(factors.item_mut(index), masked.factor);
        }
        (bases, factors)
    });
    context.multiply_and_finish(entries, &plain, draws)
}

/// The book's mask: a factor below `n`, and no multiple of `t`.
///
/// A factor of full length costs about 2600 products, the noise by itself 2500; raised together they
/// cost about 2900.
fn full_masked(
    context: &Context,
    bases: Option<Ciphertexts>,
    order: &[(u64, Comparison)],
    draws: &mut Draws,
) -> Vec<u8> {
    let (keys, blind) = (&context.join_keys, context.agreement.manifest().terms.blind);
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
    let entries = bases.map(|mut bases| {
        let mut minus = Naturals::zero(bases.len(), bits);
        for (index, (_, comparison)) in order[..bases.len()].iter().enumerate() {
            // n itself is no plaintext, and n - 0 is 0.
            if let Comparison::Real { value, .. } = *comparison
                && value != 0
            {
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
        let factors = Naturals::random_below(bases.len(), n, &mut draws.mask);
        (bases, factors)
    });
    context.multiply_and_finish(entries, &plain, draws)
}
