//! Weighted sums of what ciphertexts encrypt: many sums of the same ciphertexts at once.

use blindjoin_bigint::{Batch, Naturals};

use crate::ciphertexts::Ciphertexts;
use crate::error::Error;
use crate::public::PublicKey;

impl PublicKey {
    /// Yields for every column c an encryption of Σ mᵢ·`rows[i][c]`, where mᵢ is what `ciphertexts[i]` encrypts: the
    /// product of all `ciphertexts[i]` to the power `rows[i][c]`. Weights are below `2^bits`; what a row lacks beyond
    /// its end weighs `beyond[c]`, and there are as many columns as items of `beyond`.
    ///
    /// If one ciphertext encrypts 1 and the others 0, the sums are the row of the grid that it belongs to, chosen
    /// without the chooser's secret. The places beyond a row's end cost next to nothing: of each column the ciphertexts
    /// of the rows that lack it are multiplied, rows sorted by length, and their product is raised once.
    ///
    /// Works on all threads of the current rayon pool. Time depends on the lengths of the rows, and on `bits` and the
    /// bound of `beyond`; addresses depend on **the weights in the rows**, but not on `beyond`. A
    /// sum is a function of the ciphertexts and the weights: whoever made the ciphertexts can try weights, until
    /// noise is added ([`PublicKey::multiply_plain_afresh`]).
    ///
    /// # Errors
    ///
    /// [`Error::CiphertextSharesFactor`], of ciphertexts that no decoding has checked.
    ///
    /// # Panics
    ///
    /// If there is not one row for each ciphertext, a row has more columns than `beyond`, `bits` is above 64, or a weight
    /// is not below `2^bits`.
    pub fn weighted_sums_vartime<R: AsRef<[u64]> + Sync>(
        &self,
        ciphertexts: &Ciphertexts,
        rows: &[R],
        bits: usize,
        beyond: &Naturals,
    ) -> Result<Ciphertexts, Error> {
        let ring = self.ring();
        let mut sums = ring
            .products_vartime(&ciphertexts.0, rows, beyond.len(), bits)
            .map_err(|_| Error::CiphertextSharesFactor)?;
        if !beyond.is_empty() {
            let mut lacking = self.products_of_lacking(&ciphertexts.0, rows, beyond.len());
            ring.pow_assign(&mut lacking, beyond);
            ring.mul_assign(&mut sums, &lacking);
        }
        Ok(Ciphertexts(sums))
    }

    /// For every column the product of the ciphertexts whose rows have ended by then.
    fn products_of_lacking<R: AsRef<[u64]>>(
        &self,
        ciphertexts: &Batch,
        rows: &[R],
        columns: usize,
    ) -> Batch {
        let ring = self.ring();
        let mut ending = vec![Vec::new(); columns + 1];
        for (i, row) in rows.iter().enumerate() {
            ending[row.as_ref().len()].push(i);
        }
        let mut running = ring.one(1);
        let products: Vec<Batch> = ending[..columns]
            .iter()
            .map(|rows| {
                if !rows.is_empty() {
                    ring.mul_assign(&mut running, &ring.product(&ciphertexts.select(rows)));
                }
                running.clone()
            })
            .collect();
        Batch::concat(&products.iter().collect::<Vec<_>>())
    }
}
