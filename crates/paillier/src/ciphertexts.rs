//! Batches of ciphertexts.

use blindjoin_bigint::Batch;

/// Ciphertexts of one public key, in order, packed for computation.
#[derive(Debug, Clone)]
pub struct Ciphertexts(pub(crate) Batch);

impl Ciphertexts {
    /// Takes ring elements for ciphertexts. The caller knows that they are units of the key's ring.
    pub fn from_batch(batch: Batch) -> Self {
        Self(batch)
    }

    /// The ring elements.
    pub fn as_batch(&self) -> &Batch {
        &self.0
    }

    /// The ring elements.
    pub fn into_batch(self) -> Batch {
        self.0
    }

    /// How many ciphertexts there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
