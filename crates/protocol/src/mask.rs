//! Masked values: what the key holder sees of a comparison.

use blindjoin_bigint::Naturals;
use rand::CryptoRng;
use rand_chacha::ChaCha20Rng;
use zeroize::DefaultIsZeroes;
use zeroize::Zeroize as _;

use crate::fingerprint::Fingerprints;
use crate::mersenne::{add, add_product, add_shifted, subtract};
use crate::random::below_mersenne;
use crate::suite::Suite;

/// The bits by which a re-randomising exponent exceeds what it hides: 80 of security and 6 for
/// sums of up to 48 table entries.
pub(crate) const SLACK_BITS: usize = 86;

/// The words of the widest slot.
pub(crate) const SLOT_WORDS: usize = 5;

/// One comparison before it is masked.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Comparison {
    /// Against a fingerprint of the provider's, under a label.
    Real {
        /// What is subtracted from the querier's value, below `t`.
        value: u128,
        /// What a match shows.
        label: u64,
    },
    /// A match with the reserved label, to blur the count.
    Dummy,
    /// A non-match, to fill the stream.
    #[default]
    Padding,
}

impl DefaultIsZeroes for Comparison {}

/// The masked parts of one comparison: its factor and its plaintext addend.
///
/// `addend = r·(t - value) + label + t·ρ`, so that `r·x + addend = r·d + label + t·ρ` where `x` is
/// the querier's value and `d = x + t - value`.
///
/// # Source
///
/// `spec/protocol.md`, §2, §5.4.
pub(crate) struct Masked {
    pub(crate) factor: u128,
    pub(crate) addend: [u64; SLOT_WORDS],
}

impl Drop for Masked {
    fn drop(&mut self) {
        self.factor.zeroize();
        self.addend.zeroize();
    }
}

/// The generators of a batch.
///
/// Several key holders would get the same factors and fillings, but multiples of `t` and
/// re-randomising exponents of their own: with equal ones two of them could read a difference of
/// shares.
pub(crate) struct Draws {
    /// Of factors, and of what fills the stream.
    pub(crate) mask: ChaCha20Rng,
    /// Of multiples of `t` and of the re-randomisation.
    pub(crate) noise: ChaCha20Rng,
}

/// Masks one comparison at a position.
///
/// The factor is uniform in `[1, t - 1]` for a real comparison and zero otherwise; the generators
/// advance by rejection, so their use varies, but not with any input.
pub(crate) fn mask(
    comparison: Comparison,
    position: u64,
    blind: bool,
    keys: &Fingerprints,
    draws: &mut Draws,
) -> Masked {
    let suite = keys.suite();
    let (factor, value, shown) = match comparison {
        Comparison::Real { value, label } => {
            let factor = nonzero(suite, &mut draws.mask);
            (factor, value, shown(keys, position, label, blind))
        }
        Comparison::Dummy => (0, 0, shown(keys, position, suite.reserved_label(), blind)),
        Comparison::Padding => {
            // As much work as a label is: time does not tell how much of a stream is padding.
            std::hint::black_box(shown(keys, position, 0, blind));
            (0, 0, below_mersenne(&mut draws.mask, suite.t_bits()))
        }
    };
    let mut rho = draw_rho(suite, &mut draws.noise);
    let masked = Masked {
        factor,
        addend: addend(suite, factor, value, shown, rho),
    };
    rho.zeroize();
    masked
}

/// What a match at a position shows to the key holder, below 2^L, or below `t` where it is blind.
pub(crate) fn shown(keys: &Fingerprints, position: u64, label: u64, blind: bool) -> u128 {
    if blind {
        keys.cover_blind(position, label.into())
    } else {
        keys.cover(position, label).into()
    }
}

/// A factor uniform in `[1, t - 1]`.
pub(crate) fn nonzero(suite: Suite, rng: &mut ChaCha20Rng) -> u128 {
    loop {
        let factor = below_mersenne(rng, suite.t_bits());
        if factor != 0 {
            return factor;
        }
    }
}

/// A multiple of `t` uniform below `2^R`.
pub(crate) fn draw_rho(suite: Suite, rng: &mut impl CryptoRng) -> [u64; 3] {
    let mut bytes = [0; 24];
    let used = suite.rho_bits().div_ceil(8);
    rng.fill_bytes(&mut bytes[..used]);
    let mut rho = [0; 3];
    for (word, bytes) in rho.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = u64::from_le_bytes(bytes.try_into().expect("eight bytes"));
    }
    bytes.zeroize();
    rho[2] &= u64::MAX >> (192 - suite.rho_bits());
    rho
}

/// `factor·(t - value) + shown + t·rho`.
pub(crate) fn addend(
    suite: Suite,
    factor: u128,
    value: u128,
    shown: u128,
    rho: [u64; 3],
) -> [u64; SLOT_WORDS] {
    let mut sum = [0; SLOT_WORDS];
    add_product(&mut sum, factor, suite.t() - value);
    add(&mut sum, shown);
    add_shifted(&mut sum, &rho, suite.t_bits() as usize);
    subtract(&mut sum, &rho);
    sum
}

/// Writes addends into plaintexts, one slot each.
pub(crate) fn write_slots(plain: &mut Naturals, index: usize, slots: &[Masked], slot_bits: usize) {
    let words = plain.item_mut(index);
    for (number, masked) in slots.iter().enumerate() {
        add_shifted(words, &masked.addend, number * slot_bits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;
    use std::collections::BTreeMap;

    fn big(words: &[u64]) -> BigUint {
        words
            .iter()
            .rev()
            .fold(BigUint::ZERO, |acc, &word| (acc << 64_u32) + word)
    }

    #[test]
    fn extremes_stay_inside_the_slot() {
        for suite in [Suite::J89, Suite::T107] {
            let t = suite.t();
            let mut rho = [u64::MAX; 3];
            rho[2] >>= 192 - suite.rho_bits();
            // The highest label, and the highest that is masked modulo t.
            let label = u128::from(suite.reserved_label()).max(t - 1);
            let low = addend(suite, 1, t - 3, 0, [0; 3]);
            assert_eq!(big(&low), BigUint::from(3_u8));
            // x is at most t - 1 in one entry, 48 entries at most in a sum.
            let top =
                big(&addend(suite, t - 1, 0, label, rho)) + BigUint::from(t - 1) * (t - 1) * 48_u8;
            assert!(top.bits() <= suite.slot_bits() as u64, "{}", suite.name());
            let value = big(&addend(suite, t - 1, 7, label, rho)) + BigUint::from(t - 1) * 7_u8;
            assert_eq!(value % t, BigUint::from(label), "a match shows its label");
        }
    }

    /// Enumerates every factor and quotient for a small prime, as the masking theorem does.
    #[test]
    fn small_primes_mask_exactly() {
        // The least, one of a few bits, and the greatest that is masked modulo t.
        for label in [0, 5, 30] {
            masks_exactly(label);
        }
    }

    fn masks_exactly(label: u64) {
        const T: u64 = 31;
        const QUOTIENTS: u64 = 1 << 9;
        for d in 1..2 * T {
            let mut seen = BTreeMap::new();
            for r in 1..T {
                for rho in 0..QUOTIENTS {
                    *seen.entry(r * d + label + T * rho).or_insert(0_u64) += 1;
                }
            }
            let shown: Vec<u64> = (0..T)
                .filter(|w| (*w == label) == d.is_multiple_of(T))
                .collect();
            let mut per_residue = BTreeMap::new();
            for (value, count) in &seen {
                *per_residue.entry(value % T).or_insert(0) += count;
            }
            assert_eq!(
                per_residue.keys().copied().collect::<Vec<_>>(),
                shown,
                "the support of v mod t"
            );
            let share = (T - 1) * QUOTIENTS / shown.len() as u64;
            assert!(
                per_residue.values().all(|&count| count == share),
                "v mod t is exactly uniform"
            );
            // The distance of the whole value from uniform over the support, in units of outcomes.
            let ideal = |value: u64| {
                if value / T < QUOTIENTS {
                    (T - 1) / shown.len() as u64
                } else {
                    0
                }
            };
            let over: u64 = seen
                .iter()
                .map(|(&v, &count)| count.saturating_sub(ideal(v)))
                .sum();
            let bound = 2 * T * (T - 1);
            assert!(
                over <= bound,
                "distance {over} of {} exceeds the bound {bound}",
                (T - 1) * QUOTIENTS
            );
        }
    }
}
