//! Logarithms of powers with one secret exponent.

use num_bigint::BigUint;
use zeroize::Zeroize;

use super::SquareRing;
use super::pow::Table;
use crate::batch::Batch;
use crate::error::Error;
use crate::modulus::{Modulus, Scratch, splat};
use crate::naturals::Naturals;
use crate::words::Words;

/// Takes elements x to `scale`·y modulo m, where xᵉ = 1 + y·m, for one secret exponent e: decryption.
///
/// The units modulo m have orders that divide e, so that inverses are powers too. Erased on drop.
///
/// # Source
///
/// The elements t of a window's table are integers below m, without a digit 1: a product with one costs 8 units
/// instead of 10, and a scan of the table half. By how much each differs from the power it stands for is
/// its logarithm, which is found once and corrected at the end; derived in `docs/ifma.md`.
pub struct PowerLog {
    ring: SquareRing,
    exponent: Naturals,
    /// One item: e − 1.
    inversion: Naturals,
    window: usize,
    /// For digits j from 2: the weight of all windows whose digit is at least j, negated.
    weights: Vec<Words>,
    /// e·R modulo m.
    slope: Words,
    /// What the windows of digit 0 contribute.
    offset: Words,
    /// `scale`·R² modulo m.
    scale: Words,
}

impl PowerLog {
    /// Prepares the exponent. Takes variable time, like the generation of the key that it belongs to.
    ///
    /// # Panics
    ///
    /// If the exponent is zero.
    pub fn new(ring: &SquareRing, exponent: &BigUint, scale: &BigUint) -> Self {
        let (m, modulus) = (ring.m(), ring.modulus());
        let bits = usize::try_from(exponent.bits()).expect("an exponent fits in memory");
        assert!(bits > 0, "an exponent above zero");
        let digits = Naturals::from_biguints(std::slice::from_ref(exponent), bits);
        let window = window_width(bits, m.limbs);
        let mut windows = vec![BigUint::ZERO; 1 << window];
        for from in (0..bits).step_by(window) {
            let digit = usize::try_from(digits.window(0, from, window)).expect("a short digit");
            windows[digit] += BigUint::from(1u8) << from;
        }
        let digit = |value: &BigUint| {
            let mut out = Words::zeroed(m.digit());
            splat(&mut out, m.lanes, m.radix, &(value % modulus));
            out
        };
        // R = R₀ + R₁·m: entry 0 is R₀.
        let r = m.r() % (modulus * modulus);
        let offset = digit(&(&windows[0] * (&r / modulus)));
        let mut above = BigUint::ZERO;
        let mut weights: Vec<Words> = windows[2..]
            .iter()
            .rev()
            .map(|weight| {
                above += weight;
                digit(&(modulus - &above % modulus))
            })
            .collect();
        weights.reverse();
        Self {
            inversion: Naturals::from_biguints(&[exponent - 1u8], bits),
            exponent: digits,
            window,
            weights,
            slope: digit(&(exponent * &r)),
            offset,
            scale: digit(&(scale * &r % modulus * &r)),
            ring: ring.clone(),
        }
    }

    /// Yields `scale`·`y[i]` modulo m with `x[i]`ᵉ = 1 + `y[i]`·m.
    ///
    /// Constant time: it depends on the number of elements and the bits of e, and on whether it fails.
    ///
    /// # Errors
    ///
    /// [`Error::NotOnePlus`] for the first element whose power is not of this form.
    pub fn log(&self, x: &Batch) -> Result<Naturals, Error> {
        let m = self.ring.m();
        let mut run = Run::new(self);
        let inverses = self.inverses(x, &mut run.scratch);
        let mut out = Naturals::zero(x.len(), m.bits);
        let mut power = Words::zeroed(m.pack());
        let mut one = vec![0u64; m.bits.div_ceil(64)];
        let mut bad = None;
        for (i, inverse) in inverses.packs().enumerate() {
            power.copy_from_slice(x.pack(i));
            run.power(&mut power, inverse);
            for lane in 0..x.lanes_used(i) {
                m.take(&power[..m.digit()], lane, &mut one);
                let difference = one[1..].iter().fold(one[0] ^ 1, |acc, word| acc | word);
                if difference != 0 {
                    bad = bad.or(Some(i * m.lanes + lane));
                }
            }
            let (x0, x1) = power.split_at_mut(m.digit());
            x0.copy_from_slice(x1);
            x1.fill(0);
            m.mul_digit(x0, &self.scale, &mut run.scratch);
            m.canonical(&mut power, &mut run.scratch);
            for lane in 0..x.lanes_used(i) {
                let item = out.item_mut(i * m.lanes + lane);
                m.take(&power[..m.digit()], lane, item);
            }
        }
        power.zeroize();
        bad.map_or(Ok(out), |index| Err(Error::NotOnePlus { index }))
    }

    /// The inverses modulo m of all x, R²/x₀, in digit 0 of packs: lane by lane one exponentiation for all packs.
    fn inverses(&self, x: &Batch, scratch: &mut Scratch) -> Batch {
        let m = self.ring.m();
        let mut out = Batch::zeroed(m, x.len());
        let mut product = self.ring.one_digit();
        let digit_0 = |i: usize| {
            let mut out = Words::zeroed(m.digit());
            out.copy_from_slice(&x.pack(i)[..m.digit()]);
            self.ring.fill_idle_lanes(&mut out, x.lanes_used(i));
            out
        };
        for (i, pack) in out.packs_mut().enumerate() {
            pack[..m.digit()].copy_from_slice(&product);
            m.mul_digit(&mut product, &digit_0(i), scratch);
        }
        let mut other = Words::zeroed(m.digit());
        let mut table = Table::new(&self.ring, m.digit(), self.inversion.bits());
        let digits = |from, width| [self.inversion.window(0, from, width); 8];
        table.power(&mut product, digits, &mut |x, y| {
            other.copy_from_slice(y.unwrap_or(x));
            m.mul_digit(x, &other, scratch);
        });
        for i in (0..out.pack_count()).rev() {
            m.mul_digit(&mut out.pack_mut(i)[..m.digit()], &product, scratch);
            m.mul_digit(&mut product, &digit_0(i), scratch);
        }
        out
    }
}

impl Drop for PowerLog {
    fn drop(&mut self) {
        for words in &mut self.weights {
            words.zeroize();
        }
        self.slope.zeroize();
        self.offset.zeroize();
        self.scale.zeroize();
    }
}

impl std::fmt::Debug for PowerLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PowerLog").finish_non_exhaustive()
    }
}

/// Working memory; erased on drop.
struct Run<'a> {
    of: &'a PowerLog,
    m: &'a Modulus,
    scratch: Scratch,
    /// The entries t of the window's table, digits.
    table: Words,
    selected: Words,
    /// R²/t.
    inverse: Words,
    /// The sum of corrections, times R.
    correction: Words,
    term: Words,
}

impl<'a> Run<'a> {
    fn new(of: &'a PowerLog) -> Self {
        let m = of.ring.m();
        let digit = || Words::zeroed(m.digit());
        Self {
            of,
            m,
            scratch: Scratch::new(m),
            table: Words::zeroed(m.digit() << of.window),
            selected: digit(),
            inverse: digit(),
            correction: digit(),
            term: digit(),
        }
    }

    /// x ← canonical digits of xᵉ, given R²/x₀.
    fn power(&mut self, x: &mut [u64], inverse: &[u64]) {
        let (m, of) = (self.m, self.of);
        let (x0, x1) = x.split_at_mut(m.digit());
        self.fill_table(x0, x1, &inverse[..m.digit()]);
        let bits = of.exponent.bits();
        let mut from = bits.next_multiple_of(of.window) - of.window;
        self.select(from, bits - from);
        x0.copy_from_slice(&self.selected);
        x1.fill(0);
        while from > 0 {
            from -= of.window;
            for _ in 0..of.window {
                m.square(x, &mut self.scratch);
            }
            self.select(from, of.window);
            m.mul_low(x, &self.selected, &mut self.scratch, &[]);
        }
        m.add_digit(&mut x[m.digit()..], &self.correction);
        m.canonical(x, &mut self.scratch);
    }

    /// Fills the table and sums up the corrections.
    ///
    /// With `t_j`·R − q·m = `t_(j−1)`·x₀, `t_j` stands for `t_(j−1)`·x₀ times 1 + q/(R·`t_j`)·m.
    fn fill_table(&mut self, x0: &[u64], x1: &[u64], inverse: &[u64]) {
        let (m, of, s) = (self.m, self.of, &mut self.scratch);
        let size = m.digit();
        self.table[..size].copy_from_slice(&of.ring.one_digit());
        self.table[size..2 * size].copy_from_slice(x0);
        self.inverse.copy_from_slice(inverse);
        self.correction.copy_from_slice(x1);
        m.mul_digit(&mut self.correction, inverse, s);
        m.mul_digit(&mut self.correction, &of.slope, s);
        m.add_digit(&mut self.correction, &of.offset);
        for (j, weight) in (2..).zip(&of.weights) {
            let (known, next) = self.table.split_at_mut(j * size);
            let next = &mut next[..size];
            next.copy_from_slice(&known[(j - 1) * size..]);
            m.mul_digit(next, x0, s);
            self.term.copy_from_slice(&s.quotient[..size]);
            m.mul_digit(&mut self.inverse, inverse, s);
            m.mul_digit(&mut self.term, &self.inverse, s);
            m.mul_digit(&mut self.term, weight, s);
            m.add_digit(&mut self.correction, &self.term);
        }
    }

    fn select(&mut self, from: usize, width: usize) {
        let digit = self.of.exponent.window(0, from, width);
        self.m.select(&mut self.selected, &self.table, &[digit; 8]);
    }
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        for words in [
            &mut self.table,
            &mut self.selected,
            &mut self.inverse,
            &mut self.correction,
            &mut self.term,
        ] {
            words.zeroize();
        }
    }
}

/// The width that costs least: per window a product of 8 units of limbs² and a scan of the table, per entry four
/// products of digits. A scanned limb costs about as much as two limb products.
fn window_width(bits: usize, limbs: usize) -> usize {
    let cost = |w: usize| bits.div_ceil(w) * (8 * limbs + (2 << w)) + ((16 * limbs) << w);
    (1..=6).min_by_key(|&w| cost(w)).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::window_width;

    #[test]
    fn windows_widen_with_the_exponent_and_the_modulus() {
        assert_eq!(
            [(1, 20), (256, 20), (1024, 20), (2048, 40)].map(|(bits, h)| window_width(bits, h)),
            [1, 4, 4, 5]
        );
    }
}
