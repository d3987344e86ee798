//! Numbers to compute with.

use num_bigint::BigUint;
use num_traits::One;
use rand::Rng;
use rand_chacha::ChaCha20Rng;

/// Uniform below 2^bits.
pub(crate) fn random(bits: usize, rng: &mut ChaCha20Rng) -> BigUint {
    let mut bytes = vec![0; bits.div_ceil(8)];
    rng.fill_bytes(&mut bytes);
    BigUint::from_bytes_le(&bytes) % (BigUint::one() << bits)
}

/// Odd, of exactly so many bits.
pub(crate) fn odd(bits: usize, rng: &mut ChaCha20Rng) -> BigUint {
    let mut n = random(bits, rng);
    n.set_bit(0, true);
    n.set_bit(bits as u64 - 1, true);
    n
}
