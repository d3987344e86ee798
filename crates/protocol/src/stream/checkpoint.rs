//! Where a stream stands, in bytes to store.

use sha2::Sha256;
use sha2::digest::common::hazmat::{SerializableState as _, SerializedState};

use super::seal::Seal;
use super::{Head, StreamDigest};
use crate::Error;
use crate::codec::{Reader, Writer};

/// The version of the bytes to store.
const VERSION: u8 = 2;

/// Where one end of a stream stands: what it needs to go on after a crash.
///
/// Holds a chunk number and a running digest, no payload and no key. A sender stores it before it
/// sends what it sealed, a receiver before it acknowledges what it opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint(Vec<u8>);

impl Checkpoint {
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

/// How far one end of a stream has come.
pub(super) struct Progress {
    pub(super) next: u64,
    pub(super) digest: Sha256,
    pub(super) closed: Option<StreamDigest>,
}
