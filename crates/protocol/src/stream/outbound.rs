//! The sending end.

use sha2::Digest as _;
use sha2::Sha256;

use crate::channel::Channel;
use crate::error::Error;
use crate::stream::checkpoint::{Progress, StreamCheckpoint};
use crate::stream::head::{Head, account};
use crate::stream::kind::{Account, StreamDigest, StreamKind};
use crate::stream::seal::Seal;

/// The sending end of a stream.
pub struct Outbound {
    seal: Seal,
    head: Head,
    progress: Progress,
}

impl Outbound {
    pub(crate) fn new(channel: &Channel, kind: StreamKind, head: Head) -> Self {
        let seal = Seal::new(channel, kind);
        let digest = Sha256::new_with_prefix(head.encode(kind, seal.session_id));
        Self {
            seal,
            head,
            progress: Progress {
                next: 0,
                digest,
                closed: None,
            },
        }
    }

    /// Yields the number of chunks of the whole stream.
    pub fn chunks(&self) -> u64 {
        self.head.geometry.chunks()
    }

    /// Yields the number of the chunk that [`seal`](Self::seal) takes next.
    pub fn next(&self) -> u64 {
        self.progress.next
    }

    /// Seals the next payload.
    ///
    /// The same payload seals to the same bytes under the same number, also after a crash.
    ///
    /// # Errors
    ///
    /// [`Error::StreamSize`] for a payload of another length than its chunk has,
    /// [`Error::StreamState`] after the last chunk.
    pub fn seal(mut self, payload: &[u8]) -> Result<(Self, Vec<u8>), Error> {
        let sealed = self.seal_next(payload)?;
        Ok((self, sealed))
    }

    /// [`seal`](Self::seal), for a caller that keeps the stream in something that an error consumes.
    pub(crate) fn seal_next(&mut self, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let stream = self.seal.kind.name();
        if self.progress.closed.is_some() {
            return Err(Error::StreamState {
                stream,
                state: "closed",
                chunks: self.progress.next,
            });
        }
        let geometry = self.head.geometry;
        if payload.len() != geometry.items_in(self.progress.next)? * geometry.item_bytes() {
            return Err(Error::StreamSize { stream });
        }
        let number = self.progress.next;
        let last = number + 1 == geometry.chunks();
        self.progress.digest.update(payload);
        let mut plain = Vec::with_capacity(payload.len() + Head::BYTES + 32);
        if number == 0 {
            plain.extend_from_slice(&self.head.encode(self.seal.kind, self.seal.session_id));
        }
        plain.extend_from_slice(payload);
        if last {
            let digest: [u8; 32] = self.progress.digest.clone().finalize().into();
            plain.extend_from_slice(&digest);
            self.progress.closed = Some(StreamDigest(digest));
        }
        self.progress.next += 1;
        Ok(self.seal.seal(number, last, &plain))
    }

    /// Yields the account of the stream once its last chunk is sealed.
    ///
    /// # Errors
    ///
    /// [`Error::StreamState`] before the last chunk.
    pub fn account(&self) -> Result<Account, Error> {
        account(
            self.progress.closed,
            self.head.geometry,
            self.seal.kind,
            self.progress.next,
        )
    }
}

impl Outbound {
    /// Yields where the stream stands.
    pub fn checkpoint(&self) -> StreamCheckpoint {
        StreamCheckpoint::write(&self.seal, &self.progress, None)
    }

    /// Brings a new stream of the same session to where a checkpoint says it stood.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for a checkpoint of another stream or session.
    pub fn resume(mut self, checkpoint: &StreamCheckpoint) -> Result<Self, Error> {
        let (progress, head) = checkpoint.read(&self.seal)?;
        // A sender knows its head and stores none.
        if head.is_some() {
            return Err(Error::Malformed { what: "checkpoint" });
        }
        self.progress = progress;
        Ok(self)
    }
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound")
            .field("kind", &self.seal.kind)
            .field("next", &self.progress.next)
            .finish_non_exhaustive()
    }
}
