//! Exponentiation with fixed windows.

use zeroize::Zeroize;

use super::SquareRing;
use crate::backend::Backend;
use crate::batch::Batch;
use crate::modulus::{Modulus, Scratch};
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
            exponents.lane_windows(pack * lanes, lanes, from, width)
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

    /// Yields Π over the terms (x, e) of `x[i]` to the power `e[i]`: the squarings are paid once for all terms.
    ///
    /// Constant time as [`SquareRing::pow_assign`].
    ///
    /// # Panics
    ///
    /// If there are no terms, or lengths differ.
    ///
    /// # Source
    ///
    /// E. G. Straus, *Addition chains of vectors*, American Mathematical Monthly 71 (1964), with the fixed windows
    /// of [`SquareRing::pow_assign`].
    #[must_use]
    pub fn pow_product(&self, terms: &[(&Batch, &Naturals)]) -> Batch {
        let m = self.m();
        let len = terms.first().expect("at least one term").0.len();
        for (x, exponents) in terms {
            assert!(
                x.len() == len && exponents.len() == len,
                "one element and one exponent of every term for each element"
            );
        }
        let bits = terms
            .iter()
            .map(|(_, exponents)| exponents.bits())
            .max()
            .unwrap_or(0);
        let mut out = self.one(len);
        let mut scratch = Scratch::new(m);
        let mut tables: Vec<_> = terms
            .iter()
            .map(|_| Table::new(self, m.pack(), bits))
            .collect();
        let window = tables[0].window;
        for (i, acc) in out.packs_mut().enumerate() {
            for (table, (x, _)) in tables.iter_mut().zip(terms) {
                table.fill(x.pack(i), &mut |x, y| match y {
                    Some(y) => m.mul(x, y, &mut scratch),
                    None => m.square(x, &mut scratch),
                });
            }
            let mut from = bits.next_multiple_of(window);
            while from > 0 {
                from -= window;
                for _ in 0..window {
                    m.square(acc, &mut scratch);
                }
                for (table, (_, exponents)) in tables.iter_mut().zip(terms) {
                    let digits = exponents.lane_windows(i * m.lanes, m.lanes, from, window);
                    m.select(&mut table.selected, &table.powers, &digits);
                    m.mul(acc, &table.selected, &mut scratch);
                }
            }
        }
        out
    }

    fn pow_by(&self, x: &mut Batch, bits: usize, digits: impl Fn(usize, usize, usize) -> [u64; 8]) {
        let m = self.m();
        if bits == 0 {
            for pack in x.packs_mut() {
                pack.copy_from_slice(&self.inner.one);
            }
            return;
        }
        let mut scratch = Scratch::new(m);
        let mut multiply = |x: &mut [u64], y: Option<&[u64]>| match y {
            Some(y) => m.mul(x, y, &mut scratch),
            None => m.square(x, &mut scratch),
        };
        let mut table = Table::new(self, m.pack(), bits);
        for (i, pack) in x.packs_mut().enumerate() {
            table.power(pack, |from, width| digits(i, from, width), &mut multiply);
        }
    }

    /// Yields `values[i]` to the power that is item `index` of `exponents`, modulo m (not m²).
    ///
    /// Constant time as [`SquareRing::pow_assign`].
    ///
    /// # Panics
    ///
    /// If there is no such item, or the bound on `values` has more bits than m.
    #[must_use]
    pub fn pow_modulo(&self, values: &Naturals, exponents: &Naturals, index: usize) -> Naturals {
        let m = self.m();
        assert!(values.bits() <= m.bits, "values are bounded by the modulus");
        let digits = |from, width| [exponents.window(index, from, width); 8];
        let mut scratch = Scratch::new(m);
        let mut table = Table::new(self, m.digit(), exponents.bits());
        let mut out = Naturals::zero(values.len(), m.bits);
        let mut pack = Words::zeroed(m.pack());
        for i in 0..values.len().div_ceil(m.lanes) {
            pack.fill(0);
            let x0 = &mut pack[..m.digit()];
            self.put_items(x0, values, i);
            m.mul_digit(x0, &self.inner.r_squared, &mut scratch);
            if exponents.bits() == 0 {
                x0.copy_from_slice(&self.one_digit());
            } else {
                let mut other = Words::zeroed(m.digit());
                table.power(x0, digits, &mut |x, y| {
                    other.copy_from_slice(y.unwrap_or(x));
                    m.mul_digit(x, &other, &mut scratch);
                });
            }
            m.canonical(&mut pack, &mut scratch);
            for lane in 0..m.lanes.min(values.len() - i * m.lanes) {
                m.take(&pack[..m.digit()], lane, out.item_mut(i * m.lanes + lane));
            }
        }
        pack.zeroize();
        out
    }
}

/// x ← x·y, or x² without a y.
pub(super) type Multiply<'a> = dyn FnMut(&mut [u64], Option<&[u64]>) + 'a;

/// x^0, x^1, .. of a pack or a digit, as many as a window has values; erased on drop.
pub(super) struct Table<'a> {
    ring: &'a SquareRing,
    bits: usize,
    window: usize,
    powers: Words,
    selected: Words,
}

impl<'a> Table<'a> {
    pub(super) fn new(ring: &'a SquareRing, size: usize, bits: usize) -> Self {
        let window = window_width(bits, scan_cost(ring.m()));
        Self {
            ring,
            bits,
            window,
            powers: Words::zeroed(size << window),
            selected: Words::zeroed(size),
        }
    }

    /// x ← x^e, e given by its bits from a position upwards; `multiply` multiplies, or squares.
    pub(super) fn power(
        &mut self,
        x: &mut [u64],
        digits: impl Fn(usize, usize) -> [u64; 8],
        multiply: &mut Multiply<'_>,
    ) {
        let (m, window) = (self.ring.m(), self.window);
        self.fill(x, multiply);
        // The top window takes what is left over, so that all others are full.
        let mut from = self.bits.next_multiple_of(window) - window;
        m.select(x, &self.powers, &digits(from, self.bits - from));
        while from > 0 {
            from -= window;
            for _ in 0..window {
                multiply(x, None);
            }
            m.select(&mut self.selected, &self.powers, &digits(from, window));
            multiply(x, Some(&self.selected));
        }
    }

    fn fill(&mut self, x: &[u64], multiply: &mut Multiply<'_>) {
        let size = x.len();
        self.powers[..size].copy_from_slice(&self.ring.inner.one[..size]);
        self.powers[size..2 * size].copy_from_slice(x);
        for e in 2..1 << self.window {
            let (known, next) = self.powers.split_at_mut(e * size);
            let next = &mut next[..size];
            if e & 1 == 0 {
                next.copy_from_slice(&known[(e >> 1) * size..][..size]);
                multiply(next, None);
            } else {
                next.copy_from_slice(&known[(e - 1) * size..][..size]);
                multiply(next, Some(x));
            }
        }
    }
}

impl Drop for Table<'_> {
    fn drop(&mut self) {
        self.powers.zeroize();
        self.selected.zeroize();
    }
}

/// The price of one scanned entry, in hundredths of a product.
///
/// Eight lanes at once read an entry in about 3 ns a lane whatever its length, because tables of short
/// numbers leave the first cache as soon as those of long ones; a product takes a time that grows
/// with the square. One number at a time multiplies ten times slower than it reads.
#[expect(clippy::integer_division_remainder_used, reason = "public sizes")]
fn scan_cost(modulus: &Modulus) -> usize {
    match modulus.backend {
        Backend::Ifma => (1700 / modulus.limbs.pow(2)).max(1),
        Backend::Avx2 | Backend::Portable => 1,
    }
}

/// The width that costs least: 2^w − 2 products for the table, one product and a scan of it per window.
fn window_width(bits: usize, scan: usize) -> usize {
    let cost = |w: usize| (100 << w) + bits.div_ceil(w) * (100 + (scan << w));
    (1..=6).min_by_key(|&w| cost(w)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::window_width;

    #[test]
    fn windows_widen_with_the_exponent() {
        let widths = |scan| [1, 89, 1024].map(|bits| window_width(bits, scan));
        assert_eq!([widths(1), widths(4)], [[1, 3, 5], [1, 3, 4]]);
    }
}
