//! Many elements, one after the other in memory.

use rayon::prelude::*;

use crate::batch::Batch;
use crate::ring::SquareRing;
use crate::words::Words;

/// A large store of elements of one ring, from which any may be gathered into a [`Batch`].
///
/// An element lies in one piece of [`SquareRing::element_bytes`] bytes, so that a random access touches
/// few cache lines. Reading takes `&self`: many threads gather at once.
#[derive(Clone)]
pub struct Elements {
    ring: SquareRing,
    words: Words,
    len: usize,
}

impl Elements {
    /// Yields an empty store with memory for `capacity` elements.
    pub fn with_capacity(ring: &SquareRing, capacity: usize) -> Self {
        let mut words = Words::default();
        words.reserve_exact(capacity * ring.m().entry());
        Self {
            ring: ring.clone(),
            words,
            len: 0,
        }
    }

    /// Appends the elements of `batch`.
    pub fn extend(&mut self, batch: &Batch) {
        let start = self.len;
        self.len += batch.len();
        self.words.resize(self.len * self.entry());
        for i in 0..batch.len() {
            self.set(start + i, batch, i);
        }
    }

    /// Makes room for `additional` elements at once, so that appending them moves nothing.
    pub fn reserve(&mut self, additional: usize) {
        self.words.reserve_exact(additional * self.entry());
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of memory the elements take.
    pub fn bytes(&self) -> usize {
        self.words.len() * 8
    }

    /// Yields the elements at `indices`, in that order. Not constant-time: the addresses read are the indices.
    ///
    /// # Panics
    ///
    /// If there is no such element.
    pub fn gather_vartime(&self, indices: &[usize]) -> Batch {
        let m = self.ring.m();
        let mut out = Batch::zeroed(m, indices.len());
        let mut groups = indices
            .chunks(m.lanes)
            .map(|group| self.lanes_of(group))
            .peekable();
        for pack in out.packs_mut() {
            let group = groups.next().expect("one group of indices per pack");
            if let Some(next) = groups.peek() {
                let size = m.entry();
                m.prefetch(&next.map(|index| &self.words[index * size..][..size]));
            }
            m.gather_vartime(pack, &self.words, &group);
        }
        out
    }

    /// Yields, for each of ascending `times`, the elements at `indices` squared that many times: x^(2^times).
    /// Works on all threads of the current rayon pool. The addresses read are the indices.
    ///
    /// # Panics
    ///
    /// If there is no such element, or if `times` descend.
    pub fn squared_vartime(&self, indices: &[usize], times: &[usize]) -> Vec<Self> {
        let powers = |indices: &[usize]| -> Vec<Batch> {
            let mut batch = self.gather_vartime(indices);
            let mut done = 0;
            let power = |&wanted: &usize| {
                assert!(wanted >= done, "numbers of squarings ascend");
                self.ring.square_times_assign(&mut batch, wanted - done);
                done = wanted;
                batch.clone()
            };
            times.iter().map(power).collect()
        };
        // A few packs each: enough work for a thread, and enough pieces for all threads.
        let pieces: Vec<Vec<Batch>> = indices.par_chunks(32).map(powers).collect();
        let mut out = vec![Self::with_capacity(&self.ring, indices.len()); times.len()];
        for piece in &pieces {
            for (store, batch) in out.iter_mut().zip(piece) {
                store.extend(batch);
            }
        }
        out
    }

    /// Words of one element.
    fn entry(&self) -> usize {
        self.ring.m().entry()
    }

    fn set(&mut self, at: usize, batch: &Batch, index: usize) {
        let entry = self.entry();
        self.ring
            .m()
            .put_entry(&mut self.words[at * entry..][..entry], batch.limbs(index));
    }

    /// Idle lanes repeat the first index.
    fn lanes_of(&self, group: &[usize]) -> [usize; 8] {
        std::array::from_fn(|lane| {
            let index = group.get(lane).copied().unwrap_or(group[0]);
            assert!(index < self.len, "element {index} of {}", self.len);
            index
        })
    }
}

impl std::fmt::Debug for Elements {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Elements")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}
