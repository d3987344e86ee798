//! What chunk 0 of a stream opens with.

use crate::agreement::SessionId;
use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::geometry::Geometry;
use crate::random::SHARD;
use crate::stream::kind::{Account, StreamDigest, StreamKind};

/// What chunk 0 opens with.
///
/// # Source
///
/// `spec/protocol.md`, §3.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) geometry: Geometry,
    /// The comparisons and their stream, where a stream answers for them.
    pub(crate) about: Option<Account>,
    /// Whether the key holder found the session to have failed, in its answer.
    pub(crate) failed: bool,
}

impl Head {
    pub(super) const BYTES: usize = 32 + 1 + 4 + 8 + 4 + 4 + 40 + 1;

    pub(super) fn encode(&self, kind: StreamKind, session_id: SessionId) -> Vec<u8> {
        let mut out = Writer::new();
        out.raw(&session_id.0)
            .u8(kind.number())
            .u32(SHARD)
            .u64(self.geometry.items());
        out.u32(u32::try_from(self.geometry.item_bytes()).expect("items are short"));
        out.u32(u32::try_from(self.geometry.per_chunk()).expect("chunks are short"));
        let about = self.about.unwrap_or(Account {
            ciphertexts: 0,
            digest: StreamDigest([0; 32]),
        });
        out.u64(about.ciphertexts)
            .raw(&about.digest.0)
            .u8(u8::from(self.failed));
        out.finish()
    }

    /// Reads the head of an answering stream, of which the account and the failure are news.
    pub(super) fn decode(
        bytes: &[u8],
        kind: StreamKind,
        session_id: SessionId,
    ) -> Result<Self, Error> {
        let mut input = Reader::new(bytes, "stream head");
        let place = (input.array()?, input.u8()?, input.u32()?);
        if place != (session_id.0, kind.number(), SHARD) {
            return Err(Error::StreamSize {
                stream: kind.name(),
            });
        }
        let (items, item_bytes, per_chunk) = (input.u64()?, input.u32()?, input.u32()?);
        let about = Account {
            ciphertexts: input.u64()?,
            digest: StreamDigest(input.array()?),
        };
        let failed = input.flag()?;
        input.finish()?;
        let geometry = Geometry::new(items, item_bytes as usize, per_chunk as usize);
        Ok(Self {
            geometry,
            about: Some(about),
            failed,
        })
    }
}

pub(super) fn account(
    closed: Option<StreamDigest>,
    geometry: Geometry,
    kind: StreamKind,
    chunks: u64,
) -> Result<Account, Error> {
    match closed {
        Some(digest) => Ok(Account {
            ciphertexts: geometry.items(),
            digest,
        }),
        None => Err(Error::StreamState {
            stream: kind.name(),
            state: "unfinished",
            chunks,
        }),
    }
}
