//! Where a stream stands, in bytes to store.

use sha2::Sha256;
use sha2::digest::common::hazmat::SerializableState as _;
use sha2::digest::common::hazmat::SerializedState;

use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::stream::head::Head;
use crate::stream::kind::StreamDigest;
use crate::stream::seal::Seal;

/// The version of the bytes to store.
const VERSION: u8 = 2;

/// More blocks of 64 bytes than any stream has: sixteen petabytes.
const MOST_BLOCKS: u64 = 1 << 48;

/// Where one end of a stream stands: what it needs to go on after a crash.
///
/// Holds a chunk number and a running digest, no payload and no key. A sender stores it before it
/// sends what it sealed, a receiver before it acknowledges what it opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCheckpoint(Vec<u8>);

impl StreamCheckpoint {
    /// Yields the bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes bytes from where they were stored; [`Outbound::resume`](super::Outbound::resume)
    /// and [`Inbound::resume`](super::Inbound::resume) check
    /// them.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(super) fn write(seal: &Seal, progress: &Progress, head: Option<&Head>) -> Self {
        let mut out = Writer::new();
        out.u8(VERSION)
            .u8(seal.kind.number())
            .raw(&seal.session_id.0)
            .u64(progress.next);
        match progress.closed {
            None => out.u8(0),
            Some(digest) => out.u8(1).raw(&digest.0),
        };
        out.bytes(&progress.digest.serialize());
        match head {
            None => out.u8(0),
            Some(head) => out.u8(1).raw(&head.encode(seal.kind, seal.session_id)),
        };
        Self(out.finish())
    }

    pub(super) fn read(&self, seal: &Seal) -> Result<(Progress, Option<Head>), Error> {
        let mut input = Reader::new(&self.0, "checkpoint");
        if input.array()? != [VERSION, seal.kind.number()] || input.array()? != seal.session_id.0 {
            return Err(input.malformed());
        }
        let next = input.u64()?;
        let closed = if input.flag()? {
            Some(StreamDigest(input.array()?))
        } else {
            None
        };
        let state = input.bytes(1024)?;
        let state = SerializedState::<Sha256>::try_from(state).map_err(|_| input.malformed())?;
        // A count that no stream reaches would overflow when the digest goes on.
        if blocks(&state) >= MOST_BLOCKS {
            return Err(input.malformed());
        }
        let digest = Sha256::deserialize(&state).map_err(|_| input.malformed())?;
        let head = if input.flag()? {
            Some(Head::decode(
                input.raw(Head::BYTES)?,
                seal.kind,
                seal.session_id,
            )?)
        } else {
            None
        };
        input.finish()?;
        Ok((
            Progress {
                next,
                digest,
                closed,
            },
            head,
        ))
    }
}

/// The blocks that a digest has taken: what follows the eight words of its state.
fn blocks(state: &[u8]) -> u64 {
    let count = state.get(32..40).and_then(|bytes| bytes.try_into().ok());
    count.map_or(u64::MAX, u64::from_le_bytes)
}

/// How far one end of a stream has come.
pub(super) struct Progress {
    pub(super) next: u64,
    pub(super) digest: Sha256,
    pub(super) closed: Option<StreamDigest>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Digest as _;

    #[test]
    fn the_blocks_of_a_digest_are_read_where_they_stand() {
        for taken in [0, 1, 10, 300] {
            let digest = Sha256::new_with_prefix(vec![7; 64 * taken + 5]);
            assert_eq!(blocks(&digest.serialize()), taken as u64);
        }
    }
}
