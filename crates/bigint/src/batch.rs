//! Elements packed for the backend.

use crate::modulus::Modulus;
use crate::words::Words;

/// Ring elements in order, packed for the lanes of the ring's backend.
///
/// Any length is allowed. The last pack may be partly idle: a batch costs as many packs as its length
/// fills, [`Backend::lanes`](crate::Backend::lanes) elements each.
#[derive(Clone)]
pub struct Batch {
    words: Words,
    len: usize,
    lanes: usize,
    /// Words of a pack.
    size: usize,
}

impl Batch {
    pub(crate) fn zeroed(m: &Modulus, len: usize) -> Self {
        let (lanes, size) = (m.lanes, m.pack());
        Self {
            words: Words::zeroed(len.div_ceil(lanes) * size),
            len,
            lanes,
            size,
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Yields the elements at `indices`, in that order; an index may occur more than once.
    ///
    /// Not constant-time in the indices.
    ///
    /// # Panics
    ///
    /// If there is no such element.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let (lanes, size) = (self.lanes, self.size);
        let words = Words::zeroed(indices.len().div_ceil(lanes) * size);
        let mut out = Self {
            words,
            len: indices.len(),
            lanes,
            size,
        };
        for (i, &index) in indices.iter().enumerate() {
            assert!(index < self.len, "element {index} of {}", self.len);
            self.copy_lane(index, &mut out, i);
        }
        out
    }

    /// Yields the elements of `parts` one after the other.
    ///
    /// # Panics
    ///
    /// If there are no parts, or they belong to rings of different shape.
    #[must_use]
    pub fn concat(parts: &[&Self]) -> Self {
        let first = parts.first().expect("at least one part");
        let (lanes, size) = (first.lanes, first.size);
        let len = parts.iter().map(|part| part.len).sum::<usize>();
        let mut out = Self {
            words: Words::zeroed(len.div_ceil(lanes) * size),
            len,
            lanes,
            size,
        };
        let mut at = 0usize;
        for part in parts {
            assert_eq!((part.lanes, part.size), (lanes, size), "parts of one ring");
            if at.is_multiple_of(lanes) {
                out.words[place(at, lanes).0 * size..][..part.words.len()]
                    .copy_from_slice(&part.words);
            } else {
                for i in 0..part.len {
                    part.copy_lane(i, &mut out, at + i);
                }
            }
            at += part.len;
        }
        out
    }

    /// Yields the elements at `range`, in order.
    ///
    /// # Panics
    ///
    /// If the range reaches beyond the last element.
    #[must_use]
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        self.select(&range.collect::<Vec<_>>())
    }

    pub(crate) fn pack_count(&self) -> usize {
        self.len.div_ceil(self.lanes)
    }

    pub(crate) fn packs(&self) -> impl Iterator<Item = &[u64]> {
        self.words.chunks_exact(self.size)
    }

    pub(crate) fn packs_mut(&mut self) -> impl Iterator<Item = &mut [u64]> {
        self.words.chunks_exact_mut(self.size)
    }

    pub(crate) fn pack(&self, index: usize) -> &[u64] {
        &self.words[index * self.size..][..self.size]
    }

    pub(crate) fn pack_mut(&mut self, index: usize) -> &mut [u64] {
        &mut self.words[index * self.size..][..self.size]
    }

    pub(crate) fn clone_pack(&self, index: usize) -> Words {
        let mut out = Words::zeroed(self.size);
        out.copy_from_slice(self.pack(index));
        out
    }

    /// Lanes of pack `index` that hold an element.
    pub(crate) fn lanes_used(&self, index: usize) -> usize {
        (self.len - index * self.lanes).min(self.lanes)
    }

    /// Limbs of element `index`, least significant first, digit 0 before digit 1.
    pub(crate) fn limbs(&self, index: usize) -> impl Iterator<Item = u64> {
        let (pack, lane) = place(index, self.lanes);
        self.pack(pack)[lane..].iter().step_by(self.lanes).copied()
    }

    fn copy_lane(&self, from: usize, out: &mut Self, to: usize) {
        let lanes = out.lanes;
        let (pack, lane) = place(to, lanes);
        let limbs = out.pack_mut(pack)[lane..].iter_mut().step_by(lanes);
        for (limb, value) in limbs.zip(self.limbs(from)) {
            *limb = value;
        }
    }
}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

/// Pack and lane of an element; lanes are a power of two.
fn place(index: usize, lanes: usize) -> (usize, usize) {
    (index >> lanes.trailing_zeros(), index & (lanes - 1))
}
