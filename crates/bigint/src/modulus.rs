//! What the kernels know of a modulus, and their working memory.

use num_bigint::BigUint;
use num_integer::Integer;
use zeroize::Zeroize;

use crate::backend::Backend;
use crate::words::Words;

/// An odd modulus m, laid out for one backend. Numbers lie limb-major: word `i·lanes + k` is limb `i`
/// of lane `k`. With R = 2^(radix·limbs) ≥ 16·m, a *digit* is a number below 2m, and a *pack* is a
/// pair of digits (x₀, x₁) per lane that stands for x₀ + x₁·m modulo m².
pub(crate) struct Modulus {
    pub(crate) backend: Backend,
    pub(crate) lanes: usize,
    pub(crate) radix: usize,
    pub(crate) limbs: usize,
    pub(crate) bits: usize,
    /// m, in every lane.
    pub(crate) m: Words,
    /// 2m, in every lane.
    pub(crate) twice: Words,
    /// A multiple of m from which any R-bit quotient can be subtracted, in every lane; its form is the backend's.
    pub(crate) offset: Words,
    /// −m⁻¹ modulo the radix.
    pub(crate) negative_inverse: u64,
}

/// Working memory of the kernels for one modulus; erased on drop.
pub(crate) struct Scratch {
    pub(crate) low: Words,
    pub(crate) high: Words,
    pub(crate) quotient: Words,
}

impl Scratch {
    pub(crate) fn new(m: &Modulus) -> Self {
        let wide = (2 * m.limbs + 2) * m.lanes;
        Self {
            low: Words::zeroed(wide),
            high: Words::zeroed(wide),
            quotient: Words::zeroed((m.limbs + 1) * m.lanes),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.low.zeroize();
        self.high.zeroize();
        self.quotient.zeroize();
    }
}

impl Modulus {
    /// The most digits in one sum: what a column has room for.
    pub(crate) const MOST_TERMS: usize = 1024;

    /// `modulus` is odd and at least 3, and the processor has `backend`.
    pub(crate) fn new(modulus: &BigUint, backend: Backend) -> Self {
        assert!(
            backend.is_available(),
            "the processor lacks the {} backend",
            backend.name()
        );
        let bits = usize::try_from(modulus.bits()).expect("a modulus fits in memory");
        let (lanes, radix, limbs) = (
            backend.lanes(),
            backend.radix_bits(bits),
            backend.limbs(bits),
        );
        let mut out = Self {
            backend,
            lanes,
            radix,
            limbs,
            bits,
            m: Words::zeroed(limbs * lanes),
            twice: Words::zeroed(limbs * lanes),
            offset: Words::default(),
            negative_inverse: negative_inverse(modulus, radix),
        };
        splat(&mut out.m, lanes, radix, modulus);
        splat(&mut out.twice, lanes, radix, &(modulus * 2u8));
        out.offset = match backend {
            Backend::Portable => offset_in_words(modulus, limbs),
            Backend::Ifma | Backend::Avx2 => offset_in_columns(modulus, lanes, radix, limbs),
        };
        out
    }

    /// 2^(radix·limbs).
    pub(crate) fn r(&self) -> BigUint {
        BigUint::from(1u8) << (self.radix * self.limbs)
    }

    /// Words of one digit of a pack.
    pub(crate) fn digit(&self) -> usize {
        self.limbs * self.lanes
    }

    /// Words of a pack.
    pub(crate) fn pack(&self) -> usize {
        2 * self.limbs * self.lanes
    }

    /// Words of an entry: the pack of one lane as tables hold it, digit 0 before digit 1.
    pub(crate) fn entry(&self) -> usize {
        if self.has_short_limbs() {
            self.limbs
        } else {
            2 * self.limbs
        }
    }

    /// Writes an entry, limb by limb.
    pub(crate) fn put_entry(&self, entry: &mut [u64], mut limbs: impl Iterator<Item = u64>) {
        let short = self.has_short_limbs();
        let mut next = || limbs.next().expect("all limbs of an entry");
        for word in entry {
            *word = next();
            if short {
                *word |= next() << 32;
            }
        }
    }

    /// Whether two limbs share a word of an entry: memory is what tables are short of.
    fn has_short_limbs(&self) -> bool {
        self.radix < 32
    }

    /// Writes `item`, 64-bit words, as limbs into one lane of `out`.
    pub(crate) fn put(&self, out: &mut [u64], lane: usize, item: &[u64]) {
        put(out, self.lanes, self.radix, lane, item);
    }

    /// Reads the normalised limbs of one lane of `from` as 64-bit words.
    pub(crate) fn take(&self, from: &[u64], lane: usize, item: &mut [u64]) {
        take(from, self.lanes, self.radix, lane, item);
    }
}

impl Drop for Modulus {
    fn drop(&mut self) {
        self.m.zeroize();
        self.twice.zeroize();
        self.offset.zeroize();
        self.negative_inverse.zeroize();
    }
}

/// Writes one integer into every lane.
pub(crate) fn splat(out: &mut [u64], lanes: usize, radix: usize, value: &BigUint) {
    let mut words = value.to_u64_digits();
    for lane in 0..lanes {
        put(out, lanes, radix, lane, &words);
    }
    words.zeroize();
}

fn put(out: &mut [u64], lanes: usize, radix: usize, lane: usize, item: &[u64]) {
    let limbs = out[lane..].iter_mut().step_by(lanes);
    let mask = u64::MAX >> (64 - radix);
    let mut bit = 0;
    for limb in limbs {
        let (word, shift) = (bit >> 6, bit & 63);
        let low = item.get(word).copied().unwrap_or(0) >> shift;
        let high = item.get(word + 1).copied().unwrap_or(0);
        // Two shifts, because a shift by 64 is none.
        *limb = (low | (high << (63 - shift)) << 1) & mask;
        bit += radix;
    }
}

fn take(from: &[u64], lanes: usize, radix: usize, lane: usize, item: &mut [u64]) {
    let mut limbs = from[lane..].iter().step_by(lanes);
    let (mut held, mut bits) = (0u128, 0);
    for word in item {
        while bits < 64 {
            held |= u128::from(limbs.next().copied().unwrap_or(0)) << bits;
            bits += radix;
        }
        *word = low_word(held);
        held >>= 64;
        bits -= 64;
    }
}

/// The least multiple of m that is not below R: `limbs + 1` words.
fn offset_in_words(modulus: &BigUint, limbs: usize) -> Words {
    let r = BigUint::from(1u8) << (64 * limbs);
    let k = r.div_ceil(modulus) * modulus;
    let mut out = Words::zeroed(limbs + 1);
    for (word, digit) in out.iter_mut().zip(k.iter_u64_digits()) {
        *word = digit;
    }
    out
}

/// A multiple of m whose limbs are all in 2^radix..2^(radix + 1), in every lane.
fn offset_in_columns(modulus: &BigUint, lanes: usize, radix: usize, limbs: usize) -> Words {
    let base = (0..limbs).fold(BigUint::ZERO, |acc, _| (acc << radix) + (1u64 << radix));
    let completion = (modulus - &base % modulus) % modulus;
    let mut out = Words::zeroed(limbs * lanes);
    splat(&mut out, lanes, radix, &completion);
    for word in out.iter_mut() {
        *word += 1 << radix;
    }
    out
}

fn negative_inverse(modulus: &BigUint, radix: usize) -> u64 {
    let m = modulus.iter_u64_digits().next().unwrap_or(0);
    // Newton: each step doubles the bits that are right, beginning with 3.
    let mut inverse = m;
    for _ in 0..5 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(m.wrapping_mul(inverse)));
    }
    inverse.wrapping_neg() & (u64::MAX >> (64 - radix))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low word is what is wanted"
)]
pub(crate) fn low_word(value: u128) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limbs_and_words_convert_both_ways() {
        let item: Vec<u64> = (1..=7u64)
            .map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .collect();
        for (radix, lanes) in [(52, 8), (64, 1), (52, 1)] {
            let mut limbs = vec![0; 10 * lanes];
            put(&mut limbs, lanes, radix, lanes - 1, &item);
            let mut back = [0; 7];
            take(&limbs, lanes, radix, lanes - 1, &mut back);
            assert_eq!(back, item[..]);
        }
    }

    #[test]
    fn negative_inverse_annihilates_the_low_limb() {
        for m in [3u64, 5, 0xffff_ffff_ffff_ffff, 0x1234_5678_9abc_def1] {
            for radix in [52, 64] {
                let k = negative_inverse(&m.into(), radix);
                assert_eq!(
                    m.wrapping_mul(k).wrapping_add(1) & (u64::MAX >> (64 - radix)),
                    0
                );
            }
        }
    }
}
