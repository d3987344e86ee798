//! Products of powers of shared bases, for many columns at once.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use crate::batch::Batch;
use crate::error::Error;
use crate::filling::Filling;
use crate::modulus::{Modulus, Scratch};
use crate::ring::SquareRing;
use crate::words::Words;

impl SquareRing {
    /// Yields for every column j below `columns` the product of all `bases[i]` to the power `rows[i][j]`. What a row
    /// lacks beyond its end counts as zero, and costs nothing.
    ///
    /// Works on all threads of the current rayon pool; each holds the running products, `columns` times
    /// ceil(`bits`/window) elements and a half, and the tables of as many bases as there are lanes. Time depends on
    /// the lengths of the rows, on `columns` and `bits`; which entries of the tables are read
    /// depends on the exponents.
    ///
    /// # Errors
    ///
    /// [`Error::NotUnit`] if a base has no inverse.
    ///
    /// # Panics
    ///
    /// If there is not one row for each base, a row is longer than `columns`, `bits` is above 64, or an exponent is
    /// not below `2^bits`.
    ///
    /// # Source
    ///
    /// E. G. Straus, *Addition chains of vectors*, American Mathematical Monthly 71 (1964), with a chain for each
    /// window: its squarings are paid once per column, and no table is read after its rows. An entry is
    /// that of a [`FixedBase`](crate::FixedBase): a product of 8 units, and a sum.
    pub fn products_vartime<R: AsRef<[u64]> + Sync>(
        &self,
        bases: &Batch,
        rows: &[R],
        columns: usize,
        bits: usize,
    ) -> Result<Batch, Error> {
        assert_eq!(bases.len(), rows.len(), "one row for each base");
        assert!(bits <= 64, "exponents of a word");
        for row in rows.iter().map(AsRef::as_ref) {
            assert!(row.len() <= columns, "a row ends at the last column");
            assert!(
                bits == 64 || row.iter().all(|exponent| exponent >> bits == 0),
                "an exponent exceeds {bits} bits"
            );
        }
        let inverses = self.invert_vartime(bases)?;
        let window = choose_window(rows, bits);
        // Whoever is ready takes the next bases: a thread that is held up elsewhere holds up nobody.
        let next = AtomicUsize::new(0);
        let parts: Vec<Option<Batch>> = (0..rayon::current_num_threads())
            .into_par_iter()
            .map(|_| {
                let mut products: Option<Products<'_>> = None;
                loop {
                    let block = next.fetch_add(1, Ordering::Relaxed);
                    if block >= bases.pack_count() {
                        break products.map(Products::finish);
                    }
                    let first = block * self.m().lanes;
                    let rows = &rows[first..first + bases.lanes_used(block)];
                    products
                        .get_or_insert_with(|| Products::new(self, columns, bits, window))
                        .multiply_vartime([bases, &inverses].map(|of| of.pack(block)), rows);
                }
            })
            .collect();
        let multiply = |mut product: Batch, part: Batch| {
            self.mul_assign(&mut product, &part);
            product
        };
        let product = parts.into_iter().flatten().reduce(multiply);
        Ok(product.unwrap_or_else(|| self.one(columns)))
    }
}

/// The width that costs least: an entry costs 12 units and a use 8. Twice the memory for less than a twentieth
/// of the time is not worth it.
fn choose_window<R: AsRef<[u64]>>(rows: &[R], bits: usize) -> usize {
    let uses: usize = rows.iter().map(|row| row.as_ref().len()).sum();
    let cost = |w: usize| 12 * (rows.len() << w) + 8 * uses * bits.div_ceil(w);
    let least = (1..=10).map(cost).min().unwrap_or(0);
    (1..=10).find(|&w| 20 * cost(w) <= 21 * least).unwrap_or(1)
}

/// The running products of the columns, one for each window of the exponents.
struct Products<'a> {
    ring: &'a SquareRing,
    columns: usize,
    window: usize,
    windows: usize,
    /// For every pack of columns and each window: a pack, and the sum of the logarithms that it lacks.
    running: Words,
    /// How many logarithms a sum holds.
    terms: usize,
    /// Of as many bases as there are lanes.
    tables: Words,
    factor: Words,
    scratch: Scratch,
}

impl<'a> Products<'a> {
    fn new(ring: &'a SquareRing, columns: usize, bits: usize, window: usize) -> Self {
        let m = ring.m();
        let (windows, part) = (bits.div_ceil(window), m.pack() + m.digit());
        let one = ring.one(m.lanes);
        let mut running = Words::zeroed(columns.div_ceil(m.lanes) * windows * part);
        for part in running.chunks_exact_mut(part) {
            part[..m.pack()].copy_from_slice(one.pack(0));
        }
        Self {
            ring,
            columns,
            window,
            windows,
            running,
            terms: 0,
            tables: Words::zeroed((m.lanes * m.entry()) << window),
            factor: Words::zeroed(m.pack()),
            scratch: Scratch::new(m),
        }
    }

    /// Multiplies in the powers of a pack of bases, of which the inverses are given too.
    fn multiply_vartime<R: AsRef<[u64]>>(&mut self, [bases, inverses]: [&[u64]; 2], rows: &[R]) {
        let m = self.ring.m();
        let size = m.entry() << self.window;
        Filling::new(self.ring, bases, inverses).fill(&mut self.tables[..size * rows.len()], size);
        if self.terms + rows.len() > Modulus::MOST_TERMS {
            self.settle();
        }
        self.terms += rows.len();
        let mask = (1u64 << self.window) - 1;
        let part = m.pack() + m.digit();
        // Of one pack of columns all, while it is near.
        for (i, running) in self
            .running
            .chunks_exact_mut((self.windows * part).max(1))
            .enumerate()
        {
            for (table, row) in self.tables.chunks_exact(size).zip(rows) {
                let Some(exponents) = row.as_ref().get(i * m.lanes..).filter(|e| !e.is_empty())
                else {
                    continue;
                };
                for (w, running) in running.chunks_exact_mut(part).enumerate() {
                    let digits = std::array::from_fn(|lane| {
                        let exponent = exponents.get(lane).copied().unwrap_or(0);
                        to_index((exponent >> (w * self.window)) & mask)
                    });
                    m.gather_vartime(&mut self.factor, table, &digits);
                    let (t, s) = self.factor.split_at(m.digit());
                    let (x, sum) = running.split_at_mut(m.pack());
                    m.accumulate(sum, s);
                    m.mul_low(x, t, &mut self.scratch, &[]);
                }
            }
        }
    }

    /// Puts the sums of logarithms into digit 1.
    fn settle(&mut self) {
        let m = self.ring.m();
        for part in self.running.chunks_exact_mut(m.pack() + m.digit()) {
            let (x, sum) = part.split_at_mut(m.pack());
            let (x0, x1) = x.split_at_mut(m.digit());
            m.settle(sum, &mut self.scratch);
            m.mul_digit(sum, x0, &mut self.scratch);
            m.add_digit(x1, sum);
            sum.fill(0);
        }
        self.terms = 0;
    }

    fn finish(mut self) -> Batch {
        self.settle();
        let m = self.ring.m();
        let part = m.pack() + m.digit();
        let mut out = self.ring.one(self.columns);
        for (pack, running) in out
            .packs_mut()
            .zip(self.running.chunks_exact((self.windows * part).max(1)))
        {
            for (i, x) in running.chunks_exact(part).rev().enumerate() {
                if i > 0 {
                    for _ in 0..self.window {
                        m.square(pack, &mut self.scratch);
                    }
                }
                m.mul(pack, &x[..m.pack()], &mut self.scratch);
            }
        }
        out
    }
}

fn to_index(digit: u64) -> usize {
    usize::try_from(digit).expect("a digit has at most 10 bits")
}

#[cfg(test)]
mod tests {
    use super::choose_window;

    #[test]
    fn windows_widen_with_the_columns() {
        let width = |columns: usize, bits| choose_window(&[vec![0; columns]], bits);
        assert_eq!(
            [1, 30, 1313, 4000].map(|columns| width(columns, 48)),
            [3, 5, 8, 10]
        );
        assert_eq!(width(1000, 1), 1);
    }
}
