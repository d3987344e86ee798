#![doc = include_str!("../../docs/avx2.md")]

use crate::modulus::{Modulus, Scratch};
use vector::{Limb, entry, limbs, limbs_mut};

mod lookup;
mod product;
mod reduce;
mod vector;

pub(crate) use super::prefetch::prefetch;
pub(crate) use lookup::{gather_vartime, scan, select};

entry!(mul(m: &Modulus, x: &mut [u64], y: &[u64], s: &mut Scratch));
entry!(square(m: &Modulus, x: &mut [u64], s: &mut Scratch));
entry!(mul_digit(m: &Modulus, x: &mut [u64], y: &[u64], s: &mut Scratch));
entry!(mul_low(m: &Modulus, x: &mut [u64], y: &[u64], s: &mut Scratch, ahead: &[&[u64]]));
entry!(accumulate(m: &Modulus, sum: &mut [u64], x: &[u64]));
entry!(settle(m: &Modulus, sum: &mut [u64], s: &mut Scratch));
entry!(split(m: &Modulus, out: &mut [u64], s: &mut Scratch));
entry!(canonical(m: &Modulus, x: &mut [u64], s: &mut Scratch));
entry!(join(m: &Modulus, x: &[u64], s: &mut Scratch));
entry!(add_digit(m: &Modulus, x: &mut [u64], y: &[u64]));
entry!(add(m: &Modulus, x: &mut [u64], y: &[u64]));

/// Packs of four, with the instructions at hand.
mod kernel {
    use core::arch::x86_64::{
        _mm256_and_si256, _mm256_cmpeq_epi64, _mm256_srli_epi64, _mm256_sub_epi64,
    };

    use super::product::{add_product, set_product, set_square};
    use super::reduce::{Divisor, Radix, reduce};
    use super::vector::{LANES, Limb, Vector, add as sum, limbs, limbs_mut, load, store, zero};
    use super::{Modulus, Scratch, digits, digits_mut, prefetch, wide};

    #[target_feature(enable = "avx2")]
    pub(super) fn mul(m: &Modulus, x: &mut [u64], y: &[u64], s: &mut Scratch) {
        let (x0, x1) = digits_mut(m, x);
        let (y0, y1) = digits(m, y);
        let (low, high) = (wide(m, &mut s.low), wide(m, &mut s.high));
        set_product(high, x0, y1);
        add_product(high, x1, y0);
        set_product(low, x0, y0);
        reduce_pair(m, x0, x1, s, false);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn square(m: &Modulus, x: &mut [u64], s: &mut Scratch) {
        let (x0, x1) = digits_mut(m, x);
        let (low, high) = (wide(m, &mut s.low), wide(m, &mut s.high));
        set_product(high, x0, x1);
        set_square(low, x0);
        reduce_pair(m, x0, x1, s, true);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn mul_digit(m: &Modulus, x: &mut [u64], y: &[u64], s: &mut Scratch) {
        let low = wide(m, &mut s.low);
        set_product(low, limbs(x), limbs(y));
        reduce(&Divisor::new(m), low, limbs_mut(&mut s.quotient));
        normalise(Radix::new(m), limbs_mut(x), &low[m.limbs..]);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn mul_low(
        m: &Modulus,
        x: &mut [u64],
        y: &[u64],
        s: &mut Scratch,
        ahead: &[&[u64]],
    ) {
        let (x0, x1) = digits_mut(m, x);
        let y = &limbs(y)[..m.limbs];
        let (low, high) = (wide(m, &mut s.low), wide(m, &mut s.high));
        // No more lines at once than the processor keeps track of.
        let (first, rest) = ahead.split_at(ahead.len() >> 1);
        let (second, third) = rest.split_at(rest.len() >> 1);
        prefetch(first);
        set_product(high, x1, y);
        prefetch(second);
        set_product(low, x0, y);
        prefetch(third);
        reduce_pair(m, x0, x1, s, false);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn accumulate(_: &Modulus, digit: &mut [u64], x: &[u64]) {
        for (total, x) in limbs_mut(digit).iter_mut().zip(limbs(x)) {
            store(total, sum(load(total), load(x)));
        }
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn settle(m: &Modulus, digit: &mut [u64], s: &mut Scratch) {
        let digit = &mut limbs_mut(digit)[..m.limbs];
        let low = wide(m, &mut s.low);
        low[..m.limbs].copy_from_slice(digit);
        low[m.limbs..].fill([0; LANES]);
        reduce(&Divisor::new(m), low, limbs_mut(&mut s.quotient));
        normalise(Radix::new(m), digit, &low[m.limbs..]);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn split(m: &Modulus, out: &mut [u64], s: &mut Scratch) {
        let (x0, x1) = digits_mut(m, out);
        s.high.fill(0);
        reduce_pair(m, x0, x1, s, false);
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn canonical(m: &Modulus, x: &mut [u64], s: &mut Scratch) {
        let (x0, x1) = digits_mut(m, x);
        for (t, x) in [(&mut s.low, &x0), (&mut s.high, &x1)] {
            let t = wide(m, t);
            t[..m.limbs].copy_from_slice(x);
            t[m.limbs..].fill([0; LANES]);
        }
        reduce_pair(m, x0, x1, s, false);
        let carry = subtract_if_not_below(Radix::new(m), x0, limbs(&m.m));
        add_limbs(Radix::new(m), x1, &[], carry);
        subtract_if_not_below(Radix::new(m), x1, limbs(&m.m));
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn join(m: &Modulus, x: &[u64], s: &mut Scratch) {
        let (x0, x1) = digits(m, x);
        let low = wide(m, &mut s.low);
        low[..m.limbs].copy_from_slice(x0);
        low[m.limbs..].fill([0; LANES]);
        add_product(low, x1, limbs(&m.m));
        add_limbs(Radix::new(m), low, &[], zero());
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn add_digit(m: &Modulus, x: &mut [u64], y: &[u64]) {
        let x = limbs_mut(x);
        add_limbs(Radix::new(m), x, limbs(y), zero());
        subtract_if_not_below(Radix::new(m), x, limbs(&m.twice));
    }

    #[target_feature(enable = "avx2")]
    pub(super) fn add(m: &Modulus, x: &mut [u64], y: &[u64]) {
        let (x0, x1) = digits_mut(m, x);
        let (y0, y1) = digits(m, y);
        add_limbs(Radix::new(m), x0, y0, zero());
        // The 2m that x₀ may lose are 2 in x₁; then x₁ ≤ 4m, which takes two subtractions.
        let lost = subtract_if_not_below(Radix::new(m), x0, limbs(&m.twice));
        add_limbs(Radix::new(m), x1, y1, twice(lost));
        subtract_if_not_below(Radix::new(m), x1, limbs(&m.twice));
        subtract_if_not_below(Radix::new(m), x1, limbs(&m.twice));
    }

    /// (x₀, x₁) ← T₀/R, (T₁ + K − quotient)/R with T₀, T₁ in `s.low`, `s.high`, T₁ doubled first if so asked.
    #[target_feature(enable = "avx2")]
    fn reduce_pair(m: &Modulus, x0: &mut [Limb], x1: &mut [Limb], s: &mut Scratch, double: bool) {
        let divisor = Divisor::new(m);
        let (low, high) = (wide(m, &mut s.low), wide(m, &mut s.high));
        let quotient = limbs_mut(&mut s.quotient);
        reduce(&divisor, low, quotient);
        let (bottom, top) = high.split_at_mut(m.limbs);
        for ((t, k), q) in bottom.iter_mut().zip(limbs(&m.offset)).zip(&*quotient) {
            let doubled = if double { twice(load(t)) } else { load(t) };
            store(t, sum(doubled, _mm256_sub_epi64(load(k), load(q))));
        }
        if double {
            for t in top {
                store(t, twice(load(t)));
            }
        }
        reduce(&divisor, high, quotient);
        normalise_pair(Radix::new(m), [x0, x1], [&low[m.limbs..], &high[m.limbs..]]);
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn twice(x: Vector) -> Vector {
        sum(x, x)
    }

    /// Propagates carries, so that every limb is below the radix. The number fits `out`.
    #[target_feature(enable = "avx2")]
    fn normalise(radix: Radix, out: &mut [Limb], columns: &[Limb]) {
        let mut carry = zero();
        for (out, column) in out.iter_mut().zip(columns) {
            let column = sum(load(column), carry);
            store(out, radix.low(column));
            carry = radix.carry(column);
        }
    }

    /// Two at once: neither chain of carries waits for the other.
    #[target_feature(enable = "avx2")]
    fn normalise_pair(radix: Radix, [x, y]: [&mut [Limb]; 2], [t, u]: [&[Limb]; 2]) {
        let mut carries = [zero(); 2];
        for (((x, y), t), u) in x.iter_mut().zip(y).zip(t).zip(u) {
            for ((out, column), carry) in [x, y].into_iter().zip([t, u]).zip(&mut carries) {
                let column = sum(load(column), *carry);
                store(out, radix.low(column));
                *carry = radix.carry(column);
            }
        }
    }

    /// x ← x + y + carry, normalised, y possibly shorter.
    #[target_feature(enable = "avx2")]
    fn add_limbs(radix: Radix, x: &mut [Limb], y: &[Limb], mut carry: Vector) {
        for (i, x) in x.iter_mut().enumerate() {
            let mut column = sum(load(x), carry);
            if let Some(y) = y.get(i) {
                column = sum(column, load(y));
            }
            store(x, radix.low(column));
            carry = radix.carry(column);
        }
    }

    /// x ← x − m in the lanes where x ≥ m; yields 1 in these.
    #[target_feature(enable = "avx2")]
    fn subtract_if_not_below(radix: Radix, x: &mut [Limb], m: &[Limb]) -> Vector {
        let difference =
            |x: &Limb, m: Vector, borrow| _mm256_sub_epi64(_mm256_sub_epi64(load(x), m), borrow);
        let mut borrow = zero();
        for (x, m) in x.iter().zip(m) {
            borrow = _mm256_srli_epi64::<63>(difference(x, load(m), borrow));
        }
        let subtract = _mm256_cmpeq_epi64(borrow, zero());
        borrow = zero();
        for (x, m) in x.iter_mut().zip(m) {
            let rest = difference(x, _mm256_and_si256(subtract, load(m)), borrow);
            store(x, radix.low(rest));
            borrow = _mm256_srli_epi64::<63>(rest);
        }
        _mm256_srli_epi64::<63>(subtract)
    }
}

fn digits<'a>(m: &Modulus, pack: &'a [u64]) -> (&'a [Limb], &'a [Limb]) {
    limbs(&pack[..m.pack()]).split_at(m.limbs)
}

fn digits_mut<'a>(m: &Modulus, pack: &'a mut [u64]) -> (&'a mut [Limb], &'a mut [Limb]) {
    limbs_mut(&mut pack[..m.pack()]).split_at_mut(m.limbs)
}

/// The columns of a product of two digits.
fn wide<'a>(m: &Modulus, words: &'a mut [u64]) -> &'a mut [Limb] {
    limbs_mut(&mut words[..m.pack()])
}
