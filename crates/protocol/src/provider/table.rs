//! The querier's table as it arrives, and as it is read.
//!
//! # Source
//!
//! `spec/protocol.md`, §5.3.

use std::sync::Arc;

use blindjoin_bigint::Elements;
use blindjoin_paillier::Ciphertexts;

use crate::agreement::Agreement;
use crate::channel::Channel;
use crate::error::Error;
use crate::geometry::Geometry;
use crate::provider::noise::Noise;
use crate::stream::head::Head;
use crate::stream::inbound::{Ended, Inbound};
use crate::stream::kind::{Account, StreamDigest, StreamKind};
use crate::widths;

/// The part of a table, one in so many, after which there is room for all of it.
// What is reserved is then at most sixteen times what has arrived and was checked.
const EARNED: u64 = 16;

/// Takes in the querier's table, chunk by chunk.
///
/// Chunks are [checked](Self::check) in any order, on as many threads as there are, and taken in
/// theirs. Memory: what has arrived of the table, and never more than twice that; a size that is merely
/// announced takes none.
pub struct TableIntake {
    agreement: Agreement,
    geometry: Geometry,
    elements: Elements,
    next: u64,
}

/// A chunk of the table whose ciphertexts are what ciphertexts must be.
pub struct CheckedChunk {
    number: u64,
    ciphertexts: Ciphertexts,
}

impl TableIntake {
    /// Starts to take in the agreed table.
    pub fn new(agreement: &Agreement) -> Self {
        Self {
            agreement: agreement.clone(),
            geometry: agreement.sizes().table(),
            elements: Elements::with_capacity(agreement.public_key().ring(), 0),
            next: 0,
        }
    }

    /// Opens the stream that brings the table.
    pub fn stream(&self, querier: &Channel) -> Inbound {
        Inbound::new(
            querier,
            StreamKind::Table,
            Head {
                geometry: self.geometry,
                about: None,
                failed: false,
            },
        )
    }

    /// Checks the payload of the chunk of a number.
    ///
    /// # Errors
    ///
    /// [`Error::MalformedCiphertext`] for a ciphertext that is 0, not below n², or shares a factor
    /// with n; [`Error::StreamSize`] for a payload of another length.
    pub fn check(
        agreement: &Agreement,
        number: u64,
        payload: &[u8],
    ) -> Result<CheckedChunk, Error> {
        let stream = StreamKind::Table.name();
        let (geometry, size) = (agreement.sizes().table(), Error::StreamSize { stream });
        let due = geometry.items_in(number).map_err(|_| size.clone())?;
        if payload.len() != due * geometry.item_bytes() {
            return Err(size);
        }
        let ciphertexts = agreement
            .public_key()
            .decode(payload)
            .map_err(|_| Error::MalformedCiphertext { stream, number })?;
        Ok(CheckedChunk {
            number,
            ciphertexts,
        })
    }

    /// Takes the next chunk.
    ///
    /// # Errors
    ///
    /// [`Error::ChunkOutOfOrder`].
    pub fn take(mut self, chunk: &CheckedChunk) -> Result<Self, Error> {
        if chunk.number != self.next {
            return Err(Error::ChunkOutOfOrder {
                stream: StreamKind::Table.name(),
                expected: self.next,
                got: chunk.number,
            });
        }
        self.elements.extend(chunk.ciphertexts.as_batch());
        self.next += 1;
        // Memory is taken as it is earned: whoever has sent a part of a large table gets room for the
        // rest, which then need not be moved as it grows.
        if self.next == self.geometry.chunks().div_ceil(EARNED) {
            let announced = widths::index(self.geometry.items());
            self.elements.reserve(announced - self.elements.len());
        }
        Ok(self)
    }

    /// Yields the table, once its stream has ended.
    ///
    /// # Errors
    ///
    /// [`Error::StreamState`] when not all of the stream's chunks have been taken in.
    pub fn finish(self, stream: &Ended) -> Result<ReceivedTable, Error> {
        let Account { digest, .. } = stream.account;
        if self.elements.len() as u64 != self.geometry.items() {
            let stream = StreamKind::Table.name();
            return Err(Error::StreamState {
                stream,
                state: "unfinished",
                chunks: self.next,
            });
        }
        Ok(ReceivedTable {
            agreement: self.agreement,
            elements: self.elements,
            digest,
        })
    }
}

impl std::fmt::Debug for CheckedChunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckedChunk")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TableIntake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableIntake")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// The querier's table as it arrived, complete and checked.
pub struct ReceivedTable {
    agreement: Agreement,
    elements: Elements,
    digest: StreamDigest,
}

impl ReceivedTable {
    /// Yields the digest of the stream that brought the table.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest.0
    }
}

impl std::fmt::Debug for ReceivedTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReceivedTable")
            .field("len", &self.elements.len())
            .finish_non_exhaustive()
    }
}

/// The querier's encrypted table, ready to be compared with.
pub struct EncryptedTable {
    received: Arc<ReceivedTable>,
    noise: Arc<Noise>,
}

impl EncryptedTable {
    /// Builds the table of powers that re-randomises comparisons: the caller may prepare its jobs
    /// meanwhile.
    pub fn new(received: impl Into<Arc<ReceivedTable>>) -> Self {
        let received = received.into();
        Self {
            noise: Arc::new(Noise::new(&received.agreement)),
            received,
        }
    }

    /// Yields the powers that re-randomise comparisons with the table.
    pub(super) fn noise(&self) -> Arc<Noise> {
        self.noise.clone()
    }

    /// Yields the digest of the stream that brought the table.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        self.received.digest()
    }

    /// Yields, for each of ascending `times`, the entries at `places` squared that many times.
    pub(crate) fn squared(&self, places: &[usize], times: &[usize]) -> Vec<Elements> {
        self.received.elements.squared_vartime(places, times)
    }

    /// Yields the entries at some places.
    pub(crate) fn gather(&self, places: &[usize]) -> Ciphertexts {
        Ciphertexts::from_batch(self.received.elements.gather_vartime(places))
    }
}

impl std::fmt::Debug for EncryptedTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncryptedTable")
            .field("len", &self.received.elements.len())
            .finish_non_exhaustive()
    }
}
