//! What the kernels know of a modulus, and the one place where an operation meets its backend.

use num_bigint::BigUint;
use zeroize::Zeroize;

use crate::backend::{Backend, portable};
use crate::words::Words;

#[cfg(target_arch = "x86_64")]
use crate::backend::ifma;

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
        let (lanes, radix, limbs) = (backend.lanes(), backend.radix_bits(), backend.limbs(bits));
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
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::offset(modulus, limbs),
            _ => portable::offset(modulus, limbs),
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

    /// x ← x·y/R modulo m², packs.
    pub(crate) fn mul(&self, x: &mut [u64], y: &[u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::mul(self, x, y, s),
            _ => portable::mul(self, x, y, s),
        }
    }

    /// x ← x²/R modulo m², packs.
    pub(crate) fn square(&self, x: &mut [u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::square(self, x, s),
            _ => portable::square(self, x, s),
        }
    }

    /// x ← x·y/R modulo m, digits; the quotient q with x·y = (x·y/R)·R − q·m is left in `s.quotient`.
    pub(crate) fn mul_digit(&self, x: &mut [u64], y: &[u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::mul_digit(self, x, y, s),
            _ => portable::mul_digit(self, x, y, s),
        }
    }

    /// x ← x·y/R modulo m², a pack times a digit: y₁ is zero. The rows `ahead` are those that will be read
    /// next: memory may begin to deliver them.
    pub(crate) fn mul_low(&self, x: &mut [u64], y: &[u64], s: &mut Scratch, ahead: &[&[u64]]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::mul_low(self, x, y, s, ahead),
            _ => portable::mul_low(self, x, y, s),
        }
    }

    /// sum ← sum + x modulo m, digits. The sum begins at zero, takes up to [`Modulus::MOST_TERMS`] digits, and
    /// is in a form of the backend's own until [`Modulus::settle`].
    pub(crate) fn accumulate(&self, sum: &mut [u64], x: &[u64]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::accumulate(sum, x),
            _ => portable::add_digit(self, sum, x),
        }
    }

    /// sum ← sum/R modulo m, a digit from what [`Modulus::accumulate`] added up.
    pub(crate) fn settle(&self, sum: &mut [u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::settle(self, sum, s),
            _ => portable::settle(self, sum, s),
        }
    }

    /// The pack of T/R modulo m² from the integer T < m·R in `s.low`.
    pub(crate) fn split(&self, out: &mut [u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::split(self, out, s),
            _ => portable::split(self, out, s),
        }
    }

    /// x ← x/R modulo m², with both digits below m.
    pub(crate) fn canonical(&self, x: &mut [u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::canonical(self, x, s),
            _ => portable::canonical(self, x, s),
        }
    }

    /// The integer x₀ + x₁·m of a canonical pack, in `s.low`.
    pub(crate) fn join(&self, x: &[u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::join(self, x, s),
            _ => portable::join(self, x, s),
        }
    }

    /// x ← x + y modulo m, digits.
    pub(crate) fn add_digit(&self, x: &mut [u64], y: &[u64]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::add_digit(self, x, y),
            _ => portable::add_digit(self, x, y),
        }
    }

    /// x ← x + y modulo m², packs.
    pub(crate) fn add(&self, x: &mut [u64], y: &[u64]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::add(self, x, y),
            _ => portable::add(self, x, y),
        }
    }

    /// In each lane the pack of `table` that its index names; reads the whole table.
    pub(crate) fn select(&self, out: &mut [u64], table: &[u64], indices: &[u64; 8]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::select(out, table, indices),
            _ => portable::select(out, table, indices[0]),
        }
    }

    /// In each lane the entry (2·limbs words) of `entries` that its index names; reads them all.
    pub(crate) fn scan(&self, out: &mut [u64], entries: &[u64], indices: &[u64; 8]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::scan(out, entries, indices),
            _ => portable::select(out, entries, indices[0]),
        }
    }

    /// In each lane the entry (2·limbs words) of `entries` that its index names; reads those only.
    pub(crate) fn gather_vartime(&self, out: &mut [u64], entries: &[u64], indices: &[usize; 8]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::gather_vartime(out, entries, indices),
            _ => portable::gather_vartime(out, entries, indices[0]),
        }
    }

    /// Asks for rows that will be read soon.
    pub(crate) fn prefetch(&self, rows: &[&[u64]]) {
        // One number at a time is read in one piece, which processors foresee.
        #[cfg(target_arch = "x86_64")]
        if self.backend == Backend::Ifma {
            ifma::prefetch(rows);
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = rows;
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
mod edges;

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
