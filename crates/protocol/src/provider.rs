//! The provider: receives the table, and makes the masked comparisons.
//!
//! # Source
//!
//! `spec/protocol.md`, §5.4, §13.

mod jobs;
mod table;

use std::sync::Arc;

use blindjoin_bigint::{Batch, FixedBase, Naturals};
use blindjoin_paillier::{Ciphertexts, PublicKey};
use sha2::{Digest as _, Sha256};

pub use jobs::ProviderJobs;
pub(crate) use jobs::draw_dummies;
pub use table::{CheckedChunk, EncryptedTable, ReceivedTable, TableIntake};

use crate::agreement::Agreement;
use crate::keys::{Channel, JoinKeys};
use crate::mask::{Draws, SLACK_BITS};
use crate::random::{KEY_HOLDER, SHARD, SessionSecret};
use crate::size::Geometry;
use crate::stream::{Account, Head, Outbound, StreamKind};
use crate::ways::Ready;
use crate::{Error, Mask, number};

/// The provider's side of a session once the querier's table has arrived: comparisons in a secret
/// random order, computed batch by batch.
pub struct Provider {
    context: Context,
    ready: Box<dyn Ready>,
}

/// What every comparison needs.
pub(crate) struct Context {
    pub(crate) agreement: Agreement,
    pub(crate) secret: SessionSecret,
    pub(crate) join_keys: JoinKeys,
    pub(crate) public_key: PublicKey,
    noise: Arc<Noise>,
}

/// How comparisons are re-randomised.
pub(crate) enum Noise {
    /// By powers of hs, whose exponents are longer than what they hide.
    Powers { bits: usize, powers: FixedBase },
    /// By ρⁿ for a fresh ρ, as in the book: under a full mask the factor itself must stay hidden
    /// from a key holder that made its own kind of key, and so must not rest on what h is.
    Afresh,
}

impl Noise {
    /// Builds the table of powers, if there is one, on the current rayon pool.
    pub(crate) fn new(agreement: &Agreement) -> Self {
        let (terms, sizes, suite) = (
            &agreement.manifest().terms,
            agreement.sizes(),
            agreement.suite(),
        );
        let hidden = match terms.mask {
            Mask::Full => return Self::Afresh,
            Mask::Slot if sizes.slots() > 1 => sizes.slots() * suite.slot_bits(),
            Mask::Slot => suite.t_bits() as usize,
        };
        let public_key = agreement.public_key();
        let bits = public_key.exponent_bits() + hidden + SLACK_BITS;
        let uses = number::index(sizes.comparison_ciphertexts());
        let powers = public_key.noise_powers(bits, uses);
        Self::Powers { bits, powers }
    }
}

impl Context {
    pub(crate) fn new(
        agreement: &Agreement,
        join_keys: JoinKeys,
        secret: &SessionSecret,
        noise: Arc<Noise>,
    ) -> Self {
        Self {
            agreement: agreement.clone(),
            secret: secret.clone(),
            join_keys,
            public_key: agreement.public_key().clone(),
            noise,
        }
    }

    /// The generators of one batch: of the session's secret, the batch's number and its input, and
    /// those of the noise also of the table. The same input draws the same again, any other draws
    /// independently.
    pub(crate) fn draws(&self, batch: u64, input: &Sha256, table: &EncryptedTable) -> Draws {
        let (id, batch) = (&self.agreement.session_id().0, batch.to_be_bytes());
        let holder = [KEY_HOLDER];
        let shard = SHARD.to_be_bytes();
        let common = input.clone().finalize();
        let own = input.clone().chain_update(table.digest()).finalize();
        Draws {
            mask: self.secret.rng(&[b"mask", id, &shard, &batch, &common]),
            noise: self
                .secret
                .rng(&[b"noise", id, &holder, &shard, &batch, &own]),
        }
    }

    /// Raises entries to their factors, re-randomises them, adds the plaintexts, and yields the wire
    /// form.
    ///
    /// There is an entry and a factor for each plaintext; a factor of zero leaves a fresh encryption
    /// of the plaintext, at the same cost.
    pub(crate) fn multiply_and_finish(
        &self,
        mut entries: Ciphertexts,
        factors: &Naturals,
        plain: &Naturals,
        draws: &mut Draws,
    ) -> Vec<u8> {
        match *self.noise {
            Noise::Powers { .. } => self.public_key.multiply_plain(&mut entries, factors),
            Noise::Afresh => {
                let rng = &mut draws.noise;
                self.public_key
                    .multiply_plain_afresh(&mut entries, factors, rng);
            }
        }
        self.finish(Some(entries), plain, draws)
    }

    /// Re-randomises products where that has not been done with them, adds the plaintexts, and
    /// yields the wire form.
    ///
    /// Where there are fewer products than plaintexts the rest are fresh encryptions.
    pub(crate) fn finish(
        &self,
        products: Option<Ciphertexts>,
        plain: &Naturals,
        draws: &mut Draws,
    ) -> Vec<u8> {
        let key = &self.public_key;
        let products = products.map(Ciphertexts::into_batch);
        let mut out = match &*self.noise {
            Noise::Powers { bits, powers } => {
                let exponents = Naturals::random(plain.len(), *bits, &mut draws.noise);
                let mut out = Ciphertexts::from_batch(powers.pow(&exponents));
                if let Some(products) = products {
                    let rest = key.ring().one(plain.len() - products.len());
                    let all = if rest.is_empty() {
                        products
                    } else {
                        Batch::concat(&[&products, &rest])
                    };
                    key.add(&mut out, &Ciphertexts::from_batch(all));
                }
                out
            }
            Noise::Afresh => {
                Ciphertexts::from_batch(products.expect("a full mask multiplies every entry"))
            }
        };
        key.add_plain(&mut out, plain)
            .expect("slots fit below the modulus");
        key.encode(&out)
    }
}

impl Provider {
    /// Brings the prepared jobs and the querier's table together.
    pub fn new(
        agreement: &Agreement,
        join_keys: JoinKeys,
        jobs: impl Into<Arc<ProviderJobs>>,
        table: impl Into<Arc<EncryptedTable>>,
        secret: &SessionSecret,
    ) -> Self {
        let (jobs, table) = (jobs.into(), table.into());
        let context = Context::new(agreement, join_keys, secret, table.noise());
        let ready = jobs.prepared().meet(&context, table);
        Self { context, ready }
    }

    /// Yields how the comparisons are cut into batches.
    pub fn comparisons(&self) -> Geometry {
        self.context.agreement.sizes().comparisons()
    }

    /// Computes one batch of masked comparisons: ciphertexts in order, fixed width, big endian.
    ///
    /// Batches are independent of each other, and the same batch comes out the same again, bit by
    /// bit. Exponentiations take constant time; the order of memory accesses follows the secret
    /// permutation.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchBatch`].
    pub fn compare(&self, batch: u64) -> Result<Vec<u8>, Error> {
        let range = self.comparisons().range(batch)?;
        Ok(self.ready.compare(&self.context, batch, range))
    }

    /// Opens the stream that carries the comparisons to the key holder.
    pub fn comparison_stream(&self, keyholder: &Channel) -> Outbound {
        let head = Head {
            geometry: self.comparisons(),
            about: None,
            failed: false,
        };
        Outbound::new(keyholder, StreamKind::Comparisons, head)
    }

    /// Seals the account of the finished stream of comparisons for the querier, in one chunk.
    ///
    /// # Errors
    ///
    /// None but those of [`Outbound::seal`], which a new stream of one empty chunk does not meet.
    pub fn summary(&self, querier: &Channel, account: Account) -> Result<Vec<u8>, Error> {
        let head = Head {
            geometry: Geometry::new(0, 1, 1),
            about: Some(account),
            failed: false,
        };
        Ok(Outbound::new(querier, StreamKind::Summary, head)
            .seal(&[])?
            .1)
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("comparisons", &self.comparisons())
            .finish_non_exhaustive()
    }
}
