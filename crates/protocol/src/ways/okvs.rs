//! The key-value store: a key of the provider's is compared once, with the sum of the places that the
//! key selects.
//!
//! # Source
//!
//! `spec/protocol.md`, §5.4, §6.2.

mod store;

use std::sync::Arc;

use blindjoin_bigint::Batch;
use blindjoin_bigint::Elements;
use blindjoin_paillier::Ciphertexts;
use rand_chacha::ChaCha20Rng;
use sha2::Digest as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::keyed;
use super::single;
use crate::agreement::Agreement;
use crate::fingerprint::Fingerprints;
use crate::keys::{ProviderKeys, QuerierKeys};
use crate::mask::{Comparison, Draws};
use crate::plan::Plan;
use crate::provider::context::Context;
use crate::provider::table::EncryptedTable;
use crate::size::shape::Shape;
use crate::ways::keyed::KeyLayout;
use crate::ways::okvs::store::Row;
use crate::ways::single::{Places, SingleJobs, slot_masked};
use crate::ways::way::{LaidOut, Prepared};

/// The dense places summed by one look-up.
// A byte of a row's bits then chooses one of 256 products.
const DENSE_GROUP: usize = 8;

fn shape(plan: &Plan) -> Shape {
    Shape::agreed(plan.bins, plan.dense)
}

impl Row {
    /// What both parties know of a key.
    fn of(key: &[u8], keys: &Fingerprints, shape: Shape) -> Self {
        let (sparse, dense) = keys.row(key, shape.third(), shape.dense());
        Self {
            value: keys.fingerprint(b"okvs", key),
            dense,
            tag: keys.tag(key),
            sparse,
        }
    }
}

pub(super) fn lay_out(
    agreement: &Agreement,
    fingerprints: &Fingerprints,
    keys: Arc<QuerierKeys>,
    rng: &mut ChaCha20Rng,
) -> LaidOut {
    let shape = shape(&agreement.manifest().plan);
    let of = |key: &[u8]| Row::of(key, fingerprints, shape);
    let rows = keyed::with_canaries(agreement, fingerprints, keys.iter(), of);
    let (plain, unplaced) = store::encode(shape, &rows, agreement.suite().t_bits(), rng);
    let tags = rows.iter().map(|row| row.tag);
    let layout = KeyLayout::new(agreement, keys, tags, unplaced);
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
    let shape = shape(&agreement.manifest().plan);
    let of = |key: &[u8]| Row::of(key, fingerprints, shape);
    let rows = keyed::with_canaries(agreement, fingerprints, keys.iter(), of);
    Arc::new(SingleJobs::new(agreement, Rows { rows, shape }, rng))
}

/// The provider's keys.
struct Rows {
    rows: Zeroizing<Vec<Row>>,
    shape: Shape,
}

impl Places for Rows {
    type Place = ([u32; 3], u64);
    /// All products of each eight dense places.
    type Powers = Elements;

    fn jobs(&self) -> usize {
        self.rows.len()
    }

    fn real(&self, job: u32) -> Option<(u128, u64, Self::Place)> {
        let row = self.rows.get(job as usize)?;
        Some((row.value, row.tag, (row.sparse, row.dense)))
    }

    fn anywhere(&self, job: u32) -> Self::Place {
        let third = self.shape.third();
        let sparse = [0, 1, 2].map(|i| i * third + single::scattered_below(job, i.into(), third));
        let dense = single::scattered(job, 3) & (u64::MAX >> (64 - self.shape.dense()));
        (sparse, dense)
    }

    fn absorb(input: &mut Sha256, (sparse, dense): Self::Place) {
        for place in sparse {
            input.update(place.to_be_bytes());
        }
        input.update(dense.to_be_bytes());
    }

    fn powers(&self, context: &Context, table: &EncryptedTable) -> Elements {
        dense_tables(context, table, self.shape)
    }

    fn gather(
        &self,
        context: &Context,
        table: &EncryptedTable,
        dense: &Elements,
        rows: &[Self::Place],
    ) -> Ciphertexts {
        let public_key = &context.public_key;
        let sparse = |which: usize| -> Vec<usize> {
            rows.iter()
                .map(|(places, _)| places[which] as usize)
                .collect()
        };
        let mut sum = table.gather(&sparse(0));
        let mut add = |terms: Ciphertexts| public_key.add(&mut sum, &terms);
        add(table.gather(&sparse(1)));
        add(table.gather(&sparse(2)));
        for group in 0..dense.len() >> DENSE_GROUP {
            let places: Vec<usize> = rows
                .iter()
                .map(|(_, bits)| {
                    let digit = usize::from((bits >> (DENSE_GROUP * group)).to_le_bytes()[0]);
                    (group << DENSE_GROUP) + digit
                })
                .collect();
            add(Ciphertexts::from_batch(dense.gather_vartime(&places)));
        }
        sum
    }

    fn mask(
        context: &Context,
        bases: Ciphertexts,
        order: &[(u64, Comparison)],
        draws: &mut Draws,
    ) -> Vec<u8> {
        slot_masked(context, bases, order, draws)
    }
}

/// All products of each eight dense places, so that a row needs one factor for each eight.
fn dense_tables(context: &Context, table: &EncryptedTable, shape: Shape) -> Elements {
    let ring = context.public_key.ring();
    let first = 3 * shape.third() as usize;
    let dense: Vec<usize> = (first..first + shape.dense() as usize).collect();
    let places = table.gather(&dense).into_batch();
    let groups = dense.len().div_ceil(DENSE_GROUP);
    let mut tables = Elements::with_capacity(ring, groups << DENSE_GROUP);
    for group in 0..groups {
        let mut products = ring.one(1);
        for bit in 0..DENSE_GROUP {
            let place = group * DENSE_GROUP + bit;
            let mut with = products.clone();
            if place < places.len() {
                ring.mul_shared_assign(&mut with, &places, place);
            }
            products = Batch::concat(&[&products, &with]);
        }
        tables.extend(&products);
    }
    tables
}
