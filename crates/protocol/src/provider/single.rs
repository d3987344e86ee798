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
    ///
    /// What only fills the stream has a place too, and a factor of zero takes it to one: it costs what
    /// a comparison costs, so that time does not tell how many keys there are in a class.
    fn at(&self, position: usize, shape: TableShape) -> (Comparison, Place) {
        let job = self.order[position];
        let real = |value, label| Comparison::Real { value, label };
        let (keys, found) = match &self.keys {
            Keys::Cuckoo(keys) => {
                let found = keys.get(job as usize / 2).map(|key| {
                    let place = Place::Bin(key.bins[job as usize % 2]);
                    (real(key.value, key.tag), place)
                });
                (2 * keys.len(), found)
            }
            Keys::Okvs(keys) => {
                let found = keys.get(job as usize).map(|key| {
                    let place = Place::Row(key.sparse, key.dense);
                    (real(key.value, key.tag), place)
                });
                (keys.len(), found)
            }
        };
        found.unwrap_or_else(|| {
            let is_dummy = (job as usize) < keys + self.dummies as usize;
            let comparison = if is_dummy {
                Comparison::Dummy
            } else {
                Comparison::Padding
            };
            (comparison, Place::anywhere(job, shape))
        })
    }
}

impl Place {
    /// A place as far from its neighbours' as that of a key.
    fn anywhere(job: u32, shape: TableShape) -> Self {
        // The golden ratio's digits scatter consecutive numbers.
        let scattered = |part: u64| {
            let mixed = (u64::from(job) + part).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^ mixed >> 29
        };
        let below =
            |part, bound: u32| number::short(number::index(scattered(part) % u64::from(bound)));
        match shape {
            TableShape::Okvs(shape) => {
                let third = shape.third();
                let sparse = [0, 1, 2].map(|i| i * third + below(u64::from(i), third));
                Self::Row(sparse, scattered(3) & (u64::MAX >> (64 - shape.dense())))
            }
            TableShape::Cuckoo(parameters) => Self::Bin(below(0, parameters.bins())),
            TableShape::Entries(_) => unreachable!("a join has a table of bins or sums"),
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
    let shape = context.agreement.sizes().table_shape();
    let length = number::index(range.end - range.start);
    let mut order = Zeroizing::new(Vec::with_capacity(length));
    let mut places = Vec::with_capacity(length);
    for position in range {
        let (comparison, place) = jobs.at(number::index(position), shape);
        absorb(&mut input, comparison, place);
        order.push((position, comparison));
        places.push(place);
    }
    let mut draws = context.draws(batch, &input, table);
    let bases = gather(context, table, &places);
    match context.agreement.manifest().terms.mask {
        Mask::Slot => slot_masked(context, bases, &order, &mut draws),
        Mask::Full => full_masked(context, bases, &order, &mut draws),
    }
}

fn absorb(input: &mut Sha256, comparison: Comparison, place: Place) {
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
        Place::Bin(bin) => input.update(bin.to_be_bytes()),
        Place::Row(sparse, dense) => {
            for place in sparse {
                input.update(place.to_be_bytes());
            }
            input.update(dense.to_be_bytes());
        }
    }
}

fn gather(context: &Context, table: &EncryptedTable, places: &[Place]) -> Ciphertexts {
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
    if rows.is_empty() {
        table.gather(&bins)
    } else {
        table.sums(&context.public_key, &rows)
    }
}

fn slot_masked(
    context: &Context,
    bases: Ciphertexts,
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
    let mut factors = Naturals::zero(bases.len(), suite.t_bits() as usize);
    for (index, masked) in masked.iter().enumerate() {
        add(factors.item_mut(index), masked.factor);
    }
    context.multiply_and_finish(bases, &factors, &plain, draws)
}

/// The book's mask: a factor below `n`, and no multiple of `t`.
///
/// A factor of full length costs about 2600 products, the noise by itself 2500; raised together they
/// cost about 2900.
fn full_masked(
    context: &Context,
    mut bases: Ciphertexts,
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
