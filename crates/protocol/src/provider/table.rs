//! The querier's table as it arrives, and as it is read.

use std::sync::Arc;

use blindjoin_bigint::{Batch, Elements};
use blindjoin_paillier::{Ciphertexts, PublicKey};

use super::Noise;
use crate::agreement::Agreement;
use crate::keys::Channel;
use crate::okvs::Shape;
use crate::size::{Geometry, TableShape};
use crate::stream::{Account, Head, Inbound, StreamKind};
use crate::{Error, StreamDigest, number};

/// The part of a table, one in so many, after which there is room for all of it.
const EARNED: u64 = 16;

/// The dense places summed by one look-up.
const DENSE_GROUP: usize = 8;

/// Takes in the querier's table, chunk by chunk.
///
/// Memory: what has arrived of the table, and never more than twice that; a size that is merely
/// announced takes none.
pub struct TableIntake {
    agreement: Agreement,
    public_key: PublicKey,
    shape: TableShape,
    geometry: Geometry,
    elements: Elements,
    next: u64,
}

impl TableIntake {
    /// Starts to take in the agreed table.
    pub fn new(agreement: &Agreement) -> Self {
        let public_key = agreement.public_key().clone();
        let geometry = agreement.sizes().table();
        let elements = Elements::with_capacity(public_key.ring(), 0);
        Self {
            agreement: agreement.clone(),
            public_key,
            shape: agreement.sizes().table_shape(),
            geometry,
            elements,
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

    /// Takes the payload of the next chunk.
    ///
    /// # Errors
    ///
    /// [`Error::MalformedCiphertext`] for a ciphertext that is 0, not below n², or shares a factor
    /// with n; [`Error::StreamSize`] for a payload of another length.
    pub fn take(mut self, payload: &[u8]) -> Result<Self, Error> {
        let (stream, number) = (StreamKind::Table.name(), self.next);
        let size = Error::StreamSize { stream };
        let due = self.geometry.items_in(number).map_err(|_| size.clone())?;
        if payload.len() != due * self.geometry.item_bytes() {
            return Err(size);
        }
        let batch = self
            .public_key
            .decode(payload)
            .map_err(|_| Error::MalformedCiphertext { stream, number })?;
        self.elements.extend(batch.as_batch());
        self.next += 1;
        // Memory is taken as it is earned: whoever has sent a part of a large table gets room for the
        // rest, which then need not be moved as it grows.
        if self.next == self.geometry.chunks().div_ceil(EARNED) {
            let announced = number::index(self.geometry.items());
            self.elements.reserve(announced - self.elements.len());
        }
        Ok(self)
    }

    /// Yields the table, once its stream has ended.
    ///
    /// Builds the tables of powers that do not depend on the provider's records too: the caller may prepare its
    /// jobs meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::StreamState`] when the stream or the intake is incomplete.
    pub fn finish(self, stream: &Inbound) -> Result<EncryptedTable, Error> {
        let Account { digest, .. } = stream.account()?;
        if self.elements.len() as u64 != self.geometry.items() {
            let stream = StreamKind::Table.name();
            return Err(Error::StreamState {
                stream,
                state: "unfinished",
                chunks: self.next,
            });
        }
        let dense = match self.shape {
            TableShape::Okvs(shape) => Some(dense_tables(&self.public_key, &self.elements, shape)),
            TableShape::Cuckoo(_) | TableShape::Entries(_) => None,
        };
        Ok(EncryptedTable {
            elements: self.elements,
            dense,
            digest,
            noise: Arc::new(Noise::new(&self.agreement)),
        })
    }
}

impl std::fmt::Debug for TableIntake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TableIntake")
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// The querier's encrypted table, complete and checked.
pub struct EncryptedTable {
    elements: Elements,
    dense: Option<Elements>,
    digest: StreamDigest,
    noise: Arc<Noise>,
}

impl EncryptedTable {
    /// Yields the powers that re-randomise comparisons with the table.
    pub(super) fn noise(&self) -> Arc<Noise> {
        self.noise.clone()
    }

    /// Yields the digest of the stream that brought the table.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest.0
    }

    /// Yields, for each of ascending `times`, the entries at `places` squared that many times.
    pub(crate) fn squared(&self, places: &[usize], times: &[usize]) -> Vec<Elements> {
        self.elements.squared_vartime(places, times)
    }

    /// Yields the entries at some places.
    pub(crate) fn gather(&self, places: &[usize]) -> Ciphertexts {
        Ciphertexts::from_batch(self.elements.gather_vartime(places))
    }

    /// Yields, for rows of a key-value store, the encrypted sums of their places.
    pub(crate) fn sums(&self, public_key: &PublicKey, rows: &[([u32; 3], u64)]) -> Ciphertexts {
        let dense = self
            .dense
            .as_ref()
            .expect("a key-value store has dense places");
        let sparse = |which: usize| -> Vec<usize> {
            rows.iter()
                .map(|(places, _)| places[which] as usize)
                .collect()
        };
        let mut sum = self.gather(&sparse(0));
        let mut add = |batch: Batch| public_key.add(&mut sum, &Ciphertexts::from_batch(batch));
        add(self.elements.gather_vartime(&sparse(1)));
        add(self.elements.gather_vartime(&sparse(2)));
        for group in 0..dense.len() >> DENSE_GROUP {
            let places: Vec<usize> = rows
                .iter()
                .map(|(_, bits)| {
                    let digit = usize::from((bits >> (DENSE_GROUP * group)).to_le_bytes()[0]);
                    (group << DENSE_GROUP) + digit
                })
                .collect();
            add(dense.gather_vartime(&places));
        }
        sum
    }
}

impl std::fmt::Debug for EncryptedTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EncryptedTable")
            .field("len", &self.elements.len())
            .finish_non_exhaustive()
    }
}

/// All products of each eight dense places, so that a row needs one factor for each eight.
fn dense_tables(public_key: &PublicKey, elements: &Elements, shape: Shape) -> Elements {
    let ring = public_key.ring();
    let first = 3 * shape.third() as usize;
    let dense: Vec<usize> = (first..first + shape.dense() as usize).collect();
    let places = elements.gather_vartime(&dense);
    let groups = dense.len().div_ceil(DENSE_GROUP);
    let mut tables = Elements::with_capacity(ring, groups << DENSE_GROUP);
    for group in 0..groups {
        let mut products = ring.one(1);
        for bit in 0..DENSE_GROUP {
            let place = group * DENSE_GROUP + bit;
            let mut with = products.clone();
            if place < places.len() {
                ring.mul_shared_assign(&mut with, &places, place);
            }
            products = Batch::concat(&[&products, &with]);
        }
        tables.extend(&products);
    }
    tables
}
