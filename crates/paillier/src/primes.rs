//! Prime numbers and their tests. Searching takes as long as it takes; the test of one candidate is
//! an exponentiation in constant time.

use std::sync::LazyLock;

use blindjoin_bigint::{Backend, Naturals, SquareRing};
use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::{One, ToPrimitive};
use rand::CryptoRng;

/// Rounds of Miller–Rabin with random bases: a composite passes with probability at most 4^−40.
const ROUNDS: usize = 40;

/// Bases drawn together: lanes of the widest backend, which computes with them at once.
const BASES_DRAWN_AT_ONCE: usize = 8;

/// Draws an integer uniformly below `2^bits`.
pub(crate) fn random_bits(bits: usize, rng: &mut impl CryptoRng) -> BigUint {
    let mut bytes = vec![0; bits.div_ceil(8)];
    rng.fill_bytes(&mut bytes);
    let surplus = bytes.len() * 8 - bits;
    if let Some(top) = bytes.last_mut() {
        *top &= u8::MAX >> surplus;
    }
    BigUint::from_bytes_le(&bytes)
}

/// Draws an integer uniformly below `bound` by rejection.
pub(crate) fn random_below(bound: &BigUint, rng: &mut impl CryptoRng) -> BigUint {
    let bits = usize::try_from(bound.bits()).expect("a bound fits in memory");
    loop {
        let candidate = random_bits(bits, rng);
        if candidate < *bound {
            return candidate;
        }
    }
}

/// Draws a prime ≡ 3 mod 4 of exactly `bits` bits whose two top bits are set.
pub(crate) fn random_prime(bits: usize, backend: Backend, rng: &mut impl CryptoRng) -> BigUint {
    let top = BigUint::from(3u8) << (bits - 2);
    loop {
        let candidate = random_bits(bits, rng) | &top | BigUint::from(3u8);
        if is_prime(&candidate, backend, rng) {
            return candidate;
        }
    }
}

/// Draws a prime of exactly `bits` bits.
pub(crate) fn random_prime_any(bits: usize, backend: Backend, rng: &mut impl CryptoRng) -> BigUint {
    let top = BigUint::one() << (bits - 1);
    loop {
        let candidate = random_bits(bits, rng) | &top | BigUint::one();
        if is_prime(&candidate, backend, rng) {
            return candidate;
        }
    }
}

/// Draws a prime p = 2·u·c + 1 ≡ 3 mod 4 of exactly `bits` bits, two top bits set, with u not dividing c.
///
/// c is uniform over its whole range: drawing it from a power of two and waiting for the top bits would
/// never end when u is small.
pub(crate) fn random_subgroup_prime(
    bits: usize,
    u: &BigUint,
    backend: Backend,
    rng: &mut impl CryptoRng,
) -> BigUint {
    let step = u * 2u8;
    let low = (BigUint::from(3u8) << (bits - 2)) / &step + 1u8;
    let high = ((BigUint::one() << bits) - 2u8) / &step;
    loop {
        let c = (&low + random_below(&(&high - &low), rng)) | BigUint::one();
        let candidate = &step * &c + 1u8;
        if candidate.bits() == bits as u64
            && !c.is_multiple_of(u)
            && is_prime(&candidate, backend, rng)
        {
            return candidate;
        }
    }
}

/// Whether `candidate` is prime, up to 4^−40.
pub(crate) fn is_prime(candidate: &BigUint, backend: Backend, rng: &mut impl CryptoRng) -> bool {
    if candidate.bits() < 2 {
        return false;
    }
    // Further divisions would cost more than the exponentiations they save.
    for prime in small_primes(1 << 12) {
        if (candidate % prime).to_u32() == Some(0) {
            return candidate.to_u32() == Some(prime);
        }
    }
    let Ok(ring) = SquareRing::new(candidate, backend) else {
        return false;
    };
    let below = candidate - 1u8;
    let twos = below.trailing_zeros().unwrap_or(0);
    let bits = usize::try_from(candidate.bits()).expect("a candidate fits in memory");
    let odd = Naturals::from_biguints(&[&below >> twos], bits);
    let mut left = ROUNDS;
    while left > 0 {
        // As many on every backend, so that one seed yields one key on all of them.
        let count = left.min(BASES_DRAWN_AT_ONCE);
        left -= count;
        let bases: Vec<_> = (0..count)
            .map(|_| random_below(&(candidate - 3u8), rng) + 2u8)
            .collect();
        for bases in bases.chunks(backend.lanes()) {
            let powers = ring.pow_modulo(&Naturals::from_biguints(bases, bits), &odd, 0);
            if !(0..bases.len()).all(|i| is_no_witness(powers.to_biguint(i), &below, twos)) {
                return false;
            }
        }
    }
    true
}

/// Whether y, y², y⁴, .. begins with 1 or meets −1 within `twos` terms.
fn is_no_witness(mut y: BigUint, below: &BigUint, twos: u64) -> bool {
    if y.is_one() || y == *below {
        return true;
    }
    (1..twos).any(|_| {
        y = &y * &y % (below + 1u8);
        y == *below
    })
}

/// Whether n has a prime factor below 2^16.
pub(crate) fn has_small_factor(n: &BigUint) -> bool {
    small_primes(1 << 16).any(|prime| (n % prime).to_u32() == Some(0))
}

/// Whether n = a^k with k ≥ 2, given that n has no factor below 2^16.
pub(crate) fn is_perfect_power(n: &BigUint) -> bool {
    let largest = u32::try_from(n.bits() >> 4).unwrap_or(u32::MAX - 1);
    // The sixteenth part of the bits bounds the exponent, because the root exceeds 2^16.
    small_primes(largest + 1).any(|k| n.nth_root(k).pow(k) == *n)
}

/// The primes below a bound of at most 2^16.
fn small_primes(below: u32) -> impl Iterator<Item = u32> {
    static PRIMES: LazyLock<Vec<u32>> = LazyLock::new(|| sieve(1 << 16));
    PRIMES
        .iter()
        .copied()
        .take_while(move |&prime| prime < below)
}

fn sieve(below: u32) -> Vec<u32> {
    let mut composite = vec![false; below as usize];
    let mut primes = Vec::new();
    for n in 2..below {
        if !composite[n as usize] {
            primes.push(n);
            for multiple in (u64::from(n) * u64::from(n)..u64::from(below)).step_by(n as usize) {
                composite[usize::try_from(multiple).expect("below a 32-bit bound")] = true;
            }
        }
    }
    primes
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    #[test]
    fn primes_and_composites_are_told_apart() {
        let mut rng = ChaCha20Rng::from_seed([1; 32]);
        let mut prime = |n: &str| is_prime(&n.parse().unwrap(), Backend::detect(), &mut rng);
        assert!(prime("2") && prime("2039") && prime("65537"));
        // 2^127 − 1 and 2^89 − 1 are prime, 2^67 − 1 is not.
        assert!(prime("170141183460469231731687303715884105727"));
        assert!(prime("618970019642690137449562111"));
        assert!(!prime("147573952589676412927"));
        assert!(!prime("0") && !prime("1") && !prime("561"));
        // A Carmichael number, (6k+1)(12k+1)(18k+1) with k = 710: its factors are above 2^12.
        let carmichael: u64 = (6 * 710 + 1) * (12 * 710 + 1) * (18 * 710 + 1);
        assert!(!prime(&carmichael.to_string()));
    }

    #[test]
    fn generated_primes_have_their_shape() {
        let mut rng = ChaCha20Rng::from_seed([2; 32]);
        let p = random_prime(128, Backend::Portable, &mut rng);
        assert_eq!(
            (p.bits(), &p >> 126u32, &p % 4u8),
            (128, 3u8.into(), 3u8.into())
        );
        let u = random_prime_any(40, Backend::detect(), &mut rng);
        assert_eq!(u.bits(), 40);
        let p = random_subgroup_prime(128, &u, Backend::detect(), &mut rng);
        assert_eq!(
            (p.bits(), &p >> 126u32, &p % 4u8),
            (128, 3u8.into(), 3u8.into())
        );
        assert!(((&p - 1u8) % (&u * 2u8)).to_u32() == Some(0));
    }

    #[test]
    fn powers_and_small_factors_are_found() {
        let p = BigUint::from(65537u32);
        assert!(is_perfect_power(&p.pow(2)) && is_perfect_power(&p.pow(7)));
        assert!(!is_perfect_power(&(p.pow(2) * 65539u32)));
        assert!(has_small_factor(&(p.pow(3) * 65521u32)) && !has_small_factor(&p.pow(3)));
    }
}
