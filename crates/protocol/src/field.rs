//! Arithmetic modulo the Mersenne primes of the suites, and small fixed-width integers.
//!
//! Moduli are public; values may be secret. Nothing branches on a value but the final subtraction
//! of [`reduce`] and the row operations of the key-value store, which run where they are known.

/// Integers modulo `2^bits - 1`, as `u128` below the modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mersenne {
    bits: u32,
}

impl Mersenne {
    pub(crate) fn new(bits: u32) -> Self {
        assert!((32..127).contains(&bits), "room for one carry in 128 bits");
        Self { bits }
    }

    pub(crate) fn modulus(self) -> u128 {
        (1 << self.bits) - 1
    }

    pub(crate) fn add(self, a: u128, b: u128) -> u128 {
        let sum = a + b;
        if sum >= self.modulus() {
            sum - self.modulus()
        } else {
            sum
        }
    }

    pub(crate) fn sub(self, a: u128, b: u128) -> u128 {
        self.add(a, self.modulus() - b)
    }

    pub(crate) fn mul(self, a: u128, b: u128) -> u128 {
        let mut product = [0; 5];
        add_product(&mut product, a, b);
        self.reduce_words(&product)
    }

    /// The inverse of a non-zero value, by Fermat.
    pub(crate) fn invert(self, a: u128) -> u128 {
        let exponent = self.modulus() - 2;
        (0..self.bits).rev().fold(1, |acc, bit| {
            let square = self.mul(acc, acc);
            if exponent >> bit & 1 == 1 {
                self.mul(square, a)
            } else {
                square
            }
        })
    }

    /// Reduces a little-endian number by folding it in pieces of `bits` bits.
    pub(crate) fn reduce_words(self, words: &[u64]) -> u128 {
        let mut sum = 0;
        let mut from = 0;
        while from < 64 * words.len() {
            sum = self.add(sum, self.canonical(window(words, from, self.bits)));
            from += self.bits as usize;
        }
        sum
    }

    fn canonical(self, value: u128) -> u128 {
        if value == self.modulus() { 0 } else { value }
    }
}

/// Bits `from..from + width` of a little-endian number, `width < 128`.
fn window(words: &[u64], from: usize, width: u32) -> u128 {
    let word = |i: usize| u128::from(words.get(i).copied().unwrap_or(0));
    let (first, shift) = (from / 64, from % 64);
    let low = (word(first) | word(first + 1) << 64) >> shift;
    let high = if shift == 0 {
        0
    } else {
        word(first + 2) << (128 - shift)
    };
    (low | high) & ((1 << width) - 1)
}

/// Reduces a big-endian 256-bit number modulo `2^bits - c`, for a small `c`.
pub(crate) fn reduce(bytes: &[u8; 32], bits: u32, c: u128) -> u128 {
    let modulus = (1_u128 << bits) - c;
    let mut words = [0_u64; 5];
    for (word, bytes) in words.iter_mut().zip(bytes.rchunks_exact(8)) {
        *word = u64::from_be_bytes(bytes.try_into().expect("eight bytes"));
    }
    // Each fold replaces high·2^bits by high·c: three reach below 2^(bits + 1).
    for _ in 0..3 {
        let low = window(&words, 0, bits);
        let mid = window(&words, bits as usize, bits);
        let high = window(&words, 2 * bits as usize, bits);
        words = [0; 5];
        add(&mut words, low);
        add_product(&mut words, mid, c);
        add_product(&mut words, high, c * c);
    }
    let value = window(&words, 0, 127);
    value % modulus
}

/// `words += value`.
pub(crate) fn add(words: &mut [u64], value: u128) {
    let mut carry = value;
    for word in words {
        let sum = u128::from(*word) + (carry & u128::from(u64::MAX));
        *word = low(sum);
        carry = (carry >> 64) + (sum >> 64);
        if carry == 0 {
            break;
        }
    }
}

/// `words += a·b`, with room for the sum.
pub(crate) fn add_product(words: &mut [u64], a: u128, b: u128) {
    for (i, x) in halves(a).into_iter().enumerate() {
        for (j, y) in halves(b).into_iter().enumerate() {
            add(&mut words[i + j..], u128::from(x) * u128::from(y));
        }
    }
}

/// `words += value·2^shift` for a little-endian value, with room for the sum.
pub(crate) fn add_shifted(words: &mut [u64], value: &[u64], shift: usize) {
    let (start, bits) = (shift / 64, shift % 64);
    for (i, &part) in value.iter().enumerate() {
        if part != 0 {
            add(&mut words[start + i..], u128::from(part) << bits);
        }
    }
}

/// `words -= value` for a little-endian value that is not greater.
pub(crate) fn subtract(words: &mut [u64], value: &[u64]) {
    let mut borrow = false;
    for (i, word) in words.iter_mut().enumerate() {
        let (difference, under) = word.overflowing_sub(value.get(i).copied().unwrap_or(0));
        let (difference, under_again) = difference.overflowing_sub(u64::from(borrow));
        *word = difference;
        borrow = under || under_again;
    }
    debug_assert!(!borrow, "the difference is not negative");
}

fn halves(value: u128) -> [u64; 2] {
    [low(value), low(value >> 64)]
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low word is what is wanted"
)]
fn low(value: u128) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn field_operations_agree_with_big_integers() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for bits in [89, 107] {
            let field = Mersenne::new(bits);
            let t = BigUint::from(field.modulus());
            for _ in 0..300 {
                let [a, b] = [0; 2].map(|_| {
                    (u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()))
                        % field.modulus()
                });
                assert_eq!(BigUint::from(field.mul(a, b)), BigUint::from(a) * b % &t);
                assert_eq!(BigUint::from(field.add(a, b)), (BigUint::from(a) + b) % &t);
                assert_eq!(field.add(field.sub(a, b), b), a);
                if a > 0 {
                    assert_eq!(field.mul(a, field.invert(a)), 1);
                }
            }
        }
    }

    #[test]
    fn digests_reduce_like_big_integers() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for (bits, c) in [(89, 1), (89, 3), (107, 1), (107, 3)] {
            let modulus = (BigUint::from(1_u8) << bits) - BigUint::from(c);
            for round in 0..300 {
                let mut bytes = [if round == 0 { 255 } else { 0 }; 32];
                if round > 1 {
                    rng.fill_bytes(&mut bytes);
                }
                let expected = BigUint::from_bytes_be(&bytes) % &modulus;
                assert_eq!(BigUint::from(reduce(&bytes, bits, c)), expected);
            }
        }
    }

    #[test]
    fn wide_sums_carry() {
        let mut words = [u64::MAX, u64::MAX, 0, 0];
        add(&mut words, 1);
        assert_eq!(words, [0, 0, 1, 0]);
        add_shifted(&mut words, &[1, 0, u64::MAX], 60);
        subtract(&mut words, &[1 << 60]);
        assert_eq!(words, [0, 0, 0xf000_0000_0000_0001, 0x0fff_ffff_ffff_ffff]);
    }
}
