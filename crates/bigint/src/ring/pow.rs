//! Exponentiation with fixed windows.

use zeroize::Zeroize;

use super::SquareRing;
use crate::batch::Batch;
use crate::modulus::Scratch;
use crate::naturals::Naturals;
use crate::words::Words;

impl SquareRing {
    /// Raises `x[i]` to the power `exponents[i]`.
    ///
    /// Fixed windows; each table look-up reads the whole table. Time depends on the number of
    /// elements and on [`Naturals::bits`].
    ///
    /// # Panics
    ///
    /// If the lengths differ.
    pub fn pow_assign(&self, x: &mut Batch, exponents: &Naturals) {
        assert_eq!(x.len(), exponents.len(), "one exponent per element");
        let lanes = self.m().lanes;
        self.pow_by(x, exponents.bits(), |pack, from, width| {
            let first = pack * lanes;
            std::array::from_fn(|lane| {
                let index = first + lane;
                if lane < lanes && index < exponents.len() {
                    exponents.window(index, from, width)
                } else {
                    0
                }
            })
        });
    }

    /// Raises every element to the power that is item `index` of `exponents`.
    ///
    /// Constant time as [`SquareRing::pow_assign`]: the exponent may be a secret key.
    ///
    /// # Panics
    ///
    /// If there is no such item.
    pub fn pow_shared_assign(&self, x: &mut Batch, exponents: &Naturals, index: usize) {
        self.pow_by(x, exponents.bits(), |_, from, width| {
            [exponents.window(index, from, width); 8]
        });
    }

    fn pow_by(&self, x: &mut Batch, bits: usize, digits: impl Fn(usize, usize, usize) -> [u64; 8]) {
        let m = self.m();
        if bits == 0 {
            for pack in x.packs_mut() {
                pack.copy_from_slice(&self.inner.one);
            }
            return;
        }
        let window = window_width(bits);
        let size = m.pack();
        let mut scratch = Scratch::new(m);
        let mut table = Words::zeroed(size << window);
        let mut selected = Words::zeroed(size);
        for (i, pack) in x.packs_mut().enumerate() {
            table[..size].copy_from_slice(&self.inner.one);
            table[size..2 * size].copy_from_slice(pack);
            for e in 2..1 << window {
                let (known, next) = table.split_at_mut(e * size);
                let next = &mut next[..size];
                if e & 1 == 0 {
                    next.copy_from_slice(&known[(e >> 1) * size..][..size]);
                    m.square(next, &mut scratch);
                } else {
                    next.copy_from_slice(&known[(e - 1) * size..][..size]);
                    m.mul(next, pack, &mut scratch);
                }
            }
            // The top window takes what is left over, so that all others are full.
            let mut from = bits.next_multiple_of(window) - window;
            m.select(pack, &table, &digits(i, from, bits - from));
            while from > 0 {
                from -= window;
                for _ in 0..window {
                    m.square(pack, &mut scratch);
                }
                m.select(&mut selected, &table, &digits(i, from, window));
                m.mul(pack, &selected, &mut scratch);
            }
        }
        table.zeroize();
        selected.zeroize();
    }
}

/// The width that costs least: 2^w − 2 products for the table, one product and a scan of it per window.
fn window_width(bits: usize) -> usize {
    // A scanned entry costs about a hundredth of a product.
    let cost = |w: usize| (100 << w) + bits.div_ceil(w) * (100 + (1 << w));
    (1..=6).min_by_key(|&w| cost(w)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::window_width;

    #[test]
    fn windows_widen_with_the_exponent() {
        assert_eq!([1, 89, 1024].map(window_width), [1, 3, 5]);
    }
}
