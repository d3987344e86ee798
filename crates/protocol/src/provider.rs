//! The provider: receives the table, and makes the masked comparisons.
//!
//! # Source
//!
//! `spec/protocol.md`, §5.4, §13.

pub(crate) mod context;
pub(crate) mod dummies;
pub(crate) mod jobs;
mod noise;
pub(crate) mod table;

pub use jobs::ProviderJobs;
pub use table::{CheckedChunk, EncryptedTable, ReceivedTable, TableIntake};

pub(crate) use context::Context;

use std::sync::Arc;

use crate::agreement::Agreement;
use crate::channel::Channel;
use crate::error::Error;
use crate::fingerprint::Fingerprints;
use crate::geometry::Geometry;
use crate::random::SessionSecret;
use crate::stream::head::Head;
use crate::stream::kind::{Account, StreamKind};
use crate::stream::outbound::Outbound;
use crate::ways::way::Ready;

/// The provider's side of a session once the querier's table has arrived: comparisons in a secret
/// random order, computed batch by batch.
pub struct Provider {
    context: Context,
    ready: Box<dyn Ready>,
}

impl Provider {
    /// Brings the prepared jobs and the querier's table together.
    pub fn new(
        agreement: &Agreement,
        fingerprints: Fingerprints,
        jobs: impl Into<Arc<ProviderJobs>>,
        table: impl Into<Arc<EncryptedTable>>,
        secret: &SessionSecret,
    ) -> Self {
        let (jobs, table) = (jobs.into(), table.into());
        let context = Context::new(agreement, fingerprints, secret, table.noise());
        let ready = jobs.prepared().meet(&context, table);
        Self { context, ready }
    }

    /// Yields how the comparisons are cut into batches.
    pub fn comparisons(&self) -> Geometry {
        self.context.agreement.sizes().comparisons()
    }

    /// Computes one batch of masked comparisons: ciphertexts in order, fixed width, big endian.
    ///
    /// Batches are independent of each other, and the same batch comes out the same again, bit by
    /// bit. Exponentiations take constant time; the order of memory accesses follows the secret
    /// permutation.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchBatch`].
    pub fn compare(&self, batch: u64) -> Result<Vec<u8>, Error> {
        let range = self.comparisons().range(batch)?;
        Ok(self.ready.compare(&self.context, batch, range))
    }

    /// Opens the stream that carries the comparisons to the key holder.
    pub fn comparison_stream(&self, keyholder: &Channel) -> Outbound {
        let head = Head {
            geometry: self.comparisons(),
            about: None,
            failed: false,
        };
        Outbound::new(keyholder, StreamKind::Comparisons, head)
    }

    /// Seals the account of the finished stream of comparisons for the querier, in one chunk.
    ///
    /// # Errors
    ///
    /// None but those of [`Outbound::seal`], which a new stream of one empty chunk does not meet.
    pub fn summary(&self, querier: &Channel, account: Account) -> Result<Vec<u8>, Error> {
        let head = Head {
            geometry: Geometry::new(0, 1, 1),
            about: Some(account),
            failed: false,
        };
        Ok(Outbound::new(querier, StreamKind::Summary, head)
            .seal(&[])?
            .1)
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("comparisons", &self.comparisons())
            .finish_non_exhaustive()
    }
}
