//! Inverses of many elements at once.

use super::SquareRing;
use crate::batch::Batch;
use crate::error::Error;
use crate::modulus::Scratch;

impl SquareRing {
    /// Yields the inverses 1/`x[i]` modulo m²: three products each, and one inversion for the whole batch.
    ///
    /// # Errors
    ///
    /// [`Error::NotUnit`] if there is one without an inverse.
    pub fn invert_vartime(&self, x: &Batch) -> Result<Batch, Error> {
        let m = self.m();
        let mut scratch = Scratch::new(m);
        let mut out = Batch::zeroed(m, x.len());
        let filled = |i: usize| {
            let mut pack = x.clone_pack(i);
            self.fill_idle_lanes(&mut pack, x.lanes_used(i));
            pack
        };
        // Lane by lane, what stands before a pack goes into its place.
        let mut running = self.one(m.lanes);
        for i in 0..x.pack_count() {
            out.pack_mut(i).copy_from_slice(running.pack(0));
            m.mul(running.pack_mut(0), &filled(i), &mut scratch);
        }
        let square = self.modulus() * self.modulus();
        let lanes: Option<Vec<_>> = self
            .to_integers(&running)
            .iter()
            .map(|product| product.modinv(&square))
            .collect();
        running = self.from_integers(&lanes.ok_or(Error::NotUnit)?);
        for i in (0..x.pack_count()).rev() {
            m.mul(out.pack_mut(i), running.pack(0), &mut scratch);
            m.mul(running.pack_mut(0), &filled(i), &mut scratch);
        }
        Ok(out)
    }
}
