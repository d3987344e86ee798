//! The key and the inputs.

use blindjoin_paillier::{Backend, KeySize, Naturals, Profile, SecretKey};
use num_bigint::BigUint;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

/// Bits of the prime t that comparisons are masked over.
pub const FACTOR_BITS: usize = 89;
/// Bits of a masked comparison's plaintext.
pub const SLOT_BITS: usize = 252;
/// Bits by which the exponent that re-randomises a comparison exceeds that of an encryption.
pub const MASKING_BITS: usize = FACTOR_BITS + 86;
/// Ciphertexts in the table that comparisons read from.
pub const TABLE: usize = 2048;

/// What a run of one key size works on. Everything is drawn from one seed, and every other library gets the same;
/// our backends draw keys of their own, since how they search for primes differs.
pub struct Inputs {
    /// Bits of n.
    pub bits: usize,
    /// The secret primes.
    pub primes: [BigUint; 2],
    /// The modulus.
    pub n: BigUint,
    /// hⁿ modulo n², the base of all noise.
    pub hs: BigUint,
    /// An exponent as long as n.
    pub exponent: BigUint,
    /// Residues modulo n².
    pub residues: Vec<BigUint>,
    /// Plaintexts of a comparison's length.
    pub plaintexts: Vec<BigUint>,
    /// Exponents of encryptions.
    pub exponents: Vec<BigUint>,
    /// Factors of comparisons.
    pub factors: Vec<BigUint>,
    /// Exponents that re-randomise comparisons.
    pub long_exponents: Vec<BigUint>,
}

impl Inputs {
    /// Items of each list.
    pub const ITEMS: usize = 64;

    /// Draws a key and inputs.
    pub fn draw(bits: usize) -> Self {
        let secret = secret_key(bits, Backend::detect());
        let n = secret.public().n().clone();
        let square = &n * &n;
        let mut rng = ChaCha20Rng::from_seed([2; 32]);
        let mut list = |bits: usize| -> Vec<BigUint> {
            let drawn = Naturals::random(Self::ITEMS, bits, &mut rng);
            (0..Self::ITEMS).map(|i| drawn.to_biguint(i)).collect()
        };
        let short = secret.public().exponent_bits();
        Self {
            bits,
            primes: secret.primes().map(Clone::clone),
            hs: secret.public().h().modpow(&n, &square),
            exponent: (list(bits).remove(0)) | (BigUint::from(1u8) << (bits - 1)),
            residues: list(2 * bits + 64)
                .into_iter()
                .map(|x| x % &square)
                .collect(),
            plaintexts: list(SLOT_BITS),
            exponents: list(short),
            factors: list(FACTOR_BITS),
            long_exponents: list(short + MASKING_BITS),
            n,
        }
    }

    /// n².
    pub fn square(&self) -> BigUint {
        &self.n * &self.n
    }

    /// Comparisons that one decryption opens.
    pub fn slots(&self) -> usize {
        (self.bits / 2 - 1) / SLOT_BITS
    }
}

/// The key of a size, the same in every run.
pub fn secret_key(bits: usize, backend: Backend) -> SecretKey {
    let size = KeySize::new(bits).expect("2048, 3072 or 4096 bits");
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    SecretKey::generate_with_backend(size, Profile::DjnShort, backend, &mut rng)
}
