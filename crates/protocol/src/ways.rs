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
pub(crate) mod selection;
mod single;
pub(crate) mod way;

pub(crate) use way::{LaidOut, Prepared};

use std::sync::Arc;

use rand_chacha::ChaCha20Rng;

use crate::agreement::Agreement;
use crate::blocks::BlockDirectory;
use crate::error::Error;
use crate::fingerprint::Fingerprints;
use crate::keys::{ProviderKeys, QuerierKeys};
use crate::records::{ProviderRecords, QuerierRecords};
use crate::terms::{Mode, TableKind};

/// Lays keys out.
pub(crate) fn lay_out_keys(
    agreement: &Agreement,
    fingerprints: &Fingerprints,
    keys: Arc<QuerierKeys>,
    rng: &mut ChaCha20Rng,
) -> Result<LaidOut, Error> {
    Ok(match agreement.manifest().terms.mode {
        Mode::Join {
            table: TableKind::Cuckoo,
        } => cuckoo::lay_out(agreement, fingerprints, keys, rng),
        Mode::Join {
            table: TableKind::Okvs,
        } => okvs::lay_out(agreement, fingerprints, keys, rng),
        Mode::Lookup => lookup::lay_out(agreement, fingerprints, keys)?,
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
    fingerprints: &Fingerprints,
    blocks: &BlockDirectory,
    records: Arc<QuerierRecords>,
) -> Result<LaidOut, Error> {
    let Some(pairwise) = agreement.manifest().terms.mode.pairwise() else {
        return Err(not_of_pairs());
    };
    pairs::lay_out(agreement, pairwise, fingerprints, blocks, records)
}

/// Prepares the comparisons of keys.
pub(crate) fn prepare_keys(
    agreement: &Agreement,
    fingerprints: &Fingerprints,
    keys: &ProviderKeys,
    rng: &mut ChaCha20Rng,
) -> Result<Arc<dyn Prepared>, Error> {
    Ok(match agreement.manifest().terms.mode {
        Mode::Join {
            table: TableKind::Cuckoo,
        } => cuckoo::prepare(agreement, fingerprints, keys, rng),
        Mode::Join {
            table: TableKind::Okvs,
        } => okvs::prepare(agreement, fingerprints, keys, rng),
        Mode::Lookup => lookup::prepare(agreement, fingerprints, keys, rng)?,
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
    fingerprints: &Fingerprints,
    blocks: &BlockDirectory,
    records: &ProviderRecords,
    rng: &mut ChaCha20Rng,
) -> Result<Arc<dyn Prepared>, Error> {
    let Some(pairwise) = agreement.manifest().terms.mode.pairwise() else {
        return Err(not_of_pairs());
    };
    pairs::prepare(agreement, pairwise, fingerprints, blocks, records, rng)
}

fn not_of_pairs() -> Error {
    Error::ManifestContradiction {
        reason: "records for a linkage without pairs",
    }
}
