//! The provider's comparisons before the table arrives: what is compared with what, in which order.

use std::sync::Arc;

use rand_chacha::ChaCha20Rng;

use crate::agreement::Agreement;
use crate::blocks::BlockDirectory;
use crate::error::Error;
use crate::fingerprint::Fingerprints;
use crate::keys::ProviderKeys;
use crate::random::{SHARD, SessionSecret};
use crate::records::ProviderRecords;
use crate::ways;
use crate::ways::way::Prepared;

/// The comparisons of a session in their secret order.
///
/// Memory: 4 bytes for each comparison and 32 (cuckoo) or 48 (key-value store) for each key. The
/// keys themselves are no longer needed.
pub struct ProviderJobs(Arc<dyn Prepared>);

impl ProviderJobs {
    /// Computes fingerprints and places of the keys and the canaries, and draws the permutation.
    ///
    /// The same session secret prepares the same jobs again.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] when there are more keys than the agreed size class holds;
    /// [`Error::KeyNotJoinable`] in a lookup, for a key of no agreed rule;
    /// [`Error::ManifestContradiction`] for a pairwise agreement.
    pub fn prepare(
        agreement: &Agreement,
        fingerprints: &Fingerprints,
        keys: &ProviderKeys,
        secret: &SessionSecret,
    ) -> Result<Self, Error> {
        let terms = &agreement.manifest().terms;
        let (count, room) = (
            keys.len() as u64 + u64::from(terms.canaries),
            agreement.sizes().provider_keys(),
        );
        if count > room {
            return Err(Error::TooMany { count, room });
        }
        let mut rng = permuting(agreement, secret);
        ways::prepare_keys(agreement, fingerprints, keys, &mut rng).map(Self)
    }

    /// Computes the parts' fingerprints of a pairwise linkage, and draws handles and permutation.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] when there are more pairs than agreed, [`Error::ManifestMismatch`] when
    /// the directory is not the agreed one, [`Error::ManifestContradiction`] for another mode.
    pub fn prepare_pairs(
        agreement: &Agreement,
        fingerprints: &Fingerprints,
        blocks: &BlockDirectory,
        records: &ProviderRecords,
        secret: &SessionSecret,
    ) -> Result<Self, Error> {
        let mut rng = permuting(agreement, secret);
        ways::prepare_records(agreement, fingerprints, blocks, records, &mut rng).map(Self)
    }

    pub(super) fn prepared(&self) -> Arc<dyn Prepared> {
        self.0.clone()
    }
}

impl std::fmt::Debug for ProviderJobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProviderJobs")
    }
}

/// The generator of the secret order, which first draws how many dummy matches there are.
fn permuting(agreement: &Agreement, secret: &SessionSecret) -> ChaCha20Rng {
    let shard = SHARD.to_be_bytes();
    secret.rng(&[b"permute", &agreement.session_id().0, &shard])
}
