//! Randomness that repeats: everything random in a session follows from one secret.

use hkdf::Hkdf;
use rand::CryptoRng;
use rand::Rng;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use sha2::Sha256;
use zeroize::Zeroize;
use zeroize::ZeroizeOnDrop;
use zeroize::Zeroizing;

/// The number of the key holder, of which there is one.
pub(crate) const KEY_HOLDER: u8 = 0;
/// The number of the shard: a session's keys all lie in one.
pub(crate) const SHARD: u32 = 0;

/// The 32 bytes a party draws for one session, stores with it, and erases at its end.
///
/// Ephemeral keys, the key holder's Paillier key, the permutation and every batch's masks are
/// derived from it, so a batch computed again is the same, bit by bit. Never used for two sessions.
///
/// # Source
///
/// `spec/protocol.md`, §13.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SessionSecret([u8; 32]);

impl SessionSecret {
    /// Draws a secret.
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        let secret = Self(bytes);
        bytes.zeroize();
        secret
    }

    /// Yields a secret from where it was stored.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Yields the bytes to store; they open the session to whoever reads them.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// Yields the generator for the key holder's key generation.
    pub fn key_generation(&self) -> ChaCha20Rng {
        self.rng(&[b"keygen"])
    }

    /// Derives 32 bytes; the parts of `info` are of fixed length for each first part.
    ///
    /// # Source
    ///
    /// RFC 5869 with SHA-256 and no salt.
    pub(crate) fn expand(&self, info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut out = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, &self.0)
            .expand_multi_info(info, &mut *out)
            .expect("32 bytes are within HKDF's reach");
        out
    }

    pub(crate) fn rng(&self, info: &[&[u8]]) -> ChaCha20Rng {
        ChaCha20Rng::from_seed(*self.expand(info))
    }
}

impl std::fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionSecret")
    }
}

/// Draws uniformly below `bound`, by rejection.
pub(crate) fn below(rng: &mut impl Rng, bound: u32) -> u32 {
    // Lemire: the low half tells whether the high half is one of the surplus outcomes.
    let threshold = bound.wrapping_neg() % bound;
    loop {
        let product = u64::from(rng.next_u32()) * u64::from(bound);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "the two halves are what is wanted"
        )]
        let (high, low) = ((product >> 32) as u32, product as u32);
        if low >= threshold {
            return high;
        }
    }
}

/// Yields a uniform permutation of `0..length` (Fisher and Yates).
pub(crate) fn permutation(length: u32, rng: &mut impl Rng) -> Vec<u32> {
    let mut order: Vec<u32> = (0..length).collect();
    shuffle(&mut order, rng);
    order
}

pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut impl Rng) {
    for last in (1..items.len()).rev() {
        let bound = u32::try_from(last + 1).expect("items are numbered in 32 bits");
        items.swap(last, below(rng, bound) as usize);
    }
}

/// Draws uniformly below the Mersenne prime `t = 2^bits - 1`, by rejection.
pub(crate) fn below_mersenne(rng: &mut impl Rng, bits: u32) -> u128 {
    let t = (1_u128 << bits) - 1;
    loop {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes[..bits.div_ceil(8) as usize]);
        let value = u128::from_le_bytes(bytes) & t;
        bytes.zeroize();
        if value != t {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_of_four_are_uniform() {
        let mut rng = ChaCha20Rng::from_seed([4; 32]);
        let mut counts = std::collections::BTreeMap::new();
        for _ in 0..24_000 {
            *counts.entry(permutation(4, &mut rng)).or_insert(0_u32) += 1;
        }
        let chi2: f64 = counts
            .values()
            .map(|&c| (f64::from(c) - 1000.0).powi(2) / 1000.0)
            .sum();
        assert_eq!(counts.len(), 24);
        // 23 degrees of freedom: 58.6 is the 1e-4 point.
        assert!(chi2 < 58.6, "chi-square {chi2}");
    }

    #[test]
    fn secrets_derive_different_streams_and_print_nothing() {
        let secret = SessionSecret::from_bytes([9; 32]);
        assert_ne!(secret.expand(&[b"mask"]), secret.expand(&[b"permute"]));
        assert_eq!(secret.expand(&[b"mask"]), secret.expand(&[b"ma", b"sk"]));
        assert_eq!(format!("{secret:?}"), "SessionSecret");
    }
}
