//! Montgomery reduction of columns.

use core::arch::x86_64::{_mm256_and_si256, _mm256_mul_epu32, _mm256_srlv_epi64};

use super::product::{SUM, first_block, sweep};
use super::vector::{
    Limb, ROWS, Vector, add, limbs, load, load_block, multiply_add, splat, store, zero,
};
use crate::modulus::Modulus;

/// What one divides by.
pub(super) struct Divisor<'a> {
    m: &'a [Limb],
    negative_inverse: Vector,
    radix: Radix,
}

/// How columns are cut into limbs.
#[derive(Clone, Copy)]
pub(super) struct Radix {
    shift: Vector,
    mask: Vector,
}

impl<'a> Divisor<'a> {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(m: &'a Modulus) -> Self {
        Self {
            m: limbs(&m.m),
            negative_inverse: splat(m.negative_inverse),
            radix: Radix::new(m),
        }
    }
}

impl Radix {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(m: &Modulus) -> Self {
        Self {
            shift: splat(m.radix as u64),
            mask: splat((1 << m.radix) - 1),
        }
    }

    /// What a column keeps.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn low(self, column: Vector) -> Vector {
        _mm256_and_si256(column, self.mask)
    }

    /// What a column carries to the next.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn carry(self, column: Vector) -> Vector {
        _mm256_srlv_epi64(column, self.shift)
    }
}

/// t ← t + q·m with the q < R that makes the lower half vanish: t/R is in the upper half of `t` as
/// columns without carries, q in `quotient` as limbs below the radix. The lower half is spoilt.
#[inline(never)]
#[target_feature(enable = "avx2")]
pub(super) fn reduce(divisor: &Divisor<'_>, t: &mut [Limb], quotient: &mut [Limb]) {
    let quotient = &mut quotient[..divisor.m.len()];
    for (i, quotient) in quotient.as_chunks_mut().0.iter_mut().enumerate() {
        reduce_block(divisor, &mut t[i * ROWS..], quotient);
    }
}

/// One block of rows: its quotient limbs one after the other in a triangle of registers, then the rest
/// of their products with m in a sweep.
#[inline]
#[target_feature(enable = "avx2")]
fn reduce_block(divisor: &Divisor<'_>, t: &mut [Limb], quotient: &mut [Limb; ROWS]) {
    let m: &[Limb; ROWS] = divisor.m.first_chunk().expect("moduli have whole blocks");
    let radix = divisor.radix;
    let mut c = load_block(first_block(t));
    let mut q = [zero(); ROWS];
    let mut carry = zero();
    for r in 0..ROWS {
        c[r] = add(c[r], carry);
        q[r] = radix.low(_mm256_mul_epu32(c[r], divisor.negative_inverse));
        carry = radix.carry(multiply_add(c[r], q[r], load(&m[0])));
        for s in r + 1..ROWS {
            c[s] = multiply_add(c[s], q[r], load(&m[s - r]));
        }
    }
    for (to, q) in quotient.iter_mut().zip(q) {
        store(to, q);
    }
    let mut columns = load_block(first_block(&t[ROWS..]));
    columns[0] = add(columns[0], carry);
    for j in 1..ROWS {
        let limb = load(&m[j]);
        for r in ROWS - j..ROWS {
            columns[j + r - ROWS] = multiply_add(columns[j + r - ROWS], limb, q[r]);
        }
    }
    let rest = &divisor.m[ROWS..];
    if rest.is_empty() {
        for (t, column) in t[ROWS..].iter_mut().zip(columns) {
            store(t, column);
        }
    } else {
        sweep::<SUM>(&mut t[ROWS..], rest, &q, &columns);
    }
}
