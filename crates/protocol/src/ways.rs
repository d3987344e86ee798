//! The ways of comparing, a room for each: what the querier lays out, what the provider compares, what
//! the querier finds in the result, and the counts of all that.
//!
//! [`Mode`] is looked at here and nowhere else: everybody else holds one of the traits below. Another
//! way of comparing is another room, and a line in each of the functions.

mod cuckoo;
mod keyed;
mod lookup;
mod okvs;
mod pairs;
mod single;

use std::ops::Range;
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::input::{ProviderKeys, QuerierKeys};
use crate::keys::JoinKeys;
use crate::provider::{Context, EncryptedTable};
use crate::records::{ProviderRecords, QuerierRecords};
use crate::{BlockDirectory, Card, Error, Mode, Plan, TableKind, Terms};

pub use okvs::Shape;

/// The places of a table, the ciphertexts that are compared with it, and the comparisons in each.
#[derive(Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) places: u64,
    pub(crate) ciphertexts: u64,
    pub(crate) slots: u64,
}

/// How what the querier asks lies in its table.
pub(crate) trait Layout: Send + Sync {
    /// Starts to collect what the result shows.
    fn collect(&self) -> Box<dyn Collect + '_>;

    /// How many keys or records are asked about.
    fn len(&self) -> usize;

    /// How many of them found no place.
    fn unplaced(&self) -> usize;
}

/// What the labels taken so far name.
pub(crate) trait Collect: Send {
    /// Takes the unmasked label at a position; positions ascend.
    fn take(&mut self, position: u64, label: u64);

    /// Makes the remaining checks, and the card.
    fn card(self: Box<Self>) -> Result<Card, Error>;
}

/// A layout, and the plaintexts of the table in their order.
pub(crate) struct LaidOut {
    pub(crate) layout: Box<dyn Layout>,
    pub(crate) plain: Zeroizing<Vec<u128>>,
}

/// The provider's comparisons in their secret order, before the table arrives.
pub(crate) trait Prepared: Send + Sync {
    /// Brings them together with the table.
    fn meet(self: Arc<Self>, context: &Context, table: Arc<EncryptedTable>) -> Box<dyn Ready>;
}

/// The provider's comparisons with a table.
pub(crate) trait Ready: Send + Sync {
    /// Computes the ciphertexts at `range`, which are those of a batch.
    fn compare(&self, context: &Context, batch: u64, range: Range<u64>) -> Vec<u8>;
}

/// Yields the bins in a half, or the places in a third, and the dense places of a table for so many
/// keys; zeros where a table has entries.
pub(crate) fn table(terms: &Terms, keys: u64) -> Result<(u32, u32), Error> {
    match terms.mode {
        Mode::Join {
            table: TableKind::Cuckoo,
        } => cuckoo::table(keys),
        Mode::Join {
            table: TableKind::Okvs,
        } => Ok(okvs::table(keys)),
        Mode::Lookup | Mode::Pairwise(_) => Ok((0, 0)),
    }
}

/// Yields the counts that follow from terms, the querier's class and the plan.
pub(crate) fn counts(terms: &Terms, querier: u64, plan: &Plan) -> Counts {
    match &terms.mode {
        Mode::Join {
            table: TableKind::Cuckoo,
        } => cuckoo::counts(plan),
        Mode::Join {
            table: TableKind::Okvs,
        } => okvs::counts(plan),
        Mode::Lookup => lookup::counts(terms, querier, plan),
        Mode::Pairwise(pairwise) => pairs::counts(pairwise, querier, plan),
    }
}

/// Lays keys out.
pub(crate) fn lay_out_keys(
    agreement: &Agreement,
    join_keys: &JoinKeys,
    keys: Arc<QuerierKeys>,
    rng: &mut ChaCha20Rng,
) -> Result<LaidOut, Error> {
    Ok(match agreement.manifest().terms.mode {
        Mode::Join {
            table: TableKind::Cuckoo,
        } => cuckoo::lay_out(agreement, join_keys, keys, rng),
        Mode::Join {
            table: TableKind::Okvs,
        } => okvs::lay_out(agreement, join_keys, keys, rng),
        Mode::Lookup => lookup::lay_out(agreement, join_keys, keys)?,
        Mode::Pairwise(_) => {
            return Err(Error::ManifestContradiction {
                reason: "pairs have a querier of their own",
            });
        }
    })
}

/// Lays records out by blocks.
pub(crate) fn lay_out_records(
    agreement: &Agreement,
    join_keys: &JoinKeys,
    blocks: &BlockDirectory,
    records: Arc<QuerierRecords>,
) -> Result<LaidOut, Error> {
    let Mode::Pairwise(pairwise) = &agreement.manifest().terms.mode else {
        return Err(not_of_pairs());
    };
    pairs::lay_out(agreement, pairwise, join_keys, blocks, records)
}

/// Prepares the comparisons of keys.
pub(crate) fn prepare_keys(
    agreement: &Agreement,
    join_keys: &JoinKeys,
    keys: &ProviderKeys,
    rng: &mut ChaCha20Rng,
) -> Result<Arc<dyn Prepared>, Error> {
    Ok(match agreement.manifest().terms.mode {
        Mode::Join {
            table: TableKind::Cuckoo,
        } => cuckoo::prepare(agreement, join_keys, keys, rng),
        Mode::Join {
            table: TableKind::Okvs,
        } => okvs::prepare(agreement, join_keys, keys, rng),
        Mode::Lookup => lookup::prepare(agreement, join_keys, keys, rng)?,
        Mode::Pairwise(_) => {
            return Err(Error::ManifestContradiction {
                reason: "pairs have a provider of their own",
            });
        }
    })
}

/// Prepares the comparisons of records.
pub(crate) fn prepare_records(
    agreement: &Agreement,
    join_keys: &JoinKeys,
    blocks: &BlockDirectory,
    records: &ProviderRecords,
    rng: &mut ChaCha20Rng,
) -> Result<Arc<dyn Prepared>, Error> {
    let Mode::Pairwise(pairwise) = &agreement.manifest().terms.mode else {
        return Err(not_of_pairs());
    };
    pairs::prepare(agreement, pairwise, join_keys, blocks, records, rng)
}

fn not_of_pairs() -> Error {
    Error::ManifestContradiction {
        reason: "records for a linkage without pairs",
    }
}
