//! The receiving end.

use sha2::Digest as _;
use sha2::Sha256;

use crate::channel::Channel;
use crate::error::Error;
use crate::geometry::Geometry;
use crate::stream::checkpoint::{Progress, StreamCheckpoint};
use crate::stream::head::{Head, account};
use crate::stream::kind::{Account, StreamDigest, StreamKind};
use crate::stream::seal::Seal;

/// The receiving end of a stream.
pub struct Inbound {
    seal: Seal,
    expected: Expected,
    progress: Progress,
}

/// A stream all of which has arrived, in order and whole: there is none before its last chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub(crate) account: Account,
    /// What the sender's head says about the stream of comparisons.
    pub(crate) about: Option<Account>,
    /// Whether it reports that the session has failed.
    pub(crate) failed: bool,
}

/// What a receiver knows of a stream before it starts.
#[derive(Clone, Debug)]
enum Expected {
    /// Every byte of the head.
    Head(Head),
    /// All but what an answer is about, and whether it tells of a failure.
    Answer { geometry: Geometry },
}

impl Inbound {
    pub(crate) fn new(channel: &Channel, kind: StreamKind, head: Head) -> Self {
        Self::expecting(channel, kind, Expected::Head(head))
    }

    /// A stream whose head says what it answers.
    pub(crate) fn answer(channel: &Channel, kind: StreamKind, geometry: Geometry) -> Self {
        Self::expecting(channel, kind, Expected::Answer { geometry })
    }

    fn expecting(channel: &Channel, kind: StreamKind, expected: Expected) -> Self {
        let progress = Progress {
            next: 0,
            digest: Sha256::new(),
            closed: None,
        };
        Self {
            seal: Seal::new(channel, kind),
            expected,
            progress,
        }
    }

    /// Yields the number of the chunk that is due.
    pub fn next(&self) -> u64 {
        self.progress.next
    }

    /// Says whether the last chunk has arrived.
    pub fn is_closed(&self) -> bool {
        self.progress.closed.is_some()
    }

    /// Opens the chunk that is due and yields its payload.
    ///
    /// # Errors
    ///
    /// [`Error::ChunkOutOfOrder`], [`Error::ChunkNotAuthentic`], [`Error::StreamSize`],
    /// [`Error::StreamDigest`], or [`Error::StreamState`] for a chunk after the last.
    pub fn open(mut self, number: u64, sealed: &[u8]) -> Result<(Self, Vec<u8>), Error> {
        let payload = self.open_next(number, sealed)?;
        Ok((self, payload))
    }

    /// [`open`](Self::open), for a caller that keeps the stream in something that an error consumes.
    pub(crate) fn open_next(&mut self, number: u64, sealed: &[u8]) -> Result<Vec<u8>, Error> {
        let stream = self.seal.kind.name();
        if self.progress.closed.is_some() {
            return Err(Error::StreamState {
                stream,
                state: "closed",
                chunks: self.progress.next,
            });
        }
        if number != self.progress.next {
            return Err(Error::ChunkOutOfOrder {
                stream,
                expected: self.progress.next,
                got: number,
            });
        }
        let (last, mut plain) = self.seal.open(number, sealed)?;
        let size = Error::StreamSize { stream };
        if last {
            let body = plain.len().checked_sub(32).ok_or(size.clone())?;
            let closing = plain.split_off(body);
            self.progress.digest.update(&plain);
            let digest: [u8; 32] = self.progress.digest.clone().finalize().into();
            if closing != digest {
                return Err(Error::StreamDigest { stream });
            }
            self.progress.closed = Some(StreamDigest(digest));
        } else {
            self.progress.digest.update(&plain);
        }
        if number == 0 {
            if plain.len() < Head::BYTES {
                return Err(size);
            }
            let payload = plain.split_off(Head::BYTES);
            self.take_head(&plain)?;
            plain = payload;
        }
        let geometry = self.geometry();
        let due = geometry.items_in(number).map_err(|_| size.clone())? * geometry.item_bytes();
        if plain.len() != due || last != (number + 1 == geometry.chunks()) {
            return Err(size);
        }
        self.progress.next += 1;
        Ok(plain)
    }

    /// Yields the stream's end, once its last chunk has arrived.
    ///
    /// # Errors
    ///
    /// [`Error::StreamState`] before the last chunk.
    pub fn end(self) -> Result<Ended, Error> {
        let (geometry, progress) = (self.geometry(), self.progress);
        let account = account(progress.closed, geometry, self.seal.kind, progress.next)?;
        Ok(match self.expected {
            Expected::Head(head) => Ended {
                account,
                about: head.about,
                failed: head.failed,
            },
            // Chunk 0 brings the head.
            Expected::Answer { .. } => Ended {
                account,
                about: None,
                failed: false,
            },
        })
    }

    fn geometry(&self) -> Geometry {
        match &self.expected {
            Expected::Head(head) => head.geometry,
            Expected::Answer { geometry } => *geometry,
        }
    }

    fn take_head(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (kind, session_id) = (self.seal.kind, self.seal.session_id);
        let size = Error::StreamSize {
            stream: kind.name(),
        };
        match &self.expected {
            Expected::Head(head) => {
                if bytes != head.encode(kind, session_id) {
                    return Err(size);
                }
            }
            Expected::Answer { geometry } => {
                let head = Head::decode(bytes, kind, session_id)?;
                let may_fail = kind == StreamKind::Result || !head.failed;
                if head.geometry != *geometry || !may_fail {
                    return Err(size);
                }
                self.expected = Expected::Head(head);
            }
        }
        Ok(())
    }
}

impl Inbound {
    /// Yields where the stream stands.
    pub fn checkpoint(&self) -> StreamCheckpoint {
        let head = match &self.expected {
            Expected::Head(head) if head.about.is_some() => Some(head),
            _ => None,
        };
        StreamCheckpoint::write(&self.seal, &self.progress, head)
    }

    /// Brings a new stream of the same session to where a checkpoint says it stood.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for a checkpoint of another stream or session.
    pub fn resume(mut self, checkpoint: &StreamCheckpoint) -> Result<Self, Error> {
        let (progress, head) = checkpoint.read(&self.seal)?;
        self.progress = progress;
        if let Some(head) = head {
            // Only such a head is stored: every other follows from the agreement.
            if head.about.is_none() {
                return Err(Error::Malformed { what: "checkpoint" });
            }
            self.expected = Expected::Head(head);
        }
        Ok(self)
    }
}

impl std::fmt::Debug for Inbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbound")
            .field("kind", &self.seal.kind)
            .field("next", &self.progress.next)
            .finish_non_exhaustive()
    }
}
