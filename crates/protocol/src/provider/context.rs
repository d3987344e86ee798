//! What every comparison needs.

use std::sync::Arc;

use blindjoin_bigint::Batch;
use blindjoin_bigint::Naturals;
use blindjoin_paillier::Ciphertexts;
use blindjoin_paillier::PublicKey;
use sha2::Digest as _;
use sha2::Sha256;

use crate::agreement::Agreement;
use crate::fingerprint::Fingerprints;
use crate::mask::Draws;
use crate::provider::noise::Noise;
use crate::provider::table::EncryptedTable;
use crate::random::{KEY_HOLDER, SHARD, SessionSecret};

/// What every comparison needs.
pub(crate) struct Context {
    pub(crate) agreement: Agreement,
    pub(crate) secret: SessionSecret,
    pub(crate) fingerprints: Fingerprints,
    pub(crate) public_key: PublicKey,
    noise: Arc<Noise>,
}

impl Context {
    pub(crate) fn new(
        agreement: &Agreement,
        fingerprints: Fingerprints,
        secret: &SessionSecret,
        noise: Arc<Noise>,
    ) -> Self {
        Self {
            agreement: agreement.clone(),
            secret: secret.clone(),
            fingerprints,
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
