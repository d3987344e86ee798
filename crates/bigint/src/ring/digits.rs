//! What the digits give for little: 1 + y·m, its logarithm, units, arithmetic modulo m.

use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::One;
use zeroize::Zeroize;

use super::SquareRing;
use crate::batch::Batch;
use crate::error::Error;
use crate::modulus::{Scratch, splat};
use crate::naturals::Naturals;
use crate::words::Words;

impl SquareRing {
    /// Multiplies `x[i]` by 1 + `y[i]`·m, touching digit 1 only: x₁ ← x₁ + x₀·y modulo m.
    ///
    /// # Panics
    ///
    /// If the lengths differ, or the bound on `y` has more bits than m.
    pub fn mul_one_plus_assign(&self, x: &mut Batch, y: &Naturals) {
        assert_eq!(x.len(), y.len(), "one plaintext per element");
        assert!(
            y.bits() <= self.m().bits,
            "plaintexts are bounded by the modulus"
        );
        let m = self.m();
        let mut scratch = Scratch::new(m);
        let mut digit = Words::zeroed(m.digit());
        for (i, pack) in x.packs_mut().enumerate() {
            self.put_items(&mut digit, y, i);
            let (x0, x1) = pack.split_at_mut(m.digit());
            m.mul_digit(&mut digit, &self.inner.r_squared, &mut scratch);
            m.mul_digit(&mut digit, x0, &mut scratch);
            m.add_digit(x1, &digit);
        }
    }

    /// Yields the elements 1 + `y[i]`·m.
    ///
    /// # Panics
    ///
    /// If the bound on `y` has more bits than m.
    pub fn one_plus(&self, y: &Naturals) -> Batch {
        let mut out = self.one(y.len());
        self.mul_one_plus_assign(&mut out, y);
        out
    }

    /// Yields y with `x[i]` = 1 + `y[i]`·m and `y[i]` < m: digit 1, after checking that digit 0 is 1.
    ///
    /// # Errors
    ///
    /// [`Error::NotOnePlus`] for the first element that is not of this form. That there is one is not
    /// hidden by the time taken; which one is.
    pub fn log_one_plus(&self, x: &Batch) -> Result<Naturals, Error> {
        let m = self.m();
        let mut scratch = Scratch::new(m);
        let mut out = Naturals::zero(x.len(), m.bits);
        let mut digit0 = vec![0u64; m.bits.div_ceil(64)];
        let mut bad = None;
        for i in 0..x.pack_count() {
            let mut pack = x.clone_pack(i);
            m.canonical(&mut pack, &mut scratch);
            let (x0, x1) = pack.split_at(m.digit());
            for lane in 0..x.lanes_used(i) {
                let index = i * m.lanes + lane;
                m.take(x0, lane, &mut digit0);
                m.take(x1, lane, out.item_mut(index));
                let difference = digit0[1..]
                    .iter()
                    .fold(digit0[0] ^ 1, |acc, word| acc | word);
                if difference != 0 {
                    bad = bad.or(Some(index));
                }
            }
        }
        match bad {
            Some(index) => Err(Error::NotOnePlus { index }),
            None => Ok(out),
        }
    }

    /// Whether every element is a unit, found by one greatest common divisor for the whole batch.
    ///
    /// An element is a unit modulo m² exactly if its digit 0 is one modulo m.
    pub fn are_units_vartime(&self, x: &Batch) -> bool {
        let m = self.m();
        let mut scratch = Scratch::new(m);
        let mut product = self.one_digit();
        for i in 0..x.pack_count() {
            let mut pack = x.clone_pack(i);
            self.fill_idle_lanes(&mut pack, x.lanes_used(i));
            m.mul_digit(&mut product, &pack[..m.digit()], &mut scratch);
        }
        self.is_unit_digit_vartime(&product)
    }

    /// Yields `values[i]` times item `index` of `factors`, modulo m.
    ///
    /// # Panics
    ///
    /// As [`SquareRing::combine`].
    #[must_use]
    pub fn scale(&self, values: &Naturals, factors: &Naturals, index: usize) -> Naturals {
        self.combine(&[values], &factors.slice(index..index + 1))
    }

    /// Yields Σ `values[j][i]`·`factors[j]` modulo m for every i.
    ///
    /// # Panics
    ///
    /// If there is no factor for each of the values or none at all, the numbers of values differ, or one of the
    /// bounds has more bits than m.
    #[must_use]
    pub fn combine(&self, values: &[&Naturals], factors: &Naturals) -> Naturals {
        let m = self.m();
        assert_eq!(
            values.len(),
            factors.len(),
            "one factor for each of the values"
        );
        let len = values[0].len();
        assert!(
            values.iter().all(|v| v.len() == len && v.bits() <= m.bits) && factors.bits() <= m.bits,
            "as many values of each, and all bounded by the modulus"
        );
        let mut scratch = Scratch::new(m);
        // The factors times R², so that one product and one reduction of a value leave no R.
        let mut constants = vec![Words::zeroed(m.digit()); factors.len()];
        for (j, constant) in constants.iter_mut().enumerate() {
            for lane in 0..m.lanes {
                m.put(constant, lane, factors.item(j));
            }
            for _ in 0..2 {
                m.mul_digit(constant, &self.inner.r_squared, &mut scratch);
            }
        }
        let mut out = Naturals::zero(len, m.bits);
        let mut pack = Words::zeroed(m.pack());
        let mut term = Words::zeroed(m.digit());
        for i in 0..len.div_ceil(m.lanes) {
            pack.fill(0);
            let sum = &mut pack[..m.digit()];
            for (values, constant) in values.iter().zip(&constants) {
                self.put_items(&mut term, values, i);
                m.mul_digit(&mut term, constant, &mut scratch);
                m.add_digit(sum, &term);
            }
            m.canonical(&mut pack, &mut scratch);
            for lane in 0..m.lanes.min(len - i * m.lanes) {
                m.take(&pack[..m.digit()], lane, out.item_mut(i * m.lanes + lane));
            }
        }
        pack.zeroize();
        term.zeroize();
        constants.iter_mut().for_each(Zeroize::zeroize);
        out
    }

    /// Yields `low[i]` + `high[i]`·m, integers below 2^`bits`.
    ///
    /// # Panics
    ///
    /// If the lengths differ, or one of the bounds has more bits than m. Higher bits of an integer are lost.
    #[must_use]
    pub fn join(&self, low: &Naturals, high: &Naturals, bits: usize) -> Naturals {
        let m = self.m();
        assert_eq!(low.len(), high.len(), "two digits each");
        assert!(
            low.bits().max(high.bits()) <= m.bits,
            "digits are bounded by the modulus"
        );
        let mut scratch = Scratch::new(m);
        let mut out = Naturals::zero(low.len(), bits);
        let mut pack = Words::zeroed(m.pack());
        for i in 0..low.len().div_ceil(m.lanes) {
            let (x0, x1) = pack.split_at_mut(m.digit());
            self.put_items(x0, low, i);
            self.put_items(x1, high, i);
            m.join(&pack, &mut scratch);
            for lane in 0..m.lanes.min(low.len() - i * m.lanes) {
                let item = out.item_mut(i * m.lanes + lane);
                m.take(&scratch.low[..m.pack()], lane, item);
            }
        }
        pack.zeroize();
        out
    }

    /// Puts items `pack·lanes ..` into the lanes of a digit, zeros into the idle ones.
    pub(super) fn put_items(&self, digit: &mut [u64], items: &Naturals, pack: usize) {
        let m = self.m();
        digit.fill(0);
        let first = pack * m.lanes;
        for index in first..items.len().min(first + m.lanes) {
            m.put(digit, index - first, items.item(index));
        }
    }

    /// A digit that is a unit in every lane.
    pub(super) fn one_digit(&self) -> Words {
        let mut out = Words::zeroed(self.m().digit());
        out.copy_from_slice(&self.inner.one[..self.m().digit()]);
        out
    }

    /// The digit −R modulo m, in every lane.
    pub(crate) fn minus_one_digit(&self) -> Words {
        let m = self.m();
        let mut out = Words::zeroed(m.digit());
        let value = self.modulus() - m.r() % self.modulus();
        splat(&mut out, m.lanes, m.radix, &value);
        out
    }

    /// Whether the digits of all lanes are units. A power of R more or less changes nothing: R is one.
    pub(super) fn is_unit_digit_vartime(&self, digit: &[u64]) -> bool {
        let m = self.m();
        let mut product = BigUint::one();
        let mut words = vec![0; (m.radix * m.limbs).div_ceil(64)];
        for lane in 0..m.lanes {
            m.take(digit, lane, &mut words);
            let factor = words
                .iter()
                .rev()
                .fold(BigUint::ZERO, |acc, &word| (acc << 64u32) + word);
            product = product * factor % self.modulus();
        }
        product.gcd(self.modulus()).is_one()
    }
}
