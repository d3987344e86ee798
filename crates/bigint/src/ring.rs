//! The ring Z/m².

use std::sync::Arc;

use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::One;
use zeroize::Zeroize;

use crate::backend::Backend;
use crate::batch::Batch;
use crate::error::Error;
use crate::modulus::{Modulus, Scratch, splat};
use crate::words::Words;

mod digits;
mod inverse;
mod pow;
pub(crate) mod power_log;
pub(crate) mod wire;

/// The ring Z/m² for an odd m ≥ 3, whose elements are computed with in batches.
///
/// An element is held as a pair of base-m digits, x₀ + x₁·m, in Montgomery form; see the crate's
/// page for why. Batches of one ring must not be given to another: lengths of limbs are checked,
/// moduli are not.
///
/// Cloning shares the ring. Its constants are erased when the last clone goes, because for a key
/// holder m is a secret prime. Every call runs in the thread of its caller; callers
/// with more threads work on several batches.
///
/// Unless a name ends in `_vartime`, time and addresses depend on m, on lengths and on the bounds
/// [`Naturals::bits`](crate::Naturals::bits) only.
#[derive(Clone)]
pub struct SquareRing {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) modulus: Modulus,
    /// The element 1, in every lane.
    one: Words,
    /// R³ modulo m² as digits, in every lane: the product with it turns T/R into the Montgomery form of T.
    from_split: Words,
    /// R² modulo m, in every lane.
    r_squared: Words,
    /// m² as 64-bit words.
    square: Vec<u64>,
    value: BigUint,
}

impl SquareRing {
    /// The longest m, in bits.
    pub const MOST_BITS: u64 = 8192;

    /// Yields the ring modulo `modulus²`, computed by `backend`.
    ///
    /// # Errors
    ///
    /// [`Error::ModulusEven`] or [`Error::ModulusTooLong`].
    ///
    /// # Panics
    ///
    /// If the processor lacks `backend`.
    pub fn new(modulus: &BigUint, backend: Backend) -> Result<Self, Error> {
        if modulus.is_even() || modulus.is_one() {
            return Err(Error::ModulusEven);
        }
        if modulus.bits() > Self::MOST_BITS {
            return Err(Error::ModulusTooLong {
                bits: modulus.bits(),
                most: Self::MOST_BITS,
            });
        }
        let m = Modulus::new(modulus, backend);
        let (r, square) = (m.r(), modulus * modulus);
        let constant = |value: &BigUint| {
            let mut out = Words::zeroed(m.pack());
            let (x0, x1) = out.split_at_mut(m.digit());
            splat(x0, m.lanes, m.radix, &(value % modulus));
            splat(x1, m.lanes, m.radix, &(value / modulus));
            out
        };
        let one = constant(&(&r % &square));
        let from_split = constant(&(&r * &r * &r % &square));
        let mut r_squared = Words::zeroed(m.digit());
        splat(&mut r_squared, m.lanes, m.radix, &(&r * &r % modulus));
        let square = square.to_u64_digits();
        let value = modulus.clone();
        Ok(Self {
            inner: Arc::new(Inner {
                modulus: m,
                one,
                from_split,
                r_squared,
                square,
                value,
            }),
        })
    }

    /// The modulus m (not m²).
    pub fn modulus(&self) -> &BigUint {
        &self.inner.value
    }

    /// What computes.
    pub fn backend(&self) -> Backend {
        self.inner.modulus.backend
    }

    /// Bytes of one residue on the wire: `ceil(2·bits(m)/8)`.
    pub fn width(&self) -> usize {
        (2 * self.inner.modulus.bits).div_ceil(8)
    }

    /// Bytes of memory one element takes in an [`Elements`](crate::Elements).
    pub fn element_bytes(&self) -> usize {
        8 * self.inner.modulus.entry()
    }

    /// Yields a batch of `len` ones.
    pub fn one(&self, len: usize) -> Batch {
        let mut out = Batch::zeroed(self.m(), len);
        for pack in out.packs_mut() {
            pack.copy_from_slice(&self.inner.one);
        }
        out
    }

    /// Yields `len` copies of element `index` of `batch`.
    ///
    /// # Panics
    ///
    /// If there is no such element.
    pub fn repeat(&self, batch: &Batch, index: usize, len: usize) -> Batch {
        let first = batch.select(&[index; 8][..self.m().lanes]);
        let mut out = Batch::zeroed(self.m(), len);
        for pack in out.packs_mut() {
            pack.copy_from_slice(first.pack(0));
        }
        out
    }

    /// Multiplies `x[i]` by `y[i]`.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn mul_assign(&self, x: &mut Batch, y: &Batch) {
        assert_eq!(x.len(), y.len(), "one factor per element");
        let mut scratch = Scratch::new(self.m());
        for (x, y) in x.packs_mut().zip(y.packs()) {
            self.m().mul(x, y, &mut scratch);
        }
    }

    /// Yields `x[i]·y[i]`.
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn mul(&self, x: &Batch, y: &Batch) -> Batch {
        let mut out = x.clone();
        self.mul_assign(&mut out, y);
        out
    }

    /// Multiplies every `x[i]` by element `index` of `y`.
    ///
    /// # Panics
    ///
    /// If there is no such element.
    pub fn mul_shared_assign(&self, x: &mut Batch, y: &Batch, index: usize) {
        let factor = self.repeat(y, index, self.m().lanes);
        let mut scratch = Scratch::new(self.m());
        for x in x.packs_mut() {
            self.m().mul(x, factor.pack(0), &mut scratch);
        }
    }

    /// Squares every element.
    pub fn square_assign(&self, x: &mut Batch) {
        self.square_times_assign(x, 1);
    }

    /// Raises every element to the power 2^`times`.
    pub fn square_times_assign(&self, x: &mut Batch, times: usize) {
        let mut scratch = Scratch::new(self.m());
        for x in x.packs_mut() {
            for _ in 0..times {
                self.m().square(x, &mut scratch);
            }
        }
    }

    /// Yields the product of all elements, a batch of one; of none, 1.
    pub fn product(&self, x: &Batch) -> Batch {
        let m = self.m();
        let mut acc = self.one(m.lanes);
        let mut scratch = Scratch::new(m);
        for i in 0..x.pack_count() {
            let mut pack = x.clone_pack(i);
            self.fill_idle_lanes(&mut pack, x.lanes_used(i));
            m.mul(acc.pack_mut(0), &pack, &mut scratch);
        }
        let mut width = m.lanes;
        while width > 1 {
            width >>= 1;
            let upper: Vec<usize> = (width..2 * width)
                .chain(std::iter::repeat_n(0, m.lanes - width))
                .collect();
            let upper = acc.select(&upper);
            m.mul(acc.pack_mut(0), upper.pack(0), &mut scratch);
        }
        acc.select(&[0])
    }

    /// R² modulo m, in every lane.
    pub(crate) fn r_squared(&self) -> &[u64] {
        &self.inner.r_squared
    }

    /// Sets the lanes from `used` on of a digit or a pack to those of 1.
    pub(crate) fn fill_idle_lanes(&self, pack: &mut [u64], used: usize) {
        let lanes = self.m().lanes;
        for (limbs, ones) in pack
            .chunks_exact_mut(lanes)
            .zip(self.inner.one.chunks_exact(lanes))
        {
            limbs[used..].copy_from_slice(&ones[used..]);
        }
    }

    pub(crate) fn m(&self) -> &Modulus {
        &self.inner.modulus
    }
}

impl std::fmt::Debug for SquareRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SquareRing")
            .field("backend", &self.backend())
            .field("modulus_bits", &self.inner.modulus.bits)
            .finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.one.zeroize();
        self.from_split.zeroize();
        self.r_squared.zeroize();
        self.square.zeroize();
        erase(&mut self.value);
    }
}

/// Overwrites an integer where it lies.
fn erase(value: &mut BigUint) {
    for bit in 0..value.bits() {
        value.set_bit(bit, false);
    }
    std::hint::black_box(value);
}
