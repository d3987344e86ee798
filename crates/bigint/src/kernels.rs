//! The one place where an operation meets its backend.

use crate::backend::Backend;
use crate::modulus::{Modulus, Scratch};

#[cfg(test)]
mod edges;
#[cfg(target_arch = "x86_64")]
mod ifma;
mod portable;

impl Modulus {
    /// x ← x·y/R modulo m², packs.
    pub(crate) fn mul(&self, x: &mut [u64], y: &[u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::mul(self, x, y, s),
            _ => portable::mul(self, x, y, s),
        }
    }

    /// x ← x²/R modulo m², packs.
    pub(crate) fn square(&self, x: &mut [u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::square(self, x, s),
            _ => portable::square(self, x, s),
        }
    }

    /// x ← x·y/R modulo m, digits; the quotient q with x·y = (x·y/R)·R − q·m is left in `s.quotient`.
    pub(crate) fn mul_digit(&self, x: &mut [u64], y: &[u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::mul_digit(self, x, y, s),
            _ => portable::mul_digit(self, x, y, s),
        }
    }

    /// x ← x·y/R modulo m², a pack times a digit: y₁ is zero. The rows `ahead` are those that will be read
    /// next: memory may begin to deliver them.
    pub(crate) fn mul_low(&self, x: &mut [u64], y: &[u64], s: &mut Scratch, ahead: &[&[u64]]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::mul_low(self, x, y, s, ahead),
            _ => portable::mul_low(self, x, y, s),
        }
    }

    /// sum ← sum + x modulo m, digits. The sum begins at zero, takes up to [`Modulus::MOST_TERMS`] digits, and
    /// is in a form of the backend's own until [`Modulus::settle`].
    pub(crate) fn accumulate(&self, sum: &mut [u64], x: &[u64]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::accumulate(sum, x),
            _ => portable::add_digit(self, sum, x),
        }
    }

    /// sum ← sum/R modulo m, a digit from what [`Modulus::accumulate`] added up.
    pub(crate) fn settle(&self, sum: &mut [u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::settle(self, sum, s),
            _ => portable::settle(self, sum, s),
        }
    }

    /// The pack of T/R modulo m² from the integer T < m·R in `s.low`.
    pub(crate) fn split(&self, out: &mut [u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::split(self, out, s),
            _ => portable::split(self, out, s),
        }
    }

    /// x ← x/R modulo m², with both digits below m.
    pub(crate) fn canonical(&self, x: &mut [u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::canonical(self, x, s),
            _ => portable::canonical(self, x, s),
        }
    }

    /// The integer x₀ + x₁·m of a canonical pack, in `s.low`.
    pub(crate) fn join(&self, x: &[u64], s: &mut Scratch) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::join(self, x, s),
            _ => portable::join(self, x, s),
        }
    }

    /// x ← x + y modulo m, digits.
    pub(crate) fn add_digit(&self, x: &mut [u64], y: &[u64]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::add_digit(self, x, y),
            _ => portable::add_digit(self, x, y),
        }
    }

    /// x ← x + y modulo m², packs.
    pub(crate) fn add(&self, x: &mut [u64], y: &[u64]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::add(self, x, y),
            _ => portable::add(self, x, y),
        }
    }

    /// In each lane the pack of `table` that its index names; reads the whole table.
    pub(crate) fn select(&self, out: &mut [u64], table: &[u64], indices: &[u64; 8]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::select(out, table, indices),
            _ => portable::select(out, table, indices[0]),
        }
    }

    /// In each lane the entry (2·limbs words) of `entries` that its index names; reads them all.
    pub(crate) fn scan(&self, out: &mut [u64], entries: &[u64], indices: &[u64; 8]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::scan(out, entries, indices),
            _ => portable::select(out, entries, indices[0]),
        }
    }

    /// In each lane the entry (2·limbs words) of `entries` that its index names; reads those only.
    pub(crate) fn gather_vartime(&self, out: &mut [u64], entries: &[u64], indices: &[usize; 8]) {
        match self.backend {
            #[cfg(target_arch = "x86_64")]
            Backend::Ifma => ifma::gather_vartime(out, entries, indices),
            _ => portable::gather_vartime(out, entries, indices[0]),
        }
    }

    /// Asks for rows that will be read soon.
    pub(crate) fn prefetch(&self, rows: &[&[u64]]) {
        // One number at a time is read in one piece, which processors foresee.
        #[cfg(target_arch = "x86_64")]
        if self.backend == Backend::Ifma {
            ifma::prefetch(rows);
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = rows;
    }
}
