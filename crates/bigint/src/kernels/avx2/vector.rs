//! Four lanes as memory and as a register, and how a kernel is entered.

use core::arch::x86_64::{
    __m256i, _mm256_add_epi64, _mm256_loadu_si256, _mm256_mul_epu32, _mm256_set1_epi64x,
    _mm256_setzero_si256, _mm256_storeu_si256,
};

pub(super) const LANES: usize = 4;
/// Rows of a block: each keeps this many columns in registers.
pub(super) const ROWS: usize = 5;

/// One limb of four numbers.
pub(super) type Limb = [u64; LANES];

/// One limb, or one column, of four numbers.
pub(super) type Vector = __m256i;

macro_rules! entry {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*)) => {
        $(#[$doc])*
        #[expect(unsafe_code, reason = "the kernel needs instructions that the processor was found to have")]
        pub(crate) fn $name($($arg: $type),*) {
            // SAFETY: a `Modulus` of this backend is made only where `is_available`.
            unsafe { kernel::$name($($arg),*) }
        }
    };
}
pub(super) use entry;

pub(super) fn limbs(words: &[u64]) -> &[Limb] {
    words.as_chunks().0
}

pub(super) fn limbs_mut(words: &mut [u64]) -> &mut [Limb] {
    words.as_chunks_mut().0
}

#[inline]
#[target_feature(enable = "avx2")]
#[expect(unsafe_code, reason = "vector loads take a pointer")]
pub(super) fn load(from: &Limb) -> Vector {
    // SAFETY: the reference is to 32 readable bytes; no alignment is asked for.
    unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
#[expect(unsafe_code, reason = "vector stores take a pointer")]
pub(super) fn store(to: &mut Limb, value: Vector) {
    // SAFETY: the reference is to 32 writable bytes; no alignment is asked for.
    unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), value) }
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn load_block(limbs: &[Limb; ROWS]) -> [Vector; ROWS] {
    let mut out = [zero(); ROWS];
    for (out, limb) in out.iter_mut().zip(limbs) {
        *out = load(limb);
    }
    out
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn zero() -> Vector {
    _mm256_setzero_si256()
}

/// The same word in every lane.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn splat(word: u64) -> Vector {
    _mm256_set1_epi64x(word.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn add(a: Vector, b: Vector) -> Vector {
    _mm256_add_epi64(a, b)
}

/// c + a·b of the low 32 bits of a and of b.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn multiply_add(c: Vector, a: Vector, b: Vector) -> Vector {
    _mm256_add_epi64(c, _mm256_mul_epu32(a, b))
}
