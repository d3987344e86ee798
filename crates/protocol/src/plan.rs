//! What the classes of both sides come to.

use crate::codec::{Reader, Writer};
use crate::error::Error;

/// What the classes of both sides come to: numbers that stand in the manifest, so that all parties
/// work with the same ones.
///
/// # Source
///
/// `spec/protocol.md`, §15, §20.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The bits of a shard's number; 0, which is one shard, so far.
    pub shard_bits: u8,
    /// The keys of the querier's that a shard has room for.
    pub shard_querier: u64,
    /// The keys and dummies of the provider's that a shard has room for.
    pub shard_provider: u64,
    /// The bins in a half, or the places in a third, of a shard's table; 0 where it has entries.
    pub bins: u32,
    /// The dense places of a shard's table.
    pub dense: u32,
}

impl Plan {
    pub(crate) fn encode(&self, out: &mut Writer) {
        out.u8(self.shard_bits)
            .u64(self.shard_querier)
            .u64(self.shard_provider)
            .u32(self.bins)
            .u32(self.dense);
    }

    pub(crate) fn decode(input: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            shard_bits: input.u8()?,
            shard_querier: input.u64()?,
            shard_provider: input.u64()?,
            bins: input.u32()?,
            dense: input.u32()?,
        })
    }
}
