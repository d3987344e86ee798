//! Eight lanes as memory and as a register, and how a kernel is entered.

use core::arch::x86_64::{__m512i, _mm512_loadu_si512, _mm512_storeu_si512};

pub(super) const LANES: usize = 8;
pub(super) const RADIX: usize = 52;
pub(super) const MASK: u64 = (1 << RADIX) - 1;
/// Rows of a block: each keeps this many columns in registers.
pub(super) const ROWS: usize = 10;

/// One limb of eight numbers.
pub(super) type Limb = [u64; LANES];

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
#[target_feature(enable = "avx512f")]
#[expect(unsafe_code, reason = "vector loads take a pointer")]
pub(super) fn load(from: &Limb) -> __m512i {
    // SAFETY: the reference is to 64 readable bytes; no alignment is asked for.
    unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
#[expect(unsafe_code, reason = "vector stores take a pointer")]
pub(super) fn store(to: &mut Limb, value: __m512i) {
    // SAFETY: the reference is to 64 writable bytes; no alignment is asked for.
    unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), value) }
}
