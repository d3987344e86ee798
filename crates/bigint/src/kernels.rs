//! The one place where an operation meets its backend.

use crate::modulus::{Modulus, Scratch};

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(test)]
mod edges;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod portable;
#[cfg(target_arch = "x86_64")]
mod prefetch;

/// Calls the kernel of the modulus's backend.
macro_rules! dispatch {
    ($modulus:ident, $name:ident($($arg:expr),*)) => {
        match $modulus.backend {
            #[cfg(target_arch = "x86_64")]
            $crate::backend::Backend::Ifma => ifma::$name($($arg),*),
            #[cfg(target_arch = "x86_64")]
            $crate::backend::Backend::Avx2 => avx2::$name($($arg),*),
            _ => portable::$name($($arg),*),
        }
    };
}

impl Modulus {
    /// x ← x·y/R modulo m², packs.
    pub(crate) fn mul(&self, x: &mut [u64], y: &[u64], s: &mut Scratch) {
        dispatch!(self, mul(self, x, y, s));
    }

    /// x ← x²/R modulo m², packs.
    pub(crate) fn square(&self, x: &mut [u64], s: &mut Scratch) {
        dispatch!(self, square(self, x, s));
    }

    /// x ← x·y/R modulo m, digits; the quotient q with x·y = (x·y/R)·R − q·m is left in `s.quotient`.
    pub(crate) fn mul_digit(&self, x: &mut [u64], y: &[u64], s: &mut Scratch) {
        dispatch!(self, mul_digit(self, x, y, s));
    }

    /// x ← x·y/R modulo m², a pack times a digit: y₁ is zero. The rows `ahead` are those that will be read
    /// next: memory may begin to deliver them.
    pub(crate) fn mul_low(&self, x: &mut [u64], y: &[u64], s: &mut Scratch, ahead: &[&[u64]]) {
        dispatch!(self, mul_low(self, x, y, s, ahead));
    }

    /// sum ← sum + x modulo m, digits. The sum begins at zero, takes up to [`Modulus::MOST_TERMS`] digits, and
    /// is in a form of the backend's own until [`Modulus::settle`].
    pub(crate) fn accumulate(&self, sum: &mut [u64], x: &[u64]) {
        dispatch!(self, accumulate(self, sum, x));
    }

    /// sum ← sum/R modulo m, a digit from what [`Modulus::accumulate`] added up.
    pub(crate) fn settle(&self, sum: &mut [u64], s: &mut Scratch) {
        dispatch!(self, settle(self, sum, s));
    }

    /// The pack of T/R modulo m² from the integer T < m·R in `s.low`.
    pub(crate) fn split(&self, out: &mut [u64], s: &mut Scratch) {
        dispatch!(self, split(self, out, s));
    }

    /// x ← x/R modulo m², with both digits below m.
    pub(crate) fn canonical(&self, x: &mut [u64], s: &mut Scratch) {
        dispatch!(self, canonical(self, x, s));
    }

    /// The integer x₀ + x₁·m of a canonical pack, in `s.low`.
    pub(crate) fn join(&self, x: &[u64], s: &mut Scratch) {
        dispatch!(self, join(self, x, s));
    }

    /// x ← x + y modulo m, digits.
    pub(crate) fn add_digit(&self, x: &mut [u64], y: &[u64]) {
        dispatch!(self, add_digit(self, x, y));
    }

    /// x ← x + y modulo m², packs.
    pub(crate) fn add(&self, x: &mut [u64], y: &[u64]) {
        dispatch!(self, add(self, x, y));
    }

    /// In each lane the pack of `table` that its index names; reads the whole table.
    pub(crate) fn select(&self, out: &mut [u64], table: &[u64], indices: &[u64; 8]) {
        dispatch!(self, select(out, table, indices));
    }

    /// In each lane the entry of `entries` that its index names; reads them all.
    pub(crate) fn scan(&self, out: &mut [u64], entries: &[u64], indices: &[u64; 8]) {
        dispatch!(self, scan(out, entries, indices));
    }

    /// In each lane the entry of `entries` that its index names; reads those only.
    pub(crate) fn gather_vartime(&self, out: &mut [u64], entries: &[u64], indices: &[usize; 8]) {
        dispatch!(self, gather_vartime(out, entries, indices));
    }

    /// Asks for rows that will be read soon.
    pub(crate) fn prefetch(&self, rows: &[&[u64]]) {
        dispatch!(self, prefetch(rows));
    }
}
