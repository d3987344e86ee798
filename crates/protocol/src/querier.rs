//! The querier: encrypts a table of fingerprints, and opens the result.
//!
//! # Source
//!
//! `spec/protocol.md`, §5.3, §13.

mod opening;

pub use opening::Opening;

use std::sync::Arc;

use blindjoin_bigint::Naturals;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use sha2::Digest as _;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::blocks::BlockDirectory;
use crate::channel::Channel;
use crate::error::Error;
use crate::fingerprint::Fingerprints;
use crate::geometry::Geometry;
use crate::keys::QuerierKeys;
use crate::random::{KEY_HOLDER, SHARD, SessionSecret};
use crate::records::QuerierRecords;
use crate::stream::head::Head;
use crate::stream::inbound::Inbound;
use crate::stream::kind::StreamKind;
use crate::stream::outbound::Outbound;
use crate::ways;
use crate::ways::way::{LaidOut, Layout};
use crate::widths;

/// The querier's side of a session: the table's content, and what sits where.
///
/// Memory: 16 bytes for each place of the table and for each key, or 8 for each row, beside the keys
/// or records.
pub struct Querier {
    agreement: Agreement,
    /// Of all that is random in the table.
    seed: Zeroizing<[u8; 32]>,
    /// Of what is asked.
    digest: [u8; 32],
    fingerprints: Fingerprints,
    plain: Zeroizing<Vec<u128>>,
    layout: Box<dyn Layout>,
}

impl Querier {
    /// Lays the keys and the session's canaries out over the agreed table.
    ///
    /// The same session secret lays out the same table again.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] when there are more keys than the agreed size class holds, or in a lookup
    /// more than one key for a rule; [`Error::ManifestContradiction`] for a pairwise agreement.
    pub fn new(
        agreement: &Agreement,
        fingerprints: Fingerprints,
        keys: impl Into<Arc<QuerierKeys>>,
        secret: &SessionSecret,
    ) -> Result<Self, Error> {
        let keys = keys.into();
        let terms = &agreement.manifest().terms;
        let canaries: Vec<Vec<u8>> = (0..terms.canaries)
            .map(|i| fingerprints.canary(i))
            .collect();
        let count = keys.len() as u64 + canaries.len() as u64;
        let room = agreement.manifest().querier_size;
        if !terms.mode.is_lookup() && count > room {
            return Err(Error::TooMany { count, room });
        }
        if usize::from(keys.rules()) != terms.rules.len() {
            return Err(Error::ManifestContradiction {
                reason: "the card has another number of rules",
            });
        }
        let digest = digest_of(keys.iter().chain(canaries.iter().map(Vec::as_slice)));
        let seed = table_seed(agreement, secret, &digest);
        let mut rng = layout_rng(&seed);
        let laid_out = ways::lay_out_keys(agreement, &fingerprints, keys, &mut rng)?;
        Ok(Self::of(agreement, fingerprints, laid_out, (seed, digest)))
    }

    /// Lays the records of a pairwise linkage out by blocks, each padded to its size class.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] when a block holds more records than the directory says;
    /// [`Error::ManifestMismatch`] when the directory is not the agreed one;
    /// [`Error::ManifestContradiction`] for another mode.
    pub fn for_pairs(
        agreement: &Agreement,
        fingerprints: Fingerprints,
        blocks: &BlockDirectory,
        records: impl Into<Arc<QuerierRecords>>,
        secret: &SessionSecret,
    ) -> Result<Self, Error> {
        let records = records.into();
        let laid_out = ways::lay_out_records(agreement, &fingerprints, blocks, records)?;
        let plain = laid_out.plain.iter();
        let bytes: Vec<[u8; 16]> = plain.map(|value| value.to_be_bytes()).collect();
        let bytes = Zeroizing::new(bytes);
        let digest = digest_of(bytes.iter().map(<[u8; 16]>::as_slice));
        let seed = table_seed(agreement, secret, &digest);
        Ok(Self::of(agreement, fingerprints, laid_out, (seed, digest)))
    }

    fn of(
        agreement: &Agreement,
        fingerprints: Fingerprints,
        LaidOut { layout, plain }: LaidOut,
        (seed, digest): (Zeroizing<[u8; 32]>, [u8; 32]),
    ) -> Self {
        // Built here, in parallel, and not by the first of many chunks at once.
        let entries = widths::index(agreement.sizes().table_entries());
        agreement.public_key().noise_table_for(entries);
        Self {
            agreement: agreement.clone(),
            seed,
            digest,
            fingerprints,
            plain,
            layout,
        }
    }

    /// Yields a digest of what is asked: the same session may go on with nothing else.
    pub(crate) fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Yields how the table is cut into chunks.
    pub fn table(&self) -> Geometry {
        self.agreement.sizes().table()
    }

    /// Yields the number of distinct keys that found no place; their cells will be "not compared".
    pub fn unplaced(&self) -> usize {
        self.layout.unplaced()
    }

    /// Encrypts one chunk of the table: ciphertexts in order, fixed width, big endian.
    ///
    /// Chunks are independent of each other, and the same chunk comes out the same again. Time
    /// depends on the number of ciphertexts only.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchBatch`].
    pub fn table_chunk(&self, number: u64) -> Result<Vec<u8>, Error> {
        let range = self.table().range(number)?;
        let plain = &self.plain[widths::index(range.start)..widths::index(range.end)];
        Ok(encrypt_chunk(&self.agreement, &self.seed, number, plain))
    }

    /// Opens the stream that carries the table to the provider.
    pub fn table_stream(&self, provider: &Channel) -> Outbound {
        Outbound::new(
            provider,
            StreamKind::Table,
            Head {
                geometry: self.table(),
                about: None,
                failed: false,
            },
        )
    }

    /// Opens the stream that brings the key holder's result.
    pub fn result_stream(&self, keyholder: &Channel) -> Inbound {
        let geometry = self
            .agreement
            .sizes()
            .result(&self.agreement.manifest().terms);
        Inbound::answer(keyholder, StreamKind::Result, geometry)
    }

    /// Opens the stream that brings the provider's account of its comparisons.
    pub fn summary_stream(&self, provider: &Channel) -> Inbound {
        Inbound::answer(provider, StreamKind::Summary, Geometry::new(0, 1, 1))
    }

    /// Starts to open the result; it takes the payloads of the result stream in order.
    pub fn opening(&self) -> Opening<'_> {
        Opening::new(&self.agreement, &self.fingerprints, self.layout.collect())
    }
}

impl std::fmt::Debug for Querier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Querier")
            .field("asks about", &self.layout.len())
            .finish_non_exhaustive()
    }
}

fn digest_of<'a>(content: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut digest = Sha256::new();
    for item in content {
        digest.update((item.len() as u64).to_be_bytes());
        digest.update(item);
    }
    digest.finalize().into()
}

/// The seed of a table: of the session's secret and of what the table holds, so that the same
/// content is laid out and encrypted the same again, and other content independently.
fn table_seed(
    agreement: &Agreement,
    secret: &SessionSecret,
    content: &[u8; 32],
) -> Zeroizing<[u8; 32]> {
    secret.expand(&[
        b"table",
        &agreement.session_id().0,
        &[KEY_HOLDER],
        &SHARD.to_be_bytes(),
        content,
    ])
}

/// The generator of the layout: stream 0 of the seed. Chunk `i` has stream `i + 1`.
fn layout_rng(seed: &[u8; 32]) -> ChaCha20Rng {
    ChaCha20Rng::from_seed(*seed)
}

/// Encrypts plaintexts of one chunk.
fn encrypt_chunk(agreement: &Agreement, seed: &[u8; 32], number: u64, plain: &[u128]) -> Vec<u8> {
    let mut rng = ChaCha20Rng::from_seed(*seed);
    rng.set_stream(number + 1);
    let plain = Naturals::from_u128s(plain, agreement.suite().t_bits() as usize);
    let public_key = agreement.public_key();
    let encrypted = public_key
        .encrypt_random(&plain, &mut rng)
        .expect("residues are below the modulus");
    public_key.encode(&encrypted)
}
