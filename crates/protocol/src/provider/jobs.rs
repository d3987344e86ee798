//! The provider's comparisons before the table arrives: what is compared with what, in which order.

use std::sync::Arc;

use rand::Rng;
use rand_chacha::ChaCha20Rng;

use crate::agreement::Agreement;
use crate::input::ProviderKeys;
use crate::keys::JoinKeys;
use crate::random::{SHARD, SessionSecret};
use crate::records::ProviderRecords;
use crate::ways::{self, Prepared};
use crate::{BlockDirectory, Dummies, Error};

/// The comparisons of a session in their secret order.
///
/// Memory: 4 bytes for each comparison and 32 (cuckoo) or 48 (key-value store) for each key. The
/// keys themselves are no longer needed.
pub struct ProviderJobs(Arc<dyn Prepared>);

impl ProviderJobs {
    /// Computes fingerprints and places of the keys and the canaries, and draws the permutation.
    ///
    /// The same session secret prepares the same jobs again.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] when there are more keys than the agreed size class holds;
    /// [`Error::KeyNotJoinable`] in a lookup, for a key of no agreed rule;
    /// [`Error::ManifestContradiction`] for a pairwise agreement.
    pub fn prepare(
        agreement: &Agreement,
        join_keys: &JoinKeys,
        keys: &ProviderKeys,
        secret: &SessionSecret,
    ) -> Result<Self, Error> {
        let terms = &agreement.manifest().terms;
        let (count, room) = (
            keys.len() as u64 + u64::from(terms.canaries),
            agreement.sizes().provider_keys(),
        );
        if count > room {
            return Err(Error::TooMany { count, room });
        }
        let mut rng = permuting(agreement, secret);
        ways::prepare_keys(agreement, join_keys, keys, &mut rng).map(Self)
    }

    /// Computes the parts' fingerprints of a pairwise linkage, and draws handles and permutation.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] when there are more pairs than agreed, [`Error::ManifestMismatch`] when
    /// the directory is not the agreed one, [`Error::ManifestContradiction`] for another mode.
    pub fn prepare_pairs(
        agreement: &Agreement,
        join_keys: &JoinKeys,
        blocks: &BlockDirectory,
        records: &ProviderRecords,
        secret: &SessionSecret,
    ) -> Result<Self, Error> {
        let mut rng = permuting(agreement, secret);
        ways::prepare_records(agreement, join_keys, blocks, records, &mut rng).map(Self)
    }

    pub(super) fn prepared(&self) -> Arc<dyn Prepared> {
        self.0.clone()
    }
}

impl std::fmt::Debug for ProviderJobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ProviderJobs")
    }
}

/// The generator of the secret order, which first draws how many dummy matches there are.
fn permuting(agreement: &Agreement, secret: &SessionSecret) -> ChaCha20Rng {
    let shard = SHARD.to_be_bytes();
    secret.rng(&[b"permute", &agreement.session_id().0, &shard])
}

/// Draws the number of dummy matches: the mean plus two-sided geometric noise, clipped.
pub(crate) fn draw_dummies(dummies: Option<Dummies>, rng: &mut ChaCha20Rng) -> u32 {
    let Some(dummies) = dummies else { return 0 };
    let mean = dummies.mean();
    let epsilon = f64::from(dummies.epsilon_milli) / 1000.0;
    let mut geometric = || -> i64 {
        // Uniform in (0, 1] with 53 bits; its logarithm is exponential.
        #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
        let uniform = ((rng.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
        #[expect(clippy::cast_possible_truncation, reason = "at most 37 over the scale")]
        let draw = (-uniform.ln() / epsilon).floor() as i64;
        draw
    };
    let noise = geometric() - geometric();
    let drawn = (i64::from(mean) + noise).clamp(0, 2 * i64::from(mean));
    u32::try_from(drawn).expect("clipped to a small range")
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn dummy_counts_scatter_around_their_mean() {
        let mut rng = ChaCha20Rng::from_seed([5; 32]);
        let draws: Vec<u32> = (0..4000)
            .map(|_| draw_dummies(Some(Dummies::default()), &mut rng))
            .collect();
        let mean = f64::from(draws.iter().sum::<u32>()) / 4000.0;
        let variance = draws
            .iter()
            .map(|&d| (f64::from(d) - mean).powi(2))
            .sum::<f64>()
            / 4000.0;
        // Two-sided geometric noise of scale ε has variance 2e^-ε / (1 - e^-ε)² = 7.84 at ε = 0.5.
        assert!(
            (mean - 55.0).abs() < 0.25 && (variance - 7.84).abs() < 1.0,
            "{mean}, {variance}"
        );
        assert_eq!(draw_dummies(None, &mut rng), 0);
    }
}
