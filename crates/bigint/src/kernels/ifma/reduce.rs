//! Montgomery reduction of columns.

use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_srli_epi64,
};

use super::product::{REDUCTION, first_block, hi, lo, load_block, sweep};
use super::vector::{Limb, MASK, ROWS, limbs, load, store};
use crate::modulus::Modulus;

/// What one divides by.
pub(super) struct Divisor<'a> {
    m: &'a [Limb],
    negative_inverse: __m512i,
}

impl<'a> Divisor<'a> {
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(m: &'a Modulus) -> Self {
        let negative_inverse = _mm512_set1_epi64(m.negative_inverse.cast_signed());
        Self {
            m: limbs(&m.m),
            negative_inverse,
        }
    }
}

/// t ← t + q·m with the q < R that makes the lower half vanish: t/R is in the upper half of `t` as
/// columns without carries, q in `quotient` as limbs below 2^52. The lower half is spoilt.
#[inline(never)]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn reduce(divisor: &Divisor<'_>, t: &mut [Limb], quotient: &mut [Limb]) {
    let quotient = &mut quotient[..divisor.m.len()];
    for (i, quotient) in quotient.as_chunks_mut().0.iter_mut().enumerate() {
        reduce_block(divisor, &mut t[i * ROWS..], quotient);
    }
}

/// One block of rows: its quotient limbs one after the other in a triangle of registers, then the rest
/// of their products with m in a sweep.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce_block(divisor: &Divisor<'_>, t: &mut [Limb], quotient: &mut [Limb; ROWS]) {
    let m: &[Limb; ROWS] = divisor.m.first_chunk().expect("moduli have whole blocks");
    let ceiling = _mm512_set1_epi64(MASK.cast_signed());
    let zero = _mm512_setzero_si512();
    let mut c = load_block(first_block(t));
    let mut q = [zero; ROWS];
    let mut carry = zero;
    for r in 0..ROWS {
        c[r] = _mm512_add_epi64(c[r], carry);
        q[r] = lo(zero, c[r], divisor.negative_inverse);
        // lo(q·m₀) completes the column to a multiple of 2^52, so it need not be computed.
        carry = _mm512_srli_epi64::<52>(_mm512_add_epi64(c[r], ceiling));
        carry = hi(carry, q[r], load(&m[0]));
        for s in r + 1..ROWS {
            c[s] = lo(c[s], q[r], load(&m[s - r]));
            if s > r + 1 {
                c[s] = hi(c[s], q[r], load(&m[s - r - 1]));
            }
        }
    }
    for (to, q) in quotient.iter_mut().zip(q) {
        store(to, q);
    }
    let mut columns = load_block(first_block(&t[ROWS..]));
    columns[0] = _mm512_add_epi64(columns[0], carry);
    for j in 0..ROWS {
        let limb = load(&m[j]);
        for r in 0..ROWS {
            if j + r >= ROWS {
                columns[j + r - ROWS] = lo(columns[j + r - ROWS], limb, q[r]);
            }
            // With j = 0 it is in the carry already.
            if j + r + 1 >= ROWS && j > 0 {
                columns[j + r + 1 - ROWS] = hi(columns[j + r + 1 - ROWS], limb, q[r]);
            }
        }
    }
    sweep::<REDUCTION>(&mut t[ROWS..], &divisor.m[ROWS..], &q, &columns);
}
