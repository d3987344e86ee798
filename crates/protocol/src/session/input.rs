//! What takes part in a session: the querier's question, and the part of a registry.

use std::sync::Arc;

use sha2::Digest as _;
use sha2::Sha256;

use crate::agreement::Agreement;
use crate::blocks::BlockDirectory;
use crate::error::Error;
use crate::fingerprint::Fingerprints;
use crate::keys::{ProviderKeys, QuerierKeys};
use crate::provider::jobs::ProviderJobs;
use crate::random::SessionSecret;
use crate::records::{ProviderRecords, QuerierRecords};

/// What the querier asks.
#[derive(Clone, Debug)]
pub enum Question {
    /// Join keys, to be found among the provider's.
    Keys(Arc<QuerierKeys>),
    /// Records, to be compared with the provider's in these blocks.
    Records(Arc<QuerierRecords>, BlockDirectory),
}

impl From<QuerierKeys> for Question {
    fn from(keys: QuerierKeys) -> Self {
        Self::Keys(Arc::new(keys))
    }
}

impl From<(QuerierRecords, BlockDirectory)> for Question {
    fn from((records, blocks): (QuerierRecords, BlockDirectory)) -> Self {
        Self::Records(Arc::new(records), blocks)
    }
}

/// The part of a registry that takes part in a session.
#[derive(Clone, Debug)]
pub enum Selected {
    /// Join keys.
    Keys(Arc<ProviderKeys>),
    /// Records, compared with the querier's in these blocks.
    Records(Arc<ProviderRecords>, BlockDirectory),
}

impl From<ProviderKeys> for Selected {
    fn from(keys: ProviderKeys) -> Self {
        Self::Keys(Arc::new(keys))
    }
}

impl From<(ProviderRecords, BlockDirectory)> for Selected {
    fn from((records, blocks): (ProviderRecords, BlockDirectory)) -> Self {
        Self::Records(Arc::new(records), blocks)
    }
}

/// Finds the part of a registry that takes part in a session: the same every time, or an error that
/// ends the session.
pub(super) type Select = dyn Fn() -> Result<Selected, Error> + Send + Sync;

impl Selected {
    /// Prepares the comparisons.
    pub(super) fn prepare(
        &self,
        agreement: &Agreement,
        fingerprints: &Fingerprints,
        secret: &SessionSecret,
    ) -> Result<ProviderJobs, Error> {
        match self {
            Self::Keys(keys) => ProviderJobs::prepare(agreement, fingerprints, keys, secret),
            Self::Records(records, blocks) => {
                ProviderJobs::prepare_pairs(agreement, fingerprints, blocks, records, secret)
            }
        }
    }

    /// A digest of all of it, in an order of its own.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        let mut absorb = |item: &[u8]| {
            digest.update((item.len() as u64).to_be_bytes());
            digest.update(item);
        };
        match self {
            Self::Keys(keys) => keys.iter().for_each(absorb),
            Self::Records(records, _) => {
                records.for_each(|fields| fields.iter().for_each(|field| absorb(field)));
            }
        }
        digest.finalize().into()
    }
}
