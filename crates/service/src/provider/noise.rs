//! The noise of what is published: drawn once, by one secret that is kept.

use blindjoin_journal::Journal;
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::Error;

/// Under which name the secret is kept.
const SECRET: &[u8] = b"noise";

/// Draws every number once and for all: the same for the same purpose, whenever it is asked for, and
/// independent of all others.
///
/// A secret of 32 bytes, drawn when the journal is new, stands for as many draws as there are blocks
/// and classes: each is a keyed hash of what it is for.
///
/// # Source
///
/// `spec/protocol.md`, §19.2.
pub(super) struct Noise {
    secret: Zeroizing<[u8; 32]>,
    exact: bool,
}

impl Noise {
    /// Takes the secret from the journal, or draws it. With `exact`, which is for tests, every
    /// number is 0.
    pub(super) fn open(
        journal: &Journal,
        exact: bool,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let secret = journal.keep(SECRET, || {
            let mut secret = vec![0; 32];
            rng.fill_bytes(&mut secret);
            secret
        })?;
        let secret = <[u8; 32]>::try_from(secret.as_slice()).map_err(|_| Error::Kept {
            what: "the secret of its noise",
        })?;
        Ok(Self {
            secret: Zeroizing::new(secret),
            exact,
        })
    }

    /// The number below `bound` for a purpose.
    pub(super) fn below(&self, bound: u64, purpose: &[&[u8]]) -> u64 {
        if self.exact {
            return 0;
        }
        // A fraction of the bound, so that a bound that doubles doubles the number.
        let product = u128::from(self.hash(purpose)) * u128::from(bound);
        u64::try_from(product >> 64).expect("less than the bound")
    }

    /// 64 bits by which a purpose, or a key, can be told from others, and nobody without the secret
    /// can tell which it is.
    pub(super) fn hash(&self, purpose: &[&[u8]]) -> u64 {
        let mut hash = Sha256::new().chain_update(*self.secret);
        for part in purpose {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        u64::from_be_bytes(digest[..8].try_into().expect("eight bytes of 32"))
    }
}

impl std::fmt::Debug for Noise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Noise")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(folder: &std::path::Path, exact: bool) -> Noise {
        let mut rng = crate::random::generator().unwrap();
        Noise::open(&Journal::open(folder).unwrap(), exact, &mut rng).unwrap()
    }

    #[test]
    fn a_number_stays_the_same_and_others_are_others() {
        let folder = tempfile::tempdir().unwrap();
        let first = noise(folder.path(), false);
        let again = noise(folder.path(), false);
        let elsewhere = noise(tempfile::tempdir().unwrap().path(), false);
        let draws = |noise: &Noise| -> Vec<u64> {
            let draw = |i: u8| noise.below(1 << 40, &[b"rule", &[i]]);
            (0..50).map(draw).collect()
        };
        assert_eq!(draws(&first), draws(&again));
        let (one, other) = (draws(&first), draws(&elsewhere));
        assert!(one.iter().zip(&other).all(|(a, b)| a != b));
        assert!((1..50).all(|i| one[i] != one[0]));
        // Where a part ends matters.
        assert_ne!(first.hash(&[b"ab", b"c"]), first.hash(&[b"a", b"bc"]));
    }

    #[test]
    fn numbers_cover_all_below_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        let noise = noise(folder.path(), false);
        let mut seen = [0_u32; 8];
        for i in 0..4000_u32 {
            let drawn = noise.below(8, &[&i.to_be_bytes()]);
            seen[usize::try_from(drawn).unwrap()] += 1;
        }
        // 500 each on average, with a deviation of 21.
        assert!(seen.iter().all(|count| (380..620).contains(count)));
        assert_eq!(noise.below(1, &[b"x"]), 0);
        let twice = noise
            .below(1 << 21, &[b"y"])
            .abs_diff(2 * noise.below(1 << 20, &[b"y"]));
        assert!(twice <= 1);
    }

    #[test]
    fn the_test_setting_draws_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let noise = noise(folder.path(), true);
        assert!((0..100_u8).all(|i| noise.below(1 << 40, &[&[i]]) == 0));
    }
}
