//! Batches of plain non-negative integers: exponents, plaintexts, digits.

use num_bigint::BigUint;
use rand::CryptoRng;
use zeroize::Zeroize;

/// Non-negative integers below a common power of two, one per element of a [`Batch`](crate::Batch).
///
/// Item `i` occupies [`Naturals::words_per_item`] little-endian 64-bit words. The bound on the bits is
/// public: it fixes the running time of an exponentiation. The values are erased on drop, and
/// `Debug` prints sizes only.
#[derive(Clone, PartialEq, Eq)]
pub struct Naturals {
    bits: usize,
    len: usize,
    words: Vec<u64>,
}

impl Naturals {
    /// Yields `len` zeros that may grow up to `2^bits − 1`.
    pub fn zero(len: usize, bits: usize) -> Self {
        Self {
            bits,
            len,
            words: vec![0; len * Self::words_for(bits)],
        }
    }

    /// Yields the given integers.
    ///
    /// # Panics
    ///
    /// If one of them does not fit `bits` bits.
    pub fn from_biguints(values: &[BigUint], bits: usize) -> Self {
        let mut out = Self::zero(values.len(), bits);
        for (i, value) in values.iter().enumerate() {
            assert!(
                usize::try_from(value.bits()).is_ok_and(|b| b <= bits),
                "integer exceeds {bits} bits"
            );
            for (word, digit) in out.item_mut(i).iter_mut().zip(value.iter_u64_digits()) {
                *word = digit;
            }
        }
        out
    }

    /// Yields the given integers.
    ///
    /// # Panics
    ///
    /// If one of them does not fit `bits` bits.
    pub fn from_u128s(values: &[u128], bits: usize) -> Self {
        let mut out = Self::zero(values.len(), bits);
        for (i, &value) in values.iter().enumerate() {
            assert!(
                bits >= 128 || value >> bits == 0,
                "integer exceeds {bits} bits"
            );
            for (word, part) in out.item_mut(i).iter_mut().zip(split(value)) {
                *word = part;
            }
        }
        out
    }

    /// Draws `len` integers uniformly below `2^bits`.
    ///
    /// Item by item, each `ceil(bits/8)` bytes of the generator, little endian, surplus top bits
    /// dropped: the same generator state yields the same integers on every platform.
    pub fn random(len: usize, bits: usize, rng: &mut impl CryptoRng) -> Self {
        let mut out = Self::zero(len, bits);
        let mut bytes = vec![0u8; bits.div_ceil(8)];
        for i in 0..len {
            rng.fill_bytes(&mut bytes);
            if let Some(top) = bytes.last_mut().filter(|_| !bits.is_multiple_of(8)) {
                *top &= (1 << (bits & 7)) - 1;
            }
            for (word, chunk) in out.item_mut(i).iter_mut().zip(bytes.chunks(8)) {
                let mut le = [0; 8];
                le[..chunk.len()].copy_from_slice(chunk);
                *word = u64::from_le_bytes(le);
            }
        }
        bytes.zeroize();
        out
    }

    /// Draws `len` integers uniformly below `bound`, each as [`Naturals::random`] does, again until it fits.
    ///
    /// # Panics
    ///
    /// If `bound` is zero.
    pub fn random_below(len: usize, bound: &BigUint, rng: &mut impl CryptoRng) -> Self {
        assert!(*bound != BigUint::ZERO, "something lies below the bound");
        let bits = usize::try_from(bound.bits()).expect("an integer in memory");
        let mut out = Self::zero(len, bits);
        for i in 0..len {
            let drawn = loop {
                let drawn = Self::random(1, bits, rng);
                if drawn.is_below(0, bound) {
                    break drawn;
                }
            };
            out.item_mut(i).copy_from_slice(drawn.item(0));
        }
        out
    }

    /// How many integers there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every item is below `2^bits`.
    pub fn bits(&self) -> usize {
        self.bits
    }

    /// 64-bit words per item, `ceil(bits/64)`.
    pub fn words_per_item(&self) -> usize {
        Self::words_for(self.bits)
    }

    /// The words of item `index`, least significant first.
    ///
    /// # Panics
    ///
    /// If there is no such item.
    pub fn item(&self, index: usize) -> &[u64] {
        let words = self.words_per_item();
        &self.words[index * words..(index + 1) * words]
    }

    /// The words of item `index` for writing. The caller keeps the item below `2^bits`.
    ///
    /// # Panics
    ///
    /// If there is no such item.
    pub fn item_mut(&mut self, index: usize) -> &mut [u64] {
        let words = self.words_per_item();
        &mut self.words[index * words..(index + 1) * words]
    }

    /// Item `index` as a big integer (not erased on drop).
    pub fn to_biguint(&self, index: usize) -> BigUint {
        self.item(index)
            .iter()
            .rev()
            .fold(BigUint::ZERO, |acc, &word| (acc << 64u32) + word)
    }

    /// Whether item `index` is below `bound`; time depends on lengths only.
    ///
    /// # Panics
    ///
    /// If there is no such item.
    pub fn is_below(&self, index: usize, bound: &BigUint) -> bool {
        let mut digits = bound.iter_u64_digits();
        let borrows = self.item(index).iter().fold(false, |borrow, &word| {
            let (rest, under) = word.overflowing_sub(digits.next().unwrap_or(0));
            let (_, again) = rest.overflowing_sub(u64::from(borrow));
            under | again
        });
        borrows | digits.any(|digit| digit != 0)
    }

    /// The low 128 bits of item `index`.
    pub fn to_u128(&self, index: usize) -> u128 {
        let item = self.item(index);
        let word = |i: usize| u128::from(item.get(i).copied().unwrap_or(0));
        word(0) | word(1) << 64
    }

    /// Cuts `width ≤ 64` bits of item `index` from bit `from` upwards; bits above the item are zero.
    ///
    /// Time and addresses depend on `from` and `width` only.
    pub fn window(&self, index: usize, from: usize, width: usize) -> u64 {
        let item = self.item(index);
        let (word, shift) = (from >> 6, from & 63);
        let mut value = item.get(word).copied().unwrap_or(0) >> shift;
        if shift + width > 64 {
            value |= item.get(word + 1).copied().unwrap_or(0) << (64 - shift);
        }
        if width < 64 {
            value & ((1 << width) - 1)
        } else {
            value
        }
    }

    /// [`Naturals::window`] of as many items from `first` on as there are lanes; zero where there is none.
    pub(crate) fn lane_windows(
        &self,
        first: usize,
        lanes: usize,
        from: usize,
        width: usize,
    ) -> [u64; 8] {
        std::array::from_fn(|lane| {
            let index = first + lane;
            if lane < lanes && index < self.len {
                self.window(index, from, width)
            } else {
                0
            }
        })
    }

    /// Yields the items at `range`, in order.
    ///
    /// # Panics
    ///
    /// If the range reaches beyond the last item.
    #[must_use]
    pub fn slice(&self, range: std::ops::Range<usize>) -> Self {
        let words = self.words_per_item();
        let (start, end) = (range.start, range.end);
        Self {
            bits: self.bits,
            len: end - start,
            words: self.words[start * words..end * words].to_vec(),
        }
    }

    /// Yields the items at `indices`, in that order.
    ///
    /// # Panics
    ///
    /// If there is no such item.
    #[must_use]
    pub fn select(&self, indices: &[usize]) -> Self {
        let mut out = Self::zero(indices.len(), self.bits);
        for (i, &index) in indices.iter().enumerate() {
            out.item_mut(i).copy_from_slice(self.item(index));
        }
        out
    }

    /// Drops whatever reaches above `bits`: every item is reduced modulo `2^bits`, and the bound becomes `bits`.
    #[must_use]
    pub fn truncated(&self, bits: usize) -> Self {
        let mut out = Self::zero(self.len, bits);
        for i in 0..self.len {
            for (j, word) in out.item_mut(i).iter_mut().enumerate() {
                *word = self.window(i, 64 * j, (bits - 64 * j).min(64));
            }
        }
        out
    }

    fn words_for(bits: usize) -> usize {
        bits.div_ceil(64)
    }
}

impl Drop for Naturals {
    fn drop(&mut self) {
        self.words.zeroize();
    }
}

impl std::fmt::Debug for Naturals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Naturals")
            .field("len", &self.len)
            .field("bits", &self.bits)
            .finish_non_exhaustive()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the halves of the word are what is wanted"
)]
fn split(value: u128) -> [u64; 2] {
    [value as u64, (value >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    #[test]
    fn windows_cross_word_boundaries() {
        let value = (BigUint::from(0b1011u8) << 62u32) + 5u8;
        let item = Naturals::from_biguints(std::slice::from_ref(&value), 70);
        assert_eq!(item.window(0, 62, 4), 0b1011);
        assert_eq!(item.window(0, 0, 3), 5);
        assert_eq!(item.window(0, 64, 8), 0b10);
        assert_eq!(item.window(0, 128, 8), 0);
        assert_eq!(item.to_biguint(0), value);
    }

    #[test]
    fn random_items_stay_below_the_bound_and_reach_its_top_bit() {
        let items = Naturals::random(64, 89, &mut ChaCha20Rng::from_seed([7; 32]));
        assert!((0..64).all(|i| items.to_u128(i) >> 89 == 0));
        assert!((0..64).any(|i| items.to_u128(i) >> 88 == 1));
    }

    #[test]
    fn items_compare_as_integers_do() {
        let mut rng = ChaCha20Rng::from_seed([8; 32]);
        let bounds = [0u32, 64, 69, 70, 130].map(|bit| BigUint::from(5u8) << bit);
        let drawn = Naturals::random(60, 72, &mut rng);
        for bound in &bounds {
            for i in 0..drawn.len() {
                assert_eq!(drawn.is_below(i, bound), drawn.to_biguint(i) < *bound);
            }
            let bits = usize::try_from(bound.bits()).unwrap();
            let edges = [bound - 1u8, bound.clone(), bound + 1u8];
            let edges = Naturals::from_biguints(&edges, bits + 1);
            assert_eq!(
                [0, 1, 2].map(|i| edges.is_below(i, bound)),
                [true, false, false]
            );
        }
        let bound = BigUint::from(5u8);
        let below = Naturals::random_below(400, &bound, &mut rng);
        for value in 0..5 {
            let count = (0..400).filter(|&i| below.to_u128(i) == value).count();
            assert!(count.abs_diff(80) < 45, "{value}: {count}");
        }
    }

    #[test]
    fn truncation_reduces_modulo_a_power_of_two() {
        let items = Naturals::from_u128s(&[(1 << 100) + 77, 3], 128);
        let low = items.truncated(64);
        assert_eq!(
            (low.to_u128(0), low.to_u128(1), low.words_per_item()),
            (77, 3, 1)
        );
        assert_eq!(items.truncated(5).to_u128(0), 77 - 64);
    }

    #[test]
    fn items_are_selected_in_the_order_asked_for() {
        let items = Naturals::from_u128s(&[1 << 70, 2, 3], 80);
        let chosen = items.select(&[2, 0, 2]);
        assert_eq!([0, 1, 2].map(|i| chosen.to_u128(i)), [3, 1 << 70, 3]);
        assert_eq!(chosen.bits(), 80);
    }

    #[test]
    #[should_panic(expected = "exceeds 8 bits")]
    fn an_integer_above_the_bound_is_refused() {
        drop(Naturals::from_u128s(&[256], 8));
    }

    #[test]
    fn debug_prints_no_value() {
        assert_eq!(
            format!("{:?}", Naturals::from_u128s(&[123_456], 64)),
            "Naturals { len: 1, bits: 64, .. }"
        );
    }
}
