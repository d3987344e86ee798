//! Tables of the powers of a base as pairs (t, s).

use crate::modulus::Scratch;
use crate::ring::SquareRing;
use crate::words::Words;

/// The entry of the next digit, for as many tables as a pack has lanes.
///
/// With b = B/R the base, B = B₀·(1 + `s_B`·m): from t·B₀ = t′·R − q·m follows
/// t·(1 + s·m)·b = t′·(1 + s′·m) with s′ = s + `s_B` − q/(R·t′).
pub(crate) struct Filling<'a> {
    ring: &'a SquareRing,
    scratch: Scratch,
    base: &'a [u64],
    inverse: &'a [u64],
    /// R²·`s_B`.
    step: Words,
    t: Words,
    /// −R²/t.
    negative_inverse: Words,
    /// R²·s.
    s: Words,
}

impl<'a> Filling<'a> {
    /// Begins with the entry of digit 0, which is 1. The packs are the base's and its inverse's.
    pub(crate) fn new(ring: &'a SquareRing, base: &'a [u64], inverse: &'a [u64]) -> Self {
        let m = ring.m();
        let mut scratch = Scratch::new(m);
        let digit = |from: &[u64]| {
            let mut out = Words::zeroed(m.digit());
            out.copy_from_slice(&from[..m.digit()]);
            out
        };
        let mut step = digit(&base[m.digit()..]);
        m.mul_digit(&mut step, &inverse[..m.digit()], &mut scratch);
        m.mul_digit(&mut step, ring.r_squared(), &mut scratch);
        let one = ring.one(m.lanes);
        let (one, slope) = one.pack(0).split_at(m.digit());
        let mut s = digit(slope);
        m.mul_digit(&mut s, ring.r_squared(), &mut scratch);
        Self {
            base: &base[..m.digit()],
            inverse: &inverse[..m.digit()],
            step,
            t: digit(one),
            negative_inverse: ring.minus_one_digit(),
            s,
            scratch,
            ring,
        }
    }

    /// Fills the tables, each of `size` words, one after the other; there may be fewer than lanes.
    pub(crate) fn fill(mut self, part: &mut [u64], size: usize) {
        let m = self.ring.m();
        let lanes = m.lanes;
        for at in (0..size).step_by(m.entry()) {
            for (lane, window) in part.chunks_exact_mut(size).enumerate() {
                let limbs = self.t[lane..].iter().step_by(lanes);
                let limbs = limbs.chain(self.s[lane..].iter().step_by(lanes));
                m.put_entry(&mut window[at..at + m.entry()], limbs.copied());
            }
            self.advance();
        }
    }

    fn advance(&mut self) {
        let m = self.ring.m();
        m.mul_digit(&mut self.negative_inverse, self.inverse, &mut self.scratch);
        m.mul_digit(&mut self.t, self.base, &mut self.scratch);
        let mut change = Words::zeroed(m.digit());
        change.copy_from_slice(&self.scratch.quotient[..m.digit()]);
        m.mul_digit(&mut change, &self.negative_inverse, &mut self.scratch);
        m.add_digit(&mut change, &self.step);
        m.add_digit(&mut self.s, &change);
    }
}
